// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {InFlightOutcomes} from "./InFlightOutcomes.sol";
import {InFlightRecords} from "./InFlightRecords.sol";
import {Inclusions} from "./Inclusions.sol";
import {IExitGame} from "./interfaces/IExitGame.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IInFlightExits} from "./interfaces/IInFlightExits.sol";
import {ExitQueue} from "./libraries/ExitQueue.sol";
import {History} from "./libraries/History.sol";
import {PlasmaTransaction} from "./libraries/PlasmaTransaction.sol";
import {Signing} from "./libraries/Signing.sol";
import {Inclusion, Proof} from "./types/Anchor.sol";
import {Evidence, Finding} from "./types/Evidence.sol";
import {Claim, InFlightExit, Pending, Share} from "./types/InFlight.sol";
import {NOWHERE, Position, toPosition} from "./types/Position.sol";

/// @title The in-flight half of the exit game
/// @notice See `IInFlightExits`. The exit game makes it, and holds the queue and the registry; here are records and bonds.
contract InFlightExits is InFlightOutcomes {
    using PlasmaTransaction for bytes;

    /// @param federation_ the federation; the creator is its exit game
    constructor(IFederation federation_) Inclusions(federation_) {}

    /// @inheritdoc IInFlightExits
    function startInFlightExit(Evidence calldata payment, Proof[] calldata inputs)
        external
        payable
        returns (uint256 id)
    {
        Finding memory found = _examine(payment);
        _checkBond(found.leaf == 0 ? 1 : 2);
        bytes calldata transaction = payment.transaction;
        address owner = Signing.signer(transaction, address(federation));
        uint8 marks = _checkRestart(found, owner);
        bytes32[] memory keys;
        {
            uint64 exitableAt;
            Position youngest;
            (keys, exitableAt, youngest) = _proveInputs(transaction, owner, inputs, marks != 0);
            // In the queue it comes behind what is as old as the youngest input.
            id = exitGame.enqueue(transaction.asset(), exitableAt, youngest);
        }
        if (found.leaf != 0) {
            // What can still be included needs no inclusion, so a false one takes nothing from it.
            if (transaction.expiry() < federation.latest().height) marks |= RESTING;
        } else if (!(found.position == NOWHERE)) {
            marks |= INCLUDED;
        }
        InFlightExit storage exit = _inFlight[id];
        exit.starter = msg.sender;
        exit.begun = uint40(block.timestamp);
        exit.inputs = uint8(keys.length);
        exit.marks = marks;
        exit.content = _content(found.id, owner, keys);
        if (marks & INCLUDED != 0) exit.included = found.position;
        latestInFlight[found.id] = id;
        emit InFlightExitStarted(id, transaction);
        emit InFlightInputs(id, owner, keys);
        if (found.leaf != 0) _record(id, exit, INCLUSION, found.position, found.leaf, NOWHERE, 0);
    }

    /// @inheritdoc IInFlightExits
    function showInputs(bytes calldata transaction, Proof[] calldata inputs) external {
        transaction.check(_legacyTransactions);
        _proveInputs(transaction, Signing.signer(transaction, address(federation)), inputs, false);
        bytes32 id = transaction.id();
        _shown[id] = true;
        emit InputsShown(id);
    }

    /// @inheritdoc IInFlightExits
    function piggybackOutput(uint256 exitId, Pending calldata pending, uint8 output) external payable {
        (InFlightExit storage exit, bytes32 transactionId) = _pending(exitId, pending);
        (address owner, uint256 amount) = pending.transaction.output(output);
        _piggyback(exitId, exit, pending, transactionId, owner, output);
        bytes32 key = _key(transactionId, output);
        if (_isConsumed(key)) revert IExitGame.AlreadyPaid(key);
        _shares[exitId][output] = Share({owner: owner, amount: amount});
        emit InFlightPiggybacked(exitId, output);
    }

    /// @inheritdoc IInFlightExits
    function piggybackInput(uint256 exitId, Pending calldata pending) external payable {
        (InFlightExit storage exit, bytes32 transactionId) = _pending(exitId, pending);
        _piggyback(exitId, exit, pending, transactionId, pending.owner, SIDE);
        for (uint8 i = 0; i < exit.inputs; ++i) {
            (, uint256 amount) = pending.transaction.input(i);
            _shares[exitId][SIDE + i] = Share({owner: pending.owner, amount: amount});
        }
        emit InFlightInputsClaimed(exitId);
    }

    /// @inheritdoc IInFlightExits
    function challengeNotCanonical(
        uint256 exitId,
        Pending calldata pending,
        uint8 input,
        Evidence calldata competitor,
        uint8 competing
    ) external payable {
        (InFlightExit storage exit, bytes32 transactionId) = _pending(exitId, pending);
        _checkBefore(exit, 2);
        Finding memory found = _examineAgainst(competitor);
        _checkCompetes(pending, transactionId, input, competitor.transaction, found.id, competing);
        if (exit.marks & INCLUDED != 0 && !_isVoid(exit.included, found.lastValid)) {
            _checkOlder(found.position, exit.included);
        }
        if (exit.marks & CONTESTED != 0) _checkOlder(found.position, exit.competitor);
        if (found.leaf != 0) {
            _claim(exitId, exit, COMPETITOR, found.position, found.leaf, NOWHERE, 0);
        } else {
            _checkBond(0);
            exit.marks |= CONTESTED;
            exit.challenger = msg.sender;
            exit.competitor = found.position;
            emit InFlightContested(exitId, found.position);
        }
    }

    /// @inheritdoc IInFlightExits
    function respondNotCanonical(uint256 exitId, Pending calldata pending, Evidence calldata payment)
        external
        payable
    {
        (InFlightExit storage exit, bytes32 transactionId) = _pending(exitId, pending);
        Finding memory found = _examineSame(payment, transactionId, pending.owner);
        uint8 marks = exit.marks;
        if (found.position == NOWHERE) {
            // A void block gives no position, but what rests on a receipt needs it no longer.
            if (marks & RESTING == 0) revert NotIncluded();
            _checkBond(0);
            exit.marks = marks & ~(RESTING | UNFOUNDED);
            emit InFlightIncluded(exitId, NOWHERE);
            return;
        }
        if (marks & CONTESTED != 0) {
            Position competitor = exit.competitor;
            if (!_isVoid(competitor, found.lastValid)) _checkOlder(found.position, competitor);
        }
        if (found.leaf != 0) {
            _claim(exitId, exit, INCLUSION, found.position, found.leaf, NOWHERE, 0);
            exit.marks = marks & ~UNFOUNDED;
        } else {
            _checkBond(0);
            if (marks & INCLUDED != 0 && !_isVoid(exit.included, found.lastValid)) {
                _checkOlder(found.position, exit.included);
            }
            exit.marks = (marks | INCLUDED) & ~(RESTING | UNFOUNDED);
            exit.included = found.position;
            emit InFlightIncluded(exitId, found.position);
        }
    }

    /// @inheritdoc IInFlightExits
    function challengeInputSpent(
        uint256 exitId,
        Pending calldata pending,
        uint8 input,
        Evidence calldata spending,
        uint8 spendingInput
    ) external payable {
        (InFlightExit storage exit, bytes32 transactionId) = _pending(exitId, pending);
        if (exit.piggybacked & INPUTS == 0) revert NotClaimed();
        Finding memory found = _examineAgainst(spending);
        _checkCompetes(pending, transactionId, input, spending.transaction, found.id, spendingInput);
        uint8 spent = exit.spent;
        uint8 bit = INPUTS << input;
        if (spent & bit != 0) revert AlreadySpent();
        if (found.leaf != 0) {
            _claim(exitId, exit, INPUT + input, found.position, found.leaf, NOWHERE, 0);
        } else {
            _checkBond(0);
            exit.spent = spent | bit;
            emit InFlightSpent(exitId, bit);
            // There is one claim of all inputs, so there is one bond.
            if (spent < INPUTS) _send(msg.sender, _exitBond);
        }
    }

    /// @inheritdoc IInFlightExits
    function challengeOutputSpent(
        uint256 exitId,
        Pending calldata pending,
        uint8 output,
        Evidence calldata payment,
        Evidence calldata spending,
        uint8 spendingInput
    ) external payable {
        (InFlightExit storage exit, bytes32 transactionId) = _pending(exitId, pending);
        (address owner, uint256 amount) = pending.transaction.output(output);
        uint8 bit = uint8(1) << output;
        if (exit.piggybacked & bit == 0) revert NotClaimed();
        Finding memory born = _examineSame(payment, transactionId, pending.owner);
        if (born.position == NOWHERE) revert NotIncluded();
        Position position = Position.wrap(Position.unwrap(born.position) | output);
        Finding memory found = _examineAgainst(spending);
        _checkSpends(pending.transaction, position, amount, owner, spending.transaction, spendingInput);
        if (born.leaf != 0 || found.leaf != 0) {
            _claim(exitId, exit, OUTPUT + output, born.position, born.leaf, found.position, found.leaf);
        } else {
            _checkBond(0);
            exit.piggybacked &= ~bit;
            exit.spent |= bit;
            delete _shares[exitId][output];
            emit InFlightSpent(exitId, bit);
            _send(msg.sender, _exitBond);
        }
    }

    /// @inheritdoc IInFlightExits
    function rebut(uint256 exitId, uint8 slot, Inclusion calldata truth) external {
        Claim memory claim = _claims[exitId][slot];
        if (claim.claimant == address(0)) revert ClaimUnknown(slot);
        (bytes32 leaf,) = History.checkAnchoredBlock(federation, truth);
        bool first = claim.leaf != 0 && claim.position.blockOf() == truth.height && claim.leaf != leaf;
        bool second = claim.otherLeaf != 0 && claim.other.blockOf() == truth.height && claim.otherLeaf != leaf;
        if (!first && !second) revert ClaimHolds();
        delete _claims[exitId][slot];
        InFlightExit storage exit = _inFlight[exitId];
        exit.claims &= ~(uint16(1) << slot);
        if (slot == INCLUSION && exit.marks & RESTING != 0) exit.marks |= UNFOUNDED;
        emit ClaimRebutted(exitId, slot);
        _send(msg.sender, _exitBond);
    }

    /// @dev Proves every input, in order.
    function _proveInputs(bytes calldata transaction, address owner, Proof[] calldata inputs, bool settled)
        private
        view
        returns (bytes32[] memory keys, uint64 exitableAt, Position youngest)
    {
        uint8 count = transaction.inputs();
        if (inputs.length != count) revert ProofsDiffer(inputs.length, count);
        exitableAt = uint64(block.timestamp) + _exitPeriod;
        keys = new bytes32[](count);
        for (uint8 i = 0; i < count; ++i) {
            (Position position, uint256 amount) = transaction.input(i);
            uint64 anchoredTerm = _checkInput(inputs[i], position, amount, owner, transaction.asset());
            if (anchoredTerm > exitableAt) exitableAt = anchoredTerm;
            if (youngest < position) youngest = position;
            bytes32 key = _key(inputs[i].transaction.id(), uint8(Position.unwrap(position)));
            bool taken = !settled && _isConsumed(key);
            // A transaction that lies in two places has two positions; a deposit that was funded twice, for one.
            for (uint256 j = 0; j < i; ++j) {
                taken = taken || keys[j] == key;
            }
            if (taken) revert IExitGame.AlreadyPaid(key);
            keys[i] = key;
        }
    }

    /// @dev The output that an input names is what the input says.
    function _checkInput(
        Proof calldata proof,
        Position position,
        uint256 amount,
        address owner,
        address asset
    ) private view returns (uint64 anchoredTerm) {
        bytes calldata made = proof.transaction;
        Inclusion calldata inclusion = proof.inclusion;
        _checkIncluded(made, inclusion);
        uint8 output = uint8(Position.unwrap(position));
        Position proven = toPosition(inclusion.height, inclusion.index, output);
        if (!(position == proven)) revert IExitGame.InputDiffers(position, proven);
        (address holder, uint256 value) = made.output(output);
        if (holder != owner) revert IExitGame.NotSpentByOwner(owner, holder);
        if (value != amount || made.asset() != asset) revert IExitGame.ValueDiffers();
        if (made.kind() == PlasmaTransaction.FUND) _checkDeposit(made, holder, value);
        // Also of a deposit: a quorum can fund one again that was spent.
        anchoredTerm = inclusion.anchor.time + 2 * _exitPeriod;
    }

    /// @dev Whoever freezes a payment whose inputs were set free must own them, or have a new reason: the valid part shrank,
    /// or the payment was made after all. Else its sender could have it contested before, and keep its receiver from
    /// exiting it for ever.
    /// @return marks what the new exit inherits
    function _checkRestart(Finding memory found, address owner) private view returns (uint8 marks) {
        uint256 before = latestInFlight[found.id];
        if (before == 0) return 0;
        InFlightExit storage earlier = _inFlight[before];
        if (earlier.starter != address(0)) revert AlreadyInFlight(before);
        marks = earlier.marks;
        bool isNew = found.lastValid < earlier.lastValid || !(found.position == NOWHERE);
        if (marks & NON_CANONICAL != 0 && owner != msg.sender && !isNew) revert RestartRefused(before);
        return marks & SETTLED;
    }

    function _piggyback(
        uint256 exitId,
        InFlightExit storage exit,
        Pending calldata pending,
        bytes32 transactionId,
        address owner,
        uint8 bit
    ) private {
        if (owner != msg.sender) revert IExitGame.NotOwner(owner);
        _checkBond(1);
        _checkBefore(exit, 2);
        uint8 piggybacked = exit.piggybacked;
        uint8 flag = uint8(1) << bit;
        if ((piggybacked | (exit.spent & (INPUTS - 1))) & flag != 0) revert AlreadyClaimed();
        exit.piggybacked = piggybacked | flag;
        if (exit.transaction != 0) return;
        exit.transaction = transactionId;
        for (uint8 i = 0; i < pending.inputs.length; ++i) {
            _inputs[exitId][i] = pending.inputs[i];
        }
    }

    /// @dev The exit is open and not void, and the caller brings back its transaction.
    function _pending(uint256 exitId, Pending calldata pending)
        private
        view
        returns (InFlightExit storage exit, bytes32 transactionId)
    {
        exit = _inFlight[exitId];
        if (exit.starter == address(0)) revert IExitGame.ExitUnknown(exitId);
        transactionId = pending.transaction.id();
        if (exit.content != _content(transactionId, pending.owner, pending.inputs)) revert PendingDiffers();
        uint32 lastValid = federation.lastValid();
        Position youngest = ExitQueue.position(exitId);
        if (_isVoid(youngest, lastValid)) revert IExitGame.HeightVoid(youngest.blockOf(), lastValid);
    }

    /// @dev The exiting transaction, signed by the owner of its inputs.
    function _examineSame(Evidence calldata payment, bytes32 transactionId, address owner)
        private
        view
        returns (Finding memory found)
    {
        found = _examine(payment);
        if (found.id != transactionId) revert OtherTransaction();
        address signer = Signing.signer(payment.transaction, address(federation));
        if (signer != owner) revert IExitGame.NotSpentByOwner(signer, owner);
    }

    /// @dev Another transaction of the owner spends an input of the exiting one.
    function _checkCompetes(
        Pending calldata pending,
        bytes32 transactionId,
        uint8 input,
        bytes calldata spending,
        bytes32 spendingId,
        uint8 spendingInput
    ) private view {
        if (spendingId == transactionId) revert SameTransaction();
        (Position position, uint256 amount) = pending.transaction.input(input);
        _checkSpends(pending.transaction, position, amount, pending.owner, spending, spendingInput);
    }

    function _checkSpends(
        bytes calldata transaction,
        Position position,
        uint256 amount,
        address owner,
        bytes calldata spending,
        uint8 spendingInput
    ) private view {
        (Position spent, uint256 stated) = spending.input(spendingInput);
        if (!(spent == position)) revert IExitGame.InputDiffers(spent, position);
        if (stated != amount || spending.asset() != transaction.asset()) revert IExitGame.ValueDiffers();
        address signer = Signing.signer(spending, address(federation));
        if (signer != owner) revert IExitGame.NotSpentByOwner(signer, owner);
    }
}
