// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Certificate, Verdict} from "../types/Committee.sol";
import {Parameters} from "../types/Parameters.sol";

/// @title The federation on Ethereum: its committees, its anchors, and whether it still stands
interface IFederation {
    /// @notice A header was anchored: it is the first to cover the heights above `previous` up to `height`.
    event Anchored(
        uint32 indexed number,
        uint32 indexed height,
        uint32 previous,
        bytes32 historyRoot,
        uint64 l1Height,
        uint64 time
    );

    /// @notice A constructor parameter breaks the inequality that its name in `rule` tells.
    error ParametersRefused(string rule);
    /// @notice A committee has 4 to 100 operators.
    error CommitteeSize(uint256 found);
    /// @notice Two members share an account, a key or a peer id, or a member's account is zero.
    error MemberRefused(uint256 index);
    /// @notice The member did not prove that it holds its key, or its key is no point of the subgroup.
    error PossessionRefused(uint256 index);
    /// @notice The federation has halted; heights above `lastValid` are void.
    error FederationHalted(uint32 lastValid);
    /// @notice Only heights above the last anchor's can be anchored.
    error HeightNotAbove(uint32 height, uint32 anchored);
    /// @notice The last anchor was signed by a later committee.
    error EpochPast(uint64 epoch, uint64 anchored);
    /// @notice The federation was silent for too long to come back.
    error SilentTooLong(uint64 deadline);
    /// @notice The header's L1 origin is not a block of this chain before the current one.
    error OriginAhead(uint64 l1Height);
    /// @notice The header's L1 origin is older than the oldest that may be anchored.
    error OriginTooOld(uint64 l1Height, uint256 oldest);
    /// @notice The header's L1 origin is older than the last anchor's.
    error OriginWentBack(uint64 l1Height, uint64 anchored);
    /// @notice The header's L1 hash is not that of the L1 block it names, or the chain cannot tell.
    error OriginUnknown(uint64 l1Height, bytes32 l1Hash);
    /// @notice The certificate does not convince.
    error CertificateRefused(Verdict verdict);

    /// @notice The newest anchor, and how far the chain is valid.
    /// @param number of the anchor, zero before the first
    /// @param height its height, zero before the first
    /// @param l1Height its L1 origin, before the first the block of deployment
    /// @param time when it was mined, before the first the time of deployment, seconds
    /// @param epoch whose committee signed it
    /// @param lastValid the highest height that counts: 2^32 − 1 unless the federation has halted
    struct Latest {
        uint32 number;
        uint32 height;
        uint48 l1Height;
        uint48 time;
        uint64 epoch;
        uint32 lastValid;
    }

    /// @notice Anchors a header, and with it every block up to its height. Anybody may call; a height counts once.
    /// @param header 184 bytes
    /// @param epoch whose committee signed
    /// @param viewNumber the view in which the block was finalized
    /// @param bitmap bit i for operator i
    /// @param signature aggregate over the finalize digest, 256 bytes
    function anchor(
        bytes calldata header,
        uint64 epoch,
        uint64 viewNumber,
        uint256 bitmap,
        bytes calldata signature
    ) external;

    /// @notice Whether a certificate finalizes a header, anchored or not.
    function verify(bytes calldata header, Certificate calldata certificate) external view returns (bool);

    /// @notice What a proof is checked against.
    /// @return word of the anchor (`wordOf` in types/Anchor.sol); zero where there is none
    /// @return lastValid_ as `lastValid`
    function anchored(uint32 number) external view returns (bytes32 word, uint32 lastValid_);

    /// @notice The newest anchor, and how far the chain is valid.
    function latest() external view returns (Latest memory);

    /// @notice The highest height that counts anywhere: 2^32 − 1 unless the federation has halted.
    function lastValid() external view returns (uint32);

    /// @notice Whether the federation has halted for ever.
    function halted() external view returns (bool);

    /// @notice The committee of an epoch.
    /// @return size number of operators, zero for an epoch without a committee
    /// @return quorum how many of them must sign
    /// @return digest keccak of operator 20 ‖ compressed key 48 ‖ peer 32 of every member in order
    function committee(uint64 epoch) external view returns (uint16 size, uint16 quorum, bytes32 digest);

    /// @notice One operator of a committee; zeros outside it.
    function member(uint64 epoch, uint16 index) external view returns (address operator, bytes memory key);

    /// @notice What was fixed at deployment.
    function parameters() external view returns (Parameters memory);

    /// @notice The contract that pays exits.
    function exitGame() external view returns (address);

    /// @notice The contract that holds the deposits.
    function vault() external view returns (address);
}
