// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../contracts/interfaces/IFederation.sol";
import {Anchor} from "../contracts/types/Anchor.sol";
import {Certificate} from "../contracts/types/Committee.sol";
import {Statement} from "../contracts/types/Statement.sol";
import {Check} from "./support/Check.sol";
import {Turns} from "./support/Turns.sol";

/// @notice A federation to which everything happens in any order: it anchors, falls silent, hands over, lies and is
/// convicted; operators post and take their bonds. Beside it stands what must have come of it.
contract Chronicle is Turns {
    address private constant REPORTER = address(0x4e9047e4);
    uint32 private constant UNLIMITED = type(uint32).max;

    uint32 public lastValid = UNLIMITED;
    uint256 public posted;
    uint256 public returned;
    uint256 public lost;
    uint256 public broken;
    bytes32[] private words;
    bytes[] private headers;
    uint64[] private epochs;

    constructor() {
        _deploy(4);
        _l1(5, 60);
        anchor();
    }

    function advance(uint16 duration) external {
        _l1(100, duration);
    }

    function anchor() public {
        bool alive = lastValid == UNLIMITED && block.timestamp <= federation.latest().time + 24 hours;
        uint64 epoch = federation.activeEpoch();
        _l1(1, 0);
        _block();
        bytes memory header = _header();
        Certificate memory by = _finalizeOf(epoch, header, 15);
        try federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature) {
            if (!alive) ++broken;
            IFederation.Latest memory last = federation.latest();
            (bytes32 word,) = federation.anchored(last.number);
            words.push(word);
            headers.push(header);
            epochs.push(epoch);
            anchors.push(
                Anchor({
                    number: last.number,
                    previous: anchors.length == 0 ? 0 : anchors[anchors.length - 1].height,
                    height: last.height,
                    historyRoot: bytes32(_slice(header, 72)),
                    l1Height: last.l1Height,
                    time: last.time
                })
            );
        } catch {
            if (alive) ++broken;
        }
    }

    function fallSilent(uint16 more) external {
        _l1(100, 16 hours + uint256(more) % 8 hours + 1);
        bool alive = lastValid == UNLIMITED;
        bool fresh = alive && federation.silenceNotice().haltFrom == 0;
        try federation.announceSilence() {
            if (!fresh) ++broken;
        } catch {
            if (fresh) ++broken;
        }
    }

    function halt() external {
        uint256 from = federation.silenceNotice().haltFrom;
        bool due = lastValid == UNLIMITED && from != 0 && block.timestamp > from;
        try federation.haltIfSilent() {
            if (!due) ++broken;
            lastValid = federation.latest().height;
        } catch {
            if (due) ++broken;
        }
    }

    /// @dev Any anchored block is invalid; it halts whatever happened before. One call in eight tells of one, or no
    /// history would grow old.
    function fraud(uint256 which, uint8 bitmap) external {
        if (bitmap % 8 != 7) return;
        which %= anchors.length;
        Anchor memory covering = anchors[which];
        bitmap = (bitmap & 15) | 7;
        Certificate memory by = _finalizeOf(epochs[which], headers[which], bitmap);
        _expectLoss(epochs[which], bitmap);
        address proofs = federation.fraudProofs();
        vm.prank(proofs);
        federation.haltForFraud(covering.height, headers[which], by, covering, REPORTER);
        if (covering.height - 1 < lastValid) lastValid = covering.height - 1;
    }

    function contradict(uint8 one, uint8 other) external {
        (one, other) = (one & 15, other & 15);
        if (one == 0 || other == 0) return;
        uint64 epoch = federation.activeEpoch();
        bool fresh = (one & other) & ~_slashedOf(epoch) != 0;
        Statement memory a =
            Statement(FINALIZE, 0, "a", one, _signOf(epoch, one, _say(FINALIZE, epoch, VIEW, 0, "a")));
        Statement memory b =
            Statement(NULLIFY, 0, 0, other, _signOf(epoch, other, _say(NULLIFY, epoch, VIEW, 0, 0)));
        if (fresh) _expectLoss(epoch, one & other);
        vm.prank(REPORTER);
        try federation.proveContradiction(epoch, VIEW, a, b) {
            if (!fresh) ++broken;
        } catch {
            if (fresh) ++broken;
        }
    }

    function bond(uint8 index) external {
        uint64 epoch = federation.activeEpoch();
        (uint256 bonded, uint256 slashed) = federation.bonds(epoch);
        (,,, bool released) = federation.term(epoch);
        bool free = ((bonded | slashed) >> (index % 4)) & 1 == 0 && !released;
        vm.deal(address(this), OPERATOR_BOND);
        try federation.postBond{value: OPERATOR_BOND}(epoch, index % 4) {
            if (!free) ++broken;
            posted += OPERATOR_BOND;
        } catch {
            if (free) ++broken;
        }
    }

    function withdraw(uint64 epoch, uint8 index, bool late) external {
        epoch %= federation.activeEpoch() + 1;
        if (late && lastValid != UNLIMITED) _l1(100, DELAY + 1);
        (uint256 bonded,) = federation.bonds(epoch);
        (,,, bool released) = federation.term(epoch);
        bool due = (bonded >> (index % 4)) & 1 == 1 && released;
        (address operator,) = federation.member(epoch, index % 4);
        vm.prank(operator);
        try federation.withdrawBond(epoch, index % 4, operator) {
            if (!due) ++broken;
            returned += OPERATOR_BOND;
        } catch {
            if (due) ++broken;
        }
    }

    /// @dev A whole handover, when the federation is able to; it anchors all the while.
    function handOver() external {
        uint64 epoch = federation.activeEpoch() + 1;
        bool able = lastValid == UNLIMITED && federation.latest().epoch + 1 == epoch
            && block.timestamp <= federation.latest().time + 24 hours;
        if (!able || epoch > 2) return;
        _announce(epoch - 1, epoch, _joining(epoch, 4));
        for (uint256 past = 0; past <= DELAY; past += 20 hours) {
            anchor();
            _l1(100, 20 hours);
        }
        _activate(epoch, 15);
        anchor();
    }

    /// @dev How many anchors do not have the word any more that they were given.
    function rewritten() external view returns (uint256 count) {
        for (uint256 i = 0; i < words.length; ++i) {
            (bytes32 word,) = federation.anchored(uint32(i + 1));
            if (word != words[i] || word != keccak256(abi.encode(anchors[i]))) ++count;
        }
    }

    /// @dev What the federation says, and what it holds beside the rewards that wait.
    function found() external view returns (uint32 valid, uint256 held) {
        return (federation.lastValid(), address(federation).balance - federation.reward(REPORTER));
    }

    function bothBondedAndConvicted() external view returns (uint256 seats) {
        for (uint64 epoch = 0; epoch <= federation.activeEpoch(); ++epoch) {
            (uint256 bonded, uint256 slashed) = federation.bonds(epoch);
            seats |= bonded & slashed;
        }
    }

    function _expectLoss(uint64 epoch, uint256 convicted) private {
        (uint256 bonded,) = federation.bonds(epoch);
        for (uint256 rest = bonded & convicted; rest != 0; rest &= rest - 1) {
            lost += OPERATOR_BOND;
        }
    }

    function _slice(bytes memory content, uint256 start) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(content, 0x20), start))
        }
    }
}

