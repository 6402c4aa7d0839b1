// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {MerkleProof} from "../../contracts/libraries/MerkleProof.sol";
import {PlasmaTransaction} from "../../contracts/libraries/PlasmaTransaction.sol";
import {Signing} from "../../contracts/libraries/Signing.sol";
import {Anchor, Inclusion, Proof} from "../../contracts/types/Anchor.sol";
import {Pending} from "../../contracts/types/InFlight.sol";
import {toPosition} from "../../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "../support/Forms.sol";
import {Tree} from "../support/Tree.sol";
import {Thief} from "./Thief.sol";

/// @notice Attacks by bytes: on proofs, transactions and their signatures.
contract FormAttacks is Thief {
    /// @dev The order of secp256k1.
    uint256 private constant CURVE = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    // ---- K10, K12: one leaf at two indices

    function test_K10_anIndexBeyondTheTree() external {
        _fails(_alias());
    }

    function twin_K10_anIndexBeyondTheTree() external {
        _without("IndexBound");
        _wins(_alias());
    }

    /// @dev Bob spent (2, 0, 0). Where the same proof serves for (2, 1, 0), nothing that he signed names the exit.
    function _alias() private returns (bool) {
        Proof memory proof = _proof(2, 0);
        proof.inclusion.index = 1;
        return _unchallengeable(proof, _rival(1000));
    }

    function test_K12_theLastLeafTwice() external {
        _fails(_duplicate());
    }

    function twin_K12_theLastLeafTwice() external {
        _without("IndexBound");
        _wins(_duplicate());
    }

    /// @dev A tree of three leaves whose root is that of four, the last one repeated (CVE-2012-2459).
    function _duplicate() private returns (bool) {
        bytes[] memory body = new bytes[](4);
        for (uint256 i = 0; i < 4; ++i) {
            body[i] = _transfer(ALICE_KEY, toPosition(1, uint32(i < 3 ? i : 2), 0), AMOUNT, bob, 1000);
        }
        uint32 height = _block(body);
        history[height] = _historyLeaf(height, 3, Tree.root(leavesOf[height]), originOf[height]);
        _l1(5, 60);
        _anchor();
        Proof memory proof = _proof(height, 3);
        proof.inclusion.transactionCount = 3;
        return _unchallengeable(proof, _transfer(BOB_KEY, toPosition(height, 2, 0), AMOUNT, alice, 1000));
    }

    /// @dev Bob exits by a proof, and a watcher shows what spent the output.
    function _unchallengeable(Proof memory proof, bytes memory spending) private returns (bool) {
        uint256 before = bob.balance;
        bytes memory call = abi.encodeCall(game.startExit, (proof, 0));
        if (_startExit(bob, call, MerkleProof.LeafOutsideTree.selector)) {
            _challenge(_next(), spending, IExitGame.InputDiffers.selector);
        }
        _end();
        return bob.balance > before;
    }

    // ---- K11: an inner node as a leaf

    function test_K11_anInnerNodeAsALeaf() external {
        _fails(_innerNode());
    }

    function twin_K11_anInnerNodeAsALeaf() external {
        _without("PathLength");
        _wins(_innerNode());
    }

    /// @dev A tree of four; a path of one sibling leads from the node above the first two to the root.
    function _innerNode() private returns (bool) {
        bytes32[] memory leaves = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) {
            leaves[i] = keccak256(abi.encode("leaf", i));
        }
        bytes32 node = keccak256(abi.encodePacked(leaves[0], leaves[1]));
        bytes32[] memory path = new bytes32[](1);
        path[0] = keccak256(abi.encodePacked(leaves[2], leaves[3]));
        bytes memory call = abi.encodeCall(harness.root, (node, 0, 4, path));
        if (!_attempt(bob, address(harness), 0, call, MerkleProof.PathLength.selector)) return false;
        return harness.root(node, 0, 4, path) == Tree.root(leaves);
    }

    // ---- K13, K14: two encodings of one thing

    function test_K13_anotherEncodingOfTheProof() external {
        _fails(_otherEncoding());
    }

    function twin_K13_anotherEncodingOfTheProof() external {
        _without("KeyOfOutput");
        _wins(_otherEncoding());
    }

    function _otherEncoding() private returns (bool) {
        uint256 before = bob.balance;
        bytes memory call = abi.encodeCall(game.startExit, (_proof(2, 0), 0));
        _startExit(bob, call, 0);
        _startExit(bob, bytes.concat(call, hex"01"), IExitGame.AlreadyPaid.selector);
        _end();
        return bob.balance > before + AMOUNT;
    }

    function test_K14_anotherEncodingOfAPayment() external {
        _fails(_longerEncoding());
    }

    function twin_K14_anotherEncodingOfAPayment() external {
        _without("ExactLength");
        _wins(_longerEncoding());
    }

    /// @dev One more byte before the signature: the signed fields are the same, the id is not. Without a key, anybody
    /// has a competitor of Carol's payment.
    function _longerEncoding() private returns (bool) {
        uint256 before = carol.balance;
        uint256 id = _start();
        _piggyback(id, carol, 0);
        uint256 end = payment.length - 65;
        bytes memory longer = new bytes(payment.length + 1);
        for (uint256 i = 0; i < payment.length; ++i) {
            longer[i < end ? i : i + 1] = payment[i];
        }
        _compete(id, mallory, _plain(longer), PlasmaTransaction.TransactionLength.selector);
        _end();
        return carol.balance < before + HIS;
    }

    // ---- K15, K16: more out than in

    function test_K15_sumsThatWrap() external {
        _fails(_wrapping());
    }

    function twin_K15_sumsThatWrap() external {
        _without("SumWraps");
        _wins(_wrapping());
    }

    /// @dev 5 ETH in; 20 ETH and 2^256 - 15 ETH out.
    function _wrapping() private returns (bool) {
        Pay[] memory outputs = new Pay[](2);
        outputs[0] = Pay({owner: carol, amount: 4 * AMOUNT});
        outputs[1] = Pay({owner: bob, amount: type(uint256).max - 3 * AMOUNT + 1});
        bytes memory transaction = _signed(BOB_KEY, Forms.unsigned(5, address(0), 1000, _fromPaid(), outputs));
        uint256 before = carol.balance;
        (bool accepted, uint256 id) = _startInFlight(transaction, PlasmaTransaction.Unbalanced.selector);
        if (accepted) _piggyback(id, transaction, carol, 0);
        _end();
        return carol.balance > before + AMOUNT;
    }

    function test_K16_oneInputTwice() external {
        _fails(_inputTwice());
    }

    function twin_K16_oneInputTwice() external {
        _without("InputsDistinct");
        _wins(_inputTwice());
    }

    function _inputTwice() private returns (bool) {
        Spend[] memory spends = new Spend[](2);
        (spends[0], spends[1]) = (Spend(paid, AMOUNT), Spend(paid, AMOUNT));
        bytes memory transaction =
            _signed(BOB_KEY, Forms.unsigned(5, address(0), 1000, spends, Forms.one(Pay(carol, 2 * AMOUNT))));
        Proof[] memory inputs = new Proof[](2);
        (inputs[0], inputs[1]) = (_proof(2, 0), _proof(2, 0));
        uint256 before = carol.balance;
        bytes memory call = abi.encodeCall(inFlight.startInFlightExit, (_plain(transaction), inputs));
        if (_attempt(carol, address(inFlight), BOND, call, PlasmaTransaction.InputsEqual.selector)) {
            Pending memory pending = _pending(transaction);
            pending.inputs = new bytes32[](2);
            (pending.inputs[0], pending.inputs[1]) = (_key(bodies[2][0], 0), _key(bodies[2][0], 0));
            uint256 id = inFlight.latestInFlight(harness.id(transaction));
            vm.prank(carol);
            inFlight.piggybackOutput{value: BOND}(id, pending, 0);
        }
        _end();
        return carol.balance > before + AMOUNT;
    }

    // ---- K20, K61: whose signature

    function test_K20_malleatedSignatures() external {
        _fails(_malleated());
    }

    function twin_K20_malleatedSignatures() external {
        _without("SignatureForm");
        _wins(_malleated());
    }

    /// @dev The owner's signature in a form of somebody else's choice: with s in the upper half, with v that is no v,
    /// or with nothing in it. A block could hold the payment in it, and clients would see another leaf.
    function _malleated() private returns (bool) {
        uint256 id = _exitPaid();
        bytes memory form = _transfer(BOB_KEY, paid, AMOUNT, alice, 1000);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BOB_KEY, harness.digest(form, address(federation)));
        bytes32 high = bytes32(CURVE - uint256(s));
        bytes4 refusal = Signing.SignatureRefused.selector;
        _challenge(id, Forms.sealing(form, 0, 0, 27), refusal);
        _challenge(id, Forms.sealing(form, r, s, 0), refusal);
        _challenge(id, Forms.sealing(form, r, s, v - 27), refusal);
        _challenge(id, Forms.sealing(form, r, s, v + 4), refusal);
        _challenge(id, Forms.sealing(form, r, high, 55 - v), refusal);
        return !_isOpen(id);
    }

    function test_K61_aPaymentOfAnotherDeployment() external {
        _fails(_replayed(address(0xde9107), block.chainid));
    }

    function twin_K61_aPaymentOfAnotherDeployment() external {
        _without("Domain");
        _wins(_replayed(address(0xde9107), block.chainid));
    }

    function test_K61_aPaymentOfAnotherChain() external {
        _fails(_replayed(address(federation), 1));
    }

    function twin_K61_aPaymentOfAnotherChain() external {
        _without("Domain");
        _wins(_replayed(address(federation), 1));
    }

    /// @dev Bob signed for another chain, where his output has the same position. It ends his honest exit here.
    function _replayed(address place, uint256 chain) private returns (bool) {
        uint256 id = _exitPaid();
        Pay[] memory outputs = Forms.one(Pay({owner: alice, amount: AMOUNT}));
        bytes memory form = Forms.unsigned(5, address(0), 1000, _fromPaid(), outputs);
        uint256 here = block.chainid;
        vm.chainId(chain);
        bytes32 digest = harness.digest(form, place);
        vm.chainId(here);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BOB_KEY, digest);
        _challenge(id, Forms.sealing(form, r, s, v), IExitGame.NotSpentByOwner.selector);
        return !_isOpen(id);
    }

    // ---- K22: what was never written

    function test_K22_anAnchorThatWasNeverMade() external {
        _fails(_neverAnchored());
    }

    function twin_K22_anAnchorThatWasNeverMade() external {
        _without("WordNotZero");
        _wins(_neverAnchored());
    }

    /// @dev Anchor 77 has the word zero (Nomad). Mallory says what it covers.
    function _neverAnchored() private returns (bool) {
        uint256 before = mallory.balance;
        Proof memory proof;
        Inclusion memory place;
        proof.transaction = _forged(OTHERS);
        place.height = 1;
        place.transactionCount = 1;
        place.transactionsRoot = harness.leaf(proof.transaction);
        place.historyPath = new bytes32[](1);
        bytes32 leaf = _historyLeaf(1, 1, place.transactionsRoot, 0);
        place.anchor = Anchor(77, 0, 1, harness.root(leaf, 1, 2, place.historyPath), 0, 0);
        proof.inclusion = place;
        bytes memory call = abi.encodeCall(game.startExit, (proof, 0));
        _startExit(mallory, call, IExitGame.AnchorUnknown.selector);
        _end();
        return mallory.balance > before;
    }
}
