// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Hooked, IHooks} from "./Tokens.sol";

/// @notice Deposits more of its tokens from inside a deposit, and takes a credit from there.
contract Nesting is IHooks {
    IVault private immutable _vault;
    Hooked private immutable _token;
    bytes public refusal;
    bytes public refusedCredit;

    constructor(IVault vault, Hooked token) {
        (_vault, _token) = (vault, token);
        token.register(true);
        token.approve(address(vault), type(uint256).max);
    }

    function deposit(uint256 amount) external returns (uint64) {
        return _vault.depositToken(address(_token), amount, address(this));
    }

    function tokensToSend(uint256) external {
        try _vault.depositToken(address(_token), 1, address(this)) {}
        catch (bytes memory reason) {
            refusal = reason;
        }
        try _vault.withdrawCredit(address(_token), address(1)) {}
        catch (bytes memory reason) {
            refusedCredit = reason;
        }
    }

    /// @dev Takes no payment, so that it has a credit.
    function tokensReceived(uint256) external pure {
        revert();
    }
}

/// @notice Deposits what it is just being paid.
contract Returning is IHooks {
    IVault private immutable _vault;
    Hooked private immutable _token;

    constructor(IVault vault, Hooked token) {
        (_vault, _token) = (vault, token);
        token.register(true);
        token.approve(address(vault), type(uint256).max);
    }

    function tokensToSend(uint256) external {}

    function tokensReceived(uint256 amount) external {
        _vault.depositToken(address(_token), amount, address(this));
    }
}
