// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IPayouts} from "../../contracts/interfaces/IPayouts.sol";

/// @notice Code that accounts borrow, as a delegation lets them. Who has it and is paid calls back: with all the gas of a
/// withdrawal it makes one call that the test loaded, any call of that account; with the little gas of a payment it tries
/// what little gas can do.
contract Nested {
    /// @dev What a payment leaves a receiver is less.
    uint256 private constant LITTLE_GAS = 40_000;
    /// @dev Of the 30 000 of a payment, with the rest for the answer.
    uint256 private constant CALL_GAS = 20_000;

    Nested private immutable _self = this;
    IExitGame private immutable _game;
    IPayouts private immutable _vault;
    IPayouts private immutable _flights;
    address private _to;
    uint256 private _value;
    bytes private _call;
    bool private _done;
    bytes private _answer;
    /// @dev Places of ETH's queue that ended inside a payment.
    uint256 private transient _ended;

    error NotToday();

    constructor(IExitGame game) {
        _game = game;
        (_vault, _flights) = (IPayouts(address(game.vault())), IPayouts(address(game.inFlight())));
    }

    function load(address to, uint256 value, bytes calldata call_) external {
        (_to, _value, _call) = (to, value, call_);
    }

    /// @notice What the account calls, once.
    function take() external returns (address to, uint256 value, bytes memory call_) {
        (to, value, call_) = (_to, _value, _call);
        delete _to;
    }

    function tell(bool done, bytes calldata answer) external {
        (_done, _answer) = (done, answer);
    }

    /// @notice What came of the call, and whether there was one.
    function told() external view returns (bool called, bool done, bytes memory answer) {
        return (_to == address(0), _done, _answer);
    }

    function note(uint256 ended) external {
        _ended += ended;
    }

    function endedInside() external returns (uint256 ended) {
        ended = _ended;
        _ended = 0;
    }

    receive() external payable {
        if (gasleft() < LITTLE_GAS) return _tryLittle();
        (address to, uint256 value, bytes memory call_) = _self.take();
        if (to == address(0)) return;
        (bool done, bytes memory answer) = to.call{value: value}(call_);
        _self.tell(done, answer);
    }

    /// @dev All else needs more gas. Every second time it wants no money.
    function _tryLittle() private {
        uint256 turn = block.timestamp % 8;
        if (turn < 4) _tryToEnd();
        else if (turn < 6) _tryToTake(IPayouts(address(_game)));
        else _tryToTake(turn == 6 ? _vault : _flights);
        if (turn % 2 == 0) revert NotToday();
    }

    function _tryToEnd() private {
        try _game.process{gas: CALL_GAS}(address(0), 1) returns (uint256 ended) {
            if (ended != 0) _self.note(ended);
        } catch {}
    }

    function _tryToTake(IPayouts from) private {
        try from.withdrawCredit{gas: CALL_GAS}(address(0), address(this)) {} catch {}
    }
}
