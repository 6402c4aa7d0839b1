//! What a log keeps of an epoch that has ended: that it did, and the proof of it.

use plasma_consensus::{Certified, Kind, Message, Record as Logged, Statement};
use plasma_core::{Epoch, L1Event, View};
use plasma_node::{
    folder::Identity,
    operator::{effect::Record, event::Event},
    runtime::log::{read_record, replay, write_record},
    storage::Storage as _,
    wal::{LogSite, Wal},
};

use super::{
    cast::{committee, secret},
    federation::funded,
    rejoin::some_blocks_into_the_next_epoch,
    scratch::Scratch,
    world::{World, name},
};

const LOST: usize = 2;

fn epoch_of(world: &World, node: usize) -> Epoch {
    world.nodes[node].operator.as_ref().expect("runs").status().epoch
}

/// Four operators; Ethereum tells them of another committee, which is theirs in another order.
fn changing() -> World {
    let (mut world, ..) = funded();
    world.announce(&committee(1, &[1, 0, 2, 3]));
    world.run_for(3_000);
    world
}

fn change(world: &mut World) {
    world.mine(vec![L1Event::CommitteeActivated { epoch: Epoch(1) }]);
}

fn is_of_first(record: &Record) -> bool {
    matches!(record, Record::Consensus(record) if record.epoch() == Epoch(0))
}

/// Its word that something is final, as a vote, a certificate or beside a proposal.
fn says_final(event: &Event) -> bool {
    let Event::Consensus { from, message, .. } = event else {
        return false;
    };
    let finalizes = match &**message {
        Message::Vote(vote) => matches!(vote.statement, Statement::Finalize { .. }),
        Message::Certified(certified) => certified.statement.kind() == Kind::Finalize,
        Message::Proposal(proposal) => {
            let parent = proposal.parent.as_ref();
            parent.is_some_and(|parent| parent.statement.kind() == Kind::Finalize)
        }
        Message::Status(_) => false,
    };
    *from == name(LOST) && finalizes
}

/// One of four is away. Another one alone has seen the epoch end, and then gets an older storage: the two that are left decide
/// nothing by themselves, and it does not vote for that end again.
#[test]
fn an_end_that_only_one_has_seen_is_decided_again_beside_its_older_storage() {
    let mut world = changing();
    world.kill(3);
    world.run_for(3_000);
    world.silent = vec![LOST];
    change(&mut world);
    let end = world.now.plus(60_000);
    while epoch_of(&world, LOST) != Epoch(1) && world.now < end {
        world.queue.retain(|_, (_, event)| !says_final(event));
        world.run_for(1);
    }
    world.shorten(LOST);
    let left = world.nodes[LOST].log.iter().filter(|record| is_of_first(record));
    let left: Vec<&Record> = left.collect();
    assert!(
        matches!(left[..], [Record::Consensus(Logged::Floor(_))]),
        "{left:?}"
    );
    world.kill(LOST);
    world.queue.retain(|_, (_, event)| !says_final(event));
    assert_eq!([0, 1].map(|node| epoch_of(&world, node)), [Epoch(0); 2]);
    world.empty_storage(LOST);
    world.silent.clear();
    world.start(LOST);
    world.run_until("three of four are in the next epoch", 30_000, |world| {
        (0..3).all(|node| epoch_of(world, node) == Epoch(1))
    });
    world.check_agreement();
}

/// As the runtime takes a log up that the version before has shortened.
#[test]
fn a_log_without_a_mark_gets_it_when_it_is_replayed() {
    let mut world = changing();
    change(&mut world);
    world.run_until("all are in the next epoch", 20_000, |world| {
        (0..4).all(|node| epoch_of(world, node) == Epoch(1))
    });
    world.kill(LOST);
    let node = &world.nodes[LOST];
    let durable = node.storage.durable().expect("memory does not fail");
    let mark = Record::Consensus(Logged::Amnesia {
        epoch: Epoch(1),
        floor: View(0),
    });
    let log: Vec<Record> = node
        .log
        .iter()
        .filter(|record| **record != mark)
        .cloned()
        .collect();

    let scratch = Scratch::new("mark");
    let identity = Identity::new(world.genesis.hash(), &secret(2).public());
    let mut wal = Wal::open(LogSite::on_disk(scratch.path(), identity, 1))
        .expect("opens")
        .wal;
    for _ in 0..2 {
        let records = wal.entries().expect("reads").into_iter();
        let records = records.map(|entry| read_record(&entry.record).expect("is one"));
        let records = log.iter().cloned().chain(records).collect();
        replay(&mut wal, records, durable, |log| world.recover(LOST, log)).expect("writes");
        let written = wal.entries().expect("reads").into_iter();
        let written: Vec<_> = written.map(|entry| entry.record).collect();
        assert_eq!(written, [write_record(&mark)], "once");
    }
}

/// The proof of how the epoch before ended stays; that the block is final once more in this one is no such proof.
#[test]
fn a_heartbeat_is_no_proof_of_how_the_epoch_began() {
    let (mut world, _) = some_blocks_into_the_next_epoch();
    world.shorten(LOST);
    let log = world.nodes[LOST].log.iter();
    let mut proofs = log.filter_map(|record| match record {
        Record::Consensus(Logged::Floor(certified)) if certified.epoch == Epoch(0) => Some(certified),
        _ => None,
    });
    let proof = proofs.next().expect("it stays").clone();
    let operator = world.nodes[LOST].operator.as_ref().expect("runs");
    let durable = world.nodes[LOST].storage.durable().expect("memory does not fail");
    let needs = |certified| operator.needs(&Record::Consensus(Logged::Floor(certified)), durable);
    let block = proof.statement.block().expect("a block");
    let heartbeat = Certified {
        epoch: Epoch(1),
        statement: Statement::Finalize { view: View(1), block },
        ..proof.clone()
    };
    assert!(needs(proof) && !needs(heartbeat));
}
