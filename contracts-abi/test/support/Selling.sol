// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Offer} from "../../contracts/types/Sale.sol";
import {Batching} from "./Batching.sol";

/// @notice A contract that owns an output, and sells its exit by calls.
contract Estate {
    function exit(IExitGame game, Proof calldata proof, uint256 bond) external payable returns (uint256) {
        return game.startExit{value: bond}(proof, 0);
    }

    function offer(IExitGame game, Offer calldata made) external {
        game.offerExit(made);
    }
}

/// @notice A world in which Bob sells the exit of what Alice paid him, and Carol and Dave buy.
abstract contract Selling is Batching {
    uint256 internal constant DAVE_KEY = 0xdabe;
    uint256 internal constant PRICE = 4 ether;

    address internal dave = vm.addr(DAVE_KEY);
    uint256 internal exit;

    function _beginSelling() internal {
        _beginBatching();
        vm.prank(alice);
        vault.deposit{value: 20 ether}();
        vm.deal(dave, 100 ether);
        exit = _exitPaid();
    }

    /// @dev What Bob asks for his exit first.
    function _offer() internal view returns (Offer memory) {
        return Offer({
            exit: exit,
            amount: AMOUNT,
            price: PRICE,
            buyer: address(0),
            deadline: uint64(exit >> 112),
            sequence: 0
        });
    }

    function _sealed(uint256 key, Offer memory offer) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, _digestOf(offer));
        return abi.encodePacked(r, s, v);
    }

    /// @dev Written from docs/contracts.md alone.
    function _digestOf(Offer memory offer) internal view returns (bytes32) {
        return _digestOf(offer, block.chainid, address(federation));
    }

    function _digestOf(Offer memory offer, uint256 chainId, address contract_)
        internal
        pure
        returns (bytes32)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Plasma"),
                keccak256("1"),
                chainId,
                contract_
            )
        );
        bytes32 content = keccak256(
            abi.encode(
                keccak256(
                    "Offer(uint256 exit,uint256 amount,uint256 price,address buyer,uint64 deadline,uint64 sequence)"
                ),
                offer.exit,
                offer.amount,
                offer.price,
                offer.buyer,
                offer.deadline,
                offer.sequence
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, content));
    }

    function _toHalf(uint256 id) internal {
        if (block.timestamp < _half(id)) vm.warp(_half(id));
    }

    /// @dev As soon as it can be sold.
    function _buy(address buyer, Offer memory offer, bytes memory signature) internal {
        _toHalf(offer.exit);
        vm.prank(buyer);
        game.buyExit{value: offer.price}(offer, signature);
    }

    function _unsold(address buyer, Offer memory offer, bytes memory signature, bytes memory reason)
        internal
    {
        _toHalf(offer.exit);
        vm.expectRevert(reason);
        vm.prank(buyer);
        game.buyExit{value: offer.price}(offer, signature);
    }

    function _notOffered(Offer memory offer, bytes memory signature) internal {
        _unsold(carol, offer, signature, abi.encodeWithSelector(IExitGame.NotOffered.selector));
    }

    function _holder(uint256 id) internal view returns (address holder) {
        (holder,,) = game.sale(id);
    }
}
