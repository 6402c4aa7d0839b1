// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {IFraudProofs} from "../../contracts/interfaces/IFraudProofs.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Anchor, Inclusion, Proof} from "../../contracts/types/Anchor.sol";
import {Accused, BlockProof} from "../../contracts/types/Fraud.sol";
import {Position} from "../../contracts/types/Position.sol";
import {Court} from "./Court.sol";
import {Forms, Pay, Spend} from "./Forms.sol";
import {Tree} from "./Tree.sol";
import {World} from "./World.sol";

/// @notice A chain of blocks of any content, anchored without certificates, and a judge who reads it.
abstract contract Trials is World {
    uint256 internal constant ALICE_KEY = 0xa11ce;
    uint256 internal constant BOB_KEY = 0xb0b;
    address internal constant TOKEN = address(0x70ce4);
    address internal constant ETH = address(0);
    uint32 internal constant FOREVER = type(uint32).max;

    address internal alice = vm.addr(ALICE_KEY);
    address internal bob = vm.addr(BOB_KEY);

    Court internal court;
    IFraudProofs internal judge;

    function _open() internal {
        vm.warp(1_700_000_000);
        vm.roll(1_000_000);
        court = new Court(_parameters());
        federation = IFederation(address(court));
        judge = _judge();
        history.push(_historyLeaf(0, 0, Tree.root(new bytes32[](0)), uint64(block.number)));
    }

    /// @dev The court names the judge before the judge exists, as a federation does.
    function _judge() internal returns (IFraudProofs) {
        court.appoint(vm.computeCreateAddress(DEPLOYER, vm.getNonce(DEPLOYER)));
        return IFraudProofs(_create("FraudProofs", abi.encode(court)));
    }

    /// @dev Everything decided since the last anchor is anchored, with the L1 origin of the newest block.
    function _cover() internal returns (Anchor memory made) {
        uint32 height = uint32(history.length - 1);
        return _cover(height, originOf[height]);
    }

    function _cover(uint32 height, uint64 l1Height) internal returns (Anchor memory made) {
        made = Anchor({
            number: uint32(anchors.length + 1),
            previous: anchors.length == 0 ? 0 : anchors[anchors.length - 1].height,
            height: height,
            historyRoot: Tree.root(_historyUpTo(height)),
            l1Height: l1Height,
            time: uint64(block.timestamp)
        });
        anchors.push(made);
        court.place(made);
    }

    /// @dev The vault takes a deposit in the current L1 block.
    function _deposit(uint64 number, address owner, address asset, uint256 amount) internal {
        court.record(
            number,
            IVault.Deposit({
                owner: owner, l1Block: uint64(block.number), reclaimedAt: 0, amount: amount, asset: asset
            })
        );
    }

    function _fund(uint64 number, address owner, address asset, uint256 amount)
        internal
        pure
        returns (bytes memory)
    {
        Spend[] memory inputs = Forms.one(Spend({position: Position.wrap(0), amount: number}));
        return Forms.unsigned(4, asset, FOREVER, inputs, Forms.one(Pay({owner: owner, amount: amount})));
    }

    /// @dev A signed transaction of one input and one output.
    function _pay(uint256 key, uint8 kind, Spend memory from, address asset, uint32 expiry, Pay memory to)
        internal
        view
        returns (bytes memory)
    {
        return _signed(key, Forms.unsigned(kind, asset, expiry, Forms.one(from), Forms.one(to)));
    }

    function _blockProof(uint32 height) internal view returns (BlockProof memory) {
        uint256 covering = 0;
        while (anchors[covering].height < height) ++covering;
        return BlockProof({
            height: height,
            transactionCount: uint32(leavesOf[height].length),
            transactionsRoot: Tree.root(leavesOf[height]),
            l1Height: originOf[height],
            historyPath: Tree.path(_historyUpTo(anchors[covering].height), height),
            anchor: anchors[covering]
        });
    }

    /// @dev Nobody is accused but the block.
    function _nobody() internal pure returns (Accused memory accused) {}

    function _outputKey(bytes memory transaction, uint8 output) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(harness.id(transaction), output));
    }

    function _convicted(uint32 height) internal view {
        _true(court.halts() != 0);
        _equal(court.lastHalt().height, height);
        _equal(court.lastHalt().reporter, address(this));
    }
}
