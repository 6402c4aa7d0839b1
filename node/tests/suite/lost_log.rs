//! An operator that has voted does not start without its log, nor with one that it cannot read whole.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use plasma_core::{Epoch, Genesis, SecretKey};
use plasma_node::{
    cli::StartError,
    config::{Config, tokens::Tokens},
    folder::Identity,
    keystore::{OperatorKeys, Secret},
    operator::rejoining::{confession, doubt_at},
    runtime::{
        log::{LOG_BODY, LOG_CASE, LOG_CONSENSUS, RecordError},
        start::{RunError, Start, run},
    },
    storage::{
        Storage,
        embedded::{EmbeddedStorage, Fjall, Settings},
    },
    wal::{LogSite, Lsn, Record, Wal},
};
use tokio::sync::watch;

use super::{
    chain::{Chain, genesis, user},
    scratch::Scratch,
};

/// One operator's folders and settings.
struct Station {
    _scratch: Scratch,
    data: PathBuf,
    settings: String,
    genesis: Arc<Genesis>,
}

impl Station {
    fn new(name: &str) -> Self {
        Self::on(name, "memory")
    }

    fn on(name: &str, backend: &str) -> Self {
        let scratch = Scratch::new(name);
        let (data, key) = (scratch.path().join("data"), scratch.path().join("bls.key"));
        let settings = format!(
            "data_dir = {data:?}\n[keys]\nbls = {key:?}\n[storage]\nbackend = {backend:?}\n\
             [http]\nmax_connections = 8\n[p2p]\nmax_clients = 8\n"
        );
        Self {
            _scratch: scratch,
            data,
            settings,
            genesis: Arc::new(genesis()),
        }
    }

    /// Leaves what a first start leaves when Ethereum has answered.
    fn live(&self) {
        self.make_log();
        let mark = self.data.with_file_name("bls.voted");
        fs::write(mark, self.genesis.hash().to_string()).unwrap();
    }

    fn make_log(&self) {
        Wal::open(LogSite::on_disk(&self.log(), self.identity(), 1)).unwrap();
    }

    /// Starts the operator; told to stop from the beginning, so that one that is not refused ends at the first wait for
    /// Ethereum.
    async fn start(&self) -> Result<(), RunError> {
        self.begin(false).await
    }

    /// As the flag starts it.
    async fn rejoin(&self) -> Result<(), RunError> {
        self.begin(true).await
    }

    async fn begin(&self, rejoins: bool) -> Result<(), RunError> {
        let secret = || Secret::new([1; 32]);
        let start = Start {
            config: Config::parse("plasma.toml", &self.settings, &[]).unwrap(),
            genesis: Arc::clone(&self.genesis),
            keys: OperatorKeys {
                bls: secret(),
                peer: secret(),
                ethereum: secret(),
            },
            successors: Vec::new(),
            tokens: Tokens::default(),
            rejoins,
        };
        let (_stop, stopped) = watch::channel(true);
        run(start, stopped).await
    }

    fn log(&self) -> PathBuf {
        self.data.join("log")
    }

    fn open_log(&self) -> plasma_node::wal::Opened {
        Wal::reopen(LogSite::on_disk(&self.log(), self.identity(), 1), None).unwrap()
    }

    fn identity(&self) -> Identity {
        let key = SecretKey::from_bytes(&[1; 32]).expect("a scalar").public();
        Identity::new(self.genesis.hash(), &key)
    }

    /// Blocks in the storage, committed while the log was on disk up to a record.
    async fn commit(&self, log: Lsn) {
        let mut chain = Chain::new((*self.genesis).clone());
        chain.storage.fence(log);
        for _ in 0..2 {
            chain.deposit(&user(1), 5).await;
        }
        let mut storage = EmbeddedStorage::<Fjall>::open(
            &self.data.join("db"),
            self.identity(),
            &self.genesis.state(),
            Settings::default(),
        )
        .unwrap();
        storage.fence(log);
        for (decided, delta) in &chain.blocks {
            storage.commit(decided, delta).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_ends_below_the_fence_is_an_old_copy_and_never_voted_from() {
    let station = Station::on("old-log", "embedded");
    station.live();
    let old = fs::read_dir(station.log())
        .unwrap()
        .map(|file| file.unwrap().path());
    let old: Vec<_> = old
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "log"))
        .map(|path| (fs::read(&path).unwrap(), path))
        .collect();
    let vote = Record {
        epoch: Epoch(0),
        kind: LOG_CONSENSUS,
        content: vote_of(0),
    };
    let last = station
        .open_log()
        .wal
        .append_batch(&[vote.clone(), vote])
        .unwrap();
    station.commit(last).await;
    assert!(station.start().await.is_ok(), "the log reaches the fence");
    let newest = fs::read(&old[0].1).unwrap();
    for (bytes, path) in &old {
        fs::write(path, bytes).unwrap();
    }
    for _ in 0..2 {
        let refused = station.start().await.unwrap_err();
        assert!(
            matches!(&refused, RunError::OldLog { path, last: Lsn(0), fence } if *path == station.log() && *fence == last),
            "{refused}"
        );
        let text = refused.to_string();
        let words = ["ends at record 0", "held record 2", "--amnesia-rejoin"];
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
        assert_eq!(StartError::from(refused).code(), ExitCode::from(6));
    }
    fs::write(&old[0].1, newest).unwrap();
    assert!(station.start().await.is_ok(), "the newest log is back");
}

/// Whether it may have voted only Ethereum can say.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_leaves_nothing_before_ethereum_has_answered() {
    let station = Station::on("first-start", "embedded");
    for _ in 0..2 {
        assert!(station.start().await.is_ok(), "told to stop");
        assert!(!station.log().exists() && !station.data.with_file_name("bls.voted").exists());
    }
}

