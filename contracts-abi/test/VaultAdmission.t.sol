// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../contracts/interfaces/IFederation.sol";
import {IVault} from "../contracts/interfaces/IVault.sol";
import {Certificate, Verdict} from "../contracts/types/Committee.sol";
import {Plain} from "./support/Tokens.sol";
import {World} from "./support/World.sol";

/// @notice The federation's answers are set here, each for exactly one question.
contract VaultAdmissionTest is World {
    uint64 private constant EPOCH = 3;

    Plain private token = new Plain();

    function setUp() external {
        _deploy(4);
        _active(EPOCH);
    }

    function test_admitToken_listsWhatTheActiveCommitteeCertifies() external {
        Certificate memory by = _certified(address(token), EPOCH, 5, Verdict.Valid);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.TokenListed(address(token), 1);
        vm.prank(address(0x57a27e4));
        vault.admitToken(address(token), by);
        _equal(vault.tokenNumber(address(token)), 1);
        _equal(vault.token(1), address(token));
        _equal(vault.admissionSequence(), 5);
        token.mint(address(this), 7);
        token.approve(address(vault), 7);
        _equal(vault.deposits(vault.depositToken(address(token), 7, address(this))).asset, address(token));
    }

    function test_admitToken_revertsWithTheVerdictOnACertificateThatDoesNotConvince() external {
        for (uint8 verdict = 1; verdict < 5; ++verdict) {
            Certificate memory by = _certified(address(token), EPOCH, 5, Verdict(verdict));
            vm.expectRevert(abi.encodeWithSelector(IVault.CertificateRefused.selector, verdict));
            vault.admitToken(address(token), by);
        }
        _equal(vault.tokenNumber(address(token)), 0);
    }

    /// @dev A statement about one token, tag, sequence or bitmap is asked about exactly that.
    function test_admitToken_asksAboutTheTokenAndNothingElse() external {
        Certificate memory by = _certified(address(token), EPOCH, 5, Verdict.Valid);
        Plain other = new Plain();
        vm.expectRevert();
        vault.admitToken(address(other), by);
        by.viewNumber = 6;
        vm.expectRevert();
        vault.admitToken(address(token), by);
        _equal(vault.tokens().length, 0);
    }

    /// @dev K60: keys of a committee that is gone, or does not sign yet, admit nothing.
    function test_admitToken_revertsForEveryCommitteeButTheActiveOne() external {
        uint64[2] memory epochs = [EPOCH - 1, EPOCH + 1];
        for (uint256 i = 0; i < 2; ++i) {
            Certificate memory by = _certified(address(token), epochs[i], 5, Verdict.Valid);
            vm.expectRevert(abi.encodeWithSelector(IVault.EpochNotActive.selector, epochs[i], EPOCH));
            vault.admitToken(address(token), by);
        }
    }

    /// @dev K62: what a committee thought better of is overtaken by any later admission.
    function test_admitToken_revertsForASequenceThatIsPast() external {
        Certificate memory regretted = _certified(address(token), EPOCH, 5, Verdict.Valid);
        Plain other = new Plain();
        vault.admitToken(address(other), _certified(address(other), EPOCH, 6, Verdict.Valid));
        vm.expectRevert(abi.encodeWithSelector(IVault.SequencePast.selector, 5, 6));
        vault.admitToken(address(token), regretted);
        Certificate memory again = _certified(address(token), EPOCH, 6, Verdict.Valid);
        vm.expectRevert(abi.encodeWithSelector(IVault.SequencePast.selector, 6, 6));
        vault.admitToken(address(token), again);
        Certificate memory zero = _certified(address(token), EPOCH, 0, Verdict.Valid);
        vm.expectRevert(abi.encodeWithSelector(IVault.SequencePast.selector, 0, 6));
        vault.admitToken(address(token), zero);
    }

    /// @dev K52.
    function test_admitToken_revertsForWhatHasNoCodeOrIsListed() external {
        vault.admitToken(address(token), _certified(address(token), EPOCH, 1, Verdict.Valid));
        address[3] memory refused = [address(0), address(0xe0a), address(token)];
        for (uint64 i = 0; i < 3; ++i) {
            Certificate memory by = _certified(refused[i], EPOCH, 2 + i, Verdict.Valid);
            vm.expectRevert(abi.encodeWithSelector(IVault.TokenRefused.selector, refused[i]));
            vault.admitToken(refused[i], by);
        }
    }

    function test_admitToken_revertsOnceHalted() external {
        Certificate memory by = _certified(address(token), EPOCH, 5, Verdict.Valid);
        _halt(0);
        vm.expectRevert(IVault.FederationHalted.selector);
        vault.admitToken(address(token), by);
    }

    function _active(uint64 epoch) private {
        vm.mockCall(address(federation), abi.encodeCall(IFederation.activeEpoch, ()), abi.encode(epoch));
    }

    function _certified(address admitted, uint64 epoch, uint64 sequence, Verdict verdict)
        private
        returns (Certificate memory by)
    {
        by = Certificate({epoch: epoch, viewNumber: sequence, bitmap: 7, signature: "signed"});
        bytes32 id = bytes32(uint256(uint160(admitted)));
        bytes memory question =
            abi.encodeCall(IFederation.certifies, (7, epoch, sequence, id, by.bitmap, by.signature));
        vm.mockCall(address(federation), question, abi.encode(verdict));
    }
}
