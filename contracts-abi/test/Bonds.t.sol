// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../contracts/interfaces/IFederation.sol";
import {Verdict} from "../contracts/types/Committee.sol";
import {Statement} from "../contracts/types/Statement.sol";
import {Refusing, Accepting} from "./support/Receivers.sol";
import {Turns} from "./support/Turns.sol";

contract BondsTest is Turns {
    address private constant REPORTER = address(0x4e9047e4);

    function setUp() external {
        _deploy(4);
        _l1(5, 60);
        _block();
        _anchor();
    }

    function test_bond_ofASeatIsPostedByAnybodyOnce() external {
        vm.expectEmit(true, true, true, true, address(federation));
        emit IFederation.BondPosted(0, 2, _operatorOf(2));
        _bond(0, 2);
        (uint256 bonded, uint256 slashed) = federation.bonds(0);
        _equal(bonded, 4);
        _equal(slashed, 0);
        _equal(address(federation).balance, OPERATOR_BOND);
        vm.deal(address(this), 2 * OPERATOR_BOND);
        vm.expectRevert(abi.encodeWithSelector(IFederation.SeatTaken.selector, 0, 2));
        federation.postBond{value: OPERATOR_BOND}(0, 2);
    }

    function test_bond_isExactAndForASeatThatExists() external {
        vm.deal(address(this), 100 ether);
        vm.expectRevert(abi.encodeWithSelector(IFederation.BondDiffers.selector, 0, OPERATOR_BOND));
        federation.postBond(0, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IFederation.BondDiffers.selector, OPERATOR_BOND + 1, OPERATOR_BOND)
        );
        federation.postBond{value: OPERATOR_BOND + 1}(0, 0);
        vm.expectRevert(abi.encodeWithSelector(IFederation.SeatUnknown.selector, 0, 4));
        federation.postBond{value: OPERATOR_BOND}(0, 4);
        vm.expectRevert(abi.encodeWithSelector(IFederation.SeatUnknown.selector, 0, 256));
        federation.postBond{value: OPERATOR_BOND}(0, 256);
        vm.expectRevert(abi.encodeWithSelector(IFederation.SeatUnknown.selector, 1, 0));
        federation.postBond{value: OPERATOR_BOND}(1, 0);
    }

    function test_bond_isHeldUntilTheLongestExitAfterTheSuccessorsFirstAnchor() external {
        _bond(0, 1);
        _withdrawRefused(1, abi.encodeWithSelector(IFederation.BondHeld.selector, 0));
        _handOver(1);
        // Activation alone ends nothing.
        _anchorFor(0, 8 hours);
        vm.warp(block.timestamp + 2 * DELAY);
        _withdrawRefused(1, abi.encodeWithSelector(IFederation.BondHeld.selector, 0));
        vm.warp(block.timestamp - 2 * DELAY);
        _l1(5, 60);
        _block();
        _anchorOf(1);
        uint256 ended = block.timestamp;
        vm.warp(ended + DELAY);
        _withdrawRefused(1, abi.encodeWithSelector(IFederation.BondHeld.selector, 0));
        vm.warp(ended + DELAY + 1);
        _withdraw(1);
        _equal(address(federation).balance, 0);
        _withdrawRefused(1, abi.encodeWithSelector(IFederation.NoBond.selector, 0, 1));
        // Released bonds are not posted again.
        vm.deal(address(this), OPERATOR_BOND);
        vm.expectRevert(abi.encodeWithSelector(IFederation.BondsReleased.selector, 0));
        federation.postBond{value: OPERATOR_BOND}(0, 1);
    }

    function test_bond_isHeldUntilTheLongestExitAfterTheHalt() external {
        _bond(0, 1);
        _l1(100, 16 hours + 1);
        federation.announceSilence();
        _l1(100, 4 hours + 1);
        federation.haltIfSilent();
        uint256 ended = block.timestamp;
        vm.warp(ended + DELAY);
        _withdrawRefused(1, abi.encodeWithSelector(IFederation.BondHeld.selector, 0));
        vm.warp(ended + DELAY + 1);
        _withdraw(1);
    }

    function test_bond_goesToItsOperatorAlone() external {
        _bond(0, 1);
        _release();
        address stranger = address(0xbad);
        bytes memory reason = abi.encodeWithSelector(IFederation.NotOperator.selector, _operatorOf(1));
        vm.prank(stranger);
        vm.expectRevert(reason);
        federation.withdrawBond(0, 1, stranger);
        // Nor can an operator take the bond of another seat, or one that was never posted.
        stranger = _operatorOf(2);
        vm.prank(stranger);
        vm.expectRevert(reason);
        federation.withdrawBond(0, 1, stranger);
        _withdrawRefused(2, abi.encodeWithSelector(IFederation.NoBond.selector, 0, 2));
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IFederation.SeatUnknown.selector, 0, 258));
        federation.withdrawBond(0, 258, stranger);
    }

    /// @notice K50: a receiver that refuses loses nothing and stops nobody.
    function test_bond_staysWhereItsReceiverRefusesIt() external {
        _bond(0, 1);
        _release();
        address operator = _operatorOf(1);
        address refusing = address(new Refusing());
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IFederation.TransferRefused.selector, refusing));
        federation.withdrawBond(0, 1, refusing);
        address accepting = address(new Accepting());
        vm.prank(operator);
        federation.withdrawBond(0, 1, accepting);
        _equal(accepting.balance, OPERATOR_BOND);
    }

    function test_contradiction_ofTwoCertificatesConvictsWhoIsInBoth() external {
        _bondAll(0);
        Statement memory one = _statement(FINALIZE, 0, "a", 7);
        Statement memory other = _statement(FINALIZE, 0, "b", 14);
        vm.expectEmit(true, true, true, true, address(federation));
        emit IFederation.Slashed(0, 6, REPORTER, OPERATOR_BOND);
        _report(one, other);
        (uint256 bonded, uint256 slashed) = federation.bonds(0);
        _equal(bonded, 9);
        _equal(slashed, 6);
        // Two bonds: half of them waits for the reporter, half is gone, and two are still held.
        _equal(federation.reward(REPORTER), OPERATOR_BOND);
        _equal(address(0).balance, OPERATOR_BOND);
        _equal(address(federation).balance, 3 * OPERATOR_BOND);
        vm.prank(REPORTER);
        federation.withdrawReward(address(0x5afe));
        _equal(address(0x5afe).balance, OPERATOR_BOND);
        _equal(address(federation).balance, 2 * OPERATOR_BOND);
        vm.prank(REPORTER);
        vm.expectRevert(IFederation.NoReward.selector);
        federation.withdrawReward(REPORTER);
        // It slashes; the chain goes on.
        _true(!federation.halted());
    }

    function test_contradiction_ofSingleVotesConvictsOneOperator() external {
        _bondAll(0);
        _report(_statement(NOTARIZE, 3, "a", 4), _statement(NOTARIZE, 3, "b", 4));
        _equal(_slashedOf(0), 4);
        // One vote and a certificate do as well.
        _report(_statement(FINALIZE, 0, "a", 1), _statement(NULLIFY, 0, "", 7));
        _equal(_slashedOf(0), 5);
        _equal(federation.reward(REPORTER), OPERATOR_BOND);
    }

    function test_contradiction_ofTheSameBlockUnderTwoParentsConvicts() external {
        _report(_statement(NOTARIZE, 3, "a", 4), _statement(NOTARIZE, 4, "a", 4));
        _equal(_slashedOf(0), 4);
    }

    /// @notice Each operator's bond once: a second conviction finds nobody.
    function test_contradiction_convictsEachOperatorOnce() external {
        _bondAll(0);
        Statement memory one = _statement(FINALIZE, 0, "a", 2);
        Statement memory other = _statement(FINALIZE, 0, "b", 2);
        _report(one, other);
        _reportRefused(one, other, abi.encodeWithSelector(IFederation.NobodyConvicted.selector));
        _reportRefused(
            _statement(NOTARIZE, 0, "a", 2),
            _statement(NOTARIZE, 0, "b", 2),
            abi.encodeWithSelector(IFederation.NobodyConvicted.selector)
        );
        _equal(federation.reward(REPORTER), OPERATOR_BOND / 2);
        // What is slashed is not withdrawn, and the seat gets no new bond.
        vm.deal(address(this), OPERATOR_BOND);
        vm.expectRevert(abi.encodeWithSelector(IFederation.SeatTaken.selector, 0, 1));
        federation.postBond{value: OPERATOR_BOND}(0, 1);
        _release();
        _withdrawRefused(1, abi.encodeWithSelector(IFederation.NoBond.selector, 0, 1));
    }

    function test_contradiction_ofAnOperatorWithoutABondClosesItsSeat() external {
        _report(_statement(FINALIZE, 0, "a", 2), _statement(FINALIZE, 0, "b", 2));
        _equal(federation.reward(REPORTER), 0);
        vm.deal(address(this), OPERATOR_BOND);
        vm.expectRevert(abi.encodeWithSelector(IFederation.SeatTaken.selector, 0, 1));
        federation.postBond{value: OPERATOR_BOND}(0, 1);
    }

    /// @notice Soundness: no two statements that an honest operator may make convict it.
    function test_contradiction_isNotWhatHonestOperatorsSay() external {
        _bondAll(0);
        bytes memory reason = abi.encodeWithSelector(IFederation.NoContradiction.selector);
        Statement memory notarized = _statement(NOTARIZE, 3, "a", 15);
        Statement memory finalized = _statement(FINALIZE, 0, "a", 15);
        Statement memory another = _statement(FINALIZE, 0, "b", 15);
        Statement memory nullified = _statement(NULLIFY, 0, "", 15);
        _reportRefused(notarized, notarized, reason);
        _reportRefused(finalized, finalized, reason);
        _reportRefused(nullified, nullified, reason);
        // A re-proposal makes it possible to finalize one block and notarize another.
        _reportRefused(notarized, another, reason);
        _reportRefused(another, notarized, reason);
        _reportRefused(notarized, nullified, reason);
        _reportRefused(nullified, notarized, reason);
        // One block signed by two quorums is one block.
        _reportRefused(_statement(FINALIZE, 0, "a", 7), _statement(FINALIZE, 0, "a", 14), reason);
    }

    /// @notice Soundness: other statements of the same keys are no votes.
    function test_contradiction_isOfVotesAlone() external {
        bytes memory reason = abi.encodeWithSelector(IFederation.NoContradiction.selector);
        for (uint8 tag = 0; tag < 9; ++tag) {
            if (tag == NOTARIZE || tag == FINALIZE) continue;
            _reportRefused(_statement(tag, 0, "a", 15), _statement(tag, 0, "b", 15), reason);
            if (tag == NULLIFY) continue;
            _reportRefused(_statement(FINALIZE, 0, "a", 15), _statement(tag, 0, "", 15), reason);
        }
        // A nullify vote names no block; a finalize vote no parent.
        _reportRefused(_statement(FINALIZE, 0, "a", 15), _statement(NULLIFY, 0, "b", 15), reason);
        Statement memory parented = _statement(FINALIZE, 1, "b", 15);
        _reportRefused(_statement(FINALIZE, 0, "a", 15), parented, reason);
        parented = _statement(NULLIFY, 1, "", 15);
        _reportRefused(_statement(FINALIZE, 0, "a", 15), parented, reason);
    }

    /// @notice K30, K33, K35, K60: forged, foreign and borrowed signatures convict nobody.
    function test_contradiction_needsTheSignaturesOfBoth() external {
        bytes memory reason =
            abi.encodeWithSelector(IFederation.CertificateRefused.selector, Verdict.InvalidSignature);
        Statement memory one = _statement(FINALIZE, 0, "a", 7);
        Statement memory other = _statement(FINALIZE, 0, "b", 7);
        // Somebody adds operators that did not sign.
        other.bitmap = 15;
        _reportRefused(one, other, reason);
        other.bitmap = 7;
        other.signature = one.signature;
        _reportRefused(one, other, reason);
        _reportRefused(other, one, reason);
        other.signature = new bytes(256);
        _reportRefused(one, other, reason);
        // The empty set, with the signature of infinity.
        other.bitmap = 0;
        _reportRefused(one, other, reason);
        // Votes of another view or another epoch.
        other = _statement(FINALIZE, 0, "b", 7);
        other.signature = _signOf(0, 7, _say(FINALIZE, 0, VIEW + 1, 0, "b"));
        _reportRefused(one, other, reason);
        other.signature = _signOf(0, 7, _say(FINALIZE, 1, VIEW, 0, "b"));
        _reportRefused(one, other, reason);
        // A bit that no operator has.
        other.bitmap = 0x17;
        _reportRefused(
            one,
            other,
            abi.encodeWithSelector(IFederation.CertificateRefused.selector, Verdict.OutsideCommittee)
        );
        other = _statement(FINALIZE, 0, "b", 7);
        vm.chainId(31338);
        _reportRefused(one, other, reason);
    }

    /// @notice Different operators that disagree are no contradiction.
    function test_contradiction_convictsNobodyThatIsInOneAlone() external {
        _reportRefused(
            _statement(FINALIZE, 0, "a", 3),
            _statement(FINALIZE, 0, "b", 12),
            abi.encodeWithSelector(IFederation.NobodyConvicted.selector)
        );
    }

    function test_contradiction_ofAnEpochWithoutACommitteeConvictsNobody() external {
        Statement memory one = _statement(FINALIZE, 0, "a", 1);
        Statement memory other = _statement(FINALIZE, 0, "b", 1);
        vm.prank(REPORTER);
        vm.expectRevert(
            abi.encodeWithSelector(IFederation.CertificateRefused.selector, Verdict.OutsideCommittee)
        );
        federation.proveContradiction(7, VIEW, one, other);
    }

    /// @notice I9: whatever is posted, convicted and returned, every wei is held, earned, returned or destroyed.
    function testFuzz_bonds_addUp(uint8 posted, uint8 convicted, uint8 again) external {
        posted &= 15;
        convicted &= 15;
        again &= 15;
        uint256 held = 0;
        for (uint16 i = 0; i < 4; ++i) {
            if ((posted >> i) & 1 == 0) continue;
            _bond(0, i);
            held += OPERATOR_BOND;
        }
        uint256 lost = 0;
        uint8[2] memory sets = [convicted, again & ~convicted];
        for (uint256 i = 0; i < 2; ++i) {
            if (sets[i] == 0) continue;
            _report(
                _statement(FINALIZE, 0, "a", convicted | sets[i]),
                _statement(FINALIZE, 0, "b", convicted | sets[i])
            );
        }
        for (uint256 i = 0; i < 4; ++i) {
            if (((convicted | again) & posted) >> i & 1 == 1) lost += OPERATOR_BOND;
        }
        _equal(federation.reward(REPORTER), lost / 2);
        _equal(address(0).balance, lost - lost / 2);
        _equal(address(federation).balance, held - (lost - lost / 2));
        _release();
        uint256 returned = 0;
        for (uint16 i = 0; i < 4; ++i) {
            if ((posted & ~(convicted | again)) >> i & 1 == 0) continue;
            _withdraw(i);
            returned += OPERATOR_BOND;
        }
        _equal(returned + lost, held);
        _equal(address(federation).balance, lost / 2);
    }

    function _statement(uint8 tag, uint64 parentView, bytes32 id, uint256 bitmap)
        private
        view
        returns (Statement memory)
    {
        bytes memory signature =
            bitmap == 0 ? new bytes(256) : _signOf(0, bitmap, _say(tag, 0, VIEW, parentView, id));
        return Statement(tag, parentView, id, bitmap, signature);
    }

    function _report(Statement memory one, Statement memory other) private {
        vm.prank(REPORTER);
        federation.proveContradiction(0, VIEW, one, other);
    }

    function _reportRefused(Statement memory one, Statement memory other, bytes memory reason) private {
        vm.prank(REPORTER);
        vm.expectRevert(reason);
        federation.proveContradiction(0, VIEW, one, other);
    }

    /// @dev The federation falls silent, and the longest exit passes.
    function _release() private {
        _l1(100, 16 hours + 1);
        federation.announceSilence();
        _l1(100, 4 hours + 1);
        federation.haltIfSilent();
        vm.warp(block.timestamp + DELAY + 1);
    }

    function _withdraw(uint16 index) private {
        address operator = _operatorOf(index);
        uint256 before = operator.balance;
        vm.prank(operator);
        federation.withdrawBond(0, index, operator);
        _equal(operator.balance, before + OPERATOR_BOND);
    }

    function _withdrawRefused(uint16 index, bytes memory reason) private {
        address operator = _operatorOf(index);
        vm.prank(operator);
        vm.expectRevert(reason);
        federation.withdrawBond(0, index, operator);
    }

    function _operatorOf(uint16 index) private view returns (address operator) {
        (operator,) = federation.member(0, index);
    }
}
