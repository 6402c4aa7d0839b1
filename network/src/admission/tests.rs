//! The bounds, with time that stands still and addresses that nobody has.

use super::*;
use crate::{Config, Peer, config::Rate, identity::peer_id, lines::Lines};

const OPERATOR: &str = "/ip4/10.0.0.1/tcp/1";

fn admission(limits: Limits) -> (Admission, Arc<Lines>) {
    admission_of(OPERATOR, limits)
}

/// Of two operators with this address.
fn admission_of(address: &str, limits: Limits) -> (Admission, Arc<Lines>) {
    let peer = |seed: u8| Peer {
        slot: seed.into(),
        peer_id: peer_id(&[seed; 32]),
        addresses: vec![address.parse().expect("address")],
    };
    let config = Config {
        secret: [0; 32],
        genesis8: "00000000".to_owned(),
        listen: Vec::new(),
        peers: (0..2).map(peer).collect(),
        limits,
    };
    let lines = Lines::new(&config).expect("consistent");
    let known = Known::new(config.limits.handshake_rate);
    (
        Admission::new(&Entries::new(&lines), &known, &config.limits),
        lines,
    )
}

fn begin(admission: &mut Admission, id: usize, from: &str) -> bool {
    let address: Multiaddr = from.parse().expect("address");
    let id = ConnectionId::new_unchecked(id);
    admission
        .handle_pending_inbound_connection(id, &address, &address)
        .is_ok()
}

fn finish(admission: &mut Admission, id: usize, seed: u8, from: &str) -> bool {
    let address: Multiaddr = from.parse().expect("address");
    let (id, peer) = (ConnectionId::new_unchecked(id), peer_id(&[seed; 32]));
    admission
        .handle_established_inbound_connection(id, peer, &address, &address)
        .is_ok()
}

#[test]
fn one_host_cannot_take_all_handshakes_and_all_hosts_cannot_take_the_operators() {
    let limits = Limits {
        pending_inbound: 6,
        pending_per_ip: 4,
        ..Limits::default()
    };
    let (mut admission, _lines) = admission(limits);
    let from_one = (0..9)
        .filter(|id| begin(&mut admission, *id, "/ip4/9.9.9.9/tcp/1"))
        .count();
    assert_eq!(from_one, 4);
    let from_others = (10..19).filter(|id| begin(&mut admission, *id, &format!("/ip4/8.8.8.{id}/tcp/1")));
    assert_eq!(from_others.count(), 2);
    assert!(begin(&mut admission, 20, OPERATOR));
    // What ends makes room.
    assert!(finish(&mut admission, 0, 77, "/ip4/9.9.9.9/tcp/1"));
    assert!(begin(&mut admission, 21, "/ip4/7.7.7.7/tcp/1"));
}

#[test]
fn handshakes_begin_at_a_rate_and_operators_have_their_own() {
    let handshake_rate = Rate {
        per_second: 1,
        burst: 5,
    };
    let limits = Limits {
        handshake_rate,
        pending_inbound: 1_000,
        ..Limits::default()
    };
    let (mut admission, _lines) = admission(limits);
    let begun = (0..50).filter(|id| begin(&mut admission, *id, &format!("/ip4/8.8.8.{id}/tcp/1")));
    assert!((5..=7).contains(&begun.count()));
    assert!(begin(&mut admission, 60, OPERATOR));
}

#[test]
fn the_operators_own_rate_follows_them_and_is_not_full_again_for_those_that_stay() {
    let handshake_rate = Rate {
        per_second: 1,
        burst: 3,
    };
    let limits = Limits {
        handshake_rate,
        pending_inbound: 1_000,
        pending_per_ip: 1_000,
        ..Limits::default()
    };
    let (mut admission, lines) = admission(limits);
    let moved = "/ip4/10.0.0.2/tcp/1";
    let mut ids = 0..;
    let mut begun = |admission: &mut Admission, from| {
        let begun = (0..20).filter(|_| begin(admission, ids.next().expect("endless"), from));
        begun.count()
    };
    assert!((3..=4).contains(&begun(&mut admission, OPERATOR)));
    let peer = |address: &str| Peer {
        slot: 1,
        peer_id: peer_id(&[1; 32]),
        addresses: vec![address.parse().expect("address")],
    };
    lines.replace(vec![peer(OPERATOR)]).expect("the same");
    admission.follow(&lines.table(), Instant::now());
    assert!(begun(&mut admission, OPERATOR) <= 1, "nothing new, nothing more");
    lines.replace(vec![peer(moved)]).expect("moved");
    admission.follow(&lines.table(), Instant::now());
    assert!((3..=4).contains(&begun(&mut admission, moved)));
    assert!(
        (3..=4).contains(&begun(&mut admission, OPERATOR)),
        "as any stranger"
    );
    assert!(begun(&mut admission, "/ip4/9.9.9.9/tcp/1") <= 1);
}

