// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../contracts/interfaces/IFederation.sol";
import {Bls} from "../contracts/libraries/Bls.sol";
import {Header} from "../contracts/libraries/Header.sol";
import {Anchor} from "../contracts/types/Anchor.sol";
import {Certificate, Verdict} from "../contracts/types/Committee.sol";
import {World} from "./support/World.sol";

contract FederationTest is World {
    function setUp() external {
        _deploy(4);
        _l1(5, 60);
    }

    function test_anchor_storesTheWordOfWhatItTells() external {
        _block();
        _block();
        bytes memory header = _header();
        Certificate memory by = _certificate(header, _all());
        Anchor memory told = Anchor({
            number: 1,
            previous: 0,
            height: 2,
            historyRoot: bytes32(_slice(header, 72)),
            l1Height: uint64(block.number - 1),
            time: uint64(block.timestamp)
        });
        vm.expectEmit(true, true, true, true, address(federation));
        emit IFederation.Anchored(1, 2, 0, told.historyRoot, told.l1Height, told.time);
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
        (bytes32 word, uint32 lastValid) = federation.anchored(1);
        _equal(word, keccak256(abi.encode(told)));
        _equal(lastValid, type(uint32).max);
        (word,) = federation.anchored(2);
        _equal(word, 0);
        IFederation.Latest memory last = federation.latest();
        _equal(last.number, 1);
        _equal(last.height, 2);
        _equal(last.l1Height, block.number - 1);
        _equal(last.time, block.timestamp);
        _true(!federation.halted());
    }

    function test_anchor_nextTellsThePreviousHeight() external {
        _block();
        _anchor();
        _l1(5, 60);
        _block();
        _block();
        Anchor memory second = _anchor();
        _equal(second.number, 2);
        _equal(second.previous, 1);
        (bytes32 word,) = federation.anchored(2);
        _equal(word, keccak256(abi.encode(second)));
    }

    function test_anchor_byAnybody() external {
        _block();
        bytes memory header = _header();
        Certificate memory by = _certificate(header, _all());
        vm.prank(address(0x5742a63e5));
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
        _equal(federation.latest().height, 1);
    }

    function test_anchor_revertsAtTheSameHeight() external {
        _block();
        _anchor();
        bytes memory header = _header();
        _refused(header, abi.encodeWithSelector(IFederation.HeightNotAbove.selector, 1, 1));
    }

    function test_anchor_revertsAtALowerHeight() external {
        _block();
        _block();
        _anchor();
        bytes memory header = _header(1, keccak256("another history"));
        _refused(header, abi.encodeWithSelector(IFederation.HeightNotAbove.selector, 1, 2));
    }

    function test_anchor_revertsAtHeightZero() external {
        bytes memory header = _header(0, keccak256("root"));
        _refused(header, abi.encodeWithSelector(IFederation.HeightNotAbove.selector, 0, 0));
    }

    function test_anchor_revertsOnAnyOtherHeaderLength() external {
        _block();
        bytes memory header = _header();
        bytes memory long = bytes.concat(header, hex"00");
        _refused(long, abi.encodeWithSelector(Header.HeaderLength.selector, 185));
        assembly ("memory-safe") {
            mstore(header, 183)
        }
        _refused(header, abi.encodeWithSelector(Header.HeaderLength.selector, 183));
    }

    function test_anchor_revertsBelowTheQuorum() external {
        _block();
        bytes memory header = _header();
        for (uint256 i = 0; i < 4; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                _refusedBy(header, (1 << i) | (1 << j), Verdict.BelowQuorum);
            }
        }
    }

    function test_anchor_revertsOnTheEmptyBitmapWithTheSignatureOfInfinity() external {
        _block();
        bytes memory header = _header();
        _refusedAs(header, Certificate(0, 9, 0, new bytes(256)), Verdict.BelowQuorum);
        _refusedAs(header, Certificate(0, 9, 15, new bytes(256)), Verdict.InvalidSignature);
    }

    function test_anchor_revertsOnABitOutsideTheCommittee() external {
        _block();
        bytes memory header = _header();
        Certificate memory by = _certificate(header, _all());
        for (uint256 bit = 4; bit < 256; bit += 63) {
            by.bitmap = 15 | (1 << bit);
            _refusedAs(header, by, Verdict.OutsideCommittee);
        }
    }

    function test_anchor_revertsWhenTheBitmapNamesOthersThanSigned() external {
        _block();
        bytes memory header = _header();
        Certificate memory by = _certificate(header, 7);
        by.bitmap = 11;
        _refusedAs(header, by, Verdict.InvalidSignature);
        by.bitmap = 15;
        _refusedAs(header, by, Verdict.InvalidSignature);
    }

    function test_anchor_revertsWhenOneSignatureIsCountedTwice() external {
        _block();
        bytes memory header = _header();
        bytes32 digest = _finalization(block.chainid, address(federation), 0, 9, keccak256(header));
        // Operators 0 and 1, the latter twice, pass for three.
        bytes memory twice = _signWith(addmod(_secrets(3), _secret(1), ORDER), digest);
        _refusedAs(header, Certificate(0, 9, 7, twice), Verdict.InvalidSignature);
    }

    function test_anchor_revertsForAnUnknownEpoch() external {
        _block();
        bytes memory header = _header();
        bytes32 digest = _finalization(block.chainid, address(federation), 1, 9, keccak256(header));
        _refusedAs(header, Certificate(1, 9, 15, _sign(15, digest)), Verdict.UnknownEpoch);
    }

    function test_anchor_revertsForAnotherView() external {
        _block();
        bytes memory header = _header();
        Certificate memory by = _certificate(header, _all());
        by.viewNumber = 10;
        _refusedAs(header, by, Verdict.InvalidSignature);
    }

    function test_anchor_revertsForAVoteOfAnotherKind() external {
        _block();
        bytes memory header = _header();
        for (uint8 tag = 0; tag < 9; ++tag) {
            if (tag == 3) continue;
            bytes32 digest = keccak256(
                abi.encodePacked(
                    tag, block.chainid, federation, uint64(0), uint64(9), uint64(0), keccak256(header)
                )
            );
            _refusedAs(header, Certificate(0, 9, 15, _sign(15, digest)), Verdict.InvalidSignature);
        }
    }

    function test_anchor_revertsForTheCertificateOfAnotherContract() external {
        _block();
        bytes memory header = _header();
        bytes32 digest = _finalization(block.chainid, address(game), 0, 9, keccak256(header));
        _refusedAs(header, Certificate(0, 9, 15, _sign(15, digest)), Verdict.InvalidSignature);
    }

    function test_anchor_revertsAfterTheChainSplits() external {
        _block();
        bytes memory header = _header();
        Certificate memory by = _certificate(header, _all());
        vm.chainId(31338);
        _refusedAs(header, by, Verdict.InvalidSignature);
    }

    function test_anchor_revertsOnASignatureOfAnotherLength() external {
        _block();
        bytes memory header = _header();
        Certificate memory by = _certificate(header, _all());
        by.signature = bytes.concat(by.signature, hex"00");
        vm.expectRevert(abi.encodeWithSelector(Bls.PointLength.selector, 257, 256));
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
    }

    function test_anchor_revertsOnAMalleatedSignature() external {
        _block();
        bytes memory header = _header();
        Certificate memory by = _certificate(header, _all());
        bytes memory good = by.signature;
        // A coordinate that is not reduced: the first byte is padding, which must be zero.
        by.signature = bytes.concat(good);
        by.signature[0] = 0x01;
        _refusedAs(header, by, Verdict.InvalidSignature);
        // The limbs of x in the other order.
        for (uint256 i = 0; i < 64; ++i) {
            (by.signature[i], by.signature[i + 64]) = (good[i + 64], good[i]);
        }
        _refusedAs(header, by, Verdict.InvalidSignature);
    }

    function testFuzz_verify_refusesAnyOtherHeader(uint256 place, bytes1 change) external {
        _block();
        bytes memory header = _header();
        Certificate memory by = _certificate(header, _all());
        _true(federation.verify(header, by));
        vm.assume(change != 0);
        header[place % 184] ^= change;
        _true(!federation.verify(header, by));
    }

    function test_verify_acceptsExactlyTheQuorums() external {
        _block();
        bytes memory header = _header();
        for (uint256 bitmap = 1; bitmap < 16; ++bitmap) {
            bool quorum = bitmap == 15 || bitmap == 14 || bitmap == 13 || bitmap == 11 || bitmap == 7;
            _true(federation.verify(header, _certificate(header, bitmap)) == quorum);
        }
    }

    function test_verify_acceptsWhatIsNotAnchored() external view {
        bytes memory header = _header(77, keccak256("root"));
        _true(federation.verify(header, _certificate(header, _all())));
    }

    function test_anchor_sameBlockWithOtherSignersHasTheSameWord() external {
        _block();
        bytes memory header = _header();
        Certificate memory by = _certificate(header, 7);
        Anchor memory made = _anchor(header, by);
        (bytes32 word,) = federation.anchored(1);
        _equal(word, keccak256(abi.encode(made)));
    }

    function test_anchor_revertsWhenTheOriginIsTheCurrentBlockOrLater() external {
        _block();
        uint64 now_ = uint64(block.number);
        for (uint64 ahead = 0; ahead < 3; ++ahead) {
            bytes memory header = _header(1, _anyRoot(), now_ + ahead, _l1Hash(now_ + ahead));
            _refused(header, abi.encodeWithSelector(IFederation.OriginAhead.selector, now_ + ahead));
        }
    }

    function test_anchor_revertsWhenTheOriginIsOlderThanTheWindow() external {
        _block();
        _anchor();
        uint64 origin = uint64(block.number - 1);
        _block();
        bytes memory header = _header(2, _anyRoot(), origin, _l1Hash(origin));
        _l1(8000, 60);
        _publishHash(origin);
        _refused(header, abi.encodeWithSelector(IFederation.OriginTooOld.selector, origin, origin + 1));
        vm.roll(block.number - 1);
        _anchor(header, _certificate(header, _all()));
        _equal(federation.latest().height, 2);
    }

    function test_anchor_revertsWhenTheOriginGoesBack() external {
        _block();
        _anchor();
        uint64 origin = uint64(block.number - 1);
        _publishHash(origin - 1);
        _block();
        bytes memory header = _header(2, _anyRoot(), origin - 1, _l1Hash(origin - 1));
        _refused(header, abi.encodeWithSelector(IFederation.OriginWentBack.selector, origin - 1, origin));
    }

    function test_anchor_revertsWhenTheOriginIsBeforeTheDeployment() external {
        _block();
        _publishHash(999_999);
        bytes memory header = _header(1, _anyRoot(), 999_999, _l1Hash(999_999));
        _refused(header, abi.encodeWithSelector(IFederation.OriginWentBack.selector, 999_999, 1_000_000));
    }

    function test_anchor_revertsWhenTheHashIsOfAnotherChain() external {
        _block();
        uint64 origin = uint64(block.number - 1);
        bytes memory header = _header(1, _anyRoot(), origin, keccak256("another chain"));
        _refused(
            header,
            abi.encodeWithSelector(IFederation.OriginUnknown.selector, origin, keccak256("another chain"))
        );
    }

    function test_anchor_revertsWhereBlockHashesAreNotServed() external {
        _block();
        uint64 origin = uint64(block.number - 1);
        bytes memory zero = _header(1, _anyRoot(), origin - 1, 0);
        _refused(zero, abi.encodeWithSelector(IFederation.OriginUnknown.selector, origin - 1, 0));
        bytes memory header = _header();
        vm.etch(BLOCK_HASHES, "");
        _refused(header, abi.encodeWithSelector(IFederation.OriginUnknown.selector, origin, _l1Hash(origin)));
        vm.etch(BLOCK_HASHES, hex"fe");
        _refused(header, abi.encodeWithSelector(IFederation.OriginUnknown.selector, origin, _l1Hash(origin)));
    }

    function test_anchor_revertsAfterSilenceAndTwiceTheGrace() external {
        _block();
        _anchor();
        uint256 deadline = block.timestamp + 24 hours;
        _block();
        _l1(100, 24 hours + 1);
        bytes memory header = _header();
        _refused(header, abi.encodeWithSelector(IFederation.SilentTooLong.selector, deadline));
        vm.warp(deadline);
        _anchor(header, _certificate(header, _all()));
        _equal(federation.latest().time, deadline);
    }

    function test_anchor_countsSilenceFromTheDeployment() external {
        _block();
        _l1(100, 25 hours);
        bytes memory header = _header();
        _refused(header, abi.encodeWithSelector(IFederation.SilentTooLong.selector, 1_700_000_000 + 24 hours));
    }

    function test_anchor_revertsOnceHalted() external {
        _block();
        _anchor();
        _halt(1);
        _true(federation.halted());
        _equal(federation.lastValid(), 1);
        _l1(5, 60);
        _block();
        bytes memory header = _header();
        _refused(header, abi.encodeWithSelector(IFederation.FederationHalted.selector, 1));
    }

    function test_member_tellsEveryOperator() external view {
        for (uint16 i = 0; i < 4; ++i) {
            (address operator, bytes memory key) = federation.member(0, i);
            _equal(operator, address(uint160(0xa000 + i)));
            _equal(key, _publicKey(i));
        }
        (address nobody, bytes memory nothing) = federation.member(0, 4);
        _equal(nobody, address(0));
        _equal(nothing.length, 0);
        (uint16 size_, uint16 quorum,) = federation.committee(1);
        _equal(uint256(size_) + quorum, 0);
    }

    function _anyRoot() private view returns (bytes32) {
        return keccak256(abi.encode(history));
    }

    function _slice(bytes memory content, uint256 start) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(content, 0x20), start))
        }
    }

    function _refusedBy(bytes memory header, uint256 bitmap, Verdict verdict) private {
        _refusedAs(header, _certificate(header, bitmap), verdict);
    }

    function _refusedAs(bytes memory header, Certificate memory by, Verdict verdict) private {
        _true(!federation.verify(header, by));
        vm.expectRevert(abi.encodeWithSelector(IFederation.CertificateRefused.selector, verdict));
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
    }

    function _refused(bytes memory header, bytes memory reason) private {
        Certificate memory by = _certificate(header, _all());
        vm.expectRevert(reason);
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
    }
}
