// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../interfaces/IExitGame.sol";
import {IFederation} from "../interfaces/IFederation.sol";
import {Anchor, Inclusion} from "../types/Anchor.sol";
import {BatchProof} from "../types/Batch.sol";
import {Accused, BlockProof} from "../types/Fraud.sol";
import {Header} from "./Header.sol";
import {MerkleProof} from "./MerkleProof.sol";
import {MultiProof} from "./MultiProof.sol";
import {PlasmaTransaction} from "./PlasmaTransaction.sol";

/// @title What lies in anchored history
/// @notice A block is proven only under the anchor that first covered its height: a later anchor can tell another history,
/// and nothing of it counts; height 0 never is. The number of transactions is part of the block's leaf, so a path has one
/// length and no inner node passes for a transaction. Money moves for well-formed transactions up to the last valid height
/// (`checkCounting`, `checkCountingBlock`); fraud proofs and rebuttals judge whatever lies there (the others).
library History {
    using Header for bytes;
    using PlasmaTransaction for bytes;

    /// @notice The header says nothing about the block.
    error NotInItsHistory(uint32 height, uint32 signed);

    /// @notice Requires a well-formed transaction that lies where the inclusion says, in a block that counts.
    /// @return lastValid the highest height that counts, not below the inclusion's
    function checkCounting(
        IFederation federation,
        bytes calldata transaction,
        Inclusion calldata place,
        bool legacyTransactions
    ) internal view returns (uint32 lastValid) {
        transaction.check(legacyTransactions);
        (, lastValid) = checkCountingBlock(federation, place);
        checkPlace(transaction, place);
    }

    /// @notice Requires that the block of an inclusion lies at its height, whether it counts or not.
    /// @return leaf its history leaf
    function checkAnchoredBlock(IFederation federation, Inclusion calldata place)
        internal
        view
        returns (bytes32 leaf, uint32 lastValid)
    {
        uint32 height = place.height;
        lastValid = _checkCovering(federation, height, height, place.anchor);
        leaf = _leafOf(place);
        _checkHistory(height, leaf, place.anchor.height, place.anchor.historyRoot, place.historyPath);
    }

    /// @notice Requires that the block of an inclusion lies at its height and counts.
    /// @return leaf its history leaf
    function checkCountingBlock(IFederation federation, Inclusion calldata place)
        internal
        view
        returns (bytes32 leaf, uint32 lastValid)
    {
        (leaf, lastValid) = checkAnchoredBlock(federation, place);
        uint32 height = place.height;
        if (height > lastValid) revert IExitGame.HeightVoid(height, lastValid);
    }

    /// @notice The same for the blocks of a batch, at least one; `MultiProof` requires that their heights rise.
    /// @param leaves their history leaves
    function checkCountingBlocks(
        IFederation federation,
        uint256[] memory heights,
        bytes32[] memory leaves,
        BatchProof calldata proof
    ) internal view {
        (uint32 lowest, uint32 highest) = (uint32(heights[0]), uint32(heights[heights.length - 1]));
        uint32 lastValid = _checkCovering(federation, lowest, highest, proof.anchor);
        if (highest > lastValid) revert IExitGame.HeightVoid(highest, lastValid);
        uint256 count = uint256(proof.anchor.height) + 1;
        if (MultiProof.root(heights, leaves, count, proof.historyPaths) != proof.anchor.historyRoot) {
            revert IExitGame.BlockNotInHistory(lowest);
        }
    }

    /// @notice Requires that the bytes, well-formed or not, lie where the inclusion says.
    function checkTransaction(IFederation federation, bytes calldata transaction, Inclusion calldata place)
        internal
        view
        returns (uint32 lastValid)
    {
        (, lastValid) = checkAnchoredBlock(federation, place);
        checkPlace(transaction, place);
    }

    /// @notice Requires that a block of this content lies at its height.
    function checkBlock(IFederation federation, BlockProof calldata proof) internal view {
        uint32 height = proof.height;
        _checkCovering(federation, height, height, proof.anchor);
        bytes32 leaf = leafOf(height, proof.transactionCount, proof.transactionsRoot, proof.l1Height);
        _checkHistory(height, leaf, proof.anchor.height, proof.anchor.historyRoot, proof.historyPath);
    }

    /// @notice Requires that the block of an inclusion is in a history up to height `top`, anchored or not.
    /// @return leaf its history leaf
    function checkHistory(Inclusion calldata place, uint32 top, bytes32 historyRoot)
        internal
        pure
        returns (bytes32 leaf)
    {
        leaf = _leafOf(place);
        _checkHistory(place.height, leaf, top, historyRoot, place.historyPath);
    }

    /// @notice Requires that the transaction is in the block of the inclusion.
    function checkPlace(bytes calldata transaction, Inclusion calldata place) internal pure {
        bytes32 root =
            MerkleProof.root(transaction.leaf(), place.index, place.transactionCount, place.transactionPath);
        if (root != place.transactionsRoot) revert IExitGame.TransactionNotInBlock(place.index);
    }

    /// @notice Requires that the federation made this anchor.
    function checkAnchor(IFederation federation, Anchor calldata made)
        internal
        view
        returns (uint32 lastValid)
    {
        bytes32 word;
        (word, lastValid) = federation.anchored(made.number);
        if (word != _wordOf(made)) revert IExitGame.AnchorUnknown(made.number);
    }

    /// @notice Requires that a header has the block in its history, as the covering anchor has: who signed for
    /// another branch did not sign for this block.
    function checkSigned(Accused calldata accused, Inclusion calldata place) internal pure {
        // Any other length is no header.
        Header.id(accused.header);
        uint32 signed = accused.header.height();
        bytes32 root = place.anchor.historyRoot;
        if (signed != place.anchor.height) {
            root = MerkleProof.root(_leafOf(place), place.height, uint256(signed) + 1, accused.historyPath);
        }
        if (signed > place.anchor.height || root != accused.header.historyRoot()) {
            revert NotInItsHistory(place.height, signed);
        }
    }

    /// @notice The leaf of a block in every history.
    function leafOf(uint32 height, uint32 transactionCount, bytes32 transactionsRoot, uint64 l1Height)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(uint8(1), height, transactionCount, transactionsRoot, l1Height));
    }

    /// @dev The anchor is the first that covers heights from `lowest` to `highest`.
    function _checkCovering(IFederation federation, uint32 lowest, uint32 highest, Anchor calldata covering)
        private
        view
        returns (uint32 lastValid)
    {
        (uint32 previous, uint32 top) = (covering.previous, covering.height);
        if (lowest <= previous) revert IExitGame.NotFirstCovering(lowest, previous, top);
        if (highest > top) revert IExitGame.NotFirstCovering(highest, previous, top);
        return checkAnchor(federation, covering);
    }

    function _checkHistory(
        uint32 height,
        bytes32 leaf,
        uint32 top,
        bytes32 historyRoot,
        bytes32[] calldata path
    ) private pure {
        if (MerkleProof.root(leaf, height, uint256(top) + 1, path) != historyRoot) {
            revert IExitGame.BlockNotInHistory(height);
        }
    }

    function _leafOf(Inclusion calldata place) private pure returns (bytes32) {
        return leafOf(place.height, place.transactionCount, place.transactionsRoot, place.l1Height);
    }

    /// @dev `wordOf` without a copy field by field, which cost 800 gas: the struct lies in calldata as it is hashed.
    /// Bits outside a field change the word, so they are no second encoding.
    function _wordOf(Anchor calldata anchor) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, anchor, 0xc0)
            word := keccak256(free, 0xc0)
        }
    }
}
