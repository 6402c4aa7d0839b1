//! One operator's own settings: `plasma.toml`, the environment and the flags, in one checked value.
//!
//! A key that nobody knows, a value of the wrong type and a value that makes no sense are errors with their place; nothing
//! falls back in silence. Secrets never stand here: keys are named by their files. What all operators must share is the
//! federation's document ([`federation`]), not configuration.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

mod check;
pub mod committee;
mod defaults;
pub mod federation;
pub mod foundation;
mod keep;
pub mod tokens;

pub(crate) use self::check::{NO_STORAGE_THERE, overlap};
pub use self::keep::KeepBlocks;
pub use self::{
    federation::{FederationError, FederationFile},
    foundation::FoundationKeys,
};
pub use crate::quantity::{RateLimit, Size, Span};

/// Every setting of one operator. The keys are documented in [`Config::DEFAULT_TEXT`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "config/default.toml documents each key, and is what users read"
)]
pub struct Config {
    pub config_version: u32,
    pub name: String,
    pub data_dir: PathBuf,
    pub federation: FederationKeys,
    pub keys: KeyFiles,
    pub p2p: P2p,
    pub consensus: Timers,
    pub mempool: MempoolLimits,
    pub storage: StorageKeys,
    pub l1: L1Keys,
    pub http: HttpKeys,
    pub log: LogKeys,
}

/// Section `[federation]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct FederationKeys {
    pub file: PathBuf,
    pub expected_hash: String,
}

/// Section `[keys]`: where the secrets lie, never what they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct KeyFiles {
    pub bls: PathBuf,
    pub eth: PathBuf,
    pub p2p: PathBuf,
}

/// Section `[p2p]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct P2p {
    pub listen: Vec<String>,
    pub max_clients: u32,
}

/// Section `[consensus]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Timers {
    pub delta: Span,
    pub pace: Span,
    pub alpha_percent: u32,
    pub cap: u32,
}

/// Section `[mempool]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct MempoolLimits {
    pub max_transactions: usize,
    pub max_bytes: Size,
}

/// Section `[storage]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct StorageKeys {
    pub backend: Backend,
    pub path: PathBuf,
    pub cache: Size,
    pub keep_blocks: KeepBlocks,
    pub snapshot_every: u32,
    pub snapshots_kept: u32,
    pub fdb: FoundationKeys,
}

/// Which engine keeps the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// On disk, inside the process.
    Embedded,
    /// In the operator's own FoundationDB cluster.
    Fdb,
    /// Forgotten at exit; for tests.
    Memory,
}

impl Backend {
    /// As the settings write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Fdb => "fdb",
            Self::Memory => "memory",
        }
    }
}

/// Section `[l1]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct L1Keys {
    pub rpc_url: String,
    pub poll_interval: Span,
}

/// Section `[http]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct HttpKeys {
    pub listen: SocketAddr,
    pub max_connections: usize,
    pub max_per_address: usize,
    pub rate_limit: RateLimit,
    pub trusted_proxies: Vec<IpAddr>,
    pub tokens_file: PathBuf,
    pub explorer: bool,
    pub legacy_go_plasma: bool,
}

/// Section `[log]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct LogKeys {
    pub filter: String,
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// One setting from outside the file, stronger than the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// What the user wrote it as, for errors: `--http-listen`, `PLASMA_HTTP__LISTEN`.
    pub source: String,
    /// Its key, sections joined with dots: `http.listen`.
    pub key: String,
    /// Its text; lists with commas.
    pub value: String,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}; write one with `plasma config default > {path}`")]
    Read {
        /// Which file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is no TOML, has an unknown key or a value of the wrong type.
    #[error("{path}, line {line}, column {column}: {message}")]
    File {
        /// Which file.
        path: String,
        /// First line is 1.
        line: usize,
        /// First column is 1.
        column: usize,
        /// What is wrong, with the key.
        message: String,
    },
    /// A flag or an environment variable names no key or holds no such value.
    #[error("{from}: {message}")]
    Override {
        /// The flag or variable.
        from: String,
        /// What is wrong.
        message: String,
    },
    /// The value has the right type and makes no sense.
    #[error("{key} = {value}: {reason}")]
    Value {
        /// The key with its section.
        key: &'static str,
        /// What it was set to.
        value: String,
        /// Why not, and what would do.
        reason: &'static str,
    },
}

impl Config {
    /// The document of `plasma config default`: every key with its default and what it does.
    pub const DEFAULT_TEXT: &str = include_str!("config/default.toml");

