//! A leader that sends more than one block: what it costs the others.

use std::collections::BTreeMap;

use plasma_consensus::{Container, Message, Proposal, Statement};
use plasma_core::{AuthenticBlock, BlockId, Epoch, Header, Height, Millis, OperatorIndex, View};
use plasma_node::operator::{event::Event, payload::Carried};

use super::{
    cast::{OPERATORS, genesis, peer, secret},
    world::World,
};

/// A block above genesis that differs from every other.
fn block(number: u64) -> AuthenticBlock {
    let above = genesis().state();
    let header = Header {
        height: Height(1),
        parent: above.id,
        timestamp_ms: Millis(above.header.timestamp_ms.0 + number),
        ..above.header
    };
    AuthenticBlock {
        header,
        transactions: Vec::new(),
    }
}

fn proposal(from: OperatorIndex, view: View, block: BlockId) -> Message {
    let (parent, epoch) = (View(0), Epoch(0));
    let container = Container { view, parent, block };
    let digest = Statement::Notarize(container).digest(&genesis().domain(), epoch);
    Message::Proposal(Box::new(Proposal {
        epoch,
        container,
        signature: secret(from.0).sign(&digest),
        parent: None,
        nullifications: Vec::new(),
    }))
}

#[test]
fn of_many_blocks_one_is_kept_per_view_and_only_of_the_leader_and_of_near_views() {
    let mut world = World::new();
    world.run_for(100);
    let leads = |world: &World, node: usize| {
        let status = world.nodes[node].operator.as_ref().expect("runs").status();
        (status.view, status.leader.expect("it has a seat"))
    };
    let (now, leader) = leads(&world, 0);
    let victim = (0..OPERATORS)
        .map(OperatorIndex)
        .find(|one| *one != leader)
        .expect("four");
    let mut sent = 0;
    let mut kept: BTreeMap<View, Vec<(OperatorIndex, u64)>> = BTreeMap::new();
    for view in (now.0..now.0 + 10).map(View) {
        let others = (0..OPERATORS)
            .map(OperatorIndex)
            .filter(|one| *one != victim && *one != leader);
        for from in others.chain([leader]).flat_map(|from| [from; 5]) {
            sent += 1;
            let block = block(sent);
            let id = block.header.id();
            let event = Event::Consensus {
                from: peer(from.0),
                message: Box::new(proposal(from, view, id)),
                block: Some(Box::new(Carried::Whole(block))),
            };
            let operator = world.nodes[usize::from(victim.0)]
                .operator
                .as_mut()
                .expect("runs");
            operator.handle(world.now, event);
            if operator.encoded_block(&id).is_some() {
                kept.entry(view).or_default().push((from, sent));
            }
        }
    }
    let first = kept.get(&now).cloned().unwrap_or_default();
    assert!(
        matches!(first.as_slice(), [(from, _)] if *from == leader),
        "{first:?}"
    );
    assert!(kept.values().all(|blocks| blocks.len() == 1), "{kept:?}");
    assert!(kept.keys().all(|view| view.0 <= now.0 + 2), "{kept:?}");
}
