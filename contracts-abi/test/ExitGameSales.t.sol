// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {toPosition} from "../contracts/types/Position.sol";
import {Offer} from "../contracts/types/Sale.sol";
import {Estate, Selling} from "./support/Selling.sol";
import {Wanted} from "./support/Batching.sol";

contract ExitGameSalesTest is Selling {
    /// @dev The order of secp256k1.
    uint256 private constant ORDER_OF_KEYS =
        0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function setUp() external {
        _beginSelling();
    }

    function test_buyExit_givesTheBuyerPayoutAndBond() external {
        Offer memory offer = _offer();
        bytes memory signature = _sealed(BOB_KEY, offer);
        (uint256 bobs, uint256 carols) = (bob.balance, carol.balance);
        vm.expectEmit(true, true, true, true, address(game));
        emit IExitGame.ExitSold(exit, bob, carol, PRICE);
        _buy(carol, offer, signature);
        (address holder, uint64 sequence, bytes32 offered) = game.sale(exit);
        _equal(holder, carol);
        _equal(sequence, 1);
        _equal(offered, 0);
        _equal(game.credit(address(0), bob), PRICE);
        _equal(game.exits(exit).owner, bob);
        _equal(address(game).balance, BOND + PRICE);
        vm.prank(bob);
        game.withdrawCredit(address(0), bob);
        _equal(bob.balance, bobs + PRICE);
        _wait();
        _ended(exit, paid, true);
        game.process(address(0), 1);
        _equal(carol.balance, carols - PRICE + AMOUNT + BOND);
        _equal(bob.balance, bobs + PRICE);
        _equal(address(game).balance, 0);
        _equal(_holder(exit), address(0));
    }

    function test_offerDigest_isThatOfTheDocument() external view {
        Offer memory offer = _offer();
        _equal(harness.offerDigest(offer, address(federation)), _digestOf(offer));
    }

    /// @dev Whatever the holder signed is all that it sold.
    function test_buyExit_revertsWhenAnythingOfTheOfferDiffers() external {
        bytes memory signature = _sealed(BOB_KEY, _offer());
        Offer memory offer = _offer();
        offer.price -= 1;
        _notOffered(offer, signature);
        offer = _offer();
        offer.buyer = carol;
        _notOffered(offer, signature);
        offer = _offer();
        offer.deadline += 1;
        _notOffered(offer, signature);
        offer = _offer();
        offer.amount -= 1;
        bytes4 differs = IExitGame.WorthDiffers.selector;
        _unsold(carol, offer, signature, abi.encodeWithSelector(differs, AMOUNT, AMOUNT - 1));
        offer = _offer();
        offer.sequence = 1;
        _unsold(carol, offer, signature, abi.encodeWithSelector(IExitGame.OfferStale.selector, 1, 0));
        // Another exit of the same output.
        offer = _offer();
        offer.exit = _exitPaid();
        _notOffered(offer, signature);
        offer.exit = exit ^ 1;
        _unsold(carol, offer, signature, abi.encodeWithSelector(IExitGame.ExitUnknown.selector, offer.exit));
        _buy(carol, _offer(), signature);
    }

    function test_buyExit_takesExactlyThePrice() external {
        Offer memory offer = _offer();
        bytes memory signature = _sealed(BOB_KEY, offer);
        uint256[3] memory sent = [uint256(0), PRICE - 1, PRICE + 1];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IExitGame.PriceDiffers.selector, sent[i], PRICE));
            vm.prank(carol);
            game.buyExit{value: sent[i]}(offer, signature);
        }
    }

    function test_buyExit_untilTheDeadlineByTheOneItIsFor() external {
        Offer memory offer = _offer();
        offer.buyer = dave;
        bytes memory signature = _sealed(BOB_KEY, offer);
        _unsold(carol, offer, signature, abi.encodeWithSelector(IExitGame.NotBuyer.selector, dave));
        vm.warp(offer.deadline + 1);
        bytes memory late = abi.encodeWithSelector(IExitGame.OfferExpired.selector, offer.deadline);
        _unsold(dave, offer, signature, late);
        vm.warp(offer.deadline);
        _buy(dave, offer, signature);
        _equal(_holder(exit), dave);
    }

    /// @dev K60, K61: an offer is for one chain and one deployment.
    function test_buyExit_revertsForOffersOfOtherDeployments() external {
        Offer memory offer = _offer();
        address[3] memory others = [address(game), address(vault), address(0)];
        for (uint256 i = 0; i < 3; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(BOB_KEY, _digestOf(offer, block.chainid, others[i]));
            _notOffered(offer, abi.encodePacked(r, s, v));
        }
        bytes memory signature = _sealed(BOB_KEY, offer);
        uint256 home = block.chainid;
        vm.chainId(home + 1);
        _notOffered(offer, signature);
        vm.chainId(home);
        _buy(carol, offer, signature);
    }

    /// @dev K20: every signature has one form, and nobody is never the signer.
    function test_buyExit_revertsForOtherFormsOfASignature() external {
        Offer memory offer = _offer();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BOB_KEY, _digestOf(offer));
        bytes32 high = bytes32(ORDER_OF_KEYS - uint256(s));
        _notOffered(offer, abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27)));
        _notOffered(offer, abi.encodePacked(r, s, v == 27 ? uint8(28) : uint8(27)));
        _notOffered(offer, abi.encodePacked(r, s, v - 27));
        _notOffered(offer, abi.encodePacked(r, s, v + 2));
        _notOffered(offer, abi.encodePacked(r, s));
        _notOffered(offer, abi.encodePacked(r, s, v, uint8(0)));
        _notOffered(offer, abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255)));
        _notOffered(offer, abi.encodePacked(bytes32(0), s, v));
        _notOffered(offer, abi.encodePacked(r, bytes32(0), v));
        _notOffered(offer, new bytes(65));
        _notOffered(offer, "");
        _buy(carol, offer, abi.encodePacked(r, s, v));
    }

    /// @dev Nobody but the holder sells, from the moment it changed.
    function test_buyExit_revertsForOffersOfAnybodyElse() external {
        _notOffered(_offer(), _sealed(CAROL_KEY, _offer()));
        _notOffered(_offer(), _sealed(ALICE_KEY, _offer()));
        _buy(carol, _offer(), _sealed(BOB_KEY, _offer()));
        Offer memory next = _offer();
        next.sequence = 1;
        _unsold(dave, next, _sealed(BOB_KEY, next), abi.encodeWithSelector(IExitGame.NotOffered.selector));
        _buy(dave, next, _sealed(CAROL_KEY, next));
        _equal(_holder(exit), dave);
        _equal(game.credit(address(0), carol), PRICE);
    }

    /// @dev An offer counts once: not after the exit was sold, nor after the seller bought it back.
    function test_buyExit_revertsForAnOfferThatWasTaken() external {
        Offer memory offer = _offer();
        bytes memory signature = _sealed(BOB_KEY, offer);
        _buy(carol, offer, signature);
        bytes4 stale = IExitGame.OfferStale.selector;
        _unsold(dave, offer, signature, abi.encodeWithSelector(stale, 0, 1));
        Offer memory back = _offer();
        back.sequence = 1;
        _buy(bob, back, _sealed(CAROL_KEY, back));
        _equal(_holder(exit), bob);
        _unsold(dave, offer, signature, abi.encodeWithSelector(stale, 0, 2));
        _unsold(dave, back, _sealed(CAROL_KEY, back), abi.encodeWithSelector(stale, 1, 2));
    }

    function test_buyExit_revertsOnceTheExitEnded() external {
        Offer memory offer = _offer();
        offer.deadline = type(uint64).max;
        bytes memory signature = _sealed(BOB_KEY, offer);
        bytes memory unknown = abi.encodeWithSelector(IExitGame.ExitUnknown.selector, exit);
        uint256 before = vm.snapshotState();
        game.challengeExit(exit, _rival(FOREVER), 0);
        _unsold(carol, offer, signature, unknown);
        // A new exit of the same output has another id.
        _true(_exitPaid() != exit);
        _unsold(carol, offer, signature, unknown);
        vm.revertToState(before);
        _wait();
        game.process(address(0), 1);
        _unsold(carol, offer, signature, unknown);
        vm.expectRevert(unknown);
        game.offerExit(offer);
    }

    /// @dev A challenge asks who owned the output. Who bought the exit spends nothing by its signature.
    function test_challengeExit_ofASoldExitComparesTheOwner() external {
        uint32 foreign = _include(_transfer(CAROL_KEY, paid, AMOUNT, alice, FOREVER));
        uint32 own = _include(_rival(FOREVER));
        _buy(carol, _offer(), _sealed(BOB_KEY, _offer()));
        Proof memory spending = _proof(foreign, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotSpentByOwner.selector, carol, bob));
        game.challengeExitIncluded(exit, spending, 0);
        uint256 carols = carol.balance;
        uint256 watchers = WATCHER.balance;
        spending = _proof(own, 0);
        vm.prank(WATCHER);
        game.challengeExitIncluded(exit, spending, 0);
        _equal(WATCHER.balance, watchers + BOND);
        _wait();
        game.process(address(0), 1);
        _equal(carol.balance, carols);
        _equal(game.credit(address(0), bob), PRICE);
    }

    /// @dev The bond of a void exit goes to who holds it.
    function test_process_returnsTheBondOfAVoidExitToItsHolder() external {
        _buy(carol, _offer(), _sealed(BOB_KEY, _offer()));
        _halt(1);
        uint256 carols = carol.balance;
        _wait();
        _ended(exit, paid, false);
        game.process(address(0), 1);
        _equal(carol.balance, carols + BOND);
    }

    /// @dev Nobody buys what would not be paid: void, challenged by a receipt, or paid by another exit.
    function test_buyExit_revertsForWhatIsWorthNothing() external {
        Offer memory offer = _offer();
        offer.deadline = type(uint64).max;
        bytes memory signature = _sealed(BOB_KEY, offer);
        bytes memory nothing = abi.encodeWithSelector(IExitGame.WorthDiffers.selector, 0, AMOUNT);
        uint256 before = vm.snapshotState();
        _halt(1);
        _unsold(carol, offer, signature, nothing);
        offer.amount = 0;
        bytes memory zero = _sealed(BOB_KEY, offer);
        _unsold(carol, offer, zero, abi.encodeWithSelector(IExitGame.WorthDiffers.selector, 0, 0));
        offer.amount = AMOUNT;
        vm.revertToState(before);
        _include(_rival(FOREVER));
        Evidence memory receipt = _receipt(5, 0);
        vm.prank(WATCHER);
        game.challengeExitProvisionally{value: BOND}(exit, receipt, 0);
        _unsold(carol, offer, signature, nothing);
        vm.revertToState(before);
        uint256 second = _exitPaid();
        _wait();
        game.process(address(0), 1);
        offer.exit = second;
        _unsold(carol, offer, _sealed(BOB_KEY, offer), nothing);
    }

    /// @dev A rebutted challenge leaves the exit as it was.
    function test_buyExit_afterARebuttal() external {
        _include(_payFour(98, UNIT));
        Evidence memory forged = _forge(5, _rival(FOREVER));
        vm.prank(WATCHER);
        game.challengeExitProvisionally{value: BOND}(exit, forged, 0);
        game.rebutChallenge(exit, _proof(5, 0).inclusion);
        _buy(carol, _offer(), _sealed(BOB_KEY, _offer()));
        _wait();
        uint256 carols = carol.balance;
        game.process(address(0), 1);
        _equal(carol.balance, carols + AMOUNT + BOND);
    }

    receive() external payable {}
}

