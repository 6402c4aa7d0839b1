// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {InFlightExit, Pending} from "../contracts/types/InFlight.sol";
import {Parameters} from "../contracts/types/Parameters.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Check} from "./support/Check.sol";
import {Forms} from "./support/Forms.sol";
import {Refusing} from "./support/Receivers.sol";
import {World} from "./support/World.sol";

/// @notice An honest user, a thief who spends twice and exits whatever it can, a receiver that refuses all money, and
/// a watcher that challenges what the rules let it challenge. Both games run over the same outputs.
contract InFlightEconomy is World {
    /// @dev A deposit of one actor, the payment that spends it, and what happened to both.
    struct Coin {
        uint8 actor;
        uint256 amount;
        uint32 height;
        bytes payment;
        bytes rival;
        address receiver;
        uint32 included;
        uint256 inFlight;
        uint256[] standard;
        bool inputsClaimed;
        bool outputClaimed;
        bool contested;
    }

    uint8 private constant HONEST = 0;
    uint8 private constant THIEF = 1;
    uint8 private constant ACTORS = 2;
    address private constant WATCHER = address(0x3a7c4e5);

    Coin[] private coins;
    address private griefer;
    uint256 public cheatsPaid;
    uint256 public honestLost;
    uint256 public paidTwice;
    uint256 public ended;

    constructor() {
        _deploy(4);
        griefer = address(new Refusing());
        for (uint8 i = 0; i < ACTORS; ++i) {
            vm.deal(vm.addr(_actorKey(i)), 1e30);
        }
        vm.deal(griefer, 1e30);
        vm.deal(WATCHER, 1e30);
    }

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

    /// @dev An actor deposits, is funded, and signs a payment to the griefer or to the honest user; the thief signs a
    /// second one to itself.
    function deposit(uint8 who, uint64 value, bool toGriefer) external {
        if (coins.length >= 12) return;
        Coin storage coin = coins.push();
        coin.actor = who % ACTORS;
        coin.amount = uint256(value) + 1;
        address owner = vm.addr(_actorKey(coin.actor));
        vm.prank(owner);
        uint64 number = vault.deposit{value: coin.amount}();
        coin.height = _block(Forms.fund(number, owner, coin.amount));
        coin.receiver = toGriefer ? griefer : vm.addr(_actorKey(HONEST));
        coin.payment =
            _transfer(_actorKey(coin.actor), _position(coin), coin.amount, coin.receiver, type(uint32).max);
        if (coin.actor == THIEF) {
            coin.rival = _transfer(_actorKey(THIEF), _position(coin), coin.amount, owner, type(uint32).max);
        }
        _advance(1, 1);
    }

    function include(uint256 which) external {
        if (coins.length == 0) return;
        Coin storage coin = coins[which % coins.length];
        if (coin.included != 0 || coin.inFlight != 0 || coin.standard.length != 0) return;
        coin.included = _block(coin.payment);
        _advance(1, 1);
    }

    /// @dev The owner of a deposit exits it; the thief also when it paid with it.
    function exitDeposit(uint256 which) external {
        if (coins.length == 0) return;
        Coin storage coin = coins[which % coins.length];
        bool cheats = coin.included != 0 || coin.inFlight != 0;
        if ((cheats && coin.actor == HONEST) || coin.standard.length >= 2 || _isPaid(coin)) return;
        Proof memory proof = _proof(coin.height, 0);
        vm.prank(vm.addr(_actorKey(coin.actor)));
        coin.standard.push(game.startExit{value: BOND}(proof, 0));
    }

    function startInFlight(uint256 which) external {
        if (coins.length == 0) return;
        Coin storage coin = coins[which % coins.length];
        if (coin.inFlight != 0 || _isPaid(coin)) return;
        // An honest owner does not spend what it exits.
        if (coin.actor == HONEST && coin.standard.length != 0) return;
        Proof[] memory inputs = new Proof[](1);
        inputs[0] = _proof(coin.height, 0);
        Evidence memory evidence;
        evidence.transaction = coin.payment;
        vm.prank(griefer);
        coin.inFlight = inFlight.startInFlightExit{value: BOND}(evidence, inputs);
    }

    function piggybackOutput(uint256 which) external {
        Coin storage coin = _open(which);
        if (coin.inFlight == 0 || coin.outputClaimed || !_inFirstHalf(coin)) return;
        Pending memory pending = _pending(coin);
        vm.prank(coin.receiver);
        inFlight.piggybackOutput{value: BOND}(coin.inFlight, pending, 0);
        coin.outputClaimed = true;
    }

    function piggybackInput(uint256 which) external {
        Coin storage coin = _open(which);
        if (coin.inFlight == 0 || coin.inputsClaimed || !_inFirstHalf(coin)) return;
        Pending memory pending = _pending(coin);
        vm.prank(vm.addr(_actorKey(coin.actor)));
        inFlight.piggybackInput{value: BOND}(coin.inFlight, pending);
        coin.inputsClaimed = true;
    }

    /// @dev The thief shows its own rival to free what it paid with; nobody can do that to the honest user.
    function contest(uint256 which) external {
        Coin storage coin = _open(which);
        if (coin.inFlight == 0 || coin.rival.length == 0 || coin.contested || !_inFirstHalf(coin)) return;
        Pending memory pending = _pending(coin);
        Evidence memory rival;
        rival.transaction = coin.rival;
        vm.prank(WATCHER);
        inFlight.challengeNotCanonical(coin.inFlight, pending, 0, rival, 0);
        coin.contested = true;
    }

    function advance(uint16 duration) external {
        _advance(1 + uint256(duration) % 200, uint256(duration) % 400);
    }

    /// @dev First the watcher does its duty, then whoever likes ends what is due.
    function process(uint8 max) external {
        for (uint256 i = 0; i < coins.length; ++i) {
            _watch(coins[i]);
        }
        game.process(address(0), max);
        for (uint256 i = 0; i < coins.length; ++i) {
            _settle(coins[i]);
        }
    }

    function balances() external view returns (uint256 ofVault, uint256 ofBonds) {
        return (address(vault).balance, address(game).balance + address(inFlight).balance);
    }

    /// @dev Bonds of what is open, by asking the contracts.
    function bondsOpen() external view returns (uint256 sum) {
        for (uint256 i = 0; i < coins.length; ++i) {
            Coin storage coin = coins[i];
            for (uint256 k = 0; k < coin.standard.length; ++k) {
                if (game.exits(coin.standard[k]).owner != address(0)) sum += BOND;
            }
            if (coin.inFlight == 0) continue;
            InFlightExit memory exit = inFlight.inFlightExits(coin.inFlight);
            if (exit.starter == address(0)) continue;
            sum += BOND;
            if (exit.piggybacked & 1 != 0) sum += BOND;
            if (exit.piggybacked & 16 != 0 && exit.spent < 16) sum += BOND;
        }
    }

    function creditsForBonds() external view returns (uint256) {
        return _credits(address(game)) + _credits(address(inFlight));
    }

    function owed() external view returns (uint256 sum) {
        for (uint256 i = 0; i < coins.length; ++i) {
            if (!_isPaid(coins[i])) sum += coins[i].amount;
        }
        return sum + _credits(address(vault));
    }

    /// @dev Challenges standard exits of what was spent, inputs that are claimed and spent, and answers for what is
    /// included.
    function _watch(Coin storage coin) private {
        bool spent = coin.included != 0 || coin.inFlight != 0 || coin.rival.length != 0;
        for (uint256 k = 0; k < coin.standard.length; ++k) {
            if (!spent || game.exits(coin.standard[k]).owner == address(0)) continue;
            vm.prank(WATCHER);
            game.challengeExit(coin.standard[k], coin.payment, 0);
        }
        if (coin.inFlight == 0) return;
        InFlightExit memory exit = inFlight.inFlightExits(coin.inFlight);
        if (exit.starter == address(0)) return;
        Pending memory pending = _pending(coin);
        Evidence memory evidence;
        if (coin.included != 0 && coin.contested && exit.marks & 2 == 0) {
            Proof memory proof = _proof(coin.included, 0);
            (evidence.transaction, evidence.inclusion) = (proof.transaction, proof.inclusion);
            inFlight.respondNotCanonical(coin.inFlight, pending, evidence);
        }
        if (coin.rival.length != 0 && exit.piggybacked & 16 != 0 && exit.spent < 16) {
            Evidence memory rival;
            rival.transaction = coin.rival;
            vm.prank(WATCHER);
            inFlight.challengeInputSpent(coin.inFlight, pending, 0, rival, 0);
        }
    }

    function _settle(Coin storage coin) private {
        bool input = game.consumed(_inputKey(coin)) != 0;
        bool output = game.consumed(_outputKey(coin)) != 0;
        if (output && !input) ++paidTwice;
        // A deposit that leaves although another payment of its owner spends it.
        if (input && !output && coin.rival.length != 0) ++cheatsPaid;
        if (coin.inFlight == 0) return;
        if (inFlight.inFlightExits(coin.inFlight).starter != address(0)) return;
        ++ended;
        // What the receiver of an honest payment claimed is paid. The thief's payment only if it was not contested,
        // or is included.
        bool due = coin.outputClaimed && (!coin.contested || coin.included != 0);
        if (due && !output) ++honestLost;
        if (coin.outputClaimed && !due && output) ++cheatsPaid;
        (coin.inFlight, coin.outputClaimed, coin.inputsClaimed, coin.contested) = (0, false, false, false);
    }

    function _open(uint256 which) private view returns (Coin storage coin) {
        coin = coins[0];
        if (coins.length != 0) coin = coins[which % coins.length];
    }

    function _inFirstHalf(Coin storage coin) private view returns (bool) {
        InFlightExit memory exit = inFlight.inFlightExits(coin.inFlight);
        return exit.starter != address(0) && block.timestamp < exit.begun + 1720 / 2;
    }

    function _advance(uint256 blocks, uint256 duration) private {
        _block();
        _l1(blocks, duration);
        _anchor();
    }

    function _credits(address payer) private view returns (uint256 sum) {
        sum = vault.credit(address(0), griefer);
        if (payer == address(game)) sum = game.credit(address(0), griefer);
        if (payer == address(inFlight)) sum = inFlight.credit(address(0), griefer);
    }

    function _isPaid(Coin storage coin) private view returns (bool) {
        return game.consumed(_inputKey(coin)) != 0 || game.consumed(_outputKey(coin)) != 0;
    }

    function _inputKey(Coin storage coin) private view returns (bytes32) {
        return keccak256(abi.encodePacked(harness.id(bodies[coin.height][0]), uint8(0)));
    }

    function _outputKey(Coin storage coin) private view returns (bytes32) {
        return keccak256(abi.encodePacked(harness.id(coin.payment), uint8(0)));
    }

    function _pending(Coin storage coin) private view returns (Pending memory pending) {
        pending.transaction = coin.payment;
        pending.owner = vm.addr(_actorKey(coin.actor));
        pending.inputs = new bytes32[](1);
        pending.inputs[0] = _inputKey(coin);
    }

    function _position(Coin storage coin) private view returns (Position) {
        return toPosition(coin.height, 0, 0);
    }

    function _actorKey(uint8 actor) private pure returns (uint256) {
        return 0xac70 + uint256(actor);
    }
}

