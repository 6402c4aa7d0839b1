// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../contracts/interfaces/IInFlightExits.sol";
import {Inclusion, Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Forms} from "./support/Forms.sol";
import {InFlight} from "./support/InFlight.sol";

/// @notice Challenges of standard exits by a receipt: the block is certified, and nobody can show the anchored history.
contract ExitGameProvisionalTest is InFlight {
    uint256 private id;

    function setUp() external {
        _beginInFlight();
        _include(_rival(3));
        _include(Forms.fund(0, alice, AMOUNT));
        id = _exitPaid();
    }

    /// @notice An expired payment that was included is worth its receipt, whatever the operators withhold.
    function test_challengeExitProvisionally_stopsThePayout() external {
        uint256 watchers = _purse(WATCHER);
        _challenge(_receipt(3, 0));
        _true(_isOpen(id));
        _wait();
        uint256 bobs = _purse(bob);
        _ended(id, paid, false);
        game.process(address(0), 9);
        _equal(_purse(WATCHER), watchers + BOND);
        _equal(_purse(bob), bobs);
        _equal(address(vault).balance, AMOUNT);
        _equal(address(game).balance, game.credit(address(0), WATCHER));
    }

    function test_rebutChallenge_letsTheExitBePaid() external {
        Evidence memory forged = _forge(4, _rival(4));
        _challenge(forged);
        Inclusion memory truth = _truth(4);
        vm.warp(id >> 112);
        uint256 bobs = _purse(bob);
        vm.prank(bob);
        game.rebutChallenge(id, truth);
        _wait();
        _ended(id, paid, true);
        game.process(address(0), 9);
        _equal(_purse(bob), bobs + AMOUNT + 2 * BOND);
        _equal(address(game).balance, 0);
    }

    function test_rebutChallenge_revertsForWhatTheAnchorConfirms() external {
        Inclusion memory truth = _truth(3);
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.ClaimUnknown.selector, 0));
        game.rebutChallenge(id, truth);
        _challenge(_receipt(3, 0));
        vm.expectRevert(IInFlightExits.ClaimHolds.selector);
        game.rebutChallenge(id, truth);
        truth = _truth(4);
        vm.expectRevert(IInFlightExits.ClaimHolds.selector);
        game.rebutChallenge(id, truth);
    }

    /// @notice No exit is frozen past its time: half of P is left to rebut, to the second.
    function test_challengeExitProvisionally_onlyUntilHalfOfPBeforeThePayout() external {
        vm.warp((id >> 112) - PERIOD / 2);
        Evidence memory receipt = _receipt(3, 0);
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.TimePassed.selector, block.timestamp));
        game.challengeExitProvisionally{value: BOND}(id, receipt, 0);
        vm.warp((id >> 112) - PERIOD / 2 - 1);
        game.challengeExitProvisionally{value: BOND}(id, receipt, 0);
    }

    function test_challengeExitProvisionally_refusesWhatItIsNotFor() external {
        Evidence memory receipt = _receipt(3, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.BondDiffers.selector, 0, BOND));
        game.challengeExitProvisionally(id, receipt, 0);
        Evidence memory shown = _shown(3, 0);
        vm.expectRevert(IExitGame.NotProvisional.selector);
        game.challengeExitProvisionally{value: BOND}(id, shown, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.ExitUnknown.selector, id + 1));
        game.challengeExitProvisionally{value: BOND}(id + 1, receipt, 0);
        Evidence memory other = _receipt(2, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.InputDiffers.selector, funded, paid));
        game.challengeExitProvisionally{value: BOND}(id, other, 0);
        _challenge(receipt);
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.ClaimStands.selector, 0));
        game.challengeExitProvisionally{value: BOND}(id, receipt, 0);
    }

    /// @notice A header above all anchors proves nothing unless an anchor gets there.
    function test_challengeExitProvisionally_thatNoAnchorCoversDoesNotCount() external {
        _block(_rival(1000));
        uint256 watchers = _purse(WATCHER);
        _challenge(_receipt(5, 0));
        _wait();
        _ended(id, paid, true);
        game.process(address(0), 9);
        _equal(_purse(WATCHER), watchers);
    }

    /// @notice A void block spends nothing, and a void exit costs no bond.
    function test_challengeExitProvisionally_ofVoidBlocksCostsNobody() external {
        uint256 watchers = _purse(WATCHER);
        _challenge(_receipt(3, 0));
        _halt(2);
        _wait();
        _ended(id, paid, true);
        game.process(address(0), 9);
        _equal(_purse(WATCHER), watchers);
    }

    /// @notice A void exit ends unpaid with its bond, also when a challenge stands.
    function test_challengeExitProvisionally_ofAVoidExitCostsNobody() external {
        uint256 watchers = _purse(WATCHER);
        uint256 bobs = _purse(bob);
        _challenge(_receipt(3, 0));
        _halt(1);
        _wait();
        _ended(id, paid, false);
        game.process(address(0), 9);
        _equal(_purse(WATCHER), watchers);
        _equal(_purse(bob), bobs + BOND);
        _equal(address(game).balance, game.credit(address(0), WATCHER));
    }

    /// @notice A challenge that needs no receipt ends the exit at once; the other claimant has its bond back.
    function test_challengeExitIncluded_returnsTheBondOfAProvisionalOne() external {
        uint256 watchers = _purse(WATCHER);
        _challenge(_receipt(3, 0));
        uint256 carols = carol.balance;
        Proof memory proof = _proof(3, 0);
        vm.prank(carol);
        game.challengeExitIncluded(id, proof, 0);
        _equal(carol.balance, carols + BOND);
        _equal(_purse(WATCHER), watchers);
        _equal(address(game).balance, game.credit(address(0), WATCHER));
    }

    function _challenge(Evidence memory receipt) private {
        vm.prank(WATCHER);
        game.challengeExitProvisionally{value: BOND}(id, receipt, 0);
    }

    function _purse(address who) private view returns (uint256) {
        return who.balance + game.credit(address(0), who);
    }
}
