// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../contracts/interfaces/IFederation.sol";
import {MerkleProof} from "../contracts/libraries/MerkleProof.sol";
import {Anchor} from "../contracts/types/Anchor.sol";
import {Certificate, Verdict} from "../contracts/types/Committee.sol";
import {Telling} from "../contracts/types/Statement.sol";
import {Tree} from "./support/Tree.sol";
import {Turns} from "./support/Turns.sol";

contract RewriteTest is Turns {
    address private constant REPORTER = address(0x4e9047e4);

    bytes[] private headers;

    function setUp() external {
        _deploy(4);
        for (uint256 i = 0; i < 3; ++i) {
            _l1(5, 60);
            _block();
            _block();
            headers.push(_header());
            _anchorOf(0);
        }
    }

    /// @notice A later anchor that tells another block of an anchored height: valid stays what came before it.
    function test_rewrite_ofALaterAnchorHaltsAtTheAnchorBeforeIt() external {
        (bytes memory lying, Anchor memory lie, bytes32[] memory leaves) = _lyingAnchor(3);
        // Another honest-looking anchor on top of the lie changes nothing.
        _bondAll(0);
        Telling memory told = _accused(_told(3), headers[1], _finalizeOf(0, headers[1], 7));
        Telling memory retold = _accused(_telling(3, leaves, lie), lying, _finalizeOf(0, lying, 14));
        vm.expectEmit(true, true, true, true, address(federation));
        emit IFederation.Halted(6);
        vm.expectEmit(true, true, true, true, address(federation));
        emit IFederation.Slashed(0, 6, REPORTER, OPERATOR_BOND);
        _prove(3, told, retold);
        _equal(federation.lastValid(), 6);
        _equal(_slashedOf(0), 6);
    }

    /// @notice Nobody has to be accused: the two anchors alone are the proof.
    function test_rewrite_ofALaterAnchorNeedsNoCertificate() external {
        (, Anchor memory lie, bytes32[] memory leaves) = _lyingAnchor(1);
        _prove(1, _told(1), _telling(1, leaves, lie));
        _equal(federation.lastValid(), 6);
        _equal(_slashedOf(0), 0);
    }

    /// @notice After the halt an earlier lie still counts.
    function test_rewrite_afterAHaltLetsTheLastValidHeightFall() external {
        (, Anchor memory lie, bytes32[] memory leaves) = _lyingAnchor(1);
        _l1(5, 60);
        _block();
        leaves = _longer(leaves);
        bytes memory header = _header(uint32(leaves.length - 1), Tree.root(leaves));
        Anchor memory second = _anchor(header, _finalizeOf(0, header, 15));
        second.historyRoot = Tree.root(leaves);
        Telling memory told = _told(1);
        _prove(1, told, _telling(1, leaves, second));
        _equal(federation.lastValid(), lie.height);
        bytes32[] memory shorter = _cut(leaves, lie.height + 1);
        _prove(1, told, _telling(1, shorter, lie));
        _equal(federation.lastValid(), 6);
    }

    /// @notice A certified header that was never anchored proves a fork; nothing that is anchored is lost.
    function test_rewrite_ofACertifiedHeaderHaltsAtTheLastAnchor() external {
        _bondAll(0);
        _forkHalts(_cut(_rewritten(4), 6));
    }

    function test_rewrite_ofACertifiedHeaderAboveTheLastAnchorHaltsThere() external {
        _bondAll(0);
        _forkHalts(_longer(_longer(_rewritten(4))));
    }

    function _forkHalts(bytes32[] memory leaves) private {
        bytes memory header = _header(uint32(leaves.length - 1), Tree.root(leaves));
        Telling memory told = _accused(_told(4), headers[1], _finalizeOf(0, headers[1], 11));
        _prove(4, told, _certified(4, leaves, header, _finalizeOf(0, header, 13)));
        _equal(federation.lastValid(), 6);
        _equal(_slashedOf(0), 9);
        _equal(federation.reward(REPORTER), OPERATOR_BOND);
    }

    /// @notice Soundness: an honest history has one leaf at every height, whatever is shown of it.
    function test_rewrite_ofOneHistoryIsRefused() external {
        bytes32[] memory leaves = _historyUpTo(6);
        for (uint32 height = 1; height <= 6; ++height) {
            Telling memory told = _told(height);
            _proveRefused(
                height,
                told,
                _telling(height, leaves, anchors[2]),
                abi.encodeWithSelector(IFederation.SameHistory.selector, height)
            );
            // Another leaf does not lead to the root.
            Telling memory forged = _telling(height, leaves, anchors[2]);
            forged.leaf = keccak256("forged");
            bytes memory nowhere = abi.encodeWithSelector(IFederation.BlockNotInHistory.selector, height);
            _proveRefused(height, told, forged, nowhere);
            _proveRefused(height, forged, told, _coveringReason(height));
        }
    }

    /// @notice K10, K11, K12: no other place of the tree passes for the height.
    function test_rewrite_refusesProofsOfOtherPlaces() external {
        (, Anchor memory lie, bytes32[] memory leaves) = _lyingAnchor(6);
        Telling memory told = _told(1);
        // Height 2 of the same history in the place of height 1.
        Telling memory retold = _telling(2, leaves, lie);
        _proveRefused(1, told, retold, abi.encodeWithSelector(IFederation.BlockNotInHistory.selector, 1));
        // An inner node as a leaf.
        retold = _telling(0, leaves, lie);
        retold.leaf = keccak256(abi.encodePacked(leaves[0], leaves[1]));
        bytes32[] memory shorter = new bytes32[](retold.path.length - 1);
        for (uint256 i = 0; i < shorter.length; ++i) {
            shorter[i] = retold.path[i + 1];
        }
        retold.path = shorter;
        _proveRefused(
            1, told, retold, abi.encodeWithSelector(MerkleProof.PathLength.selector, shorter.length, 8)
        );
        // A height that the header does not reach.
        bytes memory low = _header(2, keccak256("root"));
        Telling memory beyond = _certified(1, leaves, low, _finalizeOf(0, low, 15));
        _proveRefused(6, _told(6), beyond, abi.encodeWithSelector(MerkleProof.LeafOutsideTree.selector, 6, 3));
    }

    /// @notice A lie must come later than what it contradicts, and what it contradicts must be the first.
    function test_rewrite_countsFromTheFirstCoveringAnchor() external {
        (, Anchor memory lie, bytes32[] memory leaves) = _lyingAnchor(3);
        // The lie as the truth, and the truth as the lie: the first anchor that covers the height has told it.
        _proveRefused(
            3,
            _telling(3, leaves, lie),
            _told(3),
            abi.encodeWithSelector(IFederation.NotFirstCovering.selector, 3, 6, 7)
        );
        Telling memory retold = _telling(3, leaves, lie);
        retold.anchor.previous = 2;
        _proveRefused(
            3, _told(3), retold, abi.encodeWithSelector(IFederation.AnchorUnknown.selector, lie.number)
        );
        // An anchor before it does not reach the height.
        _proveRefused(
            3,
            _told(3),
            _telling(1, leaves, anchors[0]),
            abi.encodeWithSelector(MerkleProof.LeafOutsideTree.selector, 3, 3)
        );
        Telling memory told = _told(3);
        told.anchor.historyRoot = keccak256("forged");
        _proveRefused(
            3, told, _telling(3, leaves, lie), abi.encodeWithSelector(IFederation.AnchorUnknown.selector, 2)
        );
    }

    function test_rewrite_needsAValidCertificateOfTheHeader() external {
        bytes32[] memory leaves = _rewritten(4);
        bytes memory header = _header(6, Tree.root(leaves));
        Telling memory told = _told(4);
        bytes memory below =
            abi.encodeWithSelector(IFederation.CertificateRefused.selector, Verdict.BelowQuorum);
        _proveRefused(4, told, _certified(4, leaves, header, _finalizeOf(0, header, 3)), below);
        bytes memory invalid =
            abi.encodeWithSelector(IFederation.CertificateRefused.selector, Verdict.InvalidSignature);
        Certificate memory by = _finalizeOf(0, header, 7);
        by.bitmap = 15;
        _proveRefused(4, told, _certified(4, leaves, header, by), invalid);
        by = _finalizeOf(0, headers[1], 15);
        _proveRefused(4, told, _certified(4, leaves, header, by), invalid);
    }

    /// @notice Only who stands on both sides is convicted, and only for the headers that are the proof.
    function test_rewrite_convictsOnlyForTheHeadersThatDiffer() external {
        (bytes memory lying, Anchor memory lie, bytes32[] memory leaves) = _lyingAnchor(3);
        Telling memory told = _accused(_told(3), headers[2], _finalizeOf(0, headers[2], 15));
        Telling memory retold = _accused(_telling(3, leaves, lie), lying, _finalizeOf(0, lying, 15));
        _proveRefused(3, told, retold, abi.encodeWithSelector(IFederation.HeaderDiffers.selector, 2));
        // Of the anchor's height, but not what was anchored there.
        bytes memory fork = _header(4, keccak256("fork"));
        told = _accused(told, fork, _finalizeOf(0, fork, 15));
        _proveRefused(3, told, retold, abi.encodeWithSelector(IFederation.HeaderDiffers.selector, 2));
        told = _accused(_told(3), headers[1], _finalizeOf(0, headers[1], 15));
        retold = _accused(retold, headers[1], _finalizeOf(0, headers[1], 15));
        _proveRefused(3, told, retold, abi.encodeWithSelector(IFederation.HeaderDiffers.selector, lie.number));
        retold = _accused(retold, lying, _finalizeOf(0, lying, 7));
        retold.certificate.bitmap = 15;
        _proveRefused(
            3,
            told,
            retold,
            abi.encodeWithSelector(IFederation.CertificateRefused.selector, Verdict.InvalidSignature)
        );
        told = _accused(told, headers[1], _finalizeOf(0, headers[1], 7));
        told.certificate.bitmap = 15;
        retold = _accused(retold, lying, _finalizeOf(0, lying, 15));
        _proveRefused(
            3,
            told,
            retold,
            abi.encodeWithSelector(IFederation.CertificateRefused.selector, Verdict.InvalidSignature)
        );
    }

    /// @notice I11: the new committee's keys say nothing about heights that the old one anchored.
    function test_rewrite_byANewCommitteeBelowItsTermIsRefused() external {
        _handOver(1);
        uint32 last = federation.latest().height;
        bytes32[] memory leaves = _rewritten(4);
        Telling memory told = _told(4);
        bytes memory header = _header(last, Tree.root(leaves));
        bytes memory outside = abi.encodeWithSelector(IFederation.HeightOutsideEpoch.selector, last, 1);
        _proveRefused(4, told, _certified(4, leaves, header, _finalizeOf(1, header, 15)), outside);
        _l1(5, 60);
        _block();
        _anchorOf(1);
        _proveRefused(4, told, _certified(4, leaves, header, _finalizeOf(1, header, 15)), outside);
        // Above them it is a fork like any other.
        leaves = _rewritten(4);
        header = _header(last + 1, Tree.root(leaves));
        _prove(4, told, _certified(4, leaves, header, _finalizeOf(1, header, 15)));
        _equal(federation.lastValid(), last + 1);
    }

    /// @notice I11: old keys say nothing about heights that the next committee decides.
    function test_rewrite_byAnOldCommitteeAboveItsTermIsRefused() external {
        _handOver(1);
        _l1(5, 60);
        _block();
        uint32 first = _anchorOf(1).height;
        _l1(5, 60);
        _block();
        _anchorOf(1);
        Telling memory told = _told(4);
        bytes32[] memory leaves = _rewritten(4);
        bytes memory header = _header(first + 1, Tree.root(leaves));
        _proveRefused(
            4,
            told,
            _certified(4, leaves, header, _finalizeOf(0, header, 15)),
            abi.encodeWithSelector(IFederation.HeightOutsideEpoch.selector, first + 1, 0)
        );
        leaves = _cut(leaves, first + 1);
        header = _header(first, Tree.root(leaves));
        _prove(4, told, _certified(4, leaves, header, _finalizeOf(0, header, 15)));
        _equal(federation.lastValid(), first + 1);
    }

    /// @notice Old keys cannot void history: once their bonds are free, their certificates halt nothing.
    function test_rewrite_byOldKeysHaltsNothingOnceTheirBondsAreFree() external {
        _handOver(1);
        _l1(5, 60);
        _block();
        _anchorOf(1);
        uint256 ended = block.timestamp;
        Telling memory told = _told(4);
        bytes32[] memory leaves = _cut(_rewritten(4), 8);
        bytes memory header = _header(7, Tree.root(leaves));
        Telling memory retold = _certified(4, leaves, header, _finalizeOf(0, header, 15));
        vm.warp(ended + DELAY + 1);
        _proveRefused(4, told, retold, abi.encodeWithSelector(IFederation.BondsReleased.selector, 0));
        _true(!federation.halted());
        vm.warp(ended + DELAY);
        _prove(4, told, retold);
        _true(federation.halted());
    }

    /// @notice Operators of two epochs are not compared: seat 0 of one is not seat 0 of the other.
    function test_rewrite_acrossEpochsHaltsAndConvictsNobody() external {
        _handOver(1);
        uint32 last = federation.latest().height;
        _l1(5, 60);
        _block();
        bytes32[] memory leaves = _rewritten(4);
        bytes memory lying = _header(last + 1, Tree.root(leaves));
        Anchor memory lie = _anchor(lying, _finalizeOf(1, lying, 15));
        lie.historyRoot = Tree.root(leaves);
        Telling memory told = _accused(_told(4), headers[1], _finalizeOf(0, headers[1], 15));
        _prove(4, told, _accused(_telling(4, leaves, lie), lying, _finalizeOf(1, lying, 15)));
        _equal(federation.lastValid(), last);
        _equal(_slashedOf(0), 0);
        _equal(_slashedOf(1), 0);
    }

    /// @dev All operators anchor block 7 over a history that tells another block at `height`.
    function _lyingAnchor(uint32 height)
        private
        returns (bytes memory header, Anchor memory lie, bytes32[] memory leaves)
    {
        _l1(5, 60);
        _block();
        leaves = _rewritten(height);
        header = _header(7, Tree.root(leaves));
        lie = _anchor(header, _finalizeOf(0, header, 15));
        lie.historyRoot = Tree.root(leaves);
    }

    /// @dev What the first anchor over a height tells of it.
    function _told(uint32 height) private view returns (Telling memory) {
        uint256 covering = 0;
        while (anchors[covering].height < height) ++covering;
        return _telling(height, _historyUpTo(anchors[covering].height), anchors[covering]);
    }

    function _certified(uint32 height, bytes32[] memory leaves, bytes memory header, Certificate memory by)
        private
        pure
        returns (Telling memory)
    {
        Anchor memory none;
        return _accused(_telling(height, leaves, none), header, by);
    }

    function _accused(Telling memory telling, bytes memory header, Certificate memory by)
        private
        pure
        returns (Telling memory)
    {
        (telling.header, telling.certificate) = (header, by);
        return telling;
    }

    function _coveringReason(uint32 height) private view returns (bytes memory) {
        // The last two heights are those that the third anchor covers first: there the leaf is what fails.
        if (height > 4) return abi.encodeWithSelector(IFederation.BlockNotInHistory.selector, height);
        return abi.encodeWithSelector(
            IFederation.NotFirstCovering.selector, height, anchors[2].previous, anchors[2].height
        );
    }

    function _longer(bytes32[] memory leaves) private pure returns (bytes32[] memory longer) {
        longer = _cut(leaves, leaves.length + 1);
        longer[leaves.length] = keccak256(abi.encode("next", leaves.length));
    }

    function _cut(bytes32[] memory leaves, uint256 count) private pure returns (bytes32[] memory cut) {
        cut = new bytes32[](count);
        for (uint256 i = 0; i < count && i < leaves.length; ++i) {
            cut[i] = leaves[i];
        }
    }

    function _prove(uint32 height, Telling memory told, Telling memory retold) private {
        vm.prank(REPORTER);
        federation.proveRewrite(height, told, retold);
    }

    function _proveRefused(uint32 height, Telling memory told, Telling memory retold, bytes memory reason)
        private
    {
        vm.prank(REPORTER);
        vm.expectRevert(reason);
        federation.proveRewrite(height, told, retold);
    }
}
