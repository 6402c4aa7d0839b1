// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "../../contracts/libraries/MerkleProof.sol";
import {MultiProof} from "../../contracts/libraries/MultiProof.sol";
import {PlasmaTransaction} from "../../contracts/libraries/PlasmaTransaction.sol";
import {Signing} from "../../contracts/libraries/Signing.sol";
import {Offer} from "../../contracts/types/Sale.sol";

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

    function offerDigest(Offer calldata offer, address verifyingContract) external view returns (bytes32) {
        return Signing.offerDigest(offer, verifyingContract);
    }

    function recoverDigest(bytes32 signed, bytes calldata signature) external pure returns (address) {
        return Signing.recoverDigest(signed, signature);
    }

    function rootOfMany(
        uint256[] calldata indices,
        bytes32[] calldata leaves,
        uint256 count,
        bytes32[] calldata siblings
    ) external pure returns (bytes32) {
        return MultiProof.root(indices, leaves, count, siblings);
    }

    function root(bytes32 leaf_, uint256 index, uint256 count, bytes32[] calldata path)
        external
        pure
        returns (bytes32)
    {
        return MerkleProof.root(leaf_, index, count, path);
    }
}
