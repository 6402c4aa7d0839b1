//! The table of all committee peers but ourselves. It is made once from the configuration: nothing a stranger does adds
//! a line.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use libp2p::PeerId;
use tokio::sync::Notify;

use crate::{
    config::{Config, Peer},
    direct::{Budget, Queued},
    frame::{Class, Frame, To},
    identity,
    line::{Line, PeerStatus},
};

/// The table of all committee peers but ourselves.
#[derive(Debug)]
pub(crate) struct Lines {
    lines: BTreeMap<u16, Arc<Line>>,
    slots: HashMap<PeerId, u16>,
    /// Rung when a generation changes.
    pub(crate) changed: Notify,
    payload: Arc<Budget>,
    frame_limits: [(Class, u32); 2],
}

impl Lines {
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        let own = identity::peer_id(&config.secret);
        let (limits, now) = (&config.limits, Instant::now());
        let peers = config.peers.iter().filter(|peer| peer.peer_id != own);
        let line = |peer: &Peer| {
            (
                peer.slot,
                Arc::new(Line::new(peer.slot, peer.peer_id, limits, now)),
            )
        };
        let lines: BTreeMap<_, _> = peers.map(line).collect();
        Arc::new(Self {
            slots: lines.values().map(|line| (line.peer_id, line.slot)).collect(),
            lines,
            changed: Notify::new(),
            payload: Budget::new(limits.payload_queue_bytes_total),
            frame_limits: [
                (Class::Control, limits.control_frame_bytes),
                (Class::Payload, limits.payload_frame_bytes),
            ],
        })
    }

    pub(crate) fn get(&self, slot: u16) -> Option<&Arc<Line>> {
        self.lines.get(&slot)
    }

    pub(crate) fn of(&self, peer: &PeerId) -> Option<&Arc<Line>> {
        self.get(*self.slots.get(peer)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.lines.values()
    }

    pub(crate) fn status(&self) -> Vec<PeerStatus> {
        self.iter().map(|line| line.status()).collect()
    }

    /// A stream of the peer is usable. Told before anything that it carries.
    pub(crate) fn opened(&self, line: &Line) {
        if line.turn(true) {
            self.changed.notify_one();
        }
    }

    /// The last connection to the peer closed.
    pub(crate) fn closed(&self, line: &Line) {
        if line.turn(false) {
            self.changed.notify_one();
        }
    }

    /// Queues a frame for its peers. Never waits; what finds no room is dropped by the rules of the outbox.
    pub(crate) fn send(&self, to: To, frame: Frame) {
        let limit = self
            .frame_limits
            .iter()
            .find(|(class, _)| *class == frame.class)
            .map_or(0, |(_, limit)| *limit);
        let fits = u32::try_from(frame.bytes.len()).is_ok_and(|len| len <= limit);
        if frame.bytes.is_empty() || !fits {
            tracing::error!(
                class = frame.class.name(),
                bytes = frame.bytes.len(),
                limit,
                "frame refused by size"
            );
            return;
        }
        let charge = match frame.class {
            Class::Control => None,
            Class::Payload => {
                let charge = self.payload.charge(frame.bytes.len());
                if charge.is_none() {
                    tracing::warn!(
                        bytes = frame.bytes.len(),
                        "payload dropped, the queues of all peers are full"
                    );
                    return;
                }
                charge
            }
        };
        let at = Instant::now();
        let queued = Queued {
            rank: frame.rank,
            replaces: frame.replaces,
            bytes: frame.bytes,
            at,
            _charge: charge,
        };
        match to {
            To::All => self
                .iter()
                .for_each(|line| push(line, frame.class, queued.clone())),
            To::One(slot) => {
                if let Some(line) = self.get(slot) {
                    push(line, frame.class, queued);
                }
            }
        }
    }

    /// Forgets queued frames of lower ranks.
    pub(crate) fn cancel_below(&self, rank: u64) {
        for (line, class) in self.iter().flat_map(|line| Class::ALL.map(|class| (line, class))) {
            line.lane(class).outbox().cancel_below(rank);
        }
    }
}

fn push(line: &Line, class: Class, queued: Queued) {
    let lane = line.lane(class);
    lane.outbox().push(queued);
    lane.ready.notify_one();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::Limits;

    fn lines() -> Arc<Lines> {
        let peers = (0..3)
            .map(|slot| {
                let seed = [u8::try_from(slot).expect("small"); 32];
                Peer {
                    slot,
                    peer_id: identity::peer_id(&seed),
                    addresses: Vec::new(),
                }
            })
            .collect();
        let limits = Limits {
            payload_queue_bytes_total: 32 * 1024 * 1024,
            ..Limits::default()
        };
        let (genesis8, listen) = ("00000000".to_owned(), Vec::new());
        Lines::new(&Config {
            secret: [0; 32],
            genesis8,
            listen,
            peers,
            limits,
        })
    }

    #[test]
    fn everyone_but_ourselves_has_a_line() {
        let lines = lines();
        assert_eq!(lines.iter().map(|line| line.slot).collect::<Vec<_>>(), [1, 2]);
        assert!(lines.of(&identity::peer_id(&[9; 32])).is_none());
    }

    #[test]
    fn up_and_down_change_the_generation_once_each() {
        let lines = lines();
        let line = lines.get(1).expect("line");
        lines.opened(line);
        lines.opened(line);
        assert!(line.is_up());
        assert_eq!(line.generation(), 1);
        lines.closed(line);
        lines.closed(line);
        assert!(!line.is_up());
        assert_eq!(line.generation(), 2);
    }

    #[test]
    fn penalties_double_end_and_are_forgiven() {
        let lines = lines();
        let line = lines.get(1).expect("line");
        let now = Instant::now();
        assert!(!line.is_punished(now));
        assert_eq!(line.punish(now), Duration::from_secs(1));
        assert!(line.is_punished(now));
        assert_eq!(line.punish(now), Duration::from_secs(2));
        assert!(!line.is_punished(now + Duration::from_secs(2)));
        for _ in 0..20 {
            assert!(line.punish(now) <= Duration::from_secs(120));
        }
        assert_eq!(
            line.punish(now + Duration::from_secs(3_600)),
            Duration::from_secs(1)
        );
    }

    #[test]
    fn one_body_for_all_is_charged_once_and_a_fourth_that_does_not_fit_is_dropped() {
        let lines = lines();
        let body = Bytes::from(vec![1; 16 * 1024 * 1024]);
        for rank in 0..3 {
            lines.send(To::All, Frame::payload(rank, body.clone()));
        }
        for line in lines.iter() {
            assert_eq!(line.status().payload_queued_bytes, 32 * 1024 * 1024);
        }
    }

    #[test]
    fn empty_and_oversize_frames_are_not_queued() {
        let lines = lines();
        lines.send(To::All, Frame::control(1, Bytes::new()));
        lines.send(To::All, Frame::control(1, vec![0; 64 * 1024 + 1]));
        lines.send(To::One(9), Frame::control(1, vec![0; 1]));
        assert!(lines.status().iter().all(|status| status.control_queued == 0));
    }
}
