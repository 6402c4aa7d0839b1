//! The rows of one moment, over all clusters of an operator.
//!
//! A commit in steps changes rows in several transactions. While it runs, the rows that it changes are remembered as they were
//! and laid over what is read, so that a reader sees the block before or the block after and nothing between.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, PoisonError, RwLock},
};

use super::{
    attempts::{Failed, repeat},
    cluster::{Cluster, Fault, Isolation, KeyRange, READS_MAX, TOO_OLD, Transaction},
    keys::{self, Keys},
    shares::{Place, Shares},
};
use crate::storage::{
    StorageError,
    rows::{Moments, Row, Rows},
    schema::Table,
};

/// One cluster and our keys in it.
#[derive(Debug)]
pub(super) struct Store<C> {
    pub(super) cluster: C,
    pub(super) keys: Keys,
}

/// What storage and its readers share.
#[derive(Debug)]
pub(super) struct Shared<C> {
    pub(super) stores: Vec<Store<C>>,
    pub(super) shares: Shares,
    /// Rows as they were before the commit in steps that is under way. A moment begins under the read lock.
    undo: RwLock<Option<Arc<Undo>>>,
}

/// Rows and what they held; `None` for those that did not exist.
pub(super) type Undo = BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>;

impl<C> Shared<C> {
    pub(super) fn new(stores: Vec<Store<C>>, shares: Shares) -> Self {
        Self {
            stores,
            shares,
            undo: RwLock::default(),
        }
    }

    /// From now on moments see these rows as they were, or nothing differently.
    pub(super) fn remember(&self, undo: Option<Undo>) {
        *self.undo.write().unwrap_or_else(PoisonError::into_inner) = undo.map(Arc::new);
    }
}

/// Reader of a [`super::FoundationStorage`].
#[derive(Debug)]
pub struct FoundationReader<C: Cluster> {
    pub(super) shared: Arc<Shared<C>>,
    pinned: Option<FoundationRows<C>>,
}

impl<C: Cluster> FoundationReader<C> {
    pub(super) fn new(shared: Arc<Shared<C>>) -> Self {
        Self { shared, pinned: None }
    }
}

impl<C: Cluster> Clone for FoundationReader<C> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            pinned: self.pinned.clone(),
        }
    }
}

/// The rows of one moment, readable for five seconds.
#[derive(Debug)]
pub struct FoundationRows<C: Cluster> {
    shared: Arc<Shared<C>>,
    views: Arc<Vec<View<C>>>,
    undo: Option<Arc<Undo>>,
}

impl<C: Cluster> Clone for FoundationRows<C> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            views: Arc::clone(&self.views),
            undo: self.undo.clone(),
        }
    }
}

struct View<C: Cluster> {
    version: i64,
    transaction: C::Transaction,
}

impl<C: Cluster> std::fmt::Debug for View<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl<C: Cluster> Moments for FoundationReader<C> {
    type Rows = FoundationRows<C>;

    fn moment(&self) -> Result<FoundationRows<C>, StorageError> {
        if let Some(pinned) = &self.pinned {
            return Ok(pinned.clone());
        }
        let undo = self.shared.undo.read().unwrap_or_else(PoisonError::into_inner);
        let views = self.shared.stores.iter().map(|store| {
            repeat(&store.cluster, "begin to read", || {
                let transaction = store.cluster.begin(None)?;
                let version = transaction.version()?;
                Ok(View { version, transaction })
            })
        });
        Ok(FoundationRows {
            shared: Arc::clone(&self.shared),
            views: Arc::new(views.collect::<Result<_, _>>()?),
            undo: undo.clone(),
        })
    }

    fn pin(&self) -> Result<Self, StorageError> {
        Ok(Self {
            shared: Arc::clone(&self.shared),
            pinned: Some(self.moment()?),
        })
    }
}

impl<C: Cluster> FoundationRows<C> {
    /// Reads from one cluster at this moment's version, in a new transaction after a fault.
    fn read<T>(
        &self,
        store: usize,
        read: impl Fn(&C::Transaction) -> Result<T, Fault>,
    ) -> Result<T, StorageError> {
        let (Some(view), Some(Store { cluster, .. })) =
            (self.views.get(store), self.shared.stores.get(store))
        else {
            return Err(StorageError::ShuttingDown);
        };
        let mut is_first = true;
        repeat(cluster, "read", || {
            let result = if std::mem::take(&mut is_first) {
                read(&view.transaction)
            } else {
                read(&cluster.begin(Some(view.version))?)
            };
            result.map_err(|fault| match fault.code {
                TOO_OLD => Failed::Final(StorageError::TooOld),
                _ => Failed::Fault(fault),
            })
        })
    }

    fn values_in(
        &self,
        store: usize,
        table: Table,
        row_keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        let Some(Store { keys, .. }) = self.shared.stores.get(store) else {
            return Ok(vec![None; row_keys.len()]);
        };
        if table == Table::Bodies {
            return row_keys.iter().map(|key| self.body(store, keys, key)).collect();
        }
        let at: Vec<Vec<u8>> = row_keys.iter().map(|key| keys.row(table, key)).collect();
        let mut values = Vec::with_capacity(at.len());
        for batch in at.chunks(READS_MAX) {
            values.extend(self.read(store, |transaction| {
                transaction.values(batch, Isolation::Snapshot)
            })?);
        }
        Ok(values)
    }

