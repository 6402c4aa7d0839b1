// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IFraudProofs} from "../../contracts/interfaces/IFraudProofs.sol";
import {History} from "../../contracts/libraries/History.sol";
import {PlasmaTransaction} from "../../contracts/libraries/PlasmaTransaction.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Accused} from "../../contracts/types/Fraud.sol";
import {Position, toPosition} from "../../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "./Forms.sol";
import {Tree} from "./Tree.sol";
import {Trials} from "./Trials.sol";

/// @notice A small chain with a payment in it, and what the attacks on it have in common.
abstract contract Accusing is Trials {
    Position internal immutable FUNDED = toPosition(1, 0, 0);
    Position internal immutable TOKENS = toPosition(1, 1, 0);
    Position internal immutable PAID = toPosition(2, 0, 0);
    Position internal immutable KEPT = toPosition(2, 0, 1);

    function setUp() external {
        _open();
        _deposit(0, alice, ETH, 5 ether);
        _deposit(1, bob, TOKEN, 7);
        _l1(10, 120);
        bytes[] memory body = new bytes[](2);
        body[0] = _fund(0, alice, ETH, 5 ether);
        body[1] = _fund(1, bob, TOKEN, 7);
        _block(body);
        _cover();
        Pay[] memory outputs = new Pay[](2);
        outputs[0] = Pay({owner: bob, amount: 3 ether});
        outputs[1] = Pay({owner: alice, amount: 2 ether});
        Spend[] memory inputs = Forms.one(Spend({position: FUNDED, amount: 5 ether}));
        _include(_signed(ALICE_KEY, Forms.unsigned(5, ETH, 100, inputs, outputs)));
    }

    /// @dev The next block, with its own anchor.
    function _include(bytes memory transaction) internal returns (Proof memory) {
        _l1(10, 120);
        uint32 height = _block(transaction);
        _cover();
        return _proof(height, 0);
    }

    function _include(bytes memory first, bytes memory second) internal returns (uint32 height) {
        _l1(10, 120);
        bytes[] memory body = new bytes[](2);
        (body[0], body[1]) = (first, second);
        height = _block(body);
        _cover();
    }

    /// @dev Bob spends what Alice paid him, as it should be.
    function _spendPaid(uint32 expiry) internal view returns (bytes memory) {
        return _spendPaid(PAID, 3 ether, expiry);
    }

    function _spendPaid(Position from, uint256 amount, uint32 expiry) internal view returns (bytes memory) {
        return _pay(BOB_KEY, 5, Spend(from, amount), ETH, expiry, Pay(alice, amount));
    }

    function _malformed(bytes memory form) internal {
        Proof memory proof = _include(form);
        judge.proveMalformed(proof, _nobody());
        _convicted(proof.inclusion.height);
    }

    function _wellFormed(bytes memory form) internal {
        Proof memory proof = _include(form);
        vm.expectRevert(IFraudProofs.WellFormed.selector);
        judge.proveMalformed(proof, _nobody());
    }

    function _badInput(bytes memory form) internal {
        Proof memory spending = _include(form);
        judge.proveBadInput(spending, 0, _proof(2, 0), _nobody());
        _convicted(spending.inclusion.height);
    }

    function _future(Position position) internal {
        Proof memory spending = _include(_spendPaid(position, 3 ether, FOREVER));
        judge.proveFutureReference(spending, 0, _nobody());
        _convicted(spending.inclusion.height);
    }

    function _absentTransaction(Position position, uint32 height) internal {
        Proof memory spending = _include(_spendPaid(position, 3 ether, FOREVER));
        judge.proveAbsentTransaction(spending, 0, _blockProof(height), _nobody());
        _convicted(spending.inclusion.height);
    }

    function _absentOutput(Position position) internal {
        Proof memory spending = _include(_spendPaid(position, 3 ether, FOREVER));
        vm.expectRevert(abi.encodeWithSelector(PlasmaTransaction.OutputOutside.selector, position.outputOf()));
        judge.proveBadInput(spending, 0, _proof(2, 0), _nobody());
        judge.proveAbsentOutput(spending, 0, _proof(2, 0), _nobody());
        _convicted(spending.inclusion.height);
    }

    function _badFund(bytes memory form) internal {
        Proof memory fund = _include(form);
        judge.proveBadFund(fund, _nobody());
        _convicted(fund.inclusion.height);
    }

    function _fundMatches(uint64 number, Proof memory fund) internal {
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.FundMatches.selector, number));
        judge.proveBadFund(fund, _nobody());
    }

    function _blockZero(Proof memory proof) internal {
        proof.inclusion.height = 0;
        proof.inclusion.transactionCount = 0;
        proof.inclusion.transactionsRoot = Tree.root(new bytes32[](0));
        proof.inclusion.transactionPath = new bytes32[](0);
        proof.inclusion.historyPath = Tree.path(_historyUpTo(1), 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotFirstCovering.selector, 0, 0, 1));
        judge.proveMalformed(proof, _nobody());
    }

    function _nowhere(bytes memory call) internal {
        _refusedWith(call, abi.encodeWithSelector(IExitGame.TransactionNotInBlock.selector, 0));
    }

    function _tooLong(bytes memory call, Proof memory odd) internal {
        uint256 length = odd.transaction.length;
        _refusedWith(
            call, abi.encodeWithSelector(PlasmaTransaction.TransactionLength.selector, length, length - 1)
        );
    }

    function _refusedWith(bytes memory call, bytes memory reason) internal {
        (bool accepted, bytes memory found) = address(judge).call(call);
        _true(!accepted);
        _equal(found, reason);
    }

    function _notInItsHistory(Proof memory proof, Accused memory accused, uint32 signed) internal {
        vm.expectRevert(abi.encodeWithSelector(History.NotInItsHistory.selector, 3, signed));
        judge.proveMalformed(proof, accused);
    }

    function create() external {
        _create("FraudProofs", abi.encode(court));
    }
}
