// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Pending} from "../contracts/types/InFlight.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Deep} from "./support/Deep.sol";

/// @notice What the calls of an in-flight exit cost as transactions of their own.
/// forge-config: default.isolate = true
contract InFlightGasTest is Deep {
    uint256 private constant ALICE_KEY = 0xa11ce;
    uint256 private constant BOB_KEY = 0xb0b;
    address private immutable ALICE = vm.addr(ALICE_KEY);
    address private immutable BOB = vm.addr(BOB_KEY);

    function test_inFlight_lifeCycle() external {
        _deploy(4);
        vm.deal(ALICE, 100 ether);
        vm.deal(BOB, 100 ether);
        vm.prank(ALICE);
        vault.deposit{value: 50 ether}();
        Proof[] memory inputs = new Proof[](1);
        inputs[0] = _deep(_transfer(ALICE_KEY, toPosition(7, 3, 1), 5 ether, BOB, 1000));
        Position position = toPosition(700_000, 40_000, 0);
        // Two others wait already, so the queue is as long as it usually is.
        vm.startPrank(BOB);
        game.startExit{value: BOND}(inputs[0], 0);
        game.startExit{value: BOND}(inputs[0], 0);
        Evidence memory payment;
        payment.transaction = _transfer(BOB_KEY, position, 5 ether, ALICE, type(uint32).max);
        uint256 id = inFlight.startInFlightExit{value: BOND}(payment, inputs);
        _atMost(vm.snapshotGasLastCall("inFlight", "start, one input, 16 + 20 levels"), 200_000);
        Pending memory pending;
        pending.transaction = payment.transaction;
        pending.owner = BOB;
        pending.inputs = new bytes32[](1);
        pending.inputs[0] = keccak256(abi.encodePacked(harness.id(inputs[0].transaction), uint8(0)));
        inFlight.piggybackInput{value: BOND}(id, pending);
        vm.snapshotGasLastCall("inFlight", "piggyback the input");
        vm.stopPrank();
        vm.prank(ALICE);
        inFlight.piggybackOutput{value: BOND}(id, pending, 0);
        vm.snapshotGasLastCall("inFlight", "piggyback an output, second claim");
        Evidence memory rival;
        rival.transaction = _transfer(BOB_KEY, position, 5 ether, BOB, type(uint32).max);
        inFlight.challengeNotCanonical(id, pending, 0, rival, 0);
        vm.snapshotGasLastCall("inFlight", "challenge canonicity");
        inFlight.challengeInputSpent(id, pending, 0, rival, 0);
        vm.snapshotGasLastCall("inFlight", "challenge an input");
    }
}