/// @notice Offers by a call, and batches.
contract ExitGameOffersTest is Selling {
    function setUp() external {
        _beginSelling();
    }

    /// @dev A contract owns an output, and cannot sign: what it sells nobody can spend afterwards.
    function test_offerExit_sellsForAContract() external {
        Estate estate = new Estate();
        uint32 height = _include(_transfer(ALICE_KEY, funded, AMOUNT, address(estate), 1000));
        Proof memory proof = _proof(height, 0);
        exit = estate.exit{value: BOND}(game, proof, BOND);
        Offer memory offer = _offer();
        _notOffered(offer, "");
        offer.sequence = 1;
        vm.expectEmit(true, true, true, true, address(game));
        emit IExitGame.ExitOffered(exit, address(estate), offer);
        estate.offer(game, offer);
        (address holder, uint64 sequence, bytes32 offered) = game.sale(exit);
        _equal(holder, address(estate));
        _equal(sequence, 1);
        _equal(offered, _digestOf(offer));
        _buy(carol, offer, "");
        _equal(_holder(exit), carol);
        _equal(game.credit(address(0), address(estate)), PRICE);
        // It was one offer of one sale.
        _unsold(dave, offer, "", abi.encodeWithSelector(IExitGame.OfferStale.selector, 1, 2));
        offer.sequence = 2;
        _unsold(dave, offer, "", abi.encodeWithSelector(IExitGame.NotOffered.selector));
        uint256 carols = carol.balance;
        _wait();
        game.process(address(0), 9);
        _true(carol.balance >= carols + AMOUNT);
    }

    function test_offerExit_onlyByTheHolder() external {
        Offer memory offer = _offer();
        offer.sequence = 1;
        vm.prank(carol);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotHolder.selector, bob));
        game.offerExit(offer);
        _buy(carol, _offer(), _sealed(BOB_KEY, _offer()));
        offer.sequence = 2;
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.NotHolder.selector, carol));
        game.offerExit(offer);
        vm.prank(carol);
        game.offerExit(offer);
        _buy(dave, offer, "");
        _equal(_holder(exit), dave);
    }

    /// @dev A call takes back what was offered before, signed or by a call.
    function test_offerExit_replacesEveryOfferBefore() external {
        Offer memory signed = _offer();
        bytes memory signature = _sealed(BOB_KEY, signed);
        Offer memory first = _offer();
        first.sequence = 1;
        vm.prank(bob);
        game.offerExit(first);
        _unsold(carol, signed, signature, abi.encodeWithSelector(IExitGame.OfferStale.selector, 0, 1));
        Offer memory second = _offer();
        (second.sequence, second.deadline) = (2, 0);
        uint64[3] memory wrong = [uint64(0), 1, 3];
        for (uint256 i = 0; i < 3; ++i) {
            second.sequence = wrong[i];
            vm.prank(bob);
            vm.expectRevert(abi.encodeWithSelector(IExitGame.OfferStale.selector, wrong[i], 2));
            game.offerExit(second);
        }
        second.sequence = 2;
        vm.prank(bob);
        game.offerExit(second);
        _unsold(carol, first, "", abi.encodeWithSelector(IExitGame.OfferStale.selector, 1, 2));
        _unsold(carol, second, "", abi.encodeWithSelector(IExitGame.OfferExpired.selector, 0));
    }

    /// @dev A batch is sold as a whole; its outputs are still challenged one by one.
    function test_buyExit_ofABatch() external {
        uint256 place = _exitAll(_batch(_five()), 5);
        bytes memory spending = _spend(toPosition(3, 0, 1), 2 * UNIT);
        uint32 height = _include(spending);
        Offer memory offer = _offer();
        (offer.exit, offer.amount, offer.price) = (_member(place, 0), 2 * UNIT, UNIT);
        bytes memory unknown = abi.encodeWithSelector(IExitGame.ExitUnknown.selector, offer.exit);
        _unsold(carol, offer, _sealed(BOB_KEY, offer), unknown);
        (offer.exit, offer.amount, offer.price) = (place, 13 * UNIT, 12 * UNIT);
        bytes memory signature = _sealed(BOB_KEY, offer);
        uint256 before = vm.snapshotState();
        // What is challenged before the sale changes what was offered.
        game.challengeExit(_member(place, 0), spending, 0);
        bytes memory less = abi.encodeWithSelector(IExitGame.WorthDiffers.selector, 11 * UNIT, 13 * UNIT);
        _unsold(carol, offer, signature, less);
        vm.revertToState(before);
        _buy(carol, offer, signature);
        _equal(_holder(place), carol);
        _equal(game.credit(address(0), bob), 12 * UNIT);
        game.challengeExitIncluded(_member(place, 0), _proof(height, 0), 0);
        uint256 carols = carol.balance;
        uint256 bobs = bob.balance;
        _wait();
        game.process(address(0), 9);
        _equal(carol.balance, carols + 11 * UNIT + 4 * BOND);
        // The other exit is Bob's.
        _equal(bob.balance, bobs + AMOUNT + BOND);
    }

    /// @dev What another exit paid is no part of what is sold.
    function test_buyExit_ofABatchCountsNothingTwice() external {
        _exit(bob, _proof(4, 1), 0);
        uint256 place = _exitAll(_batch(_five()), 5);
        _wait();
        game.process(address(0), 2);
        Offer memory offer = _offer();
        offer.deadline = type(uint64).max;
        (offer.exit, offer.amount) = (place, 13 * UNIT);
        bytes memory less = abi.encodeWithSelector(IExitGame.WorthDiffers.selector, 12 * UNIT, 13 * UNIT);
        _unsold(carol, offer, _sealed(BOB_KEY, offer), less);
        offer.amount = 12 * UNIT;
        _buy(carol, offer, _sealed(BOB_KEY, offer));
    }

    /// @dev A batch of which nothing is left is not sold.
    function test_buyExit_revertsForABatchOfNothing() external {
        Wanted[] memory wanted = new Wanted[](1);
        wanted[0] = Wanted(3, 0, 1);
        uint256 place = _exitAll(_batch(wanted), 1);
        Offer memory offer = _offer();
        (offer.exit, offer.amount) = (place, 0);
        bytes memory signature = _sealed(BOB_KEY, offer);
        game.challengeExit(_member(place, 0), _spend(toPosition(3, 0, 0), UNIT), 0);
        _unsold(carol, offer, signature, abi.encodeWithSelector(IExitGame.WorthDiffers.selector, 0, 0));
    }

    receive() external payable {}
}
