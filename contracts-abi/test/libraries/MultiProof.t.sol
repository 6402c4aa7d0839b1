// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "../../contracts/libraries/MerkleProof.sol";
import {MultiProof} from "../../contracts/libraries/MultiProof.sol";
import {Check} from "../support/Check.sol";
import {Harness} from "../support/Harness.sol";
import {Tree} from "../support/Tree.sol";

contract MultiProofTest is Check {
    Harness private harness = new Harness();

    function _leaves(uint256 count) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = keccak256(abi.encode("leaf", i));
        }
    }

    /// @dev The leaves whose bits are set.
    function _some(bytes32[] memory leaves, uint256 set)
        private
        pure
        returns (uint256[] memory indices, bytes32[] memory nodes)
    {
        uint256 count = 0;
        for (uint256 i = 0; i < leaves.length; ++i) {
            count += (set >> i) & 1;
        }
        (indices, nodes) = (new uint256[](count), new bytes32[](count));
        uint256 next = 0;
        for (uint256 i = 0; i < leaves.length; ++i) {
            if ((set >> i) & 1 == 0) continue;
            (indices[next], nodes[next]) = (i, leaves[i]);
            ++next;
        }
    }

    function test_root_ofEveryChoiceFromEverySmallTree() external view {
        for (uint256 count = 1; count <= 7; ++count) {
            bytes32[] memory leaves = _leaves(count);
            bytes32 root = Tree.root(leaves);
            for (uint256 set = 1; set < 1 << count; ++set) {
                (uint256[] memory indices, bytes32[] memory nodes) = _some(leaves, set);
                bytes32[] memory siblings = Tree.paths(leaves, indices);
                _equal(harness.rootOfMany(indices, nodes, count, siblings), root);
            }
        }
    }

    function testFuzz_root_ofAnyChoice(uint8 size, uint256 set) external view {
        uint256 count = 1 + uint256(size) % 200;
        bytes32[] memory leaves = _leaves(count);
        if (count < 256) set &= (1 << count) - 1;
        if (set == 0) set = 1;
        (uint256[] memory indices, bytes32[] memory nodes) = _some(leaves, set);
        bytes32[] memory siblings = Tree.paths(leaves, indices);
        _equal(harness.rootOfMany(indices, nodes, count, siblings), Tree.root(leaves));
    }

    function test_root_ofOneLeafNeedsItsPath() external view {
        for (uint256 count = 1; count <= 9; ++count) {
            bytes32[] memory leaves = _leaves(count);
            for (uint256 i = 0; i < count; ++i) {
                (uint256[] memory indices, bytes32[] memory nodes) = _some(leaves, 1 << i);
                bytes32[] memory siblings = Tree.path(leaves, i);
                _equal(siblings.length, Tree.paths(leaves, indices).length);
                _equal(harness.rootOfMany(indices, nodes, count, siblings), Tree.root(leaves));
                _equal(harness.root(nodes[0], i, count, siblings), Tree.root(leaves));
            }
        }
    }

    /// @dev K13: nothing can be added to a proof, left out, or changed.
    function test_root_revertsOrDiffersForEveryOtherProof() external {
        for (uint256 count = 2; count <= 7; ++count) {
            bytes32[] memory leaves = _leaves(count);
            for (uint256 set = 1; set < 1 << count; ++set) {
                (uint256[] memory indices, bytes32[] memory nodes) = _some(leaves, set);
                _everyOtherProof(leaves, indices, nodes, Tree.paths(leaves, indices));
            }
        }
    }

    function _everyOtherProof(
        bytes32[] memory leaves,
        uint256[] memory indices,
        bytes32[] memory nodes,
        bytes32[] memory siblings
    ) private {
        uint256 count = leaves.length;
        bytes32[] memory longer = new bytes32[](siblings.length + 1);
        bytes32[] memory shorter = new bytes32[](siblings.length == 0 ? 0 : siblings.length - 1);
        for (uint256 i = 0; i < siblings.length; ++i) {
            longer[i] = siblings[i];
            if (i < shorter.length) shorter[i] = siblings[i];
            siblings[i] ^= bytes32(uint256(1));
            _true(harness.rootOfMany(indices, nodes, count, siblings) != Tree.root(leaves));
            siblings[i] ^= bytes32(uint256(1));
        }
        longer[siblings.length] = keccak256("plasma/pad");
        vm.expectRevert(abi.encodeWithSelector(MerkleProof.PathLength.selector, longer.length, count));
        harness.rootOfMany(indices, nodes, count, longer);
        if (siblings.length == 0) return;
        vm.expectRevert(abi.encodeWithSelector(MerkleProof.PathLength.selector, shorter.length, count));
        harness.rootOfMany(indices, nodes, count, shorter);
    }

    function test_root_revertsWhenLeavesDoNotRise() external {
        bytes32[] memory leaves = _leaves(4);
        uint256[] memory indices = new uint256[](2);
        bytes32[] memory nodes = new bytes32[](2);
        bytes32[] memory siblings = Tree.path(leaves, 1);
        // The same leaf twice.
        (indices[0], indices[1], nodes[0], nodes[1]) = (1, 1, leaves[1], leaves[1]);
        vm.expectRevert(abi.encodeWithSelector(MultiProof.LeavesNotRising.selector, 1, 1));
        harness.rootOfMany(indices, nodes, 4, siblings);
        (indices[0], nodes[0], indices[1], nodes[1]) = (2, leaves[2], 0, leaves[0]);
        vm.expectRevert(abi.encodeWithSelector(MultiProof.LeavesNotRising.selector, 2, 0));
        harness.rootOfMany(indices, nodes, 4, siblings);
    }

    /// @dev K10, K12: a place beyond the tree, and the padding as a leaf.
    function test_root_revertsBeyondTheTree() external {
        bytes32[] memory leaves = _leaves(3);
        (uint256[] memory indices, bytes32[] memory nodes) = _some(leaves, 5);
        bytes32[] memory siblings = new bytes32[](1);
        siblings[0] = leaves[1];
        (indices[1], nodes[1]) = (3, keccak256("plasma/pad"));
        vm.expectRevert(abi.encodeWithSelector(MerkleProof.LeafOutsideTree.selector, 3, 3));
        harness.rootOfMany(indices, nodes, 3, siblings);
        for (uint256 i = 4; i < 20; ++i) {
            indices[1] = i;
            vm.expectRevert(abi.encodeWithSelector(MerkleProof.LeafOutsideTree.selector, i, 3));
            harness.rootOfMany(indices, nodes, 3, siblings);
        }
        indices[1] = type(uint256).max;
        vm.expectRevert(abi.encodeWithSelector(MerkleProof.LeafOutsideTree.selector, indices[1], 3));
        harness.rootOfMany(indices, nodes, 3, siblings);
    }

    /// @dev K11: an inner node is no leaf, because the number of leaves fixes the levels.
    function test_root_doesNotTakeAnInnerNodeForALeaf() external {
        bytes32[] memory leaves = _leaves(4);
        bytes32[] memory inner = new bytes32[](2);
        inner[0] = keccak256(abi.encodePacked(leaves[0], leaves[1]));
        inner[1] = keccak256(abi.encodePacked(leaves[2], leaves[3]));
        uint256[] memory indices = new uint256[](2);
        indices[1] = 1;
        _equal(harness.rootOfMany(indices, inner, 2, new bytes32[](0)), Tree.root(leaves));
        vm.expectRevert(abi.encodeWithSelector(MerkleProof.PathLength.selector, 0, 4));
        harness.rootOfMany(indices, inner, 4, new bytes32[](0));
        _true(harness.rootOfMany(indices, inner, 4, new bytes32[](1)) != Tree.root(leaves));
    }
}
