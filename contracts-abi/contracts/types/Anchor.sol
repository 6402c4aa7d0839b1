// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice An anchored header as callers bring it back: storage keeps only its word. All values are those of
/// the event `Anchored`.
/// @param number 1 for the first anchor, then contiguous
/// @param previous height of the anchor before: this one is the first to cover heights above it, up to `height`
/// @param height height of the anchored header
/// @param historyRoot root over the history leaves of heights 0 to `height`
/// @param l1Height L1 origin of the anchored header
/// @param time L1 timestamp of the anchoring, seconds
struct Anchor {
    uint32 number;
    uint32 previous;
    uint32 height;
    bytes32 historyRoot;
    uint64 l1Height;
    uint64 time;
}

/// @notice Where a transaction stands: its place in a block, and that block's place in an anchored history.
/// @param index place in the block
/// @param height height of the block
/// @param transactionCount number of transactions in the block
/// @param transactionsRoot root over their leaves
/// @param l1Height L1 origin of the block
/// @param transactionPath siblings from the transaction's leaf to `transactionsRoot`
/// @param historyPath siblings from the block's history leaf to the anchor's `historyRoot`
/// @param anchor the anchor that first covered `height`
struct Inclusion {
    uint32 index;
    uint32 height;
    uint32 transactionCount;
    bytes32 transactionsRoot;
    uint64 l1Height;
    bytes32[] transactionPath;
    bytes32[] historyPath;
    Anchor anchor;
}

/// @notice A transaction with its place in anchored history.
/// @param transaction the bytes with signature, as they lie in the block
/// @param inclusion where they lie
struct Proof {
    bytes transaction;
    Inclusion inclusion;
}

using {wordOf} for Anchor global;

/// @notice The one word that storage keeps of an anchor: keccak of its six values, 32 bytes each.
function wordOf(Anchor memory anchor) pure returns (bytes32) {
    return keccak256(abi.encode(anchor));
}
