// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title How money leaves: a send with fixed gas, and a credit where the receiver refuses it
interface IPayouts {
    /// @notice A receiver refused a payment; it waits as a credit.
    event Credited(address indexed asset, address indexed owner, uint256 amount);
    /// @notice A credit was taken.
    event CreditWithdrawn(address indexed asset, address indexed owner, address receiver, uint256 amount);

    /// @notice The caller has no credit.
    error NoCredit();
    /// @notice The receiver refused the withdrawal.
    error WithdrawalRefused();
    /// @notice Too little gas is left to offer the receiver its share; nothing was decided.
    error GasTooLow();

    /// @notice What waits for an owner.
    function credit(address asset, address owner) external view returns (uint256);

    /// @notice Pays the caller's whole credit to a receiver of its choice, with all the gas that is left.
    function withdrawCredit(address asset, address receiver) external;
}
