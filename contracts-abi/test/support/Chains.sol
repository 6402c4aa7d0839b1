// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFraudProofs} from "../../contracts/interfaces/IFraudProofs.sol";
import {Anchor, Proof} from "../../contracts/types/Anchor.sol";
import {Position, toPosition} from "../../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "./Forms.sol";
import {Trials} from "./Trials.sol";

/// @notice Random valid chains: deposits, transfers, splits and merges, exits, piggybacks and reclaims of spent and
/// unspent outputs that nobody challenged. And all that anybody can say about two transactions of one.
abstract contract Chains is Trials {
    struct Coin {
        Position position;
        uint8 owner;
        address asset;
        uint256 amount;
        /// Of the deposit, plus one, when it is the output of a fund.
        uint64 deposit;
    }

    uint256 internal constant MALFORMED = 1 << 0;
    uint256 internal constant DOUBLE_SPEND = 1 << 1;
    uint256 internal constant BAD_INPUT = 1 << 2;
    uint256 internal constant FUTURE_REFERENCE = 1 << 3;
    uint256 internal constant ABSENT_TRANSACTION = 1 << 4;
    uint256 internal constant ABSENT_OUTPUT = 1 << 5;
    uint256 internal constant BAD_FUND = 1 << 6;
    uint256 internal constant LATE_FUND = 1 << 7;
    uint256 internal constant DOUBLE_FUND = 1 << 8;
    uint256 internal constant SPENT_AFTER_EXIT = 1 << 9;
    uint256 internal constant SPENT_AFTER_RECLAIM = 1 << 10;

    uint256[3] internal keys = [uint256(0xa11ce), 0xb0b, 0xca201];
    Coin[] internal coins;
    Coin[] internal spent;
    uint64 internal deposits;
    /// @dev What happened in this chain: bits 1, 2, 4 and 5 for the kinds, and these.
    uint256 internal seen;
    uint256 internal constant MANY_INPUTS = 1 << 8;
    uint256 internal constant EXIT_OF_UNSPENT = 1 << 9;
    uint256 internal constant EXIT_OF_SPENT = 1 << 10;
    uint256 internal constant RECLAIM_OF_UNSPENT = 1 << 11;
    uint256 internal constant RECLAIM_OF_SPENT = 1 << 12;
    uint256 private state;
    bytes[] private body;
    Coin[] private made;
    Position[] private places;

    /// @dev Three to five blocks; the last one is anchored.
    function _grow(uint256 seed) internal {
        state = seed;
        uint256 blocks = 3 + _random(3);
        for (uint256 i = 0; i < blocks; ++i) {
            _growBlock(i == 0 ? 2 : _random(3), i == 0 ? 0 : 1 + _random(2));
            if (i + 1 == blocks || _random(2) == 0) {
                _cover();
                _leave();
            }
        }
    }

    /// @dev One block: L1 goes on, deposits are made and funded, and some coins are spent.
    function _growBlock(uint256 newDeposits, uint256 payments) internal returns (uint32 height) {
        delete body;
        delete made;
        height = uint32(history.length);
        _advance(1 + _random(1_500));
        for (uint256 i = 0; i < newDeposits; ++i) {
            Coin memory coin = Coin(Position.wrap(0), 0, ETH, 1_000 + _random(1e24), ++deposits);
            coin.owner = uint8(_random(3));
            if (_random(4) == 0) coin.asset = TOKEN;
            _deposit(deposits - 1, _owner(coin.owner), coin.asset, coin.amount);
            _push(_fund(deposits - 1, _owner(coin.owner), coin.asset, coin.amount));
            _make(coin);
        }
        for (uint256 i = 0; i < payments; ++i) {
            if (coins.length != 0) _payOne(height);
        }
        // The origin is the L1 block before, so that of the deposits.
        _advance(1);
        _block(body);
        for (uint256 i = 0; i < made.length; ++i) {
            coins.push(made[i]);
        }
    }

    function _advance(uint256 blocks) internal {
        vm.roll(block.number + blocks);
        vm.warp(block.timestamp + 12 * blocks);
    }

    function _random(uint256 bound) internal returns (uint256) {
        state = uint256(keccak256(abi.encode(state)));
        return state % bound;
    }

    function _owner(uint8 index) internal view returns (address) {
        return vm.addr(keys[index]);
    }

    function _push(bytes memory transaction) private {
        body.push(transaction);
    }

    /// @dev The next output of the newest transaction of the body.
    function _make(Coin memory coin) private {
        uint8 output = 0;
        uint32 index = uint32(body.length - 1);
        for (uint256 i = 0; i < made.length; ++i) {
            if (made[i].position.transactionOf() == index) ++output;
        }
        coin.position = toPosition(uint32(history.length), index, output);
        made.push(coin);
    }

    function _payOne(uint32 height) private {
        Coin memory first = _take(_random(coins.length));
        uint8 kind = first.asset == ETH ? uint8([5, 5, 1, 2][_random(4)]) : 5;
        Spend[] memory inputs = _gather(first, kind == 1 ? 1 : kind == 2 ? 2 : 1 + _random(4));
        if (kind == 2 && inputs.length != 2) kind = 5;
        seen |= (1 << kind) | (inputs.length > 2 ? MANY_INPUTS : 0);
        uint256 sum = 0;
        for (uint256 i = 0; i < inputs.length; ++i) {
            sum += inputs[i].amount;
        }
        uint256 count = 1 + _random(kind == 5 ? 4 : kind == 1 ? 3 : 1);
        if (sum < count) count = 1;
        Pay[] memory outputs = _share(sum, count);
        uint32 expiry = kind == 5 ? uint32([height, height + 1, FOREVER][_random(3)]) : FOREVER;
        _push(_signed(keys[first.owner], Forms.unsigned(kind, first.asset, expiry, inputs, outputs)));
        for (uint256 i = 0; i < count; ++i) {
            uint8 owner = 0;
            while (_owner(owner) != outputs[i].owner) ++owner;
            _make(Coin(Position.wrap(0), owner, first.asset, outputs[i].amount, 0));
        }
    }

    /// @dev Up to `count` coins of one owner and asset, spent now.
    function _gather(Coin memory first, uint256 count) private returns (Spend[] memory inputs) {
        inputs = new Spend[](count);
        inputs[0] = Spend(first.position, first.amount);
        uint256 found = 1;
        for (uint256 i = coins.length; i > 0 && found < count; --i) {
            Coin memory coin = coins[i - 1];
            if (coin.owner != first.owner || coin.asset != first.asset) continue;
            inputs[found++] = Spend(coin.position, coin.amount);
            _take(i - 1);
        }
        assembly ("memory-safe") {
            mstore(inputs, found)
        }
    }

    function _share(uint256 sum, uint256 count) private returns (Pay[] memory outputs) {
        outputs = new Pay[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 rest = count - 1 - i;
            uint256 amount = rest == 0 ? sum : 1 + _random(sum - rest);
            outputs[i] = Pay(_owner(uint8(_random(3))), amount);
            sum -= amount;
        }
    }

    /// @dev A coin leaves the unspent ones for the spent ones.
    function _take(uint256 index) internal returns (Coin memory coin) {
        coin = coins[index];
        spent.push(coin);
        coins[index] = coins[coins.length - 1];
        coins.pop();
    }

    /// @dev What is anchored leaves through L1: locked now and paid when its time is over, or a deposit goes back
    /// now. Nobody challenged, whether it was spent or not.
    function _leave() private {
        if (coins.length != 0 && _random(2) == 0) {
            Coin memory coin = _take(_random(coins.length));
            spent.pop();
            seen |= _goes(coin) ? RECLAIM_OF_UNSPENT : EXIT_OF_UNSPENT;
        }
        if (spent.length != 0 && _random(2) == 0) {
            uint256 index = _random(spent.length);
            seen |= _goes(spent[index]) ? RECLAIM_OF_SPENT : EXIT_OF_SPENT;
            spent[index] = spent[spent.length - 1];
            spent.pop();
        }
    }

    /// @dev Whatever left was locked now: the registry names a second half of P later.
    function _goes(Coin memory coin) private returns (bool reclaimed) {
        bytes32 key = _outputKey(
            bodies[coin.position.blockOf()][coin.position.transactionOf()], coin.position.outputOf()
        );
        reclaimed = coin.deposit != 0 && _random(2) == 0;
        if (reclaimed) court.reclaim(coin.deposit - 1, block.number + _random(100));
        court.consume(key, block.timestamp + (reclaimed ? 0 : PERIOD / 2));
    }

    // ---- what can be said

    /// @dev Which entry points succeed for any pair of transactions, as bits.
    function _sayAll() internal returns (uint256 said) {
        delete places;
        for (uint32 height = 1; height < history.length; ++height) {
            for (uint32 index = 0; index < leavesOf[height].length; ++index) {
                places.push(toPosition(height, index, 0));
            }
        }
        for (uint256 i = 0; i < places.length; ++i) {
            said |= this.sayOf(i);
            for (uint256 j = 0; j < places.length; ++j) {
                said |= this.sayOfTwo(i, j);
            }
        }
        for (uint256 i = 0; i < places.length; ++i) {
            for (uint32 height = 1; height < history.length; ++height) {
                said |= this.sayOfBlock(i, height);
            }
        }
    }

    /// @dev A call of its own, so that its memory is given back.
    function sayOf(uint256 place) external returns (uint256 said) {
        Proof memory proof = _at(place);
        Anchor memory before;
        if (proof.inclusion.anchor.number > 1) before = anchors[proof.inclusion.anchor.number - 2];
        said |= _say(MALFORMED, abi.encodeCall(IFraudProofs.proveMalformed, (proof, _nobody())));
        said |= _say(BAD_FUND, abi.encodeCall(IFraudProofs.proveBadFund, (proof, _nobody())));
        said |= _say(LATE_FUND, abi.encodeCall(IFraudProofs.proveLateFund, (proof, before, _nobody())));
        for (uint8 k = 0; k < _inputs(proof); ++k) {
            said |= _say(
                FUTURE_REFERENCE, abi.encodeCall(IFraudProofs.proveFutureReference, (proof, k, _nobody()))
            );
        }
    }

    function sayOfBlock(uint256 place, uint32 height) external returns (uint256 said) {
        Proof memory proof = _at(place);
        for (uint8 k = 0; k < _inputs(proof); ++k) {
            said |= _say(
                ABSENT_TRANSACTION,
                abi.encodeCall(
                    IFraudProofs.proveAbsentTransaction, (proof, k, _blockProof(height), _nobody())
                )
            );
        }
    }

    function sayOfTwo(uint256 place, uint256 other) external returns (uint256 said) {
        Proof memory proof = _at(place);
        Proof memory named = _at(other);
        said |= _say(DOUBLE_FUND, abi.encodeCall(IFraudProofs.proveDoubleFund, (proof, named, _nobody())));
        for (uint8 k = 0; k < _inputs(proof); ++k) {
            said |= _sayOfInput(proof, k, named);
            for (uint8 l = 0; l < _inputs(named); ++l) {
                said |= _say(
                    DOUBLE_SPEND,
                    abi.encodeCall(IFraudProofs.proveDoubleSpend, (proof, k, named, l, _nobody()))
                );
            }
        }
    }

    function _sayOfInput(Proof memory proof, uint8 k, Proof memory named) private returns (uint256 said) {
        said |= _say(BAD_INPUT, abi.encodeCall(IFraudProofs.proveBadInput, (proof, k, named, _nobody())));
        said |= _say(
            ABSENT_OUTPUT, abi.encodeCall(IFraudProofs.proveAbsentOutput, (proof, k, named, _nobody()))
        );
        said |= _say(
            SPENT_AFTER_EXIT, abi.encodeCall(IFraudProofs.proveSpentAfterExit, (proof, k, named, _nobody()))
        );
        Anchor memory before;
        if (proof.inclusion.anchor.number > 1) before = anchors[proof.inclusion.anchor.number - 2];
        said |= _say(
            SPENT_AFTER_RECLAIM,
            abi.encodeCall(IFraudProofs.proveSpentAfterReclaim, (proof, k, named, before, _nobody()))
        );
    }

    function _say(uint256 bit, bytes memory call) private returns (uint256) {
        (bool accepted,) = address(judge).call(call);
        return accepted ? bit : 0;
    }

    function _at(uint256 place) private view returns (Proof memory) {
        return _proof(places[place].blockOf(), places[place].transactionOf());
    }

    /// @dev One more than there are, and some where the bytes do not tell.
    function _inputs(Proof memory proof) private pure returns (uint256) {
        uint256 count = proof.transaction.length < 2 ? 0 : uint8(proof.transaction[1]);
        return count > 4 ? 4 : count + 1;
    }
}
