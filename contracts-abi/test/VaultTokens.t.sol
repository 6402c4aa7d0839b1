// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPayouts} from "../contracts/interfaces/IPayouts.sol";
import {IVault} from "../contracts/interfaces/IVault.sol";
import {
    AllMeaning,
    Blacklisting,
    Hooked,
    Plain,
    Rebasing,
    Shifting,
    Silent,
    Swallowing,
    Taxing
} from "./support/Tokens.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";
import {Nesting, Returning} from "./support/Reentering.sol";

/// @notice K50 to K55 where tokens are concerned.
contract VaultTokensTest is World {
    address private constant ALICE = address(0xa11ce);
    address private constant BOB = address(0xb0b);
    uint256 private constant AMOUNT = 1000;

    Plain private plain = new Plain();
    Silent private silent = new Silent();
    Taxing private taxing = new Taxing();
    Swallowing private swallowing = new Swallowing();
    Rebasing private rebasing = new Rebasing();
    Blacklisting private blacklisting = new Blacklisting();
    AllMeaning private allMeaning = new AllMeaning();
    Hooked private hooked = new Hooked();
    Shifting private shifting = new Shifting();
    address[] private list = [
        address(plain),
        address(silent),
        address(taxing),
        address(swallowing),
        address(rebasing),
        address(blacklisting),
        address(allMeaning),
        address(hooked),
        address(shifting)
    ];

    function setUp() external {
        _deploy(4);
        for (uint256 i = 0; i < list.length; ++i) {
            Plain(list[i]).mint(ALICE, 1e30);
            vm.prank(ALICE);
            Plain(list[i]).approve(address(vault), type(uint256).max);
        }
    }

    function _listed() internal view override returns (address[] memory) {
        return list;
    }

    function test_tokens_areListedOnceAndForAll() external view {
        address[] memory found = vault.tokens();
        _equal(found.length, list.length);
        for (uint8 i = 0; i < list.length; ++i) {
            _equal(found[i], list[i]);
            _equal(vault.tokenNumber(list[i]), i + 1);
            _equal(vault.token(i + 1), list[i]);
        }
        _equal(vault.tokenNumber(address(this)), 0);
        _equal(vault.tokenNumber(address(0)), 0);
        _equal(vault.token(0), address(0));
        _equal(vault.token(uint8(list.length) + 1), address(0));
        _equal(vault.token(255), address(0));
    }

    /// @dev K52: what has no code accepts every call.
    function test_constructor_refusesTokensWithoutCodeOrRepeated() external {
        address[3] memory refused = [address(0), ALICE, address(silent)];
        for (uint256 i = 0; i < 3; ++i) {
            list.push(refused[i]);
            vm.expectRevert(abi.encodeWithSelector(IVault.TokenRefused.selector, refused[i]));
            this.deploy();
            list.pop();
        }
    }

    function test_constructor_takesAsManyTokensAsHaveANumber() external {
        while (list.length < 255) {
            list.push(_copy(list.length));
        }
        this.deploy();
        list.push(_copy(255));
        vm.expectRevert(abi.encodeWithSelector(IVault.TokenRefused.selector, list[255]));
        this.deploy();
    }

    function deploy() external {
        _deploy(4);
        _equal(vault.tokens().length, list.length);
        _equal(vault.tokenNumber(list[list.length - 1]), list.length);
    }

    function _copy(uint256 index) private returns (address place) {
        place = address(uint160(0x70ce0000 + index));
        vm.etch(place, address(plain).code);
    }

    function test_depositToken_isRecordedAndTold() external {
        vault.deposit{value: 1}();
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.Deposited(1, BOB, address(plain), AMOUNT);
        _equal(_deposit(plain, AMOUNT), 1);
        IVault.Deposit memory record = vault.deposits(1);
        _equal(record.owner, BOB);
        _equal(record.amount, AMOUNT);
        _equal(record.asset, address(plain));
        _equal(record.l1Block, block.number);
        _equal(record.reclaimedAt, 0);
        _equal(vault.depositCount(), 2);
        _equal(vault.held(address(plain)), AMOUNT);
        _equal(vault.held(address(0)), 1);
    }

    /// @dev K52: USDT.
    function test_depositToken_takesATokenThatReturnsNothing() external {
        _deposit(silent, AMOUNT);
        _equal(vault.held(address(silent)), AMOUNT);
    }

    /// @dev K52: what counts is what arrives, not what was asked for.
    function test_depositToken_creditsWhatArrives() external {
        _equal(vault.deposits(_deposit(taxing, AMOUNT)).amount, AMOUNT - 10);
        _equal(vault.held(address(taxing)), taxing.balanceOf(address(vault)));
        vm.expectRevert(IVault.AmountZero.selector);
        _deposit(swallowing, AMOUNT);
        // A thief who holds one unit asks for the largest number, which this token reads as all it has.
        address thief = address(0x7e1f);
        allMeaning.mint(thief, 1);
        vm.startPrank(thief);
        allMeaning.approve(address(vault), type(uint256).max);
        uint64 number = vault.depositToken(address(allMeaning), type(uint256).max, thief);
        vm.stopPrank();
        _equal(vault.deposits(number).amount, 1);
    }

    function test_depositToken_takesAnyAmount() external {
        Plain(list[0]).mint(ALICE, type(uint256).max - 1e30);
        _equal(vault.deposits(_deposit(plain, type(uint256).max)).amount, type(uint256).max);
        _equal(vault.held(address(plain)), type(uint256).max);
    }

    function test_depositToken_revertsForNothingOrForNobody() external {
        vm.expectRevert(IVault.AmountZero.selector);
        _deposit(plain, 0);
        vm.expectRevert(IVault.OwnerZero.selector);
        vm.prank(ALICE);
        vault.depositToken(address(plain), AMOUNT, address(0));
    }

    function test_depositToken_revertsOnceHalted() external {
        _halt(0);
        vm.expectRevert(IVault.FederationHalted.selector);
        _deposit(plain, AMOUNT);
    }

    function test_depositToken_revertsForWhatIsNotListed() external {
        address[3] memory others = [address(0), BOB, address(new Plain())];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IVault.AssetUnknown.selector, others[i]));
            vault.depositToken(others[i], 1, ALICE);
        }
    }

    /// @dev K52: whatever a token does instead of moving, nothing is credited.
    function test_depositToken_revertsWhenTheTokenRefuses() external {
        bytes memory reason = abi.encodeWithSelector(IVault.TransferRefused.selector, address(shifting));
        for (uint8 mode = 1; mode < 5; ++mode) {
            shifting.become(Shifting.Mode(mode));
            vm.expectRevert(reason);
            _deposit(shifting, AMOUNT);
        }
        blacklisting.block_(ALICE, true);
        vm.expectRevert(abi.encodeWithSelector(IVault.TransferRefused.selector, address(blacklisting)));
        _deposit(blacklisting, AMOUNT);
        // More than was allowed.
        vm.prank(ALICE);
        plain.approve(address(vault), AMOUNT - 1);
        vm.expectRevert(abi.encodeWithSelector(IVault.TransferRefused.selector, address(plain)));
        _deposit(plain, AMOUNT);
        _equal(vault.depositCount(), 0);
    }

    /// @dev K50, K52: a deposit inside a deposit would be counted twice.
    function test_depositToken_insideADepositIsRefused() external {
        Nesting nesting = new Nesting(vault, hooked);
        hooked.mint(address(nesting), 10 * AMOUNT);
        uint64 number = nesting.deposit(AMOUNT);
        _equal(nesting.refusal(), abi.encodeWithSelector(IVault.Reentered.selector));
        _equal(vault.deposits(number).amount, AMOUNT);
        _equal(vault.held(address(hooked)), AMOUNT);
        _equal(hooked.balanceOf(address(vault)), AMOUNT);
    }

    /// @dev K50: a payment inside a deposit would be taken from what arrives.
    function test_withdrawCredit_insideADepositIsRefused() external {
        Nesting nesting = new Nesting(vault, hooked);
        hooked.mint(address(nesting), 10 * AMOUNT);
        _deposit(hooked, AMOUNT);
        vm.prank(address(game));
        vault.pay(address(hooked), address(nesting), 7);
        _equal(vault.credit(address(hooked), address(nesting)), 7);
        uint64 number = nesting.deposit(AMOUNT);
        _equal(nesting.refusedCredit(), abi.encodeWithSelector(IVault.Reentered.selector));
        _equal(vault.deposits(number).amount, AMOUNT);
        _equal(vault.credit(address(hooked), address(nesting)), 7);
    }

    function test_depositToken_insideAPaymentCountsOnce() external {
        Returning returning = new Returning(vault, hooked);
        _deposit(hooked, AMOUNT);
        // What the receiver does beside taking may cost more than its share, so it asks for its credit.
        vm.prank(address(game));
        vault.pay(address(hooked), address(returning), AMOUNT);
        uint256 credit = vault.credit(address(hooked), address(returning));
        if (credit != 0) {
            vm.prank(address(returning));
            vault.withdrawCredit(address(hooked), address(returning));
        }
        _equal(vault.deposits(1).amount, AMOUNT);
        _equal(vault.held(address(hooked)), AMOUNT);
        _equal(hooked.balanceOf(address(vault)), AMOUNT);
    }

    /// @dev K51.
    function test_depositToken_byAContractAndAnAccountWithDelegatedCode() external {
        plain.mint(address(this), AMOUNT);
        plain.approve(address(vault), AMOUNT);
        _equal(vault.depositToken(address(plain), AMOUNT, address(this)), 0);
        vm.etch(ALICE, abi.encodePacked(hex"ef0100", address(silent)));
        _equal(_deposit(plain, AMOUNT), 1);
        vm.prank(address(game));
        vault.pay(address(plain), ALICE, AMOUNT);
        _equal(plain.balanceOf(ALICE), 1e30);
    }

    function test_pay_movesTokens() external {
        Plain[5] memory honest = [plain, silent, blacklisting, allMeaning, hooked];
        for (uint256 i = 0; i < 5; ++i) {
            _deposit(honest[i], AMOUNT);
            uint256 before = gasleft();
            vm.prank(address(game));
            vault.pay(address(honest[i]), BOB, AMOUNT - 1);
            _atMost(before - gasleft(), 80_000);
            _equal(honest[i].balanceOf(BOB), AMOUNT - 1);
            _equal(vault.held(address(honest[i])), 1);
            _equal(vault.credit(address(honest[i]), BOB), 0);
        }
    }

    /// @dev K52, K54: whatever a token does instead of moving, its owner has a credit, and takes it once it works.
    function test_pay_creditsWhatTheTokenRefuses() external {
        for (uint8 mode = 1; mode < 7; ++mode) {
            address owner = address(uint160(0x900 + mode));
            _deposit(shifting, AMOUNT);
            shifting.become(Shifting.Mode(mode));
            vm.expectEmit(true, true, true, true, address(vault));
            emit IPayouts.Credited(address(shifting), owner, AMOUNT);
            uint256 before = gasleft();
            vm.prank(address(game));
            vault.pay(address(shifting), owner, AMOUNT);
            _atMost(before - gasleft(), 300_000);
            _equal(vault.credit(address(shifting), owner), AMOUNT);
            _equal(vault.held(address(shifting)), 0);
            if (Shifting.Mode(mode) != Shifting.Mode.Burns) {
                vm.expectRevert(IPayouts.WithdrawalRefused.selector);
                vm.prank(owner);
                vault.withdrawCredit(address(shifting), owner);
            }
            shifting.become(Shifting.Mode.Works);
            vm.prank(owner);
            vault.withdrawCredit(address(shifting), owner);
            _equal(shifting.balanceOf(owner), AMOUNT);
            _equal(vault.credit(address(shifting), owner), 0);
        }
    }

    function test_pay_creditsABlockedOwnerWhoTakesItElsewhere() external {
        _deposit(blacklisting, AMOUNT);
        blacklisting.block_(BOB, true);
        vm.prank(address(game));
        vault.pay(address(blacklisting), BOB, AMOUNT);
        _equal(vault.credit(address(blacklisting), BOB), AMOUNT);
        vm.expectRevert(IPayouts.WithdrawalRefused.selector);
        vm.prank(BOB);
        vault.withdrawCredit(address(blacklisting), BOB);
        vm.prank(BOB);
        vault.withdrawCredit(address(blacklisting), ALICE);
        _equal(blacklisting.balanceOf(ALICE), 1e30);
    }

    /// @dev K52: Qubit. The token's code is gone, and calls to it succeed with nothing in return.
    function test_pay_creditsWhenTheTokenHasNoCodeAnyMore() external {
        _deposit(silent, AMOUNT);
        bytes memory code = address(silent).code;
        vm.etch(address(silent), "");
        vm.prank(address(game));
        vault.pay(address(silent), BOB, AMOUNT);
        _equal(vault.credit(address(silent), BOB), AMOUNT);
        vm.expectRevert();
        vm.prank(ALICE);
        vault.depositToken(address(silent), AMOUNT, ALICE);
        vm.etch(address(silent), code);
        vm.prank(BOB);
        vault.withdrawCredit(address(silent), BOB);
        _equal(silent.balanceOf(BOB), AMOUNT);
    }

    /// @dev K52: no token is asked to move nothing.
    function test_pay_ofNothingAsksNobody() external {
        _deposit(blacklisting, AMOUNT);
        vm.startPrank(address(game));
        vault.pay(address(blacklisting), BOB, AMOUNT);
        vm.recordLogs();
        vault.pay(address(blacklisting), ALICE, AMOUNT);
        vm.stopPrank();
        // Not even a credit of nothing.
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _equal(logs.length, 1);
        _equal(logs[0].topics[0], IVault.Unbacked.selector);
        _equal(abi.decode(logs[0].data, (uint256)), AMOUNT);
    }

    /// @dev K52: the vault owes what was deposited. When it has less, the last ones share what is left by hand.
    function test_pay_ofARebasingTokenCreditsAndWithdrawsInParts() external {
        _deposit(rebasing, AMOUNT);
        rebasing.rebase(90);
        _equal(vault.held(address(rebasing)), AMOUNT);
        vm.prank(address(game));
        vault.pay(address(rebasing), BOB, AMOUNT);
        _equal(vault.credit(address(rebasing), BOB), AMOUNT);
        vm.startPrank(BOB);
        vm.expectRevert(IPayouts.NoCredit.selector);
        vault.withdrawCreditPart(address(rebasing), BOB, AMOUNT + 1);
        vm.expectRevert(IPayouts.NoCredit.selector);
        vault.withdrawCreditPart(address(rebasing), BOB, 0);
        vault.withdrawCreditPart(address(rebasing), BOB, 900);
        _equal(rebasing.balanceOf(BOB), 900);
        _equal(vault.credit(address(rebasing), BOB), 100);
        vm.expectRevert(IPayouts.WithdrawalRefused.selector);
        vault.withdrawCredit(address(rebasing), BOB);
        vm.stopPrank();
        // What grows by itself is nobody's.
        rebasing.rebase(100);
        _deposit(rebasing, AMOUNT);
        rebasing.rebase(200);
        _equal(vault.held(address(rebasing)), AMOUNT);
    }

    /// @dev K54, K6: every other asset goes on, whatever one token does.
    function test_pay_noTokenBlocksAnother() external {
        _deposit(shifting, AMOUNT);
        _deposit(plain, AMOUNT);
        vault.deposit{value: 5}();
        shifting.become(Shifting.Mode.Burns);
        vm.startPrank(address(game));
        vault.pay(address(shifting), BOB, AMOUNT);
        vault.pay(address(plain), BOB, AMOUNT);
        vault.pay(address(0), BOB, 5);
        _equal(plain.balanceOf(BOB), AMOUNT);
        _equal(BOB.balance, 5);
        _equal(vault.credit(address(shifting), BOB), AMOUNT);
    }

    /// @dev K53 for tokens: what is sent here without a deposit pays nothing.
    function test_pay_strayTokensBelongToNobody() external {
        _deposit(plain, AMOUNT);
        plain.mint(address(vault), AMOUNT);
        vm.prank(address(game));
        vault.pay(address(plain), BOB, 2 * AMOUNT);
        _equal(plain.balanceOf(BOB), AMOUNT);
        _equal(_deposit(plain, 1), 1);
        _equal(vault.deposits(1).amount, 1);
    }

    /// @dev K52: transfer to self.
    function test_withdrawCredit_toTheVaultItselfGivesNothingTwice() external {
        _deposit(blacklisting, AMOUNT);
        blacklisting.block_(BOB, true);
        vm.prank(address(game));
        vault.pay(address(blacklisting), BOB, AMOUNT);
        vm.prank(BOB);
        vault.withdrawCredit(address(blacklisting), address(vault));
        _equal(vault.credit(address(blacklisting), BOB), 0);
        _equal(vault.held(address(blacklisting)), 0);
        vm.expectRevert(IPayouts.NoCredit.selector);
        vm.prank(BOB);
        vault.withdrawCredit(address(blacklisting), BOB);
    }

    /// @dev K55.
    function test_pay_ofTokensCannotBeMadeToFailByBringingLittleGas() external {
        _deposit(shifting, AMOUNT);
        shifting.become(Shifting.Mode.Choosy);
        for (uint256 gas = 20_000; gas < 400_000; gas += 500) {
            vm.prank(address(game));
            (bool accepted,) =
                address(vault).call{gas: gas}(abi.encodeCall(vault.pay, (address(shifting), BOB, AMOUNT)));
            // Either nothing happened, or the owner has the money.
            _equal(vault.credit(address(shifting), BOB), 0);
            _equal(shifting.balanceOf(BOB), accepted ? AMOUNT : 0);
            if (accepted) return;
        }
        revert("never paid");
    }

    function _deposit(Plain token, uint256 amount) private returns (uint64) {
        vm.prank(ALICE);
        return vault.depositToken(address(token), amount, BOB);
    }
}
