//! The command line of `plasma-testnet`.
//!
//! Results go to standard output, everything said to people to standard error. ctrl-C and SIGTERM end whatever runs:
//! the work is dropped, and with it every process that it started.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use plasma_core::Amount;
use plasma_node::config::{Backend, StorageKeys};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::deploy::CACHE;
use crate::failure::{Failure, UNEXPECTED, exit_code};
use crate::folder::Ending;
use crate::progress::Progress;
use crate::testnet::Plan;
use crate::{clock, demo, ether, guard, load, trial, up};

/// A federation in a box: a real Ethereum node, real contracts, real operator processes.
#[derive(Debug, Parser)]
#[command(name = "plasma-testnet", version, about, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a federation and keep it running until ctrl-C.
    Up {
        #[command(flatten)]
        common: Common,
        /// Test users.
        #[arg(long, default_value_t = 10, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=100))]
        accounts: u32,
        /// What each of them deposits.
        #[arg(long, default_value = "100eth", value_parser = deposit, value_name = "AMOUNT")]
        deposit: Amount,
    },
    /// Tell the whole story of a federation, and check every step of it.
    Demo {
        #[command(flatten)]
        common: Common,
        /// Print exactly one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Measure how many payments a second are committed, and how fast.
    Load {
        #[command(flatten)]
        common: Common,
        /// How long to measure, after warming up: 20s, 2m.
        #[arg(long = "for", default_value = "20s", value_parser = duration, value_name = "TIME")]
        duration: Duration,
        /// Payments a second; as many as the federation takes when absent.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20_000))]
        tps: Option<u32>,
        /// Print exactly one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Move the clock of a running federation's Ethereum, in hops that leave it time to anchor: an exit is due sooner then.
    Forward {
        /// By how much: 90s, 24m.
        #[arg(value_parser = leap, value_name = "TIME")]
        time: Duration,
        /// Its Ethereum node.
        #[arg(long, env = "PLASMA_L1", value_name = "URL")]
        l1: String,
        /// The document that all operators share.
        #[arg(long, env = "PLASMA_FEDERATION", value_name = "FILE")]
        federation: PathBuf,
    },
    /// Kill, freeze and cut off operators, and look whether all promises are kept.
    #[command(hide = true, subcommand)]
    Trial(Trial),
    /// Run a program that dies with our standard input.
    #[command(hide = true)]
    Guard {
        #[arg(last = true, required = true)]
        program: Vec<OsString>,
    },
    /// Be the binary `plasma`.
    #[command(hide = true, disable_help_flag = true)]
    Plasma {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// For whoever works on the operator itself.
#[derive(Debug, Subcommand)]
enum Trial {
    /// Kill one operator at every operation that changes its disk (needs strace).
    Killing {
        #[command(flatten)]
        common: Common,
        /// The workload whose operations are hit.
        #[arg(long, default_value_t = 200, value_name = "BLOCKS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        blocks: u32,
        /// Take one operation in so many.
        #[arg(long, default_value_t = 1, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
        every: u32,
        /// Leave out so many before the first: two sweeps with `--every 2`, one of them with `--skip 1`, hit everything.
        #[arg(long, default_value_t = 0, value_name = "K")]
        skip: u32,
        /// Only at places whose name contains this, such as `pwrite64`: a long sweep is done in parts.
        #[arg(long, value_name = "PART")]
        place: Option<String>,
        /// At most so many lives.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        lives: Option<u32>,
        /// Do something wrong, which must be found.
        #[arg(long, value_enum)]
        planted: Option<trial::killing::Planted>,
    },
    /// Kill a wallet at every call with which it changes its disk or speaks with the world (needs strace).
    Wallet {
        #[command(flatten)]
        common: Common,
        /// Take one call in so many.
        #[arg(long, default_value_t = 1, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
        every: u32,
        /// Only calls of these kinds.
        #[arg(long, value_enum, value_delimiter = ',', value_name = "CALL", default_values_t = trial::wallet::Call::ALL)]
        calls: Vec<trial::wallet::Call>,
    },
    /// Kill leaders between a payment's submit and its commit, and count the money.
    Leading {
        #[command(flatten)]
        common: Common,
        /// How many die.
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=200))]
        times: u32,
    },
    /// Kill and start one operator again and again, and measure how soon it votes.
    Restarting {
        #[command(flatten)]
        common: Common,
        /// How often.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        times: u32,
        /// How long it stays away: 300ms, 5s.
        #[arg(long, default_value = "500ms", value_parser = duration, value_name = "TIME")]
        away: Duration,
        /// Print exactly one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Take one operator's storage, and let it catch up, by blocks or by a snapshot.
    Joining {
        #[command(flatten)]
        common: Common,
        /// So many blocks are anchored before it comes back.
        #[arg(long, default_value_t = 1_200, value_name = "BLOCKS", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        blocks: u32,
        /// The others have dropped old blocks, and write snapshots (needs 1 100 blocks at least).
        #[arg(long)]
        pruned: bool,
    },
    /// Take one operator's vote log, see it refused, and let it rejoin.
    Rejoining {
        #[command(flatten)]
        common: Common,
    },
    /// Take away two operators, all of them, and one that is frozen or cut off, and give them back.
    Outages {
        #[command(flatten)]
        common: Common,
        /// How long one is frozen, and how long it is cut off.
        #[arg(long, default_value = "30s", value_parser = duration, value_name = "TIME")]
        away: Duration,
    },
    /// Pour payments and rubbish on operators, and compare with the calm before.
    Flooding {
        #[command(flatten)]
        common: Common,
        /// How long the calm is measured, and how long is poured at most: 20s, 2m.
        #[arg(long = "for", default_value = "20s", value_parser = duration, value_name = "TIME")]
        duration: Duration,
        /// Valid payments of the flood.
        #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=200_000))]
        payments: u32,
        /// Whom it meets.
        #[arg(long, value_enum, default_value_t = trial::flooding::Aim::All)]
        at: trial::flooding::Aim,
        /// Print exactly one JSON document.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// Operators.
    #[arg(short = 'n', long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(4..=100))]
    operators: u16,
    /// The only folder that is written to [default: $XDG_DATA_HOME/plasma-testnet].
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Keep this run's folder at the end: the operators' logs, keys and storage. Without it only a run that failed leaves them.
    #[arg(long)]
    keep: bool,
    /// Run this binary `plasma` as operators instead of ourselves.
    #[arg(long, value_name = "PATH")]
    plasma_bin: Option<PathBuf>,
    /// Where operators keep their rows: each in its own folder, or below its own prefix in a FoundationDB cluster (needs a
    /// build with `--features fdb`); there they stay, below `plasma-testnet`.
    #[arg(long, value_enum, default_value_t = Rows::Embedded)]
    storage: Rows,
    /// That cluster's file [default: $FDB_CLUSTER_FILE, else /etc/foundationdb/fdb.cluster].
    #[arg(long, value_name = "FILE", requires = "storage")]
    cluster_file: Option<PathBuf>,
}

/// Where operators keep their rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Rows {
    /// In a folder.
    Embedded,
    /// In FoundationDB.
    Fdb,
}

impl Common {
    fn plan(self, accounts: u32) -> Result<Plan> {
        let storage = self.storage()?;
        let ending = if self.keep { Ending::Kept } else { Ending::Removed };
        Ok(Plan {
            operators: self.operators,
            accounts,
            data_dir: self.data_dir,
            ending,
            plasma_bin: self.plasma_bin,
            storage,
            forgers: 0,
            pace: None,
            wired: false,
            label: None,
        })
    }

    fn storage(&self) -> Result<StorageKeys> {
        let mut keys = StorageKeys {
            cache: CACHE,
            ..StorageKeys::default()
        };
        if self.storage == Rows::Embedded {
            return Ok(keys);
        }
        let refuse = |text: String| Err(Failure::Missing(text).into());
        if !cfg!(feature = "fdb") && self.plasma_bin.is_none() {
            return refuse(
                "this plasma-testnet was built without FoundationDB: build it with `--features fdb` where libfdb_c is \
                 installed, or name such a `plasma` with --plasma-bin"
                    .to_owned(),
            );
        }
        keys.backend = Backend::Fdb;
        keys.fdb.directory = vec![DIRECTORY.to_owned()];
        keys.fdb.cluster_file = self.cluster_file.clone().unwrap_or_default();
        let file = keys.fdb.main_file();
        match std::path::absolute(&file) {
            Ok(path) if path.is_file() => keys.fdb.cluster_file = path,
            _ => {
                return refuse(format!(
                    "there is no cluster file {}: name one with --cluster-file or FDB_CLUSTER_FILE",
                    file.display()
                ));
            }
        }
        Ok(keys)
    }
}

/// Runs the command that the arguments name.
#[must_use]
pub fn run() -> ExitCode {
    match Arguments::parse().command {
        Command::Guard { program } => guarded(&program),
        Command::Plasma { arguments } => {
            plasma_node::cli::run(std::iter::once(OsString::from("plasma")).chain(arguments))
        }
        command => match work(command) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                Progress::on_stderr().say(&format!("\nerror: {error:#}"));
                ExitCode::from(exit_code(&error))
            }
        },
    }
}

