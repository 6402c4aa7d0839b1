// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFraudProofs} from "../../contracts/interfaces/IFraudProofs.sol";
import {Operators} from "./Operators.sol";

/// @notice The whole set of contracts with everybody who uses or abuses it. Every public function that takes a seed is one
/// step of a random history; it finds something that it may do, or does nothing.
contract Economy is Operators {
    constructor() {
        _beginChronicle();
        judge = IFraudProofs(federation.fraudProofs());
        if (address(judge).code.length == 0) _create("FraudProofs", abi.encode(federation));
        _beginPurse();
        _beginLedger();
        exits.push();
        flights.push();
        vm.deal(address(this), 4 ether);
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
        _finish();
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
            _equal(address(vault).balance, backing[ETH] + credits + reclaimsOpen * BOND);
        } else {
            _equal(token.balanceOf(address(vault)), stock);
            _equal(stock + seized, backing[asset] + credits);
        }
    }

    /// @dev I9: every wei of a bond is held for somebody.
    function _checkBonds() private view {
        (uint256 ofGame, uint256 ofFlights) = bondsOpen();
        for (uint256 i = 0; i < people.length; ++i) {
            ofGame += game.credit(ETH, people[i]);
            ofFlights += inFlight.credit(ETH, people[i]);
        }
        _holds(address(game).balance == ofGame, "I9: bonds of exits");
        _holds(address(inFlight).balance == ofFlights, "I9: bonds in flight");
        uint256 bonded = 0;
        for (uint256 i = 0; i < 4; ++i) {
            bonded += (seats >> i) & 1;
        }
        _equal(address(federation).balance, bonded * 1 ether + federation.reward(WATCHER));
        _equal(address(0).balance, burnt);
    }
}
