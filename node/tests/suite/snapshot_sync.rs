//! A fresh operator among members that have pruned their bodies, over real sockets: true, lying, torn and stalling snapshots, and a
//! process that is killed on the way.

mod member;
mod told;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use plasma_core::{Address, Amount, DepositNumber, Epoch, Hash, Height, L1Event};
use plasma_node::{
    directory::Directory,
    operator::report::AnchorSeen,
    runtime::{
        snapshot_sync::{Found, Search, place::Place, vouchers::Vouchers},
        sync,
        terms::Terms,
    },
    storage::{
        Change, Keep, Moments, Read, Rows, Storage, Table,
        archive::{self, Scope},
        bulk::Stopped as _,
        check::{Certificates, verify},
        embedded::{EmbeddedStorage, Fjall, Settings},
        memory::MemoryStorage,
    },
};
use tokio::sync::watch;

use member::{Gives, Member, join, peer};

use super::{
    chain::{Chain, genesis, user},
    child::{self, Child},
    scratch::Scratch,
    tools::{expected, quiet},
};

/// Blocks of the federation, the height of its snapshot, and how many newest bodies it keeps.
const BLOCKS: u32 = 300;
const SNAPSHOT: u32 = 290;
const KEPT: u32 = 20;
/// Deposits of each block: the snapshot has more than one chunk.
const DEPOSITS: u64 = 20;
/// The connection of the one that looks for a snapshot.
const SEEKER: u16 = 9;

/// A federation of 300 blocks, and the state archive of block 290.
struct Federation {
    chain: Chain,
    folder: Scratch,
}

impl Federation {
    async fn new() -> Self {
        let mut chain = Chain::new(genesis());
        chain.storage = chain.storage.clone().keeping(Keep::Newest(KEPT));
        let folder = Scratch::new("federation");
        let mut numbers = (0..).map(DepositNumber);
        for height in 1..=BLOCKS {
            let events: Vec<L1Event> = (0..DEPOSITS)
                .map(|_| L1Event::Deposited {
                    number: numbers.next().unwrap(),
                    owner: user(1).address(),
                    asset: Address::ZERO,
                    amount: Amount::from(5u64),
                })
                .collect();
            // The snapshot's own block has no certificate.
            chain.decide(&events, height != SNAPSHOT).await;
            if height == SNAPSHOT {
                write(&chain.storage, folder.path());
            }
        }
        assert!(chain.storage.reader().horizon().unwrap() > Height(1));
        Self { chain, folder }
    }

    fn anchor(&self, height: u32) -> AnchorSeen {
        let header = self
            .chain
            .storage
            .reader()
            .header(Height(height))
            .unwrap()
            .unwrap();
        AnchorSeen {
            number: 1,
            height: header.height,
            history_root: header.history_root,
            l1_height: header.l1_height,
            time_s: 0,
        }
    }
}

/// Writes a storage's snapshot where its operator would.
fn write(storage: &MemoryStorage, data_dir: &Path) {
    let folder = data_dir.join("snapshots");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{SNAPSHOT}.plasma"));
    archive::write(&Storage::reader(storage), &file, Scope::State, &mut quiet).unwrap();
}

/// One search of a fresh operator with this anchor, among members that answer like this.
struct Seeker {
    home: Scratch,
    federation: Federation,
}

impl Seeker {
    async fn new() -> Self {
        let (home, federation) = (Scratch::new("seeker"), Federation::new().await);
        let genesis = &federation.chain.genesis;
        let identity = expected(&federation.chain).identity();
        // It has begun, and knows the genesis block alone.
        let path = home.path().join("db");
        drop(EmbeddedStorage::<Fjall>::open(&path, identity, &genesis.state(), Settings::default()).unwrap());
        Self { home, federation }
    }

    fn place(&self) -> Place {
        Place::of(&self.home.path().join("db"), Settings::default())
    }

    async fn search(&self, anchor: AnchorSeen, members: &[(Gives, &Path)]) -> Found {
        self.search_of(Epoch(0), anchor, members).await
    }

    async fn search_of(&self, epoch: Epoch, anchor: AnchorSeen, members: &[(Gives, &Path)]) -> Found {
        let all = Vouchers {
            slots: (0..).take(members.len()).collect(),
            faults: 1,
        };
        self.search_among((epoch, &[all]), anchor, members).await
    }

