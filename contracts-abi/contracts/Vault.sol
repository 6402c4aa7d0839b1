// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Payouts} from "./Payouts.sol";
import {IExitGame} from "./interfaces/IExitGame.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IVault} from "./interfaces/IVault.sol";

/// @title The vault
/// @notice See `IVault`. No owner, no setter, and no way out of it but `pay` and `withdrawCredit`.
contract Vault is IVault, Payouts {
    /// @inheritdoc IVault
    IFederation public immutable federation;
    /// @inheritdoc IVault
    address public immutable exitGame;
    /// @inheritdoc IVault
    uint64 public depositCount;

    mapping(uint64 number => Deposit) private _deposits;

    /// @param federation_ the federation, which names this place as its vault. The exit game stands already: no
    /// deposit is taken before all three contracts know each other.
    constructor(IFederation federation_) {
        federation = federation_;
        exitGame = federation_.exitGame();
        if (federation_.vault() != address(this)) revert WrongPlace();
        if (address(IExitGame(exitGame).federation()) != address(federation_)) revert WrongPlace();
        if (address(IExitGame(exitGame).vault()) != address(this)) revert WrongPlace();
    }

    /// @inheritdoc IVault
    function deposit() external payable returns (uint64) {
        return _deposit(msg.sender);
    }

    /// @inheritdoc IVault
    function depositFor(address owner) external payable returns (uint64) {
        return _deposit(owner);
    }

    /// @inheritdoc IVault
    function pay(address asset, address owner, uint256 amount) external {
        if (msg.sender != exitGame) revert NotExitGame(msg.sender);
        // The exit game opens exits of ETH alone.
        assert(asset == ETH);
        _send(owner, amount);
    }

    /// @inheritdoc IVault
    function deposits(uint64 number) external view returns (Deposit memory) {
        return _deposits[number];
    }

    function _deposit(address owner) private returns (uint64 number) {
        if (msg.value == 0) revert AmountZero();
        if (owner == address(0)) revert OwnerZero();
        if (federation.halted()) revert FederationHalted();
        number = depositCount;
        depositCount = number + 1;
        Deposit storage record = _deposits[number];
        // The asset's slot stays zero, which is ETH.
        record.owner = owner;
        record.l1Block = uint64(block.number);
        record.amount = msg.value;
        emit Deposited(number, owner, ETH, msg.value);
    }
}