    /// Reads a file, lays environment and flags over it, checks the whole and makes every path absolute or relative to
    /// the working directory (inside the file they are relative to the file).
    ///
    /// # Errors
    /// [`ConfigError`] with the place and the key.
    pub fn load(path: &Path, overrides: &[Override]) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: name.clone(),
            source,
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok(Self::parse(&name, &text, overrides)?.rooted(folder))
    }

    /// As [`Config::load`] from text; paths stay as written.
    ///
    /// # Errors
    /// [`ConfigError`] with the place and the key.
    pub fn parse(name: &str, text: &str, overrides: &[Override]) -> Result<Self, ConfigError> {
        let located = |error: toml::de::Error| {
            let (line, column) = place(text, error.span().map_or(0, |span| span.start));
            ConfigError::File {
                path: name.to_owned(),
                line,
                column,
                message: error.message().to_owned(),
            }
        };
        let mut config: Self = toml::from_str(text).map_err(located)?;
        let mut table: Table = text.parse().map_err(located)?;
        for entry in overrides {
            // One by one, so that the error names the entry that is wrong.
            set(&mut table, entry)?;
            config = table
                .clone()
                .try_into()
                .map_err(|error: toml::de::Error| ConfigError::Override {
                    from: entry.source.clone(),
                    message: format!("{} ({} = {:?})", error.message(), entry.key, entry.value),
                })?;
        }
        config.check()?;
        Ok(config)
    }

    /// The overrides that the environment holds: every variable `PLASMA_<SECTION>__<KEY>`, and `PLASMA_NAME`,
    /// `PLASMA_DATA_DIR`. Variables are passed in, so that only the command line reads the real environment.
    pub fn overrides_of(variables: impl Iterator<Item = (String, String)>) -> Vec<Override> {
        let known = |name: &str| name.contains("__") || matches!(name, "NAME" | "DATA_DIR");
        let mut found: Vec<Override> = variables
            .filter_map(|(source, value)| {
                let name = source.strip_prefix("PLASMA_").filter(|name| known(name))?;
                let key = name.replace("__", ".").to_lowercase();
                Some(Override { source, key, value })
            })
            .collect();
        found.sort_by(|a, b| a.source.cmp(&b.source));
        found
    }

    /// Where the database lies.
    #[must_use]
    pub fn storage_path(&self) -> PathBuf {
        self.data_dir.join(&self.storage.path)
    }

    fn rooted(mut self, folder: &Path) -> Self {
        let paths = [
            &mut self.data_dir,
            &mut self.federation.file,
            &mut self.keys.bls,
            &mut self.keys.eth,
            &mut self.keys.p2p,
        ];
        for path in paths {
            *path = folder.join(&*path);
        }
        if !self.http.tokens_file.as_os_str().is_empty() {
            self.http.tokens_file = folder.join(&self.http.tokens_file);
        }
        self.storage.fdb.root(folder);
        self
    }
}

/// Line and column of a byte offset, both from 1.
pub(crate) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

/// Puts one override into the table, with the type that the default of its key has.
fn set(table: &mut Table, entry: &Override) -> Result<(), ConfigError> {
    let refuse = |message: String| ConfigError::Override {
        from: entry.source.clone(),
        message,
    };
    let unknown = || {
        refuse(format!(
            "there is no key {}; `plasma config default` lists them",
            entry.key
        ))
    };
    let defaults: Table = Config::DEFAULT_TEXT.parse().map_err(|_| unknown())?;
    let (section, key) = entry
        .key
        .rsplit_once('.')
        .map_or((None, entry.key.as_str()), |(s, k)| (Some(s), k));
    let (mut model, mut target) = (&defaults, table);
    for name in section.into_iter().flat_map(|section| section.split('.')) {
        model = model.get(name).and_then(Value::as_table).ok_or_else(unknown)?;
        let inner = target.entry(name).or_insert_with(|| Value::Table(Table::new()));
        target = inner.as_table_mut().ok_or_else(unknown)?;
    }
    let model = model.get(key).ok_or_else(unknown)?;
    let text = entry.value.clone();
    let value = match model {
        Value::Integer(_) => Value::Integer(
            text.parse()
                .map_err(|_| refuse(format!("{} is a number, not {text:?}", entry.key)))?,
        ),
        Value::Array(_) => Value::Array(
            text.split(',')
                .map(|part| Value::String(part.trim().into()))
                .collect(),
        ),
        Value::Table(_) => return Err(unknown()),
        _ => Value::String(text),
    };
    target.insert(key.to_owned(), value);
    Ok(())
}
