// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../contracts/interfaces/IFederation.sol";
import {IVault} from "../contracts/interfaces/IVault.sol";
import {Anchor, Proof} from "../contracts/types/Anchor.sol";
import {Certificate, Verdict} from "../contracts/types/Committee.sol";
import {toPosition} from "../contracts/types/Position.sol";
import {Forms} from "./support/Forms.sol";
import {Turns} from "./support/Turns.sol";
import {Vm} from "./support/Vm.sol";

contract HaltingTest is Turns {
    uint256 private constant SILENCE = 16 hours;
    uint256 private constant GRACE = 4 hours;
    uint256 private constant ALICE_KEY = 0xa11ce;
    address private constant REPORTER = address(0x4e9047e4);
    address private immutable ALICE = vm.addr(ALICE_KEY);

    function setUp() external {
        _deploy(4);
        _l1(5, 60);
        _block();
        _anchor();
    }

    function test_silence_haltsInTwoSteps() external {
        uint256 from = block.timestamp + SILENCE;
        vm.warp(from);
        vm.expectRevert(abi.encodeWithSelector(IFederation.TooEarly.selector, from));
        federation.announceSilence();
        vm.warp(from + 1);
        vm.expectRevert(IFederation.SilenceUnknown.selector);
        federation.haltIfSilent();
        vm.expectEmit(true, true, true, true, address(federation));
        emit IFederation.SilenceAnnounced(1, uint64(from + 1 + GRACE));
        federation.announceSilence();
        _equal(federation.silenceNotice().haltFrom, from + 1 + GRACE);
        vm.warp(from + 1 + GRACE);
        vm.expectRevert(abi.encodeWithSelector(IFederation.TooEarly.selector, from + 1 + GRACE));
        federation.haltIfSilent();
        vm.warp(from + 2 + GRACE);
        vm.expectEmit(true, true, true, true, address(federation));
        emit IFederation.Halted(1);
        federation.haltIfSilent();
        _true(federation.halted());
        _equal(federation.lastValid(), 1);
        _equal(federation.silenceNotice().haltFrom, 0);
        vm.expectRevert(abi.encodeWithSelector(IFederation.FederationHalted.selector, 1));
        federation.haltIfSilent();
        vm.expectRevert(abi.encodeWithSelector(IFederation.FederationHalted.selector, 1));
        federation.announceSilence();
    }

    function test_silence_countsFromTheDeploymentBeforeTheFirstAnchor() external {
        _deploy(4);
        _l1(100, SILENCE + 1);
        federation.announceSilence();
        _l1(100, GRACE + 1);
        federation.haltIfSilent();
        _equal(federation.lastValid(), 0);
    }

    /// @notice Announcing again would put the halt off for ever.
    function test_silence_isAnnouncedOnce() external {
        _l1(100, SILENCE + 1);
        federation.announceSilence();
        uint256 from = federation.silenceNotice().haltFrom;
        _l1(100, GRACE);
        vm.expectRevert(abi.encodeWithSelector(IFederation.SilenceKnown.selector, from));
        federation.announceSilence();
        _l1(1, 1);
        federation.haltIfSilent();
    }

    /// @notice The scenario of silence with payments that are committed but not anchored: they reach L1 within the
    /// grace, and nothing is halted.
    function test_silence_endsWithAnAnchorThatSavesWhatWasCommitted() external {
        vm.deal(ALICE, 100 ether);
        vm.prank(ALICE);
        vault.deposit{value: 5 ether}();
        _l1(5, 60);
        _block(Forms.fund(0, ALICE, 5 ether));
        _anchor();
        // Alice pays, and the block is decided just after that anchor.
        uint32 height = _block(_transfer(ALICE_KEY, toPosition(2, 0, 0), 5 ether, ALICE, 1000));
        bytes memory header = _header();
        _l1(5000, SILENCE + 1);
        federation.announceSilence();
        _publishHash(originOf[height]);
        _l1(1000, GRACE);
        _anchor(header, _certificate(header, 7));
        _equal(federation.silenceNotice().haltFrom, 0);
        _l1(1, 1);
        vm.expectRevert(IFederation.SilenceUnknown.selector);
        federation.haltIfSilent();
        _true(!federation.halted());
        // The payment can leave, and the next silence is announced anew.
        Proof memory proof = _proof(height, 0);
        vm.prank(ALICE);
        game.startExit{value: BOND}(proof, 0);
        uint256 from = federation.latest().time + SILENCE;
        vm.expectRevert(abi.encodeWithSelector(IFederation.TooEarly.selector, from));
        federation.announceSilence();
    }

    /// @notice The same without the anchor: the payment is void, what it spent leaves, nobody deposits into it.
    function test_silence_voidsWhatWasNotAnchored() external {
        vm.deal(ALICE, 100 ether);
        vm.prank(ALICE);
        vault.deposit{value: 5 ether}();
        _l1(5, 60);
        _block(Forms.fund(0, ALICE, 5 ether));
        _anchor();
        _block(_transfer(ALICE_KEY, toPosition(2, 0, 0), 5 ether, address(0xb0b), 1000));
        bytes memory header = _header();
        Certificate memory by = _certificate(header, 15);
        _l1(100, SILENCE + 1);
        federation.announceSilence();
        _l1(100, GRACE + 1);
        federation.haltIfSilent();
        _equal(federation.lastValid(), 2);
        vm.expectRevert(abi.encodeWithSelector(IFederation.FederationHalted.selector, 2));
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
        vm.expectRevert(IVault.FederationHalted.selector);
        vault.deposit{value: 1}();
        // What the void payment spent is Alice's again: nobody shows the payment, and she leaves.
        Proof memory proof = _proof(2, 0);
        vm.prank(ALICE);
        game.startExit{value: BOND}(proof, 0);
        _l1(50_000, 2 * PERIOD);
        uint256 before = ALICE.balance;
        game.process(address(0), 1);
        _equal(ALICE.balance, before + 5 ether + BOND);
    }

    /// @notice An old notice does not count for a later silence.
    function test_silence_noticeIsAboutOneAnchor() external {
        _l1(100, SILENCE + 1);
        federation.announceSilence();
        _block();
        _anchor();
        _l1(100, SILENCE + GRACE);
        vm.expectRevert(IFederation.SilenceUnknown.selector);
        federation.haltIfSilent();
        federation.announceSilence();
        _l1(100, GRACE + 1);
        federation.haltIfSilent();
        _equal(federation.lastValid(), 2);
    }

    /// @notice The highest number would make a halt there look like none.
    function test_anchor_revertsAtTheHighestNumber() external {
        bytes memory header = _header(type(uint32).max, keccak256("root"));
        Certificate memory by = _certificate(header, 15);
        vm.expectRevert(abi.encodeWithSelector(IFederation.HeightNotAbove.selector, type(uint32).max, 1));
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
        header = _header(type(uint32).max - 1, keccak256("root"));
        by = _certificate(header, 15);
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
        _l1(100, SILENCE + 1);
        federation.announceSilence();
        _l1(100, GRACE + 1);
        federation.haltIfSilent();
        _true(federation.halted());
    }

    function test_fraud_haltsBelowTheInvalidBlockAndConvictsWhoVouched() external {
        (bytes memory header, Anchor memory covering) = _covering();
        _bondAll(0);
        Certificate memory by = _certificate(header, 7);
        vm.expectEmit(true, true, true, true, address(federation));
        emit IFederation.Halted(3);
        _fraud(4, header, by, covering);
        _equal(federation.lastValid(), 3);
        _equal(_slashedOf(0), 7);
        _equal(federation.reward(REPORTER), 3 * OPERATOR_BOND / 2);
    }

    /// @notice Proofs count after a halt: what is valid falls, never rises, and every bond is lost once.
    function test_fraud_afterAHaltLetsTheLastValidHeightFall() external {
        (bytes memory header, Anchor memory covering) = _covering();
        _bondAll(0);
        _fraud(4, header, _certificate(header, 7), covering);
        vm.recordLogs();
        _fraud(5, header, _certificate(header, 14), covering);
        _equal(federation.lastValid(), 3);
        _equal(_slashedOf(0), 15);
        _equal(federation.reward(REPORTER), 2 * OPERATOR_BOND);
        // Nothing was set, so nothing is told.
        _equal(_halts(), 0);
        vm.expectEmit(true, true, true, true, address(federation));
        emit IFederation.Halted(1);
        _fraud(2, header, _certificate(header, 7), covering);
        _equal(federation.lastValid(), 1);
        _equal(federation.reward(REPORTER), 2 * OPERATOR_BOND);
        Anchor memory first = anchors[0];
        _fraud(1, "", _nobody(), first);
        _equal(federation.lastValid(), 0);
    }

    function test_fraud_afterASilenceCountsToo() external {
        (bytes memory header, Anchor memory covering) = _covering();
        _l1(100, SILENCE + 1);
        federation.announceSilence();
        _l1(100, GRACE + 1);
        federation.haltIfSilent();
        _equal(federation.lastValid(), 5);
        _fraud(3, header, _certificate(header, 7), covering);
        _equal(federation.lastValid(), 2);
    }

    /// @notice The bonds of the honest are held for the longest exit after the halt, not after every later proof.
    function test_fraud_afterAHaltHoldsNoBondLonger() external {
        (bytes memory header, Anchor memory covering) = _covering();
        _bondAll(0);
        _fraud(5, header, _certificate(header, 7), covering);
        uint256 ended = block.timestamp;
        vm.warp(ended + DELAY);
        _fraud(3, header, _certificate(header, 7), covering);
        _equal(federation.lastValid(), 2);
        vm.warp(ended + DELAY + 1);
        (address operator,) = federation.member(0, 3);
        vm.prank(operator);
        federation.withdrawBond(0, 3, operator);
        _equal(operator.balance, OPERATOR_BOND);
    }

    /// @notice K63: nobody else halts.
    function test_fraud_isBelievedFromTheFraudProofsAlone() external {
        (bytes memory header, Anchor memory covering) = _covering();
        Certificate memory by = _certificate(header, 7);
        address[5] memory callers =
            [address(this), address(game), address(vault), DEPLOYER, address(uint160(0xa000))];
        for (uint256 i = 0; i < 5; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IFederation.NotFraudProofs.selector, callers[i]));
            federation.haltForFraud(4, header, by, covering, REPORTER);
        }
    }

    function test_fraud_isUnderTheFirstCoveringAnchor() external {
        (bytes memory header, Anchor memory covering) = _covering();
        Certificate memory by = _certificate(header, 7);
        uint32[3] memory outside = [uint32(0), 1, 6];
        for (uint256 i = 0; i < 3; ++i) {
            _fraudRefused(
                outside[i],
                header,
                by,
                covering,
                abi.encodeWithSelector(IFederation.NotFirstCovering.selector, outside[i], 1, 5)
            );
        }
        Anchor memory forged = covering;
        forged.previous = 0;
        bytes memory unknown = abi.encodeWithSelector(IFederation.AnchorUnknown.selector, 2);
        _fraudRefused(1, header, by, forged, unknown);
        // K22: an anchor that was never made has the word zero, and no anchor has.
        Anchor memory none;
        none.number = 77;
        none.height = 9;
        _fraudRefused(4, header, by, none, abi.encodeWithSelector(IFederation.AnchorUnknown.selector, 77));
    }

    /// @notice Only who signed the stretch from the invalid block to the anchor vouched for it.
    function test_fraud_convictsNobodyWhoSignedAnotherStretch() external {
        (, Anchor memory covering) = _covering();
        uint32[3] memory heights = [uint32(1), 3, 6];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory other = _header(heights[i], keccak256("root"));
            Certificate memory by = _certificate(other, 15);
            _fraudRefused(
                4, other, by, covering, abi.encodeWithSelector(IFederation.NotLiable.selector, heights[i])
            );
        }
        // Another history at the anchor's height: its signers stood on the other side of a fork.
        bytes memory fork = _header(5, keccak256("fork"));
        _fraudRefused(
            4,
            fork,
            _certificate(fork, 15),
            covering,
            abi.encodeWithSelector(IFederation.NotLiable.selector, 5)
        );
        _equal(_slashedOf(0), 0);
        bytes memory inside = _header(4, keccak256("root"));
        _fraud(4, inside, _certificate(inside, 14), covering);
        _equal(_slashedOf(0), 14);
    }

    function test_fraud_convictsWithAQuorumsCertificateAlone() external {
        (bytes memory header, Anchor memory covering) = _covering();
        Certificate memory by = _certificate(header, 3);
        _fraudRefused(
            4,
            header,
            by,
            covering,
            abi.encodeWithSelector(IFederation.CertificateRefused.selector, Verdict.BelowQuorum)
        );
        by = _certificate(header, 7);
        by.bitmap = 15;
        _fraudRefused(
            4,
            header,
            by,
            covering,
            abi.encodeWithSelector(IFederation.CertificateRefused.selector, Verdict.InvalidSignature)
        );
        // The block is invalid whoever signed it: without a header it halts and convicts nobody.
        _fraud(4, "", by, covering);
        _equal(federation.lastValid(), 3);
        _equal(_slashedOf(0), 0);
    }

    /// @notice I12, K63: no call of the federation stops an exit of what was valid.
    function test_halt_leavesExitsOfWhatIsValid() external {
        vm.deal(ALICE, 100 ether);
        vm.prank(ALICE);
        vault.deposit{value: 5 ether}();
        _l1(5, 60);
        uint32 height = _block(Forms.fund(0, ALICE, 5 ether));
        _block();
        bytes memory header = _header();
        Anchor memory covering = _anchor(header, _certificate(header, 15));
        Proof memory proof = _proof(height, 0);
        vm.prank(ALICE);
        game.startExit{value: BOND}(proof, 0);
        _fraud(height + 1, header, _certificate(header, 15), covering);
        _l1(50_000, 2 * PERIOD);
        uint256 before = ALICE.balance;
        game.process(address(0), 1);
        _equal(ALICE.balance, before + 5 ether + BOND);
    }

    /// @dev Blocks 2 to 5 under one anchor.
    function _covering() private returns (bytes memory header, Anchor memory covering) {
        _l1(5, 60);
        for (uint256 i = 0; i < 4; ++i) {
            _block();
        }
        header = _header();
        covering = _anchor(header, _certificate(header, 15));
    }

    function _nobody() private pure returns (Certificate memory) {
        return Certificate(0, 0, 0, "");
    }

    function _fraud(uint32 height, bytes memory header, Certificate memory by, Anchor memory covering)
        private
    {
        address proofs = federation.fraudProofs();
        vm.prank(proofs);
        federation.haltForFraud(height, header, by, covering, REPORTER);
    }

    function _fraudRefused(
        uint32 height,
        bytes memory header,
        Certificate memory by,
        Anchor memory covering,
        bytes memory reason
    ) private {
        address proofs = federation.fraudProofs();
        vm.prank(proofs);
        vm.expectRevert(reason);
        federation.haltForFraud(height, header, by, covering, REPORTER);
    }

    function _halts() private returns (uint256 count) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IFederation.Halted.selector) ++count;
        }
    }
}
