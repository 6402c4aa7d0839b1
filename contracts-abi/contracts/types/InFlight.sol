// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Position} from "./Position.sol";

/// @notice The transaction of an in-flight exit as callers bring it back: storage keeps its hash.
/// @param transaction the bytes; the signature is not looked at again
/// @param owner of all its inputs, who signed it
/// @param inputs keys of the inputs in the registry of consumed outputs, in order
struct Pending {
    bytes transaction;
    address owner;
    bytes32[] inputs;
}

/// @notice An in-flight exit. What is left of one that ended decides who may start it again.
/// @param starter who paid the bond; zero once it has ended
/// @param begun when it started, seconds
/// @param inputs how many inputs the transaction has
/// @param piggybacked bit i: output i is claimed; bit 4: the inputs are
/// @param spent bit i: output i was shown to be spent; bit 4 + i: input i was, by another transaction
/// @param claims bit s: a provisional claim stands in slot s
/// @param marks the constants of `InFlightExits`
/// @param content keccak of transaction id, owner and inputs' keys
/// @param challenger who showed the oldest competitor
/// @param competitor where that one lies
/// @param included where the transaction itself lies
/// @param lastValid how far the chain was valid when the exit ended non-canonical
/// @param transaction its id, once something is claimed
struct InFlightExit {
    address starter;
    uint40 begun;
    uint8 inputs;
    uint8 piggybacked;
    uint8 spent;
    uint16 claims;
    uint8 marks;
    bytes32 content;
    address challenger;
    Position competitor;
    Position included;
    uint32 lastValid;
    bytes32 transaction;
}

/// @notice What a claimed output or input pays.
struct Share {
    address owner;
    uint256 amount;
}

/// @notice A challenge or an answer that rests on inclusion under a header that is only certified.
/// @param claimant who paid its bond
/// @param position where the transaction is claimed to lie
/// @param other where a second one is, `NOWHERE` where there is none
/// @param leaf history leaf of the first one's block; zero where its inclusion is not in doubt
/// @param otherLeaf history leaf of the second one's block; zero where its inclusion is not in doubt
struct Claim {
    address claimant;
    Position position;
    Position other;
    bytes32 leaf;
    bytes32 otherLeaf;
}
