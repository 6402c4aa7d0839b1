// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The 184 bytes of a block header (docs/protocol.md section 4)
library Header {
    /// @notice A header has exactly 184 bytes.
    error HeaderLength(uint256 found);

    uint256 internal constant SIZE = 184;

    /// @notice Block id: keccak of the header.
    function id(bytes calldata header) internal pure returns (bytes32) {
        if (header.length != SIZE) revert HeaderLength(header.length);
        return keccak256(header);
    }

    /// @notice Height of the block.
    function height(bytes calldata header) internal pure returns (uint32) {
        return uint32(bytes4(header[0:4]));
    }

    /// @notice Root over the history leaves of heights 0 to this one.
    function historyRoot(bytes calldata header) internal pure returns (bytes32) {
        return bytes32(header[72:104]);
    }

    /// @notice L1 block up to which the chain has taken L1 events.
    function l1Height(bytes calldata header) internal pure returns (uint64) {
        return uint64(bytes8(header[136:144]));
    }

    /// @notice Hash of that L1 block.
    function l1Hash(bytes calldata header) internal pure returns (bytes32) {
        return bytes32(header[144:176]);
    }
}
