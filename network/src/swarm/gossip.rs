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
    table::Table,
};

/// Rejected gossip by neighbour, decaying; counted only for operators.
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

    /// Forgets operators that left.
    pub(super) fn follow(&mut self, table: &Table) {
        self.counts.retain(|peer, _| table.of(peer).is_some());
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
        self.meter.on_new();
        let id = GossipId {
            message: message_id,
            source: propagation_source,
        };
        let own = *self.swarm.local_peer_id();
        if self.lines.of(&propagation_source).is_none() {
            // Its connection is closing.
            self.on_report(&id, Verdict::Ignore);
            return;
        }
        let author = message
            .source
            .and_then(|author| self.lines.of(&author))
            .map(|line| line.slot);
        if author.is_none() && message.source != Some(own) {
            // A valid signature of somebody who is no operator, or whose coming or going the neighbour knows at another
            // moment than we: it goes no further, and only many of them tell the one from the other.
            self.on_report(&id, Verdict::Ignore);
            self.count(&propagation_source, STRANGERS_SHARE);
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
        if verdict == Verdict::Reject {
            self.count(&id.source, 1.0);
        }
    }

    /// Counts so much of a reject against a neighbour.
    fn count(&mut self, source: &PeerId, share: f64) {
        let Some(line) = self.lines.of(source) else { return };
        let rejects = self.rejects.counts.entry(*source).or_default();
        *rejects += share;
        let score = -REJECT_SCORE * *rejects;
        let gossip = self.swarm.behaviour_mut().gossip.inner();
        gossip.set_application_score(source, score);
        if *rejects >= REJECTS_MAX {
            *rejects = 0.0;
            self.punish(&line, Fault::Penalized);
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
/// What a message of no operator's counts. It costs us a check of a signature, and hundreds a second of them are a flood;
/// what an operator sends in the seconds in which its neighbours learn of it one after the other is far fewer.
const STRANGERS_SHARE: f64 = 0.01;
/// What remains of the rejects after each interval.
const DECAY: f64 = 0.9;
/// The interval of the decay.
const DECAY_INTERVAL: Duration = Duration::from_secs(1);
