// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Check} from "../support/Check.sol";
import {Economy} from "./Economy.sol";

/// @notice Histories from fixed seeds, and what must have happened in them: an invariant that nothing put to the test
/// holds for nothing. A failure says which history of which seed failed, in which step; `_replay` in Regressions.t.sol
/// runs one again.
abstract contract Seeded is Check {
    error Failed(uint256 seed, uint256 history, uint256 step, bytes4 call, bytes reason);
    error NeverHappened(bytes32 what);

    mapping(bytes32 what => uint256) private _times;

    function _run(bool colluding, uint256 seed, uint256 histories, uint256 depth) internal {
        for (uint256 history = 0; history < histories; ++history) {
            _replayAll(colluding, seed, history, depth);
        }
    }

    /// @dev Of the steps that histories had first.
    function _replay(bool colluding, uint256 seed, uint256 history, uint256 depth) internal {
        Economy economy = new Economy();
        _replay(economy, economy.steps(colluding), seed, history, depth);
    }

    /// @dev Of all steps.
    function _replayAll(bool colluding, uint256 seed, uint256 history, uint256 depth) internal {
        Economy economy = new Economy();
        economy.beWatchful();
        _replay(economy, economy.allSteps(colluding), seed, history, depth);
    }

    function _replay(Economy economy, bytes4[] memory steps, uint256 seed, uint256 history, uint256 depth)
        private
    {
        economy.populate();
        for (uint256 i = 0; i < depth; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, history, i)));
            bytes4 step = steps[(word >> 128) % steps.length];
            (bool done, bytes memory answer) = address(economy).call(abi.encodeWithSelector(step, word));
            if (done) (done, answer) = address(economy).staticcall(abi.encodeCall(economy.check, ()));
            if (!done) revert Failed(seed, history, i, step, answer);
        }
        (bool left, bytes memory reason) = address(economy).call(abi.encodeCall(economy.finish, ()));
        if (!left) revert Failed(seed, history, depth, economy.finish.selector, reason);
        bytes32[] memory what = economy.events();
        for (uint256 i = 0; i < what.length; ++i) {
            _times[what[i]] += economy.counted(what[i]);
        }
    }

    function _happened(bytes32 what) internal view {
        if (_times[what] == 0) revert NeverHappened(what);
    }
}
