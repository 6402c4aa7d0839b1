// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "./IExitGame.sol";
import {IInclusions} from "./IInclusions.sol";
import {IPayouts} from "./IPayouts.sol";
import {Inclusion, Proof} from "../types/Anchor.sol";
import {Evidence} from "../types/Evidence.sol";
import {Claim, InFlightExit, Pending} from "../types/InFlight.sol";
import {Position} from "../types/Position.sol";

/// @title In-flight exits: how a payment that nobody can show in a block becomes money on Ethereum
/// @notice Source: More Viable Plasma, ethresear.ch/t/2160. A transaction with proven inputs is exited as a whole: when it
/// is canonical its claimed outputs are paid, when a competitor is older its inputs go back to their owner.
/// Times count from the start: claims of outputs and inputs, and competitors, in the first half of P; what rests on
/// a provisional inclusion in the first three quarters, so that a quarter is left to rebut it; all else until the payout.
interface IInFlightExits is IInclusions, IPayouts {
    /// @notice All inputs of a transaction were proven: from now on it counts although no block is shown to include it.
    event InputsShown(bytes32 indexed transaction);

    /// @notice An in-flight exit was opened. The ledger includes the transaction if it can.
    event InFlightExitStarted(uint256 indexed id, bytes transaction);
    /// @notice What `Pending` needs besides the transaction.
    event InFlightInputs(uint256 indexed id, address owner, bytes32[] inputs);
    /// @notice An output is claimed.
    event InFlightPiggybacked(uint256 indexed id, uint8 output);
    /// @notice The inputs are claimed.
    event InFlightInputsClaimed(uint256 indexed id);
    /// @notice A competitor was shown, `NOWHERE` where it is in no block that is known.
    event InFlightContested(uint256 indexed id, Position competitor);
    /// @notice The transaction was shown to be included, `NOWHERE` where the block is void.
    event InFlightIncluded(uint256 indexed id, Position position);
    /// @notice A claimed output (bit i) or input (bit 4 + i) was shown to be spent.
    event InFlightSpent(uint256 indexed id, uint8 spent);
    /// @notice A claim that rests on blocks that are only certified. It stands until it is rebutted.
    event ClaimMade(
        uint256 indexed id,
        uint8 indexed slot,
        Position position,
        bytes32 leaf,
        Position other,
        bytes32 otherLeaf
    );
    /// @notice The claim told another block than the first covering anchor.
    event ClaimRebutted(uint256 indexed id, uint8 indexed slot);
    /// @notice The exit ended. Every in-flight exit ends with exactly one of these. Bit i is output or input i.
    event InFlightExitEnded(uint256 indexed id, uint8 paidOutputs, uint8 consumedInputs);

    /// @notice Only the exit game may do that.
    error NotExitGame(address caller);
    /// @notice An exit of this transaction is open.
    error AlreadyInFlight(uint256 id);
    /// @notice The exit ended non-canonical: only the owner of the inputs may start it again, or who shows the payment in a
    /// block, until the chain's valid part shrinks.
    error RestartRefused(uint256 id);
    /// @notice The number of proofs is not the number of inputs.
    error ProofsDiffer(uint256 found, uint256 expected);
    /// @notice What was brought back is not what the exit was started with.
    error PendingDiffers();
    /// @notice Too late for this.
    error TimePassed(uint256 end);
    /// @notice The output or the inputs are claimed already, or were shown to be spent.
    error AlreadyClaimed();
    /// @notice Nobody claims it.
    error NotClaimed();
    /// @notice It was shown before.
    error AlreadySpent();
    /// @notice The exiting transaction competes with nothing of its own.
    error SameTransaction();
    /// @notice Another transaction than the one that exits.
    error OtherTransaction();
    /// @notice No inclusion was shown.
    error NotIncluded();
    /// @notice It must be older than what is known.
    error NotOlder(Position found, Position known);
    /// @notice A provisional claim of this kind stands; it must be rebutted first.
    error ClaimStands(uint8 slot);
    /// @notice No provisional claim stands there.
    error ClaimUnknown(uint8 slot);
    /// @notice The anchored block is the one that the claim tells, or one of another height.
    error ClaimHolds();

