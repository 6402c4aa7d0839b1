// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchProof, Leaving, LeavingBlock} from "../../contracts/types/Batch.sol";
import {Position, toPosition} from "../../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "./Forms.sol";
import {InFlight} from "./InFlight.sol";
import {Tree} from "./Tree.sol";

/// @notice Outputs of one transaction that leave: bit i for output i.
struct Wanted {
    uint32 height;
    uint32 index;
    uint8 outputs;
}

/// @notice A world in which Bob has many outputs, and the proofs that take them out together.
abstract contract Batching is InFlight {
    uint256 internal constant UNIT = 0.01 ether;

    /// @dev Blocks 3 and 4, anchored together: three and five payments of ten units to Bob, in four outputs each.
    function _beginBatching() internal {
        _beginInFlight();
        _blockOfFours(3);
        _blockOfFours(5);
        _l1(5, 60);
        _anchor();
    }

    /// @dev Two outputs of block 3 and three of block 4.
    function _five() internal pure returns (Wanted[] memory wanted) {
        wanted = new Wanted[](4);
        wanted[0] = Wanted(3, 0, 2);
        wanted[1] = Wanted(3, 2, 8);
        wanted[2] = Wanted(4, 1, 3);
        wanted[3] = Wanted(4, 4, 8);
    }

    /// @dev Their positions, and their amounts in units.
    function _fiveOutputs() internal pure returns (Position[5] memory positions, uint256[5] memory units) {
        positions = [
            toPosition(3, 0, 1),
            toPosition(3, 2, 3),
            toPosition(4, 1, 0),
            toPosition(4, 1, 1),
            toPosition(4, 4, 3)
        ];
        units = [uint256(2), 4, 1, 2, 4];
    }

    /// @dev The proof of outputs in the order of their positions, under the anchor that first covered the lowest.
    function _batch(Wanted[] memory wanted) internal view returns (BatchProof memory proof) {
        uint256 blocks = 0;
        for (uint256 i = 0; i < wanted.length; ++i) {
            if (i == 0 || wanted[i].height != wanted[i - 1].height) ++blocks;
        }
        proof.blocks = new LeavingBlock[](blocks);
        uint256[] memory heights = new uint256[](blocks);
        uint256 from = 0;
        for (uint256 b = 0; b < blocks; ++b) {
            uint256 to = from;
            while (to < wanted.length && wanted[to].height == wanted[from].height) ++to;
            proof.blocks[b] = _leaving(wanted, from, to);
            heights[b] = wanted[from].height;
            from = to;
        }
        uint256 covering = 0;
        while (anchors[covering].height < heights[0]) ++covering;
        proof.anchor = anchors[covering];
        proof.historyPaths = Tree.paths(_historyUpTo(proof.anchor.height), heights);
    }

    function _leaving(Wanted[] memory wanted, uint256 from, uint256 to)
        private
        view
        returns (LeavingBlock memory made)
    {
        uint32 height = wanted[from].height;
        uint256[] memory indices = new uint256[](to - from);
        made.height = height;
        made.transactionCount = uint32(leavesOf[height].length);
        made.transactionsRoot = Tree.root(leavesOf[height]);
        made.l1Height = originOf[height];
        made.transactions = new Leaving[](to - from);
        for (uint256 i = from; i < to; ++i) {
            indices[i - from] = wanted[i].index;
            made.transactions[i - from] = Leaving({
                index: wanted[i].index,
                outputs: wanted[i].outputs,
                transaction: bodies[height][wanted[i].index]
            });
        }
        made.transactionPaths = Tree.paths(leavesOf[height], indices);
    }

    /// @dev A payment of Alice to Bob with four outputs, all his, of 1, 2, 3 and 4 times `unit`. What it spends exists
    /// only in the eyes of the contract, which does not look.
    function _payFour(uint32 salt, uint256 unit) internal view returns (bytes memory) {
        Pay[] memory outputs = new Pay[](4);
        for (uint256 i = 0; i < 4; ++i) {
            outputs[i] = Pay({owner: bob, amount: (i + 1) * unit});
        }
        Spend[] memory inputs = Forms.one(Spend({position: toPosition(1, salt, 0), amount: 10 * unit}));
        return _signed(ALICE_KEY, Forms.unsigned(5, address(0), FOREVER, inputs, outputs));
    }

    /// @dev A block of so many of them.
    function _blockOfFours(uint32 count) internal returns (uint32 height) {
        bytes[] memory body = new bytes[](count);
        for (uint32 i = 0; i < count; ++i) {
            body[i] = _payFour(uint32(history.length * 100 + i), UNIT);
        }
        return _block(body);
    }

    function _exitAll(BatchProof memory proof, uint256 bonds) internal returns (uint256 place) {
        vm.prank(bob);
        return game.startExits{value: bonds * BOND}(proof);
    }

    function _member(uint256 place, uint256 index) internal pure returns (uint256 id) {
        return ((index + 1) << 176) | place;
    }

    /// @dev Bob spends one of his outputs.
    function _spend(Position position, uint256 amount) internal view returns (bytes memory) {
        return _transfer(BOB_KEY, position, amount, alice, FOREVER);
    }
}
