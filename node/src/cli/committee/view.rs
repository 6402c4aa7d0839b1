//! What the commands print, for people and as JSON.

use std::fmt;

use plasma_core::{Address, Amount, Committee, Epoch, Hash, OperatorIndex, PublicKey};
use serde::Serialize;

use crate::{
    base58,
    bridge::methods::Receipt,
    change::{
        Motion,
        clerk::{Carried, Standing},
        moment::{Lasting, Moment},
    },
    config::committee::Successor,
    hex,
};

/// A document that was checked.
#[derive(Debug, Serialize)]
pub(super) struct CommitteeView {
    pub(super) epoch: u64,
    pub(super) sequence: u64,
    pub(super) hash: String,
    pub(super) quorum: usize,
    pub(super) members: Vec<MemberView>,
    /// Of the committee before, as far as it is known here.
    pub(super) before: Option<BeforeView>,
    /// This operator's, when its key is at hand.
    pub(super) own_seat: Option<u16>,
    pub(super) ethereum: Option<EthereumView>,
}

#[derive(Debug, Serialize)]
pub(super) struct MemberView {
    pub(super) seat: u16,
    pub(super) operator: String,
    pub(super) bls_public_key: String,
    pub(super) peer_id: String,
    pub(super) addresses: Vec<String>,
    /// Whether its key votes in the committee before too; unknown when that one is.
    pub(super) stays: Option<bool>,
}

#[derive(Debug, Serialize)]
pub(super) struct BeforeView {
    pub(super) epoch: u64,
    pub(super) hash: String,
    pub(super) size: usize,
    pub(super) quorum: usize,
    pub(super) own_seat: Option<u16>,
    /// Accounts of those whose keys vote no longer.
    pub(super) leaves: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct EthereumView {
    pub(super) active_epoch: u64,
    pub(super) anchored_epoch: u64,
    pub(super) halted_above: Option<u32>,
    pub(super) last_sequence: Option<u64>,
    pub(super) announced: Option<AnnouncedView>,
    /// Whether this very committee was activated as its epoch.
    pub(super) activated: bool,
    /// Whether another one was activated as its epoch, by its hash.
    pub(super) activated_instead: Option<String>,
    /// The epochs that a document can be of now: the running one, and the one that can follow it.
    pub(super) expected_epochs: Vec<u64>,
    /// Why the document's epoch is none of these; none when it is one.
    pub(super) epoch_refusal: Option<String>,
    pub(super) now_s: u64,
    /// What stands against announcing it now; none when nothing does.
    pub(super) announce_refusal: Option<String>,
    /// What stands against activating it now; none when nothing does.
    pub(super) activate_refusal: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct AnnouncedView {
    /// The epoch that it is announced for.
    pub(super) epoch: u64,
    pub(super) hash: String,
    pub(super) is_this: bool,
    pub(super) active_from_s: u64,
}

/// One member's signature.
#[derive(Debug, Serialize)]
pub(super) struct SignatureView {
    pub(super) seat: u16,
    pub(super) key: String,
    pub(super) signature: String,
    /// All three, as the others read it.
    pub(super) line: String,
}

/// A transaction that was mined.
#[derive(Debug, Serialize)]
pub(super) struct CarriedView {
    pub(super) epoch: u64,
    pub(super) hash: String,
    pub(super) transaction: String,
    pub(super) l1_height: u64,
    pub(super) gas_used: u64,
    pub(super) active_from_s: Option<u64>,
}

/// A bond that was posted or taken back.
#[derive(Debug, Serialize)]
pub(super) struct BondView {
    pub(super) epoch: u64,
    pub(super) seat: u16,
    pub(super) bond_wei: String,
    pub(super) receiver: Option<String>,
    pub(super) transaction: String,
    pub(super) l1_height: u64,
    pub(super) gas_used: u64,
}

pub(super) fn committee(
    successor: &Successor,
    before: Option<&Committee>,
    own: Option<&PublicKey>,
) -> CommitteeView {
    let committee = &successor.roster.committee;
    let seat_in = |committee: &Committee| own.and_then(|own| committee.seat_of_key(own)).map(|seat| seat.0);
    let members = (0u16..).zip(&successor.roster.members);
    let leaves = |before: &Committee| {
        let gone = before.members().map(|(_, member)| member);
        let gone = gone.filter(|member| committee.seat_of_key(&member.key).is_none());
        gone.map(|member| member.operator.to_string()).collect()
    };
    CommitteeView {
        epoch: committee.epoch().0,
        sequence: successor.sequence,
        hash: committee.hash().to_string(),
        quorum: committee.quorum(),
        members: members
            .map(|(seat, member)| MemberView {
                seat,
                operator: member.operator.to_string(),
                bls_public_key: hex::encode(&member.key.0),
                peer_id: base58::encode(&member.peer_id),
                addresses: member.addresses.clone(),
                stays: before.map(|before| before.seat_of_key(&member.key).is_some()),
            })
            .collect(),
        before: before.map(|before| BeforeView {
            epoch: before.epoch().0,
            hash: before.hash().to_string(),
            size: before.size(),
            quorum: before.quorum(),
            own_seat: seat_in(before),
            leaves: leaves(before),
        }),
        own_seat: seat_in(committee),
        ethereum: None,
    }
}

pub(super) fn ethereum(
    standing: &Standing,
    hash: Hash,
    announceable: &Result<(), String>,
    activatable: &Result<(), String>,
) -> EthereumView {
    let next = standing.active.0.saturating_add(1);
    let expected = [standing.active.0, next];
    let epoch = standing.epoch.0;
    EthereumView {
        active_epoch: standing.active.0,
        anchored_epoch: standing.anchored.0,
        halted_above: standing.halted.map(|height| height.0),
        last_sequence: standing.last_sequence,
        announced: standing.announced.map(|waits| AnnouncedView {
            epoch: next,
            hash: waits.digest.to_string(),
            is_this: waits.digest == hash,
            active_from_s: waits.active_from_s,
        }),
        activated: standing.registered == hash,
        activated_instead: (standing.registered != hash && standing.registered != Hash::ZERO)
            .then(|| standing.registered.to_string()),
        expected_epochs: expected.to_vec(),
        epoch_refusal: (!expected.contains(&epoch)).then(|| {
            format!(
                "this document is of epoch {epoch}; Ethereum runs epoch {}, and only a committee of epoch {next} can follow it",
                standing.active
            )
        }),
        now_s: standing.now_s,
        announce_refusal: announceable.clone().err(),
        activate_refusal: activatable.clone().err(),
    }
}

pub(super) fn carried(motion: &Motion, carried: &Carried) -> CarriedView {
    CarriedView {
        epoch: motion.epoch().0,
        hash: motion.hash().to_string(),
        transaction: carried.receipt.transaction.to_string(),
        l1_height: carried.receipt.block.0,
        gas_used: carried.receipt.gas_used,
        active_from_s: carried.active_from_s,
    }
}

pub(super) fn bond(
    epoch: Epoch,
    seat: OperatorIndex,
    receiver: Option<Address>,
    bond: Amount,
    receipt: &Receipt,
) -> BondView {
    BondView {
        epoch: epoch.0,
        seat: seat.0,
        bond_wei: bond.to_string(),
        receiver: receiver.map(|receiver| receiver.to_string()),
        transaction: receipt.transaction.to_string(),
        l1_height: receipt.block.0,
        gas_used: receipt.gas_used,
    }
}

impl fmt::Display for CommitteeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "epoch      {}", self.epoch)?;
        writeln!(f, "sequence   {}", self.sequence)?;
        writeln!(f, "hash       {}", self.hash)?;
        writeln!(f, "quorum     {} of {}", self.quorum, self.members.len())?;
        for member in &self.members {
            let change = match member.stays {
                Some(true) => "stays",
                Some(false) => "joins",
                None => "",
            };
            writeln!(f, "seat {:<5} {} {change}", member.seat, member.operator)?;
            writeln!(f, "           key  {}", member.bls_public_key)?;
            writeln!(
                f,
                "           peer {} {}",
                member.peer_id,
                member.addresses.join(" ")
            )?;
        }
        match &self.before {
            Some(before) => {
                for operator in &before.leaves {
                    writeln!(f, "leaves     {operator}")?;
                }
                writeln!(
                    f,
                    "signed by  {} of {} of epoch {}, hash {}",
                    before.quorum, before.size, before.epoch, before.hash
                )?;
            }
            None => writeln!(
                f,
                "signed by  epoch {}, whose document is not installed here",
                self.epoch.saturating_sub(1)
            )?,
        }
        let seat = |seat: Option<u16>| seat.map_or_else(|| "none".to_owned(), |seat| seat.to_string());
        writeln!(
            f,
            "own seat   {} in this committee, {} in the one before",
            seat(self.own_seat),
            seat(self.before.as_ref().and_then(|before| before.own_seat))
        )?;
        self.ethereum
            .as_ref()
            .map_or(Ok(()), |ethereum| write!(f, "{ethereum}"))
    }
}

