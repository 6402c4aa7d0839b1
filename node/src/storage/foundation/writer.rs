//! The part that writes, on the threads that wait for a cluster.

use std::{path::PathBuf, sync::Arc};

use plasma_core::{BlockId, Delta, Height};

use super::{
    FoundationReader, Settings, Site,
    attempts::{Failed, Outcome, repeat, transact},
    cluster::{Cluster, Isolation, Transaction},
    keys::{Keys, Write},
    lease::{Heart, Lease},
    rows::{Shared, Store, Undo},
    shares::MAIN,
    steps::Intent,
};
use crate::{
    folder::Identity,
    storage::{
        Decided, StorageError, ask_anew, changes, history, prune, query,
        rows::{Change, Moments, Rows},
        schema::{self, Table},
    },
    wal::Lsn,
};

/// Writes rows, blocks above all.
#[derive(Debug)]
pub(super) struct Writer<C: Cluster> {
    pub(super) reader: FoundationReader<C>,
    pub(super) leases: Vec<Arc<Lease<C>>>,
    pub(super) settings: Settings,
}

impl<C: Cluster> Writer<C> {
    /// Takes the right to write everywhere and finishes what the process before left unfinished.
    pub(super) fn open(site: Site<C>, identity: &Identity) -> Result<(Self, Option<Heart>), StorageError> {
        if site.shares.count() > site.clusters.len() || site.clusters.is_empty() {
            return Err(StorageError::Shares {
                byte: 0,
                problem: "names a cluster that is not in the list",
            });
        }
        let mut path = site.directory;
        path.push(identity.genesis.to_string());
        path.push(format!("operator-{}", identity.key));
        let mut stores = Vec::new();
        for (place, cluster) in site.clusters.into_iter().enumerate() {
            // A share has a directory of its own, so that two of them may lie in one cluster.
            let share = (place != MAIN).then(|| format!("share-{place}"));
            let path: Vec<String> = path.iter().cloned().chain(share).collect();
            let prefix = repeat(&cluster, "open the directory", || Ok(cluster.directory(&path)?))?;
            stores.push(Store {
                cluster,
                keys: Keys::new(prefix),
            });
        }
        let leases = stores
            .iter()
            .map(|Store { cluster, keys }| Lease::take(cluster, keys, site.token, &site.holder).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let heart = site.has_heart.then(|| Heart::start(leases.clone()));
        let writer = Self {
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
        Ok((writer, heart))
    }

    /// The main cluster's file, for messages.
    pub(super) fn place(&self) -> Result<PathBuf, StorageError> {
        Ok(PathBuf::from(self.store(MAIN)?.cluster.name()))
    }

    pub(super) fn commit(
        &self,
        decided: &Decided,
        delta: &Delta,
        fence: Option<Lsn>,
    ) -> Result<(), StorageError> {
        let Plan {
            is_new,
            writes,
            last,
            undo,
        } = ask_anew(|| self.plan(decided, delta, fence))?;
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
    fn plan(&self, decided: &Decided, delta: &Delta, fence: Option<Lsn>) -> Result<Plan, StorageError> {
        let rows = self.reader.moment()?;
        let mut changes = changes::of_block(&rows, decided, delta, fence)?;
        prune::push(&mut changes, &rows, delta.height, self.settings.keep)?;
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
    pub(super) fn expect_tip(
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
    pub(super) fn write_rows(&self, mut changes: Vec<Change>) -> Result<(), StorageError> {
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

    pub(super) fn store(&self, place: usize) -> Result<&Store<C>, StorageError> {
        self.reader
            .shared
            .stores
            .get(place)
            .ok_or(StorageError::ShuttingDown)
    }

    pub(super) fn lease(&self, place: usize) -> Result<&Lease<C>, StorageError> {
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
                Table::History => history::is_of(&change.key, height),
                Table::ExitTurns => change.key.starts_with(&(!height.0).to_be_bytes()),
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
