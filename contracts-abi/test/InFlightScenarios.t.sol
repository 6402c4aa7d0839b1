// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../contracts/interfaces/IInFlightExits.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Pending} from "../contracts/types/InFlight.sol";
import {NOWHERE, toPosition} from "../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";
import {InFlight} from "./support/InFlight.sol";

contract InFlightScenariosTest is InFlight {
    function setUp() external {
        _beginInFlight();
    }

    /// @notice A payment whose signature was changed has another leaf but the same id: it is nobody's competitor.
    function test_challengeNotCanonical_revertsForTheSameTransaction() external {
        uint256 id = _start();
        Pending memory pending = _pending(payment);
        vm.expectRevert(IInFlightExits.SameTransaction.selector);
        inFlight.challengeNotCanonical(id, pending, 0, _plain(payment), 0);
    }

    /// @notice K5: a competitor in no block loses to the payment's inclusion, whenever that is shown.
    function test_canonicity_inclusionBeatsACompetitorInNoBlock() external {
        uint32 height = _include(payment);
        uint256 id = _start();
        _piggyback(id, carol, 0);
        vm.expectEmit(true, true, true, true, address(inFlight));
        emit IInFlightExits.InFlightContested(id, NOWHERE);
        _contest(id, _plain(_rival(1000)));
        vm.warp(id >> 112);
        _respond(id, _shown(height, 0));
        uint256 carols = carol.balance;
        _due(id, 1, 1);
        _equal(carol.balance, carols + HIS + 2 * BOND);
        _nothingHeld();
    }

    /// @notice K5: the older one counts, whichever it is.
    function test_canonicity_theOlderInclusionCounts() external {
        uint32 height = _include(_rival(1000));
        uint32 later = _include(payment);
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _contest(id, _shown(height, 0));
        Pending memory pending = _pending(payment);
        Evidence memory evidence = _shown(later, 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IInFlightExits.NotOlder.selector, toPosition(later, 0, 0), toPosition(height, 0, 0)
            )
        );
        inFlight.respondNotCanonical(id, pending, evidence);
        _due(id, 0, 0);
        _equal(address(vault).balance, AMOUNT);
    }

    /// @notice K5: against a payment that is known to be included, only an older competitor is heard.
    function test_canonicity_aYoungerCompetitorIsNotHeard() external {
        uint32 height = _include(payment);
        uint32 later = _include(_rival(1000));
        uint256 id = _start();
        _respond(id, _shown(height, 0));
        Pending memory pending = _pending(payment);
        Evidence memory younger = _shown(later, 0);
        Evidence memory nowhere = _plain(_rival(1000));
        bytes memory reason = abi.encodeWithSelector(
            IInFlightExits.NotOlder.selector, toPosition(later, 0, 0), toPosition(height, 0, 0)
        );
        vm.expectRevert(reason);
        inFlight.challengeNotCanonical(id, pending, 0, younger, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IInFlightExits.NotOlder.selector, NOWHERE, toPosition(height, 0, 0))
        );
        inFlight.challengeNotCanonical(id, pending, 0, nowhere, 0);
    }

    /// @notice K5: a weak competitor shown first does not shield from the strong one.
    function test_canonicity_anOlderCompetitorReplacesAWeakOne() external {
        uint32 height = _include(_rival(1000));
        uint32 later = _include(payment);
        uint256 id = _start(bob, _plain(payment));
        _piggyback(id, carol, 0);
        Pending memory pending = _pending(payment);
        Evidence memory weak = _plain(_rival(999));
        vm.prank(bob);
        inFlight.challengeNotCanonical(id, pending, 0, weak, 0);
        _contest(id, _shown(height, 0));
        Evidence memory evidence = _shown(later, 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IInFlightExits.NotOlder.selector, toPosition(later, 0, 0), toPosition(height, 0, 0)
            )
        );
        inFlight.respondNotCanonical(id, pending, evidence);
        uint256 watchers = WATCHER.balance;
        _due(id, 0, 0);
        _equal(WATCHER.balance, watchers + BOND);
    }

    /// @notice K5: heard in the first half alone, to the second.
    function test_challengeNotCanonical_onlyInTheFirstHalf() external {
        uint256 id = _start();
        Pending memory pending = _pending(payment);
        Evidence memory rival = _plain(_rival(1000));
        _at(id, PERIOD / 2);
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.TimePassed.selector, block.timestamp));
        inFlight.challengeNotCanonical(id, pending, 0, rival, 0);
        _at(id, PERIOD / 2 - 1);
        inFlight.challengeNotCanonical(id, pending, 0, rival, 0);
    }

    function test_respondNotCanonical_revertsForOtherTransactionsAndWithoutABlock() external {
        uint32 height = _include(_rival(1000));
        uint256 id = _start();
        Pending memory pending = _pending(payment);
        Evidence memory evidence = _shown(height, 0);
        vm.expectRevert(IInFlightExits.OtherTransaction.selector);
        inFlight.respondNotCanonical(id, pending, evidence);
        vm.expectRevert(IInFlightExits.NotIncluded.selector);
        inFlight.respondNotCanonical(id, pending, _plain(payment));
    }

    /// @notice K21: the id leaves the signature out, so a block may hold the payment with one that is not Bob's.
    function test_respondNotCanonical_revertsForAPaymentThatSomebodyElseSigned() external {
        Spend[] memory spends = _fromPaid();
        bytes memory foreign = _signed(CAROL_KEY, Forms.unsigned(5, address(0), 1000, spends, _toCarol()));
        uint32 height = _include(foreign);
        uint256 id = _start();
        Pending memory pending = _pending(payment);
        Evidence memory evidence = _shown(height, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotSpentByOwner.selector, carol, bob));
        inFlight.respondNotCanonical(id, pending, evidence);
    }

    /// @notice K8: the payment's block is withheld, and something forged there exits first; the payment still leaves before.
    function test_queue_anOldInputLeavesBeforeWhatWasForgedAfterIt() external {
        uint32 young = _include(_transfer(ALICE_KEY, toPosition(0, 7, 0), AMOUNT, alice, 1000));
        uint256 forged = _exit(alice, _proof(young, 0), 0);
        _l1(1000, PERIOD / 2);
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggyback(id, bob, 1);
        _true(id < forged);
        (uint256 carols, uint256 bobs) = (carol.balance, bob.balance);
        _due(id, 3, 1);
        _equal(carol.balance, carols + HIS + 2 * BOND);
        _equal(bob.balance, bobs + CHANGE + BOND);
        // Nothing is left for what was forged.
        _equal(vault.credit(address(0), alice), 0);
        _equal(address(vault).balance, 0);
    }

    /// @notice K8: a fresh input waits like a fresh output; both games stand in one queue.
    function test_queue_aFreshInputLeavesAfterOldOutputs() external {
        uint32 young = _include(_transfer(ALICE_KEY, toPosition(0, 7, 0), AMOUNT, bob, 1000));
        Proof[] memory inputs = new Proof[](1);
        inputs[0] = _proof(young, 0);
        bytes memory fresh = _transfer(BOB_KEY, toPosition(young, 0, 0), AMOUNT, alice, 1000);
        uint256 id = inFlight.startInFlightExit{value: BOND}(_plain(fresh), inputs);
        uint256 old = _exitPaid();
        _true(old < id);
        (uint256 waiting, uint256 next) = game.queue(address(0));
        _equal(waiting, 2);
        _equal(next, old);
    }

    /// @notice After a non-canonical end the owner of the inputs alone decides, until something new is known.
    function test_restart_afterANonCanonicalEnd() external {
        uint256 id = _start();
        _contest(id, _plain(_rival(1000)));
        _due(id, 0, 0);
        Proof[] memory inputs = _inputs();
        bytes memory reason = abi.encodeWithSelector(IInFlightExits.RestartRefused.selector, id);
        vm.prank(carol);
        vm.expectRevert(reason);
        inFlight.startInFlightExit{value: BOND}(_plain(payment), inputs);
        uint256 again = _start(bob, _plain(payment));
        _true(again != id);
        _contest(again, _plain(_rival(1000)));
        _due(again, 0, 0);
        _halt(3);
        _start(carol, _plain(payment));
    }

    /// @notice A halt below the input makes the exit void: nothing is paid, nobody loses a bond.
    function test_void_returnsEveryBond() external {
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggybackInput(id);
        _contest(id, _plain(_rival(1000)));
        _halt(1);
        Pending memory pending = _pending(payment);
        Evidence memory rival = _plain(_rival(1000));
        vm.expectRevert(abi.encodeWithSelector(IExitGame.HeightVoid.selector, 2, 1));
        inFlight.challengeInputSpent(id, pending, 0, rival, 0);
        (uint256 carols, uint256 bobs) = (carol.balance, bob.balance);
        _due(id, 0, 0);
        _equal(carol.balance, carols + 2 * BOND);
        _equal(bob.balance, bobs + BOND);
        _equal(address(vault).balance, AMOUNT);
        _nothingHeld();
    }

    /// @notice A competitor in a block that became void is in no block.
    function test_void_inclusionAboveTheLastValidHeightDoesNotCount() external {
        uint32 height = _include(_rival(1000));
        uint32 later = _include(payment);
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _contest(id, _shown(height, 0));
        _halt(2);
        Pending memory pending = _pending(payment);
        Evidence memory evidence = _shown(later, 0);
        vm.expectRevert(IInFlightExits.NotIncluded.selector);
        inFlight.respondNotCanonical(id, pending, evidence);
        _due(id, 0, 0);
    }

    /// @notice The payment's own inclusion in a block that became void does not save it either.
    function test_void_ownInclusionAboveTheLastValidHeightDoesNotCount() external {
        uint32 height = _include(payment);
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _contest(id, _plain(_rival(1000)));
        _respond(id, _shown(height, 0));
        _halt(2);
        _due(id, 0, 0);
        _equal(address(vault).balance, AMOUNT);
    }

    /// @notice K2: an input that a standard exit paid does not go back as well.
    function test_inputs_doNotGoBackAfterTheirStandardExit() external {
        vault.deposit{value: 10 ether}();
        uint256 standard = _exitPaid();
        uint256 id = _start();
        _piggybackInput(id);
        _contest(id, _plain(_rival(1000)));
        _true(standard < id);
        _due(id, 0, 0);
        _equal(address(vault).balance, 10 ether);
    }

    function test_challengeInputSpent_revertsWhenNobodyClaimsTheInputs() external {
        uint256 id = _start();
        Pending memory pending = _pending(payment);
        Evidence memory rival = _plain(_rival(1000));
        vm.expectRevert(IInFlightExits.NotClaimed.selector);
        inFlight.challengeInputSpent(id, pending, 0, rival, 0);
    }

    /// @notice K40: there is one bond for all inputs, whoever shows how many of them to be spent.
    function test_inputs_haveOneBond() external {
        (uint256 id, Pending memory pending) = _startOfTwo();
        Evidence memory rival = _plain(_rival(1000));
        Evidence memory second = _plain(_transfer(BOB_KEY, toPosition(3, 0, 0), 1 ether, alice, 1000));
        uint256 watchers = WATCHER.balance;
        vm.startPrank(WATCHER);
        inFlight.challengeInputSpent(id, pending, 0, rival, 0);
        inFlight.challengeInputSpent(id, pending, 1, second, 0);
        vm.stopPrank();
        _equal(WATCHER.balance, watchers + BOND);
        _due(id, 0, 0);
        _equal(address(inFlight).balance, inFlight.credit(address(0), address(this)));
    }

    /// @notice Every exit that starts ends once; a place in the queue whose exit is over pays nothing.
    function test_end_happensOnce() external {
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _due(id, 1, 1);
        _equal(game.process(address(0), 9), 0);
        Pending memory pending = _pending(payment);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.ExitUnknown.selector, id));
        vm.prank(carol);
        inFlight.piggybackOutput{value: BOND}(id, pending, 0);
    }

    /// @notice K55: a caller that brings little gas changes nothing.
    function test_end_withTooLittleGasChangesNothing() external {
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggyback(id, bob, 1);
        _wait();
        for (uint256 gas = 40_000; gas < 800_000; gas += 10_000) {
            (bool accepted,) = address(game).call{gas: gas}(abi.encodeCall(game.process, (address(0), 1)));
            if (accepted) break;
            _true(_isInFlight(id));
            _equal(game.consumed(_key(payment, 0)), 0);
        }
        _true(!_isInFlight(id));
        uint256 credits = vault.credit(address(0), bob) + vault.credit(address(0), carol)
            + inFlight.credit(address(0), bob) + inFlight.credit(address(0), carol);
        _equal(credits, 0);
    }

    /// @notice Several inputs: those that nobody spent go back, whatever became of the others.
    function test_inputs_goBackOneByOne() external {
        (uint256 id, Pending memory pending) = _startOfTwo();
        Evidence memory rival = _plain(_rival(1000));
        vm.startPrank(WATCHER);
        inFlight.challengeNotCanonical(id, pending, 0, rival, 0);
        inFlight.challengeInputSpent(id, pending, 0, rival, 0);
        vm.stopPrank();
        uint256 bobs = bob.balance;
        _due(id, 0, 2);
        _equal(bob.balance, bobs + 1 ether);
        _equal(address(vault).balance, AMOUNT);
        _nothingHeld();
    }

    /// @dev Bob pays Carol with what Alice paid him twice, and claims his inputs.
    function _startOfTwo() private returns (uint256 id, Pending memory pending) {
        uint32 height = _include(_transfer(ALICE_KEY, toPosition(0, 7, 0), 1 ether, bob, 1000));
        vault.deposit{value: 1 ether}();
        Spend[] memory spends = new Spend[](2);
        spends[0] = Spend({position: paid, amount: AMOUNT});
        spends[1] = Spend({position: toPosition(height, 0, 0), amount: 1 ether});
        Pay[] memory outputs = Forms.one(Pay({owner: carol, amount: AMOUNT + 1 ether}));
        bytes memory both = _signed(BOB_KEY, Forms.unsigned(5, address(0), 1000, spends, outputs));
        Proof[] memory proofs = new Proof[](2);
        (proofs[0], proofs[1]) = (_proof(2, 0), _proof(height, 0));
        id = inFlight.startInFlightExit{value: BOND}(_plain(both), proofs);
        pending = Pending({transaction: both, owner: bob, inputs: new bytes32[](2)});
        pending.inputs[0] = _key(bodies[2][0], 0);
        pending.inputs[1] = _key(bodies[height][0], 0);
        vm.prank(bob);
        inFlight.piggybackInput{value: BOND}(id, pending);
    }
}
