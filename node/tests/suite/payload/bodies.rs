//! Which bodies cost a worker anything: those of proposals that an honest leader may have sent.

use bytes::Bytes;
use plasma_consensus::{Message, Proposal, Statement, Vote};
use plasma_core::{
    Address, Amount, DepositNumber, Epoch, Hash, Header, Height, OperatorIndex, Transaction, View, keccak,
    merkle,
};
use plasma_node::{
    intake::{Admitted, Bodies},
    operator::payload::{Carried, Compact, Need},
    runtime::wire::{
        self,
        body::{encode_leaves, encode_whole},
    },
};

use super::{Stage, stage, unsound::proposal};
use crate::suite::{cast::secret, world::name};

/// What became of a frame, in a word.
fn fate(admitted: &Admitted) -> &'static str {
    match admitted {
        Admitted::Body { .. } => "checked",
        Admitted::Alone { fault: None, .. } => "heard",
        Admitted::Alone { fault: Some(_), .. } => "blamed",
        Admitted::Again => "known",
    }
}

/// A block on the decided one with an entry of its own.
fn block(stage: &Stage, number: u64) -> (Header, Vec<u8>) {
    let status = stage.world.nodes[0].operator.as_ref().expect("runs").status();
    let fund = Transaction::fund(
        DepositNumber(number),
        Address([1; 20]),
        Address::ZERO,
        Amount::from(1u64),
    );
    let entry = fund.unsigned().encode();
    let header = Header {
        height: Height(status.height.0 + 1),
        parent: status.block,
        transaction_count: 1,
        transactions_root: merkle::root(&[leaf(&entry)]),
        ..Header::default()
    };
    (header, entry)
}

fn leaf(entry: &[u8]) -> Hash {
    keccak(&[&[0], entry])
}

fn whole((header, entry): &(Header, Vec<u8>)) -> Bytes {
    encode_whole(&[&header.encode()[..], entry].concat())
}

fn leaves((header, entry): &(Header, Vec<u8>)) -> Bytes {
    encode_leaves(header, &[leaf(entry)], &[])
}

/// A member's vote on a view, which nobody here verifies.
pub(super) fn nullify(from: u16, view: View) -> Message {
    Message::Vote(Vote {
        epoch: Epoch(0),
        signer: OperatorIndex(from),
        statement: Statement::Nullify { view },
        signature: secret(from).sign(&Hash::ZERO),
    })
}

/// What one operator makes of what comes to it.
struct Door {
    stage: Stage,
    bodies: Bodies,
    to: usize,
    view: View,
}

impl Door {
    fn open() -> Self {
        let stage = stage(4, 1);
        let to = stage.other(1);
        let view = stage.world.nodes[to]
            .operator
            .as_ref()
            .expect("runs")
            .status()
            .view;
        Self {
            stage,
            bodies: Bodies::default(),
            to,
            view,
        }
    }

    /// The member that leads a view, as the operator at the door sees it.
    fn leader(&self, view: View) -> usize {
        let operator = self.stage.world.nodes[self.to].operator.as_ref().expect("runs");
        let Message::Proposal(proposal) = proposal(0, view, block(&self.stage, 0).0.id()) else {
            panic!("a proposal")
        };
        (0..4)
            .find(|one| operator.need(name(*one), &proposal) != Need::Foreign)
            .expect("somebody leads")
    }

    fn take(&mut self, from: usize, message: &Message, body: &[u8]) -> Admitted {
        let operator = self.stage.world.nodes[self.to].operator.as_ref().expect("runs");
        let frame = wire::encode_payload(&message.encode(), body);
        let admitted = self.bodies.admit(name(from), &frame, operator).expect("decodes");
        let heard = match &admitted {
            Admitted::Alone { message, .. } => message.clone(),
            Admitted::Body { proposal, .. } => Message::Proposal(proposal.clone()),
            Admitted::Again => message.clone(),
        };
        assert_eq!(heard, *message, "whatever becomes of the body");
        admitted
    }

    /// What becomes of the present leader's frame with this body, beside the proposal of the block.
    fn propose(&mut self, block: &(Header, Vec<u8>), body: &[u8]) -> &'static str {
        let message = self.present(block);
        fate(&self.take(self.stage.leader, &message, body))
    }

    fn present(&self, block: &(Header, Vec<u8>)) -> Message {
        proposal(
            u16::try_from(self.stage.leader).expect("small"),
            self.view,
            block.0.id(),
        )
    }

    fn done(&mut self, block: &(Header, Vec<u8>)) {
        self.bodies.done(&inside(self.present(block)));
    }
}

