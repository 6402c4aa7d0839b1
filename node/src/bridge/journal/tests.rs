//! What is in the journal survives; what is not sound is never taken for new.

use super::{Address, Call, Fees, Journal, L1Error, Path, PathBuf, Terms, fs};
use crate::{bridge::account::Account, keystore::Secret};
use plasma_core::Amount;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("plasma-journal-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("nonces.json")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn account() -> Account {
    Account::new(&Secret::new([1; 32]), 5).unwrap()
}

fn open(path: &Path) -> Journal {
    Journal::open(path, account().address(), 5).unwrap()
}

fn call(byte: u8) -> Call {
    Call {
        label: "test".to_owned(),
        to: Some(Address([byte; 20])),
        value: Amount::from(byte),
        data: vec![byte],
    }
}

fn terms(nonce: u64, max_wei: u128) -> Terms {
    Terms {
        nonce,
        gas: 21_000,
        fees: Fees {
            max_wei,
            priority_wei: 10,
        },
    }
}

async fn record(journal: &mut Journal, call: &Call, terms: &Terms) {
    let signed = account().sign(call, terms).unwrap();
    journal.record(call, terms, &signed).await.unwrap();
}

#[tokio::test]
async fn entries_survive_a_restart_until_they_are_forgotten() {
    let folder = Folder::new("restart");
    let mut journal = open(&folder.file());
    assert_eq!((journal.next_nonce(0), journal.next_nonce(9)), (0, 9));
    record(&mut journal, &call(1), &terms(9, 100)).await;
    record(&mut journal, &call(2), &terms(10, 100)).await;
    record(&mut journal, &call(1), &terms(9, 200)).await;
    let journal = open(&folder.file());
    assert_eq!(
        journal
            .entries()
            .iter()
            .map(|entry| entry.nonce)
            .collect::<Vec<_>>(),
        [9, 10]
    );
    let first = journal.find(&call(1)).unwrap();
    let newest = account().sign(&call(1), &terms(9, 200)).unwrap();
    assert_eq!(
        (first.call(), first.hashes().count(), first.raw()),
        (call(1), 2, &newest.raw[..])
    );
    assert_eq!(first.hashes().next(), Some(newest.hash));
    assert!(journal.find(&call(3)).is_none());
    let mut journal = journal;
    journal.forget(9).await.unwrap();
    journal.forget(10).await.unwrap();
    let journal = open(&folder.file());
    assert!(journal.entries().is_empty());
    assert_eq!(
        journal.next_nonce(3),
        11,
        "a lagging endpoint must not make us use a nonce twice"
    );
}

#[tokio::test]
async fn a_foreign_or_damaged_journal_is_never_begun_anew() {
    let folder = Folder::new("damaged");
    record(&mut open(&folder.file()), &call(1), &terms(0, 100)).await;
    let refused = |account: Address, chain_id: u64| {
        let error = Journal::open(&folder.file(), account, chain_id)
            .map(drop)
            .unwrap_err();
        let L1Error::Journal { reason, .. } = error else {
            panic!("{error}")
        };
        reason
    };
    assert!(refused(Address([9; 20]), 5).contains("belongs to account"));
    assert!(refused(account().address(), 6).contains("on chain 5"));
    let sound = fs::read_to_string(folder.file()).unwrap();
    for broken in [
        "",
        "{}",
        &sound[..sound.len() / 2],
        &sound.replace("\"next_nonce\": 1", "\"next_nonce\": 0"),
    ] {
        fs::write(folder.file(), broken).unwrap();
        let reason = refused(account().address(), 5);
        assert!(
            reason.contains("damaged") && reason.contains("move this file away"),
            "{reason}"
        );
    }
    fs::write(folder.file(), sound.replace("\"version\": 1", "\"version\": 2")).unwrap();
    assert!(refused(account().address(), 5).contains("version 2"));
}

#[tokio::test]
async fn a_dearer_attempt_raises_both_fees_within_the_limits() {
    let folder = Folder::new("dearer");
    let mut journal = open(&folder.file());
    record(&mut journal, &call(1), &terms(0, 100)).await;
    let suggested = |max_wei, priority_wei| Fees {
        max_wei,
        priority_wei,
    };
    let dearer = |journal: &Journal, fees, limit| {
        journal
            .entry(0)
            .unwrap()
            .dearer(fees, limit)
            .map(|terms| terms.fees)
    };
    assert_eq!(
        dearer(&journal, suggested(50, 1), 1_000),
        Some(suggested(113, 12))
    );
    assert_eq!(
        dearer(&journal, suggested(500, 90), 1_000),
        Some(suggested(500, 90))
    );
    // The limit is enough as long as a node takes it for a replacement.
    for fees in [suggested(50, 1), suggested(500, 90)] {
        let clamped = dearer(&journal, fees, 112).unwrap();
        assert_eq!(clamped.max_wei, 112);
    }
    assert_eq!(dearer(&journal, suggested(500, 1), 109), None);
    for attempt in 1..super::ATTEMPTS_MAX {
        record(
            &mut journal,
            &call(1),
            &terms(0, 100 + u128::try_from(attempt).unwrap()),
        )
        .await;
    }
    assert_eq!(dearer(&journal, suggested(50, 1), 1_000), None);
    // Of itself it is raised no more, with the market it is.
    assert_eq!(dearer(&journal, suggested(129, 20), 1_000), None);
    assert_eq!(
        dearer(&journal, suggested(130, 20), 1_000),
        Some(suggested(130, 20))
    );
    assert_eq!(
        dearer(&journal, suggested(2_000, 20), 1_000),
        Some(suggested(1_000, 20))
    );
}

/// A folder where the new file would be: every write fails, whoever tries it.
struct Blocked(PathBuf);

impl Blocked {
    fn set(folder: &Folder) -> Self {
        let path = folder.file().with_extension("new");
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn lift(self) {
        fs::remove_dir(self.0).unwrap();
    }
}

#[tokio::test]
async fn what_could_not_be_written_is_not_remembered() {
    let folder = Folder::new("unwritten");
    let mut journal = open(&folder.file());
    record(&mut journal, &call(1), &terms(0, 100)).await;
    let before = journal.content.clone();
    let blocked = Blocked::set(&folder);
    // A new transaction, a dearer attempt, a forgotten one.
    for (call, terms) in [(call(2), terms(1, 100)), (call(1), terms(0, 200))] {
        let signed = account().sign(&call, &terms).unwrap();
        let refused = journal.record(&call, &terms, &signed).await;
        assert!(matches!(refused, Err(L1Error::Journal { .. })), "{refused:?}");
    }
    assert!(matches!(journal.forget(0).await, Err(L1Error::Journal { .. })));
    assert_eq!(journal.content, before, "memory is as it was");
    assert_eq!(open(&folder.file()).content, before, "and so is the disk");
    assert!(journal.find(&call(2)).is_none() && journal.next_nonce(0) == 1);
    blocked.lift();
    let next = journal.next_nonce(0);
    record(&mut journal, &call(3), &terms(next, 100)).await;
    let reopened = open(&folder.file());
    assert_eq!(reopened.content, journal.content);
    let nonces: Vec<_> = reopened
        .entries()
        .iter()
        .map(|entry| (entry.nonce, entry.call()))
        .collect();
    assert_eq!(nonces, [(0, call(1)), (1, call(3))], "no gap and nothing twice");
}
