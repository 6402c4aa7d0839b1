// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../../contracts/interfaces/IInFlightExits.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Evidence} from "../../contracts/types/Evidence.sol";
import {Pending} from "../../contracts/types/InFlight.sol";
import {NOWHERE, Position} from "../../contracts/types/Position.sol";
import {FlightClaims} from "./FlightClaims.sol";

/// @notice In-flight exits: anybody starts them, parties claim, competitors and spends are shown, and what must be refused is tried.
abstract contract Flights is FlightClaims {
    // ---- handlers

    function fly(uint256 seed) public {
        uint256 payment = _flyable(seed);
        if (payment == 0) return _else(seed);
        address[3] memory who = [payments[payment].signer, coins[payments[payment].outs[0]].owner, SEARCHER];
        uint256 flight = _fly(payment, who[_pick(seed, 1, 3)]);
        if (flight == 0) return;
        uint256 parties = _pick(seed, 2, 4);
        if (parties & 1 != 0) _claimOutputs(flight);
        if (parties & 2 != 0) _claimInputs(flight);
    }

    /// @dev A thief signs twice for one of two inputs, once with an expiry that comes soon, and shows that herself.
    function signTwiceAndFly(uint256 seed) public {
        uint256 coin = _unspentOfThief(seed);
        if (coin == 0 || !_isAlive()) return _else(seed);
        address thief = coins[coin].owner;
        uint256 rival = _signOne(thief, coin, coins[coin].amount, thief, tip);
        if (_pick(seed, 14, 2) == 0) return _flyBoth(coin, rival);
        uint256 payment = _payWith(coin, seed);
        if (payments[payment].flight != 0 || !_isProvable(payment)) return;
        uint256 flight = _fly(payment, thief);
        if (flight == 0) return;
        _claimInputs(flight);
        _contest(flight);
        _decideEmpty();
        _anchorIfAlive();
    }

    /// @dev Two payments of one coin, both in flight before they expire: no competitor can be shown of either.
    function _flyBoth(uint256 coin, uint256 rival) private {
        address thief = coins[coin].owner;
        address friend = thief == mallory ? trudy : mallory;
        uint256 payment = _signOne(thief, coin, coins[coin].amount, friend, tip);
        if (!_isProvable(rival) || !_isProvable(payment)) return;
        if (payments[rival].flight != 0 || payments[payment].flight != 0) return;
        _claimOutputs(_fly(rival, thief));
        _claimOutputs(_fly(payment, thief));
        _decideEmpty();
        _anchorIfAlive();
        _saw("two in flight");
    }

    function claimOutputs(uint256 seed) public {
        uint256 flight = _openFlight(seed);
        if (flight == 0) return _else(seed);
        _claimOutputs(flight);
    }

    function claimInputs(uint256 seed) public {
        uint256 flight = _openFlight(seed);
        if (flight == 0) return _else(seed);
        _claimInputs(flight);
    }

    /// @dev Anybody shows another transaction, or that this one is included.
    function contest(uint256 seed) public {
        uint256 flight = _openFlight(seed);
        if (flight == 0) return _else(seed);
        _contest(flight);
    }

    function respond(uint256 seed) public {
        uint256 flight = _openFlight(seed);
        if (flight == 0) return _else(seed);
        _respond(flight);
    }

    function showSpent(uint256 seed) public {
        uint256 flight = _openFlight(seed);
        if (flight == 0) return _else(seed);
        _showSpent(flight);
    }

    /// @dev What is said too late, about itself, by nobody, or of another owner, changes nothing.
    function flyWrongly(uint256 seed) public {
        uint256 flight = _openFlight(seed);
        if (flight == 0 || _isFlightVoid(flight)) return _else(seed);
        Flight storage open = flights[flight];
        uint256 payment = open.payment;
        Pending memory pending = _pending(payment);
        Evidence memory same;
        same.transaction = payments[payment].body;
        bool early = block.timestamp < open.begun + P / 2;
        bytes memory call = abi.encodeCall(inFlight.challengeNotCanonical, (open.id, pending, 0, same, 0));
        bool plain = !_isExpired(payment);
        if (early && plain) _refusesFlight(SEARCHER, 0, call, IInFlightExits.SameTransaction.selector);
        if (!early) _refusesFlight(SEARCHER, 0, call, IInFlightExits.TimePassed.selector);
        if (open.claimed & INPUTS != 0 && plain) {
            call = abi.encodeCall(inFlight.challengeInputSpent, (open.id, pending, 0, same, 0));
            _refusesFlight(SEARCHER, 0, call, IInFlightExits.SameTransaction.selector);
        }
        call = abi.encodeCall(inFlight.piggybackOutput, (open.id, pending, 0));
        address owner = coins[payments[payment].outs[0]].owner;
        _refusesFlight(WATCHER, BOND, call, IExitGame.NotOwner.selector);
        _refusesFlight(owner, 0, call, IExitGame.BondDiffers.selector);
        if (!early) _refusesFlight(owner, BOND, call, IInFlightExits.TimePassed.selector);
        if (early) _contestByStranger(flight, pending);
    }

    /// @dev Whose inputs were set free is not frozen again by others.
    function flyAgain(uint256 seed) public {
        for (uint256 i = 0; i < payments.length; ++i) {
            uint256 payment = (seed % payments.length + i) % payments.length;
            if (!wasFreed[payment] || payments[payment].flight != 0 || !_isProvable(payment)) continue;
            if (federation.lastValid() < freedUnder[payment]) return;
            Evidence memory evidence = _evidenceOf(payment);
            if (evidence.inclusion.transactionCount != 0) continue;
            bytes memory call = abi.encodeCall(inFlight.startInFlightExit, (evidence, _inputsOf(payment)));
            _refusesFlight(SEARCHER, BOND, call, IInFlightExits.RestartRefused.selector);
            return _saw("restart refused");
        }
        _else(seed);
    }

    // ---- what is tried

    function _flyIfProvable(uint256 payment, address starter) internal override returns (bool) {
        if (!_isProvable(payment)) return false;
        if (payment % 2 == 0) return _fly(payment, starter) != 0;
        bytes memory call = abi.encodeCall(inFlight.showInputs, (payments[payment].body, _inputsOf(payment)));
        _do(starter, address(inFlight), 0, call);
        flown[payments[payment].id] = true;
        _saw("inputs shown");
        return true;
    }

    function _fly(uint256 payment, address starter) internal returns (uint256 flight) {
        if (!_isIncluded(payment) && _isRestartRefused(payment, starter)) return 0;
        return _flyWith(payment, starter, _evidenceOf(payment));
    }

    /// @dev Whose inputs were set free is frozen again by their owner alone, or by who shows the payment in a block.
    function _isRestartRefused(uint256 payment, address starter) internal view returns (bool) {
        if (!wasFreed[payment] || starter == payments[payment].signer) return false;
        return federation.lastValid() >= freedUnder[payment];
    }

    /// @dev A start that rests on a receipt costs a second bond.
    function _flyWith(uint256 payment, address starter, Evidence memory evidence)
        internal
        returns (uint256 flight)
    {
        bool rests = evidence.header.length != 0;
        uint256 bond = rests ? 2 * BOND : BOND;
        bytes memory call = abi.encodeCall(inFlight.startInFlightExit, (evidence, _inputsOf(payment)));
        address asset = payments[payment].asset;
        uint256 id = abi.decode(_do(starter, address(inFlight), bond, call), (uint256));
        _pays(starter, BOND);
        (uint64 time, Position youngest) = _placeOf(payment);
        _takesPlace(asset, id, time, youngest);
        flight = flights.length;
        flights.push();
        Flight storage made = flights[flight];
        (made.payment, made.id, made.begun, made.starter) = (payment, id, uint64(block.timestamp), starter);
        (made.competitor, made.included) = (NOWHERE, NOWHERE);
        if (evidence.inclusion.transactionCount == 0 || !_isIncluded(payment)) rests = true;
        if (!rests) made.included = _bornAt(payment);
        flown[payments[payment].id] = true;
        flightOf[asset][id] = flight;
        payments[payment].flight = flight;
        _saw("flight");
    }

    /// @dev Every owner of an output claims it: honest ones unless they spent it, thieves whatever can be claimed.
    function _claimOutputs(uint256 flight) internal {
        Flight storage open = flights[flight];
        if (block.timestamp >= open.begun + P / 2 || _isFlightVoid(flight)) return;
        uint256[] storage outs = payments[open.payment].outs;
        for (uint8 i = 0; i < outs.length; ++i) {
            address owner = coins[outs[i]].owner;
            if ((open.claimed | (open.spent & 15)) & (uint8(1) << i) != 0 || _isConsumed(outs[i])) continue;
            if (_isHonest(owner) && !_isClaimable(outs[i])) continue;
            bytes memory call = abi.encodeCall(inFlight.piggybackOutput, (open.id, _pending(open.payment), i));
            _do(owner, address(inFlight), BOND, call);
            _pays(owner, BOND);
            open.claimed |= uint8(1) << i;
            _saw("output claimed");
        }
    }

    function _claimInputs(uint256 flight) internal {
        Flight storage open = flights[flight];
        if (block.timestamp >= open.begun + P / 2 || _isFlightVoid(flight)) return;
        if (open.claimed & INPUTS != 0) return;
        address owner = payments[open.payment].signer;
        _do(
            owner,
            address(inFlight),
            BOND,
            abi.encodeCall(inFlight.piggybackInput, (open.id, _pending(open.payment)))
        );
        _pays(owner, BOND);
        open.claimed |= INPUTS;
        _saw("inputs claimed");
    }

    /// @dev The oldest competitor that is known. In blocks before those in none.
    function _contest(uint256 flight) internal {
        Flight storage open = flights[flight];
        if (block.timestamp >= open.begun + P / 2 || _isFlightVoid(flight)) return;
        (uint256 input, uint256 rival) = _rivalOf(open.payment);
        if (rival == 0) return;
        Position position = _isIncluded(rival) ? _bornAt(rival) : NOWHERE;
        // What does not come before what is known already says nothing.
        bool known = open.challenger != address(0) && !(position < open.competitor);
        bool counts = _isKnown(open.included);
        if (known || (counts && !(position < open.included))) return;
        bytes memory call = abi.encodeCall(
            inFlight.challengeNotCanonical,
            (
                open.id,
                _pending(open.payment),
                uint8(input),
                _evidenceOf(rival),
                _inputOf(rival, _in(open, input))
            )
        );
        _do(WATCHER, address(inFlight), 0, call);
        (open.challenger, open.competitor) = (WATCHER, position);
        _saw("contested");
    }

    function _respond(uint256 flight) internal {
        Flight storage open = flights[flight];
        if (_isFlightVoid(flight) || !_isIncluded(open.payment) || _isKnown(open.included)) return;
        Position position = _bornAt(open.payment);
        if (open.challenger != address(0) && _isKnown(open.competitor) && !(position < open.competitor)) {
            return;
        }
        bytes memory call = abi.encodeCall(
            inFlight.respondNotCanonical, (open.id, _pending(open.payment), _evidenceOf(open.payment))
        );
        _do(WATCHER, address(inFlight), 0, call);
        open.included = position;
        (open.resting, open.unfounded) = (false, false);
        _saw("responded");
    }

    /// @dev Claimed inputs that another transaction spends, and claimed outputs that are spent.
    function _showSpent(uint256 flight) internal {
        Flight storage open = flights[flight];
        if (_isFlightVoid(flight)) return;
        uint256[] storage ins = payments[open.payment].ins;
        for (uint8 i = 0; i < ins.length && open.claimed & INPUTS != 0; ++i) {
            uint256 rival = _liveSpender(ins[i], open.payment);
            if (rival == 0 || open.spent & (INPUTS << i) != 0 || _isUnproven(rival)) continue;
            _showInputSpent(open, i, rival, _inputOf(rival, ins[i]));
        }
        if (!_isIncluded(open.payment)) return;
        uint256[] storage outs = payments[open.payment].outs;
        for (uint8 i = 0; i < outs.length; ++i) {
            uint256 spender = _liveSpender(outs[i], 0);
            if (spender == 0 || open.claimed & (uint8(1) << i) == 0 || _isUnproven(spender)) continue;
            _showOutputSpent(open, i, spender, _inputOf(spender, outs[i]));
        }
    }

    function _showInputSpent(Flight storage open, uint8 input, uint256 rival, uint8 spending) private {
        bytes memory call = abi.encodeCall(
            inFlight.challengeInputSpent,
            (open.id, _pending(open.payment), input, _evidenceOf(rival), spending)
        );
        _do(WATCHER, address(inFlight), 0, call);
        if (open.spent < INPUTS) _gets(WATCHER, BOND);
        open.spent |= INPUTS << input;
        _saw("input shown spent");
    }

    function _showOutputSpent(Flight storage open, uint8 output, uint256 spender, uint8 spending) private {
        bytes memory call = abi.encodeCall(
            inFlight.challengeOutputSpent,
            (
                open.id,
                _pending(open.payment),
                output,
                _evidenceOf(open.payment),
                _evidenceOf(spender),
                spending
            )
        );
        _do(WATCHER, address(inFlight), 0, call);
        _gets(WATCHER, BOND);
        open.claimed &= ~(uint8(1) << output);
        open.spent |= uint8(1) << output;
        _saw("output shown spent");
    }

    /// @dev A stranger signs for the input.
    function _contestByStranger(uint256 flight, Pending memory pending) private {
        uint256 coin = payments[flights[flight].payment].ins[0];
        address thief = coins[coin].owner == mallory ? trudy : mallory;
        Evidence memory theft;
        theft.transaction = payments[_signOne(thief, coin, coins[coin].amount, SEARCHER, FOREVER)].body;
        bytes memory call =
            abi.encodeCall(inFlight.challengeNotCanonical, (flights[flight].id, pending, 0, theft, 0));
        _refusesFlight(SEARCHER, 0, call, IExitGame.NotSpentByOwner.selector);
        _saw("false competitor refused");
    }
}
