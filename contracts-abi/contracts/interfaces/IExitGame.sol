// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IInFlightExits} from "./IInFlightExits.sol";
import {IInclusions} from "./IInclusions.sol";
import {IPayouts} from "./IPayouts.sol";
import {Inclusion, Proof} from "../types/Anchor.sol";
import {BatchProof} from "../types/Batch.sol";
import {Evidence} from "../types/Evidence.sol";
import {Share} from "../types/InFlight.sol";
import {Position} from "../types/Position.sol";
import {Offer} from "../types/Sale.sol";

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

    /// @notice The holder of an exit offers it by a call. Every offer before is void.
    event ExitOffered(uint256 indexed exit, address indexed holder, Offer offer);
    /// @notice An exit was sold: payout and bonds are the buyer's. The price waits as a credit of the seller.
    event ExitSold(uint256 indexed exit, address indexed seller, address indexed buyer, uint256 price);

    /// @notice This contract is not where the federation says the exit game is.
    error WrongPlace();
    /// @notice Starting an exit costs exactly the bond, a batch one for each output.
    error BondDiffers(uint256 sent, uint256 bond);
    /// @notice Only the owner of an output may exit it.
    error NotOwner(address owner);
    /// @notice No asset of the vault.
    error AssetUnknown(address asset);
    /// @notice The output was paid by an earlier exit, or is that of a deposit which went back to its owner, or two inputs
    /// of a payment in flight are this one.
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
    /// @notice A payment of several inputs that no anchored block is shown to include says nothing before all are proven: see
    /// `IInFlightExits.showInputs`.
    error InputsNotShown(bytes32 transaction);
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

    /// @notice A batch without a block, a block without a transaction, a transaction without an output, or too many.
    error BatchSize(uint256 found);
    /// @notice The outputs of a batch have one asset.
    error AssetDiffers(address found, address expected);
    /// @notice An amount of 2^128 and more leaves by itself.
    error AmountTooLarge(uint256 amount);
    /// @notice Only the holder of an exit may offer it.
    error NotHolder(address holder);
    /// @notice The exit was sold or offered again since the offer was made, or was not yet.
    error OfferStale(uint64 found, uint64 expected);
    /// @notice An exit is sold in the last half of P before its payout: what could spend its output is anchored by then.
    error OfferEarly(uint256 from);
    /// @notice The exit was sold, and the spend was not anchored before that could be.
    error SoldBefore(uint256 place);
    /// @notice Too late for this offer.
    error OfferExpired(uint64 deadline);
    /// @notice The offer is for somebody else.
    error NotBuyer(address buyer);
    /// @notice The offer asks for another price.
    error PriceDiffers(uint256 sent, uint256 price);
    /// @notice The exit would pay another amount than the offer says, or nothing.
    error WorthDiffers(uint256 worth, uint256 amount);
    /// @notice The holder of the exit neither signed the offer nor made it by a call.
    error NotOffered();

    /// @notice Only the vault may consume an output without paying it.
    error NotVault(address caller);

    /// @notice An open exit.
    /// @param owner of the output: who is paid, unless the exit was sold
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

    /// @notice Opens exits of many outputs of one asset in what one anchor covers. The caller owns all of them and sends a
    /// bond for each. They share one place in the queue: that of the youngest of them.
    /// @return place exitable time 64 ‖ position 72 ‖ number 40. The id of output i, in the order of the proof, is
    /// (i + 1) << 176 | place
    function startExits(BatchProof calldata proof) external payable returns (uint256 place);

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
    /// @param truth the anchored block, which may be void; its transaction fields are not read
    function rebutChallenge(uint256 exitId, Inclusion calldata truth) external;

    /// @notice Pays the exits of an asset that are due, in order, at most `max` places of the queue.
    /// @return ended how many places were handled, challenged exits included
    function process(address asset, uint256 max) external returns (uint256 ended);

    /// @notice Offers an exit that the caller holds. Every offer of it before is void, signed ones too, so this also takes
    /// an offer back. For holders that cannot sign; a signed offer needs no call.
    /// @param offer its sequence is one above that of the exit
    function offerExit(Offer calldata offer) external;

    /// @notice Buys an exit for exactly the price. From now on payout and bonds are the caller's; a spend that the owner of
    /// the output signed ends it all the same.
    /// @param offer its sequence is that of the exit
    /// @param signature of the holder, 65 bytes r ‖ s ‖ v over the EIP-712 digest; empty if it was offered by a call
    function buyExit(Offer calldata offer, bytes calldata signature) external payable;

    /// @notice Marks the output of a deposit that goes back to its owner: nothing will ever pay it. Only for the vault.
    /// @return isFirst whether it was not consumed before
    function consume(bytes32 output) external returns (bool isFirst);

    /// @notice Who is paid for an exit or a batch, how often it was sold or offered by a call, and the digest of the offer
    /// that a call made. Of one that ended only the holder is zero.
    function sale(uint256 exit) external view returns (address holder, uint64 sequence, bytes32 offered);

    /// @notice An open batch: bit i of `open` is output i, `worth` what it would pay now, without outputs whose challenge
    /// waits for the payout. Zeros where there is none.
    function batch(uint256 place)
        external
        view
        returns (address owner, address asset, uint16 open, uint256 worth);

    /// @notice An open exit of one output, alone or in a batch; zeros where there is none.
    function exits(uint256 id) external view returns (Exit memory);

    /// @notice Of an output that was paid, or whose deposit went back, the second from which no anchor may first cover a
    /// spend of it; zero if neither happened. An exit locks an output, and half of P later every block is anchored that
    /// could spend it: for a standard exit half of P before it is exitable, for the inputs of one in flight half of P after
    /// its start, for its outputs, which are claimed until then, P after it. Of a deposit that went back, that very second.
    /// The key is keccak(transaction id ‖ output index).
    function consumed(bytes32 output) external view returns (uint256);

    /// @notice How many places the queue of an asset has, and which exit leaves next (zero if none).
    function queue(address asset) external view returns (uint256 size, uint256 next);

    /// @notice The in-flight half of the game, which this contract made.
    function inFlight() external view returns (IInFlightExits);

    /// @notice Gives an in-flight exit its place in the queue of an asset. Only for `inFlight`.
    function enqueue(address asset, uint64 exitableAt, Position youngest) external returns (uint256 id);

    /// @notice Writes outputs into the registry, none of which is in it, and pays. Only for `inFlight`.
    /// @param made how many of them, at the front, the transaction made; the others are its inputs
    /// @param madeFrom what the registry says of those, and `spentFrom` of the inputs
    function settle(
        address asset,
        bytes32[] calldata outputs,
        uint256 made,
        uint256 madeFrom,
        uint256 spentFrom,
        Share[] calldata shares
    ) external;
}
