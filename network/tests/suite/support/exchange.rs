//! Operators with other peers than the whole committee, and everything they can tell each other.

use std::collections::BTreeSet;

use bytes::Bytes;
use plasma_network::{Event, Frame, Handle, Limits, Peer, To, Verdict};

use super::{Committee, Operator, SOON, run, within};

/// These of the committee, with the addresses of those that were started.
pub(crate) fn peers(committee: &Committee, indices: &[u16]) -> Vec<Peer> {
    let mut peers = committee.config(0, Limits::default()).peers;
    peers.retain(|peer| indices.contains(&peer.slot));
    peers
}

/// Starts an operator whose peers are these.
pub(crate) async fn start_among(committee: &mut Committee, index: u16, indices: &[u16]) -> Operator {
    let mut config = committee.config(index, Limits::default());
    config.peers.retain(|peer| indices.contains(&peer.slot));
    let operator = run(config).await;
    committee.reached_at(index, operator.address.clone());
    operator
}

/// All of them tell each other something by each of the four ways, and each hears all of it.
pub(crate) async fn exchange(operators: &mut [Operator], word: &str) {
    let handles: Vec<(u16, Handle)> = operators
        .iter()
        .map(|operator| (operator.index, operator.handle.clone()))
        .collect();
    let said = |index: u16, way: &str| Bytes::from(format!("{word} {way} {index}"));
    for (index, handle) in &handles {
        handle.send(To::All, Frame::control(1, said(*index, "control")));
        handle.send(To::All, Frame::payload(1, said(*index, "payload")));
        handle.gossip(said(*index, "gossip")).expect("taken");
    }
    let asked = handles.iter().flat_map(|(index, handle)| {
        let others = handles.iter().filter(move |(other, _)| other != index);
        others.map(move |(other, _)| async move {
            let answer = handle.request(*other, said(*index, "sync"), SOON).await;
            assert_eq!(answer, Ok(said(*index, "sync")), "{index} asked {other}");
        })
    });
    let heard = operators.iter_mut().map(|operator| {
        let me = operator.index;
        let others = handles
            .iter()
            .map(|(index, _)| *index)
            .filter(|index| *index != me);
        let mut missing: BTreeSet<Bytes> = others
            .flat_map(|other| ["control", "payload", "gossip", "sync"].map(|way| said(other, way)))
            .collect();
        async move {
            while !missing.is_empty() {
                let bytes = match operator.next().await {
                    Event::Control { bytes, .. } | Event::Payload { bytes, .. } => bytes,
                    Event::Gossip { id, bytes, .. } => {
                        operator.handle.report(id, Verdict::Accept);
                        bytes
                    }
                    Event::Request { bytes, reply, .. } => {
                        reply.send(bytes.clone()).expect("sent");
                        bytes
                    }
                    Event::PeerDown(slot) => panic!("operator {me} lost {slot}"),
                    _ => continue,
                };
                missing.remove(&bytes);
            }
        }
    });
    let (asked, heard) = (futures::future::join_all(asked), futures::future::join_all(heard));
    within(async { futures::join!(asked, heard) }).await;
}

/// A frame that says its number.
pub(crate) fn numbered(number: u32) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}
