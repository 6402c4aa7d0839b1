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
mod stopped;
mod writer;

use std::sync::Arc;

use plasma_core::{Delta, Height, State};

use self::{cluster::Cluster, lease::Heart, writer::Writer};
pub use self::{
    rows::{FoundationReader, FoundationRows},
    shares::Shares,
    stopped::StoppedFoundation,
};
use super::{Decided, Keep, Saved, Storage, StorageError, opening, query, rows::Moments};
use crate::{folder::Identity, wal::Lsn};

/// The storage of one operator in its clusters.
#[derive(Debug)]
pub struct FoundationStorage<C: Cluster> {
    writer: Arc<Writer<C>>,
    height: Height,
    fence: Option<Lsn>,
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
    /// Which bodies are kept.
    pub keep: Keep,
}

impl Default for Settings {
    /// Four megabytes: three thousand payments commit in one journey, and the cluster's own limit is far.
    fn default() -> Self {
        Self {
            transaction_bytes: 4_000_000,
            keep: Keep::All,
        }
    }
}

impl<C: Cluster> FoundationStorage<C> {
    /// Opens the rows of an operator, or starts ones that have seen genesis; finishes a commit that was decided. Waits for
    /// the network: call it on a blocking thread.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when a cluster does not serve, [`StorageError::Fenced`] when another process writes,
    /// [`StorageError::Schema`] and [`StorageError::Identity`] when the rows are not for this program or operator.
    pub fn open(site: Site<C>, identity: Identity, genesis: &State) -> Result<Self, StorageError> {
        let (writer, heart) = Writer::open(site, &identity)?;
        let place = writer.place()?;
        if let Some(changes) = opening::check(&place, &writer.reader.moment()?, &identity, genesis)? {
            writer.write_rows(changes)?;
        }
        let (height, _) = query::tip(&writer.reader.moment()?)?;
        Ok(Self {
            writer: Arc::new(writer),
            height,
            fence: None,
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

impl<C: Cluster> Storage for FoundationStorage<C> {
    type Reader = FoundationReader<C>;

    fn reader(&self) -> FoundationReader<C> {
        self.writer.reader.clone()
    }

    fn fence(&mut self, log: Lsn) {
        self.fence = Some(log);
    }

    /// Waits for the cluster on a blocking thread, so this needs a tokio runtime.
    async fn commit(&mut self, decided: &Decided, delta: &Delta) -> Result<(), StorageError> {
        let (writer, decided, delta) = (Arc::clone(&self.writer), decided.clone(), delta.clone());
        let (height, fence) = (delta.height, self.fence);
        let written = tokio::task::spawn_blocking(move || writer.commit(&decided, &delta, fence));
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
