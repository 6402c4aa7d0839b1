// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title How money leaves: a send with fixed gas, and a credit where the receiver or the token refuses it
interface IPayouts {
    /// @notice A payment waits as a credit: it was refused, or is one that is never sent.
    event Credited(address indexed asset, address indexed owner, uint256 amount);
    /// @notice A credit was taken.
    event CreditWithdrawn(address indexed asset, address indexed owner, address receiver, uint256 amount);

    /// @notice The caller has no credit, or less than it asks for.
    error NoCredit();
    /// @notice The receiver or the token refused the withdrawal.
    error WithdrawalRefused();
    /// @notice Too little gas is left to offer the receiver its share; nothing was decided.
    error GasTooLow();

    /// @notice What waits for an owner.
    function credit(address asset, address owner) external view returns (uint256);

    /// @notice Pays the caller's whole credit to a receiver of its choice, with all the gas that is left.
    function withdrawCredit(address asset, address receiver) external;

    /// @notice The same with a part of it: for a token that took from the vault's balance on its own.
    function withdrawCreditPart(address asset, address receiver, uint256 amount) external;
}
