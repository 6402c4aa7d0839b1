//! All tests of the engine in one binary.

#[path = "support/bench.rs"]
mod bench;
#[path = "support/model/model.rs"]
mod model;
#[path = "support/sim.rs"]
mod sim;

mod suite {
    pub(crate) mod ahead;
    pub(crate) mod amnesia;
    pub(crate) mod blame;
    pub(crate) mod bounds;
    pub(crate) mod codec;
    pub(crate) mod conformance;
    pub(crate) mod epoch_end;
    pub(crate) mod epochs;
    pub(crate) mod forgotten;
    pub(crate) mod gossip;
    pub(crate) mod judging;
    pub(crate) mod model;
    pub(crate) mod mutants;
    pub(crate) mod proposing;
    pub(crate) mod questions;
    pub(crate) mod real_keys;
    pub(crate) mod reasons;
    pub(crate) mod recovery;
    pub(crate) mod regressions;
    pub(crate) mod sealing;
    pub(crate) mod simulation;
    pub(crate) mod twins;
    pub(crate) mod unfinal;
    pub(crate) mod voting;
    pub(crate) mod waiting;
}
