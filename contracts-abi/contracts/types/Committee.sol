// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice One operator as it joins a committee.
/// @param operator the Ethereum account that anchors and challenges
/// @param peer keccak of the bytes of its libp2p peer id
/// @param key BLS public key, G1 uncompressed as in EIP-2537, 128 bytes
/// @param possession signature of the possession digest under that key, G2 uncompressed, 256 bytes
struct Member {
    address operator;
    bytes32 peer;
    bytes key;
    bytes possession;
}

/// @notice A finalize certificate without the block id, which the header beside it gives.
/// @param epoch whose committee signed
/// @param viewNumber the view in which the block was finalized
/// @param bitmap bit i for operator i
/// @param signature sum of the signers' signatures, G2 uncompressed, 256 bytes
struct Certificate {
    uint64 epoch;
    uint64 viewNumber;
    uint256 bitmap;
    bytes signature;
}

/// @notice What became of a certificate's examination, in the order of the checks.
enum Verdict {
    Valid,
    UnknownEpoch,
    OutsideCommittee,
    BelowQuorum,
    InvalidSignature
}
