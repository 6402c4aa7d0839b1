//! Brings what a committee signed to the contract, and says beforehand why it would not be taken.
//!
//! Nothing is sent that Ethereum would refuse as far as can be seen. What cannot be seen, because somebody was faster,
//! comes back as the contract's own refusal, with words beside it.

use std::{sync::Arc, time::Duration};

use plasma_core::{Address, Amount, Epoch, Genesis, Hash, Height, L1Height, OperatorIndex};
use tokio::time::Instant;

pub use super::refusal::{ClerkError, Done};
use super::{Found, Kind, Motion, refusal::explained};
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

/// `lastValid` of a federation that has not halted.
const UNLIMITED: Height = Height(u32::MAX);
/// How long Ethereum may think about one question; as for a running operator.
const DEADLINE: Duration = Duration::from_secs(10);
/// Fifteen blocks of Ethereum: somebody is waiting at a terminal.
const WAIT_MAX: Duration = Duration::from_secs(180);