/// A flipped bit looks like a torn tail; only storage knows that the batch was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_refused_stays_as_it_is() {
    let station = Station::on("kept-log", "embedded");
    station.live();
    let vote = Record {
        epoch: Epoch(0),
        kind: LOG_CONSENSUS,
        content: vote_of(0),
    };
    let last = station.open_log().wal.append_batch(&[vote]).unwrap();
    station.commit(last).await;
    let whole = files(&station.log());
    let (path, bytes) = &whole[0];
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let mut rotten = bytes.clone();
    rotten[end - 40] ^= 1;
    fs::write(path, &rotten).unwrap();
    for _ in 0..2 {
        let refused = station.start().await.unwrap_err();
        assert!(matches!(refused, RunError::OldLog { .. }), "{refused}");
        let found = files(&station.log());
        assert!(found == [(path.clone(), rotten.clone())], "it was changed");
    }
    fs::write(path, bytes).unwrap();
    assert!(station.start().await.is_ok(), "the bit is right again");
}

/// The segments of a log.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let segments = entries.filter(|path| path.extension().is_some_and(|suffix| suffix == "log"));
    let mut found: Vec<_> = segments
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect();
    found.sort();
    found
}

/// What the log says about lost votes, record by record.
fn losses(station: &Station) -> Vec<plasma_consensus::Record> {
    let entries = station.open_log().entries;
    let records = entries
        .iter()
        .map(|entry| plasma_consensus::Record::decode(&entry.record.content));
    records
        .map(|record| record.expect("a record of the engine"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_log_begins_anew_above_the_fence_and_confesses_until_the_rejoin_is_done() {
    let station = Station::on("rejoin-lost-log", "embedded");
    station.live();
    station.commit(Lsn(7)).await;
    fs::remove_dir_all(station.log()).unwrap();
    assert!(matches!(station.start().await, Err(RunError::LostLog { .. })));
    // Told to stop before anybody was asked; and again, as after a crash.
    for _ in 0..2 {
        station.rejoin().await.unwrap();
        let opened = station.open_log();
        assert!(opened.entries[0].lsn > Lsn(7) && opened.wal.last_lsn() >= opened.entries[0].lsn);
        drop(opened);
        assert_eq!(losses(&station), [confession(Epoch(0))]);
    }
}

/// It went further than the last commit says, or storage was imported and says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_that_was_lost_is_refused_when_it_comes_back_after_the_rejoin() {
    for known in [Some(Lsn(2)), None] {
        let station = Station::on("rejoin-then-put-back", "embedded");
        station.live();
        let vote = Record {
            epoch: Epoch(0),
            kind: LOG_CONSENSUS,
            content: vote_of(0),
        };
        station.open_log().wal.append_batch(&vec![vote; 20]).unwrap();
        if let Some(fence) = known {
            station.commit(fence).await;
        }
        let aside = station.data.with_file_name("aside");
        fs::rename(station.log(), &aside).unwrap();
        station.rejoin().await.unwrap();
        let anew = station.open_log().wal.last_lsn();
        // The first commit of the new life.
        fs::remove_dir_all(station.data.join("db")).unwrap();
        station.commit(anew).await;
        fs::remove_dir_all(station.log()).unwrap();
        fs::rename(&aside, station.log()).unwrap();
        let refused = station.start().await;
        assert!(matches!(refused, Err(RunError::OldLog { .. })), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_keeps_what_it_holds_and_confesses() {
    let station = Station::on("rejoin-old-log", "embedded");
    station.live();
    let vote = Record {
        epoch: Epoch(0),
        kind: LOG_CONSENSUS,
        content: vote_of(0),
    };
    station.open_log().wal.append_batch(&[vote]).unwrap();
    station.commit(Lsn(9)).await;
    assert!(matches!(station.start().await, Err(RunError::OldLog { .. })));
    station.rejoin().await.unwrap();
    let found = losses(&station);
    assert!(matches!(&found[0], plasma_consensus::Record::Vote(_)));
    assert_eq!(found[1..], [confession(Epoch(0))]);
    assert!(station.open_log().wal.last_lsn() > Lsn(9), "above the fence");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_log_is_never_rejoined_from() {
    let station = Station::new("rejoin-good-log");
    station.live();
    let refused = station.rejoin().await.unwrap_err();
    assert!(
        matches!(&refused, RunError::GoodLog { path } if *path == station.log()),
        "{refused}"
    );
    assert!(
        refused.to_string().contains("start without --amnesia-rejoin"),
        "{refused}"
    );
    // One whose votes were lost and accounted for lacks nothing either.
    let amnesia = plasma_consensus::Record::Amnesia {
        epoch: Epoch(0),
        floor: plasma_core::View(9),
    };
    for (record, is_refused) in [(confession(Epoch(0)), false), (amnesia, true)] {
        let record = Record {
            epoch: Epoch(0),
            kind: LOG_CONSENSUS,
            content: record.encode(),
        };
        station.open_log().wal.append_batch(&[record]).unwrap();
        assert_eq!(station.rejoin().await.is_err(), is_refused);
    }
}

/// A storage that came from others may be epochs ahead of a log that lacks votes.
#[test]
fn a_storage_of_others_does_not_lead_past_a_doubt() {
    let floor = plasma_consensus::Record::Amnesia {
        epoch: Epoch(1),
        floor: plasma_core::View(9),
    };
    for known in [vec![confession(Epoch(1))], vec![confession(Epoch(1)), floor]] {
        assert_eq!(doubt_at(&known, Epoch(3)), Some(confession(Epoch(3))));
        assert_eq!(doubt_at(&known, Epoch(1)), None, "it is there");
        let told = [known, vec![confession(Epoch(3))]].concat();
        assert_eq!(doubt_at(&told, Epoch(3)), None, "once");
        assert_eq!(doubt_at(&told, Epoch(4)), Some(confession(Epoch(4))));
    }
    assert_eq!(doubt_at(&[], Epoch(3)), None, "a whole log lacks nothing");
}

#[tokio::test]
async fn a_mark_that_cannot_be_made_durable_stops_the_start() {
    let station = Station::new("no-mark");
    station.make_log();
    // A folder stands where the mark must be.
    fs::create_dir(station.data.with_file_name("bls.voted")).unwrap();
    let refused = station.start().await.unwrap_err();
    assert!(matches!(refused, RunError::Mark { .. }), "{refused}");
}

#[tokio::test]
async fn who_has_voted_is_refused_at_every_start_until_the_log_is_back() {
    let station = Station::new("lost-log");
    station.live();
    fs::remove_dir_all(station.log()).unwrap();
    for _ in 0..2 {
        let refused = station.start().await;
        assert!(matches!(refused, Err(RunError::LostLog { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_stops_the_start_and_stays_in_the_log() {
    let cases = [
        (9, vec![1, 2, 3], "its kind 9 is unknown here"),
        (LOG_CONSENSUS, vec![1, 2, 3], "it is none of an engine's"),
        // A vote of a member that no committee has.
        (LOG_CONSENSUS, vote_of(100), "it is none of an engine's"),
        (LOG_BODY, vec![7; 40], "it holds no block"),
        (LOG_CASE, vec![7; 40], "it holds no case"),
    ];
    for (number, (kind, content, words)) in cases.into_iter().enumerate() {
        let station = Station::new(&format!("unreadable-log-{number}"));
        station.live();
        let record = Record {
            epoch: Epoch(0),
            kind,
            content,
        };
        let lsn = station
            .open_log()
            .wal
            .append_batch(std::slice::from_ref(&record))
            .unwrap();
        for _ in 0..2 {
            let refused = station.start().await.unwrap_err();
            let text = refused.to_string();
            assert!(
                matches!(refused, RunError::UnreadableLog { lsn: found, .. } if found == lsn),
                "{text}"
            );
            let path = station.log().display().to_string();
            let way_out = ["Start the version that wrote it", "rejoin under a new key"];
            assert!(text.contains(words) && text.contains(&path), "{text}");
            assert!(way_out.iter().all(|way| text.contains(way)), "{text}");
        }
        let entries = station.open_log().entries;
        assert_eq!(entries.last().map(|entry| &entry.record), Some(&record));
    }
    assert_eq!(RecordError::Kind(9).to_string(), "its kind 9 is unknown here");
}

/// The bytes of a nullify vote in the log.
fn vote_of(signer: u8) -> Vec<u8> {
    let mut bytes = vec![1, 2, 0, signer];
    bytes.extend([0; 8]);
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 5]);
    bytes.extend([3; 96]);
    bytes
}
