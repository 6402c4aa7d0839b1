// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The one tree shape of the protocol (docs/protocol.md section 3)
/// @notice A level of odd length pairs its last node with `PAD`. The number of leaves is known, so a proof has
/// exactly ⌈log2 n⌉ hashes and the side at each level is read from the index: there is one encoding of a proof.
library MerkleProof {
    /// @notice The index is not below the number of leaves.
    error LeafOutsideTree(uint256 index, uint256 count);
    /// @notice The number of siblings is not ⌈log2 count⌉.
    error PathLength(uint256 siblings, uint256 count);

    /// @notice The root of a tree of none, and the partner of a last node without one.
    bytes32 internal constant PAD = keccak256("plasma/pad");

    /// @notice The root that `path` gives a leaf at `index` of a tree of `count` leaves.
    function root(bytes32 leaf, uint256 index, uint256 count, bytes32[] calldata path)
        internal
        pure
        returns (bytes32 node)
    {
        if (index >= count) revert LeafOutsideTree(index, count);
        uint256 levels = path.length;
        uint256 last = count - 1;
        if (last >> levels != 0 || (levels != 0 && last >> (levels - 1) == 0)) {
            revert PathLength(levels, count);
        }
        node = leaf;
        // Scratch space instead of a fresh allocation, no branch for the side, and no index of siblings: an exit hashes
        // 36 pairs. An odd index is the right one of its pair.
        assembly ("memory-safe") {
            let end := add(path.offset, shl(5, levels))
            for { let sibling := path.offset } lt(sibling, end) { sibling := add(sibling, 0x20) } {
                let side := shl(5, and(index, 1))
                mstore(side, node)
                mstore(xor(side, 0x20), calldataload(sibling))
                node := keccak256(0x00, 0x40)
                index := shr(1, index)
            }
        }
    }
}