contract HistoryTest is Check {
    Chronicle private chronicle;

    function setUp() external {
        chronicle = new Chronicle();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(chronicle);
    }

    /// @dev One campaign for all of them: what takes long is living through a history, not looking at it.
    function invariant_historyKeepsTheLaw() external view {
        // I7: history is immutable once anchored.
        _equal(chronicle.rewritten(), 0);
        // The last valid height is the least that was proven, and never rises.
        (uint32 valid, uint256 held) = chronicle.found();
        _equal(valid, chronicle.lastValid());
        // I9: every wei of a bond is held, returned, earned or destroyed.
        _equal(held + chronicle.returned() + chronicle.lost(), chronicle.posted());
        _equal(chronicle.bothBondedAndConvicted(), 0);
        // Every call succeeds when its rule allows it, and only then.
        _equal(chronicle.broken(), 0);
    }

    /// @dev One history in which everything happens, so that the invariants do not hold for want of events.
    function test_chronicle_seesEverything() external {
        chronicle.bond(0);
        chronicle.bond(1);
        chronicle.handOver();
        chronicle.bond(1);
        chronicle.bond(2);
        chronicle.contradict(2, 3);
        chronicle.fallSilent(0);
        chronicle.anchor();
        chronicle.fallSilent(9);
        chronicle.advance(15_000);
        chronicle.halt();
        (uint32 valid,) = chronicle.found();
        _true(valid != type(uint32).max && valid == chronicle.lastValid());
        chronicle.fraud(0, 15);
        chronicle.withdraw(0, 0, true);
        chronicle.withdraw(1, 2, true);
        _equal(chronicle.lastValid(), 0);
        // Seat 1 of epoch 1 by contradiction, seats 0 and 1 of epoch 0 by fraud; seat 2 of epoch 1 got its back.
        _equal(chronicle.lost(), 3 * 32 ether);
        _equal(chronicle.returned(), 32 ether);
        _equal(chronicle.posted(), 4 * 32 ether);
        _equal(chronicle.broken(), 0);
        _equal(chronicle.rewritten(), 0);
    }
}
