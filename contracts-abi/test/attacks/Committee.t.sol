// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {Bls} from "../../contracts/libraries/Bls.sol";
import {Digest} from "../../contracts/libraries/Digest.sol";
import {Certificate, Member} from "../../contracts/types/Committee.sol";
import {Turns} from "../support/Turns.sol";
import {Attack} from "./Attack.sol";

/// @notice Attacks on certificates and committees. Four operators; block 1 is decided, and nothing is anchored.
contract CommitteeAttacks is Turns, Attack {
    address private constant MALLORY = address(0x3a110);
    uint256 private constant ALL = 15;

    function setUp() external {
        _deploy(4);
        _l1(5, 60);
        _block();
    }

    function deploy(Member[] memory members) external returns (address) {
        return _create("Federation", _arguments(members, _parameters()));
    }

    // ---- K21, K22: one block anchored twice

    function test_K21_oneBlockUnderTwoCertificates() external {
        _fails(_anchoredTwice());
    }

    function twin_K21_oneBlockUnderTwoCertificates() external {
        _without("HeightAbove");
        _wins(_anchoredTwice());
    }

    /// @dev Other signers, one header: a second anchor would tell the heights again.
    function _anchoredTwice() private returns (bool) {
        bytes memory header = _header();
        _anchor(header, _certificate(header, ALL));
        Certificate memory other = _certificate(header, 7);
        bytes memory call = abi.encodeCall(federation.anchor, (header, 0, 9, 7, other.signature));
        return _attempt(MALLORY, address(federation), 0, call, IFederation.HeightNotAbove.selector);
    }

    // ---- K30, K33 to K36: certificates that say nothing

    function test_K30_nobodySigned() external {
        _fails(_anchors(0, new bytes(256)));
    }

    function twin_K30_nobodySigned() external {
        _without("Infinity");
        _wins(_anchors(0, new bytes(256)));
    }

    function test_K30_signersThatAreNoMembers() external {
        _fails(_signedByOne(1 | 7 << 5));
    }

    function twin_K30_signersThatAreNoMembers() external {
        _without("InsideCommittee");
        _wins(_signedByOne(1 | 7 << 5));
    }

    function test_K30_lessThanAQuorum() external {
        _fails(_signedByOne(1));
    }

    function twin_K30_lessThanAQuorum() external {
        _without("Quorum");
        _wins(_signedByOne(1));
    }

    function test_K35_oneSignerForAll() external {
        _fails(_signedByOne(ALL));
    }

    function twin_K35_oneSignerForAll() external {
        _without("SignersBound");
        _wins(_signedByOne(ALL));
    }

    /// @dev Operator 0 alone signs.
    function _signedByOne(uint256 bitmap) private returns (bool) {
        return _anchors(bitmap, _sign(1, _finalized(_header())));
    }

    function test_K33_coordinatesThatAreNone() external {
        _fails(_badPoints());
    }

    function twin_K33_coordinatesThatAreNone() external {
        _without("PairingFailure");
        _wins(_badPoints());
    }

    /// @dev A good signature with its halves swapped (c1 before c0), one with a byte above the field, and noise.
    function _badPoints() private returns (bool won) {
        bytes memory good = _sign(ALL, _finalized(_header()));
        bytes memory swapped = new bytes(256);
        bytes memory above = bytes.concat(good);
        bytes memory noise = new bytes(256);
        for (uint256 i = 0; i < 256; ++i) {
            swapped[i] = good[i ^ 64];
            noise[i] = 0xff;
        }
        above[0] = 0x01;
        uint256 fresh = vm.snapshotState();
        won = _anchors(ALL, swapped);
        vm.revertToState(fresh);
        won = _anchors(ALL, above) && won;
        vm.revertToState(fresh);
        won = _anchors(ALL, noise) && won;
    }

    function test_K34_aChainWithoutThePrecompile() external {
        _fails(_missingPrecompile());
    }

    function twin_K34_aChainWithoutThePrecompile() external {
        _without("ReturnSize");
        _wins(_missingPrecompile());
    }

    /// @dev A call to an account without code succeeds and returns nothing.
    function _missingPrecompile() private returns (bool) {
        bytes memory header = _header();
        bytes memory noise = _sign(1, keccak256("noise"));
        bytes memory call = abi.encodeCall(federation.anchor, (header, 0, 9, ALL, noise));
        vm.mockCall(address(0x0f), "", "");
        return _attempt(MALLORY, address(federation), 0, call, Bls.PrecompileMissing.selector);
    }

    function test_K34_aBadSignatureBurnsTheCallersGas() external {
        _fails(_burntGas());
    }

    function twin_K34_aBadSignatureBurnsTheCallersGas() external {
        _without("PairingGas");
        _wins(_burntGas());
    }

    /// @dev A precompile takes all the gas it is given when its input is no point.
    function _burntGas() private returns (bool) {
        bytes memory call = abi.encodeCall(federation.anchor, (_header(), 0, VIEW, ALL, new bytes(256)));
        for (uint256 i = 0; i < 256; ++i) {
            call[call.length - 1 - i] = 0xff;
        }
        uint256 before = gasleft();
        (bool accepted,) = address(federation).call{gas: 16_777_216}(call);
        _true(!accepted);
        return before - gasleft() > 4_000_000;
    }

    function test_K36_votesOfAnotherKind() external {
        _fails(_notarized());
    }

    function twin_K36_votesOfAnotherKind() external {
        _without("Tags");
        _wins(_notarized());
    }

    /// @dev The block was notarized and never finalized.
    function _notarized() private returns (bool) {
        bytes32 vote = _say(NOTARIZE, 0, VIEW, 0, keccak256(_header()));
        return _anchors(ALL, _sign(ALL, vote));
    }

    // ---- K60: certificates of other places

    function test_K60_aCertificateOfAnotherFederation() external {
        _fails(_elsewhere(address(0xde9107), block.chainid));
    }

    function twin_K60_aCertificateOfAnotherFederation() external {
        _without("DigestPlace");
        _wins(_elsewhere(address(0xde9107), block.chainid));
    }

    function test_K60_aCertificateOfAnotherChain() external {
        _fails(_elsewhere(address(federation), 1));
    }

    function twin_K60_aCertificateOfAnotherChain() external {
        _without("DigestPlace");
        _wins(_elsewhere(address(federation), 1));
    }

    /// @dev The same operators serve another federation, and sign there what its contract asks for.
    function _elsewhere(address place, uint256 chain) private returns (bool) {
        uint256 here = block.chainid;
        vm.chainId(chain);
        bytes32 digest = Digest.statement(place, Digest.FINALIZE, 0, 9, keccak256(_header()));
        vm.chainId(here);
        return _anchors(ALL, _sign(ALL, digest));
    }

    function _finalized(bytes memory header) private view returns (bytes32) {
        return _say(FINALIZE, 0, VIEW, 0, keccak256(header));
    }

    function _anchors(uint256 bitmap, bytes memory signature) private returns (bool) {
        bytes memory call = abi.encodeCall(federation.anchor, (_header(), 0, VIEW, bitmap, signature));
        return _attempt(MALLORY, address(federation), 0, call, IFederation.CertificateRefused.selector);
    }

    // ---- K31, K32: keys that are no keys

    function test_K31_aRogueKey() external {
        _fails(_rogue());
    }

    function twin_K31_aRogueKey() external {
        _without("Possession");
        _wins(_rogue());
    }

    /// @dev The key that makes the sum of all keys Mallory's own; then she signs for all.
    function _rogue() private returns (bool) {
        Member[] memory members = _members(_places()[0]);
        bytes memory honest = Bls.add(Bls.add(members[0].key, members[1].key), members[2].key);
        members[3].key = Bls.add(_publicKey(99), Bls.negate(honest));
        if (!_deploys(members)) return false;
        _l1(5, 60);
        bytes memory header = _header();
        return _anchors(ALL, _signWith(_secret(99), _finalized(header)));
    }

    function test_K31_aProofFromAnotherFederation() external {
        _fails(_borrowedProof());
    }

    function twin_K31_aProofFromAnotherFederation() external {
        _without("DigestPlace");
        _wins(_borrowedProof());
    }

    /// @dev Operator 3 proved its key to another federation, and never agreed to serve in this one.
    function _borrowedProof() private returns (bool) {
        Member[] memory members = _members(_places()[0]);
        for (uint256 i = 0; i < 4; ++i) {
            address place = i == 3 ? address(0xde9107) : _places()[0];
            bytes32 said = Digest.possession(place, members[i].operator, Bls.compress(members[i].key));
            members[i].possession = _signWith(_secret(i), said);
        }
        return _deploys(members);
    }

    function test_K32_aKeyOutsideTheSubgroup() external {
        _fails(_outside());
    }

    function twin_K32_aKeyOutsideTheSubgroup() external {
        _without("Possession");
        _wins(_outside());
    }

    /// @dev (0, 2) lies on the curve, and addition accepts it.
    function _outside() private returns (bool) {
        Member[] memory members = _members(_places()[0]);
        members[1].key = bytes.concat(new bytes(127), hex"02");
        return _deploys(members);
    }

    function _deploys(Member[] memory members) private returns (bool) {
        try this.deploy(members) returns (address made) {
            federation = IFederation(made);
            return true;
        } catch (bytes memory reason) {
            if (bytes4(reason) != IFederation.PossessionRefused.selector) revert RefusedOtherwise(reason);
            return false;
        }
    }

    // ---- K62: changes of the committee

    function test_K62_anAnnouncementSentAgain() external {
        _fails(_announcedTwice());
    }

    function twin_K62_anAnnouncementSentAgain() external {
        _without("Sequence");
        _wins(_announcedTwice());
    }

    function test_S10_aCommitteeAnnouncedTwice() external {
        _fails(_announcedTwice());
    }

    function twin_S10_aCommitteeAnnouncedTwice() external {
        _without("Sequence");
        _wins(_announcedTwice());
    }

    /// @dev The operators announced a committee, learned that its keys were stolen, and announced another.
    function _announcedTwice() private returns (bool) {
        Member[] memory stolen = _joining(1, 4);
        Certificate memory by = _change(0, 1, _digestOf(stolen), ALL);
        federation.announceCommittee(stolen, by);
        _announce(0, 2, _joining(2, 4));
        bytes memory call = abi.encodeCall(federation.announceCommittee, (stolen, by));
        _attempt(MALLORY, address(federation), 0, call, IFederation.SequencePast.selector);
        return federation.announcement().digest == _digestOf(stolen);
    }

    function test_K62_oneMemberOnAllSeats() external {
        _fails(_oneMember());
    }

    function twin_K62_oneMemberOnAllSeats() external {
        _without("Distinct");
        _wins(_oneMember());
    }

    function _oneMember() private returns (bool) {
        Member[] memory members = _joining(1, 4);
        for (uint256 i = 1; i < 4; ++i) {
            members[i] = members[0];
        }
        Certificate memory by = _change(0, 1, _digestOf(members), ALL);
        bytes memory call = abi.encodeCall(federation.announceCommittee, (members, by));
        _attempt(MALLORY, address(federation), 0, call, IFederation.MemberRefused.selector);
        return federation.announcement().size == 4;
    }

    // ---- silence

    function test_S07_silenceWithCommittedPayments() external {
        _fails(_haltedInGrace());
    }

    function twin_S07_silenceWithCommittedPayments() external {
        _without("Grace");
        _wins(_haltedInGrace());
    }

    /// @dev Block 1 was finalized and not anchored; receipts of its payments are out. Whoever gains by its loss halts
    /// before the grace in which everybody can anchor it.
    function _haltedInGrace() private returns (bool) {
        bytes memory header = _header();
        Certificate memory by = _certificate(header, ALL);
        _l1(100, 16 hours + 1);
        federation.announceSilence();
        vm.warp(block.timestamp + 4 hours);
        bytes memory call = abi.encodeCall(federation.haltIfSilent, ());
        _attempt(MALLORY, address(federation), 0, call, IFederation.TooEarly.selector);
        call = abi.encodeCall(federation.anchor, (header, 0, 9, by.bitmap, by.signature));
        return !_attempt(address(0xb0b), address(federation), 0, call, IFederation.FederationHalted.selector);
    }
}
