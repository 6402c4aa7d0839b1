//! Documents of committees that come late.

use plasma_core::{Epoch, Hash};
use plasma_node::{
    bridge::L1Error,
    directory::Directory,
    runtime::registry::{Roll, is_late},
};

use super::{chain::genesis, changing::people::successor};

/// An Ethereum on which the committee of this epoch runs.
struct Activated(u64);

impl Roll for Activated {
    async fn active(&self) -> Result<Epoch, L1Error> {
        Ok(Epoch(self.0))
    }

    async fn hash_of(&self, _: Epoch) -> Result<Hash, L1Error> {
        unreachable!("whether it is late does not depend on it")
    }

    async fn announced(&self) -> Result<Option<Hash>, L1Error> {
        unreachable!("nor on this")
    }
}

/// An announcement was replaced, and its document was not.
#[tokio::test]
async fn a_document_in_the_place_of_another_one_is_late_once_it_is_activated() {
    let genesis = genesis();
    let directory = Directory::new(&genesis).unwrap();
    let [first, second] = [[21, 22, 23, 24], [21, 22, 23, 25]]
        .map(|numbers| successor(&genesis.domain(), (1, 1), &numbers).roster);
    assert!(
        !is_late(&Activated(1), &directory, &first).await.unwrap(),
        "none is known"
    );
    directory.enter(first.clone()).unwrap();
    assert!(
        !is_late(&Activated(0), &directory, &second).await.unwrap(),
        "there is time"
    );
    assert!(
        !is_late(&Activated(1), &directory, &first).await.unwrap(),
        "it is the one"
    );
    assert!(is_late(&Activated(1), &directory, &second).await.unwrap());
}
