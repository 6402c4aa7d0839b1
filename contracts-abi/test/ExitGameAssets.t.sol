// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {IVault} from "../contracts/interfaces/IVault.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Exits} from "./support/Exits.sol";
import {Forms} from "./support/Forms.sol";
import {Burning, Refusing} from "./support/Receivers.sol";
import {Hooked, IHooks, Plain, Shifting} from "./support/Tokens.sol";

/// @notice Calls back into everything when it is paid in tokens.
contract HookedOwner is IHooks {
    IExitGame private immutable _game;
    IVault private immutable _vault;
    address private immutable _token;
    Proof private _own;
    bytes private _spending;
    uint256 private _exit;
    uint256 public calls;
    uint256 public accepted;

    constructor(IExitGame game, IVault vault, Hooked token) {
        (_game, _vault, _token) = (game, vault, address(token));
        token.register(true);
        token.approve(address(vault), type(uint256).max);
    }

    receive() external payable {}

    function exit(Proof calldata proof, bytes calldata spending) external payable {
        _exit = _game.startExit{value: msg.value}(proof, 0);
        _own = proof;
        _spending = spending;
    }

    function tokensToSend(uint256) external {}

    function tokensReceived(uint256) external {
        ++calls;
        _try(address(_game), abi.encodeCall(_game.process, (_token, 1)));
        _try(address(_game), abi.encodeCall(_game.challengeExit, (_exit, _spending, 0)));
        _try(address(_vault), abi.encodeCall(_vault.withdrawCredit, (_token, address(this))));
        _try(address(_vault), abi.encodeCall(_vault.pay, (_token, address(this), 1)));
        _try(address(_vault), abi.encodeCall(_vault.finalizeReclaim, (0)));
        _try(address(_vault), abi.encodeCall(_vault.depositToken, (_token, 0, address(this))));
        _try(address(_game), abi.encodeCall(_game.startExit, (_own, 0)));
        // Read-only: by now the exit is gone and its output consumed.
        if (_game.exits(_exit).owner != address(0)) ++accepted;
    }

    function _try(address place, bytes memory call_) private {
        (bool done, bytes memory answer) = place.call(call_);
        // `process` may succeed; it finds nothing more to pay.
        if (done && (bytes4(call_) != IExitGame.process.selector || abi.decode(answer, (uint256)) != 0)) {
            ++accepted;
        }
    }
}

