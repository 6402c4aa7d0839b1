//! Hostile operators: what breaks a rule costs the peer its connection, what is too much is held back, and the node
//! goes on.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use plasma_network::{Event, Fault, Frame, Limits, Rate, To};

use super::support::{
    Committee, Operator, Script, Then, WHILE, framed, hostile, join, protocol, until_closed, within,
};

/// Operator 0 under attack from whoever holds the key of operator 1, with operator 2 as witness.
async fn attacked(limits: Limits) -> (Committee, Operator, Operator) {
    let mut committee = Committee::of(3);
    let mut victim = committee.start_with(0, limits.clone()).await;
    let mut witness = committee.start_with(2, limits).await;
    victim.up().await;
    witness.up().await;
    (committee, victim, witness)
}

/// The attack cost the attacker its connection and left the others talking.
async fn survived(victim: &mut Operator, witness: &mut Operator) {
    witness.handle.send(To::One(0), Frame::control(1, &b"alive?"[..]));
    // What the attacker sent before it was cut off may still come.
    while victim.control().await != (2, Bytes::from_static(b"alive?")) {}
    victim.handle.send(To::One(2), Frame::control(1, &b"alive"[..]));
    assert_eq!(witness.control().await, (0, Bytes::from_static(b"alive")));
}

#[tokio::test]
async fn an_oversize_length_prefix_costs_the_connection() {
    let (committee, mut victim, mut witness) = attacked(Limits::default()).await;
    for (name, stream, limit) in [
        ("consensus", "control", 65_536),
        ("payload", "payload", 16_777_216),
    ] {
        for bytes in [u32::MAX, limit + 1] {
            let mut attacker = hostile(committee.seed(1), &protocol(name));
            // Each offence doubles the time for which the attacker is refused.
            within(async {
                loop {
                    join(&mut attacker, &victim.address).await;
                    let script = Script {
                        bytes: bytes.to_be_bytes().to_vec(),
                        then: Then::Hold,
                    };
                    attacker
                        .behaviour_mut()
                        .raw
                        .send_request(&committee.id(0), script);
                    until_closed(&mut attacker).await;
                    let fault = Fault::Oversize { stream, bytes, limit };
                    if victim.handle.peers()[0].fault == Some(fault) {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            })
            .await;
        }
    }
    survived(&mut victim, &mut witness).await;
}

#[tokio::test]
async fn an_empty_frame_costs_the_connection() {
    let (committee, mut victim, mut witness) = attacked(Limits::default()).await;
    let mut attacker = hostile(committee.seed(1), &protocol("consensus"));
    join(&mut attacker, &victim.address).await;
    let script = Script {
        bytes: [framed(b"good"), framed(b"")].concat(),
        then: Then::Hold,
    };
    attacker
        .behaviour_mut()
        .raw
        .send_request(&committee.id(0), script);
    until_closed(&mut attacker).await;
    // What waited of it is not told any more.
    assert_eq!(victim.handle.peers()[0].fault, Some(Fault::Empty("control")));
    survived(&mut victim, &mut witness).await;
}

#[tokio::test]
async fn a_frame_cut_short_is_not_delivered() {
    let (committee, mut victim, mut witness) = attacked(Limits::default()).await;
    let mut attacker = hostile(committee.seed(1), &protocol("consensus"));
    join(&mut attacker, &victim.address).await;
    let mut bytes = framed(b"whole");
    bytes.extend_from_slice(&framed(b"half")[..6]);
    attacker.behaviour_mut().raw.send_request(
        &committee.id(0),
        Script {
            bytes,
            then: Then::Close,
        },
    );
    let driving = async { while let Some(_event) = attacker.next().await {} };
    tokio::select! {
        () = driving => panic!("swarms do not end"),
        heard = victim.control() => assert_eq!(heard, (1, Bytes::from_static(b"whole"))),
    }
    drop(attacker);
    assert_eq!(victim.down().await, 1);
    victim.hears_nothing().await;
    survived(&mut victim, &mut witness).await;
}

#[tokio::test]
async fn too_many_streams_cost_the_connection() {
    let (committee, mut victim, mut witness) = attacked(Limits::default()).await;
    let mut attacker = hostile(committee.seed(1), &protocol("consensus"));
    join(&mut attacker, &victim.address).await;
    for _ in 0..3 {
        let script = Script {
            bytes: framed(b"x"),
            then: Then::Hold,
        };
        attacker
            .behaviour_mut()
            .raw
            .send_request(&committee.id(0), script);
    }
    until_closed(&mut attacker).await;
    assert_eq!(victim.handle.peers()[0].fault, Some(Fault::Streams("control")));
    survived(&mut victim, &mut witness).await;
}

#[tokio::test]
async fn many_connections_of_one_operator_are_cut_to_two() {
    let (committee, mut victim, mut witness) = attacked(Limits::default()).await;
    let mut swarms = Vec::new();
    for _ in 0..8 {
        let mut swarm = hostile(committee.seed(1), &protocol("consensus"));
        join(&mut swarm, &victim.address).await;
        swarms.push(swarm);
    }
    let mut open = swarms.into_iter().map(|swarm| (swarm, true)).collect::<Vec<_>>();
    within(async {
        while open.iter().filter(|(_, open)| *open).count() > 2 {
            for (swarm, open) in open.iter_mut().filter(|(_, open)| *open) {
                let event = tokio::time::timeout(Duration::from_millis(20), swarm.select_next_some()).await;
                if matches!(event, Ok(libp2p::swarm::SwarmEvent::ConnectionClosed { .. })) {
                    *open = false;
                }
            }
        }
    })
    .await;
    assert!(open.iter().any(|(_, open)| *open), "the newest is kept");
    survived(&mut victim, &mut witness).await;
}

#[tokio::test]
async fn a_flood_is_held_back_at_the_rate_and_then_ended() {
    let limits = Limits {
        control_frames_rate: Rate {
            per_second: 200,
            burst: 100,
        },
        flood_patience: Duration::from_secs(1),
        ..Limits::default()
    };
    let (committee, mut victim, mut witness) = attacked(limits).await;
    let mut attacker = hostile(committee.seed(1), &protocol("consensus"));
    join(&mut attacker, &victim.address).await;
    let began = Instant::now();
    let script = Script {
        bytes: framed(b"flood"),
        then: Then::Repeat,
    };
    attacker
        .behaviour_mut()
        .raw
        .send_request(&committee.id(0), script);
    let mut taken = 0_u32;
    let counting = async {
        loop {
            match victim.events.recv().await.expect("running") {
                Event::Control { from: 1, .. } => taken += 1,
                Event::PeerDown(1) => return,
                _ => {}
            }
        }
    };
    let (_, ()) = futures::join!(until_closed(&mut attacker), within(counting));
    let allowed = 100.0 + 200.0 * began.elapsed().as_secs_f64() + 2.0;
    assert!(f64::from(taken) <= allowed, "{taken} of {allowed}");
    assert!(taken >= 200, "{taken} are fewer than the rate allows");
    assert!(began.elapsed() >= Duration::from_secs(1), "patience comes first");
    assert_eq!(victim.handle.peers()[0].fault, Some(Fault::Flood("control")));
    survived(&mut victim, &mut witness).await;
}

#[tokio::test]
async fn payload_over_the_rate_is_slowed_and_keeps_its_connection() {
    let limits = Limits {
        payload_bytes_rate: Rate {
            per_second: 1_000_000,
            burst: 1_000_000,
        },
        ..Limits::default()
    };
    let mut committee = Committee::of(2);
    let mut receiver = committee.start_with(0, limits).await;
    let mut sender = committee.start(1).await;
    receiver.up().await;
    sender.up().await;
    let began = Instant::now();
    for view in 0..6 {
        sender
            .handle
            .send(To::All, Frame::payload(view, vec![1; 500_000]));
    }
    for _ in 0..6 {
        receiver.payload().await;
    }
    // Three megabytes at one per second, the first at once, and the debt of the last is not waited for.
    let took = began.elapsed();
    assert!(took > Duration::from_millis(1_300), "{took:?}");
    receiver.hears_nothing().await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_bounds_our_queue_and_costs_nobody_else() {
    let limits = Limits {
        control_queue_frames: 100,
        ..Limits::default()
    };
    let mut committee = Committee::of(3);
    let mut sender = committee.start_with(0, limits).await;
    let mut witness = committee.start(2).await;
    sender.up().await;
    witness.up().await;
    // Operator 1 connects and accepts our streams in name only: its node never takes an event.
    let deaf = committee.start(1).await;
    assert_eq!(sender.up().await, 1);
    let frame = Bytes::from(vec![7; 60_000]);
    for view in 0..20_000 {
        sender
            .handle
            .send(To::One(1), Frame::control(view, frame.clone()));
        if view % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let status = sender
        .handle
        .peers()
        .into_iter()
        .find(|peer| peer.slot == 1)
        .expect("peer");
    assert!(status.control_queued <= 100, "{status:?}");
    assert!(status.dropped > 10_000, "{status:?}");
    survived_between(&mut sender, &mut witness).await;
    drop(deaf);
}

/// The two still talk.
async fn survived_between(a: &mut Operator, b: &mut Operator) {
    a.handle.send(To::One(b.index), Frame::control(1, &b"ping"[..]));
    assert_eq!(b.control().await, (a.index, Bytes::from_static(b"ping")));
    b.handle.send(To::One(a.index), Frame::control(1, &b"pong"[..]));
    assert_eq!(a.control().await, (b.index, Bytes::from_static(b"pong")));
}

#[tokio::test]
async fn a_node_that_does_not_take_payload_still_hears_votes() {
    let mut committee = Committee::of(2);
    let mut operators = committee.start_all(Limits::default()).await;
    let (sender, receiver) = operators.split_at_mut(1);
    // More than the inbox holds: the rest stays with the sender.
    for view in 0..64 {
        sender[0]
            .handle
            .send(To::All, Frame::payload(view, vec![1; 400_000]));
    }
    for number in 0..50_u8 {
        sender[0].handle.send(To::All, Frame::control(1, vec![number]));
    }
    for number in 0..50_u8 {
        // Control is taken first, so no payload leaves its inbox here.
        assert_eq!(receiver[0].control().await.1, [number][..]);
    }
    for _ in 0..64 {
        receiver[0].payload().await;
    }
}

#[tokio::test]
async fn cancelled_and_superseded_frames_are_not_sent() {
    let mut committee = Committee::of(2);
    let mut early = committee.start(0).await;
    let to = To::One(1);
    early.handle.send(to, Frame::control(3, &b"view 3"[..]));
    early
        .handle
        .send(to, Frame::control(5, &b"old status"[..]).replacing(1));
    early.handle.send(to, Frame::control(4, &b"view 4"[..]));
    early
        .handle
        .send(to, Frame::control(5, &b"new status"[..]).replacing(1));
    early.handle.cancel_below(4);
    let mut late = committee.start(1).await;
    assert_eq!(late.control().await.1, "view 4");
    assert_eq!(late.control().await.1, "new status");
    late.hears_nothing().await;
    assert_eq!(early.up().await, 1);
}

#[tokio::test]
async fn a_malformed_sync_request_is_never_delivered() {
    let (committee, mut victim, mut witness) = attacked(Limits::default()).await;
    let hostile_bytes = [
        u32::MAX.to_be_bytes().to_vec(),
        65_537_u32.to_be_bytes().to_vec(),
        vec![0, 0],
        framed(b"cut")[..5].to_vec(),
        Vec::new(),
    ];
    for bytes in hostile_bytes {
        let mut attacker = hostile(committee.seed(1), &protocol("sync"));
        join(&mut attacker, &victim.address).await;
        attacker.behaviour_mut().raw.send_request(
            &committee.id(0),
            Script {
                bytes,
                then: Then::Close,
            },
        );
        let driving = async { while let Some(_event) = attacker.next().await {} };
        let _ = tokio::time::timeout(WHILE, driving).await;
    }
    victim.hears_nothing().await;
    survived(&mut victim, &mut witness).await;
}
