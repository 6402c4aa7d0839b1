//! The watcher against an endpoint that says something false once: it ends nothing and stays nowhere.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    sync::{Arc, Mutex},
};

use plasma_core::{Epoch, Hash, Height, L1Block, L1Event, L1Height};
use plasma_node::bridge::{
    Anchor, Anchored, L1, L1Error, Link, Observed, SpendProof,
    watcher::{Ask, Halt, STEADY, Sighting, Watcher, WatcherConfig},
};
use tokio::sync::mpsc;

use super::{bridge_stub::deposited, stub::block};

/// Blocks above the deployment, and the lies that are told of them at present.
#[derive(Default)]
struct Teller {
    fork: Mutex<u8>,
    events: Mutex<Vec<Vec<L1Event>>>,
    anchors: Mutex<BTreeMap<u64, Anchored>>,
    /// Shown before they are confirmed, and nowhere.
    early: Mutex<BTreeMap<u64, Anchored>>,
    /// False times, and false events.
    times: Mutex<BTreeMap<u64, u64>>,
    invented: Mutex<BTreeMap<u64, L1Event>>,
}

impl Teller {
    fn mine(&self, blocks: Vec<Vec<L1Event>>) {
        self.events.lock().unwrap().extend(blocks);
    }

    fn is_honest_again(&self) {
        self.early.lock().unwrap().clear();
        self.times.lock().unwrap().clear();
        self.invented.lock().unwrap().clear();
    }

    fn at(&self, height: u64) -> L1Block {
        let fork = if height == 0 {
            0
        } else {
            *self.fork.lock().unwrap()
        };
        block(height, fork)
    }

    fn show(&self, range: RangeInclusive<L1Height>) -> Vec<Observed> {
        let events = self.events.lock().unwrap();
        let heights = range.start().0..=range.end().0;
        let observed = heights.map(|height| {
            let mut block = self.at(height);
            if let Some(time_s) = self.times.lock().unwrap().get(&height) {
                block.timestamp_s = *time_s;
            }
            let mut events = events[usize::try_from(height).unwrap() - 1].clone();
            events.extend(self.invented.lock().unwrap().get(&height).cloned());
            Observed {
                link: Link {
                    block,
                    parent: self.at(height - 1).hash,
                },
                events,
                anchors: self
                    .anchors
                    .lock()
                    .unwrap()
                    .get(&height)
                    .copied()
                    .into_iter()
                    .collect(),
                notices: Vec::new(),
            }
        });
        observed.collect()
    }
}

impl L1 for Teller {
    async fn head(&self) -> Result<L1Block, L1Error> {
        let height = u64::try_from(self.events.lock().unwrap().len()).unwrap();
        Ok(self.at(height))
    }

    async fn block(&self, height: L1Height) -> Result<Option<L1Block>, L1Error> {
        Ok(Some(self.at(height.0)))
    }

    async fn observe(&self, range: RangeInclusive<L1Height>) -> Result<Vec<Observed>, L1Error> {
        Ok(self.show(range))
    }

    async fn glimpse(&self, range: RangeInclusive<L1Height>) -> Result<Vec<Observed>, L1Error> {
        let mut seen = self.show(range);
        for block in &mut seen {
            let height = block.link.block.height.0;
            block.anchors.extend(self.early.lock().unwrap().get(&height));
        }
        Ok(seen)
    }

    async fn events(&self, _: RangeInclusive<L1Height>) -> Result<Vec<L1Event>, L1Error> {
        Err(L1Error::Stopped)
    }

