//! Brings what a committee signed to the contract, and says beforehand why it would not be taken.
//!
//! Nothing is sent that Ethereum would refuse as far as can be seen. What cannot be seen, because somebody was faster,
//! comes back as the contract's own refusal, with words beside it.

use std::{sync::Arc, time::Duration};

use plasma_core::{Address, Amount, Epoch, Genesis, Hash, Height, L1Height, OperatorIndex};
use tokio::time::Instant;

use super::{
    Found, Kind, Motion, MotionError,
    moment::{Lasting, Moment},
};
use crate::{
    bridge::{
        Contracts, L1Error,
        account::{Account, Call},
        committees::Announcement,
        direct,
        methods::{At, Receipt},
        rpc::Rpc,
    },
    directory::Roster,
};

/// The way to the contract.
#[derive(Clone, Debug)]
pub struct Clerk {
    rpc: Arc<Rpc>,
    contracts: Contracts,
    poll: Duration,
}

/// What Ethereum says about the place of one committee in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The epoch that is asked about.
    pub epoch: Epoch,
    /// The newest committee that was activated.
    pub active: Epoch,
    /// Whose certificate the last anchor has.
    pub anchored: Epoch,
    /// The height above which nothing counts any more, after a halt.
    pub halted: Option<Height>,
    /// Who waits.
    pub announced: Option<Announcement>,
    /// The sequence of the last announcement, zero before the first; unknown while nothing may be announced.
    pub last_sequence: Option<u64>,
    /// The hash of the committee of the epoch before; zero when there is none.
    pub before: Hash,
    /// The hash of the committee of this epoch; zero before its activation.
    pub registered: Hash,
    /// The newest block's time, in seconds.
    pub now_s: u64,
}

/// A motion that the contract has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The transaction, as it was mined.
    pub receipt: Receipt,
    /// From when on the announced committee can be activated; none for an activation.
    pub active_from_s: Option<u64>,
}

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

impl Standing {
    /// Why Ethereum would not take the announcement of this motion now, as far as can be seen.
    ///
    /// # Errors
    /// [`ClerkError`].
    pub fn announceable(&self, motion: &Motion) -> Result<(), ClerkError> {
        self.is_next(motion, Done::Announced)?;
        let signers = motion.signers();
        if self.before != signers.hash() {
            return Err(ClerkError::OtherSigners {
                epoch: signers.epoch().0,
                found: self.before,
                expected: signers.hash(),
            });
        }
        if self.anchored != self.active {
            return Err(ClerkError::NotAnchored(self.active.0));
        }
        if let Some(waits) = self.announced.filter(|waits| waits.digest == motion.hash()) {
            return Err(ClerkError::Announced(waits.active_from_s));
        }
        let sequence = motion.successor().sequence;
        match self.last_sequence {
            Some(last) if sequence <= last => Err(ClerkError::Sequence { sequence, last }),
            _ => Ok(()),
        }
    }

    /// Why Ethereum would not take the activation of this committee now, as far as can be seen.
    ///
    /// # Errors
    /// [`ClerkError`].
    pub fn activatable(&self, motion: &Motion) -> Result<(), ClerkError> {
        self.is_next(motion, Done::Activated)?;
        let waits = self.announced.ok_or(ClerkError::NotAnnounced)?;
        if waits.digest != motion.hash() {
            return Err(ClerkError::OtherAnnounced {
                found: waits.digest,
                expected: motion.hash(),
            });
        }
        let (active_from_s, now_s) = (waits.active_from_s, self.now_s);
        if now_s < active_from_s {
            return Err(ClerkError::TooEarly { active_from_s, now_s });
        }
        Ok(())
    }

    fn is_next(&self, motion: &Motion, kind: Done) -> Result<(), ClerkError> {
        if let Some(height) = self.halted {
            return Err(ClerkError::Halted(height));
        }
        let document = motion.epoch().0;
        if self.registered == motion.hash() {
            return Err(ClerkError::Activated(document));
        }
        if self.active.0.checked_add(1) != Some(document) {
            return Err(ClerkError::NotNext {
                document,
                active: self.active.0,
                kind,
            });
        }
        Ok(())
    }
}

