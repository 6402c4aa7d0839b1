// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "./interfaces/IFederation.sol";
import {Parameters} from "./types/Parameters.sol";

/// @title What a federation fixes for ever, and how its times hang together
abstract contract Rules is IFederation {
    /// @dev Nobody waits longer for an exit, and no sum of times overflows below it.
    uint64 private constant PERIOD_MAX = 365 days;
    /// @dev Room for twice the longest period, and a bound: a committee that could never change would hold for
    /// ever those who trust it.
    uint64 private constant DELAY_MAX = 1460 days;
    /// @dev The L1 blocks whose hashes EIP-2935 keeps.
    uint64 private constant BLOCK_HASHES_KEPT = 8191;

    uint64 internal immutable _originWindow;
    uint64 internal immutable _silence;
    uint64 internal immutable _grace;
    uint256 internal immutable _operatorBond;
    uint64 internal immutable _committeeDelay;
    uint64 private immutable _exitPeriod;
    uint256 private immutable _exitBond;
    uint64 private immutable _l1BlockTime;
    uint64 private immutable _reclaimWindow;
    bool private immutable _legacyTransactions;

    constructor(Parameters memory fixed_) {
        _checkParameters(fixed_);
        _exitPeriod = fixed_.exitPeriod;
        _exitBond = fixed_.exitBond;
        _originWindow = fixed_.originWindow;
        _l1BlockTime = fixed_.l1BlockTime;
        _silence = fixed_.silence;
        _grace = fixed_.grace;
        _legacyTransactions = fixed_.legacyTransactions;
        _operatorBond = fixed_.operatorBond;
        _committeeDelay = fixed_.committeeDelay;
        _reclaimWindow = fixed_.reclaimWindow;
    }

    /// @inheritdoc IFederation
    function parameters() external view returns (Parameters memory) {
        return Parameters({
            exitPeriod: _exitPeriod,
            exitBond: _exitBond,
            originWindow: _originWindow,
            l1BlockTime: _l1BlockTime,
            silence: _silence,
            grace: _grace,
            legacyTransactions: _legacyTransactions,
            operatorBond: _operatorBond,
            committeeDelay: _committeeDelay,
            reclaimWindow: _reclaimWindow
        });
    }

    function _checkParameters(Parameters memory fixed_) private pure {
        if (fixed_.exitPeriod > PERIOD_MAX) revert ParametersRefused("exitPeriod <= 365 days");
        if (fixed_.originWindow > BLOCK_HASHES_KEPT) revert ParametersRefused("originWindow <= 8191");
        if (fixed_.l1BlockTime == 0) revert ParametersRefused("l1BlockTime > 0");
        if (fixed_.silence == 0 || fixed_.grace == 0) revert ParametersRefused("silence, grace > 0");
        if (fixed_.exitBond == 0) revert ParametersRefused("exitBond > 0");
        if (fixed_.operatorBond == 0) revert ParametersRefused("operatorBond > 0");
        if (fixed_.reclaimWindow == 0) revert ParametersRefused("reclaimWindow > 0");
        if (fixed_.committeeDelay > DELAY_MAX) revert ParametersRefused("committeeDelay <= 1460 days");
        uint256 window = uint256(fixed_.originWindow) * fixed_.l1BlockTime;
        uint256 silence = fixed_.silence;
        // An idle federation anchors every quarter of `silence`: that is the largest interval of anchors.
        if (window < silence + silence / 4 + fixed_.grace) {
            revert ParametersRefused("originWindow * l1BlockTime >= silence * 5/4 + grace");
        }
        uint256 known = window + silence + 2 * uint256(fixed_.grace) + fixed_.reclaimWindow;
        if (2 * known > fixed_.exitPeriod) {
            revert ParametersRefused("2 * (originWindow * l1BlockTime + silence + 2 * grace + reclaimWindow) <= exitPeriod");
        }
        // An exit of an output that was anchored this second is the longest: it takes two periods.
        if (fixed_.committeeDelay <= 2 * uint256(fixed_.exitPeriod)) {
            revert ParametersRefused("committeeDelay > 2 * exitPeriod");
        }
    }
}
