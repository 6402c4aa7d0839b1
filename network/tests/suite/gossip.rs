//! Transactions among operators: everybody hears once, nothing unvalidated goes on, forgeries cost their neighbour.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use libp2p::{gossipsub::IdentTopic, swarm::SwarmEvent};
use plasma_network::{Event, Fault, GossipError, GossipId, Limits, Verdict};

use super::support::{CHAIN, Committee, HostileEvent, Operator, hostile, hostile_as, join, protocol, within};

async fn heard(operator: &mut Operator) -> (Option<u16>, GossipId, Bytes) {
    operator
        .find(|event| match event {
            Event::Gossip { from, id, bytes } => Some((from, id, bytes)),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_message_reaches_every_operator_once_under_its_authors_name() {
    let operators = Committee::of(4).start_all(Limits::default()).await;
    operators[1].handle.gossip(&b"batch"[..]).expect("gossip");
    // All at once: who is not yet known to listen hears it from the others, once they accept it.
    let hear = |mut operator: Operator| async move {
        if operator.index != 1 {
            let (from, id, bytes) = heard(&mut operator).await;
            assert_eq!((from, &bytes[..]), (Some(1), &b"batch"[..]));
            operator.handle.report(id, Verdict::Accept);
        }
        operator
    };
    let operators = futures::future::join_all(operators.into_iter().map(hear)).await;
    for operator in &operators {
        let traffic = operator.handle.gauge().traffic();
        let new = u64::from(operator.index != 1);
        assert_eq!(traffic.gossip_new, new, "{traffic:?}");
        // It may come from each of the others; what the author publishes has not arrived.
        assert!((new..=3).contains(&traffic.gossip_arrived), "{traffic:?}");
        assert_eq!(traffic.control_crowded_out, 0);
    }
    let quiet = operators
        .into_iter()
        .map(|mut operator| async move { operator.hears_nothing().await });
    futures::future::join_all(quiet).await;
}

#[tokio::test]
async fn what_was_published_alone_arrives_when_somebody_comes() {
    let mut committee = Committee::of(2);
    let alone = committee.start(0).await;
    for number in 0..10_u8 {
        alone.handle.gossip(vec![number]).expect("gossip");
    }
    let mut late = committee.start(1).await;
    for number in 0..10_u8 {
        let (from, _, bytes) = heard(&mut late).await;
        assert_eq!((from, &bytes[..]), (Some(0), &[number][..]));
    }
}

#[tokio::test]
async fn the_same_content_from_two_authors_travels_once() {
    let mut operators = Committee::of(3).start_all(Limits::default()).await;
    operators[0].handle.gossip(&b"same"[..]).expect("gossip");
    let (_, id, _) = heard(&mut operators[1]).await;
    operators[1].handle.report(id, Verdict::Accept);
    operators[1]
        .handle
        .gossip(&b"same"[..])
        .expect("a duplicate is not an error");
    heard(&mut operators[2]).await;
    operators[2].hears_nothing().await;
    operators[0].hears_nothing().await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_here_and_the_largest_passes() {
    let mut operators = Committee::of(2).start_all(Limits::default()).await;
    let limit = 256 * 1024;
    let refused = operators[0].handle.gossip(vec![1; limit + 1]);
    assert_eq!(
        refused,
        Err(GossipError::TooLarge {
            bytes: limit + 1,
            limit
        })
    );
    operators[0].handle.gossip(vec![1; limit]).expect("gossip");
    assert_eq!(heard(&mut operators[1]).await.2.len(), limit);
}

/// A swarm with an operator's key, subscribed, and known to the victim.
async fn neighbour(
    committee: &Committee,
    index: u16,
    victim: &Operator,
) -> libp2p::Swarm<super::support::Hostile> {
    meet(hostile(committee.seed(index), &protocol("sync")), victim).await
}

/// Subscribes, dials the victim, and waits until it is told of the victim's subscription.
async fn meet(
    mut swarm: libp2p::Swarm<super::support::Hostile>,
    victim: &Operator,
) -> libp2p::Swarm<super::support::Hostile> {
    let topic = IdentTopic::new(format!("/plasma/{CHAIN}/gossip-tx/1"));
    swarm
        .behaviour_mut()
        .gossip
        .subscribe(&topic)
        .expect("subscribed");
    join(&mut swarm, &victim.address).await;
    within(async {
        loop {
            if let SwarmEvent::Behaviour(HostileEvent::Gossip(libp2p::gossipsub::Event::Subscribed {
                ..
            })) = swarm.select_next_some().await
            {
                return;
            }
        }
    })
    .await;
    swarm
}

#[tokio::test]
async fn rejected_messages_go_no_further_and_cost_the_neighbour_its_connection() {
    let mut committee = Committee::of(3);
    let mut victim = committee.start(0).await;
    let mut other = committee.start(2).await;
    victim.up().await;
    let mut attacker = neighbour(&committee, 1, &victim).await;
    let topic = IdentTopic::new(format!("/plasma/{CHAIN}/gossip-tx/1"));
    let mut number = 0_u32;
    let mut flood = tokio::time::interval(Duration::from_millis(5));
    within(async {
        loop {
            tokio::select! {
                event = attacker.select_next_some() => {
                    if let SwarmEvent::ConnectionClosed { .. } = event {
                        return;
                    }
                }
                _ = flood.tick() => {
                    number += 1;
                    // Nobody may be left to take it.
                    let _ = attacker.behaviour_mut().gossip.publish(topic.hash(), number.to_be_bytes().to_vec());
                }
                event = victim.events.recv() => {
                    if let Some(Event::Gossip { from, id, .. }) = event {
                        assert_eq!(from, Some(1));
                        victim.handle.report(id, Verdict::Reject);
                    }
                }
            }
        }
    })
    .await;
    other.hears_nothing().await;
}

#[tokio::test]
async fn an_operator_that_floods_with_what_no_operator_signed_is_cut_off() {
    let mut committee = Committee::of(2);
    let mut victim = committee.start(0).await;
    let stranger_key = libp2p::identity::Keypair::ed25519_from_bytes([0xAC; 32]).expect("seed");
    let mut flooder = hostile(committee.seed(1), &protocol("sync"));
    flooder.behaviour_mut().gossip = libp2p::gossipsub::Behaviour::new(
        libp2p::gossipsub::MessageAuthenticity::Signed(stranger_key),
        libp2p::gossipsub::Config::default(),
    )
    .expect("gossip");
    let mut flooder = meet(flooder, &victim).await;
    let topic = IdentTopic::new(format!("/plasma/{CHAIN}/gossip-tx/1"));
    let mut number = 0_u32;
    let mut flood = tokio::time::interval(Duration::from_millis(5));
    within(async {
        loop {
            tokio::select! {
                event = flooder.select_next_some() => {
                    if let SwarmEvent::ConnectionClosed { .. } = event {
                        return;
                    }
                }
                _ = flood.tick() => {
                    for _ in 0..20 {
                        number += 1;
                        let bytes = number.to_be_bytes().to_vec();
                        // The queue may be full.
                        let _ = flooder.behaviour_mut().gossip.publish(topic.hash(), bytes);
                    }
                }
                event = victim.events.recv() => {
                    assert!(!matches!(event, Some(Event::Gossip { .. })), "delivered: {event:?}");
                }
            }
        }
    })
    .await;
    assert_eq!(victim.handle.peers()[0].fault, Some(Fault::Penalized));
    assert!(number > 600, "a few are an honest race: {number}");
}

#[tokio::test]
async fn a_message_signed_by_no_operator_is_not_delivered_even_from_an_operator() {
    let mut committee = Committee::of(3);
    let mut victim = committee.start(0).await;
    // Operator 1's connection relays what a stranger wrote.
    let topic = IdentTopic::new(format!("/plasma/{CHAIN}/gossip-tx/1"));
    let stranger_key = libp2p::identity::Keypair::ed25519_from_bytes([0xAB; 32]).expect("seed");
    let mut stranger = hostile_as(stranger_key, &protocol("sync"));
    stranger
        .behaviour_mut()
        .gossip
        .subscribe(&topic)
        .expect("subscribed");
    let mut relay = neighbour(&committee, 1, &victim).await;
    relay
        .listen_on("/ip4/127.0.0.1/tcp/0".parse().expect("address"))
        .expect("listen");
    let address = within(async {
        loop {
            if let SwarmEvent::NewListenAddr { address, .. } = relay.select_next_some().await {
                return address;
            }
        }
    })
    .await;
    stranger.dial(address).expect("dial");
    // The relay's library passes the stranger's message on by itself, as an operator without our rule would.
    let mut relayed = false;
    let mut again = tokio::time::interval(Duration::from_millis(50));
    let mut number = 0_u32;
    within(async {
        while !relayed {
            tokio::select! {
                event = relay.select_next_some() => {
                    relayed = matches!(
                        event,
                        SwarmEvent::Behaviour(HostileEvent::Gossip(libp2p::gossipsub::Event::Message { .. }))
                    );
                }
                _ = stranger.select_next_some() => {}
                _ = again.tick() => {
                    number += 1;
                    let _ = stranger.behaviour_mut().gossip.publish(topic.hash(), number.to_be_bytes().to_vec());
                }
            }
        }
    })
    .await;
    tokio::select! {
        () = victim.hears_nothing() => {}
        () = async { loop { relay.select_next_some().await; } } => {}
    }
}
