//! Peers that come and go while the network runs, and what those that stay may not notice.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use plasma_network::{Event, Fault, Frame, Limits, Multiaddr, RequestError, To};

use super::support::{
    Committee, Operator, SOON, Script, Then,
    exchange::{exchange, numbered, peers, start_among},
    framed, hostile, join, protocol, run, until_answered, until_closed, within,
};

#[tokio::test]
async fn a_third_operator_joins_two_that_run() {
    let mut committee = Committee::of(3);
    let mut operators = vec![start_among(&mut committee, 0, &[0, 1]).await];
    operators.push(start_among(&mut committee, 1, &[0, 1]).await);
    for operator in &mut operators {
        operator.up().await;
    }
    exchange(&mut operators, "two").await;
    for operator in &operators {
        let peers = peers(&committee, &[0, 1, 2]);
        operator.handle.set_peers(peers).expect("one more");
    }
    operators.push(start_among(&mut committee, 2, &[0, 1, 2]).await);
    assert_eq!(operators[0].up().await, 2);
    assert_eq!(operators[1].up().await, 2);
    let joined = BTreeSet::from([operators[2].up().await, operators[2].up().await]);
    assert_eq!(joined, BTreeSet::from([0, 1]));
    exchange(&mut operators, "three").await;
}

#[tokio::test]
async fn who_joins_is_dialled_where_it_listens() {
    let mut committee = Committee::of(2);
    let mut first = start_among(&mut committee, 0, &[0]).await;
    let mut config = committee.config(1, Limits::default());
    // It is told nobody's address.
    config.peers.iter_mut().for_each(|peer| peer.addresses.clear());
    let mut second = run(config).await;
    committee.reached_at(1, second.address.clone());
    first
        .handle
        .set_peers(peers(&committee, &[0, 1]))
        .expect("one more");
    assert_eq!(first.up().await, 1);
    assert_eq!(second.up().await, 0);

    // It moves: the address before leads nowhere any more.
    second.handle.stop().await;
    assert_eq!(first.down().await, 1);
    let mut config = committee.config(1, Limits::default());
    config.peers.iter_mut().for_each(|peer| peer.addresses.clear());
    let mut second = run(config).await;
    committee.reached_at(1, second.address.clone());
    first.handle.set_peers(peers(&committee, &[0, 1])).expect("moved");
    assert_eq!(first.up().await, 1);
    assert_eq!(second.up().await, 0);
    exchange(&mut [first, second], "moved").await;
}

