// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What we ask of an ERC-20 token. Decimals, name and supply are nobody's business here.
interface IToken {
    function balanceOf(address owner) external view returns (uint256);
    function transfer(address receiver, uint256 amount) external returns (bool);
    function transferFrom(address owner, address receiver, uint256 amount) external returns (bool);
}

/// @title Calls to tokens that keep to no standard
/// @notice A transfer happened when the call succeeded and returned nothing or `true`. An account without code
/// accepts every call and returns nothing, so nothing counts only from code.
library Token {
    /// @notice Moves our tokens with at most `gasShare` gas; false when the token refuses, in whatever way.
    function transfer(address token, address receiver, uint256 amount, uint256 gasShare)
        internal
        returns (bool)
    {
        return _call(token, abi.encodeCall(IToken.transfer, (receiver, amount)), gasShare);
    }

    /// @notice Moves tokens of somebody who allowed it to us; false when the token refuses, in whatever way.
    function take(address token, address owner, uint256 amount) internal returns (bool) {
        return _call(token, abi.encodeCall(IToken.transferFrom, (owner, address(this), amount)), gasleft());
    }

    function _call(address token, bytes memory payload, uint256 gasShare) private returns (bool accepted) {
        // Solidity copies all that a token returns, at our cost; this looks at the first word alone.
        assembly ("memory-safe") {
            let done := call(gasShare, token, 0, add(payload, 0x20), mload(payload), 0x00, 0x20)
            let size := returndatasize()
            let silent := and(iszero(size), iszero(iszero(extcodesize(token))))
            let agreed := and(gt(size, 0x1f), eq(mload(0x00), 1))
            accepted := and(done, or(silent, agreed))
        }
    }
}