    async fn search_among(
        &self,
        (epoch, vouchers): (Epoch, &[Vouchers]),
        anchor: AnchorSeen,
        members: &[(Gives, &Path)],
    ) -> Found {
        let reader = self.federation.chain.storage.reader();
        let mut peers = vec![peer(SEEKER, Vec::new())];
        for (slot, (gives, data_dir)) in (0u16..).zip(members) {
            let member = Member::start(slot, *gives, reader.clone(), data_dir).await;
            peers.push(peer(member.slot, vec![member.address]));
        }
        let (handle, mut events) = join(SEEKER, peers);
        let genesis = Arc::clone(&self.federation.chain.genesis);
        let search = Search {
            genesis: &genesis,
            key: expected(&self.federation.chain).key,
            directory: &Directory::new(&genesis).unwrap(),
            least: epoch,
            active: epoch,
            vouchers,
            terms: &Terms {
                last_valid: Height(u32::MAX),
                ended: BTreeMap::new(),
            },
            vault: self,
            anchor,
            tip: Height(0),
            others: members.len(),
            place: &self.place(),
        };
        let (_stop, mut stopped) = watch::channel(false);
        let found = search.run(&handle, &mut events, &mut stopped).await.unwrap();
        handle.stop().await;
        found
    }

    /// Opens what is in place as an operator would; gives its height.
    fn open(&self) -> (EmbeddedStorage<Fjall>, Height) {
        self.place().tidy().unwrap();
        let expected = expected(&self.federation.chain);
        let genesis = self.federation.chain.genesis.state();
        let path = self.home.path().join("db");
        let storage =
            EmbeddedStorage::<Fjall>::open(&path, expected.identity(), &genesis, Settings::default())
                .unwrap();
        let reader = storage.reader();
        verify(&reader, &expected, Certificates::Newest, &mut quiet).unwrap();
        let (height, _) = reader.tip().unwrap();
        (storage, height)
    }

