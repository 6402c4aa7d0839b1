// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Pending} from "../contracts/types/InFlight.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";
import {InFlight} from "./support/InFlight.sol";

/// @notice A transaction that names an output above the last valid height can never be included, and no in-flight exit of it
/// can start. It says nothing about its other inputs, or they could not leave in any way.
contract VoidInputsTest is InFlight {
    uint256 private constant YOUNG = 1 ether;

    /// @dev Bob spends what Alice paid him in block 2 together with an output of block 3.
    bytes private mixed;
    uint32 private young;

    function setUp() external {
        _beginInFlight();
        young = _include(_transfer(ALICE_KEY, toPosition(0, 7, 0), YOUNG, bob, 1000));
        Spend[] memory spends = new Spend[](2);
        spends[0] = Spend({position: paid, amount: AMOUNT});
        spends[1] = Spend({position: toPosition(young, 0, 0), amount: YOUNG});
        Pay[] memory outputs = Forms.one(Pay({owner: carol, amount: AMOUNT + YOUNG}));
        mixed = _signed(BOB_KEY, Forms.unsigned(5, address(0), 1000, spends, outputs));
    }

    function test_challengeExit_withAPaymentThatAVoidInputMakesImpossible_isRefused() external {
        _halt(young - 1);
        // The payment cannot leave as a whole: one of its inputs is void.
        Proof[] memory proofs = new Proof[](2);
        (proofs[0], proofs[1]) = (_proof(2, 0), _proof(young, 0));
        bytes memory void = abi.encodeWithSelector(IExitGame.HeightVoid.selector, young, young - 1);
        vm.expectRevert(void);
        inFlight.startInFlightExit{value: BOND}(_plain(mixed), proofs);
        // So the valid input must be able to.
        uint256 id = _exitPaid();
        vm.expectRevert(void);
        game.challengeExit(id, mixed, 0);
        _wait();
        uint256 bobs = bob.balance;
        game.process(address(0), 9);
        _equal(bob.balance, bobs + AMOUNT + BOND);
    }

    /// @notice Before the halt it is a payment like any other.
    function test_challengeExit_withAYoungInput_countsWhileItIsValid() external {
        _counts();
    }

    /// @notice At the last valid height nothing is void.
    function test_challengeExit_withAnInputAtTheLastValidHeight_counts() external {
        _halt(young);
        _counts();
    }

    /// @dev Its inputs are shown, and it ends the exit of one of them.
    function _counts() private {
        Proof[] memory proofs = new Proof[](2);
        (proofs[0], proofs[1]) = (_proof(2, 0), _proof(young, 0));
        inFlight.startInFlightExit{value: BOND}(_plain(mixed), proofs);
        uint256 id = _exitPaid();
        game.challengeExit(id, mixed, 0);
        _true(!_isOpen(id));
    }

    function test_inFlight_aPaymentWithAVoidInput_competesWithNothing() external {
        _halt(young - 1);
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggybackInput(id);
        Pending memory pending = _pending(payment);
        Evidence memory impossible = _plain(mixed);
        bytes memory void = abi.encodeWithSelector(IExitGame.HeightVoid.selector, young, young - 1);
        vm.expectRevert(void);
        inFlight.challengeNotCanonical(id, pending, 0, impossible, 0);
        vm.expectRevert(void);
        inFlight.challengeInputSpent(id, pending, 0, impossible, 0);
    }
}
