// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../../contracts/interfaces/IInFlightExits.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Evidence} from "../../contracts/types/Evidence.sol";
import {Pending, Share} from "../../contracts/types/InFlight.sol";
import {Position} from "../../contracts/types/Position.sol";
import {Plain} from "../support/Tokens.sol";

/// @notice A token whose issuer changes its mind: it takes fees, blocks accounts, seizes balances, fails in every way, or
/// calls whoever moves it.
contract Hostile is Plain {
    /// @dev Of the 200 000 of a payout: each call of ours, the end of a place, and what a payout has at most.
    uint256 private constant CALL_GAS = 12_000;
    uint256 private constant END_GAS = 60_000;
    uint256 private constant PAYOUT_GAS = 200_000;

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
    bool public nests;
    IVault private _vault;
    bool private transient _inside;
    uint256 private transient _ended;

    function serve(IVault vault) external {
        _vault = vault;
    }

    function become(Mode mode_, address blocked_) external {
        (mode, blocked) = (mode_, blocked_);
    }

    /// @notice From now on it also ends what is due, with the gas of a payout.
    function nest() external {
        nests = true;
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

    /// @notice Places of this token's queue that ended inside a transfer.
    function endedInside() external returns (uint256 ended) {
        ended = _ended;
        _ended = 0;
    }

    /// @dev Everything that moves money, from inside a movement of money, by the token, which has none. None of it may
    /// succeed, but for the end of what is due.
    function _call() private {
        if (_inside) return;
        _inside = true;
        IExitGame game = IExitGame(_vault.exitGame());
        IInFlightExits flights = game.inFlight();
        Evidence memory nothing;
        Pending memory nobody;
        Proof memory proof;
        _refused(address(_vault), abi.encodeCall(_vault.depositToken, (address(this), 0, address(this))));
        _refused(address(_vault), abi.encodeCall(_vault.withdrawCredit, (address(this), address(this))));
        _refused(address(_vault), abi.encodeCall(_vault.pay, (address(this), address(this), 1)));
        _refused(address(_vault), abi.encodeCall(_vault.startReclaim, (0)));
        _refused(address(_vault), abi.encodeCall(_vault.finalizeReclaim, (type(uint64).max)));
        _refused(address(game), abi.encodeCall(game.consume, (bytes32(uint256(1)))));
        _refused(address(game), abi.encodeCall(game.enqueue, (address(this), 0, Position.wrap(0))));
        _refused(
            address(game),
            abi.encodeCall(game.settle, (address(this), new bytes32[](0), 0, 0, 0, new Share[](0)))
        );
        _refused(address(game), abi.encodeCall(game.startExit, (proof, 0)));
        _refused(address(flights), abi.encodeCall(flights.end, (address(this), 0)));
        _refused(address(flights), abi.encodeCall(flights.startInFlightExit, (nothing, new Proof[](0))));
        _refused(address(flights), abi.encodeCall(flights.piggybackInput, (0, nobody)));
        _end(game);
        _inside = false;
    }

    function _refused(address to, bytes memory call) private {
        (bool done,) = to.call{gas: CALL_GAS}(call);
        assert(!done);
    }

    /// @dev Inside a deposit or a withdrawal, which have more gas, nothing is ended.
    function _end(IExitGame game) private {
        if (!nests || gasleft() > PAYOUT_GAS) return;
        try game.process{gas: END_GAS}(address(this), 1) returns (uint256 ended) {
            _ended += ended;
        } catch {}
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
