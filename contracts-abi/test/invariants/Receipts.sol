// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../../contracts/interfaces/IInFlightExits.sol";
import {Evidence} from "../../contracts/types/Evidence.sol";
import {NOWHERE, Position} from "../../contracts/types/Position.sol";
import {Flights} from "./Flights.sol";

/// @notice In-flight exits by receipt: starts, competitors, answers and spends that rest on a certified header. True ones are
/// of blocks that are decided and perhaps never anchored; false ones are certified by operators who lie, and rebutted.
abstract contract Receipts is Flights {
    // ---- handlers

    /// @dev Of a payment that is in a block, or, by a lie, of any.
    function flyByReceipt(uint256 seed) public {
        bool lies = _pick(seed, 1, 3) == 0;
        for (uint256 i = 0; i < payments.length; ++i) {
            uint256 payment = (seed % payments.length + i) % payments.length;
            if (payment == 0 || payments[payment].flight != 0 || !_areInputsShown(payment)) continue;
            // Most lies are about what can leave in no other way.
            if (lies && _pick(seed, 3, 3) != 0 && !_isExpired(payment)) continue;
            uint32 height = _claimedHeight(payment, lies, seed);
            if (height == 0) continue;
            address[3] memory who =
                [payments[payment].signer, coins[payments[payment].outs[0]].owner, SEARCHER];
            address starter = who[_pick(seed, 2, 3)];
            _flyByReceipt(payment, starter, lies, height);
            return;
        }
        _else(seed);
    }

    /// @dev Who spent an input before, in a block that no anchor shows.
    function contestByReceipt(uint256 seed) public {
        uint256 flight = _openFlight(seed);
        bool lies = _pick(seed, 1, 3) == 0;
        if (flight == 0 || _isFlightVoid(flight)) return _else(seed);
        (uint8 input, uint256 rival) = _claimedRival(flights[flight].payment, lies, seed);
        if (rival == 0) return _else(seed);
        _contestByReceipt(flight, input, rival, lies, _claimedHeight(rival, lies, seed));
    }

    /// @dev The payment itself is in a block that no anchor shows.
    function respondByReceipt(uint256 seed) public {
        uint256 flight = _openFlight(seed);
        if (flight == 0 || _isFlightVoid(flight)) return _else(seed);
        Flight storage open = flights[flight];
        bool lies = payments[open.payment].height == 0 || _pick(seed, 1, 4) == 0;
        uint32 height = _claimedHeight(open.payment, lies, seed);
        if (height == 0) return _else(seed);
        Standing memory made = _standing(open.payment, lies, height);
        bool isVoid = open.competitor.blockOf() > federation.lastValid();
        bytes4 reason = _untimely(flight, INCLUSION);
        if (open.challenger != address(0) && !isVoid && !(made.position < open.competitor)) {
            reason = IInFlightExits.NotOlder.selector;
        }
        bytes memory call = abi.encodeCall(
            inFlight.respondNotCanonical,
            (open.id, _pending(open.payment), _receipt(open.payment, lies, height))
        );
        if (_sayOnBond(flight, INCLUSION, made, call, reason)) open.unfounded = false;
    }

    /// @dev A claimed input was spent in a block that no anchor shows.
    function showInputByReceipt(uint256 seed) public {
        uint256 flight = _openFlight(seed);
        bool lies = _pick(seed, 1, 3) == 0;
        if (flight == 0 || _isFlightVoid(flight)) return _else(seed);
        Flight storage open = flights[flight];
        (uint8 input, uint256 rival) = _claimedRival(open.payment, lies, seed);
        if (rival == 0) return _else(seed);
        uint32 height = _claimedHeight(rival, lies, seed);
        Evidence memory shown = _receipt(rival, lies, height);
        bytes4 reason = _untimely(flight, INPUT + input);
        if (open.spent & (INPUTS << input) != 0) reason = IInFlightExits.AlreadySpent.selector;
        if (open.claimed & INPUTS == 0) reason = IInFlightExits.NotClaimed.selector;
        bytes memory call = abi.encodeCall(
            inFlight.challengeInputSpent,
            (open.id, _pending(open.payment), input, shown, _inputOf(rival, _in(open, input)))
        );
        _sayOnBond(flight, INPUT + input, _standing(rival, lies, height), call, reason);
    }

    /// @dev A claimed output was made, and spent, in blocks of which an anchor shows one at most.
    function showOutputByReceipt(uint256 seed) public {
        uint256 flight = _openFlight(seed);
        if (flight == 0 || _isFlightVoid(flight)) return _else(seed);
        uint256 payment = flights[flight].payment;
        if (!_isDecided(payment)) return _else(seed);
        bool lies = _pick(seed, 1, 3) == 0;
        uint256[] storage outs = payments[payment].outs;
        for (uint8 i = 0; i < outs.length; ++i) {
            uint256[] storage spenders = coins[outs[i]].spenders;
            for (uint256 k = 0; k < spenders.length; ++k) {
                uint32 height = _claimedHeight(spenders[k], lies, seed);
                if (!_couldLeave(spenders[k])) continue;
                if (height != 0) return _showOutputByReceipt(flight, i, spenders[k], lies, height);
            }
        }
        _else(seed);
    }

    function rebutInFlight(uint256 seed) public {
        uint256 flight = _openFlight(seed);
        if (flight == 0 || _claimsOf(flight) == 0) return _else(seed);
        for (uint8 slot = 0; slot < OUTPUT + 4; ++slot) {
            _rebut(flight, slot);
        }
    }

    // ---- what is tried

    function _flyByReceipt(uint256 payment, address starter, bool lies, uint32 height)
        internal
        returns (uint256 flight)
    {
        // The watcher itself could not say that it lies.
        bool resting = _isExpired(payment);
        flight = _flyWith(payment, starter, _receipt(payment, lies, height));
        flights[flight].resting = resting;
        Standing memory made = _standing(payment, lies, height);
        made.claimant = starter;
        _noteClaim(flight, INCLUSION, made);
        _saw(lies ? bytes32("flight by a lie") : bytes32("flight by receipt"));
    }

    function _contestByReceipt(uint256 flight, uint8 input, uint256 rival, bool lies, uint32 height)
        internal
    {
        Flight storage open = flights[flight];
        Standing memory made = _standing(rival, lies, height);
        bytes4 reason = _untimely(flight, COMPETITOR);
        bool old = !_isKnown(open.included) || made.position < open.included;
        bool oldest = open.challenger == address(0) || made.position < open.competitor;
        if (!old || !oldest) reason = IInFlightExits.NotOlder.selector;
        if (block.timestamp >= open.begun + P / 2) reason = IInFlightExits.TimePassed.selector;
        bytes memory call = _contestation(open, input, rival, _receipt(rival, lies, height));
        _sayOnBond(flight, COMPETITOR, made, call, reason);
    }

    function _showOutputByReceipt(uint256 flight, uint8 output, uint256 spender, bool lies, uint32 height)
        internal
    {
        Flight storage open = flights[flight];
        Standing memory made;
        (made.position, made.doubtful) = (_bornAt(open.payment), !_isIncluded(open.payment));
        made.other = lies ? _at(height, 0) : _bornAt(spender);
        (made.otherDoubtful, made.otherLies) = (true, lies);
        bytes4 reason = _untimely(flight, OUTPUT + output);
        if (open.claimed & (uint8(1) << output) == 0) reason = IInFlightExits.NotClaimed.selector;
        bytes memory call = _spending(open, output, spender, _receipt(spender, lies, height));
        _sayOnBond(flight, OUTPUT + output, made, call, reason);
    }

    /// @dev Whether it was said: then it stands until it is rebutted.
    function _sayOnBond(uint256 flight, uint8 slot, Standing memory made, bytes memory call, bytes4 reason)
        private
        returns (bool)
    {
        if (reason != 0) {
            _refusesFlight(SEARCHER, BOND, call, reason);
            _saw("claim refused");
            return false;
        }
        _refusesFlight(SEARCHER, 0, call, IExitGame.BondDiffers.selector);
        _do(SEARCHER, address(inFlight), BOND, call);
        made.claimant = SEARCHER;
        _noteClaim(flight, slot, made);
        return true;
    }

    function _contestation(Flight storage open, uint8 input, uint256 rival, Evidence memory shown)
        private
        view
        returns (bytes memory)
    {
        uint8 competing = _inputOf(rival, _in(open, input));
        return abi.encodeCall(
            inFlight.challengeNotCanonical, (open.id, _pending(open.payment), input, shown, competing)
        );
    }

    function _spending(Flight storage open, uint8 output, uint256 spender, Evidence memory shown)
        private
        view
        returns (bytes memory)
    {
        uint256 payment = open.payment;
        uint8 input = _inputOf(spender, payments[payment].outs[output]);
        Evidence memory born = _isIncluded(payment) ? _evidenceOf(payment) : _receiptOf(payment);
        return abi.encodeCall(
            inFlight.challengeOutputSpent, (open.id, _pending(payment), output, born, shown, input)
        );
    }

    // ---- what can be said

    /// @dev Three quarters of P, and one claim in a slot.
    function _untimely(uint256 flight, uint8 slot) private view returns (bytes4) {
        if (block.timestamp >= flights[flight].begun + P * 3 / 4) return IInFlightExits.TimePassed.selector;
        if (standing[flight][slot].claimant != address(0)) return IInFlightExits.ClaimStands.selector;
        return 0;
    }

    /// @dev In a block that counts, in time.
    function _isDecided(uint256 payment) internal view returns (bool) {
        return payments[payment].height != 0 && payments[payment].height <= payments[payment].expiry;
    }

    /// @dev The height that a receipt names: its own, or, by a lie, another one. Zero when there is none to name.
    function _claimedHeight(uint256 payment, bool lies, uint256 seed) internal view returns (uint32 height) {
        Payment storage named = payments[payment];
        if (named.signer == address(0)) return 0;
        if (!lies) return _isDecided(payment) ? named.height : 0;
        uint32 most = named.expiry < tip ? named.expiry : tip;
        if (most > federation.lastValid()) most = federation.lastValid();
        if (most == 0) return 0;
        height = most - uint32(_pick(seed, 20, most < 3 ? most : 3));
        if (height == named.height) return 0;
    }

    function _receipt(uint256 payment, bool lies, uint32 height) internal view returns (Evidence memory) {
        return lies ? _lieAbout(payment, height) : _receiptOf(payment);
    }

    function _standing(uint256 payment, bool lies, uint32 height)
        internal
        view
        returns (Standing memory made)
    {
        made.position = lies ? _at(height, 0) : _bornAt(payment);
        (made.doubtful, made.lies, made.other) = (true, lies, NOWHERE);
    }

    /// @dev Another payment of an input about which something can be claimed.
    function _claimedRival(uint256 payment, bool lies, uint256 seed)
        private
        view
        returns (uint8 input, uint256 rival)
    {
        uint256[] storage ins = payments[payment].ins;
        for (uint8 i = 0; i < ins.length; ++i) {
            uint256[] storage spenders = coins[ins[i]].spenders;
            for (uint256 k = 0; k < spenders.length; ++k) {
                if (spenders[k] == payment || !_couldLeave(spenders[k])) continue;
                if (_claimedHeight(spenders[k], lies, seed) == 0) continue;
                return (i, spenders[k]);
            }
        }
    }
}
