// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Parameters} from "../contracts/types/Parameters.sol";
import {Court} from "./support/Court.sol";
import {Trials} from "./support/Trials.sol";

/// @notice Federations whose exits are so short that the reach is.
contract FraudReachTest is Trials {
    uint64 private spare;

    /// @dev Twice what the federation requires at least, and `spare` seconds in each half.
    function _fixed() private view returns (Parameters memory fixed_) {
        fixed_ = _parameters();
        fixed_.exitPeriod = 2 * (8_000 * 12 + 16 hours + 2 * 4 hours + spare);
    }

    /// @dev K17: what an exit's half leaves beyond the slowest anchor, in whole L1 blocks, and never more than L.
    function test_reach_isWhatHalfAnExitLeaves() external {
        vm.warp(1_700_000_000);
        vm.roll(1_000_000);
        uint64[6] memory spares = [uint64(0), 11, 12, 12_000, 8_000 * 12 - 1, 8_001 * 12];
        uint256[6] memory reaches = [uint256(0), 0, 1, 1_000, 7_999, 8_000];
        for (uint256 i = 0; i < 6; ++i) {
            spare = spares[i];
            court = new Court(_fixed());
            _equal(_judge().reach(), reaches[i]);
        }
    }
}