fn work(command: Command) -> Result<()> {
    // The only TLS provider in the tree must be named once; a second call would only say that it was.
    let _named_before = rustls::crypto::ring::default_provider().install_default();
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("threads")?;
    let ended = runtime.block_on(async {
        // Handlers first: a signal during the start must not end us the hard way.
        let mut interrupt = signal(SignalKind::interrupt()).context("listening for ctrl-C")?;
        let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
        let stays = matches!(command, Command::Up { .. });
        let ended = tokio::select! {
            ended = Box::pin(dispatch(command)) => return ended,
            _ = interrupt.recv() => Failure::Interrupted,
            _ = terminate.recv() => Failure::Interrupted,
        };
        if stays { Ok(()) } else { Err(ended.into()) }
    });
    runtime.shutdown_background();
    ended
}

async fn dispatch(command: Command) -> Result<()> {
    let progress = Progress::on_stderr();
    match command {
        Command::Up {
            common,
            accounts,
            deposit,
        } => up::run(&common.plan(accounts)?, deposit, progress).await,
        Command::Forward { time, l1, federation } => clock::forward(time, &l1, &federation, progress).await,
        Command::Demo { common, json } => {
            let form = if json { demo::Form::Json } else { demo::Form::Human };
            demo::run(&common.plan(DEMO_ACCOUNTS)?, form, progress).await
        }
        Command::Load {
            common,
            duration,
            tps,
            json,
        } => {
            let wish = load::Wish { duration, tps, json };
            load::run(&common.plan(LOAD_ACCOUNTS)?, &wish, progress).await
        }
        Command::Trial(which) => try_out(which, progress).await,
        // These two never come here: they run without our runtime.
        Command::Guard { .. } | Command::Plasma { .. } => Ok(()),
    }
}

