//! Rows in the operator's own FoundationDB cluster, or in several.
//!
//! A commit is one transaction that reads its own marker, the tip, first: tried again after any answer, also after none, it
//! happens exactly once. What no single transaction holds goes through [`steps`]. A token that every write reads keeps a second
//! process out ([`lease`]). Everything here waits for the network, so it runs on blocking threads; each call has a deadline.
//! FoundationDB has no access control: a cluster belongs to one operator.

mod attempts;
#[cfg(feature = "fdb")]
pub mod client;
pub mod cluster;
mod keys;
mod lease;
mod rows;
mod shares;
mod steps;

use std::{path::Path, sync::Arc};

use plasma_core::{BlockId, Delta, Height, State};

use self::{
    attempts::{Failed, Outcome, transact},
    cluster::{Cluster, Isolation, Transaction},
    keys::{Keys, Write},
    lease::{Heart, Lease, Token},
    rows::{Shared, Store, Undo},
    shares::MAIN,
    steps::Intent,
};
pub use self::{
    rows::{FoundationReader, FoundationRows},
    shares::Shares,
};
use super::{
    Decided, Saved, Storage, StorageError, ask_anew, changes, opening, query,
    rows::{Change, Moments, Rows},
    schema::{self, Table},
};
use crate::folder::Identity;

/// The storage of one operator in its clusters.
#[derive(Debug)]
pub struct FoundationStorage<C: Cluster> {
    writer: Arc<Writer<C>>,
    height: Height,
    /// Keeps the leases alive; none in a simulated world, whose time is its own.
    _heart: Option<Heart>,
}

/// Where an operator's rows lie, and who writes them.
#[derive(Clone, Debug)]
pub struct Site<C> {
    /// The main cluster, then those of the shares.
    pub clusters: Vec<C>,
    /// Path in the directory layer, below which genesis and operator have their own.
    pub directory: Vec<String>,
    /// Which cluster holds whose outputs.
    pub shares: Shares,
    /// This process, for the error that another one shows.
    pub holder: String,
    /// Numbers that another process does not draw.
    pub token: [u8; 16],
    /// Whether a thread keeps the right to write.
    pub has_heart: bool,
    /// Limits.
    pub settings: Settings,
}

/// What an operator may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Largest commit in one transaction, counted with its keys; larger ones go in steps. The cluster refuses above ten
    /// million.
    pub transaction_bytes: usize,
}

impl Default for Settings {
    /// Four megabytes: three thousand payments commit in one journey, and the cluster's own limit is far.
    fn default() -> Self {
        Self {
            transaction_bytes: 4_000_000,
        }
    }
}

/// The part that writes, for the threads that it waits on.
#[derive(Debug)]
struct Writer<C: Cluster> {
    reader: FoundationReader<C>,
    leases: Vec<Arc<Lease<C>>>,
    settings: Settings,
}

impl<C: Cluster> FoundationStorage<C> {
    /// Opens the rows of an operator, or starts ones that have seen genesis; finishes a commit that was decided. Waits for
    /// the network: call it on a blocking thread.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when a cluster does not serve, [`StorageError::Fenced`] when another process writes,
    /// [`StorageError::Schema`] and [`StorageError::Identity`] when the rows are not for this program or operator.
    pub fn open(site: Site<C>, identity: Identity, genesis: &State) -> Result<Self, StorageError> {
        let path = [
            site.directory,
            vec![
                identity.genesis.to_string(),
                format!("operator-{}", identity.operator.0),
            ],
        ]
        .concat();
        if site.shares.count() > site.clusters.len() || site.clusters.is_empty() {
            return Err(StorageError::Shares {
                byte: 0,
                problem: "names a cluster that is not in the list",
            });
        }
        let mut stores = Vec::new();
        for cluster in site.clusters {
            let prefix = attempts::repeat(&cluster, "open the directory", || Ok(cluster.directory(&path)?))?;
            stores.push(Store {
                cluster,
                keys: Keys::new(prefix),
            });
        }
        let leases = stores
            .iter()
            .map(|store| lease_of(store, site.token, &site.holder))
            .collect::<Result<Vec<_>, _>>()?;
        let heart = site.has_heart.then(|| Heart::start(leases.clone()));
        let writer = Writer {
            reader: FoundationReader::new(Arc::new(Shared::new(stores, site.shares))),
            leases,
            settings: site.settings,
        };
        if let Some(intent) = writer.unfinished()? {
            tracing::info!(
                height = intent.height.0,
                "finishing a block that was written in part"
            );
            writer.finish(&intent)?;
        }
        let rows = writer.reader.moment()?;
        let name = writer.store(MAIN)?.cluster.name().to_owned();
        if let Some(changes) = opening::check(Path::new(&name), &rows, &identity, genesis)? {
            writer.write_rows(changes)?;
        }
        let (height, _) = query::tip(&writer.reader.moment()?)?;
        Ok(Self {
            writer: Arc::new(writer),
            height,
            _heart: heart,
        })
    }
}

