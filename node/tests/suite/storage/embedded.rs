//! What only a folder on disk can get wrong: whose it is, who uses it, and a process that dies.

use std::{
    env,
    io::{BufRead, BufReader, Write, stdout},
    path::Path,
    process::{Command, Stdio},
};

use fjall::{Database, KeyspaceCreateOptions, PersistMode};
use plasma_core::{Hash, Height};
use plasma_node::{
    folder::{FolderError, Identity},
    storage::{
        Change, Read, Rows, Storage, StorageError, Table,
        embedded::{EmbeddedStorage, Engine, Fjall, Settings},
    },
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    super::scratch::Scratch,
    history::{Model, genesis},
    identity,
    rules::expect_model,
};

fn open(folder: &Path, identity: Identity) -> Result<EmbeddedStorage, StorageError> {
    EmbeddedStorage::open(folder, identity, &genesis(), Settings::default())
}

#[test]
fn storage_of_another_operator_or_federation_is_refused() {
    let scratch = Scratch::new("storage");
    drop(open(scratch.path(), identity()).unwrap());
    for (other, words) in [
        (
            Identity {
                key: Hash([2; 32]),
                ..identity()
            },
            ["with hash 0x0101", "one with hash 0x0202"],
        ),
        (
            Identity {
                genesis: Hash([4; 32]),
                ..identity()
            },
            ["genesis 0x0303", "names 0x0404"],
        ),
    ] {
        let error = open(scratch.path(), other).unwrap_err();
        assert!(matches!(error, StorageError::Identity { .. }), "{error}");
        for word in words.into_iter().chain(["name this operator's own folder"]) {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
    open(scratch.path(), identity()).unwrap();
}

#[test]
fn storage_of_another_schema_is_refused_with_the_way_out() {
    let scratch = Scratch::new("storage");
    drop(open(scratch.path(), identity()).unwrap());
    for (version, way_out) in [(4u32, "run the newer program"), (1, "sync into a new folder")] {
        {
            let engine = Database::builder(scratch.path().join("engine")).open().unwrap();
            let meta = engine.keyspace("meta", KeyspaceCreateOptions::default).unwrap();
            // A value of meta stands behind its length.
            let value = [4u32.to_be_bytes(), version.to_be_bytes()].concat();
            meta.insert("schema", value).unwrap();
            engine.persist(PersistMode::SyncAll).unwrap();
        }
        let error = open(scratch.path(), identity()).unwrap_err();
        assert!(
            matches!(error, StorageError::Schema { found, known: 3, .. } if found == version),
            "{error}"
        );
        assert!(error.to_string().contains(way_out), "{error}");
    }
}

#[test]
fn storage_in_use_is_refused_with_the_process_id() {
    let scratch = Scratch::new("storage");
    let storage = open(scratch.path(), identity()).unwrap();
    let reader = storage.reader();
    drop(storage);
    let error = open(scratch.path(), identity()).unwrap_err();
    let own = std::process::id();
    assert!(matches!(error, StorageError::Folder(FolderError::Used { pid: Some(pid), .. }) if pid == own));
    assert!(
        error.to_string().contains(&format!("already used by pid {own}")),
        "{error}"
    );
    drop(reader);
    open(scratch.path(), identity()).unwrap();
}

/// Set in the child of the test below: the folder of its storage.
const CHILD: &str = "PLASMA_TEST_STORAGE_CHILD";

/// Seed of the history that the children commit one after the other.
const HISTORY: u64 = 0xdead;

#[tokio::test]
async fn killed_process_loses_no_durable_block() {
    if let Ok(folder) = env::var(CHILD) {
        commit_until_killed(Path::new(&folder)).await;
    }
    let scratch = Scratch::new("storage");
    let mut random = StdRng::seed_from_u64(0x5eed);
    let mut model = Model::new(HISTORY);
    for round in 0..6 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "suite::storage::embedded::killed_process_loses_no_durable_block",
                "--nocapture",
            ])
            .env(CHILD, scratch.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut durable = model.state.header.height;
        let mut left = random.random_range(1..30);
        while left > 0 {
            let line = lines
                .next()
                .expect("the child commits until it is killed")
                .unwrap();
            if let Some(height) = line.strip_prefix("durable ") {
                durable = Height(height.parse().unwrap());
                left -= 1;
            }
        }
        (0..random.random_range(0..200_000)).for_each(|step| assert!(std::hint::black_box(step) >= 0));
        child.kill().unwrap();
        for line in lines.map_while(Result::ok) {
            let height = line
                .strip_prefix("durable ")
                .and_then(|height| height.parse().ok());
            durable = height.map_or(durable, Height);
        }
        child.wait().unwrap();
        let reader = open(scratch.path(), identity()).unwrap().reader();
        let (tip, _) = reader.tip().unwrap();
        assert!(tip >= durable, "round {round}: {tip} found, {durable} durable");
        while model.state.header.height < tip {
            model.next();
        }
        expect_model(&reader, &model);
    }
}

