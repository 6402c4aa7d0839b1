// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {MerkleProof} from "../contracts/libraries/MerkleProof.sol";
import {PlasmaTransaction} from "../contracts/libraries/PlasmaTransaction.sol";
import {Anchor, Proof} from "../contracts/types/Anchor.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Exits} from "./support/Exits.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";

contract ExitGameStartTest is Exits {
    function setUp() external {
        _begin();
    }

    function test_startExit_opensAnExitOfAPayment() external {
        uint256 due = anchors[0].time + 2 * PERIOD;
        uint256 expected = (due << 112) | (uint256(Position.unwrap(paid)) << 40) | 1;
        Proof memory proof = _proof(2, 0);
        vm.expectEmit(true, true, true, true, address(game));
        emit IExitGame.ExitStarted(expected, paid, bob);
        uint256 id = _exit(bob, proof, 0);
        _equal(id, expected);
        IExitGame.Exit memory open = game.exits(id);
        _equal(open.owner, bob);
        _equal(open.amount, AMOUNT);
        _equal(open.output, _key(proof.transaction, 0));
        _equal(address(game).balance, BOND);
        (uint256 size_, uint256 next) = game.queue(address(0));
        _equal(size_, 1);
        _equal(next, id);
    }

    function test_startExit_ofAnOldPaymentIsDueAfterThePeriod() external {
        _l1(50_000, PERIOD + 5);
        uint256 id = _exitPaid();
        _equal(id >> 112, block.timestamp + PERIOD);
    }

    function test_startExit_isDueAtTheLaterOfBothTerms() external {
        uint256 anchoredAt = anchors[0].time;
        for (uint256 i = 0; i < 3; ++i) {
            // One second before, at, and after the moment in which both terms are equal.
            vm.warp(anchoredAt + PERIOD - 1 + i);
            uint256 due = _exitPaid() >> 112;
            _equal(due, i < 2 ? anchoredAt + 2 * PERIOD : block.timestamp + PERIOD);
        }
    }

    /// @dev K7: nobody can forge a deposit, but a quorum can fund one again.
    function test_startExit_ofADepositWaitsForItsAnchorToo() external {
        uint256 id = _exit(alice, _proof(1, 0), 0);
        _equal(id >> 112, block.timestamp + 2 * PERIOD);
    }

    function test_startExit_revertsWithAnyOtherBond() external {
        Proof memory proof = _proof(2, 0);
        uint256[3] memory sent = [uint256(0), BOND - 1, BOND + 1];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IExitGame.BondDiffers.selector, sent[i], BOND));
            vm.prank(bob);
            game.startExit{value: sent[i]}(proof, 0);
        }
    }

    function test_startExit_revertsForAnybodyButTheOwner() external {
        _refused(alice, _proof(2, 0), 0, abi.encodeWithSelector(IExitGame.NotOwner.selector, bob));
        _refused(bob, _proof(1, 0), 0, abi.encodeWithSelector(IExitGame.NotOwner.selector, alice));
    }

    function test_startExit_revertsForAnOutputThatIsNotThere() external {
        for (uint16 output = 1; output < 256; output += 51) {
            _refused(
                bob,
                _proof(2, 0),
                uint8(output),
                abi.encodeWithSelector(PlasmaTransaction.OutputOutside.selector, output)
            );
        }
    }

    function test_startExit_revertsAfterTheOutputWasPaid() external {
        _exitPaid();
        _wait();
        game.process(address(0), 1);
        Proof memory proof = _proof(2, 0);
        bytes memory reason =
            abi.encodeWithSelector(IExitGame.AlreadyPaid.selector, _key(proof.transaction, 0));
        _refused(bob, proof, 0, reason);
    }

    function test_startExit_revertsForATransactionThatIsNotInTheBlock() external {
        Proof memory proof = _proof(2, 0);
        proof.transaction = _transfer(ALICE_KEY, funded, AMOUNT, bob, 1001);
        _refused(bob, proof, 0, abi.encodeWithSelector(IExitGame.TransactionNotInBlock.selector, 0));
        // The same transaction signed otherwise is another leaf.
        proof = _proof(2, 0);
        proof.transaction = Forms.sealing(proof.transaction, bytes32(uint256(1)), bytes32(uint256(1)), 27);
        _refused(bob, proof, 0, abi.encodeWithSelector(IExitGame.TransactionNotInBlock.selector, 0));
    }

    function test_startExit_revertsForMalformedTransactionsThatABlockHolds() external {
        // The federation included what mints: one wei in, two out.
        Spend[] memory inputs = Forms.one(Spend({position: funded, amount: 1}));
        Pay[] memory outputs = Forms.one(Pay({owner: bob, amount: 2}));
        uint32 height = _block(_signed(ALICE_KEY, Forms.unsigned(5, address(0), 9, inputs, outputs)));
        _l1(5, 60);
        _anchor();
        _refused(bob, _proof(height, 0), 0, abi.encodeWithSelector(PlasmaTransaction.Unbalanced.selector));
    }

    function test_startExit_revertsForAnIndexAtOrAboveTheCount() external {
        uint32[4] memory indices = [1, 2, 256, type(uint32).max];
        for (uint256 i = 0; i < 4; ++i) {
            Proof memory proof = _proof(2, 0);
            proof.inclusion.index = indices[i];
            _refused(
                bob, proof, 0, abi.encodeWithSelector(MerkleProof.LeafOutsideTree.selector, indices[i], 1)
            );
        }
    }

    function test_startExit_revertsForAnotherIndexInTheSameBlock() external {
        bytes[] memory body = new bytes[](4);
        for (uint32 i = 0; i < 4; ++i) {
            body[i] = _transfer(ALICE_KEY, toPosition(i, 0, 0), AMOUNT, bob, 1000);
        }
        uint32 height = _block(body);
        _l1(5, 60);
        _anchor();
        for (uint32 i = 0; i < 4; ++i) {
            for (uint32 j = 0; j < 4; ++j) {
                Proof memory proof = _proof(height, i);
                proof.inclusion.index = j;
                if (i == j) continue;
                _refused(bob, proof, 0, abi.encodeWithSelector(IExitGame.TransactionNotInBlock.selector, j));
            }
        }
        uint256 id = _exit(bob, _proof(height, 3), 0);
        _equal(uint72(id >> 40), Position.unwrap(toPosition(height, 3, 0)));
    }

    function test_startExit_revertsForAnotherCountRootOrOrigin() external {
        bytes memory reason = abi.encodeWithSelector(IExitGame.BlockNotInHistory.selector, 2);
        Proof memory proof = _proof(2, 0);
        proof.inclusion.transactionCount = 2;
        _refused(bob, proof, 0, reason);
        proof = _proof(2, 0);
        proof.inclusion.l1Height += 1;
        _refused(bob, proof, 0, reason);
        proof = _proof(2, 0);
        bytes memory forged = Forms.fund(0, bob, 1000 ether);
        proof.transaction = forged;
        proof.inclusion.transactionsRoot = keccak256(abi.encodePacked(uint8(0), forged));
        _refused(bob, proof, 0, reason);
    }

    function test_startExit_revertsForAnotherHeight() external {
        Proof memory proof = _proof(2, 0);
        proof.inclusion.height = 1;
        _refused(bob, proof, 0, abi.encodeWithSelector(IExitGame.BlockNotInHistory.selector, 1));
        proof.inclusion.height = 3;
        _refused(bob, proof, 0, abi.encodeWithSelector(IExitGame.NotFirstCovering.selector, 3, 0, 2));
        proof.inclusion.height = 0;
        _refused(bob, proof, 0, abi.encodeWithSelector(IExitGame.NotFirstCovering.selector, 0, 0, 2));
    }

    function test_startExit_revertsForAnAnchorThatIsNotTheFederations() external {
        bytes memory reason = abi.encodeWithSelector(IExitGame.AnchorUnknown.selector, 1);
        Proof memory proof = _proof(2, 0);
        proof.inclusion.anchor.time -= 1;
        _refused(bob, proof, 0, reason);
        proof = _proof(2, 0);
        proof.inclusion.anchor.historyRoot = keccak256("mine");
        _refused(bob, proof, 0, reason);
        proof = _proof(2, 0);
        proof.inclusion.anchor.height = 3;
        _refused(bob, proof, 0, reason);
        proof = _proof(2, 0);
        proof.inclusion.anchor.l1Height -= 1;
        _refused(bob, proof, 0, reason);
        proof = _proof(2, 0);
        proof.inclusion.anchor.number = 2;
        _refused(bob, proof, 0, abi.encodeWithSelector(IExitGame.AnchorUnknown.selector, 2));
        // All zero, as storage is where there is no anchor.
        Anchor memory nothing;
        proof.inclusion.anchor = nothing;
        proof.inclusion.anchor.height = 2;
        _refused(bob, proof, 0, abi.encodeWithSelector(IExitGame.AnchorUnknown.selector, 0));
    }

    /// @dev A colluding quorum anchors a history in which an ancient block holds a forged output.
    function test_startExit_revertsForABlockThatALaterAnchorRewrote() external {
        bytes memory forged = _transfer(BOB_KEY, toPosition(0, 1, 0), 1000 ether, bob, 1000);
        bytes32 leaf = keccak256(abi.encodePacked(uint8(0), forged));
        _block();
        history[1] = _historyLeaf(1, 1, leaf, originOf[1]);
        leavesOf[1][0] = leaf;
        bodies[1][0] = forged;
        _l1(5, 60);
        bytes memory header = _header();
        Anchor memory lying = _anchor(header, _certificate(header, _all()));
        Proof memory proof = _proof(1, 0, lying);
        _refused(bob, proof, 0, abi.encodeWithSelector(IExitGame.NotFirstCovering.selector, 1, 2, 3));
        // Pretending that the lying anchor came first changes its word.
        proof.inclusion.anchor.previous = 0;
        _refused(bob, proof, 0, abi.encodeWithSelector(IExitGame.AnchorUnknown.selector, 2));
        // Under the anchor that came first the forged block is not in history.
        proof = _proof(1, 0, anchors[0]);
        _refused(bob, proof, 0, abi.encodeWithSelector(IExitGame.BlockNotInHistory.selector, 1));
    }

    function test_startExit_revertsForABlockThatIsNotAnchored() external {
        uint32 height = _block(_transfer(ALICE_KEY, funded, AMOUNT, bob, 1000));
        Proof memory proof = _proof(height, 0, anchors[0]);
        _refused(bob, proof, 0, abi.encodeWithSelector(IExitGame.NotFirstCovering.selector, 3, 0, 2));
    }

    function test_startExit_revertsForAFundWithoutItsDeposit() external {
        bytes[] memory body = new bytes[](4);
        body[0] = Forms.fund(1, bob, AMOUNT);
        body[1] = Forms.fund(0, bob, AMOUNT);
        body[2] = Forms.fund(0, alice, AMOUNT + 1);
        body[3] = Forms.fund(type(uint64).max, bob, 1);
        uint32 height = _block(body);
        _l1(5, 60);
        _anchor();
        bytes4 selector = IExitGame.DepositDiffers.selector;
        _refused(bob, _proof(height, 0), 0, abi.encodeWithSelector(selector, 1));
        _refused(bob, _proof(height, 1), 0, abi.encodeWithSelector(selector, 0));
        _refused(alice, _proof(height, 2), 0, abi.encodeWithSelector(selector, 0));
        _refused(bob, _proof(height, 3), 0, abi.encodeWithSelector(selector, type(uint64).max));
    }

    function test_startExit_aDepositIsPaidOnceHoweverOftenItIsFunded() external {
        uint32 again = _block(Forms.fund(0, alice, AMOUNT));
        _l1(5, 60);
        _anchor();
        uint256 first = _exit(alice, _proof(1, 0), 0);
        uint256 second = _exit(alice, _proof(again, 0), 0);
        _wait();
        uint256 before = alice.balance;
        _ended(first, funded, true);
        _ended(second, toPosition(again, 0, 0), false);
        game.process(address(0), 5);
        _equal(alice.balance, before + AMOUNT + 2 * BOND);
    }

    function test_startExit_revertsForATokenThatTheVaultDoesNotTake() external {
        Spend[] memory inputs = Forms.one(Spend({position: funded, amount: 7}));
        Pay[] memory outputs = Forms.one(Pay({owner: bob, amount: 7}));
        uint32 height = _block(_signed(ALICE_KEY, Forms.unsigned(5, address(7), 9, inputs, outputs)));
        _l1(5, 60);
        _anchor();
        _refused(
            bob, _proof(height, 0), 0, abi.encodeWithSelector(IExitGame.AssetUnknown.selector, address(7))
        );
    }

    /// @dev An amount is never cut: what does not fit beside the owner lies in a slot of its own.
    function testFuzz_startExit_keepsAnyAmount(uint256 amount, uint8 bits) external {
        amount = 1 + (amount >> bits) % (type(uint256).max);
        uint32 height = _block(_transfer(ALICE_KEY, funded, amount, bob, 1000));
        _l1(5, 60);
        _anchor();
        _equal(game.exits(_exit(bob, _proof(height, 0), 0)).amount, amount);
    }

    function test_startExit_ofASplitAndAMerge() external {
        Pay[] memory outputs = new Pay[](3);
        for (uint160 i = 0; i < 3; ++i) {
            outputs[i] = Pay({owner: bob, amount: AMOUNT / 5 * (i == 2 ? 3 : 1)});
        }
        Spend[] memory inputs = Forms.one(Spend({position: funded, amount: AMOUNT}));
        uint32 split = _block(_signed(ALICE_KEY, Forms.unsigned(1, address(0), FOREVER, inputs, outputs)));
        Spend[] memory parts = new Spend[](2);
        parts[0] = Spend({position: toPosition(split, 0, 0), amount: AMOUNT / 5});
        parts[1] = Spend({position: toPosition(split, 0, 2), amount: AMOUNT / 5 * 3});
        Pay[] memory whole = Forms.one(Pay({owner: bob, amount: AMOUNT / 5 * 4}));
        uint32 merge = _block(_signed(BOB_KEY, Forms.unsigned(2, address(0), FOREVER, parts, whole)));
        _l1(5, 60);
        _anchor();
        _equal(game.exits(_exit(bob, _proof(split, 0), 1)).amount, AMOUNT / 5);
        _equal(game.exits(_exit(bob, _proof(merge, 0), 0)).amount, AMOUNT / 5 * 4);
    }

    function test_startExit_revertsAboveTheLastValidHeightOnceHalted() external {
        _halt(1);
        _refused(bob, _proof(2, 0), 0, abi.encodeWithSelector(IExitGame.HeightVoid.selector, 2, 1));
        _true(_isOpen(_exit(alice, _proof(1, 0), 0)));
    }

    function test_startExit_needsNobodyOnceTheOperatorsAreGone() external {
        _l1(3_000_000, 365 days);
        uint256 id = _exitPaid();
        _wait();
        uint256 before = bob.balance;
        game.process(address(0), 1);
        _true(!_isOpen(id));
        _equal(bob.balance, before + AMOUNT + BOND);
    }

    function testFuzz_startExit_findsAnyTransactionOfAnyBlock(uint8 blocks, uint8 count, uint256 seed)
        external
    {
        uint32 first = uint32(history.length);
        uint256 total = 1 + blocks % 20;
        for (uint32 i = 0; i < total; ++i) {
            bytes[] memory body = new bytes[](1 + count % 7);
            for (uint32 j = 0; j < body.length; ++j) {
                Spend[] memory inputs = Forms.one(Spend({position: toPosition(i, j, 3), amount: 1}));
                Pay[] memory outputs = Forms.one(Pay({owner: bob, amount: 1}));
                body[j] = Forms.unsigned(5, address(0), 9, inputs, outputs);
            }
            _block(body);
        }
        _l1(5, 60);
        _anchor();
        uint32 height = first + uint32(seed % total);
        uint32 index = uint32((seed >> 32) % (1 + count % 7));
        uint256 id = _exit(bob, _proof(height, index), 0);
        _equal(uint72(id >> 40), Position.unwrap(toPosition(height, index, 0)));
    }

    function _refused(address caller, Proof memory proof, uint8 output, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(caller);
        game.startExit{value: BOND}(proof, output);
    }
}
