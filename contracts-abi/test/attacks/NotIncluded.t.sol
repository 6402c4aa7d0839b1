// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {toPosition} from "../../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "../support/Forms.sol";
import {Thief} from "./Thief.sol";

/// @notice Attacks with what an honest owner signed and no counting block is shown to include.
contract NotIncludedAttacks is Thief {
    // ---- K4: an honest exit is cancelled

    function test_K04_anExpiredPaymentAfterADeepHalt() external {
        _fails(_retried());
    }

    function twin_K04_anExpiredPaymentAfterADeepHalt() external {
        _without("ExpiryAtAnchor");
        _wins(_retried());
    }

    /// @dev Bob signed again when his payment had expired. A halt below both makes the first one fresh, and whoever has
    /// it shows it against the second: what Bob and Carol have is frozen.
    function _retried() private returns (bool) {
        bytes memory first = _rival(3);
        _include(_transfer(ALICE_KEY, toPosition(1, 7, 0), 1 ether, alice, 1000));
        _include(_transfer(ALICE_KEY, toPosition(1, 8, 0), 1 ether, alice, 1000));
        _include(payment);
        _halt(2);
        uint256 before = carol.balance + bob.balance;
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggyback(id, bob, 1);
        _compete(id, WATCHER, _plain(first), IExitGame.SpendingExpired.selector);
        _end();
        return carol.balance + bob.balance < before + AMOUNT;
    }

    function test_K04_aPaymentBesideAnInputThatNobodyCanShow() external {
        _fails(_withheld());
    }

    function twin_K04_aPaymentBesideAnInputThatNobodyCanShow() external {
        _without("InputsShown");
        _wins(_withheld());
    }

    /// @dev Operators withhold block 1 but for the receipt of Bob's savings, which he spends with what he has, and halt: the
    /// payment cannot leave, and challenges the exit of what could.
    function _withheld() private returns (bool) {
        Spend[] memory spends = new Spend[](2);
        (spends[0], spends[1]) = (Spend(paid, AMOUNT), Spend(toPosition(1, 5, 0), 1 ether));
        Pay[] memory outputs = Forms.one(Pay(carol, AMOUNT + 1 ether));
        bytes memory mixed = _signed(BOB_KEY, Forms.unsigned(5, address(0), 1000, spends, outputs));
        _halt(2);
        uint256 id = _exitPaid();
        _challenge(id, mixed, IExitGame.InputsNotShown.selector);
        return !_isOpen(id);
    }
}
