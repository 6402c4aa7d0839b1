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
        for (uint256 level = 0; level < levels; ++level) {
            bytes32 sibling = path[level];
            node = index & 1 == 0 ? _parent(node, sibling) : _parent(sibling, node);
            index >>= 1;
        }
    }

    function _parent(bytes32 left, bytes32 right) private pure returns (bytes32 parent) {
        // Scratch space instead of a fresh allocation: an exit hashes 36 pairs.
        assembly ("memory-safe") {
            mstore(0x00, left)
            mstore(0x20, right)
            parent := keccak256(0x00, 0x40)
        }
    }
}
