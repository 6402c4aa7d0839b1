//! `plasma db` on a stopped operator's storage, and at the admin socket of a running one.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, net::UnixListener},
    path::Path,
    process::Output,
    time::Duration,
};

use plasma_core::Genesis;
use plasma_node::{
    config::Config,
    runtime::admin::{Desk, ExportView, Place, SOCKET, StorageView},
    storage::{
        Change, Moments, Rows, Storage, Table,
        archive::Archive,
        bulk::{self, Stopped},
        embedded::{EmbeddedStorage, Fjall, Folder as Engine, Settings},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use super::{
    super::settings::{Folder, home, plasma},
    Chain, Gated, expected, quiet, rows_of, story_of,
};

/// An operator's folder with settings, keys and a storage that has seen the story.
async fn house(name: &str) -> (Folder, Chain) {
    let (folder, genesis) = home(name);
    let chain = story_of(genesis).await;
    let mut engine = Engine::<Fjall>::make(&folder.0.join("data/db"), Settings::default()).unwrap();
    bulk::migrate(
        &Storage::reader(&chain.storage),
        &mut engine,
        &expected(&chain),
        &mut quiet,
    )
    .unwrap();
    (folder, chain)
}

fn expect(output: &Output, code: i32, words: &str) -> String {
    let (said, shown) = (
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout),
    );
    assert_eq!(output.status.code(), Some(code), "{said}{shown}");
    assert!(
        said.contains(words) || shown.contains(words),
        "{words:?} in {said}{shown}"
    );
    shown.into_owned()
}

fn rows(place: &Path) -> Vec<(Table, plasma_node::storage::Row)> {
    rows_of(
        &Engine::<Fjall>::open(place, Settings::default())
            .unwrap()
            .source(),
    )
}

#[tokio::test]
async fn stopped_storage_is_shown_checked_backed_up_restored_and_compacted() {
    let (folder, chain) = house("db-stopped").await;
    let run = |arguments: &[&str]| plasma(&[&["db"], arguments].concat(), &folder.0);
    let shown = expect(&run(&["info", "--json"]), 0, "");
    let view: StorageView = serde_json::from_str(&shown).unwrap();
    assert_eq!((view.height, view.horizon, view.running), (7, 0, false));
    assert_eq!(view.key, expected(&chain).key.to_string());
    assert_eq!(view.genesis, chain.genesis.hash().to_string());
    assert!(view.size_bytes.is_some_and(|bytes| bytes > 10_000));
    expect(&run(&["info"]), 0, "operator stopped");
    expect(&run(&["verify", "--certificates"]), 0, "6 certificates verified");
    let shown = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&expect(&run(&[arguments, &["--json"]].concat()), 0, "")).unwrap()
    };
    let checked = shown(&["verify", "--certificates"]);
    assert_eq!(
        (&checked["height"], &checked["certificates"]),
        (&7.into(), &6.into())
    );
    assert_eq!(checked["block"], view.block);

    let before = rows(&folder.0.join("data/db"));
    expect(&run(&["export", "backup.plasma"]), 0, "full archive of height 7");
    expect(&run(&["export", "backup.plasma"]), 1, "exists already");
    expect(&run(&["import", "backup.plasma"]), 4, "not empty");
    fs::remove_dir_all(folder.0.join("data/db")).unwrap();
    expect(&run(&["info"]), 4, "no storage");
    assert!(!folder.0.join("data/db").exists(), "a question makes nothing");
    expect(&run(&["import", "absent.plasma"]), 1, "cannot open absent.plasma");
    expect(
        &run(&["import", "plasma.toml"]),
        4,
        "plasma.toml: it does not begin like an archive",
    );
    assert!(
        !folder.0.join("data/db").exists(),
        "what is no archive makes nothing"
    );
    let imported = shown(&["import", "backup.plasma"]);
    assert_eq!(
        (&imported["height"], &imported["file"]),
        (&7.into(), &"backup.plasma".into())
    );
    assert_eq!(rows(&folder.0.join("data/db")), before);

    expect(&run(&["compact"]), 0, "MiB");
    let compacted = shown(&["compact"]);
    assert!(compacted["before_bytes"].as_u64() > Some(10_000) && compacted["after_bytes"].is_u64());
    expect(
        &run(&["export", "state.plasma", "--scope", "state"]),
        0,
        "state archive of height 7",
    );
    fs::remove_dir_all(folder.0.join("data/db")).unwrap();
    expect(
        &run(&["import", "state.plasma"]),
        0,
        "transactions from block 8 on",
    );
    expect(&run(&["info"]), 0, "transactions from block 8 on");
}

