// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Callbacks} from "./Callbacks.sol";

/// @notice Money that nobody deposited. It is nobody's: no balance, bond, credit or queue of the contracts knows it.
abstract contract Gifts is Callbacks {
    /// @dev What each of our contracts has that it was not asked to hold.
    mapping(address asset => mapping(address to => uint256)) internal gifts;

    // ---- handlers

    /// @dev ETH by a contract that ends, or as the reward of a block, which asks nobody either.
    function force(uint256 seed) public {
        address to = _ours()[_pick(seed, 1, 4)];
        uint256 amount = 1 + _pick(seed, 2, 1e20);
        if (_pick(seed, 3, 2) == 0) {
            vm.deal(address(this), address(this).balance + amount);
            _forceFrom(amount, to);
            _saw("forced by a contract's end");
        } else {
            vm.deal(to, to.balance + amount);
            _saw("forced as a reward");
        }
        gifts[ETH][to] += amount;
        // Sent openly it comes back.
        (bool taken,) = _as(SEARCHER, to, 1, "");
        _holds(!taken, "K53: no ETH without a call");
    }

    /// @dev Tokens that somebody sends instead of depositing them.
    function sendTokens(uint256 seed) public {
        address to = _ours()[_pick(seed, 1, 4)];
        uint256 amount = 1 + _pick(seed, 2, 1e30);
        token.mint(to, amount);
        gifts[address(token)][to] += amount;
        if (to == address(vault)) stock += amount;
        _saw("tokens sent");
    }

    /// @dev A contract whose creation ends it: PUSH20 `to`, SELFDESTRUCT.
    function _forceFrom(uint256 amount, address to) private {
        bytes memory code = abi.encodePacked(hex"73", to, hex"ff");
        address made;
        assembly ("memory-safe") {
            made := create(amount, add(code, 0x20), mload(code))
        }
        _true(made != address(0));
    }

    function _ours() internal view returns (address[4] memory) {
        return [address(vault), address(game), address(inFlight), address(federation)];
    }
}
