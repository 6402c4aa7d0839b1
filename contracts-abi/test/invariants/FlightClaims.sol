// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {IInFlightExits} from "../../contracts/interfaces/IInFlightExits.sol";
import {NOWHERE, Position} from "../../contracts/types/Position.sol";
import {FlightModel} from "./FlightModel.sol";

/// @notice What the model keeps of provisional claims in in-flight exits, and what becomes of them: written from
/// docs/contracts.md.
abstract contract FlightClaims is FlightModel {
    /// @dev A claim names a place, or two when it shows an output spent. `doubtful` is what only a certified header shows;
    /// `lies` is what no block of the truth has.
    struct Standing {
        address claimant;
        Position position;
        bool doubtful;
        bool lies;
        Position other;
        bool otherDoubtful;
        bool otherLies;
    }

    uint8 internal constant COMPETITOR = 0;
    uint8 internal constant INCLUSION = 1;
    uint8 internal constant INPUT = 2;
    uint8 internal constant OUTPUT = 6;
    uint8 private constant SLOTS = 10;

    mapping(uint256 flight => mapping(uint8 slot => Standing)) internal standing;

    /// @dev Whoever claims pays a bond.
    function _noteClaim(uint256 flight, uint8 slot, Standing memory made) internal {
        _pays(made.claimant, BOND);
        standing[flight][slot] = made;
        bool lies = made.lies || made.otherLies;
        if (slot == COMPETITOR) _saw(lies ? bytes32("false competitor") : bytes32("true competitor"));
        else if (slot == INCLUSION) _saw(lies ? bytes32("false inclusion") : bytes32("true inclusion"));
        else if (slot < OUTPUT) _saw(lies ? bytes32("false spent input") : bytes32("true spent input"));
        else _saw(lies ? bytes32("false spent output") : bytes32("true spent output"));
    }

    /// @dev Whoever knows the anchored block shows it against a claim that says otherwise; against a true one in vain.
    function _rebut(uint256 flight, uint8 slot) internal {
        Standing memory claim = standing[flight][slot];
        if (claim.claimant == address(0)) return;
        bool lies = claim.lies || claim.otherLies;
        bool first = claim.lies || (!lies && claim.doubtful);
        uint32 height = (first ? claim.position : claim.other).blockOf();
        if (coveredBy[height] == 0 || height > federation.lastValid()) return;
        bytes memory call = abi.encodeCall(inFlight.rebut, (flights[flight].id, slot, _placedBlock(height)));
        if (!lies) {
            _refusesFlight(SEARCHER, 0, call, IInFlightExits.ClaimHolds.selector);
            return _saw("rebuttal refused");
        }
        _do(WATCHER, address(inFlight), 0, call);
        _gets(WATCHER, BOND);
        delete standing[flight][slot];
        if (slot == INCLUSION && flights[flight].resting) flights[flight].unfounded = true;
        _saw("lie rebutted in flight");
    }

    /// @dev The watcher's duty before the payout.
    function _rebutLies(uint256 flight) internal {
        for (uint8 slot = 0; slot < SLOTS; ++slot) {
            Standing storage claim = standing[flight][slot];
            if (claim.lies || claim.otherLies) _rebut(flight, slot);
        }
    }

    /// @dev Every claim's bond goes back. What stands changes how the exit ends, and wins the bond of what it showed spent.
    function _settleClaims(uint256 chosen, Flight memory ending, bool counts) internal {
        for (uint8 slot = 0; slot < SLOTS; ++slot) {
            Standing memory claim = standing[chosen][slot];
            if (claim.claimant == address(0)) continue;
            delete standing[chosen][slot];
            _gets(claim.claimant, BOND);
            if (!counts) continue;
            if (!_stands(claim)) {
                _saw("claim that no anchor covers");
                continue;
            }
            _holds(!claim.lies && !claim.otherLies, "no lie decides");
            _saw("claim in flight stood");
            if (_applies(ending, slot, claim)) _gets(claim.claimant, BOND);
        }
    }

    function _claimsOf(uint256 flight) internal view returns (uint256 number) {
        for (uint8 slot = 0; slot < SLOTS; ++slot) {
            if (standing[flight][slot].claimant != address(0)) ++number;
        }
    }

    /// @dev Whether an anchor that counts covers every block that the claim names.
    function _stands(Standing memory claim) private view returns (bool) {
        uint32 counted = _counted();
        if (claim.doubtful && claim.position.blockOf() > counted) return false;
        return !claim.otherDoubtful || claim.other.blockOf() <= counted;
    }

    function _applies(Flight memory ending, uint8 slot, Standing memory claim)
        private
        pure
        returns (bool won)
    {
        if (slot == COMPETITOR) {
            if (ending.challenger != address(0) && !(claim.position < ending.competitor)) {
                return false;
            }
            (ending.challenger, ending.competitor) = (claim.claimant, claim.position);
        } else if (slot == INCLUSION) {
            if (claim.position < ending.included) ending.included = claim.position;
        } else if (slot < OUTPUT) {
            won = ending.spent < INPUTS;
            ending.spent |= INPUTS << (slot - INPUT);
        } else {
            uint8 bit = uint8(1) << (slot - OUTPUT);
            won = ending.claimed & bit != 0;
            ending.claimed &= ~bit;
            ending.spent |= bit;
        }
    }

    /// @dev A place that is claimed.
    function _at(uint32 height, uint32 index) internal pure returns (Position) {
        return Position.wrap((uint72(height) << 40) | (uint72(index) << 8));
    }
}
