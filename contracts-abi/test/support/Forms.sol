// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Position} from "../../contracts/types/Position.sol";

/// @notice An input as a test writes it.
struct Spend {
    Position position;
    uint256 amount;
}

/// @notice An output as a test writes it.
struct Pay {
    address owner;
    uint256 amount;
}

/// @notice Builds the bytes of transactions.
library Forms {
    function one(Spend memory input) internal pure returns (Spend[] memory list) {
        list = new Spend[](1);
        list[0] = input;
    }

    function one(Pay memory output) internal pure returns (Pay[] memory list) {
        list = new Pay[](1);
        list[0] = output;
    }

    /// @notice Any transaction, valid or not, with 65 zero bytes for a signature.
    function unsigned(uint8 kind, address asset, uint32 expiry, Spend[] memory inputs, Pay[] memory outputs)
        internal
        pure
        returns (bytes memory form)
    {
        form = abi.encodePacked(kind, uint8(inputs.length), uint8(outputs.length), asset, expiry);
        for (uint256 i = 0; i < inputs.length; ++i) {
            form = abi.encodePacked(form, Position.unwrap(inputs[i].position), inputs[i].amount);
        }
        for (uint256 i = 0; i < outputs.length; ++i) {
            form = abi.encodePacked(form, outputs[i].owner, outputs[i].amount);
        }
        form = bytes.concat(form, new bytes(65));
    }

    /// @notice The fund transaction of a deposit of ETH.
    function fund(uint64 number, address owner, uint256 amount) internal pure returns (bytes memory) {
        return fund(number, owner, address(0), amount);
    }

    /// @notice The fund transaction of a deposit.
    function fund(uint64 number, address owner, address asset, uint256 amount)
        internal
        pure
        returns (bytes memory)
    {
        return unsigned(
            4,
            asset,
            type(uint32).max,
            one(Spend({position: Position.wrap(0), amount: number})),
            one(Pay({owner: owner, amount: amount}))
        );
    }

    /// @notice The same bytes with another signature.
    function sealing(bytes memory form, bytes32 r, bytes32 s, uint8 v)
        internal
        pure
        returns (bytes memory out)
    {
        out = bytes.concat(form);
        uint256 start = form.length - 65;
        for (uint256 i = 0; i < 32; ++i) {
            out[start + i] = r[i];
            out[start + 32 + i] = s[i];
        }
        out[start + 64] = bytes1(v);
    }
}
