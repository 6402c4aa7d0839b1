//! `plasma debug wal` on the log of a running operator, a stopped one, a damaged one and a foreign one.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use plasma_consensus::{Container, Kind, Record as Logged, Statement, Vote};
use plasma_core::{BlockId, Epoch, Genesis, Hash, OperatorIndex, View};
use plasma_node::{
    folder::Identity,
    operator::effect::Record,
    runtime::log::write_record,
    wal::{self, LogSite, Wal},
};
use serde_json::{Value, json};

use super::super::{
    chain::secret,
    settings::{Folder, home, plasma},
};

const BLOCK: BlockId = BlockId(Hash([9; 32]));

fn vote(statement: Statement) -> wal::Record {
    let signature = secret(0).sign(&Hash([1; 32]));
    let (epoch, signer) = (Epoch(0), OperatorIndex(0));
    write_record(&Record::Consensus(Logged::Vote(Vote {
        epoch,
        signer,
        statement,
        signature,
    })))
}

fn site(folder: &Path, genesis: &Genesis) -> LogSite {
    LogSite::on_disk(folder, Identity::new(genesis.hash(), &secret(0).public()), 7)
}

/// An operator's log with three batches, and the operator still holding it.
fn writing(folder: &Folder, genesis: &Genesis) -> Wal {
    let mut log = Wal::open(site(&folder.0.join("data/log"), genesis)).unwrap().wal;
    let (view, parent, block) = (View(5), View(3), BLOCK);
    let container = Container { view, parent, block };
    log.append_batch(&[vote(Statement::Nullify { view: View(4) })])
        .unwrap();
    log.append_batch(&[vote(Statement::Notarize(container))]).unwrap();
    let forgotten = Logged::Forgotten {
        epoch: Epoch(0),
        view: View(2),
        kind: Kind::Finalize,
    };
    let forgotten = write_record(&Record::Consensus(forgotten));
    log.append_batch(&[vote(Statement::Finalize { view, block }), forgotten])
        .unwrap();
    log
}

/// Every file of a folder with its bytes and the time of its last change.
fn everything(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let read = |path: PathBuf| {
        let changed = fs::metadata(&path).unwrap().modified().unwrap();
        let bytes = fs::read(&path).unwrap();
        (path, (bytes, changed))
    };
    files.map(read).collect()
}

/// The document, the exit code and what was said; the log must be as it was.
fn shown(folder: &Folder, log: &Path, arguments: &[&str]) -> (Value, Option<i32>, String) {
    let before = everything(log);
    let output = plasma(&[&["debug", "wal", "--json"], arguments].concat(), &folder.0);
    assert_eq!(everything(log), before, "a question changes nothing");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let document = serde_json::from_slice(&output.stdout);
    (
        document.unwrap_or_else(|error| panic!("{error}: {said}")),
        output.status.code(),
        said,
    )
}

#[test]
fn a_running_operators_log_is_shown_in_words_and_its_lock_left_alone() {
    let (folder, genesis) = home("debug-wal");
    let log = folder.0.join("data/log");
    let held = writing(&folder, &genesis);
    let (view, code, said) = shown(&folder, &log, &["--last", "3"]);
    assert_eq!(
        (code, &view["state"], &view["next_lsn"]),
        (Some(0), &json!("whole"), &json!(5)),
        "{said}"
    );
    assert_eq!(view["seat"], json!("seat 0 of epoch 0"));
    assert_eq!(view["genesis"], json!(genesis.hash().to_string()));
    assert_eq!(view["records"], json!({ "forgotten vote": 1, "vote": 3 }));
    let last = view["last"].as_array().unwrap();
    let lines: Vec<_> = last
        .iter()
        .map(|one| (&one["lsn"], &one["epoch"], &one["view"], &one["kind"]))
        .collect();
    let [vote, forgotten] = [json!("vote"), json!("forgotten vote")];
    let [zero, two, three, four, five] = [0, 2, 3, 4, 5].map(|number| json!(number));
    assert_eq!(
        lines,
        [
            (&two, &zero, &five, &vote),
            (&three, &zero, &five, &vote),
            (&four, &zero, &two, &forgotten)
        ]
    );
    assert_eq!(
        last[0]["words"],
        json!(format!("seat 0 votes to notarize block {BLOCK} on view 3"))
    );
    assert_eq!(
        last[1]["words"],
        json!(format!("seat 0 votes to finalize block {BLOCK}"))
    );

    let text = plasma(&["debug", "wal"], &folder.0);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    for words in [
        "votes to nullify view 4",
        "epoch 0, view 4, vote",
        "records    3 vote",
        "the next record is 5",
    ] {
        assert!(text.contains(words), "{words:?} in {text}");
    }
    drop(held);
    let (view, ..) = shown(&folder, &log, &["--all"]);
    assert_eq!(view["last"].as_array().unwrap().len(), 4);
}