    fn body(&self, store: usize, keys: &Keys, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let bounds = keys::whole(&keys.row(Table::Bodies, key));
        let parts = self.read(store, |transaction| {
            transaction.range(keys::range(&bounds, usize::MAX), Isolation::Snapshot)
        })?;
        let is_known = !parts.is_empty();
        Ok(is_known.then(|| parts.into_iter().flat_map(|(_, part)| part).collect()))
    }

    /// Rows of one cluster, from either end.
    fn rows_in(&self, store: usize, table: Table, asked: &Asked<'_>) -> Result<Vec<Row>, StorageError> {
        let Some(Store { keys, .. }) = self.shared.stores.get(store) else {
            return Ok(Vec::new());
        };
        let (from, to) = keys.bounds(table, asked.from, asked.to);
        let mut bounds = (from, to);
        let mut found: Vec<Row> = Vec::new();
        loop {
            // One more than asked, because the last body may go on behind what one answer holds.
            let limit = asked.limit.saturating_add(1).min(PAGE_MAX);
            let page = self.read(store, |transaction| {
                let range = KeyRange {
                    from: &bounds.0,
                    to: &bounds.1,
                    limit,
                    is_reverse: asked.is_reverse,
                };
                transaction.range(range, Isolation::Snapshot)
            })?;
            let is_last = page.len() < limit;
            if let Some((last, _)) = page.last() {
                if asked.is_reverse {
                    bounds.1.clone_from(last);
                } else {
                    bounds.0 = [last.as_slice(), &[0]].concat();
                }
            }
            for (key, value) in page {
                let key = keys
                    .row_key(&key)
                    .ok_or_else(|| crate::storage::query::damaged(table, &key))?;
                match found.last_mut() {
                    Some((known, bytes)) if *known == key && asked.is_reverse => {
                        bytes.splice(0..0, value);
                    }
                    Some((known, bytes)) if *known == key => bytes.extend(value),
                    _ => found.push((key, value)),
                }
            }
            if is_last || found.len() > asked.limit {
                found.truncate(asked.limit);
                return Ok(found);
            }
        }
    }

    /// Rows of all clusters with what is remembered laid over them.
    fn rows_of_all(&self, table: Table, asked: &Asked<'_>) -> Result<Vec<Row>, StorageError> {
        let changed = self.remembered(table, asked);
        let wider = Asked {
            limit: asked.limit.saturating_add(changed.len()),
            ..*asked
        };
        let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for store in self.shared.shares.places(table, asked.from, asked.to) {
            rows.extend(self.rows_in(store, table, &wider)?);
        }
        for (key, value) in changed {
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        let mut rows: Vec<Row> = rows.into_iter().collect();
        if asked.is_reverse {
            rows.reverse();
        }
        rows.truncate(asked.limit);
        Ok(rows)
    }

    fn remembered(&self, table: Table, asked: &Asked<'_>) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let Some(undo) = &self.undo else {
            return Vec::new();
        };
        let from = Bound::Included((table, asked.from.to_vec()));
        let rest = undo.range((from, Bound::Unbounded));
        let inside =
            rest.take_while(|((of, key), _)| *of == table && asked.to.is_none_or(|to| key.as_slice() < to));
        inside
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect()
    }
}

/// A range of rows.
#[derive(Clone, Copy)]
struct Asked<'a> {
    from: &'a [u8],
    to: Option<&'a [u8]>,
    limit: usize,
    is_reverse: bool,
}

impl<C: Cluster> Rows for FoundationRows<C> {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let found = self.values(table, &[key.to_vec()])?;
        Ok(found.into_iter().next().flatten())
    }

    fn values(&self, table: Table, row_keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        let mut values: Vec<Option<Vec<u8>>> = vec![None; row_keys.len()];
        for store in self.shared.shares.places(table, &[], None) {
            let mine = |key: &Vec<u8>| match self.shared.shares.place(table, key) {
                Place::In(place) => place == store,
                Place::Somewhere => true,
            };
            let (places, asked): (Vec<usize>, Vec<Vec<u8>>) = row_keys
                .iter()
                .enumerate()
                .filter(|(_, key)| mine(key))
                .map(|(place, key)| (place, key.clone()))
                .unzip();
            for (place, value) in places.into_iter().zip(self.values_in(store, table, &asked)?) {
                if let (Some(slot), Some(_)) = (values.get_mut(place), &value) {
                    *slot = value;
                }
            }
        }
        if let Some(undo) = &self.undo {
            for (value, key) in values.iter_mut().zip(row_keys) {
                if let Some(before) = undo.get(&(table, key.clone())) {
                    value.clone_from(before);
                }
            }
        }
        Ok(values)
    }

    fn rows(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        if limit == 0 || to.is_some_and(|to| to <= from) {
            return Ok(Vec::new());
        }
        let asked = Asked {
            from,
            to,
            limit,
            is_reverse: false,
        };
        self.rows_of_all(table, &asked)
    }

    fn last_row(&self, table: Table) -> Result<Option<Row>, StorageError> {
        let asked = Asked {
            from: &[],
            to: None,
            limit: 1,
            is_reverse: true,
        };
        Ok(self.rows_of_all(table, &asked)?.into_iter().next())
    }
}

/// Keys in one answer: a body's parts are 90 000 bytes each.
const PAGE_MAX: usize = 1_000;
