//! The network over real sockets on the loopback, always on a port that the system chose.

mod suite {
    pub(crate) mod support;

    mod client;
    mod gossip;
    mod limits;
    mod members;
    mod reconnect;
    mod replaced;
    mod stranger;
    mod two_peers;
}
