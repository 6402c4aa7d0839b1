// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {Statement} from "../../contracts/types/Statement.sol";
import {Turning} from "./Turning.sol";

/// @notice What operators can lose, epoch by epoch: bonds are posted, taken back when nothing holds them any more, and lost
/// by whoever is convicted, also after it left.
abstract contract Seats is Turning {
    uint256 internal constant STAKE = 1 ether;

    /// @dev The epoch whose committee is active, by the model.
    uint64 internal turn;
    /// @dev Bit i for seat i: what is bonded, and who was convicted.
    mapping(uint64 epoch => uint256) internal seats;
    mapping(uint64 epoch => uint256) internal convicted;
    /// @dev What the zero address should have.
    uint256 internal burnt = address(0).balance;

    // ---- handlers

    /// @dev Anybody posts the bond of a seat.
    function join(uint256 seed) public {
        uint64 epoch = uint64(_pick(seed, 1, turn + 2));
        // Half of those who are late come to where nothing is held any more.
        if (_isReleased(0) && _pick(seed, 4, 2) == 0) epoch = 0;
        uint16 index = uint16(_pick(seed, 2, 5));
        bytes memory call = abi.encodeCall(federation.postBond, (epoch, index));
        bytes4 reason = 0;
        if (_isReleased(epoch)) reason = IFederation.BondsReleased.selector;
        if ((seats[epoch] | convicted[epoch]) >> index & 1 != 0) reason = IFederation.SeatTaken.selector;
        if (index >= _sizeOf(epoch)) reason = IFederation.SeatUnknown.selector;
        if (_pick(seed, 3, 8) == 0) {
            return _refuses(SEARCHER, address(federation), STAKE - 1, call, IFederation.BondDiffers.selector);
        }
        if (reason != 0) {
            _refuses(SEARCHER, address(federation), STAKE, call, reason);
            return _saw(
                reason == IFederation.BondsReleased.selector ? bytes32("late bond") : bytes32("seat refused")
            );
        }
        _postBond(epoch, index);
    }

    /// @dev I11: the operator takes its bond back, no earlier than the last exit that it could have forged.
    function takeBond(uint256 seed) public {
        uint64 epoch = uint64(_pick(seed, 1, turn + 1));
        // Most look whether they may who were succeeded.
        if (epoch == turn && turn != 0 && _pick(seed, 5, 4) != 0) epoch = turn - 1;
        if (!_isReleased(epoch) && _endOf(epoch) != 0 && _pick(seed, 3, 3) == 0) {
            _advanceTo(_endOf(epoch) + 2 * P + 1 + _pick(seed, 4, 2));
        }
        for (uint16 i = 0; i < _sizeOf(epoch); ++i) {
            if (seats[epoch] >> i & 1 != 0) return _takeBond(epoch, i);
        }
        if (_sizeOf(epoch) == 0) return;
        (address operator,) = federation.member(epoch, 0);
        bytes memory call = abi.encodeCall(federation.withdrawBond, (epoch, 0, SEARCHER));
        _refuses(operator, address(federation), 0, call, IFederation.NoBond.selector);
    }

    function _takeBond(uint64 epoch, uint16 index) private {
        (address operator,) = federation.member(epoch, index);
        _equal(operator, address(uint160(0xa000 + 1000 * epoch + index)));
        bytes memory call = abi.encodeCall(federation.withdrawBond, (epoch, index, SEARCHER));
        _refuses(SEARCHER, address(federation), 0, call, IFederation.NotOperator.selector);
        if (!_isReleased(epoch)) {
            _refuses(operator, address(federation), 0, call, IFederation.BondHeld.selector);
            return _saw(_endOf(epoch) == 0 ? bytes32("bond held") : bytes32("bond of a leaver held"));
        }
        bytes memory vain = abi.encodeCall(federation.withdrawBond, (epoch, index, refusing));
        _refuses(operator, address(federation), 0, vain, IFederation.TransferRefused.selector);
        _do(operator, address(federation), 0, call);
        _gets(SEARCHER, STAKE);
        seats[epoch] &= ~(1 << uint256(index));
        _saw("bond withdrawn");
    }

    /// @dev Some operators, of the committee that serves or of one that left, finalize two blocks in one view.
    function signTwiceInAnyEpoch(uint256 seed) public {
        uint64 epoch = turn - uint64(_pick(seed, 2, turn + 1));
        uint256 all = _allOf(epoch);
        uint256 both = 1 + _pick(seed, 1, all);
        Statement memory one = _finalizes(epoch, keccak256(abi.encode(seed, 1)), both);
        Statement memory other = _finalizes(epoch, keccak256(abi.encode(seed, 2)), both);
        bytes memory call = abi.encodeCall(federation.proveContradiction, (epoch, VIEW, one, other));
        if (both & ~convicted[epoch] == 0) {
            return _refuses(WATCHER, address(federation), 0, call, IFederation.NobodyConvicted.selector);
        }
        _do(WATCHER, address(federation), 0, call);
        _convict(epoch, both);
        if (_endOf(epoch) != 0) _saw("leaver convicted");
    }

    // ---- what happens

    function _postBond(uint64 epoch, uint16 index) internal {
        _do(SEARCHER, address(federation), STAKE, abi.encodeCall(federation.postBond, (epoch, index)));
        _pays(SEARCHER, STAKE);
        seats[epoch] |= 1 << uint256(index);
        _saw("bond posted");
    }

    /// @dev Whoever served before and was not convicted has its bond.
    function _takeBonds() internal {
        for (uint64 epoch = 0; epoch <= turn; ++epoch) {
            for (uint16 i = 0; _isReleased(epoch) && seats[epoch] >> i != 0; ++i) {
                if (seats[epoch] >> i & 1 != 0) _takeBond(epoch, i);
            }
            _holds(!_isReleased(epoch) || seats[epoch] == 0, "I11: bonds go back");
        }
    }

    /// @dev I9: of the bonds of who is convicted now, half is the watcher's and half nobody's.
    function _convict(uint64 epoch, uint256 bitmap) internal {
        uint256 lost = bitmap & seats[epoch] & ~convicted[epoch];
        for (uint256 i = 0; lost >> i != 0; ++i) {
            if (lost >> i & 1 == 0) continue;
            _gets(WATCHER, STAKE / 2);
            burnt += STAKE / 2;
        }
        seats[epoch] &= ~lost;
        convicted[epoch] |= bitmap;
    }

    function _advanceTo(uint256 time) internal {
        if (time > block.timestamp) _advance(time - block.timestamp);
    }

    // ---- what there is

    function _finalizes(uint64 epoch, bytes32 id, uint256 bitmap) internal view returns (Statement memory) {
        bytes32 digest = _say(FINALIZE, epoch, VIEW, 0, id);
        return Statement(FINALIZE, 0, id, bitmap, _signOf(epoch, bitmap, digest));
    }

    /// @dev When the successor first anchored, or else when the federation halted; zero before.
    function _endOf(uint64 epoch) internal view returns (uint256) {
        uint32 first = firstOf[epoch + 1];
        return first != 0 ? anchors[first - 1].time : haltedAt;
    }

    /// @dev I11: nothing holds its keys to the truth any more.
    function _isReleased(uint64 epoch) internal view returns (bool) {
        return _endOf(epoch) != 0 && block.timestamp > _endOf(epoch) + 2 * P + 1;
    }

    function _sizeOf(uint64 epoch) internal view returns (uint256 size_) {
        (size_,,) = federation.committee(epoch);
        _true((size_ != 0) == (epoch <= turn));
    }

    /// @dev Every bond is the one of a seat, and the contract knows which.
    function _bonded() internal view returns (uint256 sum) {
        for (uint64 epoch = 0; epoch <= turn; ++epoch) {
            (uint256 bonded, uint256 slashed) = federation.bonds(epoch);
            _holds(bonded == seats[epoch], "I11: bonded");
            _holds(slashed == convicted[epoch], "I11: convicted");
            for (uint256 i = 0; seats[epoch] >> i != 0; ++i) {
                sum += (seats[epoch] >> i & 1) * STAKE;
            }
        }
    }
}
