// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {Position, toPosition} from "../../contracts/types/Position.sol";
import {ExitQueue} from "../../contracts/libraries/ExitQueue.sol";
import {Offer} from "../../contracts/types/Sale.sol";
import {Batching, Wanted} from "../support/Batching.sol";
import {Thief} from "./Thief.sol";

/// @notice Attacks on batches of exits and on their sale. Bob has eight payments of four outputs, in blocks 3 and 4.
contract LeavingAttacks is Batching, Thief {
    function _prepare() internal override {
        _blockOfFours(3);
        _blockOfFours(5);
        _l1(5, 60);
        _anchor();
    }

    // ---- K1, K4: outputs of a batch

    function test_K01_inABatchAndAlone() external {
        _fails(_alsoAlone());
    }

    function twin_K01_inABatchAndAlone() external {
        _without("Registry");
        _wins(_alsoAlone());
    }

    function _alsoAlone() private returns (bool) {
        Wanted[] memory wanted = new Wanted[](1);
        wanted[0] = Wanted(3, 0, 2);
        uint256 before = bob.balance;
        _exitAll(_batch(wanted), 1);
        _exit(bob, _proof(3, 0), 1);
        _end();
        return bob.balance > before + 2 * UNIT;
    }

    function test_K04_oneOutputOfABatchForAnother() external {
        _fails(_wrongMember());
    }

    function twin_K04_oneOutputOfABatchForAnother() external {
        _without("InputNamed");
        _wins(_wrongMember());
    }

    /// @dev Bob spends an output of his that is worth as much as the one in the batch, and is not there.
    function _wrongMember() private returns (bool) {
        uint256 place = _exitAll(_batch(_five()), 5);
        (Position[5] memory positions, uint256[5] memory units) = _fiveOutputs();
        for (uint256 i = 0; i < 5; ++i) {
            Position other = toPosition(4, 0, positions[i].outputOf());
            bytes memory spending = _spend(other, units[i] * UNIT);
            _challenge(_member(place, i), spending, IExitGame.InputDiffers.selector);
            if (!_isOpen(_member(place, i))) return true;
        }
        return false;
    }

    // ---- K9: an old output beside a forged one

    function test_K09_aBatchIsAsYoungAsItsYoungest() external {
        _fails(_oldBesideForged());
    }

    function twin_K09_aBatchIsAsYoungAsItsYoungest() external {
        _without("YoungestOfBatch");
        _wins(_oldBesideForged());
    }

    /// @dev One anchor covers an output of Mallory's, one of Bob's, and the forged one, in this order.
    function _oldBesideForged() private returns (bool) {
        Wanted[] memory wanted = new Wanted[](2);
        wanted[0] = Wanted(_block(_transfer(MALLORY_KEY, toPosition(1, 1, 0), AMOUNT, mallory, 1000)), 0, 1);
        uint32 bobs = _block(_transfer(ALICE_KEY, toPosition(1, 2, 0), AMOUNT, bob, 1000));
        wanted[1] = Wanted(_include(_forged(OTHERS)), 0, 1);
        uint256 before = bob.balance;
        vm.startPrank(mallory);
        game.startExits{value: 2 * BOND}(_batch(wanted));
        vm.stopPrank();
        _exit(bob, _proof(bobs, 0), 0);
        _end();
        return bob.balance < before + AMOUNT;
    }

    // ---- K61: sales

    function test_K61_anOfferOfAnotherDeployment() external {
        _fails(_offeredElsewhere(address(0xde9107), block.chainid));
    }

    function twin_K61_anOfferOfAnotherDeployment() external {
        _without("Domain");
        _wins(_offeredElsewhere(address(0xde9107), block.chainid));
    }

    function test_K61_anOfferOfAnotherChain() external {
        _fails(_offeredElsewhere(address(federation), 1));
    }

    function twin_K61_anOfferOfAnotherChain() external {
        _without("Domain");
        _wins(_offeredElsewhere(address(federation), 1));
    }

    /// @dev On a testnet Bob sold an exit with the same id for one wei.
    function _offeredElsewhere(address place, uint256 chain) private returns (bool) {
        uint256 before = mallory.balance;
        Offer memory offer = _offer(_exitPaid(), AMOUNT, 1);
        uint256 here = block.chainid;
        vm.chainId(chain);
        bytes32 digest = harness.offerDigest(offer, place);
        vm.chainId(here);
        _buy(offer, digest, IExitGame.NotOffered.selector);
        _end();
        return mallory.balance > before;
    }

    function test_K43_aSellerOvertakesTheBuyer() external {
        _fails(_emptied());
    }

    function twin_K43_aSellerOvertakesTheBuyer() external {
        _without("Worth");
        _wins(_emptied());
    }

    /// @dev Bob offers an exit, and ends it for all but its bond before Mallory, who is honest here, pays for it.
    function _emptied() private returns (bool) {
        uint256 before = mallory.balance;
        uint256 place = _exitAll(_batch(_five()), 5);
        Offer memory offer = _offer(place, 13 * UNIT, 12 * UNIT);
        for (uint256 i = 0; i < 5; ++i) {
            (Position[5] memory positions, uint256[5] memory units) = _fiveOutputs();
            _challenge(_member(place, i), _spend(positions[i], units[i] * UNIT), 0);
        }
        bytes32 digest = harness.offerDigest(offer, address(federation));
        _buy(offer, digest, IExitGame.WorthDiffers.selector);
        _end();
        return mallory.balance < before;
    }

    function _offer(uint256 exit, uint256 amount, uint256 price) private view returns (Offer memory) {
        return Offer({
            exit: exit,
            amount: amount,
            price: price,
            buyer: address(0),
            deadline: type(uint64).max,
            sequence: 0
        });
    }

    function _buy(Offer memory offer, bytes32 digest, bytes4 refusal) private {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BOB_KEY, digest);
        bytes memory call = abi.encodeCall(game.buyExit, (offer, abi.encodePacked(r, s, v)));
        uint256 half = ExitQueue.exitableAt(offer.exit) - PERIOD / 2;
        if (block.timestamp < half) vm.warp(half);
        _attempt(mallory, address(game), offer.price, call, refusal);
    }
}
