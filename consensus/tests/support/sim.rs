//! A committee of engines in a simulated world: mock signatures, no bodies, one thread, one seed.
//!
//! Shared by the tests and by `examples/sim.rs`.

pub(crate) mod blocks;
pub(crate) mod byzantine;
pub(crate) mod crypto;
pub(crate) mod families;
pub(crate) mod host;
pub(crate) mod marks;
pub(crate) mod network;
pub(crate) mod oracle;
pub(crate) mod random;
pub(crate) mod scenario;
pub(crate) mod shrink;
pub(crate) mod transcript;
pub(crate) mod twins;
pub(crate) mod world;

pub(crate) use families::Family;
pub(crate) use marks::Marks;
pub(crate) use scenario::Scenario;
pub(crate) use world::{Breakage, Watch, run};
