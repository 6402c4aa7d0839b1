// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ExitSales} from "./ExitSales.sol";
import {InFlightExits} from "./InFlightExits.sol";
import {Inclusions} from "./Inclusions.sol";
import {IExitGame} from "./interfaces/IExitGame.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IInFlightExits} from "./interfaces/IInFlightExits.sol";
import {BatchContent} from "./libraries/BatchContent.sol";
import {ExitQueue} from "./libraries/ExitQueue.sol";
import {History} from "./libraries/History.sol";
import {PlasmaTransaction} from "./libraries/PlasmaTransaction.sol";
import {Signing} from "./libraries/Signing.sol";
import {Inclusion, Proof} from "./types/Anchor.sol";
import {Evidence, Finding} from "./types/Evidence.sol";
import {Share} from "./types/InFlight.sol";
import {Position, toPosition} from "./types/Position.sol";

/// @title The exit game, with standard exits
/// @notice See `IExitGame`. In-flight exits share its queue and its registry, and are a contract of their own for their
/// size. No owner, no setter: what it knows it learns from the federation when it is created.
contract ExitGame is ExitSales {
    using ExitQueue for ExitQueue.Queue;
    using PlasmaTransaction for bytes;

    /// @inheritdoc IExitGame
    IInFlightExits public immutable inFlight;

    /// @dev Enough to end any exit: 2^20 places in the queue; in flight, four inputs, four outputs of a token and five
    /// receivers of bonds that burn their share, and ten provisional claims. The dearest batch takes half of it.
    uint256 private constant PLACE_GAS = 2_500_000;

    /// @param federation_ the federation, which names this place as its exit game
    constructor(IFederation federation_) Inclusions(federation_) {
        inFlight = new InFlightExits(federation_);
        if (federation_.exitGame() != address(this)) revert WrongPlace();
    }

    /// @inheritdoc IExitGame
    function startExit(Proof calldata proof, uint8 output) external payable returns (uint256 id) {
        if (msg.value != _exitBond) revert BondDiffers(msg.value, _exitBond);
        bytes calldata transaction = proof.transaction;
        Inclusion calldata inclusion = proof.inclusion;
        _checkIncluded(transaction, inclusion);
        (address owner, uint256 amount) = transaction.output(output);
        if (owner != msg.sender) revert NotOwner(owner);
        bytes32 key = keccak256(abi.encodePacked(transaction.id(), output));
        if (consumed[key] != 0) revert AlreadyPaid(key);

        if (transaction.kind() == PlasmaTransaction.FUND) _checkDeposit(transaction, owner, amount);
        uint64 exitableAt = _exitableAt(inclusion.anchor.time);
        address asset = transaction.asset();
        uint8 token = _checkToken(asset);
        Position position = toPosition(inclusion.height, inclusion.index, output);
        id = _queues[asset].insert(exitableAt, position);
        bool fits = amount <= type(uint80).max;
        _exits[id] =
            Open({owner: owner, token: token, marks: 0, content: fits ? uint80(amount) : 0, output: key});
        if (!fits) _largeAmounts[id] = amount;
        emit ExitStarted(id, position, owner);
    }

    /// @inheritdoc IExitGame
    function challengeExit(uint256 exitId, bytes calldata transaction, uint8 input) external {
        _checkUnsold(exitId, type(uint64).max);
        transaction.check(_legacyTransactions);
        uint32 lastValid = _checkNotExpired(transaction);
        _checkCouldLeave(transaction, transaction.id(), lastValid);
        _challenge(exitId, transaction, input, lastValid);
    }

    /// @inheritdoc IExitGame
    function challengeExitIncluded(uint256 exitId, Proof calldata proof, uint8 input) external {
        bytes calldata transaction = proof.transaction;
        transaction.check(_legacyTransactions);
        uint32 lastValid = _checkIncludedInTime(transaction, proof.inclusion);
        if (proof.inclusion.height > lastValid) {
            _checkCouldLeave(transaction, transaction.id(), lastValid);
        }
        _checkUnsold(exitId, proof.inclusion.anchor.time);
        _challenge(exitId, transaction, input, lastValid);
    }

    /// @inheritdoc IExitGame
    function challengeExitProvisionally(uint256 exitId, Evidence calldata spending, uint8 input)
        external
        payable
    {
        if (msg.value != _exitBond) revert BondDiffers(msg.value, _exitBond);
        Finding memory found = _examineAgainst(spending);
        if (found.leaf == 0) revert NotProvisional();
        _checkSpent(exitId, spending.transaction, input, found.lastValid);
        uint256 until = _half(exitId);
        if (block.timestamp >= until) revert IInFlightExits.TimePassed(until);
        if (_claims[exitId].claimant != address(0)) revert IInFlightExits.ClaimStands(0);
        _claims[exitId] = Claim({claimant: msg.sender, position: found.position, leaf: found.leaf});
        _markClaim(exitId, true);
        emit ChallengeClaimed(exitId, found.position, found.leaf);
    }

    /// @inheritdoc IExitGame
    function rebutChallenge(uint256 exitId, Inclusion calldata truth) external {
        Claim memory claim = _claims[exitId];
        if (claim.claimant == address(0)) revert IInFlightExits.ClaimUnknown(0);
        (bytes32 leaf,) = History.checkAnchoredBlock(federation, truth);
        if (claim.position.blockOf() != truth.height || leaf == claim.leaf) {
            revert IInFlightExits.ClaimHolds();
        }
        delete _claims[exitId];
        _markClaim(exitId, false);
        emit ChallengeRebutted(exitId);
        _send(msg.sender, _exitBond);
    }

    /// @inheritdoc IExitGame
    function process(address asset, uint256 max) external returns (uint256 ended) {
        ExitQueue.Queue storage due = _queues[asset];
        uint32 lastValid = federation.lastValid();
        while (ended < max) {
            (uint256 waiting, uint256 place) = due.peek();
            if (waiting == 0 || ExitQueue.exitableAt(place) > block.timestamp) break;
            // The first place gets whatever the caller brought, so a call never ends without progress.
            if (ended != 0 && gasleft() < PLACE_GAS) break;
            due.removeFirst();
            _end(asset, place, lastValid);
            ++ended;
        }
    }

    /// @inheritdoc IExitGame
    function consume(bytes32 output) external returns (bool isFirst) {
        if (msg.sender != address(vault)) revert NotVault(msg.sender);
        isFirst = consumed[output] == 0;
        if (isFirst) consumed[output] = block.timestamp;
    }

    /// @inheritdoc IExitGame
    function enqueue(address asset, uint64 exitableAt, Position youngest) external returns (uint256 id) {
        _checkInFlight();
        _checkToken(asset);
        return _queues[asset].insert(exitableAt, youngest);
    }

    /// @inheritdoc IExitGame
    function settle(
        address asset,
        bytes32[] calldata outputs,
        uint256 made,
        uint256 madeFrom,
        uint256 spentFrom,
        Share[] calldata shares
    ) external {
        _checkInFlight();
        for (uint256 i = 0; i < outputs.length; ++i) {
            consumed[outputs[i]] = i < made ? madeFrom : spentFrom;
        }
        for (uint256 i = 0; i < shares.length; ++i) {
            vault.pay(asset, shares[i].owner, shares[i].amount);
        }
    }

    /// @inheritdoc IExitGame
    function queue(address asset) external view returns (uint256 size, uint256 next) {
        return _queues[asset].peek();
    }

    /// @dev What had the place leaves storage before anything is sent. An exit that was challenged left it then.
    function _end(address asset, uint256 place, uint32 lastValid) private {
        Open memory ending = _exits[place];
        if (ending.owner == address(0)) return inFlight.end(asset, place);
        delete _exits[place];
        address holder = _holder(place, ending);
        (uint256 amount, uint256 bonds) = ending.marks & BATCH == 0
            ? _endOne(place, ending, lastValid)
            : _endBatch(place, ending, lastValid);
        if (amount != 0) vault.pay(asset, holder, amount);
        if (bonds != 0) _send(holder, bonds);
    }

    function _endOne(uint256 place, Open memory ending, uint32 lastValid)
        private
        returns (uint256 amount, uint256 bonds)
    {
        amount = _amount(place, ending);
        if (ending.content == 0) delete _largeAmounts[place];
        bool claimed = ending.marks & CLAIMED != 0;
        (bool paid, bool lost) =
            _endOutput(place, ExitQueue.position(place), ending.output, claimed, lastValid);
        return (paid ? amount : 0, lost ? 0 : _exitBond);
    }

    function _endBatch(uint256 place, Open memory ending, uint32 lastValid)
        private
        returns (uint256 sum, uint256 bonds)
    {
        bytes memory content = BatchContent.load(ending.output, BATCH_MAX);
        for (uint256 i = 0; uint16(ending.content) >> i != 0; ++i) {
            if (ending.content >> i & 1 == 0) continue;
            (bytes32 key, Position position, uint256 amount) = BatchContent.entry(content, i);
            bool claimed = ending.content >> (BATCH_MAX + i) & 1 != 0;
            (bool paid, bool lost) = _endOutput(ExitQueue.member(place, i), position, key, claimed, lastValid);
            if (paid) sum += amount;
            if (!lost) bonds += _exitBond;
        }
    }

    /// @return paid whether the output is to be paid; it is consumed then
    /// @return lost whether the bond is the challenger's, who has it as a credit
    function _endOutput(uint256 id, Position position, bytes32 output, bool claimed, uint32 lastValid)
        private
        returns (bool paid, bool lost)
    {
        bool counts = position.blockOf() <= lastValid;
        if (claimed) {
            (address claimant, bool stands) = _settleClaim(id);
            lost = counts && stands;
            if (lost) _credit(ETH, claimant, _exitBond);
        }
        paid = counts && !lost && consumed[output] == 0;
        if (paid) consumed[output] = _half(id);
        emit ExitEnded(id, position, paid);
    }

    /// @dev The claimant has its bond back as a credit. What was not rebutted stands if an anchor covers it by now.
    function _settleClaim(uint256 id) private returns (address claimant, bool stands) {
        claimant = _claims[id].claimant;
        uint32 height = _claims[id].position.blockOf();
        IFederation.Latest memory last = federation.latest();
        stands = height <= last.height && height <= last.lastValid;
        delete _claims[id];
        _credit(ETH, claimant, _exitBond);
    }

    /// @dev The transaction is checked and not expired unincluded. A void exit keeps its bond for its owner.
    function _challenge(uint256 exitId, bytes calldata transaction, uint8 input, uint32 lastValid) private {
        Position position = _checkSpent(exitId, transaction, input, lastValid);
        if (_strike(exitId)) _settleClaim(exitId);
        emit ExitEnded(exitId, position, false);
        _send(msg.sender, _exitBond);
    }

    /// @dev The exit leaves storage; of a batch only the output does.
    /// @return claimed whether a provisional challenge of it stood
    function _strike(uint256 exitId) private returns (bool claimed) {
        (uint256 place, uint256 number) = ExitQueue.split(exitId);
        Open memory struck = _exits[place];
        if (number != 0) {
            uint80 bits = uint80((1 | 1 << BATCH_MAX) << (number - 1));
            _exits[place].content = struck.content & ~bits;
            return (struck.content & bits) >> BATCH_MAX != 0;
        }
        delete _exits[place];
        if (struck.content == 0) delete _largeAmounts[place];
        return struck.marks & CLAIMED != 0;
    }

    /// @dev Notes that a provisional challenge of an open exit stands, or no longer does.
    function _markClaim(uint256 exitId, bool stands) private {
        (uint256 place, uint256 number) = ExitQueue.split(exitId);
        Open storage open = _exits[place];
        if (number == 0) {
            open.marks = stands ? open.marks | CLAIMED : open.marks & ~CLAIMED;
        } else {
            uint80 bit = uint80(1 << (BATCH_MAX + number - 1));
            open.content = stands ? open.content | bit : open.content & ~bit;
        }
    }

    /// @dev The transaction spends the output of the exit, which is open and not void.
    function _checkSpent(uint256 exitId, bytes calldata transaction, uint8 input, uint32 lastValid)
        private
        view
        returns (Position position)
    {
        Exiting memory challenged = _find(exitId);
        if (challenged.owner == address(0)) revert ExitUnknown(exitId);
        position = challenged.position;
        if (position.blockOf() > lastValid) revert HeightVoid(position.blockOf(), lastValid);
        (Position spent, uint256 amount) = transaction.input(input);
        if (!(spent == position)) revert InputDiffers(spent, position);
        if (amount != challenged.amount || transaction.asset() != _asset(challenged.token)) {
            revert ValueDiffers();
        }
        address signer = Signing.signer(transaction, address(federation));
        if (signer != challenged.owner) revert NotSpentByOwner(signer, challenged.owner);
    }

    function _areInputsShown(bytes32 transactionId) internal view override returns (bool) {
        return inFlight.inputsShown(transactionId);
    }

    function _checkInFlight() private view {
        if (msg.sender != address(inFlight)) revert NotInFlightExits(msg.sender);
    }
}
