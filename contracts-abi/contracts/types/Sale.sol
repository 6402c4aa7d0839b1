// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What the holder of an exit asks for it, signed as EIP-712 data under the domain of `Federation` or left in
/// storage by its own call.
/// @param exit id of a standard exit, or the place of a batch, which is sold as a whole
/// @param amount what the exit would pay now: nothing was challenged or paid since the offer was made
/// @param price what the buyer pays, wei
/// @param buyer who may buy; zero for anybody
/// @param deadline the last second in which it counts
/// @param sequence how often the exit was sold or offered by a call before: an offer counts once, and not after another
struct Offer {
    uint256 exit;
    uint256 amount;
    uint256 price;
    address buyer;
    uint64 deadline;
    uint64 sequence;
}
