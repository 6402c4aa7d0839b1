// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {IInFlightExits} from "../../contracts/interfaces/IInFlightExits.sol";
import {ExitQueue} from "../../contracts/libraries/ExitQueue.sol";
import {Inclusion, Proof} from "../../contracts/types/Anchor.sol";
import {Evidence} from "../../contracts/types/Evidence.sol";
import {Position} from "../../contracts/types/Position.sol";
import {Users} from "./Users.sol";

/// @notice Standard exits and their challenges: honest ones of what is unspent, dishonest ones of what was spent, twice
/// or more of one output; challenges that must succeed, and challenges that must not.
abstract contract Standard is Users {
    /// @dev An open exit. `claimant` made the provisional challenge that stands, about a block at `claimHeight`; nobody
    /// challenges what is `neglected` in another way.
    struct Exit {
        uint256 coin;
        uint256 id;
        uint64 started;
        uint32 height;
        address claimant;
        uint32 claimHeight;
        bool claimLies;
        bool neglected;
    }

    Exit[] internal exits;
    mapping(address asset => mapping(uint256 id => uint256 exit)) internal exitOf;
    /// @dev I5: the reference of the queue, every place that `process` did not take away.
    mapping(address asset => uint256[]) internal places;
    mapping(address asset => uint40) internal started;

    // ---- handlers

    /// @dev An honest owner leaves with what it did not spend; a thief with whatever it once had, also twice.
    function exit(uint256 seed) public {
        for (uint256 i = 0; i < coins.length; ++i) {
            uint256 coin = (seed % coins.length + i) % coins.length;
            if (coin != 0 && _mayExit(coin)) {
                _startExit(coin);
                // Again at once, which is nobody's right and nobody's harm.
                if (!_isHonest(coins[coin].owner) && _pick(seed, 1, 2) == 0) _startExit(coin);
                return;
            }
        }
        _else(seed);
    }

    /// @dev Who owns it but left with it, or does not own it, or shows it in a history that was told later.
    function exitWrongly(uint256 seed) public {
        uint256 coin = _shown(seed, _pick(seed, 1, 2) == 0);
        if (coin == 0) coin = _shown(seed, false);
        if (coin == 0) return _else(seed);
        address owner = coins[coin].owner;
        Proof memory proof = _proofOf(coins[coin].payment);
        uint8 output = coins[coin].output;
        bytes memory call = abi.encodeCall(game.startExit, (proof, output));
        if (_isConsumed(coin)) {
            _refusesExit(owner, call, IExitGame.AlreadyPaid.selector);
            return _saw("second exit refused");
        }
        _refusesExit(owner == mallory ? trudy : mallory, call, IExitGame.NotOwner.selector);
        uint32 covering = coveredBy[_heightOf(coin)];
        if (covering < anchors.length) {
            proof.inclusion = _placedUnder(_heightOf(coin), proof.inclusion.index, anchors[covering]);
            call = abi.encodeCall(game.startExit, (proof, output));
            _refusesExit(owner, call, IExitGame.NotFirstCovering.selector);
        }
        call = abi.encodeCall(game.startExit, (_proofOf(coins[coin].payment), output));
        (bool done, bytes memory answer) = _as(owner, address(game), BOND + 1, call);
        if (done) revert NotRefused(done, answer, IExitGame.BondDiffers.selector);
    }

    /// @dev Anybody challenges what was spent, at any time.
    function challenge(uint256 seed) public {
        uint256 chosen = _openExit(seed);
        address who = _pick(seed, 1, 2) == 0 ? WATCHER : SEARCHER;
        if (chosen == 0 || !_challengeIfSpent(chosen, who)) _else(seed);
    }

    /// @dev A receipt is enough, also while no anchor shows the block.
    function challengeByReceipt(uint256 seed) public {
        uint256 chosen = _claimable(seed, false);
        if (chosen == 0) return _else(seed);
        _claimByReceipt(chosen, _decidedSpender(exits[chosen].coin));
    }

    function _claimByReceipt(uint256 chosen, uint256 spender) internal {
        uint8 input = _inputOf(spender, exits[chosen].coin);
        bytes memory call =
            abi.encodeCall(game.challengeExitProvisionally, (exits[chosen].id, _receiptOf(spender), input));
        if (_hasInputsToProve(spender)) {
            return _refusesExit(WATCHER, call, IExitGame.InputsNotShown.selector);
        }
        if (_isLate(chosen)) {
            return _refusesExit(WATCHER, call, IInFlightExits.TimePassed.selector);
        }
        _do(WATCHER, address(game), BOND, call);
        _claims(chosen, WATCHER, payments[spender].height, false);
        _saw("true claim");
    }

    /// @dev Operators certify that an honest owner's expired payment was in some block.
    function challengeByLie(uint256 seed) public {
        uint256 chosen = _claimable(seed, true);
        if (chosen == 0 || _isLate(chosen)) return _else(seed);
        uint256 spender = _expiredSpender(exits[chosen].coin);
        uint32 height = payments[spender].expiry;
        if (height == 0 || height > tip || height > federation.lastValid()) return;
        _claimByLie(chosen, spender, height);
    }

    function _claimByLie(uint256 chosen, uint256 spender, uint32 height) internal {
        uint8 input = _inputOf(spender, exits[chosen].coin);
        Evidence memory lie = _lieAbout(spender, height);
        bytes memory call = abi.encodeCall(game.challengeExitProvisionally, (exits[chosen].id, lie, input));
        if (_isDoomed(spender)) return _refusesExit(SEARCHER, call, IExitGame.HeightVoid.selector);
        if (_isUnproven(spender)) return _refusesExit(SEARCHER, call, IExitGame.InputsNotShown.selector);
        _do(SEARCHER, address(game), BOND, call);
        _claims(chosen, SEARCHER, height, true);
        _saw("false claim");
    }

    function rebut(uint256 seed) public {
        uint256 chosen = _openExit(seed);
        if (chosen == 0) return _else(seed);
        _rebutIfFalse(chosen);
    }

    /// @dev No challenge of an honest exit succeeds, whatever it shows.
    function challengeWrongly(uint256 seed) public {
        uint256 chosen = _openExit(seed);
        if (chosen == 0 || _isExitVoid(chosen)) return _else(seed);
        uint256 coin = exits[chosen].coin;
        uint256 id = exits[chosen].id;
        if (_isSold(coins[coin].asset, uint176(id))) return _else(seed);
        uint256 expired = _expiredSpender(coin);
        if (expired != 0) {
            bytes memory call =
                abi.encodeCall(game.challengeExit, (id, payments[expired].body, _inputOf(expired, coin)));
            bytes4 reason =
                _isExpired(expired) ? IExitGame.SpendingExpired.selector : IExitGame.HeightVoid.selector;
            _refuses(SEARCHER, address(game), 0, call, reason);
            _saw("expired challenge refused");
        }
        if (_heightOf(coin) == 0) return;
        address thief = coins[coin].owner == mallory ? trudy : mallory;
        uint256 stolen = _signOne(thief, coin, coins[coin].amount, SEARCHER, FOREVER);
        bytes memory theft = abi.encodeCall(game.challengeExit, (id, payments[stolen].body, 0));
        _refuses(SEARCHER, address(game), 0, theft, IExitGame.NotSpentByOwner.selector);
        _saw("false challenge refused");
    }

    // ---- what is tried

    function _leaveWith(uint256 coin) internal override {
        if (_mayExit(coin)) _startExit(coin);
    }

    function _startExit(uint256 coin) internal {
        uint256 payment = coins[coin].payment;
        address owner = coins[coin].owner;
        address asset = coins[coin].asset;
        bytes memory call = abi.encodeCall(game.startExit, (_proofOf(payment), coins[coin].output));
        uint256 id = abi.decode(_do(owner, address(game), BOND, call), (uint256));
        _pays(owner, BOND);
        uint64 time = uint64(block.timestamp) + P;
        uint64 term = anchors[coveredBy[_heightOf(coin)] - 1].time + 2 * P;
        if (term > time) time = term;
        _takesPlace(asset, id, time, _position(coin));
        _noteExit(coin, id);
        _saw("exit");
    }

    function _noteExit(uint256 coin, uint256 id) internal returns (uint256 number) {
        number = exits.length;
        exitOf[coins[coin].asset][id] = number;
        coins[coin].exits.push(number);
        exits.push();
        Exit storage made = exits[number];
        (made.coin, made.id, made.started) = (coin, id, uint64(block.timestamp));
        made.height = _heightOf(coin);
    }

    /// @dev I5: the key is time, then position, then number.
    function _takesPlace(address asset, uint256 id, uint64 time, Position position) internal {
        uint256 key = (uint256(time) << 112) | (uint256(Position.unwrap(position)) << 40) | ++started[asset];
        _equal(id, key);
        places[asset].push(id);
    }

    function _challengeIfSpent(uint256 chosen, address who) internal returns (bool) {
        uint256 coin = exits[chosen].coin;
        if (_isExitVoid(chosen)) return false;
        uint256 spender = _liveSpender(coin, 0);
        if (spender == 0) return false;
        uint256 id = exits[chosen].id;
        uint8 input = _inputOf(spender, coin);
        if (_isSold(coins[coin].asset, uint176(id))) {
            // Nothing spent it before it could be sold, and what comes later is nobody's challenge.
            bytes memory late = abi.encodeCall(game.challengeExit, (id, payments[spender].body, input));
            _refuses(who, address(game), 0, late, IExitGame.SoldBefore.selector);
            _saw("late challenge refused");
            return false;
        }
        if (_isUnproven(spender) && !_proves(id, spender, input, who)) return false;
        if (!_isExpired(spender) && !_hasInputsToProve(spender)) {
            bytes memory call = abi.encodeCall(game.challengeExit, (id, payments[spender].body, input));
            _do(who, address(game), 0, call);
        } else {
            Evidence memory shown = _evidenceOf(spender);
            Proof memory proof = Proof(shown.transaction, shown.inclusion);
            _do(who, address(game), 0, abi.encodeCall(game.challengeExitIncluded, (id, proof, input)));
            _saw("challenge by inclusion");
        }
        _gets(who, BOND);
        if (exits[chosen].claimant != address(0)) _gets(exits[chosen].claimant, BOND);
        _closeExit(chosen);
        _saw("challenge");
        return true;
    }

    /// @dev Who challenges with a payment of several inputs that is in no block proves them first.
    function _proves(uint256 id, uint256 spender, uint8 input, address who) private returns (bool) {
        if (!_isExpired(spender)) {
            bytes memory call = abi.encodeCall(game.challengeExit, (id, payments[spender].body, input));
            _refuses(who, address(game), 0, call, IExitGame.InputsNotShown.selector);
            _saw("challenge without inputs refused");
        }
        return _flyIfProvable(spender, who);
    }

    /// @dev Starts an in-flight exit, if there can be one.
    function _flyIfProvable(uint256 payment, address starter) internal virtual returns (bool);

    function _rebutIfFalse(uint256 chosen) internal {
        Exit storage claimed = exits[chosen];
        if (claimed.claimant == address(0) || coveredBy[claimed.claimHeight] == 0) return;
        if (claimed.claimHeight > federation.lastValid()) return;
        Inclusion memory truth = _placedBlock(claimed.claimHeight);
        bytes memory call = abi.encodeCall(game.rebutChallenge, (claimed.id, truth));
        if (!claimed.claimLies) {
            return _refuses(SEARCHER, address(game), 0, call, IInFlightExits.ClaimHolds.selector);
        }
        _do(WATCHER, address(game), 0, call);
        _gets(WATCHER, BOND);
        claimed.claimant = address(0);
        _saw("claim rebutted");
    }

    /// @dev The block alone; where it has transactions, the first of them.
    function _placedBlock(uint32 height) internal view returns (Inclusion memory place) {
        if (leavesOf[height].length != 0) return _placed(height, 0);
        place = _placedEmpty(height);
    }

    /// @dev By the model: what becomes of an exit whose turn it is.
    /// @return paid whether its output leaves
    /// @return lost whether its bond is the challenger's
    function _endExit(uint256 chosen) internal returns (bool paid, bool lost) {
        Exit memory ending = exits[chosen];
        Coin storage coin = coins[ending.coin];
        bool counts = !_isExitVoid(chosen);
        if (ending.claimant != address(0)) {
            _gets(ending.claimant, BOND);
            IFederation.Latest memory last = federation.latest();
            lost = counts && ending.claimHeight <= last.height && ending.claimHeight <= last.lastValid;
        }
        paid = counts && !lost && !_isConsumed(ending.coin);
        if (!counts) _saw("void exit");
        if (lost) {
            _gets(ending.claimant, BOND);
            _saw("claim stood");
        }
        _closeExit(chosen);
        if (!paid) {
            // I4: what an honest owner did not spend leaves.
            bool honest = _isHonest(coin.owner) && counts && !_isConsumed(ending.coin);
            _holds(!honest, "I4: honest exit is paid");
            return (paid, lost);
        }
        // I3: what was spent, and known to be, does not.
        bool unseen = coin.forged || fraudFrom != FOREVER || _isSold(coin.asset, uint176(ending.id));
        unseen = unseen || ending.neglected;
        _holds(unseen || !_isSpent(ending.coin), "I3: spent coin stays");
        _leaves(ending.coin);
        _saw("payout");
        if (keyOf[coin.owner] == 0) _saw("payout to a griefer");
    }

    /// @dev I8: who began in the window after the first fraud is paid in full before anything newer.
    function _leavesInTime(uint256 coin, uint64 begun, uint256 missing) internal {
        if (coins[coin].forged) {
            robbed[coins[coin].asset] = true;
            return _saw("forged payout");
        }
        bool inTime = fraudTime == 0 || begun < fraudTime + P;
        if (_isHonest(coins[coin].owner) && inTime) {
            _holds(missing == 0 && !robbed[coins[coin].asset], "I8: in full, before the forged");
        }
    }

    function _closeExit(uint256 chosen) internal {
        Exit storage closing = exits[chosen];
        uint256[] storage open = coins[closing.coin].exits;
        for (uint256 i = 0; i < open.length; ++i) {
            if (open[i] != chosen) continue;
            open[i] = open[open.length - 1];
            open.pop();
            break;
        }
        delete exitOf[coins[closing.coin].asset][closing.id];
        delete exits[chosen];
    }

    // ---- what there is

    function _mayExit(uint256 coin) internal view returns (bool) {
        if (!_isShown(coin) || coins[coin].gone || _isConsumed(coin)) return false;
        if (_isRefusedFund(coin)) return false;
        return _isHonest(coins[coin].owner) ? _isFree(coin) : coins[coin].exits.length < 3;
    }

    /// @dev A forged fund names no deposit of the vault.
    function _isRefusedFund(uint256 coin) internal view returns (bool) {
        return coins[coin].forged && payments[coins[coin].payment].signer == address(0);
    }

    function _shown(uint256 seed, bool consumed) private view returns (uint256) {
        for (uint256 i = 0; i < coins.length; ++i) {
            uint256 coin = (seed % coins.length + i) % coins.length;
            if (coin == 0 || !_isShown(coin) || _isRefusedFund(coin)) continue;
            if (!consumed || _isConsumed(coin)) return coin;
        }
        return 0;
    }

    function _openExit(uint256 seed) internal view returns (uint256) {
        for (uint256 i = 0; i < exits.length; ++i) {
            uint256 chosen = (seed % exits.length + i) % exits.length;
            if (exits[chosen].coin != 0) return chosen;
        }
        return 0;
    }

    /// @dev An open exit about which a claim can be made, that its coin was spent in a block or that it expired.
    function _claimable(uint256 seed, bool expired) private view returns (uint256) {
        for (uint256 i = 0; i < exits.length; ++i) {
            uint256 chosen = (seed % exits.length + i) % exits.length;
            uint256 coin = exits[chosen].coin;
            if (coin == 0 || exits[chosen].claimant != address(0) || _isExitVoid(chosen)) continue;
            if ((expired ? _expiredSpender(coin) : _decidedSpender(coin)) != 0) return chosen;
        }
        return 0;
    }

    function _isExitVoid(uint256 chosen) internal view returns (bool) {
        return exits[chosen].height > federation.lastValid();
    }

    /// @dev Whether what has this place has another holder than who began it.
    function _isSold(address asset, uint256 place) internal view virtual returns (bool);

    function _isLate(uint256 chosen) private view returns (bool) {
        return block.timestamp >= ExitQueue.exitableAt(exits[chosen].id) - P / 2;
    }

    function _inputOf(uint256 payment, uint256 coin) internal view returns (uint8 input) {
        while (payments[payment].ins[input] != coin) ++input;
    }

    /// @dev In a block, anchored or not.
    function _decidedSpender(uint256 coin) private view returns (uint256) {
        uint256[] storage spenders = coins[coin].spenders;
        for (uint256 i = 0; i < spenders.length; ++i) {
            Payment storage by = payments[spenders[i]];
            if (by.height != 0 && by.height <= by.expiry) return spenders[i];
        }
        return 0;
    }

    function _expiredSpender(uint256 coin) internal view returns (uint256) {
        uint256[] storage spenders = coins[coin].spenders;
        for (uint256 i = 0; i < spenders.length; ++i) {
            if (payments[spenders[i]].height == 0 && !_isLive(spenders[i])) return spenders[i];
        }
        return 0;
    }

    function _claims(uint256 chosen, address who, uint32 height, bool lies) private {
        _pays(who, BOND);
        (exits[chosen].claimant, exits[chosen].claimHeight, exits[chosen].claimLies) = (who, height, lies);
    }

    function _refusesExit(address who, bytes memory call, bytes4 reason) internal {
        _refuses(who, address(game), BOND, call, reason);
    }
}
