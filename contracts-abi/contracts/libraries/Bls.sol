// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title BLS signatures over BLS12-381 with the precompiles of EIP-2537
/// @notice Keys in G1 (128 bytes), signatures in G2 (256 bytes), both uncompressed as EIP-2537 writes them;
/// messages are 32-byte digests, hashed to the curve by RFC 9380 under the tag of the `bls-signatures` crate.
library Bls {
    /// @notice The chain lacks a precompile: the call succeeded and returned nothing.
    error PrecompileMissing(address precompile);
    /// @notice A precompile refused points that must be on the curve, or was given too little gas.
    error PrecompileFailed(address precompile);
    /// @notice A key has 128 bytes and a signature 256.
    error PointLength(uint256 found, uint256 expected);

    uint256 internal constant KEY_BYTES = 128;
    uint256 internal constant SIGNATURE_BYTES = 256;

    address private constant SHA256 = address(0x02);
    address private constant MODEXP = address(0x05);
    address private constant G1_ADD = address(0x0b);
    address private constant G2_ADD = address(0x0d);
    address private constant PAIRING = address(0x0f);
    address private constant MAP_FP2_TO_G2 = address(0x11);

    // A precompile that refuses its input burns all the gas it was given, so each call is capped. The caps are
    // four times what EIP-2537 charges (375, 600, 102 900 and 23 800; 500 for MODEXP in EIP-7883, 96 for SHA-256):
    // room for a later repricing, because a final contract whose cap falls below the price can never anchor again.
    uint256 private constant SHA256_GAS = 400;
    uint256 private constant MODEXP_GAS = 2_000;
    uint256 private constant G1_ADD_GAS = 1_500;
    uint256 private constant G2_ADD_GAS = 2_400;
    uint256 private constant PAIRING_GAS = 411_600;
    uint256 private constant MAP_GAS = 95_200;

    /// @dev BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_ and, as RFC 9380 wants, its length.
    bytes32 private constant TAG_HEAD = "BLS_SIG_BLS12381G2_XMD:SHA-256_S";
    bytes12 private constant TAG_TAIL = "SWU_RO_NUL_\x2b";

    // The field's modulus p, in the two words of an EIP-2537 field element, and (p − 1) / 2.
    uint256 private constant P_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant P_LOW = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;
    uint256 private constant HALF_HIGH = 0x0d0088f51cbff34d258dd3db21a5d66b;
    uint256 private constant HALF_LOW = 0xb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd555;

    // The negated generator of G1.
    uint256 private constant MINUS_X_HIGH = 0x17f1d3a73197d7942695638c4fa9ac0f;
    uint256 private constant MINUS_X_LOW = 0xc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb;
    uint256 private constant MINUS_Y_HIGH = 0x114d1d6855d545a8aa7d76c8cf2e21f2;
    uint256 private constant MINUS_Y_LOW = 0x67816aef1db507c96655b9d5caac42364e6f38ba0ecb751bad54dcd6b939c2ca;

    /// @notice Whether `signature` is that of `key` over `digest`: e(key, H(digest)) · e(−g, signature) = 1.
    /// @dev The pairing refuses coordinates that are not reduced and points outside curve or subgroup. Infinity
    /// passes it, and pairs with infinity to a valid signature over everything, so it is refused here.
    function verify(bytes memory key, bytes32 digest, bytes memory signature) internal view returns (bool) {
        if (key.length != KEY_BYTES) revert PointLength(key.length, KEY_BYTES);
        if (signature.length != SIGNATURE_BYTES) revert PointLength(signature.length, SIGNATURE_BYTES);
        if (isInfinity(key) || isInfinity(signature)) return false;
        bytes memory input = abi.encodePacked(
            key, hashToCurve(digest), MINUS_X_HIGH, MINUS_X_LOW, MINUS_Y_HIGH, MINUS_Y_LOW, signature
        );
        (bool accepted, bytes memory output) = PAIRING.staticcall{gas: PAIRING_GAS}(input);
        if (!accepted) return false;
        if (output.length != 32) revert PrecompileMissing(PAIRING);
        return uint256(bytes32(output)) == 1;
    }

    /// @notice The sum of two keys.
    function add(bytes memory a, bytes memory b) internal view returns (bytes memory total) {
        bytes memory input = bytes.concat(a, b);
        total = new bytes(KEY_BYTES);
        _call(G1_ADD, G1_ADD_GAS, _start(input), 2 * KEY_BYTES, _start(total), KEY_BYTES);
    }

    /// @notice The sum of those keys that `indices` has bits for. `keys` holds 128 bytes for each.
    function sum(bytes memory keys, uint256 indices) internal view returns (bytes memory total) {
        bytes memory input = new bytes(2 * KEY_BYTES);
        uint256 start = _start(input);
        for (uint256 key = _start(keys); indices != 0; indices >>= 1) {
            if (indices & 1 == 1) {
                assembly ("memory-safe") {
                    mcopy(add(start, 128), key, 128)
                }
                _call(G1_ADD, G1_ADD_GAS, start, 2 * KEY_BYTES, start, KEY_BYTES);
            }
            key += KEY_BYTES;
        }
        total = new bytes(KEY_BYTES);
        assembly ("memory-safe") {
            mcopy(add(total, 0x20), start, 128)
        }
    }

    /// @notice The key that added to `key` gives infinity. Infinity is its own.
    function negate(bytes memory key) internal pure returns (bytes memory) {
        if (isInfinity(key)) return key;
        (uint256 xHigh, uint256 xLow, uint256 yHigh, uint256 yLow) =
            abi.decode(key, (uint256, uint256, uint256, uint256));
        unchecked {
            // A point of the subgroup has 0 < y < p, so p − y does not wrap as a whole; the low word may.
            uint256 borrow = yLow > P_LOW ? 1 : 0;
            return abi.encode(xHigh, xLow, P_HIGH - yHigh - borrow, P_LOW - yLow);
        }
    }

    /// @notice The 48 bytes of a key as operators exchange it: x, marked as compressed, and which y it is.
    function compress(bytes memory key) internal pure returns (bytes memory) {
        (uint256 xHigh, uint256 xLow, uint256 yHigh, uint256 yLow) =
            abi.decode(key, (uint256, uint256, uint256, uint256));
        bool larger = yHigh > HALF_HIGH || (yHigh == HALF_HIGH && yLow > HALF_LOW);
        uint128 marks = larger ? 0xa0 << 120 : 0x80 << 120;
        return abi.encodePacked(uint128(xHigh) | marks, xLow);
    }

    /// @notice Whether a point is infinity, which EIP-2537 writes as zeros.
    function isInfinity(bytes memory point) internal pure returns (bool) {
        return keccak256(point) == keccak256(new bytes(point.length));
    }

    /// @notice The point of G2 that a digest hashes to, RFC 9380 suite BLS12381G2_XMD:SHA-256_SSWU_RO_.
    function hashToCurve(bytes32 digest) internal view returns (bytes memory point) {
        uint256 elements = _start(_fieldElements(digest));
        bytes memory points = new bytes(2 * SIGNATURE_BYTES);
        uint256 first = _start(points);
        _call(MAP_FP2_TO_G2, MAP_GAS, elements, 128, first, SIGNATURE_BYTES);
        _call(MAP_FP2_TO_G2, MAP_GAS, elements + 128, 128, first + SIGNATURE_BYTES, SIGNATURE_BYTES);
        point = new bytes(SIGNATURE_BYTES);
        _call(G2_ADD, G2_ADD_GAS, first, 2 * SIGNATURE_BYTES, _start(point), SIGNATURE_BYTES);
    }

    /// @dev hash_to_field of RFC 9380 section 5.2: two elements of Fp2, each c0 and c1 of 64 bytes.
    function _fieldElements(bytes32 digest) private view returns (bytes memory elements) {
        elements = _expand(digest);
        uint256 first = _start(elements);
        // MODEXP: lengths of base, exponent and modulus, then the three; the power of one modulo p.
        bytes memory input = abi.encodePacked(
            uint256(64), uint256(1), uint256(64), uint256(0), uint256(0), uint8(1), P_HIGH, P_LOW
        );
        uint256 start = _start(input);
        for (uint256 element = first; element < first + 256; element += 64) {
            // Solidity cannot write into the middle of a buffer; building one per element costs five times more.
            assembly ("memory-safe") {
                mcopy(add(start, 96), element, 64)
            }
            _call(MODEXP, MODEXP_GAS, start, 225, element, 64);
        }
    }

    /// @dev expand_message_xmd of RFC 9380 section 5.3.1 with SHA-256, for 256 bytes.
    function _expand(bytes32 digest) private view returns (bytes memory uniform) {
        bytes32 zero = sha256(
            abi.encodePacked(bytes32(0), bytes32(0), digest, uint16(256), uint8(0), TAG_HEAD, TAG_TAIL)
        );
        uniform = new bytes(256);
        bytes memory input = abi.encodePacked(zero, uint8(1), TAG_HEAD, TAG_TAIL);
        uint256 start = _start(input);
        uint256 output = _start(uniform);
        for (uint256 i = 1; i <= 8; ++i) {
            _call(SHA256, SHA256_GAS, start, 77, output, 32);
            // The same buffer again, as above: the next input differs in its first 33 bytes.
            assembly ("memory-safe") {
                mstore(start, xor(zero, mload(output)))
                mstore8(add(start, 32), add(i, 1))
            }
            output += 32;
        }
    }

    function _start(bytes memory content) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := add(content, 0x20)
        }
    }

    /// @dev Solidity's own call makes a fresh copy of what is returned, at every one of fifteen calls.
    function _call(
        address precompile,
        uint256 gasCap,
        uint256 input,
        uint256 inputSize,
        uint256 output,
        uint256 outputSize
    ) private view {
        bool accepted;
        uint256 returned;
        assembly ("memory-safe") {
            accepted := staticcall(gasCap, precompile, input, inputSize, output, outputSize)
            returned := returndatasize()
        }
        if (!accepted) revert PrecompileFailed(precompile);
        if (returned != outputSize) revert PrecompileMissing(precompile);
    }
}
