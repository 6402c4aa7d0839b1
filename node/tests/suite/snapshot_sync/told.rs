//! What members say that no header speaks of: whose word counts, and what Ethereum says of it.

use plasma_core::{Epoch, Height};
use plasma_node::runtime::snapshot_sync::{Found, vouchers::Vouchers};

use super::{Gives, SNAPSHOT, Seeker, height_of};

/// Each committee has one liar at most; together they are as many as an honest snapshot needs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_liars_of_several_committees_are_not_counted_together() {
    let seeker = Seeker::new().await;
    let dir = seeker.federation.folder.path();
    let anchor = seeker.federation.anchor(SNAPSHOT + 5);
    let of = |slots: &[u16]| Vouchers {
        slots: slots.iter().copied().collect(),
        faults: 1,
    };
    let apart = [of(&[0, 3, 4, 5]), of(&[1, 6, 7, 8])];
    let among = async |vouchers: &[Vouchers], gives| {
        let members = [(gives, dir); 2];
        let found = seeker.search_among((Epoch(0), vouchers), anchor, &members);
        found.await
    };
    // They say that they keep the bodies, then that they have one snapshot.
    assert_eq!(among(&apart, Gives::Bodies).await, Found::Nowhere);
    assert_eq!(among(&apart, Gives::Truth).await, Found::Nowhere);
    let one = [of(&[0, 1, 2, 3])];
    assert_eq!(among(&one, Gives::Bodies).await, Found::NotNeeded);
    assert_eq!(height_of(among(&one, Gives::Truth).await), Height(SNAPSHOT));
}
