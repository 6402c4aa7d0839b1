// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Position} from "../types/Position.sol";
import {Offer} from "../types/Sale.sol";
import {PlasmaTransaction} from "./PlasmaTransaction.sol";

/// @title Who signed a transaction (docs/protocol.md section 2)
/// @notice Transfers are signed as EIP-712 data under the domain of `Federation`; splits and merges as a personal
/// message over the seed's RLP, which names neither chain nor contract. Offers of exits are EIP-712 data of the same domain.
library Signing {
    using PlasmaTransaction for bytes;

    /// @notice r or s zero or too large, s in the upper half, v not 27 or 28, or no key gives this signature.
    error SignatureRefused();
    /// @notice A fund transaction is nobody's statement.
    error NotSigned();
    /// @notice The seed's template has one byte for an output number, below 128.
    error LegacyOutput(uint8 output);

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant NAME = keccak256("Plasma");
    bytes32 private constant VERSION = keccak256("1");
    bytes32 private constant INPUT_TYPE =
        keccak256("Input(uint32 block,uint32 transaction,uint8 output,uint256 amount)");
    bytes32 private constant OUTPUT_TYPE = keccak256("Output(address owner,uint256 amount)");
    bytes32 private constant TRANSFER_TYPE = keccak256(
        "Transfer(Input[] inputs,Output[] outputs,address asset,uint32 expiry)"
        "Input(uint32 block,uint32 transaction,uint8 output,uint256 amount)Output(address owner,uint256 amount)"
    );

    bytes32 private constant OFFER_TYPE = keccak256(
        "Offer(uint256 exit,uint256 amount,uint256 price,address buyer,uint64 deadline,uint64 sequence)"
    );

    /// @dev Half the order of secp256k1, rounded down: the largest s that is low.
    uint256 private constant S_MAX = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice The address whose key signed a checked transaction.
    function signer(bytes calldata transaction, address verifyingContract)
        internal
        view
        returns (address account)
    {
        account = recover(transaction, verifyingContract);
        if (account == address(0)) revert SignatureRefused();
    }

    /// @notice The same, and nobody where `signer` reverts: for a fund, and where the signature or what it should
    /// sign has another form.
    function recover(bytes calldata transaction, address verifyingContract) internal view returns (address) {
        if (transaction.kind() == PlasmaTransaction.FUND || _farOutput(transaction) != 0) return address(0);
        bytes calldata signature = transaction.signature();
        // A digest is dearer than a look at the signature.
        return
            _isCanonical(signature) ? _recover(digest(transaction, verifyingContract), signature) : address(0);
    }

    /// @notice The address whose key signed a digest, nobody where the signature has another form: 65 bytes r ‖ s ‖ v.
    function recoverDigest(bytes32 signed, bytes calldata signature) internal pure returns (address) {
        return signature.length == 65 && _isCanonical(signature) ? _recover(signed, signature) : address(0);
    }

    /// @notice What the holder of an exit signs to sell it.
    function offerDigest(Offer calldata offer, address verifyingContract) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(OFFER_TYPE, offer)), verifyingContract);
    }

    /// @notice What the owner of the inputs signs.
    function digest(bytes calldata transaction, address verifyingContract) internal view returns (bytes32) {
        uint8 kind = transaction.kind();
        if (kind == PlasmaTransaction.FUND) revert NotSigned();
        return kind == PlasmaTransaction.TRANSFER
            ? _typedDigest(transaction, verifyingContract)
            : _personalDigest(transaction);
    }

    function _typedDigest(bytes calldata transaction, address verifyingContract)
        private
        view
        returns (bytes32)
    {
        bytes32 content = keccak256(
            abi.encode(
                TRANSFER_TYPE,
                _inputsHash(transaction),
                _outputsHash(transaction),
                transaction.asset(),
                transaction.expiry()
            )
        );
        return _digest(content, verifyingContract);
    }

    function _digest(bytes32 content, address verifyingContract) private view returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION, block.chainid, verifyingContract));
        return keccak256(abi.encodePacked("\x19\x01", domain, content));
    }

    /// @dev Every signature has one form: r and s in range, s low, v 27 or 28.
    function _isCanonical(bytes calldata signature) private pure returns (bool) {
        (bytes32 r, bytes32 s) = (bytes32(signature[:32]), bytes32(signature[32:64]));
        uint8 v = uint8(signature[64]);
        return r != 0 && s != 0 && uint256(s) <= S_MAX && (v == 27 || v == 28);
    }

    function _recover(bytes32 signed, bytes calldata signature) private pure returns (address) {
        (bytes32 r, bytes32 s) = (bytes32(signature[:32]), bytes32(signature[32:64]));
        // Reverts when the precompile gets too little gas, so no caller can make a good signature fail.
        return ecrecover(signed, uint8(signature[64]), r, s);
    }

    function _inputsHash(bytes calldata transaction) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](transaction.inputs());
        for (uint8 i = 0; i < hashes.length; ++i) {
            (Position position, uint256 amount) = transaction.input(i);
            uint72 number = Position.unwrap(position);
            hashes[i] =
                keccak256(abi.encode(INPUT_TYPE, number >> 40, uint32(number >> 8), uint8(number), amount));
        }
        return keccak256(abi.encodePacked(hashes));
    }

    function _outputsHash(bytes calldata transaction) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](transaction.outputs());
        for (uint8 i = 0; i < hashes.length; ++i) {
            (address owner, uint256 amount) = transaction.output(i);
            hashes[i] = keccak256(abi.encode(OUTPUT_TYPE, owner, amount));
        }
        return keccak256(abi.encodePacked(hashes));
    }

    /// @dev The first output number of an input that the template of a legacy kind cannot hold; zero if none.
    function _farOutput(bytes calldata transaction) private pure returns (uint8) {
        if (transaction.kind() == PlasmaTransaction.TRANSFER) return 0;
        uint8 count = transaction.inputs();
        for (uint8 i = 0; i < count; ++i) {
            (Position position,) = transaction.input(i);
            if (uint8(Position.unwrap(position)) > 127) return uint8(Position.unwrap(position));
        }
        return 0;
    }

    function _personalDigest(bytes calldata transaction) private pure returns (bytes32) {
        uint8 far = _farOutput(transaction);
        if (far != 0) revert LegacyOutput(far);
        bytes memory content = bytes.concat(
            transaction[0:1], _list(_legacyInputs(transaction)), _list(_legacyOutputs(transaction))
        );
        bytes memory message = _list(content);
        // Every form has three digits: 107, 163, 219 or 153 bytes.
        uint256 size = message.length;
        bytes3 decimal = bytes3(
            abi.encodePacked(uint8(48 + size / 100), uint8(48 + size / 10 % 10), uint8(48 + size % 10))
        );
        return keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n", decimal, message));
    }

    function _legacyInputs(bytes calldata transaction) private pure returns (bytes memory list) {
        uint8 count = transaction.inputs();
        for (uint8 i = 0; i < count; ++i) {
            (Position position, uint256 amount) = transaction.input(i);
            uint72 number = Position.unwrap(position);
            list = abi.encodePacked(
                list,
                hex"ec84",
                uint32(number >> 40),
                hex"84",
                uint32(number >> 8),
                uint8(number),
                hex"a0",
                amount
            );
        }
    }

    function _legacyOutputs(bytes calldata transaction) private pure returns (bytes memory list) {
        uint8 count = transaction.outputs();
        for (uint8 i = 0; i < count; ++i) {
            (address owner, uint256 amount) = transaction.output(i);
            list = abi.encodePacked(list, hex"f7", i, hex"94", owner, hex"a0", amount);
        }
    }

    /// @dev An RLP list of fewer than 256 bytes: one byte of head up to 55, then two.
    function _list(bytes memory content) private pure returns (bytes memory) {
        uint8 size = uint8(content.length);
        return size < 56 ? abi.encodePacked(0xc0 + size, content) : abi.encodePacked(hex"f8", size, content);
    }
}
