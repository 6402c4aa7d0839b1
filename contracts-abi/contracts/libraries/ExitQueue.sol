// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Position} from "../types/Position.sol";

/// @title A priority queue of exits
/// @notice A binary heap of exit ids. An id *is* its place in the order:
/// `exitable time 64 ‖ position 72 ‖ number 40`, so older outputs leave first among exits of one second, and the
/// number, which no two exits of a queue share, decides between exits of one output. Above the 176 bits of a place stands
/// zero, or, for one output of a batch, which output of it: those exits share a place.
library ExitQueue {
    /// @dev All that an exit of a short queue touches, in one slot: a queue of one has nothing else.
    struct Front {
        uint176 first;
        uint40 size;
        uint40 started;
    }

    /// @dev Place 0 of the heap is `front.first`; the others follow from 1.
    struct Queue {
        Front front;
        mapping(uint256 place => uint256) rest;
    }

    /// @notice Adds the exit of an output, to be paid from `time` on, and returns its id.
    function insert(Queue storage queue, uint64 time, Position output) internal returns (uint256 id) {
        Front memory front = queue.front;
        uint256 place = front.size;
        front.size += 1;
        front.started += 1;
        id = (uint256(time) << 112) | (uint256(Position.unwrap(output)) << 40) | front.started;
        while (place != 0) {
            uint256 parent = (place - 1) / 2;
            uint256 above = parent == 0 ? front.first : queue.rest[parent];
            if (above < id) break;
            queue.rest[place] = above;
            place = parent;
        }
        _put(queue, front, place, id);
        queue.front = front;
    }

    /// @notice Takes the first id out. The queue is not empty.
    function removeFirst(Queue storage queue) internal {
        Front memory front = queue.front;
        uint256 last = front.size - 1;
        front.size = uint40(last);
        // `rest` has no place 0: what moves into an emptied queue is zero.
        uint256 moved = 0;
        if (last != 0) {
            moved = queue.rest[last];
            delete queue.rest[last];
        }
        uint256 place = 0;
        while (true) {
            uint256 child = 2 * place + 1;
            if (child >= last) break;
            uint256 below = queue.rest[child];
            if (child + 1 < last) {
                uint256 right = queue.rest[child + 1];
                if (right < below) (child, below) = (child + 1, right);
            }
            if (moved < below) break;
            _put(queue, front, place, below);
            place = child;
        }
        _put(queue, front, place, moved);
        queue.front = front;
    }

    /// @notice How many exits wait, and the id that leaves next, zero in an empty queue.
    function peek(Queue storage queue) internal view returns (uint256 size, uint256 first) {
        Front memory front = queue.front;
        return (front.size, front.first);
    }

    /// @notice The second from which an exit may be paid.
    function exitableAt(uint256 id) internal pure returns (uint64) {
        return uint64(id >> 112);
    }

    /// @notice The position that a place competes with.
    function position(uint256 id) internal pure returns (Position) {
        return Position.wrap(uint72(id >> 40));
    }

    /// @notice The exit of one output of a batch, counted from zero.
    function member(uint256 place, uint256 index) internal pure returns (uint256 id) {
        return place | ((index + 1) << 176);
    }

    /// @notice The place of an exit, and which output of a batch it is: counted from one, zero for an exit of one output.
    function split(uint256 id) internal pure returns (uint256 place, uint256 number) {
        return (uint176(id), id >> 176);
    }

    /// @dev Place 0 goes to the copy in memory, which the caller stores once.
    function _put(Queue storage queue, Front memory front, uint256 place, uint256 id) private {
        if (place == 0) front.first = uint176(id);
        else queue.rest[place] = id;
    }
}
