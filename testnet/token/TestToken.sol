// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A token for testnets
/// @notice A plain ERC-20 that anybody can mint, so it is worth nothing. It is no part of the law: the vault of a testnet
/// lists it as it would list any other token, and knows nothing else of it.
contract TestToken {
    /// @notice See ERC-20.
    event Transfer(address indexed from, address indexed to, uint256 value);
    /// @notice See ERC-20.
    event Approval(address indexed owner, address indexed spender, uint256 value);

    /// @notice The owner has less than is to be moved.
    error BalanceTooLow(uint256 has, uint256 needs);
    /// @notice The spender may move less than is to be moved.
    error AllowanceTooLow(uint256 has, uint256 needs);

    string public constant name = "Plasma Test Token";
    string public constant symbol = "TEST";
    uint8 public constant decimals = 18;

    uint256 public totalSupply;
    mapping(address owner => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    /// @notice Makes tokens out of nothing.
    function mint(address owner, uint256 amount) external {
        totalSupply += amount;
        balanceOf[owner] += amount;
        emit Transfer(address(0), owner, amount);
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    function transfer(address receiver, uint256 amount) external returns (bool) {
        _move(msg.sender, receiver, amount);
        return true;
    }

    function transferFrom(address owner, address receiver, uint256 amount) external returns (bool) {
        uint256 allowed = allowance[owner][msg.sender];
        if (allowed < amount) revert AllowanceTooLow(allowed, amount);
        allowance[owner][msg.sender] = allowed - amount;
        _move(owner, receiver, amount);
        return true;
    }

    function _move(address owner, address receiver, uint256 amount) private {
        uint256 has = balanceOf[owner];
        if (has < amount) revert BalanceTooLow(has, amount);
        balanceOf[owner] = has - amount;
        balanceOf[receiver] += amount;
        emit Transfer(owner, receiver, amount);
    }
}
