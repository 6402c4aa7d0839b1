//! Received gossip on its way to the node, and the node's verdict on its way back.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::{PeerId, gossipsub};

use super::Driver;
use crate::{
    error::Fault,
    event::{Event, GossipId, Verdict},
};

/// Rejected gossip by neighbour, decaying; counted only for committee peers.
#[derive(Debug)]
pub(super) struct Rejects {
    counts: BTreeMap<PeerId, f64>,
    decayed: Instant,
}

impl Rejects {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            counts: BTreeMap::new(),
            decayed: now,
        }
    }
}

impl Driver {
    pub(super) fn on_gossip(&mut self, event: gossipsub::Event) {
        let gossipsub::Event::Message {
            propagation_source,
            message_id,
            message,
        } = event
        else {
            return;
        };
        let id = GossipId {
            message: message_id,
            source: propagation_source,
        };
        let own = *self.swarm.local_peer_id();
        let author = message
            .source
            .and_then(|author| self.lines.of(&author))
            .map(|line| line.slot);
        if author.is_none() && message.source != Some(own) {
            // A valid signature of somebody who is no operator: no honest operator passes that on.
            self.on_report(&id, Verdict::Reject);
            return;
        }
        let event = Event::Gossip {
            from: author,
            id: id.clone(),
            bytes: message.data.into(),
        };
        if self.inboxes.gossip.try_send(event).is_err() {
            tracing::debug!("gossip dropped, the node does not keep up");
            self.on_report(&id, Verdict::Ignore);
        }
    }

    pub(super) fn on_report(&mut self, id: &GossipId, verdict: Verdict) {
        let acceptance = match verdict {
            Verdict::Accept => gossipsub::MessageAcceptance::Accept,
            Verdict::Ignore => gossipsub::MessageAcceptance::Ignore,
            Verdict::Reject => gossipsub::MessageAcceptance::Reject,
        };
        let gossip = self.swarm.behaviour_mut().gossip.inner();
        gossip.report_message_validation_result(&id.message, &id.source, acceptance);
        if verdict == Verdict::Reject
            && let Some(line) = self.lines.of(&id.source).cloned()
        {
            let rejects = self.rejects.counts.entry(id.source).or_default();
            *rejects += 1.0;
            let score = -REJECT_SCORE * *rejects;
            gossip.set_application_score(&id.source, score);
            if *rejects >= REJECTS_MAX {
                *rejects = 0.0;
                self.punish(&line, Fault::Penalized);
            }
        }
    }

    /// Rejects are forgiven by a tenth each second.
    pub(super) fn decay_rejects(&mut self, now: Instant) {
        if now < self.rejects.decayed + DECAY_INTERVAL {
            return;
        }
        self.rejects.decayed = now;
        let gossip = self.swarm.behaviour_mut().gossip.inner();
        self.rejects.counts.retain(|peer, rejects| {
            *rejects *= DECAY;
            let keep = *rejects > 0.1;
            let score = if keep { -REJECT_SCORE * *rejects } else { 0.0 };
            gossip.set_application_score(peer, score);
            keep
        });
    }
}

/// What one reject costs: after three the neighbour is told no more of what we have.
const REJECT_SCORE: f64 = 5.0;
/// So many rejects within seconds cost the connection. At 17 the library would stop listening to the neighbour and we
/// would hear of no further ones.
const REJECTS_MAX: f64 = 12.0;
/// What remains of the rejects after each interval.
const DECAY: f64 = 0.9;
/// The interval of the decay.
const DECAY_INTERVAL: Duration = Duration::from_secs(1);
