// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Position} from "../types/Position.sol";

/// @title The fixed-width transaction (docs/protocol.md section 2)
/// @notice `check` first: the accessors then read fields whose place the counts in the first bytes fix.
library PlasmaTransaction {
    /// @notice The kind is unknown, or legacy where the federation has no legacy transactions.
    error KindRefused(uint8 kind);
    /// @notice The kind does not allow this many inputs or outputs.
    error CountsRefused(uint8 inputs, uint8 outputs);
    /// @notice The counts ask for another length.
    error TransactionLength(uint256 found, uint256 expected);
    /// @notice A split, merge or fund that departs from its fixed asset, expiry, input or signature.
    error TemplateBroken();
    /// @notice An output of nothing.
    error AmountZero(uint8 output);
    /// @notice An output to nobody.
    error OwnerZero(uint8 output);
    /// @notice Two inputs name one output.
    error InputsEqual(uint8 first, uint8 second);
    /// @notice Inputs and outputs differ in sum, or a sum passes 2^256.
    error Unbalanced();
    /// @notice The index is not below the number of inputs.
    error InputOutside(uint8 index);
    /// @notice The index is not below the number of outputs.
    error OutputOutside(uint8 index);

    uint8 internal constant SPLIT = 0x01;
    uint8 internal constant MERGE = 0x02;
    uint8 internal constant FUND = 0x04;
    uint8 internal constant TRANSFER = 0x05;

    /// @notice The expiry of what never expires.
    uint32 internal constant FOREVER = type(uint32).max;

    uint256 private constant HEAD_BYTES = 27;
    uint256 private constant INPUT_BYTES = 41;
    uint256 private constant OUTPUT_BYTES = 52;
    uint256 private constant SIGNATURE_BYTES = 65;

    /// @notice Every rule that the bytes alone decide, in the order of the protocol, but for the signature.
    function check(bytes calldata transaction, bool legacyTransactions) internal pure {
        if (transaction.length < HEAD_BYTES) revert TransactionLength(transaction.length, HEAD_BYTES);
        _checkCounts(transaction, legacyTransactions);
        uint256 expected = HEAD_BYTES + INPUT_BYTES * inputs(transaction) + OUTPUT_BYTES
            * outputs(transaction) + SIGNATURE_BYTES;
        if (transaction.length != expected) revert TransactionLength(transaction.length, expected);
        uint8 kindByte = kind(transaction);
        if (kindByte != TRANSFER) _checkTemplate(transaction);
        _checkOutputs(transaction);
        if (kindByte != FUND) {
            _checkInputs(transaction);
            _checkBalance(transaction);
        }
    }

    /// @notice First byte: one of the four kinds.
    function kind(bytes calldata transaction) internal pure returns (uint8) {
        return uint8(bytes1(_word(transaction, 0)));
    }

    /// @notice Number of inputs.
    function inputs(bytes calldata transaction) internal pure returns (uint8) {
        return uint8(bytes1(_word(transaction, 1)));
    }

    /// @notice Number of outputs.
    function outputs(bytes calldata transaction) internal pure returns (uint8) {
        return uint8(bytes1(_word(transaction, 2)));
    }

    /// @notice The one asset that the transaction moves; zero is ETH.
    function asset(bytes calldata transaction) internal pure returns (address) {
        return address(bytes20(_word(transaction, 3)));
    }

    /// @notice Last height that may include the transaction.
    function expiry(bytes calldata transaction) internal pure returns (uint32) {
        return uint32(bytes4(_word(transaction, 23)));
    }

    /// @notice The output that an input spends, and the amount it states.
    function input(bytes calldata transaction, uint8 index) internal pure returns (Position, uint256) {
        if (index >= inputs(transaction)) revert InputOutside(index);
        uint256 start = HEAD_BYTES + INPUT_BYTES * index;
        return
            (Position.wrap(uint72(bytes9(_word(transaction, start)))), uint256(_word(transaction, start + 9)));
    }

    /// @notice Owner and amount of an output.
    function output(bytes calldata transaction, uint8 index) internal pure returns (address, uint256) {
        if (index >= outputs(transaction)) revert OutputOutside(index);
        uint256 start = HEAD_BYTES + INPUT_BYTES * inputs(transaction) + OUTPUT_BYTES * index;
        return (address(bytes20(_word(transaction, start))), uint256(_word(transaction, start + 20)));
    }

    /// @notice The 65 bytes r ‖ s ‖ v.
    function signature(bytes calldata transaction) internal pure returns (bytes calldata) {
        return transaction[transaction.length - SIGNATURE_BYTES:];
    }

    /// @notice Transaction id: keccak of the bytes without the signature.
    function id(bytes calldata transaction) internal pure returns (bytes32) {
        return keccak256(transaction[:transaction.length - SIGNATURE_BYTES]);
    }

    /// @notice Leaf of a block's tree: keccak of zero and the bytes with the signature.
    function leaf(bytes calldata transaction) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(0), transaction));
    }

    /// @dev 32 bytes from `start` on. `check` has compared the length with the counts, so no field lies outside;
    /// a slice would compare again for every field, which doubled the cost of reading a transaction.
    function _word(bytes calldata transaction, uint256 start) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(add(transaction.offset, start))
        }
    }

    function _checkCounts(bytes calldata transaction, bool legacyTransactions) private pure {
        uint8 kindByte = kind(transaction);
        uint8 i = inputs(transaction);
        uint8 o = outputs(transaction);
        bool legacy = kindByte == SPLIT || kindByte == MERGE;
        if (kindByte != TRANSFER && kindByte != FUND && !(legacy && legacyTransactions)) {
            revert KindRefused(kindByte);
        }
        uint8 inputsMin = kindByte == MERGE ? 2 : 1;
        uint8 inputsMax = kindByte == TRANSFER ? 4 : inputsMin;
        uint8 outputsMax = kindByte == TRANSFER ? 4 : kindByte == SPLIT ? 3 : 1;
        if (i < inputsMin || i > inputsMax || o == 0 || o > outputsMax) revert CountsRefused(i, o);
    }

    function _checkTemplate(bytes calldata transaction) private pure {
        if (expiry(transaction) != FOREVER) revert TemplateBroken();
        if (kind(transaction) != FUND) {
            if (asset(transaction) != address(0)) revert TemplateBroken();
            return;
        }
        (Position position, uint256 number) = input(transaction, 0);
        bytes calldata sealing = signature(transaction);
        bool signed = bytes32(sealing[:32]) != 0 || bytes32(sealing[32:64]) != 0 || sealing[64] != 0;
        if (Position.unwrap(position) != 0 || number > type(uint64).max || signed) revert TemplateBroken();
    }

    function _checkOutputs(bytes calldata transaction) private pure {
        uint8 count = outputs(transaction);
        for (uint8 i = 0; i < count; ++i) {
            (, uint256 amount) = output(transaction, i);
            if (amount == 0) revert AmountZero(i);
        }
        for (uint8 i = 0; i < count; ++i) {
            (address owner,) = output(transaction, i);
            if (owner == address(0)) revert OwnerZero(i);
        }
    }

    function _checkInputs(bytes calldata transaction) private pure {
        uint8 count = inputs(transaction);
        for (uint8 j = 1; j < count; ++j) {
            (Position second,) = input(transaction, j);
            for (uint8 i = 0; i < j; ++i) {
                (Position first,) = input(transaction, i);
                if (first == second) revert InputsEqual(i, j);
            }
        }
    }

    function _checkBalance(bytes calldata transaction) private pure {
        uint256 brought = 0;
        for (uint8 i = 0; i < inputs(transaction); ++i) {
            (, uint256 amount) = input(transaction, i);
            brought = _sum(brought, amount);
        }
        uint256 given = 0;
        for (uint8 i = 0; i < outputs(transaction); ++i) {
            (, uint256 amount) = output(transaction, i);
            given = _sum(given, amount);
        }
        if (brought != given) revert Unbalanced();
    }

    function _sum(uint256 a, uint256 b) private pure returns (uint256 sum) {
        unchecked {
            sum = a + b;
        }
        if (sum < a) revert Unbalanced();
    }
}
