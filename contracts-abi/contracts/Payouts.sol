// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPayouts} from "./interfaces/IPayouts.sol";

/// @title The one way in which money leaves a contract
abstract contract Payouts is IPayouts {
    /// @dev What a receiver of ETH may spend: enough for a proxy wallet that writes one event, too little to reach
    /// anything of ours that changes storage.
    uint256 private constant SEND_GAS = 30_000;
    /// @dev What a token may spend on a transfer: the dearest in wide use, rebasing ones behind proxies, stay
    /// below 150 000.
    uint256 private constant TOKEN_GAS = 200_000;
    /// @dev Left for us when the receiver or the token burnt its share: the credit's slot, its event, the rest.
    uint256 private constant RESERVED_GAS = 60_000;
    /// @dev The asset that is ETH.
    address internal constant ETH = address(0);

    /// @inheritdoc IPayouts
    mapping(address asset => mapping(address owner => uint256 amount)) public credit;

    /// @inheritdoc IPayouts
    function withdrawCredit(address asset, address receiver) external {
        _withdraw(asset, receiver, credit[asset][msg.sender]);
    }

    /// @inheritdoc IPayouts
    function withdrawCreditPart(address asset, address receiver, uint256 amount) external {
        _withdraw(asset, receiver, amount);
    }

    /// @dev Pays ETH, or credits what the receiver refuses.
    function _send(address owner, uint256 amount) internal {
        _sendAsset(ETH, owner, amount);
    }

    /// @dev Pays, or credits what the receiver or the token refuses. A caller cannot make a payment fail by bringing
    /// little gas: the EVM would forward 63/64 of what is left without complaint, so it is measured before.
    function _sendAsset(address asset, address owner, uint256 amount) internal {
        uint256 share = asset == ETH ? SEND_GAS : TOKEN_GAS;
        if (gasleft() < share + RESERVED_GAS) revert GasTooLow();
        if (!_move(asset, owner, amount, share)) _credit(asset, owner, amount);
    }

    /// @dev What is not sent waits for its owner.
    function _credit(address asset, address owner, uint256 amount) internal {
        credit[asset][owner] += amount;
        emit Credited(asset, owner, amount);
    }

    /// @dev Tries to move money out with `gasShare` gas. A contract that holds tokens overrides it for them.
    function _move(address asset, address receiver, uint256 amount, uint256 gasShare)
        internal
        virtual
        returns (bool accepted)
    {
        assert(asset == ETH);
        // Solidity's call copies what the receiver returns, at our cost; this one does not look at it.
        assembly ("memory-safe") {
            accepted := call(gasShare, receiver, amount, 0, 0, 0, 0)
        }
    }

    function _withdraw(address asset, address receiver, uint256 amount) private {
        uint256 waiting = credit[asset][msg.sender];
        if (amount == 0 || amount > waiting) revert NoCredit();
        credit[asset][msg.sender] = waiting - amount;
        emit CreditWithdrawn(asset, msg.sender, receiver, amount);
        if (!_move(asset, receiver, amount, gasleft())) revert WithdrawalRefused();
    }
}
