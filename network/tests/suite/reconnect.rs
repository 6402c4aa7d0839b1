//! Peers that go, come back, dial each other at once, or belong to another chain.

use std::time::{Duration, Instant};

use plasma_network::{Error, Event, Fault, Frame, Limits, Multiaddr, To, start};

use super::support::{Committee, Operator, run, within};

/// Sends until it arrives: what is written into a connection that is just closing may be lost.
async fn talks(from: &Operator, to: &mut Operator) {
    within(async {
        loop {
            from.handle
                .send(To::One(to.index), Frame::control(1, &b"hello"[..]));
            let heard = tokio::time::timeout(Duration::from_millis(200), to.events.recv()).await;
            if let Ok(Some(Event::Control { from: index, .. })) = heard
                && index == from.index
            {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_restarted_peer_is_back_within_seconds_whoever_dials() {
    for restarted in [0, 1] {
        let mut committee = Committee::of(2);
        let mut operators = committee.start_all(Limits::default()).await;
        let gone = operators.remove(usize::from(restarted));
        let mut stays = operators.remove(0);
        let mut config = committee.config(restarted, Limits::default());
        // The same port as before; the peer's address is not known to the one that started first.
        config.listen = vec![gone.address.iter().take(2).collect::<Multiaddr>()];
        gone.handle.stop().await;
        assert_eq!(stays.down().await, restarted);
        let began = Instant::now();
        let mut back = run(config).await;
        assert_eq!(stays.up().await, restarted);
        assert_eq!(back.up().await, stays.index);
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "took {:?}",
            began.elapsed()
        );
        talks(&stays, &mut back).await;
        talks(&back, &mut stays).await;
    }
}

#[tokio::test]
async fn stop_ends_the_events_and_frees_the_port() {
    let mut committee = Committee::of(2);
    let mut operator = committee.start(0).await;
    let taken = start(plasma_network::Config {
        listen: vec![operator.address.iter().take(2).collect()],
        ..committee.config(1, Limits::default())
    });
    let error = taken.expect_err("the port is taken");
    assert!(
        matches!(&error, Error::Listen { why, .. } if why.contains("taken")),
        "{error}"
    );
    operator.handle.stop().await;
    assert!(within(operator.events.recv()).await.is_none());
    assert!(operator.handle.gossip(&b"late"[..]).is_err());
    let config = plasma_network::Config {
        listen: vec![operator.address.iter().take(2).collect()],
        ..committee.config(0, Limits::default())
    };
    run(config).await;
}

#[tokio::test]
async fn dropping_the_last_handle_stops_the_network() {
    let mut operator = Committee::of(2).start(0).await;
    let clone = operator.handle.clone();
    drop(operator.handle);
    assert!(
        tokio::time::timeout(Duration::from_millis(200), operator.events.recv())
            .await
            .is_err()
    );
    drop(clone);
    assert!(within(operator.events.recv()).await.is_none());
}

#[tokio::test]
async fn two_that_dial_each_other_keep_one_connection_and_lose_nothing() {
    let mut committee = Committee::of(2);
    // Both learn the other's address by a first life.
    let [first, second] = [committee.start(0).await, committee.start(1).await];
    let mut configs = Vec::new();
    for operator in [first, second] {
        let mut config = committee.config(operator.index, Limits::default());
        config.listen = vec![operator.address.iter().take(2).collect()];
        operator.handle.stop().await;
        configs.push(config);
    }
    let mut operators = Vec::new();
    for config in configs {
        operators.push(run(config).await);
    }
    let [mut a, mut b]: [Operator; 2] = operators.try_into().ok().expect("two");
    a.up().await;
    b.up().await;
    // Longer than two connections are left side by side; a frame each 100 ms, none of them lost or told twice.
    let frames = 70_u8;
    for number in 0..frames {
        a.handle.send(To::All, Frame::control(1, vec![number]));
        b.handle.send(To::All, Frame::control(1, vec![number]));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for operator in [&mut a, &mut b] {
        let mut heard = Vec::new();
        while heard.len() < usize::from(frames) {
            match operator.next().await {
                Event::Control { bytes, .. } => heard.push(bytes[0]),
                event => panic!("the pair was disturbed: {event:?}"),
            }
        }
        assert_eq!(heard, (0..frames).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn everybody_finds_everybody_again_when_all_restart_at_once() {
    let mut committee = Committee::of(4);
    let operators = committee.start_all(Limits::default()).await;
    let configs: Vec<_> = operators
        .iter()
        .map(|operator| {
            let mut config = committee.config(operator.index, Limits::default());
            config.listen = vec![operator.address.iter().take(2).collect()];
            config
        })
        .collect();
    futures::future::join_all(operators.iter().map(|operator| operator.handle.stop())).await;
    drop(operators);
    let mut operators = futures::future::join_all(configs.into_iter().map(run)).await;
    for operator in &mut operators {
        let mut up = std::collections::BTreeSet::new();
        while up.len() < 3 {
            match operator.next().await {
                Event::PeerUp(index) => assert!(up.insert(index), "told twice"),
                Event::PeerDown(index) => panic!("operator {} lost {index} again", operator.index),
                _ => {}
            }
        }
    }
    for operator in &operators {
        operator.handle.send(
            To::All,
            Frame::control(1, vec![u8::try_from(operator.index).expect("small")]),
        );
    }
    for operator in &mut operators {
        let mut heard = std::collections::BTreeSet::new();
        while heard.len() < 3 {
            let (from, bytes) = operator.control().await;
            assert_eq!(bytes[..], [u8::try_from(from).expect("small")]);
            assert!(heard.insert(from), "heard twice");
        }
    }
}

#[tokio::test]
async fn an_operator_that_comes_and_goes_is_told_in_pairs_and_disturbs_nobody() {
    let mut committee = Committee::of(3);
    let mut steady = committee.start(0).await;
    let mut witness = committee.start(2).await;
    steady.up().await;
    witness.up().await;
    let mut expected_up = true;
    for _ in 0..10 {
        let restless = committee.start(1).await;
        within(async {
            while !steady.handle.peers()[0].is_up {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        restless.handle.stop().await;
    }
    witness.handle.send(To::One(0), Frame::control(1, &b"end"[..]));
    loop {
        match steady.next().await {
            Event::PeerUp(1) => assert!(std::mem::replace(&mut expected_up, false)),
            Event::PeerDown(1) => assert!(!std::mem::replace(&mut expected_up, true)),
            Event::Control { from: 2, .. } => break,
            event => panic!("unexpected {event:?}"),
        }
    }
}

#[tokio::test]
async fn an_operator_of_another_chain_is_never_up_and_the_reason_is_told() {
    let mut committee = Committee::of(2);
    let mut ours = committee.start(1).await;
    let mut config = committee.config(0, Limits::default());
    config.genesis8 = "deadbeef".to_owned();
    config.peers[1].addresses = vec![ours.address.clone()];
    let mut theirs = run(config).await;
    let told = |operator: &Operator| {
        operator
            .handle
            .peers()
            .first()
            .and_then(|peer| peer.fault.clone())
    };
    within(async {
        while told(&ours).is_none() || told(&theirs).is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(
        told(&ours),
        Some(Fault::OtherChain("/plasma/00c0ffee/consensus/1".to_owned()))
    );
    assert_eq!(
        told(&theirs),
        Some(Fault::OtherChain("/plasma/deadbeef/consensus/1".to_owned()))
    );
    theirs.handle.send(To::All, Frame::control(1, &b"x"[..]));
    ours.hears_nothing().await;
    assert!(ours.handle.peers().iter().all(|peer| !peer.is_up));
    theirs.hears_nothing().await;
}

#[tokio::test]
async fn a_penalized_peer_is_cut_off_for_a_while_and_comes_back() {
    let mut operators = Committee::of(2).start_all(Limits::default()).await;
    operators[0].handle.penalize(1);
    assert_eq!(operators[0].down().await, 1);
    assert_eq!(operators[1].down().await, 0);
    assert_eq!(operators[0].handle.peers()[0].fault, Some(Fault::Penalized));
    assert_eq!(operators[0].up().await, 1);
    assert_eq!(operators[1].up().await, 0);
}

#[tokio::test]
async fn contradictions_in_the_configuration_are_told_at_the_start() {
    let committee = Committee::of(3);
    let refused = |change: &dyn Fn(&mut plasma_network::Config)| {
        let mut config = committee.config(0, Limits::default());
        change(&mut config);
        start(config).expect_err("refused").to_string()
    };
    assert!(refused(&|config| config.genesis8 = "00C0FFEE".to_owned()).contains("genesis8"));
    assert!(refused(&|config| config.genesis8 = "00c0ff".to_owned()).contains("genesis8"));
    assert!(refused(&|config| config.peers[2].slot = 1).contains("slot 1"));
    assert!(refused(&|config| config.peers[2].peer_id = config.peers[1].peer_id).contains("two slots"));
    assert!(refused(&|config| config.limits.sync_rate.burst = 0).contains("sync_rate"));
    assert!(refused(&|config| config.limits.payload_queue_bytes = 1).contains("payload_queue_bytes"));
    assert!(
        refused(&|config| config.listen = vec!["/memory/1".parse().expect("address")]).contains("/memory/1")
    );
}
