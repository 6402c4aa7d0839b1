//! Protocol names, and gossip of transactions: which settings, which identity of a message, and what to do with a
//! message that nobody is there to take.
//!
//! Gossip is lossy and may be late; nothing that consensus needs travels on it. A message is named by a hash of its
//! content, so the same transactions sent by several operators travel once, and it goes no further until the layer
//! above has accepted it.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use libp2p::{
    StreamProtocol,
    gossipsub::{
        self, IdentTopic, MessageAuthenticity, MessageId, PeerScoreParams, PeerScoreThresholds, PublishError,
        TopicHash, ValidationMode, WhitelistSubscriptionFilter,
    },
    identity::Keypair,
};

use crate::{config::Limits, error::Error, meter::Meter};

/// The protocol names of one chain: a stranger to it fails at negotiation.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) control: StreamProtocol,
    pub(crate) payload: StreamProtocol,
    pub(crate) sync: StreamProtocol,
    pub(crate) client: StreamProtocol,
    pub(crate) identify: String,
    topic: String,
}

impl Names {
    /// The names for a checked tag.
    pub(crate) fn new(genesis8: &str) -> Self {
        let name = |protocol: &str| {
            StreamProtocol::try_from_owned(format!("/plasma/{genesis8}/{protocol}/1"))
                .expect("the name begins with a slash")
        };
        Self {
            control: name("consensus"),
            payload: name("payload"),
            sync: name("sync"),
            client: name("client"),
            identify: format!("/plasma/{genesis8}"),
            topic: format!("/plasma/{genesis8}/gossip-tx/1"),
        }
    }

    /// The one gossip topic.
    pub(crate) fn topic(&self) -> IdentTopic {
        IdentTopic::new(&self.topic)
    }
}

/// Gossip on one topic.
pub(crate) type Gossip = gossipsub::Behaviour<gossipsub::IdentityTransform, WhitelistSubscriptionFilter>;

/// The gossip behaviour among so many `operators` at the start, subscribed.
pub(crate) fn gossip(
    key: &Keypair,
    names: &Names,
    operators: usize,
    limits: &Limits,
    meter: &Arc<Meter>,
) -> Result<Gossip, Error> {
    let topic = names.topic();
    let filter = WhitelistSubscriptionFilter(HashSet::from([topic.hash()]));
    let failed = |why: String| Error::Setup { part: "gossip", why };
    let settings = settings(Mesh::of(operators), operators, limits, Arc::clone(meter))
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let mut gossip =
        Gossip::new_with_subscription_filter(MessageAuthenticity::Signed(key.clone()), settings, filter)
            .map_err(|error| failed(error.to_owned()))?;
    gossip
        .with_peer_score(score(), PeerScoreThresholds::default())
        .map_err(failed)?;
    gossip
        .subscribe(&topic)
        .map_err(|error| failed(error.to_string()))?;
    Ok(gossip)
}

/// How many neighbours a mesh has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mesh {
    wanted: usize,
    low: usize,
    high: usize,
    outbound: usize,
}

impl Mesh {
    /// The mesh for so many operators at the start. Their number may change before the next one, so both do for any
    /// number: where there are fewer than wanted the mesh is complete, and where there are many in a small one's the
    /// author tells them all.
    const fn of(operators: usize) -> Self {
        if operators > SMALL_COMMITTEE {
            Self {
                wanted: 6,
                low: 4,
                high: 10,
                outbound: 2,
            }
        } else {
            Self {
                wanted: 4,
                low: 3,
                high: 8,
                outbound: 1,
            }
        }
    }
}

fn settings(mesh: Mesh, operators: usize, limits: &Limits, meter: Arc<Meter>) -> gossipsub::ConfigBuilder {
    let small = operators <= SMALL_COMMITTEE;
    let mut settings = gossipsub::ConfigBuilder::default();
    settings
        .mesh_n(mesh.wanted)
        .mesh_n_low(mesh.low)
        .mesh_n_high(mesh.high)
        .mesh_outbound_min(mesh.outbound)
        .flood_publish(small)
        .gossip_lazy(if small { 2 } else { 6 })
        .gossip_factor(0.25)
        .heartbeat_interval(Duration::from_millis(700))
        .heartbeat_initial_delay(Duration::from_millis(200))
        .history_length(6)
        .history_gossip(3)
        // Not below the period in which a mempool offers a transaction again.
        .duplicate_cache_time(Duration::from_secs(120))
        .max_transmit_size(limits.gossip_bytes.saturating_add(ENVELOPE_BYTES))
        .validate_messages()
        .validation_mode(ValidationMode::Strict)
        .message_id_fn(move |message| {
            meter.on_named();
            message_id(&message.topic, &message.data)
        })
        .idontwant_message_size_threshold(1_000)
        .idontwant_on_publish(true)
        // 128 MB for one slow peer at the worst; the library's own value would be ten times that.
        .connection_handler_queue_len(512)
        .publish_queue_duration(Duration::from_secs(2))
        .forward_queue_duration(Duration::from_secs(1))
        .max_control_message_size(16 * 1024);
    settings
}

