//! What an operator says of itself and of the chain.

use plasma_core::{Height, Millis};
use plasma_node::{
    api::view::{NetworkView, StatusView},
    bridge::watcher::Sighting,
    runtime::{
        handle::{Silence, Status},
        l1::translate,
    },
};

use super::{
    chain::{Chain, genesis},
    http::{door, get},
    stub::block,
};

/// A blocker, and what an operator says of itself then.
type Cause = (&'static str, fn(&mut Status));

#[tokio::test]
async fn every_blocker_is_documented() {
    let chain = Chain::new(genesis());
    let router = door(&chain);
    let causes: [Cause; 8] = [
        ("stopped", |status| status.stopped = Some("a case".into())),
        ("halted", |status| status.halted = Some(Height(7))),
        ("catching-up", |status| status.behind = true),
        ("blocks-unavailable", |status| status.starved = true),
        ("rejoining", |status| status.silence = Some(Silence::Over)),
        ("committee-unknown", |status| status.committee = None),
        ("no-quorum", |status| status.peers.clear()),
        ("no-progress", |status| status.stalled_since = Some(Millis(1))),
    ];
    let page = include_str!("../../../docs/api.md");
    for (code, cause) in causes {
        let before = chain.handle.status();
        chain.say(cause);
        let status: StatusView = get(&router, "/v1/status").await.document();
        assert!(
            status.blockers.iter().any(|blocker| blocker.code == code),
            "{code}"
        );
        assert!(page.contains(&format!("| `{code}` |")), "{code}");
        chain.say(|status| *status = Status::clone(&before));
    }
}

#[tokio::test]
async fn status_and_network_say_what_a_client_needs() {
    let chain = Chain::new(genesis());
    let router = door(&chain);
    let status: StatusView = get(&router, "/v1/status").await.document();
    assert_eq!(
        (status.state.as_str(), status.ready, status.consensus.leader),
        ("running", true, Some(1))
    );
    assert_eq!((status.name.as_str(), status.peers.quorum), ("tester", 3));
    assert_eq!(status.l1.time, None, "no block of Ethereum was seen");
    drop(translate(Sighting::Head(block(9, 0)), &chain.books));
    let status: StatusView = get(&router, "/v1/status").await.document();
    assert_eq!(status.l1.time.as_deref(), Some("1970-01-01T00:16:49.000Z"));
    chain.say(|status| status.peers.truncate(1));
    let lonely: StatusView = get(&router, "/v1/status").await.document();
    assert_eq!(
        (lonely.ready, lonely.blockers[0].code.as_str()),
        (false, "no-quorum")
    );
    let network: NetworkView = get(&router, "/v1/network").await.document();
    assert_eq!(network.genesis_hash.0, chain.genesis.hash());
    assert_eq!(
        (network.committee.len(), network.quorum, network.faults),
        (4, 3, 1)
    );
    assert_eq!(network.eip712_domain.chain_id, 31_337);
    assert_eq!(get(&router, "/livez").await.body, b"ok\n");
}
