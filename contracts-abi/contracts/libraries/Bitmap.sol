// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Sets of operators: bit i for operator i
library Bitmap {
    uint256 private constant PAIRS = type(uint256).max / 3;
    uint256 private constant FOURS = type(uint256).max / 5;
    uint256 private constant BYTES = type(uint256).max / 17;
    uint256 private constant ONES = type(uint256).max / 255;

    /// @notice How many operators a set holds, at the same cost for any of them. A set has less than 256.
    function count(uint256 bitmap) internal pure returns (uint256) {
        unchecked {
            // Half of a pair's bits are at most the pair; four sums of at most four fit four bits, two of at most
            // four eight bits; the product's top byte is the sum of all, below 256, whatever wraps above it.
            bitmap -= (bitmap >> 1) & PAIRS;
            bitmap = (bitmap & FOURS) + ((bitmap >> 2) & FOURS);
            bitmap = (bitmap + (bitmap >> 4)) & BYTES;
            return (bitmap * ONES) >> 248;
        }
    }
}
