// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Check} from "../support/Check.sol";

/// @notice An attack is a function that says whether the attacker won. Its test says that it fails on the contracts;
/// its twin, that it wins where one rule of them is off. Only the copy that broken/run.mjs makes knows rules that can be
/// off, so twins are tests there alone.
abstract contract Attack is Check {
    /// @notice The attacker won.
    error Won();
    /// @notice The attacker did not win, though the rule that forbids it is off.
    error Vacuous();
    /// @notice The call was refused, but not for the reason that the attack is about.
    error RefusedOtherwise(bytes reason);

    /// @dev The copy reads the rule that is off from here.
    function _without(bytes20 rule) internal {
        vm.coinbase(address(rule));
    }

    function _fails(bool won) internal pure {
        if (won) revert Won();
    }

    function _wins(bool won) internal pure {
        if (!won) revert Vacuous();
    }

    /// @dev Whether a call is accepted. If it is not, then for this reason.
    function _attempt(address from, address target, uint256 value, bytes memory call, bytes4 refusal)
        internal
        returns (bool accepted)
    {
        bytes memory reason;
        vm.prank(from);
        (accepted, reason) = target.call{value: value}(call);
        if (!accepted && bytes4(reason) != refusal) revert RefusedOtherwise(reason);
    }
}
