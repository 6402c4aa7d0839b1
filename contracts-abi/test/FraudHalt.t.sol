// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../contracts/interfaces/IFederation.sol";
import {IFraudProofs} from "../contracts/interfaces/IFraudProofs.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {Accused} from "../contracts/types/Fraud.sol";
import {Forms} from "./support/Forms.sol";
import {Exits} from "./support/Exits.sol";
import {Tree} from "./support/Tree.sol";

/// @notice The fraud proofs beside the contracts that they read and halt: nothing here is a double.
contract FraudHaltTest is Exits {
    IFraudProofs private judge;

    function setUp() external {
        _begin();
        judge = IFraudProofs(federation.fraudProofs());
    }

    /// @dev The next block, anchored by three of the four operators, and that header with its certificate.
    function _invalid(bytes memory transaction) private returns (Proof memory proof, Accused memory accused) {
        _l1(10, 120);
        uint32 height = _block(transaction);
        accused.header = _header();
        accused.certificate = _certificate(accused.header, 7);
        _anchor(accused.header, accused.certificate);
        proof = _proof(height, 0);
    }

    /// @dev K18: the chain halts below the invalid block, and who signed it is convicted.
    function test_proof_haltsTheFederationAndConvictsItsSigners() external {
        (Proof memory proof, Accused memory accused) = _invalid(Forms.fund(1, bob, 1 ether));
        vm.expectEmit(true, true, true, true, address(federation));
        emit IFederation.Halted(2);
        judge.proveBadFund(proof, accused);
        _equal(federation.lastValid(), 2);
        (, uint256 slashed) = federation.bonds(0);
        _equal(slashed, 7);
    }

    /// @dev K18: proofs count after a halt, and only ever lower what is valid.
    function test_proof_lowersLastValidAfterAHalt() external {
        (Proof memory first, Accused memory accused) = _invalid(hex"00");
        (Proof memory second, Accused memory later) = _invalid(hex"01");
        judge.proveMalformed(second, later);
        _equal(federation.lastValid(), 3);
        judge.proveMalformed(first, accused);
        _equal(federation.lastValid(), 2);
        judge.proveMalformed(second, later);
        _equal(federation.lastValid(), 2);
    }

    /// @dev K17: a certificate that does not convince convicts nobody, and halts nothing.
    function test_proof_revertsWithACertificateThatDoesNotConvince() external {
        (Proof memory proof, Accused memory accused) = _invalid(hex"00");
        accused.certificate.viewNumber += 1;
        vm.expectRevert();
        judge.proveMalformed(proof, accused);
        _true(!federation.halted());
        Accused memory nobody;
        judge.proveMalformed(proof, nobody);
        _equal(federation.lastValid(), 2);
    }

    /// @dev K18: an output that the exit game paid cannot be spent, however old an origin the anchor names.
    function test_proof_convictsTheSpendOfAPaidOutput() external {
        uint256 id = _exitPaid();
        for (uint256 i = 0; i < 30; ++i) {
            _l1(3_600, 12 hours);
            _block();
            _anchor();
        }
        game.process(address(0), 1);
        _equal(game.consumed(_key(bodies[2][0], 0)), _half(id));
        uint256 before = block.number;
        _l1(1, 12);
        uint32 height = _block(_transfer(BOB_KEY, paid, AMOUNT, alice, FOREVER));
        // The federation claims to have decided the block before the payout.
        originOf[height] = uint64(before - 1);
        history[height] = _historyLeaf(height, 1, harness.leaf(bodies[height][0]), uint64(before - 1));
        bytes memory header = _header(height, Tree.root(history), uint64(before - 1), _l1Hash(before - 1));
        _anchor(header, _certificate(header, _all()));
        judge.proveSpentAfterExit(_proof(height, 0), 0, _proof(2, 0), _nobody());
        _equal(federation.lastValid(), height - 1);
    }

    /// @dev K17: the spend of an output that left later, unchallenged, is no fraud.
    function test_proof_refusesTheSpendBeforeAnExit() external {
        _l1(10, 120);
        uint32 height = _block(_transfer(BOB_KEY, paid, AMOUNT, alice, FOREVER));
        _anchor();
        uint256 id = _exitPaid();
        for (uint256 i = 0; i < 30; ++i) {
            _l1(3_600, 12 hours);
            _block();
            _anchor();
        }
        game.process(address(0), 1);
        vm.expectRevert(
            abi.encodeWithSelector(IFraudProofs.NotPaidBefore.selector, _half(id), anchors[1].time)
        );
        judge.proveSpentAfterExit(_proof(height, 0), 0, _proof(2, 0), _nobody());
    }

    function _nobody() private pure returns (Accused memory accused) {}
}
