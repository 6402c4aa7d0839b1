// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchor, Inclusion, Proof} from "../contracts/types/Anchor.sol";
import {Certificate, Member} from "../contracts/types/Committee.sol";
import {Statement, Telling} from "../contracts/types/Statement.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Deep} from "./support/Deep.sol";
import {Forms} from "./support/Forms.sol";
import {Plain} from "./support/Tokens.sol";
import {Tree} from "./support/Tree.sol";
import {Turns} from "./support/Turns.sol";

/// @notice What each call costs as a transaction of its own; snapshots/*.json keep the figures.
/// forge-config: default.isolate = true
contract GasTest is Turns, Deep {
    uint256 private constant ALICE_KEY = 0xa11ce;
    uint256 private constant BOB_KEY = 0xb0b;
    address private immutable ALICE = vm.addr(ALICE_KEY);
    address private immutable BOB = vm.addr(BOB_KEY);
    address[] private listing = [address(new Plain())];

    function _listed() internal view override returns (address[] memory) {
        return listing;
    }

    function test_anchor_costsTheSameForAnyCommitteeAndAnyNumberOfBlocks() external {
        uint256[6] memory gas;
        uint8[3] memory sizes = [4, 21, 67];
        for (uint256 i = 0; i < 3; ++i) {
            _takeOver(sizes[i]);
            gas[2 * i] = _anchorGas(sizes[i], 1);
            gas[2 * i + 1] = _anchorGas(sizes[i], 50);
        }
        (uint256 least, uint256 most) = (gas[0], gas[0]);
        for (uint256 i = 1; i < 6; ++i) {
            if (gas[i] < least) least = gas[i];
            if (gas[i] > most) most = gas[i];
        }
        _atMost(most, 240_000);
        _atMost((most - least) * 100, least * 2);
    }

    /// @dev The committee of epoch 1 has this many operators, and has anchored.
    function _takeOver(uint256 operators) private {
        _deploy(4);
        Member[] memory members = _joining(1, operators);
        Certificate memory by = _change(0, 1, _digestOf(members), 15);
        string memory name = string.concat(vm.toString(operators), " operators");
        federation.announceCommittee(members, by);
        // One transaction on mainnet: EIP-7825.
        _atMost(vm.snapshotGasLastCall("committees", string.concat("announce ", name)), 16_777_216);
        _anchorFor(0, DELAY);
        bytes32 ready = _say(READINESS, 1, 0, 0, federation.announcement().digest);
        bytes memory signature = _signOf(1, (1 << operators) - 1, ready);
        federation.activateCommittee((1 << operators) - 1, signature);
        vm.snapshotGasLastCall("committees", string.concat("activate ", name));
        _l1(5, 60);
        _block();
        bytes memory header = _header();
        by = _finalizeOf(1, header, _allOf(1));
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
        vm.snapshotGasLastCall("committees", string.concat("first anchor, ", name));
    }

    function _anchorGas(uint256 operators, uint256 blocks) private returns (uint256) {
        _l1(5, 60);
        for (uint256 i = 0; i < blocks; ++i) {
            _block();
        }
        bytes memory header = _header();
        Certificate memory by = _finalizeOf(1, header, _allOf(1));
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
        return vm.snapshotGasLastCall(
            "anchor", string.concat(vm.toString(operators), " operators, ", vm.toString(blocks), " blocks")
        );
    }

    function test_anchor_absentOperators() external {
        uint256 one = _absentGas(1 << 7, "16 operators, 1 absent, 1 blocks");
        uint256 five = _absentGas(0x8520 | (1 << 7), "16 operators, 5 absent, 1 blocks");
        _atMost(five - one, 4 * 1_000);
    }

    function _absentGas(uint256 absent, string memory name) private returns (uint256) {
        _deploy(16);
        _l1(5, 60);
        _block();
        _anchor();
        _l1(5, 60);
        _block();
        bytes memory header = _header();
        Certificate memory by = _certificate(header, _all() ^ absent);
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
        return vm.snapshotGasLastCall("anchor", name);
    }

    function test_anchor_lostRaceIsCheap() external {
        _deploy(4);
        _l1(5, 60);
        _block();
        bytes memory header = _header();
        Certificate memory by = _certificate(header, _all());
        _anchor(header, by);
        (bool accepted,) = address(federation)
            .call(
                abi.encodeCall(federation.anchor, (header, by.epoch, by.viewNumber, by.bitmap, by.signature))
            );
        _true(!accepted);
        _atMost(vm.snapshotGasLastCall("anchor", "lost race"), 60_000);
    }

    /// @dev What `create` costs inside, and what a transaction that creates pays besides.
    function test_deployment_fitsOneTransaction() external {
        uint256[3] memory sizes = [uint256(4), 16, 44];
        for (uint256 i = 0; i < 3; ++i) {
            size = sizes[i];
            bytes memory code = bytes.concat(
                vm.getCode("Federation.sol:Federation"), _arguments(_members(_places()[0]), _parameters())
            );
            uint256 gas = 53_000;
            for (uint256 k = 0; k < code.length; ++k) {
                gas += code[k] == 0 ? 4 : 16;
            }
            vm.prank(DEPLOYER);
            uint256 before = gasleft();
            address made;
            assembly ("memory-safe") {
                made := create(0, add(code, 0x20), mload(code))
            }
            gas += before - gasleft();
            _true(made != address(0) && code.length <= 49_152);
            _atMost(gas, 16_777_216);
            vm.snapshotValue("deployment", string.concat(vm.toString(sizes[i]), " operators"), gas);
        }
    }

    function test_bondsAndEvidence() external {
        _deploy(4);
        _l1(5, 60);
        uint32 height = _block();
        bytes memory header = _header();
        Certificate memory by = _finalizeOf(0, header, 7);
        Anchor memory covering = _anchor(header, by);
        vm.deal(address(this), 200 ether);
        federation.postBond{value: OPERATOR_BOND}(0, 0);
        federation.postBond{value: OPERATOR_BOND}(0, 1);
        vm.snapshotGasLastCall("evidence", "post a bond");
        Statement memory one = Statement(FINALIZE, 0, "a", 1, _signOf(0, 1, _say(FINALIZE, 0, VIEW, 0, "a")));
        Statement memory other = Statement(NULLIFY, 0, 0, 1, _signOf(0, 1, _say(NULLIFY, 0, VIEW, 0, 0)));
        federation.proveContradiction(0, VIEW, one, other);
        vm.snapshotGasLastCall("evidence", "contradiction of two votes");
        bytes32[] memory leaves = _rewritten(height);
        Telling memory told = _telling(height, history, covering);
        (told.header, told.certificate) = (header, by);
        Anchor memory none;
        Telling memory retold = _telling(height, leaves, none);
        retold.header = _header(height, Tree.root(leaves));
        retold.certificate = _finalizeOf(0, retold.header, 14);
        federation.proveRewrite(height, told, retold);
        vm.snapshotGasLastCall("evidence", "rewrite, with signers");
        vm.prank(federation.fraudProofs());
        federation.haltForFraud(height, header, by, covering, ALICE);
        vm.snapshotGasLastCall("evidence", "fraud, after a halt");
    }

    /// @dev A single vote is checked with the key of who cast it, not with those of the 66 others.
    function test_contradiction_costsTheSameInALargeCommittee() external {
        _deploy(4);
        _announce(0, 1, _joining(1, 67));
        _anchorFor(0, DELAY);
        _activate(1, (1 << 67) - 1);
        Statement memory one = Statement(FINALIZE, 0, "a", 1, _signOf(1, 1, _say(FINALIZE, 1, VIEW, 0, "a")));
        Statement memory other = Statement(NULLIFY, 0, 0, 1, _signOf(1, 1, _say(NULLIFY, 1, VIEW, 0, 0)));
        federation.proveContradiction(1, VIEW, one, other);
        _atMost(vm.snapshotGasLastCall("evidence", "contradiction of two votes, 67 operators"), 460_000);
    }

    function test_silence() external {
        _deploy(4);
        _l1(100, 16 hours + 1);
        federation.announceSilence();
        vm.snapshotGasLastCall("evidence", "announce silence");
        _l1(100, 4 hours + 1);
        federation.haltIfSilent();
        vm.snapshotGasLastCall("evidence", "halt by silence");
    }

    function test_deposit() external {
        _deploy(4);
        vm.deal(ALICE, 10 ether);
        vm.startPrank(ALICE);
        vault.deposit{value: 5 ether}();
        vault.deposit{value: 5 ether}();
        _atMost(vm.snapshotGasLastCall("vault", "deposit ETH"), 80_000);
    }

    function test_deployment_ofAVaultWithAllTokensFitsOneTransaction() external {
        while (listing.length < 255) {
            listing.push(address(uint160(0x70ce0000 + listing.length)));
            vm.etch(listing[listing.length - 1], listing[0].code);
        }
        _deploy(4);
        bytes memory code = bytes.concat(vm.getCode("Vault.sol:Vault"), abi.encode(federation, listing));
        uint256 gas = 53_000 + creationGas["Vault"];
        for (uint256 k = 0; k < code.length; ++k) {
            gas += code[k] == 0 ? 4 : 16;
        }
        _true(code.length <= 49_152);
        _atMost(gas, 16_777_216);
        vm.snapshotValue("deployment", "vault, 255 tokens", gas);
    }

    function test_depositToken() external {
        _deploy(4);
        Plain token = Plain(listing[0]);
        token.mint(ALICE, 100);
        vm.startPrank(ALICE);
        token.approve(address(vault), 100);
        vault.depositToken(address(token), 10, ALICE);
        vault.depositToken(address(token), 10, ALICE);
        vm.snapshotGasLastCall("vault", "deposit a token");
    }

    function test_reclaim() external {
        _deploy(4);
        vm.deal(ALICE, 10 ether);
        vm.prank(ALICE);
        vault.deposit{value: 5 ether}();
        Proof memory proof = _deep(Forms.fund(0, ALICE, 5 ether));
        vm.startPrank(ALICE);
        vault.startReclaim{value: BOND}(0);
        _atMost(vm.snapshotGasLastCall("vault", "start a reclaim"), 90_000);
        vault.challengeReclaim(0, proof);
        _atMost(vm.snapshotGasLastCall("vault", "challenge a reclaim, 16 + 20 levels"), 90_000);
        vault.startReclaim{value: BOND}(0);
        _l1(1, PERIOD / 4);
        vault.finalizeReclaim(0);
        _atMost(vm.snapshotGasLastCall("vault", "finalize a reclaim"), 120_000);
    }

    function test_exit_ofATokenLifeCycle() external {
        _deploy(4);
        Plain token = Plain(listing[0]);
        token.mint(ALICE, 100);
        vm.startPrank(ALICE);
        token.approve(address(vault), 100);
        vault.depositToken(address(token), 100, ALICE);
        vm.stopPrank();
        vm.deal(BOB, 10 ether);
        Proof memory proof = _deep(_transferOf(address(token), ALICE_KEY, toPosition(7, 3, 1), 5, BOB, 1000));
        vm.startPrank(BOB);
        game.startExit{value: BOND}(proof, 0);
        uint256 second = game.startExit{value: BOND}(proof, 0);
        _atMost(vm.snapshotGasLastCall("exits", "start of a token, 16 + 20 levels"), 151_000);
        vm.stopPrank();
        Position position = toPosition(proof.inclusion.height, proof.inclusion.index, 0);
        bytes memory spending = _transferOf(address(token), BOB_KEY, position, 5, ALICE, type(uint32).max);
        vm.prank(ALICE);
        game.challengeExit(second, spending, 0);
        _atMost(vm.snapshotGasLastCall("exits", "challenge of a token"), 90_000);
        _l1(100_000, 2 * PERIOD);
        game.process(address(token), 1);
        vm.snapshotGasLastCall("exits", "process one of a token");
        _equal(token.balanceOf(BOB), 5);
    }

    function test_exit_lifeCycle() external {
        _deploy(4);
        _fundVault();
        vm.deal(BOB, 10 ether);
        Proof memory proof = _deep(_transfer(ALICE_KEY, toPosition(7, 3, 1), 5 ether, BOB, 1000));
        vm.startPrank(BOB);
        game.startExit{value: BOND}(proof, 0);
        vm.snapshotGasLastCall("exits", "start, 16 + 20 levels, into an empty queue");
        uint256 second = game.startExit{value: BOND}(proof, 0);
        _atMost(vm.snapshotGasLastCall("exits", "start, 16 + 20 levels"), 150_000);
        vm.stopPrank();
        Position position = toPosition(proof.inclusion.height, proof.inclusion.index, 0);
        bytes memory spending = _transfer(BOB_KEY, position, 5 ether, ALICE, type(uint32).max);
        vm.prank(ALICE);
        game.challengeExit(second, spending, 0);
        _atMost(vm.snapshotGasLastCall("exits", "challenge"), 90_000);
        _l1(100_000, 2 * PERIOD);
        uint256 before = BOB.balance;
        game.process(address(0), 1);
        vm.snapshotGasLastCall("exits", "process one");
        _equal(BOB.balance, before + 5 ether + BOND);
    }

    function test_process_many() external {
        _deploy(4);
        _fundVault();
        vm.deal(BOB, 10 ether);
        for (uint32 i = 0; i < 8; ++i) {
            uint32 height = _block(_transfer(ALICE_KEY, toPosition(i, 3, 1), 5 ether, BOB, 1000));
            _l1(5, 60);
            _anchor();
            Proof memory proof = _proof(height, 0);
            vm.prank(BOB);
            game.startExit{value: BOND}(proof, 0);
        }
        _l1(100_000, 2 * PERIOD);
        game.process(address(0), 8);
        _atMost(vm.snapshotGasLastCall("exits", "process eight"), 8 * 70_000);
    }

    function test_process_manyOfAToken() external {
        _deploy(4);
        Plain token = Plain(listing[0]);
        token.mint(ALICE, 100);
        vm.startPrank(ALICE);
        token.approve(address(vault), 100);
        vault.depositToken(address(token), 100, ALICE);
        vm.stopPrank();
        vm.deal(BOB, 10 ether);
        for (uint32 i = 0; i < 8; ++i) {
            uint32 height = _block(_transferOf(address(token), ALICE_KEY, toPosition(i, 3, 1), 5, BOB, 1000));
            _l1(5, 60);
            _anchor();
            Proof memory proof = _proof(height, 0);
            vm.prank(BOB);
            game.startExit{value: BOND}(proof, 0);
        }
        _l1(100_000, 2 * PERIOD);
        game.process(address(token), 8);
        _atMost(vm.snapshotGasLastCall("exits", "process eight of a token"), 8 * 70_000);
        _equal(token.balanceOf(BOB), 40);
    }

    function _fundVault() private {
        vm.deal(ALICE, 100 ether);
        vm.prank(ALICE);
        vault.deposit{value: 50 ether}();
    }
}
