// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Proof} from "../../contracts/types/Anchor.sol";
import {Receipts} from "./Receipts.sol";

/// @notice Deposits are taken back, swallowed or not: by those whose deposit no block funded, by those who hope that nobody
/// looks, and against an exit of the same output.
abstract contract Reclaims is Receipts {
    uint256 internal reclaimsOpen;

    // ---- handlers

    function reclaim(uint256 seed) public {
        if (entries.length == 1) return;
        uint256 chosen = 1 + seed % (entries.length - 1);
        // Most of those that nobody funded go first.
        for (uint256 i = 1; i < entries.length && _pick(seed, 1, 3) != 0; ++i) {
            if (entries[i].coin == 0 && !entries[i].returned && !entries[i].reclaiming) chosen = i;
        }
        Entry storage entry = entries[chosen];
        if (_isHonest(entry.owner) && entry.coin != 0 && _isBorn(entry.coin) && !_isFree(entry.coin)) return;
        uint64 number = uint64(chosen - 1);
        bytes memory call = abi.encodeCall(vault.startReclaim, (number));
        bytes4 reason = _refusal(chosen);
        if (reason != 0) {
            _refuses(entry.owner, address(vault), BOND, call, reason);
            return _saw("reclaim refused");
        }
        address stranger = entry.owner == mallory ? trudy : mallory;
        _refuses(stranger, address(vault), BOND, call, IVault.NotDepositor.selector);
        _do(entry.owner, address(vault), BOND, call);
        _pays(entry.owner, BOND);
        entry.reclaiming = true;
        ++reclaimsOpen;
        _equal(vault.reclaims(number), block.timestamp + RECLAIM);
    }

    /// @dev The watcher shows the fund of every deposit that was spent; a careless one leaves the others alone, and then
    /// whatever is faster takes them.
    function endReclaims(uint256 seed) public {
        if (reclaimsOpen == 0) return _else(seed);
        for (uint256 i = 1; i < entries.length; ++i) {
            if (entries[i].reclaiming) _endReclaim(i, _pick(seed, i, 2) == 0);
        }
    }

    // ---- what happens

    function _endReclaim(uint256 chosen, bool careful) internal {
        Entry storage entry = entries[chosen];
        uint64 number = uint64(chosen - 1);
        bytes memory call = abi.encodeCall(vault.finalizeReclaim, (number));
        if (block.timestamp < vault.reclaims(number)) {
            _refuses(SEARCHER, address(vault), 0, call, IVault.ReclaimNotDue.selector);
            if (!careful) return;
        }
        bool shown = entry.coin != 0 && _isShown(entry.coin);
        if (shown && (careful || _isTaken(entry.coin))) return _challengeReclaim(chosen, entry);
        if (!shown) _challengeWithAnother(chosen);
        if (block.timestamp < vault.reclaims(number)) return;
        bool first = !_isFundConsumed(chosen);
        _do(SEARCHER, address(vault), 0, call);
        entry.reclaiming = false;
        --reclaimsOpen;
        if (!first) {
            _gets(SEARCHER, BOND);
            return _saw("reclaim overtaken");
        }
        entry.returned = true;
        if (entry.coin != 0) _leaves(entry.coin);
        uint256 missing = _payOut(entry.asset, entry.owner, entry.amount);
        if (!robbed[entry.asset]) _equal(missing, 0);
        _gets(entry.owner, BOND);
        _saw("reclaim");
    }

    function _challengeReclaim(uint256 chosen, Entry storage entry) private {
        Proof memory proof = _proofOf(coins[entry.coin].payment);
        _do(WATCHER, address(vault), 0, abi.encodeCall(vault.challengeReclaim, (uint64(chosen - 1), proof)));
        _gets(WATCHER, BOND);
        entry.reclaiming = false;
        --reclaimsOpen;
        _saw("reclaim challenged");
    }

    /// @dev The fund of another deposit does not show that this one was funded.
    function _challengeWithAnother(uint256 chosen) private {
        for (uint256 i = 1; i < entries.length; ++i) {
            uint256 coin = entries[i].coin;
            if (i == chosen || coin == 0 || !_isShown(coin)) continue;
            bytes memory call =
                abi.encodeCall(vault.challengeReclaim, (uint64(chosen - 1), _proofOf(coins[coin].payment)));
            return _refuses(SEARCHER, address(vault), 0, call, IVault.NotItsFund.selector);
        }
    }

    /// @dev Spent in the ledger, by anything that may still count, or in an exit that may be paid.
    function _isTaken(uint256 coin) private view returns (bool) {
        return _isSpent(coin) || _liveSpender(coin, 0) != 0 || _isLocked(coin, 0);
    }

    /// @dev Why the vault must refuse, zero when it must not.
    function _refusal(uint256 chosen) private view returns (bytes4) {
        Entry storage entry = entries[chosen];
        if (entry.returned) return IVault.AlreadyReclaimed.selector;
        if (entry.reclaiming) return IVault.ReclaimOpen.selector;
        if (_isFundConsumed(chosen)) return IVault.AlreadyPaid.selector;
        uint64 made = vault.deposits(uint64(chosen - 1)).l1Block;
        bool handled = federation.latest().l1Height >= made || federation.halted();
        return handled ? bytes4(0) : IVault.NotHandled.selector;
    }

    function _isFundConsumed(uint256 chosen) private view returns (bool) {
        uint256 coin = entries[chosen].coin;
        return coin != 0 && _isConsumed(coin);
    }
}
