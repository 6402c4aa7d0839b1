// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IFraudProofs} from "../../contracts/interfaces/IFraudProofs.sol";
import {IInFlightExits} from "../../contracts/interfaces/IInFlightExits.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Accused} from "../../contracts/types/Fraud.sol";
import {Evidence} from "../../contracts/types/Evidence.sol";
import {Pending} from "../../contracts/types/InFlight.sol";
import {Offer} from "../../contracts/types/Sale.sol";
import {Thief} from "./Thief.sol";

/// @notice A quorum includes the spend of an output that an exit has locked, when it is too late to challenge with it: a
/// payment in flight is challenged in the first half, a sold exit by what was anchored in its first half. The output is
/// paid, and lives on in the chain under another name. Whoever sees it proves the block invalid.
contract LockAttacks is Thief {
    function test_K18_theInputOfAPaymentInFlight() external {
        _fails(_inFlightInput());
    }

    function twin_K18_theInputOfAPaymentInFlight() external {
        _without("LockedFrom");
        _wins(_inFlightInput());
    }

    function _inFlightInput() private returns (bool) {
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggyback(id, bob, 1);
        // The next anchor is mined when half of P is over.
        _anchorUntil(inFlight.inFlightExits(id).begun + PERIOD / 2);
        uint32 height = _include(_rival(FOREVER));
        bytes memory call =
            abi.encodeCall(inFlight.challengeNotCanonical, (id, _pending(payment), 0, _shown(height, 0), 0));
        _attempt(WATCHER, address(inFlight), 0, call, IInFlightExits.TimePassed.selector);
        return _paidTwice(id, height);
    }

    function test_K18_theInputOfAPaymentInFlightInTheLastSecond() external {
        _fails(_lastSecond());
    }

    function twin_K18_theInputOfAPaymentInFlightInTheLastSecond() external {
        _without("LockedFrom");
        _wins(_lastSecond());
    }

    /// @dev Anchored in the last L1 block in which it could still be challenged with.
    function _lastSecond() private returns (bool) {
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggyback(id, bob, 1);
        uint256 half = inFlight.inFlightExits(id).begun + PERIOD / 2;
        _anchorUntil(half - 4 hours - 1);
        _l1((half - 1 - block.timestamp) / 12, half - 1 - block.timestamp);
        uint32 height = _block(_rival(FOREVER));
        _anchor();
        return _paidTwice(id, height);
    }

    function test_K18_theOutputOfASoldExit() external {
        _fails(_soldOutput());
    }

    function twin_K18_theOutputOfASoldExit() external {
        _without("LockedFrom");
        _wins(_soldOutput());
    }

    /// @dev Bob sells to an accomplice for nothing.
    function _soldOutput() private returns (bool) {
        uint256 id = _exitPaid();
        _anchorUntil(_half(id));
        Offer memory offer = Offer(id, AMOUNT, 0, carol, uint64(id >> 112), 1);
        vm.prank(bob);
        game.offerExit(offer);
        vm.prank(carol);
        game.buyExit(offer, "");
        uint32 height = _include(_rival(FOREVER));
        bytes memory call = abi.encodeCall(game.challengeExitIncluded, (id, _proof(height, 0), 0));
        _attempt(WATCHER, address(game), 0, call, IExitGame.SoldBefore.selector);
        return _paidTwice(id, height);
    }

    /// @dev The exit is paid; then what was made of its output leaves too, unless the block is proven invalid.
    function _paidTwice(uint256 id, uint32 height) private returns (bool) {
        uint256 before = address(vault).balance;
        _anchorUntil(uint64(id >> 112));
        _process();
        _equal(address(vault).balance, before - AMOUNT);
        Proof memory spending = _proof(height, 0);
        Accused memory nobody;
        bytes memory call =
            abi.encodeCall(IFraudProofs.proveSpentAfterExit, (spending, 0, _proof(2, 0), nobody));
        _attempt(WATCHER, federation.fraudProofs(), 0, call, IFraudProofs.NotPaidBefore.selector);
        call = abi.encodeCall(game.startExit, (spending, 0));
        if (_startExit(alice, call, IExitGame.HeightVoid.selector)) _end();
        return address(vault).balance < before - AMOUNT;
    }
}
