//! The names of the operators' transports: the only place of the simulator that knows how events and effects name a peer.

use std::sync::LazyLock;

use plasma_core::{Address, Member, OperatorIndex, Peer, keccak};
use plasma_node::operator::{
    effect::To,
    event::{Event, Segment},
};

/// The names of all operators that a world can have.
static NAMES: LazyLock<Vec<Peer>> =
    LazyLock::new(|| (0..MOST).map(|index| Peer(keccak(&[&peer_id(index)]))).collect());
/// A simulated federation has no more operators.
const MOST: u16 = 100;

/// What an operator's document would say.
pub(super) fn peer_id(index: u16) -> Vec<u8> {
    [&b"peer"[..], &index.to_be_bytes()].concat()
}

/// The account of an operator, which tells who it is.
pub(super) fn account(index: u16) -> Address {
    let mut account = Address([0xa0; 20]);
    [account.0[18], account.0[19]] = index.to_be_bytes();
    account
}

/// The operator of the world that has a seat.
pub(super) fn operator(member: &Member) -> usize {
    let [.., high, low] = member.operator.0;
    usize::from(u16::from_be_bytes([high, low]))
}

/// The name of an operator of the world.
pub(super) fn name(index: usize) -> Peer {
    NAMES[index]
}

/// The number of an operator of the world, which is its seat in epoch 0.
pub(super) fn seat(index: usize) -> OperatorIndex {
    OperatorIndex(u16::try_from(index).expect("committees are small"))
}

/// The operator that a peer's name means.
pub(super) fn index(peer: Peer) -> usize {
    let found = NAMES.iter().position(|name| *name == peer);
    found.expect("an operator of the world")
}

/// Whom a message is for, besides its sender.
pub(super) fn targets(target: To, from: usize, n: usize) -> Vec<usize> {
    match target {
        To::All => (0..n).filter(|to| *to != from).collect(),
        To::One(peer) => vec![index(peer)],
    }
}

/// The streams to a peer are usable, or not any more.
pub(super) fn connection(peer: usize, is_up: bool) -> Event {
    if is_up {
        Event::PeerUp(name(peer))
    } else {
        Event::PeerDown(name(peer))
    }
}

/// A consensus message from a peer.
pub(super) fn consensus(
    from: usize,
    message: plasma_consensus::Message,
    block: Option<plasma_node::operator::payload::Carried>,
) -> Event {
    Event::Consensus {
        from: name(from),
        message: Box::new(message),
        block: block.map(Box::new),
    }
}

/// A peer's answer to a request for blocks.
pub(super) fn blocks(from: usize, segment: Option<Segment>) -> Event {
    Event::Blocks {
        from: name(from),
        segment: segment.map(Box::new),
    }
}

/// A peer's answer to a request for transactions of a block.
pub(super) fn fetched(
    from: usize,
    block: plasma_core::BlockId,
    entries: Option<Vec<plasma_node::operator::payload::Entry>>,
) -> Event {
    Event::Fetched {
        from: name(from),
        block,
        entries,
    }
}
