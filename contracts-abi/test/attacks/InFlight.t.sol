// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../../contracts/interfaces/IInFlightExits.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Evidence} from "../../contracts/types/Evidence.sol";
import {Pending} from "../../contracts/types/InFlight.sol";
import {toPosition} from "../../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "../support/Forms.sol";
import {Thief} from "./Thief.sol";

/// @notice Attacks on exits in flight. Bob, who has 5 ETH of Alice's, pays Carol 2 and keeps 3.
contract InFlightAttacks is Thief {
    // ---- K2: one output through both games, in both orders, and through two payments

    function test_K02_standardThenInFlight() external {
        _fails(_bothGames(true));
    }

    function twin_K02_standardThenInFlight() external {
        _without("InputsUnconsumed");
        _wins(_bothGames(true));
    }

    function test_K02_inFlightThenStandard() external {
        _fails(_bothGames(false));
    }

    function twin_K02_inFlightThenStandard() external {
        _without("Registry");
        _wins(_bothGames(false));
    }

    function test_S01_oneOutputThroughBothGames() external {
        _fails(_bothGames(true));
    }

    function twin_S01_oneOutputThroughBothGames() external {
        _without("InputsUnconsumed");
        _wins(_bothGames(true));
    }

    /// @dev Bob exits his output, and the payment that spends it; nobody challenges.
    function _bothGames(bool isStandardFirst) private returns (bool) {
        uint256 before = _together();
        if (isStandardFirst) _exitPaid();
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggyback(id, bob, 1);
        if (!isStandardFirst) _exitPaid();
        _end();
        return _together() > before + AMOUNT;
    }

    function test_K02_twoPaymentsOfOneInput() external {
        _fails(_twoPayments());
    }

    function twin_K02_twoPaymentsOfOneInput() external {
        _without("InputsUnconsumed");
        _wins(_twoPayments());
    }

    function _twoPayments() private returns (bool) {
        uint256 before = _together();
        bytes memory rival = _rival(1000);
        uint256 first = _start();
        _piggyback(first, carol, 0);
        uint256 second = _start(bob, _plain(rival));
        _piggyback(second, rival, alice, 0);
        _end();
        return _together() > before + AMOUNT;
    }

    function test_K02_openedAgainAfterThePayout() external {
        _fails(_openedAgain());
    }

    function twin_K02_openedAgainAfterThePayout() external {
        _without("OutputUnconsumed");
        _wins(_openedAgain());
    }

    function _openedAgain() private returns (bool) {
        uint256 before = carol.balance;
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _end();
        id = _start();
        bytes memory call = abi.encodeCall(inFlight.piggybackOutput, (id, _pending(payment), 0));
        _attempt(carol, address(inFlight), BOND, call, IExitGame.AlreadyPaid.selector);
        _end();
        return carol.balance > before + HIS;
    }

    function test_K02_anOutputThroughBothGames() external {
        _fails(_outputTwice());
    }

    function twin_K02_anOutputThroughBothGames() external {
        _without("Registry");
        _wins(_outputTwice());
    }

    /// @dev The payment is included, and Carol exits her output as well as the payment.
    function _outputTwice() private returns (bool) {
        uint32 height = _include(payment);
        uint256 before = carol.balance;
        _exit(carol, _proof(height, 0), 0);
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _end();
        return carol.balance > before + HIS;
    }

    function test_K02_inputsBackAfterAnOutputLeft() external {
        _fails(_inputsBack());
    }

    function twin_K02_inputsBackAfterAnOutputLeft() external {
        _without("OutputsUnpaid");
        _wins(_inputsBack());
    }

    /// @dev Carol left with her output of the included payment. Then Bob exits the payment, shows a rival of his own, and
    /// nobody answers with the inclusion: his input would go back as a whole.
    function _inputsBack() private returns (bool) {
        uint32 height = _include(payment);
        uint256 before = _together();
        _exit(carol, _proof(height, 0), 0);
        _end();
        uint256 id = _start(bob, _plain(payment));
        _piggybackInput(id);
        _compete(id, alice, _plain(_rival(1000)), 0);
        _end();
        return _together() > before + AMOUNT;
    }

    function test_K02_oneOutputAsTwoInputs() external {
        _fails(_twoInputs());
    }

    function twin_K02_oneOutputAsTwoInputs() external {
        _without("InputKeys");
        _wins(_twoInputs());
    }

    /// @dev The operators fund Mallory's deposit twice, and nobody proves it. One payment spends both places.
    function _twoInputs() private returns (bool) {
        vm.prank(mallory);
        uint64 number = vault.deposit{value: AMOUNT}();
        _l1(5, 60);
        bytes memory fund = Forms.fund(number, mallory, AMOUNT);
        uint32[2] memory heights = [_include(fund), _include(fund)];
        Spend[] memory spends = new Spend[](2);
        Proof[] memory inputs = new Proof[](2);
        Pending memory pending;
        (pending.owner, pending.inputs) = (mallory, new bytes32[](2));
        for (uint256 i = 0; i < 2; ++i) {
            spends[i] = Spend(toPosition(heights[i], 0, 0), AMOUNT);
            inputs[i] = _proof(heights[i], 0);
            pending.inputs[i] = _key(fund, 0);
        }
        Pay[] memory outputs = Forms.one(Pay(mallory, 2 * AMOUNT));
        pending.transaction = _signed(MALLORY_KEY, Forms.unsigned(5, address(0), FOREVER, spends, outputs));
        uint256 before = mallory.balance;
        bytes memory call = abi.encodeCall(inFlight.startInFlightExit, (_plain(pending.transaction), inputs));
        if (_attempt(mallory, address(inFlight), BOND, call, IExitGame.AlreadyPaid.selector)) {
            uint256 id = inFlight.latestInFlight(harness.id(pending.transaction));
            vm.prank(mallory);
            inFlight.piggybackOutput{value: BOND}(id, pending, 0);
        }
        _end();
        return mallory.balance > before + AMOUNT;
    }

    // ---- K4: what spends something else

    function test_K04_aCompetitorOfAnotherOutput() external {
        _fails(_otherOutput());
    }

    function twin_K04_aCompetitorOfAnotherOutput() external {
        _without("SpendsTheInput");
        _wins(_otherOutput());
    }

    /// @dev Bob has more outputs than one. What spends another says nothing about this payment.
    function _otherOutput() private returns (bool) {
        uint256 before = carol.balance;
        uint256 id = _start();
        _piggyback(id, carol, 0);
        bytes memory other = _transfer(BOB_KEY, _outputPosition(2, 1), AMOUNT, bob, 1000);
        _compete(id, bob, _plain(other), IExitGame.InputDiffers.selector);
        _end();
        return carol.balance < before + HIS;
    }

    // ---- K5: which of two transactions counts

    function test_K05_aYoungerCompetitorDestroysAPayment() external {
        _fails(_youngerCompetitor());
    }

    function twin_K05_aYoungerCompetitorDestroysAPayment() external {
        _without("OlderCompetitor");
        _wins(_youngerCompetitor());
    }

    function _youngerCompetitor() private returns (bool) {
        uint256 before = carol.balance;
        uint32 height = _include(payment);
        uint32 later = _include(_rival(1000));
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _respond(id, _shown(height, 0));
        _compete(id, bob, _shown(later, 0), IInFlightExits.NotOlder.selector);
        _end();
        return carol.balance < before + HIS;
    }

    function test_K05_aYoungerInclusionAnswersAnOlderCompetitor() external {
        _fails(_youngerInclusion());
    }

    function twin_K05_aYoungerInclusionAnswersAnOlderCompetitor() external {
        _without("OlderAnswer");
        _wins(_youngerInclusion());
    }

    /// @dev The input was spent before. Carol is Bob's accomplice.
    function _youngerInclusion() private returns (bool) {
        uint32 height = _include(_rival(1000));
        uint32 later = _include(payment);
        uint256 before = carol.balance;
        uint256 id = _start(bob, _plain(payment));
        _piggyback(id, carol, 0);
        _compete(id, WATCHER, _shown(height, 0), 0);
        bytes memory call =
            abi.encodeCall(inFlight.respondNotCanonical, (id, _pending(payment), _shown(later, 0)));
        _attempt(bob, address(inFlight), 0, call, IInFlightExits.NotOlder.selector);
        _end();
        return carol.balance > before;
    }

    function test_K05_theInputWasPaidBefore() external {
        _fails(_inputPaidBefore());
    }

    function twin_K05_theInputWasPaidBefore() external {
        _without("InputsUnconsumed");
        _wins(_inputPaidBefore());
    }

    function _inputPaidBefore() private returns (bool) {
        _exitPaid();
        _end();
        uint256 before = carol.balance;
        (bool accepted, uint256 id) = _startInFlight(payment, IExitGame.AlreadyPaid.selector);
        if (accepted) _piggyback(id, carol, 0);
        _end();
        return carol.balance > before;
    }

    // ---- K40, K42: bonds

    function test_K40_theBondOfTheWrongSideComesBack() external {
        _fails(_wrongSide());
    }

    function twin_K40_theBondOfTheWrongSideComesBack() external {
        _without("WrongSideBond");
        _wins(_wrongSide());
    }

    /// @dev Bob claims his inputs, in case that nobody shows the payment's inclusion.
    function _wrongSide() private returns (bool) {
        uint256 before = _wealth(bob);
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggybackInput(id);
        _end();
        return _wealth(bob) < before || address(inFlight).balance != 0;
    }

    function test_K42_contestedBeforeItIsMade() external {
        _fails(_contestedBefore());
    }

    function twin_K42_contestedBeforeItIsMade() external {
        _without("ShownRestart");
        _wins(_contestedBefore());
    }

    /// @dev Bob has his payment exited and contested before he makes it. Then it is certified, and Carol has a receipt;
    /// what she would need for a standard exit the operators withhold.
    function _contestedBefore() private returns (bool) {
        payment = _payment(FOREVER);
        uint256 id = _start(bob, _plain(payment));
        _compete(id, alice, _plain(_rival(FOREVER)), 0);
        _anchorUntil(id >> 112);
        _process();
        uint256 before = _wealth(carol);
        Evidence memory receipt = _receipt(_include(payment), 0);
        bytes memory call = abi.encodeCall(inFlight.startInFlightExit, (receipt, _inputs()));
        if (_attempt(carol, address(inFlight), 2 * BOND, call, IInFlightExits.RestartRefused.selector)) {
            id = inFlight.latestInFlight(harness.id(payment));
            _piggyback(id, carol, 0);
            _compete(id, alice, _plain(_rival(FOREVER)), 0);
            _end();
        }
        return _wealth(carol) < before + HIS;
    }

    function test_K42_anHonestReceiverOfADoubleSpend() external {
        _fails(_honestReceiver());
    }

    function twin_K42_anHonestReceiverOfADoubleSpend() external {
        _without("WrongSideBond");
        _wins(_honestReceiver());
    }

    /// @dev Bob signed two payments of one output. Carol, who knew of hers alone, loses one bond at most.
    function _honestReceiver() private returns (bool) {
        uint256 before = _wealth(carol);
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _contest(id, _plain(_rival(1000)));
        _end();
        return _wealth(carol) + BOND < before;
    }

    // ---- scenarios

    function test_S02_anExpiredPaymentFreesAnInput() external {
        _fails(_expiredCompetitor());
    }

    function twin_S02_anExpiredPaymentFreesAnInput() external {
        _without("Expiry");
        _wins(_expiredCompetitor());
    }

    /// @dev Bob's first payment expired in no block. It would set the input of the second one free.
    function _expiredCompetitor() private returns (bool) {
        uint256 before = bob.balance;
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggybackInput(id);
        _compete(id, bob, _plain(_rival(1)), IExitGame.SpendingExpired.selector);
        _end();
        return bob.balance > before;
    }

    function test_S02_anExpiredPaymentIsExitedInFlight() external {
        _fails(_expiredPayment());
    }

    function twin_S02_anExpiredPaymentIsExitedInFlight() external {
        _without("Expiry");
        _wins(_expiredPayment());
    }

    /// @dev Bob paid Alice after his payment to Carol had expired. Carol exits the expired one.
    function _expiredPayment() private returns (bool) {
        _include(_rival(1000));
        bytes memory expired = _payment(1);
        uint256 before = carol.balance;
        (bool accepted, uint256 id) = _startInFlight(expired, IExitGame.SpendingExpired.selector);
        if (accepted) _piggyback(id, expired, carol, 0);
        _end();
        return carol.balance > before;
    }

    function test_S03_outputsPaidAndInputsGivenBack() external {
        _fails(_bothSides());
    }

    function twin_S03_outputsPaidAndInputsGivenBack() external {
        _without("OneSide");
        _wins(_bothSides());
    }

    function _bothSides() private returns (bool) {
        uint256 before = _together();
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggyback(id, bob, 1);
        _piggybackInput(id);
        _end();
        return _together() > before + AMOUNT;
    }

    function test_S04_aPiggybackedOutputSpentInTheLastSecond() external {
        _fails(_spentInTheLastSecond());
    }

    function twin_S04_aPiggybackedOutputSpentInTheLastSecond() external {
        _without("AnswerTime");
        _wins(_spentInTheLastSecond());
    }

    /// @dev Carol claims her output in the last second for claims, and spends it; a watcher answers before the payout.
    function _spentInTheLastSecond() private returns (bool) {
        uint32 height = _include(payment);
        uint256 before = carol.balance;
        uint256 id = _start(bob, _plain(payment));
        _at(id, PERIOD / 2 - 1);
        _piggyback(id, carol, 0);
        bytes memory spending = _transfer(CAROL_KEY, _outputPosition(height, 0), HIS, alice, 1000);
        vm.warp((id >> 112) - 1);
        Pending memory pending = _pending(payment);
        bytes memory call = abi.encodeCall(
            inFlight.challengeOutputSpent, (id, pending, 0, _shown(height, 0), _plain(spending), 0)
        );
        _attempt(WATCHER, address(inFlight), 0, call, IInFlightExits.TimePassed.selector);
        _end();
        return carol.balance > before;
    }

    function test_S05_freezingAPaymentToDestroyItsChange() external {
        _fails(_frozenChange());
    }

    function twin_S05_freezingAPaymentToDestroyItsChange() external {
        _without("Settled");
        _wins(_frozenChange());
    }

    /// @dev Carol exits Bob's pending payment while he sleeps. His change was not claimed, and its input is consumed.
    function _frozenChange() private returns (bool) {
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _end();
        uint256 before = bob.balance;
        bool accepted;
        (accepted, id) = _startInFlight(payment, IExitGame.AlreadyPaid.selector);
        if (accepted) _piggyback(id, bob, 1);
        _end();
        return bob.balance < before + CHANGE;
    }
}
