// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../contracts/interfaces/IFederation.sol";
import {Anchor} from "../contracts/types/Anchor.sol";
import {Certificate, Verdict} from "../contracts/types/Committee.sol";
import {World} from "./support/World.sol";

contract FederationTest is World {
    function setUp() external {
        _deploy(4);
    }

    function test_anchor_storesTheWordOfWhatItTells() external {
        _l1(5, 60);
        _block();
        _block();
        Anchor memory made = _anchor();
        _equal(made.number, 1);
        _equal(made.height, 2);
        _equal(made.time, block.timestamp);
        (bytes32 word, uint32 lastValid) = federation.anchored(1);
        _equal(word, keccak256(abi.encode(made)));
        _equal(lastValid, type(uint32).max);
        (word,) = federation.anchored(2);
        _equal(word, 0);
    }

    function test_verify_acceptsEveryQuorum() external {
        _l1(5, 60);
        _block();
        bytes memory header = _header();
        for (uint256 bitmap = 0; bitmap < 16; ++bitmap) {
            bool quorum = bitmap == 15 || bitmap == 14 || bitmap == 13 || bitmap == 11 || bitmap == 7;
            if (bitmap == 0) continue;
            _true(federation.verify(header, _certificate(header, bitmap)) == quorum);
        }
    }
}
