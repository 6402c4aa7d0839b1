//! Ethereum, as far as we care: events that are confirmed, anchors and challenges that are mined.
//!
//! The only place that talks to Ethereum. A block counts as *confirmed* when `confirmations` of the
//! genesis stand above it; what is confirmed is handed to the runtime block by block, in order and
//! without a gap, and enters the ledger only through decided blocks. Sending is durable: see
//! [`sender`]. Every wait has a deadline, every answer a size limit; the only retry of a call is the
//! next configured endpoint, and whoever polls asks again.
//!
//! Types of ethers stay in this folder; [`convert`] is the border.

pub mod account;
pub mod accuser;
pub mod bonds;
pub mod calls;
pub mod challenger;
pub mod committees;
pub mod contracts;
pub mod convert;
pub mod cursor;
pub mod decode;
pub mod deploy;
pub mod direct;
pub mod error;
pub mod ethereum;
pub mod evidence;
pub mod fraud;
pub mod games;
pub mod journal;
pub mod methods;
pub mod outcome;
pub mod receipts;
pub mod reserves;
pub mod rota;
pub mod rpc;
pub mod sender;
pub mod submitter;
pub mod watcher;

use std::{future::Future, ops::RangeInclusive};

use plasma_core::{Certificate, Epoch, ExitId, Hash, Header, L1Block, L1Event, L1Height, SignedTransaction};

pub use contracts::Contracts;
pub use cursor::{L1Fault, Link};
pub use decode::{Anchored, Notice};
pub use error::L1Error;

/// What the contract takes as an anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The header that commits to every earlier block.
    pub header: Header,
    /// Its finalize certificate.
    pub certificate: Certificate,
}

/// Shows that the output of an exit was spent: what `ExitGame.challengeExit` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendProof {
    /// The exit.
    pub exit: ExitId,
    /// A transaction signed by the output's owner.
    pub spender: SignedTransaction,
    /// Which of its inputs names the output.
    pub input: u8,
    /// Where the transaction lies in anchored history; needed when its expiry has passed, or it has several inputs.
    pub inclusion: Option<convert::Inclusion>,
    /// Where its inputs were made, to be shown first; not empty when it has several and a halt came before their anchor.
    pub inputs: Vec<convert::Inclusion>,
}

/// One Ethereum block with what our contracts said in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The block and its parent.
    pub link: Link,
    /// Events that the ledger follows, in log order.
    pub events: Vec<L1Event>,
    /// Anchors mined in it, in log order.
    pub anchors: Vec<Anchored>,
    /// What waits for an answer or has one, in log order.
    pub notices: Vec<Notice>,
}

/// Ethereum, as far as we care. Real: [`ethereum::Ethereum`]; simulated: in the testnet.
pub trait L1: Send + Sync + 'static {
    /// The newest block, not confirmed.
    fn head(&self) -> impl Future<Output = Result<L1Block, L1Error>> + Send;

    /// The block at a height of the present chain; `None` when there is none yet.
    fn block(&self, height: L1Height) -> impl Future<Output = Result<Option<L1Block>, L1Error>> + Send;

    /// Every block of a range, none left out, with all events and anchors in it. Fails as a whole when
    /// any block is unknown, or when a log of it may be missing.
    fn observe(
        &self,
        range: RangeInclusive<L1Height>,
    ) -> impl Future<Output = Result<Vec<Observed>, L1Error>> + Send;

    /// As [`L1::observe`], for signs that may be reorganised away and are read again when confirmed: cheaper, and a log may
    /// be missing.
    fn glimpse(
        &self,
        range: RangeInclusive<L1Height>,
    ) -> impl Future<Output = Result<Vec<Observed>, L1Error>> + Send {
        self.observe(range)
    }

    /// The events of a range in log order.
    fn events(
        &self,
        range: RangeInclusive<L1Height>,
    ) -> impl Future<Output = Result<Vec<L1Event>, L1Error>> + Send;

    /// Asks another endpoint first from now on, where there are several: what this one said is in doubt.
    fn turn_away(&self) {}

    /// The hash of the committee that was activated for an epoch; an error when the endpoint shows none.
    fn activated(&self, epoch: Epoch) -> impl Future<Output = Result<Hash, L1Error>> + Send;

    /// The newest anchor at the latest head; `None` before the first. The duty operator for the next one is
    /// `committee[(number + 1) mod n]`.
    fn last_anchor(&self) -> impl Future<Output = Result<Option<Anchored>, L1Error>> + Send;

    /// Sends an anchor and waits until it is mined. Anchored by another meanwhile is success.
    fn anchor(&self, anchor: &Anchor) -> impl Future<Output = Result<(), L1Error>> + Send;

    /// Sends a challenge and waits until it is mined. Challenged or ended by another meanwhile is success.
    fn challenge(&self, proof: &SpendProof) -> impl Future<Output = Result<(), L1Error>> + Send;
}
