//! `plasma debug`: what an operator's owner asks when something is wrong. Nothing of it changes anything.

mod peers;
mod wal;
mod wal_view;
mod words;

use std::path::PathBuf;

use clap::Subcommand;

use super::StartError;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum DebugCommand {
    /// Show the vote log: segments, records, and where it is torn or damaged. Takes no lock and changes nothing, whether the
    /// operator runs or not.
    Wal {
        /// The log's folder, such as one that was moved aside: no settings are read then. Without it that of the settings.
        #[arg(value_name = "FOLDER")]
        folder: Option<PathBuf>,
        /// How many records are shown, the newest ones.
        #[arg(long, value_name = "NUMBER", default_value_t = wal::RECORDS_SHOWN, conflicts_with = "all")]
        last: usize,
        /// Show every record.
        #[arg(long)]
        all: bool,
    },
    /// Ask every member of the committee how it is: address, identity, chain, height, view, clock, and what to do about what is
    /// wrong. Fails when no quorum can be reached.
    Peers,
}

/// `settings` reads the settings, for what needs them.
pub(super) fn run(
    command: DebugCommand,
    settings: impl FnOnce() -> Result<Config, StartError>,
    json: bool,
) -> Result<(), StartError> {
    match command {
        DebugCommand::Wal { folder, last, all } => {
            let place = match folder {
                Some(folder) => wal::Place::of(folder)?,
                None => wal::Place::named_by(&settings()?)?,
            };
            wal::run(&place, if all { usize::MAX } else { last }, json)
        }
        DebugCommand::Peers => peers::run(&settings()?, json),
    }
}
