// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Plain} from "../support/Tokens.sol";

/// @notice A token whose issuer changes its mind: it takes fees, blocks accounts, seizes balances, fails in every way, or
/// calls whoever moves it.
contract Hostile is Plain {
    enum Mode {
        Works,
        Taxes,
        Calls,
        Pauses,
        ReturnsFalse,
        Burns,
        Bombs
    }

    error Paused();
    error Blocked();

    Mode public mode;
    address public blocked;
    IVault private _vault;
    bool private transient _inside;

    function serve(IVault vault) external {
        _vault = vault;
    }

    function become(Mode mode_, address blocked_) external {
        (mode, blocked) = (mode_, blocked_);
    }

    function seize(address owner, uint256 amount) external {
        _units[owner] -= amount;
    }

    /// @notice What arrives of a transfer.
    function net(uint256 amount) external view returns (uint256) {
        return mode == Mode.Taxes ? amount - amount / 100 : amount;
    }

    /// @notice Whether a transfer happens and says so, if there is enough.
    function moves(address from, address to) external view returns (bool) {
        return mode <= Mode.Calls && to != blocked && from != blocked;
    }

    function _move(address owner, address receiver, uint256 amount) internal override {
        if (mode == Mode.Pauses) revert Paused();
        if (owner == blocked || receiver == blocked) revert Blocked();
        if (mode > Mode.Calls) return;
        if (mode == Mode.Calls) _call();
        super._move(owner, receiver, amount);
        if (mode == Mode.Taxes) _units[receiver] -= amount / 100;
    }

    /// @dev Everything that moves money, from inside a movement of money. None of it may succeed.
    function _call() private {
        if (_inside) return;
        _inside = true;
        IExitGame game = IExitGame(_vault.exitGame());
        try _vault.depositToken(address(this), 0, address(this)) {
            assert(false);
        } catch {}
        try _vault.withdrawCredit(address(this), address(this)) {
            assert(false);
        } catch {}
        try _vault.pay(address(this), address(this), 1) {
            assert(false);
        } catch {}
        try game.consume(bytes32(uint256(1))) {
            assert(false);
        } catch {}
        _inside = false;
    }

    function _answer() internal view override {
        Mode now_ = mode;
        if (now_ == Mode.ReturnsFalse) _return(0, 32);
        if (now_ == Mode.Bombs) _return(0, 1_000_000);
        while (now_ == Mode.Burns) {}
    }

    function _return(uint256 word, uint256 length) private pure {
        assembly {
            mstore(0, word)
            return(0, length)
        }
    }
}
