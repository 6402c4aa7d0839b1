// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../contracts/interfaces/IFederation.sol";
import {Anchor} from "../contracts/types/Anchor.sol";
import {Certificate} from "../contracts/types/Committee.sol";
import {Statement, Telling} from "../contracts/types/Statement.sol";
import {Tree} from "./support/Tree.sol";
import {Turns} from "./support/Turns.sol";

/// @notice A fork by two of four operators. Operators 0 and 1 are honest, 2 and 3 are not. In view 5 block A is notarized; 0
/// finalizes it, 1 does not see it in time and nullifies the view, 2 and 3 do both. In view 6 block B stands on the parent
/// of A, as the nullification of view 5 allows, and 0 and 1 finalize it: nobody who is honest finds anything wrong.
contract RewriteForkTest is Turns {
    uint256 private constant HONEST = 3;
    uint256 private constant GUILTY = 12;

    bytes private a;
    bytes private b;
    Telling private told;
    Telling private retold;

    function setUp() external {
        _deploy(4);
        _bondAll(0);
        _l1(5, 60);
        _block();
        _block();
        a = _header();
        told.anchor = _anchor(a, _in(5, a, GUILTY | 1));
        bytes32[] memory leaves = _rewritten(2);
        b = _header(2, Tree.root(leaves));
        told = _accused(_telling(2, _historyUpTo(2), told.anchor), a, _in(5, a, GUILTY | 1));
        Anchor memory none;
        retold = _accused(_telling(2, leaves, none), b, _in(6, b, GUILTY | HONEST));
    }

    /// @notice Who finalized both is not guilty of it: it may have seen the nullification of the view before.
    function test_rewrite_acrossViewsHaltsAndConvictsNobodyByItself() external {
        federation.proveRewrite(2, told, retold);
        _true(federation.halted());
        _equal(_slashedOf(0), 0);
    }

    /// @notice Who made it possible is: they finalized and nullified one view.
    function test_rewrite_acrossViewsConvictsThroughTheNullification() external {
        federation.proveRewrite(2, told, retold);
        Certificate memory by = told.certificate;
        Statement memory finalized = Statement(FINALIZE, 0, keccak256(a), by.bitmap, by.signature);
        bytes memory signature = _signOf(0, GUILTY | 2, _say(NULLIFY, 0, 5, 0, 0));
        federation.proveContradiction(0, 5, finalized, Statement(NULLIFY, 0, 0, GUILTY | 2, signature));
        _equal(_slashedOf(0), GUILTY);
    }

    /// @notice In one view nobody honest finalizes two blocks.
    function test_rewrite_inOneViewConvictsWhoSignedBoth() external {
        retold.certificate = _in(5, b, GUILTY | 2);
        federation.proveRewrite(2, told, retold);
        _equal(_slashedOf(0), GUILTY);
    }

    function _in(uint64 viewNumber, bytes memory header, uint256 bitmap)
        private
        view
        returns (Certificate memory)
    {
        bytes32 said = _say(FINALIZE, 0, viewNumber, 0, keccak256(header));
        return Certificate(0, viewNumber, bitmap, _signOf(0, bitmap, said));
    }

    function _accused(Telling memory telling, bytes memory header, Certificate memory by)
        private
        pure
        returns (Telling memory)
    {
        (telling.header, telling.certificate) = (header, by);
        return telling;
    }
}
