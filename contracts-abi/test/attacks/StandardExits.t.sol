// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../../contracts/interfaces/IInFlightExits.sol";
import {toPosition} from "../../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "../support/Forms.sol";
import {Thief} from "./Thief.sol";

/// @notice Attacks on standard exits and their challenges.
contract StandardExitAttacks is Thief {
    // ---- K1: one output, twice

    function test_K01_twoOpenExits() external {
        _fails(_twoOpenExits());
    }

    function twin_K01_twoOpenExits() external {
        _without("Registry");
        _wins(_twoOpenExits());
    }

    function test_S06_twoExitsOnOneOutput() external {
        _fails(_twoOpenExits());
    }

    function twin_S06_twoExitsOnOneOutput() external {
        _without("Registry");
        _wins(_twoOpenExits());
    }

    function _twoOpenExits() private returns (bool) {
        uint256 before = bob.balance;
        _exitPaid();
        _exitPaid();
        _end();
        return bob.balance > before + AMOUNT;
    }

    function test_K01_againAfterThePayout() external {
        _fails(_again());
    }

    function twin_K01_againAfterThePayout() external {
        _without("Registry");
        _wins(_again());
    }

    function _again() private returns (bool) {
        _exitPaid();
        _end();
        uint256 before = bob.balance;
        bytes memory call = abi.encodeCall(game.startExit, (_proof(2, 0), 0));
        if (_startExit(bob, call, IExitGame.AlreadyPaid.selector)) _end();
        return bob.balance > before;
    }

    function test_K01_paidThoughChallenged() external {
        _fails(_paidThoughChallenged());
    }

    function twin_K01_paidThoughChallenged() external {
        _without("Forgotten");
        _wins(_paidThoughChallenged());
    }

    function _paidThoughChallenged() private returns (bool) {
        uint256 before = bob.balance;
        uint256 id = _exitPaid();
        _challenge(id, _rival(1000), 0);
        _end();
        return bob.balance > before;
    }

    function test_K01_exitAndReclaimOfOneDeposit() external {
        _fails(_exitAndReclaim());
    }

    function twin_K01_exitAndReclaimOfOneDeposit() external {
        _without("Registry");
        _wins(_exitAndReclaim());
    }

    /// @dev Alice exits the output that funds her deposit, and takes the deposit back. Nobody challenges.
    function _exitAndReclaim() private returns (bool) {
        uint256 before = alice.balance;
        _exit(alice, _proof(1, 0), 0);
        vm.prank(alice);
        vault.startReclaim{value: BOND}(0);
        vm.warp(block.timestamp + 1 days);
        vault.finalizeReclaim(0);
        _end();
        return alice.balance > before + AMOUNT;
    }

    // ---- K3: a spent output leaves although somebody watches

    function test_K03_challengedInTheLastSecond() external {
        _fails(_escapes(type(uint64).max));
    }

    function twin_K03_challengedInTheLastSecond() external {
        _without("LateChallenge");
        _wins(_escapes(type(uint64).max));
    }

    function test_K03_challengedByWhatIsInNoBlock() external {
        _fails(_escapes(0));
    }

    function twin_K03_challengedByWhatIsInNoBlock() external {
        _without("SpentInFlight");
        _wins(_escapes(0));
    }

    /// @dev Bob spent what he exits. A watcher shows it at once, or in the last second.
    function _escapes(uint256 last) private returns (bool) {
        uint256 before = bob.balance;
        uint256 id = _exitPaid();
        if (last != 0) vm.warp((id >> 112) - 1);
        bytes4 refusal = last == 0 ? IInFlightExits.NotIncluded.selector : IInFlightExits.TimePassed.selector;
        _challenge(id, _rival(1000), refusal);
        _end();
        return bob.balance > before;
    }

    // ---- K4: an honest exit is cancelled

    function test_K04_anyInputAgainstAnyOutput() external {
        _fails(_wrongInput());
    }

    function twin_K04_anyInputAgainstAnyOutput() external {
        _without("InputNamed");
        _wins(_wrongInput());
    }

    /// @dev Bob owns four equal outputs of one transaction; one transaction spends all of them. Input i says nothing
    /// about the exit of output j.
    function _wrongInput() private returns (bool) {
        uint256 part = AMOUNT / 4;
        Pay[] memory outputs = new Pay[](4);
        Spend[] memory spends = new Spend[](4);
        for (uint8 i = 0; i < 4; ++i) {
            outputs[i] = Pay(bob, part);
            spends[i] = Spend(toPosition(3, 0, i), part);
        }
        _include(_signed(BOB_KEY, Forms.unsigned(5, address(0), 1000, _fromPaid(), outputs)));
        _include(_signed(BOB_KEY, Forms.unsigned(5, address(0), 1000, spends, Forms.one(Pay(alice, AMOUNT)))));
        for (uint8 j = 0; j < 4; ++j) {
            uint256 id = _exit(bob, _proof(3, 0), j);
            for (uint8 i = 0; i < 4; ++i) {
                if (i == j) continue;
                bytes memory call = abi.encodeCall(game.challengeExitIncluded, (id, _proof(4, 0), i));
                _attempt(WATCHER, address(game), 0, call, IExitGame.InputDiffers.selector);
                if (!_isOpen(id)) return true;
            }
        }
        return false;
    }

    function test_K04_signedBySomebodyElse() external {
        _fails(_foreignKey());
    }

    function twin_K04_signedBySomebodyElse() external {
        _without("SpentByOwner");
        _wins(_foreignKey());
    }

    function _foreignKey() private returns (bool) {
        uint256 id = _exitPaid();
        bytes memory spending = _transfer(MALLORY_KEY, paid, AMOUNT, mallory, 1000);
        _challenge(id, spending, IExitGame.NotSpentByOwner.selector);
        return !_isOpen(id);
    }

    // ---- K43: the challenger is overtaken

    function test_K43_anAccompliceOvertakesTheChallenge() external {
        _fails(_overtaken());
    }

    function twin_K43_anAccompliceOvertakesTheChallenge() external {
        _without("Forgotten");
        _wins(_overtaken());
    }

    /// @dev The thief's accomplice takes the bond before the watcher does. Together they have no more than before.
    function _overtaken() private returns (bool) {
        uint256 before = bob.balance + carol.balance;
        uint256 id = _exitPaid();
        bytes memory spending = _rival(1000);
        vm.prank(carol);
        game.challengeExit(id, spending, 0);
        _challenge(id, spending, _unknown());
        _end();
        return bob.balance + carol.balance > before;
    }
}
