// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {Proof} from "../contracts/types/Anchor.sol";
import {Evidence} from "../contracts/types/Evidence.sol";
import {Pending} from "../contracts/types/InFlight.sol";
import {toPosition} from "../contracts/types/Position.sol";
import {Forms, Pay, Spend} from "./support/Forms.sol";
import {InFlight} from "./support/InFlight.sol";
import {Blacklisting, Plain} from "./support/Tokens.sol";

/// @notice In-flight exits of tokens, each in the queue of its own.
contract InFlightAssetsTest is InFlight {
    Plain private plain = new Plain();
    Blacklisting private blacklisting = new Blacklisting();

    function setUp() external {
        _beginInFlight();
    }

    function _listed() internal view override returns (address[] memory list) {
        list = new address[](2);
        (list[0], list[1]) = (address(plain), address(blacklisting));
    }

    /// @notice K6: a token that refuses the receiver keeps its own queue going, and no other waits for it.
    function test_inFlight_twoTokensDoNotBlockOneAnother() external {
        uint256 refused = _startOf(blacklisting, 7);
        uint256 fine = _startOf(plain, 1e40);
        blacklisting.block_(carol, true);
        _wait();
        _equal(game.process(address(0), 9), 0);
        _endedInFlight(refused, 1, 1);
        _equal(game.process(address(blacklisting), 9), 1);
        _equal(vault.credit(address(blacklisting), carol), 7);
        uint256 before = carol.balance;
        _endedInFlight(fine, 1, 1);
        _equal(game.process(address(plain), 9), 1);
        _equal(plain.balanceOf(carol), 1e40);
        _equal(carol.balance, before + 2 * BOND);
        _nothingHeld();
    }

    function test_startInFlightExit_revertsForAnAssetThatTheVaultDoesNotTake() external {
        Plain stranger = new Plain();
        // Only a forged block holds such an output.
        uint32 height = _include(
            _signed(
                ALICE_KEY,
                Forms.unsigned(
                    5,
                    address(stranger),
                    1000,
                    Forms.one(Spend({position: toPosition(0, 7, 0), amount: 5})),
                    Forms.one(Pay({owner: bob, amount: 5}))
                )
            )
        );
        bytes memory transaction = _toCarolOf(address(stranger), height, 5);
        Proof[] memory inputs = new Proof[](1);
        inputs[0] = _proof(height, 0);
        vm.expectRevert(abi.encodeWithSelector(IExitGame.AssetUnknown.selector, address(stranger)));
        inFlight.startInFlightExit{value: BOND}(_plain(transaction), inputs);
    }

    /// @dev Bob deposited a token and pays it to Carol, who exits that and claims it.
    function _startOf(Plain token, uint256 amount) private returns (uint256 id) {
        token.mint(bob, amount);
        vm.startPrank(bob);
        token.approve(address(vault), amount);
        uint64 number = vault.depositToken(address(token), amount, bob);
        vm.stopPrank();
        uint32 height = _include(Forms.fund(number, bob, address(token), amount));
        Evidence memory evidence = _plain(_toCarolOf(address(token), height, amount));
        Proof[] memory inputs = new Proof[](1);
        inputs[0] = _proof(height, 0);
        Pending memory pending = _pending(evidence.transaction);
        pending.inputs[0] = _key(bodies[height][0], 0);
        vm.startPrank(carol);
        id = inFlight.startInFlightExit{value: BOND}(evidence, inputs);
        inFlight.piggybackOutput{value: BOND}(id, pending, 0);
        vm.stopPrank();
    }

    function _toCarolOf(address token, uint32 height, uint256 amount) private view returns (bytes memory) {
        Spend[] memory spends = Forms.one(Spend({position: toPosition(height, 0, 0), amount: amount}));
        Pay[] memory outputs = Forms.one(Pay({owner: carol, amount: amount}));
        return _signed(BOB_KEY, Forms.unsigned(5, token, 1000, spends, outputs));
    }
}
