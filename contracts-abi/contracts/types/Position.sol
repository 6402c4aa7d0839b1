// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Where an output was born: `block << 40 | transaction << 8 | output` (docs/protocol.md section 1).
type Position is uint72;

using {blockOf, positionEquals as ==, positionBelow as <} for Position global;

/// @dev Younger than every output: where a transaction lies that no block is known to include.
Position constant NOWHERE = Position.wrap(type(uint72).max);

/// @notice Packs the three parts.
function toPosition(uint32 height, uint32 transaction, uint8 output) pure returns (Position) {
    return Position.wrap((uint72(height) << 40) | (uint72(transaction) << 8) | output);
}

using {transactionOf, outputOf} for Position global;

/// @notice Index of the transaction in its block.
function transactionOf(Position position) pure returns (uint32) {
    return uint32(Position.unwrap(position) >> 8);
}

/// @notice Index of the output in its transaction.
function outputOf(Position position) pure returns (uint8) {
    return uint8(Position.unwrap(position));
}

/// @notice Height of the block that holds the output's transaction.
function blockOf(Position position) pure returns (uint32) {
    return uint32(Position.unwrap(position) >> 40);
}

/// @notice Whether two positions name one output.
function positionEquals(Position a, Position b) pure returns (bool) {
    return Position.unwrap(a) == Position.unwrap(b);
}

/// @notice Whether the first output is the older one.
function positionBelow(Position a, Position b) pure returns (bool) {
    return Position.unwrap(a) < Position.unwrap(b);
}
