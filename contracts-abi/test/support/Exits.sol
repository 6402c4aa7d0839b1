// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Position, toPosition} from "../../contracts/types/Position.sol";
import {Forms} from "./Forms.sol";
import {World} from "./World.sol";

/// @notice A world in which Alice deposited 5 ETH, was funded in block 1, and paid Bob in block 2.
abstract contract Exits is World {
    uint256 internal constant ALICE_KEY = 0xa11ce;
    uint256 internal constant BOB_KEY = 0xb0b;
    uint256 internal constant AMOUNT = 5 ether;
    uint32 internal constant FOREVER = type(uint32).max;

    address internal alice = vm.addr(ALICE_KEY);
    address internal bob = vm.addr(BOB_KEY);

    Position internal funded;
    Position internal paid;

    function _begin() internal {
        _deploy(4);
        vm.deal(alice, 100 ether);
        vm.deal(bob, 100 ether);
        vm.prank(alice);
        vault.deposit{value: AMOUNT}();
        _l1(5, 60);
        funded = toPosition(_block(Forms.fund(0, alice, AMOUNT)), 0, 0);
        paid = toPosition(_block(_transfer(ALICE_KEY, funded, AMOUNT, bob, 1000)), 0, 0);
        _anchor();
    }

    /// @dev Bob exits what Alice paid him.
    function _exitPaid() internal returns (uint256 id) {
        return _exit(bob, _proof(2, 0), 0);
    }

    function _exit(address owner, Proof memory proof, uint8 output) internal returns (uint256 id) {
        vm.prank(owner);
        return game.startExit{value: BOND}(proof, output);
    }

    /// @dev The second in which the last half of P begins for a standard exit. By then every block is anchored that could
    /// spend its output: it can be sold, and the registry names that second once it is paid.
    function _half(uint256 id) internal pure returns (uint256) {
        return uint64(id >> 112) - PERIOD / 2;
    }

    /// @dev L1 goes on until an exit started now, of an output anchored now, is due.
    function _wait() internal {
        _l1(50_000, 2 * PERIOD);
    }

    function _ended(uint256 id, Position position, bool isPaid) internal {
        vm.expectEmit(true, true, true, true, address(game));
        emit IExitGame.ExitEnded(id, position, isPaid);
    }

    function _isOpen(uint256 id) internal view returns (bool) {
        return game.exits(id).owner != address(0);
    }

    function _key(bytes memory transaction, uint8 output) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(harness.id(transaction), output));
    }
}
