//! The end of the network that listens, in the order of urgency: ups and downs, control, payload, requests of operators,
//! of clients, gossip. What is not taken fills its own channel and holds back only the peers that fill it.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use bytes::Bytes;
use libp2p::Multiaddr;
use tokio::sync::{mpsc, watch};

use crate::{event::Event, lines::Lines};

/// Where the parts of the network put what they received.
#[derive(Clone, Debug)]
pub(crate) struct Inboxes {
    pub(crate) listening: mpsc::Sender<Multiaddr>,
    pub(crate) control: mpsc::Sender<(u16, Bytes)>,
    pub(crate) payload: mpsc::Sender<(u16, Bytes)>,
    pub(crate) requests: mpsc::Sender<Event>,
    pub(crate) clients: mpsc::Sender<Event>,
    pub(crate) gossip: mpsc::Sender<Event>,
}

/// Listens to the network.
#[derive(Debug)]
pub struct Events {
    lines: Arc<Lines>,
    /// The generation last told, by slot; as many as there are peers, and were since the last event.
    told: BTreeMap<u16, u64>,
    listening: mpsc::Receiver<Multiaddr>,
    control: mpsc::Receiver<(u16, Bytes)>,
    payload: mpsc::Receiver<(u16, Bytes)>,
    requests: mpsc::Receiver<Event>,
    clients: mpsc::Receiver<Event>,
    gossip: mpsc::Receiver<Event>,
    /// Its sender lives as long as the swarm task.
    alive: watch::Receiver<()>,
}

/// The channels between the swarm task and the node. `alive` is dropped by the task at its end.
pub(crate) fn inboxes(lines: &Arc<Lines>) -> (Inboxes, Events, watch::Sender<()>) {
    let (listening, listening_out) = mpsc::channel(LISTENING_QUEUE);
    let (control, control_out) = mpsc::channel(CONTROL_QUEUE);
    let (payload, payload_out) = mpsc::channel(PAYLOAD_QUEUE);
    let (requests, requests_out) = mpsc::channel(REQUEST_QUEUE);
    let (clients, clients_out) = mpsc::channel(CLIENT_QUEUE);
    let (gossip, gossip_out) = mpsc::channel(GOSSIP_QUEUE);
    let (alive_in, alive) = watch::channel(());
    let events = Events {
        told: BTreeMap::new(),
        lines: Arc::clone(lines),
        listening: listening_out,
        control: control_out,
        payload: payload_out,
        requests: requests_out,
        clients: clients_out,
        gossip: gossip_out,
        alive,
    };
    (
        Inboxes {
            listening,
            control,
            payload,
            requests,
            clients,
            gossip,
        },
        events,
        alive_in,
    )
}

impl Events {
    /// The next event, the most urgent kind first; `None` when the network has stopped. Cancelling it loses nothing.
    pub async fn recv(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.next_turn() {
                return Some(event);
            }
            let event = tokio::select! {
                biased;
                () = self.lines.changed.notified() => continue,
                Some(address) = self.listening.recv() => Event::Listening(address),
                Some((from, bytes)) = self.control.recv() => Event::Control { from, bytes },
                Some((from, bytes)) = self.payload.recv() => Event::Payload { from, bytes },
                Some(event) = self.requests.recv() => event,
                Some(event) = self.clients.recv() => event,
                Some(event) = self.gossip.recv() => event,
                _ = self.alive.changed() => return None,
            };
            if self.is_wanted(&event) {
                return Some(event);
            }
        }
    }

    /// Whether the event is nobody's or a peer's: what an operator sent before it left, or was found lying, is not told
    /// after that. Each frame of a liar costs its reader a look, and a thousand may wait.
    fn is_wanted(&self, event: &Event) -> bool {
        match event {
            Event::Control { from, .. } | Event::Payload { from, .. } | Event::Request { from, .. } => {
                let line = self.lines.get(*from);
                line.is_some_and(|line| !line.is_punished(Instant::now()))
            }
            _ => true,
        }
    }

    /// One up or down that was not told yet.
    fn next_turn(&mut self) -> Option<Event> {
        let table = self.lines.table();
        let is_gone = |slot: &u16, _: &mut u64| table.get(*slot).is_none();
        while let Some((slot, told)) = self.told.extract_if(.., is_gone).next() {
            if !told.is_multiple_of(2) {
                return Some(Event::PeerDown(slot));
            }
        }
        for line in table.iter() {
            let (slot, now) = (line.slot, line.generation());
            let told = self.told.entry(slot).or_default();
            let (was_up, is_up) = (!told.is_multiple_of(2), !now.is_multiple_of(2));
            if *told == now {
                continue;
            }
            if was_up {
                // The way to an even number first, also when it is up again since.
                *told = if is_up { now.saturating_sub(1) } else { now };
                return Some(Event::PeerDown(slot));
            }
            *told = now;
            if is_up {
                return Some(Event::PeerUp(slot));
            }
        }
        None
    }
}

