// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {IVault} from "../contracts/interfaces/IVault.sol";
import {PlasmaTransaction} from "../contracts/libraries/PlasmaTransaction.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Exits} from "./support/Exits.sol";
import {Forms} from "./support/Forms.sol";
import {Refusing} from "./support/Receivers.sol";
import {Plain} from "./support/Tokens.sol";

/// @notice Deposit 0 of the world is funded in block 1. Deposit 1, Bob's, is swallowed: the federation anchors an
/// origin behind it and funds nothing.
contract VaultReclaimTest is Exits {
    address private constant WATCHER = address(0x3a7c4e5);
    uint64 private constant SWALLOWED = 1;
    uint256 private constant WINDOW = 1 days;

    Plain private token = new Plain();

    function setUp() external {
        _begin();
        _depositSwallowed();
    }

    function _listed() internal view override returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(token);
    }

    function test_startReclaim_waitsUntilTheFederationClaimsTheDeposit() external {
        uint64 l1Block = vault.deposits(SWALLOWED).l1Block;
        _refused(bob, SWALLOWED, abi.encodeWithSelector(IVault.NotHandled.selector, l1Block, l1Block - 1));
        _l1(1, 12);
        _block();
        _anchor();
        _equal(federation.latest().l1Height, l1Block);
        uint64 payableAt = uint64(block.timestamp + WINDOW);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.ReclaimStarted(SWALLOWED, bob, payableAt);
        _start(bob, SWALLOWED);
        _equal(vault.reclaims(SWALLOWED), payableAt);
        _equal(address(vault).balance, 2 * AMOUNT + BOND);
        _equal(vault.held(address(0)), 2 * AMOUNT);
    }

    function test_startReclaim_revertsForAnybodyButTheDepositor() external {
        _claim();
        _refused(alice, SWALLOWED, abi.encodeWithSelector(IVault.NotDepositor.selector, bob));
        _refused(bob, 2, abi.encodeWithSelector(IVault.NotDepositor.selector, address(0)));
        _refused(bob, type(uint64).max, abi.encodeWithSelector(IVault.NotDepositor.selector, address(0)));
    }

    function test_startReclaim_revertsWithAnyOtherBond() external {
        _claim();
        uint256[3] memory sent = [uint256(0), BOND - 1, BOND + 1];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IVault.BondDiffers.selector, sent[i], BOND));
            vm.prank(bob);
            vault.startReclaim{value: sent[i]}(SWALLOWED);
        }
    }

    function test_startReclaim_revertsASecondTime() external {
        _claim();
        _start(bob, SWALLOWED);
        _refused(bob, SWALLOWED, abi.encodeWithSelector(IVault.ReclaimOpen.selector, SWALLOWED));
        vm.warp(block.timestamp + WINDOW);
        vault.finalizeReclaim(SWALLOWED);
        _refused(bob, SWALLOWED, abi.encodeWithSelector(IVault.AlreadyReclaimed.selector, SWALLOWED));
        vm.expectRevert(abi.encodeWithSelector(IVault.ReclaimUnknown.selector, SWALLOWED));
        vault.finalizeReclaim(SWALLOWED);
    }

    function test_finalizeReclaim_paysDepositAndBondAfterTheWindow() external {
        _claim();
        _start(bob, SWALLOWED);
        uint64 payableAt = vault.reclaims(SWALLOWED);
        vm.warp(payableAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IVault.ReclaimNotDue.selector, payableAt));
        vault.finalizeReclaim(SWALLOWED);
        vm.warp(payableAt);
        vm.roll(block.number + 9);
        uint256 before = bob.balance;
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.DepositReclaimed(SWALLOWED);
        vm.prank(WATCHER);
        vault.finalizeReclaim(SWALLOWED);
        _equal(bob.balance, before + AMOUNT + BOND);
        _equal(address(vault).balance, AMOUNT);
        _equal(vault.held(address(0)), AMOUNT);
        _equal(vault.reclaims(SWALLOWED), 0);
        _equal(vault.deposits(SWALLOWED).reclaimedAt, block.number);
        _equal(game.consumed(_key(_fund(), 0)), block.timestamp);
    }

    function test_finalizeReclaim_paysTokens() external {
        token.mint(bob, 7);
        vm.startPrank(bob);
        token.approve(address(vault), 7);
        uint64 number = vault.depositToken(address(token), 7, bob);
        vm.stopPrank();
        _claim();
        _start(bob, number);
        vm.warp(block.timestamp + WINDOW);
        vault.finalizeReclaim(number);
        _equal(token.balanceOf(bob), 7);
        _equal(vault.held(address(token)), 0);
        _equal(game.consumed(_key(Forms.fund(number, bob, address(token), 7), 0)), block.timestamp);
    }

    /// @dev K50.
    function test_finalizeReclaim_creditsWhatTheDepositorRefuses() external {
        Refusing owner = new Refusing();
        uint64 number = vault.depositFor{value: 3 ether}(address(owner));
        _claim();
        vm.deal(address(owner), BOND);
        _start(address(owner), number);
        vm.warp(block.timestamp + WINDOW);
        vault.finalizeReclaim(number);
        _equal(vault.credit(address(0), address(owner)), 3 ether + BOND);
        owner.withdraw(vault, WATCHER);
        _equal(WATCHER.balance, 3 ether + BOND);
    }

    function test_finalizeReclaim_revertsWhereNoneIsOpen() external {
        vm.expectRevert(abi.encodeWithSelector(IVault.ReclaimUnknown.selector, SWALLOWED));
        vault.finalizeReclaim(SWALLOWED);
    }

    function test_challengeReclaim_endsTheReclaimOfAFundedDeposit() external {
        _start(alice, 0);
        Proof memory proof = _proof(1, 0);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.ReclaimChallenged(0, WATCHER);
        vm.prank(WATCHER);
        vault.challengeReclaim(0, proof);
        _equal(WATCHER.balance, BOND);
        _equal(vault.reclaims(0), 0);
        _equal(vault.held(address(0)), 2 * AMOUNT);
        _equal(address(vault).balance, 2 * AMOUNT);
        vm.expectRevert(abi.encodeWithSelector(IVault.ReclaimUnknown.selector, 0));
        vault.challengeReclaim(0, proof);
        // The output is still Alice's to spend or to exit.
        _true(_isOpen(_exit(alice, proof, 0)));
    }

    function test_challengeReclaim_worksUntilThePayout() external {
        _start(alice, 0);
        vm.warp(block.timestamp + 30 days);
        vault.challengeReclaim(0, _proof(1, 0));
        _equal(vault.reclaims(0), 0);
    }

    /// @dev Nothing but the fund transaction of this very deposit, owner, asset and amount counts.
    function test_challengeReclaim_revertsForAnyOtherTransaction() external {
        bytes[] memory body = new bytes[](6);
        body[0] = Forms.fund(0, bob, AMOUNT);
        body[1] = Forms.fund(SWALLOWED, alice, AMOUNT);
        body[2] = Forms.fund(SWALLOWED, bob, AMOUNT - 1);
        body[3] = Forms.fund(SWALLOWED, bob, address(token), AMOUNT);
        body[4] = _transfer(BOB_KEY, toPosition(0, 0, 0), SWALLOWED, bob, FOREVER);
        body[5] = Forms.sealing(_fund(), bytes32(uint256(1)), bytes32(uint256(1)), 27);
        _l1(1, 12);
        uint32 height = _block(body);
        _anchor();
        _start(bob, SWALLOWED);
        for (uint32 i = 0; i < 5; ++i) {
            _unconvinced(_proof(height, i), abi.encodeWithSelector(IVault.NotItsFund.selector, SWALLOWED));
        }
        _unconvinced(_proof(height, 5), abi.encodeWithSelector(PlasmaTransaction.TemplateBroken.selector));
        _unconvinced(_proof(1, 0), abi.encodeWithSelector(IVault.NotItsFund.selector, SWALLOWED));
        vm.warp(block.timestamp + WINDOW);
        vault.finalizeReclaim(SWALLOWED);
    }

    function test_challengeReclaim_revertsForAFundThatIsNotAnchoredOrThatALaterAnchorWrote() external {
        _claim();
        _start(bob, SWALLOWED);
        bytes memory fund = _fund();
        uint32 height = _block(fund);
        Proof memory proof = _proof(height, 0, anchors[1]);
        _unconvinced(proof, abi.encodeWithSelector(IExitGame.NotFirstCovering.selector, height, 2, 3));
        // A later anchor tells that block 3 held the fund.
        bytes32 leaf = keccak256(abi.encodePacked(uint8(0), fund));
        history[3] = _historyLeaf(3, 1, leaf, originOf[3]);
        leavesOf[3].push(leaf);
        bodies[3].push(fund);
        _l1(5, 60);
        _anchor();
        proof = _proof(3, 0, anchors[2]);
        _unconvinced(proof, abi.encodeWithSelector(IExitGame.NotFirstCovering.selector, 3, 3, height));
        proof = _proof(3, 0, anchors[1]);
        _unconvinced(proof, abi.encodeWithSelector(IExitGame.BlockNotInHistory.selector, 3));
    }

    /// @dev The federation stopped for ever before it reached the deposit.
    function test_startReclaim_worksOnceHaltedWhereNothingAnchoredReachedTheDeposit() external {
        uint64 l1Block = vault.deposits(SWALLOWED).l1Block;
        _refused(bob, SWALLOWED, abi.encodeWithSelector(IVault.NotHandled.selector, l1Block, l1Block - 1));
        _halt(2);
        _start(bob, SWALLOWED);
        vm.warp(block.timestamp + WINDOW);
        uint256 before = bob.balance;
        vault.finalizeReclaim(SWALLOWED);
        _equal(bob.balance, before + AMOUNT + BOND);
    }

    /// @dev A late halt with a deposit funded above lastValid: the fund is void, so the deposit goes back. The exit
    /// that began on it is void and does not count.
    function test_lateHalt_givesADepositBackThatWasFundedAboveTheLastValidHeight() external {
        _l1(1, 12);
        uint32 height = _block(_fund());
        _anchor();
        Proof memory proof = _proof(height, 0);
        uint256 exit = _exit(bob, proof, 0);
        _start(bob, SWALLOWED);
        vault.challengeReclaim(SWALLOWED, proof);
        _halt(height - 1);
        _start(bob, SWALLOWED);
        _unconvinced(proof, abi.encodeWithSelector(IExitGame.HeightVoid.selector, height, height - 1));
        _wait();
        uint256 before = bob.balance;
        _ended(exit, toPosition(height, 0, 0), false);
        game.process(address(0), 9);
        _equal(bob.balance, before + BOND);
        vault.finalizeReclaim(SWALLOWED);
        _equal(bob.balance, before + AMOUNT + 2 * BOND);
    }

    /// @dev A halt whose last valid height falls once more: what counted against the reclaim does not any more.
    function test_lateHalt_thatFallsFurtherAllowsTheReclaimThatWasChallenged() external {
        _l1(1, 12);
        uint32 height = _block(_fund());
        _block();
        _anchor();
        _halt(height);
        Proof memory proof = _proof(height, 0);
        _start(bob, SWALLOWED);
        vault.challengeReclaim(SWALLOWED, proof);
        _start(bob, SWALLOWED);
        _halt(height - 1);
        _unconvinced(proof, abi.encodeWithSelector(IExitGame.HeightVoid.selector, height, height - 1));
        vm.warp(block.timestamp + WINDOW);
        vault.finalizeReclaim(SWALLOWED);
        _equal(vault.held(address(0)), AMOUNT);
    }

    /// @dev I2, I10: exit first.
    function test_reclaim_isRefusedOnceAnExitPaidTheDeposit() external {
        _exit(alice, _proof(1, 0), 0);
        _wait();
        game.process(address(0), 1);
        _refused(alice, 0, abi.encodeWithSelector(IVault.AlreadyPaid.selector, 0));
        // Nor does it help that the block with the fund is void by now.
        _halt(0);
        _refused(alice, 0, abi.encodeWithSelector(IVault.AlreadyPaid.selector, 0));
    }

    /// @dev I2, I10: reclaim first.
    function test_startExit_revertsForADepositThatWentBack() external {
        _claim();
        _start(bob, SWALLOWED);
        for (uint256 i = 0; i < 4; ++i) {
            _l1(1_000, WINDOW / 4);
            _block();
            _anchor();
        }
        vault.finalizeReclaim(SWALLOWED);
        // The federation funds it all the same.
        _l1(1, 12);
        uint32 height = _block(_fund());
        _anchor();
        Proof memory proof = _proof(height, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.AlreadyPaid.selector, _key(_fund(), 0)));
        vm.prank(bob);
        game.startExit{value: BOND}(proof, 0);
    }

    /// @dev I2, I10: both open at once, the reclaim is paid first. Nobody challenged, though everybody could.
    function test_process_doesNotPayADepositThatWentBackMeanwhile() external {
        _start(alice, 0);
        uint256 id = _exit(alice, _proof(1, 0), 0);
        vm.warp(block.timestamp + WINDOW);
        vault.finalizeReclaim(0);
        _wait();
        uint256 before = alice.balance;
        _ended(id, funded, false);
        game.process(address(0), 1);
        _equal(alice.balance, before + BOND);
        _equal(vault.held(address(0)), AMOUNT);
        _equal(address(game).balance, 0);
    }

    /// @dev I2, I10: both open at once, the exit is paid first. The bond goes to whoever ends the reclaim.
    function test_finalizeReclaim_endsUnpaidWhenAnExitWasFaster() external {
        uint256 id = _exit(alice, _proof(1, 0), 0);
        vm.warp((id >> 112) - WINDOW);
        _start(alice, 0);
        vm.warp(id >> 112);
        game.process(address(0), 1);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.ReclaimChallenged(0, WATCHER);
        uint256 before = alice.balance;
        vm.prank(WATCHER);
        vault.finalizeReclaim(0);
        _equal(alice.balance, before);
        _equal(WATCHER.balance, BOND);
        _equal(vault.deposits(0).reclaimedAt, 0);
        _equal(vault.held(address(0)), AMOUNT);
        _equal(address(vault).balance, AMOUNT);
    }

    /// @dev A challenged exit of the fund output was no payout, so the registry knows nothing of it.
    function test_startReclaim_isNotHinderedByAnExitThatWasChallenged() external {
        uint256 id = _exit(alice, _proof(1, 0), 0);
        game.challengeExit(id, _transfer(ALICE_KEY, funded, AMOUNT, bob, FOREVER), 0);
        _start(alice, 0);
        // The fund still defeats it.
        vault.challengeReclaim(0, _proof(1, 0));
    }

    function test_consume_revertsForEverybodyButTheVault() external {
        address[4] memory callers = [alice, DEPLOYER, address(federation), address(game)];
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IExitGame.NotVault.selector, callers[i]));
            vm.prank(callers[i]);
            game.consume(bytes32(uint256(1)));
        }
    }

    /// @dev I9: forged outputs ask for all there is, and reach neither the bond of a reclaim nor a credit.
    function test_process_forgedOutputsDoNotReachTheBondsOfReclaims() external {
        uint32 forged = _block(_transfer(ALICE_KEY, toPosition(0, 9, 0), 1000 ether, bob, FOREVER));
        _claim();
        _start(bob, SWALLOWED);
        _exit(bob, _proof(forged, 0), 0);
        _wait();
        game.process(address(0), 9);
        _equal(vault.held(address(0)), 0);
        _equal(address(vault).balance, BOND);
        vm.prank(WATCHER);
        vault.finalizeReclaim(SWALLOWED);
        _equal(address(vault).balance, 0);
    }

    /// @dev The contract's idea of a fund transaction is the protocol's, for any deposit.
    function testFuzz_reclaim_knowsTheFundOfAnyDeposit(address owner, uint96 amount, bool inToken) external {
        vm.assume(owner != address(0) && amount != 0 && owner.code.length == 0);
        vm.deal(address(this), uint256(amount));
        token.mint(address(this), amount);
        token.approve(address(vault), amount);
        uint64 number = inToken
            ? vault.depositToken(address(token), amount, owner)
            : vault.depositFor{value: amount}(owner);
        _l1(1, 12);
        address asset = inToken ? address(token) : address(0);
        uint32 height = _block(Forms.fund(number, owner, asset, amount));
        _anchor();
        vm.deal(owner, BOND);
        _start(owner, number);
        vault.challengeReclaim(number, _proof(height, 0));
        _equal(vault.reclaims(number), 0);
    }

    function _depositSwallowed() private {
        vm.prank(bob);
        _equal(vault.deposit{value: AMOUNT}(), SWALLOWED);
    }

    function _fund() private view returns (bytes memory) {
        return Forms.fund(SWALLOWED, bob, AMOUNT);
    }

    /// @dev The federation anchors an origin that includes everything so far.
    function _claim() private {
        _l1(1, 12);
        _block();
        _anchor();
    }

    function _start(address owner, uint64 number) private {
        vm.prank(owner);
        vault.startReclaim{value: BOND}(number);
    }

    function _refused(address caller, uint64 number, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(caller);
        vault.startReclaim{value: BOND}(number);
    }

    function _unconvinced(Proof memory proof, bytes memory reason) private {
        vm.expectRevert(reason);
        vault.challengeReclaim(SWALLOWED, proof);
    }
}
