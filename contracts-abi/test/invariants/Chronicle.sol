// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {Anchor, Inclusion} from "../../contracts/types/Anchor.sol";
import {Certificate} from "../../contracts/types/Committee.sol";
import {Parameters} from "../../contracts/types/Parameters.sol";
import {Tree} from "../support/Tree.sol";
import {Turns} from "../support/Turns.sol";

/// @notice The chain that operators decide, certify and anchor, told truly or not. The nodes of its tree are kept, so a
/// proof costs a random history little, however long it is.
abstract contract Chronicle is Turns {
    /// @dev Another leaf at one height: what a lying header tells. Height zero is the truth.
    struct Twist {
        uint32 height;
        bytes32 leaf;
    }

    uint64 internal constant P = 1000;
    uint64 internal constant SILENCE = 200;
    uint64 internal constant GRACE = 10;
    uint64 internal constant RECLAIM = 10;
    bytes32 private constant PAD = keccak256("plasma/pad");

    /// @dev Height of the newest block.
    uint32 internal tip;
    mapping(uint256 level => mapping(uint256 index => bytes32)) private _nodes;
    mapping(uint32 height => uint32 anchor) internal coveredBy;
    mapping(uint32 anchor => Twist) internal twistOf;
    mapping(uint32 anchor => bytes) internal headerOf;
    mapping(uint32 anchor => uint64) internal epochOf;
    /// @dev The number of an epoch's first anchor, zero while it has none.
    mapping(uint64 epoch => uint32) internal firstOf;

    /// @dev The shortest periods that the law allows beside one another: histories see exits start, wait and end.
    function _parameters() internal pure override returns (Parameters memory) {
        return Parameters({
            exitPeriod: P,
            exitBond: BOND,
            originWindow: 260,
            l1BlockTime: 1,
            silence: SILENCE,
            grace: GRACE,
            legacyTransactions: false,
            operatorBond: 1 ether,
            committeeDelay: 2 * P + 1,
            reclaimWindow: RECLAIM
        });
    }

    function _beginChronicle() internal {
        _deploy(4);
        _grow(0, history[0]);
        _l1(1, 1);
    }

    /// @dev The operators decide a block. Its origin is the L1 block before this one.
    function _decide(bytes[] memory body) internal returns (uint32 height) {
        height = _block(body);
        _publishHash(block.number - 1);
        _grow(height, history[height]);
        tip = height;
    }

    /// @dev What is decided goes to L1, as it is or with one block rewritten.
    function _anchorTip(uint64 epoch, Twist memory twist) internal returns (uint32 number) {
        bytes memory header = _headerOfTip(twist);
        uint32 previous = federation.latest().height;
        Certificate memory by = _finalizeOf(epoch, header, _allOf(epoch));
        federation.anchor(header, by.epoch, by.viewNumber, by.bitmap, by.signature);
        IFederation.Latest memory last = federation.latest();
        number = last.number;
        Anchor memory made =
            Anchor(number, previous, last.height, _root(tip, twist), last.l1Height, last.time);
        // I7: one anchor after another, each with the one word that its certified header has.
        _equal(number, anchors.length + 1);
        _equal(last.height, tip);
        (bytes32 word,) = federation.anchored(number);
        _equal(word, made.wordOf());
        anchors.push(made);
        for (uint32 height = previous + 1; height <= tip; ++height) {
            coveredBy[height] = number;
        }
        (twistOf[number], headerOf[number], epochOf[number]) = (twist, header, epoch);
        if (firstOf[epoch] == 0) firstOf[epoch] = number;
    }

    function _headerOfTip(Twist memory twist) internal view returns (bytes memory) {
        return _header(tip, _root(tip, twist), originOf[tip], _l1Hash(originOf[tip]));
    }

    /// @dev A committee whose word about the newest block counts: that of the last anchor is not succeeded yet.
    function _speaker() internal view virtual returns (uint64) {
        return federation.latest().epoch;
    }

    /// @dev Where a transaction lies under the anchor that first covered its block.
    function _placed(uint32 height, uint32 index) internal view returns (Inclusion memory) {
        return _placedUnder(height, index, anchors[coveredBy[height] - 1]);
    }

    /// @dev A block without transactions, under its first covering anchor.
    function _placedEmpty(uint32 height) internal view returns (Inclusion memory place) {
        place.height = height;
        place.transactionsRoot = Tree.root(leavesOf[height]);
        place.l1Height = originOf[height];
        place.anchor = anchors[coveredBy[height] - 1];
        place.historyPath = _path(height, place.anchor.height, twistOf[place.anchor.number]);
    }

    /// @dev The same under another anchor.
    function _placedUnder(uint32 height, uint32 index, Anchor memory anchor)
        internal
        view
        returns (Inclusion memory place)
    {
        place = _content(height, index);
        place.anchor = anchor;
        place.historyPath = _path(height, anchor.height, twistOf[anchor.number]);
    }

    /// @dev The same under the header of the newest block, whether anchored or not.
    function _placedUnderTip(uint32 height, uint32 index) internal view returns (Inclusion memory place) {
        place = _content(height, index);
        place.historyPath = _path(height, tip, Twist(0, 0));
    }

    /// @dev A transaction alone in a block that a lying header has at `height`.
    function _placedInLie(uint32 height, bytes memory transaction, uint32 top)
        internal
        view
        returns (Inclusion memory place, Twist memory twist)
    {
        place.height = height;
        place.transactionCount = 1;
        place.transactionsRoot = harness.leaf(transaction);
        place.l1Height = originOf[height];
        twist = Twist(height, _historyLeaf(height, 1, place.transactionsRoot, place.l1Height));
        place.historyPath = _path(height, top, twist);
    }

    function _content(uint32 height, uint32 index) private view returns (Inclusion memory place) {
        (place.index, place.height) = (index, height);
        place.transactionCount = uint32(leavesOf[height].length);
        place.transactionsRoot = Tree.root(leavesOf[height]);
        place.l1Height = originOf[height];
        place.transactionPath = Tree.path(leavesOf[height], index);
    }

    function _root(uint32 top, Twist memory twist) internal view returns (bytes32) {
        return _node(_levels(top), 0, uint256(top) + 1, twist);
    }

    /// @dev Siblings of the leaf at `height` in the history up to `top`.
    function _path(uint32 height, uint32 top, Twist memory twist)
        internal
        view
        returns (bytes32[] memory path)
    {
        path = new bytes32[](_levels(top));
        for (uint256 level = 0; level < path.length; ++level) {
            path[level] = _node(level, (uint256(height) >> level) ^ 1, uint256(top) + 1, twist);
        }
    }

    function _levels(uint32 top) private pure returns (uint256 levels) {
        while (uint256(top) >> levels != 0) ++levels;
    }

    /// @dev A node of the tree over `count` leaves. Stored where all of its leaves exist and are true.
    function _node(uint256 level, uint256 index, uint256 count, Twist memory twist)
        private
        view
        returns (bytes32)
    {
        if (index << level >= count) return PAD;
        bool twisted = twist.height != 0 && uint256(twist.height) >> level == index;
        if (!twisted && (index + 1) << level <= count) return _nodes[level][index];
        if (level == 0) return twist.leaf;
        bytes32 left = _node(level - 1, 2 * index, count, twist);
        return keccak256(abi.encodePacked(left, _node(level - 1, 2 * index + 1, count, twist)));
    }

    function _grow(uint256 index, bytes32 node) private {
        _nodes[0][index] = node;
        for (uint256 level = 1; index % 2 == 1; ++level) {
            node = keccak256(abi.encodePacked(_nodes[level - 1][index - 1], node));
            index /= 2;
            _nodes[level][index] = node;
        }
    }
}
