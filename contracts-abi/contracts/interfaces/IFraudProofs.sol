// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "./IExitGame.sol";
import {IFederation} from "./IFederation.sol";
import {IVault} from "./IVault.sol";
import {Anchor, Proof} from "../types/Anchor.sol";
import {Accused, BlockProof, Fraud} from "../types/Fraud.sol";
import {Position} from "../types/Position.sol";

/// @title Fraud proofs: a block that breaks a rule halts the federation for ever
/// @notice Anybody may call. Each call shows transactions in anchored blocks that cannot both, or cannot at all, lie
/// in a valid chain, and names who signed for the invalid one: the later block, where there are two. A call never
/// succeeds against a valid chain. Nothing is held or stored here; the federation halts, slashes and rewards.
interface IFraudProofs {
    /// @notice A block was shown to be invalid. The federation's own event says how far it is valid now.
    event FraudProven(uint32 indexed height, uint32 indexed index, Fraud fraud, address reporter);

    /// @notice This contract is not where the federation says the fraud proofs are.
    error WrongPlace();
    /// @notice The transaction keeps every rule that its bytes and its height decide.
    error WellFormed();
    /// @notice Both sides of the proof are one transaction at one place.
    error SidesEqual(uint32 height, uint32 index);
    /// @notice A fund transaction spends nothing: its input is no position.
    error SpendsNothing();
    /// @notice The transaction funds no deposit.
    error FundsNothing();
    /// @notice The two inputs name two outputs.
    error PositionsDiffer(Position first, Position second);
    /// @notice The transaction shown is not the one that the input names.
    error NotNamed(Position named);
    /// @notice The input states what the output is, and the output's owner signed.
    error InputMatches();
    /// @notice The input names an earlier block.
    error NamesEarlierBlock(Position named, uint32 height);
    /// @notice The block has such a transaction.
    error TransactionExists(Position named, uint32 transactionCount);
    /// @notice The transaction has such an output.
    error OutputExists(Position named, uint8 outputs);
    /// @notice The vault took this deposit in time and did not give it back before.
    error FundMatches(uint64 number);
    /// @notice The anchor is not the one before the first covering anchor.
    error NotAnchorBefore(uint32 found, uint32 covering);
    /// @notice The anchor before had not reached this L1 block.
    error NotReached(uint256 l1Block, uint64 anchored);
    /// @notice The two transactions fund two deposits.
    error DepositsDiffer(uint64 first, uint64 second);
    /// @notice The output was not paid, or the block was anchored when a valid one that spends it still could be.
    /// @param from the second that the registry names, zero for an output that was not paid
    error NotPaidBefore(uint256 from, uint64 anchored);
    /// @notice The deposit was not taken back.
    error NotReclaimed(uint64 number);

    /// @notice A transaction whose bytes do not decode, or break a rule that they decide alone (counts, template,
    /// nothing to nobody, an output twice, sums), or whose signature gives no owner, or which had expired, or of a
    /// kind that this federation does not have.
    function proveMalformed(Proof calldata proof, Accused calldata accused) external;

    /// @notice Two different transactions, each with an input that names the same output.
    function proveDoubleSpend(
        Proof calldata first,
        uint8 firstInput,
        Proof calldata second,
        uint8 secondInput,
        Accused calldata accused
    ) external;

    /// @notice An input that states another amount or asset than the output it names, or was not signed by its owner.
    /// @param named the transaction at the place that the input names
    function proveBadInput(
        Proof calldata spending,
        uint8 input,
        Proof calldata named,
        Accused calldata accused
    ) external;

    /// @notice An input that names its own block or a later one, or block 0, which has no transactions.
    function proveFutureReference(Proof calldata spending, uint8 input, Accused calldata accused) external;

    /// @notice An input that names a transaction at or beyond the number of those in its block.
    /// @param named the block that the input names
    function proveAbsentTransaction(
        Proof calldata spending,
        uint8 input,
        BlockProof calldata named,
        Accused calldata accused
    ) external;

    /// @notice An input that names an output at or beyond the number of those of its transaction.
    function proveAbsentOutput(
        Proof calldata spending,
        uint8 input,
        Proof calldata named,
        Accused calldata accused
    ) external;

    /// @notice A fund transaction for a deposit that had not been made at the block's L1 origin, or with another
    /// owner, asset or amount, or of a deposit that had been taken back at that origin.
    function proveBadFund(Proof calldata fund, Accused calldata accused) external;

    /// @notice A fund transaction of a deposit that the anchor before had reached: its block was an earlier one. So a
    /// deposit that is taken back, which needs an anchor that reached it, cannot be funded afterwards.
    /// @param before the anchor before the first covering one
    function proveLateFund(Proof calldata fund, Anchor calldata before, Accused calldata accused) external;

    /// @notice Two fund transactions of one deposit, at two places.
    function proveDoubleFund(Proof calldata first, Proof calldata second, Accused calldata accused) external;

    /// @notice An input that names an output which either exit game paid, in a block that was anchored when half of that
    /// exit's time was over, or later.
    function proveSpentAfterExit(
        Proof calldata spending,
        uint8 input,
        Proof calldata named,
        Accused calldata accused
    ) external;

    /// @notice An input that names the fund output of a deposit which was taken back before the L1 origin of the
    /// anchor before.
    /// @param before the anchor before the first covering one
    function proveSpentAfterReclaim(
        Proof calldata spending,
        uint8 input,
        Proof calldata named,
        Anchor calldata before,
        Accused calldata accused
    ) external;

    /// @notice How many seconds before the one that the registry names an anchor convicts a spend of a paid output: what
    /// comes so late that nobody may be in time to challenge with it is no valid block's either.
    function reach() external view returns (uint256);

    /// @notice The federation whose blocks are judged.
    function federation() external view returns (IFederation);

    /// @notice The registry of paid outputs.
    function exitGame() external view returns (IExitGame);

    /// @notice The record of deposits.
    function vault() external view returns (IVault);
}
