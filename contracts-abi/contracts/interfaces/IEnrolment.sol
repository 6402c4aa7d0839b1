// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Member} from "../types/Committee.sol";

/// @title Where a committee is examined and written down before `Federation` takes it
/// @notice A part of `Federation` that has no room in its code. It keeps nothing and trusts nobody: what it
/// returns depends on the members and on who calls, because proofs of possession name the caller.
/// Its errors are those of `IFederation`.
interface IEnrolment {
    /// @notice Checks a committee and keeps it as code of an account of its own.
    /// @return content that account: the sum of all keys 128, then n keys of 128, then n accounts of 20
    /// @return digest keccak of operator 20 ‖ compressed key 48 ‖ peer 32 of every member in order
    function enrol(Member[] calldata members) external returns (address content, bytes32 digest);
}
