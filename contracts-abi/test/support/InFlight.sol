// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IInFlightExits} from "../../contracts/interfaces/IInFlightExits.sol";
import {Anchor, Inclusion, Proof} from "../../contracts/types/Anchor.sol";
import {Evidence} from "../../contracts/types/Evidence.sol";
import {Pending} from "../../contracts/types/InFlight.sol";
import {Position, toPosition} from "../../contracts/types/Position.sol";
import {Exits} from "./Exits.sol";
import {Forms, Pay, Spend} from "./Forms.sol";

/// @notice Bob, whom Alice paid, pays Carol 2 ETH and keeps 3, and the payment is nowhere to be seen.
abstract contract InFlight is Exits {
    uint256 internal constant CAROL_KEY = 0xca401;
    uint256 internal constant HIS = 2 ether;
    uint256 internal constant CHANGE = 3 ether;
    address internal constant WATCHER = address(0x3a7c4e5);

    address internal carol = vm.addr(CAROL_KEY);

    bytes internal payment;

    function _beginInFlight() internal {
        _begin();
        vm.deal(carol, 100 ether);
        vm.deal(WATCHER, 100 ether);
        payment = _payment(1000);
    }

    function _payment(uint32 expiry) internal view returns (bytes memory) {
        return _signed(BOB_KEY, Forms.unsigned(5, address(0), expiry, _fromPaid(), _toCarol()));
    }

    function _fromPaid() internal view returns (Spend[] memory) {
        return Forms.one(Spend({position: paid, amount: AMOUNT}));
    }

    function _toCarol() internal view returns (Pay[] memory outputs) {
        outputs = new Pay[](2);
        outputs[0] = Pay({owner: carol, amount: HIS});
        outputs[1] = Pay({owner: bob, amount: CHANGE});
    }

    /// @dev Another payment of Bob from the same output.
    function _rival(uint32 expiry) internal view returns (bytes memory) {
        return _transfer(BOB_KEY, paid, AMOUNT, alice, expiry);
    }

    /// @dev A transaction that needs no proof, because it may still be included.
    function _plain(bytes memory transaction) internal pure returns (Evidence memory evidence) {
        evidence.transaction = transaction;
    }

    /// @dev One that the first covering anchor shows.
    function _shown(uint32 height, uint32 index) internal view returns (Evidence memory evidence) {
        Proof memory proof = _proof(height, index);
        (evidence.transaction, evidence.inclusion) = (proof.transaction, proof.inclusion);
    }

    /// @dev One that a receipt shows: the newest block is certified.
    function _receipt(uint32 height, uint32 index) internal view returns (Evidence memory evidence) {
        Anchor memory nowhere;
        nowhere.height = uint32(history.length - 1);
        Proof memory proof = _proof(height, index, nowhere);
        (evidence.transaction, evidence.inclusion) = (proof.transaction, proof.inclusion);
        evidence.header = _header();
        evidence.certificate = _certificate(evidence.header, _all());
    }

    /// @dev Block `height` is another one in this history, which the operators certify but do not anchor.
    function _forge(uint32 height, bytes memory transaction) internal returns (Evidence memory evidence) {
        (bytes memory body, bytes32 leaf, bytes32 told) =
            (bodies[height][0], leavesOf[height][0], history[height]);
        bodies[height][0] = transaction;
        leavesOf[height][0] = keccak256(abi.encodePacked(uint8(0), transaction));
        history[height] = _historyLeaf(height, 1, leavesOf[height][0], originOf[height]);
        evidence = _receipt(height, 0);
        (bodies[height][0], leavesOf[height][0], history[height]) = (body, leaf, told);
    }

    function _inputs() internal view returns (Proof[] memory inputs) {
        inputs = new Proof[](1);
        inputs[0] = _proof(2, 0);
    }

    function _start() internal returns (uint256 id) {
        return _start(carol, _plain(payment));
    }

    function _start(address who, Evidence memory evidence) internal returns (uint256 id) {
        Proof[] memory inputs = _inputs();
        vm.prank(who);
        return inFlight.startInFlightExit{value: BOND}(evidence, inputs);
    }

    /// @dev All payments here spend what Alice paid Bob.
    function _pending(bytes memory transaction) internal view returns (Pending memory) {
        bytes32[] memory keys = new bytes32[](1);
        keys[0] = _key(bodies[2][0], 0);
        return Pending({transaction: transaction, owner: bob, inputs: keys});
    }

    function _piggyback(uint256 id, address who, uint8 output) internal {
        _piggyback(id, payment, who, output);
    }

    function _piggyback(uint256 id, bytes memory transaction, address who, uint8 output) internal {
        Pending memory pending = _pending(transaction);
        vm.prank(who);
        inFlight.piggybackOutput{value: BOND}(id, pending, output);
    }

    function _piggybackInput(uint256 id) internal {
        _piggybackInput(id, payment);
    }

    function _piggybackInput(uint256 id, bytes memory transaction) internal {
        Pending memory pending = _pending(transaction);
        vm.prank(bob);
        inFlight.piggybackInput{value: BOND}(id, pending);
    }

    function _contest(uint256 id, Evidence memory competitor) internal {
        Pending memory pending = _pending(payment);
        vm.prank(WATCHER);
        inFlight.challengeNotCanonical(id, pending, 0, competitor, 0);
    }

    function _respond(uint256 id, Evidence memory evidence) internal {
        inFlight.respondNotCanonical(id, _pending(payment), evidence);
    }

    function _inputSpent(uint256 id, Evidence memory spending) internal {
        Pending memory pending = _pending(payment);
        vm.prank(WATCHER);
        inFlight.challengeInputSpent(id, pending, 0, spending, 0);
    }

    function _outputSpent(uint256 id, uint8 output, Evidence memory born, Evidence memory spending) internal {
        Pending memory pending = _pending(payment);
        vm.prank(WATCHER);
        inFlight.challengeOutputSpent(id, pending, output, born, spending, 0);
    }

    /// @dev The payment is included after all.
    function _include(bytes memory transaction) internal returns (uint32 height) {
        height = _block(transaction);
        _l1(5, 60);
        _anchor();
    }

    function _endedInFlight(uint256 id, uint8 paidOutputs, uint8 consumedInputs) internal {
        vm.expectEmit(true, true, true, true, address(inFlight));
        emit IInFlightExits.InFlightExitEnded(id, paidOutputs, consumedInputs);
    }

    /// @dev The exits that are due end; this one so.
    function _due(uint256 id, uint8 paidOutputs, uint8 consumedInputs) internal {
        _wait();
        _endedInFlight(id, paidOutputs, consumedInputs);
        game.process(address(0), 9);
        _true(!_isInFlight(id));
    }

    function _isInFlight(uint256 id) internal view returns (bool) {
        return inFlight.inFlightExits(id).starter != address(0);
    }

    /// @dev What somebody has, credits for bonds included.
    function _wealth(address who) internal view returns (uint256) {
        return who.balance + inFlight.credit(address(0), who);
    }

    /// @dev Nothing is held for exits that are over, but what waits for its owner.
    function _nothingHeld() internal view {
        _equal(address(game).balance, 0);
        uint256 waiting = inFlight.credit(address(0), WATCHER) + inFlight.credit(address(0), carol)
            + inFlight.credit(address(0), bob);
        _equal(address(inFlight).balance, waiting);
    }

    function _at(uint256 id, uint256 part) internal {
        vm.warp(inFlight.inFlightExits(id).begun + part);
    }

    function _truth(uint32 height) internal view returns (Inclusion memory) {
        return _proof(height, 0).inclusion;
    }

    function _outputPosition(uint32 height, uint8 output) internal pure returns (Position) {
        return toPosition(height, 0, output);
    }
}
