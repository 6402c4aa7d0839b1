// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {InFlightExits} from "./InFlightExits.sol";
import {Inclusions} from "./Inclusions.sol";
import {Payouts} from "./Payouts.sol";
import {IExitGame} from "./interfaces/IExitGame.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IInFlightExits} from "./interfaces/IInFlightExits.sol";
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
contract ExitGame is IExitGame, Inclusions, Payouts {
    using ExitQueue for ExitQueue.Queue;
    using PlasmaTransaction for bytes;

    /// @dev An exit as it is stored, in two slots. `token` is the vault's number of the asset. An amount that does not
    /// fit (only tokens have such) lies in `_largeAmounts`, and zero in its place: no output has amount zero.
    struct Open {
        address owner;
        uint8 token;
        uint88 amount;
        bytes32 output;
    }

    /// @dev A challenge that rests on a block that is only certified: who paid its bond, where the spending
    /// transaction is claimed to lie, and that block's history leaf.
    struct Claim {
        address claimant;
        Position position;
        bytes32 leaf;
    }

    /// @inheritdoc IExitGame
    IInFlightExits public immutable inFlight;

    /// @dev Enough to end any exit: 2^20 places in the queue; in flight, four inputs, four outputs of a token and five
    /// receivers of bonds that burn their share, and ten provisional claims.
    uint256 private constant PLACE_GAS = 2_500_000;

    /// @inheritdoc IExitGame
    mapping(bytes32 output => uint256 l1Block) public consumed;

    mapping(uint256 id => Open) private _exits;
    mapping(uint256 id => uint256 amount) private _largeAmounts;
    mapping(uint256 id => Claim) private _claims;
    mapping(address asset => ExitQueue.Queue) private _queues;

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

        uint64 exitableAt = uint64(block.timestamp) + _exitPeriod;
        if (transaction.kind() == PlasmaTransaction.FUND) {
            _checkDeposit(transaction, owner, amount);
        } else {
            uint64 anchoredTerm = inclusion.anchor.time + 2 * _exitPeriod;
            if (anchoredTerm > exitableAt) exitableAt = anchoredTerm;
        }
        address asset = transaction.asset();
        uint8 token = _checkToken(asset);
        Position position = toPosition(inclusion.height, inclusion.index, output);
        id = _queues[asset].insert(exitableAt, position);
        bool fits = amount <= type(uint88).max;
        _exits[id] = Open({owner: owner, token: token, amount: fits ? uint88(amount) : 0, output: key});
        if (!fits) _largeAmounts[id] = amount;
        emit ExitStarted(id, position, owner);
    }

    /// @inheritdoc IExitGame
    function challengeExit(uint256 exitId, bytes calldata transaction, uint8 input) external {
        transaction.check(_legacyTransactions);
        _challenge(exitId, transaction, input, _checkNotExpired(transaction));
    }

    /// @inheritdoc IExitGame
    function challengeExitIncluded(uint256 exitId, Proof calldata proof, uint8 input) external {
        bytes calldata transaction = proof.transaction;
        uint32 lastValid = _checkIncluded(transaction, proof.inclusion);
        if (transaction.expiry() < proof.inclusion.height) {
            revert SpendingExpired(transaction.expiry(), proof.inclusion.height);
        }
        _challenge(exitId, transaction, input, lastValid);
    }

    /// @inheritdoc IExitGame
    function challengeExitProvisionally(uint256 exitId, Evidence calldata spending, uint8 input)
        external
        payable
    {
        if (msg.value != _exitBond) revert BondDiffers(msg.value, _exitBond);
        Finding memory found = _examine(spending);
        if (found.leaf == 0) revert NotProvisional();
        _checkSpent(exitId, spending.transaction, input, found.lastValid);
        uint256 until = ExitQueue.exitableAt(exitId) - _exitPeriod / 2;
        if (block.timestamp >= until) revert IInFlightExits.TimePassed(until);
        if (_claims[exitId].claimant != address(0)) revert IInFlightExits.ClaimStands(0);
        _claims[exitId] = Claim({claimant: msg.sender, position: found.position, leaf: found.leaf});
        emit ChallengeClaimed(exitId, found.position, found.leaf);
    }

    /// @inheritdoc IExitGame
    function rebutChallenge(uint256 exitId, Inclusion calldata truth) external {
        Claim memory claim = _claims[exitId];
        if (claim.claimant == address(0)) revert IInFlightExits.ClaimUnknown(0);
        (bytes32 leaf,) = History.checkCountingBlock(federation, truth);
        if (claim.position.blockOf() != truth.height || leaf == claim.leaf) {
            revert IInFlightExits.ClaimHolds();
        }
        delete _claims[exitId];
        emit ChallengeRebutted(exitId);
        _send(msg.sender, _exitBond);
    }

    /// @inheritdoc IExitGame
    function process(address asset, uint256 max) external returns (uint256 ended) {
        ExitQueue.Queue storage due = _queues[asset];
        uint32 lastValid = federation.lastValid();
        while (ended < max) {
            (uint256 waiting, uint256 id) = due.peek();
            if (waiting == 0 || ExitQueue.exitableAt(id) > block.timestamp) break;
            // The first place gets whatever the caller brought, so a call never ends without progress.
            if (ended != 0 && gasleft() < PLACE_GAS) break;
            due.removeFirst();
            _end(asset, id, lastValid);
            ++ended;
        }
    }

    /// @inheritdoc IExitGame
    function consume(bytes32 output) external returns (bool isFirst) {
        if (msg.sender != address(vault)) revert NotVault(msg.sender);
        isFirst = consumed[output] == 0;
        if (isFirst) consumed[output] = block.number;
    }

    /// @inheritdoc IExitGame
    function enqueue(address asset, uint64 exitableAt, Position youngest) external returns (uint256 id) {
        _checkInFlight();
        _checkToken(asset);
        return _queues[asset].insert(exitableAt, youngest);
    }

    /// @inheritdoc IExitGame
    function settle(address asset, bytes32[] calldata outputs, Share[] calldata shares) external {
        _checkInFlight();
        for (uint256 i = 0; i < outputs.length; ++i) {
            consumed[outputs[i]] = block.number;
        }
        for (uint256 i = 0; i < shares.length; ++i) {
            vault.pay(asset, shares[i].owner, shares[i].amount);
        }
    }

    /// @inheritdoc IExitGame
    function exits(uint256 id) external view returns (Exit memory) {
        Open memory open = _exits[id];
        return Exit({owner: open.owner, asset: _asset(open), amount: _amount(id, open), output: open.output});
    }

    /// @inheritdoc IExitGame
    function queue(address asset) external view returns (uint256 size, uint256 next) {
        return _queues[asset].peek();
    }

    /// @dev The exit leaves storage before anything is sent. One that was challenged left it then.
    function _end(address asset, uint256 id, uint32 lastValid) private {
        Open memory ending = _exits[id];
        if (ending.owner == address(0)) return inFlight.end(asset, id);
        uint256 amount = _amount(id, ending);
        _forget(id, ending);
        Position position = ExitQueue.position(id);
        bool counts = position.blockOf() <= lastValid;
        (address claimant, bool stands) = _settleClaim(id);
        bool paid = counts && !stands && consumed[ending.output] == 0;
        if (paid) consumed[ending.output] = block.number;
        emit ExitEnded(id, position, paid);
        if (paid) vault.pay(asset, ending.owner, amount);
        _send(counts && stands ? claimant : ending.owner, _exitBond);
    }

    /// @dev The claimant has its bond back as a credit. What was not rebutted stands if an anchor covers it by now.
    function _settleClaim(uint256 id) private returns (address claimant, bool stands) {
        claimant = _claims[id].claimant;
        if (claimant == address(0)) return (claimant, false);
        uint32 height = _claims[id].position.blockOf();
        IFederation.Latest memory last = federation.latest();
        stands = height <= last.height && height <= last.lastValid;
        delete _claims[id];
        credit[ETH][claimant] += _exitBond;
        emit Credited(ETH, claimant, _exitBond);
    }

    /// @dev The transaction is checked and not expired unincluded. A void exit keeps its bond for its owner.
    function _challenge(uint256 exitId, bytes calldata transaction, uint8 input, uint32 lastValid) private {
        Open memory challenged = _checkSpent(exitId, transaction, input, lastValid);
        _forget(exitId, challenged);
        _settleClaim(exitId);
        emit ExitEnded(exitId, ExitQueue.position(exitId), false);
        _send(msg.sender, _exitBond);
    }

    /// @dev The transaction spends the output of the exit, which is open and not void.
    function _checkSpent(uint256 exitId, bytes calldata transaction, uint8 input, uint32 lastValid)
        private
        view
        returns (Open memory challenged)
    {
        challenged = _exits[exitId];
        if (challenged.owner == address(0)) revert ExitUnknown(exitId);
        Position position = ExitQueue.position(exitId);
        if (position.blockOf() > lastValid) revert HeightVoid(position.blockOf(), lastValid);
        (Position spent, uint256 amount) = transaction.input(input);
        if (!(spent == position)) revert InputDiffers(spent, position);
        bool same = amount == _amount(exitId, challenged) && transaction.asset() == _asset(challenged);
        if (!same) revert ValueDiffers();
        address signer = Signing.signer(transaction, address(federation));
        if (signer != challenged.owner) revert NotSpentByOwner(signer, challenged.owner);
    }

    function _forget(uint256 id, Open memory open) private {
        delete _exits[id];
        if (open.amount == 0) delete _largeAmounts[id];
    }

    function _amount(uint256 id, Open memory open) private view returns (uint256) {
        return open.amount == 0 ? _largeAmounts[id] : open.amount;
    }

    function _asset(Open memory open) private view returns (address) {
        return open.token == 0 ? ETH : vault.token(open.token);
    }

    /// @return token the vault's number of the asset, zero for ETH
    function _checkToken(address asset) private view returns (uint8 token) {
        if (asset == ETH) return 0;
        token = vault.tokenNumber(asset);
        if (token == 0) revert AssetUnknown(asset);
    }

    function _checkInFlight() private view {
        if (msg.sender != address(inFlight)) revert NotInFlightExits(msg.sender);
    }
}
