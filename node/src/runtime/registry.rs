//! Later committees: their documents in the operator's folder, believed when Ethereum knows their hash.
//!
//! Whoever runs an operator gives it a document once, before or after Ethereum activates the committee; it is compared with
//! what stands there and kept, so that a restart needs nobody.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use plasma_core::{Epoch, Genesis, Hash, planted::planted};
use tracing::warn;

use crate::{
    bridge::{L1 as _, L1Error, ethereum::Ethereum},
    change::papers::place,
    config::{FederationError, committee::CommitteeFile, committee::Successor},
    directory::{Directory, Roster},
};

/// Why a committee is not entered.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The document.
    #[error(transparent)]
    Document(#[from] FederationError),
    /// Ethereum names others.
    #[error(
        "Ethereum knows the committee of epoch {epoch} by the hash {known}, this document has {found}: it is another \
         document, or an announcement replaced it"
    )]
    Other {
        /// The epoch.
        epoch: u64,
        /// Ethereum's.
        known: Hash,
        /// The document's.
        found: Hash,
    },
    /// Ethereum does not know of it yet.
    #[error(
        "nothing is announced on Ethereum for epoch {0}: send the announcement first, and wait until this operator's endpoint \
         shows it"
    )]
    Unannounced(u64),
    /// An epoch is missing in between.
    #[error(transparent)]
    Order(#[from] plasma_core::CommitteesError),
    /// Ethereum did not answer.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The folder cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It came too late.
    #[error(
        "the document is kept; epoch {0} has begun here with another committee, which Ethereum has not activated: restart \
         the operator, and it enters this one"
    )]
    Late(u64),
    /// The operator is on its way out.
    #[error("the operator is stopping")]
    Stopping,
}

/// The documents that are kept, from epoch 1 on without a gap.
///
/// # Errors
/// [`FederationError`] when one is there and cannot be read.
pub fn read(data_dir: &Path, genesis: &Genesis) -> Result<Vec<Successor>, FederationError> {
    let mut found = Vec::new();
    for epoch in (1..).map(Epoch) {
        let path = place(data_dir, epoch);
        if !path.exists() {
            return Ok(found);
        }
        let successor = CommitteeFile::load(&path, genesis)?;
        let names = successor.roster.committee.epoch();
        if names != epoch {
            return Err(FederationError::Value {
                key: format!("{}: epoch", path.display()),
                value: names.0.to_string(),
                expected: "the epoch of the file's name",
            });
        }
        found.push(successor);
    }
    Ok(found)
}

/// What Ethereum says of committees.
pub trait Roll {
    /// The newest committee that was activated.
    fn active(&self) -> impl Future<Output = Result<Epoch, L1Error>> + Send;

    /// The hash of a committee that was activated.
    fn hash_of(&self, epoch: Epoch) -> impl Future<Output = Result<Hash, L1Error>> + Send;

    /// The hash of the one that waits, if one does.
    fn announced(&self) -> impl Future<Output = Result<Option<Hash>, L1Error>> + Send;
}

impl Roll for Ethereum {
    async fn active(&self) -> Result<Epoch, L1Error> {
        self.contracts().active_epoch(self.rpc()).await
    }

    async fn hash_of(&self, epoch: Epoch) -> Result<Hash, L1Error> {
        self.activated(epoch).await
    }

    async fn announced(&self) -> Result<Option<Hash>, L1Error> {
        let announced = self.contracts().announcement(self.rpc()).await?;
        Ok(announced.map(|announcement| announcement.digest))
    }
}

/// Whether Ethereum knows a committee: as active, as a former one, or as announced.
///
/// # Errors
/// [`EntryError`] says what Ethereum knows instead.
pub async fn recognise(ethereum: &impl Roll, roster: &Roster) -> Result<(), EntryError> {
    let (epoch, found) = (roster.committee.epoch(), roster.committee.hash());
    let active = ethereum.active().await?;
    let known = if epoch <= active {
        Some(ethereum.hash_of(epoch).await?)
    } else {
        let announced = ethereum.announced().await?;
        announced.filter(|_| epoch.0 == active.0.saturating_add(1))
    };
    match known {
        Some(known) if known == found => Ok(()),
        Some(known) => Err(EntryError::Other {
            epoch: epoch.0,
            known,
            found,
        }),
        None => Err(EntryError::Unannounced(epoch.0)),
    }
}

