// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Inclusion, Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Forms} from "./support/Forms.sol";
import {InFlight} from "./support/InFlight.sol";

/// @notice A payment that can still be included needs no receipt: who starts its exit with a forged one takes nothing from it.
contract InFlightUnexpiredTest is InFlight {
    function setUp() external {
        _beginInFlight();
    }

    /// @notice Otherwise whoever holds one forged header starts the exit before its owner can, rebuts himself in the last
    /// second, loses nothing, and does so again.
    function test_start_byAForgedReceiptOfAPaymentThatCanBeIncluded_isNotVoid() external {
        _block(Forms.fund(0, alice, AMOUNT));
        _include(Forms.fund(0, alice, AMOUNT));
        Evidence memory receipt = _forge(3, payment);
        Proof[] memory inputs = _inputs();
        vm.prank(WATCHER);
        uint256 id = inFlight.startInFlightExit{value: 2 * BOND}(receipt, inputs);
        _piggyback(id, carol, 0);
        Inclusion memory truth = _truth(3);
        vm.warp(id >> 112);
        vm.prank(WATCHER);
        inFlight.rebut(id, 1, truth);
        uint256 carols = carol.balance;
        _due(id, 1, 1);
        _equal(carol.balance, carols + HIS + BOND);
    }

    /// @notice What it claims is worth what any answer is: it beats a competitor that is in no block.
    function test_start_byAReceiptOfAPaymentThatCanBeIncluded_answersToo() external {
        uint32 height = _block(payment);
        Evidence memory receipt = _receipt(height, 0);
        Proof[] memory inputs = _inputs();
        vm.prank(carol);
        uint256 id = inFlight.startInFlightExit{value: 2 * BOND}(receipt, inputs);
        _piggyback(id, carol, 0);
        _contest(id, _plain(_rival(1000)));
        _l1(5, 60);
        _anchor();
        _due(id, 1, 1);
    }
}
