// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {Anchor} from "../contracts/types/Anchor.sol";
import {BatchProof, Leaving, LeavingBlock} from "../contracts/types/Batch.sol";
import {Certificate} from "../contracts/types/Committee.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Offer} from "../contracts/types/Sale.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";
import {Batching, Wanted} from "./support/Batching.sol";
import {Selling} from "./support/Selling.sol";

/// @notice What batches and sales cost as transactions of their own; snapshots/batches.json keeps the figures. Trees are
/// as deep as those of a chain that has run for years: 2^16 transactions in a block, 2^20 blocks.
/// forge-config: default.isolate = true
contract BatchGasTest is Selling {
    uint256 private constant TRANSACTIONS = 1 << 16;
    uint256 private constant BLOCKS = 1 << 20;
    /// @dev What one further output of a batch may cost, where it comes from the same block, from a neighbouring one, and
    /// from one that shares nothing but the topmost levels of the history.
    uint256 private constant FURTHER = 40_000;
    uint256 private constant FURTHER_NEAR = 50_000;
    uint256 private constant FURTHER_FAR = 65_000;

    /// @dev Whether transactions pay Bob four times, instead of once with change for Alice.
    bool private fours;

    function setUp() external {
        _deploy(4);
        vm.deal(alice, 100 ether);
        vm.deal(bob, 100 ether);
        vm.deal(carol, 100 ether);
        vm.prank(alice);
        vault.deposit{value: 50 ether}();
    }

    /// @dev Outputs of transactions that share nothing but the topmost levels of one block.
    function test_startExits_eachFurtherOutputOfABlock() external {
        _further("of one block", 1, TRANSACTIONS / 16, 0);
    }

    /// @dev The same from blocks that share nothing but the topmost levels of the history.
    function test_startExits_eachFurtherOutputOfAnotherBlock() external {
        _further("of distant blocks", 16, 0, BLOCKS / 16);
    }

    function test_startExits_eachFurtherOutputOfANeighbouringBlock() external {
        _further("of neighbouring blocks", 16, 0, 1);
    }

    function test_startExits_eachFurtherOutputOfANeighbour() external {
        _further("of neighbouring transactions", 1, 1, 0);
    }

    function _further(string memory name, uint256 blocks, uint256 indexStep, uint256 heightStep) private {
        uint256 clean = vm.snapshotState();
        uint8[3] memory counts = [1, 2, 16];
        uint256[3] memory gas;
        uint256[3] memory floors;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 inBlocks = blocks == 1 ? 1 : counts[i];
            BatchProof memory proof = _deepBatch(counts[i], inBlocks, indexStep, heightStep);
            floors[i] = _floor(abi.encodeCall(IExitGame.startExits, (proof)));
            // The queue is not empty.
            vm.prank(bob);
            game.startExits{value: counts[i] * BOND}(proof);
            vm.prank(bob);
            game.startExits{value: counts[i] * BOND}(proof);
            string memory label = string.concat("start ", vm.toString(counts[i]), " ", name);
            gas[i] = vm.snapshotGasLastCall("batches", label);
            vm.revertToState(clean);
        }
        uint256 bound = blocks == 1 ? FURTHER : heightStep == 1 ? FURTHER_NEAR : FURTHER_FAR;
        uint256 further = (gas[2] - gas[0]) / 15;
        vm.snapshotValue("batches", string.concat("each further ", name), further);
        vm.snapshotValue(
            "batches", string.concat("calldata floor, each further ", name), (floors[2] - floors[0]) / 15
        );
        _atMost(floors[2], gas[2]);
        _atMost(further, bound);
        _atMost(gas[1] - gas[0], bound);
    }

    function test_startExits_eachFurtherOutputOfATransaction() external {
        fours = true;
        BatchProof memory proof = _deepBatch(1, 1, 0, 0);
        uint256 clean = vm.snapshotState();
        uint256[2] memory gas;
        for (uint256 i = 0; i < 2; ++i) {
            proof.blocks[0].transactions[0].outputs = i == 0 ? 1 : 15;
            uint256 count = i == 0 ? 1 : 4;
            vm.prank(bob);
            game.startExits{value: count * BOND}(proof);
            vm.prank(bob);
            game.startExits{value: count * BOND}(proof);
            gas[i] = vm.snapshotGasLastCall(
                "batches", string.concat("start ", vm.toString(count), " of one transaction")
            );
            vm.revertToState(clean);
        }
        _atMost((gas[1] - gas[0]) / 3, FURTHER);
    }

    function test_batch_lifeCycle() external {
        BatchProof memory proof = _deepBatch(16, 1, TRANSACTIONS / 16, 0);
        vm.prank(bob);
        uint256 place = game.startExits{value: 16 * BOND}(proof);
        bytes memory spending = _spend(toPosition(3, 0, 0), UNIT);
        vm.prank(carol);
        game.challengeExit(_member(place, 0), spending, 0);
        _atMost(vm.snapshotGasLastCall("batches", "challenge one"), 90_000);
        _l1(100_000, 2 * PERIOD);
        uint256 before = bob.balance;
        game.process(address(0), 1);
        uint256 gas = vm.snapshotGasLastCall("batches", "process fifteen of sixteen");
        _atMost(gas, 15 * 40_000);
        _equal(bob.balance, before + 15 * UNIT + 15 * BOND);
    }

    function test_sale() external {
        BatchProof memory proof = _deepBatch(16, 1, TRANSACTIONS / 16, 0);
        vm.prank(bob);
        uint256 place = game.startExits{value: 16 * BOND}(proof);
        Offer memory offer = Offer(place, 16 * UNIT, PRICE, address(0), type(uint64).max, 0);
        bytes memory signature = _sealed(BOB_KEY, offer);
        _buy(carol, offer, signature);
        vm.snapshotGasLastCall("batches", "buy sixteen by a signature");
        offer.sequence = 2;
        vm.prank(carol);
        game.offerExit(offer);
        vm.snapshotGasLastCall("batches", "offer by a call");
        _buy(bob, offer, "");
        vm.snapshotGasLastCall("batches", "buy sixteen by a call");
        _l1(100_000, 2 * PERIOD);
        game.process(address(0), 1);
        vm.snapshotGasLastCall("batches", "process sixteen that were sold");
    }

    /// @dev `count` transactions each, of which the first output leaves. All other nodes of the trees
    /// are anything.
    function _deepBatch(uint256 count, uint256 blocks, uint256 indexStep, uint256 heightStep)
        private
        returns (BatchProof memory proof)
    {
        proof.blocks = new LeavingBlock[](blocks);
        uint256[] memory heights = new uint256[](blocks);
        bytes32[] memory leaves = new bytes32[](blocks);
        for (uint256 b = 0; b < blocks; ++b) {
            heights[b] = 3 + b * heightStep;
            proof.blocks[b] = _deepBlock(uint32(heights[b]), count / blocks, indexStep);
            leaves[b] = _historyLeaf(
                uint32(heights[b]), uint32(TRANSACTIONS), proof.blocks[b].transactionsRoot, 999_999
            );
        }
        proof.historyPaths = _anything(heights, BLOCKS);
        bytes32 root = harness.rootOfMany(heights, leaves, BLOCKS, proof.historyPaths);
        _l1(5, 60);
        bytes memory header = _header(uint32(BLOCKS - 1), root);
        Certificate memory by = _certificate(header, _all());
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
        proof.anchor =
            Anchor(1, 0, uint32(BLOCKS - 1), root, uint64(block.number - 1), uint64(block.timestamp));
    }

    function _deepBlock(uint32 height, uint256 count, uint256 step)
        private
        view
        returns (LeavingBlock memory made)
    {
        made.height = height;
        made.transactionCount = uint32(TRANSACTIONS);
        made.l1Height = 999_999;
        made.transactions = new Leaving[](count);
        uint256[] memory indices = new uint256[](count);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            indices[i] = i * step;
            uint32 salt = uint32(height * 100 + i);
            bytes memory transaction = fours ? _payFour(salt, UNIT) : _payTwo(salt);
            made.transactions[i] = Leaving(uint32(indices[i]), 1, transaction);
            leaves[i] = keccak256(abi.encodePacked(uint8(0), transaction));
        }
        made.transactionPaths = _anything(indices, TRANSACTIONS);
        made.transactionsRoot = harness.rootOfMany(indices, leaves, TRANSACTIONS, made.transactionPaths);
    }

    /// @dev What a wallet makes: a payment and its change.
    function _payTwo(uint32 salt) private view returns (bytes memory) {
        Pay[] memory outputs = new Pay[](2);
        outputs[0] = Pay({owner: bob, amount: UNIT});
        outputs[1] = Pay({owner: alice, amount: 3 * UNIT});
        Spend[] memory inputs = Forms.one(Spend({position: toPosition(1, salt, 0), amount: 4 * UNIT}));
        return _signed(ALICE_KEY, Forms.unsigned(5, address(0), FOREVER, inputs, outputs));
    }

    /// @dev As many siblings as leaves at these places need.
    function _anything(uint256[] memory indices, uint256 count) private pure returns (bytes32[] memory made) {
        made = new bytes32[](32 * indices.length);
        uint256[] memory nodes = new uint256[](indices.length);
        for (uint256 i = 0; i < nodes.length; ++i) {
            nodes[i] = indices[i];
        }
        uint256 used = 0;
        uint256 known = nodes.length;
        for (uint256 width = count; width > 1; width /= 2) {
            uint256 above = 0;
            for (uint256 i = 0; i < known; ++i) {
                uint256 node = nodes[i];
                if (node % 2 == 0 && i + 1 < known && nodes[i + 1] == node + 1) ++i;
                else made[used++] = keccak256(abi.encode("sibling", count, used));
                nodes[above++] = node / 2;
            }
            known = above;
        }
        assembly ("memory-safe") {
            mstore(made, used)
        }
    }

    /// @dev The least that a transaction with this calldata costs: EIP-7623.
    function _floor(bytes memory data) private pure returns (uint256 gas) {
        gas = 21_000;
        for (uint256 i = 0; i < data.length; ++i) {
            gas += data[i] == 0 ? 10 : 40;
        }
    }
}