    /// What lies beside the storage.
    fn beside(&self) -> Vec<String> {
        let entries = fs::read_dir(self.home.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn height_of(found: Found) -> Height {
    match found {
        Found::Snapshot(report) => report.height,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_operator_joins_a_federation_that_has_pruned_its_bodies() {
    let seeker = Seeker::new().await;
    let dir = seeker.federation.folder.path();
    // The anchor lies below the snapshot, then above it.
    for anchor in [SNAPSHOT - 50, SNAPSHOT + 5] {
        let anchor = seeker.federation.anchor(anchor);
        let found = seeker.search(anchor, &[(Gives::Truth, dir); 3]).await;
        assert_eq!(height_of(found), Height(SNAPSHOT));
    }
    let (mut storage, height) = seeker.open();
    assert_eq!(height, Height(SNAPSHOT));
    assert_eq!(storage.reader().horizon().unwrap(), Height(SNAPSHOT + 1));
    assert_eq!(seeker.beside(), ["db", &format!("db.before-{SNAPSHOT}")]);
    // The rest comes by rows of blocks.
    let row = sync::answer(&seeker.federation.chain.storage.reader(), height, u32::MAX);
    let (blocks, certificate) = plasma_node::runtime::wire::decode_answer(&row, usize::MAX).unwrap();
    assert_eq!(blocks.last().unwrap().header.height, Height(BLOCKS));
    assert!(certificate.is_some());
    let above = usize::try_from(SNAPSHOT).unwrap();
    for (decided, delta) in &seeker.federation.chain.blocks[above..] {
        storage.commit(decided, delta).await.unwrap();
    }
    assert_eq!(storage.reader().tip().unwrap().0, Height(BLOCKS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lying_member_is_found_out_and_another_one_asked() {
    let seeker = Seeker::new().await;
    let dir = seeker.federation.folder.path();
    let anchor = seeker.federation.anchor(SNAPSHOT + 5);
    for lie in [
        Gives::Flipped,
        Gives::Cut,
        Gives::Header,
        Gives::Certificate,
        Gives::Nothing,
    ] {
        if lie != Gives::Nothing {
            let found = seeker.search(anchor, &[(lie, dir); 3]).await;
            assert_eq!(found, Found::Nowhere, "{lie:?}");
            assert_eq!(seeker.beside(), ["db"], "{lie:?}");
        }
        let found = seeker
            .search(anchor, &[(lie, dir), (Gives::Truth, dir), (Gives::Truth, dir)])
            .await;
        assert_eq!(height_of(found), Height(SNAPSHOT), "{lie:?}");
        let (storage, height) = seeker.open();
        assert_eq!(height, Height(SNAPSHOT));
        drop(storage);
        fs::remove_dir_all(seeker.home.path().join("db")).unwrap();
        let _ = fs::remove_dir_all(seeker.home.path().join(format!("db.before-{SNAPSHOT}")));
        let identity = expected(&seeker.federation.chain).identity();
        let state = seeker.federation.chain.genesis.state();
        let path = seeker.home.path().join("db");
        drop(EmbeddedStorage::<Fjall>::open(&path, identity, &state, Settings::default()).unwrap());
    }
}

/// The archive is whole, of the right block, and its rows are not those of that block.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_archive_with_false_rows_is_not_taken() {
    let seeker = Seeker::new().await;
    let chain = &seeker.federation.chain;
    let place = Scratch::new("forged");
    let file = seeker
        .federation
        .folder
        .path()
        .join(format!("snapshots/{SNAPSHOT}.plasma"));
    let mut forged = MemoryStorage::empty();
    plasma_node::storage::bulk::import(&file, &mut forged, &expected(chain), &mut quiet).unwrap();
    let rows = Storage::reader(&forged).moment().unwrap();
    let (key, mut value) = rows.rows(Table::Outputs, &[], None, 1).unwrap().remove(0);
    // Another owner.
    let at = value
        .windows(20)
        .position(|part| *part == user(1).address().0)
        .unwrap();
    value[at] ^= 1;
    let change = Change {
        table: Table::Outputs,
        key,
        value: Some(value),
    };
    forged.write(vec![change]).unwrap();
    write(&forged, place.path());
    let anchor = seeker.federation.anchor(SNAPSHOT - 5);
    let found = seeker.search(anchor, &[(Gives::Truth, place.path()); 3]).await;
    assert_eq!((found, seeker.beside()), (Found::Nowhere, vec!["db".to_owned()]));
}

/// Nothing that a header commits to is false, so no check finds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fate_of_a_deposit_is_believed_when_more_than_the_liars_say_it() {
    let seeker = Seeker::new().await;
    let chain = &seeker.federation.chain;
    let (place, dir) = (Scratch::new("forgetful"), seeker.federation.folder.path());
    let file = dir.join(format!("snapshots/{SNAPSHOT}.plasma"));
    let mut forged = MemoryStorage::empty();
    plasma_node::storage::bulk::import(&file, &mut forged, &expected(chain), &mut quiet).unwrap();
    let rows = Storage::reader(&forged).moment().unwrap();
    let (key, _) = rows.rows(Table::Deposits, &[], None, 1).unwrap().remove(0);
    let change = Change {
        table: Table::Deposits,
        key,
        value: None,
    };
    forged.write(vec![change]).unwrap();
    write(&forged, place.path());
    let anchor = seeker.federation.anchor(SNAPSHOT - 5);
    let (lie, truth) = ((Gives::Truth, place.path()), (Gives::Truth, dir));
    // Nobody can tell which of the two is true.
    let found = seeker.search(anchor, &[lie, truth]).await;
    assert_eq!((found, seeker.beside()), (Found::Nowhere, vec!["db".to_owned()]));
    assert_eq!(
        height_of(seeker.search(anchor, &[lie, truth, truth]).await),
        Height(SNAPSHOT)
    );
    let (storage, _) = seeker.open();
    let first = storage.reader().deposit(DepositNumber(0)).unwrap();
    assert!(first.is_some(), "the true one is in place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_of_another_chain_than_ethereum_knows_is_not_taken() {
    let seeker = Seeker::new().await;
    let dir = seeker.federation.folder.path();
    for height in [SNAPSHOT - 5, SNAPSHOT + 5] {
        let mut anchor = seeker.federation.anchor(height);
        anchor.history_root = Hash([3; 32]);
        let found = seeker.search(anchor, &[(Gives::Truth, dir); 3]).await;
        assert_eq!(found, Found::Nowhere, "{height}");
    }
    // Its committee has left long ago.
    let anchor = seeker.federation.anchor(SNAPSHOT + 5);
    let found = seeker
        .search_of(Epoch(1), anchor, &[(Gives::Truth, dir); 3])
        .await;
    assert_eq!((found, seeker.open().1), (Found::Nowhere, Height(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_snapshot_is_taken_while_an_honest_member_keeps_the_bodies() {
    let seeker = Seeker::new().await;
    let dir = seeker.federation.folder.path();
    let anchor = seeker.federation.anchor(SNAPSHOT + 5);
    let two = [(Gives::Bodies, dir), (Gives::Truth, dir), (Gives::Bodies, dir)];
    assert_eq!(seeker.search(anchor, &two).await, Found::NotNeeded);
    // One of three may lie.
    let one = [(Gives::Bodies, dir), (Gives::Truth, dir), (Gives::Truth, dir)];
    assert_eq!(height_of(seeker.search(anchor, &one).await), Height(SNAPSHOT));
}

/// Works in a child: searches in the folder that the parent gave.
async fn work(home: &Path) {
    let mut seeker = Seeker::new().await;
    // Its storage is the parent's.
    fs::remove_dir_all(seeker.home.path()).unwrap();
    std::os::unix::fs::symlink(home, seeker.home.path()).unwrap();
    let anchor = seeker.federation.anchor(SNAPSHOT + 5);
    drop(seeker.open());
    child::say("begins");
    let dir = seeker.federation.folder.path();
    let found = seeker.search(anchor, &[(Gives::Truth, dir); 3]).await;
    assert_eq!(height_of(found), Height(SNAPSHOT));
    fs::remove_file(seeker.home.path()).unwrap();
    seeker.home = Scratch::new("seeker");
    child::say("done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_on_the_way_begins_again() {
    if let Some(home) = child::folder() {
        return work(&home).await;
    }
    let test = "suite::snapshot_sync::a_process_that_is_killed_on_the_way_begins_again";
    let seeker = Seeker::new().await;
    let mut unfinished = 0;
    // It dies behind its first, second, … line, some spins later; the last one is left alone.
    for (lines, spins) in [
        (1, 0),
        (4, 0),
        (5, 0),
        (5, 3_000_000),
        (5, 30_000_000),
        (5, 100_000_000),
        (99, 0),
    ] {
        let mut child = Child::start(child::command(&[], test, seeker.home.path()));
        child.wait_for("begins");
        for _ in 0..lines {
            while child.hear().is_some_and(str::is_empty) {}
        }
        (0..spins).for_each(|step| assert!(std::hint::black_box(step) >= 0));
        child.kill();
        drop(child);
        unfinished += usize::from(seeker.beside().len() > 1);
        let (storage, height) = seeker.open();
        drop(storage);
        assert!([Height(0), Height(SNAPSHOT)].contains(&height), "{height:?}");
        assert!(
            seeker
                .beside()
                .iter()
                .all(|name| name == "db" || name.starts_with("db.before"))
        );
    }
    assert!(unfinished > 0, "none died on the way");
    assert_eq!(seeker.open().1, Height(SNAPSHOT));
}

/// Between any two steps of the change of names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checked_storage_is_put_in_place_by_the_next_start() {
    let seeker = Seeker::new().await;
    let dir = seeker.federation.folder.path();
    let anchor = seeker.federation.anchor(SNAPSHOT + 5);
    let name = |name: &str| seeker.home.path().join(name);
    height_of(seeker.search(anchor, &[(Gives::Truth, dir); 3]).await);
    // Neither renamed, then the old one renamed.
    fs::rename(name("db"), name("db.checked")).unwrap();
    drop(EmbeddedStorage::<Fjall>::open(
        &name("db"),
        expected(&seeker.federation.chain).identity(),
        &seeker.federation.chain.genesis.state(),
        Settings::default(),
    ));
    assert_eq!(seeker.open().1, Height(SNAPSHOT));
    fs::rename(name("db"), name("db.checked")).unwrap();
    assert_eq!(seeker.open().1, Height(SNAPSHOT));
    // What may be unfinished is removed, whatever is in it.
    fs::rename(name("db"), name("db.importing")).unwrap();
    fs::write(name("db.fetched"), b"half").unwrap();
    assert_eq!(seeker.open().1, Height(0));
    assert_eq!(seeker.beside(), ["db"]);
}
