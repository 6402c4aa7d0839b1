// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVault} from "../contracts/interfaces/IVault.sol";
import {Certificate, Verdict} from "../contracts/types/Committee.sol";
import {Plain} from "./support/Tokens.sol";
import {World} from "./support/World.sol";

/// @notice Admission with the signatures of the committee itself.
contract VaultAdmissionSignedTest is World {
    Plain private token = new Plain();

    function setUp() external {
        _deploy(4);
    }

    function test_admitToken_listsWhatAQuorumSigned() external {
        vault.admitToken(address(token), _signedBy(7, 7, address(token), 1));
        _equal(vault.tokenNumber(address(token)), 1);
    }

    /// @dev K60, K61: another tag, token, sequence, or fewer than a quorum.
    function test_admitToken_revertsForWhatNoQuorumSigned() external {
        _refused(_signedBy(7, 3, address(token), 1), Verdict.BelowQuorum);
        _refused(_signedBy(3, 7, address(token), 1), Verdict.InvalidSignature);
        _refused(_signedBy(7, 7, address(this), 1), Verdict.InvalidSignature);
        Certificate memory by = _signedBy(7, 7, address(token), 1);
        by.viewNumber = 2;
        _refused(by, Verdict.InvalidSignature);
    }

    function _refused(Certificate memory by, Verdict verdict) private {
        vm.expectRevert(abi.encodeWithSelector(IVault.CertificateRefused.selector, verdict));
        vault.admitToken(address(token), by);
    }

    function _signedBy(uint8 tag, uint256 bitmap, address admitted, uint64 sequence)
        private
        view
        returns (Certificate memory)
    {
        bytes32 id = bytes32(uint256(uint160(admitted)));
        bytes32 digest = keccak256(
            abi.encodePacked(tag, block.chainid, address(federation), uint64(0), sequence, uint64(0), id)
        );
        return Certificate({epoch: 0, viewNumber: sequence, bitmap: bitmap, signature: _sign(bitmap, digest)});
    }
}
