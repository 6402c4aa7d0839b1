//! Holds the house: who may know whom, what must never be known, and the shape of every source file.
//!
//! The tables are those of the design; a change here is a decision, not a fix. Everything is read from the tree and from
//! `cargo metadata --offline`, so the test needs no network.

mod tidy {
    pub(crate) mod arrows;
    pub(crate) mod dependencies;
    pub(crate) mod files;
    pub(crate) mod tree;
    pub(crate) mod words;
}
