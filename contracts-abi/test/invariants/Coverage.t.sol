// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Seeded} from "./Seeded.sol";

/// @notice What must have happened in a set of histories.
contract CoverageTest is Seeded {
    function test_histories_ofAnHonestFederationSeeEverything() external {
        _run(false, 3, 10, 120);
        bytes32[37] memory all = [
            bytes32("swallowed deposit"),
            "anchor refused",
            "reorganisation",
            "batch",
            "sale",
            "two in flight",
            "race",
            "reclaim overtaken",
            "flight",
            "output claimed",
            "inputs claimed",
            "exit",
            "expired payment",
            "reclaim",
            "reclaim refused",
            "reclaim challenged",
            "output shown spent",
            "input shown spent",
            "input went back",
            "canonical",
            "non-canonical",
            "contested",
            "responded",
            "restart refused",
            "payout",
            "payout in flight",
            "payout to a griefer",
            "second exit refused",
            "false challenge refused",
            "false competitor refused",
            "expired challenge refused",
            "challenge",
            "challenge by inclusion",
            "token credit",
            "true claim",
            "false claim",
            "claim rebutted"
        ];
        for (uint256 i = 0; i < all.length; ++i) {
            _happened(all[i]);
        }
    }

    function test_histories_ofColludingOperatorsSeeEverything() external {
        _run(true, 7, 20, 80);
        bytes32[12] memory all = [
            bytes32("forgery"),
            "fraud proven",
            "forged payout",
            "rewrite",
            "lie refused",
            "rewrite proven",
            "contradiction",
            "exodus",
            "void exit",
            "void flight",
            "silence announced",
            "silence"
        ];
        for (uint256 i = 0; i < all.length; ++i) {
            _happened(all[i]);
        }
    }
}
