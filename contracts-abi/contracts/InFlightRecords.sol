// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Inclusions} from "./Inclusions.sol";
import {Payouts} from "./Payouts.sol";
import {IExitGame} from "./interfaces/IExitGame.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IInFlightExits} from "./interfaces/IInFlightExits.sol";
import {Claim, InFlightExit, Share} from "./types/InFlight.sol";
import {Position} from "./types/Position.sol";

/// @title What is stored of in-flight exits
/// @notice Records, provisional claims, and the small questions that all of the game asks.
abstract contract InFlightRecords is IInFlightExits, Inclusions, Payouts {
    /// @dev A competitor was shown under an anchor, or one that is in no known block.
    uint8 internal constant CONTESTED = 1;
    /// @dev The transaction was shown to be included under an anchor.
    uint8 internal constant INCLUDED = 2;
    /// @dev The transaction had expired at the start, and its inclusion is provisional.
    uint8 internal constant RESTING = 4;
    /// @dev What the start rests on was rebutted.
    uint8 internal constant UNFOUNDED = 8;
    /// @dev An exit of the transaction paid an output: the inputs were consumed for it.
    uint8 internal constant SETTLED = 16;
    /// @dev It ended with its inputs set free.
    uint8 internal constant NON_CANONICAL = 32;

    /// @dev Slots of provisional claims. One of each kind stands at a time, so an exit has at most ten.
    uint8 internal constant COMPETITOR = 0;
    uint8 internal constant INCLUSION = 1;
    uint8 internal constant INPUT = 2;
    uint8 internal constant OUTPUT = 6;
    uint8 internal constant SLOTS = 10;

    /// @dev As many inputs, and as many outputs, as a transaction can have: the bits of a nibble.
    uint8 internal constant SIDE = 4;
    /// @dev The bit of the inputs in `piggybacked`.
    uint8 internal constant INPUTS = uint8(1) << SIDE;

    /// @inheritdoc IInFlightExits
    IExitGame public immutable exitGame = IExitGame(msg.sender);

    mapping(uint256 id => InFlightExit) internal _inFlight;
    mapping(uint256 id => mapping(uint8 bit => Share)) internal _shares;
    mapping(uint256 id => mapping(uint8 input => bytes32)) internal _inputs;
    mapping(uint256 id => mapping(uint8 slot => Claim)) internal _claims;
    /// @inheritdoc IInFlightExits
    mapping(bytes32 transaction => uint256 id) public latestInFlight;
    /// @dev The inputs were proven without an exit.
    mapping(bytes32 transaction => bool) internal _shown;

    /// @inheritdoc IInFlightExits
    function inFlightExits(uint256 id) external view returns (InFlightExit memory) {
        return _inFlight[id];
    }

    /// @inheritdoc IInFlightExits
    function claims(uint256 id, uint8 slot) external view returns (Claim memory) {
        return _claims[id][slot];
    }

    function _claim(
        uint256 id,
        InFlightExit storage exit,
        uint8 slot,
        Position position,
        bytes32 leaf,
        Position other,
        bytes32 otherLeaf
    ) internal {
        _checkBond(1);
        uint256 until = uint256(exit.begun) + uint256(_exitPeriod) * 3 / 4;
        if (block.timestamp >= until) revert TimePassed(until);
        if (exit.claims & (uint16(1) << slot) != 0) revert ClaimStands(slot);
        _record(id, exit, slot, position, leaf, other, otherLeaf);
    }

    function _record(
        uint256 id,
        InFlightExit storage exit,
        uint8 slot,
        Position position,
        bytes32 leaf,
        Position other,
        bytes32 otherLeaf
    ) internal {
        exit.claims |= uint16(1) << slot;
        _claims[id][slot] =
            Claim({claimant: msg.sender, position: position, other: other, leaf: leaf, otherLeaf: otherLeaf});
        emit ClaimMade(id, slot, position, leaf, other, otherLeaf);
    }

    function _checkBond(uint256 bonds) internal view {
        if (msg.value != bonds * _exitBond) revert IExitGame.BondDiffers(msg.value, bonds * _exitBond);
    }

    /// @dev Before that part of P is over.
    function _checkBefore(InFlightExit storage exit, uint64 parts) internal view {
        uint256 until = uint256(exit.begun) + _exitPeriod / parts;
        if (block.timestamp >= until) revert TimePassed(until);
    }

    function _checkOlder(Position found, Position known) internal pure {
        if (!(found < known)) revert NotOlder(found, known);
    }

    /// @dev `NOWHERE` lies above every height and is void only once there is a halt, when it makes no difference.
    function _isVoid(Position position, uint32 lastValid) internal pure returns (bool) {
        return position.blockOf() > lastValid;
    }

    function _isConsumed(bytes32 output) internal view returns (bool) {
        return exitGame.consumed(output) != 0;
    }

    /// @inheritdoc IInFlightExits
    function inputsShown(bytes32 transaction) external view returns (bool) {
        return _areInputsShown(transaction);
    }

    function _areInputsShown(bytes32 transactionId) internal view override returns (bool) {
        return _shown[transactionId] || latestInFlight[transactionId] != 0;
    }

    function _key(bytes32 transactionId, uint8 output) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(transactionId, output));
    }

    function _content(bytes32 transactionId, address owner, bytes32[] memory inputs)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(transactionId, owner, inputs));
    }
}