/// Enters the kept documents as far as Ethereum knows them, for an operator whose ledger is in an epoch. What it does not know
/// any more is named in the log: an announcement that was replaced leaves its document behind.
///
/// # Errors
/// [`L1Error`] when Ethereum does not answer, or has not come to the running epoch: what it calls announced may be over then.
pub async fn enter_kept(
    ethereum: &impl Roll,
    directory: &Directory,
    kept: &[Successor],
    running: Epoch,
) -> Result<(), L1Error> {
    if ethereum.active().await? < running {
        return Err(L1Error::NotActivated(running.0));
    }
    let is_forgotten = planted("registry: what was entered is forgotten at a restart");
    for successor in kept.iter().filter(|_| !is_forgotten) {
        match recognise(ethereum, &successor.roster).await {
            Ok(()) => {}
            Err(EntryError::L1(error)) => return Err(error),
            Err(error) => {
                warn!(%error, "a kept committee is not entered");
                return Ok(());
            }
        }
        if let Err(error) = directory.enter(successor.roster.clone()) {
            warn!(%error, "a kept committee is not entered");
        }
    }
    let active = ethereum.active().await?;
    if directory.roster(active).is_none() {
        warn!(
            epoch = active.0,
            "Ethereum has activated a committee that is not known here; enter it with `plasma committee install FILE`"
        );
    }
    Ok(())
}

/// Whether a committee may be entered now: Ethereum knows it, and the one before it is known here.
///
/// # Errors
/// [`EntryError`].
pub async fn examine(
    ethereum: &impl Roll,
    directory: &Directory,
    successor: &Successor,
) -> Result<(), EntryError> {
    recognise(ethereum, &successor.roster).await?;
    let found = successor.roster.committee.epoch();
    let expected = directory.committees().next_epoch();
    if found > expected {
        return Err(plasma_core::CommitteesError::Gap { found, expected }.into());
    }
    Ok(())
}

/// Whether an operator that runs in an epoch has begun this committee's epoch with another one: only a start begins it anew.
#[must_use]
pub fn is_late(directory: &Directory, running: Epoch, roster: &Roster) -> bool {
    let (epoch, hash) = (roster.committee.epoch(), roster.committee.hash());
    let known = directory.roster(epoch);
    epoch <= running && known.is_some_and(|known| known.committee.hash() != hash)
}

/// Keeps a document under its epoch, on disk before it has its name.
///
/// # Errors
/// [`EntryError::Write`].
pub fn keep(data_dir: &Path, successor: &Successor) -> Result<PathBuf, EntryError> {
    let path = place(data_dir, successor.roster.committee.epoch());
    let written = write(&path, &CommitteeFile::print(successor));
    written
        .map(|()| path.clone())
        .map_err(|source| EntryError::Write { path, source })
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder)?.sync_all()
}

/// What enters committees into a running operator.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Whose committees.
    pub genesis: Arc<Genesis>,
    /// The operator's folder.
    pub data_dir: PathBuf,
    /// Where they are entered.
    pub directory: Directory,
    /// Who knows them.
    pub ethereum: Arc<Ethereum>,
    /// The running operator.
    pub operator: super::handle::Handle,
}

impl Registry {
    /// Checks a document against Ethereum, keeps it, and tells the operator.
    ///
    /// # Errors
    /// [`EntryError`]; nothing has changed then, but that it is kept where it is [`EntryError::Late`].
    pub async fn install(&self, path: &Path) -> Result<Successor, EntryError> {
        let successor = CommitteeFile::load(path, &self.genesis)?;
        examine(self.ethereum.as_ref(), &self.directory, &successor).await?;
        let running = self.operator.status().epoch;
        let is_late = is_late(&self.directory, running, &successor.roster);
        keep(&self.data_dir, &successor)?;
        if is_late {
            return Err(EntryError::Late(successor.roster.committee.epoch().0));
        }
        self.directory.enter(successor.roster.clone())?;
        let told = self.operator.enter(Arc::clone(&successor.roster.committee)).await;
        if told {
            Ok(successor)
        } else {
            Err(EntryError::Stopping)
        }
    }
}
