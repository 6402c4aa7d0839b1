// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Pending} from "../../contracts/types/InFlight.sol";
import {toPosition} from "../../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "../support/Forms.sol";
import {Thief} from "./Thief.sol";

/// @notice Attacks on the order in which exits leave, and on their times. All operators may be thieves here.
contract OrderAttacks is Thief {
    // ---- K7: forged outputs leave first

    function test_K07_aForgedPaymentExitsFirst() external {
        _fails(_forgedFirst());
    }

    function twin_K07_aForgedPaymentExitsFirst() external {
        _without("AnchoredTerm");
        _wins(_forgedFirst());
    }

    /// @dev Mallory exits all that is there the moment it is anchored; Bob notices at the end of P.
    function _forgedFirst() private returns (bool) {
        uint32 height = _include(_forged(AMOUNT + OTHERS));
        uint256 anchored = federation.latest().time;
        uint256 before = bob.balance;
        _exit(mallory, _proof(height, 0), 0);
        vm.warp(anchored + PERIOD - 1);
        _exitPaid();
        vm.warp(anchored + PERIOD);
        _process();
        vm.warp(anchored + 2 * PERIOD);
        _process();
        return bob.balance < before + AMOUNT;
    }

    function test_K07_aForgedDeposit() external {
        _fails(_forgedDeposit());
    }

    function twin_K07_aForgedDeposit() external {
        _without("DepositRecord");
        _wins(_forgedDeposit());
    }

    function _forgedDeposit() private returns (bool) {
        uint32 height = _include(Forms.fund(99, mallory, OTHERS));
        uint256 before = mallory.balance;
        bytes memory call = abi.encodeCall(game.startExit, (_proof(height, 0), 0));
        if (_startExit(mallory, call, IExitGame.DepositDiffers.selector)) _end();
        return mallory.balance > before;
    }

    // ---- K8: the block before is withheld

    function test_K08_honestPaymentBehindAWithheldBlock() external {
        _fails(_withheld());
    }

    function twin_K08_honestPaymentBehindAWithheldBlock() external {
        _without("InputPlace");
        _wins(_withheld());
    }

    /// @dev Nobody sees block 3, in which Mallory has everything; Bob's payment is in block 4. He and Carol leave in
    /// flight, in the second in which Mallory leaves.
    function _withheld() private returns (bool) {
        _block(_forged(AMOUNT + OTHERS));
        _include(payment);
        uint256 anchored = federation.latest().time;
        _exit(mallory, _proof(3, 0), 0);
        vm.warp(anchored + PERIOD);
        uint256 before = bob.balance + carol.balance;
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _piggyback(id, bob, 1);
        vm.warp(anchored + 2 * PERIOD);
        _process();
        return bob.balance + carol.balance < before + AMOUNT;
    }

    // ---- K9: the boundary second

    function test_K09_aForgedOutputInTheSecondOfAnOldOne() external {
        _fails(_tie());
    }

    function twin_K09_aForgedOutputInTheSecondOfAnOldOne() external {
        _without("PositionOrder");
        _wins(_tie());
    }

    function test_S12_queueOrderWithOldAndFreshExits() external {
        _fails(_tie());
    }

    function twin_S12_queueOrderWithOldAndFreshExits() external {
        _without("PositionOrder");
        _wins(_tie());
    }

    /// @dev The fresh output waits 2P from its anchor, the old one P from Bob's start: both to one second.
    function _tie() private returns (bool) {
        uint32 height = _include(_forged(AMOUNT + OTHERS));
        uint256 anchored = federation.latest().time;
        uint256 before = bob.balance;
        _exit(mallory, _proof(height, 0), 0);
        vm.warp(anchored + PERIOD);
        uint256 id = _exitPaid();
        _equal(id >> 112, anchored + 2 * PERIOD);
        vm.warp(anchored + 2 * PERIOD);
        _process();
        return bob.balance < before + AMOUNT;
    }

    function test_K09_anOldInputBesideAForgedOne() external {
        _fails(_oldInput());
    }

    function twin_K09_anOldInputBesideAForgedOne() external {
        _without("YoungestInput");
        _wins(_oldInput());
    }

    /// @dev Mallory's payment in flight spends an output of hers that is older than Bob's, and the forged one. It is as
    /// young as that.
    function _oldInput() private returns (bool) {
        uint32 old = _include(_transfer(MALLORY_KEY, toPosition(1, 1, 0), AMOUNT, mallory, 1000));
        uint32 bobs = _include(_transfer(ALICE_KEY, toPosition(1, 2, 0), AMOUNT, bob, 1000));
        uint32 fresh = _include(_forged(OTHERS));
        uint256 anchored = federation.latest().time;
        uint256 before = bob.balance;
        _leaveTogether(old, fresh);
        vm.warp(anchored + PERIOD);
        _exit(bob, _proof(bobs, 0), 0);
        vm.warp(anchored + 2 * PERIOD);
        _process();
        return bob.balance < before + AMOUNT;
    }

    function _leaveTogether(uint32 old, uint32 fresh) private {
        Spend[] memory spends = new Spend[](2);
        spends[0] = Spend({position: toPosition(old, 0, 0), amount: AMOUNT});
        spends[1] = Spend({position: toPosition(fresh, 0, 0), amount: OTHERS});
        Pay[] memory outputs = Forms.one(Pay({owner: mallory, amount: AMOUNT + OTHERS}));
        bytes memory transaction = _signed(MALLORY_KEY, Forms.unsigned(5, address(0), 1000, spends, outputs));
        Proof[] memory inputs = new Proof[](2);
        (inputs[0], inputs[1]) = (_proof(old, 0), _proof(fresh, 0));
        Pending memory pending = Pending(transaction, mallory, new bytes32[](2));
        (pending.inputs[0], pending.inputs[1]) = (_key(bodies[old][0], 0), _key(bodies[fresh][0], 0));
        vm.startPrank(mallory);
        uint256 id = inFlight.startInFlightExit{value: BOND}(_plain(transaction), inputs);
        inFlight.piggybackOutput{value: BOND}(id, pending, 0);
        vm.stopPrank();
    }

    function test_K09_anOldOutputLeavesAtOnce() external {
        _fails(_atOnce());
    }

    function twin_K09_anOldOutputLeavesAtOnce() external {
        _without("MinPeriod");
        _wins(_atOnce());
    }

    /// @dev Bob spent an output that is older than any period.
    function _atOnce() private returns (bool) {
        vm.warp(block.timestamp + 3 * PERIOD);
        return _leavesBefore();
    }

    // ---- K41: dust

    function test_K41_dustBeforeAnHonestExit() external {
        _fails(_dust());
    }

    function twin_K41_dustBeforeAnHonestExit() external {
        _without("PositionOrder");
        _wins(_dust());
    }

    /// @dev Carol opened forty exits of dust that are due in the second in which Bob's is.
    function _dust() private returns (bool) {
        Pay[] memory outputs = new Pay[](4);
        for (uint256 i = 0; i < 4; ++i) {
            outputs[i] = Pay(carol, 1);
        }
        Spend[] memory from = Forms.one(Spend({position: paid, amount: 4}));
        uint32 height = _include(_signed(BOB_KEY, Forms.unsigned(5, address(0), 1000, from, outputs)));
        uint256 anchored = federation.latest().time;
        for (uint256 i = 0; i < 40; ++i) {
            _exit(carol, _proof(height, 0), uint8(i % 4));
        }
        vm.warp(anchored + PERIOD);
        uint256 id = _exitPaid();
        vm.warp(anchored + 2 * PERIOD);
        game.process(address(0), 1);
        return _isOpen(id);
    }

    // ---- K64: time

    function test_K64_blocksInsteadOfSeconds() external {
        _fails(_quickBlocks());
    }

    function twin_K64_blocksInsteadOfSeconds() external {
        _without("WindowInSeconds");
        _wins(_quickBlocks());
    }

    /// @dev L1 makes as many blocks as two periods have, in no time.
    function _quickBlocks() private returns (bool) {
        vm.roll(block.number + 2 * PERIOD / 12);
        return _leavesBefore();
    }

    function test_K64_afterTheYear2106() external {
        _fails(_year2106());
    }

    function twin_K64_afterTheYear2106() external {
        _without("WideTime");
        _wins(_year2106());
    }

    /// @dev Unix time passes 2^32.
    function _year2106() private returns (bool) {
        vm.warp(uint256(type(uint32).max) + 1 days);
        return _leavesBefore();
    }

    /// @dev Bob exits what he spent, and takes it before a watcher comes.
    function _leavesBefore() private returns (bool) {
        uint256 before = bob.balance;
        uint256 id = _exitPaid();
        vm.roll(block.number + 2 * PERIOD / 12);
        _process();
        if (_isOpen(id)) _challenge(id, _rival(1000), 0);
        _end();
        return bob.balance > before;
    }
}
