// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "./IFederation.sol";
import {IPayouts} from "./IPayouts.sol";
import {Proof} from "../types/Anchor.sol";
import {Certificate, Verdict} from "../types/Committee.sol";

/// @title The vault: holds every deposit until an exit takes it out or its owner takes it back
interface IVault is IPayouts {
    /// @notice A deposit was taken. The federation owes its owner a fund output.
    event Deposited(uint64 indexed number, address indexed owner, address indexed asset, uint256 amount);
    /// @notice The owner of a deposit wants it back. It gets it from `payableAt` on, unless somebody shows the fund
    /// transaction before it does.
    event ReclaimStarted(uint64 indexed number, address indexed owner, uint64 payableAt);
    /// @notice A reclaim ended unpaid: the deposit was funded, or an exit paid it. `challenger` got the bond.
    event ReclaimChallenged(uint64 indexed number, address indexed challenger);
    /// @notice A deposit went back to its owner. It is never funded, and no exit of it is ever paid.
    event DepositReclaimed(uint64 indexed number);
    /// @notice More was to be paid out than was ever deposited of the asset: somebody forged an output.
    event Unbacked(address indexed asset, address indexed owner, uint256 shortfall);

    /// @notice A token can be deposited from now on.
    event TokenListed(address indexed token, uint8 number);

    /// @notice This contract is not where the federation or its exit game says the vault is.
    error WrongPlace();
    /// @notice A token that cannot be listed: it has no code, stands in the list already, or there is no room.
    error TokenRefused(address token);
    /// @notice Only the committee that is active may admit a token.
    error EpochNotActive(uint64 epoch, uint64 active);
    /// @notice A later statement of a committee was acted on before.
    error SequencePast(uint64 sequence, uint64 last);
    /// @notice The certificate does not convince.
    error CertificateRefused(Verdict verdict);
    /// @notice No asset of the vault.
    error AssetUnknown(address asset);
    /// @notice A deposit of nothing, or one of which nothing arrived.
    error AmountZero();
    /// @notice A deposit for nobody.
    error OwnerZero();
    /// @notice No deposits are taken after a halt.
    error FederationHalted();
    /// @notice The token did not move what was to be deposited.
    error TransferRefused(address token);
    /// @notice A token called back while a deposit of it was measured.
    error Reentered();
    /// @notice Only the exit game may pay out.
    error NotExitGame(address caller);
    /// @notice Starting a reclaim costs exactly the bond.
    error BondDiffers(uint256 sent, uint256 bond);
    /// @notice Only the owner of a deposit may take it back.
    error NotDepositor(address owner);
    /// @notice The deposit went back to its owner before.
    error AlreadyReclaimed(uint64 number);
    /// @notice An exit paid the deposit.
    error AlreadyPaid(uint64 number);
    /// @notice A reclaim of the deposit is open already.
    error ReclaimOpen(uint64 number);
    /// @notice No reclaim of the deposit is open.
    error ReclaimUnknown(uint64 number);
    /// @notice The federation still stands, and has not said yet that it knows the L1 block of the deposit.
    error NotHandled(uint64 l1Block, uint64 anchored);
    /// @notice The transaction is not the fund transaction of the deposit.
    error NotItsFund(uint64 number);
    /// @notice The reclaim can still be challenged.
    error ReclaimNotDue(uint64 payableAt);

    /// @notice What the vault recorded of a deposit.
    /// @param owner who gets the fund output
    /// @param l1Block the L1 block of the deposit
    /// @param reclaimedAt the L1 block in which it went back to its owner, zero if it did not
    /// @param amount what was deposited
    /// @param asset zero for ETH
    struct Deposit {
        address owner;
        uint64 l1Block;
        uint64 reclaimedAt;
        uint256 amount;
        address asset;
    }

    /// @notice Deposits the ETH sent, for the caller.
    /// @return number of the deposit, contiguous from 0
    function deposit() external payable returns (uint64 number);

    /// @notice Deposits the ETH sent, for another owner.
    function depositFor(address owner) external payable returns (uint64 number);

    /// @notice Deposits tokens that the caller allowed to the vault. What counts is what arrives.
    function depositToken(address token_, uint256 amount, address owner) external returns (uint64 number);

    /// @notice Lists one more token. Anybody may call with a certificate (tag 0x07) of the active committee over the
    /// token's address; its view is the sequence, above that of every admission before. Nothing takes a token off.
    function admitToken(address token_, Certificate calldata certificate) external;

    /// @notice Asks a deposit back that the federation claims to have handled, or that it cannot handle any more.
    /// The caller is the deposit's owner and sends the bond.
    function startReclaim(uint64 number) external payable;

    /// @notice Ends a reclaim by showing the deposit's fund transaction in anchored history. The caller gets the bond.
    function challengeReclaim(uint64 number, Proof calldata proof) external;

    /// @notice Pays deposit and bond back once nobody challenged for the reclaim window. Anybody may call. When an
    /// exit paid the deposit meanwhile the reclaim ends as if challenged by the caller.
    function finalizeReclaim(uint64 number) external;

    /// @notice Pays an exit, at most what the vault holds of the asset. Only for the exit game.
    function pay(address asset, address owner, uint256 amount) external;

    /// @notice How many deposits there are; the next one gets this number.
    function depositCount() external view returns (uint64);

    /// @notice The record of a deposit; zeros where there is none.
    function deposits(uint64 number) external view returns (Deposit memory);

    /// @notice When the open reclaim of a deposit may be paid, seconds; zero where there is none.
    function reclaims(uint64 number) external view returns (uint64 payableAt);

    /// @notice Deposits of an asset less what left: what outputs and open deposits may claim. Bonds, credits and what
    /// was sent here otherwise are beside it.
    function held(address asset) external view returns (uint256);

    /// @notice The tokens that can be deposited, in the order of their numbers.
    function tokens() external view returns (address[] memory);

    /// @notice The sequence of the last admission; a coming one is above it.
    function admissionSequence() external view returns (uint64);

    /// @notice The token with a number; zero for number 0, which is ETH, and beyond the last.
    function token(uint8 number) external view returns (address);

    /// @notice The number of a token, from 1 on; zero for what is not listed.
    function tokenNumber(address token_) external view returns (uint8);

    /// @notice The federation whose money this is.
    function federation() external view returns (IFederation);

    /// @notice The only contract that may pay out.
    function exitGame() external view returns (address);
}
