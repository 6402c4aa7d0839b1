// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Certificate} from "../../contracts/types/Committee.sol";
import {Evidence} from "../../contracts/types/Evidence.sol";
import {Pay, Spend} from "../support/Forms.sol";
import {Gifts} from "./Gifts.sol";

/// @notice Situations that need several steps in their order, which random ones hardly find: each handler makes one, and what
/// comes of it the rest of the history shows.
abstract contract Corners is Gifts {
    // ---- handlers

    /// @dev Operators are late, silence is announced, and they anchor in the last second: that saves the federation.
    function rescue(uint256 seed) public {
        if (!_isAlive() || silent) return _else(seed);
        _anchorIfAlive();
        silent = true;
        uint256 last = federation.latest().time;
        bytes memory announcing = abi.encodeCall(federation.announceSilence, ());
        _advanceTo(last + SILENCE);
        _refuses(SEARCHER, address(federation), 0, announcing, IFederation.TooEarly.selector);
        _advanceTo(last + SILENCE + 1 + _pick(seed, 1, GRACE));
        _do(SEARCHER, address(federation), 0, announcing);
        uint256 haltFrom = block.timestamp + GRACE;
        _refusesHalt(IFederation.TooEarly.selector);
        _advanceTo(haltFrom);
        _refusesHalt(IFederation.TooEarly.selector);
        if (_pick(seed, 2, 2) == 0) _advanceTo(last + SILENCE + 2 * GRACE);
        silent = false;
        _anchorIfAlive();
        // Whatever was announced before an anchor is forgotten with it.
        _refusesHalt(IFederation.SilenceUnknown.selector);
        _advanceTo(block.timestamp + GRACE + 1);
        _refusesHalt(IFederation.SilenceUnknown.selector);
        _saw("rescue");
    }

    /// @dev Operators wake up a second too late.
    function anchorTooLate(uint256 seed) public {
        if (!silent || federation.halted()) return _else(seed);
        _advanceTo(federation.latest().time + SILENCE + 2 * GRACE + 1);
        _decideEmpty();
        bytes memory header = _headerOfTip(Twist(0, 0));
        uint64 epoch = _epochToAnchor();
        Certificate memory by = _finalizeOf(epoch, header, _allOf(epoch));
        bytes memory call =
            abi.encodeCall(federation.anchor, (header, epoch, by.viewNumber, by.bitmap, by.signature));
        _refuses(SEARCHER, address(federation), 0, call, IFederation.SilentTooLong.selector);
        _saw("anchor too late");
    }

    /// @dev An output of a payment left. Then a thief shows another payment of one input, nobody answers for the first, and
    /// the inputs should go back.
    function flyAfterPayout(uint256 seed) public {
        if (!_isAlive() || fraudFrom != FOREVER) return _else(seed);
        (uint256 one, uint256 other) = _twoOfThief(seed);
        uint256 payment = _signBoth(one, other);
        if (!_mayInclude(payment)) return;
        _decideOne(payment);
        _anchorIfAlive();
        uint256 left = payments[payment].outs[0];
        _startExit(left);
        _advance(2 * P);
        while (!_isConsumed(left) && _due(coins[left].asset, 1).length != 0) _process(coins[left].asset, 4);
        if (!_isConsumed(left) || !_areInputsShown(payment) || payments[payment].flight != 0) return;
        _signOne(coins[one].owner, one, coins[one].amount, SEARCHER, FOREVER - 1);
        Evidence memory plain;
        plain.transaction = payments[payment].body;
        uint256 flight = _flyWith(payment, payments[payment].signer, plain);
        flights[flight].unanswered = true;
        _claimInputs(flight);
        _contest(flight);
        _saw("flight after a payout");
    }

    /// @dev What spends an output of a block that was taken away starts no exit: not as it is, and not by a lie that has it in
    /// an older block.
    function flyOnVoid(uint256 seed) public {
        if (!federation.halted()) return _else(seed);
        for (uint256 i = 0; i < payments.length; ++i) {
            uint256 payment = (seed % payments.length + i) % payments.length;
            if (_spendsVoid(payment)) return _flyOnVoid(payment, seed);
        }
        _else(seed);
    }

    /// @dev Claims in both games about a block that was certified, and that no anchor ever covers. Nobody shows the payment
    /// in it in another way.
    function claimInVain(uint256 seed) public {
        if (!_isAlive() || silent || fraudFrom != FOREVER) return _else(seed);
        (uint256 one, uint256 other) = _twoOfThief(seed);
        address thief = coins[one].owner;
        address friend = thief == mallory ? trudy : mallory;
        _startExit(one);
        uint256 payment = _signOne(thief, other, coins[other].amount, friend, FOREVER);
        if (payments[payment].flight != 0) return;
        uint256 flight = _fly(payment, thief);
        _claimOutputs(flight);
        uint256 rival = _signOne(thief, other, coins[other].amount, thief, FOREVER - 1);
        uint256 spender = _signOne(thief, one, coins[one].amount, friend, FOREVER);
        if (payments[rival].height != 0 || payments[spender].height != 0) return;
        _decideOne(spender);
        _decideOne(rival);
        uint256 chosen = coins[one].exits[0];
        _claimByReceipt(chosen, spender);
        _contestByReceipt(flight, 0, rival, false, payments[rival].height);
        (exits[chosen].neglected, flights[flight].neglected) = (true, true);
        silent = true;
        bool before = _pick(seed, 2, 2) == 0;
        if (before) _payAllAfter(2 * P);
        _advance(SILENCE + 1);
        announceSilence(0);
        _advance(GRACE + 1);
        haltIfSilent(0);
        _saw("claims in vain");
    }

    /// @dev Operators include a second payment of one coin, and nobody has the block. In flight the older one counts.
    function flyDoubleSpend(uint256 seed) public {
        uint256 coin = _unspentOfThief(seed);
        if (coin == 0 || !_isAlive() || fraudFrom != FOREVER) return _else(seed);
        address thief = coins[coin].owner;
        address friend = thief == mallory ? trudy : mallory;
        uint256 first = _signOne(thief, coin, coins[coin].amount, friend, FOREVER);
        uint256 second = _signOne(thief, coin, coins[coin].amount, thief, FOREVER - 1);
        _decideOne(first);
        _anchorForged(second, Forgery.DoubleSpend, true);
        if (payments[second].flight != 0 || !_isProvable(second)) return;
        uint256 flight = _fly(second, thief);
        _claimOutputs(flight);
        _contest(flight);
        _saw("double spend in flight");
    }

    /// @dev An honest payment expired, its owner leaves with what it would have spent, and operators certify that it was in a
    /// block.
    function lieAboutExit(uint256 seed) public {
        uint256 coin = _spendable(seed);
        if (coin == 0 || !_isHonest(coins[coin].owner) || !_isAlive() || tip == 0) return _else(seed);
        uint256 payment = _signOne(coins[coin].owner, coin, coins[coin].amount, SEARCHER, tip);
        _decideEmpty();
        _anchorIfAlive();
        if (payments[payment].height != 0 || !_mayExit(coin)) return;
        _startExit(coin);
        uint256 chosen = coins[coin].exits[0];
        _claimByLie(chosen, payment, payments[payment].expiry);
        if (_pick(seed, 1, 2) == 0) _rebutIfFalse(chosen);
    }

    /// @dev Both sides of a dispute have receipts alone.
    function disputeByReceipts(uint256 seed) public {
        uint256 coin = _unspentOfThief(seed);
        if (coin == 0 || !_isAlive() || fraudFrom != FOREVER) return _else(seed);
        address thief = coins[coin].owner;
        address friend = thief == mallory ? trudy : mallory;
        uint256 payment = _signOne(thief, coin, coins[coin].amount, friend, FOREVER);
        if (_pick(seed, 1, 2) == 0) return _disputeOutput(payment, friend, seed);
        uint256 rival = _signOne(thief, coin, coins[coin].amount, thief, FOREVER - 1);
        if (payments[payment].flight != 0 || !_isProvable(payment)) return;
        _decideOne(rival);
        uint256 flight = _fly(payment, thief);
        _claimOutputs(flight);
        if (_pick(seed, 2, 2) == 0) _claimInputs(flight);
        _contestByReceipt(flight, 0, rival, false, payments[rival].height);
        respondByReceipt(flight);
        showInputByReceipt(flight);
    }

    // ---- what is tried

    /// @dev The output is spent in the next block, or by what expired and only a lie has in a block.
    function _disputeOutput(uint256 payment, address friend, uint256 seed) private {
        if (!_mayInclude(payment)) return;
        _decideOne(payment);
        uint256 out = payments[payment].outs[0];
        uint256 spender = _signOne(friend, out, coins[out].amount, SEARCHER, tip + 1);
        bool lies = _pick(seed, 3, 2) == 0;
        if (lies) _decideEmpty();
        else _decideOne(spender);
        _decideEmpty();
        if (!_isProvable(payment)) return;
        uint256 flight = _fly(payment, friend);
        _claimOutputs(flight);
        if (flights[flight].claimed == 0) return;
        _showOutputByReceipt(flight, 0, spender, lies, payments[spender].expiry);
    }

    function _payAllAfter(uint256 duration) private {
        _advance(duration);
        while (_due(ETH, 1).length != 0) _process(ETH, 8);
        while (_due(address(token), 1).length != 0) _process(address(token), 8);
    }

    /// @dev Of everything that spends what was taken away.
    function _flyOnVoids() internal {
        for (uint256 i = 1; i < payments.length; ++i) {
            if (_spendsVoid(i)) _flyOnVoid(i, i);
        }
    }

    function _flyOnVoid(uint256 payment, uint256 seed) private {
        Evidence memory evidence;
        evidence.transaction = payments[payment].body;
        bytes4 reason =
            _isExpired(payment) ? IExitGame.SpendingExpired.selector : IExitGame.HeightVoid.selector;
        _refusesStart(payment, evidence, BOND, reason);
        uint32 height = _claimedHeight(payment, true, seed);
        if (height == 0) return;
        _refusesStart(payment, _lieAbout(payment, height), 2 * BOND, IExitGame.HeightVoid.selector);
        _saw("void start refused");
    }

    function _refusesHalt(bytes4 reason) private {
        _refuses(SEARCHER, address(federation), 0, abi.encodeCall(federation.haltIfSilent, ()), reason);
    }

    function _refusesStart(uint256 payment, Evidence memory evidence, uint256 bond, bytes4 reason) private {
        uint256[] storage ins = payments[payment].ins;
        Proof[] memory inputs = new Proof[](ins.length);
        for (uint256 i = 0; i < ins.length; ++i) {
            inputs[i] = _everProof(coins[ins[i]].payment);
        }
        bytes memory call = abi.encodeCall(inFlight.startInFlightExit, (evidence, inputs));
        _refusesFlight(SEARCHER, bond, call, reason);
    }

    function _signBoth(uint256 one, uint256 other) private returns (uint256) {
        uint256[] memory ins = new uint256[](2);
        Spend[] memory spends = new Spend[](2);
        (ins[0], ins[1]) = (one, other);
        spends[0] = Spend(_position(one), coins[one].amount);
        spends[1] = Spend(_position(other), coins[other].amount);
        Pay[] memory pays = new Pay[](2);
        address owner = coins[one].owner;
        pays[0] = Pay(owner, coins[one].amount);
        pays[1] = Pay(owner, coins[other].amount);
        return _sign(owner, ins, spends, pays, coins[one].asset, FOREVER);
    }

    /// @dev Two coins of a thief, of one asset, that nothing ever spent.
    function _twoOfThief(uint256 seed) private returns (uint256 one, uint256 other) {
        one = _unspentOfThief(seed);
        for (uint256 i = 1; i < coins.length && one != 0; ++i) {
            bool same = coins[i].owner == coins[one].owner && coins[i].asset == coins[one].asset;
            if (i == one || !same || coins[i].forged || coins[i].spenders.length != 0) continue;
            if (_isShown(i) && _isFree(i)) return (one, i);
        }
        address thief = _pick(seed, 21, 2) == 0 ? mallory : trudy;
        one = _enter(thief, 1 + _pick(seed, 22, 1e18));
        other = _enter(thief, 1 + _pick(seed, 23, 1e18));
        _anchorIfAlive();
    }

    // ---- what there is

    /// @dev Its first input was in a block that is anchored and void; the others are what nothing hinders.
    function _spendsVoid(uint256 payment) private view returns (bool) {
        uint256[] storage ins = payments[payment].ins;
        if (payments[payment].signer == address(0) || ins.length == 0) return false;
        if (payments[payment].flight != 0 || wasFreed[payment]) return false;
        for (uint256 i = 0; i < ins.length; ++i) {
            uint32 height = _everHeight(coins[ins[i]].payment);
            if (height == 0 || coveredBy[height] == 0) return false;
        }
        Payment storage made = payments[coins[ins[0]].payment];
        return made.voidHeight != 0 && coins[ins[0]].owner == payments[payment].signer;
    }
}
