// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {IFraudProofs} from "../../contracts/interfaces/IFraudProofs.sol";
import {Inclusion, Proof} from "../../contracts/types/Anchor.sol";
import {Certificate} from "../../contracts/types/Committee.sol";
import {Accused} from "../../contracts/types/Fraud.sol";
import {Statement, Telling} from "../../contracts/types/Statement.sol";
import {Handover} from "./Handover.sol";

/// @notice All operators as one thief: they decide what is invalid, anchor another past, sign twice, or fall silent; and
/// whoever can prove it. Bodies may be withheld: then nobody proves anything and everybody leaves.
abstract contract Operators is Handover {
    enum Forgery {
        None,
        Fund,
        Theft,
        Inflation,
        DoubleSpend,
        DoubleFund
    }

    mapping(uint256 payment => Forgery) private _forgery;
    mapping(uint256 payment => bool) private _withheld;
    uint256[] internal forged;
    uint32 private _liar;
    uint256 private _lie;
    bool private _rewriteTold;

    // ---- handlers

    /// @dev A block with one thing in it that breaks a rule, anchored at once.
    function forge(uint256 seed) public {
        if (!_isAlive()) return;
        (Forgery kind, uint256 payment) = _forge(_kindOf(seed), seed);
        if (payment == 0) return;
        _anchorForged(payment, kind, _pick(seed, 4, 3) == 0);
        if (kind == Forgery.Fund) return _exitForgedFund(payment);
        if (kind == Forgery.DoubleSpend && _isProvable(payment)) {
            return _claimOutputs(_fly(payment, mallory));
        }
        uint256 coin = payments[payment].outs[0];
        if (_pick(seed, 5, 2) == 0) return _leaveWith(coin);
        // She leaves with it in flight.
        if (coins[coin].owner != mallory) return;
        uint256 onward = _signOne(mallory, coin, coins[coin].amount, trudy, FOREVER);
        coins[payments[onward].outs[0]].forged = true;
        if (payments[onward].flight == 0 && _isProvable(onward)) _claimOutputs(_fly(onward, mallory));
    }

    /// @dev Whoever has the block proves it; the federation halts below it.
    function proveForgery(uint256 seed) public {
        if (forged.length == 0) return;
        uint256 payment = forged[seed % forged.length];
        if (!_withheld[payment]) _prove(payment);
    }

    function _proveForgeries() internal override {
        for (uint256 i = 0; i < forged.length; ++i) {
            if (!_withheld[forged[i]]) _prove(forged[i]);
        }
    }

    function _prove(uint256 payment) private {
        uint32 height = _everHeight(payment);
        bytes memory call = _accusation(payment);
        if (call.length == 0) return;
        uint32 before = federation.lastValid();
        _do(WATCHER, address(judge), 0, call);
        uint64 epoch = epochOf[coveredBy[height]];
        _convict(epoch, _allOf(epoch));
        _halts(before, height - 1);
        _saw("fraud proven");
    }

    /// @dev An anchor that tells another past, in which an old output is a thief's. Nothing of it counts.
    function rewrite(uint256 seed) public {
        uint32 last = federation.latest().height;
        uint256 coin = _thiefs(seed);
        if (!_isAlive() || last == 0 || coin == 0 || _liar != 0) return;
        uint256 payment = _signOne(mallory, coin, coins[coin].amount * 1000, mallory, FOREVER);
        if (payments[payment].height != 0) return;
        payments[payment].forged = true;
        coins[payments[payment].outs[0]].forged = true;
        _l1(1, 1);
        _decideEmpty();
        uint32 height = uint32(1 + _pick(seed, 2, last));
        (, Twist memory twist) = _placedInLie(height, payments[payment].body, tip);
        (_liar, _lie) = (_anchorTip(_epochToAnchor(), twist), payment);
        _exitLie();
        _saw("rewrite");
    }

    function exitLie(uint256) public {
        if (_liar != 0) _exitLie();
    }

    function proveRewrite(uint256) public {
        if (_liar == 0) return;
        uint32 height = twistOf[_liar].height;
        Telling memory told = _tells(height, coveredBy[height]);
        Telling memory retold = _tells(height, _liar);
        uint32 before = federation.lastValid();
        _do(WATCHER, address(federation), 0, abi.encodeCall(federation.proveRewrite, (height, told, retold)));
        uint64 epoch = epochOf[_liar];
        if (epochOf[coveredBy[height]] == epoch) _convict(epoch, _allOf(epoch));
        _halts(before, retold.anchor.previous);
        _rewriteTold = true;
        _saw("rewrite proven");
    }

    /// @dev Two anchors are the proof of a rewrite. Whatever was anchored with the lie or after it waits two periods; in the
    /// last second of them everybody knows.
    function _watchOperators(uint256 next) internal override returns (bool) {
        if (!watchful || _liar == 0 || _rewriteTold) return false;
        uint256 last = anchors[_liar - 1].time + 2 * P - 1;
        if (last > next || last < block.timestamp) return false;
        _to(last);
        proveRewrite(0);
        return true;
    }

    /// @dev Some operators finalize two blocks in one view.
    function signTwice(uint256 seed) public {
        uint256 both = 1 + _pick(seed, 1, 15);
        Statement memory one = _finalizes(0, keccak256(abi.encode(seed, 1)), both);
        Statement memory other = _finalizes(0, keccak256(abi.encode(seed, 2)), both);
        bytes memory call = abi.encodeCall(federation.proveContradiction, (0, VIEW, one, other));
        if (both & ~convicted[0] == 0) {
            return _refuses(WATCHER, address(federation), 0, call, IFederation.NobodyConvicted.selector);
        }
        _do(WATCHER, address(federation), 0, call);
        _convict(0, both);
        _saw("contradiction");
    }

    /// @dev Two of four, or an origin of another branch of L1, anchor nothing.
    function anchorWrongly(uint256 seed) public {
        if (tip == federation.latest().height) _decideEmpty();
        bytes memory header = _headerOfTip(Twist(0, 0));
        bytes4 reason = IFederation.CertificateRefused.selector;
        uint64 epoch = _epochToAnchor();
        uint256 signers = 3;
        if (_pick(seed, 1, 2) == 0) {
            header = _header(tip, _root(tip, Twist(0, 0)), originOf[tip], keccak256("another branch"));
            (reason, signers) = (IFederation.OriginUnknown.selector, 15);
        }
        if (!_isAlive()) reason = IFederation.SilentTooLong.selector;
        if (federation.halted()) reason = IFederation.FederationHalted.selector;
        Certificate memory by = _finalizeOf(epoch, header, signers);
        bytes memory call =
            abi.encodeCall(federation.anchor, (header, by.epoch, by.viewNumber, by.bitmap, by.signature));
        _refuses(SEARCHER, address(federation), 0, call, reason);
        _saw("anchor refused");
    }

    /// @dev A miner takes blocks of L1 back. What was signed on that branch is known on this one: its anchor names an
    /// origin that is not there. The model goes back with it, and must agree with the contracts again.
    function reorganise(uint256 seed) public {
        if (!_isAlive() || fraudFrom != FOREVER) return _else(seed);
        uint256 state = vm.snapshotState();
        deposit(seed);
        pay(seed);
        _l1(1, 1);
        _decideEmpty();
        bytes memory header = _header(tip, _root(tip, Twist(0, 0)), originOf[tip], keccak256("that branch"));
        Certificate memory by = _finalizeOf(_epochToAnchor(), header, 15);
        uint256 number = block.number;
        uint256 time = block.timestamp;
        _true(vm.revertToState(state));
        // As long as that branch, of other blocks.
        if (number > block.number) _l1(number - block.number, time - block.timestamp);
        _refuses(
            SEARCHER,
            address(federation),
            0,
            abi.encodeCall(federation.anchor, (header, by.epoch, by.viewNumber, by.bitmap, by.signature)),
            IFederation.OriginUnknown.selector
        );
        _saw("reorganisation");
    }

    // ---- what is forged

    function _anchorForged(uint256 payment, Forgery kind, bool withheld) internal {
        payments[payment].forged = true;
        coins[payments[payment].outs[0]].forged = true;
        (_forgery[payment], _withheld[payment]) = (kind, withheld);
        forged.push(payment);
        _l1(1, 1);
        uint256[] memory list = new uint256[](1);
        list[0] = payment;
        uint32 height = _decidePayments(list);
        if (height < fraudFrom) fraudFrom = height;
        _anchorIfAlive();
        if (fraudTime == 0) fraudTime = uint64(block.timestamp);
        _saw("forgery");
    }

    function _forge(Forgery kind, uint256 seed) private returns (Forgery, uint256 payment) {
        uint256 amount = 1e18 + _pick(seed, 2, 1e20);
        uint256 coin = kind == Forgery.Theft ? _victim(seed) : _thiefs(seed);
        if (kind == Forgery.DoubleSpend && coin != 0 && !_isSpent(coin)) kind = Forgery.Inflation;
        if (kind == Forgery.DoubleFund && entries.length > 1) {
            Entry storage entry = entries[1 + seed % (entries.length - 1)];
            if (entry.coin != 0 && _heightOf(entry.coin) != 0) {
                uint64 number = uint64(seed % (entries.length - 1));
                return (kind, _signFund(number, entry.owner, entry.asset, entry.amount));
            }
        }
        if (kind == Forgery.Fund || kind == Forgery.DoubleFund || coin == 0) {
            return (Forgery.Fund, _signFund(uint64(1000 + seed % 1000), mallory, ETH, amount));
        }
        uint256 stated = coins[coin].amount * (kind == Forgery.Inflation ? 1000 : 1);
        payment = _signOne(mallory, coin, stated, mallory, FOREVER - 1);
        if (payments[payment].height != 0 || payments[payment].voidHeight != 0) payment = 0;
        return (kind, payment);
    }

    function _kindOf(uint256 seed) private pure returns (Forgery) {
        return [
            Forgery.Fund,
            Forgery.Theft,
            Forgery.Theft,
            Forgery.Inflation,
            Forgery.Inflation,
            Forgery.DoubleSpend,
            Forgery.DoubleFund
        ][_pick(seed, 1, 7)];
    }

    function _victim(uint256 seed) private view returns (uint256) {
        for (uint256 i = 0; i < coins.length; ++i) {
            uint256 coin = (seed % coins.length + i) % coins.length;
            if (coin != 0 && _isShown(coin) && _isHonest(coins[coin].owner)) return coin;
        }
        return 0;
    }

    function _thiefs(uint256 seed) private view returns (uint256) {
        for (uint256 i = 0; i < coins.length; ++i) {
            uint256 coin = (seed % coins.length + i) % coins.length;
            bool hers = coins[coin].owner == mallory && coins[coin].asset == ETH && !coins[coin].forged;
            if (hers && _isShown(coin)) return coin;
        }
        return 0;
    }

    /// @dev I10: no deposit, no exit.
    function _exitForgedFund(uint256 payment) private {
        bytes memory call = abi.encodeCall(game.startExit, (_proofOf(payment), 0));
        _refusesExit(mallory, call, IExitGame.DepositDiffers.selector);
    }

    /// @dev I7: of a height there is one history, that which was anchored first.
    function _exitLie() private {
        uint32 height = twistOf[_liar].height;
        Proof memory proof;
        proof.transaction = payments[_lie].body;
        (proof.inclusion,) = _placedInLie(height, proof.transaction, anchors[_liar - 1].height);
        proof.inclusion.anchor = anchors[_liar - 1];
        bytes memory call = abi.encodeCall(game.startExit, (proof, 0));
        _refusesExit(mallory, call, IExitGame.NotFirstCovering.selector);
        _saw("lie refused");
    }

    // ---- what is proven

    function _accusation(uint256 payment) private view returns (bytes memory) {
        Proof memory proof = _everProof(payment);
        Accused memory accused;
        uint32 number = proof.inclusion.anchor.number;
        accused.header = headerOf[number];
        accused.certificate = _finalizeOf(epochOf[number], accused.header, _allOf(epochOf[number]));
        Forgery kind = _forgery[payment];
        if (kind == Forgery.Fund) return abi.encodeCall(IFraudProofs.proveBadFund, (proof, accused));
        if (kind == Forgery.DoubleFund) {
            for (uint256 i = 1; i < payments.length; ++i) {
                if (i == payment || payments[i].id != payments[payment].id) continue;
                return abi.encodeCall(IFraudProofs.proveDoubleFund, (_everProof(i), proof, accused));
            }
        }
        uint256 coin = payments[payment].ins[0];
        if (kind == Forgery.DoubleSpend) return _doubleSpend(payment, coin, proof, accused);
        Proof memory named = _everProof(coins[coin].payment);
        return abi.encodeCall(IFraudProofs.proveBadInput, (proof, 0, named, accused));
    }

    function _doubleSpend(uint256 payment, uint256 coin, Proof memory proof, Accused memory accused)
        private
        view
        returns (bytes memory)
    {
        uint256[] storage spenders = coins[coin].spenders;
        for (uint256 i = 0; i < spenders.length; ++i) {
            uint32 height = _everHeight(spenders[i]);
            if (spenders[i] == payment || height == 0 || height > _everHeight(payment)) continue;
            Proof memory first = _everProof(spenders[i]);
            return abi.encodeCall(
                IFraudProofs.proveDoubleSpend, (first, _inputOf(spenders[i], coin), proof, 0, accused)
            );
        }
        return "";
    }

    /// @dev The height at which a transaction was anchored, whether or not it still counts.
    function _everHeight(uint256 payment) internal view returns (uint32) {
        return payments[payment].height + payments[payment].voidHeight;
    }

    function _everProof(uint256 payment) internal view returns (Proof memory) {
        Inclusion memory place = _placed(_everHeight(payment), payments[payment].index);
        return Proof(payments[payment].body, place);
    }

    function _tells(uint32 height, uint32 number) private view returns (Telling memory telling) {
        telling.anchor = anchors[number - 1];
        telling.header = headerOf[number];
        telling.certificate = _finalizeOf(epochOf[number], telling.header, _allOf(epochOf[number]));
        Twist memory twist = twistOf[number];
        telling.leaf = twist.height == height ? twist.leaf : history[height];
        telling.path = _path(height, telling.anchor.height, twist);
    }
}
