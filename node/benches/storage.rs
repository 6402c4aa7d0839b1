//! What the storage costs: payments committed and inputs read at several sizes, and how soon it is back after a kill.
//!
//! `cargo bench -p plasma-node --bench storage -- --help`. Each measurement is a process of its own, so that its memory is the
//! storage's and a kill is a kill. Figures are printed and never judged.

mod storage {
    pub(crate) mod blocks;
    pub(crate) mod child;
    #[cfg(feature = "fdb")]
    pub(crate) mod cluster;
    pub(crate) mod meter;
    pub(crate) mod options;
    pub(crate) mod parent;
    pub(crate) mod raw;
    pub(crate) mod rows;
    pub(crate) mod subject;
}

/// As in the binary `plasma`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

use clap::Parser as _;
use storage::{child, options::Options, parent};

fn main() {
    let options = Options::parse();
    match &options.child {
        Some(task) => child::run(&options, *task),
        None => parent::run(&options),
    }
}
