// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEnrolment} from "./interfaces/IEnrolment.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {Bls} from "./libraries/Bls.sol";
import {CodeStorage} from "./libraries/CodeStorage.sol";
import {Digest} from "./libraries/Digest.sol";
import {Member} from "./types/Committee.sol";

/// @title The enrolment of a committee
/// @notice See `IEnrolment`. Created by `Federation`, without owner, setter or storage.
contract Enrolment is IEnrolment {
    /// @dev With fewer than four nobody may fail; above a hundred, see docs/protocol.md section 7. It bounds every
    /// loop over members.
    uint256 private constant SIZE_MIN = 4;
    uint256 private constant SIZE_MAX = 100;

    /// @dev Operator 20, compressed key 48, peer 32.
    uint256 private constant IDENTITY_BYTES = 100;

    /// @inheritdoc IEnrolment
    function enrol(Member[] calldata members) external returns (address content, bytes32 digest) {
        uint256 size = members.length;
        if (size < SIZE_MIN || size > SIZE_MAX) revert IFederation.CommitteeSize(size);
        _checkDistinct(members);
        uint256 accounts = Bls.KEY_BYTES * (1 + size);
        bytes memory aggregate = new bytes(Bls.KEY_BYTES);
        bytes memory written = new bytes(accounts + 20 * size);
        bytes memory identities = new bytes(IDENTITY_BYTES * size);
        for (uint256 i = 0; i < size; ++i) {
            (address operator, bytes memory key) = (members[i].operator, members[i].key);
            bytes memory compressed = Bls.compress(key);
            bytes32 proven = Digest.possession(msg.sender, operator, compressed);
            if (!Bls.verify(key, proven, members[i].possession)) revert IFederation.PossessionRefused(i);
            aggregate = Bls.add(aggregate, key);
            _put(written, Bls.KEY_BYTES * (1 + i), key);
            _put(written, accounts + 20 * i, abi.encodePacked(operator));
            _put(identities, IDENTITY_BYTES * i, abi.encodePacked(operator, compressed, members[i].peer));
        }
        _put(written, 0, aggregate);
        content = CodeStorage.write(written);
        digest = keccak256(identities);
    }

    function _checkDistinct(Member[] calldata members) private pure {
        bytes32[] memory keys = new bytes32[](members.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            Member calldata joining = members[i];
            (address operator, bytes32 peer) = (joining.operator, joining.peer);
            bytes32 key = keccak256(joining.key);
            bool refused = operator == address(0) || joining.key.length != Bls.KEY_BYTES;
            for (uint256 j = 0; j < i && !refused; ++j) {
                refused = members[j].operator == operator || members[j].peer == peer || keys[j] == key;
            }
            if (refused) revert IFederation.MemberRefused(i);
            keys[i] = key;
        }
    }

    /// @dev Writes a piece where it belongs. Concatenating copies everything again for every member, which costs
    /// a committee of 67 three million gas and the room in one transaction.
    function _put(bytes memory buffer, uint256 offset, bytes memory piece) private pure {
        assert(offset + piece.length <= buffer.length);
        assembly ("memory-safe") {
            mcopy(add(add(buffer, 0x20), offset), add(piece, 0x20), mload(piece))
        }
    }
}
