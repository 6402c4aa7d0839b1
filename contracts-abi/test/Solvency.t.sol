// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Parameters} from "../contracts/types/Parameters.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Check} from "./support/Check.sol";
import {Forms} from "./support/Forms.sol";
import {World} from "./support/World.sol";

/// @notice An honest federation, users who deposit, pay, and exit what they own or once owned, and a watcher that
/// challenges what was spent before anything is paid. Every call of it is one step of a random history.
contract Economy is World {
    struct Coin {
        uint32 height;
        uint8 actor;
        uint256 amount;
        bytes spending;
        uint256[] exits;
        bool gone;
    }

    uint8 private constant ACTORS = 4;
    address private constant WATCHER = address(0x3a7c4e5);

    Coin[] private coins;
    uint256 public deposited;
    uint256 public withdrawn;
    uint256 public openExits;
    uint256 public refusedHonestExits;
    uint256 public paidDishonestExits;

    constructor() {
        _deploy(4);
        for (uint8 i = 0; i < ACTORS; ++i) {
            vm.deal(vm.addr(_actorKey(i)), 1e30);
        }
    }

    /// @dev Short periods: a history of 64 steps sees exits start, wait and end.
    function _parameters() internal pure override returns (Parameters memory) {
        return Parameters({
            exitPeriod: 1840,
            exitBond: BOND,
            originWindow: 440,
            l1BlockTime: 1,
            silence: 300,
            grace: 60,
            legacyTransactions: false,
            operatorBond: 1,
            committeeDelay: 3681,
            reclaimWindow: 60
        });
    }

    function deposit(uint8 who, uint64 amount) external {
        uint8 actor = who % ACTORS;
        uint256 value = uint256(amount) + 1;
        address owner = vm.addr(_actorKey(actor));
        vm.prank(owner);
        uint64 number = vault.deposit{value: value}();
        deposited += value;
        _mint(_block(Forms.fund(number, owner, value)), actor, value);
    }

    function pay(uint256 which, uint8 to) external {
        if (coins.length == 0) return;
        Coin storage coin = coins[which % coins.length];
        if (coin.gone || coin.spending.length != 0 || _locked(coin)) return;
        uint8 actor = to % ACTORS;
        coin.spending = _transfer(
            _actorKey(coin.actor), _position(coin), coin.amount, vm.addr(_actorKey(actor)), type(uint32).max
        );
        _mint(_block(coin.spending), actor, coin.amount);
    }

    function startExit(uint256 which) external {
        if (coins.length == 0) return;
        Coin storage coin = coins[which % coins.length];
        if (coin.gone || coin.exits.length > 3 || coin.height > federation.latest().height) return;
        address owner = vm.addr(_actorKey(coin.actor));
        vm.prank(owner);
        coin.exits.push(game.startExit{value: BOND}(_proof(coin.height, 0), 0));
        ++openExits;
    }

    function process(uint8 max) external {
        _challengeAll();
        uint256 before = address(vault).balance;
        game.process(address(0), max);
        withdrawn += before - address(vault).balance;
        for (uint256 i = 0; i < coins.length; ++i) {
            _settle(coins[i]);
        }
    }

    function advance(uint16 duration) external {
        _block();
        _l1(1 + uint256(duration) % 200, uint256(duration) % 400);
        _anchor();
    }

    /// @dev What unspent coins are worth that did not leave: all that the vault owes.
    function owed() external view returns (uint256 sum) {
        for (uint256 i = 0; i < coins.length; ++i) {
            if (!coins[i].gone && coins[i].spending.length == 0) sum += coins[i].amount;
        }
    }

    function balances() external view returns (uint256 ofVault, uint256 ofGame) {
        return (address(vault).balance, address(game).balance);
    }

    function bond() external pure returns (uint256) {
        return BOND;
    }

    function _challengeAll() private {
        for (uint256 i = 0; i < coins.length; ++i) {
            Coin storage coin = coins[i];
            if (coin.spending.length == 0) continue;
            for (uint256 k = 0; k < coin.exits.length; ++k) {
                vm.prank(WATCHER);
                game.challengeExit(coin.exits[k], coin.spending, 0);
                --openExits;
            }
            delete coin.exits;
        }
    }

    /// @dev Which of a coin's exits ended, and whether rightly.
    function _settle(Coin storage coin) private {
        bool paid = game.consumed(_key(coin)) != 0;
        if (paid && coin.spending.length != 0) ++paidDishonestExits;
        for (uint256 k = 0; k < coin.exits.length;) {
            if (game.exits(coin.exits[k]).owner != address(0)) {
                ++k;
                continue;
            }
            if (!paid) ++refusedHonestExits;
            coin.exits[k] = coin.exits[coin.exits.length - 1];
            coin.exits.pop();
            --openExits;
        }
        if (paid) coin.gone = true;
    }

    function _locked(Coin storage coin) private view returns (bool) {
        return coin.exits.length != 0;
    }

    function _key(Coin storage coin) private view returns (bytes32) {
        return keccak256(abi.encodePacked(harness.id(bodies[coin.height][0]), uint8(0)));
    }

    function _mint(uint32 height, uint8 actor, uint256 amount) private {
        Coin storage coin = coins.push();
        (coin.height, coin.actor, coin.amount) = (height, actor, amount);
    }

    function _position(Coin storage coin) private view returns (Position) {
        return toPosition(coin.height, 0, 0);
    }

    function _actorKey(uint8 actor) private pure returns (uint256) {
        return 0xac70 + uint256(actor);
    }
}

contract SolvencyTest is Check {
    Economy private economy;

    function setUp() external {
        economy = new Economy();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(economy);
    }

    function invariant_vaultHoldsWhatItOwes() external view {
        (uint256 vault,) = economy.balances();
        _equal(vault, economy.deposited() - economy.withdrawn());
        _equal(vault, economy.owed());
    }

    function invariant_gameHoldsTheBondsOfOpenExits() external view {
        (, uint256 game) = economy.balances();
        _equal(game, economy.openExits() * economy.bond());
    }

    function invariant_honestExitsArePaidAndDishonestOnesAreNot() external view {
        _equal(economy.refusedHonestExits(), 0);
        _equal(economy.paidDishonestExits(), 0);
    }

    /// @dev One history in which everything happens, so that the invariants do not hold for want of events.
    function test_economy_paysAndRefuses() external {
        economy.deposit(0, 100);
        economy.deposit(1, 50);
        economy.pay(0, 2);
        economy.advance(60);
        economy.startExit(0);
        economy.startExit(1);
        economy.startExit(2);
        economy.process(9);
        _equal(economy.openExits(), 2);
        for (uint256 i = 0; i < 10; ++i) {
            economy.advance(399);
        }
        economy.process(9);
        _equal(economy.openExits(), 0);
        _equal(economy.withdrawn(), 152);
        _equal(economy.owed(), 0);
        _equal(economy.refusedHonestExits() + economy.paidDishonestExits(), 0);
    }
}
