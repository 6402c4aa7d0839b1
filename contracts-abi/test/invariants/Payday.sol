// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../../contracts/interfaces/IInFlightExits.sol";
import {Vm} from "../support/Vm.sol";
import {Reclaims} from "./Reclaims.sol";

/// @notice Exits end: the watcher does its duty in the last moment, anybody processes, and everything that the contracts
/// say happened is compared with what the model says must.
abstract contract Payday is Reclaims {
    // ---- handlers

    function process(uint256 seed) public {
        _process(_pick(seed, 1, 3) == 0 ? address(token) : ETH, _pick(seed, 2, 7));
    }

    // ---- what happens

    /// @dev What is due ends in order, and as the model says. Receivers and tokens may have ended some from inside.
    function _process(address asset, uint256 max) internal {
        _forgetLost();
        // Whoever calls back may end more than `max`.
        uint256 most = nesting ? type(uint256).max : max;
        uint256[] memory due = _due(asset, most);
        for (uint256 i = 0; i < due.length; ++i) {
            _watch(asset, due[i]);
        }
        _dropWhatEndedInside();
        due = _due(asset, most);
        vm.recordLogs();
        bytes memory answer = _do(SEARCHER, address(game), 0, abi.encodeCall(game.process, (asset, max)));
        uint256 ended = abi.decode(answer, (uint256)) + endedInside[asset];
        delete endedInside[asset];
        _holds(ended >= (max < due.length ? max : due.length) && ended <= due.length, "I5: what is due ends");
        assembly ("memory-safe") {
            mstore(due, ended)
        }
        bytes32 told = _told(vm.getRecordedLogs(), due);
        bytes32 expected = 0;
        for (uint256 i = 0; i < ended; ++i) {
            _dropPlace(asset, due[i]);
            expected = _endPlace(expected, asset, due[i]);
        }
        _holds(told == expected, "I5: ends as the model says");
        (uint256 waiting,) = game.queue(asset);
        _equal(waiting, places[asset].length);
    }

    /// @dev Little gas ends nothing but what sends nothing: the places of what was challenged, and lost exits.
    function _dropWhatEndedInside() internal override {
        for (uint256 i = 0; i < 2; ++i) {
            address asset = i == 0 ? ETH : address(token);
            uint256[] memory due = _due(asset, endedInside[asset]);
            delete endedInside[asset];
            for (uint256 k = 0; k < due.length; ++k) {
                _holds(flightOf[asset][due[k]] == 0, "K50: ended inside");
                _dropPlace(asset, due[k]);
                _endPlace(0, asset, due[k]);
                _saw("place ended inside a payment");
            }
        }
    }

    /// @dev Where anybody may end what is due at any time, the watcher has done its duty by then.
    function _watchDue() internal {
        for (uint256 i = 0; nesting && i < 2; ++i) {
            address asset = i == 0 ? ETH : address(token);
            uint256[] memory due = _due(asset, type(uint256).max);
            for (uint256 k = 0; k < due.length; ++k) {
                _watch(asset, due[k]);
            }
        }
    }

    /// @dev Challenges in the last moment, by whoever is first.
    function _watch(address asset, uint256 id) internal {
        uint256[] memory open = _exitsAt(asset, id);
        for (uint256 i = 0; i < open.length; ++i) {
            _watchExit(open[i], (id + i) % 3 == 0 ? SEARCHER : WATCHER);
        }
        uint256 flight = flightOf[asset][id];
        if (flight == 0) return;
        _rebutLies(flight);
        if (!flights[flight].unanswered) _respond(flight);
        _showSpent(flight);
    }

    function _watchExit(uint256 exit, address who) private {
        if (exits[exit].neglected) return;
        // A true claim that an anchor covers wins by itself.
        bool wins = exits[exit].claimant != address(0) && !exits[exit].claimLies
            && coveredBy[exits[exit].claimHeight] != 0;
        if (wins && exits[exit].claimHeight <= federation.lastValid()) return;
        if (!_challengeIfSpent(exit, who)) _rebutIfFalse(exit);
    }

    function _endPlace(bytes32 before, address asset, uint256 id) private returns (bytes32) {
        uint256[] memory open = _exitsAt(asset, id);
        if (open.length != 0) return _endExits(before, asset, id, open);
        uint256 flight = flightOf[asset][id];
        if (flight == 0) return before;
        (uint8 paid, uint8 consumed) = _endFlight(flight);
        return _link(before, id, paid, consumed);
    }

    /// @dev One payout for all that had the place, to whoever holds it.
    function _endExits(bytes32 told, address asset, uint256 place, uint256[] memory open)
        private
        returns (bytes32)
    {
        address holder = _holderOf(asset, place, coins[exits[open[0]].coin].owner);
        uint256[] memory leaving = new uint256[](open.length);
        uint64 begun = exits[open[0]].started;
        uint256 sum = 0;
        for (uint256 i = 0; i < open.length; ++i) {
            Exit memory ending = exits[open[i]];
            (bool paid, bool lost) = _endExit(open[i]);
            told = _link(told, ending.id, paid ? 1 : 0, 0);
            if (!lost) _gets(holder, BOND);
            if (paid) (leaving[i], sum) = (ending.coin, sum + coins[ending.coin].amount);
        }
        uint256 missing = sum == 0 ? 0 : _payOut(asset, holder, sum);
        for (uint256 i = 0; i < leaving.length; ++i) {
            if (leaving[i] != 0) _leavesInTime(leaving[i], begun, missing);
        }
        return told;
    }

    /// @dev By the model: how an in-flight exit ends.
    function _endFlight(uint256 chosen) private returns (uint8 paid, uint8 consumed) {
        Flight memory ending = flights[chosen];
        Payment storage payment = payments[ending.payment];
        bool counts = !_isFlightVoid(chosen) && !ending.unfounded;
        _settleClaims(chosen, ending, counts);
        bool canonical = _isCanonical(ending);
        if (counts && canonical) paid = _paidOutputs(ending);
        if (paid != 0) consumed = uint8((1 << payment.ins.length) - 1);
        if (counts && !canonical) consumed = _freedInputs(ending);
        // I4: what an honest owner signed once, nobody can make non-canonical.
        if (counts && _isHonest(payment.signer)) _holds(canonical, "I4: honest payment is canonical");
        if (!counts) _saw(ending.unfounded ? bytes32("unfounded flight") : bytes32("void flight"));
        else _saw(canonical ? bytes32("canonical") : bytes32("non-canonical"));
        (wasFreed[ending.payment], freedUnder[ending.payment]) =
        (counts && !canonical, federation.lastValid());
        delete flightOf[payment.asset][ending.id];
        delete flights[chosen];
        payment.flight = 0;
        _payFlight(ending, paid, consumed);
        _returnBonds(ending, counts && !canonical);
    }

    function _isCanonical(Flight memory ending) private view returns (bool) {
        if (ending.challenger == address(0)) return true;
        if (!_isKnown(ending.included)) return false;
        bool isVoid = ending.competitor.blockOf() > federation.lastValid();
        return isVoid || ending.included < ending.competitor;
    }

    /// @dev Claimed, unspent, and not paid before; nothing when anything but this transaction took an input.
    function _paidOutputs(Flight memory ending) private view returns (uint8 paid) {
        Payment storage payment = payments[ending.payment];
        for (uint256 i = 0; i < payment.ins.length; ++i) {
            if (!payment.settled && _isConsumed(payment.ins[i])) return 0;
        }
        for (uint256 i = 0; i < payment.outs.length; ++i) {
            bool claimed = ending.claimed & (1 << i) != 0;
            if (claimed && !_isConsumed(payment.outs[i])) paid |= uint8(1 << i);
        }
    }

    function _freedInputs(Flight memory ending) private view returns (uint8 freed) {
        Payment storage payment = payments[ending.payment];
        if (ending.claimed & INPUTS == 0) return 0;
        for (uint256 i = 0; i < payment.outs.length; ++i) {
            if (_isConsumed(payment.outs[i])) return 0;
        }
        for (uint256 i = 0; i < payment.ins.length; ++i) {
            bool spent = ending.spent & (uint256(INPUTS) << i) != 0;
            if (!spent && !_isConsumed(payment.ins[i])) freed |= uint8(1 << i);
        }
    }

    function _payFlight(Flight memory ending, uint8 paid, uint8 consumed) private {
        Payment storage payment = payments[ending.payment];
        bool first = paid != 0 && !payment.settled;
        if (paid != 0) payment.settled = true;
        for (uint256 i = 0; i < payment.outs.length; ++i) {
            if (paid & (1 << i) != 0) _payCoin(payment.outs[i], ending.begun);
        }
        for (uint256 i = 0; i < payment.ins.length; ++i) {
            if (consumed & (1 << i) == 0) continue;
            if (paid == 0) {
                // I3: what a known transaction spends does not go back.
                if (fraudFrom == FOREVER) _holds(!_isSpent(payment.ins[i]), "I3: spent input stays");
                _payCoin(payment.ins[i], ending.begun);
                _saw("input went back");
            } else if (first) {
                _leaves(payment.ins[i]);
            }
        }
    }

    function _payCoin(uint256 coin, uint64 begun) private {
        _leaves(coin);
        _leavesInTime(coin, begun, _payOut(coins[coin].asset, coins[coin].owner, coins[coin].amount));
        _saw("payout in flight");
    }

    function _returnBonds(Flight memory ending, bool freed) private {
        Payment storage payment = payments[ending.payment];
        for (uint256 i = 0; i < payment.outs.length; ++i) {
            if (ending.claimed & (1 << i) != 0) _gets(coins[payment.outs[i]].owner, BOND);
        }
        if (ending.claimed & INPUTS != 0 && ending.spent < INPUTS) _gets(payment.signer, BOND);
        _gets(freed ? ending.challenger : ending.starter, BOND);
    }

    // ---- order

    /// @dev I5: the ids that must end, by sorting.
    function _due(address asset, uint256 max) internal view returns (uint256[] memory due) {
        uint256[] storage all = places[asset];
        due = new uint256[](max < all.length ? max : all.length);
        uint256 found = 0;
        uint256 before = 0;
        while (found < due.length) {
            uint256 least = type(uint256).max;
            for (uint256 i = 0; i < all.length; ++i) {
                uint256 id = all[i];
                if (id > before && id < least) least = id;
            }
            if (least >> 112 > block.timestamp) break;
            due[found++] = least;
            before = least;
        }
        assembly ("memory-safe") {
            mstore(due, found)
        }
    }

    function _dropPlace(address asset, uint256 id) private {
        uint256[] storage all = places[asset];
        uint256 i = 0;
        while (all[i] != id) ++i;
        all[i] = all[all.length - 1];
        all.pop();
    }

    /// @dev Every end that the contracts told, in order. The logs also have those of calls that were taken back: a receiver
    /// that calls back reaches the end of what comes next, with too little gas for its payment.
    function _told(Vm.Log[] memory logs, uint256[] memory due) private view returns (bytes32 told) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (!_isEnd(logs[i]) || (nesting && _isTakenBack(logs, i, due))) continue;
            (uint8 paid, uint8 consumed) = _outcome(logs[i]);
            told = _link(told, uint256(logs[i].topics[1]), paid, consumed);
        }
    }

    function _isEnd(Vm.Log memory log) private view returns (bool) {
        bytes32 topic = log.topics[0];
        return (log.emitter == address(game) && topic == IExitGame.ExitEnded.selector)
            || (log.emitter == address(inFlight) && topic == IInFlightExits.InFlightExitEnded.selector);
    }

    function _outcome(Vm.Log memory log) private view returns (uint8 paid, uint8 consumed) {
        if (log.emitter == address(game)) return (abi.decode(log.data, (bool)) ? 1 : 0, 0);
        return abi.decode(log.data, (uint8, uint8));
    }

    /// @dev It was told once more, or its place did not end.
    function _isTakenBack(Vm.Log[] memory logs, uint256 i, uint256[] memory due) private view returns (bool) {
        bytes32 id = logs[i].topics[1];
        for (uint256 k = i + 1; k < logs.length; ++k) {
            if (_isEnd(logs[k]) && logs[k].topics[1] == id) return true;
        }
        for (uint256 k = 0; k < due.length; ++k) {
            if (due[k] == uint176(uint256(id))) return false;
        }
        return true;
    }

    function _link(bytes32 before, uint256 id, uint8 paid, uint8 consumed) private pure returns (bytes32) {
        return keccak256(abi.encode(before, id, paid, consumed));
    }

    // ---- bonds

    /// @dev I9: what the two games hold for what is open.
    function bondsOpen() public view returns (uint256 ofGame, uint256 ofFlights) {
        for (uint256 i = 1; i < exits.length; ++i) {
            if (exits[i].coin == 0) continue;
            ofGame += exits[i].claimant == address(0) ? BOND : 2 * BOND;
        }
        for (uint256 i = 1; i < flights.length; ++i) {
            Flight storage flight = flights[i];
            if (flight.payment == 0) continue;
            ofFlights += BOND;
            for (uint8 bit = 0; bit < 4; ++bit) {
                if (flight.claimed & (uint8(1) << bit) != 0) ofFlights += BOND;
            }
            if (flight.claimed & INPUTS != 0 && flight.spent < INPUTS) ofFlights += BOND;
            ofFlights += _claimsOf(i) * BOND;
        }
    }
}
