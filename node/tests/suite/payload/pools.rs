//! Pools that hold other transactions than a block: full, conflicting, expired, flooded.

use std::collections::BTreeSet;

use ethers_core::k256::{
    Scalar,
    ecdsa::{self, RecoveryId, hazmat::SignPrimitive as _},
};
use plasma_consensus::{Reason, Waits};
use plasma_core::{SignedTransaction, SigningKey, signature::SignatureBytes};
use plasma_node::operator::mempool::MempoolLimits;

use super::{HELD, stage};
use crate::suite::{
    cast::{genesis, user},
    world::{Node, wires::Answers},
};

/// Limits under which nothing is taken beyond a few.
fn few(transactions_max: usize, ttl_ms: u64) -> MempoolLimits {
    MempoolLimits {
        transactions_max,
        bytes_max: 1 << 20,
        ttl_ms,
    }
}

#[test]
fn what_a_full_mempool_refused_is_still_found() {
    let mut stage = stage(4, 30);
    let full = stage.other(2);
    stage.restart(full, few(3, 600_000));
    let own = stage.payments.split_off(27);
    stage.world.hear_all(full, &own);
    stage.world.run_for(60);
    for away in 1..4 {
        stage.hear_all(stage.other(away));
    }
    stage.world.run_for(60);
    let status = stage.world.nodes[full].operator.as_ref().expect("runs").status();
    assert_eq!(status.mempool, 3, "it is full of something else");
    stage.hear_all(stage.leader);
    stage.all_paid(3_000);
    assert_eq!(stage.asked_by(full), [0; 0]);
    assert!(stage.world.wires.compact >= 1);
}

#[test]
fn of_two_payments_of_one_output_the_refused_one_is_still_found() {
    let mut stage = stage(4, 1);
    let other = stage.other(2);
    let (position, _) = stage.world.holdings(0, &stage.alice)[0];
    let first = stage
        .world
        .pay(&stage.alice, (position, HELD), &stage.alice, HELD);
    // It is not proposed: its operator does not lead, and nobody else has it.
    stage.world.hear(other, first);
    stage.world.run_for(60);
    for away in 1..4 {
        stage.hear_all(stage.other(away));
    }
    stage.world.run_for(60);
    stage.hear_all(stage.leader);
    stage.all_paid(3_000);
    assert_eq!(stage.asked_by(other), [0; 0]);
}

/// One payment under two signatures, as its owner alone can make them.
#[test]
fn of_two_signatures_of_one_payment_the_later_one_is_still_found() {
    let mut stage = stage(4, 1);
    let other = stage.other(2);
    let mut again = stage.payments[0].clone();
    again.signature = signed_otherwise(&stage.alice, &again);
    stage.world.hear(other, again);
    stage.world.run_for(60);
    for away in 1..4 {
        stage.hear_all(stage.other(away));
    }
    stage.world.run_for(60);
    stage.hear_all(stage.leader);
    stage.all_paid(3_000);
    assert_eq!(stage.asked_by(other), [0; 0]);
}

/// Another good signature, by a nonce of its own.
fn signed_otherwise(key: &SigningKey, payment: &SignedTransaction) -> SignatureBytes {
    let secret = ecdsa::SigningKey::from_slice(&key.to_bytes()).expect("a key");
    let digest = payment.transaction.signing_digest(&genesis().domain());
    let signed = secret
        .as_nonzero_scalar()
        .try_sign_prehashed(Scalar::from(7u64), &digest.0.into());
    let (signature, recovery) = signed.expect("a signature");
    let v = 27 + recovery.map_or(0, RecoveryId::to_byte);
    let bytes: Vec<u8> = signature.to_bytes().into_iter().chain([v]).collect();
    bytes.try_into().expect("65 bytes")
}

#[test]
fn what_expired_from_a_mempool_is_fetched() {
    let mut stage = stage(4, 10);
    let other = stage.other(2);
    stage.restart(other, few(100, 50));
    for away in 1..4 {
        stage.hear_all(stage.other(away));
    }
    stage.world.run_for(400);
    let status = stage.world.nodes[other].operator.as_ref().expect("runs").status();
    assert_eq!(status.mempool, 0, "it has forgotten them");
    stage.hear_all(stage.leader);
    stage.all_paid(3_000);
    assert!(!stage.asked_by(other).is_empty());
    assert_eq!(stage.asked_by(stage.other(1)), [0; 0]);
}

