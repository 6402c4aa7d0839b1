// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../../contracts/interfaces/IFederation.sol";
import {IPayouts} from "../../contracts/interfaces/IPayouts.sol";
import {Chronicle} from "./Chronicle.sol";
import {Nested} from "./Nested.sol";

/// @notice Calls from inside a call. Once a history nests, whoever has money waiting makes some of its calls, to whatever entry
/// point, from where that money arrives: the model expects of each what it expects of any other.
abstract contract Nesting is Chronicle {
    uint256 internal constant TRANSACTION_GAS = 16_777_216;
    uint256 internal constant CALL_GAS_MAX = 12_000_000;
    address internal constant ETH = address(0);
    address internal constant WATCHER = address(0x3a7c4e5);
    address internal constant SEARCHER = address(0x5ea4c4);

    mapping(address owner => uint256 key) internal keyOf;
    Nested internal lender;
    bool internal nesting;
    /// @dev Who keeps the code also when nothing of its own is nested.
    mapping(address who => bool) internal borrows;

    /// @dev How often each thing happened, so that nothing holds for want of it.
    mapping(bytes32 what => uint256) internal count;
    bytes32[] internal seen;

    error Broken(bytes32 rule);

    function _beginNesting() internal {
        lender = new Nested(game);
    }

    /// @dev A rule of the model, which says its name when it does not hold.
    function _holds(bool holds, bytes32 rule) internal pure {
        if (!holds) revert Broken(rule);
    }

    // ---- calls

    function _call(address who, address to, uint256 value, bytes memory call)
        internal
        returns (bool done, bytes memory answer)
    {
        vm.prank(who, who);
        (done, answer) = to.call{value: value, gas: TRANSACTION_GAS}(call);
    }

    /// @dev Whether this call is made from inside a payment to `who`, and of which contract.
    function _nests(address who, bytes memory call) internal view returns (bool, address payer) {
        if (!nesting || !_mayBorrow(who)) return (false, payer);
        uint256 chance = uint256(keccak256(abi.encode(call, block.timestamp)));
        if (chance % 3 == 0) return (false, payer);
        bool takes = bytes4(call) == IPayouts.withdrawCreditPart.selector
            || bytes4(call) == IPayouts.withdrawCredit.selector;
        // It counted what waits for it.
        if (takes || bytes4(call) == IFederation.withdrawReward.selector) return (false, payer);
        if (federation.reward(who) != 0 && chance % 2 == 0) return (true, address(federation));
        for (uint256 i = 0; i < 3; ++i) {
            IPayouts from = _payers()[(chance / 7 + i) % 3];
            if (from.credit(ETH, who) != 0) return (true, address(from));
        }
        return (false, payer);
    }

    function _callNested(address payer, address who, address to, uint256 value, bytes memory call)
        internal
        returns (bool done, bytes memory answer)
    {
        (bool outer, bool called, bool inner, bytes memory told) =
            _withdrawAround(payer, who, 1, to, value, call);
        _holds(outer && called, "K50: nested");
        (done, answer) = (inner, told);
        _saw(
            payer == address(federation)
                ? bytes32("call from inside a reward")
                : bytes32("call from inside a credit")
        );
        if (done) _saw(bytes32(bytes4(call)));
    }

    /// @dev Who takes a part of what waits for it, or its reward, and calls from there.
    function _withdrawAround(
        address payer,
        address who,
        uint256 amount,
        address to,
        uint256 value,
        bytes memory call
    ) internal returns (bool outer, bool called, bool done, bytes memory answer) {
        bytes memory taking = payer == address(federation)
            ? abi.encodeCall(IFederation.withdrawReward, (who))
            : abi.encodeCall(IPayouts.withdrawCreditPart, (ETH, who, amount));
        vm.etch(who, address(lender).code);
        lender.load(to, value, call);
        uint256 before = gasleft();
        (outer,) = _call(who, payer, 0, taking);
        // I6.
        _atMost(before - gasleft(), CALL_GAS_MAX);
        if (!borrows[who]) vm.etch(who, "");
        (called, done, answer) = lender.told();
    }

    function _mayBorrow(address who) internal view returns (bool) {
        return keyOf[who] != 0 || who == WATCHER || who == SEARCHER;
    }

    function _payers() internal view returns (IPayouts[3] memory) {
        return [IPayouts(address(vault)), IPayouts(address(game)), IPayouts(address(inFlight))];
    }

    // ---- what happened

    function _saw(bytes32 what) internal {
        if (count[what]++ == 0) seen.push(what);
    }

    /// @dev One of `bound`, by a seed; `salt` tells choices of one seed apart.
    function _pick(uint256 seed, uint256 salt, uint256 bound) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, salt))) % bound;
    }
}
