// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ExitRecords} from "./ExitRecords.sol";
import {IExitGame} from "./interfaces/IExitGame.sol";
import {BatchContent} from "./libraries/BatchContent.sol";
import {ExitQueue} from "./libraries/ExitQueue.sol";
import {History} from "./libraries/History.sol";
import {MultiProof} from "./libraries/MultiProof.sol";
import {PlasmaTransaction} from "./libraries/PlasmaTransaction.sol";
import {BatchProof, Leaving, LeavingBlock} from "./types/Batch.sol";
import {Position, toPosition} from "./types/Position.sol";

/// @title Many outputs that leave together
/// @notice A batch has one place in the queue, that of its youngest output: nobody but its owner waits longer for it, and
/// older outputs first stays the law. Every output has an exit of its own, with its bond, its challenges and its end.
abstract contract Batches is ExitRecords {
    using ExitQueue for ExitQueue.Queue;
    using PlasmaTransaction for bytes;

    /// @dev What was read of a batch.
    /// @param youngest position of the output that was read last
    struct Draft {
        address asset;
        uint256 count;
        Position youngest;
        bytes content;
    }

    /// @inheritdoc IExitGame
    function startExits(BatchProof calldata proof) external payable returns (uint256 place) {
        Draft memory draft;
        _readBatch(proof, draft);
        uint256 bonds = draft.count * _exitBond;
        if (msg.value != bonds) revert BondDiffers(msg.value, bonds);
        uint64 exitableAt = _exitableAt(proof.anchor.time);
        uint8 token = _checkToken(draft.asset);
        place = _queues[draft.asset].insert(exitableAt, draft.youngest);
        _exits[place] = Open({
            owner: msg.sender,
            token: token,
            marks: BATCH,
            content: uint80((1 << draft.count) - 1),
            output: BatchContent.store(draft.content)
        });
        for (uint256 i = 0; i < draft.count; ++i) {
            (, Position position,) = BatchContent.entry(draft.content, i);
            emit ExitStarted(ExitQueue.member(place, i), position, msg.sender);
        }
    }

    /// @dev When an exit that starts now may be paid. Outputs of deposits wait like any other: nobody can forge a deposit,
    /// but a quorum can fund one again that was spent, and that output must not leave before those that are older.
    function _exitableAt(uint64 anchoredAt) internal view returns (uint64 exitableAt) {
        exitableAt = uint64(block.timestamp) + _exitPeriod;
        uint64 anchoredTerm = anchoredAt + 2 * _exitPeriod;
        if (anchoredTerm > exitableAt) exitableAt = anchoredTerm;
    }

    /// @dev Every output of the proof lies in anchored history that counts, and may be exited by the caller.
    function _readBatch(BatchProof calldata proof, Draft memory draft) private view {
        uint256 count = proof.blocks.length;
        // Every block brings an output at least.
        if (count == 0 || count > BATCH_MAX) revert BatchSize(count);
        uint256[] memory heights = new uint256[](count);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            LeavingBlock calldata from = proof.blocks[i];
            heights[i] = from.height;
            leaves[i] = _readBlock(from, draft);
        }
        History.checkCountingBlocks(federation, heights, leaves, proof);
    }

    /// @return the history leaf of the block
    function _readBlock(LeavingBlock calldata from, Draft memory draft) private view returns (bytes32) {
        uint256 count = from.transactions.length;
        if (count == 0 || count > BATCH_MAX) revert BatchSize(count);
        uint256[] memory indices = new uint256[](count);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            Leaving calldata leaving = from.transactions[i];
            indices[i] = leaving.index;
            leaves[i] = leaving.transaction.leaf();
            _readTransaction(from.height, leaving, draft);
        }
        uint256 first = indices[0];
        bytes32 root = MultiProof.root(indices, leaves, from.transactionCount, from.transactionPaths);
        if (root != from.transactionsRoot) revert TransactionNotInBlock(uint32(first));
        return History.leafOf(from.height, from.transactionCount, from.transactionsRoot, from.l1Height);
    }

    function _readTransaction(uint32 height, Leaving calldata leaving, Draft memory draft) private view {
        bytes calldata transaction = leaving.transaction;
        transaction.check(_legacyTransactions);
        address asset = transaction.asset();
        if (draft.count == 0) draft.asset = asset;
        else if (draft.asset != asset) revert AssetDiffers(asset, draft.asset);
        uint8 outputs = leaving.outputs;
        if (outputs == 0) revert BatchSize(0);
        bool isFund = transaction.kind() == PlasmaTransaction.FUND;
        bytes32 transactionId = transaction.id();
        for (uint8 i = 0; outputs >> i != 0; ++i) {
            if (outputs >> i & 1 == 0) continue;
            (address owner, uint256 amount) = transaction.output(i);
            if (owner != msg.sender) revert NotOwner(owner);
            if (amount > type(uint128).max) revert AmountTooLarge(amount);
            bytes32 key = keccak256(abi.encodePacked(transactionId, i));
            if (consumed[key] != 0) revert AlreadyPaid(key);
            if (isFund) _checkDeposit(transaction, owner, amount);
            if (++draft.count > BATCH_MAX) revert BatchSize(draft.count);
            draft.youngest = toPosition(height, leaving.index, i);
            draft.content = BatchContent.append(draft.content, key, draft.youngest, uint128(amount));
        }
    }
}
