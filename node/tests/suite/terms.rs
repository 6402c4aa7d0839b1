//! What an archive or a snapshot says of Ethereum: a state that no block of this chain can have left is found.

use std::collections::BTreeMap;

use plasma_core::{BlockId, Epoch, Hash, Height, L1Height, State};
use plasma_node::{
    runtime::terms::Terms,
    storage::{Read, Storage},
};

use super::chain::{Chain, genesis, user};

/// A chain whose blocks have origins of their own, its state, and how Ethereum knows it.
async fn chain() -> (Chain, State, Terms) {
    let mut chain = Chain::new(genesis());
    for _ in 0..4 {
        chain.deposit(&user(1), 5).await;
    }
    let state = chain.storage.reader().state().unwrap();
    let terms = Terms {
        last_valid: Height(u32::MAX),
        ended: BTreeMap::new(),
    };
    (chain, state, terms)
}

fn words(chain: &Chain, state: &State, terms: &Terms) -> String {
    let checked = terms.check(state, &chain.storage.reader());
    checked.map_or_else(|untrue| untrue.to_string(), |()| String::new())
}

#[tokio::test]
async fn a_halt_that_ethereum_does_not_know_is_untrue() {
    let (chain, state, terms) = chain().await;
    assert_eq!(words(&chain, &state, &terms), "");
    let halted = State {
        halted: Some(Height(2)),
        ..state.clone()
    };
    let of = |last_valid| Terms {
        last_valid: Height(last_valid),
        ..terms.clone()
    };
    assert!(words(&chain, &halted, &terms).contains("halted above height 2"));
    assert!(words(&chain, &halted, &of(3)).contains("halted above height 2"));
    assert_eq!(words(&chain, &halted, &of(2)), "");
    // A later proof has lowered it, and this state is of before.
    assert_eq!(words(&chain, &halted, &of(1)), "");
    assert_eq!(words(&chain, &state, &of(1)), "");
}

#[tokio::test]
async fn an_epoch_runs_from_the_block_that_sealed_the_one_before_until_ethereum_ends_it() {
    let (chain, state, terms) = chain().await;
    let reader = chain.storage.reader();
    let header = |height| reader.header(Height(height)).unwrap().unwrap();
    let origin = state.header.l1_height;
    let ended = |epoch, at| Terms {
        ended: [(Epoch(epoch), at)].into(),
        ..terms.clone()
    };
    assert!(words(&chain, &state, &ended(0, origin)).contains("ended it at"));
    assert_eq!(words(&chain, &state, &ended(0, L1Height(origin.0 + 1))), "");
    let next = |sealed| State {
        epoch: Epoch(1),
        sealed,
        ..state.clone()
    };
    let sealing = header(3);
    assert!(header(2).l1_height < sealing.l1_height);
    let right = next(sealing.id());
    assert_eq!(words(&chain, &right, &ended(0, sealing.l1_height)), "");
    assert!(words(&chain, &right, &terms).contains("began it later or never"));
    let later = L1Height(origin.0 + 1);
    assert!(words(&chain, &right, &ended(0, later)).contains("began it later or never"));
    for wrong in [header(2).id(), BlockId(Hash([7; 32]))] {
        let found = words(&chain, &next(wrong), &ended(0, sealing.l1_height));
        assert!(found.contains("the block at height 3"), "{found}");
    }
    let wrong = State {
        sealed: header(1).id(),
        ..state.clone()
    };
    assert!(words(&chain, &wrong, &terms).contains("the block at height 0"));
}
