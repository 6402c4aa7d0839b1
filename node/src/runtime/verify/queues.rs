//! What waits before the pool: how much of each kind, how much of one operator, and who goes first.

use std::collections::VecDeque;

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
    pub(super) urgent: VecDeque<Job>,
    clients: VecDeque<Job>,
    gossip: VecDeque<Job>,
    /// Nothing is taken any more.
    pub(super) closed: bool,
}

impl Job {
    /// Who has a share of the queue that it waits in, and how many places that is. Our own clients have none.
    fn share(&self) -> Option<(Option<Peer>, usize)> {
        match self {
            Self::Payload { from, .. }
            | Self::Answer { from, .. }
            | Self::Entries { from, .. }
            | Self::Finalization { from, .. } => Some((Some(*from), URGENT_PER_PEER_MAX)),
            Self::Gossip { author, .. } => Some((*author, GOSSIP_PER_AUTHOR_MAX)),
            Self::Client { .. } => None,
        }
    }
}

impl Queues {
    /// Files a job; gives it back when there is no room for it.
    pub(super) fn push(&mut self, job: Job) -> Result<(), Job> {
        let (queue, max) = match &job {
            Job::Payload { .. } | Job::Answer { .. } | Job::Entries { .. } | Job::Finalization { .. } => {
                (&mut self.urgent, URGENT_MAX)
            }
            Job::Client { .. } => (&mut self.clients, CLIENTS_MAX),
            Job::Gossip { bytes, .. } if bytes.len() > wire::GOSSIP_BATCH_BYTES => return Err(job),
            Job::Gossip { .. } => (&mut self.gossip, GOSSIP_MAX),
        };
        let share = job.share();
        let has_place = share
            .is_none_or(|(_, places)| queue.iter().filter(|other| other.share() == share).count() < places);
        if queue.len() >= max || !has_place {
            return Err(job);
        }
        queue.push_back(job);
        Ok(())
    }

    /// The most urgent job, the oldest of its kind.
    pub(super) fn pop(&mut self) -> Option<Job> {
        [&mut self.urgent, &mut self.clients, &mut self.gossip]
            .into_iter()
            .find_map(VecDeque::pop_front)
    }
}
