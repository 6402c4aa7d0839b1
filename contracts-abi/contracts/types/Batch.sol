// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchor} from "./Anchor.sol";

/// @notice A transaction of which outputs leave together with others.
/// @param index place in the block
/// @param outputs bit i: output i leaves; at least one does
/// @param transaction the bytes with signature, as they lie in the block
struct Leaving {
    uint32 index;
    uint8 outputs;
    bytes transaction;
}

/// @notice A block with such transactions.
/// @param height height of the block
/// @param transactionCount number of transactions in the block
/// @param transactionsRoot root over their leaves
/// @param l1Height L1 origin of the block
/// @param transactions at least one, in the order of their places
/// @param transactionPaths what leads from all their leaves together to `transactionsRoot` (`MultiProof`)
struct LeavingBlock {
    uint32 height;
    uint32 transactionCount;
    bytes32 transactionsRoot;
    uint64 l1Height;
    Leaving[] transactions;
    bytes32[] transactionPaths;
}

/// @notice Outputs of one owner and one asset, with their places in what one anchor covers first.
/// @param blocks at least one, in the order of their heights
/// @param historyPaths what leads from all their history leaves together to the anchor's `historyRoot` (`MultiProof`)
/// @param anchor the anchor that first covered every one of them
struct BatchProof {
    LeavingBlock[] blocks;
    bytes32[] historyPaths;
    Anchor anchor;
}
