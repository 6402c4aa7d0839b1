//! What an agreement waits for passes payments on its way through the worker pool.

use std::time::Duration;

use bytes::Bytes;
use plasma_consensus::Message;
use plasma_core::{BlockId, Hash, View};
use plasma_node::{
    directory::Directory,
    runtime::{
        finds::finds,
        verify::{Job, Pool, Rules, Verified},
    },
};
use tokio::time::timeout;

use super::unsound::proposal;
use crate::suite::cast::{genesis_of, peer};

/// Far above what any wait here needs on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// More than can have been taken before the worker stood still.
const PROPOSALS: u16 = 20;

fn rules() -> Rules {
    let genesis = genesis_of(4);
    Rules {
        domain: genesis.domain(),
        directory: Directory::new(&genesis).expect("a committee"),
        block_bytes_max: 1 << 20,
    }
}

/// A proposal with a body that is none.
fn proposed(from: u16) -> Job {
    let Message::Proposal(proposal) = proposal(from, View(1), BlockId(Hash::ZERO)) else {
        panic!("a proposal")
    };
    Job::Payload {
        from: peer(from),
        proposal,
        body: Bytes::from_static(b"no body"),
    }
}

#[tokio::test]
async fn proposals_are_verified_though_payments_fill_all_that_the_loop_has_room_for() {
    let (found, mut finds) = finds(1);
    let pool = Pool::start(rules(), 1, &found);
    // Nobody takes what is found of these, so who takes payments stands still at the second.
    for ticket in 0..64 {
        let bytes = Bytes::from_static(b"no payments");
        let author = Some(peer(2));
        let job = Job::Gossip {
            author,
            ticket,
            bytes,
        };
        pool.submit(job).expect("room");
    }
    for from in 0..PROPOSALS {
        pool.submit(proposed(from)).expect("room");
        let heard = timeout(PATIENCE, finds.urgent.recv()).await;
        let heard = heard.expect("it does not wait for payments").expect("works");
        let is_judged =
            matches!(heard, Verified::Payload { from: whose, carried: None, .. } if whose == peer(from));
        assert!(is_judged, "{heard:?}");
    }
    // The payments are still there, one after the other.
    for expected in 0..64 {
        let heard = timeout(PATIENCE, finds.payments.recv()).await;
        let heard = heard.expect("in time").expect("works");
        let Verified::Gossip { ticket, transactions } = heard else {
            panic!("{heard:?}")
        };
        assert_eq!((ticket, transactions), (expected, None));
    }
}

#[tokio::test]
async fn payments_are_verified_though_proposals_fill_all_that_the_loop_has_room_for() {
    let (found, mut finds) = finds(1);
    let pool = Pool::start(rules(), 2, &found);
    // Nobody takes what is found of these, so whoever takes proposals stands still at the second.
    for from in 0..PROPOSALS {
        pool.submit(proposed(from)).expect("room");
    }
    for ticket in 0..PROPOSALS.into() {
        let bytes = Bytes::from_static(b"no payments");
        let author = Some(peer(2));
        let job = Job::Gossip {
            author,
            ticket,
            bytes,
        };
        pool.submit(job).expect("room");
        let heard = timeout(PATIENCE, finds.payments.recv()).await;
        let heard = heard.expect("it does not wait for proposals").expect("works");
        assert!(matches!(heard, Verified::Gossip { ticket: of, .. } if of == ticket));
    }
}
