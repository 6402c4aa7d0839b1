// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A token as the standard means it. The others are this one with one habit each.
contract Plain {
    error Short(uint256 has, uint256 needs);

    mapping(address owner => uint256) internal _units;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address owner, uint256 amount) external {
        _units[owner] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function balanceOf(address owner) public view virtual returns (uint256) {
        return _units[owner];
    }

    function transfer(address receiver, uint256 amount) external returns (bool) {
        _move(msg.sender, receiver, amount);
        _answer();
        return true;
    }

    function transferFrom(address owner, address receiver, uint256 amount) external returns (bool) {
        uint256 allowed = allowance[owner][msg.sender];
        if (allowed < amount) revert Short(allowed, amount);
        allowance[owner][msg.sender] = allowed - amount;
        _move(owner, receiver, amount);
        _answer();
        return true;
    }

    function _move(address owner, address receiver, uint256 amount) internal virtual {
        if (_units[owner] < amount) revert Short(_units[owner], amount);
        _units[owner] -= amount;
        _units[receiver] += amount;
    }

    /// @dev Ends the call with another answer than `true`, or does nothing.
    function _answer() internal virtual {}
}

/// @notice Returns nothing, as USDT does.
contract Silent is Plain {
    bool private _silent = true;

    function _answer() internal view override {
        if (!_silent) return;
        assembly {
            return(0, 0)
        }
    }
}

/// @notice Burns a hundredth of what is moved.
contract Taxing is Plain {
    function _move(address owner, address receiver, uint256 amount) internal override {
        super._move(owner, receiver, amount);
        _units[receiver] -= amount / 100;
    }
}

/// @notice Keeps all of what is moved.
contract Swallowing is Plain {
    function _move(address owner, address receiver, uint256 amount) internal override {
        super._move(owner, receiver, amount);
        _units[receiver] -= amount;
    }
}

/// @notice Every balance grows and shrinks by itself.
contract Rebasing is Plain {
    uint256 private _percent = 100;

    function rebase(uint256 percent) external {
        _percent = percent;
    }

    function balanceOf(address owner) public view override returns (uint256) {
        return _units[owner] * _percent / 100;
    }

    function _move(address owner, address receiver, uint256 amount) internal override {
        super._move(owner, receiver, amount * 100 / _percent);
    }
}

/// @notice Refuses accounts on a list, and moves of nothing.
contract Blacklisting is Plain {
    error Blocked();
    error Nothing();

    mapping(address => bool) public blocked;

    function block_(address account, bool is_) external {
        blocked[account] = is_;
    }

    function _move(address owner, address receiver, uint256 amount) internal override {
        if (blocked[owner] || blocked[receiver]) revert Blocked();
        if (amount == 0) revert Nothing();
        super._move(owner, receiver, amount);
    }
}

/// @notice Takes the largest number for "all I have".
contract AllMeaning is Plain {
    function _move(address owner, address receiver, uint256 amount) internal override {
        super._move(owner, receiver, amount == type(uint256).max ? _units[owner] : amount);
    }
}

interface IHooks {
    function tokensToSend(uint256 amount) external;
    function tokensReceived(uint256 amount) external;
}

/// @notice Calls holders before and after it moves, as ERC-777 does.
contract Hooked is Plain {
    mapping(address => bool) public hooks;

    function register(bool is_) external {
        hooks[msg.sender] = is_;
    }

    function _move(address owner, address receiver, uint256 amount) internal override {
        if (hooks[owner]) IHooks(owner).tokensToSend(amount);
        super._move(owner, receiver, amount);
        if (hooks[receiver]) IHooks(receiver).tokensReceived(amount);
    }
}

/// @notice Behaves until its issuer upgrades it; then as the mode says.
contract Shifting is Plain {
    enum Mode {
        Works,
        Paused,
        ReturnsFalse,
        ReturnsTwo,
        ReturnsOneByte,
        Burns,
        Bombs,
        Choosy
    }

    error Paused();
    error TooLittle();

    Mode public mode;

    function become(Mode mode_) external {
        mode = mode_;
    }

    function _move(address owner, address receiver, uint256 amount) internal override {
        if (mode == Mode.Paused) revert Paused();
        // Looks at the gas it is given before it does anything.
        if (mode == Mode.Choosy && gasleft() < 190_000) revert TooLittle();
        if (mode == Mode.Works || mode == Mode.Choosy) super._move(owner, receiver, amount);
    }

    function _answer() internal view override {
        Mode now_ = mode;
        if (now_ == Mode.ReturnsFalse) _return(0, 32);
        if (now_ == Mode.ReturnsTwo) _return(2, 32);
        if (now_ == Mode.ReturnsOneByte) _return(1, 1);
        if (now_ == Mode.Bombs) _return(0, 1_000_000);
        while (now_ == Mode.Burns) {}
    }

    function _return(uint256 word, uint256 length) private pure {
        assembly {
            mstore(0, word)
            return(0, length)
        }
    }
}
