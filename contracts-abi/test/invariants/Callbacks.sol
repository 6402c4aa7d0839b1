// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPayouts} from "../../contracts/interfaces/IPayouts.sol";
import {Operators} from "./Operators.sol";

/// @notice Who calls back: histories begin to nest, accounts take the code for good or give it up, and what waits is taken
/// twice.
abstract contract Callbacks is Operators {
    // ---- handlers

    /// @dev Everybody takes the code: half of the payments are refused, and wait for those who call from inside theirs.
    function nest(uint256 seed) public {
        if (nesting) return withdrawTwice(seed);
        for (uint256 i = 0; i < people.length; ++i) {
            if (_mayBorrow(people[i])) _lend(people[i], true);
        }
        _beginToNest();
        _letWait();
    }

    /// @dev An account has code, and calls back with whatever gas any payment of any contract leaves it.
    function borrow(uint256 seed) public {
        address who = people[_pick(seed, 1, people.length)];
        if (!_mayBorrow(who)) return _else(seed);
        _beginToNest();
        _lend(who, !borrows[who]);
    }

    /// @dev From inside a withdrawal: the whole of it again, and what is left.
    function withdrawTwice(uint256 seed) public {
        for (uint256 i = 0; i < people.length; ++i) {
            address who = people[(seed % people.length + i) % people.length];
            IPayouts from = _payers()[_pick(seed, 1, 3)];
            uint256 waiting = from.credit(ETH, who);
            if (waiting < 2 || !_mayBorrow(who)) continue;
            uint256 first = 1 + _pick(seed, 2, waiting - 1);
            bool again = _pick(seed, 3, 2) == 0;
            uint256 second = again ? waiting : waiting - first;
            bytes memory call = abi.encodeCall(from.withdrawCreditPart, (ETH, who, second));
            (bool outer, bool called, bool done, bytes memory answer) =
                _withdrawAround(address(from), who, first, address(from), 0, call);
            _holds(outer && called && done != again, "K50: what waits is paid once");
            if (again) _holds(bytes4(answer) == IPayouts.NoCredit.selector, "K50: refused for its reason");
            _equal(from.credit(ETH, who), again ? waiting - first : 0);
            return _saw(again ? bytes32("second withdrawal refused") : bytes32("withdrawal inside another"));
        }
        _else(seed);
    }

    /// @dev Everybody takes back a deposit that nobody funded, and refuses it: from then on something waits in the vault.
    function _letWait() private {
        if (!_isAlive() || fraudFrom != FOREVER) return;
        for (uint256 i = 0; i < 4; ++i) {
            uint64 number = vault.depositCount();
            _do(people[i], address(vault), 1 ether, abi.encodeCall(vault.deposit, ()));
            _pays(people[i], 1 ether);
            _enters(number, people[i], ETH, 1 ether);
        }
        _l1(1, 1);
        _anchorIfAlive();
        uint256 first = entries.length - 4;
        for (uint256 i = first; i < first + 4; ++i) {
            _reclaimAlone(i);
        }
        uint256 due = block.timestamp + RECLAIM;
        // In an even second they want no money.
        _advanceTo(due + due % 2);
        for (uint256 i = first; i < first + 4; ++i) {
            if (entries[i].reclaiming) _endReclaim(i, false);
        }
    }

    function _beginToNest() private {
        nesting = true;
        token.nest();
    }

    function _lend(address who, bool lent) private {
        borrows[who] = lent;
        vm.etch(who, lent ? address(lender).code : bytes(""));
    }
}
