//! A whole federation in one thread, drawn from one number: real operators, real contracts in an EVM, and a world that fails.
//!
//! Every operator is the value that `plasma` runs, with a shell that takes its turns as the runtime does (`turn`), its log on a
//! disk that tears (`disk`), storage that loses what was not durable (`host`), and its own view of one Ethereum (`ethereum`). What is judged
//! is in `oracle`. See `docs/simulation.md`.

mod asks;
mod byzantine;
mod check;
mod clients;
mod disk;
mod duties;
mod epochs;
mod ethereum;
mod families;
mod faults;
mod harm;
mod host;
pub mod marks;
mod network;
mod oracle;
mod peers;
mod proof;
mod random;
pub mod scenario;
mod scheme;
pub mod shrink;
mod site;
mod transcript;
mod turn;
mod world;

pub use families::Family;
pub use marks::Marks;
pub use oracle::Violation;
pub use scenario::Scenario;
pub use world::{Outcome, Watch, run};
