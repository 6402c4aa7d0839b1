//! What people put on the disk: documents of committees, and files with signatures.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use plasma_core::{Committee, Epoch, Genesis};

use super::{Found, Kind, Line, MotionError};
use crate::{
    config::{
        FederationError,
        committee::{CommitteeFile, Successor},
    },
    directory::Roster,
};

/// Why papers are no use.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// The document of a committee is wrong.
    #[error(transparent)]
    Document(#[from] FederationError),
    /// A committee of which nothing is known here.
    #[error(
        "the committee of epoch {epoch} is not known here: {} is missing; run `plasma committee install FILE` with its \
         document first",
        path.display()
    )]
    Unknown {
        /// Whose.
        epoch: u64,
        /// Where its document would be.
        path: PathBuf,
    },
    /// A document in another's place.
    #[error("{} is the document of epoch {found}, its name says {expected}; move it", path.display())]
    Misplaced {
        /// Where.
        path: PathBuf,
        /// What it is.
        found: u64,
        /// What it should be.
        expected: u64,
    },
    /// A file with signatures that cannot be read.
    #[error("cannot read the signatures of {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that is far too long, or no text.
    #[error("{} is no file of signatures: {reason}", path.display())]
    NoText {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A line that is none.
    #[error(transparent)]
    Line(#[from] MotionError),
}

/// Inside the data folder: one `<epoch>.toml` for each committee after the first.
pub const FOLDER: &str = "committees";

/// Where an operator keeps the document of a later committee.
#[must_use]
pub fn place(data_dir: &Path, epoch: Epoch) -> PathBuf {
    data_dir.join(FOLDER).join(format!("{}.toml", epoch.0))
}

/// The operators of an epoch: those of the genesis, or of the document that was installed.
///
/// # Errors
/// [`PaperError`].
pub fn roster(data_dir: &Path, genesis: &Genesis, epoch: Epoch) -> Result<Roster, PaperError> {
    if epoch.0 == 0 {
        let roster = Roster::new(epoch, genesis.members.clone());
        return Ok(roster.map_err(FederationError::Committee)?);
    }
    let path = place(data_dir, epoch);
    if !path.exists() {
        return Err(PaperError::Unknown { epoch: epoch.0, path });
    }
    let found = CommitteeFile::load(&path, genesis)?;
    let installed = found.roster.committee.epoch();
    if installed != epoch {
        return Err(PaperError::Misplaced {
            path,
            found: installed.0,
            expected: epoch.0,
        });
    }
    Ok(found.roster)
}

/// The committee that names a successor.
///
/// # Errors
/// [`PaperError`].
pub fn signing(
    data_dir: &Path,
    genesis: &Genesis,
    successor: &Successor,
) -> Result<Arc<Committee>, PaperError> {
    // A document's epoch is never zero.
    let before = Epoch(successor.roster.committee.epoch().0.saturating_sub(1));
    Ok(roster(data_dir, genesis, before)?.committee)
}

/// The lines of some files, in their order. Empty lines and those that begin with `#` say nothing.
///
/// # Errors
/// [`PaperError`] names the file, and the line.
pub fn lines(files: &[PathBuf], kind: Kind) -> Result<Vec<Found>, PaperError> {
    let mut found = Vec::new();
    for path in files {
        let text = text_of(path)?;
        for (number, text) in (1u32..).zip(text.lines()) {
            if text.trim().is_empty() || text.trim_start().starts_with('#') {
                continue;
            }
            let place = format!("{}:{number}", path.display());
            match Line::parse(text) {
                Ok(line) => found.push(Found { place, line }),
                Err(reason) => return Err(MotionError::Form { place, reason, kind }.into()),
            }
        }
    }
    Ok(found)
}

fn text_of(path: &Path) -> Result<String, PaperError> {
    let read = |source| PaperError::Read {
        path: path.to_owned(),
        source,
    };
    let no_text = |reason| PaperError::NoText {
        path: path.to_owned(),
        reason,
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(read)?;
    file.take(SIGNATURES_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(read)?;
    if bytes.len() > usize::try_from(SIGNATURES_BYTES_MAX).unwrap_or(usize::MAX) {
        return Err(no_text(format!("it has more than {SIGNATURES_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| no_text("it is no text".to_owned()))
}

/// Most bytes of a file with signatures: a hundred lines of 300, and as much talk between them.
pub const SIGNATURES_BYTES_MAX: u64 = 1 << 16;
