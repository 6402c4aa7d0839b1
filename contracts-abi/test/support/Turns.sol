// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {Bls} from "../../contracts/libraries/Bls.sol";
import {Anchor} from "../../contracts/types/Anchor.sol";
import {Certificate, Member} from "../../contracts/types/Committee.sol";
import {Statement, Telling} from "../../contracts/types/Statement.sol";
import {Signer} from "./Signer.sol";
import {Tree} from "./Tree.sol";
import {World} from "./World.sol";

/// @notice A world whose committees take turns, and whose operators may say anything. The committee of epoch e has
/// the operators from 1000 · e on.
abstract contract Turns is World {
    uint8 internal constant NOTARIZE = 1;
    uint8 internal constant NULLIFY = 2;
    uint8 internal constant FINALIZE = 3;
    uint8 internal constant COMMITTEE = 4;
    uint8 internal constant READINESS = 6;
    uint256 internal constant DELAY = 15 days;
    uint64 internal constant VIEW = 9;

    function _joining(uint64 epoch, uint256 count) internal view returns (Member[] memory members) {
        members = new Member[](count);
        for (uint256 i = 0; i < count; ++i) {
            members[i] = _member(address(federation), 1000 * epoch + i);
        }
    }

    /// @dev The committee's hash.
    function _digestOf(Member[] memory members) internal pure returns (bytes32) {
        bytes memory content;
        for (uint256 i = 0; i < members.length; ++i) {
            content =
                abi.encodePacked(content, members[i].operator, Bls.compress(members[i].key), members[i].peer);
        }
        return keccak256(content);
    }

    function _say(uint8 tag, uint64 epoch, uint64 viewNumber, uint64 parentView, bytes32 id)
        internal
        view
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(tag, block.chainid, federation, epoch, viewNumber, parentView, id));
    }

    function _signOf(uint64 epoch, uint256 bitmap, bytes32 digest) internal view returns (bytes memory) {
        uint256 secret = 0;
        for (uint256 i = 0; i < 100; ++i) {
            if ((bitmap >> i) & 1 == 1) secret = addmod(secret, _secret(1000 * epoch + i), ORDER);
        }
        return Signer.sign(secret, digest);
    }

    function _finalizeOf(uint64 epoch, bytes memory header, uint256 bitmap)
        internal
        view
        returns (Certificate memory)
    {
        bytes32 digest = _say(FINALIZE, epoch, VIEW, 0, keccak256(header));
        return Certificate(epoch, VIEW, bitmap, _signOf(epoch, bitmap, digest));
    }

    /// @dev A committee change signed by `bitmap` of the committee of `epoch`.
    function _change(uint64 epoch, uint64 sequence, bytes32 digest, uint256 bitmap)
        internal
        view
        returns (Certificate memory)
    {
        bytes32 said = _say(COMMITTEE, epoch, sequence, 0, digest);
        return Certificate(epoch, sequence, bitmap, _signOf(epoch, bitmap, said));
    }

    function _announce(uint64 epoch, uint64 sequence, Member[] memory members) internal {
        Certificate memory by = _change(epoch, sequence, _digestOf(members), _allOf(epoch));
        federation.announceCommittee(members, by);
    }

    function _activate(uint64 epoch, uint256 bitmap) internal {
        bytes32 digest = federation.announcement().digest;
        federation.activateCommittee(bitmap, _signOf(epoch, bitmap, _say(READINESS, epoch, 0, 0, digest)));
    }

    function _allOf(uint64 epoch) internal view returns (uint256) {
        (uint16 seats,,) = federation.committee(epoch);
        return (1 << seats) - 1;
    }

    /// @dev From one committee to the next, with an anchor every half a silence in between.
    function _handOver(uint64 epoch) internal {
        _announce(epoch - 1, epoch, _joining(epoch, 4));
        _anchorFor(epoch - 1, DELAY);
        _activate(epoch, 15);
    }

    /// @dev The committee of `epoch` anchors a block every eight hours.
    function _anchorFor(uint64 epoch, uint256 duration) internal {
        for (uint256 past = 0; past < duration; past += 8 hours) {
            _l1(100, 8 hours);
            _block();
            _anchorOf(epoch);
        }
    }

    function _anchorOf(uint64 epoch) internal returns (Anchor memory) {
        bytes memory header = _header();
        return _anchor(header, _finalizeOf(epoch, header, _allOf(epoch)));
    }

    /// @dev A history like ours up to the newest block, but for the block of one height.
    function _rewritten(uint32 height) internal view returns (bytes32[] memory leaves) {
        leaves = _historyUpTo(uint32(history.length - 1));
        leaves[height] = keccak256(abi.encode("another block", height));
    }

    /// @dev What a history tells of a height, under an anchor and without an accusation.
    function _telling(uint32 height, bytes32[] memory leaves, Anchor memory anchor)
        internal
        pure
        returns (Telling memory telling)
    {
        telling.anchor = anchor;
        telling.leaf = leaves[height];
        telling.path = Tree.path(leaves, height);
    }

    function _slashedOf(uint64 epoch) internal view returns (uint256 slashed) {
        (, slashed) = federation.bonds(epoch);
    }

    function _bondAll(uint64 epoch) internal {
        (uint16 seats,,) = federation.committee(epoch);
        for (uint16 i = 0; i < seats; ++i) {
            _bond(epoch, i);
        }
    }

    function _bond(uint64 epoch, uint16 index) internal {
        vm.deal(address(this), address(this).balance + OPERATOR_BOND);
        federation.postBond{value: OPERATOR_BOND}(epoch, index);
    }
}
