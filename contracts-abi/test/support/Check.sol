// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// @notice What every test starts from: the cheat codes, and comparisons that say both sides.
abstract contract Check {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error Differs(bytes32 found, bytes32 expected);
    error BytesDiffer(bytes found, bytes expected);
    error NotBelow(uint256 found, uint256 bound);
    error NotTrue();

    function _equal(uint256 found, uint256 expected) internal pure {
        if (found != expected) revert Differs(bytes32(found), bytes32(expected));
    }

    function _equal(bytes32 found, bytes32 expected) internal pure {
        if (found != expected) revert Differs(found, expected);
    }

    function _equal(address found, address expected) internal pure {
        _equal(uint160(found), uint160(expected));
    }

    function _equal(bytes memory found, bytes memory expected) internal pure {
        if (keccak256(found) != keccak256(expected)) revert BytesDiffer(found, expected);
    }

    function _atMost(uint256 found, uint256 bound) internal pure {
        if (found > bound) revert NotBelow(found, bound);
    }

    function _true(bool condition) internal pure {
        if (!condition) revert NotTrue();
    }
}
