// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchor} from "../types/Anchor.sol";
import {Certificate, Member, Verdict} from "../types/Committee.sol";
import {Statement, Telling} from "../types/Statement.sol";
import {Parameters} from "../types/Parameters.sol";
import {IEnrolment} from "./IEnrolment.sol";

/// @title The federation on Ethereum: its committees, its anchors, and whether it still stands
interface IFederation {
    /// @notice A header was anchored: it is the first to cover the heights above `previous` up to `height`.
    event Anchored(
        uint32 indexed number,
        uint32 indexed height,
        uint32 previous,
        bytes32 historyRoot,
        uint64 l1Height,
        uint64 time
    );

    /// @notice A quorum of the active committee named the next one; it can be activated from `activeFrom` on.
    event CommitteeAnnounced(
        uint64 indexed epoch, uint64 indexed sequence, bytes32 digest, uint64 activeFrom
    );
    /// @notice The committee of this epoch takes over: the first block whose L1 origin reaches this event is the
    /// last of the one before.
    event CommitteeActivated(uint64 indexed epoch);
    /// @notice An operator's seat holds a bond.
    event BondPosted(uint64 indexed epoch, uint16 indexed index, address indexed operator);
    /// @notice An operator took its bond back.
    event BondWithdrawn(uint64 indexed epoch, uint16 indexed index, address receiver);
    /// @notice Operators were convicted, each once: of their bonds `rewarded` waits for the reporter, and the other
    /// half is destroyed.
    event Slashed(uint64 indexed epoch, uint256 convicted, address indexed reporter, uint256 rewarded);
    /// @notice A reporter took what it had earned.
    event RewardWithdrawn(address indexed reporter, address receiver, uint256 amount);
    /// @notice Nothing was anchored after anchor `number` for too long. Without an anchor until `haltFrom` anybody
    /// can halt the federation.
    event SilenceAnnounced(uint32 indexed number, uint64 haltFrom);
    /// @notice The federation has halted for ever, or has halted and `lastValid` fell: heights above it are void.
    event Halted(uint32 lastValid);

    /// @notice A constructor parameter breaks the inequality that its name in `rule` tells.
    error ParametersRefused(string rule);
    /// @notice The contracts that `Federation` names at its creation have addresses that are not zero.
    error PlaceZero();
    /// @notice A committee has 4 to 100 operators.
    error CommitteeSize(uint256 found);
    /// @notice Two members share an account, a key or a peer id, or a member's account is zero.
    error MemberRefused(uint256 index);
    /// @notice The member did not prove that it holds its key, or its key is no point of the subgroup.
    error PossessionRefused(uint256 index);
    /// @notice The federation has halted; heights above `lastValid` are void.
    error FederationHalted(uint32 lastValid);
    /// @notice Only heights above the last anchor's can be anchored, and not the highest number of all.
    error HeightNotAbove(uint32 height, uint32 anchored);
    /// @notice The last anchor was signed by a later committee.
    error EpochPast(uint64 epoch, uint64 anchored);
    /// @notice The federation was silent for too long to come back.
    error SilentTooLong(uint64 deadline);
    /// @notice The header's L1 origin is not a block of this chain before the current one.
    error OriginAhead(uint64 l1Height);
    /// @notice The header's L1 origin is older than the oldest that may be anchored.
    error OriginTooOld(uint64 l1Height, uint256 oldest);
    /// @notice The header's L1 origin is older than the last anchor's.
    error OriginWentBack(uint64 l1Height, uint64 anchored);
    /// @notice The header's L1 hash is not that of the L1 block it names, or the chain cannot tell.
    error OriginUnknown(uint64 l1Height, bytes32 l1Hash);
    /// @notice The certificate does not convince.
    error CertificateRefused(Verdict verdict);

