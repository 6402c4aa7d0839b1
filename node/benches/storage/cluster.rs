//! The same figures from a FoundationDB cluster that runs already.
//!
//! A cluster cannot be copied, so every figure makes its outputs anew below a directory of its own, and removes them. The
//! processor time is this process's: the cluster's own is not in it.

use std::time::Duration;

use plasma_node::storage::foundation::{
    FoundationStorage, Settings, Shares, Site,
    client::{FoundationCluster, stop_network},
    cluster::{Cluster as _, Fault, Retry, Transaction as _},
};

use super::{
    blocks::{Chain, Work},
    child,
    options::{Options, Task},
    rows::{self, RawRow},
    subject::{Stored, Subject, identity},
};

/// Does the task; prints figures as `name=value` words.
pub(crate) fn run(options: &Options, task: Task) {
    let (outputs, payments) = options.figure();
    let cluster = FoundationCluster::open(&options.cluster_file).expect("the cluster answers");
    let directory = vec![DIRECTORY.to_owned(), std::process::id().to_string()];
    match task {
        Task::Commit => {
            let site = Site {
                clusters: vec![cluster.clone()],
                directory: directory.clone(),
                shares: Shares::none(),
                holder: "the benchmark".to_owned(),
                token: rand::random(),
                has_heart: true,
                settings: Settings::default(),
            };
            let storage = FoundationStorage::open(site, identity(), &Chain::genesis().state);
            let mut subject = Stored::new(storage.expect("the storage opens"));
            let chain = made(&mut subject, outputs);
            child::commit(&mut subject, chain, payments, options.seconds);
        }
        Task::Raw => {
            let prefix = cluster.directory(&directory).expect("a directory is made");
            let mut subject = RawCluster {
                cluster: cluster.clone(),
                prefix,
            };
            let chain = made(&mut subject, outputs);
            child::commit(&mut subject, chain, payments, options.seconds);
        }
        Task::Populate | Task::Churn | Task::Open => panic!("a folder's task"),
    }
    cluster.remove(&directory).expect("the benchmark's rows go");
    stop_network();
}

fn made<S: Subject>(subject: &mut S, outputs: u64) -> Chain {
    let mut chain = Chain::genesis();
    chain.populate(outputs, |chain, plan| {
        subject.commit(S::prepare(chain.work(plan)));
    });
    chain
}

/// The cluster without our code: the same rows, as many in a transaction as fit.
struct RawCluster {
    cluster: FoundationCluster,
    prefix: Vec<u8>,
}

impl RawCluster {
    /// Puts rows in one transaction, again until it is known to be there.
    fn put(&self, rows: &[(Vec<u8>, Option<Vec<u8>>)]) {
        loop {
            let written = self.cluster.begin(None).and_then(|transaction| {
                for (key, value) in rows {
                    match value {
                        Some(value) => transaction.set(key, value),
                        None => transaction.clear(key, &[&key[..], &[0]].concat()),
                    }
                }
                transaction.commit()
            });
            match written {
                Ok(()) => return,
                Err(Fault {
                    retry: Retry::Never, ..
                }) => panic!("{}", written.expect_err("it failed")),
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }
}

impl Subject for RawCluster {
    type Block = Vec<RawRow>;

    fn prepare(work: Work) -> Vec<RawRow> {
        rows::of(&work)
    }

    fn read(&self, _: &Vec<RawRow>) -> usize {
        0
    }

    fn commit(&mut self, block: Vec<RawRow>) {
        let mut rows = Vec::new();
        let mut bytes = 0;
        for (table, key, value) in block {
            let key = [&self.prefix, table.as_bytes(), &key].concat();
            // No value may be longer than a hundred thousand bytes.
            let parts = value
                .as_ref()
                .map_or(1, |value| value.len().div_ceil(VALUE_BYTES).max(1));
            for part in 0..parts {
                let from = part * VALUE_BYTES;
                let value = value.as_ref().map(|value| {
                    let to = value.len().min(from + VALUE_BYTES);
                    value[from..to].to_vec()
                });
                let key = [&key[..], &part.to_be_bytes()].concat();
                bytes += key.len() + value.as_ref().map_or(0, Vec::len);
                rows.push((key, value));
                if bytes > TRANSACTION_BYTES {
                    self.put(&rows);
                    rows.clear();
                    bytes = 0;
                }
            }
        }
        self.put(&rows);
    }

    fn settle(&self) {}
}

/// Everything of the benchmark lies below it.
const DIRECTORY: &str = "plasma-bench";
/// Of one transaction, as our storage's.
const TRANSACTION_BYTES: usize = 4_000_000;
/// Of one value.
const VALUE_BYTES: usize = 90_000;
/// Before a transaction is tried again.
const PAUSE: Duration = Duration::from_millis(5);
