// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {IFraudProofs} from "../contracts/interfaces/IFraudProofs.sol";
import {Header} from "../contracts/libraries/Header.sol";
import {MerkleProof} from "../contracts/libraries/MerkleProof.sol";
import {Anchor, Proof} from "../contracts/types/Anchor.sol";
import {Accused, Fraud} from "../contracts/types/Fraud.sol";
import {toPosition} from "../contracts/types/Position.sol";
import {Pay, Spend} from "./support/Forms.sol";
import {Tree} from "./support/Tree.sol";
import {Accusing} from "./support/Accusing.sol";

/// @notice Block 1 funds Alice with 5 ETH and Bob with 7 of a token; in block 2 Alice pays Bob 3 ETH and keeps 2. Each
/// block has its anchor. What a test adds is block 3 and above.
contract FraudHistoryTest is Accusing {
    /// @dev Scenario: a reclaim used to convict an old block.
    function test_reclaim_doesNotConvictTheBlockThatFundedLongAgo() external {
        _l1(10, 120);
        court.reclaim(0, block.number);
        _fundMatches(0, _proof(1, 0));
        Proof memory spending = _proof(2, 0);
        bytes4 reason = IFraudProofs.NotPaidBefore.selector;
        court.consume(_outputKey(bodies[1][0], 0), block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(reason, 0, spending.inclusion.anchor.time));
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
        vm.expectRevert(abi.encodeWithSelector(IExitGame.AnchorUnknown.selector, 2));
        judge.proveLateFund(fund, forged, _nobody());
        Anchor memory none;
        Proof memory first = _proof(1, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.AnchorUnknown.selector, 0));
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

    /// @dev K18: anchored half a reclaim's window before the second that the registry names, or later; K17: a second sooner,
    /// when a valid block may have come.
    function test_proveSpentAfterExit_convictsUpToItsReach() external {
        _equal(judge.reach(), 12 hours);
        Proof memory spending = _include(_spendPaid(FOREVER));
        uint256 anchored = spending.inclusion.anchor.time;
        bytes4 reason = IFraudProofs.NotPaidBefore.selector;
        vm.expectRevert(abi.encodeWithSelector(reason, 0, anchored));
        judge.proveSpentAfterExit(spending, 0, _proof(2, 0), _nobody());
        court.consume(_outputKey(bodies[2][0], 0), anchored + 12 hours + 1);
        vm.expectRevert(abi.encodeWithSelector(reason, anchored + 12 hours + 1, anchored));
        judge.proveSpentAfterExit(spending, 0, _proof(2, 0), _nobody());
        uint256[3] memory seconds_ = [anchored + 12 hours, anchored, 1];
        for (uint256 i = 0; i < 3; ++i) {
            court.consume(_outputKey(bodies[2][0], 0), seconds_[i]);
            judge.proveSpentAfterExit(spending, 0, _proof(2, 0), _nobody());
            _convicted(3);
        }
    }

    /// @dev K17: what was paid is another output.
    function test_proveSpentAfterExit_refusesOtherOutputs() external {
        Proof memory spending = _include(_spendPaid(FOREVER));
        court.consume(_outputKey(bodies[2][0], 1), 1);
        court.consume(_outputKey(bodies[1][0], 0), 1);
        uint256 anchored = spending.inclusion.anchor.time;
        vm.expectRevert(abi.encodeWithSelector(IFraudProofs.NotPaidBefore.selector, 0, anchored));
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
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotFirstCovering.selector, 1, 2, 3));
        judge.proveMalformed(proof, _nobody());
        proof.inclusion.anchor.previous = 0;
        vm.expectRevert(abi.encodeWithSelector(IExitGame.AnchorUnknown.selector, 3));
        judge.proveMalformed(proof, _nobody());
    }

    /// @dev K17: the same block further up, or bytes that lie elsewhere.
    function test_proofs_areRefusedAtOtherPlaces() external {
        Proof memory proof = _include(hex"00");
        proof.transaction = hex"01";
        vm.expectRevert(abi.encodeWithSelector(IExitGame.TransactionNotInBlock.selector, 0));
        judge.proveMalformed(proof, _nobody());
        proof.transaction = hex"00";
        proof.inclusion.index = 1;
        vm.expectRevert(abi.encodeWithSelector(MerkleProof.LeafOutsideTree.selector, 1, 1));
        judge.proveMalformed(proof, _nobody());
        proof.inclusion.index = 0;
        proof.inclusion.l1Height += 1;
        vm.expectRevert(abi.encodeWithSelector(IExitGame.BlockNotInHistory.selector, 3));
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

    /// @dev K22: it exists nowhere but where the federation says.
    function test_constructor_revertsElsewhere() external {
        court.appoint(address(1));
        vm.expectRevert(IFraudProofs.WrongPlace.selector);
        this.create();
    }
}