    /// @notice The committee was replaced, and the last anchor reaches the block that handed over.
    error EpochSealed(uint64 epoch);
    /// @notice Only the active committee names its successor.
    error EpochNotActive(uint64 epoch, uint64 active);
    /// @notice A committee names its successor once it has anchored.
    error EpochNotAnchored(uint64 epoch);
    /// @notice Something as late was announced already.
    error SequencePast(uint64 sequence, uint64 last);
    /// @notice No committee waits for its activation.
    error NothingAnnounced();
    /// @notice It is not time yet.
    error TooEarly(uint64 from);
    /// @notice The certificate's committee has no say about this height, or no longer.
    error HeightOutsideEpoch(uint32 height, uint64 epoch);
    /// @notice A bond is exactly what `parameters` says.
    error BondDiffers(uint256 found, uint256 expected);
    /// @notice The committee has no such seat.
    error SeatUnknown(uint64 epoch, uint16 index);
    /// @notice The seat has its bond, or was convicted.
    error SeatTaken(uint64 epoch, uint16 index);
    /// @notice The bonds of the epoch can be withdrawn: none is taken, and its certificates halt nothing.
    error BondsReleased(uint64 epoch);
    /// @notice The caller is not the seat's operator.
    error NotOperator(address operator);
    /// @notice The seat holds no bond.
    error NoBond(uint64 epoch, uint16 index);
    /// @notice The bonds of the epoch cannot be withdrawn yet.
    error BondHeld(uint64 epoch);
    /// @notice The caller has earned nothing.
    error NoReward();
    /// @notice The receiver does not take the payment.
    error TransferRefused(address receiver);
    /// @notice The silence since the last anchor was announced already.
    error SilenceKnown(uint64 haltFrom);
    /// @notice Nobody announced a silence, or an anchor has ended it.
    error SilenceUnknown();
    /// @notice An honest operator may say both.
    error NoContradiction();
    /// @notice Nobody signed both, or all who did were convicted before.
    error NobodyConvicted();
    /// @notice No anchor has this word.
    error AnchorUnknown(uint32 number);
    /// @notice The anchor is not the first that covers the height.
    error NotFirstCovering(uint32 height, uint32 previous, uint32 anchored);
    /// @notice Both headers tell the same of this height.
    error SameHistory(uint32 height);
    /// @notice The leaf does not lie at this height of the history.
    error BlockNotInHistory(uint32 height);
    /// @notice The header is not the one that was anchored.
    error HeaderDiffers(uint32 number);
    /// @notice The caller is not the contract of the fraud proofs.
    error NotFraudProofs(address caller);
    /// @notice Who signed this header did not vouch for the invalid block.
    error NotLiable(uint32 height);

    /// @notice The newest anchor, and how far the chain is valid.
    /// @param number of the anchor, zero before the first
    /// @param height its height, zero before the first
    /// @param l1Height its L1 origin, before the first the block of deployment
    /// @param time when it was mined, before the first the time of deployment, seconds
    /// @param epoch whose committee signed it
    /// @param lastValid the highest height that counts: 2^32 − 1 unless the federation has halted
    struct Latest {
        uint32 number;
        uint32 height;
        uint48 l1Height;
        uint48 time;
        uint64 epoch;
        uint32 lastValid;
    }

    /// @notice A committee that waits for its activation.
    /// @param content account whose code holds its keys (`IEnrolment.enrol`)
    /// @param size number of operators, zero when none waits
    /// @param activeFrom from when it can be activated, seconds
    /// @param digest as `committee` tells it
    struct Announcement {
        address content;
        uint16 size;
        uint48 activeFrom;
        bytes32 digest;
    }

    /// @notice An announced silence.
    /// @param number the anchor after which nothing came
    /// @param haltFrom after this moment anybody can halt the federation, seconds
    struct SilenceNotice {
        uint32 number;
        uint48 haltFrom;
    }

    /// @notice Anchors a header, and with it every block up to its height. Anybody may call; a height counts once.
    /// @param header 184 bytes
    /// @param epoch whose committee signed
    /// @param viewNumber the view in which the block was finalized
    /// @param bitmap bit i for operator i
    /// @param signature aggregate over the finalize digest, 256 bytes
    function anchor(
        bytes calldata header,
        uint64 epoch,
        uint64 viewNumber,
        uint256 bitmap,
        bytes calldata signature
    ) external;

    /// @notice Names the next committee. Anybody may call with a certificate (tag 0x04) of the active one, which has
    /// anchored; its view is the sequence, above every earlier one. An announcement replaces the one that waits,
    /// and its delay, longer than the longest exit, begins again.
    function announceCommittee(Member[] calldata members, Certificate calldata certificate) external;

    /// @notice Hands over to the committee that was announced, once its delay is over. Anybody may call with a
    /// readiness certificate of its quorum (tag 0x06, view 0): the chain is never handed to a set that is not running.
    function activateCommittee(uint256 bitmap, bytes calldata signature) external;

    /// @notice Whether a quorum of an epoch's committee signed a statement without a parent view, and if not, why.
    function certifies(
        uint8 tag,
        uint64 epoch,
        uint64 viewNumber,
        bytes32 id,
        uint256 bitmap,
        bytes calldata signature
    ) external view returns (Verdict);

    /// @notice Pays the bond of an operator's seat; anybody may, and the operator alone gets it back.
    function postBond(uint64 epoch, uint16 index) external payable;

    /// @notice Returns a bond to the seat's operator, who calls: later than the longest exit after the first anchor
    /// of the next committee, or after the halt.
    function withdrawBond(uint64 epoch, uint16 index, address receiver) external;

