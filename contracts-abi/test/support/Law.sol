// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExitGame} from "../../contracts/interfaces/IExitGame.sol";
import {IInFlightExits} from "../../contracts/interfaces/IInFlightExits.sol";
import {Digest} from "../../contracts/libraries/Digest.sol";
import {Header} from "../../contracts/libraries/Header.sol";
import {History} from "../../contracts/libraries/History.sol";
import {MerkleProof} from "../../contracts/libraries/MerkleProof.sol";
import {PlasmaTransaction} from "../../contracts/libraries/PlasmaTransaction.sol";
import {Signing} from "../../contracts/libraries/Signing.sol";
import {Inclusion} from "../../contracts/types/Anchor.sol";
import {InFlightExit} from "../../contracts/types/InFlight.sol";
import {Position, toPosition} from "../../contracts/types/Position.sol";

/// @notice What the differential harness asks of the libraries, many answers in one call, and of the registry many
/// entries at once.
contract Law {
    using PlasmaTransaction for bytes;

    /// @notice What the bytes of a transaction are; what means nothing for flawed bytes stays zero.
    struct Reading {
        PlasmaTransaction.Flaw flaw;
        uint256 a;
        uint256 b;
        bytes32 id;
        bytes32 leaf;
        bytes32 digest;
        address signer;
        bytes32 fields;
    }

    function read(bytes calldata transaction, bool legacyTransactions, address verifyingContract)
        external
        view
        returns (Reading memory reading)
    {
        (reading.flaw, reading.a, reading.b) = transaction.examine(legacyTransactions);
        reading.leaf = transaction.leaf();
        if (reading.flaw != PlasmaTransaction.Flaw.None) return reading;
        reading.id = transaction.id();
        reading.fields = _fields(transaction);
        reading.signer = Signing.recover(transaction, verifyingContract);
        if (transaction.kind() == PlasmaTransaction.FUND) return reading;
        try this.digest(transaction, verifyingContract) returns (bytes32 signed) {
            reading.digest = signed;
        } catch {}
    }

    function digest(bytes calldata transaction, address verifyingContract) external view returns (bytes32) {
        return Signing.digest(transaction, verifyingContract);
    }

    function statement(
        address federation,
        uint8 tag,
        uint64 epoch,
        uint64 viewNumber,
        uint64 parentView,
        bytes32 id
    ) external view returns (bytes32) {
        return tag == Digest.NOTARIZE
            ? Digest.notarization(federation, epoch, viewNumber, parentView, id)
            : Digest.statement(federation, tag, epoch, viewNumber, id);
    }

    function possession(address federation, address operator, bytes calldata compressedKey)
        external
        view
        returns (bytes32)
    {
        return Digest.possession(federation, operator, compressedKey);
    }

    function header(bytes calldata bytes_)
        external
        pure
        returns (bytes32 id, uint32 height, bytes32 historyRoot, uint64 l1Height, bytes32 l1Hash)
    {
        return (
            Header.id(bytes_),
            Header.height(bytes_),
            Header.historyRoot(bytes_),
            Header.l1Height(bytes_),
            Header.l1Hash(bytes_)
        );
    }

    function root(bytes32 leaf, uint256 index, uint256 count, bytes32[] calldata path)
        external
        pure
        returns (bytes32)
    {
        return MerkleProof.root(leaf, index, count, path);
    }

    function historyLeaf(Inclusion calldata inclusion, uint32 top, bytes32 historyRoot)
        external
        pure
        returns (bytes32)
    {
        return History.checkHistory(inclusion, top, historyRoot);
    }

    function fundId(uint64 number, address owner, address asset, uint256 amount)
        external
        pure
        returns (bytes32)
    {
        return PlasmaTransaction.fundId(number, owner, asset, amount);
    }

    function position(uint32 height, uint32 transaction, uint8 output)
        external
        pure
        returns (uint72 packed, uint32 height_, uint32 transaction_, uint8 output_)
    {
        Position made = toPosition(height, transaction, output);
        return (Position.unwrap(made), made.blockOf(), made.transactionOf(), made.outputOf());
    }

    /// @notice When each output left, and whether each exit is open.
    function registry(IExitGame game, bytes32[] calldata outputs)
        external
        view
        returns (uint256[] memory paid)
    {
        paid = new uint256[](outputs.length);
        for (uint256 i = 0; i < outputs.length; ++i) {
            paid[i] = game.consumed(outputs[i]);
        }
    }

    function standard(IExitGame game, uint256[] calldata ids)
        external
        view
        returns (IExitGame.Exit[] memory open)
    {
        open = new IExitGame.Exit[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            open[i] = game.exits(ids[i]);
        }
    }

    function inFlight(IInFlightExits game, uint256[] calldata ids)
        external
        view
        returns (InFlightExit[] memory open)
    {
        open = new InFlightExit[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            open[i] = game.inFlightExits(ids[i]);
        }
    }

    /// @dev One hash over every field as the accessors read it.
    function _fields(bytes calldata transaction) private pure returns (bytes32 hash) {
        hash = keccak256(
            abi.encode(
                transaction.kind(),
                transaction.inputs(),
                transaction.outputs(),
                transaction.asset(),
                transaction.expiry()
            )
        );
        for (uint8 i = 0; i < transaction.inputs(); ++i) {
            (Position spent, uint256 amount) = transaction.input(i);
            hash = keccak256(abi.encode(hash, spent, amount));
        }
        for (uint8 i = 0; i < transaction.outputs(); ++i) {
            (address owner, uint256 amount) = transaction.output(i);
            hash = keccak256(abi.encode(hash, owner, amount));
        }
    }
}
