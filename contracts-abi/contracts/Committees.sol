// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Enrolment} from "./Enrolment.sol";
import {Rules} from "./Rules.sol";
import {IEnrolment} from "./interfaces/IEnrolment.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {Bitmap} from "./libraries/Bitmap.sol";
import {Bls} from "./libraries/Bls.sol";
import {CodeStorage} from "./libraries/CodeStorage.sol";
import {Digest} from "./libraries/Digest.sol";
import {Certificate, Member, Verdict} from "./types/Committee.sol";

/// @title The committees, one after another, and what their signatures are worth
abstract contract Committees is Rules {
    /// @dev Where a committee lies (`IEnrolment.enrol`) and over which heights its certificates count.
    /// @param sealedAt L1 block that activated the successor, zero before
    /// @param above the height that was anchored last when this committee first anchored
    /// @param upTo height of the successor's first anchor
    /// @param succeededAt L1 timestamp of the successor's first anchor, zero before
    struct Committee {
        address content;
        uint16 size;
        uint48 sealedAt;
        uint32 above;
        bytes32 digest;
        uint32 upTo;
        uint48 succeededAt;
    }

    /// @inheritdoc IFederation
    IEnrolment public immutable enrolment;

    /// @dev `lastValid` of a federation that has not halted.
    uint32 internal constant UNLIMITED = type(uint32).max;

    Latest internal _latest;
    mapping(uint64 epoch => Committee) internal _committees;
    /// @inheritdoc IFederation
    uint64 public activeEpoch;
    /// @dev L1 timestamp of the halt, zero before. It shares a slot with the epoch, which a halt does not change.
    uint48 internal _haltedAt;
    /// @dev Only ever grows, so no announcement can be made twice.
    uint64 private _sequence;
    Announcement private _announced;

    constructor(Member[] memory members) {
        enrolment = new Enrolment();
        (address content, bytes32 digest) = enrolment.enrol(members);
        _install(0, content, uint16(members.length), digest);
        _latest = Latest({
            number: 0,
            height: 0,
            l1Height: uint48(block.number),
            time: uint48(block.timestamp),
            epoch: 0,
            lastValid: UNLIMITED
        });
    }

    /// @inheritdoc IFederation
    function announceCommittee(Member[] calldata members, Certificate calldata certificate) external {
        Latest memory last = _latest;
        uint64 epoch = activeEpoch;
        uint64 sequence = certificate.viewNumber;
        if (last.lastValid != UNLIMITED) revert FederationHalted(last.lastValid);
        if (certificate.epoch != epoch) revert EpochNotActive(certificate.epoch, epoch);
        // So epochs follow each other without a gap, each with an anchor of its own.
        if (last.epoch != epoch) revert EpochNotAnchored(epoch);
        if (sequence <= _sequence) revert SequencePast(sequence, _sequence);
        (address content, bytes32 digest) = enrolment.enrol(members);
        Verdict verdict =
            _certifies(Digest.COMMITTEE, epoch, sequence, digest, certificate.bitmap, certificate.signature);
        if (verdict != Verdict.Valid) revert CertificateRefused(verdict);
        _sequence = sequence;
        // Fits as long as Ethereum's clock and the bound of the delay do.
        uint48 activeFrom = uint48(block.timestamp + _committeeDelay);
        _announced = Announcement({
            content: content, size: uint16(members.length), activeFrom: activeFrom, digest: digest
        });
        emit CommitteeAnnounced(epoch + 1, sequence, digest, activeFrom);
    }

    /// @inheritdoc IFederation
    function activateCommittee(uint256 bitmap, bytes calldata signature) external {
        Latest memory last = _latest;
        Announcement memory coming = _announced;
        uint64 epoch = activeEpoch + 1;
        if (last.lastValid != UNLIMITED) revert FederationHalted(last.lastValid);
        if (coming.size == 0) revert NothingAnnounced();
        if (block.timestamp < coming.activeFrom) revert TooEarly(coming.activeFrom);
        bytes32 ready = Digest.statement(address(this), Digest.READINESS, epoch, 0, coming.digest);
        Verdict verdict = _examine(coming.content, coming.size, ready, bitmap, signature);
        if (verdict != Verdict.Valid) revert CertificateRefused(verdict);
        delete _announced;
        _committees[epoch - 1].sealedAt = uint48(block.number);
        _install(epoch, coming.content, coming.size, coming.digest);
        activeEpoch = epoch;
        emit CommitteeActivated(epoch);
    }

    /// @inheritdoc IFederation
    function certifies(
        uint8 tag,
        uint64 epoch,
        uint64 viewNumber,
        bytes32 id,
        uint256 bitmap,
        bytes calldata signature
    ) external view returns (Verdict) {
        return _certifies(tag, epoch, viewNumber, id, bitmap, signature);
    }

    /// @inheritdoc IFederation
    function announcement() external view returns (Announcement memory) {
        return _announced;
    }

    /// @inheritdoc IFederation
    function committee(uint64 epoch) external view returns (uint16 size, uint16 quorum, bytes32 digest) {
        Committee storage seats = _committees[epoch];
        return (seats.size, seats.size == 0 ? 0 : uint16(_quorum(seats.size)), seats.digest);
    }

    /// @inheritdoc IFederation
    function member(uint64 epoch, uint16 index) external view returns (address operator, bytes memory key) {
        Committee storage seats = _committees[epoch];
        if (index >= seats.size) return (address(0), "");
        operator = _operator(epoch, index);
        key = CodeStorage.read(seats.content, Bls.KEY_BYTES * (1 + uint256(index)), Bls.KEY_BYTES);
    }

    /// @inheritdoc IFederation
    function term(uint64 epoch)
        external
        view
        returns (uint64 sealedAt, uint32 above, uint32 upTo, bool released)
    {
        Committee storage seats = _committees[epoch];
        return
            (seats.sealedAt, _above(epoch), seats.succeededAt == 0 ? UNLIMITED : seats.upTo, _released(epoch));
    }

    /// @dev The first anchor of an epoch ends the one before, and fixes what the certificates of both can say.
    function _succeed(Latest memory last, uint64 epoch, uint32 height) internal {
        Committee storage before = _committees[last.epoch];
        before.upTo = height;
        before.succeededAt = uint48(block.timestamp);
        _committees[epoch].above = last.height;
    }

    /// @dev A certificate of an epoch counts above what was anchored before it, and not above the first anchor
    /// after it: keys that were handed over long ago cannot speak about heights that others decided.
    function _isInTerm(uint64 epoch, uint32 height) internal view returns (bool) {
        Committee storage seats = _committees[epoch];
        return height > _above(epoch) && (seats.succeededAt == 0 || height <= seats.upTo);
    }

    /// @dev Whether the bonds of an epoch can be withdrawn: from then on nothing holds its keys to the truth.
    function _released(uint64 epoch) internal view returns (bool) {
        uint256 ended = _committees[epoch].succeededAt;
        // After a halt there are no anchors, so where both are set the successor came first.
        if (ended == 0) ended = _haltedAt;
        return ended != 0 && block.timestamp > ended + _committeeDelay;
    }

    function _operator(uint64 epoch, uint256 index) internal view returns (address) {
        Committee storage seats = _committees[epoch];
        uint256 accounts = Bls.KEY_BYTES * (1 + uint256(seats.size));
        return address(bytes20(CodeStorage.read(seats.content, accounts + 20 * index, 20)));
    }

    function _certifies(
        uint8 tag,
        uint64 epoch,
        uint64 viewNumber,
        bytes32 id,
        uint256 bitmap,
        bytes calldata signature
    ) internal view returns (Verdict) {
        Committee storage seats = _committees[epoch];
        bytes32 digest = Digest.statement(address(this), tag, epoch, viewNumber, id);
        return _examine(seats.content, seats.size, digest, bitmap, signature);
    }

    /// @dev Whether every operator of a bitmap, which lies inside the committee, signed a digest.
    function _signed(address content, uint256 size, bytes32 digest, uint256 bitmap, bytes calldata signature)
        internal
        view
        returns (bool)
    {
        // The sum of all keys is stored, so what a certificate costs grows with the operators that are absent
        // and not with the committee; a single vote names few, and those are added.
        uint256 absent = ~bitmap & ((1 << size) - 1);
        bytes memory key;
        if (absent == 0) {
            key = CodeStorage.read(content, 0, Bls.KEY_BYTES);
        } else {
            bytes memory keys = CodeStorage.read(content, Bls.KEY_BYTES, Bls.KEY_BYTES * size);
            if (2 * Bitmap.count(bitmap) < size) {
                key = Bls.sum(keys, bitmap);
            } else {
                key = Bls.add(CodeStorage.read(content, 0, Bls.KEY_BYTES), Bls.negate(Bls.sum(keys, absent)));
            }
        }
        return Bls.verify(key, digest, signature);
    }

    function _install(uint64 epoch, address content, uint16 size, bytes32 digest) private {
        Committee storage seats = _committees[epoch];
        (seats.content, seats.size, seats.digest) = (content, size, digest);
    }

    /// @dev A committee that has not anchored yet begins where the anchors end.
    function _above(uint64 epoch) private view returns (uint32) {
        return epoch > _latest.epoch ? _latest.height : _committees[epoch].above;
    }

    function _examine(address content, uint256 size, bytes32 digest, uint256 bitmap, bytes calldata signature)
        private
        view
        returns (Verdict)
    {
        if (size == 0) return Verdict.UnknownEpoch;
        if (bitmap >> size != 0) return Verdict.OutsideCommittee;
        if (Bitmap.count(bitmap) < _quorum(size)) return Verdict.BelowQuorum;
        return _signed(content, size, digest, bitmap, signature) ? Verdict.Valid : Verdict.InvalidSignature;
    }

    /// @dev n − f with f = ⌊(n − 1) / 3⌋.
    function _quorum(uint256 size) private pure returns (uint256) {
        return size - (size - 1) / 3;
    }
}
