//! The rows in a cluster while no operator runs on them: what the tools open.

use std::path::{Path, PathBuf};

use super::{FoundationReader, Site, cluster::Cluster, lease::Heart, writer::Writer};
use crate::{
    folder::Identity,
    storage::{StorageError, bulk::Stopped, rows::Change},
};

/// A storage that no operator runs on, for the tools; it holds the right to write all the same.
#[derive(Debug)]
pub struct StoppedFoundation<C: Cluster> {
    writer: Writer<C>,
    place: PathBuf,
    _heart: Option<Heart>,
}

impl<C: Cluster> StoppedFoundation<C> {
    /// Opens what is there; nothing is checked, and there may be no rows at all.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when a cluster does not serve, [`StorageError::Fenced`] when an operator runs.
    pub fn open(site: Site<C>, identity: &Identity) -> Result<Self, StorageError> {
        let (writer, heart) = Writer::open(site, identity)?;
        Ok(Self {
            place: writer.place()?,
            writer,
            _heart: heart,
        })
    }
}

impl<C: Cluster> Stopped for StoppedFoundation<C> {
    type Source = FoundationReader<C>;

    fn place(&self) -> &Path {
        &self.place
    }

    fn source(&self) -> FoundationReader<C> {
        self.writer.reader.clone()
    }

    fn write(&mut self, changes: Vec<Change>) -> Result<(), StorageError> {
        self.writer.write_rows(changes)
    }

    /// What the cluster acknowledged is durable.
    fn sync(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    /// The cluster gives back room by itself.
    fn compact(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    fn size_bytes(&self) -> Result<Option<u64>, StorageError> {
        Ok(None)
    }
}
