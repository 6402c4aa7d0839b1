// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Inclusion, Proof} from "../contracts/types/Anchor.sol";
import {Certificate} from "../contracts/types/Committee.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Pending} from "../contracts/types/InFlight.sol";
import {Statement} from "../contracts/types/Statement.sol";
import {Forms} from "./support/Forms.sol";
import {InFlight} from "./support/InFlight.sol";
import {Refusing} from "./support/Receivers.sol";
import {Plain} from "./support/Tokens.sol";

/// @notice What answers, payouts and withdrawals cost as transactions of their own, in a chain of a few blocks.
/// forge-config: default.isolate = true
contract GasOfAnswersTest is InFlight {
    function setUp() external {
        _beginInFlight();
    }

    function test_challengeExit_withAnInclusion() external {
        uint256 id = _exitPaid();
        _include(_rival(1000));
        Proof memory proof = _proof(3, 0);
        vm.prank(WATCHER);
        game.challengeExitIncluded(id, proof, 0);
        _atMost(vm.snapshotGasLastCall("exits", "challenge, included"), 90_000);
    }

    function test_challengeExit_byAReceiptAndItsRebuttal() external {
        _include(_rival(3));
        _include(Forms.fund(0, alice, AMOUNT));
        uint256 id = _exitPaid();
        Evidence memory forged = _forge(4, _rival(4));
        vm.prank(WATCHER);
        game.challengeExitProvisionally{value: BOND}(id, forged, 0);
        vm.snapshotGasLastCall("exits", "challenge by a receipt");
        Inclusion memory truth = _truth(4);
        vm.prank(bob);
        game.rebutChallenge(id, truth);
        vm.snapshotGasLastCall("exits", "rebut a receipt");
    }

    /// @dev One claimed output is paid, and the input with it consumed.
    function test_inFlight_answersAndThePayout() external {
        uint256 id = _start();
        _piggyback(id, carol, 0);
        vm.snapshotGasLastCall("inFlight", "piggyback an output, first claim");
        _contest(id, _plain(_rival(1000)));
        uint32 height = _include(payment);
        Pending memory pending = _pending(payment);
        Evidence memory shown = _shown(height, 0);
        inFlight.respondNotCanonical(id, pending, shown);
        vm.snapshotGasLastCall("inFlight", "respond");
        _wait();
        game.process(address(0), 1);
        vm.snapshotGasLastCall("inFlight", "process one, an output paid");
    }

    function test_inFlight_theInputGoesBack() external {
        uint256 id = _start();
        _piggybackInput(id);
        _contest(id, _plain(_rival(1000)));
        _wait();
        game.process(address(0), 1);
        vm.snapshotGasLastCall("inFlight", "process one, an input given back");
    }

    function test_inFlight_challengeOfAnOutput() external {
        uint256 id = _start();
        _piggyback(id, carol, 0);
        uint32 height = _include(payment);
        Evidence memory born = _shown(height, 0);
        bytes memory spending =
            _transferOf(address(0), CAROL_KEY, _outputPosition(height, 0), HIS, alice, FOREVER);
        Pending memory pending = _pending(payment);
        vm.prank(WATCHER);
        inFlight.challengeOutputSpent(id, pending, 0, born, _plain(spending), 0);
        vm.snapshotGasLastCall("inFlight", "challenge an output");
    }

    function test_inFlight_aReceiptAndItsRebuttal() external {
        _block(Forms.fund(0, alice, AMOUNT));
        _include(payment);
        uint256 id = _start();
        Evidence memory forged = _forge(3, _rival(1000));
        Pending memory pending = _pending(payment);
        vm.prank(WATCHER);
        inFlight.challengeNotCanonical{value: BOND}(id, pending, 0, forged, 0);
        vm.snapshotGasLastCall("inFlight", "challenge canonicity by a receipt");
        Inclusion memory truth = _truth(3);
        inFlight.rebut(id, 0, truth);
        vm.snapshotGasLastCall("inFlight", "rebut a receipt");
    }

    function test_withdrawals() external {
        address receiver = address(new Refusing());
        vm.deal(receiver, BOND);
        vm.prank(alice);
        vault.depositFor{value: AMOUNT}(receiver);
        vm.snapshotGasLastCall("vault", "deposit ETH for another");
        _include(Forms.fund(1, receiver, AMOUNT));
        _exit(receiver, _proof(3, 0), 0);
        _wait();
        game.process(address(0), 1);
        vm.snapshotGasLastCall("exits", "process one, receiver refuses");
        vm.startPrank(receiver);
        vault.withdrawCreditPart(address(0), alice, 1 ether);
        vm.snapshotGasLastCall("vault", "withdraw a part of a credit");
        vault.withdrawCredit(address(0), alice);
        vm.snapshotGasLastCall("vault", "withdraw a credit");
        vm.stopPrank();
    }

    function test_admission() external {
        Plain token = new Plain();
        bytes32 id = bytes32(uint256(uint160(address(token))));
        bytes32 digest = keccak256(
            abi.encodePacked(
                uint8(7), block.chainid, address(federation), uint64(0), uint64(1), uint64(0), id
            )
        );
        vault.admitToken(address(token), Certificate(0, 1, 15, _sign(15, digest)));
        vm.snapshotGasLastCall("vault", "admit a token");
    }

    function test_bondsComeBack() external {
        vm.deal(address(this), 100 ether);
        federation.postBond{value: OPERATOR_BOND}(0, 0);
        federation.postBond{value: OPERATOR_BOND}(0, 1);
        bytes32 finalized = _vote(3, "a");
        bytes32 nullified = _vote(2, 0);
        Statement memory one = Statement(3, 0, "a", 1, _sign(1, finalized));
        Statement memory other = Statement(2, 0, 0, 1, _sign(1, nullified));
        vm.prank(WATCHER);
        federation.proveContradiction(0, 9, one, other);
        vm.prank(WATCHER);
        federation.withdrawReward(WATCHER);
        vm.snapshotGasLastCall("evidence", "withdraw a reward");
        _l1(100, 16 hours + 1);
        federation.announceSilence();
        _l1(100, 4 hours + 1);
        federation.haltIfSilent();
        _l1(100, 16 days);
        vm.prank(address(uint160(0xa001)));
        federation.withdrawBond(0, 1, WATCHER);
        vm.snapshotGasLastCall("evidence", "withdraw a bond");
    }

    /// @dev The statement of one operator about view 9 of epoch 0.
    function _vote(uint8 tag, bytes32 id) private view returns (bytes32) {
        return keccak256(
            abi.encodePacked(tag, block.chainid, address(federation), uint64(0), uint64(9), uint64(0), id)
        );
    }
}
