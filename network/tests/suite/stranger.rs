//! Strangers: they may use the client protocol and nothing else.

use std::time::Duration;

use futures::StreamExt;
use libp2p::{
    gossipsub::{self, IdentTopic},
    multiaddr::Protocol,
    request_response::OutboundFailure,
    swarm::SwarmEvent,
};
use plasma_network::{Client, Event, Limits, RequestError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::support::{
    CHAIN, Committee, HostileEvent, Script, Then, WHILE, framed, hostile, join, protocol, until_answered,
    within,
};

const STRANGER: [u8; 32] = [0xEE; 32];

#[tokio::test]
async fn a_stranger_is_refused_every_operator_protocol_at_negotiation() {
    let mut committee = Committee::of(2);
    let mut operator = committee.start(0).await;
    for name in ["consensus", "payload", "sync"] {
        let mut stranger = hostile(STRANGER, &protocol(name));
        join(&mut stranger, &operator.address).await;
        let script = Script {
            bytes: framed(b"vote"),
            then: Then::Close,
        };
        stranger
            .behaviour_mut()
            .raw
            .send_request(&committee.id(0), script);
        let refused = until_answered(&mut stranger).await;
        assert!(
            matches!(refused, Err(OutboundFailure::UnsupportedProtocols)),
            "{name}: {refused:?}"
        );
    }
    operator.hears_nothing().await;
}

#[tokio::test]
async fn a_stranger_with_the_client_protocol_is_heard() {
    let mut committee = Committee::of(2);
    let mut operator = committee.start(0).await;
    let mut stranger = hostile(STRANGER, &protocol("client"));
    let id = *stranger.local_peer_id();
    join(&mut stranger, &operator.address).await;
    let script = Script {
        bytes: framed(b"hello"),
        then: Then::Close,
    };
    stranger
        .behaviour_mut()
        .raw
        .send_request(&committee.id(0), script);
    let answering = async {
        operator
            .find(|event| match event {
                Event::ClientRequest { peer, bytes, reply } if peer == id && bytes == "hello" => Some(reply),
                _ => None,
            })
            .await
            .send(&b"welcome"[..])
            .expect("sent");
    };
    let (answer, ()) = futures::join!(until_answered(&mut stranger), answering);
    assert_eq!(answer.expect("answer"), framed(b"welcome"));
}

#[tokio::test]
async fn a_stranger_neither_hears_nor_is_heard_on_gossip() {
    let mut committee = Committee::of(2);
    let mut operators = committee.start_all(Limits::default()).await;
    let topic = IdentTopic::new(format!("/plasma/{CHAIN}/gossip-tx/1"));
    let mut stranger = hostile(STRANGER, &protocol("client"));
    stranger
        .behaviour_mut()
        .gossip
        .subscribe(&topic)
        .expect("subscribed");
    stranger
        .behaviour_mut()
        .gossip
        .add_explicit_peer(&committee.id(0));
    join(&mut stranger, &operators[0].address).await;
    operators[0].handle.gossip(&b"batch"[..]).expect("gossip");
    let mut tries = tokio::time::interval(Duration::from_millis(50));
    let overheard = tokio::time::timeout(WHILE, async {
        loop {
            tokio::select! {
                event = stranger.select_next_some() => {
                    if let SwarmEvent::Behaviour(HostileEvent::Gossip(event)) = event
                        && matches!(event, gossipsub::Event::Message { .. } | gossipsub::Event::Subscribed { .. })
                    {
                        return event;
                    }
                }
                _ = tries.tick() => {
                    // Nobody ever subscribes with us, so publishing finds nobody.
                    let published = stranger.behaviour_mut().gossip.publish(topic.hash(), b"forged".to_vec());
                    assert!(published.is_err());
                }
            }
        }
    })
    .await;
    assert!(overheard.is_err(), "{overheard:?}");
    let heard = operators[1]
        .find(|event| {
            if let Event::Gossip { bytes, from, .. } = event {
                Some((from, bytes))
            } else {
                None
            }
        })
        .await;
    assert_eq!(heard, (Some(0), bytes::Bytes::from_static(b"batch")));
    for operator in &mut operators {
        operator.hears_nothing().await;
    }
}

#[tokio::test]
async fn an_observer_outside_the_committee_is_a_stranger_to_it() {
    let mut committee = Committee::of(2);
    let mut operator = committee.start(0).await;
    let mut config = committee.config(1, Limits::default());
    config.secret = STRANGER;
    let observer = super::support::run(config).await;
    within(async {
        while observer.handle.peers()[0].fault.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    operator.hears_nothing().await;
    let asked = observer.handle.request(0, &b"blocks"[..], WHILE).await;
    assert!(
        matches!(
            asked,
            Err(RequestError::OtherChain { .. } | RequestError::NotConnected)
        ),
        "an observer cannot sync: {asked:?}"
    );
}

#[tokio::test]
async fn garbage_and_silence_on_the_port_cost_only_themselves() {
    let mut committee = Committee::of(2);
    let mut operator = committee.start(0).await;
    let port = operator
        .address
        .iter()
        .find_map(|part| {
            if let Protocol::Tcp(port) = part {
                Some(port)
            } else {
                None
            }
        })
        .expect("port");
    let mut open = Vec::new();
    for seed in 0..8_u8 {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
        // Half of them say nothing; a closed socket may refuse the rest of the garbage.
        if seed % 2 == 0 {
            let _ = socket.write_all(&[seed.wrapping_mul(37); 10_000]).await;
        }
        open.push(socket);
    }
    let _other = committee.start(1).await;
    assert_eq!(operator.up().await, 1);
    // Each is closed by the operator, the silent ones after the time of a handshake.
    for mut socket in open {
        let mut rest = Vec::new();
        let _ = within(socket.read_to_end(&mut rest)).await;
        assert!(
            rest.len() < 100,
            "a stranger's garbage is answered by {} bytes",
            rest.len()
        );
    }
}

#[tokio::test]
async fn strangers_are_bounded_in_number_and_by_address_but_operators_still_get_in() {
    let limits = Limits {
        max_clients: 2,
        ..Limits::default()
    };
    let mut committee = Committee::of(2);
    let mut operator = committee.start_with(0, limits).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        clients.push(
            Client::connect(operator.address.clone(), CHAIN)
                .await
                .expect("connected"),
        );
    }
    let third = Client::connect(operator.address.clone(), CHAIN).await;
    // The refusal comes after the handshake: seen by the client as a connection that closes.
    if let Ok(third) = third {
        let answer = third.request(&b"hello"[..], Duration::from_secs(5)).await;
        assert!(answer.is_err(), "{answer:?}");
    }
    let _other = committee.start(1).await;
    assert_eq!(operator.up().await, 1);

    let limits = Limits {
        clients_per_ip: 1,
        ..Limits::default()
    };
    let mut operator = Committee::of(2).start_with(0, limits).await;
    let first = Client::connect(operator.address.clone(), CHAIN)
        .await
        .expect("connected");
    let second = Client::connect(operator.address.clone(), CHAIN).await;
    let serve = async {
        let reply = operator
            .find(|event| {
                if let Event::ClientRequest { reply, .. } = event {
                    Some(reply)
                } else {
                    None
                }
            })
            .await;
        reply.send(&b"yes"[..]).expect("sent");
    };
    let (answer, ()) = futures::join!(first.request(&b"me?"[..], Duration::from_secs(5)), serve);
    assert_eq!(answer, Ok("yes".into()));
    if let Ok(second) = second {
        assert!(
            second
                .request(&b"me too?"[..], Duration::from_secs(5))
                .await
                .is_err()
        );
    }
}
