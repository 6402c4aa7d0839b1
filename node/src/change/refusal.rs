//! Why the contract was not told, or refused, and what people can do then.

use plasma_core::{Address, Amount, Hash, Height};

use super::{
    MotionError,
    moment::{Lasting, Moment},
};
use crate::bridge::L1Error;

/// Why the contract was not told.
#[derive(Debug, thiserror::Error)]
pub enum ClerkError {
    /// The signatures do not carry the motion.
    #[error(transparent)]
    Motion(#[from] MotionError),
    /// Nothing of a halted federation changes any more.
    #[error("the federation has halted: nothing above height {0} counts, and it takes no committee any more")]
    Halted(Height),
    /// The document is of another epoch than the next one.
    #[error("epoch = {document}, and Ethereum's active epoch is {active}: only the committee of epoch {} can be {kind} now", active.saturating_add(1))]
    NotNext {
        /// The document's.
        document: u64,
        /// Ethereum's.
        active: u64,
        /// What was to be done with it.
        kind: Done,
    },
    /// It was activated before.
    #[error("this committee was activated already: it is Ethereum's epoch {0}; nothing was sent")]
    Activated(u64),
    /// The committee that signs is not Ethereum's.
    #[error(
        "the committee of epoch {epoch} has the hash {found} on Ethereum and {expected} here; install the document that was activated"
    )]
    OtherSigners {
        /// Whose.
        epoch: u64,
        /// Ethereum's.
        found: Hash,
        /// Ours.
        expected: Hash,
    },
    /// A committee that has not anchored names nobody.
    #[error("the committee of epoch {0} has not anchored yet; announce when its first anchor is mined")]
    NotAnchored(u64),
    /// An old sequence.
    #[error("sequence = {sequence} is used up: the last announcement had {last}; write {} into the document and let everybody sign again", last.saturating_add(1))]
    Sequence {
        /// The document's.
        sequence: u64,
        /// Ethereum's.
        last: u64,
    },
    /// It waits already, and announcing it again would only begin the delay again.
    #[error("this committee is announced already and can be activated from {} on; nothing was sent", Moment(*.0))]
    Announced(u64),
    /// Nobody waits.
    #[error("no committee is announced; run `plasma committee announce` first")]
    NotAnnounced,
    /// Another one waits.
    #[error("another committee is announced: {found}, and the hash of this document is {expected}")]
    OtherAnnounced {
        /// Ethereum's.
        found: Hash,
        /// The document's.
        expected: Hash,
    },
    /// Users may still leave before the new committee.
    #[error("too early: the committee can be activated from {} on, in {}", Moment(*active_from_s), Lasting(active_from_s.saturating_sub(*now_s)))]
    TooEarly {
        /// From when on.
        active_from_s: u64,
        /// Ethereum's clock.
        now_s: u64,
    },
    /// Bonds are of committees that were activated.
    #[error("Ethereum knows no committee of epoch {0} yet; its bonds are posted after the activation")]
    NoCommittee(u64),
    /// The seat has one.
    #[error("seat {seat} of epoch {epoch} has its bond already; nothing was sent")]
    Bonded {
        /// The epoch.
        epoch: u64,
        /// The seat.
        seat: u16,
    },
    /// The seat was convicted.
    #[error("seat {seat} of epoch {epoch} was convicted: its bond is gone, and it gets no other")]
    Convicted {
        /// The epoch.
        epoch: u64,
        /// The seat.
        seat: u16,
    },
    /// The epoch is over.
    #[error("epoch {0} is over and its bonds can be withdrawn; it takes none any more")]
    Over(u64),
    /// The seat has none.
    #[error("seat {seat} of epoch {epoch} has no bond: it was never posted, or it was withdrawn")]
    NoBond {
        /// The epoch.
        epoch: u64,
        /// The seat.
        seat: u16,
    },
    /// Users may still find something.
    #[error("the bonds of epoch {epoch} are held until {} after the first anchor of epoch {}, or after a halt", Lasting(*delay_s), epoch.saturating_add(1))]
    Held {
        /// The epoch.
        epoch: u64,
        /// How long they are held then.
        delay_s: u64,
    },
    /// Only the operator gets its bond.
    #[error(
        "the bond of seat {seat} goes to the account {operator} alone, and this is {account}; leave --account away, or name that account's key"
    )]
    NotOperator {
        /// The seat.
        seat: u16,
        /// Whose it is.
        operator: Address,
        /// Who asks.
        account: Address,
    },
    /// The account cannot pay the bond.
    #[error("the account {account} holds {balance} wei, the bond is {bond} and gas comes on top")]
    Poor {
        /// Whose.
        account: Address,
        /// What it holds.
        balance: Amount,
        /// What is needed.
        bond: Amount,
    },
    /// A running operator sends from this account now.
    #[error(
        "the account {0} has a transaction under way, probably its operator's; try again when it is mined, or pay from another account with --account"
    )]
    UnderWay(Address),
    /// The contract would refuse, or did.
    #[error("{call} would revert: {reason}. {advice}")]
    Refused {
        /// What was called.
        call: String,
        /// The contract's words.
        reason: String,
        /// Ours.
        advice: &'static str,
    },
    /// Sent and not seen in a block.
    #[error(
        "{call} was sent in {transaction} and was not mined within {waited_s} s; look for it on Ethereum before you run this again"
    )]
    NotMined {
        /// What was called.
        call: String,
        /// Its hash.
        transaction: Hash,
        /// How long we looked.
        waited_s: u64,
    },
    /// Ethereum.
    #[error(transparent)]
    L1(#[from] L1Error),
}

/// What is done with a committee, for [`ClerkError::NotNext`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// By the one before.
    Announced,
    /// By its own members.
    Activated,
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Announced => "announced",
            Self::Activated => "activated",
        })
    }
}

/// Words beside the contract's refusal, for what could be seen only by it.
pub(super) fn explained(error: L1Error) -> ClerkError {
    let L1Error::Reverted { call, reason } = error else {
        return error.into();
    };
    let name = reason.split(['(', ' ']).next().unwrap_or_default();
    let known = ADVICE.iter().find(|(refusal, _)| *refusal == name);
    let advice = known.map_or(
        "Ethereum changed meanwhile; see `plasma committee check --l1`",
        |(_, advice)| advice,
    );
    ClerkError::Refused { call, reason, advice }
}

/// What people can do about a refusal that came although nothing was to be seen before.
const ADVICE: [(&str, &str); 7] = [
    (
        "SequencePast",
        "Somebody announced meanwhile; raise `sequence` and let everybody sign again",
    ),
    (
        "EpochNotActive",
        "The committee was handed over meanwhile; this document is too late",
    ),
    (
        "TooEarly",
        "Ethereum's clock is behind; try again with its next block",
    ),
    (
        "NothingAnnounced",
        "Somebody activated it meanwhile; see `plasma committee check --l1`",
    ),
    (
        "CertificateRefused",
        "Another committee was announced meanwhile; see `plasma committee check --l1`",
    ),
    ("SeatTaken", "Somebody posted the bond meanwhile"),
    (
        "TransferRefused",
        "The receiver takes no ETH; name another one with --withdraw",
    ),
];