/// The first proposal reaches one operator alone, whose mempool then forgets everything. Another leader proposes the same
/// payments in another block.
#[test]
fn the_transactions_of_a_block_that_lost_are_pinned() {
    let mut stage = stage(4, 10);
    let pinned = stage.other(3);
    stage.restart(pinned, few(100, 200));
    for away in 1..4 {
        stage.hear_all(stage.other(away));
    }
    stage.world.run_for(60);
    stage.world.wires.only = Some(BTreeSet::from([pinned]));
    stage.hear_all(stage.leader);
    stage.world.run_for(300);
    let status = stage.world.nodes[pinned]
        .operator
        .as_ref()
        .expect("runs")
        .status();
    assert_eq!(status.mempool, 0, "it has forgotten them");
    stage.world.wires.only = None;
    stage.all_paid(10_000);
    assert!(stage.world.wires.compact >= 2, "{:?}", stage.world.wires);
    assert_eq!(stage.asked_by(pinned), [0; 0]);
}

/// While a block lacks something that nobody gives, a mempool overflows; what is missing comes in the middle of it.
#[test]
fn a_flood_takes_nothing_from_a_block_and_what_comes_with_it_completes_the_block() {
    let mut stage = stage(4, 300);
    let flood = stage.payments.split_off(10);
    let other = stage.other(2);
    stage.restart(other, few(20, 600_000));
    let payments = stage.payments.clone();
    for away in [1, 3] {
        stage.hear_all(stage.other(away));
    }
    stage.world.hear_all(other, &payments[..5]);
    stage.world.run_for(60);
    // One more is down, so that this one's vote is needed.
    let down = stage.other(3);
    for giver in 0..4 {
        stage.world.wires.answers.insert(giver, Answers::Never);
    }
    stage.world.kill(down);
    stage.hear_all(stage.leader);
    stage.world.run_for(100);
    assert!(!stage.asked_by(other).is_empty(), "it lacks something");
    for (place, payment) in flood.iter().enumerate() {
        stage.world.hear(other, payment.clone());
        if place == 200 {
            for payment in &payments[5..] {
                stage.world.hear(other, payment.clone());
            }
        }
    }
    let (running, bob) = ([stage.leader, stage.other(1), other], stage.bob.clone());
    let before = stage.world.now;
    stage.world.run_until("three decide", 500, |world| {
        running.iter().all(|node| world.holdings(*node, &bob).len() >= 10)
    });
    assert!(stage.world.now.since(before) < 400, "in the same view");
}

/// Hash-only proposals once stopped chains whose mempools differ and are full (Q17). Here each operator holds other payments,
/// some of which spend what another's spend, more than its mempool takes; and nothing is gossiped.
#[test]
fn pools_that_differ_and_are_full_lose_no_view() {
    let mut stage = stage(4, 60);
    let outputs = stage.world.holdings(0, &stage.alice);
    for node in 0..4 {
        stage.restart(node, few(20, 600_000));
        // Its own quarter, and the next one's, each paid to somebody else.
        let pay = |place: usize| {
            let (position, _) = outputs[(node * 15 + place) % 60];
            let to = user(10 + u8::try_from(node).expect("small"));
            stage.world.pay(&stage.alice, (position, HELD), &to, HELD)
        };
        let held: Vec<SignedTransaction> = (0..30).map(pay).collect();
        stage.world.hear_all(node, &held);
    }
    for node in &mut stage.world.nodes {
        node.gave_up.clear();
    }
    let alice = stage.alice.clone();
    stage
        .world
        .run_until("every mempool was emptied", 10_000, |world| {
            let left = |node: &Node| node.operator.as_ref().expect("runs").status().mempool;
            world.nodes.iter().all(|node| left(node) == 0)
        });
    stage.world.check_agreement();
    let spent = 60 - stage.world.holdings(0, &alice).len();
    assert!(spent >= 50, "{spent} outputs are spent");
    assert!(stage.world.wires.compact >= 3, "{:?}", stage.world.wires);
    let reasons = || stage.world.nodes.iter().flat_map(|node| &node.gave_up);
    assert!(
        !reasons().any(|reason| *reason == Reason::Unjudged(Waits::Body)),
        "{:?}",
        reasons().collect::<Vec<_>>()
    );
}
