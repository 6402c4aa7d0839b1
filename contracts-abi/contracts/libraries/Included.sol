// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../interfaces/IExitGame.sol";
import {IFederation} from "../interfaces/IFederation.sol";
import {Anchor, Inclusion} from "../types/Anchor.sol";
import {MerkleProof} from "./MerkleProof.sol";
import {PlasmaTransaction} from "./PlasmaTransaction.sol";

/// @title Whether a transaction lies in anchored history
library Included {
    using PlasmaTransaction for bytes;

    /// @notice The transaction is well-formed and lies where the proof says, under the first anchor that covered
    /// its height: a later anchor can tell another history, and nothing of it counts.
    /// @return lastValid the highest height that counts, not below the proof's
    function check(
        bytes calldata transaction,
        Inclusion calldata inclusion,
        IFederation federation,
        bool legacyTransactions
    ) internal view returns (uint32 lastValid) {
        transaction.check(legacyTransactions);
        (, lastValid) = checkBlock(inclusion, federation);
        checkPlace(transaction, inclusion);
    }

    /// @notice The block lies under the first anchor that covered its height.
    /// @return leaf its history leaf
    function checkBlock(Inclusion calldata inclusion, IFederation federation)
        internal
        view
        returns (bytes32 leaf, uint32 lastValid)
    {
        uint32 height = inclusion.height;
        Anchor calldata covering = inclusion.anchor;
        if (height <= covering.previous || height > covering.height) {
            revert IExitGame.NotFirstCovering(height, covering.previous, covering.height);
        }
        bytes32 word;
        (word, lastValid) = federation.anchored(covering.number);
        if (word != _wordOf(covering)) revert IExitGame.AnchorUnknown(covering.number);
        if (height > lastValid) revert IExitGame.HeightVoid(height, lastValid);
        leaf = checkHistory(inclusion, covering.height, covering.historyRoot);
    }

    /// @notice The block is in a history up to height `top`.
    /// @return leaf its history leaf
    function checkHistory(Inclusion calldata inclusion, uint32 top, bytes32 historyRoot)
        internal
        pure
        returns (bytes32 leaf)
    {
        uint32 height = inclusion.height;
        leaf = keccak256(
            abi.encodePacked(
                uint8(1), height, inclusion.transactionCount, inclusion.transactionsRoot, inclusion.l1Height
            )
        );
        if (MerkleProof.root(leaf, height, uint256(top) + 1, inclusion.historyPath) != historyRoot) {
            revert IExitGame.BlockNotInHistory(height);
        }
    }

    /// @notice The transaction is in the block.
    function checkPlace(bytes calldata transaction, Inclusion calldata inclusion) internal pure {
        bytes32 root = MerkleProof.root(
            transaction.leaf(), inclusion.index, inclusion.transactionCount, inclusion.transactionPath
        );
        if (root != inclusion.transactionsRoot) revert IExitGame.TransactionNotInBlock(inclusion.index);
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
