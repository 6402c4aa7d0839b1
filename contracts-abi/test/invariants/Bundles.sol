// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {ExitQueue} from "../../contracts/libraries/ExitQueue.sol";
import {BatchProof, Leaving, LeavingBlock} from "../../contracts/types/Batch.sol";
import {Offer} from "../../contracts/types/Sale.sol";
import {Tree} from "../support/Tree.sol";
import {Standard} from "./Standard.sol";

/// @notice Exits of many outputs with one place in the queue, and exits that are sold.
abstract contract Bundles is Standard {
    uint256 private constant BATCH = 4;

    mapping(address asset => mapping(uint256 place => uint256[] exits)) internal bundleOf;
    mapping(address asset => mapping(uint256 place => address)) private _buyer;
    mapping(address asset => mapping(uint256 place => uint64)) private _sales;

    // ---- handlers

    function exitBatch(uint256 seed) public {
        for (uint256 i = 0; i < coins.length; ++i) {
            uint256 coin = (seed % coins.length + i) % coins.length;
            if (coin == 0 || !_fitsBatch(coin)) continue;
            uint256[] memory list = _companions(coin, 1 + _pick(seed, 1, BATCH));
            return _startBatch(list);
        }
        _else(seed);
    }

    /// @dev The holder of an exit offers it by signature or, without a key, by a call, and somebody buys it.
    function sell(uint256 seed) public {
        uint256 chosen = _openExit(seed);
        if (chosen == 0) return _else(seed);
        address asset = coins[exits[chosen].coin].asset;
        uint256 place = uint176(exits[chosen].id);
        address holder = _holderOf(asset, place, coins[exits[chosen].coin].owner);
        address buyer = people[_pick(seed, 1, 4)];
        if (buyer == holder || _isAnySpent(asset, place)) return;
        Offer memory offer = Offer({
            exit: place,
            amount: _worth(asset, place),
            price: 1 + _pick(seed, 2, 1e15),
            buyer: _pick(seed, 3, 2) == 0 ? buyer : address(0),
            deadline: uint64(block.timestamp),
            sequence: _sales[asset][place]
        });
        bytes memory signature;
        if (keyOf[holder] != 0) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf[holder], _digestOf(offer));
            signature = abi.encodePacked(r, s, v);
        } else {
            offer.sequence = ++_sales[asset][place];
            _do(holder, address(game), 0, abi.encodeCall(game.offerExit, (offer)));
        }
        bytes memory call = abi.encodeCall(game.buyExit, (offer, signature));
        if (block.timestamp < ExitQueue.exitableAt(place) - P / 2) {
            return _refuses(buyer, address(game), offer.price, call, IExitGame.OfferEarly.selector);
        }
        if (offer.amount == 0) {
            return _refuses(buyer, address(game), offer.price, call, IExitGame.WorthDiffers.selector);
        }
        _do(buyer, address(game), offer.price, call);
        _pays(buyer, offer.price);
        _gets(holder, offer.price);
        (_buyer[asset][place], _sales[asset][place]) = (buyer, offer.sequence + 1);
        _refuses(buyer, address(game), offer.price, call, IExitGame.OfferStale.selector);
        _saw("sale");
    }

    // ---- what happens

    /// @dev Who is paid for what had a place.
    function _holderOf(address asset, uint256 place, address owner) internal view returns (address) {
        address buyer = _buyer[asset][place];
        return buyer == address(0) ? owner : buyer;
    }

    function _isSold(address asset, uint256 place) internal view override returns (bool) {
        return _buyer[asset][place] != address(0);
    }

    /// @dev A buyer looks for a spend, and does not buy what was spent.
    function _isAnySpent(address asset, uint256 place) private view returns (bool) {
        uint256[] memory open = _exitsAt(asset, place);
        for (uint256 i = 0; i < open.length; ++i) {
            if (_liveSpender(exits[open[i]].coin, 0) != 0) return true;
        }
        return false;
    }

    /// @dev The open exits of a place, in their order.
    function _exitsAt(address asset, uint256 place) internal view returns (uint256[] memory open) {
        uint256[] storage all = bundleOf[asset][place];
        open = new uint256[](all.length == 0 ? 1 : all.length);
        uint256 found = 0;
        if (all.length == 0 && exitOf[asset][place] != 0) open[found++] = exitOf[asset][place];
        for (uint256 i = 0; i < all.length; ++i) {
            if (exits[all[i]].coin != 0) open[found++] = all[i];
        }
        assembly ("memory-safe") {
            mstore(open, found)
        }
    }

    function _startBatch(uint256[] memory list) private {
        address owner = coins[list[0]].owner;
        address asset = coins[list[0]].asset;
        uint256 bonds = list.length * BOND;
        bytes memory call = abi.encodeCall(game.startExits, (_batchOf(list)));
        uint256 place = abi.decode(_do(owner, address(game), bonds, call), (uint256));
        _pays(owner, bonds);
        uint64 time = uint64(block.timestamp) + P;
        uint64 term = anchors[coveredBy[_heightOf(list[0])] - 1].time + 2 * P;
        for (uint256 i = 0; i < list.length; ++i) {
            if (term > time) time = term;
            bundleOf[asset][place].push(_noteExit(list[i], ExitQueue.member(place, i)));
        }
        _takesPlace(asset, place, time, _position(list[list.length - 1]));
        _saw("batch");
    }

    /// @dev What would be paid by what is open.
    function _worth(address asset, uint256 place) private view returns (uint256 sum) {
        uint256[] memory open = _exitsAt(asset, place);
        for (uint256 i = 0; i < open.length; ++i) {
            Exit storage exit = exits[open[i]];
            bool counts = exit.claimant == address(0) && !_isExitVoid(open[i]) && !_isConsumed(exit.coin);
            if (counts) sum += coins[exit.coin].amount;
        }
    }

    // ---- what is shown

    function _fitsBatch(uint256 coin) private view returns (bool) {
        return coins[coin].amount <= type(uint128).max && _mayExit(coin);
    }

    /// @dev Outputs of one owner and asset under one anchor, in the order of their positions.
    function _companions(uint256 first, uint256 most) private view returns (uint256[] memory list) {
        list = new uint256[](most);
        list[0] = first;
        uint256 found = 1;
        for (uint256 i = 1; i < coins.length && found < most; ++i) {
            bool same = coins[i].owner == coins[first].owner && coins[i].asset == coins[first].asset;
            if (i == first || !same || !_fitsBatch(i)) continue;
            if (coveredBy[_heightOf(i)] != coveredBy[_heightOf(first)]) continue;
            uint256 at = found++;
            for (; at > 0 && _position(i) < _position(list[at - 1]); --at) {
                list[at] = list[at - 1];
            }
            list[at] = i;
        }
        assembly ("memory-safe") {
            mstore(list, found)
        }
    }

    function _batchOf(uint256[] memory list) private view returns (BatchProof memory proof) {
        uint256[] memory heights = new uint256[](list.length);
        proof.blocks = new LeavingBlock[](list.length);
        uint256 blocks = 0;
        for (uint256 i = 0; i < list.length;) {
            uint32 height = _heightOf(list[i]);
            uint256 to = i + 1;
            while (to < list.length && _heightOf(list[to]) == height) ++to;
            heights[blocks] = height;
            proof.blocks[blocks++] = _leavingOf(list, i, to);
            i = to;
        }
        LeavingBlock[] memory made = proof.blocks;
        assembly ("memory-safe") {
            mstore(heights, blocks)
            mstore(made, blocks)
        }
        proof.anchor = anchors[coveredBy[uint32(heights[0])] - 1];
        bytes32[] memory leaves = _historyUpTo(proof.anchor.height);
        Twist memory twist = twistOf[proof.anchor.number];
        if (twist.height != 0) leaves[twist.height] = twist.leaf;
        proof.historyPaths = Tree.paths(leaves, heights);
    }

    function _leavingOf(uint256[] memory list, uint256 from, uint256 to)
        private
        view
        returns (LeavingBlock memory leaving)
    {
        uint32 height = _heightOf(list[from]);
        uint256[] memory indices = new uint256[](to - from);
        Leaving[] memory made = new Leaving[](to - from);
        uint256 found = 0;
        for (uint256 i = from; i < to; ++i) {
            Payment storage payment = payments[coins[list[i]].payment];
            uint8 bit = uint8(1) << coins[list[i]].output;
            if (found != 0 && made[found - 1].index == payment.index) {
                made[found - 1].outputs |= bit;
                continue;
            }
            indices[found] = payment.index;
            made[found++] = Leaving({index: payment.index, outputs: bit, transaction: payment.body});
        }
        assembly ("memory-safe") {
            mstore(indices, found)
            mstore(made, found)
        }
        leaving.height = height;
        leaving.transactionCount = uint32(leavesOf[height].length);
        leaving.transactionsRoot = Tree.root(leavesOf[height]);
        leaving.l1Height = originOf[height];
        leaving.transactions = made;
        leaving.transactionPaths = Tree.paths(leavesOf[height], indices);
    }

    /// @dev Written from docs/contracts.md alone.
    function _digestOf(Offer memory offer) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Plasma"),
                keccak256("1"),
                block.chainid,
                address(federation)
            )
        );
        bytes32 kind = keccak256(
            "Offer(uint256 exit,uint256 amount,uint256 price,address buyer,uint64 deadline,uint64 sequence)"
        );
        return keccak256(abi.encodePacked(hex"1901", domain, keccak256(abi.encode(kind, offer))));
    }
}