#[test]
fn an_operator_named_by_dns_has_its_place_where_it_was_found_last() {
    let limits = Limits {
        pending_inbound: 3,
        ..Limits::default()
    };
    let (mut admission, lines) = admission_of("/dns4/operator.example/tcp/1", limits);
    let mut ids = 0..;
    let mut id = || ids.next().expect("endless");
    let host = |last: usize| format!("/ip4/10.0.0.{last}/tcp/1");
    assert!(finish(&mut admission, id(), 1, &host(1)), "it came in once");
    assert!(finish(&mut admission, id(), 77, "/ip4/9.9.9.9/tcp/1"), "a client");
    while begin(&mut admission, id(), &format!("/ip4/8.8.8.{}/tcp/1", id())) {}
    assert!(
        begin(&mut admission, id(), &host(1)),
        "strangers do not keep it out"
    );
    assert!(
        !begin(&mut admission, id(), "/ip4/9.9.9.9/tcp/1"),
        "a client is a stranger"
    );
    assert!(!begin(&mut admission, id(), &host(5)));
    for last in 2..=5 {
        assert!(finish(&mut admission, id(), 1, &host(last)), "it moves");
    }
    assert!(begin(&mut admission, id(), &host(5)));
    assert!(!begin(&mut admission, id(), &host(1)), "the oldest is forgotten");
    lines.replace(Vec::new()).expect("nobody");
    admission.follow(&lines.table(), Instant::now());
    assert!(!begin(&mut admission, id(), &host(5)), "who left is a stranger");
}

#[test]
fn who_is_back_waits_for_the_end_of_its_former_connections() {
    let (mut admission, lines) = admission(Limits::default());
    assert!(finish(&mut admission, 1, 1, OPERATOR));
    let peer = |addresses| Peer {
        slot: 1,
        peer_id: peer_id(&[1; 32]),
        addresses,
    };
    lines.replace(Vec::new()).expect("nobody");
    lines.replace(vec![peer(Vec::new())]).expect("it is back");
    assert_eq!(
        admission.entries.outdated(),
        [ConnectionId::new_unchecked(1)],
        "one to be closed"
    );
    assert!(!finish(&mut admission, 2, 1, OPERATOR));
    admission.entries.leave(ConnectionId::new_unchecked(1));
    assert!(finish(&mut admission, 3, 1, OPERATOR));
    assert!(admission.entries.outdated().is_empty());
}

#[test]
fn addresses_of_one_ipv6_network_are_one_host() {
    let (mut admission, _lines) = admission(Limits {
        pending_per_ip: 3,
        ..Limits::default()
    });
    let begun = (0..9).filter(|id| begin(&mut admission, *id, &format!("/ip6/2001:db8::{id}/tcp/1")));
    assert_eq!(begun.count(), 3);
    assert!(begin(&mut admission, 10, "/ip6/2001:db8:1::1/tcp/1"));
    let mapped = (20..29)
        .filter(|id| begin(&mut admission, *id, "/ip6/::ffff:9.9.9.9/tcp/1"))
        .count();
    assert_eq!(mapped, 3);
    assert!(!begin(&mut admission, 30, "/ip4/9.9.9.9/tcp/1"));
}

#[test]
fn clients_are_bounded_by_number_address_and_identity_and_operators_are_not() {
    let limits = Limits {
        max_clients: 3,
        clients_per_ip: 2,
        ..Limits::default()
    };
    let (mut admission, lines) = admission(limits);
    assert!(finish(&mut admission, 1, 50, "/ip4/9.9.9.9/tcp/1"));
    assert!(finish(&mut admission, 2, 50, "/ip4/9.9.9.9/tcp/1"));
    assert!(
        !finish(&mut admission, 3, 51, "/ip4/9.9.9.9/tcp/1"),
        "two of one address"
    );
    assert!(
        !finish(&mut admission, 4, 50, "/ip4/8.8.8.8/tcp/1"),
        "two of one identity"
    );
    assert!(finish(&mut admission, 5, 52, "/ip4/8.8.8.8/tcp/1"));
    assert!(
        !finish(&mut admission, 6, 53, "/ip4/7.7.7.7/tcp/1"),
        "three in all"
    );
    assert!(finish(&mut admission, 7, 1, "/ip4/9.9.9.9/tcp/1"));
    lines.get(1).expect("line").punish(Instant::now());
    assert!(
        !finish(&mut admission, 8, 1, "/ip4/9.9.9.9/tcp/1"),
        "a punished operator waits"
    );
}
