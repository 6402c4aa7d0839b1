//! When to dial whom. Pure: the swarm task asks what is due and does it.
//!
//! The operator with the lower peer id dials, the other waits; after [`PATIENCE`] without a connection it dials too, so
//! that a restarted operator is back within a second or two whatever the other's back-off. A failed dial is repeated
//! after 250 ms, doubled up to 15 s, with jitter, forever.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId};

/// One peer to keep connected.
#[derive(Debug)]
struct Target {
    peer_id: PeerId,
    addresses: Vec<Multiaddr>,
    /// Whether it is for us to dial first.
    lead: bool,
    connected: bool,
    /// Failures since it was last up.
    failures: u32,
    next: Instant,
}

/// The dials that are due and those that wait.
#[derive(Debug)]
pub(crate) struct Dialer {
    own: PeerId,
    targets: BTreeMap<PeerId, Target>,
}

impl Dialer {
    pub(crate) const fn new(own: PeerId) -> Self {
        Self {
            own,
            targets: BTreeMap::new(),
        }
    }

    /// Keeps these connected and no others. The new are due at once where we lead, after [`PATIENCE`] elsewhere, and so
    /// is who moved and is not connected: pauses for an address that no longer holds say nothing about the next one.
    pub(crate) fn follow<'a>(
        &mut self,
        peers: impl Iterator<Item = (PeerId, &'a [Multiaddr])>,
        now: Instant,
    ) {
        let mut before = std::mem::take(&mut self.targets);
        for (peer_id, addresses) in peers {
            let lead = self.own < peer_id;
            let next = if lead { now } else { now + PATIENCE };
            let fresh = Target {
                peer_id,
                addresses: addresses.to_vec(),
                lead,
                connected: false,
                failures: 0,
                next,
            };
            let target = match before.remove(&peer_id) {
                Some(stays) if stays.addresses == addresses => stays,
                Some(moved) => Target {
                    connected: moved.connected,
                    ..fresh
                },
                None => fresh,
            };
            self.targets.insert(peer_id, target);
        }
    }

    /// The dials that are due. Each is not due again before its own failure or a long silence.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let due = self
            .targets
            .values_mut()
            .filter(|target| !target.connected && !target.addresses.is_empty() && target.next <= now);
        due.map(|target| {
            target.next = now + DIAL_TIMEOUT;
            (target.peer_id, target.addresses.clone())
        })
        .collect()
    }

    /// A dial failed, or a connection closed before the peer was up.
    pub(crate) fn on_failed(&mut self, peer: &PeerId, now: Instant) {
        let own = self.own;
        if let Some(target) = self.targets.get_mut(peer) {
            target.connected = false;
            let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(target.failures.min(DOUBLINGS)));
            let pause = jittered(pause.min(LONGEST_PAUSE), &own, peer, target.failures);
            target.failures = target.failures.saturating_add(1);
            target.next = now + if target.lead { pause } else { pause.max(PATIENCE) };
        }
    }

    /// The first connection stands.
    pub(crate) fn on_connected(&mut self, peer: &PeerId) {
        if let Some(target) = self.targets.get_mut(peer) {
            target.connected = true;
        }
    }

    /// The last connection of a peer that was up closed: it may be back in a moment.
    pub(crate) fn on_lost(&mut self, peer: &PeerId, now: Instant) {
        if let Some(target) = self.targets.get_mut(peer) {
            target.failures = 0;
        }
        self.on_failed(peer, now);
    }
}

/// Between half and all of a pause, different for every pair and attempt, so that restarts do not dial in step.
fn jittered(pause: Duration, own: &PeerId, peer: &PeerId, attempt: u32) -> Duration {
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(&own.to_bytes())
        .update(&peer.to_bytes())
        .update(&attempt.to_be_bytes());
    let byte = hasher.finalize().as_bytes().first().copied().unwrap_or_default();
    pause / 2 + (pause / 2) * u32::from(byte) / 255
}

/// The pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause; an operator that is down for a day is back after so long.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// 250 ms doubled so often is over 15 s.
const DOUBLINGS: u32 = 6;
/// How long the higher peer id waits for the lower to dial.
const PATIENCE: Duration = Duration::from_secs(1);
/// A dial that reported neither success nor failure for so long is made again.
const DIAL_TIMEOUT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::peer_id;

    fn pair() -> (PeerId, PeerId) {
        let (a, b) = (peer_id(&[1; 32]), peer_id(&[2; 32]));
        (a.min(b), a.max(b))
    }

    fn dialer(own: PeerId, peer: PeerId, now: Instant) -> Dialer {
        let address = "/ip4/127.0.0.1/tcp/1".parse().expect("address");
        let mut dialer = Dialer::new(own);
        dialer.follow(std::iter::once((peer, &[address][..])), now);
        dialer
    }

    #[test]
    fn the_lower_id_dials_at_once_and_the_higher_after_its_patience() {
        let now = Instant::now();
        let (low, high) = pair();
        assert_eq!(dialer(low, high, now).due(now).len(), 1);
        let mut patient = dialer(high, low, now);
        assert!(patient.due(now).is_empty());
        assert_eq!(patient.due(now + PATIENCE).len(), 1);
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_start_again_when_the_peer_was_up() {
        let (low, high) = pair();
        let mut now = Instant::now();
        let mut dialer = dialer(low, high, now);
        for failures in 0..12 {
            assert_eq!(dialer.due(now).len(), 1);
            assert!(dialer.due(now).is_empty(), "one dial at a time");
            dialer.on_failed(&high, now);
            let pause = FIRST_PAUSE * 2_u32.pow(failures.min(6));
            let pause = pause.min(LONGEST_PAUSE);
            assert!(dialer.due(now + pause / 2 - Duration::from_millis(1)).is_empty());
            now += pause;
        }
        assert_eq!(dialer.due(now).len(), 1);
        dialer.on_connected(&high);
        assert!(dialer.due(now + LONGEST_PAUSE * 9).is_empty());
        dialer.on_lost(&high, now);
        assert_eq!(dialer.due(now + FIRST_PAUSE).len(), 1);
    }

    #[test]
    fn who_moved_is_dialled_there_at_once_and_who_left_never() {
        let (low, high) = pair();
        let mut now = Instant::now();
        let mut dialer = dialer(low, high, now);
        for _ in 0..6 {
            dialer.due(now);
            dialer.on_failed(&high, now);
            now += LONGEST_PAUSE;
        }
        dialer.on_failed(&high, now);
        let there: Multiaddr = "/ip4/127.0.0.1/tcp/2".parse().expect("address");
        let moved = [there];
        dialer.follow(std::iter::once((high, &moved[..])), now);
        assert_eq!(dialer.due(now), [(high, moved.to_vec())]);
        dialer.on_failed(&high, now);
        dialer.follow(std::iter::once((high, &moved[..])), now);
        assert!(dialer.due(now).is_empty(), "nothing changed, the pause holds");
        dialer.on_connected(&high);
        dialer.follow(std::iter::once((high, &[][..])), now);
        assert!(dialer.due(now + LONGEST_PAUSE).is_empty(), "it is connected");
        dialer.on_lost(&high, now);
        assert!(dialer.due(now + LONGEST_PAUSE).is_empty(), "nobody knows where");
        dialer.follow(std::iter::once((high, &moved[..])), now);
        dialer.follow(std::iter::empty(), now);
        assert!(dialer.due(now + LONGEST_PAUSE).is_empty(), "it left");
    }
}
