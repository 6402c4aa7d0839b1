// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../contracts/interfaces/IInFlightExits.sol";
import {Inclusion, Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Pending} from "../contracts/types/InFlight.sol";
import {toPosition} from "../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";
import {InFlight} from "./support/InFlight.sol";
import {Burning} from "./support/Receivers.sol";

/// @notice What rests on a receipt: a block that is certified, when nobody can show the anchored history.
contract InFlightClaimsTest is InFlight {
    function setUp() external {
        _beginInFlight();
    }

    /// @notice The operators withhold everything after the certificate; the expired payment still leaves.
    function test_start_ofAnExpiredPaymentByItsReceipt() external {
        (uint256 id,) = _startByReceipt();
        _piggyback(id, bodies[3][0], carol, 0);
        uint256 carols = _wealth(carol);
        _due(id, 1, 1);
        _equal(_wealth(carol), carols + HIS + 3 * BOND);
        _nothingHeld();
    }

    function test_start_byAReceiptCostsASecondBond() external {
        _block(_payment(3));
        Evidence memory receipt = _receipt(3, 0);
        Proof[] memory inputs = _inputs();
        vm.expectRevert(abi.encodeWithSelector(IExitGame.BondDiffers.selector, BOND, 2 * BOND));
        inFlight.startInFlightExit{value: BOND}(receipt, inputs);
    }

    /// @notice A forged receipt starts nothing: it is rebutted, nothing is paid, its bond is lost.
    function test_start_byAForgedReceiptIsVoid() external {
        _block(_rival(1000));
        _include(Forms.fund(0, alice, AMOUNT));
        bytes memory expired = _payment(3);
        Evidence memory receipt = _forge(3, expired);
        Proof[] memory inputs = _inputs();
        vm.prank(carol);
        uint256 id = inFlight.startInFlightExit{value: 2 * BOND}(receipt, inputs);
        _piggyback(id, expired, carol, 0);
        _piggybackInput(id, expired);
        Inclusion memory truth = _truth(3);
        vm.warp(id >> 112);
        uint256 watchers = WATCHER.balance;
        vm.expectEmit(true, true, true, true, address(inFlight));
        emit IInFlightExits.ClaimRebutted(id, 1);
        vm.prank(WATCHER);
        inFlight.rebut(id, 1, truth);
        _equal(WATCHER.balance, watchers + BOND);
        _due(id, 0, 0);
        _equal(address(vault).balance, AMOUNT);
        _nothingHeld();
    }

    function test_rebut_revertsForWhatTheAnchorConfirms() external {
        (uint256 id,) = _startByReceipt();
        Inclusion memory truth = _truth(3);
        vm.expectRevert(IInFlightExits.ClaimHolds.selector);
        inFlight.rebut(id, 1, truth);
        truth = _truth(2);
        vm.expectRevert(IInFlightExits.ClaimHolds.selector);
        inFlight.rebut(id, 1, truth);
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.ClaimUnknown.selector, 0));
        inFlight.rebut(id, 0, truth);
    }

    function test_receipt_mustBeCertifiedAndHoldTheTransaction() external {
        _block(_payment(3));
        Proof[] memory inputs = _inputs();
        Evidence memory receipt = _receipt(3, 0);
        receipt.certificate.bitmap = 3;
        vm.expectRevert(IExitGame.HeaderNotCertified.selector);
        inFlight.startInFlightExit{value: 2 * BOND}(receipt, inputs);
        receipt = _receipt(3, 0);
        receipt.transaction = _payment(4);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.TransactionNotInBlock.selector, 0));
        inFlight.startInFlightExit{value: 2 * BOND}(receipt, inputs);
        receipt = _receipt(3, 0);
        receipt.inclusion.l1Height += 1;
        vm.expectRevert(abi.encodeWithSelector(IExitGame.BlockNotInHistory.selector, 3));
        inFlight.startInFlightExit{value: 2 * BOND}(receipt, inputs);
        receipt = _receipt(3, 0);
        receipt.inclusion.height = 4;
        vm.expectRevert(abi.encodeWithSelector(IExitGame.BlockNotInHistory.selector, 4));
        inFlight.startInFlightExit{value: 2 * BOND}(receipt, inputs);
    }

    /// @notice K5: a competitor known by its receipt frees the input, and its claimant has both bonds.
    function test_competitor_byItsReceiptCounts() external {
        _include(_rival(3));
        _block();
        uint32 later = _include(payment);
        uint256 id = _start();
        _piggyback(id, carol, 0);
        uint256 watchers = _wealth(WATCHER);
        _contestByReceipt(id, _receipt(3, 0));
        _respond(id, _shown(later, 0));
        _due(id, 0, 0);
        _equal(_wealth(WATCHER), watchers + BOND);
        _nothingHeld();
    }

    /// @notice K5: a forged receipt of a competitor is rebutted in the last second, and the payment is paid.
    function test_competitor_byAForgedReceiptIsRebutted() external {
        _block(Forms.fund(0, alice, AMOUNT));
        uint32 height = _include(payment);
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _respond(id, _shown(height, 0));
        _contestByReceipt(id, _forge(3, _rival(1000)));
        vm.warp(id >> 112);
        Inclusion memory truth = _truth(3);
        uint256 bobs = bob.balance;
        vm.prank(bob);
        inFlight.rebut(id, 0, truth);
        _equal(bob.balance, bobs + BOND);
        _due(id, 1, 1);
        _nothingHeld();
    }

    /// @notice A header far above all anchors proves nothing unless an anchor gets there.
    function test_competitor_thatNoAnchorCoversDoesNotCount() external {
        uint32 height = _include(payment);
        _block(_rival(1000));
        uint256 id = _start();
        _piggyback(id, carol, 0);
        uint256 watchers = _wealth(WATCHER);
        _contestByReceipt(id, _receipt(height + 1, 0));
        _due(id, 1, 1);
        _equal(_wealth(WATCHER), watchers);
        _nothingHeld();
    }

    /// @notice A committed payment is defended with its receipt until three quarters, and can be rebutted after that.
    function test_response_byItsReceiptCounts() external {
        uint32 height = _include(payment);
        Evidence memory receipt = _receipt(height, 0);
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _contest(id, _plain(_rival(1000)));
        Pending memory pending = _pending(payment);
        _at(id, PERIOD * 3 / 4);
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.TimePassed.selector, block.timestamp));
        inFlight.respondNotCanonical{value: BOND}(id, pending, receipt);
        _at(id, PERIOD * 3 / 4 - 1);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.BondDiffers.selector, 0, BOND));
        inFlight.respondNotCanonical(id, pending, receipt);
        vm.prank(carol);
        inFlight.respondNotCanonical{value: BOND}(id, pending, receipt);
        uint256 carols = _wealth(carol);
        _due(id, 1, 1);
        _equal(_wealth(carol), carols + HIS + 3 * BOND);
        _nothingHeld();
    }

    function test_response_byAForgedReceiptIsRebutted() external {
        _include(Forms.fund(0, alice, AMOUNT));
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _contest(id, _plain(_rival(1000)));
        Evidence memory receipt = _forge(3, payment);
        Pending memory pending = _pending(payment);
        vm.prank(carol);
        inFlight.respondNotCanonical{value: BOND}(id, pending, receipt);
        vm.prank(carol);
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.ClaimStands.selector, 1));
        inFlight.respondNotCanonical{value: BOND}(id, pending, receipt);
        Inclusion memory truth = _truth(3);
        inFlight.rebut(id, 1, truth);
        _due(id, 0, 0);
    }

    /// @notice K3: an output claimed in the last second, whose spending only a receipt shows.
    function test_outputSpent_byReceiptsAfterAClaimInTheLastSecond() external {
        uint32 height = _include(payment);
        uint32 later = _include(_transfer(CAROL_KEY, _outputPosition(height, 0), HIS, alice, 4));
        _include(Forms.fund(0, alice, AMOUNT));
        uint256 id = _start();
        _at(id, PERIOD / 2 - 1);
        _piggyback(id, carol, 0);
        _at(id, PERIOD / 2);
        _publishHash(block.number - 1);
        Pending memory pending = _pending(payment);
        Evidence memory born = _receipt(height, 0);
        Evidence memory spending = _receipt(later, 0);
        uint256 watchers = _wealth(WATCHER);
        vm.prank(WATCHER);
        inFlight.challengeOutputSpent{value: BOND}(id, pending, 0, born, spending, 0);
        _due(id, 0, 0);
        _equal(_wealth(WATCHER), watchers + BOND);
        _nothingHeld();
    }

    /// @notice Either of the two blocks may be the forged one.
    function test_outputSpent_byAForgedReceiptIsRebutted() external {
        uint32 height = _include(payment);
        _include(Forms.fund(0, alice, AMOUNT));
        _include(Forms.fund(0, alice, AMOUNT));
        uint256 id = _start();
        _piggyback(id, carol, 0);
        Pending memory pending = _pending(payment);
        Evidence memory born = _shown(height, 0);
        Evidence memory spending = _forge(4, _transfer(CAROL_KEY, _outputPosition(height, 0), HIS, alice, 4));
        vm.prank(WATCHER);
        inFlight.challengeOutputSpent{value: BOND}(id, pending, 0, born, spending, 0);
        Inclusion memory truth = _truth(height);
        vm.expectRevert(IInFlightExits.ClaimHolds.selector);
        inFlight.rebut(id, 6, truth);
        truth = _truth(4);
        inFlight.rebut(id, 6, truth);
        _due(id, 1, 1);
    }

    /// @notice The payment was never in that block, so nothing there spends its output.
    function test_outputSpent_ofAnOutputInAForgedBlockIsRebutted() external {
        _include(Forms.fund(0, alice, AMOUNT));
        uint256 id = _start();
        _piggyback(id, carol, 0);
        Pending memory pending = _pending(payment);
        Evidence memory born = _forge(3, payment);
        Evidence memory spending = _plain(_transfer(CAROL_KEY, _outputPosition(3, 0), HIS, alice, 1000));
        vm.prank(WATCHER);
        inFlight.challengeOutputSpent{value: BOND}(id, pending, 0, born, spending, 0);
        Inclusion memory truth = _truth(3);
        inFlight.rebut(id, 6, truth);
        _due(id, 1, 1);
    }

    /// @notice An input spent by a payment that only a receipt shows.
    function test_inputSpent_byItsReceiptCounts() external {
        _include(_rival(3));
        _include(Forms.fund(0, alice, AMOUNT));
        uint256 id = _start();
        _piggybackInput(id);
        _contest(id, _shown(3, 0));
        Pending memory pending = _pending(payment);
        Evidence memory receipt = _receipt(3, 0);
        uint256 watchers = _wealth(WATCHER);
        vm.prank(WATCHER);
        inFlight.challengeInputSpent{value: BOND}(id, pending, 0, receipt, 0);
        _due(id, 0, 0);
        _equal(_wealth(WATCHER), watchers + 2 * BOND);
        _equal(address(vault).balance, AMOUNT);
        _nothingHeld();
    }

    /// @notice Claims about a void exit, or about void blocks, cost nobody anything.
    function test_claims_ofAVoidExitAreReturned() external {
        _include(_rival(3));
        uint256 id = _start();
        _piggyback(id, carol, 0);
        uint256 watchers = _wealth(WATCHER);
        _contestByReceipt(id, _receipt(3, 0));
        _halt(1);
        _due(id, 0, 0);
        _equal(_wealth(WATCHER), watchers);
        _nothingHeld();
    }

    function _startByReceipt() private returns (uint256 id, Evidence memory receipt) {
        _block(_payment(3));
        receipt = _receipt(3, 0);
        _include(Forms.fund(0, alice, AMOUNT));
        Proof[] memory inputs = _inputs();
        vm.prank(carol);
        id = inFlight.startInFlightExit{value: 2 * BOND}(receipt, inputs);
    }

    function _contestByReceipt(uint256 id, Evidence memory receipt) private {
        Pending memory pending = _pending(payment);
        vm.prank(WATCHER);
        inFlight.challengeNotCanonical{value: BOND}(id, pending, 0, receipt, 0);
    }

    /// @notice The dearest end there is: four inputs, four owners whose code burns all it is given, ten claims that
    /// nobody could rebut and no anchor covers. `process` leaves room for it before it takes a place.
    function test_end_ofTheDearestExitFitsIntoThePlace() external {
        Proof[] memory inputs = new Proof[](4);
        Spend[] memory spends = new Spend[](4);
        Pending memory pending;
        (pending.owner, pending.inputs) = (bob, new bytes32[](4));
        for (uint32 i = 0; i < 4; ++i) {
            uint32 made = _include(_transfer(ALICE_KEY, toPosition(7, i, 0), AMOUNT, bob, 1000));
            spends[i] = Spend({position: toPosition(made, 0, 0), amount: AMOUNT});
            pending.inputs[i] = _key(bodies[made][0], 0);
            vault.deposit{value: AMOUNT}();
        }
        for (uint32 i = 0; i < 4; ++i) {
            inputs[i] = _proof(3 + i, 0);
        }
        Pay[] memory outputs = new Pay[](4);
        bytes memory burning = address(new Burning()).code;
        for (uint256 i = 0; i < 4; ++i) {
            outputs[i] = Pay({owner: vm.addr(0xb0 + i), amount: AMOUNT});
            vm.deal(outputs[i].owner, 1 ether);
            vm.etch(outputs[i].owner, burning);
        }
        pending.transaction = _signed(BOB_KEY, Forms.unsigned(5, address(0), 1000, spends, outputs));
        uint32 height = _include(pending.transaction);
        vm.prank(outputs[0].owner);
        uint256 id = inFlight.startInFlightExit{value: BOND}(_plain(pending.transaction), inputs);
        for (uint8 i = 0; i < 4; ++i) {
            vm.prank(outputs[i].owner);
            inFlight.piggybackOutput{value: BOND}(id, pending, i);
        }
        vm.prank(bob);
        inFlight.piggybackInput{value: BOND}(id, pending);
        _claimEverything(id, pending, height, spends);
        for (uint8 slot = 0; slot < 10; ++slot) {
            _true(inFlight.claims(id, slot).claimant != address(0));
        }
        vm.etch(bob, burning);
        _wait();
        uint256 gas = gasleft();
        _endedInFlight(id, 15, 15);
        game.process(address(0), 1);
        // The rest of what `process` keeps for a place is for a token, which may burn more than a receiver of ETH.
        _atMost(gas - gasleft(), 2_500_000 - 4 * 170_000);
        _equal(vault.credit(address(0), outputs[3].owner), AMOUNT);
        _equal(inFlight.credit(address(0), outputs[3].owner), BOND);
        _equal(inFlight.credit(address(0), bob), BOND);
    }

    /// @dev Every claimant is another one, so that every credit is a new one.
    function _claimEverything(uint256 id, Pending memory pending, uint32 height, Spend[] memory spends)
        private
    {
        uint32 second = _block(pending.transaction);
        bytes memory rival;
        uint32[4] memory rivals;
        uint32[4] memory spendings;
        for (uint8 i = 0; i < 4; ++i) {
            rival = _transfer(BOB_KEY, spends[i].position, AMOUNT, alice, 1000);
            rivals[i] = _block(rival);
            spendings[i] =
                _block(_transfer(0xb0 + uint256(i), _outputPosition(height, i), AMOUNT, alice, 1000));
        }
        Evidence memory receipt = _receipt(rivals[0], 0);
        _claimant(0);
        inFlight.challengeNotCanonical{value: BOND}(id, pending, 0, receipt, 0);
        receipt = _receipt(second, 0);
        _claimant(1);
        inFlight.respondNotCanonical{value: BOND}(id, pending, receipt);
        Evidence memory born = _shown(height, 0);
        for (uint8 i = 0; i < 4; ++i) {
            receipt = _receipt(rivals[i], 0);
            _claimant(2 + uint256(i));
            inFlight.challengeInputSpent{value: BOND}(id, pending, i, receipt, 0);
            receipt = _receipt(spendings[i], 0);
            _claimant(6 + uint256(i));
            inFlight.challengeOutputSpent{value: BOND}(id, pending, i, born, receipt, 0);
        }
    }

    function _claimant(uint256 number) private {
        address who = address(uint160(0xc1a100 + number));
        vm.deal(who, BOND);
        vm.prank(who);
    }
}
