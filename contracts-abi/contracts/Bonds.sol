// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Committees} from "./Committees.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {Bitmap} from "./libraries/Bitmap.sol";

/// @title What operators can lose
/// @notice One bond per seat of a committee. Every wei of it is held, returned to the operator, or, once the
/// operator is convicted, half a reward and half destroyed.
abstract contract Bonds is Committees {
    /// @dev Bit i for operator i; a committee has at most a hundred.
    struct Seats {
        uint128 bonded;
        uint128 slashed;
    }

    mapping(uint64 epoch => Seats) private _seats;

    /// @inheritdoc IFederation
    mapping(address reporter => uint256 amount) public reward;

    /// @inheritdoc IFederation
    function postBond(uint64 epoch, uint16 index) external payable {
        if (msg.value != _operatorBond) revert BondDiffers(msg.value, _operatorBond);
        uint128 seat = _seat(epoch, index);
        Seats storage seats = _seats[epoch];
        if ((seats.bonded | seats.slashed) & seat != 0) revert SeatTaken(epoch, index);
        if (_released(epoch)) revert BondsReleased(epoch);
        seats.bonded |= seat;
        emit BondPosted(epoch, index, _operator(epoch, index));
    }

    /// @inheritdoc IFederation
    function withdrawBond(uint64 epoch, uint16 index, address receiver) external {
        uint128 seat = _seat(epoch, index);
        address operator = _operator(epoch, index);
        if (msg.sender != operator) revert NotOperator(operator);
        Seats storage seats = _seats[epoch];
        if (seats.bonded & seat == 0) revert NoBond(epoch, index);
        if (!_released(epoch)) revert BondHeld(epoch);
        seats.bonded &= ~seat;
        emit BondWithdrawn(epoch, index, receiver);
        _transfer(receiver, _operatorBond);
    }

    /// @inheritdoc IFederation
    function withdrawReward(address receiver) external {
        uint256 amount = reward[msg.sender];
        if (amount == 0) revert NoReward();
        delete reward[msg.sender];
        emit RewardWithdrawn(msg.sender, receiver, amount);
        _transfer(receiver, amount);
    }

    /// @inheritdoc IFederation
    function bonds(uint64 epoch) external view returns (uint256 bonded, uint256 slashed) {
        return (_seats[epoch].bonded, _seats[epoch].slashed);
    }

    /// @dev Convicts operators, each once. Who had no bond loses the right to post one.
    /// @return convicted those of `bitmap` that were not before
    function _slash(uint64 epoch, uint256 bitmap, address reporter) internal returns (uint256 convicted) {
        Seats storage seats = _seats[epoch];
        convicted = bitmap & ~uint256(seats.slashed);
        if (convicted == 0) return 0;
        uint256 lost = Bitmap.count(convicted & seats.bonded) * _operatorBond;
        seats.slashed |= uint128(convicted);
        seats.bonded &= ~uint128(convicted);
        uint256 rewarded = lost / 2;
        reward[reporter] += rewarded;
        emit Slashed(epoch, convicted, reporter, rewarded);
        if (lost != 0) _transfer(address(0), lost - rewarded);
    }

    function _seat(uint64 epoch, uint16 index) private view returns (uint128) {
        if (index >= _committees[epoch].size) revert SeatUnknown(epoch, index);
        return uint128(1) << index;
    }

    function _transfer(address receiver, uint256 amount) private {
        (bool accepted,) = receiver.call{value: amount}("");
        if (!accepted) revert TransferRefused(receiver);
    }
}
