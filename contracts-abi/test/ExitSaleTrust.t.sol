// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {Offer} from "../contracts/types/Sale.sol";
import {Selling} from "./support/Selling.sol";

/// @notice What a seller can still do with its key after the sale. The exit has locked the output, so in a valid chain every
/// spend of it is anchored when half of the exit's time is over; the exit is sold after that, and later spends come too late.
contract ExitSaleTrustTest is Selling {
    function setUp() external {
        _beginSelling();
    }

    /// @notice The seller signs a spend, has the exit ended with it, lets it expire, and exits again.
    function test_challengeExit_ofASoldExitNeedsAnInclusion() external {
        _toTheSecondHalf();
        _buy(carol, _offer(), _sealed(BOB_KEY, _offer()));
        uint32 height = federation.latest().height;
        bytes memory spending = _rival(height);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.SoldBefore.selector, exit));
        game.challengeExit(exit, spending, 0);
        uint256 carols = carol.balance;
        vm.warp(exit >> 112);
        game.process(address(0), 1);
        _equal(carol.balance, carols + AMOUNT + BOND);
    }

    /// @notice Nor does a quorum help that includes the spend of a locked output afterwards.
    function test_challengeExitIncluded_ofASoldExitNeedsAnAnchorFromBefore() external {
        _toTheSecondHalf();
        _buy(carol, _offer(), _sealed(BOB_KEY, _offer()));
        uint32 height = _include(_rival(FOREVER));
        Proof memory late = _proof(height, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.SoldBefore.selector, exit));
        game.challengeExitIncluded(exit, late, 0);
    }

    /// @notice What was anchored in the first half ends the exit, sold or not.
    function test_challengeExitIncluded_ofASoldExitCountsFromBefore() external {
        uint32 height = _include(_rival(FOREVER));
        _toTheSecondHalf();
        _buy(carol, _offer(), _sealed(BOB_KEY, _offer()));
        game.challengeExitIncluded(exit, _proof(height, 0), 0);
        _true(!_isOpen(exit));
    }

    function test_buyExit_revertsInTheFirstHalf() external {
        Offer memory offer = _offer();
        bytes memory signature = _sealed(BOB_KEY, offer);
        vm.warp(_half(exit) - 1);
        vm.prank(carol);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.OfferEarly.selector, _half(exit)));
        game.buyExit{value: PRICE}(offer, signature);
        _buy(carol, offer, signature);
        _equal(block.timestamp, _half(exit));
        _equal(_holder(exit), carol);
    }

    function _toTheSecondHalf() private {
        // The federation anchors on.
        while (block.timestamp < _half(exit)) {
            _l1(1200, 4 hours);
            _block();
            _anchor();
        }
    }
}
