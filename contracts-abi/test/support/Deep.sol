// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchor, Inclusion, Proof} from "../../contracts/types/Anchor.sol";
import {Certificate} from "../../contracts/types/Committee.sol";
import {World} from "./World.sol";

/// @notice A world with proofs as long as those of a chain that has run for years.
abstract contract Deep is World {
    /// @dev A transaction among 2^16 in a block among 2^20; the siblings are anything, the roots follow.
    function _deep(bytes memory transaction) internal returns (Proof memory) {
        bytes32 root = keccak256(abi.encodePacked(uint8(0), transaction));
        Inclusion memory inclusion;
        inclusion.index = 40_000;
        inclusion.height = 700_000;
        inclusion.transactionCount = 1 << 16;
        inclusion.l1Height = uint64(block.number);
        inclusion.transactionPath = _siblings(16);
        inclusion.transactionsRoot = harness.root(root, 40_000, 1 << 16, inclusion.transactionPath);
        root = _historyLeaf(700_000, 1 << 16, inclusion.transactionsRoot, inclusion.l1Height);
        inclusion.historyPath = _siblings(20);
        root = harness.root(root, 700_000, 1 << 20, inclusion.historyPath);
        _l1(5, 60);
        bytes memory header = _header((1 << 20) - 1, root);
        Certificate memory by = _certificate(header, _all());
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
        inclusion.anchor =
            Anchor(1, 0, (1 << 20) - 1, root, uint64(block.number - 1), uint64(block.timestamp));
        return Proof({transaction: transaction, inclusion: inclusion});
    }

    function _siblings(uint256 count) internal pure returns (bytes32[] memory siblings) {
        siblings = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            siblings[i] = keccak256(abi.encode("sibling", count, i));
        }
    }
}
