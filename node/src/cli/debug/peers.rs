//! `plasma debug peers`: how every member of the committee is, and whether a quorum can be reached from here.

use std::fmt;

use plasma_core::{Epoch, Genesis, GenesisMember};
use serde::Serialize;

use super::super::{StartError, db::say, node, show};
use crate::{
    checkup::{Checkup, Expected, MEMBER_PATIENCE},
    config::Config,
    directory::Roster,
    runtime::{registry, timers::wall_ms},
};

/// The members of one committee, and how they are.
#[derive(Debug, Serialize)]
pub(super) struct PeersView {
    genesis: String,
    protocol_version: u16,
    /// The newest committee that more of its members run than can lie.
    epoch: u64,
    /// An epoch beyond the documents that are installed here, in which more of these members are than can lie.
    unknown_epoch: Option<u64>,
    quorum: usize,
    reached: usize,
    members: Vec<MemberView>,
}

#[derive(Debug, Serialize)]
struct MemberView {
    seat: u16,
    operator: String,
    addresses: Vec<String>,
    #[serde(flatten)]
    checkup: Checkup,
}

/// Asks everybody that the settings name. No key is read, and no operator must run here.
pub(super) fn run(config: &Config, json: bool) -> Result<(), StartError> {
    let genesis = node::genesis(config)?;
    let rosters = rosters(config, &genesis)?;
    let view = asked(&genesis, &rosters)?;
    show(&view, json)?;
    if view.reached >= view.quorum {
        return Ok(());
    }
    Err(StartError::Unavailable(format!(
        "{} of {} members can be reached, {} must sign",
        view.reached,
        view.members.len(),
        view.quorum
    )))
}

/// The committees that are known here, oldest first.
fn rosters(config: &Config, genesis: &Genesis) -> Result<Vec<Roster>, StartError> {
    let first = Roster::new(Epoch(0), genesis.members.clone());
    let first = first.map_err(|error| StartError::Committee(error.into()))?;
    let later = registry::read(&config.data_dir, genesis)?;
    let later = later.into_iter().map(|successor| successor.roster);
    let mut rosters: Vec<Roster> = std::iter::once(first).chain(later).collect();
    rosters.sort_by_key(|roster| roster.committee.epoch());
    Ok(rosters)
}

fn asked(genesis: &Genesis, rosters: &[Roster]) -> Result<PeersView, StartError> {
    // Whoever sits in several committees is asked once, where its newest document says.
    let mut members: Vec<GenesisMember> = Vec::new();
    for member in rosters.iter().rev().flat_map(|roster| &roster.members) {
        if members.iter().all(|known| known.peer_id != member.peer_id) {
            members.push(member.clone());
        }
    }
    say(&format!(
        "asking {} members, at most {} seconds",
        members.len(),
        MEMBER_PATIENCE.as_secs()
    ));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::Failed(format!("no threads: {error}")))?;
    let expected = Expected::of(genesis);
    let checkups = runtime.block_on(expected.ask_all(&members, wall_ms));
    // A resolver that hangs holds nothing that anybody waits for.
    runtime.shutdown_background();
    let of = |member: &GenesisMember| {
        let found = members
            .iter()
            .zip(&checkups)
            .find(|(known, _)| known.peer_id == member.peer_id);
        found.map(|(_, checkup)| checkup)
    };
    let Some(roster) = running(rosters, &of) else {
        return Err(StartError::Failed("the genesis names no committee".to_owned()));
    };
    let newest = rosters.last().map(|roster| roster.committee.epoch().0);
    let unknown_epoch = believed(roster, &of).filter(|epoch| Some(*epoch) > newest);
    let member = |(seat, member): (u16, &GenesisMember)| {
        Some(MemberView {
            seat,
            operator: member.operator.to_string(),
            addresses: member.addresses.clone(),
            checkup: of(member)?.clone(),
        })
    };
    let seated: Vec<MemberView> = (0u16..).zip(&roster.members).filter_map(member).collect();
    Ok(PeersView {
        genesis: genesis.hash().to_string(),
        protocol_version: genesis.version,
        epoch: roster.committee.epoch().0,
        unknown_epoch,
        quorum: roster.committee.quorum(),
        reached: seated.iter().filter(|member| member.checkup.reached).count(),
        members: seated,
    })
}

/// The newest committee that runs, by the word of more of its members than can lie; else the first.
fn running<'a>(
    rosters: &'a [Roster],
    of: &impl Fn(&GenesisMember) -> Option<&'a Checkup>,
) -> Option<&'a Roster> {
    let runs =
        |roster: &&Roster| believed(roster, of).is_some_and(|epoch| epoch >= roster.committee.epoch().0);
    rosters.iter().rev().find(runs).or_else(|| rosters.first())
}

/// The newest epoch in which more of a committee's members say they are than can lie.
fn believed<'a>(roster: &Roster, of: &impl Fn(&GenesisMember) -> Option<&'a Checkup>) -> Option<u64> {
    let reached = roster
        .members
        .iter()
        .filter_map(of)
        .filter(|checkup| checkup.reached);
    let mut said: Vec<u64> = reached
        .filter_map(|checkup| Some(checkup.says.as_ref()?.epoch))
        .collect();
    said.sort_unstable_by(|a, b| b.cmp(a));
    said.get(roster.committee.faults()).copied()
}

impl fmt::Display for PeersView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "genesis    {}", self.genesis)?;
        writeln!(
            f,
            "committee  epoch {}, {} members, {} must sign",
            self.epoch,
            self.members.len(),
            self.quorum
        )?;
        for member in &self.members {
            write!(f, "{member}")?;
        }
        if let Some(epoch) = self.unknown_epoch {
            writeln!(
                f,
                "unknown    they are in epoch {epoch}; install its document: plasma committee install FILE"
            )?;
        }
        let verdict = if self.reached >= self.quorum {
            "a quorum"
        } else {
            "no quorum"
        };
        writeln!(
            f,
            "reached    {} of {}: {verdict}",
            self.reached,
            self.members.len()
        )
    }
}

impl fmt::Display for MemberView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checkup {
            peer_id,
            reached,
            address,
            says,
            findings,
        } = &self.checkup;
        let mark = if *reached && findings.is_empty() {
            "ok"
        } else {
            "look"
        };
        let place = address.as_deref().unwrap_or("not connected");
        writeln!(f, "seat {:<5} {mark:<5} {peer_id} {place}", self.seat)?;
        if let Some(says) = says {
            let clock = says
                .clock_ahead_ms
                .map_or("unknown".to_owned(), |ahead| format!("{ahead:+} ms"));
            writeln!(
                f,
                "             {}, height {}, epoch {}, view {}, connected to {} members, clock {clock}, answered in {} ms, software {}",
                says.state,
                says.height,
                says.epoch,
                says.view,
                says.connected.len(),
                says.journey_ms,
                says.version,
            )?;
            for blocker in &says.blockers {
                writeln!(f, "             it says {blocker}")?;
            }
        }
        for found in findings {
            writeln!(f, "             {}: {}", found.code, found.text)?;
            writeln!(f, "               -> {}", found.hint)?;
        }
        Ok(())
    }
}
