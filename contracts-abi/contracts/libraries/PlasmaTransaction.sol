// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Position} from "../types/Position.sol";

/// @title The fixed-width transaction (docs/protocol.md section 2)
/// @notice `check` first: the accessors then read fields whose place the counts in the first bytes fix. `check` and
/// `examine` are one set of rules, so what the exit game refuses is exactly what a fraud proof convicts.
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
    error OutputAmountZero(uint8 output);
    /// @notice An output to nobody.
    error OutputOwnerZero(uint8 output);
    /// @notice Two inputs name one output.
    error InputsEqual(uint8 first, uint8 second);
    /// @notice Inputs and outputs differ in sum, or a sum passes 2^256.
    error Unbalanced();
    /// @notice The index is not below the number of inputs.
    error InputOutside(uint8 index);
    /// @notice The index is not below the number of outputs.
    error OutputOutside(uint8 index);

    /// @notice The first rule that bytes break; `None` when they keep all that they decide alone.
    enum Flaw {
        None,
        Length,
        Kind,
        Counts,
        Template,
        AmountZero,
        OwnerZero,
        InputsEqual,
        Unbalanced
    }

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
        (Flaw flaw, uint256 a, uint256 b) = examine(transaction, legacyTransactions);
        if (flaw != Flaw.None) _refuse(flaw, a, b);
    }

    /// @notice The same for any bytes at all, never reverting: the first rule that is broken, with what the error of
    /// `check` says about it.
    function examine(bytes calldata transaction, bool legacyTransactions)
        internal
        pure
        returns (Flaw flaw, uint256 a, uint256 b)
    {
        if (transaction.length < HEAD_BYTES) return (Flaw.Length, transaction.length, HEAD_BYTES);
        uint8 kindByte = kind(transaction);
        (a, b) = (inputs(transaction), outputs(transaction));
        flaw = _examineCounts(kindByte, a, b, legacyTransactions);
        if (flaw != Flaw.None) return (flaw, flaw == Flaw.Kind ? kindByte : a, b);
        uint256 expected = HEAD_BYTES + INPUT_BYTES * a + OUTPUT_BYTES * b + SIGNATURE_BYTES;
        if (transaction.length != expected) return (Flaw.Length, transaction.length, expected);
        if (kindByte != TRANSFER && !_keepsTemplate(transaction)) return (Flaw.Template, 0, 0);
        // What a fund brings and to whom the vault decided; its input is no position.
        if (kindByte == FUND) return (Flaw.None, 0, 0);
        (flaw, a) = _examineOutputs(transaction);
        if (flaw != Flaw.None) return (flaw, a, 0);
        (flaw, a, b) = _examineInputs(transaction);
        if (flaw == Flaw.None && !_balances(transaction)) flaw = Flaw.Unbalanced;
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

    /// @notice The id of the only transaction that funds a deposit.
    function fundId(uint64 number, address owner, address asset_, uint256 amount)
        internal
        pure
        returns (bytes32)
    {
        uint72 position = 0;
        return keccak256(
            abi.encodePacked(
                FUND, uint8(1), uint8(1), asset_, FOREVER, position, uint256(number), owner, amount
            )
        );
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

    function _refuse(Flaw flaw, uint256 a, uint256 b) private pure {
        if (flaw == Flaw.Length) revert TransactionLength(a, b);
        if (flaw == Flaw.Kind) revert KindRefused(uint8(a));
        if (flaw == Flaw.Counts) revert CountsRefused(uint8(a), uint8(b));
        if (flaw == Flaw.Template) revert TemplateBroken();
        if (flaw == Flaw.AmountZero) revert OutputAmountZero(uint8(a));
        if (flaw == Flaw.OwnerZero) revert OutputOwnerZero(uint8(a));
        if (flaw == Flaw.InputsEqual) revert InputsEqual(uint8(a), uint8(b));
        revert Unbalanced();
    }

    function _examineCounts(uint8 kindByte, uint256 i, uint256 o, bool legacyTransactions)
        private
        pure
        returns (Flaw)
    {
        bool legacy = kindByte == SPLIT || kindByte == MERGE;
        if (kindByte != TRANSFER && kindByte != FUND && !(legacy && legacyTransactions)) return Flaw.Kind;
        uint256 inputsMin = kindByte == MERGE ? 2 : 1;
        uint256 inputsMax = kindByte == TRANSFER ? 4 : inputsMin;
        uint256 outputsMax = kindByte == TRANSFER ? 4 : kindByte == SPLIT ? 3 : 1;
        return i < inputsMin || i > inputsMax || o == 0 || o > outputsMax ? Flaw.Counts : Flaw.None;
    }

    function _keepsTemplate(bytes calldata transaction) private pure returns (bool) {
        if (expiry(transaction) != FOREVER) return false;
        if (kind(transaction) != FUND) return asset(transaction) == address(0);
        (Position position, uint256 number) = input(transaction, 0);
        bytes calldata sealing = signature(transaction);
        bool signed = bytes32(sealing[:32]) != 0 || bytes32(sealing[32:64]) != 0 || sealing[64] != 0;
        return Position.unwrap(position) == 0 && number <= type(uint64).max && !signed;
    }

    function _examineOutputs(bytes calldata transaction) private pure returns (Flaw, uint256) {
        uint8 count = outputs(transaction);
        for (uint8 i = 0; i < count; ++i) {
            (, uint256 amount) = output(transaction, i);
            if (amount == 0) return (Flaw.AmountZero, i);
        }
        for (uint8 i = 0; i < count; ++i) {
            (address owner,) = output(transaction, i);
            if (owner == address(0)) return (Flaw.OwnerZero, i);
        }
        return (Flaw.None, 0);
    }

    function _examineInputs(bytes calldata transaction) private pure returns (Flaw, uint256, uint256) {
        uint8 count = inputs(transaction);
        for (uint8 j = 1; j < count; ++j) {
            (Position second,) = input(transaction, j);
            for (uint8 i = 0; i < j; ++i) {
                (Position first,) = input(transaction, i);
                if (first == second) return (Flaw.InputsEqual, i, j);
            }
        }
        return (Flaw.None, 0, 0);
    }

    /// @dev Four amounts of 256 bits: a sum that passes 2^256 is smaller than what was added last.
    function _balances(bytes calldata transaction) private pure returns (bool) {
        uint256 brought = 0;
        uint256 given = 0;
        for (uint8 i = 0; i < inputs(transaction); ++i) {
            (, uint256 amount) = input(transaction, i);
            brought = _sum(brought, amount);
            if (brought < amount) return false;
        }
        for (uint8 i = 0; i < outputs(transaction); ++i) {
            (, uint256 amount) = output(transaction, i);
            given = _sum(given, amount);
            if (given < amount) return false;
        }
        return brought == given;
    }

    function _sum(uint256 a, uint256 b) private pure returns (uint256) {
        // Wraps on purpose: the caller compares.
        unchecked {
            return a + b;
        }
    }
}
