// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {InFlightRecords} from "./InFlightRecords.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IInFlightExits} from "./interfaces/IInFlightExits.sol";
import {ExitQueue} from "./libraries/ExitQueue.sol";
import {Claim, InFlightExit, Share} from "./types/InFlight.sol";

/// @title How an in-flight exit ends
/// @notice What was shown decides what is paid, and who has which bond.
abstract contract InFlightOutcomes is InFlightRecords {
    /// @inheritdoc IInFlightExits
    function end(address asset, uint256 id) external {
        if (msg.sender != address(exitGame)) revert NotExitGame(msg.sender);
        InFlightExit memory ending = _inFlight[id];
        if (ending.starter == address(0)) return;
        IFederation.Latest memory last = federation.latest();
        bool counts = !_isVoid(ExitQueue.position(id), last.lastValid) && ending.marks & UNFOUNDED == 0;
        if (ending.claims != 0) _settleClaims(id, ending, last, counts);
        bool canonical = _isCanonical(ending, last.lastValid);
        (uint8 paid, uint8 consumed) = (0, 0);
        if (counts && canonical) (paid, consumed) = _outcomeOfOutputs(id, ending);
        else if (counts) consumed = _outcomeOfInputs(id, ending);
        uint8 marks = paid != 0 ? SETTLED : ending.marks & SETTLED;
        if (counts && !canonical) {
            marks |= NON_CANONICAL;
            _inFlight[id].lastValid = last.lastValid;
        }
        // The exit is closed, and `settle` writes the registry, before anything is sent.
        (_inFlight[id].starter, _inFlight[id].marks, _inFlight[id].claims) = (address(0), marks, 0);
        emit InFlightExitEnded(id, paid, consumed);
        _leave(asset, id, ending, paid, consumed);
        _send(counts && !canonical ? ending.challenger : ending.starter, _exitBond);
    }

    /// @dev What stands changes `ending`; every claimant has its bond back, and the bond of what it rightly challenged.
    /// A claim that no anchor covers by now, or that is void, says nothing.
    function _settleClaims(
        uint256 id,
        InFlightExit memory ending,
        IFederation.Latest memory last,
        bool counts
    ) private {
        uint32 counted = last.height < last.lastValid ? last.height : last.lastValid;
        for (uint8 slot = 0; slot < SLOTS; ++slot) {
            if (ending.claims & (uint16(1) << slot) == 0) continue;
            Claim memory claim = _claims[id][slot];
            delete _claims[id][slot];
            uint256 due = _exitBond;
            bool stands = counts && (claim.leaf == 0 || claim.position.blockOf() <= counted)
                && (claim.otherLeaf == 0 || claim.other.blockOf() <= counted);
            if (stands && _apply(ending, slot, claim)) due += _exitBond;
            _credit(ETH, claim.claimant, due);
        }
    }

    /// @dev Whether the claimant earned the bond of what it challenged.
    function _apply(InFlightExit memory ending, uint8 slot, Claim memory claim)
        private
        pure
        returns (bool earned)
    {
        if (slot == COMPETITOR) {
            if (ending.marks & CONTESTED == 0 || claim.position < ending.competitor) {
                ending.marks |= CONTESTED;
                (ending.challenger, ending.competitor) = (claim.claimant, claim.position);
            }
        } else if (slot == INCLUSION) {
            if (ending.marks & INCLUDED == 0 || claim.position < ending.included) {
                ending.marks |= INCLUDED;
                ending.included = claim.position;
            }
        } else if (slot < OUTPUT) {
            earned = ending.spent < INPUTS;
            ending.spent |= INPUTS << (slot - INPUT);
        } else {
            uint8 bit = uint8(1) << (slot - OUTPUT);
            earned = ending.piggybacked & bit != 0;
            ending.piggybacked &= ~bit;
            ending.spent |= bit;
        }
    }

    /// @dev A transaction in a void block is one that no block includes: it was not expired there, so it is not now.
    function _isCanonical(InFlightExit memory ending, uint32 lastValid) private pure returns (bool) {
        if (ending.marks & CONTESTED == 0) return true;
        if (ending.marks & INCLUDED == 0 || _isVoid(ending.included, lastValid)) return false;
        return _isVoid(ending.competitor, lastValid) || ending.included < ending.competitor;
    }

    /// @dev Nothing is paid when anything but this transaction consumed an input.
    function _outcomeOfOutputs(uint256 id, InFlightExit memory ending)
        private
        view
        returns (uint8 paid, uint8 consumed)
    {
        if (ending.marks & SETTLED == 0) {
            for (uint8 i = 0; i < ending.inputs && ending.piggybacked != 0; ++i) {
                if (_isConsumed(_inputs[id][i])) return (0, 0);
            }
        }
        for (uint8 i = 0; i < SIDE; ++i) {
            bool claimed = ending.piggybacked & (uint8(1) << i) != 0;
            if (claimed && !_isConsumed(_key(ending.transaction, i))) paid |= uint8(1) << i;
        }
        if (paid != 0) consumed = (uint8(1) << ending.inputs) - 1;
    }

    /// @dev Nothing goes back when an output of the transaction was ever paid, by either game.
    function _outcomeOfInputs(uint256 id, InFlightExit memory ending) private view returns (uint8 consumed) {
        if (ending.piggybacked & INPUTS == 0) return 0;
        for (uint8 i = 0; i < SIDE; ++i) {
            if (_isConsumed(_key(ending.transaction, i))) return 0;
        }
        for (uint8 i = 0; i < ending.inputs; ++i) {
            bool spent = ending.spent & (INPUTS << i) != 0;
            if (!spent && !_isConsumed(_inputs[id][i])) consumed |= uint8(1) << i;
        }
    }

    /// @dev What leaves is written and paid by the exit game; then every bond that nobody won goes back.
    function _leave(address asset, uint256 id, InFlightExit memory ending, uint8 paid, uint8 consumed)
        private
    {
        bytes32[] memory keys = new bytes32[](2 * SIDE);
        Share[] memory leaving = new Share[](SIDE);
        address[] memory bonded = new address[](SIDE + 1);
        (uint256 written, uint256 shares) = (0, 0);
        for (uint8 bit = 0; bit < 2 * SIDE; ++bit) {
            Share memory share = _shares[id][bit];
            bool isOutput = bit < SIDE;
            uint8 flag = uint8(1) << (bit % SIDE);
            bool isConsumed = (isOutput ? paid : consumed) & flag != 0;
            // A later exit of a settled transaction finds its inputs written.
            if (isConsumed && (isOutput || ending.marks & SETTLED == 0)) {
                keys[written++] = isOutput ? _key(ending.transaction, bit) : _inputs[id][bit - SIDE];
            }
            if (isConsumed && (isOutput || paid == 0)) leaving[shares++] = share;
            if (
                bit <= SIDE && ending.piggybacked & (uint8(1) << bit) != 0
                    && (isOutput || ending.spent < INPUTS)
            ) {
                bonded[bit] = share.owner;
            }
            if (share.owner != address(0)) delete _shares[id][bit];
            if (!isOutput && bit - SIDE < ending.inputs) delete _inputs[id][bit - SIDE];
        }
        // Fewer than there was room for.
        assembly ("memory-safe") {
            mstore(keys, written)
            mstore(leaving, shares)
        }
        if (written != 0) {
            uint256 period = _exitPeriod;
            uint256 half = ending.begun + period / 2;
            exitGame.settle(asset, keys, paid == 0 ? 0 : shares, ending.begun + period, half, leaving);
        }
        for (uint8 bit = 0; bit <= SIDE; ++bit) {
            if (bonded[bit] != address(0)) _send(bonded[bit], _exitBond);
        }
    }
}
