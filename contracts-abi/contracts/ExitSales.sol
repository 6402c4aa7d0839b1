// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Batches} from "./Batches.sol";
import {IExitGame} from "./interfaces/IExitGame.sol";
import {BatchContent} from "./libraries/BatchContent.sol";
import {ExitQueue} from "./libraries/ExitQueue.sol";
import {Signing} from "./libraries/Signing.sol";
import {Position} from "./types/Position.sol";
import {Offer} from "./types/Sale.sol";

/// @title The sale of an exit
/// @notice Whoever holds an exit has its payout and its bonds. Challenges ask for the signature of the output's owner
/// all the same: who sells cannot unspend. Nor can it spend any more. The exit locks the output in the ledger, and half of
/// its time later every block is anchored that could spend it. Sales are taken from then on, and what was not anchored
/// before challenges no exit that was sold.
abstract contract ExitSales is Batches {
    /// @dev What was sold or offered by a call. An id is never used again, so nothing of it has to be forgotten.
    struct Sale {
        address holder;
        uint64 sequence;
        bytes32 offered;
    }

    mapping(uint256 place => Sale) internal _sales;

    /// @inheritdoc IExitGame
    function offerExit(Offer calldata offer) external {
        (address holder,) = _checkOffer(offer, 1);
        if (holder != msg.sender) revert NotHolder(holder);
        _sales[offer.exit].sequence = offer.sequence;
        _sales[offer.exit].offered = Signing.offerDigest(offer, address(federation));
        emit ExitOffered(offer.exit, holder, offer);
    }

    /// @inheritdoc IExitGame
    function buyExit(Offer calldata offer, bytes calldata signature) external payable {
        (address holder, Open storage open) = _checkOffer(offer, 0);
        if (msg.value != offer.price) revert PriceDiffers(msg.value, offer.price);
        if (offer.buyer != address(0) && offer.buyer != msg.sender) revert NotBuyer(offer.buyer);
        if (block.timestamp > offer.deadline) revert OfferExpired(offer.deadline);
        if (block.timestamp < _half(offer.exit)) revert OfferEarly(_half(offer.exit));
        uint256 worth = _worth(offer.exit, open);
        if (worth == 0 || worth != offer.amount) revert WorthDiffers(worth, offer.amount);
        bytes32 digest = Signing.offerDigest(offer, address(federation));
        bool offered = signature.length == 0
            ? _sales[offer.exit].offered == digest
            : Signing.recoverDigest(digest, signature) == holder;
        if (!offered) revert NotOffered();
        open.marks |= SOLD;
        _sales[offer.exit] = Sale({holder: msg.sender, sequence: offer.sequence + 1, offered: 0});
        emit ExitSold(offer.exit, holder, msg.sender, msg.value);
        _credit(ETH, holder, msg.value);
    }

    /// @inheritdoc IExitGame
    function sale(uint256 exit) external view returns (address holder, uint64 sequence, bytes32 offered) {
        Sale memory made = _sales[exit];
        return (_holder(exit, _exits[exit]), made.sequence, made.offered);
    }

    /// @inheritdoc IExitGame
    function batch(uint256 place)
        external
        view
        returns (address owner, address asset, uint16 open, uint256 worth)
    {
        Open storage found = _exits[place];
        if (found.marks & BATCH == 0) return (address(0), ETH, 0, 0);
        return (found.owner, _asset(found.token), uint16(found.content), _worth(place, found));
    }

    function _holder(uint256 place, Open memory open) internal view returns (address) {
        return open.marks & SOLD == 0 ? open.owner : _sales[place].holder;
    }

    /// @dev What challenges the exit was anchored before it could be sold, or it was not sold.
    function _checkUnsold(uint256 exitId, uint64 anchoredAt) internal view {
        (uint256 place,) = ExitQueue.split(exitId);
        if (_exits[place].marks & SOLD != 0 && anchoredAt >= _half(place)) revert SoldBefore(place);
    }

    function _half(uint256 place) internal view returns (uint256) {
        return ExitQueue.exitableAt(place) - _exitPeriod / 2;
    }

    /// @dev The exit is open, not void, and was sold or offered as often as the offer says, or `ahead` times less.
    function _checkOffer(Offer calldata offer, uint64 ahead)
        private
        view
        returns (address holder, Open storage open)
    {
        open = _exits[offer.exit];
        if (open.owner == address(0)) revert ExitUnknown(offer.exit);
        uint64 expected = _sales[offer.exit].sequence + ahead;
        if (offer.sequence != expected) revert OfferStale(offer.sequence, expected);
        holder = _holder(offer.exit, open);
    }

    /// @dev What would be paid if nothing else happened: not what another exit paid, nor what lies in a void block.
    /// Nobody buys into a challenge: it is decided at the payout alone.
    function _worth(uint256 place, Open memory open) private view returns (uint256 sum) {
        uint32 lastValid = federation.lastValid();
        if (open.marks & BATCH == 0) {
            bool counts = ExitQueue.position(place).blockOf() <= lastValid && consumed[open.output] == 0;
            return counts && open.marks & CLAIMED == 0 ? _amount(place, open) : 0;
        }
        uint256 outputs = uint16(open.content & ~(open.content >> BATCH_MAX));
        bytes memory content = BatchContent.load(open.output, BATCH_MAX);
        for (uint256 i = 0; outputs >> i != 0; ++i) {
            if (outputs >> i & 1 == 0) continue;
            (bytes32 key, Position position, uint256 amount) = BatchContent.entry(content, i);
            if (position.blockOf() <= lastValid && consumed[key] == 0) sum += amount;
        }
    }
}
