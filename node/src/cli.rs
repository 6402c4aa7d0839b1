//! The command line of `plasma`: words in, an exit code out.
//!
//! What a command gives goes to standard output, what it says to people goes to standard error. A library, so that the
//! testnet can run operators without another binary; the binary itself is three lines. No argument ever holds a secret:
//! argument lists are public on every machine.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand, error::ErrorKind};
use serde::Serialize;

pub mod exit;

mod committee;
mod db;
mod debug;
mod documents;
mod keys;
mod log;
mod node;
mod signals;
mod wallet;

pub use exit::StartError;
pub use node::Start;

use crate::{
    config::{Config, Override},
    plain,
};

/// One operator of a Plasma federation, with its tools.
#[derive(Debug, Parser)]
#[command(name = "plasma", version, after_help = exit::CODES_HELP, propagate_version = true)]
struct Arguments {
    /// This operator's settings.
    #[arg(
        long,
        global = true,
        env = "PLASMA_CONFIG",
        default_value = "plasma.toml",
        value_name = "FILE"
    )]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run or check the operator.
    #[command(subcommand)]
    Node(NodeCommand),
    /// The settings file.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The document that all operators share.
    #[command(subcommand)]
    Federation(FederationCommand),
    /// An operator's three keys.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// One committee that follows another.
    Committee {
        #[command(flatten)]
        overrides: Flags,
        /// As one JSON document.
        #[arg(long, global = true)]
        json: bool,
        #[command(subcommand)]
        command: committee::CommitteeCommand,
    },
    /// The operator's storage.
    Db {
        #[command(flatten)]
        overrides: Flags,
        /// As one JSON document.
        #[arg(long, global = true)]
        json: bool,
        #[command(subcommand)]
        command: db::DbCommand,
    },
    /// Look at what an operator holds, and change nothing.
    Debug {
        #[command(flatten)]
        overrides: Flags,
        /// As one JSON document.
        #[arg(long, global = true)]
        json: bool,
        #[command(subcommand)]
        command: debug::DebugCommand,
    },
    /// Your own money: keys, payments, deposits and exits.
    Wallet(wallet::WalletArguments),
    /// What this program is.
    Version {
        /// As one JSON document.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum NodeCommand {
    /// Run until ctrl-C.
    Start {
        #[command(flatten)]
        overrides: Flags,
        /// Stop when standard input closes: a parent that dies takes its operators with it.
        #[arg(long, hide = true)]
        exit_on_stdin_close: bool,
        /// The vote log is lost, and no other instance runs with this key: learn from the other operators how far this one may
        /// have voted, and vote above that. Once; read the operating manual first.
        #[arg(long)]
        amnesia_rejoin: bool,
    },
    /// Check settings, federation and keys without running or asking anybody.
    Check {
        #[command(flatten)]
        overrides: Flags,
    },
}

/// Settings that a flag may override; each is a key of the file.
#[derive(Debug, Default, clap::Args)]
struct Flags {
    /// Where everything is written (data_dir).
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// Where the API listens (http.listen).
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    http_listen: Option<String>,
    /// Ethereum's JSON-RPC (l1.rpc_url).
    #[arg(long, global = true, value_name = "URL")]
    l1_rpc_url: Option<String>,
    /// What is logged (log.filter).
    #[arg(long, global = true, value_name = "FILTER")]
    log_filter: Option<String>,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print a file with every key, its default and what it does.
    Default,
    /// Read the settings and say what is wrong.
    Check {
        #[command(flatten)]
        overrides: Flags,
    },
}

#[derive(Debug, Subcommand)]
enum FederationCommand {
    /// Check a federation file and print its genesis hash, which all operators must see alike.
    Hash {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Runs one command line, the program's name first.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = match Arguments::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return usage(&error),
    };
    let ended = dispatch(parsed);
    // The client's thread must end before the process does; nothing is asked of a cluster from here on.
    #[cfg(feature = "fdb")]
    crate::storage::foundation::client::stop_network();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error is no reason to fail differently.
            let words = plain::lines(&error.to_string());
            let _ = writeln!(io::stderr(), "error: {words}");
            error.code()
        }
    }
}

fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(exit::USAGE),
    }
}

fn dispatch(arguments: Arguments) -> Result<(), StartError> {
    let settings = arguments.config;
    match arguments.command {
        Command::Node(NodeCommand::Start {
            overrides,
            exit_on_stdin_close,
            amnesia_rejoin,
        }) => node::run(overrides.load(&settings)?, exit_on_stdin_close, amnesia_rejoin),
        Command::Node(NodeCommand::Check { overrides }) => node::check(overrides.load(&settings)?),
        Command::Config(ConfigCommand::Default) => print(Config::DEFAULT_TEXT),
        Command::Config(ConfigCommand::Check { overrides }) => {
            overrides.load(&settings)?;
            print(&format!("{} is valid\n", settings.display()))
        }
        Command::Federation(FederationCommand::Hash { file }) => documents::federation_hash(&file),
        Command::Committee {
            overrides,
            json,
            command,
        } => committee::run(command, overrides.load(&settings)?, json),
        Command::Keys(command) => keys::run(command),
        Command::Db {
            overrides,
            json,
            command,
        } => db::run(command, overrides.load(&settings)?, json),
        Command::Debug {
            overrides,
            json,
            command,
        } => debug::run(command, || overrides.load(&settings), json),
        Command::Wallet(arguments) => wallet::run(arguments),
        Command::Version { json } => documents::version(json),
    }
}

impl Flags {
    /// The whole configuration: flags over environment over file over defaults.
    fn load(self, file: &std::path::Path) -> Result<Config, StartError> {
        let mut overrides = Config::overrides_of(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        let flags = [
            ("--data-dir", "data_dir", self.data_dir),
            ("--http-listen", "http.listen", self.http_listen),
            ("--l1-rpc-url", "l1.rpc_url", self.l1_rpc_url),
            ("--log-filter", "log.filter", self.log_filter),
        ];
        for (source, key, value) in flags {
            overrides.extend(value.map(|value| Override {
                source: source.into(),
                key: key.into(),
                value,
            }));
        }
        Ok(Config::load(file, &overrides)?)
    }
}

/// Prints what a command found, in words or as one JSON document.
fn show<V: Serialize + ToString>(view: &V, json: bool) -> Result<(), StartError> {
    show_as(view, json, V::to_string)
}

/// [`show`] for a view whose words are elsewhere.
fn show_as<V: Serialize>(view: &V, json: bool, text: impl FnOnce(&V) -> String) -> Result<(), StartError> {
    if !json {
        return print(&plain::lines(&text(view)));
    }
    let document = serde_json::to_string(view);
    let document = document.map_err(|error| StartError::Failed(format!("no JSON: {error}")))?;
    print(&format!("{document}\n"))
}

/// Writes a command's result to standard output.
fn print(text: &str) -> Result<(), StartError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads only the head of our output has what they wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|source| StartError::Failed(format!("standard output: {source}"))),
    }
}
