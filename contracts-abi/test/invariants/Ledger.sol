// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Evidence} from "../../contracts/types/Evidence.sol";
import {Position, toPosition} from "../../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "../support/Forms.sol";
import {Purse} from "./Purse.sol";

/// @notice The model of who owns what: every transaction that was ever signed, every output of them, every deposit, and
/// what left. It knows nothing of the contracts' storage; it asks them only how far the chain is anchored and valid.
abstract contract Ledger is Purse {
    /// @dev `height` is zero while no counting block has it; `voidHeight` is where it was before a halt took that
    /// block away; `settled` says that an in-flight exit paid outputs of it, `stays` that other exits had when its block was
    /// taken away: in both cases its inputs are spent.
    struct Payment {
        bytes body;
        bytes32 id;
        address signer;
        address asset;
        uint32 expiry;
        uint32 height;
        uint32 index;
        uint32 voidHeight;
        bool forged;
        bool settled;
        bool stays;
        uint256 flight;
        uint256[] ins;
        uint256[] outs;
    }

    /// @dev `gone` once it left, by either game or a reclaim. `exits` are the open ones.
    struct Coin {
        uint256 payment;
        uint8 output;
        address owner;
        address asset;
        uint256 amount;
        bool forged;
        bool gone;
        uint256[] spenders;
        uint256[] exits;
    }

    /// @dev What became of a deposit: a coin, or nothing yet.
    struct Entry {
        address owner;
        address asset;
        uint256 amount;
        uint256 coin;
        bool returned;
        bool reclaiming;
    }

    uint32 internal constant FOREVER = type(uint32).max;

    /// @dev Number zero of each is none.
    Payment[] internal payments;
    Coin[] internal coins;
    Entry[] internal entries;
    mapping(bytes32 key => uint256 times) internal left;
    mapping(bytes32 signed => uint256 payment) private _known;
    /// @dev By transaction: whether all its inputs were ever proven.
    mapping(bytes32 id => bool) internal flown;
    /// @dev The first height that holds what is invalid, and since when L1 shows it; the most when there is none.
    uint32 internal fraudFrom = FOREVER;
    uint64 internal fraudTime;
    /// @dev Something forged was paid: from then on the vault may hold less than it owes.
    mapping(address asset => bool) internal robbed;
    /// @dev The watcher proves a rewrite in time, and everybody forgets blocks that no anchor can cover any more.
    bool internal watchful;

    // ---- what is true

    function _isHonest(address owner) internal view returns (bool) {
        return owner != mallory && owner != trudy;
    }

    function _position(uint256 coin) internal view returns (Position) {
        Payment storage made = payments[coins[coin].payment];
        return toPosition(made.height, made.index, coins[coin].output);
    }

    function _key(uint256 coin) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(payments[coins[coin].payment].id, coins[coin].output));
    }

    function _heightOf(uint256 coin) internal view returns (uint32) {
        return payments[coins[coin].payment].height;
    }

    /// @dev Whether an anchor covers the block of the coin.
    function _isShown(uint256 coin) internal view returns (bool) {
        uint32 height = _heightOf(coin);
        return height != 0 && coveredBy[height] != 0;
    }

    /// @dev In a counting block, or left in flight.
    function _isBorn(uint256 coin) internal view returns (bool) {
        Payment storage made = payments[coins[coin].payment];
        return made.height != 0 || made.settled || made.stays;
    }

    function _isSpent(uint256 coin) internal view returns (bool) {
        uint256[] storage spenders = coins[coin].spenders;
        for (uint256 i = 0; i < spenders.length; ++i) {
            Payment storage by = payments[spenders[i]];
            if ((by.height != 0 && !by.forged) || by.settled || by.stays) return true;
        }
        return false;
    }

    /// @dev A transaction of the owner that can cost an exit of the coin something now, zero if there is none: included,
    /// or not expired. Rather one that needs no more than to be shown.
    function _liveSpender(uint256 coin, uint256 except) internal view returns (uint256 spender) {
        uint256[] storage spenders = coins[coin].spenders;
        for (uint256 i = 0; i < spenders.length; ++i) {
            if (spenders[i] == except || !_isLive(spenders[i])) continue;
            if (!_isUnproven(spenders[i])) return spenders[i];
            spender = spenders[i];
        }
    }

    function _isLive(uint256 payment) internal view returns (bool) {
        if (_isIncluded(payment)) return true;
        return (!_isExpired(payment) || _wasIncluded(payment)) && !_isDoomed(payment);
    }

    function _isExpired(uint256 payment) internal view returns (bool) {
        return payments[payment].expiry < federation.latest().height;
    }

    /// @dev In time in a block that was anchored, and that a halt took away.
    function _wasIncluded(uint256 payment) internal view returns (bool) {
        Payment storage by = payments[payment];
        return by.voidHeight != 0 && coveredBy[by.voidHeight] != 0 && by.voidHeight <= by.expiry;
    }

    /// @dev Whether it costs others nothing until an in-flight exit of it proved its inputs, and none did.
    function _isUnproven(uint256 payment) internal view returns (bool) {
        return !_isIncluded(payment) && _hasInputsToProve(payment);
    }

    /// @dev What no anchor shows and costs others something all the same.
    function _couldLeave(uint256 payment) internal view returns (bool) {
        return !_hasInputsToProve(payment) && !_isDoomed(payment);
    }

    function _hasInputsToProve(uint256 payment) internal view returns (bool) {
        return payments[payment].ins.length > 1 && !flown[payments[payment].id];
    }

    /// @dev It spends something of a block that a halt took away: no block will ever include it.
    function _isDoomed(uint256 payment) internal view returns (bool) {
        uint256[] storage ins = payments[payment].ins;
        for (uint256 i = 0; i < ins.length; ++i) {
            if (payments[coins[ins[i]].payment].voidHeight > federation.lastValid()) return true;
        }
        return false;
    }

    /// @dev In a block that an anchor covers, in time, and whoever signed owned what it spends.
    function _isIncluded(uint256 payment) internal view returns (bool) {
        Payment storage by = payments[payment];
        return by.height != 0 && coveredBy[by.height] != 0 && by.height <= by.expiry;
    }

    /// @dev How far blocks count that an anchor covers.
    function _counted() internal view returns (uint32) {
        IFederation.Latest memory last = federation.latest();
        return last.height < last.lastValid ? last.height : last.lastValid;
    }

    /// @dev The federation still anchors.
    function _isAlive() internal view returns (bool) {
        IFederation.Latest memory last = federation.latest();
        return last.lastValid == FOREVER && block.timestamp <= last.time + SILENCE + 2 * GRACE;
    }

    /// @dev What the vault owes: unspent coins that did not leave, and deposits that nobody funded or took back.
    function owed(address asset) public view returns (uint256 sum) {
        for (uint256 i = 1; i < coins.length; ++i) {
            Coin storage coin = coins[i];
            if (coin.asset != asset || coin.forged || coin.gone) continue;
            if (_isBorn(i) && !_isSpent(i)) sum += coin.amount;
        }
        for (uint256 i = 1; i < entries.length; ++i) {
            Entry storage entry = entries[i];
            if (entry.asset != asset || entry.returned) continue;
            if (entry.coin == 0 || (!_isBorn(entry.coin) && !coins[entry.coin].gone)) sum += entry.amount;
        }
    }

    // ---- what is written

    function _beginLedger() internal {
        payments.push();
        coins.push();
        entries.push();
    }

    /// @dev A transfer of coins that are in blocks. Nothing asks whether the signer may.
    function _sign(
        address signer,
        uint256[] memory ins,
        Spend[] memory spends,
        Pay[] memory pays,
        address asset,
        uint32 expiry
    ) internal returns (uint256 payment) {
        bytes memory body = _signed(keyOf[signer], Forms.unsigned(5, asset, expiry, spends, pays));
        payment = _known[keccak256(body)];
        if (payment != 0) return payment;
        payment = _note(body, signer, asset, expiry);
        _known[keccak256(body)] = payment;
        for (uint256 i = 0; i < ins.length; ++i) {
            payments[payment].ins.push(ins[i]);
            // Who does not own it, or states another amount, spends nothing.
            bool spends_ = coins[ins[i]].owner == signer && coins[ins[i]].amount == spends[i].amount;
            if (spends_) coins[ins[i]].spenders.push(payment);
        }
        for (uint256 i = 0; i < pays.length; ++i) {
            _mint(payment, pays[i]);
        }
    }

    /// @dev One coin to one owner.
    function _signOne(address signer, uint256 coin, uint256 stated, address to, uint32 expiry)
        internal
        returns (uint256)
    {
        uint256[] memory ins = new uint256[](1);
        ins[0] = coin;
        Spend[] memory spends = Forms.one(Spend(_position(coin), stated));
        return _sign(signer, ins, spends, Forms.one(Pay(to, stated)), coins[coin].asset, expiry);
    }

    function _signFund(uint64 number, address owner, address asset, uint256 amount)
        internal
        returns (uint256 payment)
    {
        payment = _note(Forms.fund(number, owner, asset, amount), address(0), asset, FOREVER);
        _mint(payment, Pay(owner, amount));
    }

    /// @dev The operators decide a block of these; what a forged one makes is forged.
    function _decidePayments(uint256[] memory list) internal returns (uint32 height) {
        bytes[] memory body = new bytes[](list.length);
        for (uint256 i = 0; i < list.length; ++i) {
            body[i] = payments[list[i]].body;
        }
        height = _decide(body);
        for (uint256 i = 0; i < list.length; ++i) {
            (payments[list[i]].height, payments[list[i]].index) = (height, uint32(i));
        }
    }

    /// @dev A halt takes the blocks above a height away. What left meanwhile stays away, and what it came from too.
    function _voidAbove(uint32 height) internal {
        for (uint256 i = 1; i < payments.length; ++i) {
            Payment storage payment = payments[i];
            if (payment.height <= height) continue;
            (payment.voidHeight, payment.height) = (payment.height, 0);
            for (uint256 k = 0; k < payment.outs.length; ++k) {
                if (coins[payment.outs[k]].gone && payment.ins.length != 0) payment.stays = true;
            }
        }
    }

    /// @dev Operators that were silent for too long anchor nothing any more, also before somebody halts.
    function _forgetLost() internal {
        if (watchful && !_isAlive()) _voidAbove(_counted());
    }

    /// @dev I2: an output leaves once.
    function _leaves(uint256 coin) internal {
        Coin storage leaving = coins[coin];
        _holds(++left[_key(coin)] == 1, "I2: paid once");
        _holds(!leaving.gone, "I2: leaves once");
        leaving.gone = true;
    }

    function _isConsumed(uint256 coin) internal view returns (bool) {
        return left[_key(coin)] != 0;
    }

    function _note(bytes memory body, address signer, address asset, uint32 expiry)
        private
        returns (uint256 payment)
    {
        payment = payments.length;
        Payment storage made = payments.push();
        (made.body, made.id, made.signer, made.asset, made.expiry) =
        (body, harness.id(body), signer, asset, expiry);
    }

    function _mint(uint256 payment, Pay memory pay) private {
        payments[payment].outs.push(coins.length);
        Coin storage coin = coins.push();
        coin.payment = payment;
        coin.output = uint8(payments[payment].outs.length - 1);
        (coin.owner, coin.asset, coin.amount) = (pay.owner, payments[payment].asset, pay.amount);
    }

    // ---- what is shown

    function _proofOf(uint256 payment) internal view returns (Proof memory) {
        Payment storage made = payments[payment];
        return Proof(made.body, _placed(made.height, made.index));
    }

    /// @dev A transaction with its place under an anchor where it has one, or had one and expired.
    function _evidenceOf(uint256 payment) internal view returns (Evidence memory evidence) {
        Payment storage made = payments[payment];
        evidence.transaction = made.body;
        if (_isIncluded(payment)) evidence.inclusion = _placed(made.height, made.index);
        else if (_isExpired(payment)) evidence.inclusion = _placed(made.voidHeight, made.index);
    }

    /// @dev The same with its place under the certified header of the newest block.
    function _receiptOf(uint256 payment) internal view returns (Evidence memory evidence) {
        Payment storage made = payments[payment];
        evidence.transaction = made.body;
        evidence.inclusion = _placedUnderTip(made.height, made.index);
        evidence.header = _headerOfTip(Twist(0, 0));
        uint64 epoch = _speaker();
        evidence.certificate = _finalizeOf(epoch, evidence.header, _allOf(epoch));
    }

    /// @dev A place that operators certify for it although no block of theirs has it there.
    function _lieAbout(uint256 payment, uint32 height) internal view returns (Evidence memory evidence) {
        evidence.transaction = payments[payment].body;
        Twist memory twist;
        (evidence.inclusion, twist) = _placedInLie(height, evidence.transaction, tip);
        evidence.header = _headerOfTip(twist);
        uint64 epoch = _speaker();
        evidence.certificate = _finalizeOf(epoch, evidence.header, _allOf(epoch));
    }
}
