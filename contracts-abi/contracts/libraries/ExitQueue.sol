// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Position} from "../types/Position.sol";

/// @title A priority queue of exits
/// @notice A binary heap of exit ids. An id *is* its place in the order:
/// `exitable time 64 ‖ position 72 ‖ number 64`, so older outputs leave first among exits of one second, and the
/// number, which no two exits of a queue share, decides between exits of one output.
library ExitQueue {
    /// @dev Both counts in one slot: an exit that starts moves both.
    struct Queue {
        uint64 size;
        uint64 started;
        mapping(uint256 place => uint256) ids;
    }

    /// @notice Adds the exit of an output, to be paid from `time` on, and returns its id.
    function insert(Queue storage queue, uint64 time, Position output) internal returns (uint256 id) {
        uint64 number = queue.started + 1;
        id = (uint256(time) << 136) | (uint256(Position.unwrap(output)) << 64) | number;
        uint256 place = queue.size;
        queue.size += 1;
        queue.started = number;
        while (place != 0) {
            uint256 parent = (place - 1) / 2;
            uint256 above = queue.ids[parent];
            if (above < id) break;
            queue.ids[place] = above;
            place = parent;
        }
        queue.ids[place] = id;
    }

    /// @notice The id that leaves next. The queue is not empty.
    function first(Queue storage queue) internal view returns (uint256) {
        return queue.ids[0];
    }

    /// @notice Takes the first id out. The queue is not empty.
    function removeFirst(Queue storage queue) internal {
        uint256 last = queue.size - 1;
        queue.size = uint64(last);
        uint256 moved = queue.ids[last];
        delete queue.ids[last];
        if (last == 0) return;
        uint256 place = 0;
        while (true) {
            uint256 child = 2 * place + 1;
            if (child >= last) break;
            uint256 below = queue.ids[child];
            if (child + 1 < last) {
                uint256 right = queue.ids[child + 1];
                if (right < below) (child, below) = (child + 1, right);
            }
            if (moved < below) break;
            queue.ids[place] = below;
            place = child;
        }
        queue.ids[place] = moved;
    }

    /// @notice The second from which an exit may be paid.
    function exitableAt(uint256 id) internal pure returns (uint64) {
        return uint64(id >> 136);
    }

    /// @notice The position that an exit competes with.
    function position(uint256 id) internal pure returns (Position) {
        return Position.wrap(uint72(id >> 64));
    }
}
