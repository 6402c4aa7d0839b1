// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "../../contracts/libraries/MerkleProof.sol";
import {Check} from "../support/Check.sol";
import {Harness} from "../support/Harness.sol";
import {Tree} from "../support/Tree.sol";

contract MerkleProofTest is Check {
    Harness private harness = new Harness();

    function testFuzz_root_acceptsEveryLeafAtItsIndexAlone(uint8 count, uint8 index, uint8 other)
        external
        view
    {
        vm.assume(count != 0);
        bytes32[] memory leaves = _leaves(count);
        (uint256 at_, uint256 elsewhere) = (index % count, other % count);
        bytes32[] memory path = Tree.path(leaves, at_);
        bytes32 root = Tree.root(leaves);
        _equal(harness.root(leaves[at_], at_, count, path), root);
        if (elsewhere == at_) return;
        _true(harness.root(leaves[at_], elsewhere, count, path) != root);
        _true(harness.root(leaves[elsewhere], at_, count, path) != root);
    }

    function testFuzz_root_revertsAtOrAboveTheCount(uint8 count, uint256 index) external {
        vm.assume(count != 0 && index >= count);
        bytes32[] memory path = Tree.path(_leaves(count), count - 1);
        vm.expectRevert(abi.encodeWithSelector(MerkleProof.LeafOutsideTree.selector, index, count));
        harness.root(keccak256("leaf"), index, count, path);
    }

    function test_root_revertsInATreeOfNone() external {
        vm.expectRevert(abi.encodeWithSelector(MerkleProof.LeafOutsideTree.selector, 0, 0));
        harness.root(keccak256("leaf"), 0, 0, new bytes32[](0));
    }

    function testFuzz_root_revertsOnAnyOtherLength(uint8 count, uint8 length) external {
        vm.assume(count != 0);
        uint256 levels = Tree.path(_leaves(count), 0).length;
        vm.assume(length != levels);
        vm.expectRevert(abi.encodeWithSelector(MerkleProof.PathLength.selector, length, count));
        harness.root(keccak256("leaf"), 0, count, new bytes32[](length));
    }

    function test_root_theLastLeafIsNotThereTwice() external pure {
        // Duplicating the last leaf of an odd level (CVE-2012-2459) gives another root here, whatever the count.
        bytes32[] memory three = _leaves(3);
        bytes32[] memory four = _leaves(4);
        four[3] = three[2];
        _true(Tree.root(three) != Tree.root(four));
    }

    function test_root_anInnerNodeIsNoLeafOfASmallerTree() external view {
        bytes32[] memory leaves = _leaves(4);
        bytes32 inner = keccak256(abi.encodePacked(leaves[0], leaves[1]));
        bytes32[] memory path = new bytes32[](1);
        path[0] = keccak256(abi.encodePacked(leaves[2], leaves[3]));
        // With a count of 2 the arithmetic holds: the count is therefore under the block's leaf of history.
        _equal(harness.root(inner, 0, 2, path), Tree.root(leaves));
    }

    function _leaves(uint256 count) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = keccak256(abi.encode(i));
        }
    }
}
