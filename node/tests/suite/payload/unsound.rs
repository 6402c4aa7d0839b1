//! Leaders that sign a root over something that is no transaction.

use plasma_consensus::{Container, Message, Proposal, Reason, Statement};
use plasma_core::{BlockId, Epoch, Hash, Header, Height, View, keccak, merkle};
use plasma_node::operator::payload::{Carried, Compact, Entry};

use super::{Answers, Stage, stage};
use crate::suite::cast::secret;

/// A leader's proposal of a block on the last decided one.
pub(super) fn proposal(leader: u16, view: View, block: BlockId) -> Message {
    let (parent, epoch) = (View(view.0 - 1), Epoch(0));
    let container = Container { view, parent, block };
    let domain = crate::suite::cast::genesis().domain();
    let digest = Statement::Notarize(container).digest(&domain, epoch);
    Message::Proposal(Box::new(Proposal {
        epoch,
        container,
        signature: secret(leader).sign(&digest),
        parent: None,
        nullifications: Vec::new(),
    }))
}

/// The operator hears of a block of the running view whose only entry is one that nobody signed.
fn propose_nonsense(stage: &mut Stage, to: usize, prefilled: Vec<Entry>) {
    let status = stage.world.nodes[to].operator.as_ref().expect("runs").status();
    let leaf = leaf();
    let header = Header {
        height: Height(status.height.0 + 1),
        parent: status.block,
        transaction_count: 1,
        transactions_root: merkle::root(&[leaf]),
        ..Header::default()
    };
    let leader = u16::try_from(stage.leader).expect("small");
    // The view before is final at everybody, so that nothing else has to be shown.
    assert_eq!(status.final_view.0 + 1, status.view.0);
    let message = proposal(leader, status.view, header.id());
    let compact = Compact {
        header,
        leaves: vec![leaf],
        prefilled,
    };
    stage
        .world
        .propose_to(to, stage.leader, message, Carried::Leaves(compact));
}

const NONSENSE: &[u8] = b"signed by nobody";

fn leaf() -> Hash {
    keccak(&[&[0], NONSENSE])
}

fn refuses_at_once(stage: &mut Stage, to: usize) {
    // Far below what a view has.
    stage.world.run_until("the view is given up", 100, |world| {
        !world.nodes[to].gave_up.is_empty()
    });
    assert_eq!(stage.world.nodes[to].gave_up, [Reason::Invalid]);
    assert!(!stage.world.penalties.is_empty(), "its leader is told apart");
}

#[test]
fn a_block_with_an_entry_that_nobody_signed_is_invalid_when_it_comes_with_the_leaves() {
    let mut stage = stage(4, 1);
    stage.world.lies = true;
    let to = stage.other(1);
    propose_nonsense(&mut stage, to, vec![Entry::Unsound(leaf())]);
    refuses_at_once(&mut stage, to);
}

#[test]
fn a_block_with_an_entry_that_nobody_signed_is_invalid_when_it_is_fetched() {
    let mut stage = stage(4, 1);
    stage.world.lies = true;
    let to = stage.other(1);
    let answer = Answers::With(vec![NONSENSE.to_vec()]);
    stage.world.wires.answers.insert(stage.leader, answer);
    propose_nonsense(&mut stage, to, Vec::new());
    refuses_at_once(&mut stage, to);
    assert_eq!(stage.asked_by(to), [stage.leader]);
}
