//! The data folder: nothing that we or our children write lies outside it.
//!
//! ```text
//! <data>/npm, npm-cache, npm-logs    anvil, when we had to fetch it; kept for the next time
//! <data>/run-<pid>/l1                anvil's log and cache
//! <data>/run-<pid>/operator-<i>      configuration, keys, database, vote log and log of one operator
//! <data>/run-<pid>-liars             the same of the federation whose quorum lies, in the demo's second part
//! ```
//! A run's folder is removed when the run ends well, unless the user keeps it. By default the data folder is
//! `$XDG_DATA_HOME/plasma-testnet` (`~/.local/share/plasma-testnet`), so that anvil is fetched once; without a home it
//! is a folder below the system's temporary one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The data folder with the folder of this run in it.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    run: PathBuf,
    ending: Ending,
}

/// What becomes of the run's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Removed when dropped.
    Removed,
    /// Stays for inspection.
    Kept,
}

impl Folder {
    /// Makes a folder for this run in `root`, or in the default data folder; the label ends its name.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(root: Option<&Path>, label: Option<&str>, ending: Ending) -> Result<Self> {
        let root = root.map_or_else(default_root, Path::to_path_buf);
        std::fs::create_dir_all(&root)
            .with_context(|| format!("creating the data folder {}", root.display()))?;
        let root = root
            .canonicalize()
            .with_context(|| format!("the data folder {}", root.display()))?;
        let label = label.map(|label| format!("-{label}")).unwrap_or_default();
        let run = root.join(format!("run-{}{label}", std::process::id()));
        // A folder of that name can only be left over from a killed run whose process id has come round again.
        remove(&run)?;
        std::fs::create_dir(&run).with_context(|| format!("creating {}", run.display()))?;
        Ok(Self { root, run, ending })
    }

    /// Where things stay between runs.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where this run writes.
    #[must_use]
    pub fn run(&self) -> &Path {
        &self.run
    }

    /// Makes a folder of this run.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn sub(&self, name: &str) -> Result<PathBuf> {
        let path = self.run.join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        Ok(path)
    }

    /// Keeps the run's folder from now on; says where it is.
    pub fn keep(&mut self) -> &Path {
        self.ending = Ending::Kept;
        &self.run
    }

    /// Whether the run's folder will stay.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.ending == Ending::Kept
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.ending == Ending::Removed {
            // Nothing can be done about it at the end, and what is left lies in the data folder.
            let _removed = remove(&self.run);
        }
    }
}

fn default_root() -> PathBuf {
    let below = |variable: &str| {
        std::env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    below("XDG_DATA_HOME")
        .or_else(|| below("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(std::env::temp_dir)
        .join("plasma-testnet")
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}
