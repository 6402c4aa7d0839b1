// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../contracts/interfaces/IInFlightExits.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Pending} from "../contracts/types/InFlight.sol";
import {NOWHERE, Position, toPosition} from "../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";
import {InFlight} from "./support/InFlight.sol";

/// @notice What a payment counts for that no counting block is shown to include: after a halt, and beside inputs that nobody
/// has shown.
contract NotIncludedTest is InFlight {
    uint256 private constant SAVED = 1 ether;

    function setUp() external {
        _beginInFlight();
    }

    // ---- expiry, after a halt far below the last anchor

    /// @notice Bob's first payment expired, so he signed another one, which was included. All of that became void.
    function test_expiry_aRetryStaysTheOnlyPaymentAfterADeepHalt() external {
        bytes memory first = _rival(3);
        _includeOthers();
        uint32 height = _include(payment);
        _halt(2);
        bytes memory expired = abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 3, height);
        uint256 exit = _exitPaid();
        vm.expectRevert(expired);
        game.challengeExit(exit, first, 0);
        game.challengeExit(exit, payment, 0);
        uint256 id = _start(bob, _plain(payment));
        _piggyback(id, carol, 0);
        _piggyback(id, bob, 1);
        Pending memory pending = _pending(payment);
        Evidence memory competitor = _plain(first);
        vm.expectRevert(expired);
        inFlight.challengeNotCanonical(id, pending, 0, competitor, 0);
        Proof[] memory inputs = _inputs();
        vm.expectRevert(expired);
        inFlight.startInFlightExit{value: BOND}(competitor, inputs);
        _due(id, 3, 1);
        _equal(vault.held(address(0)), 0);
    }

    /// @notice What was in a void block had not expired there, and that block shows it.
    function test_expiry_ofWhatAVoidBlockIncludes_endsAnExit() external {
        (bytes memory paying, uint32 height) = _includedThenVoid();
        uint256 exit = _exitPaid();
        vm.expectRevert(abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 3, height + 1));
        game.challengeExit(exit, paying, 0);
        game.challengeExitIncluded(exit, _proof(height, 0), 0);
        _true(!_isOpen(exit));
    }

    function test_expiry_ofWhatAVoidBlockIncludes_leavesInFlight() external {
        (bytes memory paying, uint32 height) = _includedThenVoid();
        uint256 id = _start(carol, _shown(height, 0));
        // There is no position of what lies in no counting block.
        _equal(inFlight.inFlightExits(id).marks, 0);
        _piggyback(id, paying, carol, 0);
        _piggyback(id, paying, bob, 1);
        _due(id, 3, 1);
    }

    /// @notice As a competitor it is as young as any that is in no block.
    function test_expiry_ofWhatAVoidBlockIncludes_competes() external {
        (, uint32 height) = _includedThenVoid();
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggybackInput(id);
        _contest(id, _shown(height, 0));
        _true(inFlight.inFlightExits(id).competitor == NOWHERE);
        _inputSpent(id, _shown(height, 0));
        _due(id, 0, 0);
    }

    /// @notice Above its expiry a void block shows as little as any.
    function test_expiry_aboveIt_aVoidBlockShowsNothing() external {
        bytes memory late = _payment(2);
        uint32 height = _include(late);
        _halt(2);
        uint256 exit = _exitPaid();
        Proof memory proof = _proof(height, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 2, height));
        game.challengeExitIncluded(exit, proof, 0);
    }

    // ---- inputs that nobody has shown

    /// @notice A payment that cannot leave, because the block of one of its inputs was withheld, freezes nothing.
    function test_inputs_besideOneThatNobodyCanShow_leave() external {
        bytes memory mixed = _mixed(toPosition(1, 5, 0));
        uint256 exit = _exitPaid();
        uint256 id = _start();
        _piggybackInput(id);
        _refusedEverywhere(exit, id, mixed);
        _equal(vault.held(address(0)), AMOUNT);
        _due(id, 0, 0);
        _equal(vault.held(address(0)), 0);
    }

    /// @notice Whoever wants it to count starts its exit in flight, which proves what it spends.
    function test_inputs_provenByAnInFlightExit_count() external {
        Position saved = _saved();
        bytes memory mixed = _mixed(saved);
        uint256 exit = _exitPaid();
        uint256 id = _start();
        _piggybackInput(id);
        _refusedEverywhere(exit, id, mixed);
        Proof[] memory inputs = new Proof[](2);
        (inputs[0], inputs[1]) = (_proof(2, 0), _proof(saved.blockOf(), 0));
        inFlight.startInFlightExit{value: BOND}(_plain(mixed), inputs);
        game.challengeExit(exit, mixed, 0);
        _true(!_isOpen(exit));
        _contest(id, _plain(mixed));
        _inputSpent(id, _plain(mixed));
    }

    /// @notice A challenger who wants no exit of it proves the inputs alone, without a bond.
    function test_inputs_shownWithoutAnExit_count() external {
        Position saved = _saved();
        bytes memory mixed = _mixed(saved);
        bytes32 shown = harness.id(mixed);
        uint256 exit = _exitPaid();
        Proof[] memory inputs = new Proof[](2);
        (inputs[0], inputs[1]) = (_proof(2, 0), _proof(saved.blockOf(), 0));
        vm.prank(WATCHER);
        vm.expectEmit(true, true, true, true, address(inFlight));
        emit IInFlightExits.InputsShown(shown);
        inFlight.showInputs(mixed, inputs);
        _true(inFlight.inputsShown(shown));
        _equal(inFlight.latestInFlight(shown), 0);
        game.challengeExit(exit, mixed, 0);
        _true(!_isOpen(exit));
    }

    function test_showInputs_refusesWhatCouldNotLeave() external {
        Position saved = _saved();
        bytes memory mixed = _mixed(saved);
        Proof[] memory inputs = new Proof[](1);
        inputs[0] = _proof(2, 0);
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.ProofsDiffer.selector, 1, 2));
        inFlight.showInputs(mixed, inputs);
        inputs = new Proof[](2);
        (inputs[0], inputs[1]) = (_proof(saved.blockOf(), 0), _proof(2, 0));
        vm.expectRevert(abi.encodeWithSelector(IExitGame.InputDiffers.selector, paid, saved));
        inFlight.showInputs(mixed, inputs);
        (inputs[0], inputs[1]) = (_proof(2, 0), _proof(saved.blockOf(), 0));
        bytes memory theft = _signed(CAROL_KEY, _unsignedMixed(saved));
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotSpentByOwner.selector, carol, bob));
        inFlight.showInputs(theft, inputs);
        _exitPaid();
        _wait();
        game.process(address(0), 1);
        bytes32 key = _key(bodies[2][0], 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.AlreadyPaid.selector, key));
        inFlight.showInputs(mixed, inputs);
        _true(!inFlight.inputsShown(harness.id(mixed)));
    }

    /// @notice An anchored block that counts is proof enough: with it the outputs leave.
    function test_inputs_ofWhatAnAnchorShows_needNoProof() external {
        bytes memory mixed = _mixed(_saved());
        uint32 height = _include(mixed);
        uint256 exit = _exitPaid();
        game.challengeExitIncluded(exit, _proof(height, 0), 0);
        _true(!_isOpen(exit));
    }

    /// @notice A void block is none that counts.
    function test_inputs_ofWhatAVoidBlockShows_needTheirProof() external {
        Position saved = _saved();
        bytes memory mixed = _mixed(saved);
        uint32 height = _include(mixed);
        _halt(height - 1);
        uint256 exit = _exitPaid();
        Proof memory proof = _proof(height, 0);
        vm.expectRevert(_notShown(mixed));
        game.challengeExitIncluded(exit, proof, 0);
    }

    /// @dev By all that shows it without an anchor, against an exit and against one in flight.
    function _refusedEverywhere(uint256 exit, uint256 id, bytes memory mixed) private {
        bytes memory reason = _notShown(mixed);
        vm.expectRevert(reason);
        game.challengeExit(exit, mixed, 0);
        Pending memory pending = _pending(payment);
        Evidence memory evidence = _plain(mixed);
        vm.expectRevert(reason);
        inFlight.challengeNotCanonical(id, pending, 0, evidence, 0);
        vm.expectRevert(reason);
        inFlight.challengeInputSpent(id, pending, 0, evidence, 0);
        evidence = _receipt(_block(mixed), 0);
        vm.expectRevert(reason);
        game.challengeExitProvisionally{value: BOND}(exit, evidence, 0);
        vm.expectRevert(reason);
        inFlight.challengeNotCanonical{value: BOND}(id, pending, 0, evidence, 0);
    }

    function _notShown(bytes memory mixed) private view returns (bytes memory) {
        return abi.encodeWithSelector(IExitGame.InputsNotShown.selector, harness.id(mixed));
    }

    /// @dev Bob spends what Alice paid him together with something else of his.
    function _mixed(Position other) private view returns (bytes memory) {
        return _signed(BOB_KEY, _unsignedMixed(other));
    }

    function _unsignedMixed(Position other) private view returns (bytes memory) {
        Spend[] memory spends = new Spend[](2);
        spends[0] = Spend({position: paid, amount: AMOUNT});
        spends[1] = Spend({position: other, amount: SAVED});
        Pay[] memory outputs = Forms.one(Pay({owner: carol, amount: AMOUNT + SAVED}));
        return Forms.unsigned(5, address(0), 1000, spends, outputs);
    }

    function _saved() private returns (Position) {
        uint32 height = _include(_transfer(ALICE_KEY, toPosition(1, 7, 0), SAVED, bob, 1000));
        return toPosition(height, 0, 0);
    }

    function _includedThenVoid() private returns (bytes memory paying, uint32 height) {
        paying = _payment(3);
        height = _include(paying);
        _include(_transfer(ALICE_KEY, toPosition(1, 7, 0), SAVED, alice, 1000));
        _halt(2);
    }

    function _includeOthers() private {
        for (uint32 i = 7; i < 9; ++i) {
            _include(_transfer(ALICE_KEY, toPosition(1, i, 0), SAVED, alice, 1000));
        }
    }
}
