// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../../contracts/interfaces/IInFlightExits.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Seeded} from "./Seeded.sol";

/// @notice What must have happened in a set of histories.
contract CoverageTest is Seeded {
    function test_histories_ofAnHonestFederationSeeEverything() external {
        _run(false, 1, 11, 120);
        bytes32[74] memory all = [
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
            "claim rebutted",
            "flight by receipt",
            "flight by a lie",
            "true competitor",
            "false competitor",
            "true inclusion",
            "false inclusion",
            "true spent input",
            "false spent input",
            "true spent output",
            "false spent output",
            "claim refused",
            "rebuttal refused",
            "lie rebutted in flight",
            "claim in flight stood",
            "unfounded flight",
            "flight after a payout",
            "rescue",
            "announcement",
            "announcement refused",
            "announcement replaced",
            "activation",
            "activation refused",
            "sealed committee refused",
            "past committee refused",
            "word out of term",
            "bond posted",
            "seat refused",
            "late bond",
            "bond held",
            "bond of a leaver held",
            "bond withdrawn",
            "call from inside a credit",
            "second withdrawal refused",
            "withdrawal inside another",
            "forced by a contract's end",
            "forced as a reward",
            "tokens sent"
        ];
        for (uint256 i = 0; i < all.length; ++i) {
            _happened(all[i]);
        }
        _happenedInside();
    }

    function test_histories_ofColludingOperatorsSeeEverything() external {
        _run(true, 7, 16, 80);
        bytes32[22] memory all = [
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
            "silence",
            "anchor too late",
            "void start refused",
            "claims in vain",
            "claim that no anchor covers",
            "double spend in flight",
            "announcement lapsed",
            "leaver convicted",
            "old keys convicted",
            "old keys refused",
            "call from inside a reward"
        ];
        for (uint256 i = 0; i < all.length; ++i) {
            _happened(all[i]);
        }
    }

    /// @dev Calls that succeeded from inside a withdrawal of whoever made them.
    function _happenedInside() private view {
        bytes4[19] memory all = [
            IVault.deposit.selector,
            IVault.startReclaim.selector,
            IVault.finalizeReclaim.selector,
            IExitGame.startExit.selector,
            IExitGame.startExits.selector,
            IExitGame.buyExit.selector,
            IExitGame.challengeExit.selector,
            IExitGame.challengeExitIncluded.selector,
            IExitGame.challengeExitProvisionally.selector,
            IExitGame.rebutChallenge.selector,
            IExitGame.process.selector,
            IInFlightExits.startInFlightExit.selector,
            IInFlightExits.piggybackInput.selector,
            IInFlightExits.piggybackOutput.selector,
            IInFlightExits.challengeNotCanonical.selector,
            IInFlightExits.respondNotCanonical.selector,
            IInFlightExits.challengeInputSpent.selector,
            IInFlightExits.challengeOutputSpent.selector,
            IInFlightExits.rebut.selector
        ];
        for (uint256 i = 0; i < all.length; ++i) {
            _happened(bytes32(all[i]));
        }
    }
}
