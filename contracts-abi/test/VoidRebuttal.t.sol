// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IInFlightExits} from "../contracts/interfaces/IInFlightExits.sol";
import {Inclusion, Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Pending} from "../contracts/types/InFlight.sol";
import {Forms} from "./support/Forms.sol";
import {InFlight} from "./support/InFlight.sol";

/// @notice A receipt can be false of a block that became void, and then it must be taken back as any other: an exit of an
/// expired payment rests on nothing else.
contract VoidRebuttalTest is InFlight {
    uint32 private constant FALSELY_TOLD = 3;

    bytes private expired;

    function setUp() external {
        _beginInFlight();
        expired = _payment(FALSELY_TOLD);
    }

    /// @notice Bob's payment expired in no block. He rebuts its false receipt, and a second one that comes with the halt.
    function test_rebut_ofAReceiptThatAHaltMadeVoid_endsTheExitUnpaid() external {
        (uint256 id, Evidence memory receipt) = _startFalsely();
        Inclusion memory truth = _truth(FALSELY_TOLD);
        inFlight.rebut(id, 1, truth);
        _at(id, PERIOD * 3 / 4 - 1);
        Pending memory pending = _pending(expired);
        vm.prank(carol);
        inFlight.respondNotCanonical{value: BOND}(id, pending, receipt);
        _halt(2);
        uint256 bobs = bob.balance;
        vm.prank(bob);
        inFlight.rebut(id, 1, truth);
        _equal(bob.balance, bobs + BOND);
        _due(id, 0, 0);
        _equal(vault.held(address(0)), AMOUNT);
    }

    /// @notice What the void block does hold stands, and leaves.
    function test_rebut_ofWhatTheVoidBlockHolds_reverts() external {
        uint32 height = _include(expired);
        _include(Forms.fund(0, alice, AMOUNT));
        Evidence memory receipt = _receipt(height, 0);
        Proof[] memory inputs = _inputs();
        vm.prank(carol);
        uint256 id = inFlight.startInFlightExit{value: 2 * BOND}(receipt, inputs);
        _piggyback(id, expired, carol, 0);
        _halt(2);
        Inclusion memory truth = _truth(height);
        vm.expectRevert(IInFlightExits.ClaimHolds.selector);
        inFlight.rebut(id, 1, truth);
        _due(id, 1, 1);
    }

    function _startFalsely() private returns (uint256 id, Evidence memory receipt) {
        _block(Forms.fund(0, alice, AMOUNT));
        _include(Forms.fund(0, alice, AMOUNT));
        receipt = _forge(FALSELY_TOLD, expired);
        Proof[] memory inputs = _inputs();
        vm.prank(carol);
        id = inFlight.startInFlightExit{value: 2 * BOND}(receipt, inputs);
        _piggyback(id, expired, carol, 0);
    }
}
