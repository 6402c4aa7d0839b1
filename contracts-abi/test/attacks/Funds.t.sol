// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IFraudProofs} from "../../contracts/interfaces/IFraudProofs.sol";
import {Accused} from "../../contracts/types/Fraud.sol";
import {Forms} from "../support/Forms.sol";
import {Thief} from "./Thief.sol";

/// @notice A deposit that operators fund again, long after it was spent. The spend names the first fund's output, so it
/// challenges no exit of the second one. What stops this is the fraud proof, for which the exit itself brings the half
/// that operators could withhold; and where nobody proves it, that all older outputs leave first.
contract FundAttacks is Thief {
    function _prepare() internal override {
        if (federation.fraudProofs().code.length == 0) _create("FraudProofs", abi.encode(federation));
    }

    function test_K07_aDepositFundedAgain() external {
        _fails(_fundedAgain());
    }

    function twin_K07_aDepositFundedAgain() external {
        _without("DoubleFund");
        _wins(_fundedAgain());
    }

    /// @dev Alice paid her deposit to Bob. She exits it again.
    function _fundedAgain() private returns (bool) {
        uint32 height = _include(Forms.fund(0, alice, AMOUNT));
        uint256 before = alice.balance;
        uint256 id = _exit(alice, _proof(height, 0), 0);
        _challenge(id, _transfer(ALICE_KEY, funded, AMOUNT, bob, 1000), IExitGame.InputDiffers.selector);
        Accused memory nobody;
        IFraudProofs judge = IFraudProofs(federation.fraudProofs());
        bytes memory call = abi.encodeCall(judge.proveDoubleFund, (_proof(1, 0), _proof(height, 0), nobody));
        _attempt(WATCHER, address(judge), 0, call, IFraudProofs.DepositsDiffer.selector);
        vm.warp(id >> 112);
        _process();
        return alice.balance > before;
    }

    function test_K07_aDepositFundedAgainThatNobodyProves() external {
        _fails(_firstAgain());
    }

    function twin_K07_aDepositFundedAgainThatNobodyProves() external {
        _without("FundTerm");
        _wins(_firstAgain());
    }

    /// @dev All that is older than the fraud starts to leave in the last second of the window, and leaves in full.
    function _firstAgain() private returns (bool) {
        uint32 honest = _include(Forms.fund(1, VICTIM, OTHERS));
        uint32 height = _include(Forms.fund(0, alice, AMOUNT));
        uint256 anchored = federation.latest().time;
        vm.deal(VICTIM, BOND);
        uint256 before = bob.balance + VICTIM.balance;
        _exit(alice, _proof(height, 0), 0);
        vm.warp(anchored + PERIOD - 1);
        _exitPaid();
        _exit(VICTIM, _proof(honest, 0), 0);
        vm.warp(anchored + PERIOD);
        _process();
        vm.warp(anchored + 2 * PERIOD);
        _process();
        return bob.balance + VICTIM.balance < before + AMOUNT + OTHERS;
    }
}
