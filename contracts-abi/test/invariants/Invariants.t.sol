// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Check} from "../support/Check.sol";
import {Economy} from "./Economy.sol";

/// @notice Random histories over the whole set of contracts. After every step everything is compared with the model, and
/// at the end of each history everybody leaves.
abstract contract Histories is Check {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Economy internal economy;
    bytes4[] private _steps;

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(economy);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(economy), _steps);
    }

    function afterInvariant() external {
        economy.finish();
    }

    function _begin(bool colluding) internal {
        economy = new Economy();
        economy.populate();
        economy.beWatchful();
        _steps = economy.allSteps(colluding);
    }
}

/// @notice The federation is honest; users, thieves, tokens and L1 are not.
contract HonestFederationTest is Histories {
    function setUp() external {
        _begin(false);
    }

    function invariant_everybodyHasWhatTheModelSays() external view {
        economy.check();
    }
}

/// @notice All operators collude, fall silent, or sign twice.
contract CollusionTest is Histories {
    function setUp() external {
        _begin(true);
    }

    function invariant_everybodyHasWhatTheModelSays() external view {
        economy.check();
    }
}
