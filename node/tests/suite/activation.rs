//! What the watcher tells of a committee that Ethereum activates.

use std::{
    ops::RangeInclusive,
    sync::{Arc, Mutex},
    time::Duration,
};

use plasma_core::{Epoch, Hash, L1Block, L1Event, L1Height};
use plasma_node::bridge::{
    Anchor, Anchored, L1, L1Error, Link, Observed, SpendProof,
    watcher::{Halt, Sighting, Watcher, WatcherConfig},
};
use tokio::sync::mpsc;

use super::stub::block;

/// Two blocks above the deployment; the first activates a committee, which is shown once it is set.
#[derive(Default)]
struct Chain {
    hash: Mutex<Option<Hash>>,
}

const EPOCH: Epoch = Epoch(3);

impl L1 for Chain {
    async fn head(&self) -> Result<L1Block, L1Error> {
        Ok(block(2, 0))
    }

    async fn block(&self, height: L1Height) -> Result<Option<L1Block>, L1Error> {
        Ok(Some(block(height.0, 0)))
    }

    async fn observe(&self, range: RangeInclusive<L1Height>) -> Result<Vec<Observed>, L1Error> {
        let activation = L1Event::CommitteeActivated { epoch: EPOCH };
        let observed = (range.start().0..=range.end().0).map(|height| Observed {
            link: Link {
                block: block(height, 0),
                parent: block(height - 1, 0).hash,
            },
            events: (height == 1).then(|| activation.clone()).into_iter().collect(),
            anchors: Vec::new(),
            notices: Vec::new(),
        });
        Ok(observed.collect())
    }

    async fn events(&self, _: RangeInclusive<L1Height>) -> Result<Vec<L1Event>, L1Error> {
        Err(L1Error::Stopped)
    }

    async fn activated(&self, epoch: Epoch) -> Result<Hash, L1Error> {
        assert_eq!(epoch, EPOCH);
        let hash = *self.hash.lock().unwrap();
        hash.ok_or(L1Error::NotActivated(epoch.0))
    }

    async fn last_anchor(&self) -> Result<Option<Anchored>, L1Error> {
        Err(L1Error::Stopped)
    }

    async fn anchor(&self, _: &Anchor) -> Result<(), L1Error> {
        Err(L1Error::Stopped)
    }

    async fn challenge(&self, _: &SpendProof) -> Result<(), L1Error> {
        Err(L1Error::Stopped)
    }
}

#[tokio::test]
async fn the_hash_of_an_activated_committee_is_told_before_the_block_and_waited_for() {
    let chain = Arc::new(Chain::default());
    let (says, mut sightings) = mpsc::channel(8);
    let config = WatcherConfig {
        poll: Duration::from_secs(1),
        confirmations: 1,
        after: block(0, 0),
    };
    let mut watcher = Watcher::new(Arc::clone(&chain), config, says);
    for _ in 0..2 {
        let looked = watcher.look().await;
        assert!(
            matches!(looked, Err(Halt::Failed(L1Error::NotActivated(3)))),
            "{looked:?}"
        );
        assert!(sightings.try_recv().is_err(), "a block of which it knows half");
    }
    let hash = Hash([7; 32]);
    *chain.hash.lock().unwrap() = Some(hash);
    watcher.look().await.unwrap();
    let told = [sightings.try_recv().unwrap(), sightings.try_recv().unwrap()];
    assert!(
        matches!(&told, [Sighting::Activated { epoch: EPOCH, hash: found }, Sighting::Confirmed(confirmed)]
            if *found == hash && confirmed.block == block(1, 0)),
        "{told:?}"
    );
}