    /// @notice Opens the exit of a transaction. Anybody may, for the bond, and a second bond when the evidence is
    /// provisional, also of one that has not expired.
    /// @param payment the transaction, signed by the owner of its inputs
    /// @param inputs in order, the transaction that made each input, and where it lies
    /// @return id of the exit, and its place in the queue: exitable time 64 ‖ position of the youngest input 72 ‖
    /// number 40
    function startInFlightExit(Evidence calldata payment, Proof[] calldata inputs)
        external
        payable
        returns (uint256 id);

    /// @notice Proves the inputs of a transaction without an exit, for whoever challenges with it. One that has several, and is
    /// in no anchored block that counts, says nothing about them before: it must be able to leave itself.
    function showInputs(bytes calldata transaction, Proof[] calldata inputs) external;

    /// @notice Claims an output. The caller owns it and pays a bond.
    function piggybackOutput(uint256 exitId, Pending calldata pending, uint8 output) external payable;

    /// @notice Claims what the inputs are worth, should the exit end non-canonical. The caller owns them and pays a
    /// bond.
    function piggybackInput(uint256 exitId, Pending calldata pending) external payable;

    /// @notice Shows another transaction that spends an input. It wins unless the exiting one is shown to be included
    /// before it.
    /// @param input the index of the input in the exiting transaction
    /// @param competitor signed by the same owner
    /// @param competing the index of the input in the competitor
    function challengeNotCanonical(
        uint256 exitId,
        Pending calldata pending,
        uint8 input,
        Evidence calldata competitor,
        uint8 competing
    ) external payable;

    /// @notice Shows where the exiting transaction lies. It may be shown before anybody asks. A void block that
    /// holds it counts only where the exit was started by a receipt of an expired one: it rests on that no longer.
    function respondNotCanonical(uint256 exitId, Pending calldata pending, Evidence calldata payment)
        external
        payable;

    /// @notice Shows that a claimed input is spent by another transaction. The caller gets the bond of the claim.
    function challengeInputSpent(
        uint256 exitId,
        Pending calldata pending,
        uint8 input,
        Evidence calldata spending,
        uint8 spendingInput
    ) external payable;

    /// @notice Shows that a claimed output is spent. The caller gets the bond of the claim.
    /// @param payment the exiting transaction with its inclusion, which gives the output its position
    function challengeOutputSpent(
        uint256 exitId,
        Pending calldata pending,
        uint8 output,
        Evidence calldata payment,
        Evidence calldata spending,
        uint8 spendingInput
    ) external payable;

    /// @notice Takes back a provisional claim: the first covering anchor has another block at a height it names. The
    /// caller gets the claim's bond.
    /// @param slot 0 competitor, 1 inclusion, 2 + i input i, 6 + i output i
    /// @param truth the anchored block, which may be void; its transaction fields are not read
    function rebut(uint256 exitId, uint8 slot, Inclusion calldata truth) external;

    /// @notice Ends an exit whose place in the queue is due; does nothing where there is none. Only for the exit game.
    function end(address asset, uint256 id) external;

    /// @notice An in-flight exit, open or ended.
    function inFlightExits(uint256 id) external view returns (InFlightExit memory);

    /// @notice Whether all inputs of a transaction were proven, by `showInputs` or by an exit of it.
    function inputsShown(bytes32 transaction) external view returns (bool);

    /// @notice The newest exit of a transaction, zero if there was none.
    function latestInFlight(bytes32 transaction) external view returns (uint256 id);

    /// @notice A provisional claim; zeros where none stands.
    function claims(uint256 id, uint8 slot) external view returns (Claim memory);

    /// @notice The contract that holds the queue and the registry.
    function exitGame() external view returns (IExitGame);
}
