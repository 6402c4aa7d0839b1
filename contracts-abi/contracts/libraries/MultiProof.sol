// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "./MerkleProof.sol";

/// @title One proof for many leaves of a tree (docs/protocol.md section 3)
/// @notice From the bottom, level by level and from left to right, every known node is paired with its neighbour: with the
/// next known node where that is it, else with the next sibling of the proof. Nothing else is read from the proof
/// and all of it is read, so there is one encoding; of a single leaf it is the path of `MerkleProof`.
library MultiProof {
    /// @notice The leaves are not in the order of their indices, or one is there twice.
    error LeavesNotRising(uint256 before, uint256 index);

    /// @notice The root that `siblings` give the leaves at `indices` of a tree of `count` leaves. There is at least one
    /// leaf, and both lists are as long. They are used up.
    function root(
        uint256[] memory indices,
        bytes32[] memory nodes,
        uint256 count,
        bytes32[] calldata siblings
    ) internal pure returns (bytes32) {
        uint256 known = nodes.length;
        for (uint256 i = 1; i < known; ++i) {
            if (indices[i] <= indices[i - 1]) revert LeavesNotRising(indices[i - 1], indices[i]);
        }
        if (indices[known - 1] >= count) revert MerkleProof.LeafOutsideTree(indices[known - 1], count);
        uint256 unread;
        // Scratch space, no bounds and no branch for the side, as in `MerkleProof`: sixteen leaves hash hundreds of pairs, and
        // checked arrays cost 800 gas for each. Reading past the siblings is seen at the end.
        assembly ("memory-safe") {
            let index0 := add(indices, 0x20)
            let node0 := add(nodes, 0x20)
            let sibling := siblings.offset
            let size := shl(5, known)
            for { let width := count } gt(width, 1) { width := shr(1, add(width, 1)) } {
                let above := 0
                for { let i := 0 } lt(i, size) { i := add(i, 0x20) } {
                    let index := mload(add(index0, i))
                    let side := shl(5, and(index, 1))
                    mstore(side, mload(add(node0, i)))
                    let next := add(i, 0x20)
                    // Indices rise, so the next one is this one with its last bit set only where both are a pair.
                    switch and(lt(next, size), eq(mload(add(index0, next)), or(index, 1)))
                    case 0 {
                        mstore(xor(side, 0x20), calldataload(sibling))
                        sibling := add(sibling, 0x20)
                    }
                    default {
                        mstore(0x20, mload(add(node0, next)))
                        i := next
                    }
                    mstore(add(index0, above), shr(1, index))
                    mstore(add(node0, above), keccak256(0x00, 0x40))
                    above := add(above, 0x20)
                }
                size := above
            }
            unread := sub(add(siblings.offset, shl(5, siblings.length)), sibling)
        }
        if (unread != 0) revert MerkleProof.PathLength(siblings.length, count);
        return nodes[0];
    }
}
