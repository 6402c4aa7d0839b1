// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a federation fixes for ever when it is deployed.
/// @param exitPeriod P: the shortest time from the start of an exit to its payout, seconds
/// @param exitBond what starting an exit costs until it ends, wei
/// @param originWindow L: how far back an anchor's L1 origin may lie, L1 blocks
/// @param l1BlockTime seconds per L1 block (12 on mainnet), to compare `originWindow` with the others
/// @param silence seconds without an anchor after which the federation counts as silent
/// @param grace seconds that a silent federation has left to save its committed blocks
/// @param legacyTransactions whether transactions of the kinds split and merge are transactions at all
/// @param operatorBond what an operator's seat in a committee can lose, wei
/// @param committeeDelay seconds from the announcement of a committee to its activation, and from the end of a
/// committee to the return of its bonds: longer than the longest exit
/// @param reclaimWindow seconds in which the reclaim of a deposit can be challenged
struct Parameters {
    uint64 exitPeriod;
    uint256 exitBond;
    uint64 originWindow;
    uint64 l1BlockTime;
    uint64 silence;
    uint64 grace;
    bool legacyTransactions;
    uint256 operatorBond;
    uint64 committeeDelay;
    uint64 reclaimWindow;
}