impl<C: Cluster> FoundationStorage<C> {
    /// Shows other processes that this one lives; a thread does so by itself where time is real.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when a cluster does not serve.
    pub fn beat(&self) -> Result<(), StorageError> {
        self.writer.leases.iter().try_for_each(|lease| lease.beat())
    }
}

fn lease_of<C: Cluster>(store: &Store<C>, token: Token, holder: &str) -> Result<Arc<Lease<C>>, StorageError> {
    Lease::take(&store.cluster, &store.keys, token, holder).map(Arc::new)
}

impl<C: Cluster> Storage for FoundationStorage<C> {
    type Reader = FoundationReader<C>;

    fn reader(&self) -> FoundationReader<C> {
        self.writer.reader.clone()
    }

    /// Waits for the cluster on a blocking thread, so this needs a tokio runtime.
    async fn commit(&mut self, decided: &Decided, delta: &Delta) -> Result<(), StorageError> {
        let (writer, decided, delta) = (Arc::clone(&self.writer), decided.clone(), delta.clone());
        let height = delta.height;
        let written = tokio::task::spawn_blocking(move || writer.commit(&decided, &delta));
        written.await.map_err(|_| StorageError::ShuttingDown)??;
        self.height = self.height.max(height);
        Ok(())
    }

    /// A commit that the cluster acknowledged is durable.
    fn durable(&self) -> Result<Height, StorageError> {
        Ok(self.height)
    }

    async fn recover(&self) -> Result<Saved, StorageError> {
        let reader = self.reader();
        let saved = tokio::task::spawn_blocking(move || query::saved(&reader.moment()?));
        saved.await.map_err(|_| StorageError::ShuttingDown)?
    }
}

impl<C: Cluster> Writer<C> {
    fn commit(&self, decided: &Decided, delta: &Delta) -> Result<(), StorageError> {
        let Plan {
            is_new,
            writes,
            last,
            undo,
        } = ask_anew(|| self.plan(decided, delta))?;
        let Some(undo) = undo else {
            return self.commit_at_once(is_new.then_some((delta.height, delta.block)), &writes, &last);
        };
        let intent = Intent {
            height: delta.height,
            block: delta.block,
            writes,
            last,
        };
        self.begin(&intent)?;
        self.reader.shared.remember(Some(undo));
        // After an error readers go on seeing the block before; whoever opens the storage again finishes this one.
        self.finish(&intent)?;
        self.reader.shared.remember(None);
        Ok(())
    }

    /// What to write, and how, from one moment.
    fn plan(&self, decided: &Decided, delta: &Delta) -> Result<Plan, StorageError> {
        let rows = self.reader.moment()?;
        let changes = changes::of_block(&rows, decided, delta)?;
        let (last, first): (Vec<&Change>, Vec<&Change>) =
            changes.iter().partition(|change| change.table == Table::Meta);
        let writes = self.writes(&first)?;
        let last: Vec<Write> = self.writes(&last)?.into_iter().map(|(_, write)| write).collect();
        let size: usize = writes
            .iter()
            .map(|(_, write)| write)
            .chain(&last)
            .map(Write::size)
            .sum();
        let is_in_main = writes.iter().all(|(place, _)| *place == MAIN);
        let needs_steps = !is_in_main || size > self.settings.transaction_bytes;
        Ok(Plan {
            is_new: query::tip(&rows)?.0 < delta.height,
            writes,
            last,
            undo: needs_steps
                .then(|| undo(&rows, &changes, delta.height))
                .transpose()?,
        })
    }

    /// Everything in one transaction, beside the tip that it moves, if it moves it.
    fn commit_at_once(
        &self,
        tip: Option<(Height, BlockId)>,
        writes: &[(usize, Write)],
        last: &[Write],
    ) -> Result<(), StorageError> {
        let main = self.store(MAIN)?;
        transact(&main.cluster, "commit a block", |transaction| {
            match tip {
                Some((height, block)) if !self.expect_tip(transaction, height, block)? => {
                    return Ok(Outcome::Done(()));
                }
                Some(_) => {}
                None => self.lease(MAIN)?.check(transaction)?,
            }
            let all = writes.iter().map(|(_, write)| write).chain(last);
            all.for_each(|write| write.perform(transaction));
            Ok(Outcome::Commit(()))
        })
    }

