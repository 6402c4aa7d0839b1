//! `plasma db`: look at an operator's storage, check it, move it, back it up.
//!
//! On a stopped operator a command opens the storage that the settings name and holds its lock. On a running one `info`
//! and `export` are asked for at its admin socket, so that a backup needs no pause; the others say who has the storage.

pub(super) mod running;
mod stopped;
mod view;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::{Subcommand, ValueEnum};

use super::{Start, StartError, show, show_as};
use crate::{
    config::Config,
    runtime::admin::{ExportView, StorageView},
    storage::{Progress, archive::Scope, check::Certificates},
};

#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Show backend, owner, height, horizon, size and snapshots.
    Info,
    /// Compute again everything that blocks fix, and compare.
    Verify {
        /// Verify every certificate's signature, not the newest alone.
        #[arg(long)]
        certificates: bool,
    },
    /// Write everything into one new file, also while the operator runs.
    Export {
        /// The file; an existing one is never replaced. A running operator writes it itself.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// What goes into it.
        #[arg(long, value_name = "SCOPE", default_value = "full")]
        scope: ScopeName,
    },
    /// Fill an empty storage from an archive of the same federation, whichever member wrote it.
    Import {
        /// The archive.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Give back the room of rows that are gone.
    Compact,
    /// Copy everything into an empty storage elsewhere.
    Migrate {
        /// Its backend.
        #[arg(long, value_name = "BACKEND")]
        to_backend: Target,
        /// The folder of an embedded one, as storage.path would name it: inside data_dir unless absolute. FoundationDB's
        /// clusters are those of [storage.fdb].
        #[arg(long, value_name = "PATH", required_if_eq("to_backend", "embedded"))]
        to_path: Option<PathBuf>,
    },
}

/// How much an archive holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ScopeName {
    /// Every row: a backup.
    Full,
    /// No bodies and no transaction index: enough to go on from.
    State,
}

/// Where a migration can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Target {
    /// A folder on this machine.
    Embedded,
    /// The clusters of [storage.fdb].
    Fdb,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Full => Self::Full,
            ScopeName::State => Self::State,
        }
    }
}

pub(super) fn run(command: DbCommand, config: Config, json: bool) -> Result<(), StartError> {
    let start = Start::prepare(config)?;
    match command {
        DbCommand::Info => {
            let view = match running::info(&start.config)? {
                Some(view) => view,
                None => stopped::info(&start)?,
            };
            show_as(&view, json, storage_text)
        }
        DbCommand::Verify { certificates } => {
            let certificates = if certificates {
                Certificates::All
            } else {
                Certificates::Newest
            };
            show(&stopped::verify(&start, certificates)?, json)
        }
        DbCommand::Export { file, scope } => {
            let file = absolute(&file)?;
            let view = match running::export(&start.config, scope.into(), &file)? {
                Some(view) => view,
                None => stopped::export(&start, scope.into(), &file)?,
            };
            show_as(&view, json, export_text)
        }
        DbCommand::Import { file } => show(&stopped::import(&start, &file)?, json),
        DbCommand::Compact => show(&stopped::compact(&start)?, json),
        DbCommand::Migrate { to_backend, to_path } => {
            let view = stopped::migrate(&start, to_backend, to_path.as_deref())?;
            show(&view, json)?;
            say(&format!(
                "now set {}; the old storage is as it was",
                view.settings
            ));
            Ok(())
        }
    }
}

/// The running operator has another working folder than we.
fn absolute(file: &Path) -> Result<PathBuf, StartError> {
    std::path::absolute(file).map_err(|error| StartError::Failed(format!("{}: {error}", file.display())))
}

fn storage_text(view: &StorageView) -> String {
    let size = view.size_bytes.map_or_else(|| "unknown".to_owned(), mebibytes);
    let horizon = match view.horizon {
        0 => "all blocks have their transactions".to_owned(),
        horizon => format!("transactions from block {horizon} on"),
    };
    let mut text = format!(
        "backend    {}, {}\nplace      {}\nschema     {}\ngenesis    {}\nkey hash   {}\nheight     {}\nblock      {}\n\
         horizon    {horizon}\nsize       {size}\n",
        view.backend,
        if view.running {
            "operator running"
        } else {
            "operator stopped"
        },
        view.place.display(),
        view.schema,
        view.genesis,
        view.key,
        view.height,
        view.block,
    );
    for snapshot in &view.snapshots {
        let size = mebibytes(snapshot.bytes);
        text.push_str(&format!(
            "snapshot   {} ({size}) {}\n",
            snapshot.height,
            snapshot.file.display()
        ));
    }
    text
}

fn export_text(view: &ExportView) -> String {
    format!(
        "{}: {} archive of height {}, {} rows, {}\ncontent {}, as in every member's archive of this height\n",
        view.file.display(),
        view.scope,
        view.height,
        view.rows,
        mebibytes(view.bytes),
        view.content
    )
}

fn mebibytes(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, ((bytes % (1 << 20)) * 10) >> 20)
}

/// Says on standard error how far a long command has come, once a second.
#[derive(Debug)]
struct Ticker(Instant);

impl Ticker {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn tell(&mut self, table: &str, rows: u64) {
        if self.0.elapsed() >= BETWEEN_NEWS {
            self.0 = Instant::now();
            say(&format!("{table}: {rows} rows"));
        }
    }

    fn on(&mut self) -> impl FnMut(Progress) + '_ {
        |progress| self.tell(progress.table.name(), progress.rows)
    }
}

/// A line for people.
pub(super) fn say(line: &str) {
    // A closed standard error is no reason to fail.
    let _ = writeln!(io::stderr(), "{line}");
}

/// People see that it moves, and can read it.
const BETWEEN_NEWS: Duration = Duration::from_secs(1);