#[tokio::test]
async fn stopped_storage_moves_to_another_place_and_onto_none_that_is_in_use() {
    let (folder, _chain) = house("db-moved").await;
    let run = |arguments: &[&str]| plasma(&[&["db"], arguments].concat(), &folder.0);
    let before = rows(&folder.0.join("data/db"));
    std::os::unix::fs::symlink("data/db", folder.0.join("link")).unwrap();
    for (path, why) in [
        ("db", "the rows lie there already"),
        ("./x/../db", "the rows lie there already"),
        ("db/inner", "the rows lie there already"),
        ("../link", "the rows lie there already"),
        ("../link/inner", "the rows lie there already"),
        ("log", "not data_dir"),
        (".", "not data_dir"),
    ] {
        let arguments = ["migrate", "--to-backend", "embedded", "--to-path", path];
        expect(&run(&arguments), 3, why);
    }
    assert_eq!(rows(&folder.0.join("data/db")), before);
    expect(
        &run(&["migrate", "--to-backend", "embedded", "--to-path", "moved"]),
        0,
        "storage.path = \"moved\"",
    );
    assert_eq!(rows(&folder.0.join("data/moved")), before);
    let again = [
        "migrate",
        "--to-backend",
        "embedded",
        "--to-path",
        "again",
        "--json",
    ];
    let migrated: serde_json::Value = serde_json::from_str(&expect(&run(&again), 0, "")).unwrap();
    assert!(
        migrated["settings"]
            .as_str()
            .unwrap()
            .contains("storage.path = \"again\"")
    );
    assert_eq!(rows(&folder.0.join("data/db")), before);
    expect(
        &run(&["migrate", "--to-backend", "tape", "--to-path", "x"]),
        2,
        "tape",
    );
}

#[tokio::test]
async fn damage_foreign_rows_and_unfinished_imports_end_with_code_4() {
    let (folder, _chain) = house("db-damage").await;
    let run = |arguments: &[&str]| plasma(&[&["db"], arguments].concat(), &folder.0);
    expect(&run(&["export", "backup.plasma"]), 0, "");
    let file = folder.0.join("backup.plasma");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let place = folder.0.join("data/db");
    {
        let mut engine = Engine::<Fjall>::open(&place, Settings::default()).unwrap();
        let (key, _) = engine
            .source()
            .moment()
            .unwrap()
            .last_row(Table::Owners)
            .unwrap()
            .unwrap();
        let table = Table::Owners;
        engine
            .write(vec![Change {
                table,
                key,
                value: None,
            }])
            .unwrap();
        engine.sync().unwrap();
    }
    expect(&run(&["verify"]), 4, "of table owners: it is missing");
    expect(&run(&["verify"]), 4, "the storage in data/db: row");
    fs::remove_dir_all(&place).unwrap();
    let said = run(&["import", "backup.plasma"]);
    expect(&said, 4, "error: backup.plasma: ");
    expect(&run(&["info"]), 4, "did not end well");
    expect(&run(&["verify"]), 4, "empty that place");
    // Another federation's settings over this storage.
    let (other, _) = home("db-foreign");
    fs::create_dir_all(other.0.join("data")).unwrap();
    let (own, _) = house("db-own").await;
    fs::rename(own.0.join("data/db"), other.0.join("data/db")).unwrap();
    let text = fs::read_to_string(other.0.join("federation.toml")).unwrap();
    let renamed = text.replace("name = \"test\"", "name = \"other\"");
    assert_ne!(text, renamed);
    fs::write(other.0.join("federation.toml"), renamed).unwrap();
    expect(&plasma(&["db", "verify"], &other.0), 4, "is not ours");
    expect(
        &plasma(&["db", "compact", "--log-filter", "warn"], &other.0),
        4,
        "is not ours",
    );
    fs::write(own.0.join("plasma.toml"), "[storage]\nbackend = \"memory\"\n").unwrap();
    expect(&plasma(&["db", "info"], &own.0), 3, "storage.backend");
}

/// A running operator's storage and its desk, without the rest of the operator.
struct Running {
    storage: EmbeddedStorage<Fjall>,
    desk: tokio::task::JoinHandle<()>,
}

fn running(folder: &Folder, genesis: &Genesis, chain: &Chain) -> Running {
    let config = Config::load(&folder.0.join("plasma.toml"), &[]).unwrap();
    let place = config.storage_path();
    let identity = expected(chain).identity();
    let storage = EmbeddedStorage::open(&place, identity, &genesis.state(), Settings::default()).unwrap();
    let place = Place {
        backend: "embedded",
        path: place,
        data_dir: config.data_dir,
    };
    let desk = tokio::spawn(Desk::new(storage.reader(), place, None).serve());
    Running { storage, desk }
}

