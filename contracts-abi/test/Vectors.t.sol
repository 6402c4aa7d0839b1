// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../contracts/interfaces/IFederation.sol";
import {Bls} from "../contracts/libraries/Bls.sol";
import {Digest} from "../contracts/libraries/Digest.sol";
import {Certificate, Member} from "../contracts/types/Committee.sol";
import {Position, toPosition} from "../contracts/types/Position.sol";
import {Tree} from "./support/Tree.sol";
import {World} from "./support/World.sol";

/// @notice The digests library at an address of our choice: digests name the contract that computes them.
contract DigestHarness {
    function statement(uint8 tag, uint64 epoch, uint64 viewNumber, bytes32 id)
        external
        view
        returns (bytes32)
    {
        return Digest.statement(address(this), tag, epoch, viewNumber, id);
    }

    function notarization(uint64 epoch, uint64 viewNumber, uint64 parentView, bytes32 id)
        external
        view
        returns (bytes32)
    {
        return Digest.notarization(address(this), epoch, viewNumber, parentView, id);
    }

    function possession(address operator, bytes calldata key) external view returns (bytes32) {
        return Digest.possession(address(this), operator, key);
    }
}

/// @notice The file that Rust reads too: what one side writes, the other accepts.
contract VectorsTest is World {
    string private file;
    address private place;

    function setUp() external {
        file = vm.readFile("../core/tests/vectors/protocol.json");
        place = vm.parseJsonAddress(file, ".domain.contract");
        vm.chainId(_uint(".domain.chain_id"));
    }

    function test_transactions_haveTheIdsLeavesDigestsAndOwnersOfTheFile() external view {
        uint256 count = _count(".transactions.bytes");
        _true(count >= 9);
        for (uint256 i = 0; i < count; ++i) {
            bytes memory form = _bytes(_row(".transactions.bytes", i));
            harness.check(form, true);
            _equal(harness.id(form), _word(_row(".transactions.id", i)));
            _equal(harness.leaf(form), _word(_row(".transactions.leaf", i)));
            if (_uint(_row(".transactions.kind", i)) == 4) continue;
            _equal(harness.digest(form, place), _word(_row(".transactions.digest", i)));
            _equal(harness.signer(form, place), vm.parseJsonAddress(file, _row(".transactions.owner", i)));
        }
    }

    function test_transactions_thatAreMalformedThereAreRefusedHere() external view {
        uint256 count = _count(".malformed.bytes");
        _true(count >= 20);
        for (uint256 i = 0; i < count; ++i) {
            bytes memory form = _bytes(_row(".malformed.bytes", i));
            try harness.check(form, true) {
                try harness.signer(form, place) {
                    revert(vm.parseJsonString(file, _row(".malformed.name", i)));
                } catch {}
            } catch {}
        }
    }

    function test_typedData_ofAnIndependentSignerRecoversItsOwner() external {
        file = vm.readFile("../core/tests/vectors/eip712.json");
        address verifying = vm.parseJsonAddress(file, ".contract");
        vm.chainId(_uint(".chain_id"));
        uint256 count = _count(".transfers.bytes");
        _true(count >= 5);
        for (uint256 i = 0; i < count; ++i) {
            bytes memory form = _bytes(_row(".transfers.bytes", i));
            _equal(harness.digest(form, verifying), _word(_row(".transfers.digest", i)));
            _equal(harness.signer(form, verifying), vm.parseJsonAddress(file, _row(".transfers.owner", i)));
        }
    }

    function test_proofs_ofBothTreesLeadToTheRootsOfTheFile() external view {
        _equal(Tree.root(new bytes32[](0)), _word(".pad"));
        _checkProofs(".merkle");
        _checkProofs(".history.proofs");
    }

    function _checkProofs(string memory table) private view {
        uint256 count = _count(string.concat(table, ".count"));
        _true(count >= 45);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 root = harness.root(
                _word(_row(string.concat(table, ".leaf"), i)),
                _uint(_row(string.concat(table, ".index"), i)),
                _uint(_row(string.concat(table, ".count"), i)),
                _words(_bytes(_row(string.concat(table, ".proof"), i)))
            );
            _equal(root, _word(_row(string.concat(table, ".root"), i)));
        }
    }

    function test_historyLeaves_areThoseOfTheFile() external view {
        string memory table = ".history.leaves";
        uint256 count = _count(string.concat(table, ".leaf"));
        _true(count != 0);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 leaf = _historyLeaf(
                uint32(_uint(_row(string.concat(table, ".height"), i))),
                uint32(_uint(_row(string.concat(table, ".transaction_count"), i))),
                _word(_row(string.concat(table, ".transactions_root"), i)),
                uint64(_uint(_row(string.concat(table, ".l1_height"), i)))
            );
            _equal(leaf, _word(_row(string.concat(table, ".leaf"), i)));
        }
    }

    function test_positions_packAsInTheFile() external view {
        uint256 count = _count(".positions.packed");
        _true(count != 0);
        for (uint256 i = 0; i < count; ++i) {
            Position position = toPosition(
                uint32(_uint(_row(".positions.block", i))),
                uint32(_uint(_row(".positions.transaction", i))),
                uint8(_uint(_row(".positions.output", i)))
            );
            _equal(Position.unwrap(position), _uint(_row(".positions.packed", i)));
            _equal(position.blockOf(), _uint(_row(".positions.block", i)));
        }
    }

    function test_digests_areThoseOfTheFile() external {
        DigestHarness digests = DigestHarness(place);
        vm.etch(place, type(DigestHarness).runtimeCode);
        uint64 epoch = uint64(_uint(".bls.digests.epoch"));
        uint64 viewNumber = uint64(_uint(".bls.digests.view"));
        bytes32 blockId = _word(".bls.digests.block");
        bytes32 content = _word(".bls.digests.content");
        bytes32 token = bytes32(uint256(uint160(vm.parseJsonAddress(file, ".bls.digests.token"))));
        uint64 parentView = uint64(_uint(".bls.digests.parent_view"));
        _equal(digests.notarization(epoch, viewNumber, parentView, blockId), _word(".bls.digests.notarize"));
        _equal(digests.statement(2, epoch, viewNumber, 0), _word(".bls.digests.nullify"));
        _equal(digests.statement(3, epoch, viewNumber, blockId), _word(".bls.digests.finalize"));
        _equal(digests.statement(4, epoch, viewNumber, content), _word(".bls.digests.committee_change"));
        _equal(digests.statement(6, epoch, 0, content), _word(".bls.digests.status"));
        _equal(digests.statement(7, epoch, viewNumber, token), _word(".bls.digests.token_admission"));
        for (uint256 i = 0; i < 16; ++i) {
            address operator = vm.parseJsonAddress(file, _row(".bls.committee_16.operator", i));
            bytes32 digest = digests.possession(operator, _bytes(_row(".bls.committee_16.key", i)));
            _equal(digest, _word(_row(".bls.committee_16.possession_digest", i)));
        }
    }

    function test_keys_compressAndAddAsInTheFile() external view {
        bytes memory keys;
        for (uint256 i = 0; i < 16; ++i) {
            bytes memory key = _bytes(_row(".bls.committee_16.key_uncompressed", i));
            _equal(Bls.compress(key), _bytes(_row(".bls.committee_16.key", i)));
            keys = bytes.concat(keys, key);
        }
        bytes memory sum = Bls.sum(keys, type(uint256).max >> 240);
        _equal(sum, _bytes(".bls.committee_16.sum_uncompressed"));
        _equal(Bls.compress(sum), _bytes(".bls.committee_16.sum"));
        _true(Bls.isInfinity(Bls.add(sum, Bls.negate(sum))));
    }

    function test_certificates_convinceExactlyWhereTheFileSaysSo() external {
        IFederation four = _federation(".bls.committee_4", 4);
        for (uint256 i = 0; i < _count(".bls.certificates.valid"); ++i) {
            if (_uint(_row(".bls.certificates.committee_size", i)) == 4) _checkCertificate(four, i);
        }
        IFederation sixteen = _federation(".bls.committee_16", 16);
        for (uint256 i = 0; i < _count(".bls.certificates.valid"); ++i) {
            if (_uint(_row(".bls.certificates.committee_size", i)) == 16) _checkCertificate(sixteen, i);
        }
    }

    function _checkCertificate(IFederation by, uint256 i) private view {
        bytes memory header = _bytes(_row(".bls.certificates.header", i));
        // Rust's certificate names its block; ours is always about the header beside it.
        if (keccak256(header) != _word(_row(".bls.certificates.block", i))) return;
        Certificate memory certificate = Certificate({
            epoch: uint64(_uint(_row(".bls.certificates.epoch", i))),
            viewNumber: uint64(_uint(_row(".bls.certificates.view", i))),
            bitmap: _uint(_row(".bls.certificates.bitmap", i)),
            signature: _bytes(_row(".bls.certificates.signature_uncompressed", i))
        });
        _true(by.verify(header, certificate) == vm.parseJsonBool(file, _row(".bls.certificates.valid", i)));
    }

    /// @dev A federation at the address that the file's proofs of possession name.
    function _federation(string memory table, uint256 operators) private returns (IFederation) {
        Member[] memory members = new Member[](operators);
        for (uint256 i = 0; i < operators; ++i) {
            members[i] = Member({
                operator: vm.parseJsonAddress(file, _row(string.concat(table, ".operator"), i)),
                peer: _word(_row(string.concat(table, ".peer"), i)),
                key: _bytes(_row(string.concat(table, ".key_uncompressed"), i)),
                possession: _bytes(_row(string.concat(table, ".possession_uncompressed"), i))
            });
        }
        bytes memory arguments = abi.encode(members, _parameters(), address(1), address(2), address(3));
        vm.etch(place, bytes.concat(vm.getCode("Federation.sol:Federation"), arguments));
        (bool created, bytes memory code) = place.call("");
        _true(created);
        vm.etch(place, code);
        (uint16 found, uint16 quorum, bytes32 digest) = IFederation(place).committee(0);
        _equal(found, operators);
        _equal(quorum, _uint(string.concat(table, ".quorum")));
        _equal(digest, _word(string.concat(table, ".hash")));
        return IFederation(place);
    }

    function _row(string memory column, uint256 index) private pure returns (string memory) {
        return string.concat(column, "[", vm.toString(index), "]");
    }

    function _count(string memory column) private view returns (uint256 count) {
        while (vm.keyExistsJson(file, _row(column, count))) ++count;
    }

    function _uint(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(file, key);
    }

    function _bytes(string memory key) private view returns (bytes memory) {
        return vm.parseJsonBytes(file, key);
    }

    function _word(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(file, key);
    }

    function _words(bytes memory content) private pure returns (bytes32[] memory words) {
        words = new bytes32[](content.length / 32);
        for (uint256 i = 0; i < words.length; ++i) {
            bytes32 word;
            assembly ("memory-safe") {
                word := mload(add(content, mul(32, add(i, 1))))
            }
            words[i] = word;
        }
    }
}
