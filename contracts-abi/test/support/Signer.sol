// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "../../contracts/libraries/Bls.sol";

/// @notice An operator's BLS key in a test: the multiplications that signing needs are precompiles too.
library Signer {
    bytes internal constant GENERATOR = hex"0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58"
        hex"6c55e83ff97a1aeffb3af00adb22c6bb0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4"
        hex"fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";

    /// @notice The public key of a secret scalar.
    function publicKey(uint256 secret) internal view returns (bytes memory) {
        return _multiply(address(0x0c), GENERATOR, secret);
    }

    /// @notice The signature of a secret scalar; that of a sum of scalars is the sum of their signatures.
    function sign(uint256 secret, bytes32 digest) internal view returns (bytes memory) {
        return _multiply(address(0x0e), Bls.hashToCurve(digest), secret);
    }

    function _multiply(address precompile, bytes memory point, uint256 secret)
        private
        view
        returns (bytes memory)
    {
        (bool accepted, bytes memory output) = precompile.staticcall(abi.encodePacked(point, secret));
        require(accepted && output.length == point.length, "multiplication refused");
        return output;
    }
}
