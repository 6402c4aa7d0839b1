// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IInFlightExits} from "./IInFlightExits.sol";
import {IInclusions} from "./IInclusions.sol";
import {IPayouts} from "./IPayouts.sol";
import {Inclusion, Proof} from "../types/Anchor.sol";
import {Evidence} from "../types/Evidence.sol";
import {Share} from "../types/InFlight.sol";
import {Position} from "../types/Position.sol";

/// @title The exit game: how an output becomes money on Ethereum, and how a spent one does not
/// @notice Source: More Viable Plasma, ethresear.ch/t/2160.
interface IExitGame is IInclusions, IPayouts {
    /// @notice An exit of one output was opened.
    event ExitStarted(uint256 indexed id, Position indexed position, address indexed owner);
    /// @notice An exit ended: paid, or challenged, or void. Every exit ends with exactly one of these.
    event ExitEnded(uint256 indexed id, Position indexed position, bool paid);

    /// @notice A challenge rests on a block that is only certified. It counts at the payout unless it is rebutted.
    event ChallengeClaimed(uint256 indexed id, Position position, bytes32 leaf);
    /// @notice The challenge told another block than the first covering anchor.
    event ChallengeRebutted(uint256 indexed id);

    /// @notice This contract is not where the federation says the exit game is.
    error WrongPlace();
    /// @notice Starting an exit costs exactly the bond.
    error BondDiffers(uint256 sent, uint256 bond);
    /// @notice Only the owner of an output may exit it.
    error NotOwner(address owner);
    /// @notice No asset of the vault.
    error AssetUnknown(address asset);
    /// @notice The output was paid by an earlier exit, or is that of a deposit which went back to its owner.
    error AlreadyPaid(bytes32 output);
    /// @notice A fund transaction that does not repeat the vault's record of its deposit.
    error DepositDiffers(uint64 number);
    /// @notice The anchor is not one of the federation's.
    error AnchorUnknown(uint32 number);
    /// @notice The anchor is not the first that covers the height.
    error NotFirstCovering(uint32 height, uint32 previous, uint32 anchored);
    /// @notice The block, with its place, is not in the anchored history.
    error BlockNotInHistory(uint32 height);
    /// @notice The transaction is not in the block.
    error TransactionNotInBlock(uint32 index);
    /// @notice The height lies above the last valid one of a halted federation.
    error HeightVoid(uint32 height, uint32 lastValid);
    /// @notice What needs no certified header is shown without a bond.
    error NotProvisional();
    /// @notice The header has no valid finalize certificate.
    error HeaderNotCertified();
    /// @notice Only the in-flight half may do that.
    error NotInFlightExits(address caller);
    /// @notice No open exit has this id.
    error ExitUnknown(uint256 id);
    /// @notice The input names another output than the one that exits.
    error InputDiffers(Position found, Position expected);
    /// @notice The input states another asset or amount than the output has.
    error ValueDiffers();
    /// @notice The spending transaction is not signed by the output's owner.
    error NotSpentByOwner(address signer, address owner);
    /// @notice The spending transaction expired and was not shown to be included in time.
    error SpendingExpired(uint32 expiry, uint32 anchored);

    /// @notice Only the vault may consume an output without paying it.
    error NotVault(address caller);

    /// @notice An open exit.
    /// @param owner who is paid
    /// @param asset in what; zero for ETH
    /// @param amount how much
    /// @param output key in the registry of consumed outputs
    struct Exit {
        address owner;
        address asset;
        uint256 amount;
        bytes32 output;
    }

    /// @notice Opens an exit of an output in anchored history. The caller is its owner and sends the bond.
    /// @param proof the transaction that made the output, and where it lies
    /// @param output which of its outputs
    /// @return id of the exit, and its place in the queue: exitable time 64 ‖ position 72 ‖ number 40
    function startExit(Proof calldata proof, uint8 output) external payable returns (uint256 id);

    /// @notice Ends an exit by showing that the owner spent the output. The caller gets the bond.
    /// @param exitId the exit
    /// @param transaction a transaction signed by the owner, not expired below the last anchored height
    /// @param input the index of its input that names the output
    function challengeExit(uint256 exitId, bytes calldata transaction, uint8 input) external;

    /// @notice The same with a transaction that may be expired, because it is shown to be included in time.
    function challengeExitIncluded(uint256 exitId, Proof calldata proof, uint8 input) external;

    /// @notice The same with a transaction in a block that is certified and perhaps not anchored. Costs a bond as large as
    /// the exit's. One such challenge stands at a time; the exit waits on for its payout, which it decides. Until half of
    /// P before that.
    function challengeExitProvisionally(uint256 exitId, Evidence calldata spending, uint8 input)
        external
        payable;

    /// @notice Takes back a provisional challenge: the first covering anchor has another block at its height. The caller
    /// gets its bond.
    /// @param truth the anchored block; its transaction fields are not read
    function rebutChallenge(uint256 exitId, Inclusion calldata truth) external;

    /// @notice Pays the exits of an asset that are due, in order, at most `max` places of the queue.
    /// @return ended how many places were handled, challenged exits included
    function process(address asset, uint256 max) external returns (uint256 ended);

    /// @notice Marks the output of a deposit that goes back to its owner: nothing will ever pay it. Only for the vault.
    /// @return isFirst whether it was not consumed before
    function consume(bytes32 output) external returns (bool isFirst);

    /// @notice An open exit; zeros where there is none.
    function exits(uint256 id) external view returns (Exit memory);

    /// @notice The L1 block in which an output was paid, or its deposit went back; zero if neither happened. The key is
    /// keccak(transaction id ‖ output index).
    function consumed(bytes32 output) external view returns (uint256);

    /// @notice How many places the queue of an asset has, and which exit leaves next (zero if none).
    function queue(address asset) external view returns (uint256 size, uint256 next);

    /// @notice The in-flight half of the game, which this contract made.
    function inFlight() external view returns (IInFlightExits);

    /// @notice Gives an in-flight exit its place in the queue of an asset. Only for `inFlight`.
    function enqueue(address asset, uint64 exitableAt, Position youngest) external returns (uint256 id);

    /// @notice Writes outputs into the registry, none of which is in it, and pays. Only for `inFlight`.
    function settle(address asset, bytes32[] calldata outputs, Share[] calldata shares) external;
}
