// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Proof} from "../../contracts/types/Anchor.sol";
import {Pending} from "../../contracts/types/InFlight.sol";
import {NOWHERE, Position} from "../../contracts/types/Position.sol";
import {Bundles} from "./Bundles.sol";

/// @notice What the model keeps of in-flight exits, and what can be asked about them.
abstract contract FlightModel is Bundles {
    /// @dev `claimed` and `spent` have outputs in bits 0 to 3; bit 4 of `claimed` is the inputs, bits 4 to 7 of `spent`
    /// are inputs shown to be spent by another transaction. `resting` had expired at the start, and rests on a claim;
    /// `unfounded` once that was rebutted; `unanswered` has nobody who answers for it, `neglected`
    /// nobody who shows a competitor under an anchor.
    struct Flight {
        uint256 payment;
        uint256 id;
        uint64 begun;
        address starter;
        uint8 claimed;
        uint8 spent;
        address challenger;
        Position competitor;
        Position included;
        bool watched;
        bool resting;
        bool unfounded;
        bool unanswered;
        bool neglected;
    }

    uint8 internal constant INPUTS = 16;

    Flight[] internal flights;
    mapping(address asset => mapping(uint256 id => uint256 flight)) internal flightOf;
    /// @dev By transaction: how its last exit ended.
    mapping(uint256 payment => bool) internal wasFreed;
    mapping(uint256 payment => uint32) internal freedUnder;

    function _refusesFlight(address who, uint256 value, bytes memory call, bytes4 reason) internal {
        _refuses(who, address(inFlight), value, call, reason);
    }

    /// @dev Its signer owns all inputs, whose blocks are anchored and count, and nothing took one but itself.
    function _isProvable(uint256 payment) internal view returns (bool) {
        Payment storage made = payments[payment];
        return made.signer != address(0) && _isLive(payment) && _areInputsShown(payment);
    }

    /// @dev The same of a payment that is shown in another way.
    function _areInputsShown(uint256 payment) internal view returns (bool) {
        Payment storage made = payments[payment];
        if (made.signer == address(0)) return false;
        for (uint256 i = 0; i < made.ins.length; ++i) {
            Coin storage coin = coins[made.ins[i]];
            if (coin.owner != made.signer || !_isShown(made.ins[i]) || _isRefusedFund(made.ins[i])) {
                return false;
            }
            if (!made.settled && _isConsumed(made.ins[i])) return false;
        }
        return !_statedDiffers(payment);
    }

    /// @dev A forged payment that states more than it spends cannot be proven.
    function _statedDiffers(uint256 payment) internal view returns (bool) {
        uint256 sum = 0;
        for (uint256 i = 0; i < payments[payment].ins.length; ++i) {
            sum += coins[payments[payment].ins[i]].amount;
        }
        for (uint256 i = 0; i < payments[payment].outs.length; ++i) {
            uint256 amount = coins[payments[payment].outs[i]].amount;
            if (amount > sum) return true;
            sum -= amount;
        }
        return sum != 0;
    }

    function _unspentOfThief(uint256 seed) internal view returns (uint256) {
        for (uint256 i = 0; i < coins.length; ++i) {
            uint256 coin = (seed % coins.length + i) % coins.length;
            if (coin == 0 || _isHonest(coins[coin].owner) || coins[coin].forged) continue;
            if (_isShown(coin) && coins[coin].spenders.length == 0 && _isFree(coin)) return coin;
        }
        return 0;
    }

    function _flyable(uint256 seed) internal view returns (uint256) {
        for (uint256 i = 0; i < payments.length; ++i) {
            uint256 payment = (seed % payments.length + i) % payments.length;
            if (payment == 0 || payments[payment].flight != 0 || !_isProvable(payment)) continue;
            return payment;
        }
        return 0;
    }

    function _openFlight(uint256 seed) internal view returns (uint256) {
        for (uint256 i = 0; i < flights.length; ++i) {
            uint256 flight = (seed % flights.length + i) % flights.length;
            if (flights[flight].payment != 0) return flight;
        }
        return 0;
    }

    /// @dev Not spent, not leaving by another way.
    function _isClaimable(uint256 coin) internal view returns (bool) {
        if (coins[coin].exits.length != 0 || _isSpent(coin)) return false;
        return _liveSpender(coin, 0) == 0;
    }

    function _isLocked(uint256 coin, uint256 payment) internal view override returns (bool) {
        uint256[] storage spenders = coins[coin].spenders;
        for (uint256 i = 0; i < spenders.length; ++i) {
            if (spenders[i] != payment && payments[spenders[i]].flight != 0) return true;
        }
        uint256 flight = payments[coins[coin].payment].flight;
        return flight != 0 && flights[flight].claimed & (uint8(1) << coins[coin].output) != 0;
    }

    function _isFlightVoid(uint256 flight) internal view returns (bool) {
        return Position.wrap(uint72(flights[flight].id >> 40)).blockOf() > federation.lastValid();
    }

    /// @dev Shown under an anchor that counts.
    function _isKnown(Position position) internal view returns (bool) {
        return !(position == NOWHERE) && position.blockOf() <= federation.lastValid();
    }

    /// @dev Where a transaction lies that is in a block.
    function _bornAt(uint256 payment) internal view returns (Position) {
        return
            Position.wrap((uint72(payments[payment].height) << 40) | (uint72(payments[payment].index) << 8));
    }

    function _in(Flight storage open, uint256 input) internal view returns (uint256) {
        return payments[open.payment].ins[input];
    }

    /// @dev The oldest included competitor, else any that counts.
    function _rivalOf(uint256 payment) internal view returns (uint256 input, uint256 rival) {
        Position best = NOWHERE;
        uint256[] storage ins = payments[payment].ins;
        for (uint256 i = 0; i < ins.length; ++i) {
            uint256[] storage spenders = coins[ins[i]].spenders;
            for (uint256 k = 0; k < spenders.length; ++k) {
                if (spenders[k] == payment || !_isLive(spenders[k]) || _isUnproven(spenders[k])) continue;
                bool older = _isIncluded(spenders[k]) && _bornAt(spenders[k]) < best;
                if (older) best = _bornAt(spenders[k]);
                if (older || rival == 0) (input, rival) = (i, spenders[k]);
            }
        }
    }

    function _placeOf(uint256 payment) internal view returns (uint64 time, Position youngest) {
        time = uint64(block.timestamp) + P;
        uint256[] storage ins = payments[payment].ins;
        for (uint256 i = 0; i < ins.length; ++i) {
            if (youngest < _position(ins[i])) youngest = _position(ins[i]);
            uint64 term = anchors[coveredBy[_heightOf(ins[i])] - 1].time + 2 * P;
            if (term > time) time = term;
        }
    }

    function _inputsOf(uint256 payment) internal view returns (Proof[] memory inputs) {
        uint256[] storage ins = payments[payment].ins;
        inputs = new Proof[](ins.length);
        for (uint256 i = 0; i < ins.length; ++i) {
            inputs[i] = _proofOf(coins[ins[i]].payment);
        }
    }

    function _pending(uint256 payment) internal view returns (Pending memory pending) {
        uint256[] storage ins = payments[payment].ins;
        pending.transaction = payments[payment].body;
        pending.owner = payments[payment].signer;
        pending.inputs = new bytes32[](ins.length);
        for (uint256 i = 0; i < ins.length; ++i) {
            pending.inputs[i] = _key(ins[i]);
        }
    }
}
