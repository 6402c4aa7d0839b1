// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {toPosition} from "../contracts/types/Position.sol";
import {Exits} from "./support/Exits.sol";
import {Vm} from "./support/Vm.sol";
import {Accepting, Bombing, Burning, Owner, Reentering, Refusing} from "./support/Receivers.sol";

contract ExitGameProcessTest is Exits {
    function setUp() external {
        _begin();
    }

    function test_process_paysOnceDue() external {
        uint256 id = _exitPaid();
        vm.warp((id >> 112) - 1);
        _equal(game.process(address(0), 9), 0);
        _true(_isOpen(id));
        vm.warp(id >> 112);
        uint256 before = bob.balance;
        _ended(id, paid, true);
        _equal(game.process(address(0), 9), 1);
        _equal(bob.balance, before + AMOUNT + BOND);
        _equal(address(vault).balance, 0);
        _equal(address(game).balance, 0);
        _equal(game.consumed(_key(bodies[2][0], 0)), _half(id));
        _equal(game.process(address(0), 9), 0);
    }

    function test_process_paysAnOutputOnceHoweverOftenItIsExited() external {
        uint256 first = _exitPaid();
        uint256 second = _exitPaid();
        vault.deposit{value: AMOUNT}();
        _wait();
        uint256 before = bob.balance;
        _ended(first, paid, true);
        _ended(second, paid, false);
        _equal(game.process(address(0), 9), 2);
        _equal(bob.balance, before + AMOUNT + 2 * BOND);
        _equal(address(vault).balance, AMOUNT);
    }

    function test_process_everyExitEndsWithOneEvent() external {
        uint256[5] memory ids;
        for (uint256 i = 0; i < 5; ++i) {
            ids[i] = _exitPaid();
        }
        bytes memory spending = _transfer(BOB_KEY, paid, AMOUNT, alice, FOREVER);
        vm.recordLogs();
        game.challengeExit(ids[1], spending, 0);
        game.challengeExit(ids[4], spending, 0);
        _wait();
        game.process(address(0), 2);
        game.process(address(0), 9);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < 5; ++i) {
            uint256 ends = 0;
            for (uint256 k = 0; k < logs.length; ++k) {
                bool end = logs[k].topics[0] == IExitGame.ExitEnded.selector;
                if (end && uint256(logs[k].topics[1]) == ids[i]) ++ends;
            }
            _equal(ends, 1);
        }
    }

    function test_process_ordersByTimeThenPosition() external {
        // A forged output in a young block starts first; older honest outputs, later, still leave before it.
        uint32 young = _block(_transfer(ALICE_KEY, toPosition(0, 7, 0), AMOUNT, bob, 1000));
        _l1(5, 60);
        _anchor();
        uint256 forged = _exit(bob, _proof(young, 0), 0);
        _l1(5, 60);
        uint256 honest = _exitPaid();
        uint256 deposit = _exit(alice, _proof(1, 0), 0);
        _true(deposit < honest && honest < forged);
        _wait();
        (, uint256 next) = game.queue(address(0));
        _equal(next, deposit);
        game.process(address(0), 1);
        (, next) = game.queue(address(0));
        _equal(next, honest);
        game.process(address(0), 1);
        (, next) = game.queue(address(0));
        _equal(next, forged);
    }

    function test_process_aForgedOutputFindsTheVaultEmpty() external {
        uint32 young = _block(_transfer(ALICE_KEY, toPosition(0, 7, 0), AMOUNT, bob, 1000));
        _l1(5, 60);
        _anchor();
        _exit(bob, _proof(young, 0), 0);
        _l1(5, 60);
        _exit(alice, _proof(1, 0), 0);
        _wait();
        uint256 before = alice.balance;
        game.process(address(0), 9);
        _equal(alice.balance, before + AMOUNT + BOND);
        _equal(vault.credit(address(0), bob), 0);
        _equal(address(vault).balance, 0);
    }

    function test_process_voidExitsEndUnpaidWithTheirBond() external {
        uint256 id = _exitPaid();
        uint256 valid = _exit(alice, _proof(1, 0), 0);
        _halt(1);
        _wait();
        (uint256 bobs, uint256 alices) = (bob.balance, alice.balance);
        _ended(valid, funded, true);
        _ended(id, paid, false);
        _equal(game.process(address(0), 9), 2);
        _equal(bob.balance, bobs + BOND);
        _equal(alice.balance, alices + AMOUNT + BOND);
        _equal(game.consumed(_key(bodies[2][0], 0)), 0);
    }

    function test_process_otherQueuesAreEmpty() external {
        _exitPaid();
        _wait();
        _equal(game.process(address(7), 9), 0);
        _equal(game.process(address(0), 0), 0);
    }

    function test_process_noReceiverBlocksAnother() external {
        Owner[5] memory owners = [
            Owner(new Refusing()), new Burning(), new Bombing(), new Reentering(game, vault), new Accepting()
        ];
        bytes[] memory body = new bytes[](6);
        for (uint32 i = 0; i < 6; ++i) {
            vm.prank(alice);
            vault.deposit{value: AMOUNT}();
            address to = i == 5 ? bob : address(owners[i]);
            body[i] = _transfer(ALICE_KEY, toPosition(1, i, 0), AMOUNT, to, 1000);
        }
        uint32 height = _block(body);
        _l1(5, 60);
        _anchor();
        for (uint32 i = 0; i < 5; ++i) {
            owners[i].exit{value: BOND}(game, _proof(height, i), BOND);
        }
        _exit(bob, _proof(height, 5), 0);
        _wait();
        uint256 before = bob.balance;
        uint256 gas = gasleft();
        _equal(game.process(address(0), 6), 6);
        _atMost(gas - gasleft(), 6 * 400_000);
        _equal(bob.balance, before + AMOUNT + BOND);
        for (uint256 i = 0; i < 5; ++i) {
            address owner = address(owners[i]);
            uint256 has = owner.balance + vault.credit(address(0), owner) + game.credit(address(0), owner);
            _equal(has, AMOUNT + BOND);
        }
        _equal(address(owners[4]).balance, AMOUNT + BOND);
        owners[0].withdraw(vault, alice);
        owners[0].withdraw(game, alice);
        _equal(vault.credit(address(0), address(owners[0])), 0);
    }

    function test_process_stopsBeforeTheGasEndsAndStillMakesProgress() external {
        for (uint256 i = 0; i < 12; ++i) {
            _exitPaid();
        }
        _wait();
        uint256 left = 12;
        while (left != 0) {
            uint256 ended = game.process{gas: 560_000}(address(0), 12);
            _true(ended != 0 && ended < 12);
            left -= ended;
        }
        (uint256 size_,) = game.queue(address(0));
        _equal(size_, 0);
    }

    function test_process_withTooLittleGasChangesNothing() external {
        uint256 id = _exitPaid();
        _wait();
        for (uint256 gas = 30_000; gas < 400_000; gas += 5_000) {
            (bool accepted,) = address(game).call{gas: gas}(abi.encodeCall(game.process, (address(0), 1)));
            if (accepted) break;
            _true(_isOpen(id));
        }
        _true(!_isOpen(id));
        _equal(vault.credit(address(0), bob) + game.credit(address(0), bob), 0);
    }

    function test_process_forcedEthChangesNothing() external {
        uint256 id = _exitPaid();
        vm.deal(address(game), address(game).balance + 3 ether);
        vm.deal(address(vault), address(vault).balance + 3 ether);
        _wait();
        game.process(address(0), 1);
        _true(!_isOpen(id));
        _equal(address(game).balance, 3 ether);
        _equal(address(vault).balance, 3 ether);
    }
}
