// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {IFraudProofs} from "../contracts/interfaces/IFraudProofs.sol";
import {MerkleProof} from "../contracts/libraries/MerkleProof.sol";
import {PlasmaTransaction} from "../contracts/libraries/PlasmaTransaction.sol";
import {Signing} from "../contracts/libraries/Signing.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {BlockProof} from "../contracts/types/Fraud.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";
import {Accusing} from "./support/Accusing.sol";

/// @notice Block 1 funds Alice with 5 ETH and Bob with 7 of a token; in block 2 Alice pays Bob 3 ETH and keeps 2. Each
/// block has its anchor. What a test adds is block 3 and above.
contract FraudProofsTest is Accusing {
    // ---- malformed

    /// @dev K18: bytes of any length and kind that are no transaction.
    function test_proveMalformed_convictsBytesThatDoNotDecode() external {
        _malformed("");
        _malformed(hex"05");
        _malformed(new bytes(26));
        _malformed(new bytes(27));
        _malformed(new bytes(63));
        _malformed(new bytes(24_576));
        bytes memory whole = _spendPaid(FOREVER);
        _malformed(bytes.concat(whole, hex"00"));
        bytes memory short = new bytes(whole.length - 1);
        for (uint256 i = 0; i < short.length; ++i) {
            short[i] = whole[i];
        }
        _malformed(short);
        whole[0] = 0x03;
        _malformed(whole);
        whole[0] = 0x05;
        whole[1] = 0x05;
        _malformed(whole);
    }

    /// @dev K18: whatever bytes lie in a block, they can be judged.
    function testFuzz_proveMalformed_convictsAnyBytes(bytes calldata form) external {
        _malformed(form);
    }

    /// @dev K15, K16: nothing, nobody, one output twice, sums that differ or wrap.
    function test_proveMalformed_convictsWhatDoesNotAddUp() external {
        Spend memory from = Spend(PAID, 3 ether);
        _malformed(_pay(BOB_KEY, 5, from, ETH, FOREVER, Pay(alice, 3 ether + 1)));
        _malformed(_pay(BOB_KEY, 5, from, ETH, FOREVER, Pay(alice, 3 ether - 1)));
        _malformed(_pay(BOB_KEY, 5, from, ETH, FOREVER, Pay(address(0), 3 ether)));
        _malformed(_pay(BOB_KEY, 5, Spend(PAID, 0), ETH, FOREVER, Pay(alice, 0)));
        Spend[] memory twice = new Spend[](2);
        (twice[0], twice[1]) = (from, from);
        Pay[] memory out = Forms.one(Pay(alice, 6 ether));
        _malformed(_signed(BOB_KEY, Forms.unsigned(5, ETH, FOREVER, twice, out)));
        Pay[] memory wraps = new Pay[](2);
        wraps[0] = Pay(alice, 1_000_001 ether);
        unchecked {
            wraps[1] = Pay(alice, 3 ether - uint256(1_000_001 ether));
        }
        _malformed(_signed(BOB_KEY, Forms.unsigned(5, ETH, FOREVER, Forms.one(from), wraps)));
    }

    /// @dev K18, K20: a signature that gives no owner.
    function test_proveMalformed_convictsSignaturesThatGiveNoOwner() external {
        bytes memory form = _spendPaid(FOREVER);
        bytes32 digest = harness.digest(form, address(court));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BOB_KEY, digest);
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        _malformed(Forms.sealing(form, r, s, 29));
        _malformed(Forms.sealing(form, r, s, 0));
        _malformed(Forms.sealing(form, 0, s, v));
        _malformed(Forms.sealing(form, r, 0, v));
        _malformed(Forms.sealing(form, r, bytes32(order - uint256(s)), v == 27 ? 28 : 27));
        _malformed(Forms.sealing(form, bytes32(order), s, v));
    }

    /// @dev K18: what leaves the template of its kind.
    function test_proveMalformed_convictsWhatLeavesItsTemplate() external {
        Spend memory from = Spend(PAID, 3 ether);
        _malformed(_pay(BOB_KEY, 1, from, TOKEN, FOREVER, Pay(alice, 3 ether)));
        _malformed(_pay(BOB_KEY, 1, from, ETH, 100, Pay(alice, 3 ether)));
        Spend memory far = Spend(toPosition(2, 0, 128), 3 ether);
        bytes memory split = Forms.unsigned(1, ETH, FOREVER, Forms.one(far), Forms.one(Pay(alice, 3 ether)));
        _malformed(Forms.sealing(split, bytes32(uint256(1)), bytes32(uint256(1)), 27));
        bytes memory fund = _fund(2, alice, ETH, 5);
        _malformed(Forms.sealing(fund, 0, 0, 27));
        fund[26] = 0xfe;
        _malformed(fund);
    }

    /// @dev K18: expired at its height; K17: at the last height that may include it nothing is wrong.
    function test_proveMalformed_convictsBelowTheHeightAndNotAtIt() external {
        _wellFormed(_spendPaid(3));
        _malformed(_pay(BOB_KEY, 5, Spend(PAID, 3 ether), ETH, 3, Pay(alice, 3 ether)));
    }

    /// @dev K17: every kind as it should be.
    function test_proveMalformed_refusesEveryKindAsItShouldBe() external {
        _wellFormed(_spendPaid(FOREVER));
        _wellFormed(_pay(BOB_KEY, 1, Spend(PAID, 3 ether), ETH, FOREVER, Pay(alice, 3 ether)));
        Spend[] memory two = new Spend[](2);
        (two[0], two[1]) = (Spend(PAID, 3 ether), Spend(KEPT, 2 ether));
        Pay[] memory out = Forms.one(Pay(alice, 5 ether));
        _wellFormed(_signed(BOB_KEY, Forms.unsigned(2, ETH, FOREVER, two, out)));
        // What a fund brings, and to whom, the vault decides: the bytes alone are no crime.
        _wellFormed(_fund(2, alice, ETH, 5));
        _wellFormed(_fund(type(uint64).max, address(0), TOKEN, 0));
    }

    /// @dev K11: an inner node is no transaction, although 63 bytes behind a zero hash to it.
    function test_proveMalformed_refusesAnInnerNodeAsTransaction() external {
        bytes[] memory body = new bytes[](4);
        for (uint64 number = 2; body[0].length == 0 || harness.leaf(body[0])[0] != 0; ++number) {
            body[0] = _fund(number, alice, ETH, 5);
        }
        for (uint64 i = 1; i < 4; ++i) {
            body[i] = _fund(1000 + i, alice, ETH, 5);
        }
        _l1(10, 120);
        uint32 height = _block(body);
        _cover();
        Proof memory proof = _proof(height, 0);
        bytes memory pair = abi.encodePacked(leavesOf[height][0], leavesOf[height][1]);
        bytes memory node = new bytes(63);
        for (uint256 i = 0; i < 63; ++i) {
            node[i] = pair[i + 1];
        }
        _equal(harness.leaf(node), keccak256(pair));
        proof.transaction = node;
        bytes32 above = proof.inclusion.transactionPath[1];
        proof.inclusion.transactionPath = new bytes32[](1);
        proof.inclusion.transactionPath[0] = above;
        vm.expectRevert(abi.encodeWithSelector(MerkleProof.PathLength.selector, 1, 4));
        judge.proveMalformed(proof, _nobody());
        proof.inclusion.transactionCount = 2;
        vm.expectRevert(abi.encodeWithSelector(IExitGame.BlockNotInHistory.selector, height));
        judge.proveMalformed(proof, _nobody());
    }

    /// @dev K34: the check of a signature that runs out of gas is not a signature that fails.
    function test_proveMalformed_convictsNobodyForWantOfGas() external {
        Proof memory proof = _include(_spendPaid(FOREVER));
        bytes memory call = abi.encodeCall(IFraudProofs.proveMalformed, (proof, _nobody()));
        for (uint256 gas = 1_000; gas < 90_000; gas += 200) {
            (bool accepted,) = address(judge).call{gas: gas}(call);
            _true(!accepted);
        }
        _equal(court.halts(), 0);
    }

    // ---- double spend

    /// @dev K18: the later block is invalid, whichever side is shown first.
    function test_proveDoubleSpend_convictsTheLaterBlock() external {
        Proof memory first = _include(_spendPaid(FOREVER));
        Proof memory second = _include(_spendPaid(50));
        judge.proveDoubleSpend(first, 0, second, 0, _nobody());
        _convicted(4);
        judge.proveDoubleSpend(second, 0, first, 0, _nobody());
        _convicted(4);
    }

    /// @dev K18: in one block, and the same bytes at two places.
    function test_proveDoubleSpend_convictsTwoPlacesOfOneBlock() external {
        uint32 height = _include(_spendPaid(50), _spendPaid(50));
        judge.proveDoubleSpend(_proof(height, 0), 0, _proof(height, 1), 0, _nobody());
        _convicted(height);
    }

    /// @dev K17: the same transaction passed twice.
    function test_proveDoubleSpend_refusesEqualSides() external {
        Proof memory proof = _include(_spendPaid(FOREVER));
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.SidesEqual.selector, 3, 0));
        judge.proveDoubleSpend(proof, 0, proof, 0, _nobody());
    }

    /// @dev K17: two outputs of one transaction; an input that does not exist.
    function test_proveDoubleSpend_refusesOtherOutputs() external {
        Proof memory first = _include(_spendPaid(FOREVER));
        Proof memory second =
            _include(_pay(ALICE_KEY, 5, Spend(KEPT, 2 ether), ETH, FOREVER, Pay(bob, 2 ether)));
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.PositionsDiffer.selector, PAID, KEPT));
        judge.proveDoubleSpend(first, 0, second, 0, _nobody());
        vm.expectRevert(abi.encodeWithSelector(PlasmaTransaction.InputOutside.selector, 1));
        judge.proveDoubleSpend(first, 1, second, 0, _nobody());
    }

    // ---- bad input

    /// @dev K18: another amount, asset or owner than the output has.
    function test_proveBadInput_convictsOtherAmountsAssetsAndOwners() external {
        _badInput(_spendPaid(PAID, 3 ether + 1, FOREVER));
        _badInput(_spendPaid(PAID, 3 ether - 1, FOREVER));
        _badInput(_pay(BOB_KEY, 5, Spend(PAID, 3 ether), TOKEN, FOREVER, Pay(alice, 3 ether)));
        _badInput(_pay(ALICE_KEY, 5, Spend(PAID, 3 ether), ETH, FOREVER, Pay(alice, 3 ether)));
        _badInput(_pay(ALICE_KEY, 1, Spend(PAID, 3 ether), ETH, FOREVER, Pay(alice, 3 ether)));
    }

    /// @dev K18: the second of two inputs, of a fund output.
    function test_proveBadInput_convictsAnyInput() external {
        Spend[] memory two = new Spend[](2);
        (two[0], two[1]) = (Spend(PAID, 3 ether), Spend(TOKENS, 7));
        Pay[] memory out = Forms.one(Pay(alice, 3 ether + 7));
        Proof memory spending = _include(_signed(BOB_KEY, Forms.unsigned(5, ETH, FOREVER, two, out)));
        vm.expectRevert(IFraudProofs.InputMatches.selector);
        judge.proveBadInput(spending, 0, _proof(2, 0), _nobody());
        judge.proveBadInput(spending, 1, _proof(1, 1), _nobody());
        _convicted(3);
    }

    /// @dev K17: exactly what the output is.
    function test_proveBadInput_refusesWhatMatches() external {
        Proof memory spending = _include(_spendPaid(FOREVER));
        vm.expectRevert(IFraudProofs.InputMatches.selector);
        judge.proveBadInput(spending, 0, _proof(2, 0), _nobody());
    }

    /// @dev K17: the other side is the transaction that the input names, no other.
    function test_proveBadInput_refusesAnotherTransaction() external {
        uint32 height = _include(_spendPaid(FOREVER), _fund(7, alice, ETH, 5));
        Proof memory spending = _proof(height, 0);
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotNamed.selector, PAID));
        judge.proveBadInput(spending, 0, _proof(1, 0), _nobody());
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotNamed.selector, PAID));
        judge.proveBadInput(spending, 0, _proof(3, 1), _nobody());
        Proof memory neighbour = _proof(1, 1);
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotNamed.selector, FUNDED));
        judge.proveBadInput(_proof(2, 0), 0, neighbour, _nobody());
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.SidesEqual.selector, 3, 0));
        judge.proveBadInput(spending, 0, spending, _nobody());
    }

    /// @dev A broken signature is malformed and nothing else.
    function test_proveBadInput_leavesBrokenSignaturesToProveMalformed() external {
        Proof memory spending = _include(Forms.sealing(_spendPaid(FOREVER), 0, 0, 27));
        vm.expectRevert(Signing.SignatureRefused.selector);
        judge.proveBadInput(spending, 0, _proof(2, 0), _nobody());
    }

    // ---- references to what is not there

    /// @dev K18: its own block, a later one, and block 0.
    function test_proveFutureReference_convictsWhatIsNotEarlier() external {
        _future(toPosition(3, 0, 0));
        _future(toPosition(5, 0, 0));
        _future(toPosition(type(uint32).max, 0, 0));
        _future(toPosition(0, 0, 0));
        _future(toPosition(0, 7, 1));
    }

    /// @dev K17: the block before is an earlier one.
    function test_proveFutureReference_refusesTheBlockBefore() external {
        Proof memory spending = _include(_spendPaid(FOREVER));
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NamesEarlierBlock.selector, PAID, 3));
        judge.proveFutureReference(spending, 0, _nobody());
    }

    /// @dev K18: as many transactions as the index says; K17: one more.
    function test_proveAbsentTransaction_convictsFromTheCountOn() external {
        _absentTransaction(toPosition(2, 1, 0), 2);
        _absentTransaction(toPosition(1, 2, 0), 1);
        _absentTransaction(toPosition(1, type(uint32).max, 0), 1);
        Position last = toPosition(1, 1, 0);
        Proof memory spending = _include(_spendPaid(last, 7, FOREVER));
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.TransactionExists.selector, last, 2));
        judge.proveAbsentTransaction(spending, 0, _blockProof(1), _nobody());
    }

    /// @dev K18: a block without transactions has none of them.
    function test_proveAbsentTransaction_convictsWhatNamesAnEmptyBlock() external {
        _l1(10, 120);
        uint32 empty = _block();
        _cover();
        _absentTransaction(toPosition(empty, 0, 0), empty);
    }

    /// @dev K17: the block is the named one, with the count it has.
    function test_proveAbsentTransaction_refusesOtherBlocksAndOtherCounts() external {
        Position second = toPosition(1, 1, 0);
        Proof memory spending = _include(_spendPaid(second, 7, FOREVER));
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotNamed.selector, second));
        judge.proveAbsentTransaction(spending, 0, _blockProof(2), _nobody());
        BlockProof memory named = _blockProof(1);
        named.transactionCount = 1;
        vm.expectRevert(abi.encodeWithSelector(IExitGame.BlockNotInHistory.selector, 1));
        judge.proveAbsentTransaction(spending, 0, named, _nobody());
    }

    /// @dev K18: as many outputs as the index says; K17: one more.
    function test_proveAbsentOutput_convictsFromTheCountOn() external {
        _absentOutput(toPosition(2, 0, 2));
        _absentOutput(toPosition(2, 0, 255));
        Proof memory spending =
            _include(_pay(ALICE_KEY, 5, Spend(KEPT, 2 ether), ETH, FOREVER, Pay(bob, 2 ether)));
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.OutputExists.selector, KEPT, 2));
        judge.proveAbsentOutput(spending, 0, _proof(2, 0), _nobody());
    }

    // ---- funds

    /// @dev K7, K18: no such deposit, or another owner, asset or amount.
    function test_proveBadFund_convictsForgedDeposits() external {
        _deposit(2, alice, TOKEN, 9);
        _l1(10, 120);
        _badFund(_fund(3, alice, ETH, 5));
        _badFund(_fund(3, address(0), ETH, 0));
        _badFund(_fund(type(uint64).max, alice, ETH, 5));
        _badFund(_fund(2, bob, TOKEN, 9));
        _badFund(_fund(2, alice, ETH, 9));
        _badFund(_fund(2, alice, TOKEN, 10));
        _badFund(_fund(2, alice, TOKEN, 8));
        _fundMatches(2, _include(_fund(2, alice, TOKEN, 9)));
    }

    /// @dev K18: funded one L1 block before it was deposited; K17: in the very block.
    function test_proveBadFund_convictsWhatWasNotDepositedYet() external {
        Proof memory early = _include(_fund(2, alice, ETH, 5));
        _deposit(2, alice, ETH, 5);
        _equal(early.inclusion.l1Height + 1, block.number);
        judge.proveBadFund(early, _nobody());
        _convicted(3);
        vm.roll(block.number + 1);
        uint32 height = _block(_fund(2, alice, ETH, 5));
        _cover();
        _equal(originOf[height] + 1, block.number);
        _fundMatches(2, _proof(height, 0));
    }

    /// @dev K18: taken back at the block's origin; K17: one L1 block later.
    function test_proveBadFund_convictsWhatWasTakenBackInTime() external {
        _deposit(2, alice, ETH, 5);
        Proof memory fund = _include(_fund(2, alice, ETH, 5));
        court.reclaim(2, fund.inclusion.l1Height + 1);
        _fundMatches(2, fund);
        court.reclaim(2, fund.inclusion.l1Height);
        judge.proveBadFund(fund, _nobody());
        _convicted(3);
    }
}