impl Clerk {
    /// Checks that the endpoint serves the genesis' chain and contracts.
    ///
    /// # Errors
    /// As [`Contracts::check_identity`]. `poll` is the pause between two looks at what was sent.
    pub async fn connect(urls: &[String], genesis: &Genesis, poll: Duration) -> Result<Self, L1Error> {
        let rpc = Arc::new(Rpc::new(urls, DEADLINE)?);
        let contracts = Contracts::check_identity(&rpc, genesis).await?;
        Ok(Self { rpc, contracts, poll })
    }

    /// What Ethereum says about the place of an epoch.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn standing(&self, epoch: Epoch) -> Result<Standing, L1Error> {
        let (rpc, contracts) = (&self.rpc, &self.contracts);
        let latest = contracts.latest(rpc).await?;
        let active = contracts.active_epoch(rpc).await?;
        let (_, before) = contracts.committee(rpc, Epoch(epoch.0.saturating_sub(1))).await?;
        let (_, registered) = contracts.committee(rpc, epoch).await?;
        Ok(Standing {
            epoch,
            active,
            anchored: latest.epoch,
            halted: (latest.last_valid != UNLIMITED).then_some(latest.last_valid),
            announced: contracts.announcement(rpc).await?,
            last_sequence: contracts.last_sequence(rpc, active).await?,
            before,
            registered,
            now_s: rpc.newest().await?.timestamp_s,
        })
    }

    /// Announces or activates a committee: what its motion says.
    ///
    /// # Errors
    /// [`ClerkError`]; the signatures are examined before Ethereum is asked anything.
    pub async fn carry(
        &self,
        payer: &Account,
        motion: &Motion,
        lines: &[Found],
    ) -> Result<Carried, ClerkError> {
        match motion.kind {
            Kind::Change => {
                let certificate = motion.certificate(lines)?;
                self.standing(motion.epoch()).await?.announceable(motion)?;
                let members = motion.members();
                let call = self.contracts.announce_committee_call(&members, &certificate)?;
                let receipt = self.send(payer, &call).await?;
                // As the contract counts, from the time of the block that holds the announcement.
                let delay_s = self.contracts.parameters(&self.rpc).await?.committee_delay_s;
                let mined_s = self.time_of(receipt.block).await?;
                let active_from_s = Some(mined_s.saturating_add(delay_s));
                Ok(Carried {
                    receipt,
                    active_from_s,
                })
            }
            Kind::Readiness => {
                let (ready, signature) = motion.sum(lines)?;
                self.standing(motion.epoch()).await?.activatable(motion)?;
                let call = self.contracts.activate_committee_call(&ready, &signature)?;
                let receipt = self.send(payer, &call).await?;
                Ok(Carried {
                    receipt,
                    active_from_s: None,
                })
            }
        }
    }

    /// Pays the bond of a seat; anybody may.
    ///
    /// # Errors
    /// [`ClerkError`].
    pub async fn post_bond(
        &self,
        payer: &Account,
        roster: &Roster,
        seat: OperatorIndex,
    ) -> Result<(Receipt, Amount), ClerkError> {
        let (rpc, epoch) = (&self.rpc, roster.committee.epoch());
        let (has_bond, is_convicted, is_over) = self.bond_of(roster, seat).await?;
        if is_convicted {
            return Err(ClerkError::Convicted {
                epoch: epoch.0,
                seat: seat.0,
            });
        }
        if has_bond {
            return Err(ClerkError::Bonded {
                epoch: epoch.0,
                seat: seat.0,
            });
        }
        if is_over {
            return Err(ClerkError::Over(epoch.0));
        }
        let bond = self.contracts.parameters(rpc).await?.operator_bond;
        let (account, balance) = (payer.address(), rpc.balance(payer.address()).await?);
        if balance < bond {
            return Err(ClerkError::Poor {
                account,
                balance,
                bond,
            });
        }
        let call = self.contracts.post_bond_call(epoch, seat, bond);
        Ok((self.send(payer, &call).await?, bond))
    }

    /// Takes the bond of a seat back, when its epoch is over for long enough.
    ///
    /// # Errors
    /// [`ClerkError`].
    pub async fn withdraw_bond(
        &self,
        owner: &Account,
        roster: &Roster,
        seat: OperatorIndex,
        receiver: Address,
    ) -> Result<(Receipt, Amount), ClerkError> {
        let epoch = roster.committee.epoch();
        let operator = roster.committee.member(seat).map(|member| member.operator);
        if let Some(operator) = operator.filter(|operator| *operator != owner.address()) {
            return Err(ClerkError::NotOperator {
                seat: seat.0,
                operator,
                account: owner.address(),
            });
        }
        let (has_bond, is_convicted, is_over) = self.bond_of(roster, seat).await?;
        if is_convicted {
            return Err(ClerkError::Convicted {
                epoch: epoch.0,
                seat: seat.0,
            });
        }
        if !has_bond {
            return Err(ClerkError::NoBond {
                epoch: epoch.0,
                seat: seat.0,
            });
        }
        let parameters = self.contracts.parameters(&self.rpc).await?;
        if !is_over {
            return Err(ClerkError::Held {
                epoch: epoch.0,
                delay_s: parameters.committee_delay_s,
            });
        }
        let call = self.contracts.withdraw_bond_call(epoch, seat, receiver);
        Ok((self.send(owner, &call).await?, parameters.operator_bond))
    }

    /// Whether a seat has a bond, whether it was convicted, and whether the bonds of its epoch can be withdrawn.
    async fn bond_of(&self, roster: &Roster, seat: OperatorIndex) -> Result<(bool, bool, bool), ClerkError> {
        let (rpc, epoch) = (&self.rpc, roster.committee.epoch());
        let (size, found) = self.contracts.committee(rpc, epoch).await?;
        if size == 0 {
            return Err(ClerkError::NoCommittee(epoch.0));
        }
        let expected = roster.committee.hash();
        if found != expected {
            return Err(ClerkError::OtherSigners {
                epoch: epoch.0,
                found,
                expected,
            });
        }
        let (bonded, convicted) = self.contracts.bonds(rpc, epoch).await?;
        let is_over = self.contracts.is_released(rpc, epoch).await?;
        Ok((bonded.contains(seat), convicted.contains(seat), is_over))
    }

    async fn time_of(&self, height: L1Height) -> Result<u64, L1Error> {
        let block = self.rpc.block_at(height).await?;
        Ok(block.ok_or(L1Error::UnknownBlock(height))?.timestamp_s)
    }

    /// Sends a call and waits until it is mined.
    async fn send(&self, payer: &Account, call: &Call) -> Result<Receipt, ClerkError> {
        let account = payer.address();
        let (mined, all) = (
            self.rpc.nonce(account, At::Latest).await?,
            self.rpc.nonce(account, At::Pending).await?,
        );
        // Our transaction behind the operator's would take the place of its next one.
        if all > mined {
            return Err(ClerkError::UnderWay(account));
        }
        let transaction = direct::submit(&self.rpc, payer, call).await.map_err(explained)?;
        let start = Instant::now();
        while start.elapsed() < WAIT_MAX {
            match self.rpc.receipts(&[transaction]).await.as_deref() {
                Ok([Some(receipt)]) if receipt.succeeded => return Ok(*receipt),
                Ok([Some(_)]) => {
                    let call = call.label.clone();
                    return Err(L1Error::MinedReverted { call, transaction }.into());
                }
                Err(error) if !error.is_transient() => return Err(error.clone().into()),
                // It is on its way, whether the endpoint answers or not.
                Ok(_) | Err(_) => tokio::time::sleep(self.poll).await,
            }
        }
        Err(ClerkError::NotMined {
            call: call.label.clone(),
            transaction,
            waited_s: WAIT_MAX.as_secs(),
        })
    }
}

/// Words beside the contract's refusal, for what could be seen only by it.
fn explained(error: L1Error) -> ClerkError {
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

/// `lastValid` of a federation that has not halted.
const UNLIMITED: Height = Height(u32::MAX);
/// How long Ethereum may think about one question; as for a running operator.
const DEADLINE: Duration = Duration::from_secs(10);
/// Fifteen blocks of Ethereum: somebody is waiting at a terminal.
const WAIT_MAX: Duration = Duration::from_secs(180);
