// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Anchor} from "../../contracts/types/Anchor.sol";
import {Certificate} from "../../contracts/types/Committee.sol";
import {Parameters} from "../../contracts/types/Parameters.sol";

/// @notice Federation, vault and exit game in one, as far as fraud proofs read them: a test says what they know, and
/// what halts the chain is kept.
contract Court {
    struct Halt {
        uint32 height;
        uint32 anchorNumber;
        address reporter;
        bytes32 header;
        uint256 bitmap;
    }

    address public fraudProofs;
    Parameters private _parameters;
    mapping(uint32 number => bytes32) private _words;
    mapping(uint64 number => IVault.Deposit) private _deposits;
    mapping(bytes32 output => uint256) public consumed;
    Halt[] private _halts;

    error NotFraudProofs();

    constructor(Parameters memory fixed_) {
        _parameters = fixed_;
    }

    function appoint(address fraudProofs_) external {
        fraudProofs = fraudProofs_;
    }

    function place(Anchor calldata made) external {
        _words[made.number] = made.wordOf();
    }

    function record(uint64 number, IVault.Deposit calldata made) external {
        _deposits[number] = made;
    }

    function reclaim(uint64 number, uint256 l1Block) external {
        _deposits[number].reclaimedAt = uint64(l1Block);
    }

    function consume(bytes32 output, uint256 from) external {
        consumed[output] = from;
    }

    function haltForFraud(
        uint32 height,
        bytes calldata header,
        Certificate calldata certificate,
        Anchor calldata covering,
        address reporter
    ) external {
        if (msg.sender != fraudProofs) revert NotFraudProofs();
        require(_words[covering.number] == covering.wordOf(), "not an anchor");
        require(covering.previous < height && height <= covering.height, "not covering");
        _halts.push(Halt(height, covering.number, reporter, keccak256(header), certificate.bitmap));
    }

    function halts() external view returns (uint256) {
        return _halts.length;
    }

    function lastHalt() external view returns (Halt memory) {
        return _halts[_halts.length - 1];
    }

    function anchored(uint32 number) external view returns (bytes32, uint32) {
        return (_words[number], type(uint32).max);
    }

    function deposits(uint64 number) external view returns (IVault.Deposit memory) {
        return _deposits[number];
    }

    function parameters() external view returns (Parameters memory) {
        return _parameters;
    }

    function exitGame() external view returns (address) {
        return address(this);
    }

    function vault() external view returns (address) {
        return address(this);
    }
}
