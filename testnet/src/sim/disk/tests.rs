//! Logs that were lost twice, and rejoins that a crash ended.

use futures::FutureExt as _;
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
    let identity = Identity::new(plasma_core::Hash::ZERO, &Site::of(4).genesis.members[0].key);
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
        kind: plasma_consensus::Kind::Notarize,
    })];
    assert!(
        !log.was_asking(Epoch(1)),
        "a certificate has shown a vote that is missing"
    );
}

#[test]
fn a_floor_in_an_old_copy_does_not_cover_what_was_lost_after_it() {
    assert!(lacks(&second_loss()), "it would vote without asking");
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
