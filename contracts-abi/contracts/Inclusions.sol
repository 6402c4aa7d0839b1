// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "./interfaces/IExitGame.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IInclusions} from "./interfaces/IInclusions.sol";
import {IVault} from "./interfaces/IVault.sol";
import {Header} from "./libraries/Header.sol";
import {History} from "./libraries/History.sol";
import {PlasmaTransaction} from "./libraries/PlasmaTransaction.sol";
import {Inclusion} from "./types/Anchor.sol";
import {Evidence, Finding} from "./types/Evidence.sol";
import {Parameters} from "./types/Parameters.sol";
import {NOWHERE, Position, toPosition} from "./types/Position.sol";

/// @title What a transaction shows when it is brought to L1
/// @notice Both games ask the same: can it still be included, or was it included in time, and where.
abstract contract Inclusions is IInclusions {
    using PlasmaTransaction for bytes;

    /// @inheritdoc IInclusions
    IFederation public immutable federation;
    /// @inheritdoc IInclusions
    IVault public immutable vault;

    uint64 internal immutable _exitPeriod;
    uint256 internal immutable _exitBond;
    bool internal immutable _legacyTransactions;

    constructor(IFederation federation_) {
        federation = federation_;
        vault = IVault(federation_.vault());
        Parameters memory fixed_ = federation_.parameters();
        _exitPeriod = fixed_.exitPeriod;
        _exitBond = fixed_.exitBond;
        _legacyTransactions = fixed_.legacyTransactions;
    }

    /// @dev What a transaction shows that is to cost another exit something; everything else is up to the caller.
    function _examineAgainst(Evidence calldata evidence) internal view returns (Finding memory found) {
        found = _examine(evidence);
        if (found.position == NOWHERE || found.leaf != 0) {
            _checkCouldLeave(evidence.transaction, found.id, found.lastValid);
        }
    }

    /// @dev An expired transaction counts only with its inclusion in time.
    function _examine(Evidence calldata evidence) internal view returns (Finding memory found) {
        bytes calldata transaction = evidence.transaction;
        Inclusion calldata inclusion = evidence.inclusion;
        transaction.check(_legacyTransactions);
        found.id = transaction.id();
        uint32 height = inclusion.height;
        bool counts = inclusion.transactionCount != 0;
        if (!counts) {
            found.lastValid = _checkNotExpired(transaction);
        } else if (evidence.header.length == 0) {
            found.lastValid = _checkIncludedInTime(transaction, inclusion);
            // In a void block it is as in none, except that the block shows that it had not expired.
            counts = height <= found.lastValid;
        } else {
            (found.leaf, found.lastValid) = _checkCertified(evidence);
            _checkInTime(transaction, height);
        }
        found.position = counts ? toPosition(height, inclusion.index, 0) : NOWHERE;
    }

    /// @dev What had expired when the last block was anchored is in no block that is yet to come. Blocks above the last valid
    /// height were there all the same: what expired among them counts by being shown in one.
    function _checkNotExpired(bytes calldata transaction) internal view returns (uint32 lastValid) {
        IFederation.Latest memory last = federation.latest();
        _checkInTime(transaction, last.height);
        return last.lastValid;
    }

    function _checkIncludedInTime(bytes calldata transaction, Inclusion calldata inclusion)
        internal
        view
        returns (uint32 lastValid)
    {
        lastValid = History.checkTransaction(federation, transaction, inclusion);
        _checkInTime(transaction, inclusion.height);
    }

    /// @dev What no anchored block is shown to include costs others nothing unless it could leave itself: else both would
    /// be frozen. Its inputs do not lie in void blocks, and where there are several all of them were proven.
    function _checkCouldLeave(bytes calldata transaction, bytes32 id, uint32 lastValid) internal view {
        uint8 inputs = transaction.inputs();
        for (uint8 i = 0; lastValid != type(uint32).max && i < inputs; ++i) {
            (Position spent,) = transaction.input(i);
            if (spent.blockOf() > lastValid) revert IExitGame.HeightVoid(spent.blockOf(), lastValid);
        }
        if (inputs > 1 && !_areInputsShown(id)) revert IExitGame.InputsNotShown(id);
    }

    /// @dev By `showInputs`, or by an in-flight exit of the transaction.
    function _areInputsShown(bytes32 transactionId) internal view virtual returns (bool);

    function _checkInTime(bytes calldata transaction, uint32 height) private pure {
        uint32 expiry = transaction.expiry();
        if (expiry < height) revert IExitGame.SpendingExpired(expiry, height);
    }

    /// @dev See `History`.
    function _checkIncluded(bytes calldata transaction, Inclusion calldata inclusion)
        internal
        view
        returns (uint32 lastValid)
    {
        return History.checkCounting(federation, transaction, inclusion, _legacyTransactions);
    }

    /// @dev Deposits are numbered by the vault, so nobody can forge one; the id of the fund transaction depends
    /// on nothing else, so however often it is included it is one output of the registry.
    function _checkDeposit(bytes calldata transaction, address owner, uint256 amount) internal view {
        (, uint256 number) = transaction.input(0);
        IVault.Deposit memory record = vault.deposits(uint64(number));
        bool same = record.owner == owner && record.amount == amount && record.asset == transaction.asset();
        if (!same) revert IExitGame.DepositDiffers(uint64(number));
    }

    /// @dev The same under a header that is certified and perhaps not anchored, above or below the last anchor.
    function _checkCertified(Evidence calldata evidence)
        private
        view
        returns (bytes32 leaf, uint32 lastValid)
    {
        Inclusion calldata inclusion = evidence.inclusion;
        if (!federation.verify(evidence.header, evidence.certificate)) revert IExitGame.HeaderNotCertified();
        uint32 height = inclusion.height;
        uint32 top = Header.height(evidence.header);
        // Height 0 has no transactions: the constant leaf is not one of a block with any.
        if (height == 0 || height > top) revert IExitGame.BlockNotInHistory(height);
        lastValid = federation.lastValid();
        if (height > lastValid) revert IExitGame.HeightVoid(height, lastValid);
        leaf = History.checkHistory(inclusion, top, Header.historyRoot(evidence.header));
        History.checkPlace(evidence.transaction, inclusion);
    }
}
