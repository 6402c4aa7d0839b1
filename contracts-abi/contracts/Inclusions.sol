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

    /// @dev An expired transaction counts only with its inclusion in time; everything else is up to the caller.
    function _examine(Evidence calldata evidence) internal view returns (Finding memory found) {
        bytes calldata transaction = evidence.transaction;
        Inclusion calldata inclusion = evidence.inclusion;
        if (inclusion.transactionCount == 0) {
            transaction.check(_legacyTransactions);
            found.lastValid = _checkNotExpired(transaction);
            found.position = NOWHERE;
        } else {
            if (evidence.header.length == 0) {
                found.lastValid = _checkIncluded(transaction, inclusion);
            } else {
                (found.leaf, found.lastValid) = _checkCertified(evidence);
            }
            if (transaction.expiry() < inclusion.height) {
                revert IExitGame.SpendingExpired(transaction.expiry(), inclusion.height);
            }
            found.position = toPosition(inclusion.height, inclusion.index, 0);
        }
        found.id = transaction.id();
    }

    /// @dev An expired payment can never be included, so without a proof that it was it must not cost an exit. Nor can one
    /// that spends a void output: no in-flight exit of it can start, so its other inputs must be able to leave alone.
    function _checkNotExpired(bytes calldata transaction) internal view returns (uint32 lastValid) {
        uint32 closed;
        (closed, lastValid) = _closed();
        if (transaction.expiry() < closed) revert IExitGame.SpendingExpired(transaction.expiry(), closed);
        for (uint8 i = 0; lastValid != type(uint32).max && i < transaction.inputs(); ++i) {
            (Position spent,) = transaction.input(i);
            if (spent.blockOf() > lastValid) revert IExitGame.HeightVoid(spent.blockOf(), lastValid);
        }
    }

    /// @return closed the height up to which blocks are what they are: none will be made there any more
    function _closed() internal view returns (uint32 closed, uint32 lastValid) {
        IFederation.Latest memory last = federation.latest();
        return (last.height < last.lastValid ? last.height : last.lastValid, last.lastValid);
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
        evidence.transaction.check(_legacyTransactions);
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