    async fn activated(&self, _: Epoch) -> Result<Hash, L1Error> {
        Err(L1Error::Stopped)
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

struct Eye {
    teller: Arc<Teller>,
    watcher: Watcher<Teller>,
    sightings: mpsc::Receiver<Sighting>,
}

impl Eye {
    /// Three looks are the time after which what every one of them shows is steady.
    fn open(confirmations: u32) -> Self {
        let (says, sightings) = mpsc::channel(64);
        let config = WatcherConfig {
            poll: STEADY / 3,
            confirmations,
            after: block(0, 0),
        };
        let teller = Arc::new(Teller::default());
        let watcher = Watcher::new(Arc::clone(&teller), config, says);
        Self {
            teller,
            watcher,
            sightings,
        }
    }

    async fn look(&mut self) -> (Result<(), Halt>, Vec<Sighting>) {
        let looked = self.watcher.look().await;
        let told = std::iter::from_fn(|| self.sightings.try_recv().ok());
        (looked, told.collect())
    }

    /// The heights that a look confirms.
    async fn confirmed(&mut self) -> Vec<u64> {
        let (_, told) = self.look().await;
        heights(&told)
    }
}

fn heights(told: &[Sighting]) -> Vec<u64> {
    let confirmed = told.iter().filter_map(|sighting| match sighting {
        Sighting::Confirmed(confirmed) => Some(confirmed.block.height.0),
        _ => None,
    });
    confirmed.collect()
}

fn faults(told: &[Sighting]) -> Vec<String> {
    let faults = told.iter().filter_map(|sighting| match sighting {
        Sighting::Fault(fault) => Some(fault.to_string()),
        _ => None,
    });
    faults.collect()
}

fn anchors(told: &[Sighting]) -> Vec<(bool, Anchored)> {
    let anchors = told.iter().filter_map(|sighting| match sighting {
        Sighting::Anchored(anchored) => Some((true, *anchored)),
        Sighting::AnchorLost(anchored) => Some((false, *anchored)),
        _ => None,
    });
    anchors.collect()
}

fn anchored(number: u32) -> Anchored {
    Anchored {
        number,
        previous: Height(10 * (number - 1)),
        height: Height(10 * number),
        history_root: Hash([7; 32]),
        l1_height: L1Height(1),
        time_s: 7,
    }
}

#[tokio::test]
async fn an_early_anchor_that_its_confirmed_block_does_not_hold_is_taken_back() {
    let mut eye = Eye::open(2);
    eye.teller.mine(vec![vec![]; 4]);
    let (real, invented) = (anchored(1), anchored(9));
    eye.teller.anchors.lock().unwrap().insert(3, real);
    eye.teller.early.lock().unwrap().insert(4, invented);
    assert_eq!(anchors(&eye.look().await.1), [(true, real), (true, invented)]);
    eye.teller.is_honest_again();
    eye.teller.mine(vec![vec![]]);
    assert_eq!(anchors(&eye.look().await.1), [(true, real)], "it stands");
    eye.teller.mine(vec![vec![]]);
    assert_eq!(anchors(&eye.look().await.1), [(false, invented)]);
    // A confirmed one that is shown once more further up, as another fork would have it, stays.
    eye.teller.mine(vec![vec![]]);
    eye.teller.early.lock().unwrap().insert(7, real);
    eye.look().await.0.unwrap();
    eye.teller.is_honest_again();
    eye.teller.mine(vec![vec![]; 3]);
    let (looked, told) = eye.look().await;
    looked.unwrap();
    assert_eq!((heights(&told), anchors(&told)), (vec![6, 7, 8], vec![]));
}

#[tokio::test]
async fn a_time_later_than_the_head_s_is_not_believed() {
    let mut eye = Eye::open(2);
    eye.teller.mine(vec![vec![]; 3]);
    eye.teller.times.lock().unwrap().insert(1, 1_000_000_000_000);
    let (looked, told) = eye.look().await;
    assert!(
        matches!(
            &looked,
            Err(Halt::Failed(L1Error::Inconsistent {
                height: L1Height(1),
                ..
            }))
        ),
        "{looked:?}"
    );
    assert!(heights(&told).is_empty());
    eye.teller.is_honest_again();
    eye.teller.mine(vec![vec![]]);
    assert_eq!(eye.confirmed().await, [1, 2]);
}

#[tokio::test]
async fn one_false_time_of_a_block_does_not_end_the_reading() {
    let mut eye = Eye::open(2);
    eye.teller.mine(vec![vec![]; 3]);
    // As late as the head, so later than the blocks between.
    eye.teller
        .times
        .lock()
        .unwrap()
        .insert(1, block(3, 0).timestamp_s);
    assert_eq!(eye.confirmed().await, [1]);
    eye.teller.is_honest_again();
    eye.teller.mine(vec![vec![]; 2]);
    let mut read = Vec::new();
    for _ in 0..4 {
        let (_, told) = eye.look().await;
        assert_eq!(faults(&told), Vec::<String>::new(), "no block is another one");
        read.extend(heights(&told));
    }
    assert_eq!(read, [2, 3]);
}

#[tokio::test]
async fn one_deposit_that_never_was_does_not_end_the_reading() {
    let mut eye = Eye::open(1);
    eye.teller.mine(vec![vec![]; 2]);
    eye.teller.invented.lock().unwrap().insert(1, deposited(7));
    assert_eq!(eye.confirmed().await, [1]);
    eye.teller.is_honest_again();
    eye.teller.mine(vec![vec![], vec![]]);
    eye.teller.events.lock().unwrap()[1] = vec![deposited(0)];
    for _ in 0..2 {
        let (looked, told) = eye.look().await;
        assert!(looked.is_err() && faults(&told).is_empty());
    }
    let told = eye.look().await.1;
    assert!(
        matches!(faults(&told).as_slice(), [reason] if reason.contains("deposit")),
        "{told:?}"
    );
    eye.watcher.ask(Ask::Follow(block(0, 0)));
    assert_eq!(eye.confirmed().await, [1, 2, 3]);
}

/// Reading again must not be a way around a log that is missing.
#[tokio::test]
async fn a_missing_deposit_is_missing_after_another_reading_too() {
    let mut eye = Eye::open(1);
    eye.teller
        .mine(vec![vec![deposited(0)], vec![deposited(2)], vec![]]);
    assert_eq!(eye.confirmed().await, [1]);
    for _ in 0..8 {
        eye.watcher.ask(Ask::Follow(block(1, 0)));
        assert!(eye.confirmed().await.is_empty());
    }
}

#[tokio::test]
async fn another_fork_with_the_same_deposits_further_up_is_a_fault_like_any_other() {
    let mut eye = Eye::open(1);
    eye.teller.mine(vec![vec![deposited(0)], vec![]]);
    assert_eq!(eye.confirmed().await, [1]);
    *eye.teller.fork.lock().unwrap() = 1;
    *eye.teller.events.lock().unwrap() = vec![vec![], vec![deposited(0)], vec![]];
    let mut told = Vec::new();
    for _ in 0..3 {
        told.extend(faults(&eye.look().await.1));
    }
    assert!(
        matches!(told.as_slice(), [reason] if reason.contains("deeper than the confirmations")),
        "{told:?}"
    );
}
