// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../contracts/interfaces/IFederation.sol";
import {Bls} from "../contracts/libraries/Bls.sol";
import {Anchor} from "../contracts/types/Anchor.sol";
import {Certificate, Member, Verdict} from "../contracts/types/Committee.sol";
import {Turns} from "./support/Turns.sol";

contract CommitteesTest is Turns {
    function setUp() external {
        _deploy(4);
        _l1(5, 60);
        _block();
        _anchor();
    }

    function test_committee_isAnnouncedActivatedAndAnchors() external {
        Member[] memory members = _joining(1, 7);
        bytes32 digest = _digestOf(members);
        Certificate memory by = _change(0, 1, digest, 7);
        vm.expectEmit(true, true, true, true, address(federation));
        emit IFederation.CommitteeAnnounced(1, 1, digest, uint64(block.timestamp + DELAY));
        federation.announceCommittee(members, by);
        _equal(federation.announcement().digest, digest);
        _anchorFor(0, DELAY);
        vm.expectEmit(true, true, true, true, address(federation));
        emit IFederation.CommitteeActivated(1);
        _activate(1, 0x1f);
        _equal(federation.activeEpoch(), 1);
        _equal(federation.announcement().size, 0);
        (uint16 seats, uint16 quorum, bytes32 found) = federation.committee(1);
        _equal(seats, 7);
        _equal(quorum, 5);
        _equal(found, digest);
        (address operator, bytes memory key) = federation.member(1, 6);
        _equal(operator, address(uint160(0xa000 + 1006)));
        _equal(key, _publicKey(1006));
        _l1(5, 60);
        _block();
        _anchorOf(0);
        _l1(5, 60);
        _block();
        _anchorOf(1);
        _equal(federation.latest().epoch, 1);
        (,, bytes32 old) = federation.committee(0);
        _true(old != 0 && old != digest);
    }

    /// @notice K62: users have the whole delay to leave.
    function test_activate_revertsBeforeTheDelayIsOver() external {
        uint256 from = block.timestamp + DELAY;
        _announce(0, 1, _joining(1, 4));
        _anchorFor(0, DELAY - 8 hours);
        vm.warp(from - 1);
        _activateRefused(1, 15, abi.encodeWithSelector(IFederation.TooEarly.selector, from));
        vm.warp(from);
        _activate(1, 15);
    }

    /// @notice K62: a committee that is not running, or that somebody else calls ready, never takes over.
    function test_activate_needsAQuorumOfTheComingCommittee() external {
        _announce(0, 1, _joining(1, 4));
        _anchorFor(0, DELAY);
        bytes32 digest = federation.announcement().digest;
        bytes32 ready = _say(READINESS, 1, 0, 0, digest);
        _readinessRefused(3, _signOf(1, 3, ready), Verdict.BelowQuorum);
        _readinessRefused(0, new bytes(256), Verdict.BelowQuorum);
        _readinessRefused(31, _signOf(1, 31, ready), Verdict.OutsideCommittee);
        // The committee that leaves cannot speak for the one that comes.
        _readinessRefused(15, _signOf(0, 15, ready), Verdict.InvalidSignature);
        // Neither another epoch's readiness, nor another committee's, nor another statement.
        _readinessRefused(15, _signOf(1, 15, _say(READINESS, 2, 0, 0, digest)), Verdict.InvalidSignature);
        _readinessRefused(15, _signOf(1, 15, _say(READINESS, 1, 1, 0, digest)), Verdict.InvalidSignature);
        _readinessRefused(15, _signOf(1, 15, _say(READINESS, 1, 0, 0, ~digest)), Verdict.InvalidSignature);
        _readinessRefused(15, _signOf(1, 15, _say(COMMITTEE, 1, 0, 0, digest)), Verdict.InvalidSignature);
        _activate(1, 7);
    }

    function test_activate_revertsWhenNothingIsAnnounced() external {
        vm.expectRevert(IFederation.NothingAnnounced.selector);
        federation.activateCommittee(15, new bytes(256));
        _handOver(1);
        // K62: what was activated is not activated again.
        bytes memory ready = _signOf(1, 15, _say(READINESS, 2, 0, 0, _digestOf(_joining(1, 4))));
        vm.expectRevert(IFederation.NothingAnnounced.selector);
        federation.activateCommittee(15, ready);
    }

    /// @notice K62: the scenario of a committee that is announced twice.
    function test_announce_revertsWhenTheSameIsAnnouncedAgain() external {
        Member[] memory members = _joining(1, 4);
        Certificate memory by = _change(0, 5, _digestOf(members), 15);
        federation.announceCommittee(members, by);
        uint256 from = federation.announcement().activeFrom;
        _anchorFor(0, 1 days);
        bytes memory past = abi.encodeWithSelector(IFederation.SequencePast.selector, 5, 5);
        _announceRefused(members, by, past);
        _equal(federation.announcement().activeFrom, from);
        // With a sequence of its own it counts, and the delay begins again.
        _announce(0, 6, members);
        _equal(federation.announcement().activeFrom, block.timestamp + DELAY);
        vm.warp(from);
        _activateRefused(
            1, 15, abi.encodeWithSelector(IFederation.TooEarly.selector, federation.announcement().activeFrom)
        );
    }

    /// @notice K62: an announcement that was replaced does not come back.
    function test_announce_replacesTheOneThatWaits() external {
        Member[] memory first = _joining(1, 4);
        Certificate memory by = _change(0, 1, _digestOf(first), 15);
        federation.announceCommittee(first, by);
        _announce(0, 2, _joining(2, 4));
        _announceRefused(first, by, abi.encodeWithSelector(IFederation.SequencePast.selector, 1, 2));
        _anchorFor(0, DELAY);
        bytes memory ready = _signOf(1, 15, _say(READINESS, 1, 0, 0, _digestOf(first)));
        vm.expectRevert(
            abi.encodeWithSelector(IFederation.CertificateRefused.selector, Verdict.InvalidSignature)
        );
        federation.activateCommittee(15, ready);
    }

    function test_announce_revertsAtSequenceZero() external {
        Member[] memory members = _joining(1, 4);
        _announceRefused(
            members,
            _change(0, 0, _digestOf(members), 15),
            abi.encodeWithSelector(IFederation.SequencePast.selector, 0, 0)
        );
    }

    /// @notice K60, K62: only a quorum of the active committee, on this chain, for this contract, for this set.
    function test_announce_needsAQuorumOfTheActiveCommittee() external {
        Member[] memory members = _joining(1, 4);
        bytes32 digest = _digestOf(members);
        _changeRefused(members, _change(0, 1, digest, 3), Verdict.BelowQuorum);
        _changeRefused(members, _change(0, 1, digest, 0x13), Verdict.OutsideCommittee);
        _changeRefused(members, Certificate(0, 1, 0, new bytes(256)), Verdict.BelowQuorum);
        _changeRefused(members, Certificate(0, 1, 15, new bytes(256)), Verdict.InvalidSignature);
        _changeRefused(members, _change(0, 1, ~digest, 15), Verdict.InvalidSignature);
        Certificate memory by = _change(0, 1, digest, 15);
        by.viewNumber = 2;
        _changeRefused(members, by, Verdict.InvalidSignature);
        // The same members in another order are another committee.
        by = _change(0, 1, digest, 15);
        (members[0], members[1]) = (members[1], members[0]);
        _changeRefused(members, by, Verdict.InvalidSignature);
        (members[0], members[1]) = (members[1], members[0]);
        // A vote for a block whose id is the committee's hash.
        by.signature = _signOf(0, 15, _say(FINALIZE, 0, 1, 0, digest));
        _changeRefused(members, by, Verdict.InvalidSignature);
        by.signature = _signOf(0, 15, _say(READINESS, 0, 1, 0, digest));
        _changeRefused(members, by, Verdict.InvalidSignature);
        // A change of the committee of another deployment.
        bytes32 elsewhere = keccak256(
            abi.encodePacked(COMMITTEE, block.chainid, game, uint64(0), uint64(1), uint64(0), digest)
        );
        by.signature = _signOf(0, 15, elsewhere);
        _changeRefused(members, by, Verdict.InvalidSignature);
        by = _change(0, 1, digest, 15);
        vm.chainId(31338);
        // Proofs of possession name the chain too, so nothing gets as far as the certificate.
        _announceRefused(members, by, abi.encodeWithSelector(IFederation.PossessionRefused.selector, 0));
    }

    /// @notice K62: no epoch is skipped, and none comes back.
    function test_announce_isForTheActiveCommitteeAlone() external {
        _handOver(1);
        Member[] memory members = _joining(2, 4);
        bytes32 digest = _digestOf(members);
        _announceRefused(
            members,
            _change(0, 9, digest, 15),
            abi.encodeWithSelector(IFederation.EpochNotActive.selector, 0, 1)
        );
        _announceRefused(
            members,
            _change(2, 9, digest, 15),
            abi.encodeWithSelector(IFederation.EpochNotActive.selector, 2, 1)
        );
        // The new committee has not shown that it can anchor.
        _announceRefused(
            members,
            _change(1, 9, digest, 15),
            abi.encodeWithSelector(IFederation.EpochNotAnchored.selector, 1)
        );
        _l1(5, 60);
        _block();
        _anchorOf(1);
        _announce(1, 9, members);
        _anchorFor(1, DELAY);
        _activate(2, 15);
        _l1(5, 60);
        _block();
        _anchorOf(2);
        _equal(federation.latest().epoch, 2);
    }

    /// @notice K31, K32, K62: what the constructor refuses, an announcement refuses.
    function test_announce_refusesTheCommitteesThatTheConstructorRefuses() external {
        Member[] memory members = _joining(1, 4);
        members[3] = members[0];
        _unfit(members, abi.encodeWithSelector(IFederation.MemberRefused.selector, 3));
        members = _joining(1, 4);
        members[2].operator = address(0);
        _unfit(members, abi.encodeWithSelector(IFederation.MemberRefused.selector, 2));
        _unfit(_joining(1, 3), abi.encodeWithSelector(IFederation.CommitteeSize.selector, 3));
        _unfit(new Member[](0), abi.encodeWithSelector(IFederation.CommitteeSize.selector, 0));
        _unfit(new Member[](101), abi.encodeWithSelector(IFederation.CommitteeSize.selector, 101));
        members = _joining(1, 4);
        (members[1].key, members[1].possession) = (new bytes(128), new bytes(256));
        _unfit(members, abi.encodeWithSelector(IFederation.PossessionRefused.selector, 1));
        members[1].key = bytes.concat(new bytes(127), hex"02");
        _unfit(members, abi.encodeWithSelector(IFederation.PossessionRefused.selector, 1));
        // The key that makes the sum of all the attacker's own.
        members = _joining(1, 4);
        bytes memory honest = Bls.add(Bls.add(members[0].key, members[1].key), members[2].key);
        members[3].key = Bls.add(_publicKey(99), Bls.negate(honest));
        members[3].possession =
            _signWith(_secret(99), _possession(address(federation), members[3].operator, members[3].key));
        _unfit(members, abi.encodeWithSelector(IFederation.PossessionRefused.selector, 3));
        // A proof for the contract that enrols is not one for the federation.
        members = _joining(1, 4);
        members[0] = _member(address(federation.enrolment()), 1000);
        _unfit(members, abi.encodeWithSelector(IFederation.PossessionRefused.selector, 0));
    }

    function test_enrolment_byAnybodyElseEnrolsForNobody() external {
        Member[] memory members = _joining(1, 4);
        vm.expectRevert(abi.encodeWithSelector(IFederation.PossessionRefused.selector, 0));
        this.enrol(members);
    }

    function enrol(Member[] calldata members) external {
        federation.enrolment().enrol(members);
    }

    function test_committees_standStillOnceHalted() external {
        _announce(0, 1, _joining(1, 4));
        _anchorFor(0, DELAY);
        _halt(1);
        bytes memory halted = abi.encodeWithSelector(IFederation.FederationHalted.selector, 1);
        _activateRefused(1, 15, halted);
        Member[] memory members = _joining(1, 4);
        _announceRefused(members, _change(0, 2, _digestOf(members), 15), halted);
    }

    function test_anchor_revertsForACommitteeThatIsOnlyAnnounced() external {
        _announce(0, 1, _joining(1, 4));
        _l1(5, 60);
        _block();
        bytes memory header = _header();
        _anchorRefused(
            header,
            _finalizeOf(1, header, 15),
            abi.encodeWithSelector(IFederation.CertificateRefused.selector, Verdict.UnknownEpoch)
        );
    }

    /// @notice I11: after the handover the old committee decides nothing.
    function test_anchor_revertsForTheCommitteeBeforeTheLastAnchors() external {
        _handOver(1);
        _l1(5, 60);
        _block();
        _anchorOf(1);
        _l1(5, 60);
        _block();
        bytes memory header = _header();
        _anchorRefused(
            header, _finalizeOf(0, header, 15), abi.encodeWithSelector(IFederation.EpochPast.selector, 0, 1)
        );
        // Nor does it under another number.
        Certificate memory by = _finalizeOf(0, header, 15);
        by.epoch = 1;
        _anchorRefused(
            header,
            by,
            abi.encodeWithSelector(IFederation.CertificateRefused.selector, Verdict.InvalidSignature)
        );
    }

    /// @notice I11: a committee that does not want to leave ends with the block that reaches the activation.
    function test_anchor_revertsForACommitteeAfterTheBlockThatSealsItsEpoch() external {
        _handOver(1);
        // Activated in this L1 block: an origin before it seals nothing.
        _block();
        Anchor memory open = _anchorOf(0);
        _equal(open.l1Height, block.number - 1);
        _l1(1, 12);
        _block();
        Anchor memory sealing = _anchorOf(0);
        _equal(sealing.l1Height, block.number - 1);
        _l1(1, 12);
        _block();
        bytes memory header = _header();
        _anchorRefused(
            header, _finalizeOf(0, header, 15), abi.encodeWithSelector(IFederation.EpochSealed.selector, 0)
        );
        _anchorOf(1);
    }

    function test_term_tellsWhereTheCertificatesOfAnEpochCount() external {
        _handOver(1);
        uint64 activated = uint64(block.number);
        _l1(5, 60);
        _block();
        uint32 last = _anchorOf(0).height;
        (uint64 sealedAt, uint32 above, uint32 upTo, bool released) = federation.term(0);
        _equal(sealedAt, activated);
        _equal(above, 0);
        _equal(upTo, type(uint32).max);
        (, above, upTo,) = federation.term(1);
        _equal(above, last);
        _l1(5, 60);
        _block();
        uint32 first = _anchorOf(1).height;
        _l1(5, 60);
        _block();
        _anchorOf(1);
        (, above, upTo, released) = federation.term(0);
        _equal(upTo, first);
        _true(!released);
        (, above, upTo,) = federation.term(1);
        _equal(above, last);
        _equal(upTo, type(uint32).max);
    }

    /// @notice I11: a certificate counts where its committee has a say: above what was anchored before it, up to
    /// the first anchor after it.
    function test_verify_refusesCommitteesOutsideTheirTerm() external {
        _handOver(1);
        uint32 last = federation.latest().height;
        _verifies(0, last, true);
        _verifies(1, last, false);
        _verifies(0, last + 1, true);
        _verifies(1, last + 1, true);
        _l1(5, 60);
        _block();
        _anchorOf(1);
        _l1(5, 60);
        _block();
        _anchorOf(1);
        _verifies(0, 0, false);
        _verifies(0, 1, true);
        _verifies(0, last, true);
        _verifies(1, last, false);
        _verifies(0, last + 1, true);
        _verifies(1, last + 1, true);
        _verifies(0, last + 2, false);
        _verifies(1, last + 9, true);
    }

    function _verifies(uint64 epoch, uint32 height, bool expected) private view {
        bytes memory header = _header(height, keccak256("root"));
        _true(federation.verify(header, _finalizeOf(epoch, header, 15)) == expected);
    }

    function test_certifies_exactlyWhatAQuorumSigned() external view {
        bytes32 id = bytes32(uint256(0x70c3));
        bytes memory by = _signOf(0, 7, _say(7, 0, 3, 0, id));
        _true(federation.certifies(7, 0, 3, id, 7, by) == Verdict.Valid);
        _true(federation.certifies(6, 0, 3, id, 7, by) == Verdict.InvalidSignature);
        _true(federation.certifies(7, 0, 4, id, 7, by) == Verdict.InvalidSignature);
        _true(federation.certifies(7, 0, 3, ~id, 7, by) == Verdict.InvalidSignature);
        _true(federation.certifies(7, 0, 3, id, 11, by) == Verdict.InvalidSignature);
        _true(federation.certifies(7, 0, 3, id, 3, by) == Verdict.BelowQuorum);
        _true(federation.certifies(7, 0, 3, id, 0, new bytes(256)) == Verdict.BelowQuorum);
        _true(federation.certifies(7, 0, 3, id, 23, by) == Verdict.OutsideCommittee);
        _true(federation.certifies(7, 1, 3, id, 7, by) == Verdict.UnknownEpoch);
        _true(federation.certifies(7, 0, 3, id, 7, new bytes(256)) == Verdict.InvalidSignature);
    }

    function _activateRefused(uint64 epoch, uint256 bitmap, bytes memory reason) private {
        bytes32 digest = federation.announcement().digest;
        bytes memory ready = _signOf(epoch, bitmap, _say(READINESS, epoch, 0, 0, digest));
        vm.expectRevert(reason);
        federation.activateCommittee(bitmap, ready);
    }

    function _readinessRefused(uint256 bitmap, bytes memory ready, Verdict verdict) private {
        vm.expectRevert(abi.encodeWithSelector(IFederation.CertificateRefused.selector, verdict));
        federation.activateCommittee(bitmap, ready);
    }

    function _changeRefused(Member[] memory members, Certificate memory by, Verdict verdict) private {
        _announceRefused(
            members, by, abi.encodeWithSelector(IFederation.CertificateRefused.selector, verdict)
        );
    }

    function _unfit(Member[] memory members, bytes memory reason) private {
        _announceRefused(members, Certificate(0, 1, 15, new bytes(256)), reason);
    }

    function _announceRefused(Member[] memory members, Certificate memory by, bytes memory reason) private {
        vm.expectRevert(reason);
        federation.announceCommittee(members, by);
    }

    function _anchorRefused(bytes memory header, Certificate memory by, bytes memory reason) private {
        vm.expectRevert(reason);
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
    }
}
