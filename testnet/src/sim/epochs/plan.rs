//! Which committees follow each other in a run, drawn from its seed, and who sits where.

use std::sync::Arc;

use plasma_core::{Committee, Epoch, OperatorIndex};
use plasma_node::{config::committee::Successor, directory::Roster};

use crate::sim::{
    peers,
    random::Random,
    scenario::Scenario,
    site::{NEWCOMERS, Site},
};

/// A committee that will follow.
#[derive(Debug)]
pub(in crate::sim) struct Change {
    pub(in crate::sim) successor: Successor,
    /// Operators that had no seat in any epoch before.
    pub(in crate::sim) newcomers: Vec<usize>,
    /// Operators whose people install the document only when the epoch is over and they see it stand still.
    pub(in crate::sim) late: Vec<usize>,
}

/// Who sits where in each epoch: the truth, whatever operators know.
#[derive(Debug)]
pub(in crate::sim) struct Line {
    committees: Vec<Arc<Committee>>,
}

impl Line {
    pub(in crate::sim) fn new(site: &Site, changes: &[Change]) -> Self {
        let later = changes.iter().map(|change| &change.successor.roster.committee);
        let all = std::iter::once(&site.first.committee).chain(later);
        Self {
            committees: all.cloned().collect(),
        }
    }

    /// The committee of an epoch.
    pub(in crate::sim) fn of(&self, epoch: Epoch) -> Option<&Arc<Committee>> {
        self.committees.get(usize::try_from(epoch.0).ok()?)
    }

    /// Who has a seat.
    pub(in crate::sim) fn operator(&self, epoch: Epoch, seat: OperatorIndex) -> Option<usize> {
        self.of(epoch)?.member(seat).map(peers::operator)
    }

    /// Which seat an operator has.
    pub(in crate::sim) fn seat(&self, epoch: Epoch, index: usize) -> Option<OperatorIndex> {
        self.of(epoch)?.seat_of(peers::name(index))
    }

    /// How many honest members every committee can do without.
    pub(in crate::sim) fn spare_faults(&self, scenario: &Scenario) -> usize {
        let spare = self.committees.iter().map(|committee| {
            let members = committee.members().map(|(_, member)| peers::operator(member));
            let liars = members.filter(|index| !scenario.is_honest(*index)).count();
            committee.faults().saturating_sub(liars)
        });
        spare.min().unwrap_or_default()
    }

    /// Whether somebody has a seat from the epoch before this one on: all others are cut off.
    pub(in crate::sim) fn is_inside(&self, running: Epoch, index: usize) -> bool {
        self.has_seat_from(Epoch(running.0.saturating_sub(1)), index)
    }

    /// Whether somebody has a seat in an epoch or a later one.
    pub(in crate::sim) fn has_seat_from(&self, epoch: Epoch, index: usize) -> bool {
        let first = usize::try_from(epoch.0).unwrap_or(usize::MAX);
        let mut later = self.committees.iter().skip(first);
        later.any(|committee| committee.seat_of(peers::name(index)).is_some())
    }
}

/// Documents that come late, per ten thousand.
const LATE: u64 = 2_000;
/// Attempts to draw a change that leaves the liars a third at most.
const DRAWS: usize = 8;

/// The changes of a run.
pub(in crate::sim) fn draw(scenario: &Scenario, site: &Site, random: &mut Random) -> Vec<Change> {
    let n = usize::from(scenario.n);
    let mut members: Vec<usize> = (0..n).collect();
    let mut gone = Vec::new();
    let mut fresh = n;
    let mut changes = Vec::new();
    for number in 1..=scenario.changes {
        let before = members.clone();
        members = (0..DRAWS)
            .map(|_| other(&before, &gone, fresh, random))
            .find(|drawn| is_sound(scenario, drawn, n + usize::from(NEWCOMERS)))
            .unwrap_or(before.clone());
        if members == before {
            members.rotate_left(1);
        }
        gone.extend(before.iter().filter(|index| !members.contains(index)));
        gone.retain(|index| !members.contains(index));
        let newcomers: Vec<usize> = members.iter().copied().filter(|index| *index >= fresh).collect();
        fresh += newcomers.len();
        let seats = members.iter().map(|index| site.members[*index].clone()).collect();
        let roster = Roster::new(Epoch(number), seats).expect("distinct members");
        let sequence = number;
        // A quorum must be ready before.
        let mut spare = members.len() - roster.committee.quorum();
        let mut late: Vec<usize> = (0..fresh).filter(|_| random.chance(LATE)).collect();
        late.retain(|index| {
            let is_seated = members.contains(index);
            let may = !is_seated || spare > 0;
            spare = spare.saturating_sub(usize::from(is_seated));
            may
        });
        changes.push(Change {
            successor: Successor { sequence, roster },
            newcomers,
            late,
        });
    }
    changes
}

/// Liars must stay at most a third, and there are only so many operators.
fn is_sound(scenario: &Scenario, members: &[usize], most: usize) -> bool {
    let liars = members
        .iter()
        .filter(|index| !scenario.is_honest(**index))
        .count();
    members.len() >= 4 && liars <= (members.len() - 1) / 3 && members.iter().all(|index| *index < most)
}

/// Somebody leaves, somebody joins, or both; and perhaps the seats are in another order.
fn other(before: &[usize], gone: &[usize], fresh: usize, random: &mut Random) -> Vec<usize> {
    let mut members = before.to_vec();
    let joins = if gone.is_empty() || random.chance(6_000) {
        fresh
    } else {
        random.pick(gone)
    };
    match random.below(6) {
        0 => {}
        1 => members.push(joins),
        2 => {
            members.remove(random.index(before.len()));
        }
        _ => members[random.index(before.len())] = joins,
    }
    if random.chance(5_000) {
        random.shuffle(&mut members);
    }
    members
}
