// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {Owner} from "../support/Receivers.sol";

/// @notice Calls `process` once from inside its payout.
contract Greedy is Owner {
    IExitGame private immutable _game;
    bool private _called;

    constructor(IExitGame game) {
        _game = game;
    }

    receive() external payable {
        if (_called) return;
        _called = true;
        try _game.process(address(0), 1) {} catch {}
    }
}

/// @notice Runs the code of whoever a caller names: module 20 ‖ argument.
contract Delegating {
    fallback() external payable {
        (bool done,) = address(bytes20(msg.data[:20])).delegatecall(msg.data[20:]);
        require(done);
    }
}

/// @notice Sends all that the account which runs it has to the address in the calldata.
contract Draining {
    fallback() external payable {
        payable(address(bytes20(msg.data[:20]))).transfer(address(this).balance);
    }
}
