// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "../../contracts/libraries/MerkleProof.sol";
import {PlasmaTransaction} from "../../contracts/libraries/PlasmaTransaction.sol";
import {Signing} from "../../contracts/libraries/Signing.sol";

/// @notice The libraries behind external functions, for those that read calldata.
contract Harness {
    using PlasmaTransaction for bytes;

    function check(bytes calldata transaction, bool legacyTransactions) external pure {
        transaction.check(legacyTransactions);
    }

    function examine(bytes calldata transaction, bool legacyTransactions)
        external
        pure
        returns (PlasmaTransaction.Flaw, uint256, uint256)
    {
        return transaction.examine(legacyTransactions);
    }

    function recover(bytes calldata transaction, address verifyingContract) external view returns (address) {
        return Signing.recover(transaction, verifyingContract);
    }

    function id(bytes calldata transaction) external pure returns (bytes32) {
        return transaction.id();
    }

    function leaf(bytes calldata transaction) external pure returns (bytes32) {
        return transaction.leaf();
    }

    function digest(bytes calldata transaction, address verifyingContract) external view returns (bytes32) {
        return Signing.digest(transaction, verifyingContract);
    }

    function signer(bytes calldata transaction, address verifyingContract) external view returns (address) {
        return Signing.signer(transaction, verifyingContract);
    }

    function root(bytes32 leaf_, uint256 index, uint256 count, bytes32[] calldata path)
        external
        pure
        returns (bytes32)
    {
        return MerkleProof.root(leaf_, index, count, path);
    }
}