/// Continues the history from wherever the storage stands and says how far it is durable.
async fn commit_until_killed(folder: &Path) -> ! {
    let mut storage = open(folder, identity()).unwrap();
    let (tip, _) = storage.reader().tip().unwrap();
    let mut model = Model::new(HISTORY);
    loop {
        let (decided, delta) = model.next();
        if decided.header.height > tip {
            storage.commit(&decided, &delta).await.unwrap();
            stdout()
                .write_all(format!("durable {}\n", storage.durable().unwrap()).as_bytes())
                .unwrap();
        }
    }
}

/// Genesis is never written over blocks.
#[tokio::test(flavor = "multi_thread")]
async fn storage_that_lost_its_schema_is_damaged_and_not_new() {
    let scratch = Scratch::new("storage");
    let mut storage = open(scratch.path(), identity()).unwrap();
    let (decided, delta) = Model::new(HISTORY).next();
    storage.commit(&decided, &delta).await.unwrap();
    drop(storage);
    let lost = Change {
        table: Table::Meta,
        key: b"schema".to_vec(),
        value: None,
    };
    let engine = Fjall::open(&scratch.path().join("engine"), Settings::default()).unwrap();
    engine.write(vec![lost]).unwrap();
    drop(engine);
    let error = open(scratch.path(), identity()).unwrap_err();
    assert!(
        matches!(error, StorageError::Row { table: "meta", .. }),
        "{error}"
    );
}

/// A power cut loses any sector, or any page, of a batch that was not durable: the engine opens with the batch before it.
#[test]
fn lost_sector_of_an_undurable_batch_drops_that_batch_alone() {
    let scratch = Scratch::new("sectors");
    let path = scratch.path().join("engine");
    let body = |key: u8| {
        let value: Vec<u8> = (0..20_000u32)
            .flat_map(|at| (at ^ u32::from(key)).to_be_bytes())
            .take(30_000)
            .collect();
        Change {
            table: Table::Bodies,
            key: vec![key; 4],
            value: Some(value),
        }
    };
    let journal = path.join("0.jnl");
    let (before, after) = {
        let engine = Fjall::open(&path, Settings::default()).unwrap();
        engine.write(vec![body(1)]).unwrap();
        engine.sync().unwrap();
        let before = std::fs::read(&journal).unwrap();
        engine.write(vec![body(2)]).unwrap();
        (before, std::fs::read(&journal).unwrap())
    };
    let changed: Vec<usize> = (0..after.len())
        .filter(|at| before.get(*at) != after.get(*at))
        .collect();
    let (first, last) = (changed[0], changed[changed.len() - 1]);
    assert!(last - first > 30_000);
    for size in [512, 4096] {
        for sector in first / size..=last / size {
            let from = (sector * size).max(first);
            let mut torn = after.clone();
            torn[from..((sector + 1) * size).min(last + 1)].fill(0);
            std::fs::write(&journal, &torn).unwrap();
            let engine = Fjall::open(&path, Settings::default())
                .unwrap_or_else(|error| panic!("{size} bytes at {from}: {error}"));
            let rows = engine.moment().unwrap();
            let found = rows.row(Table::Bodies, &[1; 4]).unwrap();
            assert_eq!(found, body(1).value, "{size} bytes at {from}");
            assert_eq!(
                rows.row(Table::Bodies, &[2; 4]).unwrap(),
                None,
                "{size} bytes at {from}"
            );
        }
    }
}
