// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchor} from "./Anchor.sol";
import {Certificate} from "./Committee.sol";

/// @notice Who answers for an invalid block: the signers of a certificate over a header that has the block in its
/// history, not above the anchor that first covered the block. The anchored header is always one.
/// @param header 184 bytes, or empty to convict nobody
/// @param certificate a finalize certificate of that header
/// @param historyPath siblings from the block's history leaf to the header's `historyRoot`; empty for the anchored
/// header, for which the proof itself shows it
struct Accused {
    bytes header;
    Certificate certificate;
    bytes32[] historyPath;
}

/// @notice A block's place in an anchored history, without any of its transactions.
/// @param height height of the block
/// @param transactionCount number of transactions in the block
/// @param transactionsRoot root over their leaves
/// @param l1Height L1 origin of the block
/// @param historyPath siblings from the block's history leaf to the anchor's `historyRoot`
/// @param anchor the anchor that first covered `height`
struct BlockProof {
    uint32 height;
    uint32 transactionCount;
    bytes32 transactionsRoot;
    uint64 l1Height;
    bytes32[] historyPath;
    Anchor anchor;
}

/// @notice What was proven of a block: one for each rule that decides who owns what.
enum Fraud {
    Malformed,
    DoubleSpend,
    BadInput,
    FutureReference,
    BadFund,
    DoubleFund,
    SpentAfterExit
}
