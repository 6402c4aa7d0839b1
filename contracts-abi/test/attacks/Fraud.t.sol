// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFraudProofs} from "../../contracts/interfaces/IFraudProofs.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Accusing} from "../support/Accusing.sol";
import {Attack} from "./Attack.sol";

/// @notice Attacks with fraud proofs, and on them. Block 1 funds Alice and Bob, in block 2 she pays him.
contract FraudAttacks is Accusing, Attack {
    // ---- K17: a valid chain is convicted

    function test_K17_oneTransactionAsBothSides() external {
        _fails(_oneSide());
    }

    function twin_K17_oneTransactionAsBothSides() external {
        _without("SidesEqual");
        _wins(_oneSide());
    }

    function _oneSide() private returns (bool) {
        Proof memory proof = _proof(2, 0);
        bytes memory call = abi.encodeCall(judge.proveDoubleSpend, (proof, 0, proof, 0, _nobody()));
        return _convicts(call, IFraudProofs.SidesEqual.selector);
    }

    function test_K17_twoFundsAsADoubleSpend() external {
        _fails(_twoFunds());
    }

    function twin_K17_twoFundsAsADoubleSpend() external {
        _without("FundsSpendNothing");
        _wins(_twoFunds());
    }

    /// @dev The inputs of all fund transactions name position zero.
    function _twoFunds() private returns (bool) {
        bytes memory call =
            abi.encodeCall(judge.proveDoubleSpend, (_proof(1, 0), 0, _proof(1, 1), 0, _nobody()));
        return _convicts(call, IFraudProofs.SpendsNothing.selector);
    }

    function test_S08_fraudProofsAimedAtFundsAndBlockZero() external {
        _fails(_fundOfBlockZero());
    }

    function twin_S08_fraudProofsAimedAtFundsAndBlockZero() external {
        _without("FundsSpendNothing");
        _wins(_fundOfBlockZero());
    }

    /// @dev Position zero lies in block 0, in which there is nothing.
    function _fundOfBlockZero() private returns (bool) {
        _blockZero(_proof(1, 0));
        bytes memory call = abi.encodeCall(judge.proveFutureReference, (_proof(1, 0), 0, _nobody()));
        return _convicts(call, IFraudProofs.SpendsNothing.selector);
    }

    function test_S09_aReclaimUsedToConvictAnOldBlock() external {
        _fails(_oldBlock());
    }

    function twin_S09_aReclaimUsedToConvictAnOldBlock() external {
        _without("ReclaimedInTime");
        _wins(_oldBlock());
    }

    /// @dev Nobody challenged the reclaim of a deposit that was funded long ago.
    function _oldBlock() private returns (bool) {
        _l1(10, 120);
        court.reclaim(0, block.number);
        bytes memory call = abi.encodeCall(judge.proveBadFund, (_proof(1, 0), _nobody()));
        return _convicts(call, IFraudProofs.FundMatches.selector);
    }

    // ---- K18: an invalid block is not convicted

    function test_K18_anAmountThatGrows() external {
        _fails(_growingAmount());
    }

    function twin_K18_anAmountThatGrows() external {
        _without("BadAmount");
        _wins(_growingAmount());
    }

    /// @dev Bob states 4 ETH where he has 3.
    function _growingAmount() private returns (bool) {
        Proof memory spending = _include(_spendPaid(PAID, 4 ether, FOREVER));
        bytes memory call = abi.encodeCall(judge.proveBadInput, (spending, 0, _proof(2, 0), _nobody()));
        return !_convicts(call, IFraudProofs.InputMatches.selector);
    }

    function test_K18_bytesThatAreNoTransaction() external {
        _fails(_noTransaction());
    }

    function twin_K18_bytesThatAreNoTransaction() external {
        _without("Malformed");
        _wins(_noTransaction());
    }

    function _noTransaction() private returns (bool) {
        Proof memory odd = _include(bytes.concat(_spendPaid(FOREVER), hex"00"));
        bytes memory call = abi.encodeCall(judge.proveMalformed, (odd, _nobody()));
        return !_convicts(call, IFraudProofs.WellFormed.selector);
    }

    function _convicts(bytes memory call, bytes4 refusal) private returns (bool) {
        _attempt(address(0x3a110), address(judge), 0, call, refusal);
        return court.halts() != 0;
    }
}