async fn try_out(which: Trial, progress: Progress) -> Result<()> {
    match which {
        Trial::Killing {
            common,
            blocks,
            every,
            skip,
            place,
            lives,
            planted,
        } => {
            let wish = trial::killing::Wish {
                blocks,
                every,
                skip,
                place,
                lives,
                planted,
            };
            trial::killing::run(&common.plan(trial::PAYERS)?, &wish, progress).await
        }
        Trial::Wallet { common, every, calls } => {
            trial::wallet::run(&common.plan(1)?, &trial::wallet::Wish { every, calls }, progress).await
        }
        Trial::Leading { common, times } => {
            trial::leading::run(&common.plan(1)?, trial::leading::Wish { times }, progress).await
        }
        Trial::Restarting {
            common,
            times,
            away,
            json,
        } => {
            let wish = trial::restarting::Wish { times, away, json };
            trial::restarting::run(&common.plan(trial::PAYERS)?, &wish, progress).await
        }
        Trial::Joining {
            common,
            blocks,
            pruned,
        } => {
            let wish = trial::joining::Wish { blocks, pruned };
            trial::joining::run(&common.plan(trial::PAYERS)?, wish, progress).await
        }
        Trial::Rejoining { common } => trial::rejoining::run(&common.plan(trial::PAYERS)?, progress).await,
        Trial::Outages { common, away } => {
            trial::outages::run(&common.plan(trial::PAYERS)?, away, progress).await
        }
        Trial::Flooding {
            common,
            duration,
            payments,
            at,
            json,
        } => {
            let wish = trial::flooding::Wish {
                duration,
                payments,
                aim: at,
                json,
            };
            trial::flooding::run(&common.plan(FLOOD_ACCOUNTS)?, &wish, progress).await
        }
    }
}

