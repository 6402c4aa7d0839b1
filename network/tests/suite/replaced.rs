//! Peers replaced fast, under load, by the same, by a contradiction, by ourselves, and not everywhere at once.

use std::time::Duration;

use plasma_network::{Error, Event, Frame, Limits, Peer, RequestError, To, Verdict};

use super::support::{
    Committee, Operator, SOON,
    exchange::{exchange, numbered, peers, start_among},
    within,
};

#[tokio::test]
async fn who_leaves_and_comes_back_in_one_breath_is_told_as_both_and_is_whole() {
    let mut committee = Committee::of(2);
    let mut operators = committee.start_all(Limits::default()).await;
    let all = || peers(&committee, &[0, 1]);
    for round in 0..3 {
        operators[0].handle.set_peers(Vec::new()).expect("nobody");
        operators[0].handle.set_peers(all()).expect("both");
        assert_eq!(operators[0].down().await, 1);
        assert_eq!(operators[0].up().await, 1);
        assert_eq!(operators[1].down().await, 0);
        assert_eq!(operators[1].up().await, 0);
        exchange(&mut operators, &format!("round {round}")).await;
    }
}

#[tokio::test]
async fn peers_replaced_under_load_cost_those_that_stay_no_frame() {
    let mut committee = Committee::of(3);
    let operators = committee.start_all(Limits::default()).await;
    let [first, second, third]: [Operator; 3] = operators.try_into().ok().expect("three");
    let (one, two) = (first.handle.clone(), second.handle.clone());
    let frames = 4_000_u32;
    let hears_all = |mut operator: Operator, other: u16| async move {
        let mut next = 0;
        while next < frames {
            match operator.next().await {
                Event::Control { from, bytes } if from == other => {
                    assert_eq!(bytes, numbered(next));
                    next += 1;
                }
                Event::PeerUp(slot) | Event::PeerDown(slot) => assert_eq!(slot, 2),
                _ => {}
            }
        }
        operator
    };
    let told = tokio::spawn(hears_all(first, 1));
    let heard = tokio::spawn(hears_all(second, 0));
    for number in 0..frames {
        for (handle, other) in [(&one, 1), (&two, 0)] {
            handle.send(To::One(other), Frame::control(1, numbered(number)));
            handle.send(To::All, Frame::payload(1, vec![7; 1_000]));
        }
        if number % 50 == 0 {
            let indices: &[u16] = if number % 100 == 0 { &[0, 1] } else { &[0, 1, 2] };
            one.set_peers(peers(&committee, indices)).expect("replaced");
            two.set_peers(peers(&committee, indices)).expect("replaced");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let first = within(told).await.expect("all heard");
    let second = within(heard).await.expect("all heard");
    let mut operators = [first, second, third];
    for operator in &operators[..2] {
        operator
            .handle
            .set_peers(peers(&committee, &[0, 1, 2]))
            .expect("all");
    }
    within(async {
        while operators
            .iter()
            .any(|operator| operator.handle.peers().iter().any(|peer| !peer.is_up))
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for operator in &mut operators {
        // What was told before the end of the load.
        while tokio::time::timeout(Duration::from_millis(300), operator.events.recv())
            .await
            .is_ok()
        {}
    }
    exchange(&mut operators, "after").await;
}

#[tokio::test]
async fn the_same_peers_again_change_nothing() {
    let mut committee = Committee::of(3);
    let mut operators = vec![committee.start(0).await, committee.start(1).await];
    for operator in &mut operators {
        operator.up().await;
    }
    let (to, handle) = (To::One(2), operators[0].handle.clone());
    for number in 0..10 {
        handle.send(to, Frame::control(1, numbered(number)));
        handle.set_peers(peers(&committee, &[0, 1, 2])).expect("the same");
    }
    exchange(&mut operators, "undisturbed").await;
    let mut late = committee.start(2).await;
    for number in 0..10 {
        // Operator 1 has something to say as well, and may be connected first.
        let told = loop {
            let (from, told) = late.control().await;
            if from == 0 {
                break told;
            }
        };
        assert_eq!(told, numbered(number), "the queue stood");
    }
}

#[tokio::test]
async fn contradictions_are_refused_and_change_nothing() {
    let mut committee = Committee::of(3);
    let mut operators = committee.start_all(Limits::default()).await;
    let refused = |change: &dyn Fn(&mut Vec<Peer>)| {
        let mut peers = peers(&committee, &[0, 1, 2]);
        change(&mut peers);
        operators[0].handle.set_peers(peers).expect_err("refused")
    };
    let another = plasma_network::peer_id(&[0xEE; 32]);
    let error = refused(&|peers| peers[2].peer_id = another);
    assert!(matches!(error, Error::SlotOfAnother { slot: 2, .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(&another.to_string()) && text.contains(&committee.id(2).to_string()),
        "{text}"
    );
    let error = refused(&|peers| peers[0].peer_id = another);
    assert!(
        matches!(error, Error::SlotOfAnother { slot: 0, .. }),
        "our own slot: {error}"
    );
    let error = refused(&|peers| peers[2].slot = 7);
    assert!(
        matches!(
            error,
            Error::OtherSlot {
                slot: 7,
                given: 2,
                ..
            }
        ),
        "{error}"
    );
    let error = refused(&|peers| peers[2].slot = 1);
    assert!(matches!(error, Error::DuplicateSlot(1)), "{error}");
    let error = refused(&|peers| peers[2].peer_id = peers[1].peer_id);
    assert!(matches!(error, Error::DuplicatePeer(_)), "{error}");
    let error = refused(&|peers| {
        peers.extend((3..350_u16).map(|slot| {
            let mut seed = [0xDD; 32];
            seed[..2].copy_from_slice(&slot.to_be_bytes());
            Peer {
                slot,
                peer_id: plasma_network::peer_id(&seed),
                addresses: Vec::new(),
            }
        }));
    });
    assert!(
        matches!(
            error,
            Error::TooManyPeers {
                peers: 350,
                limit: 300
            }
        ),
        "{error}"
    );
    exchange(&mut operators, "undisturbed").await;
}

#[tokio::test]
async fn our_own_peer_id_is_never_a_peer() {
    let mut committee = Committee::of(2);
    let mut operators = committee.start_all(Limits::default()).await;
    for indices in [&[0, 1][..], &[1]] {
        let handle = &operators[0].handle;
        handle.set_peers(peers(&committee, indices)).expect("taken");
        let slots: Vec<u16> = handle.peers().iter().map(|peer| peer.slot).collect();
        assert_eq!(slots, [1]);
        assert_eq!(
            handle.request(0, &b"myself"[..], SOON).await,
            Err(RequestError::UnknownPeer(0))
        );
        handle.send(To::One(0), Frame::control(1, &b"myself"[..]));
        operators[0].hears_nothing().await;
    }
    exchange(&mut operators, "undisturbed").await;
}

#[tokio::test]
async fn a_neighbour_that_knows_of_a_change_before_us_is_not_blamed_for_it() {
    let mut committee = Committee::of(3);
    let mut late = start_among(&mut committee, 0, &[0, 1]).await;
    let mut prompt = start_among(&mut committee, 1, &[0, 1, 2]).await;
    let mut joiner = start_among(&mut committee, 2, &[1, 2]).await;
    late.up().await;
    prompt.up().await;
    prompt.up().await;
    joiner.up().await;
    // Far more than the rejects that cost a connection.
    for number in 0..40_u32 {
        joiner.handle.gossip(numbered(number)).expect("taken");
        let heard = prompt.find(|event| match event {
            Event::Gossip {
                from: Some(2),
                id,
                bytes,
            } => Some((id, bytes)),
            _ => None,
        });
        let (id, bytes) = heard.await;
        assert_eq!(bytes, numbered(number));
        prompt.handle.report(id, Verdict::Accept);
    }
    late.hears_nothing().await;
    assert_eq!(late.handle.peers()[0].fault, None);
    prompt.handle.send(To::One(0), Frame::control(1, &b"end"[..]));
    let next = late.next().await;
    assert!(matches!(next, Event::Control { from: 1, .. }), "{next:?}");
}
