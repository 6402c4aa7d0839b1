// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Parameters} from "../contracts/types/Parameters.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Check} from "./support/Check.sol";
import {Forms} from "./support/Forms.sol";
import {Plain, Shifting, Taxing} from "./support/Tokens.sol";
import {World} from "./support/World.sol";

/// @notice A federation that decides honestly but swallows deposits; users who deposit, pay, exit what they own or once
/// owned, and take deposits back, swallowed or not; an issuer that stops its token and starts it again; and a watcher
/// that challenges whatever was spent before anything is paid. Every call is one step of a random history.
contract Economy is World {
    struct Coin {
        uint32 height;
        uint8 actor;
        address asset;
        uint256 amount;
        bytes spending;
        uint256[] exits;
        bool gone;
    }

    /// @dev What became of a deposit: a coin (its index + 1), or nothing yet.
    struct Entry {
        uint8 actor;
        address asset;
        uint256 amount;
        uint256 coin;
        bool returned;
    }

    uint8 private constant ACTORS = 4;
    address private constant WATCHER = address(0x3a7c4e5);

    Plain private plain = new Plain();
    Taxing private taxing = new Taxing();
    Shifting private shifting = new Shifting();
    address[] private assets = [address(0), address(plain), address(taxing), address(shifting)];

    Coin[] private coins;
    Entry[] private entries;
    mapping(address asset => uint256) public deposited;
    mapping(address asset => uint256) public withdrawn;
    uint256 public openExits;
    uint256 public openReclaims;
    uint256 public reclaimed;
    uint256 public refusedHonestExits;
    uint256 public paidDishonestExits;
    uint256 public doublePayouts;

    constructor() {
        _deploy(4);
        // A deposit in the block of deployment could be reclaimed before there is an anchor to prove its fund with.
        _l1(1, 1);
        for (uint8 i = 0; i < ACTORS; ++i) {
            address owner = vm.addr(_actorKey(i));
            vm.deal(owner, 1e30);
            for (uint256 k = 1; k < assets.length; ++k) {
                Plain(assets[k]).mint(owner, 1e60);
                vm.prank(owner);
                Plain(assets[k]).approve(address(vault), type(uint256).max);
            }
        }
    }

    function _listed() internal view override returns (address[] memory list) {
        list = new address[](assets.length - 1);
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = assets[i + 1];
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

    function deposit(uint8 who, uint8 which, uint64 amount, bool isLarge, uint8 swallow) external {
        uint8 actor = who % ACTORS;
        address asset = assets[which % assets.length];
        address owner = vm.addr(_actorKey(actor));
        uint256 value = uint256(amount) + 1;
        // Tokens have amounts that no exit keeps in one slot with its owner.
        if (isLarge && asset != address(0)) value <<= 80;
        if (asset == address(shifting) && shifting.mode() != Shifting.Mode.Works) return;
        uint64 number = vault.depositCount();
        vm.prank(owner);
        if (asset == address(0)) vault.deposit{value: value}();
        else vault.depositToken(asset, value, owner);
        value = vault.deposits(number).amount;
        deposited[asset] += value;
        Entry storage entry = entries.push();
        (entry.actor, entry.asset, entry.amount) = (actor, asset, value);
        if (swallow % 4 == 0) return;
        entry.coin = _mint(_block(Forms.fund(number, owner, asset, value)), actor, asset, value) + 1;
    }

    function pay(uint256 which, uint8 to) external {
        if (coins.length == 0) return;
        Coin storage coin = coins[which % coins.length];
        if (coin.gone || coin.spending.length != 0 || coin.exits.length != 0) return;
        uint8 actor = to % ACTORS;
        coin.spending = _transferOf(
            coin.asset,
            _actorKey(coin.actor),
            _position(coin),
            coin.amount,
            vm.addr(_actorKey(actor)),
            type(uint32).max
        );
        _mint(_block(coin.spending), actor, coin.asset, coin.amount);
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

    function process(uint8 which, uint8 max) external {
        _challengeAll();
        address asset = assets[which % assets.length];
        uint256 before = _balance(asset);
        game.process(asset, max);
        withdrawn[asset] += before - _balance(asset);
        for (uint256 i = 0; i < coins.length; ++i) {
            _settle(coins[i]);
        }
    }

    function startReclaim(uint256 which) external {
        if (entries.length == 0) return;
        uint64 number = uint64(which % entries.length);
        Entry storage entry = entries[number];
        bool isPaid = entry.coin != 0 && coins[entry.coin - 1].gone;
        bool claimed = federation.latest().l1Height >= vault.deposits(number).l1Block;
        bool startable = claimed && !isPaid && !entry.returned && vault.reclaims(number) == 0;
        vm.prank(vm.addr(_actorKey(entry.actor)));
        (bool done,) = address(vault).call{value: BOND}(abi.encodeCall(vault.startReclaim, (number)));
        _true(done == startable);
        if (done) ++openReclaims;
    }

    /// @dev The watcher defeats every reclaim of a deposit whose output was spent. Where it was not, a careless one
    /// lets it pass: then exit and reclaim race, and either may win, once.
    function finalizeReclaims(bool careful) external {
        for (uint64 number = 0; number < entries.length; ++number) {
            if (vault.reclaims(number) == 0) continue;
            Entry storage entry = entries[number];
            bool spent = entry.coin != 0 && coins[entry.coin - 1].spending.length != 0;
            if (spent || (entry.coin != 0 && careful)) {
                _challengeReclaim(number, coins[entry.coin - 1].height);
            } else if (block.timestamp >= vault.reclaims(number)) {
                _finalizeReclaim(number, entry);
            }
        }
    }

    function issuerStopsOrStarts(uint8 mode) external {
        shifting.become(Shifting.Mode(mode % 5));
    }

    function withdrawCredit(uint8 who, uint8 which) external {
        address owner = vm.addr(_actorKey(who % ACTORS));
        address asset = assets[which % assets.length];
        bool stopped = asset == address(shifting) && shifting.mode() != Shifting.Mode.Works;
        uint256 waiting = vault.credit(asset, owner);
        uint256 before = _balance(asset);
        vm.prank(owner);
        (bool done,) = address(vault).call(abi.encodeCall(vault.withdrawCredit, (asset, owner)));
        _true(done == (waiting != 0 && !stopped));
        withdrawn[asset] += before - _balance(asset);
    }

    /// @dev Longer than the exit period, so that random histories see payouts and not only their beginnings.
    function advanceFar() external {
        for (uint256 i = 0; i < 5; ++i) {
            advance(399);
        }
    }

    function advance(uint16 duration) public {
        _block();
        _l1(1 + uint256(duration) % 200, uint256(duration) % 400);
        _anchor();
    }

    function assetAt(uint256 index) external view returns (address) {
        return assets[index];
    }

    /// @dev What the vault owes: unspent coins that did not leave, and deposits that nobody funded or took back.
    function owed(address asset_) external view returns (uint256 sum) {
        for (uint256 i = 0; i < coins.length; ++i) {
            Coin storage coin = coins[i];
            if (coin.asset == asset_ && !coin.gone && coin.spending.length == 0) sum += coin.amount;
        }
        for (uint256 i = 0; i < entries.length; ++i) {
            Entry storage entry = entries[i];
            if (entry.asset == asset_ && entry.coin == 0 && !entry.returned) sum += entry.amount;
        }
    }

    function credits(address asset_) external view returns (uint256 sum) {
        for (uint8 i = 0; i < ACTORS; ++i) {
            sum += vault.credit(asset_, vm.addr(_actorKey(i)));
        }
    }

    function held(address asset_) external view returns (uint256) {
        return vault.held(asset_);
    }

    function balance(address asset_) external view returns (uint256) {
        return _balance(asset_);
    }

    function balances() external view returns (uint256 ofVault, uint256 ofGame) {
        return (address(vault).balance, address(game).balance);
    }

    function bond() external pure returns (uint256) {
        return BOND;
    }

    /// @dev I10: numbers are contiguous, and records say what was deposited.
    function recordsDiffer() external view returns (bool) {
        if (vault.depositCount() != entries.length) return true;
        for (uint64 i = 0; i < entries.length; ++i) {
            bool same = vault.deposits(i).amount == entries[i].amount
                && (vault.deposits(i).reclaimedAt != 0) == entries[i].returned;
            if (!same) return true;
        }
        return false;
    }

    /// @dev The vault's balance without the bonds of reclaims.
    function _balance(address asset_) private view returns (uint256) {
        if (asset_ != address(0)) return Plain(asset_).balanceOf(address(vault));
        return address(vault).balance - openReclaims * BOND;
    }

    function _challengeReclaim(uint64 number, uint32 height) private {
        vm.prank(WATCHER, WATCHER);
        vault.challengeReclaim(number, _proof(height, 0));
        --openReclaims;
    }

    function _finalizeReclaim(uint64 number, Entry storage entry) private {
        uint256 before = _balance(entry.asset);
        bool isPaid = entry.coin != 0 && coins[entry.coin - 1].gone;
        vm.prank(WATCHER);
        vault.finalizeReclaim(number);
        --openReclaims;
        withdrawn[entry.asset] += before - _balance(entry.asset);
        entry.returned = vault.deposits(number).reclaimedAt != 0;
        if (entry.returned) ++reclaimed;
        if (entry.returned && isPaid) ++doublePayouts;
        if (entry.returned && entry.coin != 0) coins[entry.coin - 1].gone = true;
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

    function _key(Coin storage coin) private view returns (bytes32) {
        return keccak256(abi.encodePacked(harness.id(bodies[coin.height][0]), uint8(0)));
    }

    function _mint(uint32 height, uint8 actor, address asset_, uint256 amount)
        private
        returns (uint256 index)
    {
        index = coins.length;
        Coin storage coin = coins.push();
        (coin.height, coin.actor, coin.asset, coin.amount) = (height, actor, asset_, amount);
    }

    function _position(Coin storage coin) private view returns (Position) {
        return toPosition(coin.height, 0, 0);
    }

    function _actorKey(uint8 actor) private pure returns (uint256) {
        return 0xac70 + uint256(actor);
    }
}

/// @dev No step may revert: what a step expects and does not find would else pass for a step that did nothing.
/// forge-config: default.invariant.fail-on-revert = true
contract SolvencyTest is Check {
    Economy private economy;

    function setUp() external {
        economy = new Economy();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(economy);
    }

    /// @dev I1, I2: per asset, the vault has what was deposited and did not leave, and that is what it owes. Whatever
    /// is paid twice, or for nothing, is missing on one of the sides.
    function invariant_vaultHoldsWhatItOwes() external view {
        for (uint256 i = 0; i < 4; ++i) {
            address asset = economy.assetAt(i);
            uint256 balance = economy.balance(asset);
            _equal(balance, economy.deposited(asset) - economy.withdrawn(asset));
            _equal(balance, economy.held(asset) + economy.credits(asset));
            _equal(economy.held(asset), economy.owed(asset));
        }
    }

    /// @dev I9.
    function invariant_bondsAreThereUntilTheyEnd() external view {
        (uint256 vault, uint256 game) = economy.balances();
        _equal(game, economy.openExits() * economy.bond());
        _equal(vault - economy.balance(address(0)), economy.openReclaims() * economy.bond());
    }

    function invariant_honestExitsArePaidAndDishonestOnesAreNot() external view {
        _equal(economy.refusedHonestExits(), 0);
        _equal(economy.paidDishonestExits(), 0);
        _equal(economy.doublePayouts(), 0);
    }

    /// @dev I10.
    function invariant_depositsAreAsRecorded() external view {
        _true(!economy.recordsDiffer());
    }

    /// @dev One history in which everything happens, so that the invariants do not hold for want of events.
    function test_economy_paysAndRefuses() external {
        economy.deposit(0, 0, 100, false, 1);
        economy.deposit(1, 0, 50, false, 1);
        economy.pay(0, 2);
        economy.advance(60);
        economy.startExit(0);
        economy.startExit(1);
        economy.startExit(2);
        economy.process(0, 9);
        _equal(economy.openExits(), 2);
        for (uint256 i = 0; i < 10; ++i) {
            economy.advance(399);
        }
        economy.process(0, 9);
        _equal(economy.openExits(), 0);
        _equal(economy.withdrawn(address(0)), 152);
        _equal(economy.owed(address(0)), 0);
        _equal(economy.refusedHonestExits() + economy.paidDishonestExits(), 0);
    }

    /// @dev The same for tokens, credits and reclaims.
    function test_economy_creditsAndReturns() external {
        economy.advance(60);
        economy.deposit(0, 3, 100, true, 1);
        economy.deposit(1, 2, 199, false, 1);
        economy.deposit(2, 1, 30, false, 0);
        economy.deposit(3, 0, 40, false, 0);
        economy.deposit(3, 0, 60, false, 1);
        economy.startReclaim(2);
        _equal(economy.openReclaims(), 0);
        economy.advance(60);
        for (uint256 i = 0; i < 5; ++i) {
            economy.startReclaim(i);
            economy.startReclaim(i);
        }
        _equal(economy.openReclaims(), 5);
        // The watcher sees three that were funded; of the last the output was spent.
        economy.pay(2, 0);
        economy.finalizeReclaims(false);
        _equal(economy.openReclaims(), 4);
        economy.startExit(0);
        economy.startExit(1);
        for (uint256 i = 0; i < 2; ++i) {
            economy.advance(399);
        }
        economy.finalizeReclaims(true);
        _equal(economy.openReclaims(), 0);
        _equal(economy.reclaimed(), 2);
        // Of the second deposit nobody stops the reclaim, and it is faster than the exit.
        economy.startReclaim(1);
        for (uint256 i = 0; i < 2; ++i) {
            economy.advance(399);
        }
        economy.finalizeReclaims(false);
        _equal(economy.reclaimed(), 3);
        for (uint256 i = 0; i < 10; ++i) {
            economy.advance(399);
        }
        economy.issuerStopsOrStarts(1);
        economy.process(3, 9);
        economy.process(2, 9);
        _equal(economy.openExits(), 0);
        address shifting = economy.assetAt(3);
        _equal(economy.credits(shifting), 101 << 80);
        economy.withdrawCredit(0, 3);
        _equal(economy.credits(shifting), 101 << 80);
        economy.issuerStopsOrStarts(0);
        economy.withdrawCredit(0, 3);
        _equal(economy.credits(shifting), 0);
        _equal(economy.withdrawn(shifting), 101 << 80);
        _equal(economy.withdrawn(economy.assetAt(2)), 198);
        _equal(economy.owed(address(0)), 61);
        this.invariant_vaultHoldsWhatItOwes();
        this.invariant_bondsAreThereUntilTheyEnd();
        this.invariant_honestExitsArePaidAndDishonestOnesAreNot();
        this.invariant_depositsAreAsRecorded();
    }
}