/// forge-config: default.isolate = true
contract DearestBatchTest is Batching {
    uint256 private constant HALF_OF_PLACE_GAS = 1_250_000;

    function setUp() external {
        _beginBatching();
    }

    /// @dev I6, K50: the dearest batch there is. All sixteen outputs wait for a challenge of a claimant of its own that does
    /// not count in the end, so each is paid and each claimant gets its first credit; the owner burns all it is given.
    function test_process_ofTheDearestBatchStaysWithinItsShareOfGas() external {
        Wanted[] memory wanted = new Wanted[](4);
        for (uint32 i = 0; i < 4; ++i) {
            wanted[i] = Wanted(4, i, 15);
        }
        uint256 dearest = _exitAll(_batch(wanted), 16);
        bytes[] memory body = new bytes[](16);
        for (uint32 i = 0; i < 16; ++i) {
            body[i] = _spend(toPosition(4, i / 4, uint8(i % 4)), (1 + i % 4) * UNIT);
        }
        uint32 height = _block(body);
        for (uint32 i = 0; i < 16; ++i) {
            Evidence memory receipt = _receipt(height, i);
            address claimant = address(uint160(0xc1a1000 + i));
            vm.deal(claimant, BOND);
            vm.prank(claimant);
            game.challengeExitProvisionally{value: BOND}(_member(dearest, i), receipt, 0);
        }
        _wait();
        vm.etch(bob, hex"5b600056");
        _equal(game.process{gas: HALF_OF_PLACE_GAS}(address(0), 1), 1);
        vm.snapshotGasLastCall("batches", "process the dearest");
        _equal(game.consumed(_key(bodies[4][3], 3)), _half(dearest));
        _equal(game.credit(address(0), address(uint160(0xc1a100f))), BOND);
        _equal(game.credit(address(0), bob), 16 * BOND);
        _equal(vault.credit(address(0), bob), 40 * UNIT);
    }
}
