//! Section `[storage.fdb]`: where an operator's own FoundationDB clusters are.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Section `[storage.fdb]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct FoundationKeys {
    pub cluster_file: PathBuf,
    pub directory: Vec<String>,
    pub shares: BTreeMap<String, PathBuf>,
}

impl Default for FoundationKeys {
    fn default() -> Self {
        Self {
            cluster_file: PathBuf::new(),
            directory: vec!["plasma".into()],
            shares: BTreeMap::new(),
        }
    }
}

/// Owners by the first byte of their address, both ends included, and the cluster file of their outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// First byte of the range.
    pub from: u8,
    /// Last byte of the range.
    pub to: u8,
    /// Where their outputs lie.
    pub file: PathBuf,
}

impl FoundationKeys {
    /// The main cluster's file: as set, else `FDB_CLUSTER_FILE`, else where the package puts it.
    #[must_use]
    pub fn main_file(&self) -> PathBuf {
        if !self.cluster_file.as_os_str().is_empty() {
            return self.cluster_file.clone();
        }
        let named = std::env::var_os("FDB_CLUSTER_FILE").filter(|file| !file.is_empty());
        named.map_or_else(|| PACKAGED_FILE.into(), PathBuf::from)
    }

    /// The map of shares.
    ///
    /// # Errors
    /// The key that is no range of bytes.
    pub fn ranges(&self) -> Result<Vec<Share>, String> {
        let read = |(range, file): (&String, &PathBuf)| {
            let ends = range.split_once('-');
            let ends = ends.and_then(|(from, to)| Some((from.trim().parse().ok()?, to.trim().parse().ok()?)));
            match ends {
                Some((from, to)) if from <= to => Ok(Share {
                    from,
                    to,
                    file: file.clone(),
                }),
                _ => Err(range.clone()),
            }
        };
        self.shares.iter().map(read).collect()
    }

    pub(super) fn root(&mut self, folder: &Path) {
        for file in std::iter::once(&mut self.cluster_file).chain(self.shares.values_mut()) {
            if !file.as_os_str().is_empty() {
                *file = folder.join(&*file);
            }
        }
    }
}

/// Where FoundationDB's packages put the cluster file.
const PACKAGED_FILE: &str = "/etc/foundationdb/fdb.cluster";

#[cfg(test)]
mod tests {
    use super::{FoundationKeys, Share};

    #[test]
    fn ranges_are_read_or_named() {
        let keys = |range: &str| FoundationKeys {
            shares: [(range.to_owned(), "a.cluster".into())].into(),
            ..FoundationKeys::default()
        };
        let share = Share {
            from: 0,
            to: 127,
            file: "a.cluster".into(),
        };
        assert_eq!(keys("0-127").ranges(), Ok(vec![share]));
        for wrong in ["127-0", "0-256", "7", "", "a-b", "1-2-3"] {
            assert_eq!(keys(wrong).ranges(), Err(wrong.to_owned()));
        }
    }
}
