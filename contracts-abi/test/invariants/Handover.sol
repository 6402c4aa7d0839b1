// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {Certificate, Member} from "../../contracts/types/Committee.sol";
import {Evidence} from "../../contracts/types/Evidence.sol";
import {Telling} from "../../contracts/types/Statement.sol";
import {Seats} from "./Seats.sol";

/// @notice Committees take turns while everything else goes on. What must be refused is tried: a successor that too few or
/// the wrong ones name, one that comes early or was replaced, anchors out of turn, and words out of their term.
abstract contract Handover is Seats {
    /// @dev What waits to be activated, and the highest sequence of all.
    uint256 private _coming;
    uint64 private _sequence;
    uint256 private _activeFrom;
    /// @dev L1 block of the last activation.
    uint64 private _sealedAt;

    // ---- handlers

    function announceSuccessor(uint256 seed) public {
        if (_coming != 0 && _pick(seed, 9, 3) == 0) return _else(seed);
        IFederation.Latest memory last = federation.latest();
        Member[] memory members = _joining(turn + 1, _pick(seed, 1, 2) == 0 ? 4 : 5);
        (uint64 by, uint64 sequence) = (turn, _sequence + 1 + uint64(_pick(seed, 2, 3)));
        uint256 signers = _allOf(turn);
        bytes4 reason = 0;
        uint256 kind = _pick(seed, 3, 8);
        if (kind == 0) (signers, reason) = (3, IFederation.CertificateRefused.selector);
        if (kind == 1) {
            (members[3].operator, reason) = (members[0].operator, IFederation.MemberRefused.selector);
        }
        if (kind == 2) (sequence, reason) = (_sequence, IFederation.SequencePast.selector);
        if (last.epoch != turn) reason = IFederation.EpochNotAnchored.selector;
        if (kind == 3) (by, reason) = (turn == 0 ? 1 : turn - 1, IFederation.EpochNotActive.selector);
        if (federation.halted()) reason = IFederation.FederationHalted.selector;
        Certificate memory said = _change(by, sequence, _digestOf(members), signers);
        bytes memory call = abi.encodeCall(federation.announceCommittee, (members, said));
        if (reason != 0) {
            _refuses(SEARCHER, address(federation), 0, call, reason);
            return _saw("announcement refused");
        }
        _do(SEARCHER, address(federation), 0, call);
        if (_coming != 0) _saw("announcement replaced");
        (_coming, _sequence, _activeFrom) = (members.length, sequence, block.timestamp + 2 * P + 1);
        _equal(federation.announcement().activeFrom, _activeFrom);
        _refuses(SEARCHER, address(federation), 0, call, IFederation.SequencePast.selector);
        _saw("announcement");
    }

    /// @dev From one committee to the next, through the block that seals the old one.
    function handOver(uint256 seed) public {
        if (!_isAlive() || silent || federation.latest().epoch != turn) return _else(seed);
        if (_coming == 0) _nameSuccessor(4);
        _advanceTo(_activeFrom);
        if (!_isAlive()) return;
        _activate();
        _l1(1, 1);
        uint64 old = turn - 1;
        if (_pick(seed, 1, 2) == 0) {
            // Its word is the last one, of a block whose origin may or may not have reached the activation.
            _decideEmpty();
            _anchorTip(old, Twist(0, 0));
            if (_pick(seed, 2, 2) == 0) anchorOutOfTurn(seed);
        }
        _anchorIfAlive();
        for (uint16 i = 0; i < 4; ++i) {
            if (_pick(seed, 3 + i, 2) == 0) _postBond(turn, i);
        }
        if (_pick(seed, 7, 2) == 0) anchorOutOfTurn(seed);
        if (_pick(seed, 8, 3) == 0) takeBond(seed);
    }

    /// @dev In half of the cases everybody waits for it. What waits when the federation halts is never activated.
    function activateSuccessor(uint256 seed) public {
        if (_coming != 0 && block.timestamp < _activeFrom && !federation.halted()) {
            if (_pick(seed, 1, 2) == 0) {
                return _refusesActivation(_ready(turn + 1, _allComing()), IFederation.TooEarly.selector);
            }
            _advanceTo(_activeFrom - 1);
            if (!federation.halted()) {
                _refusesActivation(_ready(turn + 1, _allComing()), IFederation.TooEarly.selector);
            }
            _l1(1, 1);
        }
        bytes memory call = _ready(turn + 1, _allComing());
        if (federation.halted()) {
            _lapse();
            return _refusesActivation(call, IFederation.FederationHalted.selector);
        }
        if (_coming == 0) return _refusesActivation(call, IFederation.NothingAnnounced.selector);
        // I11: its own quorum is ready, or nothing happens.
        _refusesActivation(_ready(turn + 1, 3), IFederation.CertificateRefused.selector);
        _refusesActivation(_ready(turn, 15), IFederation.CertificateRefused.selector);
        _activate();
    }

    /// @dev I11: a header that would count, by a committee whose turn it is not.
    function anchorOutOfTurn(uint256 seed) public {
        if (federation.halted()) return _else(seed);
        if (tip == federation.latest().height) _decideEmpty();
        IFederation.Latest memory last = federation.latest();
        if (_isSealed()) _anchorAs(last.epoch, IFederation.EpochSealed.selector);
        if (last.epoch != 0) _anchorAs(last.epoch - 1, IFederation.EpochPast.selector);
        bool late = !_isAlive();
        _anchorAs(
            turn + 1, late ? IFederation.SilentTooLong.selector : IFederation.CertificateRefused.selector
        );
    }

    /// @dev I11: certificates of an epoch count above the last anchor before it, up to the first one after it.
    function speakOutOfTerm(uint256 seed) public {
        if (turn == 0) return _else(seed);
        if (firstOf[turn] == 0) {
            // It is its turn, and it has not anchored.
            uint32 number = uint32(anchors.length);
            _refusesWord(turn, headerOf[number]);
            return;
        }
        uint64 epoch = 1 + uint64(_pick(seed, 1, turn));
        uint32 first = firstOf[epoch];
        _refusesWord(epoch, headerOf[first - 1]);
        _true(federation.verify(headerOf[first], _wordOf(epoch, headerOf[first])));
        // The first anchor of an epoch ends the one before.
        _true(federation.verify(headerOf[first], _wordOf(epoch - 1, headerOf[first])));
        if (first < anchors.length) _refusesWord(epoch - 1, headerOf[first + 1]);
        else if (tip > anchors[first - 1].height) _refusesWord(epoch - 1, _headerOfTip(Twist(0, 0)));
        _saw("word out of term");
    }

    /// @dev I11: a committee that left tells another history. While its bonds are held, that halts and convicts; once they are
    /// free, nobody listens. Only those who collude may do this.
    function retellByLeavers(uint256 seed) public {
        if (turn == 0 || firstOf[1] == 0 || federation.latest().epoch == 0) return _else(seed);
        uint64 epoch = uint64(_pick(seed, 1, federation.latest().epoch));
        if (!_isReleased(epoch) && _pick(seed, 2, 2) == 0) _advanceTo(_endOf(epoch) + 2 * P + 2);
        uint32 number = firstOf[epoch];
        (Telling memory told, Telling memory retold) = _retelling(epoch, number);
        uint32 height = anchors[number - 1].height;
        bytes memory call = abi.encodeCall(federation.proveRewrite, (height, told, retold));
        if (_isReleased(epoch)) {
            _refuses(WATCHER, address(federation), 0, call, IFederation.BondsReleased.selector);
            return _saw("old keys refused");
        }
        IFederation.Latest memory last = federation.latest();
        _do(WATCHER, address(federation), 0, call);
        _convict(epoch, _allOf(epoch));
        _halts(last.lastValid, last.height);
        _saw("old keys convicted");
    }

    // ---- what happens

    /// @dev Whoever was named before a halt never serves.
    function _lapse() internal {
        if (_coming == 0 || !federation.halted()) return;
        _refusesActivation(_ready(turn + 1, _allComing()), IFederation.FederationHalted.selector);
        _saw("announcement lapsed");
    }

    function _nameSuccessor(uint256 members) private {
        Member[] memory joining = _joining(turn + 1, members);
        Certificate memory said = _change(turn, ++_sequence, _digestOf(joining), _allOf(turn));
        _do(SEARCHER, address(federation), 0, abi.encodeCall(federation.announceCommittee, (joining, said)));
        (_coming, _activeFrom) = (members, block.timestamp + 2 * P + 1);
        _saw("announcement");
    }

    function _activate() private {
        _do(SEARCHER, address(federation), 0, _ready(turn + 1, _allComing()));
        (_coming, _sealedAt) = (0, uint64(block.number));
        _equal(federation.activeEpoch(), ++turn);
        _saw("activation");
    }

    /// @dev Both committees may anchor until an origin reaches the activation.
    function _epochToAnchor() internal view override returns (uint64) {
        uint64 last = federation.latest().epoch;
        if (last == turn || _isSealed()) return turn;
        return uint256(keccak256(abi.encode(tip, "whose turn"))) % 2 == 0 ? last : turn;
    }

    function _speaker() internal view override returns (uint64) {
        IFederation.Latest memory last = federation.latest();
        return tip > last.height && tip % 2 == 0 ? turn : last.epoch;
    }

    function _refusesActivation(bytes memory call, bytes4 reason) private {
        _refuses(SEARCHER, address(federation), 0, call, reason);
        _saw("activation refused");
    }

    function _anchorAs(uint64 epoch, bytes4 reason) private {
        bytes memory header = _headerOfTip(Twist(0, 0));
        Certificate memory by = _finalizeOf(epoch, header, 15);
        if (_sizeOf(epoch) != 0) by = _finalizeOf(epoch, header, _allOf(epoch));
        bytes memory call =
            abi.encodeCall(federation.anchor, (header, epoch, by.viewNumber, by.bitmap, by.signature));
        _refuses(SEARCHER, address(federation), 0, call, reason);
        if (reason == IFederation.EpochSealed.selector) _saw("sealed committee refused");
        if (reason == IFederation.EpochPast.selector) _saw("past committee refused");
    }

    /// @dev Neither does the certificate verify, nor does a claim that rests on it stand.
    function _refusesWord(uint64 epoch, bytes memory header) private {
        Certificate memory by = _wordOf(epoch, header);
        _true(!federation.verify(header, by));
        Evidence memory shown;
        shown.transaction = payments[1].body;
        (shown.inclusion.transactionCount, shown.inclusion.height) = (1, 1);
        (shown.header, shown.certificate) = (header, by);
        bytes memory call = abi.encodeCall(game.challengeExitProvisionally, (0, shown, 0));
        _refusesExit(SEARCHER, call, IExitGame.HeaderNotCertified.selector);
    }

    // ---- what there is

    /// @dev The last anchor is of the committee that left, and its origin reached the activation.
    function _isSealed() private view returns (bool) {
        IFederation.Latest memory last = federation.latest();
        return last.epoch != turn && last.l1Height >= _sealedAt;
    }

    function _allComing() private view returns (uint256) {
        return (1 << (_coming == 0 ? 4 : _coming)) - 1;
    }

    function _ready(uint64 epoch, uint256 signers) private view returns (bytes memory) {
        bytes32 digest = federation.announcement().digest;
        bytes32 said = _say(READINESS, turn + 1, 0, 0, digest);
        return abi.encodeCall(federation.activateCommittee, (signers, _signOf(epoch, signers, said)));
    }

    function _wordOf(uint64 epoch, bytes memory header) private view returns (Certificate memory) {
        return _finalizeOf(epoch, header, _allOf(epoch));
    }

    /// @dev What an anchor says of its own height, and what its committee says elsewhere.
    function _retelling(uint64 epoch, uint32 number)
        private
        view
        returns (Telling memory told, Telling memory retold)
    {
        uint32 height = anchors[number - 1].height;
        told.anchor = anchors[number - 1];
        (told.header, told.certificate) = (headerOf[number], _wordOf(epoch, headerOf[number]));
        told.leaf = history[height];
        told.path = _path(height, height, twistOf[number]);
        Twist memory twist = Twist(height, keccak256("another block"));
        retold.header = _header(height, _root(height, twist), originOf[height], _l1Hash(originOf[height]));
        retold.certificate = _wordOf(epoch, retold.header);
        (retold.leaf, retold.path) = (twist.leaf, _path(height, height, twist));
    }
}
