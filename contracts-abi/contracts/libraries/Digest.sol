// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What operators sign (docs/protocol.md section 7)
/// @notice Every digest names the chain, `Federation` and what it says, so no signature serves twice. The chain
/// id is read when it is needed: a fork of Ethereum with another id does not accept our certificates.
library Digest {
    uint8 internal constant NOTARIZE = 0x01;
    uint8 internal constant NULLIFY = 0x02;
    uint8 internal constant FINALIZE = 0x03;
    uint8 internal constant COMMITTEE = 0x04;
    uint8 internal constant POSSESSION = 0x05;
    uint8 internal constant READINESS = 0x06;

    /// @notice The digest of a statement that has no parent view: every one but a notarize vote.
    /// @param federation the address of `Federation`
    function statement(address federation, uint8 tag, uint64 epoch, uint64 viewNumber, bytes32 id)
        internal
        view
        returns (bytes32)
    {
        return _digest(federation, tag, epoch, viewNumber, 0, id);
    }

    /// @notice The digest of a notarize vote: the parent's view belongs to what is voted on.
    function notarization(
        address federation,
        uint64 epoch,
        uint64 viewNumber,
        uint64 parentView,
        bytes32 blockId
    ) internal view returns (bytes32) {
        return _digest(federation, NOTARIZE, epoch, viewNumber, parentView, blockId);
    }

    /// @notice The digest by which an operator proves that it holds its key.
    /// @param compressedKey 48 bytes
    function possession(address federation, address operator, bytes memory compressedKey)
        internal
        view
        returns (bytes32)
    {
        return _digest(federation, POSSESSION, 0, 0, 0, keccak256(abi.encodePacked(operator, compressedKey)));
    }

    function _digest(
        address federation,
        uint8 tag,
        uint64 epoch,
        uint64 viewNumber,
        uint64 parentView,
        bytes32 id
    ) private view returns (bytes32) {
        return keccak256(abi.encodePacked(tag, block.chainid, federation, epoch, viewNumber, parentView, id));
    }
}
