// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Position} from "../types/Position.sol";
import {CodeStorage} from "./CodeStorage.sol";

/// @title The outputs of a batch, kept as code
/// @notice One entry per output: key in the registry 32 ‖ position 9 ‖ amount 16. An entry costs 11 400 gas, half of one
/// storage slot; three slots of its own, as a single exit has, would be 66 000.
library BatchContent {
    uint256 private constant ENTRY_BYTES = 57;

    /// @notice The content with one more output.
    function append(bytes memory content, bytes32 output, Position position, uint128 amount)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(content, output, Position.unwrap(position), amount);
    }

    /// @notice Keeps the content, and says where, as a word of a record.
    function store(bytes memory content) internal returns (bytes32 where) {
        return bytes32(uint256(uint160(CodeStorage.write(content))));
    }

    /// @notice The content up to the first `count` outputs.
    function load(bytes32 where, uint256 count) internal view returns (bytes memory) {
        return CodeStorage.read(address(uint160(uint256(where))), 0, ENTRY_BYTES * count);
    }

    /// @notice One output of what was stored.
    function read(bytes32 where, uint256 index)
        internal
        view
        returns (bytes32 output, Position position, uint256 amount)
    {
        address account = address(uint160(uint256(where)));
        return entry(CodeStorage.read(account, ENTRY_BYTES * index, ENTRY_BYTES), 0);
    }

    /// @notice One output of the content, which has it.
    function entry(bytes memory content, uint256 index)
        internal
        pure
        returns (bytes32 output, Position position, uint256 amount)
    {
        uint256 start = ENTRY_BYTES * index;
        assert(start + ENTRY_BYTES <= content.length);
        uint256 rest;
        // Solidity has no words of memory at any byte.
        assembly ("memory-safe") {
            let word := add(add(content, 0x20), start)
            output := mload(word)
            rest := mload(add(word, 0x20))
        }
        (position, amount) = (Position.wrap(uint72(rest >> 184)), uint128(rest >> 56));
    }
}