contract InFlightSolvencyTest is Check {
    InFlightEconomy private economy;

    function setUp() external {
        economy = new InFlightEconomy();
        economy.deposit(0, 1000, false);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(economy);
    }

    /// @notice I1, I2: the vault holds every coin that did not leave, so none left twice.
    function invariant_noOutputIsPaidTwice() external view {
        (uint256 vault,) = economy.balances();
        _equal(vault, economy.owed());
        _equal(economy.paidTwice(), 0);
    }

    /// @notice I3: with a watcher that challenges in time, what was spent does not leave.
    function invariant_noSpentOutputLeaves() external view {
        _equal(economy.cheatsPaid(), 0);
    }

    /// @notice I4: no challenge takes an honest receiver's money.
    function invariant_noHonestClaimIsLost() external view {
        _equal(economy.honestLost(), 0);
    }

    /// @notice I9: what the two games hold is the bonds of what is open, and what waits for its owner.
    function invariant_everyBondIsHeldOrPaid() external view {
        (, uint256 held) = economy.balances();
        _equal(held, economy.bondsOpen() + economy.creditsForBonds());
    }

    /// @dev One history in which everything happens, so that the invariants do not hold for want of events.
    function test_economy_paysAndRefuses() external {
        economy.deposit(1, 500, false);
        economy.deposit(1, 300, true);
        economy.deposit(0, 200, true);
        economy.include(2);
        economy.exitDeposit(1);
        for (uint256 i = 0; i < 4; ++i) {
            economy.startInFlight(i);
            economy.piggybackOutput(i);
            economy.piggybackInput(i);
            economy.contest(i);
        }
        for (uint256 i = 0; i < 12; ++i) {
            economy.advance(399);
        }
        economy.process(20);
        _equal(economy.ended(), 4);
        // The thief's payment that was contested stays; the included one, and both honest ones, are paid.
        _equal(economy.owed(), 501 + 301 + 201);
        _equal(economy.cheatsPaid() + economy.honestLost() + economy.paidTwice(), 0);
    }
}