fn inside(message: Message) -> Proposal {
    match message {
        Message::Proposal(proposal) => *proposal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_body_is_checked_beside_its_leader_s_proposal_of_a_near_view_alone() {
    let mut door = Door::open();
    let (block, other) = (block(&door.stage, 1), block(&door.stage, 2));
    let body = whole(&block);
    let view = door.view;
    let near = View(view.0 + 2);
    let of = |view: View| proposal(0, view, block.0.id());
    let foreign_epoch = Message::Proposal(Box::new(Proposal {
        epoch: Epoch(1),
        ..inside(of(view))
    }));
    let leader = door.stage.leader;
    let (over, far) = (View(view.0 - 1), View(view.0 + 3));
    let cases = [
        ("another leads", (leader + 1) % 4, of(view), &body, "blamed"),
        ("another block's", leader, of(view), &whole(&other), "blamed"),
        (
            "no body at all",
            leader,
            of(view),
            &Bytes::from_static(b"x"),
            "blamed",
        ),
        (
            "an epoch that has not begun",
            leader,
            foreign_epoch,
            &body,
            "heard",
        ),
        (
            "a view that is final",
            door.leader(over),
            of(over),
            &body,
            "heard",
        ),
        ("a view far ahead", door.leader(far), of(far), &body, "heard"),
        ("nothing beside it", leader, of(view), &Bytes::new(), "heard"),
        (
            "the view after the next",
            door.leader(near),
            of(near),
            &body,
            "checked",
        ),
        ("the present view", leader, of(view), &body, "checked"),
    ];
    for (what, from, message, body, expected) in cases {
        assert_eq!(fate(&door.take(from, &message, body)), expected, "{what}");
    }
}

#[test]
fn a_body_beside_a_vote_is_blamed_and_the_vote_is_heard() {
    let mut door = Door::open();
    let body = whole(&block(&door.stage, 1));
    let from = door.stage.leader;
    let vote = nullify(u16::try_from(from).expect("small"), door.view);
    assert_eq!(fate(&door.take(from, &vote, &body)), "blamed");
    assert_eq!(fate(&door.take(from, &vote, &[])), "heard");
}

#[test]
fn of_a_view_one_body_is_checked_however_many_its_leader_sends() {
    let mut door = Door::open();
    let first = block(&door.stage, 1);
    assert_eq!(door.propose(&first, &whole(&first)), "checked");
    for _ in 0..50 {
        assert_eq!(
            door.propose(&first, &whole(&first)),
            "known",
            "its twin is being checked"
        );
    }
    for number in 2..50 {
        let another = block(&door.stage, number);
        assert_eq!(door.propose(&another, &whole(&another)), "heard");
    }
    door.done(&first);
    // It was bad, or the operator would hold it now.
    assert_eq!(door.propose(&first, &whole(&first)), "heard");
}

#[test]
fn a_body_that_found_no_room_may_come_once_more() {
    let mut door = Door::open();
    let block = block(&door.stage, 1);
    assert_eq!(door.propose(&block, &whole(&block)), "checked");
    let proposal = inside(door.present(&block));
    door.bodies.give_back(&proposal);
    assert_eq!(door.propose(&block, &whole(&block)), "checked");
}

#[test]
fn a_block_that_is_put_together_may_come_whole_once_and_one_that_is_here_need_not() {
    let mut door = Door::open();
    door.stage.world.lies = true;
    let block = block(&door.stage, 1);
    assert_eq!(door.propose(&block, &leaves(&block)), "checked");
    let (message, leader, to) = (door.present(&block), door.stage.leader, door.to);
    let compact = Compact {
        header: block.0,
        leaves: vec![leaf(&block.1)],
        prefilled: Vec::new(),
    };
    door.stage
        .world
        .propose_to(to, leader, message, Carried::Leaves(compact));
    door.stage.rest(6);
    door.done(&block);
    assert_eq!(door.propose(&block, &leaves(&block)), "heard", "they are here");
    assert_eq!(door.propose(&block, &whole(&block)), "checked");
    door.done(&block);
    assert_eq!(door.propose(&block, &whole(&block)), "heard", "it was bad");
}
