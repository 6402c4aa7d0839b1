// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IInFlightExits} from "../contracts/interfaces/IInFlightExits.sol";
import {Inclusion, Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Pending} from "../contracts/types/InFlight.sol";
import {NOWHERE} from "../contracts/types/Position.sol";
import {Forms} from "./support/Forms.sol";
import {InFlight} from "./support/InFlight.sol";

/// @notice A receipt can be false of a block that became void, and then it must be taken back as any other: an exit of an
/// expired payment rests on nothing else.
contract VoidRebuttalTest is InFlight {
    uint32 private constant FALSELY_TOLD = 3;

    bytes private expired;

    function setUp() external {
        _beginInFlight();
        expired = _payment(FALSELY_TOLD);
    }

    /// @notice Bob's payment expired in no block. He rebuts its false receipt, and a second one that comes with the halt.
    function test_rebut_ofAReceiptThatAHaltMadeVoid_endsTheExitUnpaid() external {
        (uint256 id, Evidence memory receipt) = _startFalsely();
        Inclusion memory truth = _truth(FALSELY_TOLD);
        inFlight.rebut(id, 1, truth);
        _at(id, PERIOD * 3 / 4 - 1);
        Pending memory pending = _pending(expired);
        vm.prank(carol);
        inFlight.respondNotCanonical{value: BOND}(id, pending, receipt);
        _halt(2);
        uint256 bobs = bob.balance;
        vm.prank(bob);
        inFlight.rebut(id, 1, truth);
        _equal(bob.balance, bobs + BOND);
        _due(id, 0, 0);
        _equal(vault.held(address(0)), AMOUNT);
    }

    /// @notice What the void block does hold stands, and leaves.
    function test_rebut_ofWhatTheVoidBlockHolds_reverts() external {
        uint32 height = _include(expired);
        _include(Forms.fund(0, alice, AMOUNT));
        Evidence memory receipt = _receipt(height, 0);
        Proof[] memory inputs = _inputs();
        vm.prank(carol);
        uint256 id = inFlight.startInFlightExit{value: 2 * BOND}(receipt, inputs);
        _piggyback(id, expired, carol, 0);
        _halt(2);
        Inclusion memory truth = _truth(height);
        vm.expectRevert(IInFlightExits.ClaimHolds.selector);
        inFlight.rebut(id, 1, truth);
        _due(id, 1, 1);
    }

    /// @notice A liar starts the exit of an expired payment by a false receipt and has that rebutted, again and again: who
    /// shows the void block that does hold it need not wait for another exit.
    function test_respond_withAVoidBlockThatHoldsAnExpiredPayment_foundsItsExit() external {
        _block(Forms.fund(0, alice, AMOUNT));
        expired = _payment(FALSELY_TOLD + 1);
        uint32 height = _block(expired);
        _include(Forms.fund(0, alice, AMOUNT));
        Evidence memory receipt = _forge(FALSELY_TOLD, expired);
        _halt(FALSELY_TOLD);
        uint256 standard = _exitPaid();
        game.challengeExitIncluded(standard, _proof(height, 0), 0);
        Proof[] memory inputs = _inputs();
        vm.prank(WATCHER);
        uint256 id = inFlight.startInFlightExit{value: 2 * BOND}(receipt, inputs);
        _piggyback(id, expired, carol, 0);
        _wait();
        inFlight.rebut(id, 1, _truth(FALSELY_TOLD));
        vm.expectEmit(true, true, true, true, address(inFlight));
        emit IInFlightExits.InFlightIncluded(id, NOWHERE);
        inFlight.respondNotCanonical(id, _pending(expired), _shown(height, 0));
        _due(id, 1, 1);
        _equal(vault.held(address(0)), AMOUNT - HIS);
    }

    /// @notice It gives no position, so it says nothing of an exit that rests on no receipt.
    function test_respond_withAVoidBlock_saysNothingOfOtherExits() external {
        uint32 height = _include(payment);
        _halt(2);
        uint256 id = _start();
        Pending memory pending = _pending(payment);
        Evidence memory shown = _shown(height, 0);
        vm.expectRevert(IInFlightExits.NotIncluded.selector);
        inFlight.respondNotCanonical(id, pending, shown);
    }

    /// @notice So is a false challenge of a standard exit, and its place is free for a true one.
    function test_rebutChallenge_ofAReceiptThatAHaltMadeVoid_freesThePlace() external {
        uint32 spent = _block(_rival(1000));
        _block(Forms.fund(0, alice, AMOUNT));
        _include(Forms.fund(0, alice, AMOUNT));
        Evidence memory truly = _receipt(spent, 0);
        Evidence memory falsely = _forge(spent + 1, _rival(900));
        uint256 exit = _exitPaid();
        vm.prank(bob);
        game.challengeExitProvisionally{value: BOND}(exit, falsely, 0);
        _halt(spent);
        vm.prank(WATCHER);
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.ClaimStands.selector, 0));
        game.challengeExitProvisionally{value: BOND}(exit, truly, 0);
        game.rebutChallenge(exit, _truth(spent + 1));
        vm.prank(WATCHER);
        game.challengeExitProvisionally{value: BOND}(exit, truly, 0);
        _wait();
        game.process(address(0), 9);
        _equal(vault.held(address(0)), AMOUNT);
        _equal(game.credit(address(0), WATCHER), 2 * BOND);
    }

    function _startFalsely() private returns (uint256 id, Evidence memory receipt) {
        _block(Forms.fund(0, alice, AMOUNT));
        _include(Forms.fund(0, alice, AMOUNT));
        receipt = _forge(FALSELY_TOLD, expired);
        Proof[] memory inputs = _inputs();
        vm.prank(carol);
        id = inFlight.startInFlightExit{value: 2 * BOND}(receipt, inputs);
        _piggyback(id, expired, carol, 0);
    }
}
