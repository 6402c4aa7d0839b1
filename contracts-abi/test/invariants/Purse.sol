// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFraudProofs} from "../../contracts/interfaces/IFraudProofs.sol";
import {IPayouts} from "../../contracts/interfaces/IPayouts.sol";
import {Bombing, Burning, Refusing} from "../support/Receivers.sol";
import {Hostile} from "./Hostile.sol";
import {Nesting} from "./Nesting.sol";

/// @notice Who takes part, what each of them should have by the model, and the one way in which they call the contracts:
/// with the gas that a transaction may use, of which no call may use more than 12 million.
abstract contract Purse is Nesting {
    address internal immutable alice = vm.addr(0xa11ce);
    address internal immutable bob = vm.addr(0xb0b);
    address internal immutable mallory = vm.addr(0x3a110);
    address internal immutable trudy = vm.addr(0x74d);
    address internal refusing = address(new Refusing());
    address internal burning = address(new Burning());
    address internal bombing = address(new Bombing());
    Hostile internal token = new Hostile();
    IFraudProofs internal judge;

    address[] internal people;
    mapping(address asset => mapping(address owner => uint256)) internal purse;
    /// @dev What the vault should hold of an asset, and what an issuer took from it.
    mapping(address asset => uint256) internal backing;
    uint256 internal seized;
    /// @dev The tokens that the vault should have.
    uint256 internal stock;
    uint256 internal dearest;
    /// @dev Places that receivers and tokens ended from inside a payment, and the model still has.
    mapping(address asset => uint256) internal endedInside;

    error Unexpected(bytes reason);
    error NotRefused(bool done, bytes reason, bytes4 expected);

    function _beginPurse() internal {
        people = [alice, bob, mallory, trudy, refusing, burning, bombing, WATCHER, SEARCHER];
        (keyOf[alice], keyOf[bob], keyOf[mallory], keyOf[trudy]) = (0xa11ce, 0xb0b, 0x3a110, 0x74d);
        token.serve(vault);
        _beginNesting();
        for (uint256 i = 0; i < people.length; ++i) {
            address owner = people[i];
            // What another history of this test lent it.
            if (_mayBorrow(owner)) vm.etch(owner, "");
            vm.deal(owner, 1e30);
            token.mint(owner, 1e60);
            vm.prank(owner);
            token.approve(address(vault), type(uint256).max);
            (purse[ETH][owner], purse[address(token)][owner]) = (1e30, 1e60);
        }
    }

    function _listed() internal view override returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(token);
    }

    // ---- calls

    function _as(address who, address to, uint256 value, bytes memory call)
        internal
        returns (bool done, bytes memory answer)
    {
        _dropWhatEndedInside();
        uint256 before = gasleft();
        (bool nested, address payer) = _nests(who, call);
        if (nested) (done, answer) = _callNested(payer, who, to, value, call);
        else (done, answer) = _call(who, to, value, call);
        uint256 used = nested ? 0 : before - gasleft();
        // I6.
        _atMost(used, CALL_GAS_MAX);
        if (used > dearest) dearest = used;
        if (nesting) endedInside[ETH] += lender.endedInside();
        if (nesting) endedInside[address(token)] += token.endedInside();
    }

    function _do(address who, address to, uint256 value, bytes memory call) internal returns (bytes memory) {
        (bool done, bytes memory answer) = _as(who, to, value, call);
        if (!done) revert Unexpected(answer);
        return answer;
    }

    function _refuses(address who, address to, uint256 value, bytes memory call, bytes4 reason) internal {
        (bool done, bytes memory answer) = _as(who, to, value, call);
        if (done || bytes4(answer) != reason) revert NotRefused(done, answer, reason);
    }

    // ---- money

    function _pays(address who, uint256 amount) internal {
        purse[ETH][who] -= amount;
    }

    function _gets(address who, uint256 amount) internal {
        purse[ETH][who] += amount;
    }

    /// @dev A payout of the vault, of what is there. Tells what was missing.
    function _payOut(address asset, address who, uint256 amount) internal returns (uint256 missing) {
        if (amount > backing[asset]) (missing, amount) = (amount - backing[asset], backing[asset]);
        backing[asset] -= amount;
        if (asset == ETH) {
            _gets(who, amount);
        } else if (amount != 0 && stock >= amount && token.moves(address(vault), who)) {
            stock -= amount;
            purse[asset][who] += token.net(amount);
        } else {
            purse[asset][who] += amount;
            if (amount != 0) _saw("token credit");
        }
    }

    /// @dev What somebody has, wherever it is.
    function wealth(address asset, address who) public view returns (uint256 sum) {
        sum = asset == ETH ? who.balance : token.balanceOf(who);
        sum += vault.credit(asset, who);
        if (asset == ETH) {
            sum += game.credit(asset, who) + inFlight.credit(asset, who) + federation.reward(who);
        }
    }

    /// @dev Once the model knows of the call, places that ended inside of it leave the model, too.
    function _dropWhatEndedInside() internal virtual;
}
