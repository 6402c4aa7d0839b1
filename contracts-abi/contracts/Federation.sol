// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "./interfaces/IFederation.sol";
import {Bls} from "./libraries/Bls.sol";
import {CodeStorage} from "./libraries/CodeStorage.sol";
import {Digest} from "./libraries/Digest.sol";
import {Header} from "./libraries/Header.sol";
import {Anchor} from "./types/Anchor.sol";
import {Certificate, Member, Verdict} from "./types/Committee.sol";
import {Parameters} from "./types/Parameters.sol";

/// @title The federation
/// @notice See `IFederation`. No owner, no setter, no proxy: everything but anchors is fixed at deployment.
contract Federation is IFederation {
    using Header for bytes;

    /// @dev Where a committee lies: aggregate key 128, then n keys of 128, then n accounts of 20, all as code.
    struct Committee {
        address content;
        uint16 size;
        bytes32 digest;
    }

    /// @inheritdoc IFederation
    address public immutable exitGame;
    /// @inheritdoc IFederation
    address public immutable vault;

    /// @dev `lastValid` of a federation that has not halted.
    uint32 private constant UNLIMITED = type(uint32).max;
    /// @dev With fewer than four nobody may fail; above a hundred, see docs/protocol.md section 7.
    uint256 private constant SIZE_MIN = 4;
    uint256 private constant SIZE_MAX = 100;
    /// @dev Nobody waits longer, and no sum of times overflows below it.
    uint64 private constant PERIOD_MAX = 365 days;
    /// @dev Keeps the hashes of the last 8191 L1 blocks (EIP-2935).
    address private constant BLOCK_HASHES = 0x0000F90827F1C53a10cb7A02335B175320002935;
    uint64 private constant BLOCK_HASHES_KEPT = 8191;

    uint64 private immutable _exitPeriod;
    uint256 private immutable _exitBond;
    uint64 private immutable _originWindow;
    uint64 private immutable _l1BlockTime;
    uint64 private immutable _silence;
    uint64 private immutable _grace;
    bool private immutable _legacyTransactions;

    mapping(uint32 number => bytes32) private _words;
    mapping(uint64 epoch => Committee) private _committees;
    Latest private _latest;

    /// @param members the committee of epoch 0, in its order
    /// @param fixed_ everything that stays as it is
    /// @param exitGame_ where the exit game will stand: the deployer's next address
    /// @param vault_ where the vault will stand: the one after
    constructor(Member[] memory members, Parameters memory fixed_, address exitGame_, address vault_) {
        _checkParameters(fixed_);
        _exitPeriod = fixed_.exitPeriod;
        _exitBond = fixed_.exitBond;
        _originWindow = fixed_.originWindow;
        _l1BlockTime = fixed_.l1BlockTime;
        _silence = fixed_.silence;
        _grace = fixed_.grace;
        _legacyTransactions = fixed_.legacyTransactions;
        exitGame = exitGame_;
        vault = vault_;
        _latest = Latest({
            number: 0,
            height: 0,
            l1Height: uint48(block.number),
            time: uint48(block.timestamp),
            epoch: 0,
            lastValid: UNLIMITED
        });
        _install(0, members);
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
        if (height <= last.height) revert HeightNotAbove(height, last.height);
        if (epoch < last.epoch) revert EpochPast(epoch, last.epoch);
        uint64 deadline = last.time + _silence + 2 * _grace;
        if (block.timestamp > deadline) revert SilentTooLong(deadline);
        uint64 l1Height = header.l1Height();
        _checkOrigin(l1Height, header.l1Hash(), last.l1Height);
        Verdict verdict = _examine(blockId, epoch, viewNumber, bitmap, signature);
        if (verdict != Verdict.Valid) revert CertificateRefused(verdict);
        _append(last, height, epoch, l1Height, header.historyRoot());
    }

    /// @inheritdoc IFederation
    function verify(bytes calldata header, Certificate calldata certificate) external view returns (bool) {
        return _examine(
            header.id(), certificate.epoch, certificate.viewNumber, certificate.bitmap, certificate.signature
        ) == Verdict.Valid;
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
    function committee(uint64 epoch) external view returns (uint16 size, uint16 quorum, bytes32 digest) {
        Committee storage seats = _committees[epoch];
        return (seats.size, seats.size == 0 ? 0 : uint16(_quorum(seats.size)), seats.digest);
    }

    /// @inheritdoc IFederation
    function member(uint64 epoch, uint16 index) external view returns (address operator, bytes memory key) {
        Committee storage seats = _committees[epoch];
        if (index >= seats.size) return (address(0), "");
        uint256 accounts = Bls.KEY_BYTES * (1 + uint256(seats.size));
        operator = address(bytes20(CodeStorage.read(seats.content, accounts + 20 * uint256(index), 20)));
        key = CodeStorage.read(seats.content, Bls.KEY_BYTES * (1 + uint256(index)), Bls.KEY_BYTES);
    }

    /// @inheritdoc IFederation
    function parameters() external view returns (Parameters memory) {
        return Parameters({
            exitPeriod: _exitPeriod,
            exitBond: _exitBond,
            originWindow: _originWindow,
            l1BlockTime: _l1BlockTime,
            silence: _silence,
            grace: _grace,
            legacyTransactions: _legacyTransactions
        });
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

    /// @dev Checks and stores a committee. The size bounds every loop over members.
    function _install(uint64 epoch, Member[] memory members) private {
        if (members.length < SIZE_MIN || members.length > SIZE_MAX) revert CommitteeSize(members.length);
        bytes memory aggregate;
        bytes memory keys;
        bytes memory accounts;
        bytes memory content;
        for (uint256 i = 0; i < members.length; ++i) {
            Member memory joining = members[i];
            _checkDistinct(members, i);
            if (joining.key.length != Bls.KEY_BYTES) revert MemberRefused(i);
            bytes memory compressed = Bls.compress(joining.key);
            bytes32 digest = Digest.possession(joining.operator, compressed);
            if (!Bls.verify(joining.key, digest, joining.possession)) revert PossessionRefused(i);
            aggregate = i == 0 ? joining.key : Bls.add(aggregate, joining.key);
            keys = bytes.concat(keys, joining.key);
            accounts = abi.encodePacked(accounts, joining.operator);
            content = abi.encodePacked(content, joining.operator, compressed, joining.peer);
        }
        _committees[epoch] = Committee({
            content: CodeStorage.write(bytes.concat(aggregate, keys, accounts)),
            size: uint16(members.length),
            digest: keccak256(content)
        });
    }

    /// @dev One signature check against the sum of the signers' keys. The sum of all keys is stored, so what it
    /// costs grows with the operators that are absent and not with the committee.
    function _examine(
        bytes32 blockId,
        uint64 epoch,
        uint64 viewNumber,
        uint256 bitmap,
        bytes calldata signature
    ) private view returns (Verdict) {
        Committee storage seats = _committees[epoch];
        (address content, uint256 size) = (seats.content, seats.size);
        if (size == 0) return Verdict.UnknownEpoch;
        if (bitmap >> size != 0) return Verdict.OutsideCommittee;
        uint256 absent = ~bitmap & ((1 << size) - 1);
        uint256 absentCount = 0;
        for (uint256 rest = absent; rest != 0; rest &= rest - 1) {
            ++absentCount;
        }
        if (size - absentCount < _quorum(size)) return Verdict.BelowQuorum;
        bytes memory key = CodeStorage.read(content, 0, Bls.KEY_BYTES);
        if (absent != 0) {
            bytes memory keys = CodeStorage.read(content, Bls.KEY_BYTES, Bls.KEY_BYTES * size);
            key = Bls.add(key, Bls.negate(Bls.sum(keys, absent)));
        }
        bytes32 digest = Digest.finalization(epoch, viewNumber, blockId);
        return Bls.verify(key, digest, signature) ? Verdict.Valid : Verdict.InvalidSignature;
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

    function _checkDistinct(Member[] memory members, uint256 index) private pure {
        Member memory joining = members[index];
        if (joining.operator == address(0)) revert MemberRefused(index);
        bytes32 key = keccak256(joining.key);
        for (uint256 i = 0; i < index; ++i) {
            Member memory seated = members[i];
            bool same = seated.operator == joining.operator || seated.peer == joining.peer
                || keccak256(seated.key) == key;
            if (same) revert MemberRefused(index);
        }
    }

    function _checkParameters(Parameters memory fixed_) private pure {
        if (fixed_.exitPeriod > PERIOD_MAX) revert ParametersRefused("exitPeriod <= 365 days");
        if (fixed_.originWindow > BLOCK_HASHES_KEPT) revert ParametersRefused("originWindow <= 8191");
        if (fixed_.l1BlockTime == 0) revert ParametersRefused("l1BlockTime > 0");
        if (fixed_.silence == 0 || fixed_.grace == 0) revert ParametersRefused("silence, grace > 0");
        if (fixed_.exitBond == 0) revert ParametersRefused("exitBond > 0");
        uint256 window = uint256(fixed_.originWindow) * fixed_.l1BlockTime;
        uint256 silence = fixed_.silence;
        // An idle federation anchors every quarter of `silence`: that is the largest interval of anchors.
        if (window < silence + silence / 4 + fixed_.grace) {
            revert ParametersRefused("originWindow * l1BlockTime >= silence * 5/4 + grace");
        }
        if (2 * (window + silence + 2 * uint256(fixed_.grace)) > fixed_.exitPeriod) {
            revert ParametersRefused("2 * (originWindow * l1BlockTime + silence + 2 * grace) <= exitPeriod");
        }
    }

    /// @dev n − f with f = ⌊(n − 1) / 3⌋.
    function _quorum(uint256 size) private pure returns (uint256) {
        return size - (size - 1) / 3;
    }
}
