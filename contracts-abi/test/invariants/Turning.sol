// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {Payday} from "./Payday.sol";

/// @notice Time goes on. On its way the watcher and honest users do in the last second what they must do by then, and
/// operators anchor unless they are silent. At the end of a history everybody leaves.
abstract contract Turning is Payday {
    /// @dev Anchors are no farther apart.
    uint256 private constant STRIDE = 150;
    /// @dev Who waits for one exit may have another to begin after it.
    uint256 private constant ROUNDS = 3;

    bool internal silent;
    /// @dev When the federation halted, zero before.
    uint256 internal haltedAt;
    bool private _left;
    /// @dev One step does one thing in place of nothing.
    bool private transient _growing;

    // ---- handlers

    function advance(uint256 seed) public {
        _advance(1 + _pick(seed, 1, 300));
    }

    /// @dev Longer than most exits take.
    function advanceFar(uint256 seed) public {
        _advance(P + _pick(seed, 1, P + 2));
    }

    /// @dev To the very second in which the next exit can be paid, or one before it.
    function advanceToNext(uint256 seed) public {
        (uint256 size, uint256 id) = game.queue(ETH);
        uint256 time = id >> 112;
        if (size != 0 && time > block.timestamp + 1) {
            _advance(time - block.timestamp - _pick(seed, 1, 2));
        }
    }

    /// @dev A thief has an exit and a reclaim of one deposit end in one second, in either order, and nobody looks.
    function race(uint256 seed) public {
        uint256 chosen = _racer(seed);
        if (chosen == 0) return _else(seed);
        Entry storage entry = entries[chosen];
        if (coins[entry.coin].exits.length == 0) _startExit(entry.coin);
        uint256 time = uint64(exits[coins[entry.coin].exits[0]].id >> 112);
        if (time > block.timestamp + RECLAIM) _advance(time - block.timestamp - RECLAIM);
        if (!_mayRace(chosen)) return;
        _reclaimAlone(chosen);
        _advance(RECLAIM);
        bool exitFirst = _pick(seed, 1, 2) == 0;
        if (exitFirst) while (_due(entry.asset, 1).length != 0) _process(entry.asset, 4);
        _endReclaim(chosen, false);
        if (!exitFirst) while (_due(entry.asset, 1).length != 0) _process(entry.asset, 4);
        _saw("race");
    }

    function fallSilent(uint256) public {
        silent = true;
    }

    function announceSilence(uint256) public {
        IFederation.Latest memory last = federation.latest();
        bytes memory call = abi.encodeCall(federation.announceSilence, ());
        bytes4 reason = 0;
        if (last.lastValid != FOREVER) reason = IFederation.FederationHalted.selector;
        else if (block.timestamp <= last.time + SILENCE) reason = IFederation.TooEarly.selector;
        else if (federation.silenceNotice().haltFrom != 0) reason = IFederation.SilenceKnown.selector;
        if (reason != 0) return _refuses(SEARCHER, address(federation), 0, call, reason);
        _do(SEARCHER, address(federation), 0, call);
        _equal(federation.silenceNotice().haltFrom, block.timestamp + GRACE);
        _saw("silence announced");
        haltIfSilent(0);
    }

    function haltIfSilent(uint256) public {
        IFederation.Latest memory last = federation.latest();
        bytes memory call = abi.encodeCall(federation.haltIfSilent, ());
        uint256 from = federation.silenceNotice().haltFrom;
        bytes4 reason = 0;
        if (last.lastValid != FOREVER) reason = IFederation.FederationHalted.selector;
        else if (from == 0) reason = IFederation.SilenceUnknown.selector;
        else if (block.timestamp <= from) reason = IFederation.TooEarly.selector;
        if (reason != 0) return _refuses(SEARCHER, address(federation), 0, call, reason);
        _do(SEARCHER, address(federation), 0, call);
        _halts(FOREVER, last.height);
        _saw("silence");
    }

    // ---- what happens

    /// @dev Deposits and payments, exits of both kinds, and time.
    function _else(uint256 seed) internal override {
        if (_growing) return;
        _growing = true;
        uint256 kind = _pick(seed, 99, 10);
        if (kind < 3) deposit(seed);
        else if (kind < 6) pay(seed);
        else if (kind < 8) exit(seed);
        else if (kind < 9) fly(seed);
        else advance(seed);
        _growing = false;
    }

    function _advance(uint256 duration) internal {
        uint256 end = block.timestamp + duration;
        while (block.timestamp < end) {
            uint256 next = end < block.timestamp + STRIDE ? end : block.timestamp + STRIDE;
            if (_watchFlights(next)) continue;
            if (_leaveInTime(next)) continue;
            if (_watchOperators(next)) continue;
            _to(next);
            if (!silent && block.timestamp >= federation.latest().time + 50) _anchorIfAlive();
        }
    }

    /// @dev What can be proven of operators is proven before anything that came after it is paid.
    function _watchOperators(uint256 next) internal virtual returns (bool);

    function _to(uint256 time) internal {
        if (time <= block.timestamp) return;
        _l1(time - block.timestamp, time - block.timestamp);
        _forgetLost();
        _watchDue();
    }

    /// @dev In the last second of the first half of an in-flight exit competitors are shown, and honest owners claim.
    function _watchFlights(uint256 next) private returns (bool done) {
        for (uint256 i = 1; i < flights.length; ++i) {
            Flight storage flight = flights[i];
            uint256 last = flight.begun + P / 2 - 1;
            if (flight.payment == 0 || flight.watched || last > next) continue;
            if (last < block.timestamp) continue;
            _to(last);
            if (!silent) _anchorIfAlive();
            if (!flight.neglected) _contest(i);
            if (_isHonest(payments[flight.payment].signer)) _claimOutputs(i);
            flight.watched = true;
            return true;
        }
    }

    /// @dev I8: by the end of the window everybody has left.
    function _leaveInTime(uint256 next) private returns (bool) {
        if (fraudTime == 0 || _left || fraudTime + P - 1 > next) return false;
        if (fraudTime + P - 1 >= block.timestamp) _to(fraudTime + P - 1);
        _left = true;
        _everybodyLeaves();
        _saw("exodus");
        return true;
    }

    /// @dev Honest owners take what is theirs the way that is open to them.
    function _everybodyLeaves() internal {
        if (!silent) _anchorIfAlive();
        for (uint256 i = 1; i < coins.length; ++i) {
            if (_isHonest(coins[i].owner) && !coins[i].forged && _mayExit(i)) _startExit(i);
        }
        for (uint256 i = 1; i < payments.length; ++i) {
            Payment storage payment = payments[i];
            if (payment.height != 0 || payment.forged || payment.ins.length == 0) continue;
            if (payment.flight == 0 && _isProvable(i)) _fly(i, payment.signer);
            if (payment.flight != 0 && _isHonest(payment.signer)) _claimOutputs(payment.flight);
        }
        for (uint256 i = 1; i < entries.length; ++i) {
            uint256 coin = entries[i].coin;
            // What left before its block was taken away does not come back.
            bool swallowed = coin == 0 || (!_isBorn(coin) && !_isConsumed(coin));
            if (swallowed && !entries[i].returned && !entries[i].reclaiming) _reclaimAlone(i);
        }
    }

    /// @dev Blocks that are not withheld are proven invalid at the latest now.
    function _proveForgeries() internal virtual;

    /// @dev The end of a history: everybody leaves, waits, and is paid.
    function _finish() internal {
        token.become(token.mode(), address(0));
        _proveForgeries();
        if (silent) {
            _advance(SILENCE + 1);
            announceSilence(0);
            _advance(GRACE + 1);
            haltIfSilent(0);
        }
        for (uint256 round = 0; round < ROUNDS; ++round) {
            _everybodyLeaves();
            _advance(2 * P + 1);
            for (uint256 i = 1; i < entries.length; ++i) {
                if (entries[i].reclaiming) _endReclaim(i, false);
            }
            while (_due(ETH, 1).length != 0) _process(ETH, 8);
            while (_due(address(token), 1).length != 0) _process(address(token), 8);
        }
    }

    /// @dev What no honest owner may still have in the contracts when everybody has left.
    function _remains(address asset) internal view returns (uint256 sum) {
        for (uint256 i = 1; i < coins.length; ++i) {
            Coin storage coin = coins[i];
            if (coin.asset != asset || !_isHonest(coin.owner) || coin.forged || coin.gone) continue;
            if (!_isBorn(i) || _isSpent(i)) continue;
            sum += coin.amount;
        }
        for (uint256 i = 1; i < entries.length; ++i) {
            Entry storage entry = entries[i];
            if (entry.asset != asset || !_isHonest(entry.owner) || entry.returned) continue;
            if (entry.coin == 0 || (!_isBorn(entry.coin) && !coins[entry.coin].gone)) sum += entry.amount;
        }
    }

    /// @dev `lastValid` only falls.
    function _halts(uint32 before, uint32 height) internal {
        uint32 valid = height < before ? height : before;
        if (haltedAt == 0) haltedAt = block.timestamp;
        _equal(federation.lastValid(), valid);
        _voidAbove(valid);
    }

    /// @dev A deposit that a thief still has, and may exit.
    function _racer(uint256 seed) private view returns (uint256) {
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 chosen = (seed % entries.length + i) % entries.length;
            if (chosen == 0 || !_mayRace(chosen)) continue;
            if (_mayExit(entries[chosen].coin)) return chosen;
        }
        return 0;
    }

    function _mayRace(uint256 chosen) private view returns (bool) {
        Entry storage entry = entries[chosen];
        if (_isHonest(entry.owner) || entry.coin == 0 || entry.returned || entry.reclaiming) return false;
        if (!_isShown(entry.coin) || coins[entry.coin].gone || _isSpent(entry.coin)) return false;
        return _liveSpender(entry.coin, 0) == 0 && !_isLocked(entry.coin, 0);
    }

    function _reclaimAlone(uint256 chosen) internal {
        Entry storage entry = entries[chosen];
        uint64 made = vault.deposits(uint64(chosen - 1)).l1Block;
        if (federation.latest().l1Height < made && !federation.halted()) return;
        _do(entry.owner, address(vault), BOND, abi.encodeCall(vault.startReclaim, (uint64(chosen - 1))));
        _pays(entry.owner, BOND);
        entry.reclaiming = true;
        ++reclaimsOpen;
    }
}
