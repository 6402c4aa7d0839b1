// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ExitQueue} from "../../contracts/libraries/ExitQueue.sol";
import {Position} from "../../contracts/types/Position.sol";
import {Check} from "../support/Check.sol";

contract ExitQueueTest is Check {
    using ExitQueue for ExitQueue.Queue;

    ExitQueue.Queue private queue;
    uint256[] private reference_;

    /// @dev Any interleaving of insertions and removals gives what a sorted list gives.
    function testFuzz_removeFirst_isAlwaysTheLeast(uint256 seed) external {
        for (uint256 step = 0; step < 120; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            if (seed % 5 < 3) {
                // Few values, so that many ids share time or position.
                uint256 id = queue.insert(uint64((seed >> 8) % 4), Position.wrap(uint72((seed >> 16) % 4)));
                reference_.push(id);
            } else if (_size() != 0) {
                _equal(_first(), _takeLeast());
                queue.removeFirst();
            }
            _equal(_size(), reference_.length);
        }
        while (_size() != 0) {
            _equal(_first(), _takeLeast());
            queue.removeFirst();
        }
        _equal(reference_.length, 0);
    }

    function test_insert_idsTellTimePositionAndNumber() external {
        uint256 id = queue.insert(type(uint64).max, Position.wrap(type(uint72).max));
        _equal(id, (uint256(type(uint64).max) << 112) | (uint256(type(uint72).max) << 40) | 1);
        _equal(ExitQueue.exitableAt(id), type(uint64).max);
        _equal(Position.unwrap(ExitQueue.position(id)), type(uint72).max);
        queue.removeFirst();
        id = queue.insert(7, Position.wrap(9));
        _equal(id, (uint256(7) << 112) | (uint256(9) << 40) | 2);
    }

    function _size() private view returns (uint256 size) {
        (size,) = queue.peek();
    }

    function _first() private view returns (uint256 first) {
        (, first) = queue.peek();
    }

    function _takeLeast() private returns (uint256 least) {
        uint256 where = 0;
        for (uint256 i = 1; i < reference_.length; ++i) {
            if (reference_[i] < reference_[where]) where = i;
        }
        least = reference_[where];
        reference_[where] = reference_[reference_.length - 1];
        reference_.pop();
    }
}