/// Addresses of one host.
const LISTENING_QUEUE: usize = 64;
/// Received control frames, 64 MB at most: a full storm of a hundred operators.
const CONTROL_QUEUE: usize = 1_024;
/// Received payload frames, 256 MB at most.
const PAYLOAD_QUEUE: usize = 16;
/// Requests of operators; those beyond wait, in flight, at their askers' cost.
const REQUEST_QUEUE: usize = 256;
/// Requests of clients; their bytes are bounded by `client_bytes_in_flight`.
const CLIENT_QUEUE: usize = 256;
/// Gossip messages, 64 MB at most; those beyond are dropped.
const GOSSIP_QUEUE: usize = 256;
#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::{Config, Limits, Peer, identity};

    fn lines() -> Arc<Lines> {
        let peer = |slot| Peer {
            slot,
            peer_id: identity::peer_id(&[u8::try_from(slot).expect("small"); 32]),
            addresses: Vec::new(),
        };
        let config = Config {
            secret: [0; 32],
            genesis8: "00000000".to_owned(),
            listen: Vec::new(),
            peers: (0..3).map(peer).collect(),
            limits: Limits::default(),
        };
        Lines::new(&config).expect("consistent")
    }

    #[tokio::test]
    async fn a_quick_down_and_up_is_told_as_both() {
        let lines = lines();
        let (_inboxes, mut events, _alive) = inboxes(&lines);
        let line = lines.get(1).expect("line");
        lines.opened(&line);
        assert!(matches!(events.recv().await, Some(Event::PeerUp(1))));
        lines.closed(&line);
        lines.opened(&line);
        lines.closed(&line);
        lines.opened(&line);
        assert!(matches!(events.recv().await, Some(Event::PeerDown(1))));
        assert!(matches!(events.recv().await, Some(Event::PeerUp(1))));
        lines.closed(&line);
        assert!(matches!(events.recv().await, Some(Event::PeerDown(1))));
        lines.opened(&line);
        lines.closed(&line);
        assert!(
            events.next_turn().is_none(),
            "an up that ended before it was told is not told"
        );
    }

    #[tokio::test]
    async fn who_left_is_down_and_what_it_sent_is_not_told_after_that() {
        let lines = lines();
        let (inboxes, mut events, _alive) = inboxes(&lines);
        let line = lines.get(1).expect("line");
        lines.opened(&line);
        assert!(matches!(events.recv().await, Some(Event::PeerUp(1))));
        let bytes = Bytes::from_static(b"x");
        inboxes.control.try_send((1, bytes.clone())).expect("room");
        inboxes.payload.try_send((1, bytes)).expect("room");
        lines.replace(Vec::new()).expect("nobody");
        assert!(matches!(events.recv().await, Some(Event::PeerDown(1))));
        let there = Multiaddr::empty();
        inboxes.listening.try_send(there).expect("room");
        assert!(matches!(events.recv().await, Some(Event::Listening(_))));
        // A stream of the connection that is closing.
        lines.opened(&line);
        assert!(events.recv().now_or_never().is_none());
    }

    #[tokio::test]
    async fn what_waits_of_a_punished_peer_is_not_told_and_others_are_heard() {
        let lines = lines();
        let (inboxes, mut events, _alive) = inboxes(&lines);
        let bytes = Bytes::from_static(b"x");
        for from in [1, 2, 1] {
            inboxes.control.try_send((from, bytes.clone())).expect("room");
            inboxes.payload.try_send((from, bytes.clone())).expect("room");
        }
        let line = lines.get(1).expect("line");
        line.punish(Instant::now());
        assert!(matches!(
            events.recv().await,
            Some(Event::Control { from: 2, .. })
        ));
        assert!(matches!(
            events.recv().await,
            Some(Event::Payload { from: 2, .. })
        ));
        assert!(events.recv().now_or_never().is_none());
    }

    #[tokio::test]
    async fn whoever_waits_hears_of_a_leaving_peer_at_once() {
        let lines = lines();
        let (_inboxes, mut events, _alive) = inboxes(&lines);
        lines.opened(&lines.get(1).expect("line"));
        assert!(matches!(events.recv().await, Some(Event::PeerUp(1))));
        let mut waits = std::pin::pin!(events.recv());
        assert!(futures::poll!(waits.as_mut()).is_pending());
        lines.replace(Vec::new()).expect("nobody");
        assert!(matches!(waits.now_or_never(), Some(Some(Event::PeerDown(1)))));
    }

    #[tokio::test]
    async fn urgent_events_come_first_and_the_end_comes_last() {
        let lines = lines();
        let (inboxes, mut events, alive) = inboxes(&lines);
        let bytes = Bytes::from_static(b"x");
        inboxes.payload.try_send((1, bytes.clone())).expect("room");
        inboxes.control.try_send((1, bytes)).expect("room");
        lines.opened(&lines.get(1).expect("line"));
        drop(alive);
        assert!(matches!(events.recv().await, Some(Event::PeerUp(1))));
        assert!(matches!(
            events.recv().await,
            Some(Event::Control { from: 1, .. })
        ));
        assert!(matches!(
            events.recv().await,
            Some(Event::Payload { from: 1, .. })
        ));
        assert!(events.recv().await.is_none());
    }
}
