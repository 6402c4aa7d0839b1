// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IPayouts} from "../../contracts/interfaces/IPayouts.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Proof} from "../../contracts/types/Anchor.sol";

/// @notice An owner of outputs that is a contract.
abstract contract Owner {
    function exit(IExitGame game, Proof calldata proof, uint256 bond) external payable returns (uint256) {
        return game.startExit{value: bond}(proof, 0);
    }

    function withdraw(IPayouts payouts, address receiver) external {
        payouts.withdrawCredit(address(0), receiver);
    }
}

/// @notice Refuses all money.
contract Refusing is Owner {}

/// @notice Burns all the gas it is given.
contract Burning is Owner {
    receive() external payable {
        while (true) {}
    }
}

/// @notice Returns as much as its gas allows.
contract Bombing is Owner {
    receive() external payable {
        assembly {
            revert(0, 100000)
        }
    }
}

/// @notice Looks at the gas it is given before it does anything.
contract Choosy is Owner {
    error TooLittle();

    receive() external payable {
        if (gasleft() < 29_000) revert TooLittle();
    }
}

/// @notice Takes money as a wallet does that writes an event.
contract Accepting is Owner {
    event Received(address from, uint256 amount);

    receive() external payable {
        emit Received(msg.sender, msg.value);
    }
}

/// @notice Calls back into everything that moves money.
contract Reentering is Owner {
    IExitGame private immutable _game;
    IVault private immutable _vault;
    uint256 public calls;

    constructor(IExitGame game, IVault vault) {
        _game = game;
        _vault = vault;
    }

    receive() external payable {
        ++calls;
        try _game.process(address(0), 1) {} catch {}
        try _vault.withdrawCredit(address(0), address(this)) {} catch {}
        try _game.withdrawCredit(address(0), address(this)) {} catch {}
        try _vault.deposit{value: 1}() {} catch {}
    }
}
