//! From where operators come: addresses with bounds of their own at the door, so that strangers' handshakes cannot keep
//! an operator out.
//!
//! Documents name some operators by DNS, so besides the addresses that they state there are those where each operator
//! was found: what a dial resolved its name to, and where a connection came from that proved to be its own.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

use crate::{config::Rate, direct::Bucket, table::Table};

/// The addresses, and how many handshakes each may still begin.
#[derive(Debug)]
pub(crate) struct Known {
    rate: Rate,
    addresses: Mutex<Addresses>,
}

#[derive(Debug, Default)]
struct Addresses {
    stated: Vec<IpAddr>,
    /// Of every peer, where it was found last, the newest at the end.
    found: HashMap<PeerId, VecDeque<IpAddr>>,
    buckets: HashMap<IpAddr, Bucket>,
}

impl Known {
    pub(crate) fn new(rate: Rate) -> Arc<Self> {
        Arc::new(Self {
            rate,
            addresses: Mutex::default(),
        })
    }

    /// The table was replaced: handshakes from its peers' addresses are the operators' from now on.
    pub(crate) fn follow(&self, table: &Table, now: Instant) {
        let mut addresses = self.locked();
        let mut before = std::mem::take(&mut addresses.found);
        addresses.found = table
            .dialable()
            .map(|(peer, _)| (peer, before.remove(&peer).unwrap_or_default()))
            .collect();
        addresses.stated = table
            .dialable()
            .flat_map(|(_, addresses)| addresses)
            .filter_map(ip)
            .collect();
        addresses.settle(self.rate, now);
    }

    /// A peer was found at an address; nothing is kept about anybody else.
    pub(crate) fn note(&self, peer: &PeerId, address: &Multiaddr, now: Instant) {
        let mut addresses = self.locked();
        let (Some(ip), Some(found)) = (ip(address), addresses.found.get_mut(peer)) else {
            return;
        };
        let is_new = !found.contains(&ip);
        found.retain(|known| *known != ip);
        found.push_back(ip);
        if found.len() > FOUND_MAX {
            found.pop_front();
        }
        if is_new {
            addresses.settle(self.rate, now);
        }
    }

    pub(crate) fn holds(&self, ip: &IpAddr) -> bool {
        self.locked().buckets.contains_key(ip)
    }

    /// Whether one more handshake may begin from an operator's address; `None` for any other.
    pub(crate) fn try_take(&self, ip: &IpAddr, now: Instant) -> Option<bool> {
        let mut addresses = self.locked();
        Some(addresses.buckets.get_mut(ip)?.try_take(now))
    }

    /// The addresses are whole between any two statements: a panic elsewhere leaves nothing half written.
    fn locked(&self) -> MutexGuard<'_, Addresses> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Addresses {
    /// A bucket for each address; those that stay are not full again.
    fn settle(&mut self, rate: Rate, now: Instant) {
        let before = std::mem::take(&mut self.buckets);
        let all = self.stated.iter().chain(self.found.values().flatten());
        let buckets = all.map(|ip| {
            let bucket = before.get(ip).cloned();
            (*ip, bucket.unwrap_or_else(|| Bucket::full(rate, now)))
        });
        self.buckets = buckets.collect();
    }
}

/// What counts as one host: an IPv4 address, or the first half of an IPv6 address, for whoever has one has all of it.
pub(crate) fn ip(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.to_ipv4_mapped().map_or_else(
            || IpAddr::V6((u128::from(ip) & !u128::from(u64::MAX)).into()),
            IpAddr::V4,
        )),
        _ => None,
    }
}

/// Found addresses of one peer: both families, before a move and after it.
const FOUND_MAX: usize = 4;