#[tokio::test]
async fn one_leaves_and_the_streams_of_those_that_stay_lose_nothing() {
    let mut committee = Committee::of(3);
    let operators = committee.start_all(Limits::default()).await;
    let [mut first, mut second, mut leaver]: [Operator; 3] = operators.try_into().ok().expect("three");
    let frames = 3_000;
    let hears_all = |mut operator: Operator, other: u16| async move {
        let (mut next, mut left) = (0, false);
        while next < frames || !left {
            match operator.next().await {
                Event::Control { from, bytes } => {
                    assert_eq!((from, bytes), (other, numbered(next)));
                    next += 1;
                }
                Event::PeerDown(2) => assert!(!std::mem::replace(&mut left, true)),
                event => panic!("those that stay were disturbed: {event:?}"),
            }
        }
        operator
    };
    let (one, two) = (first.handle.clone(), second.handle.clone());
    let told = tokio::spawn(hears_all(first, 1));
    let heard = tokio::spawn(hears_all(second, 0));
    for number in 0..frames {
        one.send(To::One(1), Frame::control(1, numbered(number)));
        two.send(To::One(0), Frame::control(1, numbered(number)));
        if number == frames / 2 {
            one.set_peers(peers(&committee, &[0, 1])).expect("one less");
            two.set_peers(peers(&committee, &[0, 1])).expect("one less");
        }
        if number % 50 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    first = within(told).await.expect("all heard");
    second = within(heard).await.expect("all heard");
    let lost = BTreeSet::from([leaver.down().await, leaver.down().await]);
    assert_eq!(lost, BTreeSet::from([0, 1]));
    assert_eq!(first.handle.peers().len(), 1);
    exchange(&mut [first, second], "two").await;
}

#[tokio::test]
async fn who_left_is_refused_and_nothing_of_it_is_told_after_its_down() {
    let mut committee = Committee::of(3);
    let operators = committee.start_all(Limits::default()).await;
    let [mut first, _second, leaver]: [Operator; 3] = operators.try_into().ok().expect("three");
    let talker = leaver.handle.clone();
    let talks = tokio::spawn(async move {
        loop {
            talker.send(To::All, Frame::control(1, &b"still here"[..]));
            talker.send(To::All, Frame::payload(1, &b"still here"[..]));
            let _ = talker.gossip(&b"still here"[..]);
            let _ = talker
                .request(0, &b"still here"[..], Duration::from_millis(10))
                .await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    // What it sent before may wait in any queue.
    tokio::time::sleep(Duration::from_millis(100)).await;
    first
        .handle
        .set_peers(peers(&committee, &[0, 1]))
        .expect("one less");
    assert!(matches!(
        first.next().await,
        Event::PeerUp(_) | Event::PeerDown(2)
    ));
    within(async {
        while first.handle.peers().len() > 1 || !told_foreign(&leaver) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let quiet = tokio::time::timeout(Duration::from_secs(2), async {
        loop {
            match first.events.recv().await.expect("running") {
                Event::Control { from: 2, .. }
                | Event::Payload { from: 2, .. }
                | Event::Request { from: 2, .. }
                | Event::PeerUp(2) => panic!("heard of a stranger"),
                _ => {}
            }
        }
    });
    assert!(quiet.await.is_err());
    talks.abort();
    assert_eq!(
        first.handle.request(2, &b"blocks?"[..], SOON).await,
        Err(RequestError::UnknownPeer(2))
    );
}

/// Whether somebody told this operator that it does not know it as one.
fn told_foreign(operator: &Operator) -> bool {
    let peers = operator.handle.peers();
    peers
        .iter()
        .any(|peer| matches!(peer.fault, Some(Fault::OtherChain(_))))
}

#[tokio::test]
async fn requests_to_who_leaves_fail_at_once_those_under_way_and_those_that_wait() {
    let mut committee = Committee::of(2);
    let limits = Limits {
        sync_in_flight: 1,
        ..Limits::default()
    };
    let mut operators = committee.start_all(limits).await;
    let mut silent = operators.pop().expect("two");
    let asker = operators.pop().expect("two");
    let ask = |bytes: &'static [u8]| {
        let handle = asker.handle.clone();
        tokio::spawn(async move { handle.request(1, bytes, SOON * 10).await })
    };
    let under_way = ask(b"first");
    let _held = silent
        .find(|event| {
            if let Event::Request { reply, .. } = event {
                Some(reply)
            } else {
                None
            }
        })
        .await;
    let waits = ask(b"second");
    tokio::time::sleep(Duration::from_millis(50)).await;
    asker.handle.set_peers(Vec::new()).expect("nobody");
    let failed = within(under_way).await.expect("ended");
    assert!(matches!(failed, Err(RequestError::Disconnected(_))), "{failed:?}");
    assert_eq!(
        within(waits).await.expect("ended"),
        Err(RequestError::UnknownPeer(1))
    );
}

#[tokio::test]
async fn a_strangers_connection_is_closed_when_it_becomes_an_operator_and_the_next_one_is_an_operators() {
    let mut committee = Committee::of(2);
    let mut operator = start_among(&mut committee, 0, &[0]).await;
    let mut stranger = hostile(committee.seed(1), &protocol("sync"));
    join(&mut stranger, &operator.address).await;
    let script = Script {
        bytes: framed(b"blocks?"),
        then: Then::Close,
    };
    let id = committee.id(0);
    stranger.behaviour_mut().raw.send_request(&id, script.clone());
    assert!(
        until_answered(&mut stranger).await.is_err(),
        "a stranger cannot sync"
    );
    operator
        .handle
        .set_peers(peers(&committee, &[0, 1]))
        .expect("one more");
    until_closed(&mut stranger).await;
    join(&mut stranger, &operator.address).await;
    stranger.behaviour_mut().raw.send_request(&id, script);
    let asked = operator.find(|event| match event {
        Event::Request { from, bytes, .. } => Some((from, bytes)),
        _ => None,
    });
    tokio::select! {
        asked = asked => assert_eq!(asked, (1, Bytes::from_static(b"blocks?"))),
        () = async { loop { stranger.select_next_some().await; } } => {}
    }
}

#[tokio::test]
async fn an_operator_that_knocked_as_a_stranger_is_let_in_when_it_becomes_a_peer() {
    let mut committee = Committee::of(3);
    let mut operators = vec![start_among(&mut committee, 0, &[0, 1]).await];
    operators.push(start_among(&mut committee, 1, &[0, 1]).await);
    for operator in &mut operators {
        operator.up().await;
    }
    let mut early = start_among(&mut committee, 2, &[0, 1, 2]).await;
    within(async {
        while !told_foreign(&early) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for operator in &operators {
        operator
            .handle
            .set_peers(peers(&committee, &[0, 1, 2]))
            .expect("one more");
    }
    for operator in &mut operators {
        assert_eq!(operator.up().await, 2);
    }
    let joined = BTreeSet::from([early.up().await, early.up().await]);
    assert_eq!(joined, BTreeSet::from([0, 1]));
    operators.push(early);
    exchange(&mut operators, "three").await;
}

#[tokio::test]
async fn who_left_can_still_be_served_as_a_client() {
    let mut committee = Committee::of(2);
    let mut operators = committee.start_all(Limits::default()).await;
    operators[0].handle.set_peers(Vec::new()).expect("nobody");
    assert_eq!(operators[0].down().await, 1);
    assert_eq!(operators[1].down().await, 0);
    operators[1].handle.stop().await;
    let mut client = hostile(committee.seed(1), &protocol("client"));
    let address: Multiaddr = operators[0].address.clone();
    join(&mut client, &address).await;
    let script = Script {
        bytes: framed(b"a question"),
        then: Then::Close,
    };
    client.behaviour_mut().raw.send_request(&committee.id(0), script);
    let serves = operators[0].find(|event| match event {
        Event::ClientRequest { bytes, reply, .. } => Some((bytes, reply)),
        _ => None,
    });
    let serves = async {
        let (bytes, reply) = serves.await;
        reply.send(bytes).expect("sent");
    };
    let (answer, ()) = futures::join!(until_answered(&mut client), serves);
    assert_eq!(answer.expect("answered"), framed(b"a question"));
}