fn guarded(program: &[OsString]) -> ExitCode {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
        return ExitCode::from(UNEXPECTED);
    };
    let code = runtime.block_on(guard::watch(program));
    // A thread still reads our standard input; waiting for it would keep us alive.
    runtime.shutdown_background();
    code
}

/// What a test account can deposit: something, and less than all that anvil gave it, because gas costs too.
fn deposit(text: &str) -> Result<Amount, String> {
    let amount = ether::parse(text)?;
    if amount > Amount::ZERO && amount < ether::eth(ANVIL_ETH) {
        Ok(amount)
    } else {
        Err(format!(
            "a test account has {ANVIL_ETH} ETH: it can deposit more than nothing and less than that"
        ))
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    span(text, LOAD_MAX)
}

fn leap(text: &str) -> Result<Duration, String> {
    span(text, FORWARD_MAX)
}

fn span(text: &str, most: Duration) -> Result<Duration, String> {
    let span: plasma_node::config::Span = text.parse().map_err(|error| format!("{error}"))?;
    if span.0.is_zero() || span.0 > most {
        return Err(format!("longer than nothing and at most {} s", most.as_secs()));
    }
    Ok(span.0)
}

/// Alice, Bob, Carol, Dave who looks on, and Mallory.
const DEMO_ACCOUNTS: u32 = 5;
/// Every payment of a load is made before the clock starts: a million of them fill half a gigabyte.
const LOAD_MAX: Duration = Duration::from_secs(300);
/// Longer than any exit of a testnet takes; every two minutes of it wait for an anchor.
const FORWARD_MAX: Duration = Duration::from_secs(6 * 3_600);
/// Where the rows of testnets lie in a cluster, apart from those of an operator.
const DIRECTORY: &str = "plasma-testnet";
/// What anvil gives each test account.
const ANVIL_ETH: u64 = 10_000;
/// The users of a trial, and strangers whose outputs are the flood's.
const FLOOD_ACCOUNTS: u32 = trial::PAYERS + 8;
/// Enough that their first splits go into one block.
const LOAD_ACCOUNTS: u32 = 8;
const EXIT_CODES: &str = "Exit codes: 0 all was seen; 1 unexpected failure; 2 wrong arguments; 8 something did not come in time; \
     11 something was not as it must be; 12 no anvil, no npm or no free port; 130 interrupted";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_federation_that_tolerates_no_fault_is_refused() {
        assert!(Arguments::try_parse_from(["plasma-testnet", "up", "-n", "3"]).is_err());
        assert!(Arguments::try_parse_from(["plasma-testnet", "up", "-n", "4"]).is_ok());
    }

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(duration("20s"), Ok(Duration::from_secs(20)));
        assert!(duration("20").is_err() && duration("0s").is_err() && duration("6m").is_err());
    }
}
