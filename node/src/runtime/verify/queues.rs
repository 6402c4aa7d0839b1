//! What waits before the pool: how much of each kind, how much of one operator, and who goes first.
//!
//! What an agreement waits for lies in lanes, two for each member: what it sent by itself, and what it answered. Lanes take turns,
//! and one worker at most is busy with a lane. So a member whose jobs take long delays its own, and not those of the others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use plasma_core::Peer;

use super::Job;
use crate::runtime::wire;

/// Jobs of proposals and sync answers that wait at most.
pub(super) const URGENT_MAX: usize = 256;
/// Of these from one member: an honest one leads one view at a time. A third of a hundred members fill three quarters of the
/// queue together, so that whoever floods us neither keeps the others out nor fills our memory with frames.
pub(super) const URGENT_PER_PEER_MAX: usize = 6;
/// Clients' transactions that wait at most: at 70 µs a signature, a third of a second.
pub(super) const CLIENTS_MAX: usize = 4_096;
/// Gossip batches that wait at most, of at most [`wire::GOSSIP_BATCH_BYTES`] each: 15 MB.
pub(super) const GOSSIP_MAX: usize = 256;
/// Of these from one author: an honest one sends a hundred a second, and they take a millisecond each.
pub(super) const GOSSIP_PER_AUTHOR_MAX: usize = 64;

/// The jobs that wait.
#[derive(Debug, Default)]
pub(super) struct Queues {
    urgent: Urgent,
    clients: VecDeque<Job>,
    gossip: VecDeque<Job>,
    /// Nothing is taken any more.
    pub(super) closed: bool,
}

/// Jobs of one member that are done one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// Bodies that it sent beside proposals.
    Sent(Peer),
    /// What we asked it for: a proposal of its own does not wait until a long row of blocks is checked.
    Answered(Peer),
}

/// What agreements wait for.
#[derive(Debug, Default)]
struct Urgent {
    lanes: BTreeMap<Lane, VecDeque<Job>>,
    /// Lanes with jobs, the one whose turn comes next in front.
    turns: VecDeque<Lane>,
    /// Lanes that a worker is busy with.
    busy: BTreeSet<Lane>,
}

impl Job {
    /// Which lane it waits in; none when no agreement waits for it.
    pub(super) fn lane(&self) -> Option<Lane> {
        match self {
            Self::Payload { from, .. } => Some(Lane::Sent(*from)),
            Self::Answer { from, .. } | Self::Entries { from, .. } | Self::Finalization { from, .. } => {
                Some(Lane::Answered(*from))
            }
            Self::Gossip { .. } | Self::Client { .. } => None,
        }
    }
}

impl Queues {
    /// Files a job; gives it back when there is no room for it.
    pub(super) fn push(&mut self, job: Job) -> Result<(), Job> {
        if let Some(lane) = job.lane() {
            return self.urgent.push(lane, job);
        }
        let (queue, max) = match &job {
            Job::Gossip { bytes, .. } if bytes.len() > wire::GOSSIP_BATCH_BYTES => return Err(job),
            Job::Gossip { author, .. } if self.gossip_of(*author) >= GOSSIP_PER_AUTHOR_MAX => {
                return Err(job);
            }
            Job::Gossip { .. } => (&mut self.gossip, GOSSIP_MAX),
            _ => (&mut self.clients, CLIENTS_MAX),
        };
        if queue.len() >= max {
            return Err(job);
        }
        queue.push_back(job);
        Ok(())
    }

    fn gossip_of(&self, whose: Option<Peer>) -> usize {
        let is_of = |job: &&Job| matches!(job, Job::Gossip { author, .. } if *author == whose);
        self.gossip.iter().filter(is_of).count()
    }

    /// The most urgent job.
    pub(super) fn pop(&mut self) -> Option<Job> {
        self.pop_urgent().or_else(|| self.pop_payments())
    }

    /// The oldest job of the lane whose turn it is.
    pub(super) fn pop_urgent(&mut self) -> Option<Job> {
        self.urgent.pop()
    }

    /// The oldest of our clients' jobs, else of gossip.
    pub(super) fn pop_payments(&mut self) -> Option<Job> {
        self.clients.pop_front().or_else(|| self.gossip.pop_front())
    }

    /// A worker has done a job of this lane; says whether more of it waits.
    pub(super) fn release(&mut self, lane: Lane) -> bool {
        self.urgent.busy.remove(&lane);
        self.urgent.lanes.contains_key(&lane)
    }
}

impl Urgent {
    fn push(&mut self, lane: Lane, job: Job) -> Result<(), Job> {
        let (Lane::Sent(peer) | Lane::Answered(peer)) = lane;
        let waiting = |lane| self.lanes.get(&lane).map_or(0, VecDeque::len);
        let of_peer = waiting(Lane::Sent(peer)) + waiting(Lane::Answered(peer));
        let all: usize = self.lanes.values().map(VecDeque::len).sum();
        if of_peer >= URGENT_PER_PEER_MAX || all >= URGENT_MAX {
            return Err(job);
        }
        let queue = self.lanes.entry(lane).or_default();
        if queue.is_empty() {
            self.turns.push_back(lane);
        }
        queue.push_back(job);
        Ok(())
    }

    fn pop(&mut self) -> Option<Job> {
        let place = self.turns.iter().position(|lane| !self.busy.contains(lane))?;
        let lane = self.turns.remove(place)?;
        let queue = self.lanes.get_mut(&lane)?;
        let job = queue.pop_front()?;
        if queue.is_empty() {
            self.lanes.remove(&lane);
        } else {
            self.turns.push_back(lane);
        }
        self.busy.insert(lane);
        Some(job)
    }
}
