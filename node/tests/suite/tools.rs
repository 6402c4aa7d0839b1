//! The tools around an operator's storage: archives, checks, imports, migrations, pruning, snapshots, and the commands.

pub(crate) mod archive;
pub(crate) mod bulk;
pub(crate) mod check;
pub(crate) mod commands;
pub(crate) mod histories;
pub(crate) mod logs;
pub(crate) mod prune;
pub(crate) mod restored;
pub(crate) mod snapshots;
pub(crate) mod stories;

use std::{
    cell::Cell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use plasma_core::{ExitId, Genesis, Hash, Height, L1Event, Position};
use plasma_node::storage::{
    Change, Moments, Progress, Row, Rows, Storage, StorageError, Table,
    archive::Scope,
    bulk::Stopped,
    check::Expected,
    memory::{MemoryReader, MemoryRows, MemoryStorage},
};

use super::{
    chain::{Chain, genesis, user},
    scratch::Scratch,
};

/// A ledger with something of everything: deposits, one reclaimed, payments, an open exit, an exit that was paid, and a
/// newest block without a certificate of its own.
pub(crate) async fn story() -> Chain {
    story_of(genesis()).await
}

pub(crate) async fn story_of(genesis: Genesis) -> Chain {
    let (mut chain, alice, bob) = (Chain::new(genesis), user(1), user(2));
    let first = chain.deposit(&alice, 1_000).await;
    let second = chain.deposit(&bob, 500).await;
    let third = chain.deposit(&bob, 70).await;
    chain.include(chain.payment(&alice, (first, 1_000), &bob, 300));
    chain.seal(&[]).await;
    let paid = Position {
        block: Height(4),
        transaction: 0,
        output: 0,
    };
    let [open, ended] = [1, 2].map(|number| ExitId(Hash([number; 32])));
    let start = |id, position| L1Event::ExitStarted {
        id,
        position,
        owner: bob.address(),
    };
    chain.seal(&[start(open, second), start(ended, paid)]).await;
    let end = L1Event::ExitEnded {
        id: ended,
        position: paid,
        paid: true,
    };
    chain
        .seal(&[
            end,
            L1Event::DepositReclaimed {
                number: plasma_core::DepositNumber(2),
            },
        ])
        .await;
    let change = Position { output: 1, ..paid };
    chain.include(chain.payment(&alice, (change, 700), &alice, 50));
    chain.decide(&[], false).await;
    assert!(
        !chain
            .storage
            .reader()
            .moment()
            .unwrap()
            .rows(Table::Exits, &[], None, 9)
            .unwrap()
            .is_empty()
    );
    assert_eq!(third.block, Height(3));
    chain
}

pub(crate) fn expected(chain: &Chain) -> Expected<'_> {
    Expected {
        genesis: &chain.genesis,
        key: plasma_node::folder::Identity::new(chain.genesis.hash(), &chain.genesis.members[0].key).key,
        later: &[],
    }
}

/// Every row of every table.
pub(crate) fn rows_of(source: &impl Moments) -> Vec<(Table, Row)> {
    let rows = source.moment().unwrap();
    let table = |table| {
        rows.rows(table, &[], None, usize::MAX)
            .unwrap()
            .into_iter()
            .map(move |row| (table, row))
    };
    Table::ALL.into_iter().flat_map(table).collect()
}

pub(crate) fn quiet(_: Progress) {}

/// An archive of a storage in a folder of its own.
pub(crate) fn archived(storage: &MemoryStorage, scope: Scope) -> (Scratch, std::path::PathBuf) {
    let scratch = Scratch::new("archive");
    let file = scratch.path().join("backup.plasma");
    plasma_node::storage::archive::write(&Storage::reader(storage), &file, scope, &mut quiet).unwrap();
    (scratch, file)
}

/// A source to which a block is committed at one of its moments.
pub(crate) struct Moving {
    storage: MemoryStorage,
    pub(crate) moments: Cell<u32>,
    moves_at: u32,
}

impl Moving {
    pub(crate) fn new(storage: &MemoryStorage, moves_at: u32) -> Self {
        Self {
            storage: storage.clone(),
            moments: Cell::new(0),
            moves_at,
        }
    }
}

impl Moments for Moving {
    type Rows = MemoryRows;

    fn moment(&self) -> Result<MemoryRows, StorageError> {
        self.moments.set(self.moments.get() + 1);
        if self.moments.get() == self.moves_at {
            let tip = [&9u32.to_be_bytes()[..], &[7; 32]].concat();
            let change = Change {
                table: Table::Meta,
                key: b"tip".to_vec(),
                value: Some(tip),
            };
            Stopped::write(&mut self.storage.clone(), vec![change])?;
        }
        Storage::reader(&self.storage).moment()
    }

    fn pin(&self) -> Result<Self, StorageError> {
        Ok(Self::new(&self.storage, self.moves_at))
    }
}

/// A reader whose answers wait for the holder of a gate.
#[derive(Clone)]
pub(crate) struct Gated {
    pub(crate) reader: MemoryReader,
    pub(crate) gate: Arc<Mutex<()>>,
    /// Questions that came to the gate.
    pub(crate) asked: Arc<AtomicU32>,
}

impl Gated {
    pub(crate) fn new(storage: &MemoryStorage) -> Self {
        Self {
            reader: Storage::reader(storage),
            gate: Arc::default(),
            asked: Arc::default(),
        }
    }

    /// Waits until somebody stands at the gate.
    pub(crate) async fn somebody_waits(&self) {
        let waits = async {
            while self.asked.load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waits)
            .await
            .unwrap();
    }
}

impl Moments for Gated {
    type Rows = MemoryRows;

    fn moment(&self) -> Result<MemoryRows, StorageError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        drop(self.gate.lock().unwrap());
        self.reader.moment()
    }

    fn pin(&self) -> Result<Self, StorageError> {
        Ok(Self {
            reader: self.reader.pin()?,
            ..self.clone()
        })
    }
}