impl fmt::Display for EthereumView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self
            .last_sequence
            .map_or_else(|| "unknown".to_owned(), |last| last.to_string());
        writeln!(
            f,
            "Ethereum   active epoch {}, last anchor by epoch {}, last sequence {last}, clock {}",
            self.active_epoch,
            self.anchored_epoch,
            Moment(self.now_s)
        )?;
        if let Some(refusal) = &self.epoch_refusal {
            writeln!(f, "epoch      {refusal}")?;
        }
        if self.activated {
            writeln!(f, "activated  this committee")?;
        }
        if let Some(other) = &self.activated_instead {
            writeln!(
                f,
                "activated  another committee as this document's epoch, {other}"
            )?;
        }
        match &self.announced {
            None => writeln!(f, "announced  nobody")?,
            Some(announced) if announced.is_this => writeln!(
                f,
                "announced  this committee; it can be activated from {} on, in {}",
                Moment(announced.active_from_s),
                Lasting(announced.active_from_s.saturating_sub(self.now_s))
            )?,
            Some(announced) => writeln!(
                f,
                "announced  another committee, of epoch {}: {}",
                announced.epoch, announced.hash
            )?,
        }
        let done = |refusal: &Option<String>| match refusal {
            None => "can be done now".to_owned(),
            Some(refusal) => format!("not now: {refusal}"),
        };
        writeln!(f, "announce   {}", done(&self.announce_refusal))?;
        writeln!(f, "activate   {}", done(&self.activate_refusal))
    }
}

impl fmt::Display for SignatureView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.line)
    }
}

impl fmt::Display for CarriedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "transaction {}", self.transaction)?;
        writeln!(f, "L1 block    {}", self.l1_height)?;
        match self.active_from_s {
            Some(seconds) => writeln!(f, "activeFrom  {seconds}, {}", Moment(seconds)),
            None => writeln!(f, "epoch       {} is active", self.epoch),
        }
    }
}

impl fmt::Display for BondView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "transaction {}", self.transaction)?;
        writeln!(f, "L1 block    {}", self.l1_height)?;
        let (seat, epoch, bond) = (self.seat, self.epoch, &self.bond_wei);
        match &self.receiver {
            None => writeln!(f, "bond        {bond} wei for seat {seat} of epoch {epoch}"),
            Some(receiver) => writeln!(
                f,
                "bond        {bond} wei of seat {seat} of epoch {epoch} to {receiver}"
            ),
        }
    }
}
