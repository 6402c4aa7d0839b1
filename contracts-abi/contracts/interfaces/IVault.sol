// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "./IFederation.sol";
import {IPayouts} from "./IPayouts.sol";

/// @title The vault: holds every deposit until an exit takes it out
interface IVault is IPayouts {
    /// @notice A deposit was taken. The federation owes its owner a fund output.
    event Deposited(uint64 indexed number, address indexed owner, address indexed asset, uint256 amount);

    /// @notice This contract is not where the federation or its exit game says the vault is.
    error WrongPlace();
    /// @notice A deposit of nothing.
    error AmountZero();
    /// @notice A deposit for nobody.
    error OwnerZero();
    /// @notice No deposits are taken after a halt.
    error FederationHalted();
    /// @notice Only the exit game may pay out.
    error NotExitGame(address caller);

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

    /// @notice Pays an exit. Only for the exit game.
    function pay(address asset, address owner, uint256 amount) external;

    /// @notice How many deposits there are; the next one gets this number.
    function depositCount() external view returns (uint64);

    /// @notice The record of a deposit; zeros where there is none.
    function deposits(uint64 number) external view returns (Deposit memory);

    /// @notice The federation whose money this is.
    function federation() external view returns (IFederation);

    /// @notice The only contract that may pay out.
    function exitGame() external view returns (address);
}