async fn ask(folder: &Folder, arguments: &'static [&'static str]) -> Output {
    let path = folder.0.clone();
    tokio::task::spawn_blocking(move || plasma(arguments, &path))
        .await
        .unwrap()
}

/// Far above what any wait here needs on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the socket has its name.
async fn listening(socket: &Path) {
    let there = async {
        while UnixStream::connect(socket).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, there).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_operator_exports_itself_and_goes_on() {
    let (folder, mut chain) = house("db-running").await;
    let socket = folder.0.join("data").join(SOCKET);
    // What a dead operator left is nobody's.
    drop(UnixListener::bind(&socket).unwrap());
    let genesis = chain.genesis.clone();
    let mut running = running(&folder, &genesis, &chain);
    listening(&socket).await;
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);

    let view: StorageView =
        serde_json::from_str(&expect(&ask(&folder, &["db", "info", "--json"]).await, 0, "")).unwrap();
    assert_eq!((view.running, view.height), (true, 7));
    let exporting = ask(&folder, &["db", "export", "online.plasma", "--json"]);
    let committing = async {
        for _ in 0..20 {
            chain.seal(&[]).await;
            let (decided, delta) = chain.blocks.last().unwrap();
            running.storage.commit(decided, delta).await.unwrap();
        }
    };
    let (output, ()) = tokio::join!(exporting, committing);
    let view: ExportView = serde_json::from_str(&expect(&output, 0, "")).unwrap();
    assert_eq!(view.file, folder.0.join("online.plasma"));
    let head = *Archive::open(&view.file).unwrap().head();
    assert!((7..=27).contains(&head.height.0) && head.height.0 == view.height);
    expect(
        &ask(&folder, &["db", "export", "online.plasma"]).await,
        1,
        "exists already",
    );
    for arguments in [
        &["db", "verify"][..],
        &["db", "compact"],
        &["db", "import", "online.plasma"],
        &["db", "migrate", "--to-backend", "embedded", "--to-path", "x"],
    ] {
        expect(&ask(&folder, arguments).await, 4, "already used by pid");
    }

    let Running { storage, desk } = running;
    desk.abort();
    desk.await.unwrap_err();
    assert!(!socket.exists(), "the name goes with the desk");
    drop(storage);
    fs::remove_dir_all(folder.0.join("data/db")).unwrap();
    expect(
        &ask(&folder, &["db", "import", "online.plasma"]).await,
        0,
        "holds together",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn socket_takes_one_bounded_line_and_names_what_it_refuses() {
    let (folder, chain) = house("db-socket").await;
    let socket = folder.0.join("data").join(SOCKET);
    let genesis = chain.genesis.clone();
    let running = running(&folder, &genesis, &chain);
    listening(&socket).await;
    for (request, answer) in [
        ("dance\n".to_owned(), "failed 2 no such request\n"),
        (
            "export full relative\n".to_owned(),
            "failed 2 the path must be absolute\n",
        ),
        (format!("{}\n", "x".repeat(10_000)), "failed 2 no such request\n"),
        ("export full /nowhere/at/all\n".to_owned(), "failed 1 cannot make"),
    ] {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        // The desk may answer before it has read everything.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with(answer), "{text}");
    }
    running.desk.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(
    clippy::await_holding_lock,
    reason = "the gate is held until the export's thread stands before it"
)]
async fn one_export_at_a_time_is_written() {
    let (folder, chain) = house("db-busy").await;
    let data_dir = folder.0.join("data");
    let slow = Gated::new(&chain.storage);
    let place = Place {
        backend: "embedded",
        path: data_dir.join("db"),
        data_dir: data_dir.clone(),
    };
    let desk = tokio::spawn(Desk::new(slow.clone(), place, None).serve());
    listening(&data_dir.join(SOCKET)).await;
    let held = slow.gate.lock().unwrap();
    let mut first = UnixStream::connect(data_dir.join(SOCKET)).await.unwrap();
    let request = format!("export full {}\n", folder.0.join("first.plasma").display());
    first.write_all(request.as_bytes()).await.unwrap();
    slow.somebody_waits().await;
    let second = ask(&folder, &["db", "export", "second.plasma"]);
    let second = tokio::time::timeout(PATIENCE, second).await;
    expect(
        &second.expect("refused at once"),
        9,
        "another export is under way",
    );
    drop(held);
    let mut answer = String::new();
    first.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.contains("progress outputs 7\n") && answer.contains("\ndone {"),
        "{answer}"
    );
    assert!(folder.0.join("first.plasma").exists() && !folder.0.join("second.plasma").exists());
    desk.abort();
}
