//! Who is asked for the transactions of a block that its leader showed as leaves alone.

use std::collections::BTreeSet;

use plasma_consensus::{Container, Message, Statement};
use plasma_core::{BlockId, Hash, Header, Height, View, merkle};
use plasma_node::operator::{
    effect::Effect,
    event::Event,
    payload::{Carried, Compact},
};

use super::fetching::{Lone, place};

/// A block with one transaction that nobody has shown.
fn unseen(lone: &Lone) -> Compact {
    let leaf = Hash([9; 32]);
    let header = Header {
        height: Height(1),
        parent: lone.genesis.state().id,
        transaction_count: 1,
        transactions_root: merkle::root(&[leaf]),
        ..Header::default()
    };
    Compact {
        header,
        leaves: vec![leaf],
        prefilled: Vec::new(),
    }
}

fn in_view(view: u64, block: BlockId) -> Container {
    Container {
        view: View(view),
        parent: View(0),
        block,
    }
}

/// Whom it asks for transactions in so many milliseconds. Nobody answers.
fn asked_within(lone: &mut Lone, ms: u64) -> BTreeSet<u16> {
    let mut asked = BTreeSet::new();
    for _ in 0..ms / 10 {
        lone.now = lone.now.plus(10);
        let effects = lone.operator.handle(lone.now, Event::Tick);
        asked.extend(effects.iter().filter_map(|effect| match effect {
            Effect::RequestTransactions { from, .. } => Some(place(*from)),
            _ => None,
        }));
    }
    asked
}

/// Its first leader gives nothing, and has the next one propose it again, with its transactions for some.
#[test]
fn who_voted_for_a_block_in_a_later_view_is_asked_for_its_transactions() {
    let mut lone = Lone::new();
    let compact = unseen(&lone);
    let block = compact.header.id();
    lone.lead_with(in_view(1, block), Some(Carried::Leaves(compact)));
    let nullified = lone.certified(Statement::Nullify { view: View(1) });
    lone.hear(lone.leader, Message::Certified(nullified));
    lone.lead_with(in_view(2, block), None);
    let voters = lone.others(4);
    for signer in &voters {
        let vote = lone.vote_for(in_view(2, block), *signer);
        lone.hear(*signer, Message::Vote(vote));
    }
    let asked = asked_within(&mut lone, 3_000);
    assert!(
        voters.iter().all(|voter| asked.contains(voter)),
        "{asked:?} of {voters:?}"
    );
}

/// A leader's proposal is its vote for the block; that it has the transactions is said by nobody else.
#[test]
fn where_all_that_are_known_to_hold_a_block_may_lie_everybody_is_asked() {
    let mut lone = Lone::new();
    let compact = unseen(&lone);
    let block = compact.header.id();
    lone.lead_with(in_view(1, block), Some(Carried::Leaves(compact)));
    let asked = asked_within(&mut lone, 3_000);
    assert!(
        lone.others(5).iter().all(|other| asked.contains(other)),
        "{asked:?}"
    );
}
