// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Builds the trees whose proofs `MerkleProof` checks; written from docs/protocol.md section 3 alone.
library Tree {
    bytes32 private constant PAD = keccak256("plasma/pad");

    /// @notice Root of the leaves.
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        if (leaves.length == 0) return PAD;
        while (leaves.length > 1) leaves = _above(leaves);
        return leaves[0];
    }

    /// @notice Siblings of the leaf at `index`, from the bottom.
    function path(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory siblings) {
        uint256 levels = 0;
        for (uint256 nodes = leaves.length; nodes > 1; nodes = (nodes + 1) / 2) {
            ++levels;
        }
        siblings = new bytes32[](levels);
        for (uint256 level = 0; level < levels; ++level) {
            uint256 sibling = index ^ 1;
            siblings[level] = sibling < leaves.length ? leaves[sibling] : PAD;
            leaves = _above(leaves);
            index /= 2;
        }
    }

    /// @notice What leads from the leaves at `indices`, which rise, to the root: the siblings that cannot be made from those
    /// leaves, level by level from the bottom and from left to right.
    function paths(bytes32[] memory leaves, uint256[] memory indices)
        internal
        pure
        returns (bytes32[] memory siblings)
    {
        siblings = new bytes32[](32 * indices.length);
        bool[] memory known = new bool[](leaves.length);
        for (uint256 i = 0; i < indices.length; ++i) {
            known[indices[i]] = true;
        }
        uint256 used = 0;
        while (leaves.length > 1) {
            bool[] memory above = new bool[]((leaves.length + 1) / 2);
            for (uint256 i = 0; i < leaves.length; ++i) {
                if (!known[i]) continue;
                above[i / 2] = true;
                uint256 sibling = i ^ 1;
                if (sibling >= leaves.length) siblings[used++] = PAD;
                else if (!known[sibling]) siblings[used++] = leaves[sibling];
            }
            (leaves, known) = (_above(leaves), above);
        }
        assembly ("memory-safe") {
            mstore(siblings, used)
        }
    }

    function _above(bytes32[] memory nodes) private pure returns (bytes32[] memory above) {
        above = new bytes32[]((nodes.length + 1) / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            bytes32 right = 2 * i + 1 < nodes.length ? nodes[2 * i + 1] : PAD;
            above[i] = keccak256(abi.encodePacked(nodes[2 * i], right));
        }
    }
}
