// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bonds} from "./Bonds.sol";
import {Committees} from "./Committees.sol";
import {Rules} from "./Rules.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {Digest} from "./libraries/Digest.sol";
import {Header} from "./libraries/Header.sol";
import {MerkleProof} from "./libraries/MerkleProof.sol";
import {Anchor} from "./types/Anchor.sol";
import {Certificate, Member, Verdict} from "./types/Committee.sol";
import {Statement, Telling} from "./types/Statement.sol";
import {Parameters} from "./types/Parameters.sol";

/// @title The federation
/// @notice See `IFederation`. No owner, no setter, no proxy: what was not fixed at deployment moves by
/// certificates, proofs and time alone.
contract Federation is Bonds {
    using Header for bytes;

    /// @inheritdoc IFederation
    address public immutable exitGame;
    /// @inheritdoc IFederation
    address public immutable vault;
    /// @inheritdoc IFederation
    address public immutable fraudProofs;

    /// @dev Keeps the hashes of the last 8191 L1 blocks (EIP-2935).
    address private constant BLOCK_HASHES = 0x0000F90827F1C53a10cb7A02335B175320002935;

    mapping(uint32 number => bytes32) private _words;
    SilenceNotice private _notice;

    /// @param members the committee of epoch 0, in its order
    /// @param fixed_ everything that stays as it is
    /// @param exitGame_ where the exit game will stand: the deployer's next address
    /// @param vault_ where the vault will stand: the last, so that no deposit comes before what protects it
    /// @param fraudProofs_ where the fraud proofs will stand: the one after the exit game
    constructor(
        Member[] memory members,
        Parameters memory fixed_,
        address exitGame_,
        address vault_,
        address fraudProofs_
    ) Rules(fixed_) Committees(members) {
        if (exitGame_ == address(0) || vault_ == address(0) || fraudProofs_ == address(0)) {
            revert PlaceZero();
        }
        exitGame = exitGame_;
        vault = vault_;
        fraudProofs = fraudProofs_;
    }

    /// @inheritdoc IFederation
    function anchor(
        bytes calldata header,
        uint64 epoch,
        uint64 viewNumber,
        uint256 bitmap,
        bytes calldata signature
    ) external {
        Latest memory last = _latest;
        bytes32 blockId = header.id();
        uint32 height = header.height();
        if (last.lastValid != UNLIMITED) revert FederationHalted(last.lastValid);
        // The highest number would say that the federation has not halted when it halts there.
        if (height <= last.height || height == UNLIMITED) revert HeightNotAbove(height, last.height);
        if (epoch < last.epoch) revert EpochPast(epoch, last.epoch);
        uint48 sealedAt = _committees[epoch].sealedAt;
        // The first block whose origin reaches the activation is the committee's last.
        if (sealedAt != 0 && last.l1Height >= sealedAt) revert EpochSealed(epoch);
        uint64 deadline = last.time + _silence + 2 * _grace;
        if (block.timestamp > deadline) revert SilentTooLong(deadline);
        uint64 l1Height = header.l1Height();
        _checkOrigin(l1Height, header.l1Hash(), last.l1Height);
        Verdict verdict = _certifies(Digest.FINALIZE, epoch, viewNumber, blockId, bitmap, signature);
        if (verdict != Verdict.Valid) revert CertificateRefused(verdict);
        if (epoch != last.epoch) _succeed(last, epoch, height);
        _append(last, height, epoch, l1Height, header.historyRoot());
    }

    /// @inheritdoc IFederation
    function announceSilence() external {
        Latest memory last = _latest;
        if (last.lastValid != UNLIMITED) revert FederationHalted(last.lastValid);
        uint64 silentFrom = last.time + _silence;
        if (block.timestamp <= silentFrom) revert TooEarly(silentFrom);
        if (_isNoticed(last)) revert SilenceKnown(_notice.haltFrom);
        uint48 haltFrom = uint48(block.timestamp + _grace);
        _notice = SilenceNotice({number: last.number, haltFrom: haltFrom});
        emit SilenceAnnounced(last.number, haltFrom);
    }

    /// @inheritdoc IFederation
    function haltIfSilent() external {
        Latest memory last = _latest;
        if (last.lastValid != UNLIMITED) revert FederationHalted(last.lastValid);
        if (!_isNoticed(last)) revert SilenceUnknown();
        if (block.timestamp <= _notice.haltFrom) revert TooEarly(_notice.haltFrom);
        _halt(last.height);
    }

    /// @inheritdoc IFederation
    function proveContradiction(
        uint64 epoch,
        uint64 viewNumber,
        Statement calldata one,
        Statement calldata other
    ) external {
        if (!_contradict(one, other)) revert NoContradiction();
        _checkSaid(epoch, viewNumber, one);
        _checkSaid(epoch, viewNumber, other);
        if (_slash(epoch, one.bitmap & other.bitmap, msg.sender) == 0) revert NobodyConvicted();
    }

    /// @inheritdoc IFederation
    function proveRewrite(uint32 height, Telling calldata told, Telling calldata retold) external {
        _checkCovering(height, told.anchor);
        if (told.leaf == retold.leaf) revert SameHistory(height);
        _checkTold(height, told, told.anchor.height, told.anchor.historyRoot);
        uint32 valid;
        if (retold.anchor.number != 0) {
            // It is later than the first covering anchor: none before reaches that height.
            _checkAnchor(retold.anchor);
            _checkTold(height, retold, retold.anchor.height, retold.anchor.historyRoot);
            valid = retold.anchor.previous;
        } else {
            bytes calldata header = retold.header;
            _checkCertificate(header, retold.certificate);
            if (_released(retold.certificate.epoch)) revert BondsReleased(retold.certificate.epoch);
            _checkTold(height, retold, header.height(), header.historyRoot());
            valid = _latest.height;
        }
        _halt(valid);
        _slashBoth(told, retold);
    }

    /// @inheritdoc IFederation
    function haltForFraud(
        uint32 height,
        bytes calldata header,
        Certificate calldata certificate,
        Anchor calldata covering,
        address reporter
    ) external {
        if (msg.sender != fraudProofs) revert NotFraudProofs(msg.sender);
        _checkCovering(height, covering);
        _halt(height - 1);
        if (header.length == 0) return;
        _checkCertificate(header, certificate);
        uint32 signedHeight = header.height();
        // Whoever signed an earlier block of that stretch only did not sign the invalid one; whoever signed
        // another history at the anchor's own height did not either.
        bool other = signedHeight == covering.height && header.historyRoot() != covering.historyRoot;
        if (signedHeight < height || signedHeight > covering.height || other) revert NotLiable(signedHeight);
        _slash(certificate.epoch, certificate.bitmap, reporter);
    }

    /// @inheritdoc IFederation
    function verify(bytes calldata header, Certificate calldata certificate) external view returns (bool) {
        return
            _finalizes(header, certificate) == Verdict.Valid && _isInTerm(certificate.epoch, header.height());
    }

    /// @inheritdoc IFederation
    function anchored(uint32 number) external view returns (bytes32 word, uint32 lastValid_) {
        return (_words[number], _latest.lastValid);
    }

    /// @inheritdoc IFederation
    function latest() external view returns (Latest memory) {
        return _latest;
    }

    /// @inheritdoc IFederation
    function lastValid() external view returns (uint32) {
        return _latest.lastValid;
    }

    /// @inheritdoc IFederation
    function halted() external view returns (bool) {
        return _latest.lastValid != UNLIMITED;
    }

    /// @inheritdoc IFederation
    function silenceNotice() external view returns (SilenceNotice memory notice) {
        if (_latest.lastValid == UNLIMITED && _isNoticed(_latest)) notice = _notice;
    }

    function _append(Latest memory last, uint32 height, uint64 epoch, uint64 l1Height, bytes32 historyRoot)
        private
    {
        Anchor memory made = Anchor({
            number: last.number + 1,
            previous: last.height,
            height: height,
            historyRoot: historyRoot,
            l1Height: l1Height,
            time: uint64(block.timestamp)
        });
        _words[made.number] = made.wordOf();
        _latest = Latest({
            number: made.number,
            height: height,
            // Not above block.number, which fits for as long as Ethereum lives; the same for the time.
            l1Height: uint48(l1Height),
            time: uint48(block.timestamp),
            epoch: epoch,
            lastValid: UNLIMITED
        });
        emit Anchored(made.number, height, made.previous, historyRoot, l1Height, made.time);
    }

    /// @dev Halts for ever, or lets a halted federation's last valid height fall. It never rises.
    function _halt(uint32 valid) private {
        uint32 before = _latest.lastValid;
        if (valid >= before) return;
        if (before == UNLIMITED) _haltedAt = uint48(block.timestamp);
        _latest.lastValid = valid;
        emit Halted(valid);
    }

    /// @dev Who finalized two blocks in one view is not honest. In two views it may be: more than f operators that finalize
    /// and nullify a view lead honest ones, who finalized it, to another branch. Those are convicted by
    /// `proveContradiction`, with the nullification that every honest operator went by. Operators of two epochs are not
    /// compared.
    function _slashBoth(Telling calldata told, Telling calldata retold) private {
        if (told.header.length == 0 || retold.header.length == 0) return;
        _checkHeader(told);
        _checkCertificate(told.header, told.certificate);
        if (retold.anchor.number != 0) {
            _checkHeader(retold);
            _checkCertificate(retold.header, retold.certificate);
        }
        if (told.certificate.epoch != retold.certificate.epoch) return;
        if (told.certificate.viewNumber != retold.certificate.viewNumber) return;
        _slash(told.certificate.epoch, told.certificate.bitmap & retold.certificate.bitmap, msg.sender);
    }

    /// @dev A quorum cannot ignore Ethereum and stay alive: the origin is recent, on this chain, and does not go
    /// back. The hash must be known. Where EIP-2935 does not answer, nothing is anchored.
    function _checkOrigin(uint64 l1Height, bytes32 l1Hash, uint64 lastOrigin) private view {
        if (l1Height >= block.number) revert OriginAhead(l1Height);
        if (l1Height + _originWindow < block.number) {
            revert OriginTooOld(l1Height, block.number - _originWindow);
        }
        if (l1Height < lastOrigin) revert OriginWentBack(l1Height, lastOrigin);
        (bool served, bytes memory hash) = BLOCK_HASHES.staticcall(abi.encode(l1Height));
        if (!served || hash.length != 32 || l1Hash == 0 || bytes32(hash) != l1Hash) {
            revert OriginUnknown(l1Height, l1Hash);
        }
    }

    /// @dev An anchor after the notice cancels it by counting on.
    function _isNoticed(Latest memory last) private view returns (bool) {
        return _notice.haltFrom != 0 && _notice.number == last.number;
    }

    function _checkSaid(uint64 epoch, uint64 viewNumber, Statement calldata said) private view {
        Committee storage seats = _committees[epoch];
        if (said.bitmap >> seats.size != 0) revert CertificateRefused(Verdict.OutsideCommittee);
        bytes32 digest = said.tag == Digest.NOTARIZE
            ? Digest.notarization(address(this), epoch, viewNumber, said.parentView, said.id)
            : Digest.statement(address(this), said.tag, epoch, viewNumber, said.id);
        if (!_signed(seats.content, seats.size, digest, said.bitmap, said.signature)) {
            revert CertificateRefused(Verdict.InvalidSignature);
        }
    }

    function _checkAnchor(Anchor calldata anchor_) private view {
        if (_words[anchor_.number] != anchor_.wordOf()) revert AnchorUnknown(anchor_.number);
    }

    function _checkCovering(uint32 height, Anchor calldata covering) private view {
        _checkAnchor(covering);
        if (height <= covering.previous || height > covering.height) {
            revert NotFirstCovering(height, covering.previous, covering.height);
        }
    }

    /// @dev A certificate convinces when its committee signed while it was its turn.
    function _checkCertificate(bytes calldata header, Certificate calldata certificate) private view {
        Verdict verdict = _finalizes(header, certificate);
        if (verdict != Verdict.Valid) revert CertificateRefused(verdict);
        uint32 height = header.height();
        if (!_isInTerm(certificate.epoch, height)) revert HeightOutsideEpoch(height, certificate.epoch);
    }

    function _finalizes(bytes calldata header, Certificate calldata certificate)
        private
        view
        returns (Verdict)
    {
        return _certifies(
            Digest.FINALIZE,
            certificate.epoch,
            certificate.viewNumber,
            header.id(),
            certificate.bitmap,
            certificate.signature
        );
    }

    /// @dev The header is the one that was anchored: what it tells is what the anchor's word tells.
    function _checkHeader(Telling calldata telling) private pure {
        bool same = telling.header.length == Header.SIZE && telling.header.height() == telling.anchor.height
            && telling.header.historyRoot() == telling.anchor.historyRoot;
        if (!same) revert HeaderDiffers(telling.anchor.number);
    }

    /// @dev The leaf stands at `height` in the history up to `top`.
    function _checkTold(uint32 height, Telling calldata telling, uint32 top, bytes32 historyRoot)
        private
        pure
    {
        bytes32 found = MerkleProof.root(telling.leaf, height, uint256(top) + 1, telling.path);
        if (found != historyRoot) revert BlockNotInHistory(height);
    }

    /// @dev Two notarize for different containers, two finalize for different blocks, finalize and nullify. No
    /// honest operator says both in one view. Fields that a statement does not have are zero.
    function _contradict(Statement calldata one, Statement calldata other) private pure returns (bool) {
        if (one.tag == Digest.NOTARIZE && other.tag == Digest.NOTARIZE) {
            return one.id != other.id || one.parentView != other.parentView;
        }
        bool plain = one.parentView == 0 && other.parentView == 0;
        if (one.tag == Digest.FINALIZE && other.tag == Digest.FINALIZE) return plain && one.id != other.id;
        return plain && one.tag == Digest.FINALIZE && other.tag == Digest.NULLIFY && other.id == 0;
    }
}
