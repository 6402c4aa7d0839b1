// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {World} from "./support/World.sol";

/// @notice Every contract fits Ethereum: EIP-170 for what stands, EIP-3860 for what creates it.
contract SizesTest is World {
    uint256 private constant CODE_MAX = 24_576;
    uint256 private constant CREATION_MAX = 49_152;
    uint256 private constant WORD = 32;

    function test_deployment_everyContractFitsItsLimits() external {
        _deploy(4);
        address[6] memory made = [
            address(federation),
            address(federation.enrolment()),
            address(game),
            address(inFlight),
            address(vault),
            federation.fraudProofs()
        ];
        for (uint256 i = 0; i < made.length; ++i) {
            _true(made[i].code.length > 1_000);
            _atMost(made[i].code.length, CODE_MAX);
        }
        // Each takes the federation's address; a vault with all its tokens, and a federation with its largest first
        // committee, are measured where their gas is.
        _atMost(vm.getCode("ExitGame.sol:ExitGame").length + WORD, CREATION_MAX);
        _atMost(vm.getCode("FraudProofs.sol:FraudProofs").length + WORD, CREATION_MAX);
        _atMost(vm.getCode("Vault.sol:Vault").length + (3 + 255) * WORD, CREATION_MAX);
    }
}