    /// Whether a block is still to be written: the tip is one below it. Not when an earlier attempt was heard after all.
    fn expect_tip(
        &self,
        transaction: &C::Transaction,
        height: Height,
        block: BlockId,
    ) -> Result<bool, Failed> {
        self.lease(MAIN)?.check(transaction)?;
        let key = self.store(MAIN)?.keys.row(Table::Meta, schema::TIP);
        let found = transaction.values(std::slice::from_ref(&key), Isolation::Serializable)?;
        let tip = found.into_iter().flatten().next();
        let tip = tip.as_deref().and_then(schema::decode_tip);
        let (tip_height, tip) = tip.ok_or_else(|| query::damaged(Table::Meta, schema::TIP))?;
        if (tip_height, tip) == (height, block) {
            return Ok(false);
        }
        if tip_height.next() == Some(height) {
            return Ok(true);
        }
        Err(Failed::Final(StorageError::Gap {
            tip: tip_height,
            found: height,
        }))
    }

    /// Rows in bounded transactions, without a marker: for a storage that nobody uses yet. Rows of meta come last.
    fn write_rows(&self, mut changes: Vec<Change>) -> Result<(), StorageError> {
        changes.sort_by_key(|change| change.table == Table::Meta);
        let writes = self.writes(&changes.iter().collect::<Vec<_>>())?;
        for (place, store) in self.reader.shared.stores.iter().enumerate() {
            let mine = writes
                .iter()
                .filter(|(at, _)| *at == place)
                .map(|(_, write)| write);
            for step in self.steps(mine) {
                transact(&store.cluster, "write rows", |transaction| {
                    self.lease(place)?.check(transaction)?;
                    step.iter().for_each(|write| write.perform(transaction));
                    Ok(Outcome::Commit(()))
                })?;
            }
        }
        Ok(())
    }

    fn writes(&self, changes: &[&Change]) -> Result<Vec<(usize, Write)>, StorageError> {
        let mut writes = Vec::with_capacity(changes.len());
        for Change { table, key, value } in changes {
            let place = self.reader.shared.shares.target(*table, key, value.as_deref());
            let keys = &self.store(place)?.keys;
            let some = keys.writes(*table, key, value.as_deref());
            writes.extend(some.into_iter().map(|write| (place, write)));
        }
        Ok(writes)
    }

    fn store(&self, place: usize) -> Result<&Store<C>, StorageError> {
        self.reader
            .shared
            .stores
            .get(place)
            .ok_or(StorageError::ShuttingDown)
    }

    fn lease(&self, place: usize) -> Result<&Lease<C>, StorageError> {
        let lease = self.leases.get(place).ok_or(StorageError::ShuttingDown)?;
        Ok(lease)
    }
}

/// A commit before it is begun.
struct Plan {
    /// Whether it moves the tip; not when only a certificate is new.
    is_new: bool,
    writes: Vec<(usize, Write)>,
    /// Those of meta, which come last.
    last: Vec<Write>,
    /// What the rows hold before, when the commit takes steps.
    undo: Option<Undo>,
}

/// What the rows that a block changes hold now. Rows that only it can have made are known to be absent.
fn undo(rows: &impl Rows, changes: &[Change], height: Height) -> Result<Undo, StorageError> {
    let mut before = Undo::new();
    let born = height.0.to_be_bytes();
    for table in Table::ALL {
        let (new, old): (Vec<&Change>, Vec<&Change>) = changes
            .iter()
            .filter(|change| change.table == table)
            .partition(|change| match table {
                Table::Outputs | Table::Headers | Table::Bodies | Table::Leaves => {
                    change.key.starts_with(&born)
                }
                Table::Owners => change
                    .key
                    .get(20..)
                    .is_some_and(|position| position.starts_with(&born)),
                Table::Transactions => change.value.is_some(),
                _ => false,
            });
        before.extend(new.into_iter().map(|change| ((table, change.key.clone()), None)));
        let keys: Vec<Vec<u8>> = old.into_iter().map(|change| change.key.clone()).collect();
        let values = rows.values(table, &keys)?;
        before.extend(keys.into_iter().map(|key| (table, key)).zip(values));
    }
    Ok(before)
}
