//! What `plasma-testnet` promises about itself: its arguments, its words when something is missing, its token, and what it
//! leaves; and what its operators promise, whatever is done to them.

mod suite {
    pub(crate) mod lifecycle;
    pub(crate) mod missing;
    pub(crate) mod readme;
    pub(crate) mod running;
    pub(crate) mod token;
    pub(crate) mod trial;
}
