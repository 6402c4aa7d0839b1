//! Who may speak the operators' protocols: one table of all peers but ourselves, replaced as a whole and read by
//! everybody else. Nothing a stranger does adds a line.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use libp2p::PeerId;
use tokio::sync::{Notify, watch};

use crate::{
    config::{Config, Limits, Peer},
    direct::{Budget, Queued},
    error::Error,
    frame::{Class, Frame, To},
    identity,
    line::{Line, PeerStatus},
    table::{Given, Table},
};

/// The owner of the table.
#[derive(Debug)]
pub(crate) struct Lines {
    own: PeerId,
    table: watch::Sender<Arc<Table>>,
    /// Held while the table is replaced, so that one replacement follows the other.
    given: Mutex<Given>,
    /// Rung when a generation changes, or the table.
    pub(crate) changed: Notify,
    payload: Arc<Budget>,
    limits: Limits,
}

impl Lines {
    /// # Errors
    /// [`Error`] when the configured peers contradict each other.
    pub(crate) fn new(config: &Config) -> Result<Arc<Self>, Error> {
        let lines = Self {
            own: identity::peer_id(&config.secret),
            table: watch::Sender::default(),
            given: Mutex::default(),
            changed: Notify::new(),
            payload: Budget::new(config.limits.payload_queue_bytes_total),
            limits: config.limits.clone(),
        };
        lines.replace(config.peers.clone())?;
        Ok(Arc::new(lines))
    }

    /// Makes these the peers. Those that stay keep their line with all that is queued and counted there; those that
    /// left lose it before this returns.
    ///
    /// # Errors
    /// [`Error`] when they contradict each other or what was said before; nothing changes then.
    pub(crate) fn replace(&self, peers: Vec<Peer>) -> Result<(), Error> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.check(&peers)?;
        let (before, now) = (self.table(), Instant::now());
        let mut table = Table::default();
        for peer in peers {
            let generation = given.give(&peer);
            if peer.peer_id == self.own {
                continue;
            }
            let line = before.of(&peer.peer_id).map_or_else(
                || Arc::new(Line::new(&peer, generation, &self.limits, now)),
                Arc::clone,
            );
            table.insert(line, &peer.addresses);
        }
        // Before anybody can find them missing: whoever compares a connection with the table asks its line.
        for line in before.iter().filter(|line| table.get(line.slot).is_none()) {
            given.end(line.slot, line.retire());
        }
        self.table.send_replace(Arc::new(table));
        self.changed.notify_one();
        Ok(())
    }

    /// The peers of this moment.
    pub(crate) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.borrow())
    }

    /// Tells each replacement that follows, the last if they come fast.
    pub(crate) fn replaced(&self) -> watch::Receiver<Arc<Table>> {
        self.table.subscribe()
    }

    pub(crate) fn get(&self, slot: u16) -> Option<Arc<Line>> {
        self.table.borrow().get(slot).map(Arc::clone)
    }

    pub(crate) fn of(&self, peer: &PeerId) -> Option<Arc<Line>> {
        self.table.borrow().of(peer).map(Arc::clone)
    }

    pub(crate) fn status(&self) -> Vec<PeerStatus> {
        self.table().iter().map(|line| line.status()).collect()
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
        let limit = match frame.class {
            Class::Control => self.limits.control_frame_bytes,
            Class::Payload => self.limits.payload_frame_bytes,
        };
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
                .table()
                .iter()
                .for_each(|line| push(line, frame.class, queued.clone())),
            To::One(slot) => {
                if let Some(line) = self.get(slot) {
                    push(&line, frame.class, queued);
                }
            }
        }
    }

    /// Forgets queued frames of lower ranks.
    pub(crate) fn cancel_below(&self, rank: u64) {
        for line in self.table().iter() {
            for class in Class::ALL {
                line.lane(class).outbox().cancel_below(rank);
            }
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

    fn peers(slots: std::ops::Range<u16>) -> Vec<Peer> {
        let peer = |slot| Peer {
            slot,
            peer_id: identity::peer_id(&[u8::try_from(slot).expect("small"); 32]),
            addresses: Vec::new(),
        };
        slots.map(peer).collect()
    }

    fn lines() -> Arc<Lines> {
        let peers = peers(0..3);
        let limits = Limits {
            payload_queue_bytes_total: 32 * 1024 * 1024,
            ..Limits::default()
        };
        let (genesis8, listen) = ("00000000".to_owned(), Vec::new());
        let config = Config {
            secret: [0; 32],
            genesis8,
            listen,
            peers,
            limits,
        };
        Lines::new(&config).expect("consistent")
    }

    #[test]
    fn everyone_but_ourselves_has_a_line() {
        let lines = lines();
        assert_eq!(
            lines.table().iter().map(|line| line.slot).collect::<Vec<_>>(),
            [1, 2]
        );
        assert!(lines.of(&identity::peer_id(&[9; 32])).is_none());
    }

    #[test]
    fn who_stays_keeps_the_line_and_who_left_is_given_another() {
        let lines = lines();
        let (stays, leaves) = (lines.get(1).expect("line"), lines.get(2).expect("line"));
        for line in [&stays, &leaves] {
            lines.opened(line);
        }
        lines.send(To::All, Frame::control(1, &b"waits"[..]));
        lines.replace(peers(0..2)).expect("one less");
        assert!(Arc::ptr_eq(&stays, &lines.get(1).expect("line")));
        assert_eq!((stays.generation(), stays.status().control_queued), (1, 1));
        assert!(lines.get(2).is_none() && lines.of(&leaves.peer_id).is_none());
        assert!(leaves.is_retired() && !leaves.is_up() && leaves.asks.is_closed());
        assert_eq!(leaves.status().control_queued, 0);
        lines.replace(peers(0..3)).expect("it is back");
        let back = lines.get(2).expect("line");
        assert!(!Arc::ptr_eq(&leaves, &back) && !back.is_retired());
        assert_eq!(back.generation(), 2, "its ups and downs are counted on");
        assert_eq!(back.status().control_queued, 0);
    }

    #[test]
    fn up_and_down_change_the_generation_once_each() {
        let lines = lines();
        let line = lines.get(1).expect("line");
        lines.opened(&line);
        lines.opened(&line);
        assert!(line.is_up());
        assert_eq!(line.generation(), 1);
        lines.closed(&line);
        lines.closed(&line);
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
        for line in lines.table().iter() {
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
