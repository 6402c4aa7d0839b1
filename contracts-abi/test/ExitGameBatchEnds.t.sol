// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../contracts/interfaces/IInFlightExits.sol";
import {BatchProof} from "../contracts/types/Batch.sol";
import {Inclusion, Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Batching, Wanted} from "./support/Batching.sol";
import {Forms} from "./support/Forms.sol";

/// @notice How the outputs of a batch end, each for itself.
contract ExitGameBatchEndsTest is Batching {
    uint256 private place;
    Position[5] private positions;
    uint256[5] private units;

    function setUp() external {
        _beginBatching();
        (positions, units) = _fiveOutputs();
        place = _exitAll(_batch(_five()), 5);
    }

    function test_process_paysTheSumAndEveryBondOnce() external {
        uint256 bobs = bob.balance;
        _wait();
        for (uint256 i = 0; i < 5; ++i) {
            _ended(_member(place, i), positions[i], true);
        }
        _equal(game.process(address(0), 9), 1);
        _equal(bob.balance, bobs + 13 * UNIT + 5 * BOND);
        _equal(address(game).balance, 0);
        _equal(vault.held(address(0)), AMOUNT - 13 * UNIT);
        for (uint256 i = 0; i < 5; ++i) {
            _equal(game.consumed(_keyOf(i)), _half(place));
            _true(!_isOpen(_member(place, i)));
        }
        _equal(game.process(address(0), 9), 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.AlreadyPaid.selector, _keyOf(0)));
        this.again(_batch(_five()));
    }

    function again(BatchProof memory proof) external {
        vm.prank(bob);
        game.startExits{value: 5 * BOND}(proof);
    }

    /// @dev K4: each output is struck by what spends it and by nothing else, under its own id alone.
    function test_challengeExit_strikesTheOneOutputThatIsSpent() external {
        for (uint256 i = 0; i < 5; ++i) {
            bytes memory spending = _spend(positions[i], units[i] * UNIT);
            for (uint256 j = 0; j < 5; ++j) {
                if (j == i) continue;
                bytes memory reason = j < i
                    ? abi.encodeWithSelector(IExitGame.ExitUnknown.selector, _member(place, j))
                    : abi.encodeWithSelector(IExitGame.InputDiffers.selector, positions[i], positions[j]);
                vm.expectRevert(reason);
                game.challengeExit(_member(place, j), spending, 0);
            }
            uint256 carols = carol.balance;
            _ended(_member(place, i), positions[i], false);
            vm.prank(carol);
            game.challengeExit(_member(place, i), spending, 0);
            _equal(carol.balance, carols + BOND);
            _true(!_isOpen(_member(place, i)));
            for (uint256 j = i + 1; j < 5; ++j) {
                _true(_isOpen(_member(place, j)));
            }
            vm.expectRevert(abi.encodeWithSelector(IExitGame.ExitUnknown.selector, _member(place, i)));
            game.challengeExit(_member(place, i), spending, 0);
        }
        (uint256 waiting,) = game.queue(address(0));
        _equal(waiting, 1);
        _wait();
        uint256 bobs = bob.balance;
        _equal(game.process(address(0), 9), 1);
        _equal(bob.balance, bobs);
        _equal(address(game).balance, 0);
    }

    function test_process_paysWhatWasNotStruck() external {
        for (uint256 i = 0; i < 5; i += 2) {
            bytes memory spending = _spend(positions[i], units[i] * UNIT);
            vm.prank(carol);
            game.challengeExit(_member(place, i), spending, 0);
        }
        (,, uint16 open, uint256 worth) = game.batch(place);
        _equal(open, 10);
        _equal(worth, 6 * UNIT);
        uint256 bobs = bob.balance;
        _wait();
        _ended(_member(place, 1), positions[1], true);
        _ended(_member(place, 3), positions[3], true);
        game.process(address(0), 9);
        _equal(bob.balance, bobs + 6 * UNIT + 2 * BOND);
        _equal(address(game).balance, 0);
        _equal(game.consumed(_keyOf(0)), 0);
        _equal(game.consumed(_keyOf(1)), _half(place));
        // What was struck may be started again.
        Wanted[] memory wanted = new Wanted[](1);
        wanted[0] = Wanted(3, 0, 2);
        _exitAll(_batch(wanted), 1);
    }

    /// @dev The batch has no exit of its own, and a number above or below names none.
    function test_challengeExit_revertsForAnyOtherNumber() external {
        bytes memory spending = _spend(positions[0], units[0] * UNIT);
        uint256[6] memory ids = [
            place,
            _member(place, 5),
            _member(place, 15),
            _member(place, 16),
            _member(place, 1 << 16),
            _member(place, 0) | (1 << 255)
        ];
        for (uint256 i = 0; i < 6; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IExitGame.ExitUnknown.selector, ids[i]));
            game.challengeExit(ids[i], spending, 0);
        }
        uint256 single = _exit(bob, _proof(3, 0), 1);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.ExitUnknown.selector, _member(single, 0)));
        game.challengeExit(_member(single, 0), spending, 0);
    }

    function test_challengeExit_comparesAssetAmountAndOwner() external {
        bytes memory spending = _spend(positions[0], units[0] * UNIT + 1);
        vm.expectRevert(IExitGame.ValueDiffers.selector);
        game.challengeExit(_member(place, 0), spending, 0);
        spending = _transferOf(address(0x70ce), BOB_KEY, positions[0], units[0] * UNIT, alice, FOREVER);
        vm.expectRevert(IExitGame.ValueDiffers.selector);
        game.challengeExit(_member(place, 0), spending, 0);
        spending = _transfer(CAROL_KEY, positions[0], units[0] * UNIT, alice, FOREVER);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotSpentByOwner.selector, carol, bob));
        game.challengeExit(_member(place, 0), spending, 0);
        spending = _transfer(BOB_KEY, positions[0], units[0] * UNIT, alice, 3);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 3, 4));
        game.challengeExit(_member(place, 0), spending, 0);
    }

    function test_challengeExitIncluded_strikesOne() external {
        bytes memory spending = _transfer(BOB_KEY, positions[3], units[3] * UNIT, alice, 5);
        uint32 height = _include(spending);
        _include(_payFour(99, UNIT));
        _ended(_member(place, 3), positions[3], false);
        game.challengeExitIncluded(_member(place, 3), _proof(height, 0), 0);
        (,, uint16 open,) = game.batch(place);
        _equal(open, 31 - 8);
    }

    /// @dev Two receipts: one stands and costs its output and that bond, the other is rebutted.
    function test_challengeExitProvisionally_isDecidedForEachOutput() external {
        _include(_spend(positions[1], units[1] * UNIT));
        _include(_payFour(98, UNIT));
        Evidence memory standing = _receipt(5, 0);
        Evidence memory forged = _forge(6, _spend(positions[2], units[2] * UNIT));
        vm.startPrank(WATCHER);
        game.challengeExitProvisionally{value: BOND}(_member(place, 1), standing, 0);
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.ClaimStands.selector, 0));
        game.challengeExitProvisionally{value: BOND}(_member(place, 1), standing, 0);
        game.challengeExitProvisionally{value: BOND}(_member(place, 2), forged, 0);
        vm.stopPrank();
        (,, uint16 open, uint256 worth) = game.batch(place);
        _equal(open, 31);
        _equal(worth, 8 * UNIT);
        vm.expectRevert(IInFlightExits.ClaimHolds.selector);
        game.rebutChallenge(_member(place, 1), _proof(5, 0).inclusion);
        Inclusion memory truth = _proof(6, 0).inclusion;
        vm.prank(carol);
        game.rebutChallenge(_member(place, 2), truth);
        vm.expectRevert(abi.encodeWithSelector(IInFlightExits.ClaimUnknown.selector, 0));
        game.rebutChallenge(_member(place, 2), truth);
        uint256 bobs = bob.balance;
        _wait();
        for (uint256 i = 0; i < 5; ++i) {
            _ended(_member(place, i), positions[i], i != 1);
        }
        game.process(address(0), 9);
        _equal(bob.balance, bobs + 9 * UNIT + 4 * BOND);
        _equal(game.credit(address(0), WATCHER), 2 * BOND);
        _equal(address(game).balance, 2 * BOND);
    }

    function test_challengeExitProvisionally_thatNothingCoversCostsNobody() external {
        _block(_spend(positions[1], units[1] * UNIT));
        Evidence memory receipt = _receipt(5, 0);
        vm.prank(WATCHER);
        game.challengeExitProvisionally{value: BOND}(_member(place, 1), receipt, 0);
        uint256 bobs = bob.balance;
        _wait();
        game.process(address(0), 9);
        _equal(bob.balance, bobs + 13 * UNIT + 5 * BOND);
        _equal(game.credit(address(0), WATCHER), BOND);
    }

    /// @dev One challenge ends what another waits for: the claimant has its bond back, and nothing is left to rebut.
    function test_challengeExit_returnsTheBondOfAProvisionalOne() external {
        _include(_spend(positions[1], units[1] * UNIT));
        Evidence memory receipt = _receipt(5, 0);
        vm.prank(WATCHER);
        game.challengeExitProvisionally{value: BOND}(_member(place, 1), receipt, 0);
        uint256 carols = carol.balance;
        vm.prank(carol);
        game.challengeExit(_member(place, 1), receipt.transaction, 0);
        _equal(carol.balance, carols + BOND);
        _equal(game.credit(address(0), WATCHER), BOND);
        _equal(address(game).balance, 5 * BOND);
        uint256 bobs = bob.balance;
        _wait();
        game.process(address(0), 9);
        _equal(bob.balance, bobs + 9 * UNIT + 4 * BOND);
        _equal(address(game).balance, BOND);
    }

    /// @dev K1: what another exit paid meanwhile is not paid again, and its bond goes back.
    function test_process_paysNothingTwice() external {
        uint256 bobs = bob.balance;
        uint256 single = _exit(bob, _proof(4, 1), 1);
        uint256 second = _exitAll(_batch(_five()), 5);
        _wait();
        // Equal times: the older output first, then the earlier number. The batch lies at its youngest output.
        _ended(single, positions[3], true);
        for (uint256 i = 0; i < 5; ++i) {
            _ended(_member(place, i), positions[i], i != 3);
        }
        for (uint256 i = 0; i < 5; ++i) {
            _ended(_member(second, i), positions[i], false);
        }
        _equal(game.process(address(0), 9), 3);
        _equal(bob.balance, bobs + 13 * UNIT + 5 * BOND);
        _equal(address(game).balance, 0);
    }

    /// @dev I5: a batch leaves no sooner than its youngest output would alone.
    function test_process_ordersABatchByItsYoungestOutput() external {
        uint256 older = _exit(bob, _proof(4, 4), 2);
        uint256 younger = _exit(bob, _proof(4, 4), 3);
        _wait();
        (, uint256 next) = game.queue(address(0));
        _equal(next, older);
        _equal(game.process(address(0), 1), 1);
        (, next) = game.queue(address(0));
        _equal(next, place);
        game.process(address(0), 1);
        (, next) = game.queue(address(0));
        _equal(next, younger);
    }

    /// @dev A void output ends unpaid with its bond; the older ones are paid.
    function test_process_paysWhatLiesBelowTheLastValidHeight() external {
        _halt(3);
        bytes memory spending = _spend(positions[2], units[2] * UNIT);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.HeightVoid.selector, 4, 3));
        game.challengeExit(_member(place, 2), spending, 0);
        (,,, uint256 worth) = game.batch(place);
        _equal(worth, 6 * UNIT);
        uint256 bobs = bob.balance;
        _wait();
        for (uint256 i = 0; i < 5; ++i) {
            _ended(_member(place, i), positions[i], i < 2);
        }
        game.process(address(0), 9);
        _equal(bob.balance, bobs + 6 * UNIT + 5 * BOND);
    }

    /// @dev Without one valid output nothing is paid and every bond goes back.
    function test_process_ofAVoidBatchReturnsTheBonds() external {
        _halt(2);
        uint256 bobs = bob.balance;
        _wait();
        game.process(address(0), 9);
        _equal(bob.balance, bobs + 5 * BOND);
        _equal(address(game).balance, 0);
    }

    /// @dev I10: a deposit that two blocks fund is paid once, though it stands twice in a batch.
    function test_process_paysADepositOnceHoweverOftenItWasFunded() external {
        vm.prank(bob);
        vault.deposit{value: 1 ether}();
        bytes[] memory body = new bytes[](2);
        (body[0], body[1]) = (Forms.fund(1, bob, 1 ether), Forms.fund(1, bob, 1 ether));
        uint32 height = _block(body);
        _l1(5, 60);
        _anchor();
        Wanted[] memory wanted = new Wanted[](2);
        (wanted[0], wanted[1]) = (Wanted(height, 0, 1), Wanted(height, 1, 1));
        uint256 twice = _exitAll(_batch(wanted), 2);
        _l1(10, 2 * PERIOD);
        // The older batch leaves first.
        game.process(address(0), 1);
        _ended(_member(twice, 0), toPosition(height, 0, 0), true);
        _ended(_member(twice, 1), toPosition(height, 1, 0), false);
        uint256 bobs = bob.balance;
        game.process(address(0), 1);
        _equal(bob.balance, bobs + 1 ether + 2 * BOND);
    }

    function _keyOf(uint256 i) private view returns (bytes32) {
        return _key(bodies[positions[i].blockOf()][positions[i].transactionOf()], positions[i].outputOf());
    }
}
