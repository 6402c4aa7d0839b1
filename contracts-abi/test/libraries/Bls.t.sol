// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "../../contracts/libraries/Bls.sol";
import {Check} from "../support/Check.sol";
import {Signer} from "../support/Signer.sol";

contract BlsTest is Check {
    uint256 private constant ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;

    function testFuzz_negate_givesTheKeyOfTheNegatedScalar(uint256 secret) external view {
        secret = 1 + secret % (ORDER - 1);
        bytes memory key = Signer.publicKey(secret);
        bytes memory minus = Signer.publicKey(ORDER - secret);
        _equal(Bls.negate(key), minus);
        _true(Bls.isInfinity(Bls.add(key, minus)));
        // Which y it is shows in one bit of the compressed key, and nowhere else.
        bytes memory compressed = Bls.compress(key);
        _equal(compressed.length, 48);
        compressed[0] ^= 0x20;
        _equal(Bls.compress(minus), compressed);
    }

    function test_negate_ofInfinityIsInfinity() external view {
        // Absent operators whose keys cancel out sum to infinity, and the others still make a certificate.
        bytes memory keys = bytes.concat(Signer.publicKey(5), Signer.publicKey(ORDER - 5));
        bytes memory nothing = Bls.sum(keys, 3);
        _true(Bls.isInfinity(nothing));
        _equal(Bls.add(Signer.publicKey(7), Bls.negate(nothing)), Signer.publicKey(7));
    }

    function testFuzz_verify_acceptsOneKeyAndOneDigest(uint128 secret, bytes32 digest, bytes32 other)
        external
        view
    {
        vm.assume(secret != 0 && digest != other);
        bytes memory key = Signer.publicKey(secret);
        bytes memory signature = Signer.sign(secret, digest);
        _true(Bls.verify(key, digest, signature));
        _true(!Bls.verify(key, other, signature));
        _true(!Bls.verify(Signer.publicKey(uint256(secret) + 1), digest, signature));
    }

    function test_verify_refusesInfinity() external view {
        _true(!Bls.verify(new bytes(128), keccak256("anything"), new bytes(256)));
    }

    function test_sum_ofNoneIsInfinity() external view {
        _true(Bls.isInfinity(Bls.sum(Signer.publicKey(5), 0)));
        _equal(Bls.sum(Signer.publicKey(5), 1), Signer.publicKey(5));
    }
}
