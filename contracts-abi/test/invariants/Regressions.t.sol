// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFraudProofs} from "../../contracts/interfaces/IFraudProofs.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Accused} from "../../contracts/types/Fraud.sol";
import {Exits} from "../support/Exits.sol";
import {Forms} from "../support/Forms.sol";
import {Economy} from "./Economy.sol";
import {Seeded} from "./Seeded.sol";

/// @notice Histories that once failed, by seed, with what they showed.
contract RegressionsTest is Seeded {
    /// @dev A thief in the model signed the bytes that another thief had signed before: one transaction id, two signers.
    function test_history_ofTwoSignersOfOneTransaction() external {
        _replay(false, 1, 1, 120);
    }

    /// @dev An honest payment of two inputs, one of them in a block that a halt took away: no block and no exit can take
    /// the payment, so it must not cost the exit of the other input.
    function test_history_ofPaymentsThatSpendWhatAHaltTookAway() external {
        _replay(true, 5, 5, 80);
    }

    /// @dev Two deposits behind a rewrite, one payment of both, one of its outputs left: a proof that comes after that payout
    /// would void the funds, and both deposits would go back as well. The watcher proves it before.
    function test_history_ofAPayoutBehindARewrite() external {
        Economy economy = new Economy();
        economy.populate();
        economy.beWatchful();
        economy.rewrite(48);
        economy.flyAfterPayout(742_108_632_603_754_154_948_546);
        economy.proveRewrite(15);
        economy.check();
        economy.finish();
    }

    /// @dev Operators include a second payment of one coin, and it flies: the older inclusion counts, whoever is asked.
    function test_history_ofADoubleSpendInFlight() external {
        Economy economy = new Economy();
        economy.populate();
        economy.beWatchful();
        for (uint256 seed = 1; economy.counted("double spend in flight") == 0; ++seed) {
            economy.flyDoubleSpend(seed);
        }
        economy.finish();
        _true(economy.counted("non-canonical") != 0);
    }

    /// @dev A payout that a seizing issuer left no tokens for, behind one that it did.
    function test_history_ofAnIssuerThatSeizesBetweenPayouts() external {
        _replay(true, 2, 10, 100);
    }
}

/// @notice A deposit that was spent is funded once more by colluding operators. That output waits for its anchor like any
/// other, so honest owners who begin within the window leave before it; and the exit itself brings what proves the fraud.
contract SecondFundTest is Exits {
    Proof private again;

    function setUp() external {
        _begin();
        _l1(3_000, 4 hours);
        _anchorEmpty(60);
        uint32 height = _block(Forms.fund(0, alice, AMOUNT));
        _l1(5, 60);
        _anchor();
        again = _proof(height, 0);
    }

    /// @dev Whoever sees the exit has all that `proveDoubleFund` asks for.
    function test_exitOfASecondFund_isVoidOnceProvenByItsOwnCalldata() external {
        _exit(alice, again, 0);
        _l1(1, 12);
        _exitPaid();
        Accused memory nobody;
        IFraudProofs(federation.fraudProofs()).proveDoubleFund(_proof(1, 0), again, nobody);
        _wait();
        uint256 before = bob.balance;
        game.process(address(0), 9);
        _equal(bob.balance - before, AMOUNT + BOND);
        _equal(vault.held(address(0)), 0);
    }

    /// @dev Bob begins in the last second of the window, and nobody proves anything.
    function test_exitOfASecondFund_leavesAfterOlderOutputs() external {
        uint256 end = block.timestamp + PERIOD;
        _exit(alice, again, 0);
        vm.warp(end);
        _exitPaid();
        _wait();
        uint256 before = bob.balance;
        game.process(address(0), 9);
        _equal(bob.balance - before, AMOUNT + BOND);
        _equal(vault.held(address(0)), 0);
    }

    function _anchorEmpty(uint256 times) private {
        for (uint256 i = 0; i < times; ++i) {
            _l1(3_000, 12 hours);
            _block();
            _anchor();
        }
        if (federation.fraudProofs().code.length == 0) _create("FraudProofs", abi.encode(federation));
    }
}
