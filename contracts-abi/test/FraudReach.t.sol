// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFraudProofs} from "../contracts/interfaces/IFraudProofs.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {Accused} from "../contracts/types/Fraud.sol";
import {Parameters} from "../contracts/types/Parameters.sol";
import {Pending} from "../contracts/types/InFlight.sol";
import {InFlight} from "./support/InFlight.sol";
import {Tree} from "./support/Tree.sol";

/// @notice K17: the slowest valid chain there is, where exits are as short as the federation allows. An output is locked;
/// the anchor before has the oldest origin that counts, one L1 block below the lock; the next comes when it may last, and
/// covers a spend that was decided before the lock was seen. Nobody challenges, and the output is paid.
contract FraudReachTest is InFlight {
    uint256 private constant L = 8_000;
    uint256 private constant SLOT = 12;
    uint256 private constant SILENCE = 16 hours + 2 * 4 hours;
    uint256 private constant WINDOW = 1 days;

    IFraudProofs private judge;
    uint32 private spent;

    function _parameters() internal pure override returns (Parameters memory fixed_) {
        fixed_ = super._parameters();
        fixed_.exitPeriod = uint64(2 * (L * SLOT + SILENCE + WINDOW));
    }

    function setUp() external {
        _beginInFlight();
        judge = IFraudProofs(federation.fraudProofs());
    }

    function test_reach_isHalfOfTheReclaimWindow() external view {
        _equal(judge.reach(), WINDOW / 2);
    }

    function test_proveSpentAfterExit_acquitsTheSlowestChain_standard() external {
        uint256 id = _exitPaid();
        _slowly(_rival(FOREVER));
        _pay(id);
        _acquitted(_proof(2, 0));
    }

    function test_proveSpentAfterExit_acquitsTheSlowestChain_inputInFlight() external {
        uint256 id = _start();
        _piggyback(id, carol, 0);
        _slowly(_rival(FOREVER));
        _pay(id);
        _acquitted(_proof(2, 0));
    }

    /// @dev The output is locked when it is claimed, in the last second in which it can be.
    function test_proveSpentAfterExit_acquitsTheSlowestChain_outputInFlight() external {
        uint32 height = _include(payment);
        uint256 id = _start();
        uint256 last = block.timestamp + _parameters().exitPeriod / 2 - 1;
        while (block.timestamp + 4 hours < last) {
            _l1(1_200, 4 hours);
            _block();
            _anchor();
        }
        vm.roll(block.number + (last - block.timestamp) / SLOT);
        vm.warp(last);
        _publishHash(block.number - 1);
        _piggyback(id, carol, 0);
        _slowly(_transfer(CAROL_KEY, _outputPosition(height, 0), HIS, alice, FOREVER));
        _pay(id);
        _acquitted(_proof(height, 0));
    }

    /// @dev The lock lies in this L1 block. The block with the spend is the last one whose parent knows nothing of it.
    function _slowly(bytes memory spending) private {
        uint64 origin = uint64(block.number - 1);
        uint256 locked = block.timestamp;
        // The last but one keeps the federation from falling silent.
        uint256[2] memory mined = [L - 4_000, uint256(L - 1)];
        uint256 first = block.number;
        for (uint256 i = 0; i < 2; ++i) {
            _l1(first + mined[i] - block.number, (first + mined[i] - block.number) * SLOT);
            uint32 height = _block();
            bytes memory header = _header(height, Tree.root(history), origin, _l1Hash(origin));
            _anchor(header, _certificate(header, _all()));
        }
        _l1(SILENCE / SLOT, SILENCE);
        spent = _block(spending);
        _anchor();
        _equal(block.timestamp, locked + (L - 1) * SLOT + SILENCE);
    }

    function _pay(uint256 id) private {
        vm.warp(uint64(id >> 112));
        _equal(game.process(address(0), 9), 1);
    }

    function _acquitted(Proof memory named) private {
        Accused memory nobody;
        Proof memory spending = _proof(spent, 0);
        bytes32 key = _key(named.transaction, 0);
        uint256 from = game.consumed(key);
        _true(from != 0);
        uint64 anchored = spending.inclusion.anchor.time;
        // As much again may pass before anybody honest is convicted.
        _true(anchored + WINDOW <= from);
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotPaidBefore.selector, from, anchored));
        judge.proveSpentAfterExit(spending, 0, named, nobody);
    }
}
