// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {PlasmaTransaction} from "../contracts/libraries/PlasmaTransaction.sol";
import {Signing} from "../contracts/libraries/Signing.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Exits} from "./support/Exits.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";

contract ExitGameChallengeTest is Exits {
    address private constant WATCHER = address(0x3a7c4e5);
    uint256 private id;

    function setUp() external {
        _begin();
        id = _exitPaid();
    }

    function test_challengeExit_endsTheExitOfASpentOutput() external {
        bytes memory spending = _spend(FOREVER);
        _ended(id, paid, false);
        vm.prank(WATCHER);
        game.challengeExit(id, spending, 0);
        _true(!_isOpen(id));
        _equal(WATCHER.balance, BOND);
        _equal(address(game).balance, 0);
        _wait();
        uint256 before = bob.balance;
        _equal(game.process(address(0), 10), 1);
        _equal(bob.balance, before);
        _equal(game.consumed(_key(bodies[2][0], 0)), 0);
    }

    function test_challengeExit_worksUntilThePayout() external {
        bytes memory spending = _spend(FOREVER);
        vm.warp((id >> 112) + 30 days);
        game.challengeExit(id, spending, 0);
        _true(!_isOpen(id));
    }

    function test_challengeExit_revertsASecondTime() external {
        bytes memory spending = _spend(FOREVER);
        game.challengeExit(id, spending, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.ExitUnknown.selector, id));
        game.challengeExit(id, spending, 0);
    }

    function test_challengeExit_revertsAfterThePayout() external {
        _wait();
        game.process(address(0), 1);
        _refused(_spend(FOREVER), 0, abi.encodeWithSelector(IExitGame.ExitUnknown.selector, id));
    }

    function test_challengeExit_leavesAnotherExitOfTheOutputOpen() external {
        uint256 second = _exitPaid();
        game.challengeExit(id, _spend(FOREVER), 0);
        _true(!_isOpen(id) && _isOpen(second));
    }

    function test_challengeExit_outputMayBeExitedAgainAfterwards() external {
        game.challengeExit(id, _spend(FOREVER), 0);
        uint256 again = _exitPaid();
        _true(again != id && _isOpen(again));
    }

    function test_challengeExit_revertsWhenSomebodyElseSigned() external {
        bytes memory spending = _transfer(ALICE_KEY, paid, AMOUNT, alice, FOREVER);
        _refused(spending, 0, abi.encodeWithSelector(IExitGame.NotSpentByOwner.selector, alice, bob));
    }

    function test_challengeExit_revertsForAnotherOutput() external {
        for (uint8 output = 1; output < 5; ++output) {
            Position other = toPosition(2, 0, output);
            bytes memory spending = _transfer(BOB_KEY, other, AMOUNT, alice, FOREVER);
            _refused(spending, 0, abi.encodeWithSelector(IExitGame.InputDiffers.selector, other, paid));
        }
        _refused(
            _transfer(BOB_KEY, toPosition(1, 0, 0), AMOUNT, alice, FOREVER),
            0,
            abi.encodeWithSelector(IExitGame.InputDiffers.selector, toPosition(1, 0, 0), paid)
        );
        _refused(
            _transfer(BOB_KEY, toPosition(2, 1, 0), AMOUNT, alice, FOREVER),
            0,
            abi.encodeWithSelector(IExitGame.InputDiffers.selector, toPosition(2, 1, 0), paid)
        );
    }

    /// @dev Whatever input of whatever transaction, only the one that names the output counts.
    function test_challengeExitIncluded_acceptsExactlyTheInputThatNamesTheOutput() external {
        for (uint8 count = 1; count <= 4; ++count) {
            for (uint8 named = 0; named < count; ++named) {
                uint32 height = _block(_spendAmong(count, named));
                _l1(5, 60);
                _anchor();
                Proof memory spending = _proof(height, 0);
                for (uint8 input = 0; input < 6; ++input) {
                    uint256 open = _exitPaid();
                    if (input != named) {
                        vm.expectRevert(
                            input < count
                                ? abi.encodeWithSelector(
                                    IExitGame.InputDiffers.selector, toPosition(90, input, 0), paid
                                )
                                : abi.encodeWithSelector(PlasmaTransaction.InputOutside.selector, input)
                        );
                    }
                    game.challengeExitIncluded(open, spending, input);
                    _true(_isOpen(open) == (input != named));
                }
            }
        }
    }

    function _spendAmong(uint8 count, uint8 named) private view returns (bytes memory) {
        Spend[] memory inputs = new Spend[](count);
        for (uint8 i = 0; i < count; ++i) {
            inputs[i] = Spend({position: i == named ? paid : toPosition(90, i, 0), amount: AMOUNT});
        }
        Pay[] memory outputs = Forms.one(Pay({owner: alice, amount: AMOUNT * count}));
        return _signed(BOB_KEY, Forms.unsigned(5, address(0), FOREVER, inputs, outputs));
    }

    function test_challengeExit_revertsForAnotherAmountOrAsset() external {
        bytes memory reason = abi.encodeWithSelector(IExitGame.ValueDiffers.selector);
        _refused(_transfer(BOB_KEY, paid, AMOUNT - 1, alice, FOREVER), 0, reason);
        _refused(_transfer(BOB_KEY, paid, AMOUNT + (uint256(1) << 96), alice, FOREVER), 0, reason);
        Spend[] memory inputs = Forms.one(Spend({position: paid, amount: AMOUNT}));
        Pay[] memory outputs = Forms.one(Pay({owner: alice, amount: AMOUNT}));
        bytes memory token = Forms.unsigned(5, address(7), FOREVER, inputs, outputs);
        _refused(_signed(BOB_KEY, token), 0, reason);
    }

    function test_challengeExit_revertsForTransactionsThatNoBlockMayHold() external {
        Spend[] memory inputs = Forms.one(Spend({position: paid, amount: AMOUNT}));
        Pay[] memory outputs = Forms.one(Pay({owner: alice, amount: AMOUNT + 1}));
        bytes memory minting = _signed(BOB_KEY, Forms.unsigned(5, address(0), FOREVER, inputs, outputs));
        _refused(minting, 0, abi.encodeWithSelector(PlasmaTransaction.Unbalanced.selector));
        bytes memory long = bytes.concat(_spend(FOREVER), hex"00");
        _refused(long, 0, abi.encodeWithSelector(PlasmaTransaction.TransactionLength.selector, 186, 185));
    }

    function test_challengeExit_revertsForAFundTransaction() external {
        // The deposit's own output has position zero as its input, and nobody's signature.
        bytes memory fund = Forms.fund(0, bob, AMOUNT);
        _refused(fund, 0, abi.encodeWithSelector(IExitGame.InputDiffers.selector, Position.wrap(0), paid));
    }

    function test_challengeExit_revertsForMalleatedSignatures() external {
        bytes memory spending = _spend(FOREVER);
        bytes memory reason = abi.encodeWithSelector(Signing.SignatureRefused.selector);
        uint256 start = spending.length - 65;
        bytes32 r;
        bytes32 s;
        uint8 v = uint8(spending[start + 64]);
        assembly ("memory-safe") {
            r := mload(add(add(spending, 0x20), start))
            s := mload(add(add(spending, 0x40), start))
        }
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        _refused(Forms.sealing(spending, r, bytes32(order - uint256(s)), 55 - v), 0, reason);
        _refused(Forms.sealing(spending, r, s, v - 27), 0, reason);
        _refused(Forms.sealing(spending, 0, 0, 27), 0, reason);
    }

    function test_challengeExit_revertsForASignatureForAnotherDeploymentOrChain() external {
        Spend[] memory inputs = Forms.one(Spend({position: paid, amount: AMOUNT}));
        Pay[] memory outputs = Forms.one(Pay({owner: alice, amount: AMOUNT}));
        bytes memory form = Forms.unsigned(5, address(0), FOREVER, inputs, outputs);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BOB_KEY, harness.digest(form, address(game)));
        _refusedUnsigned(Forms.sealing(form, r, s, v));
        bytes memory here = _spend(FOREVER);
        vm.chainId(1);
        _refusedUnsigned(here);
    }

    function test_challengeExit_acceptsLegacyTransactions() external {
        Spend[] memory inputs = Forms.one(Spend({position: paid, amount: AMOUNT}));
        Pay[] memory outputs = new Pay[](2);
        outputs[0] = Pay({owner: alice, amount: 1 ether});
        outputs[1] = Pay({owner: bob, amount: AMOUNT - 1 ether});
        bytes memory split = _signed(BOB_KEY, Forms.unsigned(1, address(0), FOREVER, inputs, outputs));
        game.challengeExit(id, split, 0);
        _true(!_isOpen(id));
    }

    function test_challengeExit_revertsForAnExpiredSpend() external {
        // Anchored are heights 1 and 2: a payment that expired at 1 can never be included.
        _refused(_spend(1), 0, abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 1, 2));
        // One that may still be in block 2, or later, counts.
        game.challengeExit(id, _spend(2), 0);
        _true(!_isOpen(id));
    }

    function test_challengeExit_expiryCountsAgainstTheLastAnchorAlsoAfterAHalt() external {
        _block();
        _block();
        _l1(5, 60);
        _anchor();
        bytes memory reason = abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 2, 4);
        _refused(_spend(2), 0, reason);
        _halt(2);
        _refused(_spend(2), 0, reason);
        game.challengeExit(id, _spend(4), 0);
        _true(!_isOpen(id));
    }

    function test_challengeExitIncluded_countsAnExpiredSpendThatIsIncludedInTime() external {
        uint32 height = _block(_spend(3));
        _block();
        _l1(5, 60);
        _anchor();
        bytes memory spending = bodies[height][0];
        _refused(spending, 0, abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 3, 4));
        Proof memory proof = _proof(height, 0);
        _ended(id, paid, false);
        vm.prank(WATCHER);
        game.challengeExitIncluded(id, proof, 0);
        _equal(WATCHER.balance, BOND);
    }

    function test_challengeExitIncluded_revertsForAnInclusionTooLate() external {
        _block();
        uint32 height = _block(_spend(3));
        _l1(5, 60);
        _anchor();
        _refusedIncluded(_proof(height, 0), abi.encodeWithSelector(IExitGame.SpendingExpired.selector, 3, 4));
    }

    function test_challengeExitIncluded_revertsForAnInclusionThatALaterAnchorClaims() external {
        // Block 1 held something else when it was anchored.
        bytes memory spending = _spend(1);
        bytes32 leaf = keccak256(abi.encodePacked(uint8(0), spending));
        _block();
        history[1] = _historyLeaf(1, 1, leaf, originOf[1]);
        leavesOf[1][0] = leaf;
        bodies[1][0] = spending;
        _l1(5, 60);
        bytes memory header = _header();
        _anchor(header, _certificate(header, _all()));
        _refusedIncluded(
            _proof(1, 0, anchors[1]), abi.encodeWithSelector(IExitGame.NotFirstCovering.selector, 1, 2, 3)
        );
        _refusedIncluded(
            _proof(1, 0, anchors[0]), abi.encodeWithSelector(IExitGame.BlockNotInHistory.selector, 1)
        );
    }

    /// @dev There it had not expired, so it is as one that is in no block.
    function test_challengeExitIncluded_countsAnInclusionThatIsVoid() external {
        uint32 height = _block(_spend(3));
        _l1(5, 60);
        _anchor();
        _halt(2);
        game.challengeExitIncluded(id, _proof(height, 0), 0);
        _true(!_isOpen(id));
    }

    function test_challengeExit_revertsForAVoidExit() external {
        bytes memory spending = _spend(FOREVER);
        _halt(1);
        _refused(spending, 0, abi.encodeWithSelector(IExitGame.HeightVoid.selector, 2, 1));
    }

    function testFuzz_challengeExit_noForeignKeyEndsAnExit(uint256 key) external {
        key = 1 + key % (type(uint128).max);
        vm.assume(key != BOB_KEY);
        bytes memory spending = _transfer(key, paid, AMOUNT, alice, FOREVER);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotSpentByOwner.selector, vm.addr(key), bob));
        game.challengeExit(id, spending, 0);
    }

    function _spend(uint32 expiry) private view returns (bytes memory) {
        return _transfer(BOB_KEY, paid, AMOUNT, alice, expiry);
    }

    function _refused(bytes memory spending, uint8 input, bytes memory reason) private {
        vm.expectRevert(reason);
        game.challengeExit(id, spending, input);
    }

    function _refusedIncluded(Proof memory proof, bytes memory reason) private {
        vm.expectRevert(reason);
        game.challengeExitIncluded(id, proof, 0);
    }

    /// @dev The signature recovers to somebody, but not to Bob.
    function _refusedUnsigned(bytes memory spending) private {
        (bool accepted, bytes memory reason) =
            address(game).call(abi.encodeCall(game.challengeExit, (id, spending, 0)));
        _true(!accepted);
        _equal(bytes32(bytes4(reason)), bytes32(IExitGame.NotSpentByOwner.selector));
        _true(_isOpen(id));
    }
}
