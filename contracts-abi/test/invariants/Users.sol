// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPayouts} from "../../contracts/interfaces/IPayouts.sol";
import {Pay, Spend} from "../support/Forms.sol";
import {Hostile} from "./Hostile.sol";
import {Ledger} from "./Ledger.sol";

/// @notice Users who deposit, sign and take their credits, and operators who decide and anchor what they may. Alice and
/// Bob sign for an output once, unless what they signed expired; Mallory and Trudy sign whatever names an output of
/// theirs; contracts that refuse money, burn gas and return too much are paid too. All of it is public.
abstract contract Users is Ledger {
    /// @dev The most inputs that a random payment has.
    uint256 private constant INPUTS_MAX = 3;

    // ---- handlers

    function deposit(uint256 seed) public {
        address owner = people[_pick(seed, 1, 4)];
        if (!_isAlive() || (fraudFrom != FOREVER && _isHonest(owner))) return;
        address asset = _pick(seed, 2, 4) == 0 ? address(token) : ETH;
        uint256 amount = 1 + _pick(seed, 3, 1e18);
        // Tokens have amounts that no exit keeps in one slot with its owner.
        if (asset != ETH && _pick(seed, 4, 2) == 0) amount <<= 100;
        uint64 number = vault.depositCount();
        if (asset == ETH) {
            _do(owner, address(vault), amount, abi.encodeCall(vault.deposit, ()));
            _pays(owner, amount);
        } else {
            amount = _depositToken(owner, amount);
            if (amount == 0) return;
        }
        _enters(number, owner, asset, amount);
        _l1(1, 1);
        if (_pick(seed, 5, 6) == 0) return _saw("swallowed deposit");
        uint256 fund = _signFund(number, owner, asset, amount);
        entries[number + 1].coin = payments[fund].outs[0];
        _decideOne(fund);
    }

    /// @dev ETH that the next block funds.
    function _enter(address owner, uint256 amount) internal returns (uint256 coin) {
        uint64 number = vault.depositCount();
        _do(owner, address(vault), amount, abi.encodeCall(vault.deposit, ()));
        _pays(owner, amount);
        _l1(1, 1);
        _enters(number, owner, ETH, amount);
        uint256 fund = _signFund(number, owner, ETH, amount);
        coin = payments[fund].outs[0];
        entries[number + 1].coin = coin;
        _decideOne(fund);
    }

    /// @dev A deposit that the vault took.
    function _enters(uint64 number, address owner, address asset, uint256 amount) internal {
        // I10: numbers are the vault's, and contiguous.
        _equal(vault.depositCount(), number + 1);
        _equal(number + 1, entries.length);
        backing[asset] += amount;
        entries.push();
        (entries[number + 1].owner, entries[number + 1].asset, entries[number + 1].amount) =
        (owner, asset, amount);
    }

    /// @dev A payment of up to three coins of one owner; most are decided at once, some never.
    function pay(uint256 seed) public {
        uint256 coin = _spendable(seed);
        if (coin == 0) return _else(seed);
        uint256 payment = _payWith(coin, seed);
        if (payment != 0 && _pick(seed, 11, 3) != 0 && _mayInclude(payment)) _decideOne(payment);
    }

    /// @dev The honest retry: a payment that no block took expires, and its inputs are free again.
    function payInVain(uint256 seed) public {
        uint256 coin = _spendable(seed);
        if (coin == 0 || !_isHonest(coins[coin].owner)) return _else(seed);
        _signOne(coins[coin].owner, coin, coins[coin].amount, people[_pick(seed, 12, 7)], tip);
        _decideEmpty();
        _anchorIfAlive();
        _saw("expired payment");
        if (_pick(seed, 13, 2) == 0) _leaveWith(coin);
    }

    /// @dev The operators decide a payment that waits.
    function include(uint256 seed) public {
        for (uint256 i = 0; i < payments.length; ++i) {
            uint256 payment = (seed % payments.length + i) % payments.length;
            if (payment != 0 && _mayInclude(payment)) return _decideOne(payment);
        }
        _else(seed);
    }

    function anchor(uint256) public {
        _anchorIfAlive();
    }

    function withdraw(uint256 seed) public {
        address owner = people[_pick(seed, 1, people.length)];
        IPayouts from = _payers()[_pick(seed, 2, 3)];
        address asset = _pick(seed, 3, 2) == 0 ? ETH : address(token);
        uint256 waiting = from.credit(asset, owner);
        if (waiting == 0) {
            bytes memory call = abi.encodeCall(from.withdrawCredit, (asset, owner));
            return _refuses(owner, address(from), 0, call, IPayouts.NoCredit.selector);
        }
        uint256 amount = 1 + _pick(seed, 4, 2) * (waiting - 1);
        // Who refuses money has it sent elsewhere.
        bytes memory part = abi.encodeCall(from.withdrawCreditPart, (asset, SEARCHER, amount));
        if (asset != ETH && (stock < amount || !token.moves(address(from), SEARCHER))) {
            return _refusesTokens(owner, address(from), part);
        }
        _do(owner, address(from), 0, part);
        if (asset != ETH) stock -= amount;
        purse[asset][owner] -= amount;
        purse[asset][SEARCHER] += asset == ETH ? amount : token.net(amount);
        _saw("credit withdrawn");
    }

    /// @dev The issuer changes its mind.
    function issue(uint256 seed) public {
        address blocked = _pick(seed, 2, 3) == 0 ? people[_pick(seed, 3, people.length)] : address(0);
        Hostile.Mode mode = _pick(seed, 1, 2) == 0 ? Hostile.Mode.Works : Hostile.Mode(_pick(seed, 4, 7));
        token.become(mode, blocked);
        if (_pick(seed, 5, 8) != 0) return;
        uint256 amount = token.balanceOf(address(vault)) / 10;
        token.seize(address(vault), amount);
        seized += amount;
        stock -= amount;
    }

    // ---- what operators do

    function _decideEmpty() internal {
        _decidePayments(new uint256[](0));
    }

    function _decideOne(uint256 payment) internal {
        uint256[] memory list = new uint256[](1);
        list[0] = payment;
        _decidePayments(list);
    }

    function _anchorIfAlive() internal {
        if (!_isAlive()) return;
        if (tip == federation.latest().height) _decideEmpty();
        _anchorTip(_epochToAnchor(), Twist(0, 0));
    }

    /// @dev Of the committee whose turn it is.
    function _epochToAnchor() internal view virtual returns (uint64) {
        return 0;
    }

    /// @dev What an honest ledger takes: unspent inputs that are in blocks and not locked by an exit, in time.
    function _mayInclude(uint256 payment) internal view returns (bool) {
        Payment storage candidate = payments[payment];
        if (candidate.signer == address(0) || candidate.height != 0 || candidate.voidHeight != 0) {
            return false;
        }
        if (candidate.forged || candidate.expiry <= tip || !_isAlive() || fraudFrom != FOREVER) return false;
        for (uint256 i = 0; i < candidate.ins.length; ++i) {
            uint256 coin = candidate.ins[i];
            Payment storage made = payments[coins[coin].payment];
            if (coins[coin].owner != candidate.signer) return false;
            if (made.height == 0 || coins[coin].gone || coins[coin].forged || _isSpent(coin)) return false;
            if (coins[coin].exits.length != 0 || _isLocked(coin, payment)) return false;
        }
        return true;
    }

    /// @dev What a step does that finds nothing to do: whatever makes the next ones find more.
    function _else(uint256 seed) internal virtual;

    /// @dev An exit of it, if there can be one.
    function _leaveWith(uint256 coin) internal virtual;

    /// @dev Whether an open in-flight exit of another transaction spends the coin, or its own claims it.
    function _isLocked(uint256 coin, uint256 payment) internal view virtual returns (bool);

    // ---- what users do

    /// @dev A coin that its owner may sign away, and who is a user with a key.
    function _spendable(uint256 seed) internal view returns (uint256) {
        for (uint256 i = 0; i < coins.length; ++i) {
            uint256 coin = (seed % coins.length + i) % coins.length;
            if (coin != 0 && _maySpend(coin)) return coin;
        }
        return 0;
    }

    /// @dev A thief spends what it had, too.
    function _maySpend(uint256 coin) internal view returns (bool) {
        Coin storage candidate = coins[coin];
        if (keyOf[candidate.owner] == 0 || _heightOf(coin) == 0 || candidate.forged) return false;
        if (!_isHonest(candidate.owner)) return candidate.spenders.length < 4;
        return fraudFrom == FOREVER && _isFree(coin);
    }

    /// @dev Its owner has neither spent it nor begun to take it out.
    function _isFree(uint256 coin) internal view returns (bool) {
        Coin storage candidate = coins[coin];
        return !candidate.gone && candidate.exits.length == 0 && !_isSpent(coin) && !_isReclaiming(coin)
            && _liveSpender(coin, 0) == 0 && !_isLocked(coin, 0);
    }

    function _isReclaiming(uint256 coin) internal view returns (bool) {
        for (uint256 i = 1; i < entries.length; ++i) {
            if (entries[i].coin == coin) return entries[i].reclaiming;
        }
        return false;
    }

    function _payWith(uint256 coin, uint256 seed) internal returns (uint256) {
        address signer = coins[coin].owner;
        uint256[] memory ins = _gather(coin, 1 + _pick(seed, 5, INPUTS_MAX));
        Spend[] memory spends = new Spend[](ins.length);
        uint256 sum = 0;
        for (uint256 i = 0; i < ins.length; ++i) {
            spends[i] = Spend(_position(ins[i]), coins[ins[i]].amount);
            sum += coins[ins[i]].amount;
        }
        Pay[] memory pays = new Pay[](sum > 1 ? 1 + _pick(seed, 6, 2) : 1);
        pays[0] = Pay(people[_pick(seed, 7, 7)], pays.length == 1 ? sum : 1 + _pick(seed, 8, sum - 1));
        if (pays.length == 2) {
            pays[1] = Pay(_pick(seed, 9, 3) != 0 ? signer : people[_pick(seed, 9, 7)], sum - pays[0].amount);
        }
        uint32 expiry = [FOREVER, FOREVER, tip + 1, tip + 1][_pick(seed, 10, 4)];
        return _sign(signer, ins, spends, pays, coins[coin].asset, expiry);
    }

    /// @dev The coin, and others of its owner and asset.
    function _gather(uint256 first, uint256 most) private view returns (uint256[] memory ins) {
        ins = new uint256[](most);
        ins[0] = first;
        uint256 found = 1;
        for (uint256 i = 1; i < coins.length && found < most; ++i) {
            bool same = coins[i].owner == coins[first].owner && coins[i].asset == coins[first].asset;
            if (i != first && same && _maySpend(i)) ins[found++] = i;
        }
        assembly ("memory-safe") {
            mstore(ins, found)
        }
    }

    /// @return arrived zero when the token refused
    function _depositToken(address owner, uint256 amount) private returns (uint256 arrived) {
        bytes memory call = abi.encodeCall(vault.depositToken, (address(token), amount, owner));
        if (!token.moves(owner, address(vault))) {
            _refusesTokens(owner, address(vault), call);
            return 0;
        }
        _do(owner, address(vault), 0, call);
        purse[address(token)][owner] -= amount;
        arrived = token.net(amount);
        stock += arrived;
    }

    /// @dev A token that burns all gas leaves less than an answer needs: any failure will do.
    function _refusesTokens(address who, address to, bytes memory call) private {
        if (token.mode() == Hostile.Mode.Burns) return;
        (bool done, bytes memory answer) = _as(who, to, 0, call);
        if (done) revert NotRefused(done, answer, 0);
        _saw("token refused");
    }
}
