//! What to measure.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures the storage of one operator.
#[derive(Parser)]
pub(crate) struct Options {
    /// How many unspent outputs there are before the first measured block.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000, 1_000_000, 10_000_000])]
    pub(crate) outputs: Vec<u64>,
    /// Payments per block.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 10_000])]
    pub(crate) payments: Vec<u32>,
    /// How long to commit for each figure.
    #[arg(long, default_value_t = 15)]
    pub(crate) seconds: u64,
    /// Also kill the storage while it commits, and measure how soon it answers again.
    #[arg(long)]
    pub(crate) restart: bool,
    /// Where the rows lie.
    #[arg(long, value_enum, default_value_t = Backend::Embedded)]
    pub(crate) backend: Backend,
    /// The cluster of `--backend fdb`.
    #[arg(
        long,
        env = "FDB_CLUSTER_FILE",
        default_value = "/etc/foundationdb/fdb.cluster"
    )]
    pub(crate) cluster_file: PathBuf,
    /// The engine's cache in MiB.
    #[arg(long, default_value_t = 64)]
    pub(crate) cache: u64,
    /// Where to keep the data meanwhile; removed afterwards.
    #[arg(long, default_value = "target/storage-bench")]
    pub(crate) folder: PathBuf,
    /// Leaves out the engine without our code.
    #[arg(long)]
    pub(crate) no_raw: bool,
    /// What this process is, when another benchmark process started it.
    #[arg(long, value_enum, hide = true)]
    pub(crate) child: Option<Task>,
    /// What cargo tells every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Outputs and payments of the one figure that a child is asked for.
    pub(crate) fn figure(&self) -> (u64, u32) {
        let outputs = self.outputs.first().expect("a child is told one number");
        let payments = self.payments.first().expect("a child is told one number");
        (*outputs, *payments)
    }
}

/// A storage to measure.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// The engine inside the process.
    Embedded,
    /// A cluster that runs already; needs the feature `fdb`. Every figure makes its outputs anew and removes them.
    Fdb,
}

/// What a process of the benchmark does.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Task {
    /// Makes the outputs.
    Populate,
    /// Commits and reads.
    Commit,
    /// Writes the same rows straight into the engine.
    Raw,
    /// Commits until it is killed.
    Churn,
    /// Opens, recovers, says so.
    Open,
}
