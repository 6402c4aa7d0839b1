//! How much is held of blocks that are put together, and of what was learned.

use plasma_core::{BlockId, Hash, Header, Height, Millis, Peer, View};

use super::{ASSEMBLIES_MAX, Assembly, Payload, UNSOUND_MAX};

fn id(number: u64) -> BlockId {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    BlockId(Hash(hash))
}

fn assembly(view: u64) -> Assembly {
    assembly_at(view, Height(1 + u32::try_from(view).unwrap() / 10))
}

fn assembly_at(view: u64, height: Height) -> Assembly {
    let header = Header {
        height,
        ..Header::default()
    };
    let leader = Peer(Hash::ZERO);
    Assembly::new(Millis(0), View(view), leader, header, vec![id(view).0])
}

#[test]
fn the_block_of_the_lowest_view_makes_room() {
    let mut payload = Payload::default();
    let most = u64::try_from(ASSEMBLIES_MAX).unwrap();
    // The highest first, so that age is not what counts.
    for view in (0..2 * most).rev() {
        payload.begin(id(view), assembly(view));
        assert!(payload.assemblies.len() <= ASSEMBLIES_MAX);
    }
    assert!((0..most).all(|view| !payload.awaits(&id(view))));
    assert!((most..2 * most).all(|view| payload.awaits(&id(view))));
}

#[test]
fn what_is_as_high_as_the_decided_block_is_forgotten() {
    let mut payload = Payload::default();
    for view in [5, 15] {
        payload.begin(id(view), assembly(view));
        payload.condemn(id(100 + view), View(view));
    }
    payload.forget_below(Height(1), View(5), |_| false);
    assert!(!payload.awaits(&id(5)) && payload.awaits(&id(15)));
    assert!(!payload.is_unsound(&id(105)) && payload.is_unsound(&id(115)));
}

/// A liar's header may name any height.
#[test]
fn what_names_an_absurd_height_is_forgotten_once_later_views_are_final_and_nobody_asks() {
    let mut payload = Payload::default();
    let heights = [(5, 4_000_000), (6, 4_000_000), (30, 3)];
    for (view, height) in heights {
        payload.begin(id(view), assembly_at(view, Height(height)));
    }
    payload.forget_below(Height(1), View(20), |_| false);
    assert!(heights.iter().all(|(view, _)| payload.awaits(&id(*view))));
    payload.forget_below(Height(1), View(30), |block| *block == id(6));
    assert!(!payload.awaits(&id(5)) && payload.awaits(&id(6)) && payload.awaits(&id(30)));
}

#[test]
fn of_many_unsound_blocks_those_of_the_highest_views_are_remembered() {
    let mut payload = Payload::default();
    let most = u64::try_from(UNSOUND_MAX).unwrap();
    for view in (0..2 * most).rev() {
        payload.condemn(id(view), View(view));
    }
    assert!((0..2 * most).all(|view| payload.is_unsound(&id(view)) == (view >= most)));
}
