// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../contracts/interfaces/IInFlightExits.sol";
import {PlasmaTransaction} from "../contracts/libraries/PlasmaTransaction.sol";
import {Signing} from "../contracts/libraries/Signing.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {InFlightExit, Pending, Share} from "../contracts/types/InFlight.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";
import {InFlight} from "./support/InFlight.sol";
import {Vm} from "./support/Vm.sol";

contract InFlightStartTest is InFlight {
    function setUp() external {
        _beginInFlight();
    }

    function test_startInFlightExit_opensAnExitThatAnybodyMayFollow() external {
        vm.recordLogs();
        uint256 id = _start();
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _equal(logs[0].topics[0], bytes32(0xe0b9ddc1b7b6d6636a4fff25f52c2ad39a94a0315dd9e214a4994f6e8cac5fdf));
        _equal(uint256(logs[0].topics[1]), id);
        _equal(logs[0].data, abi.encode(payment));
        _equal(logs[1].data, abi.encode(bob, _pending(payment).inputs));
        _equal(address(inFlight).balance, BOND);
        InFlightExit memory exit = inFlight.inFlightExits(id);
        _equal(exit.starter, carol);
        _equal(exit.begun, block.timestamp);
        _equal(inFlight.latestInFlight(harness.id(payment)), id);
    }

    function test_startInFlightExit_takesThePlaceOfItsYoungestInput() external {
        // Bob was paid twice; the younger output decides, whichever input it is.
        uint32 height = _include(_transfer(ALICE_KEY, toPosition(7, 0, 0), 1 ether, bob, 1000));
        Spend[] memory inputs = new Spend[](2);
        inputs[0] = Spend({position: toPosition(height, 0, 0), amount: 1 ether});
        inputs[1] = Spend({position: paid, amount: AMOUNT});
        Pay[] memory outputs = Forms.one(Pay({owner: carol, amount: AMOUNT + 1 ether}));
        bytes memory both = _signed(BOB_KEY, Forms.unsigned(5, address(0), 1000, inputs, outputs));
        Proof[] memory proofs = new Proof[](2);
        (proofs[0], proofs[1]) = (_proof(height, 0), _proof(2, 0));
        uint256 id = inFlight.startInFlightExit{value: BOND}(_plain(both), proofs);
        _equal(uint72(id >> 40), Position.unwrap(toPosition(height, 0, 0)));
        _equal(id >> 112, anchors[1].time + 2 * PERIOD);
    }

    /// @notice K9: the later of now + P and the anchored time + 2 P, to the second.
    function test_startInFlightExit_waitsForBothTerms() external {
        uint256 anchored = anchors[0].time;
        uint256[3] memory starts = [anchored + PERIOD - 1, anchored + PERIOD, anchored + PERIOD + 1];
        for (uint256 i = 0; i < 3; ++i) {
            vm.warp(starts[i]);
            bytes memory transaction = _payment(uint32(1000 + i));
            uint256 id = _start(carol, _plain(transaction));
            _equal(id >> 112, i == 2 ? anchored + 2 * PERIOD + 1 : anchored + 2 * PERIOD);
        }
    }

    /// @notice K7, K9: what spends a deposit waits for its anchor too.
    function test_startInFlightExit_ofADepositWaitsForItsAnchorToo() external {
        uint256 id = _startFromFund(_transfer(ALICE_KEY, funded, AMOUNT, carol, 1000));
        _equal(id >> 112, block.timestamp + 2 * PERIOD);
    }

    /// @notice K10: no record of the vault, no exit.
    function test_startInFlightExit_revertsForAForgedDeposit() external {
        uint32 height = _include(Forms.fund(9, alice, AMOUNT));
        Proof[] memory inputs = new Proof[](1);
        inputs[0] = _proof(height, 0);
        bytes memory transaction = _transfer(ALICE_KEY, toPosition(height, 0, 0), AMOUNT, carol, 1000);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.DepositDiffers.selector, 9));
        inFlight.startInFlightExit{value: BOND}(_plain(transaction), inputs);
    }

    function test_startInFlightExit_costsExactlyTheBond() external {
        Proof[] memory inputs = _inputs();
        vm.expectRevert(abi.encodeWithSelector(IExitGame.BondDiffers.selector, BOND - 1, BOND));
        inFlight.startInFlightExit{value: BOND - 1}(_plain(payment), inputs);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.BondDiffers.selector, 2 * BOND, BOND));
        inFlight.startInFlightExit{value: 2 * BOND}(_plain(payment), inputs);
    }

    /// @notice K1: the same transaction is in flight once, however it is signed.
    function test_startInFlightExit_revertsWhileOneIsOpen() external {
        uint256 id = _start();
        _refused(payment, _inputs(), abi.encodeWithSelector(IInFlightExits.AlreadyInFlight.selector, id));
    }

    /// @notice K2: an input that a standard exit paid.
    function test_startInFlightExit_revertsWhenAnInputWasPaid() external {
        _exitPaid();
        _wait();
        game.process(address(0), 1);
        _refused(
            payment, _inputs(), abi.encodeWithSelector(IExitGame.AlreadyPaid.selector, _key(bodies[2][0], 0))
        );
    }

    function test_startInFlightExit_revertsForAnExpiredPayment() external {
        // Heights 1 and 2 are anchored: what expired at 1 is in no block, or its block can be shown.
        bytes memory expired = _payment(1);
        _refused(expired, _inputs(), abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 1, 2));
        _start(carol, _plain(_payment(2)));
    }

    function test_startInFlightExit_ofAnExpiredPaymentThatIsIncluded() external {
        uint32 height = _include(_payment(3));
        _include(Forms.fund(0, alice, AMOUNT));
        _refused(
            bodies[height][0], _inputs(), abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 3, 4)
        );
        uint256 id = _start(carol, _shown(height, 0));
        _equal(
            Position.unwrap(inFlight.inFlightExits(id).included), Position.unwrap(toPosition(height, 0, 0))
        );
    }

    function test_startInFlightExit_revertsForAPaymentIncludedTooLate() external {
        _block();
        uint32 height = _include(_payment(3));
        Evidence memory evidence = _shown(height, 0);
        Proof[] memory inputs = _inputs();
        vm.expectRevert(abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 3, 4));
        inFlight.startInFlightExit{value: BOND}(evidence, inputs);
    }

    function test_startInFlightExit_revertsForSomebodyElsesInputs() external {
        bytes memory stolen = _transfer(CAROL_KEY, paid, AMOUNT, carol, 1000);
        _refused(stolen, _inputs(), abi.encodeWithSelector(IExitGame.NotSpentByOwner.selector, carol, bob));
    }

    function test_startInFlightExit_revertsWhenAnInputStatesAnotherAmount() external {
        bytes memory inflated = _transfer(BOB_KEY, paid, AMOUNT + 1, carol, 1000);
        _refused(inflated, _inputs(), abi.encodeWithSelector(IExitGame.ValueDiffers.selector));
    }

    function test_startInFlightExit_revertsWhenTheAssetDiffers() external {
        bytes memory other = _signed(BOB_KEY, Forms.unsigned(5, address(7), 1000, _fromPaid(), _toCarol()));
        _refused(other, _inputs(), abi.encodeWithSelector(IExitGame.ValueDiffers.selector));
    }

    function test_startInFlightExit_revertsWhenTheProofIsOfAnotherOutput() external {
        Proof[] memory inputs = new Proof[](1);
        inputs[0] = _proof(1, 0);
        _refused(payment, inputs, abi.encodeWithSelector(IExitGame.InputDiffers.selector, paid, funded));
        bytes memory outside = _transfer(BOB_KEY, toPosition(2, 0, 1), AMOUNT, carol, 1000);
        _refused(outside, _inputs(), abi.encodeWithSelector(PlasmaTransaction.OutputOutside.selector, 1));
    }

    function test_startInFlightExit_revertsWithoutAProofForEveryInput() external {
        _refused(payment, new Proof[](0), abi.encodeWithSelector(IInFlightExits.ProofsDiffer.selector, 0, 1));
        _refused(payment, new Proof[](2), abi.encodeWithSelector(IInFlightExits.ProofsDiffer.selector, 2, 1));
    }

    /// @notice K15: what makes money out of nothing is no transaction.
    function test_startInFlightExit_revertsForAMalformedTransaction() external {
        Pay[] memory outputs = _toCarol();
        outputs[0].amount += 1;
        bytes memory minting = _signed(BOB_KEY, Forms.unsigned(5, address(0), 1000, _fromPaid(), outputs));
        _refused(minting, _inputs(), abi.encodeWithSelector(PlasmaTransaction.Unbalanced.selector));
        bytes memory fund = Forms.fund(0, alice, AMOUNT);
        _refused(fund, _inputs(), abi.encodeWithSelector(Signing.SignatureRefused.selector));
    }

    function test_startInFlightExit_revertsAboveTheLastValidHeight() external {
        _halt(1);
        _refused(payment, _inputs(), abi.encodeWithSelector(IExitGame.HeightVoid.selector, 2, 1));
    }

    function test_piggybackOutput_onlyForItsOwnerOnceInTheFirstHalf() external {
        uint256 id = _start();
        Pending memory pending = _pending(payment);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotOwner.selector, carol));
        inFlight.piggybackOutput{value: BOND}(id, pending, 0);
        vm.startPrank(carol);
        vm.expectRevert(abi.encodeWithSelector(PlasmaTransaction.OutputOutside.selector, 2));
        inFlight.piggybackOutput{value: BOND}(id, pending, 2);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.BondDiffers.selector, 0, BOND));
        inFlight.piggybackOutput(id, pending, 0);
        _at(id, PERIOD / 2);
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.TimePassed.selector, block.timestamp));
        inFlight.piggybackOutput{value: BOND}(id, pending, 0);
        _at(id, PERIOD / 2 - 1);
        vm.expectEmit(true, true, true, true, address(inFlight));
        emit IInFlightExits.InFlightPiggybacked(id, 0);
        inFlight.piggybackOutput{value: BOND}(id, pending, 0);
        vm.expectRevert(IInFlightExits.AlreadyClaimed.selector);
        inFlight.piggybackOutput{value: BOND}(id, pending, 0);
    }

    function test_piggybackInput_onlyForTheirOwnerOnceInTheFirstHalf() external {
        uint256 id = _start();
        Pending memory pending = _pending(payment);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotOwner.selector, bob));
        inFlight.piggybackInput{value: BOND}(id, pending);
        vm.startPrank(bob);
        _at(id, PERIOD / 2);
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.TimePassed.selector, block.timestamp));
        inFlight.piggybackInput{value: BOND}(id, pending);
        _at(id, PERIOD / 2 - 1);
        inFlight.piggybackInput{value: BOND}(id, pending);
        vm.expectRevert(IInFlightExits.AlreadyClaimed.selector);
        inFlight.piggybackInput{value: BOND}(id, pending);
    }

    /// @notice Whoever brings back other bytes, another owner or other keys could claim other money.
    function test_pending_mustBeWhatTheExitWasStartedWith() external {
        uint256 id = _start();
        Pending memory pending = _pending(_payment(1001));
        _differs(id, pending);
        pending = _pending(payment);
        pending.owner = carol;
        _differs(id, pending);
        pending = _pending(payment);
        pending.inputs[0] = bytes32(uint256(1));
        _differs(id, pending);
        pending = _pending(payment);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.ExitUnknown.selector, id + 1));
        inFlight.piggybackOutput{value: BOND}(id + 1, pending, 0);
    }

    function test_queue_andRegistryAreClosedToEverybodyElse() external {
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotInFlightExits.selector, address(this)));
        game.enqueue(address(0), 1, paid);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotInFlightExits.selector, address(this)));
        game.settle(address(0), new bytes32[](0), 0, 0, 0, new Share[](0));
        uint256 id = _start();
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.NotExitGame.selector, address(this)));
        inFlight.end(address(0), id);
    }

    function _differs(uint256 id, Pending memory pending) private {
        vm.prank(carol);
        vm.expectRevert(IInFlightExits.PendingDiffers.selector);
        inFlight.piggybackOutput{value: BOND}(id, pending, 0);
    }

    function _startFromFund(bytes memory transaction) private returns (uint256) {
        Proof[] memory inputs = new Proof[](1);
        inputs[0] = _proof(1, 0);
        return inFlight.startInFlightExit{value: BOND}(_plain(transaction), inputs);
    }

    function _refused(bytes memory transaction, Proof[] memory inputs, bytes memory reason) private {
        vm.expectRevert(reason);
        inFlight.startInFlightExit{value: BOND}(_plain(transaction), inputs);
    }
}
