// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {Evidence} from "../../contracts/types/Evidence.sol";
import {Pending} from "../../contracts/types/InFlight.sol";
import {toPosition} from "../../contracts/types/Position.sol";
import {InFlight} from "../support/InFlight.sol";
import {Attack} from "./Attack.sol";

/// @notice A vault that holds 20 ETH of others beside the 5 that Alice paid to Bob, and what thieves have in common.
abstract contract Thief is InFlight, Attack {
    uint256 internal constant MALLORY_KEY = 0x3a110;
    uint256 internal constant OTHERS = 20 ether;
    address internal constant VICTIM = address(0x71c713);

    address internal mallory = vm.addr(MALLORY_KEY);

    function setUp() external {
        _beginInFlight();
        vm.deal(mallory, 100 ether);
        vm.deal(VICTIM, OTHERS);
        vm.prank(VICTIM);
        vault.deposit{value: OTHERS}();
        _prepare();
    }

    function _prepare() internal virtual {}

    function _process() internal {
        game.process(address(0), 9);
    }

    /// @dev All that is due ends.
    function _end() internal {
        _wait();
        _process();
    }

    /// @dev The federation anchors on.
    function _anchorUntil(uint256 time) internal {
        while (block.timestamp < time) {
            _l1(1_200, 4 hours);
            _block();
            _anchor();
        }
    }

    /// @dev Operators anchor a payment to Mallory of an output that is not there.
    function _forged(uint256 amount) internal view returns (bytes memory) {
        return _transfer(MALLORY_KEY, toPosition(2, 7, 0), amount, mallory, 1000);
    }

    /// @dev An exit of Bob's output is challenged by what spends it.
    function _challenge(uint256 id, bytes memory spending, bytes4 refusal) internal returns (bool) {
        return
            _attempt(
                WATCHER, address(game), 0, abi.encodeCall(game.challengeExit, (id, spending, 0)), refusal
            );
    }

    function _startExit(address owner, bytes memory call, bytes4 refusal) internal returns (bool) {
        return _attempt(owner, address(game), BOND, call, refusal);
    }

    /// @dev Carol starts the exit of a payment of Bob's.
    function _startInFlight(bytes memory transaction, bytes4 refusal) internal returns (bool, uint256 id) {
        bytes memory call = abi.encodeCall(inFlight.startInFlightExit, (_plain(transaction), _inputs()));
        bool accepted = _attempt(carol, address(inFlight), BOND, call, refusal);
        return (accepted, inFlight.latestInFlight(harness.id(transaction)));
    }

    function _compete(uint256 id, address who, Evidence memory competitor, bytes4 refusal)
        internal
        returns (bool)
    {
        Pending memory pending = _pending(payment);
        bytes memory call = abi.encodeCall(inFlight.challengeNotCanonical, (id, pending, 0, competitor, 0));
        return _attempt(who, address(inFlight), 0, call, refusal);
    }

    /// @dev What all that live off Bob's output have together.
    function _together() internal view returns (uint256) {
        return alice.balance + bob.balance + carol.balance;
    }

    /// @dev The id of the exit that leaves the queue next.
    function _next() internal view returns (uint256 id) {
        (, id) = game.queue(address(0));
    }

    function _unknown() internal pure returns (bytes4) {
        return IExitGame.ExitUnknown.selector;
    }
}
