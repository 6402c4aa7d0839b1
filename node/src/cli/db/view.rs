//! What the commands on a stopped storage print, for people and as JSON.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::mebibytes;
use crate::storage::check::Report;

/// A storage that was checked whole.
#[derive(Debug, Serialize)]
pub(super) struct CheckedView {
    height: u32,
    block: String,
    outputs: u64,
    unspent: u64,
    transactions: u64,
    /// The lowest height whose transactions are kept.
    horizon: u32,
    certificates: u64,
}

/// A storage that was filled from an archive.
#[derive(Debug, Serialize)]
pub(super) struct ImportedView {
    file: PathBuf,
    #[serde(flatten)]
    checked: CheckedView,
}

/// A storage that was copied elsewhere.
#[derive(Debug, Serialize)]
pub(super) struct MigratedView {
    /// What the settings must say for the copy to be used.
    pub(super) settings: String,
    #[serde(flatten)]
    checked: CheckedView,
}

/// How much room was given back; a cluster does not tell.
#[derive(Debug, Serialize)]
pub(super) struct CompactedView {
    pub(super) before_bytes: Option<u64>,
    pub(super) after_bytes: Option<u64>,
}

impl From<&Report> for CheckedView {
    fn from(report: &Report) -> Self {
        Self {
            height: report.height.0,
            block: report.block.0.to_string(),
            outputs: report.outputs,
            unspent: report.unspent,
            transactions: report.transactions,
            horizon: report.horizon.0,
            certificates: report.certificates,
        }
    }
}

impl ImportedView {
    pub(super) fn new(file: &Path, report: &Report) -> Self {
        Self {
            file: file.to_path_buf(),
            checked: report.into(),
        }
    }
}

impl MigratedView {
    pub(super) fn new(settings: String, report: &Report) -> Self {
        Self {
            settings,
            checked: report.into(),
        }
    }
}

impl fmt::Display for CheckedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "height {} holds together: {} outputs, {} of them unspent, {} transactions from block {} on, {} certificates \
             verified",
            self.height, self.outputs, self.unspent, self.transactions, self.horizon, self.certificates
        )
    }
}

impl fmt::Display for ImportedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.checked)
    }
}

impl fmt::Display for MigratedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.checked)
    }
}

impl fmt::Display for CompactedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |size: Option<u64>| size.map_or_else(|| "unknown".to_owned(), mebibytes);
        writeln!(
            f,
            "from {} to {}",
            size(self.before_bytes),
            size(self.after_bytes)
        )
    }
}