/// @notice Exits of tokens beside exits of ETH.
contract ExitGameAssetsTest is Exits {
    address private constant WATCHER = address(0x3a7c4e5);

    Plain private plain = new Plain();
    Shifting private shifting = new Shifting();
    Hooked private hooked = new Hooked();

    function setUp() external {
        _begin();
    }

    function _listed() internal view override returns (address[] memory list) {
        list = new address[](3);
        (list[0], list[1], list[2]) = (address(plain), address(shifting), address(hooked));
    }

    function test_startExit_opensAnExitOfATokenInItsOwnQueue() external {
        uint32 height = _fundToken(plain, bob, 7);
        uint256 id = _exit(bob, _proof(height, 0), 0);
        IExitGame.Exit memory open = game.exits(id);
        _equal(open.owner, bob);
        _equal(open.asset, address(plain));
        _equal(open.amount, 7);
        (uint256 waiting, uint256 next) = game.queue(address(plain));
        _equal(waiting, 1);
        _equal(next, id);
        (waiting,) = game.queue(address(0));
        _equal(waiting, 0);
        _wait();
        _equal(game.process(address(0), 9), 0);
        uint256 before = bob.balance;
        _equal(game.process(address(plain), 9), 1);
        _equal(plain.balanceOf(bob), 7);
        _equal(bob.balance, before + BOND);
        _equal(vault.held(address(plain)), 0);
        _equal(vault.held(address(0)), AMOUNT);
    }

    /// @dev K52: every amount that a token can have is paid whole.
    function testFuzz_process_paysAnyAmountOfAToken(uint256 amount, uint8 bits) external {
        amount >>= bits;
        if (amount == 0) amount = 1;
        uint32 height = _fundToken(plain, bob, amount);
        uint256 id = _exit(bob, _proof(height, 0), 0);
        _equal(game.exits(id).amount, amount);
        _wait();
        game.process(address(plain), 1);
        _equal(plain.balanceOf(bob), amount);
        _equal(game.exits(id).amount, 0);
    }

    function test_process_paysAmountsAroundEveryWidth() external {
        uint256[7] memory amounts = [
            type(uint88).max - 1,
            type(uint88).max,
            uint256(1) << 88,
            (uint256(1) << 96) + 5,
            uint256(1) << 128,
            uint256(1) << 254,
            uint256(1) << 253
        ];
        uint256 sum = 0;
        for (uint256 i = 0; i < 7; ++i) {
            uint32 height = _fundToken(plain, bob, amounts[i]);
            _exit(bob, _proof(height, 0), 0);
            sum += amounts[i];
        }
        _wait();
        _equal(game.process(address(plain), 9), 7);
        _equal(plain.balanceOf(bob), sum);
    }

    function test_challengeExit_endsTheExitOfASpentToken() external {
        uint32 height = _fundToken(plain, bob, 7);
        Position position = toPosition(height, 0, 0);
        uint256 id = _exit(bob, _proof(height, 0), 0);
        bytes memory spending = _transferOf(address(plain), BOB_KEY, position, 7, alice, FOREVER);
        _ended(id, position, false);
        vm.prank(WATCHER);
        game.challengeExit(id, spending, 0);
        _equal(WATCHER.balance, BOND);
        _wait();
        game.process(address(plain), 9);
        _equal(plain.balanceOf(bob), 0);
    }

    function test_challengeExit_revertsForAnotherAssetOrAnAmountThatIsEqualWhenCut() external {
        uint256 amount = (uint256(1) << 96) + 7;
        uint32 height = _fundToken(plain, bob, amount);
        Position position = toPosition(height, 0, 0);
        uint256 id = _exit(bob, _proof(height, 0), 0);
        bytes memory reason = abi.encodeWithSelector(IExitGame.ValueDiffers.selector);
        address[2] memory others = [address(0), address(shifting)];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory other = _transferOf(others[i], BOB_KEY, position, amount, alice, FOREVER);
            vm.expectRevert(reason);
            game.challengeExit(id, other, 0);
        }
        uint256[3] memory cut = [uint256(7), amount % (1 << 88) + (1 << 88), amount + (1 << 128)];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory other = _transferOf(address(plain), BOB_KEY, position, cut[i], alice, FOREVER);
            vm.expectRevert(reason);
            game.challengeExit(id, other, 0);
        }
        game.challengeExit(id, _transferOf(address(plain), BOB_KEY, position, amount, alice, FOREVER), 0);
        _true(!_isOpen(id));
        _equal(game.exits(id).amount, 0);
    }

    /// @dev A fund transaction that names another token than the deposit has.
    function test_startExit_revertsForAFundInAnotherAsset() external {
        uint32 height = _block(Forms.fund(0, alice, address(plain), AMOUNT));
        _l1(5, 60);
        _anchor();
        Proof memory proof = _proof(height, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.DepositDiffers.selector, 0));
        vm.prank(alice);
        game.startExit{value: BOND}(proof, 0);
    }

    /// @dev K6, K54: a queue whose token fails for ever credits its owners and empties; the others do not notice.
    function test_process_aFailingTokenCreditsAndBlocksNobody() external {
        for (uint8 mode = 1; mode < 7; ++mode) {
            address owner = vm.addr(0x700 + uint256(mode));
            vm.deal(owner, 2 * BOND);
            uint32 first = _fundToken(shifting, owner, 7);
            uint32 second = _fundToken(plain, owner, 8);
            _exit(owner, _proof(first, 0), 0);
            _exit(owner, _proof(second, 0), 0);
        }
        _wait();
        for (uint8 mode = 1; mode < 7; ++mode) {
            address owner = vm.addr(0x700 + uint256(mode));
            shifting.become(Shifting.Mode(mode));
            _equal(game.process(address(shifting), 1), 1);
            _equal(game.process(address(plain), 1), 1);
            _equal(plain.balanceOf(owner), 8);
            _equal(vault.credit(address(shifting), owner), 7);
            _equal(owner.balance, 2 * BOND);
        }
    }

    /// @dev K54, K55: the token burns its share and the owner burns its own, place after place, with the least gas for
    /// which `process` goes on.
    function test_process_placesOfABurningTokenFitTheGasReservedForThem() external {
        address owner = address(new Burning());
        vm.deal(owner, 10 * BOND);
        for (uint256 i = 0; i < 6; ++i) {
            uint32 height = _fundToken(shifting, owner, 7);
            _exit(owner, _proof(height, 0), 0);
        }
        _wait();
        shifting.become(Shifting.Mode.Burns);
        uint256 left = 6;
        for (uint256 gas = 720_000; left != 0; gas += 90_000) {
            uint256 ended = game.process{gas: gas}(address(shifting), 6);
            _true(ended != 0);
            left -= ended;
        }
        _equal(vault.credit(address(shifting), owner), 42);
        _equal(game.credit(address(0), owner), 6 * BOND);
    }

    /// @dev K55.
    function test_process_ofATokenWithTooLittleGasChangesNothing() external {
        uint32 height = _fundToken(shifting, bob, 7);
        uint256 id = _exit(bob, _proof(height, 0), 0);
        _wait();
        shifting.become(Shifting.Mode.Choosy);
        for (uint256 gas = 30_000; gas < 800_000; gas += 5_000) {
            (bool done,) = address(game).call{gas: gas}(abi.encodeCall(game.process, (address(shifting), 1)));
            if (done) break;
            _true(_isOpen(id));
        }
        _true(!_isOpen(id));
        _equal(vault.credit(address(shifting), bob), 0);
        _equal(shifting.balanceOf(bob), 7);
    }

    /// @dev K50: cross-function and read-only.
    function test_process_aHookedReceiverGetsNothingTwice() external {
        HookedOwner owner = new HookedOwner(game, vault, hooked);
        uint32 height = _fundToken(hooked, address(owner), 7);
        _fundToken(hooked, bob, 100);
        bytes memory spending =
            _transferOf(address(hooked), BOB_KEY, toPosition(height, 0, 0), 7, bob, FOREVER);
        owner.exit{value: BOND}(_proof(height, 0), spending);
        _wait();
        game.process(address(hooked), 9);
        // What it does costs more than a token's share, so it may have a credit instead.
        if (vault.credit(address(hooked), address(owner)) != 0) {
            vm.prank(address(owner));
            vault.withdrawCredit(address(hooked), address(owner));
        }
        _equal(owner.calls(), 1);
        _equal(owner.accepted(), 0);
        _equal(hooked.balanceOf(address(owner)), 7);
        _equal(vault.held(address(hooked)), 100);
        _equal(hooked.balanceOf(address(vault)), 100);
        _equal(address(owner).balance, BOND);
    }

    /// @dev K40: under every outcome the bond is somebody's, and the game keeps none.
    function test_bonds_areReturnedAwardedOrHeld() external {
        Refusing refusing = new Refusing();
        uint32 token = _fundToken(plain, bob, 7);
        uint32 other = _fundToken(plain, address(refusing), 7);
        uint256 spent = _exitPaid();
        uint256 twice = _exitPaid();
        uint256 again = _exitPaid();
        _exit(bob, _proof(token, 0), 0);
        vm.deal(address(refusing), BOND);
        _exit(address(refusing), _proof(other, 0), 0);
        _equal(address(game).balance, 5 * BOND);
        bytes memory spending = _transfer(BOB_KEY, paid, AMOUNT, alice, FOREVER);
        vm.prank(WATCHER);
        game.challengeExit(spent, spending, 0);
        _equal(address(game).balance, 4 * BOND);
        _wait();
        uint256 before = bob.balance;
        game.process(address(0), 9);
        game.process(address(plain), 9);
        _true(!_isOpen(twice) && !_isOpen(again));
        _equal(WATCHER.balance, BOND);
        _equal(bob.balance, before + AMOUNT + 3 * BOND);
        _equal(game.credit(address(0), address(refusing)), BOND);
        _equal(address(game).balance, BOND);
        refusing.withdraw(game, WATCHER);
        _equal(address(game).balance, 0);
    }

    /// @dev K41: dust in one queue does not move the others, and in its own costs a logarithm.
    function test_startExit_dustDelaysNobodyElse() external {
        uint32 height = _fundToken(plain, bob, 1);
        Proof memory dust = _proof(height, 0);
        vm.deal(bob, 1_000 ether);
        uint256 honestGas = _startGas(alice, _proof(1, 0));
        uint256 first = _startGas(bob, dust);
        uint256 last = 0;
        for (uint256 i = 0; i < 1_000; ++i) {
            last = _startGas(bob, dust);
        }
        _atMost(last, first + 60_000);
        _atMost(_startGas(bob, _proof(2, 0)), honestGas + 30_000);
        _wait();
        uint256 before = alice.balance;
        _equal(game.process(address(0), 1), 1);
        _equal(alice.balance, before + AMOUNT + BOND);
        // And with the gas of one block, hundreds of places end.
        _true(game.process{gas: 16_000_000}(address(plain), 1_001) > 150);
    }

    /// @dev K42: who signed a payment that was never included, and then exits, loses one bond and no money.
    function test_challengeExit_anHonestRetryCostsOneBondAtMost() external {
        bytes memory silent = _transfer(BOB_KEY, paid, AMOUNT, alice, 3);
        uint256 id = _exitPaid();
        vm.prank(WATCHER);
        game.challengeExit(id, silent, 0);
        _block();
        _block();
        _l1(5, 60);
        _anchor();
        id = _exitPaid();
        vm.expectRevert(abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 3, 4));
        game.challengeExit(id, silent, 0);
        _wait();
        uint256 before = bob.balance;
        _equal(game.process(address(0), 9), 2);
        _equal(bob.balance, before + AMOUNT + BOND);
        _equal(WATCHER.balance, BOND);
    }

    /// @dev K43: who copies a challenge and is faster gets the bond; the exit ends all the same, and once.
    function test_challengeExit_beingOvertakenCostsTheBondAlone() external {
        uint256 id = _exitPaid();
        bytes memory spending = _transfer(BOB_KEY, paid, AMOUNT, alice, FOREVER);
        vm.prank(address(0xfa57));
        game.challengeExit(id, spending, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.ExitUnknown.selector, id));
        vm.prank(WATCHER);
        game.challengeExit(id, spending, 0);
        _equal(address(0xfa57).balance, BOND);
        _equal(vault.held(address(0)), AMOUNT);
        _equal(address(game).balance, 0);
    }

    function _startGas(address owner, Proof memory proof) private returns (uint256) {
        vm.prank(owner);
        uint256 before = gasleft();
        game.startExit{value: BOND}(proof, 0);
        return before - gasleft();
    }

    /// @dev A deposit of tokens for an owner, funded in a block of its own and anchored.
    function _fundToken(Plain token, address owner, uint256 amount) private returns (uint32 height) {
        token.mint(address(this), amount);
        token.approve(address(vault), amount);
        uint64 number = vault.depositToken(address(token), amount, owner);
        _l1(5, 60);
        height = _block(Forms.fund(number, owner, address(token), amount));
        _anchor();
    }
}
