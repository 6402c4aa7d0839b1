// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../interfaces/IFederation.sol";
import {Anchor, Inclusion} from "../types/Anchor.sol";
import {Accused, BlockProof} from "../types/Fraud.sol";
import {Header} from "./Header.sol";
import {MerkleProof} from "./MerkleProof.sol";
import {PlasmaTransaction} from "./PlasmaTransaction.sol";

/// @title What lies in anchored history, whatever it is
/// @notice A block is proven only under the anchor that first covered its height; height 0 never is. The number of
/// transactions is part of the block's leaf, so a path has one length and no inner node passes for a transaction.
library History {
    using Header for bytes;
    using PlasmaTransaction for bytes;

    /// @notice The header says nothing about the block.
    error NotInItsHistory(uint32 height, uint32 signed);

    /// @notice The anchor is not one of the federation's.
    error AnchorUnknown(uint32 number);
    /// @notice The anchor is not the first that covers the height.
    error NotFirstCovering(uint32 height, uint32 previous, uint32 anchored);
    /// @notice The block, with its place, is not in the anchored history.
    error BlockNotInHistory(uint32 height);
    /// @notice The transaction is not in the block.
    error TransactionNotInBlock(uint32 index);

    /// @notice Requires that the bytes, well-formed or not, lie where the inclusion says.
    function checkTransaction(IFederation federation, bytes calldata transaction, Inclusion calldata place)
        internal
        view
    {
        bytes32 leaf = _leaf(place.height, place.transactionCount, place.transactionsRoot, place.l1Height);
        _check(federation, place.height, leaf, place.historyPath, place.anchor);
        bytes32 root =
            MerkleProof.root(transaction.leaf(), place.index, place.transactionCount, place.transactionPath);
        if (root != place.transactionsRoot) revert TransactionNotInBlock(place.index);
    }

    /// @notice Requires that a block of this content lies at its height.
    function checkBlock(IFederation federation, BlockProof calldata proof) internal view {
        bytes32 leaf = _leaf(proof.height, proof.transactionCount, proof.transactionsRoot, proof.l1Height);
        _check(federation, proof.height, leaf, proof.historyPath, proof.anchor);
    }

    /// @notice Requires that the federation made this anchor.
    function checkAnchor(IFederation federation, Anchor calldata made) internal view {
        (bytes32 word,) = federation.anchored(made.number);
        if (word != made.wordOf()) revert AnchorUnknown(made.number);
    }

    /// @notice Requires that a header has the block in its history, as the covering anchor has: who signed for
    /// another branch did not sign for this block.
    function checkSigned(Accused calldata accused, Inclusion calldata place) internal pure {
        // Any other length is no header.
        Header.id(accused.header);
        uint32 signed = accused.header.height();
        bytes32 root = place.anchor.historyRoot;
        if (signed != place.anchor.height) {
            bytes32 leaf = _leaf(place.height, place.transactionCount, place.transactionsRoot, place.l1Height);
            root = MerkleProof.root(leaf, place.height, uint256(signed) + 1, accused.historyPath);
        }
        if (signed > place.anchor.height || root != accused.header.historyRoot()) {
            revert NotInItsHistory(place.height, signed);
        }
    }

    function _check(
        IFederation federation,
        uint32 height,
        bytes32 leaf,
        bytes32[] calldata path,
        Anchor calldata covering
    ) private view {
        if (height <= covering.previous || height > covering.height) {
            revert NotFirstCovering(height, covering.previous, covering.height);
        }
        checkAnchor(federation, covering);
        bytes32 root = MerkleProof.root(leaf, height, uint256(covering.height) + 1, path);
        if (root != covering.historyRoot) revert BlockNotInHistory(height);
    }

    function _leaf(uint32 height, uint32 transactionCount, bytes32 transactionsRoot, uint64 l1Height)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(uint8(1), height, transactionCount, transactionsRoot, l1Height));
    }
}
