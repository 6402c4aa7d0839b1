// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What operators sign (docs/protocol.md section 7)
/// @notice Every digest names the chain, `Federation` and what it says, so no signature serves twice. The chain
/// id is read when it is needed: a fork of Ethereum with another id does not accept our certificates.
library Digest {
    uint8 private constant FINALIZE = 0x03;
    uint8 private constant POSSESSION = 0x05;

    /// @notice The digest of a finalize vote.
    function finalization(uint64 epoch, uint64 viewNumber, bytes32 blockId) internal view returns (bytes32) {
        return _digest(FINALIZE, epoch, viewNumber, blockId);
    }

    /// @notice The digest by which an operator proves that it holds its key.
    /// @param compressedKey 48 bytes
    function possession(address operator, bytes memory compressedKey) internal view returns (bytes32) {
        return _digest(POSSESSION, 0, 0, keccak256(abi.encodePacked(operator, compressedKey)));
    }

    /// @dev Only `Federation` uses this library, so this contract is the one that digests name.
    function _digest(uint8 tag, uint64 epoch, uint64 viewNumber, bytes32 id) private view returns (bytes32) {
        uint64 parentView = 0;
        return
            keccak256(abi.encodePacked(tag, block.chainid, address(this), epoch, viewNumber, parentView, id));
    }
}
