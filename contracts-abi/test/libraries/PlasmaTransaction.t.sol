// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PlasmaTransaction} from "../../contracts/libraries/PlasmaTransaction.sol";
import {Signing} from "../../contracts/libraries/Signing.sol";
import {Position, toPosition} from "../../contracts/types/Position.sol";
import {Check} from "../support/Check.sol";
import {Forms, Pay, Spend} from "../support/Forms.sol";
import {Harness} from "../support/Harness.sol";

contract PlasmaTransactionTest is Check {
    uint256 private constant KEY = 0xa11ce;
    address private constant PLACE = address(0xfede);
    address private constant ETH = address(0);
    uint32 private constant FOREVER = type(uint32).max;

    Harness private harness = new Harness();

    function testFuzz_check_acceptsWhatBalances(uint8 i, uint8 o, uint128[4] memory amounts, uint32 expiry)
        external
        view
    {
        Spend[] memory inputs = new Spend[](1 + i % 4);
        Pay[] memory outputs = new Pay[](1 + o % 4);
        uint256 sum = 0;
        for (uint256 k = 0; k < outputs.length; ++k) {
            outputs[k] = Pay({owner: address(uint160(k + 1)), amount: uint256(amounts[k]) + 1});
            sum += outputs[k].amount;
        }
        for (uint256 k = 0; k < inputs.length; ++k) {
            inputs[k] = Spend({position: Position.wrap(uint72(k)), amount: k == 0 ? sum : 0});
        }
        harness.check(Forms.unsigned(5, address(7), expiry, inputs, outputs), false);
    }

    /// @dev No byte string of a wrong length passes, whatever it holds.
    function testFuzz_check_revertsOnAnyBytes(bytes memory form) external view {
        try harness.check(form, true) {
            uint256 i = uint8(form[1]);
            uint256 o = uint8(form[2]);
            _equal(form.length, 27 + 41 * i + 52 * o + 65);
        } catch {}
    }

    /// @dev K18: one source of truth, and total: `examine` never reverts, and names a flaw exactly where `check` reverts.
    function testFuzz_examine_saysWhatCheckReverts(bytes memory form, bool legacy) external view {
        _examinedAsChecked(form, legacy);
    }

    /// @dev The same close to what is valid: a transaction of any kind with some bytes changed and any number missing.
    function testFuzz_examine_saysWhatCheckRevertsNearTheRules(uint256 seed, bool legacy) external view {
        uint8[4] memory kinds = [1, 2, 4, 5];
        bytes memory form = _simple(1 + (seed & 3), 1 + ((seed >> 2) & 3));
        form[0] = bytes1(kinds[(seed >> 4) & 3]);
        for (uint256 i = 0; i < (seed >> 6) % 4; ++i) {
            uint256 change = uint256(keccak256(abi.encode(seed, i)));
            form[change % (change & 256 == 0 ? 27 : form.length)] = bytes1(uint8(change >> 128));
        }
        if (seed & 1024 == 0) {
            uint256 length = uint256(keccak256(abi.encode(seed))) % (form.length + 1);
            assembly ("memory-safe") {
                mstore(form, length)
            }
        }
        _examinedAsChecked(form, legacy);
    }

    function _examinedAsChecked(bytes memory form, bool legacy) private view {
        (PlasmaTransaction.Flaw flaw,,) = harness.examine(form, legacy);
        try harness.check(form, legacy) {
            _true(flaw == PlasmaTransaction.Flaw.None);
        } catch {
            _true(flaw != PlasmaTransaction.Flaw.None);
        }
    }

    /// @dev What a fund brings and to whom the vault decides, here as in the ledger.
    function test_check_leavesOutputsOfFundsToTheVault() external view {
        harness.check(Forms.fund(7, address(0), 0), false);
        harness.check(Forms.fund(type(uint64).max, address(1), type(uint256).max), true);
    }

    /// @dev K20: nobody where `signer` reverts, somebody where it does not.
    function test_recover_isNobodyWhereSignerReverts() external view {
        bytes memory form = _simple(1, 1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, harness.digest(form, PLACE));
        _equal(harness.recover(Forms.sealing(form, r, s, v), PLACE), vm.addr(KEY));
        _equal(harness.recover(Forms.sealing(form, r, s, 29), PLACE), address(0));
        _equal(harness.recover(Forms.sealing(form, 0, s, v), PLACE), address(0));
        _equal(harness.recover(form, PLACE), address(0));
        _equal(harness.recover(Forms.fund(9, address(1), 5), PLACE), address(0));
        Spend[] memory far = Forms.one(Spend({position: toPosition(1, 1, 128), amount: 5}));
        form = Forms.unsigned(1, ETH, FOREVER, far, _outputs(1, 5));
        _equal(harness.recover(Forms.sealing(form, r, s, v), PLACE), address(0));
        far[0].position = toPosition(1, 1, 127);
        form = Forms.unsigned(1, ETH, FOREVER, far, _outputs(1, 5));
        (v, r, s) = vm.sign(KEY, harness.digest(form, PLACE));
        _equal(harness.recover(Forms.sealing(form, r, s, v), PLACE), vm.addr(KEY));
    }

    function testFuzz_check_revertsOnEveryOtherLength(uint16 length) external {
        bytes memory form = _simple(1, 1);
        vm.assume(length % 400 != form.length && length % 400 >= 27);
        bytes memory other = new bytes(length % 400);
        for (uint256 i = 0; i < other.length && i < form.length; ++i) {
            other[i] = form[i];
        }
        vm.expectRevert(
            abi.encodeWithSelector(PlasmaTransaction.TransactionLength.selector, other.length, form.length)
        );
        harness.check(other, false);
    }

    function test_check_revertsOnUnknownKinds() external {
        bytes memory form = _simple(1, 1);
        for (uint256 kind = 0; kind < 256; ++kind) {
            if (kind == 1 || kind == 2 || kind == 4 || kind == 5) continue;
            form[0] = bytes1(uint8(kind));
            vm.expectRevert(abi.encodeWithSelector(PlasmaTransaction.KindRefused.selector, kind));
            harness.check(form, true);
        }
    }

    function test_check_revertsOnLegacyKindsWhereTheyAreNoTransactions() external {
        bytes memory split = Forms.unsigned(1, ETH, FOREVER, _inputs(1, 5), _outputs(1, 5));
        harness.check(split, true);
        vm.expectRevert(abi.encodeWithSelector(PlasmaTransaction.KindRefused.selector, 1));
        harness.check(split, false);
        bytes memory merge = Forms.unsigned(2, ETH, FOREVER, _inputs(2, 5), _outputs(1, 10));
        harness.check(merge, true);
        vm.expectRevert(abi.encodeWithSelector(PlasmaTransaction.KindRefused.selector, 2));
        harness.check(merge, false);
    }

    function test_check_revertsOnCountsThatTheKindForbids() external {
        uint8[4] memory kinds = [1, 2, 4, 5];
        for (uint8 k = 0; k < 4; ++k) {
            for (uint8 i = 0; i < 7; ++i) {
                for (uint8 o = 0; o < 7; ++o) {
                    if (_allowed(kinds[k], i, o)) continue;
                    bytes memory form = Forms.unsigned(kinds[k], ETH, FOREVER, _inputs(i, o), _outputs(o, i));
                    vm.expectRevert(abi.encodeWithSelector(PlasmaTransaction.CountsRefused.selector, i, o));
                    harness.check(form, true);
                }
            }
        }
    }

    function _allowed(uint8 kind, uint8 i, uint8 o) private pure returns (bool) {
        if (kind == 1) return i == 1 && o >= 1 && o <= 3;
        if (kind == 2) return i == 2 && o == 1;
        if (kind == 4) return i == 1 && o == 1;
        return i >= 1 && i <= 4 && o >= 1 && o <= 4;
    }

    function test_check_revertsOnLegacyThatLeavesItsTemplate() external {
        bytes4 reason = PlasmaTransaction.TemplateBroken.selector;
        vm.expectRevert(reason);
        harness.check(Forms.unsigned(1, address(1), FOREVER, _inputs(1, 5), _outputs(1, 5)), true);
        vm.expectRevert(reason);
        harness.check(Forms.unsigned(1, ETH, FOREVER - 1, _inputs(1, 5), _outputs(1, 5)), true);
    }

    function test_check_revertsOnAFundThatLeavesItsTemplate() external {
        bytes4 reason = PlasmaTransaction.TemplateBroken.selector;
        bytes memory fund = Forms.fund(9, address(1), 5);
        harness.check(fund, false);
        vm.expectRevert(reason);
        harness.check(Forms.sealing(fund, bytes32(uint256(1)), 0, 0), false);
        vm.expectRevert(reason);
        harness.check(Forms.sealing(fund, 0, bytes32(uint256(1)), 0), false);
        vm.expectRevert(reason);
        harness.check(Forms.sealing(fund, 0, 0, 1), false);
        Spend memory placed = Spend({position: Position.wrap(1), amount: 9});
        vm.expectRevert(reason);
        harness.check(Forms.unsigned(4, ETH, FOREVER, Forms.one(placed), _outputs(1, 5)), false);
        Spend memory large = Spend({position: Position.wrap(0), amount: uint256(1) << 64});
        vm.expectRevert(reason);
        harness.check(Forms.unsigned(4, ETH, FOREVER, Forms.one(large), _outputs(1, 5)), false);
        Spend memory number = Spend({position: Position.wrap(0), amount: 9});
        vm.expectRevert(reason);
        harness.check(Forms.unsigned(4, ETH, 7, Forms.one(number), _outputs(1, 5)), false);
    }

    function test_check_revertsOnOutputsOfNothingOrToNobody() external {
        Pay[] memory outputs = _outputs(3, 5);
        outputs[1].amount = 0;
        vm.expectRevert(abi.encodeWithSelector(PlasmaTransaction.OutputAmountZero.selector, 1));
        harness.check(Forms.unsigned(5, ETH, 1, _inputs(2, 5), outputs), false);
        outputs = _outputs(2, 5);
        outputs[1].owner = address(0);
        vm.expectRevert(abi.encodeWithSelector(PlasmaTransaction.OutputOwnerZero.selector, 1));
        harness.check(Forms.unsigned(5, ETH, 1, _inputs(2, 5), outputs), false);
    }

    function test_check_revertsOnEqualInputs() external {
        for (uint8 j = 1; j < 4; ++j) {
            for (uint8 i = 0; i < j; ++i) {
                Spend[] memory inputs = _inputs(4, 5);
                inputs[j].position = inputs[i].position;
                vm.expectRevert(abi.encodeWithSelector(PlasmaTransaction.InputsEqual.selector, i, j));
                harness.check(Forms.unsigned(5, ETH, 1, inputs, _outputs(4, 5)), false);
            }
        }
    }

    function test_check_revertsWhenSumsDiffer() external {
        bytes4 reason = PlasmaTransaction.Unbalanced.selector;
        vm.expectRevert(reason);
        harness.check(Forms.unsigned(5, ETH, 1, _inputs(1, 5), _outputs(1, 4)), false);
        vm.expectRevert(reason);
        harness.check(Forms.unsigned(5, ETH, 1, _inputs(1, 5), _outputs(1, 6)), false);
    }

    function test_check_revertsWhenASumWraps() external {
        // One coin in, a million and one minus what wraps around out.
        Pay[] memory outputs = _outputs(2, 1_000_001);
        unchecked {
            outputs[1].amount = uint256(1) - 1_000_001;
        }
        vm.expectRevert(PlasmaTransaction.Unbalanced.selector);
        harness.check(Forms.unsigned(5, ETH, 1, _inputs(1, 1), outputs), false);
        Spend[] memory inputs = _inputs(2, type(uint256).max);
        vm.expectRevert(PlasmaTransaction.Unbalanced.selector);
        harness.check(Forms.unsigned(5, ETH, 1, inputs, _outputs(1, type(uint256).max - 1)), false);
    }

    function test_signer_revertsOnEveryMalleatedSignature() external {
        bytes memory form = _simple(1, 1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, harness.digest(form, PLACE));
        _equal(harness.signer(Forms.sealing(form, r, s, v), PLACE), vm.addr(KEY));
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        _unsigned(Forms.sealing(form, r, bytes32(order - uint256(s)), v == 27 ? 28 : 27));
        for (uint256 other = 0; other < 256; ++other) {
            if (other != 27 && other != 28) _unsigned(Forms.sealing(form, r, s, uint8(other)));
        }
        _unsigned(Forms.sealing(form, 0, s, v));
        _unsigned(Forms.sealing(form, r, 0, v));
        // r at or above the order: ecrecover returns nobody.
        _unsigned(Forms.sealing(form, bytes32(order), s, v));
        _unsigned(Forms.sealing(form, bytes32(type(uint256).max), s, v));
    }

    function _unsigned(bytes memory form) private {
        vm.expectRevert(Signing.SignatureRefused.selector);
        harness.signer(form, PLACE);
    }

    function testFuzz_signer_isAnotherWhenAnyByteChanges(uint256 place, bytes1 change) external view {
        bytes memory form = _simple(2, 2);
        vm.assume(change != 0);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, harness.digest(form, PLACE));
        bytes memory signed = Forms.sealing(form, r, s, v);
        // Kind and counts decide how the rest is read; check fixes them before anybody asks for the signer.
        signed[3 + place % (form.length - 68)] ^= change;
        try harness.signer(signed, PLACE) returns (address other) {
            _true(other != vm.addr(KEY));
        } catch {}
    }

    function test_digest_isAnotherForEveryContractAndChain() external {
        bytes memory form = _simple(1, 1);
        bytes32 here = harness.digest(form, PLACE);
        _true(here != harness.digest(form, address(0xe15e)));
        vm.chainId(1);
        _true(here != harness.digest(form, PLACE));
    }

    function test_digest_revertsForAFund() external {
        vm.expectRevert(Signing.NotSigned.selector);
        harness.digest(Forms.fund(9, address(1), 5), PLACE);
    }

    function test_digest_revertsForALegacyOutputThatTheTemplateCannotHold() external {
        Spend memory far = Spend({position: toPosition(1, 1, 128), amount: 5});
        vm.expectRevert(abi.encodeWithSelector(Signing.LegacyOutput.selector, 128));
        harness.digest(Forms.unsigned(1, ETH, FOREVER, Forms.one(far), _outputs(1, 5)), PLACE);
    }

    function _simple(uint256 i, uint256 o) private pure returns (bytes memory) {
        return Forms.unsigned(5, ETH, 1000, _inputs(i, o), _outputs(o, i));
    }

    function _inputs(uint256 count, uint256 amount) private pure returns (Spend[] memory inputs) {
        inputs = new Spend[](count);
        for (uint256 i = 0; i < count; ++i) {
            inputs[i] = Spend({position: toPosition(uint32(i + 1), 0, 0), amount: amount});
        }
    }

    function _outputs(uint256 count, uint256 amount) private pure returns (Pay[] memory outputs) {
        outputs = new Pay[](count);
        for (uint256 i = 0; i < count; ++i) {
            outputs[i] = Pay({owner: address(uint160(i + 1)), amount: amount});
        }
    }
}
