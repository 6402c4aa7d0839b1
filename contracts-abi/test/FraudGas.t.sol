// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFraudProofs} from "../contracts/interfaces/IFraudProofs.sol";
import {Anchor, Proof} from "../contracts/types/Anchor.sol";
import {Accused, BlockProof} from "../contracts/types/Fraud.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";
import {World} from "./support/World.sol";

/// @notice What each fraud proof costs as a transaction of its own: every transaction among 2^16 in a block among
/// 2^20, four bonded operators convicted. snapshots/fraud.json keeps the figures.
/// forge-config: default.isolate = true
contract FraudGasTest is World {
    uint256 private constant ALICE_KEY = 0xa11ce;
    uint256 private constant BOB_KEY = 0xb0b;
    address private constant ETH = address(0);
    uint32 private constant FOREVER = type(uint32).max;
    uint32 private constant FIRST = 600_000;
    uint32 private constant SECOND = 900_000;
    uint32 private constant INDEX = 40_000;

    address private alice = vm.addr(ALICE_KEY);
    address private bob = vm.addr(BOB_KEY);
    IFraudProofs private judge;
    Accused private accused;

    function setUp() external {
        _deploy(4);
        judge = IFraudProofs(federation.fraudProofs());
        for (uint16 i = 0; i < 4; ++i) {
            vm.deal(address(this), OPERATOR_BOND);
            federation.postBond{value: OPERATOR_BOND}(0, i);
        }
        vm.deal(alice, 5 ether);
        vm.prank(alice);
        vault.deposit{value: 5 ether}();
    }

    function test_proveMalformed() external {
        Proof memory proof = _deep(_pay(BOB_KEY, 5 ether, 4 ether), FIRST);
        judge.proveMalformed(proof, accused);
        _cheap("malformed, sums differ");
    }

    function test_proveMalformed_signature() external {
        Proof memory proof = _deep(Forms.sealing(_pay(BOB_KEY, 5 ether, 5 ether), 0, 0, 27), FIRST);
        judge.proveMalformed(proof, accused);
        _cheap("malformed, signature");
    }

    function test_proveDoubleSpend() external {
        Proof memory first = _deep(_pay(ALICE_KEY, 5 ether, 5 ether), FIRST);
        Proof memory second = _deep(_pay(ALICE_KEY, 5 ether, 5 ether), SECOND);
        judge.proveDoubleSpend(first, 0, second, 0, accused);
        _cheap("double spend");
    }

    function test_proveBadInput() external {
        Proof memory named = _deep(Forms.fund(0, alice, 5 ether), FIRST);
        Proof memory spending = _deep(_pay(BOB_KEY, 5 ether, 5 ether), SECOND);
        judge.proveBadInput(spending, 0, named, accused);
        _cheap("bad input, owner");
    }

    function test_proveFutureReference() external {
        Spend memory from = Spend(toPosition(FIRST, 0, 0), 5 ether);
        Proof memory spending = _deep(_transferOf(ALICE_KEY, from, 5 ether), FIRST);
        judge.proveFutureReference(spending, 0, accused);
        _cheap("future reference");
    }

    function test_proveAbsentTransaction() external {
        Proof memory named = _deep(Forms.fund(0, alice, 5 ether), FIRST);
        Spend memory from = Spend(toPosition(FIRST, 1 << 16, 0), 5 ether);
        Proof memory spending = _deep(_transferOf(ALICE_KEY, from, 5 ether), SECOND);
        BlockProof memory whole = BlockProof({
            height: FIRST,
            transactionCount: named.inclusion.transactionCount,
            transactionsRoot: named.inclusion.transactionsRoot,
            l1Height: named.inclusion.l1Height,
            historyPath: named.inclusion.historyPath,
            anchor: named.inclusion.anchor
        });
        judge.proveAbsentTransaction(spending, 0, whole, accused);
        _cheap("absent transaction");
    }

    function test_proveAbsentOutput() external {
        Proof memory named = _deep(Forms.fund(0, alice, 5 ether), FIRST);
        Spend memory from = Spend(toPosition(FIRST, INDEX, 1), 5 ether);
        Proof memory spending = _deep(_transferOf(ALICE_KEY, from, 5 ether), SECOND);
        judge.proveAbsentOutput(spending, 0, named, accused);
        _cheap("absent output");
    }

    function test_proveBadFund() external {
        Proof memory fund = _deep(Forms.fund(1, alice, 5 ether), FIRST);
        judge.proveBadFund(fund, accused);
        _cheap("bad fund");
    }

    function test_proveLateFund() external {
        Anchor memory before = _deep(Forms.fund(1, alice, 5 ether), FIRST).inclusion.anchor;
        Proof memory fund = _deep(Forms.fund(0, alice, 5 ether), SECOND);
        judge.proveLateFund(fund, before, accused);
        _cheap("late fund");
    }

    function test_proveDoubleFund() external {
        Proof memory first = _deep(Forms.fund(0, alice, 5 ether), FIRST);
        Proof memory second = _deep(Forms.fund(0, alice, 5 ether), SECOND);
        judge.proveDoubleFund(first, second, accused);
        _cheap("double fund");
    }

    function test_proveSpentAfterExit() external {
        Proof memory named = _deep(Forms.fund(0, alice, 5 ether), FIRST);
        bytes32 key = keccak256(abi.encodePacked(harness.id(named.transaction), uint8(0)));
        vm.mockCall(address(game), abi.encodeCall(game.consumed, (key)), abi.encode(block.timestamp));
        Proof memory spending = _deep(_pay(ALICE_KEY, 5 ether, 5 ether), SECOND);
        judge.proveSpentAfterExit(spending, 0, named, accused);
        _cheap("spent after exit");
    }

    /// @dev The vault is asked for one record more than a mock costs.
    function test_proveSpentAfterReclaim() external {
        Proof memory named = _deep(Forms.fund(0, alice, 5 ether), FIRST);
        vm.mockCall(
            address(vault),
            abi.encodeCall(vault.deposits, (0)),
            abi.encode(alice, uint64(1), uint64(block.number - 1), 5 ether, ETH)
        );
        Proof memory spending = _deep(_pay(ALICE_KEY, 5 ether, 5 ether), SECOND);
        judge.proveSpentAfterReclaim(spending, 0, named, named.inclusion.anchor, accused);
        _cheap("spent after reclaim");
    }

    /// @dev Every proof is far below what one transaction may cost, and below what its reward is worth.
    function _cheap(string memory name) private {
        _atMost(vm.snapshotGasLastCall("fraud", name), 450_000);
        _true(federation.halted());
        (, uint256 slashed) = federation.bonds(0);
        _equal(slashed, 15);
    }

    function _pay(uint256 key, uint256 stated, uint256 given) private view returns (bytes memory) {
        return _transferOf(key, Spend(toPosition(FIRST, INDEX, 0), stated), given);
    }

    function _transferOf(uint256 key, Spend memory from, uint256 given) private view returns (bytes memory) {
        return _signed(key, Forms.unsigned(5, ETH, FOREVER, Forms.one(from), Forms.one(Pay(bob, given))));
    }

    /// @dev The siblings are anything, the roots follow; the header of the anchor is the one that is accused.
    function _deep(bytes memory transaction, uint32 height) private returns (Proof memory proof) {
        proof.transaction = transaction;
        proof.inclusion.index = INDEX;
        proof.inclusion.height = height;
        proof.inclusion.transactionCount = 1 << 16;
        proof.inclusion.l1Height = uint64(block.number);
        proof.inclusion.transactionPath = _siblings(16);
        proof.inclusion.transactionsRoot =
            harness.root(harness.leaf(transaction), INDEX, 1 << 16, proof.inclusion.transactionPath);
        bytes32 root =
            _historyLeaf(height, 1 << 16, proof.inclusion.transactionsRoot, proof.inclusion.l1Height);
        proof.inclusion.historyPath = _siblings(20);
        uint32 top = height + 100_000;
        root = harness.root(root, height, uint256(top) + 1, proof.inclusion.historyPath);
        _l1(5, 60);
        accused.header = _header(top, root);
        accused.certificate = _certificate(accused.header, _all());
        proof.inclusion.anchor = _anchored(top, root);
    }

    function _anchored(uint32 top, bytes32 root) private returns (Anchor memory) {
        uint32 previous = federation.latest().height;
        federation.anchor(
            accused.header,
            accused.certificate.epoch,
            accused.certificate.viewNumber,
            accused.certificate.bitmap,
            accused.certificate.signature
        );
        return Anchor({
            number: federation.latest().number,
            previous: previous,
            height: top,
            historyRoot: root,
            l1Height: uint64(block.number - 1),
            time: uint64(block.timestamp)
        });
    }

    function _siblings(uint256 count) private pure returns (bytes32[] memory siblings) {
        siblings = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            siblings[i] = keccak256(abi.encode("sibling", count, i));
        }
    }
}
