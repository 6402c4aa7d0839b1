// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "../contracts/interfaces/IFederation.sol";
import {IVault} from "../contracts/interfaces/IVault.sol";
import {IExitGame} from "../contracts/interfaces/IExitGame.sol";
import {Bls} from "../contracts/libraries/Bls.sol";
import {Member} from "../contracts/types/Committee.sol";
import {Parameters} from "../contracts/types/Parameters.sol";
import {World} from "./support/World.sol";

/// @notice Fraud proofs of other contracts.
contract Elsewhere {
    address public immutable federation;
    address public immutable vault;

    constructor(address federation_, address vault_) {
        (federation, vault) = (federation_, vault_);
    }
}

contract FederationConstructorTest is World {
    Member[] private joining;
    address private place;

    function setUp() external {
        size = 4;
        place = _places()[0];
    }

    function test_constructor_takesACommitteeThatProvesItsKeys() external {
        address[4] memory places = _places();
        this.create(_members(place), _parameters());
        (uint16 found, uint16 quorum, bytes32 digest) = federation.committee(0);
        _equal(found, 4);
        _equal(quorum, 3);
        bytes memory content;
        for (uint256 i = 0; i < 4; ++i) {
            Member memory member = _member(place, i);
            content = abi.encodePacked(content, member.operator, Bls.compress(member.key), member.peer);
        }
        _equal(digest, keccak256(content));
        _equal(federation.exitGame(), places[1]);
        _equal(federation.vault(), places[2]);
        _equal(federation.fraudProofs(), places[3]);
    }

    function test_constructor_quorumIsNMinusF() external {
        uint8[6] memory sizes = [4, 5, 6, 7, 10, 13];
        uint8[6] memory quorums = [3, 4, 5, 5, 7, 9];
        for (uint256 i = 0; i < 6; ++i) {
            size = sizes[i];
            this.create(_members(_places()[0]), _parameters());
            (uint16 found, uint16 quorum,) = federation.committee(0);
            _equal(found, sizes[i]);
            _equal(quorum, quorums[i]);
        }
    }

    function test_constructor_revertsBelowFourAndAboveAHundredMembers() external {
        size = 3;
        _refused(_members(place), abi.encodeWithSelector(IFederation.CommitteeSize.selector, 3));
        _refused(new Member[](0), abi.encodeWithSelector(IFederation.CommitteeSize.selector, 0));
        _refused(new Member[](101), abi.encodeWithSelector(IFederation.CommitteeSize.selector, 101));
    }

    function test_constructor_revertsWhenMembersShareAnything() external {
        bytes memory reason = abi.encodeWithSelector(IFederation.MemberRefused.selector, 3);
        Member[] memory members = _members(place);
        members[3] = members[0];
        _refused(members, reason);
        members = _members(place);
        members[3].peer = members[1].peer;
        _refused(members, reason);
        members = _members(place);
        members[3].operator = members[1].operator;
        _refused(members, reason);
        members = _members(place);
        members[3].key = members[2].key;
        _refused(members, reason);
        members = _members(place);
        members[3].operator = address(0);
        _refused(members, reason);
    }

    function test_constructor_revertsOnARogueKey() external {
        // The key that makes the sum of all the attacker's own; it cannot prove possession of it.
        Member[] memory members = _members(place);
        bytes memory honest = Bls.add(Bls.add(members[0].key, members[1].key), members[2].key);
        members[3].key = Bls.add(_publicKey(99), Bls.negate(honest));
        members[3].possession =
            _signWith(_secret(99), _possession(place, members[3].operator, members[3].key));
        _refused(members, abi.encodeWithSelector(IFederation.PossessionRefused.selector, 3));
    }

    function test_constructor_revertsOnAProofOfSomethingElse() external {
        bytes memory reason = abi.encodeWithSelector(IFederation.PossessionRefused.selector, 2);
        Member[] memory members = _members(place);
        // Of another member.
        members[2].possession = members[1].possession;
        _refused(members, reason);
        // For another account.
        members = _members(place);
        members[2].operator = address(0xbad);
        _refused(members, reason);
        // For another contract.
        members = _members(place);
        bytes32 elsewhere = _possession(address(game), members[2].operator, members[2].key);
        members[2].possession = _signWith(_secret(2), elsewhere);
        _refused(members, reason);
        // For another chain.
        members = _members(place);
        vm.chainId(1);
        bytes32 abroad = _possession(place, members[2].operator, members[2].key);
        vm.chainId(31337);
        members[2].possession = _signWith(_secret(2), abroad);
        _refused(members, reason);
        // A vote instead of a proof.
        bytes32 vote = _finalization(
            block.chainid,
            place,
            0,
            0,
            keccak256(abi.encodePacked(members[2].operator, Bls.compress(members[2].key)))
        );
        members[2].possession = _signWith(_secret(2), vote);
        _refused(members, reason);
    }

    function test_constructor_revertsOnInfinity() external {
        Member[] memory members = _members(place);
        members[1].key = new bytes(128);
        members[1].possession = new bytes(256);
        _refused(members, abi.encodeWithSelector(IFederation.PossessionRefused.selector, 1));
    }

    function test_constructor_revertsOnAKeyOutsideTheSubgroup() external {
        // (0, 2) lies on the curve, and addition accepts it; its order is not that of the subgroup.
        Member[] memory members = _members(place);
        members[1].key = bytes.concat(new bytes(127), hex"02");
        Bls.add(members[1].key, members[0].key);
        _refused(members, abi.encodeWithSelector(IFederation.PossessionRefused.selector, 1));
    }

    function test_constructor_revertsOnAKeyThatIsNotReduced() external {
        Member[] memory members = _members(place);
        members[1].key[0] = 0x01;
        _refused(members, abi.encodeWithSelector(IFederation.PossessionRefused.selector, 1));
    }

    function test_constructor_revertsOnPointsOfAnotherLength() external {
        Member[] memory members = _members(place);
        members[1].key = bytes.concat(members[1].key, hex"00");
        _refused(members, abi.encodeWithSelector(IFederation.MemberRefused.selector, 1));
        members = _members(place);
        members[1].possession = new bytes(255);
        _refused(members, abi.encodeWithSelector(Bls.PointLength.selector, 255, 256));
    }

    function test_constructor_revertsOnParametersThatContradictEachOther() external {
        Parameters memory fixed_ = _parameters();
        fixed_.originWindow = 8192;
        _unlawful(fixed_);
        fixed_ = _parameters();
        fixed_.l1BlockTime = 0;
        _unlawful(fixed_);
        fixed_ = _parameters();
        fixed_.silence = 0;
        _unlawful(fixed_);
        fixed_ = _parameters();
        fixed_.grace = 0;
        _unlawful(fixed_);
        fixed_ = _parameters();
        fixed_.exitBond = 0;
        _unlawful(fixed_);
        // The window must reach over silence, grace and an anchor's interval: 5/4 · 16 h + 4 h = 7200 blocks.
        fixed_ = _parameters();
        fixed_.originWindow = 7199;
        _unlawful(fixed_);
        // Twice the window, the silence, two graces and the reclaim: 2 · (96 000 + 57 600 + 28 800 + 86 400) s.
        fixed_ = _parameters();
        fixed_.exitPeriod = 537_599;
        _unlawful(fixed_);
        fixed_.exitPeriod = 537_600;
        this.create(_members(_places()[0]), fixed_);
        fixed_.originWindow = 7200;
        this.create(_members(_places()[0]), fixed_);
        fixed_.committeeDelay = 1460 days;
        fixed_.exitPeriod = 365 days;
        this.create(_members(_places()[0]), fixed_);
        fixed_.exitPeriod = 365 days + 1;
        _unlawful(fixed_);
        fixed_ = _parameters();
        fixed_.operatorBond = 0;
        _unlawful(fixed_);
        fixed_ = _parameters();
        fixed_.reclaimWindow = 0;
        _unlawful(fixed_);
        // No overflow hides a contradiction.
        fixed_.silence = type(uint64).max;
        _unlawful(fixed_);
        fixed_ = _parameters();
        fixed_.grace = type(uint64).max;
        _unlawful(fixed_);
        fixed_ = _parameters();
        fixed_.l1BlockTime = type(uint64).max;
        _unlawful(fixed_);
        fixed_ = _parameters();
        fixed_.reclaimWindow = type(uint64).max;
        _unlawful(fixed_);
    }

    /// @notice K63: users can leave before a new committee takes over, and nobody can put that off for ever.
    function test_constructor_holdsTheCommitteeDelayAboveTheLongestExit() external {
        Parameters memory fixed_ = _parameters();
        fixed_.committeeDelay = 14 days;
        _unlawful(fixed_);
        fixed_.committeeDelay = 14 days + 1;
        this.create(_members(_places()[0]), fixed_);
        fixed_.committeeDelay = 1460 days + 1;
        _unlawful(fixed_);
        fixed_.committeeDelay = type(uint64).max;
        _unlawful(fixed_);
    }

    /// @notice K22: no place is left open for whoever gets there first.
    function test_constructor_revertsOnAPlaceThatIsZero() external {
        for (uint256 i = 0; i < 3; ++i) {
            address[3] memory others = [address(1), address(2), address(3)];
            others[i] = address(0);
            vm.expectRevert(IFederation.PlaceZero.selector);
            this.createBeside(others);
        }
    }

    function test_constructor_allowsTheShortPeriodsOfATestnet() external {
        Parameters memory fixed_ = Parameters({
            exitPeriod: 60,
            exitBond: 1,
            originWindow: 13,
            l1BlockTime: 1,
            silence: 9,
            grace: 1,
            legacyTransactions: false,
            operatorBond: 1,
            committeeDelay: 121,
            reclaimWindow: 5
        });
        this.create(_members(place), fixed_);
        _equal(federation.parameters().exitPeriod, 60);
        _true(!federation.parameters().legacyTransactions);
    }

    function test_constructor_revertsWhereThePrecompilesAreMissing() external {
        Member[] memory members = _members(place);
        vm.mockCall(address(0x0f), "", "");
        _refused(members, abi.encodeWithSelector(Bls.PrecompileMissing.selector, address(0x0f)));
        vm.clearMockedCalls();
        vm.mockCall(address(0x11), "", "");
        _refused(members, abi.encodeWithSelector(Bls.PrecompileMissing.selector, address(0x11)));
    }

    function test_exitGameAndVault_revertAtAnyOtherPlace() external {
        this.create(_members(place), _parameters());
        vm.expectRevert(IExitGame.WrongPlace.selector);
        this.createElsewhere("ExitGame");
        vm.expectRevert(IVault.WrongPlace.selector);
        this.createElsewhere("Vault");
    }

    function test_vault_revertsBeforeTheExitGameStands() external {
        // The vault's place is named first, the exit game's second.
        address[4] memory places = _places();
        bytes memory arguments = abi.encode(_members(place), _parameters(), places[2], places[1], places[3]);
        address made = _create("Federation", arguments);
        vm.expectRevert();
        this.createAt("Vault", made);
    }

    /// @dev A deposit before fraud proofs exist could be taken by an invalid block that nobody can prove.
    function test_vault_revertsBeforeTheFraudProofsStand() external {
        // The vault is named before the fraud proofs.
        address[4] memory places = _places();
        address made = _create(
            "Federation", abi.encode(_members(place), _parameters(), places[1], places[3], places[2])
        );
        this.createAt("ExitGame", made);
        vm.expectRevert();
        this.createAt("Vault", made);
    }

    /// @dev What stands there must be fraud proofs of this very vault.
    function test_vault_revertsBesideFraudProofsOfAnother() external {
        address[4] memory places = _places();
        address other = address(new Elsewhere(places[0], address(0xe15e)));
        address made =
            _create("Federation", abi.encode(_members(place), _parameters(), places[1], places[3], other));
        this.createAt("ExitGame", made);
        vm.expectRevert(IVault.WrongPlace.selector);
        this.createAt("Vault", made);
    }

    function test_vault_revertsBesideFraudProofsOfAnotherFederation() external {
        address[4] memory places = _places();
        address other = address(new Elsewhere(address(0xe15e), places[3]));
        address made =
            _create("Federation", abi.encode(_members(place), _parameters(), places[1], places[3], other));
        this.createAt("ExitGame", made);
        vm.expectRevert(IVault.WrongPlace.selector);
        this.createAt("Vault", made);
    }

    function createBeside(address[3] calldata others) external {
        bytes memory arguments =
            abi.encode(_members(_places()[0]), _parameters(), others[0], others[1], others[2]);
        _create("Federation", arguments);
    }

    function createElsewhere(string calldata name) external {
        vm.startPrank(address(0xe15e));
        bytes memory code =
            bytes.concat(vm.getCode(string.concat(name, ".sol:", name)), abi.encode(federation, _listed()));
        assembly ("memory-safe") {
            if iszero(create(0, add(code, 0x20), mload(code))) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    function createAt(string calldata name, address made) external {
        _create(name, abi.encode(made, _listed()));
    }

    function create(Member[] memory members, Parameters memory fixed_) external {
        federation = IFederation(_create("Federation", _arguments(members, fixed_)));
    }

    function _refused(Member[] memory members, bytes memory reason) private {
        vm.expectRevert(reason);
        this.create(members, _parameters());
    }

    function _unlawful(Parameters memory fixed_) private {
        place = _places()[0];
        Member[] memory members = _members(place);
        try this.create(members, fixed_) {
            revert("accepted");
        } catch (bytes memory reason) {
            _equal(bytes32(bytes4(reason)), bytes32(IFederation.ParametersRefused.selector));
        }
    }
}
