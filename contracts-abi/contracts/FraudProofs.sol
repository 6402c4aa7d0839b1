// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "./interfaces/IExitGame.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IFraudProofs} from "./interfaces/IFraudProofs.sol";
import {IVault} from "./interfaces/IVault.sol";
import {History} from "./libraries/History.sol";
import {PlasmaTransaction} from "./libraries/PlasmaTransaction.sol";
import {Signing} from "./libraries/Signing.sol";
import {Anchor, Inclusion, Proof} from "./types/Anchor.sol";
import {Accused, BlockProof, Fraud} from "./types/Fraud.sol";
import {Parameters} from "./types/Parameters.sol";
import {Position} from "./types/Position.sol";

/// @title Fraud proofs
/// @notice See `IFraudProofs`. No owner, no setter, no storage.
contract FraudProofs is IFraudProofs {
    using PlasmaTransaction for bytes;

    /// @inheritdoc IFraudProofs
    IFederation public immutable federation;
    /// @inheritdoc IFraudProofs
    IExitGame public immutable exitGame;
    /// @inheritdoc IFraudProofs
    IVault public immutable vault;
    /// @inheritdoc IFraudProofs
    uint256 public immutable reach;

    bool private immutable _legacyTransactions;

    /// @param federation_ the federation, which names this place as its fraud proofs
    constructor(IFederation federation_) {
        federation = federation_;
        exitGame = IExitGame(federation_.exitGame());
        vault = IVault(federation_.vault());
        Parameters memory fixed_ = federation_.parameters();
        _legacyTransactions = fixed_.legacyTransactions;
        // A valid block that spends what an exit locked has a parent whose origin lies before the lock. So has the
        // anchor before the one that first covers it; that one was mined at most L blocks after the lock, and the next
        // at most silence + 2 · grace later. Half of P is longer by this window at least: one half of it is left to
        // those who challenge, the other to slots in which L1 has no block.
        reach = fixed_.reclaimWindow / 2;
        if (federation_.fraudProofs() != address(this)) revert WrongPlace();
    }

    /// @inheritdoc IFraudProofs
    function proveMalformed(Proof calldata proof, Accused calldata accused) external {
        History.checkTransaction(federation, proof.transaction, proof.inclusion);
        if (!_isMalformed(proof.transaction, proof.inclusion.height)) revert WellFormed();
        _accuse(Fraud.Malformed, proof.inclusion, accused);
    }

    /// @inheritdoc IFraudProofs
    function proveDoubleSpend(
        Proof calldata first,
        uint8 firstInput,
        Proof calldata second,
        uint8 secondInput,
        Accused calldata accused
    ) external {
        (Position one,) = _spent(first, firstInput);
        (Position other,) = _spent(second, secondInput);
        if (!(one == other)) revert PositionsDiffer(one, other);
        _accuse(Fraud.DoubleSpend, _later(first.inclusion, second.inclusion), accused);
    }

    /// @inheritdoc IFraudProofs
    function proveBadInput(
        Proof calldata spending,
        uint8 input,
        Proof calldata named,
        Accused calldata accused
    ) external {
        (Position position, uint256 stated) = _spent(spending, input);
        _checkNamed(spending, position, named);
        (address owner, uint256 amount) = named.transaction.output(position.outputOf());
        bool same = amount == stated && named.transaction.asset() == spending.transaction.asset()
            && Signing.signer(spending.transaction, address(federation)) == owner;
        if (same) revert InputMatches();
        _accuse(Fraud.BadInput, spending.inclusion, accused);
    }

    /// @inheritdoc IFraudProofs
    function proveFutureReference(Proof calldata spending, uint8 input, Accused calldata accused) external {
        (Position position,) = _spent(spending, input);
        uint32 height = spending.inclusion.height;
        if (position.blockOf() != 0 && position.blockOf() < height) {
            revert NamesEarlierBlock(position, height);
        }
        _accuse(Fraud.FutureReference, spending.inclusion, accused);
    }

    /// @inheritdoc IFraudProofs
    function proveAbsentTransaction(
        Proof calldata spending,
        uint8 input,
        BlockProof calldata named,
        Accused calldata accused
    ) external {
        (Position position,) = _spent(spending, input);
        if (position.blockOf() != named.height) revert NotNamed(position);
        History.checkBlock(federation, named);
        if (position.transactionOf() < named.transactionCount) {
            revert TransactionExists(position, named.transactionCount);
        }
        _accuse(Fraud.FutureReference, spending.inclusion, accused);
    }

    /// @inheritdoc IFraudProofs
    function proveAbsentOutput(
        Proof calldata spending,
        uint8 input,
        Proof calldata named,
        Accused calldata accused
    ) external {
        (Position position,) = _spent(spending, input);
        _checkNamed(spending, position, named);
        uint8 outputs = named.transaction.outputs();
        if (position.outputOf() < outputs) revert OutputExists(position, outputs);
        _accuse(Fraud.FutureReference, spending.inclusion, accused);
    }

    /// @inheritdoc IFraudProofs
    function proveBadFund(Proof calldata fund, Accused calldata accused) external {
        uint64 number = _funded(fund);
        uint64 origin = fund.inclusion.l1Height;
        IVault.Deposit memory record = vault.deposits(number);
        (address owner, uint256 amount) = fund.transaction.output(0);
        // Nobody deposits for nobody, so a record without an owner is none.
        bool made = record.owner != address(0) && record.l1Block <= origin;
        bool same =
            record.owner == owner && record.amount == amount && record.asset == fund.transaction.asset();
        uint256 reclaimed = record.reclaimedAt;
        if (made && same && (reclaimed == 0 || reclaimed > origin)) revert FundMatches(number);
        _accuse(Fraud.BadFund, fund.inclusion, accused);
    }

    /// @inheritdoc IFraudProofs
    function proveLateFund(Proof calldata fund, Anchor calldata before, Accused calldata accused) external {
        uint64 number = _funded(fund);
        _checkBefore(before, fund.inclusion.anchor);
        uint64 l1Block = vault.deposits(number).l1Block;
        // The block that funds a deposit is the first whose origin reaches it, and the block of the anchor before is
        // an earlier one. A deposit that does not exist is for `proveBadFund`.
        if (l1Block == 0 || l1Block > before.l1Height) revert NotReached(l1Block, before.l1Height);
        _accuse(Fraud.BadFund, fund.inclusion, accused);
    }

    /// @inheritdoc IFraudProofs
    function proveDoubleFund(Proof calldata first, Proof calldata second, Accused calldata accused) external {
        uint64 one = _funded(first);
        uint64 other = _funded(second);
        if (one != other) revert DepositsDiffer(one, other);
        _accuse(Fraud.DoubleFund, _later(first.inclusion, second.inclusion), accused);
    }

    /// @inheritdoc IFraudProofs
    function proveSpentAfterExit(
        Proof calldata spending,
        uint8 input,
        Proof calldata named,
        Accused calldata accused
    ) external {
        (Position position,) = _spent(spending, input);
        _checkNamed(spending, position, named);
        uint256 from = _paidFrom(named.transaction, position.outputOf());
        uint64 anchored = spending.inclusion.anchor.time;
        if (from == 0 || anchored + reach < from) revert NotPaidBefore(from, anchored);
        _accuse(Fraud.SpentAfterExit, spending.inclusion, accused);
    }

    /// @inheritdoc IFraudProofs
    function proveSpentAfterReclaim(
        Proof calldata spending,
        uint8 input,
        Proof calldata named,
        Anchor calldata before,
        Accused calldata accused
    ) external {
        (Position position,) = _spent(spending, input);
        _checkNamed(spending, position, named);
        _checkBefore(before, spending.inclusion.anchor);
        uint64 number = _depositOf(named.transaction);
        uint256 reclaimed = vault.deposits(number).reclaimedAt;
        if (reclaimed == 0) revert NotReclaimed(number);
        if (reclaimed > before.l1Height) revert NotReached(reclaimed, before.l1Height);
        _accuse(Fraud.SpentAfterExit, spending.inclusion, accused);
    }

    function _accuse(Fraud fraud, Inclusion calldata invalid, Accused calldata accused) private {
        // Without a header the block is convicted and nobody with it.
        if (accused.header.length != 0) History.checkSigned(accused, invalid);
        emit FraudProven(invalid.height, invalid.index, fraud, msg.sender);
        federation.haltForFraud(
            invalid.height, accused.header, accused.certificate, invalid.anchor, msg.sender
        );
    }

    /// @dev Never reverts for want of form: whatever bytes lie in a block can be judged.
    function _isMalformed(bytes calldata transaction, uint32 height) private view returns (bool) {
        (PlasmaTransaction.Flaw flaw,,) = transaction.examine(_legacyTransactions);
        if (flaw != PlasmaTransaction.Flaw.None) return true;
        if (transaction.kind() == PlasmaTransaction.FUND) return false;
        return
            transaction.expiry() < height || Signing.recover(transaction, address(federation)) == address(0);
    }

    /// @dev What an input of a well-formed included transaction names, and the amount it states.
    function _spent(Proof calldata spending, uint8 input) private view returns (Position, uint256) {
        _checkWellFormed(spending);
        if (spending.transaction.kind() == PlasmaTransaction.FUND) revert SpendsNothing();
        return spending.transaction.input(input);
    }

    /// @dev The deposit of a well-formed included fund transaction.
    function _funded(Proof calldata fund) private view returns (uint64) {
        _checkWellFormed(fund);
        return _depositOf(fund.transaction);
    }

    function _depositOf(bytes calldata transaction) private pure returns (uint64) {
        if (transaction.kind() != PlasmaTransaction.FUND) revert FundsNothing();
        (, uint256 number) = transaction.input(0);
        return uint64(number);
    }

    /// @dev Fields of bytes that are not well-formed mean nothing; such bytes are for `proveMalformed`.
    function _checkWellFormed(Proof calldata proof) private view {
        proof.transaction.check(_legacyTransactions);
        History.checkTransaction(federation, proof.transaction, proof.inclusion);
    }

    /// @dev `named` lies where the position says, and it is not the spending transaction itself.
    function _checkNamed(Proof calldata spending, Position position, Proof calldata named) private view {
        _checkWellFormed(named);
        _checkDistinct(spending.inclusion, named.inclusion);
        bool there =
            named.inclusion.height == position.blockOf() && named.inclusion.index == position.transactionOf();
        if (!there) revert NotNamed(position);
    }

    function _checkBefore(Anchor calldata before, Anchor calldata covering) private view {
        if (uint256(before.number) + 1 != covering.number) {
            revert NotAnchorBefore(before.number, covering.number);
        }
        History.checkAnchor(federation, before);
    }

    function _checkDistinct(Inclusion calldata first, Inclusion calldata second) private pure {
        if (first.height == second.height && first.index == second.index) {
            revert SidesEqual(first.height, first.index);
        }
    }

    /// @dev Of two different places the one in the later block; in one block either.
    function _later(Inclusion calldata first, Inclusion calldata second)
        private
        pure
        returns (Inclusion calldata)
    {
        _checkDistinct(first, second);
        return first.height > second.height ? first : second;
    }

    /// @dev What the registry says of an output that an exit game paid, zero if none did. A deposit that was taken back
    /// was paid by the vault, without a lock before: that is for `proveSpentAfterReclaim`.
    function _paidFrom(bytes calldata transaction, uint8 output) private view returns (uint256) {
        bool reclaimed = transaction.kind() == PlasmaTransaction.FUND
            && vault.deposits(_depositOf(transaction)).reclaimedAt != 0;
        return reclaimed ? 0 : exitGame.consumed(keccak256(abi.encodePacked(transaction.id(), output)));
    }
}
