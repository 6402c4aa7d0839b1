//! Logs that were lost twice, and rejoins that a crash ended.

use futures::FutureExt as _;
use plasma_consensus::{Certified, Kind, Statement};
use plasma_core::{Bitmap, BlockId, Hash, Header, Height};
use plasma_node::storage::{Storage as _, memory::MemoryStorage};

use super::*;
use crate::sim::site::Site;

/// What an operator starts from that lost its log a second time, when the copy put back holds the floor of the first time.
fn second_loss() -> Vec<Record> {
    let site = Site::of(4);
    let key = &site.genesis.members[0].key;
    let identity = Identity::new(site.genesis.hash(), key);
    let storage = MemoryStorage::new(identity, &site.genesis.state());
    let saved = storage.recover().now_or_never();
    let mut saved = saved.expect("memory does not wait").expect("it reads");
    let mut log = Log::new(identity, 4 << 10, 1);
    let floor = Logged::Amnesia {
        epoch: saved.state.epoch,
        floor: View(9),
    };
    let first = [confession(saved.state.epoch), floor].map(Record::Consensus);
    assert!(log.open(&saved, &site.genesis).is_ok());
    assert!(log.append(&first.each_ref()));
    log.crash(true);
    saved.fence = Some(Lsn(5));
    log.harm = Some(Harm::Old);
    let refused = log.open(&saved, &site.genesis);
    let Err(NoLog::Refused(error)) = refused else {
        panic!("{refused:?}");
    };
    assert!(matches!(*error, RunError::OldLog { .. }), "{error}");
    log.rejoins = true;
    log.open(&saved, &site.genesis).expect("it begins anew")
}

fn lacks(records: &[Record]) -> bool {
    let logged = records.iter().filter_map(|record| match record {
        Record::Consensus(record) => Some(record),
        _ => None,
    });
    lacks_votes(logged, Epoch(0))
}

fn of(record: Logged) -> wal::Record {
    write_record(&Record::Consensus(record))
}

#[test]
fn only_who_rejoined_an_epoch_before_goes_on_with_it_after_a_crash() {
    let identity = Identity::new(Hash::ZERO, &Site::of(4).genesis.members[0].key);
    let mut log = Log::new(identity, 4 << 10, 1);
    log.found = vec![of(confession(Epoch(1)))];
    assert!(
        !log.was_asking(Epoch(1)),
        "it never rejoined: a vote is missing for another reason"
    );
    log.floor = Some((Epoch(0), View(9)));
    assert!(log.was_asking(Epoch(1)));
    assert!(!log.was_asking(Epoch(0)) && !log.was_asking(Epoch(2)));
    log.found = vec![of(Logged::Forgotten {
        epoch: Epoch(1),
        view: View(7),
        kind: Kind::Notarize,
    })];
    assert!(
        !log.was_asking(Epoch(1)),
        "a certificate has shown a vote that is missing"
    );
}

#[test]
fn a_vote_that_a_certificate_showed_is_no_confession() {
    let identity = Identity::new(Hash::ZERO, &Site::of(4).genesis.members[0].key);
    let mut log = Log::new(identity, 4 << 10, 1);
    log.spoken = vec![of(confession(Epoch(1)))];
    assert!(log.only_confesses(Epoch(1)));
    log.spoken.push(of(Logged::Forgotten {
        epoch: Epoch(1),
        view: View(7),
        kind: Kind::Notarize,
    }));
    assert!(!log.only_confesses(Epoch(1)) && log.only_confesses(Epoch(0)));
}

#[test]
fn a_floor_in_an_old_copy_does_not_cover_what_was_lost_after_it() {
    assert!(lacks(&second_loss()), "it would vote without asking");
}

/// In epoch 2 at final view 9; a power cut leads back to an epoch.
fn horizon(first: u64) -> Horizon<impl Fn(&Vote) -> bool, impl Fn(&BlockId) -> bool> {
    Horizon {
        durable: Height(40),
        decided: Height(42),
        first: Epoch(first),
        running: Epoch(2),
        final_view: View(9),
        is_settled: |_: &Vote| false,
        is_held: |block: &BlockId| *block == header(44).id(),
    }
}

/// A notarization, or a finalization, of a view.
fn certified(epoch: u64, statement: Statement) -> Certified {
    Certified {
        epoch: Epoch(epoch),
        statement,
        signers: Bitmap::default(),
        signature: crate::sim::scheme::sign(0, &Hash::ZERO),
    }
}

#[test]
fn of_each_kind_of_record_it_is_known_what_must_stay() {
    let forgotten = |epoch, view| Logged::Forgotten {
        epoch: Epoch(epoch),
        view: View(view),
        kind: Kind::Nullify,
    };
    let amnesia = |epoch, floor| Logged::Amnesia {
        epoch: Epoch(epoch),
        floor: View(floor),
    };
    let finalized = |epoch, view| {
        let (view, block) = (View(view), BlockId::default());
        Logged::Floor(certified(epoch, Statement::Finalize { view, block }))
    };
    let nullified = |epoch, view| {
        let statement = Statement::Nullify { view: View(view) };
        Logged::Certificate(certified(epoch, statement))
    };
    // (record, must stay when a power cut leads back to epoch 1, and when it leads to epoch 2)
    let cases = [
        (nullified(0, 90), false, false),
        (nullified(1, 1), true, false),
        (amnesia(1, 1), true, false),
        (forgotten(1, 1), true, false),
        (nullified(2, 9), false, false),
        (nullified(2, 10), true, true),
        (finalized(2, 8), false, false),
        (finalized(2, 9), true, true),
        (amnesia(2, 0), true, true),
        (amnesia(2, 9), true, false),
        (amnesia(2, 10), true, true),
        (forgotten(2, 10), true, false),
        (forgotten(2, 11), true, true),
        (nullified(3, 1), true, true),
    ];
    let log: Vec<wal::Record> = cases.iter().map(|(record, ..)| of(record.clone())).collect();
    for (record, back, on) in &cases {
        let stays = |first| {
            let after: Vec<wal::Record> = log
                .iter()
                .filter(|one| **one != of(record.clone()))
                .cloned()
                .collect();
            horizon(first).lost(&log, &after).is_some()
        };
        assert_eq!((stays(1), stays(2)), (*back, *on), "{record:?}");
    }
}

fn header(height: u32) -> Header {
    Header {
        height: Height(height),
        ..Header::default()
    }
}

#[test]
fn bodies_stay_that_storage_may_lose_and_those_that_are_held() {
    let bodies = [40, 41, 42, 43, 44].map(|height| wal::Record {
        epoch: Epoch(0),
        kind: log::LOG_BODY,
        content: header(height).encode().to_vec(),
    });
    let stay = bodies.each_ref().map(|body| {
        let others = bodies.iter().filter(|one| *one != body);
        let after: Vec<wal::Record> = others.cloned().collect();
        horizon(2).lost(&bodies, &after).is_some()
    });
    assert_eq!(stay, [false, true, true, false, true]);
}

#[cfg(feature = "planted")]
#[test]
fn a_floor_that_stays_would_cover_it() {
    use plasma_core::planted::plant;
    plant(Some("log: an old floor covers a new loss"));
    let records = second_loss();
    plant(None);
    assert!(!lacks(&records));
}
