// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Payouts} from "./Payouts.sol";
import {IExitGame} from "./interfaces/IExitGame.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IVault} from "./interfaces/IVault.sol";
import {ExitQueue} from "./libraries/ExitQueue.sol";
import {MerkleProof} from "./libraries/MerkleProof.sol";
import {PlasmaTransaction} from "./libraries/PlasmaTransaction.sol";
import {Signing} from "./libraries/Signing.sol";
import {Anchor, Inclusion, Proof} from "./types/Anchor.sol";
import {Parameters} from "./types/Parameters.sol";
import {Position, toPosition} from "./types/Position.sol";

/// @title The exit game, with standard exits
/// @notice See `IExitGame`. No owner, no setter: what it knows it learns from the federation when it is created.
contract ExitGame is IExitGame, Payouts {
    using ExitQueue for ExitQueue.Queue;
    using PlasmaTransaction for bytes;

    /// @inheritdoc IExitGame
    IFederation public immutable federation;
    /// @inheritdoc IExitGame
    IVault public immutable vault;

    /// @dev Enough to end any exit: 2^20 places in the queue, two receivers that burn their share, two credits.
    uint256 private constant PLACE_GAS = 500_000;

    uint64 private immutable _exitPeriod;
    uint256 private immutable _exitBond;
    bool private immutable _legacyTransactions;

    /// @inheritdoc IExitGame
    mapping(bytes32 output => uint256 l1Block) public consumed;

    mapping(uint256 id => Exit) private _exits;
    mapping(address asset => ExitQueue.Queue) private _queues;

    /// @param federation_ the federation, which names this place as its exit game
    constructor(IFederation federation_) {
        federation = federation_;
        vault = IVault(federation_.vault());
        Parameters memory fixed_ = federation_.parameters();
        _exitPeriod = fixed_.exitPeriod;
        _exitBond = fixed_.exitBond;
        _legacyTransactions = fixed_.legacyTransactions;
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
        if (transaction.asset() != ETH) revert AssetUnknown(transaction.asset());
        if (amount > type(uint96).max) revert AmountBeyondSupply(amount);
        bytes32 key = keccak256(abi.encodePacked(transaction.id(), output));
        if (consumed[key] != 0) revert AlreadyPaid(key);

        uint64 exitableAt = uint64(block.timestamp) + _exitPeriod;
        if (transaction.kind() == PlasmaTransaction.FUND) {
            _checkDeposit(transaction, owner, amount);
        } else {
            uint64 anchoredTerm = inclusion.anchor.time + 2 * _exitPeriod;
            if (anchoredTerm > exitableAt) exitableAt = anchoredTerm;
        }
        Position position = toPosition(inclusion.height, inclusion.index, output);
        id = _queues[ETH].insert(exitableAt, position);
        _exits[id] = Exit({owner: owner, amount: uint96(amount), output: key});
        emit ExitStarted(id, position, owner);
    }

    /// @inheritdoc IExitGame
    function challengeExit(uint256 exitId, bytes calldata transaction, uint8 input) external {
        transaction.check(_legacyTransactions);
        IFederation.Latest memory last = federation.latest();
        uint32 counted = last.height < last.lastValid ? last.height : last.lastValid;
        if (transaction.expiry() < counted) revert SpendingExpired(transaction.expiry(), counted);
        _challenge(exitId, transaction, input, last.lastValid);
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
    function exits(uint256 id) external view returns (Exit memory) {
        return _exits[id];
    }

    /// @inheritdoc IExitGame
    function queue(address asset) external view returns (uint256 size, uint256 next) {
        return _queues[asset].peek();
    }

    /// @dev The exit leaves storage before anything is sent. One that was challenged left it then.
    function _end(address asset, uint256 id, uint32 lastValid) private {
        Exit memory ending = _exits[id];
        if (ending.owner == address(0)) return;
        delete _exits[id];
        Position position = ExitQueue.position(id);
        bool paid = position.blockOf() <= lastValid && consumed[ending.output] == 0;
        if (paid) consumed[ending.output] = block.number;
        emit ExitEnded(id, position, paid);
        if (paid) vault.pay(asset, ending.owner, ending.amount);
        _send(ending.owner, _exitBond);
    }

    /// @dev The transaction is checked and not expired unincluded. A void exit keeps its bond for its owner.
    function _challenge(uint256 exitId, bytes calldata transaction, uint8 input, uint32 lastValid) private {
        Exit memory challenged = _exits[exitId];
        if (challenged.owner == address(0)) revert ExitUnknown(exitId);
        Position position = ExitQueue.position(exitId);
        if (position.blockOf() > lastValid) revert HeightVoid(position.blockOf(), lastValid);
        (Position spent, uint256 amount) = transaction.input(input);
        if (!(spent == position)) revert InputDiffers(spent, position);
        if (amount != challenged.amount || transaction.asset() != ETH) revert ValueDiffers();
        address signer = Signing.signer(transaction, address(federation));
        if (signer != challenged.owner) revert NotSpentByOwner(signer, challenged.owner);
        delete _exits[exitId];
        emit ExitEnded(exitId, position, false);
        _send(msg.sender, _exitBond);
    }

    /// @dev The transaction is well-formed and lies where the proof says, under the first anchor that covered its
    /// height: a later anchor can tell another history, and nothing of it counts.
    function _checkIncluded(bytes calldata transaction, Inclusion calldata inclusion)
        private
        view
        returns (uint32 lastValid)
    {
        transaction.check(_legacyTransactions);
        uint32 height = inclusion.height;
        Anchor calldata covering = inclusion.anchor;
        if (height <= covering.previous || height > covering.height) {
            revert NotFirstCovering(height, covering.previous, covering.height);
        }
        bytes32 word;
        (word, lastValid) = federation.anchored(covering.number);
        if (word != covering.wordOf()) revert AnchorUnknown(covering.number);
        if (height > lastValid) revert HeightVoid(height, lastValid);
        bytes32 blockLeaf = keccak256(
            abi.encodePacked(
                uint8(1), height, inclusion.transactionCount, inclusion.transactionsRoot, inclusion.l1Height
            )
        );
        bytes32 historyRoot =
            MerkleProof.root(blockLeaf, height, uint256(covering.height) + 1, inclusion.historyPath);
        if (historyRoot != covering.historyRoot) revert BlockNotInHistory(height);
        bytes32 transactionsRoot = MerkleProof.root(
            transaction.leaf(), inclusion.index, inclusion.transactionCount, inclusion.transactionPath
        );
        if (transactionsRoot != inclusion.transactionsRoot) revert TransactionNotInBlock(inclusion.index);
    }

    /// @dev Deposits are numbered by the vault, so nobody can forge one; the id of the fund transaction depends
    /// on nothing else, so however often it is included it is one output of the registry.
    function _checkDeposit(bytes calldata transaction, address owner, uint256 amount) private view {
        (, uint256 number) = transaction.input(0);
        IVault.Deposit memory record = vault.deposits(uint64(number));
        bool same = record.owner == owner && record.amount == amount && record.asset == transaction.asset();
        if (!same) revert DepositDiffers(uint64(number));
    }
}
