// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPayouts} from "./interfaces/IPayouts.sol";

/// @title The one way in which ETH leaves a contract
abstract contract Payouts is IPayouts {
    /// @dev What a receiver may spend: enough for a proxy wallet that writes one event, too little to reach
    /// anything of ours that changes storage.
    uint256 private constant SEND_GAS = 30_000;
    /// @dev Left for us when the receiver burnt its share: the credit's slot, its event, the rest of the call.
    uint256 private constant RESERVED_GAS = 60_000;
    /// @dev The asset that is ETH.
    address internal constant ETH = address(0);

    /// @inheritdoc IPayouts
    mapping(address asset => mapping(address owner => uint256 amount)) public credit;

    /// @inheritdoc IPayouts
    function withdrawCredit(address asset, address receiver) external {
        uint256 amount = credit[asset][msg.sender];
        if (amount == 0) revert NoCredit();
        delete credit[asset][msg.sender];
        emit CreditWithdrawn(asset, msg.sender, receiver, amount);
        if (!_transfer(receiver, amount, gasleft())) revert WithdrawalRefused();
    }

    /// @dev Pays, or credits what the receiver refuses. A caller cannot make a payment fail by bringing little
    /// gas: the EVM would forward 63/64 of what is left without complaint, so it is measured before.
    function _send(address owner, uint256 amount) internal {
        if (gasleft() < SEND_GAS + RESERVED_GAS) revert GasTooLow();
        if (_transfer(owner, amount, SEND_GAS)) return;
        credit[ETH][owner] += amount;
        emit Credited(ETH, owner, amount);
    }

    function _transfer(address receiver, uint256 amount, uint256 gasShare) private returns (bool accepted) {
        // Solidity's call copies what the receiver returns, at our cost; this one does not look at it.
        assembly ("memory-safe") {
            accepted := call(gasShare, receiver, amount, 0, 0, 0, 0)
        }
    }
}
