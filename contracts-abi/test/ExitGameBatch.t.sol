// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {MerkleProof} from "../contracts/libraries/MerkleProof.sol";
import {MultiProof} from "../contracts/libraries/MultiProof.sol";
import {PlasmaTransaction} from "../contracts/libraries/PlasmaTransaction.sol";
import {BatchProof, Leaving} from "../contracts/types/Batch.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Batching, Wanted} from "./support/Batching.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";

/// @notice How a batch starts, and what does not.
contract ExitGameBatchTest is Batching {
    function setUp() external {
        _beginBatching();
    }

    function test_startExits_opensAnExitOfEveryOutput() external {
        BatchProof memory proof = _batch(_five());
        (Position[5] memory positions, uint256[5] memory units) = _fiveOutputs();
        uint256 due = proof.anchor.time + 2 * PERIOD;
        uint256 expected = (due << 112) | (uint256(Position.unwrap(positions[4])) << 40) | 1;
        for (uint256 i = 0; i < 5; ++i) {
            vm.expectEmit(true, true, true, true, address(game));
            emit IExitGame.ExitStarted(_member(expected, i), positions[i], bob);
        }
        uint256 place = _exitAll(proof, 5);
        _equal(place, expected);
        _equal(address(game).balance, 5 * BOND);
        (uint256 waiting, uint256 next) = game.queue(address(0));
        _equal(waiting, 1);
        _equal(next, place);
        for (uint256 i = 0; i < 5; ++i) {
            IExitGame.Exit memory open = game.exits(_member(place, i));
            _equal(open.owner, bob);
            _equal(open.amount, units[i] * UNIT);
            bytes memory from = bodies[positions[i].blockOf()][positions[i].transactionOf()];
            _equal(open.output, _key(from, positions[i].outputOf()));
        }
        (address owner, address asset, uint16 open_, uint256 worth) = game.batch(place);
        _equal(owner, bob);
        _equal(asset, address(0));
        _equal(open_, 31);
        _equal(worth, 13 * UNIT);
    }

    /// @dev No other number than the ones that were given names an exit.
    function test_exits_knowsNoOtherIdOfABatch() external {
        uint256 place = _exitAll(_batch(_five()), 5);
        uint256 single = _exitPaid();
        _true(_isOpen(single));
        for (uint256 i = 5; i < 40; ++i) {
            _true(!_isOpen(_member(place, i)));
            _true(!_isOpen(_member(single, i - 5)));
        }
        _true(!_isOpen(place));
        _true(!_isOpen(_member(place, 1 << 16)));
        _true(!_isOpen(_member(place, (1 << 80) - 2)));
        _true(!_isOpen(_member(place + 1, 0)));
        (address owner,,,) = game.batch(single);
        _equal(owner, address(0));
    }

    function test_startExits_ofOldPaymentsIsDueAfterThePeriod() external {
        _l1(50_000, PERIOD + 5);
        _equal(_exitAll(_batch(_five()), 5) >> 112, block.timestamp + PERIOD);
    }

    /// @dev Deposits wait for their anchor like payments, alone and together with them.
    function test_startExits_ofDepositsWaitsForTheAnchorToo() external {
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(bob);
            vault.deposit{value: 1 ether}();
        }
        bytes[] memory body = new bytes[](3);
        (body[0], body[1]) = (Forms.fund(1, bob, 1 ether), Forms.fund(2, bob, 1 ether));
        body[2] = _payFour(9, UNIT);
        uint32 height = _block(body);
        _l1(5, 60);
        _anchor();
        Wanted[] memory wanted = new Wanted[](2);
        (wanted[0], wanted[1]) = (Wanted(height, 0, 1), Wanted(height, 1, 1));
        _equal(_exitAll(_batch(wanted), 2) >> 112, block.timestamp + 2 * PERIOD);
        wanted[1] = Wanted(height, 2, 1);
        _equal(_exitAll(_batch(wanted), 2) >> 112, block.timestamp + 2 * PERIOD);
    }

    function test_startExits_ofOneAndOfSixteen() external {
        Wanted[] memory wanted = new Wanted[](1);
        wanted[0] = Wanted(3, 1, 4);
        uint256 place = _exitAll(_batch(wanted), 1);
        _equal(game.exits(_member(place, 0)).amount, 3 * UNIT);
        wanted = new Wanted[](4);
        for (uint32 i = 0; i < 4; ++i) {
            wanted[i] = Wanted(4, i, 15);
        }
        place = _exitAll(_batch(wanted), 16);
        _equal(game.exits(_member(place, 15)).amount, 4 * UNIT);
        wanted = new Wanted[](5);
        for (uint32 i = 0; i < 5; ++i) {
            wanted[i] = Wanted(4, i, i == 4 ? 1 : 15);
        }
        _refused(_batch(wanted), 17, abi.encodeWithSelector(IExitGame.BatchSize.selector, 17));
    }

    function test_startExits_revertsWithoutOutputs() external {
        bytes memory none = abi.encodeWithSelector(IExitGame.BatchSize.selector, 0);
        BatchProof memory proof;
        _refused(proof, 0, none);
        proof = _batch(_five());
        proof.blocks[0].transactions = new Leaving[](0);
        _refused(proof, 3, none);
        proof = _batch(_five());
        proof.blocks[1].transactions[0].outputs = 0;
        _refused(proof, 3, none);
        proof = _batch(_five());
        proof.blocks[1].transactions = new Leaving[](17);
        _refused(proof, 3, abi.encodeWithSelector(IExitGame.BatchSize.selector, 17));
    }

    function test_startExits_revertsWithAnyOtherBond() external {
        BatchProof memory proof = _batch(_five());
        uint256[4] memory sent = [uint256(0), BOND, 5 * BOND - 1, 6 * BOND];
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IExitGame.BondDiffers.selector, sent[i], 5 * BOND));
            vm.prank(bob);
            game.startExits{value: sent[i]}(proof);
        }
    }

    function test_startExits_revertsForOutputsOfAnother() external {
        BatchProof memory proof = _batch(_five());
        vm.deal(address(this), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotOwner.selector, bob));
        game.startExits{value: 5 * BOND}(proof);
        // One output of Alice between Bob's.
        Pay[] memory outputs = new Pay[](3);
        outputs[0] = Pay(bob, 1);
        outputs[1] = Pay(alice, 1);
        outputs[2] = Pay(bob, 1);
        Spend[] memory inputs = Forms.one(Spend(toPosition(1, 0, 0), 3));
        uint32 height = _include(_signed(ALICE_KEY, Forms.unsigned(5, address(0), FOREVER, inputs, outputs)));
        Wanted[] memory wanted = new Wanted[](1);
        wanted[0] = Wanted(height, 0, 7);
        _refused(_batch(wanted), 3, abi.encodeWithSelector(IExitGame.NotOwner.selector, alice));
        wanted[0].outputs = 5;
        _exitAll(_batch(wanted), 2);
    }

    function test_startExits_revertsForAnOutputThatIsNotThere() external {
        for (uint8 bit = 4; bit < 8; ++bit) {
            BatchProof memory proof = _batch(_five());
            proof.blocks[0].transactions[1].outputs |= uint8(1) << bit;
            _refused(proof, 6, abi.encodeWithSelector(PlasmaTransaction.OutputOutside.selector, bit));
        }
    }

    function test_startExits_revertsForAnotherAsset() external {
        bytes[] memory body = new bytes[](2);
        body[0] = _payFour(77, UNIT);
        body[1] = _transferOf(address(0x70ce), ALICE_KEY, funded, 1, bob, FOREVER);
        uint32 height = _block(body);
        _l1(5, 60);
        _anchor();
        Wanted[] memory wanted = new Wanted[](2);
        (wanted[0], wanted[1]) = (Wanted(height, 0, 1), Wanted(height, 1, 1));
        bytes memory reason =
            abi.encodeWithSelector(IExitGame.AssetDiffers.selector, address(0x70ce), address(0));
        _refused(_batch(wanted), 2, reason);
        wanted = new Wanted[](1);
        wanted[0] = Wanted(height, 1, 1);
        _refused(_batch(wanted), 1, abi.encodeWithSelector(IExitGame.AssetUnknown.selector, address(0x70ce)));
    }

    function test_startExits_revertsForAmountsBeyondItsEntries() external {
        uint256 much = uint256(type(uint128).max) + 1;
        uint32 height = _block(_transfer(ALICE_KEY, funded, much, bob, FOREVER));
        _block(_transfer(ALICE_KEY, funded, much - 1, bob, FOREVER));
        _l1(5, 60);
        _anchor();
        Wanted[] memory wanted = new Wanted[](1);
        wanted[0] = Wanted(height, 0, 1);
        _refused(_batch(wanted), 1, abi.encodeWithSelector(IExitGame.AmountTooLarge.selector, much));
        wanted[0].height = height + 1;
        uint256 place = _exitAll(_batch(wanted), 1);
        _equal(game.exits(_member(place, 0)).amount, much - 1);
    }

    /// @dev K1: what one exit paid no batch starts with.
    function test_startExits_revertsForWhatWasPaid() external {
        _exit(bob, _proof(4, 1), 1);
        _wait();
        game.process(address(0), 1);
        bytes32 key = _key(bodies[4][1], 1);
        _refused(_batch(_five()), 5, abi.encodeWithSelector(IExitGame.AlreadyPaid.selector, key));
    }

    function test_startExits_revertsForMalformedBytes() external {
        bytes memory made = _payFour(5, UNIT);
        made[0] = 0x06;
        uint32 height = _include(made);
        Wanted[] memory wanted = new Wanted[](1);
        wanted[0] = Wanted(height, 0, 1);
        _refused(_batch(wanted), 1, abi.encodeWithSelector(PlasmaTransaction.KindRefused.selector, 6));
    }

    /// @dev K7: a deposit that the vault does not know.
    function test_startExits_revertsForAForgedDeposit() external {
        uint32 height = _include(Forms.fund(7, bob, 1 ether));
        Wanted[] memory wanted = new Wanted[](1);
        wanted[0] = Wanted(height, 0, 1);
        _refused(_batch(wanted), 1, abi.encodeWithSelector(IExitGame.DepositDiffers.selector, 7));
    }

    /// @dev K10: one output twice, in any disguise.
    function test_startExits_revertsForATransactionTwice() external {
        BatchProof memory proof = _batch(_five());
        proof.blocks[1].transactions[1] = proof.blocks[1].transactions[0];
        _refused(proof, 6, abi.encodeWithSelector(MultiProof.LeavesNotRising.selector, 1, 1));
        proof = _batch(_five());
        Leaving memory first = proof.blocks[1].transactions[0];
        proof.blocks[1].transactions[0] = proof.blocks[1].transactions[1];
        proof.blocks[1].transactions[1] = first;
        _refused(proof, 5, abi.encodeWithSelector(MultiProof.LeavesNotRising.selector, 4, 1));
        proof = _batch(_five());
        proof.blocks[1].transactions[1].index = 4 + 8;
        _refused(proof, 5, abi.encodeWithSelector(MerkleProof.LeafOutsideTree.selector, 12, 5));
    }

    function test_startExits_revertsForABlockTwiceOrBackwards() external {
        BatchProof memory proof = _batch(_five());
        proof.blocks[1] = proof.blocks[0];
        _refused(proof, 4, abi.encodeWithSelector(MultiProof.LeavesNotRising.selector, 3, 3));
        proof = _batch(_five());
        (proof.blocks[0], proof.blocks[1]) = (proof.blocks[1], proof.blocks[0]);
        _refused(proof, 5, abi.encodeWithSelector(MultiProof.LeavesNotRising.selector, 4, 3));
    }

    /// @dev K10-K13: nothing in the place of a transaction or a block can be said otherwise.
    function test_startExits_revertsForAnyOtherPlace() external {
        bytes memory absent = abi.encodeWithSelector(IExitGame.TransactionNotInBlock.selector, 1);
        bytes memory nowhere = abi.encodeWithSelector(IExitGame.BlockNotInHistory.selector, 3);
        BatchProof memory proof = _batch(_five());
        proof.blocks[1].transactions[0].index = 0;
        _refused(proof, 5, abi.encodeWithSelector(IExitGame.TransactionNotInBlock.selector, 0));
        proof = _batch(_five());
        proof.blocks[1].transactions[0].transaction[30] ^= 0x01;
        _refused(proof, 5, absent);
        proof = _batch(_five());
        proof.blocks[1].transactionsRoot ^= bytes32(uint256(1));
        _refused(proof, 5, absent);
        proof = _batch(_five());
        proof.blocks[1].transactionPaths[0] ^= bytes32(uint256(1));
        _refused(proof, 5, absent);
        proof = _batch(_five());
        proof.blocks[1].transactionCount = 6;
        _refused(proof, 5, nowhere);
        proof = _batch(_five());
        proof.blocks[1].l1Height += 1;
        _refused(proof, 5, nowhere);
        proof = _batch(_five());
        proof.historyPaths[0] ^= bytes32(uint256(1));
        _refused(proof, 5, nowhere);
    }

    function test_startExits_revertsForProofsOfAnotherLength() external {
        BatchProof memory proof = _batch(_five());
        proof.blocks[1].transactionPaths = _longer(proof.blocks[1].transactionPaths);
        uint256 length = proof.blocks[1].transactionPaths.length;
        _refused(proof, 5, abi.encodeWithSelector(MerkleProof.PathLength.selector, length, 5));
        proof = _batch(_five());
        proof.historyPaths = _longer(proof.historyPaths);
        length = proof.historyPaths.length;
        _refused(proof, 5, abi.encodeWithSelector(MerkleProof.PathLength.selector, length, 5));
    }

    function _longer(bytes32[] memory path) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](path.length + 1);
        for (uint256 i = 0; i < path.length; ++i) {
            longer[i] = path[i];
        }
    }

    /// @dev One anchor for all, and the first that covered each.
    function test_startExits_revertsAcrossAnchors() external {
        _include(_payFour(99, UNIT));
        BatchProof memory proof = _batch(_five());
        proof.blocks[1].height = 5;
        _refused(proof, 5, abi.encodeWithSelector(IExitGame.NotFirstCovering.selector, 5, 2, 4));
        (proof.blocks[0].height, proof.blocks[1].height) = (2, 4);
        _refused(proof, 5, abi.encodeWithSelector(IExitGame.NotFirstCovering.selector, 2, 2, 4));
        proof = _batch(_five());
        proof.anchor = anchors[2];
        _refused(proof, 5, abi.encodeWithSelector(IExitGame.NotFirstCovering.selector, 3, 4, 5));
        proof = _batch(_five());
        proof.anchor.historyRoot ^= bytes32(uint256(1));
        _refused(proof, 5, abi.encodeWithSelector(IExitGame.AnchorUnknown.selector, 2));
        proof = _batch(_five());
        proof.anchor.time -= 1;
        _refused(proof, 5, abi.encodeWithSelector(IExitGame.AnchorUnknown.selector, 2));
    }

    function test_startExits_revertsAboveTheLastValidHeight() external {
        _halt(3);
        _refused(_batch(_five()), 5, abi.encodeWithSelector(IExitGame.HeightVoid.selector, 4, 3));
        Wanted[] memory wanted = new Wanted[](1);
        wanted[0] = Wanted(3, 0, 15);
        _exitAll(_batch(wanted), 4);
    }

    function _refused(BatchProof memory proof, uint256 bonds, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(bob);
        game.startExits{value: bonds * BOND}(proof);
    }
}
