// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFraudProofs} from "../contracts/interfaces/IFraudProofs.sol";
import {Header} from "../contracts/libraries/Header.sol";
import {History} from "../contracts/libraries/History.sol";
import {MerkleProof} from "../contracts/libraries/MerkleProof.sol";
import {PlasmaTransaction} from "../contracts/libraries/PlasmaTransaction.sol";
import {Signing} from "../contracts/libraries/Signing.sol";
import {Anchor, Proof} from "../contracts/types/Anchor.sol";
import {Accused, BlockProof, Fraud} from "../contracts/types/Fraud.sol";
import {Parameters} from "../contracts/types/Parameters.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Court} from "./support/Court.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";
import {Tree} from "./support/Tree.sol";
import {Trials} from "./support/Trials.sol";

/// @notice Block 1 funds Alice with 5 ETH and Bob with 7 of a token; in block 2 Alice pays Bob 3 ETH and keeps 2. Each
/// block has its anchor. What a test adds is block 3 and above.
contract FraudProofsTest is Trials {
    Position private immutable FUNDED = toPosition(1, 0, 0);
    Position private immutable TOKENS = toPosition(1, 1, 0);
    Position private immutable PAID = toPosition(2, 0, 0);
    Position private immutable KEPT = toPosition(2, 0, 1);

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
    function _include(bytes memory transaction) private returns (Proof memory) {
        _l1(10, 120);
        uint32 height = _block(transaction);
        _cover();
        return _proof(height, 0);
    }

    function _include(bytes memory first, bytes memory second) private returns (uint32 height) {
        _l1(10, 120);
        bytes[] memory body = new bytes[](2);
        (body[0], body[1]) = (first, second);
        height = _block(body);
        _cover();
    }

    /// @dev Bob spends what Alice paid him, as it should be.
    function _spendPaid(uint32 expiry) private view returns (bytes memory) {
        return _spendPaid(PAID, 3 ether, expiry);
    }

    function _spendPaid(Position from, uint256 amount, uint32 expiry) private view returns (bytes memory) {
        return _pay(BOB_KEY, 5, Spend(from, amount), ETH, expiry, Pay(alice, amount));
    }

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
        vm.expectRevert(abi.encodeWithSelector(History.BlockNotInHistory.selector, height));
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

    function _malformed(bytes memory form) private {
        Proof memory proof = _include(form);
        judge.proveMalformed(proof, _nobody());
        _convicted(proof.inclusion.height);
    }

    function _wellFormed(bytes memory form) private {
        Proof memory proof = _include(form);
        vm.expectRevert(IFraudProofs.WellFormed.selector);
        judge.proveMalformed(proof, _nobody());
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

    function _badInput(bytes memory form) private {
        Proof memory spending = _include(form);
        judge.proveBadInput(spending, 0, _proof(2, 0), _nobody());
        _convicted(spending.inclusion.height);
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

    function _future(Position position) private {
        Proof memory spending = _include(_spendPaid(position, 3 ether, FOREVER));
        judge.proveFutureReference(spending, 0, _nobody());
        _convicted(spending.inclusion.height);
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

    function _absentTransaction(Position position, uint32 height) private {
        Proof memory spending = _include(_spendPaid(position, 3 ether, FOREVER));
        judge.proveAbsentTransaction(spending, 0, _blockProof(height), _nobody());
        _convicted(spending.inclusion.height);
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
        vm.expectRevert(abi.encodeWithSelector(History.BlockNotInHistory.selector, 1));
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

    function _absentOutput(Position position) private {
        Proof memory spending = _include(_spendPaid(position, 3 ether, FOREVER));
        vm.expectRevert(abi.encodeWithSelector(PlasmaTransaction.OutputOutside.selector, position.outputOf()));
        judge.proveBadInput(spending, 0, _proof(2, 0), _nobody());
        judge.proveAbsentOutput(spending, 0, _proof(2, 0), _nobody());
        _convicted(spending.inclusion.height);
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

    function _badFund(bytes memory form) private {
        Proof memory fund = _include(form);
        judge.proveBadFund(fund, _nobody());
        _convicted(fund.inclusion.height);
    }

    function _fundMatches(uint64 number, Proof memory fund) private {
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.FundMatches.selector, number));
        judge.proveBadFund(fund, _nobody());
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

    /// @dev Scenario: a reclaim used to convict an old block.
    function test_reclaim_doesNotConvictTheBlockThatFundedLongAgo() external {
        _l1(10, 120);
        court.reclaim(0, block.number);
        _fundMatches(0, _proof(1, 0));
        Proof memory spending = _proof(2, 0);
        bytes4 reason = IFraudProofs.NotPaidBefore.selector;
        court.consume(_outputKey(bodies[1][0], 0), block.number);
        uint256 bound = uint256(spending.inclusion.anchor.l1Height) + judge.reach();
        vm.expectRevert(abi.encodeWithSelector(reason, 0, bound));
        judge.proveSpentAfterExit(spending, 0, _proof(1, 0), _nobody());
        uint64 before = anchors[0].l1Height;
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotReached.selector, block.number, before));
        judge.proveSpentAfterReclaim(spending, 0, _proof(1, 0), anchors[0], _nobody());
    }

    /// @dev Scenario: fraud proofs aimed at fund transactions and block 0.
    function test_funds_areNoSpendsAndBlockZeroIsNeverProven() external {
        Proof memory fund = _proof(1, 0);
        Proof memory other = _proof(1, 1);
        bytes4 reason = IFraudProofs.SpendsNothing.selector;
        vm.expectRevert(reason);
        judge.proveDoubleSpend(fund, 0, other, 0, _nobody());
        vm.expectRevert(reason);
        judge.proveBadInput(fund, 0, other, _nobody());
        vm.expectRevert(reason);
        judge.proveFutureReference(fund, 0, _nobody());
        vm.expectRevert(reason);
        judge.proveAbsentTransaction(fund, 0, _blockProof(1), _nobody());
        vm.expectRevert(reason);
        judge.proveAbsentOutput(fund, 0, other, _nobody());
        vm.expectRevert(reason);
        judge.proveSpentAfterExit(fund, 0, other, _nobody());
        vm.expectRevert(IFraudProofs.WellFormed.selector);
        judge.proveMalformed(fund, _nobody());
        _blockZero(fund);
        _equal(court.halts(), 0);
    }

    function _blockZero(Proof memory proof) private {
        proof.inclusion.height = 0;
        proof.inclusion.transactionCount = 0;
        proof.inclusion.transactionsRoot = Tree.root(new bytes32[](0));
        proof.inclusion.transactionPath = new bytes32[](0);
        proof.inclusion.historyPath = Tree.path(_historyUpTo(1), 0);
        vm.expectRevert(abi.encodeWithSelector(History.NotFirstCovering.selector, 0, 0, 1));
        judge.proveMalformed(proof, _nobody());
    }

    /// @dev K18: the anchor before had reached the deposit; K17: it lacked one L1 block.
    function test_proveLateFund_convictsWhatBelongsIntoAnEarlierBlock() external {
        vm.roll(anchors[1].l1Height);
        _deposit(2, alice, ETH, 5);
        vm.roll(anchors[1].l1Height + 1);
        _deposit(3, alice, ETH, 5);
        uint32 height = _include(_fund(2, alice, ETH, 5), _fund(3, alice, ETH, 5));
        _fundMatches(2, _proof(height, 0));
        judge.proveLateFund(_proof(height, 0), anchors[1], _nobody());
        _convicted(height);
        uint64 before = anchors[1].l1Height;
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotReached.selector, before + 1, before));
        judge.proveLateFund(_proof(height, 1), anchors[1], _nobody());
    }

    /// @dev K17: a deposit that does not exist has no block; the anchor before is the one before, and is one.
    function test_proveLateFund_refusesOtherAnchorsAndNoDeposit() external {
        Proof memory fund = _include(_fund(2, alice, ETH, 5));
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotReached.selector, 0, anchors[1].l1Height));
        judge.proveLateFund(fund, anchors[1], _nobody());
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotAnchorBefore.selector, 1, 3));
        judge.proveLateFund(fund, anchors[0], _nobody());
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotAnchorBefore.selector, 3, 3));
        judge.proveLateFund(fund, anchors[2], _nobody());
        Anchor memory forged = anchors[1];
        forged.l1Height = type(uint64).max;
        vm.expectRevert(abi.encodeWithSelector(History.AnchorUnknown.selector, 2));
        judge.proveLateFund(fund, forged, _nobody());
        Anchor memory none;
        Proof memory first = _proof(1, 0);
        vm.expectRevert(abi.encodeWithSelector(History.AnchorUnknown.selector, 0));
        judge.proveLateFund(first, none, _nobody());
    }

    /// @dev K18: one deposit twice, in two blocks or in one.
    function test_proveDoubleFund_convictsTheLaterBlock() external {
        Proof memory again = _include(_fund(0, alice, ETH, 5 ether));
        judge.proveDoubleFund(again, _proof(1, 0), _nobody());
        _convicted(3);
        judge.proveDoubleFund(_proof(1, 0), again, _nobody());
        _convicted(3);
        uint32 height = _include(_fund(1, bob, TOKEN, 7), _fund(1, alice, ETH, 1));
        judge.proveDoubleFund(_proof(height, 0), _proof(height, 1), _nobody());
        _convicted(height);
    }

    /// @dev K17: one fund passed twice, two deposits, and what is no fund.
    function test_proveDoubleFund_refusesEqualSidesAndOtherDeposits() external {
        Proof memory fund = _proof(1, 0);
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.SidesEqual.selector, 1, 0));
        judge.proveDoubleFund(fund, fund, _nobody());
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.DepositsDiffer.selector, 0, 1));
        judge.proveDoubleFund(fund, _proof(1, 1), _nobody());
        vm.expectRevert(IFraudProofs.FundsNothing.selector);
        judge.proveDoubleFund(fund, _proof(2, 0), _nobody());
        vm.expectRevert(IFraudProofs.FundsNothing.selector);
        judge.proveBadFund(_proof(2, 0), _nobody());
        vm.expectRevert(IFraudProofs.FundsNothing.selector);
        judge.proveLateFund(_proof(2, 0), anchors[0], _nobody());
    }

    // ---- spent after it left

    /// @dev K18: paid when the block was anchored; K17: one L1 block too late to be sure.
    function test_proveSpentAfterExit_convictsUpToItsReach() external {
        _equal(judge.reach(), 8_000);
        Proof memory spending = _include(_spendPaid(FOREVER));
        uint256 bound = uint256(spending.inclusion.anchor.l1Height) + 8_000;
        bytes4 reason = IFraudProofs.NotPaidBefore.selector;
        vm.expectRevert(abi.encodeWithSelector(reason, 0, bound));
        judge.proveSpentAfterExit(spending, 0, _proof(2, 0), _nobody());
        court.consume(_outputKey(bodies[2][0], 0), bound + 1);
        vm.expectRevert(abi.encodeWithSelector(reason, bound + 1, bound));
        judge.proveSpentAfterExit(spending, 0, _proof(2, 0), _nobody());
        uint256[3] memory blocks = [bound, uint256(spending.inclusion.l1Height), 1];
        for (uint256 i = 0; i < 3; ++i) {
            court.consume(_outputKey(bodies[2][0], 0), blocks[i]);
            judge.proveSpentAfterExit(spending, 0, _proof(2, 0), _nobody());
            _convicted(3);
        }
    }

    /// @dev K17: what was paid is another output.
    function test_proveSpentAfterExit_refusesOtherOutputs() external {
        Proof memory spending = _include(_spendPaid(FOREVER));
        court.consume(_outputKey(bodies[2][0], 1), 1);
        court.consume(_outputKey(bodies[1][0], 0), 1);
        uint256 bound = uint256(spending.inclusion.anchor.l1Height) + judge.reach();
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotPaidBefore.selector, 0, bound));
        judge.proveSpentAfterExit(spending, 0, _proof(2, 0), _nobody());
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotNamed.selector, PAID));
        judge.proveSpentAfterExit(spending, 0, _proof(1, 0), _nobody());
    }

    /// @dev K18: the anchor before had seen the deposit go back; K17: it lacked one L1 block, or nothing went back.
    function test_proveSpentAfterReclaim_convictsFromTheAnchorBeforeOn() external {
        Proof memory spending = _include(_pay(BOB_KEY, 5, Spend(TOKENS, 7), TOKEN, FOREVER, Pay(alice, 7)));
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotReclaimed.selector, 1));
        judge.proveSpentAfterReclaim(spending, 0, _proof(1, 1), anchors[1], _nobody());
        uint64 before = anchors[1].l1Height;
        court.reclaim(1, before + 1);
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotReached.selector, before + 1, before));
        judge.proveSpentAfterReclaim(spending, 0, _proof(1, 1), anchors[1], _nobody());
        court.reclaim(1, before);
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotAnchorBefore.selector, 1, 3));
        judge.proveSpentAfterReclaim(spending, 0, _proof(1, 1), anchors[0], _nobody());
        judge.proveSpentAfterReclaim(spending, 0, _proof(1, 1), anchors[1], _nobody());
        _convicted(3);
    }

    /// @dev K17: only the output of a fund goes back with a deposit.
    function test_proveSpentAfterReclaim_refusesWhatNoFundMade() external {
        court.reclaim(0, 1);
        Proof memory spending = _include(_spendPaid(FOREVER));
        vm.expectRevert(IFraudProofs.FundsNothing.selector);
        judge.proveSpentAfterReclaim(spending, 0, _proof(2, 0), anchors[1], _nobody());
    }

    // ---- what holds for every proof

    /// @dev K17: a later anchor that tells another history proves nothing of an old block.
    function test_proofs_areRefusedUnderALaterAnchor() external {
        bytes32[] memory leaves = new bytes32[](1);
        bytes memory forged = hex"00";
        leaves[0] = harness.leaf(forged);
        history[1] = _historyLeaf(1, 1, Tree.root(leaves), 5);
        _l1(10, 120);
        _block();
        Anchor memory rewriting = _cover();
        Proof memory proof = _proof(1, 0, rewriting);
        proof.transaction = forged;
        vm.expectRevert(abi.encodeWithSelector(History.NotFirstCovering.selector, 1, 2, 3));
        judge.proveMalformed(proof, _nobody());
        proof.inclusion.anchor.previous = 0;
        vm.expectRevert(abi.encodeWithSelector(History.AnchorUnknown.selector, 3));
        judge.proveMalformed(proof, _nobody());
    }

    /// @dev K17: the same block further up, or bytes that lie elsewhere.
    function test_proofs_areRefusedAtOtherPlaces() external {
        Proof memory proof = _include(hex"00");
        proof.transaction = hex"01";
        vm.expectRevert(abi.encodeWithSelector(History.TransactionNotInBlock.selector, 0));
        judge.proveMalformed(proof, _nobody());
        proof.transaction = hex"00";
        proof.inclusion.index = 1;
        vm.expectRevert(abi.encodeWithSelector(MerkleProof.LeafOutsideTree.selector, 1, 1));
        judge.proveMalformed(proof, _nobody());
        proof.inclusion.index = 0;
        proof.inclusion.l1Height += 1;
        vm.expectRevert(abi.encodeWithSelector(History.BlockNotInHistory.selector, 3));
        judge.proveMalformed(proof, _nobody());
    }

    /// @dev K17: a transaction that lies in no block convicts nobody, on either side of any proof.
    function test_proofs_areRefusedForWhatLiesInNoBlock() external {
        Proof memory spending = _proof(2, 0);
        Proof memory forged = _proof(2, 0);
        forged.transaction = _pay(ALICE_KEY, 5, Spend(FUNDED, 1), TOKEN, FOREVER, Pay(bob, 1));
        Proof memory fund = _proof(1, 0);
        Proof memory named = _proof(1, 0);
        named.transaction = _fund(0, bob, TOKEN, 1);
        _nowhere(abi.encodeCall(judge.proveMalformed, (forged, _nobody())));
        _nowhere(abi.encodeCall(judge.proveDoubleSpend, (spending, 0, forged, 0, _nobody())));
        _nowhere(abi.encodeCall(judge.proveDoubleSpend, (forged, 0, spending, 0, _nobody())));
        _nowhere(abi.encodeCall(judge.proveBadInput, (forged, 0, fund, _nobody())));
        _nowhere(abi.encodeCall(judge.proveBadInput, (spending, 0, named, _nobody())));
        _nowhere(abi.encodeCall(judge.proveFutureReference, (forged, 0, _nobody())));
        _nowhere(abi.encodeCall(judge.proveAbsentTransaction, (forged, 0, _blockProof(1), _nobody())));
        _nowhere(abi.encodeCall(judge.proveAbsentOutput, (forged, 0, fund, _nobody())));
        _nowhere(abi.encodeCall(judge.proveAbsentOutput, (spending, 0, named, _nobody())));
        _nowhere(abi.encodeCall(judge.proveBadFund, (named, _nobody())));
        _nowhere(abi.encodeCall(judge.proveLateFund, (named, anchors[0], _nobody())));
        _nowhere(abi.encodeCall(judge.proveDoubleFund, (fund, named, _nobody())));
        _nowhere(abi.encodeCall(judge.proveDoubleFund, (named, fund, _nobody())));
        _nowhere(abi.encodeCall(judge.proveSpentAfterExit, (forged, 0, fund, _nobody())));
        _nowhere(abi.encodeCall(judge.proveSpentAfterExit, (spending, 0, named, _nobody())));
        _nowhere(abi.encodeCall(judge.proveSpentAfterReclaim, (forged, 0, fund, anchors[0], _nobody())));
        _nowhere(abi.encodeCall(judge.proveSpentAfterReclaim, (spending, 0, named, anchors[0], _nobody())));
    }

    function _nowhere(bytes memory call) private {
        _refusedWith(call, abi.encodeWithSelector(History.TransactionNotInBlock.selector, 0));
    }

    /// @dev K17: fields of bytes that are no transaction mean nothing to any proof but the first.
    function test_proofs_areRefusedForMalformedBytes() external {
        bytes memory longer = bytes.concat(_spendPaid(FOREVER), hex"00");
        Proof memory spending = _proof(_include(_spendPaid(50), longer), 0);
        Proof memory odd = _proof(3, 1);
        Proof memory fund = _include(bytes.concat(_fund(0, bob, ETH, 1), hex"00"));
        Proof memory after_ = _include(_spendPaid(toPosition(3, 1, 0), 3 ether, FOREVER));
        _tooLong(abi.encodeCall(judge.proveDoubleSpend, (spending, 0, odd, 0, _nobody())), odd);
        _tooLong(abi.encodeCall(judge.proveDoubleSpend, (odd, 0, spending, 0, _nobody())), odd);
        _tooLong(abi.encodeCall(judge.proveBadInput, (odd, 0, _proof(1, 0), _nobody())), odd);
        _tooLong(abi.encodeCall(judge.proveBadInput, (after_, 0, odd, _nobody())), odd);
        _tooLong(abi.encodeCall(judge.proveFutureReference, (odd, 0, _nobody())), odd);
        _tooLong(abi.encodeCall(judge.proveAbsentOutput, (after_, 0, odd, _nobody())), odd);
        _tooLong(abi.encodeCall(judge.proveSpentAfterExit, (after_, 0, odd, _nobody())), odd);
        _tooLong(abi.encodeCall(judge.proveBadFund, (fund, _nobody())), fund);
        _tooLong(abi.encodeCall(judge.proveLateFund, (fund, anchors[2], _nobody())), fund);
        _tooLong(abi.encodeCall(judge.proveDoubleFund, (fund, _proof(1, 0), _nobody())), fund);
    }

    function _tooLong(bytes memory call, Proof memory odd) private {
        uint256 length = odd.transaction.length;
        _refusedWith(
            call, abi.encodeWithSelector(PlasmaTransaction.TransactionLength.selector, length, length - 1)
        );
    }

    function _refusedWith(bytes memory call, bytes memory reason) private {
        (bool accepted, bytes memory found) = address(judge).call(call);
        _true(!accepted);
        _equal(found, reason);
    }

    /// @dev K18: the federation gets header and certificate, and who reported.
    function test_accused_areThoseWhoSignedTheAnchoredHeader() external {
        Proof memory proof = _include(hex"00");
        Accused memory accused;
        accused.header = _header(3, Tree.root(history));
        accused.certificate.bitmap = 7;
        vm.expectEmit(true, true, true, true, address(judge));
        emit IFraudProofs.FraudProven(3, 0, Fraud.Malformed, address(this));
        judge.proveMalformed(proof, accused);
        _convicted(3);
        _equal(court.lastHalt().header, keccak256(accused.header));
        _equal(court.lastHalt().bitmap, 7);
        _equal(court.lastHalt().anchorNumber, 3);
    }

    /// @dev K17: who signed another branch, or a block before, did not sign the invalid one.
    function test_accused_areNotThoseWhoSignedAnotherBranch() external {
        _l1(10, 120);
        _block(bytes(hex"00"));
        _block();
        _block();
        _cover();
        Proof memory proof = _proof(3, 0);
        Accused memory accused;
        accused.header = _header(4, Tree.root(_historyUpTo(4)));
        accused.historyPath = Tree.path(_historyUpTo(4), 3);
        judge.proveMalformed(proof, accused);
        _equal(court.lastHalt().header, keccak256(accused.header));
        bytes32[] memory branch = _historyUpTo(4);
        branch[3] = _historyLeaf(3, 0, Tree.root(new bytes32[](0)), originOf[3]);
        accused.header = _header(4, Tree.root(branch));
        _notInItsHistory(proof, accused, 4);
        accused.header = _header(5, Tree.root(branch));
        _notInItsHistory(proof, accused, 5);
        accused.header = _header(2, Tree.root(_historyUpTo(2)));
        accused.historyPath = new bytes32[](0);
        vm.expectRevert(abi.encodeWithSelector(MerkleProof.LeafOutsideTree.selector, 3, 3));
        judge.proveMalformed(proof, accused);
        accused.header = bytes.concat(_header(5, Tree.root(history)), hex"00");
        vm.expectRevert(abi.encodeWithSelector(Header.HeaderLength.selector, 185));
        judge.proveMalformed(proof, accused);
    }

    /// @dev K17: a header above the covering anchor may have come after the fraud was known.
    function test_accused_areNotThoseWhoSignedAboveTheAnchor() external {
        Proof memory proof = _include(hex"00");
        _l1(10, 120);
        _block();
        Accused memory accused;
        accused.header = _header(4, Tree.root(history));
        accused.historyPath = Tree.path(history, 3);
        _notInItsHistory(proof, accused, 4);
    }

    function _notInItsHistory(Proof memory proof, Accused memory accused, uint32 signed) private {
        vm.expectRevert(abi.encodeWithSelector(History.NotInItsHistory.selector, 3, signed));
        judge.proveMalformed(proof, accused);
    }

    /// @dev K22: it exists nowhere but where the federation says.
    function test_constructor_revertsElsewhere() external {
        court.appoint(address(1));
        vm.expectRevert(IFraudProofs.WrongPlace.selector);
        this.create();
    }

    function create() external {
        _create("FraudProofs", abi.encode(court));
    }
}

/// @notice Federations whose exits are so short that the reach is.
contract FraudReachTest is Trials {
    uint64 private spare;

    /// @dev Twice what the federation requires at least, and `spare` seconds in each half.
    function _fixed() private view returns (Parameters memory fixed_) {
        fixed_ = _parameters();
        fixed_.exitPeriod = 2 * (8_000 * 12 + 16 hours + 2 * 4 hours + spare);
    }

    /// @dev K17: what an exit's half leaves beyond the slowest anchor, in whole L1 blocks, and never more than L.
    function test_reach_isWhatHalfAnExitLeaves() external {
        vm.warp(1_700_000_000);
        vm.roll(1_000_000);
        uint64[6] memory spares = [uint64(0), 11, 12, 12_000, 8_000 * 12 - 1, 8_001 * 12];
        uint256[6] memory reaches = [uint256(0), 0, 1, 1_000, 7_999, 8_000];
        for (uint256 i = 0; i < 6; ++i) {
            spare = spares[i];
            court = new Court(_fixed());
            _equal(_judge().reach(), reaches[i]);
        }
    }
}