#[test]
fn torn_and_damaged_logs_are_told_apart_with_file_and_offset() {
    let (folder, genesis) = home("debug-wal-damage");
    let log = folder.0.join("data/log");
    drop(writing(&folder, &genesis));
    let (view, ..) = shown(&folder, &log, &[]);
    let segment = view["segments"][0].clone();
    let file = folder.0.join(segment["file"].as_str().unwrap());
    let end = usize::try_from(segment["used_bytes"].as_u64().unwrap()).unwrap();
    let offset = |record: usize| usize::try_from(view["last"][record]["offset"].as_u64().unwrap()).unwrap();
    let whole = fs::read(&file).unwrap();

    let mut torn = whole.clone();
    torn[end - 9..end].fill(0);
    fs::write(&file, &torn).unwrap();
    let (found, code, _) = shown(&folder, &log, &[]);
    assert_eq!(
        (code, &found["state"], &found["next_lsn"]),
        (Some(0), &json!("torn"), &json!(3))
    );
    assert_eq!(
        found["torn"]["offset"],
        json!(offset(2)),
        "where the last batch begins"
    );
    assert_eq!(found["torn"]["file"], segment["file"]);
    assert_eq!(found["damage"], Value::Null);

    let mut damaged = whole.clone();
    damaged[offset(1) + 40] ^= 1;
    fs::write(&file, &damaged).unwrap();
    let (found, code, said) = shown(&folder, &log, &[]);
    assert_eq!((code, &found["state"]), (Some(4), &json!("damaged")));
    assert_eq!(
        found["damage"]["offset"],
        json!(offset(1)),
        "where the damaged batch begins"
    );
    assert_eq!(found["damage"]["file"], segment["file"]);
    assert_eq!(
        found["records"],
        json!({ "vote": 1 }),
        "what is before it is shown"
    );
    assert!(said.contains("a later one lies at offset"), "{said}");
    assert!(said.contains(&offset(2).to_string()), "{said}");

    // What a start says of these is the same.
    fs::write(&file, &torn).unwrap();
    let opened = Wal::open(site(&log, &genesis)).unwrap();
    assert!(opened.dropped_torn_batch && opened.entries.len() == 2);
    drop(opened);
    fs::write(&file, &damaged).unwrap();
    let refused = Wal::open(site(&log, &genesis)).unwrap_err().to_string();
    // The settings name the folder from where they lie.
    let refused = refused.replace(log.to_str().unwrap(), "data/log");
    assert_eq!(said.trim(), format!("error: {refused}"));
}

#[test]
fn a_missing_log_a_foreign_one_and_an_unknown_record_end_with_their_codes() {
    let (folder, genesis) = home("debug-wal-foreign");
    let output = plasma(&["debug", "wal", "--json"], &folder.0);
    assert_eq!(output.status.code(), Some(4));
    assert!(!folder.0.join("data").exists(), "a question makes nothing");
    let view: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(view["state"], json!("missing"));

    let mut other = genesis.clone();
    other.name = "another".to_owned();
    drop(writing(&folder, &other));
    let log = folder.0.join("data/log");
    let (view, code, said) = shown(&folder, &log, &[]);
    assert_eq!((code, &view["seat"]), (Some(4), &Value::Null));
    assert!(
        said.contains("is not ours") && said.contains(&other.hash().to_string()),
        "{said}"
    );
    // Where no settings say whose it should be, it is anybody's; none are read.
    let file = plasma(&["debug", "wal", "plasma.toml"], &folder.0);
    let said = String::from_utf8_lossy(&file.stderr).into_owned();
    let word = "error: plasma.toml is a file, and a log is a folder of files: name the folder, such as .\n";
    assert_eq!(
        (file.status.code(), said.as_str(), file.stdout.len()),
        (Some(4), word, 0)
    );
    let elsewhere = Folder::new("debug-wal-elsewhere");
    let moved = elsewhere.0.join("moved");
    fs::rename(&log, &moved).unwrap();
    let (view, code, said) = shown(&elsewhere, &moved, &["moved"]);
    assert_eq!((code, &view["state"]), (Some(0), &json!("whole")), "{said}");

    let mut held = writing(&folder, &genesis);
    let unknown = wal::Record {
        epoch: Epoch(0),
        kind: 77,
        content: vec![1, 2, 3],
    };
    held.append_batch(&[unknown]).unwrap();
    let (view, code, said) = shown(&folder, &log, &[]);
    assert_eq!(code, Some(6), "{said}");
    assert_eq!(
        view["unreadable"],
        json!([{ "lsn": 5, "reason": "its kind 77 is unknown here" }])
    );
    assert_eq!(view["records"]["unknown"], json!(1));
}
