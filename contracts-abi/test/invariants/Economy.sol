// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFraudProofs} from "../../contracts/interfaces/IFraudProofs.sol";
import {Corners} from "./Corners.sol";

/// @notice The whole set of contracts with everybody who uses or abuses it. Every public function that takes a seed is one
/// step of a random history; it finds something that it may do, or does nothing.
contract Economy is Corners {
    constructor() {
        _beginChronicle();
        judge = IFraudProofs(federation.fraudProofs());
        if (address(judge).code.length == 0) _create("FraudProofs", abi.encode(federation));
        _beginPurse();
        _beginLedger();
        exits.push();
        flights.push();
        vm.deal(address(this), 4 ether);
        seats[0] = 15;
        for (uint16 i = 0; i < 4; ++i) {
            federation.postBond{value: 1 ether}(0, i);
        }
    }

    /// @notice What a history is made of. The last ones only when the operators collude or fall silent.
    function steps(bool colluding) public pure returns (bytes4[] memory list) {
        bytes4[43] memory all = [
            this.deposit.selector,
            this.pay.selector,
            this.payInVain.selector,
            this.include.selector,
            this.anchor.selector,
            this.withdraw.selector,
            this.issue.selector,
            this.exit.selector,
            this.exitBatch.selector,
            this.sell.selector,
            this.exitWrongly.selector,
            this.challenge.selector,
            this.challengeByReceipt.selector,
            this.challengeByLie.selector,
            this.rebut.selector,
            this.challengeWrongly.selector,
            this.fly.selector,
            this.signTwiceAndFly.selector,
            this.claimOutputs.selector,
            this.claimInputs.selector,
            this.contest.selector,
            this.respond.selector,
            this.showSpent.selector,
            this.flyWrongly.selector,
            this.flyAgain.selector,
            this.reclaim.selector,
            this.endReclaims.selector,
            this.process.selector,
            this.advance.selector,
            this.advanceFar.selector,
            this.advanceToNext.selector,
            this.anchorWrongly.selector,
            this.reorganise.selector,
            this.race.selector,
            this.announceSilence.selector,
            this.haltIfSilent.selector,
            this.signTwice.selector,
            this.fallSilent.selector,
            this.forge.selector,
            this.proveForgery.selector,
            this.rewrite.selector,
            this.exitLie.selector,
            this.proveRewrite.selector
        ];
        list = new bytes4[](colluding ? all.length : 34);
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = all[i];
        }
    }

    /// @notice Beside those: histories of the steps above alone stay as they were.
    function moreSteps(bool colluding) public pure returns (bytes4[] memory list) {
        bytes4[28] memory all = [
            this.flyByReceipt.selector,
            this.contestByReceipt.selector,
            this.respondByReceipt.selector,
            this.showInputByReceipt.selector,
            this.showOutputByReceipt.selector,
            this.rebutInFlight.selector,
            this.nest.selector,
            this.borrow.selector,
            this.withdrawTwice.selector,
            this.force.selector,
            this.sendTokens.selector,
            this.rescue.selector,
            this.flyAfterPayout.selector,
            this.disputeByReceipts.selector,
            this.lieAboutExit.selector,
            this.handOver.selector,
            this.announceSuccessor.selector,
            this.activateSuccessor.selector,
            this.anchorOutOfTurn.selector,
            this.speakOutOfTerm.selector,
            this.join.selector,
            this.takeBond.selector,
            this.signTwiceInAnyEpoch.selector,
            this.retellByLeavers.selector,
            this.anchorTooLate.selector,
            this.flyOnVoid.selector,
            this.claimInVain.selector,
            this.flyDoubleSpend.selector
        ];
        list = new bytes4[](colluding ? all.length : 22);
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = all[i];
        }
    }

    /// @notice Nothing that can be proven in time is proven late: see docs/contracts.md for what happens when it is.
    function beWatchful() external {
        watchful = true;
    }

    /// @notice Both, one after another.
    function allSteps(bool colluding) external pure returns (bytes4[] memory list) {
        bytes4[] memory first = steps(colluding);
        bytes4[] memory more = moreSteps(colluding);
        list = new bytes4[](first.length + more.length);
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = i < first.length ? first[i] : more[i - first.length];
        }
    }

    /// @notice A beginning: what histories begin with.
    function populate() external {
        for (uint256 seed = 1; seed < 9; ++seed) {
            deposit(seed);
            pay(seed);
        }
        anchor(0);
    }

    /// @notice Everybody leaves and is paid; what an honest owner had is gone from here.
    function finish() external {
        if (silent && !federation.halted()) anchorTooLate(0);
        _finish();
        _takeBonds();
        _flyOnVoids();
        _lapse();
        check();
        _holds(robbed[ETH] || _remains(ETH) == 0, "I12: everybody left");
        _holds(robbed[address(token)] || _remains(address(token)) == 0, "I12: everybody left");
    }

    /// @notice What must hold between any two calls.
    function check() public view {
        _checkAsset(ETH);
        _checkAsset(address(token));
        _checkBonds();
        // I10: numbers are contiguous, and records say what was deposited.
        _equal(vault.depositCount(), entries.length - 1);
        for (uint64 i = 1; i < entries.length; ++i) {
            _equal(vault.deposits(i - 1).amount, entries[i].amount);
            _true((vault.deposits(i - 1).reclaimedAt != 0) == entries[i].returned);
        }
    }

    function counted(bytes32 what) external view returns (uint256) {
        return count[what];
    }

    function events() external view returns (bytes32[] memory) {
        return seen;
    }

    function gasMost() external view returns (uint256) {
        return dearest;
    }

    /// @dev I1, I2: the vault has what was deposited and did not leave, that is what it owes, and everybody has what the
    /// model says, to the wei.
    function _checkAsset(address asset) private view {
        _holds(vault.held(asset) == backing[asset], "I1: held");
        if (!robbed[asset]) _holds(backing[asset] == owed(asset), "I1: owed");
        uint256 credits = 0;
        for (uint256 i = 0; i < people.length; ++i) {
            _holds(wealth(asset, people[i]) == purse[asset][people[i]], "I9: everybody has theirs");
            credits += vault.credit(asset, people[i]);
        }
        if (asset == ETH) {
            _equal(
                address(vault).balance,
                backing[ETH] + credits + reclaimsOpen * BOND + gifts[ETH][address(vault)]
            );
        } else {
            _equal(token.balanceOf(address(vault)), stock);
            _equal(stock + seized, backing[asset] + credits + gifts[asset][address(vault)]);
            for (uint256 i = 1; i < 4; ++i) {
                _equal(token.balanceOf(_ours()[i]), gifts[asset][_ours()[i]]);
            }
        }
    }

    /// @dev I9: every wei of a bond is held for somebody.
    function _checkBonds() private view {
        (uint256 ofGame, uint256 ofFlights) = bondsOpen();
        for (uint256 i = 0; i < people.length; ++i) {
            ofGame += game.credit(ETH, people[i]);
            ofFlights += inFlight.credit(ETH, people[i]);
        }
        ofGame += gifts[ETH][address(game)];
        ofFlights += gifts[ETH][address(inFlight)];
        _holds(address(game).balance == ofGame, "I9: bonds of exits");
        _holds(address(inFlight).balance == ofFlights, "I9: bonds in flight");
        _equal(
            address(federation).balance,
            _bonded() + federation.reward(WATCHER) + gifts[ETH][address(federation)]
        );
        _equal(address(0).balance, burnt);
    }
}
