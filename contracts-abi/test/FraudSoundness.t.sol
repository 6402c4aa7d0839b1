// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Parameters} from "../contracts/types/Parameters.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Chains} from "./support/Chains.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";

/// @notice Random valid chains, about which nothing can be proven, and the same with one rule broken at the end, about
/// which exactly that can be.
contract FraudSoundnessTest is Chains {
    function setUp() external {
        _open();
    }

    /// @dev K17: no call of any kind with any two transactions of a valid chain succeeds.
    /// forge-config: default.fuzz.runs = 24
    function testFuzz_validChains_cannotBeConvicted(uint256 seed) external {
        _grow(seed);
        _equal(_sayAll(), 0);
        _equal(court.halts(), 0);
    }

    /// @dev K18: one rule broken, and exactly the proof of that rule succeeds, at the height where it was broken.
    /// forge-config: default.fuzz.runs = 46
    function testFuzz_brokenChains_areConvictedOfWhatTheyBroke(uint256 seed, uint8 which) external {
        _broken(seed, which % 23);
    }

    /// @dev K18: each of them once, whatever the fuzzer picks.
    function test_brokenForms_areConvictedOfEachRule() external {
        _brokenEach(0, 8);
    }

    function test_brokenInputs_areConvictedOfEachRule() external {
        _brokenEach(8, 16);
    }

    function test_brokenFacts_areConvictedOfEachRule() external {
        _brokenEach(16, 23);
    }

    function _brokenEach(uint8 from, uint8 to) private {
        uint256 start = vm.snapshotState();
        for (uint8 which = from; which < to; ++which) {
            _broken(which, which);
            vm.revertToState(start);
        }
    }

    /// @dev The chains are not valid for want of events.
    function test_chains_holdAllKindsAndWaysOut() external {
        uint256 start = vm.snapshotState();
        uint256 all;
        for (uint256 seed = 0; seed < 12; ++seed) {
            _grow(seed);
            all |= seen;
            vm.revertToState(start);
        }
        uint256 kinds = (1 << 1) | (1 << 2) | (1 << 5);
        _equal(
            all, kinds | MANY_INPUTS | EXIT_OF_UNSPENT | EXIT_OF_SPENT | RECLAIM_OF_UNSPENT | RECLAIM_OF_SPENT
        );
    }

    function _broken(uint256 seed, uint8 which) private {
        _grow(seed);
        uint256 expected = which < 7
            ? _breakForm(which)
            : which < 11 ? _breakInput(which) : which < 15 ? _breakReference(which) : _breakFact(which);
        uint32 height = uint32(history.length - 1);
        _equal(_sayAll(), expected);
        _convicted(height);
    }

    function _breakForm(uint8 which) private returns (uint256) {
        Coin memory coin = _coin();
        uint32 height = uint32(history.length);
        Spend[] memory inputs = Forms.one(Spend(coin.position, coin.amount));
        Pay[] memory outputs = Forms.one(Pay(alice, coin.amount));
        if (which == 0) outputs[0].amount += 1;
        if (which == 3) outputs[0].owner = address(0);
        if (which == 4) (inputs, outputs) = (_twice(inputs[0]), Forms.one(Pay(alice, 2 * coin.amount)));
        if (which == 5) outputs = _withNothing(outputs[0]);
        uint32 expiry = which == 1 ? height - 1 : height;
        bytes memory form = _signed(keys[coin.owner], Forms.unsigned(5, coin.asset, expiry, inputs, outputs));
        if (which == 2) form[form.length - 1] = bytes1(uint8(29));
        if (which == 6) form = bytes.concat(form, hex"00");
        _end(form);
        return MALFORMED;
    }

    function _breakInput(uint8 which) private returns (uint256) {
        Coin memory coin = _coin();
        if (which == 7) {
            _advance(10);
            _block(_spend(coin));
            if (_random(2) == 0) _cover();
            _end(_pay(keys[coin.owner], 5, _whole(coin), coin.asset, FOREVER, Pay(bob, coin.amount)));
            return DOUBLE_SPEND;
        }
        if (which == 8) coin.amount += 1;
        if (which == 9) coin.asset = address(uint160(coin.asset) + 1);
        if (which == 10) coin.owner = (coin.owner + 1) % 3;
        _end(_spend(coin));
        return BAD_INPUT;
    }

    function _breakReference(uint8 which) private returns (uint256) {
        Coin memory coin = _coin();
        Position from = coin.position;
        uint32 height = from.blockOf();
        if (which == 11) coin.position = toPosition(uint32(history.length), 0, 0);
        if (which == 12) coin.position = toPosition(0, from.transactionOf(), from.outputOf());
        if (which == 13) coin.position = toPosition(height, uint32(leavesOf[height].length), 0);
        if (which == 14) {
            uint8 outputs = uint8(bodies[height][from.transactionOf()][2]);
            coin.position = toPosition(height, from.transactionOf(), outputs);
        }
        _end(_spend(coin));
        return which == 13 ? ABSENT_TRANSACTION : which == 14 ? ABSENT_OUTPUT : FUTURE_REFERENCE;
    }

    function _breakFact(uint8 which) private returns (uint256) {
        if (which == 20) {
            Coin memory left = _coin();
            bytes memory maker = bodies[left.position.blockOf()][left.position.transactionOf()];
            court.consume(_outputKey(maker, left.position.outputOf()), block.timestamp);
            _end(_spend(left));
            return SPENT_AFTER_EXIT;
        }
        if (which == 21) {
            Coin memory back = _funded();
            court.reclaim(back.deposit - 1, block.number);
            court.consume(_outputKey(bodies[back.position.blockOf()][0], 0), block.timestamp);
            _advance(1 + _random(50));
            _block();
            _cover();
            _end(_spend(back));
            return SPENT_AFTER_RECLAIM;
        }
        _advance(10);
        uint64 number = deposits++;
        uint256 amount = 1 + _random(1e20);
        bytes memory fund = _fund(number, alice, ETH, amount);
        if (which != 15 && which != 17) _deposit(number, alice, ETH, which == 16 ? amount + 1 : amount);
        if (which == 22) court.reclaim(number, block.number);
        if (which == 18) {
            _advance(1);
            _block();
            _cover();
        }
        if (which == 19) {
            _advance(1);
            _block(fund);
        }
        _end(fund);
        // Too late for that block, whose origin is the L1 block before this one.
        if (which == 17) _deposit(number, alice, ETH, amount);
        return which == 18 ? LATE_FUND : which == 19 ? DOUBLE_FUND : BAD_FUND;
    }

    /// @dev The last block, alone or behind others under its anchor.
    function _end(bytes memory transaction) private {
        _advance(1 + _random(100));
        _block(transaction);
        _cover();
    }

    /// @dev Any unspent coin of the chain, or a new one.
    function _coin() private returns (Coin memory) {
        return coins.length == 0 || _random(4) == 0 ? _funded() : _take(_random(coins.length));
    }

    function _funded() private returns (Coin memory) {
        _growBlock(1, 0);
        _cover();
        return _take(coins.length - 1);
    }

    function _spend(Coin memory coin) private view returns (bytes memory) {
        return _pay(keys[coin.owner], 5, _whole(coin), coin.asset, FOREVER, Pay(alice, coin.amount));
    }

    function _whole(Coin memory coin) private pure returns (Spend memory) {
        return Spend(coin.position, coin.amount);
    }

    function _twice(Spend memory input) private pure returns (Spend[] memory inputs) {
        inputs = new Spend[](2);
        (inputs[0], inputs[1]) = (input, input);
    }

    function _withNothing(Pay memory output) private view returns (Pay[] memory outputs) {
        outputs = new Pay[](2);
        (outputs[0], outputs[1]) = (output, Pay(bob, 0));
    }
}

/// @notice A federation whose genesis does not allow the legacy kinds.
contract FraudWithoutLegacyTest is Chains {
    function _parameters() internal pure override returns (Parameters memory fixed_) {
        fixed_ = super._parameters();
        fixed_.legacyTransactions = false;
    }

    /// @dev K18: a kind that this federation does not have is malformed, though its signature is good.
    function test_proveMalformed_convictsLegacyKindsWhereThereAreNone() external {
        _open();
        _growBlock(1, 0);
        _cover();
        Coin memory coin = _take(0);
        bytes memory split = _pay(
            keys[coin.owner], 1, Spend(coin.position, coin.amount), ETH, FOREVER, Pay(alice, coin.amount)
        );
        _advance(10);
        uint32 height = _block(split);
        _cover();
        _equal(_sayAll(), MALFORMED);
        _convicted(height);
    }
}
