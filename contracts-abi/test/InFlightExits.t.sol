// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../contracts/interfaces/IInFlightExits.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Pending} from "../contracts/types/InFlight.sol";
import {Forms} from "./support/Forms.sol";
import {InFlight} from "./support/InFlight.sol";

contract InFlightExitsTest is InFlight {
    function setUp() external {
        _beginInFlight();
    }

    function test_canonical_paysTheClaimedOutputs() external {
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggyback(id, bob, 1);
        (uint256 carols, uint256 bobs) = (carol.balance, bob.balance);
        _due(id, 3, 1);
        _equal(carol.balance, carols + HIS + 2 * BOND);
        _equal(bob.balance, bobs + CHANGE + BOND);
        _equal(address(vault).balance, 0);
        _nothingHeld();
        uint256 begun = inFlight.inFlightExits(id).begun;
        _equal(game.consumed(_key(payment, 0)), begun + PERIOD);
        _equal(game.consumed(_key(payment, 1)), begun + PERIOD);
        _equal(game.consumed(_key(bodies[2][0], 0)), begun + PERIOD / 2);
    }

    function test_canonical_paysNothingThatNobodyClaims() external {
        uint256 id = _start();
        _due(id, 0, 0);
        _equal(address(vault).balance, AMOUNT);
        _nothingHeld();
        _equal(game.consumed(_key(bodies[2][0], 0)), 0);
    }

    /// @notice K40: outputs are paid or inputs go back, never both; who claimed the wrong side has its bond back.
    function test_end_paysOutputsOrGivesInputsBack() external {
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggyback(id, bob, 1);
        _piggybackInput(id);
        vault.deposit{value: AMOUNT}();
        uint256 bobs = bob.balance;
        _due(id, 3, 1);
        _equal(bob.balance, bobs + CHANGE + 2 * BOND);
        _equal(address(vault).balance, AMOUNT);
        _nothingHeld();
    }

    /// @notice K40, K42: the one who double-signed gets the input back at most; the innocent starter loses one bond.
    function test_nonCanonical_givesTheInputsBackAndPaysNoOutput() external {
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggybackInput(id);
        _contest(id, _plain(_rival(1000)));
        vault.deposit{value: AMOUNT}();
        (uint256 bobs, uint256 carols, uint256 watchers) = (bob.balance, carol.balance, WATCHER.balance);
        _due(id, 0, 1);
        _equal(bob.balance, bobs + AMOUNT + BOND);
        _equal(carol.balance, carols + BOND);
        _equal(WATCHER.balance, watchers + BOND);
        _equal(address(vault).balance, AMOUNT);
        _nothingHeld();
    }

    /// @notice K2: standard exit first, then in flight.
    function test_oneOutput_throughBothGames_standardFirst() external {
        vault.deposit{value: 10 ether}();
        uint32 height = _include(payment);
        uint256 standard = _exit(carol, _proof(height, 0), 0);
        vm.warp((standard >> 112) - PERIOD + 1);
        uint256 id = _start(carol, _plain(payment));
        _piggyback(id, carol, 0);
        _true(standard < id);
        uint256 carols = carol.balance;
        _ended(standard, _outputPosition(height, 0), true);
        _due(id, 0, 0);
        _equal(carol.balance, carols + HIS + 3 * BOND);
        _equal(address(vault).balance, 10 ether + CHANGE);
    }

    /// @notice K2: in flight first, then a standard exit.
    function test_oneOutput_throughBothGames_inFlightFirst() external {
        vault.deposit{value: 10 ether}();
        uint32 height = _include(payment);
        uint256 id = _start(carol, _plain(payment));
        _piggyback(id, carol, 0);
        uint256 standard = _exit(carol, _proof(height, 0), 0);
        _true(id < standard);
        uint256 carols = carol.balance;
        _wait();
        _endedInFlight(id, 1, 1);
        _ended(standard, _outputPosition(height, 0), false);
        game.process(address(0), 9);
        _equal(carol.balance, carols + HIS + 3 * BOND);
        _equal(address(vault).balance, 10 ether + CHANGE);
        Proof memory proof = _proof(height, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.AlreadyPaid.selector, _key(payment, 0)));
        vm.prank(carol);
        game.startExit{value: BOND}(proof, 0);
    }

    /// @notice K2: the input leaves by a standard exit, so the outputs do not leave at all.
    function test_oneInput_throughBothGames_standardFirst() external {
        vault.deposit{value: 10 ether}();
        uint256 standard = _exitPaid();
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggybackInput(id);
        _true(standard < id);
        _due(id, 0, 0);
        _equal(address(vault).balance, 10 ether);
        _equal(address(game).balance + address(inFlight).balance, 0);
    }

    /// @notice K2: the outputs leave, so the input does not.
    function test_oneInput_throughBothGames_inFlightFirst() external {
        vault.deposit{value: 10 ether}();
        uint256 id = _start();
        _piggyback(id, carol, 0);
        uint256 standard = _exitPaid();
        _true(id < standard);
        _wait();
        _endedInFlight(id, 1, 1);
        _ended(standard, paid, false);
        game.process(address(0), 9);
        _equal(address(vault).balance, 10 ether + CHANGE);
    }

    /// @notice K2: two payments of one output; nobody challenges either, and still one is paid.
    function test_twoInFlightExits_thatShareAnInput() external {
        vault.deposit{value: 10 ether}();
        bytes memory rival = _rival(1000);
        uint256 first = _start();
        uint256 second = _start(alice, _plain(rival));
        _piggyback(first, carol, 0);
        _piggyback(second, rival, alice, 0);
        _wait();
        _endedInFlight(first, 1, 1);
        _endedInFlight(second, 0, 0);
        game.process(address(0), 9);
        _equal(address(vault).balance, 10 ether + CHANGE);
    }

    /// @notice K2: one gives the input back, the other pays with it: the second in the queue gets nothing.
    function test_twoInFlightExits_oneFreesTheInputThatTheOtherSpends() external {
        vault.deposit{value: 10 ether}();
        bytes memory rival = _rival(1000);
        uint256 first = _start();
        uint256 second = _start(alice, _plain(rival));
        _piggybackInput(first);
        _contest(first, _plain(rival));
        _piggyback(second, rival, alice, 0);
        _wait();
        _endedInFlight(first, 0, 1);
        _endedInFlight(second, 0, 0);
        game.process(address(0), 9);
        _equal(address(vault).balance, 10 ether);
    }

    /// @notice K1, K2: what was paid is not paid again in a second exit of the transaction.
    function test_restart_afterThePayoutPaysOnlyTheRest() external {
        vault.deposit{value: 10 ether}();
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _due(id, 1, 1);
        uint256 again = _start();
        Pending memory pending = _pending(payment);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.AlreadyPaid.selector, _key(payment, 0)));
        vm.prank(carol);
        inFlight.piggybackOutput{value: BOND}(again, pending, 0);
        _piggyback(again, bob, 1);
        _piggybackInput(again);
        _due(again, 2, 1);
        _equal(address(vault).balance, 10 ether);
        _nothingHeld();
    }

    /// @notice The receiver freezes a pending payment and takes its part; the change is not lost with the input.
    function test_freezingAPendingPayment_doesNotDestroyItsChange() external {
        uint256 id = _start(carol, _plain(payment));
        _piggyback(id, carol, 0);
        _due(id, 1, 1);
        uint256 before = bob.balance;
        uint256 again = _start(bob, _plain(payment));
        _piggyback(again, bob, 1);
        _due(again, 2, 1);
        _equal(bob.balance, before + CHANGE);
        _equal(address(vault).balance, 0);
    }

    /// @notice Once an output was paid by a standard exit, the inputs do not go back.
    function test_inputs_stayWhenAnOutputLeftByAStandardExit() external {
        vault.deposit{value: 10 ether}();
        uint32 height = _include(payment);
        uint256 standard = _exit(carol, _proof(height, 0), 0);
        vm.warp((standard >> 112) - PERIOD + 1);
        uint256 id = _start(bob, _plain(payment));
        _piggybackInput(id);
        _contest(id, _plain(_rival(1000)));
        _due(id, 0, 0);
        _equal(address(vault).balance, 10 ether + CHANGE);
    }

    /// @notice An expired payment frees nothing: it is no competitor, spends no input, and does not exit.
    function test_expiredPayment_freesNoInputAndDoesNotExit() external {
        bytes memory expired = _rival(1);
        bytes memory reason = abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 1, 2);
        uint256 id = _start();
        _piggybackInput(id);
        Pending memory pending = _pending(payment);
        vm.expectRevert(reason);
        inFlight.challengeNotCanonical(id, pending, 0, _plain(expired), 0);
        vm.expectRevert(reason);
        inFlight.challengeInputSpent(id, pending, 0, _plain(expired), 0);
        Proof[] memory inputs = _inputs();
        vm.expectRevert(reason);
        inFlight.startInFlightExit{value: BOND}(_plain(expired), inputs);
    }

    /// @notice A payment that freed an input while it lived has expired when it could exit.
    function test_expiredPayment_usedToFreeAnInputDoesNotExitAfterwards() external {
        bytes memory rival = _rival(3);
        uint256 id = _start();
        _piggybackInput(id);
        _contest(id, _plain(rival));
        _block();
        _include(Forms.fund(0, alice, AMOUNT));
        Proof[] memory inputs = _inputs();
        vm.expectRevert(abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 3, 4));
        inFlight.startInFlightExit{value: BOND}(_plain(rival), inputs);
        _due(id, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 3, 4));
        inFlight.startInFlightExit{value: BOND}(_plain(rival), inputs);
    }

    /// @notice Bob retries a payment that expired; the first one cannot stop the second.
    function test_honestRetry_isNotChallengedByThePaymentThatExpired() external {
        bytes memory first = _rival(2);
        _block();
        _l1(5, 60);
        _anchor();
        uint256 id = _start(bob, _plain(payment));
        _piggyback(id, carol, 0);
        _piggyback(id, bob, 1);
        Pending memory pending = _pending(payment);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 2, 3));
        inFlight.challengeNotCanonical(id, pending, 0, _plain(first), 0);
        _due(id, 3, 1);
        _equal(address(vault).balance, 0);
    }

    /// @notice K3: claimed in the last second of the first half, spent, and challenged in the last second of all.
    function test_piggybackedOutput_spentInTheLastSecond() external {
        uint32 height = _include(payment);
        uint256 id = _start();
        _at(id, PERIOD / 2 - 1);
        _piggyback(id, carol, 0);
        bytes memory spending = _transfer(CAROL_KEY, _outputPosition(height, 0), HIS, alice, 1000);
        vm.warp(id >> 112);
        uint256 watchers = WATCHER.balance;
        _outputSpent(id, 0, _shown(height, 0), _plain(spending));
        _equal(WATCHER.balance, watchers + BOND);
        uint256 carols = carol.balance;
        _due(id, 0, 0);
        _equal(carol.balance, carols + BOND);
        _equal(address(vault).balance, AMOUNT);
        _nothingHeld();
    }

    /// @notice K3: the first second, too; and what was spent is not claimed again.
    function test_piggybackedOutput_spentInTheFirstSecond() external {
        uint32 height = _include(payment);
        bytes memory spending = _transfer(CAROL_KEY, _outputPosition(height, 0), HIS, alice, 1000);
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _outputSpent(id, 0, _shown(height, 0), _plain(spending));
        Pending memory pending = _pending(payment);
        vm.prank(carol);
        vm.expectRevert(IInFlightExits.AlreadyClaimed.selector);
        inFlight.piggybackOutput{value: BOND}(id, pending, 0);
        vm.expectRevert(IInFlightExits.NotClaimed.selector);
        inFlight.challengeOutputSpent(id, pending, 0, _shown(height, 0), _plain(spending), 0);
    }

    /// @notice K3: the input, by a payment that is in no block, in the last second.
    function test_piggybackedInput_spentInTheLastSecond() external {
        uint256 id = _start();
        _piggybackInput(id);
        _contest(id, _plain(_rival(1000)));
        vm.warp(id >> 112);
        uint256 watchers = WATCHER.balance;
        _inputSpent(id, _plain(_rival(1000)));
        _equal(WATCHER.balance, watchers + BOND);
        Pending memory pending = _pending(payment);
        Evidence memory rival = _plain(_rival(1000));
        vm.expectRevert(IInFlightExits.AlreadySpent.selector);
        inFlight.challengeInputSpent(id, pending, 0, rival, 0);
        _due(id, 0, 0);
        _equal(address(vault).balance, AMOUNT);
        _nothingHeld();
    }

    /// @notice K4: no challenge with another index, position, amount, or hand.
    function test_challenges_revertForWhatDoesNotSpendIt() external {
        uint32 height = _include(payment);
        uint256 id = _start();
        _piggybackInput(id);
        _piggyback(id, carol, 0);
        _piggyback(id, bob, 1);
        Evidence memory born = _shown(height, 0);
        for (uint8 i = 0; i < 2; ++i) {
            for (uint8 j = 0; j < 4; ++j) {
                // Carol spends some output j of the payment; that it is output i holds for i = j = 0 alone.
                if (i == 0 && j == 0) continue;
                bytes memory spending = _transfer(CAROL_KEY, _outputPosition(height, j), HIS, alice, 1000);
                _refusedOutput(id, i, born, spending, 0);
            }
        }
        bytes memory right = _transfer(CAROL_KEY, _outputPosition(height, 0), HIS, alice, 1000);
        for (uint8 k = 1; k < 4; ++k) {
            _refusedOutput(id, 0, born, right, k);
            _refusedInput(id, 0, _rival(1000), k);
            _refusedInput(id, k, _rival(1000), 0);
        }
        _refusedOutput(id, 0, born, _transfer(BOB_KEY, _outputPosition(height, 0), HIS, alice, 1000), 0);
        _refusedOutput(id, 0, born, _transfer(CAROL_KEY, _outputPosition(height, 0), 1, alice, 1000), 0);
        _refusedOutput(id, 0, _plain(payment), right, 0);
        _refusedOutput(id, 0, _shown(2, 0), right, 0);
        _refusedInput(id, 0, payment, 0);
        _refusedInput(id, 0, _transfer(CAROL_KEY, paid, AMOUNT, alice, 1000), 0);
        _refusedInput(id, 0, _transfer(BOB_KEY, funded, AMOUNT, alice, 1000), 0);
        _outputSpent(id, 0, born, _plain(right));
    }

    function _refusedOutput(
        uint256 id,
        uint8 output,
        Evidence memory born,
        bytes memory spending,
        uint8 input
    ) private {
        Pending memory pending = _pending(payment);
        vm.expectRevert();
        inFlight.challengeOutputSpent(id, pending, output, born, _plain(spending), input);
    }

    function _refusedInput(uint256 id, uint8 input, bytes memory spending, uint8 spendingInput) private {
        Pending memory pending = _pending(payment);
        vm.expectRevert();
        inFlight.challengeInputSpent(id, pending, input, _plain(spending), spendingInput);
        vm.expectRevert();
        inFlight.challengeNotCanonical(id, pending, input, _plain(spending), spendingInput);
    }
}
