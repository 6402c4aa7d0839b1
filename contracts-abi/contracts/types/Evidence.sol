// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Inclusion} from "./Anchor.sol";
import {Certificate} from "./Committee.sol";
import {Position} from "./Position.sol";

/// @notice A transaction as it is used on L1: one that can still be included needs nothing else, one that expired
/// must be shown to be included in time.
/// @param transaction the bytes with signature
/// @param inclusion where they lie; a `transactionCount` of zero shows nothing
/// @param header empty where `inclusion` leads to its anchor; otherwise 184 bytes of a certified header, at that height
/// or above, and `inclusion.historyPath` leads to its history root: the inclusion is provisional, `anchor` is not read
/// @param certificate finalizes `header`
struct Evidence {
    bytes transaction;
    Inclusion inclusion;
    bytes header;
    Certificate certificate;
}

/// @notice What evidence shows.
/// @param id transaction id
/// @param position of the transaction's first output, `NOWHERE` where no inclusion is shown
/// @param leaf the block's history leaf that a provisional inclusion claims, zero otherwise
/// @param lastValid how far the chain is valid
struct Finding {
    bytes32 id;
    Position position;
    bytes32 leaf;
    uint32 lastValid;
}