    /// @notice Pays the caller what it earned as a reporter.
    function withdrawReward(address receiver) external;

    /// @notice Announces that nothing was anchored for longer than `silence`. An anchor ends the silence.
    function announceSilence() external;

    /// @notice Halts a federation whose silence was announced more than `grace` ago. What was anchored stays valid.
    function haltIfSilent() external;

    /// @notice Convicts the operators that made both of two statements of one view that no honest operator makes:
    /// notarize for different containers, finalize for different blocks, or finalize (`one`) and nullify (`other`).
    function proveContradiction(
        uint64 epoch,
        uint64 viewNumber,
        Statement calldata one,
        Statement calldata other
    ) external;

    /// @notice Halts the federation because one header tells another block of an anchored height. Without `header`
    /// in both, nobody is convicted; else those whose signature both certificates of one epoch hold.
    /// @param height the height of which they differ
    /// @param told the first anchor that covers it
    /// @param retold a later anchor: valid stays what was anchored before it; or a header with its certificate that
    /// was never anchored: valid stays what is anchored
    function proveRewrite(uint32 height, Telling calldata told, Telling calldata retold) external;

    /// @notice Halts the federation because a block is invalid, and convicts who vouched for it. Only the contract
    /// of the fraud proofs calls; what it says of the block is believed. Counts after a halt too.
    /// @param height of the invalid block; heights below it stay valid
    /// @param header of a height from the invalid block's up to the covering anchor's, in whose history the block
    /// lies as under that anchor; empty to convict nobody
    /// @param certificate a finalize certificate of `header`: its signers are convicted
    /// @param covering the first anchor that covers the block
    /// @param reporter who gets the reward
    function haltForFraud(
        uint32 height,
        bytes calldata header,
        Certificate calldata certificate,
        Anchor calldata covering,
        address reporter
    ) external;

    /// @notice Whether a certificate finalizes a header, anchored or not, of a height at which its committee has a say
    /// (`term`).
    function verify(bytes calldata header, Certificate calldata certificate) external view returns (bool);

    /// @notice What a proof is checked against.
    /// @return word of the anchor (`wordOf` in types/Anchor.sol); zero where there is none
    /// @return lastValid_ as `lastValid`
    function anchored(uint32 number) external view returns (bytes32 word, uint32 lastValid_);

    /// @notice The newest anchor, and how far the chain is valid.
    function latest() external view returns (Latest memory);

    /// @notice The highest height that counts anywhere: 2^32 − 1 unless the federation has halted.
    function lastValid() external view returns (uint32);

    /// @notice Whether the federation has halted for ever.
    function halted() external view returns (bool);

    /// @notice The committee of an epoch.
    /// @return size number of operators, zero for an epoch without a committee
    /// @return quorum how many of them must sign
    /// @return digest keccak of operator 20 ‖ compressed key 48 ‖ peer 32 of every member in order
    function committee(uint64 epoch) external view returns (uint16 size, uint16 quorum, bytes32 digest);

    /// @notice The epoch of the committee that was activated last.
    function activeEpoch() external view returns (uint64);

    /// @notice The committee that waits for its activation; zeros when none does.
    function announcement() external view returns (Announcement memory);

    /// @notice Where the certificates of an epoch count.
    /// @return sealedAt L1 block in which its successor was activated, zero before
    /// @return above only heights above this one
    /// @return upTo only heights up to this one: its successor's first anchor, 2^32 − 1 before
    /// @return released whether its bonds can be withdrawn
    function term(uint64 epoch)
        external
        view
        returns (uint64 sealedAt, uint32 above, uint32 upTo, bool released);

    /// @notice Which seats of an epoch hold a bond, and which were convicted: bit i for operator i.
    function bonds(uint64 epoch) external view returns (uint256 bonded, uint256 slashed);

    /// @notice What a reporter has earned and not taken yet.
    function reward(address reporter) external view returns (uint256);

    /// @notice The silence that is announced and not ended; zeros otherwise.
    function silenceNotice() external view returns (SilenceNotice memory);

    /// @notice One operator of a committee; zeros outside it.
    function member(uint64 epoch, uint16 index) external view returns (address operator, bytes memory key);

    /// @notice What was fixed at deployment.
    function parameters() external view returns (Parameters memory);

    /// @notice The contract that pays exits.
    function exitGame() external view returns (address);

    /// @notice The contract that holds the deposits.
    function vault() external view returns (address);

    /// @notice The contract that proves blocks invalid.
    function fraudProofs() external view returns (address);

    /// @notice The contract that examines committees.
    function enrolment() external view returns (IEnrolment);
}
