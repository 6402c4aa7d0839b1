//! A block whose time lies ahead waits for it, in every view, unless a quorum has accepted it.

use plasma_consensus::{Container, Kind, Message, Statement};
use plasma_core::{
    BlockId, Header, L1Block, Reads, View,
    ledger::{self, NewBlock},
};
use plasma_node::operator::{effect::Effect, event::Event};

use super::{cast::peer, fetching::Lone};

/// Ten years ahead: where it stands, no honest block follows for as long.
const AHEAD_MS: u64 = 10 * 365 * 86_400_000;

/// A good block above genesis, of a leader whose clock is far ahead.
fn early(lone: &Lone) -> Header {
    let above = lone.genesis.state();
    let choice = NewBlock {
        origin: L1Block {
            height: above.header.l1_height,
            hash: above.header.l1_hash,
            ..L1Block::default()
        },
        timestamp_ms: lone.now.plus(AHEAD_MS),
        candidates: Vec::new(),
    };
    let built = ledger::build(&above, choice, &[], &Reads::default(), &lone.genesis.params());
    let (block, ..) = built.expect("nothing else is wrong with it");
    block.header
}

fn in_view(view: u64, block: BlockId) -> Container {
    Container {
        view: View(view),
        parent: View(0),
        block,
    }
}

/// What the operator votes for, among what it does.
fn votes(effects: &[Effect]) -> Vec<(Kind, View)> {
    let votes = effects.iter().filter_map(|effect| match effect {
        Effect::Send {
            message: Message::Vote(vote),
            ..
        } => Some((vote.statement.kind(), vote.statement.view())),
        _ => None,
    });
    votes.collect()
}

/// It is proposed and judged, and its leader's view comes to nothing.
fn proposed_and_given_up(lone: &mut Lone, header: Header) -> BlockId {
    let block = header.id();
    let effects = lone.lead(in_view(1, block), Some(header));
    let purpose = effects.into_iter().find_map(|effect| match effect {
        Effect::Read { purpose, .. } => Some(purpose),
        _ => None,
    });
    let purpose = purpose.expect("it is judged");
    let reads = Reads::default();
    let effects = lone.operator.handle(lone.now, Event::Read { purpose, reads });
    assert_eq!(votes(&effects), [], "its time has not come");
    let nullified = lone.certified(Statement::Nullify { view: View(1) });
    lone.hear(lone.leader, Message::Certified(nullified));
    assert_eq!(lone.operator.status().view, View(2));
    block
}

/// Two liars that lead one after the other: what the first could not get votes for the second proposes again.
#[test]
fn a_block_of_the_future_is_not_voted_for_because_its_view_is_over() {
    let mut lone = Lone::new();
    let header = early(&lone);
    let block = proposed_and_given_up(&mut lone, header);
    let effects = lone.lead(in_view(2, block), Some(header));
    assert_eq!(votes(&effects), []);
    let effects = lone.operator.handle(lone.now, Event::Tick);
    assert_eq!(votes(&effects), []);
}

/// Five of seven have voted for it: then it is our clock that is behind.
#[test]
fn a_block_of_the_future_that_a_quorum_accepted_gets_our_finalize_vote() {
    let mut lone = Lone::new();
    let header = early(&lone);
    let block = proposed_and_given_up(&mut lone, header);
    let container = in_view(2, block);
    lone.lead(container, Some(header));
    let accepted = lone.certified(Statement::Notarize(container));
    let event = Event::Consensus {
        from: peer(lone.leader),
        message: Box::new(Message::Certified(accepted)),
        block: None,
    };
    let effects = lone.operator.handle(lone.now, event);
    assert_eq!(votes(&effects), [(Kind::Finalize, View(2))]);
}
