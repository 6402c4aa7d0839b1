//! Everything of the node that is tested from outside.

#[cfg(test)]
mod suite {
    pub(crate) mod accusations;
    pub(crate) mod activation;
    pub(crate) mod ahead;
    pub(crate) mod alerts;
    pub(crate) mod anvil;
    pub(crate) mod api;
    pub(crate) mod bridge_anvil;
    pub(crate) mod bridge_batches;
    pub(crate) mod bridge_committees;
    pub(crate) mod bridge_doubts;
    pub(crate) mod bridge_liars;
    pub(crate) mod bridge_pool;
    pub(crate) mod bridge_refusals;
    pub(crate) mod bridge_sender;
    pub(crate) mod bridge_stub;
    pub(crate) mod builds;
    pub(crate) mod cast;
    pub(crate) mod chain;
    pub(crate) mod challenges;
    pub(crate) mod changing;
    pub(crate) mod checks;
    pub(crate) mod child;
    pub(crate) mod client;
    pub(crate) mod crowding;
    pub(crate) mod deployment;
    pub(crate) mod deposits;
    pub(crate) mod door;
    pub(crate) mod doors;
    pub(crate) mod doubts;
    pub(crate) mod duties;
    pub(crate) mod ends;
    pub(crate) mod epochs;
    pub(crate) mod errors;
    pub(crate) mod events;
    pub(crate) mod exits;
    pub(crate) mod explorer;
    pub(crate) mod federation;
    pub(crate) mod fetching;
    pub(crate) mod fraud;
    pub(crate) mod gathering;
    pub(crate) mod handing;
    pub(crate) mod http;
    pub(crate) mod leader;
    pub(crate) mod legacy;
    pub(crate) mod lost_log;
    pub(crate) mod many;
    pub(crate) mod matters;
    pub(crate) mod openapi;
    pub(crate) mod operators;
    pub(crate) mod parameters;
    pub(crate) mod payload;
    pub(crate) mod peers;
    pub(crate) mod proving;
    pub(crate) mod proxy;
    pub(crate) mod reference;
    pub(crate) mod refusals;
    pub(crate) mod registry;
    pub(crate) mod rejoin;
    pub(crate) mod reserves;
    pub(crate) mod rota;
    pub(crate) mod runtime;
    pub(crate) mod scratch;
    pub(crate) mod searches;
    pub(crate) mod seen;
    pub(crate) mod settings;
    pub(crate) mod snapshot_sync;
    pub(crate) mod stage;
    pub(crate) mod stalled;
    pub(crate) mod statuses;
    pub(crate) mod storage;
    pub(crate) mod strace;
    pub(crate) mod stub;
    pub(crate) mod submits;
    pub(crate) mod sync;
    pub(crate) mod terms;
    pub(crate) mod tools;
    pub(crate) mod untimely;
    pub(crate) mod wal;
    pub(crate) mod wallet;
    pub(crate) mod watchdog;
    pub(crate) mod world;

    /// Says in one plain line, whatever the output is captured by, that a test cannot run here.
    pub(crate) fn skip(test: &str, reason: &str) {
        let line = format!("skipped {test}: {reason}\n");
        std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
    }
}
