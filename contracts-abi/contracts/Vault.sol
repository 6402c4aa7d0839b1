// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Payouts} from "./Payouts.sol";
import {IExitGame} from "./interfaces/IExitGame.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IFraudProofs} from "./interfaces/IFraudProofs.sol";
import {IVault} from "./interfaces/IVault.sol";
import {History} from "./libraries/History.sol";
import {PlasmaTransaction} from "./libraries/PlasmaTransaction.sol";
import {IToken, Token} from "./libraries/Token.sol";
import {Proof} from "./types/Anchor.sol";
import {Certificate, Verdict} from "./types/Committee.sol";
import {Parameters} from "./types/Parameters.sol";

/// @title The vault
/// @notice See `IVault`. No owner, no setter, and no way out of it but `pay`, `finalizeReclaim` and credits.
contract Vault is IVault, Payouts {
    using PlasmaTransaction for bytes;

    /// @dev A deposit as it is stored: two slots. Forty bits count L1 blocks for 400 000 years.
    struct Record {
        address owner;
        uint40 l1Block;
        uint40 reclaimedAt;
        uint8 token;
        uint256 amount;
    }

    /// @dev What every deposit of ETH changes, in one slot. All the ETH there is has less than 2^88 wei.
    struct Counted {
        uint64 deposits;
        uint192 heldEth;
    }

    /// @inheritdoc IVault
    IFederation public immutable federation;
    /// @inheritdoc IVault
    address public immutable exitGame;

    /// @dev A token's number is one byte of every record and exit, and zero is ETH.
    uint256 private constant TOKENS_MAX = 255;
    /// @dev The tag of a statement that admits a token (docs/protocol.md section 7).
    uint8 private constant ADMISSION = 0x07;

    uint256 private immutable _bond;
    uint64 private immutable _reclaimWindow;

    Counted private _counted;
    /// @dev Set while a deposit of tokens is measured: nothing else may move the balance then.
    bool private transient _measuring;
    address[] private _tokens;
    /// @inheritdoc IVault
    uint64 public admissionSequence;
    /// @inheritdoc IVault
    mapping(address token => uint8) public tokenNumber;
    mapping(address token => uint256) private _heldTokens;
    mapping(uint64 number => Record) private _deposits;
    /// @inheritdoc IVault
    mapping(uint64 number => uint64 payableAt) public reclaims;

    /// @param federation_ the federation, which names this place as its vault. The exit game and the fraud proofs stand
    /// already: no deposit is taken before it can leave, and before a block that takes it can be proven invalid.
    /// @param tokens_ what can be deposited beside ETH
    constructor(IFederation federation_, address[] memory tokens_) {
        federation = federation_;
        exitGame = federation_.exitGame();
        if (federation_.vault() != address(this)) revert WrongPlace();
        if (address(IExitGame(exitGame).federation()) != address(federation_)) revert WrongPlace();
        if (address(IExitGame(exitGame).vault()) != address(this)) revert WrongPlace();
        IFraudProofs judge = IFraudProofs(federation_.fraudProofs());
        if (address(judge.federation()) != address(federation_)) revert WrongPlace();
        if (address(judge.vault()) != address(this)) revert WrongPlace();
        Parameters memory fixed_ = federation_.parameters();
        _bond = fixed_.exitBond;
        // The federation's parameters leave room for it in the first half of an exit.
        _reclaimWindow = fixed_.reclaimWindow;
        for (uint256 i = 0; i < tokens_.length; ++i) {
            _list(tokens_[i]);
        }
    }

    /// @inheritdoc IVault
    function deposit() external payable returns (uint64) {
        return _depositEth(msg.sender);
    }

    /// @inheritdoc IVault
    function depositFor(address owner) external payable returns (uint64) {
        return _depositEth(owner);
    }

    /// @inheritdoc IVault
    function depositToken(address token_, uint256 amount, address owner) external returns (uint64) {
        uint8 listed = tokenNumber[token_];
        if (listed == 0) revert AssetUnknown(token_);
        // A token that calls its holder before it moves could let a deposit inside this one be counted twice.
        if (_measuring) revert Reentered();
        _measuring = true;
        uint256 before = IToken(token_).balanceOf(address(this));
        if (!Token.take(token_, msg.sender, amount)) revert TransferRefused(token_);
        uint256 afterwards = IToken(token_).balanceOf(address(this));
        _measuring = false;
        if (afterwards <= before) revert AmountZero();
        return _record(owner, token_, listed, afterwards - before);
    }

    /// @inheritdoc IVault
    function admitToken(address token_, Certificate calldata by) external {
        if (federation.halted()) revert FederationHalted();
        uint64 active = federation.activeEpoch();
        if (by.epoch != active) revert EpochNotActive(by.epoch, active);
        if (by.viewNumber <= admissionSequence) revert SequencePast(by.viewNumber, admissionSequence);
        bytes32 id = bytes32(uint256(uint160(token_)));
        Verdict verdict =
            federation.certifies(ADMISSION, by.epoch, by.viewNumber, id, by.bitmap, by.signature);
        if (verdict != Verdict.Valid) revert CertificateRefused(verdict);
        admissionSequence = by.viewNumber;
        _list(token_);
    }

    /// @inheritdoc IVault
    function startReclaim(uint64 number) external payable {
        if (msg.value != _bond) revert BondDiffers(msg.value, _bond);
        Record memory record = _deposits[number];
        if (record.owner != msg.sender) revert NotDepositor(record.owner);
        if (record.reclaimedAt != 0) revert AlreadyReclaimed(number);
        if (reclaims[number] != 0) revert ReclaimOpen(number);
        if (IExitGame(exitGame).consumed(_fundOutput(number, record)) != 0) revert AlreadyPaid(number);
        uint64 anchored = federation.latest().l1Height;
        // A federation that halted before it reached the deposit never will.
        if (anchored < record.l1Block && !federation.halted()) revert NotHandled(record.l1Block, anchored);
        uint64 payableAt = uint64(block.timestamp) + _reclaimWindow;
        reclaims[number] = payableAt;
        emit ReclaimStarted(number, msg.sender, payableAt);
    }

    /// @inheritdoc IVault
    function challengeReclaim(uint64 number, Proof calldata proof) external {
        if (reclaims[number] == 0) revert ReclaimUnknown(number);
        // A fund is no legacy kind, so their being allowed does not matter.
        History.checkCounting(federation, proof.transaction, proof.inclusion, false);
        if (proof.transaction.id() != _fundId(number, _deposits[number])) revert NotItsFund(number);
        _refuseReclaim(number);
    }

    /// @inheritdoc IVault
    function finalizeReclaim(uint64 number) external {
        uint64 payableAt = reclaims[number];
        if (payableAt == 0) revert ReclaimUnknown(number);
        if (block.timestamp < payableAt) revert ReclaimNotDue(payableAt);
        Record memory record = _deposits[number];
        // One registry decides between exits and reclaims: whatever comes first takes the output for good.
        if (!IExitGame(exitGame).consume(_fundOutput(number, record))) {
            _refuseReclaim(number);
            return;
        }
        delete reclaims[number];
        _deposits[number].reclaimedAt = uint40(block.number);
        emit DepositReclaimed(number);
        _payOut(token(record.token), record.owner, record.amount);
        _send(record.owner, _bond);
    }

    /// @inheritdoc IVault
    function pay(address asset, address owner, uint256 amount) external {
        if (msg.sender != exitGame) revert NotExitGame(msg.sender);
        _payOut(asset, owner, amount);
    }

    /// @inheritdoc IVault
    function depositCount() external view returns (uint64) {
        return _counted.deposits;
    }

    /// @inheritdoc IVault
    function deposits(uint64 number) external view returns (Deposit memory) {
        Record memory record = _deposits[number];
        return Deposit({
            owner: record.owner,
            l1Block: record.l1Block,
            reclaimedAt: record.reclaimedAt,
            amount: record.amount,
            asset: token(record.token)
        });
    }

    /// @inheritdoc IVault
    function tokens() external view returns (address[] memory) {
        return _tokens;
    }

    /// @inheritdoc IVault
    function held(address asset) public view returns (uint256) {
        return asset == ETH ? _counted.heldEth : _heldTokens[asset];
    }

    /// @inheritdoc IVault
    function token(uint8 number) public view returns (address) {
        return number == 0 || number > _tokens.length ? ETH : _tokens[number - 1];
    }

    /// @inheritdoc Payouts
    function _move(address asset, address receiver, uint256 amount, uint256 gasShare)
        internal
        override
        returns (bool)
    {
        if (_measuring) revert Reentered();
        if (asset == ETH) return super._move(asset, receiver, amount, gasShare);
        return Token.transfer(asset, receiver, amount, gasShare);
    }

    function _depositEth(address owner) private returns (uint64) {
        if (msg.value == 0) revert AmountZero();
        return _record(owner, ETH, 0, msg.value);
    }

    function _record(address owner, address asset, uint8 listed, uint256 amount)
        private
        returns (uint64 number)
    {
        if (owner == address(0)) revert OwnerZero();
        if (federation.halted()) revert FederationHalted();
        Counted memory counted = _counted;
        number = counted.deposits;
        counted.deposits = number + 1;
        if (asset == ETH) counted.heldEth += uint192(amount);
        else _heldTokens[asset] += amount;
        _counted = counted;
        Record storage record = _deposits[number];
        (record.owner, record.l1Block, record.token) = (owner, uint40(block.number), listed);
        record.amount = amount;
        emit Deposited(number, owner, asset, amount);
    }

    /// @dev Nothing leaves that is not held, so forged outputs reach neither bonds nor credits.
    function _payOut(address asset, address owner, uint256 amount) private {
        uint256 backed = held(asset);
        if (amount > backed) {
            emit Unbacked(asset, owner, amount - backed);
            amount = backed;
        }
        if (amount == 0) return;
        if (asset == ETH) _counted.heldEth = uint192(backed - amount);
        else _heldTokens[asset] = backed - amount;
        _sendAsset(asset, owner, amount);
    }

    function _refuseReclaim(uint64 number) private {
        delete reclaims[number];
        emit ReclaimChallenged(number, msg.sender);
        _send(msg.sender, _bond);
    }

    function _list(address token_) private {
        bool room = _tokens.length < TOKENS_MAX;
        if (!room || tokenNumber[token_] != 0 || token_.code.length == 0) revert TokenRefused(token_);
        _tokens.push(token_);
        tokenNumber[token_] = uint8(_tokens.length);
        emit TokenListed(token_, uint8(_tokens.length));
    }

    /// @dev What the exit game calls the output of a deposit's fund transaction.
    function _fundOutput(uint64 number, Record memory record) private view returns (bytes32) {
        return keccak256(abi.encodePacked(_fundId(number, record), uint8(0)));
    }

    function _fundId(uint64 number, Record memory record) private view returns (bytes32) {
        return PlasmaTransaction.fundId(number, record.owner, token(record.token), record.amount);
    }
}
