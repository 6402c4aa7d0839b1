//! All protocols of one operator, and who may meet each.
//!
//! The order matters: what can refuse a connection stands first, because a behaviour after it may already count on the
//! connection.

use std::{sync::Arc, time::Duration};

use libp2p::{
    identify,
    identity::Keypair,
    memory_connection_limits, ping,
    request_response::{self, ProtocolSupport},
    swarm::NetworkBehaviour,
};

use crate::{
    admission::Admission,
    config::Limits,
    direct,
    entries::Entries,
    error::Error,
    gate::Gate,
    meter::Meter,
    request::{self, Codec},
    topic::{self, Gossip, Names},
};

/// The protocols of an operator.
#[derive(NetworkBehaviour)]
pub(crate) struct Protocols {
    /// Bounds on connections.
    pub(crate) admission: Admission,
    /// The last resort: no new strangers when the process has grown too large.
    pub(crate) memory: Gate<memory_connection_limits::Behaviour>,
    /// Liveness of every connection, and round-trip times.
    pub(crate) ping: ping::Behaviour,
    /// Who runs which version; learned addresses are ignored.
    pub(crate) identify: Gate<identify::Behaviour>,
    /// Frames between operators.
    pub(crate) direct: Gate<direct::Behaviour>,
    /// Transactions between operators.
    pub(crate) gossip: Gate<Gossip>,
    /// Requests between operators.
    pub(crate) sync: Gate<request_response::Behaviour<Codec>>,
    /// Requests of anybody.
    pub(crate) client: request_response::Behaviour<Codec>,
}

/// What the protocols are built from.
pub(crate) struct Plan<'a> {
    pub(crate) key: &'a Keypair,
    pub(crate) names: &'a Names,
    pub(crate) entries: &'a Arc<Entries>,
    pub(crate) limits: &'a Limits,
    pub(crate) admission: Admission,
    pub(crate) direct: direct::Behaviour,
    pub(crate) meter: &'a Arc<Meter>,
}

impl Plan<'_> {
    /// Builds the protocols.
    pub(crate) fn build(self) -> Result<Protocols, Error> {
        let Self {
            key,
            names,
            entries,
            limits,
            admission,
            direct,
            meter,
        } = self;
        let operators = entries.lines().table().len().saturating_add(1);
        let memory = memory_connection_limits::Behaviour::with_max_bytes(limits.process_bytes);
        let identify = identify::Config::new_with_signed_peer_record(names.identify.clone(), key)
            .with_agent_version(concat!("plasma/", env!("CARGO_PKG_VERSION")).to_owned())
            .with_interval(IDENTIFY_INTERVAL)
            .with_cache_size(0);
        let gossip = topic::gossip(key, names, operators, limits, meter)?;
        let sync = request::behaviour(
            Codec::new(limits.sync_request_bytes, limits.sync_response_bytes),
            &names.sync,
            ProtocolSupport::Full,
            limits.sync_in_flight,
            limits.sync_timeout,
        );
        let client = request::behaviour(
            Codec::new(limits.client_bytes, limits.client_bytes).with_budget(limits.client_bytes_in_flight),
            &names.client,
            ProtocolSupport::Inbound,
            limits.client_in_flight,
            limits.client_timeout,
        );
        Ok(Protocols {
            admission,
            memory: Gate::strangers(entries, memory),
            ping: ping::Behaviour::new(ping_config()),
            identify: Gate::operators(entries, identify::Behaviour::new(identify)),
            direct: Gate::operators(entries, direct),
            gossip: Gate::operators(entries, gossip),
            sync: Gate::operators(entries, sync),
            client,
        })
    }
}

/// A dead connection is found within 15 s.
pub(crate) fn ping_config() -> ping::Config {
    ping::Config::new()
        .with_interval(Duration::from_secs(5))
        .with_timeout(Duration::from_secs(10))
}

/// Versions change with restarts, which identify anew.
const IDENTIFY_INTERVAL: Duration = Duration::from_secs(300);
