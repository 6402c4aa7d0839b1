//! A federation in a box: a real Ethereum node, real contracts and operator processes, started with one command.
//!
//! [`cli`] reads the command line of `plasma-testnet`: `up` keeps a federation running, `demo` tells its whole story and
//! checks every step, `load` measures it. The walls below: [`guard`] ties every child to our life, [`folder`] keeps every
//! file in one place, [`deadline`] gives every wait an end.

pub mod account;
pub mod anvil;
pub mod api;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod contract;
pub mod deadline;
pub mod demo;
pub mod deploy;
pub mod desk;
pub mod ether;
pub mod failure;
pub mod folder;
pub mod guard;
pub mod l1;
pub mod load;
pub mod ports;
pub mod progress;
#[cfg(feature = "sim")]
pub mod sim;
pub mod testnet;
pub mod token;
pub mod trial;
pub mod up;
pub mod wires;
