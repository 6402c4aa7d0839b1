// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Bytes kept as the code of an account of their own
/// @notice Writing costs 200 gas per byte where storage slots cost 690, and reading any part costs one account
/// access instead of one slot access per word. The first byte is STOP, so that the account cannot be executed.
library CodeStorage {
    /// @notice The account could not be created: too many bytes, or too little gas.
    error CodeNotStored();

    /// @notice Creates the account that holds `content`.
    function write(bytes memory content) internal returns (address account) {
        // The creation code returns all that follows its own twelve bytes: PUSH1 12 DUP1 CODESIZE SUB,
        // DUP1 PUSH1 12 RETURNDATASIZE (zero) CODECOPY, RETURNDATASIZE RETURN. Then the STOP, then the content.
        bytes memory creation = abi.encodePacked(hex"600c80380380600c3d393df3", hex"00", content);
        // Solidity has no other way to create an account with code of its choice.
        assembly ("memory-safe") {
            account := create(0, add(creation, 0x20), mload(creation))
        }
        if (account == address(0)) revert CodeNotStored();
    }

    /// @notice `size` bytes of the content from `offset` on; zeros where the content ends before.
    function read(address account, uint256 offset, uint256 size)
        internal
        view
        returns (bytes memory content)
    {
        content = new bytes(size);
        // Solidity's `account.code` copies everything, a committee of a hundred for one key.
        assembly ("memory-safe") {
            extcodecopy(account, add(content, 0x20), add(offset, 1), size)
        }
    }
}
