// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IPayouts} from "../../contracts/interfaces/IPayouts.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Pending} from "../../contracts/types/InFlight.sol";
import {toPosition} from "../../contracts/types/Position.sol";
import {Forms} from "../support/Forms.sol";
import {Accepting, Bombing, Burning, Choosy, Owner, Refusing} from "../support/Receivers.sol";
import {Plain, Shifting, Taxing} from "../support/Tokens.sol";
import {Delegating, Draining, Greedy} from "./Robbers.sol";
import {Thief} from "./Thief.sol";

/// @notice Attacks on the vault and on how money leaves it.
contract MoneyAttacks is Thief {
    Plain private worthless = new Plain();
    Shifting private shifting = new Shifting();
    Taxing private taxing = new Taxing();

    function _listed() internal view override returns (address[] memory list) {
        list = new address[](3);
        (list[0], list[1], list[2]) = (address(worthless), address(shifting), address(taxing));
    }

    function _prepare() internal override {
        if (federation.fraudProofs().code.length == 0) _create("FraudProofs", abi.encode(federation));
    }

    // ---- K6: one asset for another

    function test_K06_aTokenInTheQueueOfEth() external {
        _fails(_otherQueue());
    }

    function twin_K06_aTokenInTheQueueOfEth() external {
        _without("OwnQueue");
        _wins(_otherQueue());
    }

    function _otherQueue() private returns (bool) {
        uint256 before = mallory.balance;
        uint32 height = _fundTokens(worthless, mallory, AMOUNT);
        _exit(mallory, _proof(height, 0), 0);
        _end();
        return mallory.balance > before;
    }

    function test_K06_anInputOfAnotherAsset() external {
        _fails(_otherAsset());
    }

    function twin_K06_anInputOfAnotherAsset() external {
        _without("InputAsset");
        _wins(_otherAsset());
    }

    /// @dev A payment in flight that names tokens and pays ETH.
    function _otherAsset() private returns (bool) {
        uint32 height = _fundTokens(worthless, mallory, AMOUNT);
        bytes memory transaction = _transfer(MALLORY_KEY, toPosition(height, 0, 0), AMOUNT, mallory, 1000);
        Proof[] memory inputs = new Proof[](1);
        inputs[0] = _proof(height, 0);
        uint256 before = mallory.balance;
        bytes memory call = abi.encodeCall(inFlight.startInFlightExit, (_plain(transaction), inputs));
        if (_attempt(mallory, address(inFlight), BOND, call, IExitGame.ValueDiffers.selector)) {
            Pending memory pending = Pending(transaction, mallory, new bytes32[](1));
            pending.inputs[0] = _key(bodies[height][0], 0);
            uint256 id = inFlight.latestInFlight(harness.id(transaction));
            vm.prank(mallory);
            inFlight.piggybackOutput{value: BOND}(id, pending, 0);
        }
        _end();
        return mallory.balance > before;
    }

    // ---- K50: receivers

    function test_K50_receiversThatRefuseBurnAndReturnMuch() external {
        address[3] memory receivers =
            [address(new Refusing()), address(new Burning()), address(new Bombing())];
        for (uint256 i = 0; i < receivers.length; ++i) {
            uint256 fresh = vm.snapshotState();
            _fails(_blocked(receivers[i]));
            vm.revertToState(fresh);
        }
    }

    function twin_K50_receiversThatRefuseBurnAndReturnMuch() external {
        _without("RefusalCredits");
        _wins(_blocked(address(new Refusing())));
    }

    /// @dev A receiver that takes no money stands before Alice in the queue.
    function _blocked(address receiver) private returns (bool) {
        (uint32 first, uint32 second) = _queued(receiver, alice);
        vm.deal(address(this), 1 ether);
        Owner(receiver).exit{value: BOND}(game, _proof(first, 0), BOND);
        uint256 before = alice.balance;
        _exit(alice, _proof(second, 0), 0);
        _wait();
        bytes memory call = abi.encodeCall(game.process, (address(0), 2));
        _attempt(WATCHER, address(game), 0, call, IPayouts.GasTooLow.selector);
        return alice.balance <= before;
    }

    function test_K50_aReceiverThatCallsBack() external {
        _fails(_callsBack());
    }

    function twin_K50_aReceiverThatCallsBack() external {
        _without("EffectsFirst");
        _wins(_callsBack());
    }

    /// @dev The receiver calls `process` from inside its payout; Alice's exit stands behind.
    function _callsBack() private returns (bool) {
        address receiver = address(new Greedy(game));
        (uint32 first, uint32 second) = _queued(receiver, alice);
        vm.deal(address(this), 1 ether);
        Owner(receiver).exit{value: BOND}(game, _proof(first, 0), BOND);
        _exit(alice, _proof(second, 0), 0);
        _wait();
        game.process(address(0), 1);
        return receiver.balance + vault.credit(address(0), receiver) > 1 ether + 2 * BOND;
    }

    /// @dev Two outputs of an ETH each, in blocks of their own.
    function _queued(address one, address two) private returns (uint32 first, uint32 second) {
        first = _include(_transfer(BOB_KEY, paid, 1 ether, one, 1000));
        second = _include(_transfer(BOB_KEY, paid, 1 ether, two, 1000));
    }

    // ---- K51: accounts with code

    function test_K51_anAccountWithCodeIsTurnedAway() external {
        _fails(_turnedAway());
    }

    function twin_K51_anAccountWithCodeIsTurnedAway() external {
        _without("CodeDeposits");
        _wins(_turnedAway());
    }

    /// @dev Bob's account delegates to a wallet (EIP-7702).
    function _turnedAway() private returns (bool) {
        vm.etch(bob, abi.encodePacked(hex"ef0100", address(new Accepting())));
        return
            !_attempt(
                bob, address(vault), 1 ether, abi.encodeCall(vault.deposit, ()), IVault.OwnerZero.selector
            );
    }

    // ---- K52, K54: tokens

    function test_K52_aFeeThatCounts() external {
        _fails(_fee());
    }

    function twin_K52_aFeeThatCounts() external {
        _without("Measured");
        _wins(_fee());
    }

    function _fee() private returns (bool) {
        _depositTokens(taxing, mallory, AMOUNT);
        return vault.held(address(taxing)) > taxing.balanceOf(address(vault));
    }

    function test_K52_aTransferThatReturnsFalse() external {
        _fails(_lostPayment(Shifting.Mode.ReturnsFalse));
    }

    function twin_K52_aTransferThatReturnsFalse() external {
        _without("TokenAnswer");
        _wins(_lostPayment(Shifting.Mode.ReturnsFalse));
    }

    function test_K54_aTokenThatFailsForEver() external {
        _fails(_lostPayment(Shifting.Mode.Paused));
    }

    function twin_K54_aTokenThatFailsForEver() external {
        _without("RefusalCredits");
        _wins(_lostPayment(Shifting.Mode.Paused));
    }

    /// @dev Bob exits tokens whose issuer changed them meanwhile. He has them, or a credit.
    function _lostPayment(Shifting.Mode mode) private returns (bool) {
        uint32 height = _fundTokens(shifting, bob, AMOUNT);
        _exit(bob, _proof(height, 0), 0);
        shifting.become(mode);
        _wait();
        bytes memory call = abi.encodeCall(game.process, (address(shifting), 9));
        _attempt(WATCHER, address(game), 0, call, IPayouts.GasTooLow.selector);
        return shifting.balanceOf(bob) + vault.credit(address(shifting), bob) < AMOUNT;
    }

    // ---- K53: ETH that nobody deposited

    function test_K53_forcedEthBacksForgedOutputs() external {
        _fails(_forcedEth());
    }

    function twin_K53_forcedEthBacksForgedOutputs() external {
        _without("Held");
        _wins(_forcedEth());
    }

    /// @dev 50 ETH came without a deposit. Mallory may take all deposits here, but not one wei more.
    function _forcedEth() private returns (bool) {
        vm.deal(address(vault), AMOUNT + OTHERS + 50 ether);
        uint32 height = _include(_forged(AMOUNT + OTHERS + 50 ether));
        uint256 before = mallory.balance;
        _exit(mallory, _proof(height, 0), 0);
        _end();
        return mallory.balance > before + AMOUNT + OTHERS;
    }

    // ---- K55: gas

    function test_K55_aCallerWhoStarvesThePayout() external {
        _fails(_starved());
    }

    function twin_K55_aCallerWhoStarvesThePayout() external {
        _without("GasMeasured");
        _wins(_starved());
    }

    /// @dev Whatever gas the caller brings: the owner, who needs most of its share, is paid or nothing happens.
    function _starved() private returns (bool) {
        address owner = address(new Choosy());
        bytes memory call = abi.encodeCall(vault.pay, (address(0), owner, 1 ether));
        for (uint256 gas = 20_000; gas < 250_000; gas += 500) {
            vm.prank(address(game));
            (bool accepted,) = address(vault).call{gas: gas}(call);
            if (accepted) return owner.balance != 1 ether;
        }
        revert("never paid");
    }

    // ---- K63, K65: governance

    function test_K63_nobodyGoverns() external {
        _fails(_governed());
    }

    function twin_K63_nobodyGoverns() external {
        _without("NoGuardian");
        _wins(_governed());
    }

    /// @dev The deployer, an operator and a thief call what guardians and owners can call elsewhere.
    function _governed() private returns (bool won) {
        string[8] memory names = [
            "emergencyWithdraw(address)",
            "withdraw(address,uint256)",
            "transferOwnership(address)",
            "upgradeTo(address)",
            "initialize(address)",
            "pause()",
            "setExitPeriod(uint64)",
            "registerExitGame(address)"
        ];
        address[5] memory places =
            [address(federation), address(game), address(inFlight), address(vault), federation.fraudProofs()];
        address[3] memory callers = [DEPLOYER, address(0xa000), mallory];
        uint256 before = mallory.balance;
        for (uint256 i = 0; i < 15; ++i) {
            for (uint256 k = 0; k < names.length; ++k) {
                bytes memory call = abi.encodeWithSignature(names[k], mallory, OTHERS);
                vm.prank(callers[i % 3]);
                (bool accepted,) = places[i / 3].call(call);
                won = won || accepted;
            }
        }
        return won || mallory.balance > before;
    }

    function test_K65_codeOfSomebodyElse() external {
        _fails(_delegates());
    }

    function twin_K65_codeOfSomebodyElse() external {
        // The vault as a proxy has it: it runs what it is told to.
        vm.etch(address(vault), address(new Delegating()).code);
        _wins(_delegates());
    }

    /// @dev No contract of ours has DELEGATECALL, CALLCODE or SELFDESTRUCT in its code, and none runs what a caller brings.
    function _delegates() private returns (bool) {
        address[6] memory places = [
            address(federation),
            address(federation.enrolment()),
            address(game),
            address(inFlight),
            address(vault),
            federation.fraudProofs()
        ];
        bool found = false;
        for (uint256 i = 0; i < places.length; ++i) {
            found = found || _hasForeignCode(places[i].code);
        }
        address module = address(new Draining());
        uint256 before = mallory.balance;
        vm.prank(mallory);
        (bool accepted,) = address(vault).call(abi.encodePacked(module, mallory));
        return found || accepted || mallory.balance > before;
    }

    function _hasForeignCode(bytes memory code) private pure returns (bool) {
        for (uint256 i = 0; i < code.length; ++i) {
            uint8 op = uint8(code[i]);
            if (op == 0xf4 || op == 0xf2 || op == 0xff) return true;
            if (op >= 0x60 && op <= 0x7f) i += op - 0x5f;
        }
        return false;
    }

    // ---- a late halt

    function test_S11_aLateHaltWithADepositFundedAboveLastValid() external {
        _fails(_lateHalt());
    }

    function twin_S11_aLateHaltWithADepositFundedAboveLastValid() external {
        _without("LastValid");
        _wins(_lateHalt());
    }

    /// @dev Bob's deposit was funded in a block that a halt voids. Mallory shows that fund against its reclaim.
    function _lateHalt() private returns (bool) {
        vm.prank(bob);
        uint64 number = vault.deposit{value: AMOUNT}();
        _l1(1, 12);
        uint32 height = _include(Forms.fund(number, bob, AMOUNT));
        _halt(height - 1);
        uint256 before = bob.balance;
        vm.prank(bob);
        vault.startReclaim{value: BOND}(number);
        bytes memory call = abi.encodeCall(vault.challengeReclaim, (number, _proof(height, 0)));
        _attempt(mallory, address(vault), 0, call, IExitGame.HeightVoid.selector);
        vm.warp(block.timestamp + 1 days);
        call = abi.encodeCall(vault.finalizeReclaim, (number));
        _attempt(bob, address(vault), 0, call, IVault.ReclaimUnknown.selector);
        return bob.balance < before + AMOUNT;
    }

    // ---- tokens of tests

    function _depositTokens(Plain token, address owner, uint256 amount) private returns (uint64) {
        token.mint(owner, amount);
        vm.prank(owner);
        token.approve(address(vault), amount);
        vm.prank(owner);
        return vault.depositToken(address(token), amount, owner);
    }

    function _fundTokens(Plain token, address owner, uint256 amount) private returns (uint32) {
        uint64 number = _depositTokens(token, owner, amount);
        _l1(5, 60);
        return _include(Forms.fund(number, owner, address(token), amount));
    }
}
