//! Why an operator does not run, in words for its people.

use std::{io, path::PathBuf};

use plasma_core::Epoch;
use plasma_network as network;

use super::files::FILES_RESERVED;
use crate::{
    bridge::L1Error,
    directory::DirectoryError,
    runtime::{Fatal, log::RecordError, terms::Untrue},
    storage::StorageError,
    wal::{Lsn, WalError},
};

/// Why an operator does not run, or does not run any more.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The BLS key file holds no key.
    #[error("the BLS key file holds no scalar of the curve")]
    Key,
    /// An address of the configuration or the federation is no multiaddress.
    #[error("{address:?} is no multiaddress such as /ip4/127.0.0.1/tcp/27400: {reason}")]
    Address {
        /// What was written.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The federation file makes no committee.
    #[error(transparent)]
    Committee(#[from] DirectoryError),
    /// Folder, rows or schema.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The log.
    #[error(transparent)]
    Log(#[from] WalError),
    /// The log is new but storage is not.
    #[error(
        "the log in {} is missing, yet this key was used on this chain: the operator may have voted and must not vote \
         again. Restore the folder. If it is lost, make sure that no other instance runs with this key and start once with \
         --amnesia-rejoin, or let the operator rejoin under a new key", path.display()
    )]
    LostLog {
        /// Where the log should be.
        path: PathBuf,
    },
    /// Nothing of a former life is here, and there may have been one.
    #[error(
        "there is no log in {}, no mark of one beside the key, and nothing in storage, yet on Ethereum lies an anchor of the \
         committees since epoch {}, in which this key has a seat: it may have voted. Restore the folder. If it is lost, or this \
         operator starts for the first time so late, make sure that no other instance runs with this key and start once with \
         --amnesia-rejoin", path.display(), epoch.0
    )]
    Reborn {
        /// Where the log should be.
        path: PathBuf,
        /// The first epoch in which it may have voted.
        epoch: Epoch,
    },
    /// What came with an archive or a snapshot is false.
    #[error(
        "the storage is not of this chain: {0}. Set its folder aside, and import another member's archive or start with an empty one"
    )]
    Untrue(String),
    /// The log is older than storage.
    #[error(
        "the log in {} ends at record {}, yet the storage was written when it held record {}: it is an old copy, or \
         was damaged at its end, and has forgotten votes, so this operator must not vote from it. Nothing was changed in it. Restore \
         the newest log. If it is lost, make \
         sure that no other instance runs with this key and start once with --amnesia-rejoin, or let the operator rejoin under a \
         new key", path.display(), last.0, fence.0
    )]
    OldLog {
        /// The log.
        path: PathBuf,
        /// The last record it holds.
        last: Lsn,
        /// The last record it must hold.
        fence: Lsn,
    },
    /// A rejoin was asked for, and nothing is lost.
    #[error(
        "the log in {} lacks nothing, so there is nothing to rejoin for; start without --amnesia-rejoin", path.display()
    )]
    GoodLog {
        /// The log.
        path: PathBuf,
    },
    /// The mark beside the key cannot be made durable.
    #[error(
        "the mark {} cannot be written: {source}. Without it an emptied data folder would go unnoticed and votes be \
         forgotten; make the key's folder writable", path.display()
    )]
    Mark {
        /// The mark.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The log is whole, and holds something that this program cannot read.
    #[error(
        "record {} of the log in {} cannot be read: {reason}. It may be a vote, so the operator must not start without \
         it. Start the version that wrote it; if there is none, move the folder aside and start once with \
         --amnesia-rejoin, or let the operator rejoin under a new key", lsn.0, path.display()
    )]
    UnreadableLog {
        /// The log.
        path: PathBuf,
        /// The record's number.
        lsn: Lsn,
        /// What is wrong with it.
        reason: RecordError,
    },
    /// Ethereum.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The peer-to-peer network.
    #[error(transparent)]
    Network(#[from] network::Error),
    /// The HTTP address.
    #[error("cannot listen on http.listen = {address}: {source}; choose another port or end what holds it")]
    Http {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Too few files may be open.
    #[error(
        "{limit} files may be open, {needed} are needed (http.max_connections + p2p.max_clients + {FILES_RESERVED}); \
         raise it with `ulimit -n {needed}` or LimitNOFILE, or lower these keys"
    )]
    Files {
        /// How many may be open.
        limit: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A build that can forge, where it must not run.
    #[cfg(feature = "forging")]
    #[error("{reason}")]
    Forging {
        /// Why not.
        reason: String,
    },
    /// The loop ended.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

impl From<Untrue> for RunError {
    fn from(untrue: Untrue) -> Self {
        match untrue {
            Untrue::Says(_) => Self::Untrue(untrue.to_string()),
            Untrue::Storage(error) => error.into(),
        }
    }
}
