// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPayouts} from "../contracts/interfaces/IPayouts.sol";
import {IVault} from "../contracts/interfaces/IVault.sol";
import {Accepting, Bombing, Burning, Choosy, Refusing} from "./support/Receivers.sol";
import {World} from "./support/World.sol";

contract VaultTest is World {
    address private constant ALICE = address(0xa11ce);

    function setUp() external {
        _deploy(4);
        vm.deal(ALICE, 100 ether);
    }

    function test_deposit_isRecordedAndTold() external {
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.Deposited(0, ALICE, address(0), 3 ether);
        vm.prank(ALICE);
        _equal(vault.deposit{value: 3 ether}(), 0);
        IVault.Deposit memory record = vault.deposits(0);
        _equal(record.owner, ALICE);
        _equal(record.amount, 3 ether);
        _equal(record.asset, address(0));
        _equal(record.l1Block, block.number);
        _equal(vault.depositCount(), 1);
        _equal(address(vault).balance, 3 ether);
    }

    function testFuzz_deposit_numbersAreContiguous(uint8 count) external {
        for (uint64 i = 0; i < count; ++i) {
            vm.prank(ALICE);
            _equal(vault.depositFor{value: 1}(address(uint160(i) + 1)), i);
            _equal(vault.deposits(i).owner, address(uint160(i) + 1));
        }
        _equal(vault.deposits(count).owner, address(0));
        _equal(address(vault).balance, count);
    }

    function test_deposit_byAContract() external {
        _equal(vault.deposit{value: 1 ether}(), 0);
        _equal(vault.deposits(0).owner, address(this));
    }

    function test_deposit_revertsOnNothingOrForNobody() external {
        vm.expectRevert(IVault.AmountZero.selector);
        vault.deposit();
        vm.expectRevert(IVault.OwnerZero.selector);
        vault.depositFor{value: 1}(address(0));
        (bool accepted,) = address(vault).call{value: 1}("");
        _true(!accepted);
    }

    function test_deposit_revertsOnceHalted() external {
        _halt(0);
        vm.expectRevert(IVault.FederationHalted.selector);
        vault.deposit{value: 1}();
    }

    function test_pay_revertsForEverybodyButTheExitGame() external {
        vault.deposit{value: 1 ether}();
        address[3] memory callers = [ALICE, DEPLOYER, address(federation)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IVault.NotExitGame.selector, callers[i]));
            vm.prank(callers[i]);
            vault.pay(address(0), ALICE, 1 ether);
        }
    }

    function test_pay_creditsWhatTheReceiverRefuses() external {
        vault.deposit{value: 3 ether}();
        address[3] memory owners = [address(new Refusing()), address(new Burning()), address(new Bombing())];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectEmit(true, true, true, true, address(vault));
            emit IPayouts.Credited(address(0), owners[i], 1 ether);
            uint256 before = gasleft();
            vm.prank(address(game));
            vault.pay(address(0), owners[i], 1 ether);
            _atMost(before - gasleft(), 120_000);
            _equal(vault.credit(address(0), owners[i]), 1 ether);
            _equal(owners[i].balance, 0);
        }
        Refusing(payable(owners[0])).withdraw(vault, ALICE);
        _equal(ALICE.balance, 101 ether);
        _equal(vault.credit(address(0), owners[0]), 0);
        vm.expectRevert(IPayouts.NoCredit.selector);
        Refusing(payable(owners[0])).withdraw(vault, ALICE);
        vm.expectRevert(IPayouts.WithdrawalRefused.selector);
        Refusing(payable(owners[1])).withdraw(vault, owners[0]);
        _equal(vault.credit(address(0), owners[1]), 1 ether);
    }

    function test_pay_reachesAWalletThatWritesAnEvent() external {
        vault.deposit{value: 1 ether}();
        address owner = address(new Accepting());
        vm.prank(address(game));
        vault.pay(address(0), owner, 1 ether);
        _equal(owner.balance, 1 ether);
    }

    /// @dev Only forged outputs ask for more than was deposited. They get what is held, and nothing beside it.
    function test_pay_neverPaysMoreThanIsHeld() external {
        vault.deposit{value: 3 ether}();
        address refusing = address(new Refusing());
        vm.startPrank(address(game));
        vault.pay(address(0), refusing, 2 ether);
        _equal(vault.held(address(0)), 1 ether);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.Unbacked(address(0), ALICE, 1 ether);
        vault.pay(address(0), ALICE, 2 ether);
        _equal(ALICE.balance, 101 ether);
        vault.pay(address(0), ALICE, 2 ether);
        vm.stopPrank();
        _equal(ALICE.balance, 101 ether);
        _equal(vault.credit(address(0), ALICE), 0);
        _equal(vault.held(address(0)), 0);
        // What waits for somebody is still there.
        Refusing(payable(refusing)).withdraw(vault, ALICE);
        _equal(ALICE.balance, 103 ether);
    }

    /// @dev K53.
    function test_pay_forcedEthBelongsToNobody() external {
        vault.deposit{value: 1 ether}();
        vm.deal(address(vault), 9 ether);
        _equal(vault.held(address(0)), 1 ether);
        vm.prank(address(game));
        vault.pay(address(0), ALICE, 9 ether);
        _equal(ALICE.balance, 101 ether);
        _equal(address(vault).balance, 8 ether);
    }

    /// @dev K51: an account with delegated code deposits, is paid, and is nobody special.
    function test_deposit_byAnAccountWithDelegatedCode() external {
        vm.etch(ALICE, abi.encodePacked(hex"ef0100", address(new Accepting())));
        vm.prank(ALICE, ALICE);
        _equal(vault.deposit{value: 1 ether}(), 0);
        _equal(vault.deposits(0).owner, ALICE);
        vm.prank(address(game));
        vault.pay(address(0), ALICE, 1 ether);
        _equal(ALICE.balance, 100 ether);
        // Delegated to what refuses, the account has a credit, and takes it once it delegates elsewhere.
        vault.depositFor{value: 1 ether}(ALICE);
        vm.etch(ALICE, abi.encodePacked(hex"ef0100", address(new Burning())));
        vm.prank(address(game));
        vault.pay(address(0), ALICE, 1 ether);
        _equal(vault.credit(address(0), ALICE), 1 ether);
        vm.etch(ALICE, "");
        vm.prank(ALICE);
        vault.withdrawCredit(address(0), ALICE);
        _equal(ALICE.balance, 101 ether);
    }

    function test_pay_cannotBeMadeToFailByBringingLittleGas() external {
        vault.deposit{value: 1 ether}();
        // Refuses early, and leaves enough for a credit, when it is offered less than its share.
        address owner = address(new Choosy());
        for (uint256 gas = 20_000; gas < 140_000; gas += 200) {
            vm.prank(address(game));
            (bool accepted,) =
                address(vault).call{gas: gas}(abi.encodeCall(vault.pay, (address(0), owner, 1 ether)));
            // Either nothing happened, or the owner has the money.
            _equal(vault.credit(address(0), owner), 0);
            _equal(owner.balance, accepted ? 1 ether : 0);
            if (accepted) return;
        }
        revert("never paid");
    }

    function test_withdrawCredit_revertsWithoutCredit() external {
        vm.expectRevert(IPayouts.NoCredit.selector);
        vault.withdrawCredit(address(0), ALICE);
        vm.expectRevert(IPayouts.NoCredit.selector);
        vault.withdrawCredit(address(1), ALICE);
    }
}