/// First 20 bytes of blake3(topic ‖ 0 ‖ data): operators exchange these names, so all must compute the same.
fn message_id(topic: &TopicHash, data: &[u8]) -> MessageId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(topic.as_str().as_bytes()).update(&[0]).update(data);
    MessageId::new(hasher.finalize().as_bytes().get(..20).unwrap_or_default())
}

/// Only what the layer above reports counts against a neighbour, and being slow, a little. Delivery and address terms
/// misfire in small meshes and for operators behind one provider.
fn score() -> PeerScoreParams {
    PeerScoreParams {
        app_specific_weight: 1.0,
        ip_colocation_factor_weight: 0.0,
        behaviour_penalty_weight: -1.0,
        behaviour_penalty_threshold: 6.0,
        retain_score: Duration::from_secs(600),
        ..PeerScoreParams::default()
    }
}

/// Messages that could not be published yet: nobody subscribed, or every queue was full.
#[derive(Debug)]
pub(crate) struct Backlog {
    waiting: VecDeque<Bytes>,
    limit: usize,
    meter: Arc<Meter>,
}

impl Backlog {
    pub(crate) const fn new(limit: usize, meter: Arc<Meter>) -> Self {
        Self {
            waiting: VecDeque::new(),
            limit,
            meter,
        }
    }

    /// Publishes, or keeps for later; the oldest goes when there is no room.
    pub(crate) fn publish(&mut self, gossip: &mut Gossip, topic: &IdentTopic, bytes: Bytes) {
        if let Err(bytes) = self.try_publish(gossip, topic, bytes) {
            if self.waiting.len() >= self.limit {
                self.waiting.pop_front();
                tracing::debug!("the gossip backlog is full, its oldest message is dropped");
            }
            self.waiting.push_back(bytes);
        }
    }

    /// Publishes what waited, until one still cannot be.
    pub(crate) fn retry(&mut self, gossip: &mut Gossip, topic: &IdentTopic) {
        while let Some(bytes) = self.waiting.pop_front() {
            if let Err(bytes) = self.try_publish(gossip, topic, bytes) {
                self.waiting.push_front(bytes);
                break;
            }
        }
    }

    /// Gives the message back when a later try may do better.
    fn try_publish(&self, gossip: &mut Gossip, topic: &IdentTopic, bytes: Bytes) -> Result<(), Bytes> {
        self.meter.on_publish();
        match gossip.publish(topic.hash(), bytes.clone()) {
            Ok(_) | Err(PublishError::Duplicate) => Ok(()),
            Err(PublishError::NoPeersSubscribedToTopic | PublishError::AllQueuesFull(_)) => Err(bytes),
            Err(error) => {
                tracing::warn!(%error, "gossip message dropped");
                Ok(())
            }
        }
    }
}

/// Up to so many operators everybody hears everybody at first hand.
const SMALL_COMMITTEE: usize = 12;
/// Author, sequence number, signature and topic around a message.
const ENVELOPE_BYTES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meshes_of_every_size_keep_the_rules() {
        for operators in 1..=256 {
            let mesh = Mesh::of(operators);
            // The library checks this only for topics with a size limit of their own.
            assert!(mesh.outbound <= mesh.low && mesh.low <= mesh.wanted && mesh.wanted <= mesh.high);
            assert!(mesh.outbound * 2 <= mesh.wanted, "{operators}");
        }
    }

    #[test]
    fn a_message_is_named_by_topic_and_content() {
        let topics = [IdentTopic::new("a").hash(), IdentTopic::new("b").hash()];
        assert_eq!(message_id(&topics[0], b"x"), message_id(&topics[0], b"x"));
        assert_ne!(message_id(&topics[0], b"x"), message_id(&topics[0], b"y"));
        assert_ne!(message_id(&topics[0], b"x"), message_id(&topics[1], b"x"));
    }

    #[test]
    fn names_carry_the_chain() {
        let names = Names::new("0a1b2c3d");
        assert_eq!(names.control.as_ref(), "/plasma/0a1b2c3d/consensus/1");
        assert_eq!(names.payload.as_ref(), "/plasma/0a1b2c3d/payload/1");
        assert_eq!(names.sync.as_ref(), "/plasma/0a1b2c3d/sync/1");
        assert_eq!(names.client.as_ref(), "/plasma/0a1b2c3d/client/1");
        assert_eq!(names.topic().hash().as_str(), "/plasma/0a1b2c3d/gossip-tx/1");
    }
}
