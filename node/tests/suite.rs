//! Everything of the node that is tested from outside.

mod suite {
    pub(crate) mod federation;
}
