// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {IInFlightExits} from "../../contracts/interfaces/IInFlightExits.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Bls} from "../../contracts/libraries/Bls.sol";
import {Anchor, Inclusion, Proof} from "../../contracts/types/Anchor.sol";
import {Certificate, Member} from "../../contracts/types/Committee.sol";
import {Parameters} from "../../contracts/types/Parameters.sol";
import {Position} from "../../contracts/types/Position.sol";
import {Check} from "./Check.sol";
import {Forms, Pay, Spend} from "./Forms.sol";
import {Harness} from "./Harness.sol";
import {Signer} from "./Signer.sol";
import {Tree} from "./Tree.sol";

/// @notice A federation with its chain: blocks are what a test says they are, and the operators sign them.
abstract contract World is Check {
    address internal constant DEPLOYER = address(0xdeb107e5);
    address internal constant BLOCK_HASHES = 0x0000F90827F1C53a10cb7A02335B175320002935;
    /// @dev The code that EIP-2935 gives that address.
    bytes internal constant BLOCK_HASHES_CODE = hex"3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff8143"
        hex"0311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500";
    /// @dev The order of the groups of BLS12-381.
    uint256 internal constant ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
    uint256 internal constant BOND = 0.1 ether;
    uint256 internal constant PERIOD = 7 days;
    uint256 internal constant OPERATOR_BOND = 32 ether;

    IFederation internal federation;
    IExitGame internal game;
    IInFlightExits internal inFlight;
    IVault internal vault;
    Harness internal harness = new Harness();

    uint256 internal size;
    mapping(uint256 height => bytes32[] leaves) internal leavesOf;
    mapping(uint256 height => bytes[] transactions) internal bodies;
    mapping(uint256 height => uint64) internal originOf;
    bytes32[] internal history;
    mapping(string contractName => uint256) internal creationGas;
    Anchor[] internal anchors;

    function _parameters() internal pure virtual returns (Parameters memory) {
        return Parameters({
            exitPeriod: uint64(PERIOD),
            exitBond: BOND,
            originWindow: 8000,
            l1BlockTime: 12,
            silence: 16 hours,
            grace: 4 hours,
            legacyTransactions: true,
            operatorBond: OPERATOR_BOND,
            committeeDelay: 15 days,
            reclaimWindow: 1 days
        });
    }

    /// @dev The tokens that the vault takes.
    function _listed() internal virtual returns (address[] memory) {
        return new address[](0);
    }

    /// @dev Deploys all contracts for `operators` operators, at L1 block 1 000 000.
    function _deploy(uint256 operators) internal {
        vm.warp(1_700_000_000);
        vm.roll(1_000_000);
        vm.etch(BLOCK_HASHES, BLOCK_HASHES_CODE);
        size = operators;
        federation = IFederation(_create("Federation", _arguments(_members(_places()[0]), _parameters())));
        game = IExitGame(_create("ExitGame", abi.encode(federation)));
        inFlight = game.inFlight();
        _create("FraudProofs", abi.encode(federation));
        vault = IVault(_create("Vault", abi.encode(federation, _listed())));
        delete history;
        history.push(_historyLeaf(0, 0, Tree.root(new bytes32[](0)), uint64(block.number)));
        delete anchors;
    }

    /// @dev Deploys from the artifact, as DEPLOYER.
    function _create(string memory name, bytes memory arguments) internal returns (address made) {
        bytes memory code = bytes.concat(vm.getCode(string.concat(name, ".sol:", name)), arguments);
        vm.prank(DEPLOYER);
        uint256 before = gasleft();
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        creationGas[name] = before - gasleft();
        if (made != address(0)) return made;
        assembly ("memory-safe") {
            returndatacopy(0, 0, returndatasize())
            revert(0, returndatasize())
        }
    }

    /// @dev What the constructor of `Federation` takes when it is the deployer's next contract.
    function _arguments(Member[] memory members, Parameters memory fixed_)
        internal
        view
        returns (bytes memory)
    {
        address[4] memory places = _places();
        return abi.encode(members, fixed_, places[1], places[2], places[3]);
    }

    /// @dev Where the deployer's next four contracts will stand: federation, exit game, vault, which comes last, and
    /// fraud proofs.
    function _places() internal view returns (address[4] memory places) {
        uint64 nonce = vm.getNonce(DEPLOYER);
        uint8[4] memory steps = [0, 1, 3, 2];
        for (uint256 i = 0; i < 4; ++i) {
            places[i] = vm.computeCreateAddress(DEPLOYER, nonce + steps[i]);
        }
    }

    function _members(address place) internal view returns (Member[] memory members) {
        members = new Member[](size);
        for (uint256 i = 0; i < size; ++i) {
            members[i] = _member(place, i);
        }
    }

    function _member(address place, uint256 index) internal view returns (Member memory) {
        address operator = address(uint160(0xa000 + index));
        bytes memory key = Signer.publicKey(_secret(index));
        return Member({
            operator: operator,
            peer: keccak256(abi.encode("peer", index)),
            key: key,
            possession: Signer.sign(_secret(index), _possession(place, operator, key))
        });
    }

    function _possession(address place, address operator, bytes memory key) internal view returns (bytes32) {
        bytes32 id = keccak256(abi.encodePacked(operator, Bls.compress(key)));
        return
            keccak256(abi.encodePacked(uint8(5), block.chainid, place, uint64(0), uint64(0), uint64(0), id));
    }

    function _secret(uint256 index) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("operator", index))) >> 8;
    }

    /// @dev L1 goes on: `blocks` blocks and `duration` seconds; the newest ones have hashes.
    function _l1(uint256 blocks, uint256 duration) internal {
        vm.roll(block.number + blocks);
        vm.warp(block.timestamp + duration);
        _publishHash(block.number - 1);
    }

    function _publishHash(uint256 number) internal {
        vm.store(BLOCK_HASHES, bytes32(number % 8191), _l1Hash(number));
    }

    function _l1Hash(uint256 number) internal pure returns (bytes32) {
        return keccak256(abi.encode("l1", number));
    }

    function _block() internal returns (uint32 height) {
        return _block(new bytes[](0));
    }

    function _block(bytes memory transaction) internal returns (uint32 height) {
        bytes[] memory body = new bytes[](1);
        body[0] = transaction;
        return _block(body);
    }

    /// @dev The federation decides a block; nothing is checked.
    function _block(bytes[] memory body) internal returns (uint32 height) {
        height = uint32(history.length);
        bytes32[] memory leaves = new bytes32[](body.length);
        for (uint256 i = 0; i < body.length; ++i) {
            leaves[i] = keccak256(abi.encodePacked(uint8(0), body[i]));
            bodies[height].push(body[i]);
            leavesOf[height].push(leaves[i]);
        }
        originOf[height] = uint64(block.number - 1);
        history.push(_historyLeaf(height, uint32(body.length), Tree.root(leaves), originOf[height]));
    }

    function _historyLeaf(uint32 height, uint32 count, bytes32 root, uint64 l1Height)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(uint8(1), height, count, root, l1Height));
    }

    /// @dev The header of the newest block, with the L1 block before this one as its origin.
    function _header() internal view returns (bytes memory) {
        return _header(uint32(history.length - 1), Tree.root(history));
    }

    function _header(uint32 height, bytes32 historyRoot) internal view returns (bytes memory) {
        return _header(height, historyRoot, uint64(block.number - 1), _l1Hash(block.number - 1));
    }

    function _header(uint32 height, bytes32 historyRoot, uint64 l1Height, bytes32 l1Hash)
        internal
        view
        returns (bytes memory)
    {
        uint32 count = uint32(leavesOf[height].length);
        bytes32 root = Tree.root(leavesOf[height]);
        return bytes.concat(
            abi.encodePacked(height, count, keccak256("parent"), root, historyRoot, keccak256("commitment")),
            abi.encodePacked(l1Height, l1Hash, uint64(block.timestamp * 1000))
        );
    }

    /// @dev All operators.
    function _all() internal view returns (uint256) {
        return (1 << size) - 1;
    }

    function _certificate(bytes memory header, uint256 bitmap) internal view returns (Certificate memory) {
        bytes32 digest = _finalization(block.chainid, address(federation), 0, 9, keccak256(header));
        return Certificate({epoch: 0, viewNumber: 9, bitmap: bitmap, signature: _sign(bitmap, digest)});
    }

    function _finalization(uint256 chainId, address place, uint64 epoch, uint64 viewNumber, bytes32 id)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(uint8(3), chainId, place, epoch, viewNumber, uint64(0), id));
    }

    /// @dev The aggregate of the operators in a bitmap: the signature of the sum of their scalars.
    function _sign(uint256 bitmap, bytes32 digest) internal view returns (bytes memory) {
        return Signer.sign(_secrets(bitmap), digest);
    }

    function _signWith(uint256 secret, bytes32 digest) internal view returns (bytes memory) {
        return Signer.sign(secret, digest);
    }

    function _publicKey(uint256 index) internal view returns (bytes memory) {
        return Signer.publicKey(_secret(index));
    }

    /// @dev A halt wherever a test wants it; those that the law knows have tests of their own.
    function _halt(uint32 lastValid) internal {
        _setLatest(224, type(uint32).max, lastValid);
        _equal(federation.lastValid(), lastValid);
    }

    /// @dev The first storage slot of `Federation` holds `Latest`.
    function _setLatest(uint256 bit, uint256 mask, uint256 value) private {
        bytes32 slot = 0;
        uint256 word = uint256(vm.load(address(federation), slot));
        vm.store(address(federation), slot, bytes32((word & ~(mask << bit)) | (value << bit)));
    }

    function _secrets(uint256 bitmap) internal view returns (uint256 secret) {
        for (uint256 i = 0; i < size; ++i) {
            if ((bitmap >> i) & 1 == 1) secret = addmod(secret, _secret(i), ORDER);
        }
    }

    /// @dev Everything decided so far goes to L1, signed by all.
    function _anchor() internal returns (Anchor memory) {
        bytes memory header = _header();
        return _anchor(header, _certificate(header, _all()));
    }

    function _anchor(bytes memory header, Certificate memory by) internal returns (Anchor memory made) {
        uint32 previous = federation.latest().height;
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
        IFederation.Latest memory last = federation.latest();
        made = Anchor({
            number: last.number,
            previous: previous,
            height: last.height,
            historyRoot: Tree.root(_historyUpTo(last.height)),
            l1Height: last.l1Height,
            time: last.time
        });
        anchors.push(made);
    }

    /// @dev The proof of a transaction under the anchor that first covered its block.
    function _proof(uint32 height, uint32 index) internal view returns (Proof memory) {
        uint256 covering = 0;
        while (anchors[covering].height < height) ++covering;
        return _proof(height, index, anchors[covering]);
    }

    function _proof(uint32 height, uint32 index, Anchor memory covering)
        internal
        view
        returns (Proof memory)
    {
        return Proof({
            transaction: bodies[height][index],
            inclusion: Inclusion({
                index: index,
                height: height,
                transactionCount: uint32(leavesOf[height].length),
                transactionsRoot: Tree.root(leavesOf[height]),
                l1Height: originOf[height],
                transactionPath: Tree.path(leavesOf[height], index),
                historyPath: Tree.path(_historyUpTo(covering.height), height),
                anchor: covering
            })
        });
    }

    function _historyUpTo(uint32 height) internal view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](uint256(height) + 1);
        for (uint256 i = 0; i <= height; ++i) {
            leaves[i] = history[i];
        }
    }

    /// @dev A signed transaction of any kind but fund.
    function _signed(uint256 key, bytes memory form) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, harness.digest(form, address(federation)));
        return Forms.sealing(form, r, s, v);
    }

    /// @dev A transfer of one ETH output to one owner.
    function _transfer(uint256 key, Position from, uint256 amount, address to, uint32 expiry)
        internal
        view
        returns (bytes memory)
    {
        return _transferOf(address(0), key, from, amount, to, expiry);
    }

    /// @dev A transfer of one output of any asset to one owner.
    function _transferOf(address asset, uint256 key, Position from, uint256 amount, address to, uint32 expiry)
        internal
        view
        returns (bytes memory)
    {
        Spend[] memory inputs = Forms.one(Spend({position: from, amount: amount}));
        Pay[] memory outputs = Forms.one(Pay({owner: to, amount: amount}));
        return _signed(key, Forms.unsigned(5, asset, expiry, inputs, outputs));
    }
}
