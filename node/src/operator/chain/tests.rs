//! What makes room, what is missing, and that no state rests on what is gone.

use plasma_core::{Bitmap, Frontier, Hash, Millis, SecretKey, commitment::LtHash};

use super::*;
use crate::storage::embedded::UNSYNCED_BYTES_MAX;

/// One at genesis.
pub(in crate::operator) fn chain(bytes: usize) -> Chain {
    let state = State {
        header: Header::default(),
        id: Header::default().id(),
        history: Frontier::default(),
        commitment: LtHash::default(),
        halted: None,
        epoch: Epoch(0),
        sealed: BlockId::default(),
    };
    Chain::new(state, (Epoch(0), View(0)), Room { blocks: 256, bytes })
}

/// Files a block of so many bytes; the time tells blocks of one height apart.
fn file(chain: &mut Chain, at: (u32, u64), bytes: usize, is_logged: bool) -> BlockId {
    file_on(chain, BlockId::default(), at, bytes, is_logged)
}

fn header(parent: BlockId, (height, time): (u32, u64)) -> Header {
    Header {
        height: Height(height),
        timestamp_ms: Millis(time),
        parent,
        ..Header::default()
    }
}

fn file_on(chain: &mut Chain, parent: BlockId, at: (u32, u64), bytes: usize, is_logged: bool) -> BlockId {
    let header = header(parent, at);
    let block = AuthenticBlock {
        header,
        transactions: Vec::new(),
    };
    chain.insert(block, vec![0; bytes].into(), is_logged);
    header.id()
}

fn certificate(block: BlockId, view: u64) -> Certificate {
    Certificate {
        epoch: Epoch(0),
        view: View(view),
        block,
        signers: Bitmap::default(),
        signature: SecretKey::from_seed(&[1; 32]).sign(&Hash([2; 32])),
    }
}

#[test]
fn blocks_that_nobody_can_judge_take_no_more_bytes_than_there_is_room() {
    let mut chain = chain(1_000);
    let own = file(&mut chain, (1, 0), 200, true);
    let ids: Vec<BlockId> = (1..100)
        .map(|time| file(&mut chain, (u32::MAX, time), 300, false))
        .collect();
    let kept = |chain: &Chain| ids.iter().filter(|id| chain.block(id).is_some()).count();
    assert_eq!((kept(&chain), chain.bytes), (2, 800));
    let near = file(&mut chain, (2, 0), 700, false);
    assert!(chain.block(&near).is_some() && chain.block(&own).is_some());
    assert_eq!(
        (kept(&chain), chain.bytes),
        (0, 900),
        "what is of no use yet makes room"
    );
    file(&mut chain, (u32::MAX, 200), 300, false);
    assert!(chain.block(&near).is_some(), "and takes none from what is");
    let newest = file(&mut chain, (2, 1), 700, false);
    assert!(chain.block(&newest).is_some() && chain.block(&own).is_some());
    assert_eq!(chain.bytes, 900, "of those alike the oldest goes");
}

#[test]
fn what_all_proposals_stand_on_outlives_them() {
    let mut chain = chain(1_000);
    let decided = chain.decided().id;
    let parent = file_on(&mut chain, decided, (1, 0), 50, true);
    let tip = file_on(&mut chain, parent, (2, 0), 50, true);
    for lost in 1..300 {
        file_on(&mut chain, tip, (3, lost), 300, true);
        assert!(
            chain.block(&parent).is_some() && chain.block(&tip).is_some(),
            "{lost}"
        );
    }
    assert_eq!(chain.bytes, 1_000, "three that lost, the newest");
}

#[test]
fn what_is_notarized_outlives_what_lost_beside_it() {
    let mut chain = chain(1_000);
    let decided = chain.decided().id;
    let below = file_on(&mut chain, decided, (1, 0), 50, true);
    let tip = file_on(&mut chain, below, (2, 0), 50, true);
    chain.keep(BTreeSet::from([tip]));
    for time in 1..300 {
        file_on(&mut chain, decided, (1, time), 300, true);
    }
    assert!(chain.block(&below).is_some() && chain.block(&tip).is_some());
    let other = file_on(&mut chain, decided, (1, 0), 50, true);
    chain.keep(BTreeSet::from([other]));
    for time in 300..303 {
        file_on(&mut chain, decided, (1, time), 300, true);
    }
    assert!(
        chain.block(&tip).is_none(),
        "a view that another one skips makes nothing final"
    );
}

/// What the others decide meanwhile, far above, does not keep out what is decided here next.
#[test]
fn what_is_final_far_above_makes_room_for_what_is_next() {
    let mut chain = chain(1_000);
    let decided = chain.decided().id;
    let mut far = BlockId(Hash([1; 32]));
    for height in 1_000..1_003 {
        far = file_on(&mut chain, far, (height, 0), 300, false);
        chain.on_final(certificate(far, u64::from(height)));
    }
    let mut next = decided;
    for height in 1..4 {
        next = file_on(&mut chain, next, (height, 0), 300, false);
        assert!(chain.block(&next).is_some(), "height {height}");
    }
    let beyond = file_on(&mut chain, far, (1_003, 0), 300, false);
    assert!(chain.block(&beyond).is_none() && chain.block(&next).is_some());
}

#[test]
fn what_is_missing_below_a_block_is_named_from_above() {
    let mut chain = chain(1_000);
    let decided = chain.decided().id;
    let id = |parent, height| header(parent, (height, 0)).id();
    let (first, second) = (id(decided, 1), id(id(decided, 1), 2));
    let third = file_on(&mut chain, second, (3, 0), 50, true);
    assert_eq!(chain.missing_below(&decided), None);
    assert_eq!(chain.missing_below(&first), Some(first));
    assert_eq!(chain.missing_below(&third), Some(second));
    file_on(&mut chain, first, (2, 0), 50, true);
    assert_eq!(chain.missing_below(&third), Some(first));
    file_on(&mut chain, decided, (1, 0), 50, true);
    assert_eq!(chain.missing_below(&third), None);
    let beside = file_on(&mut chain, BlockId(Hash([1; 32])), (1, 0), 50, true);
    assert_eq!(
        chain.missing_below(&beside),
        None,
        "nothing of it can become final"
    );
}

/// Whatever arrives, is applied, notarized and decided: below what was applied all was, down to the decided tip.
#[test]
fn no_state_ever_rests_on_a_block_that_is_gone() {
    let mut seed = 1u64;
    let mut draw = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let mut chain = chain(1_000);
    let (mut ids, mut most) = (vec![chain.decided().id], 0);
    for time in 0..20_000 {
        let here: Vec<BlockId> = chain.blocks.keys().copied().collect();
        let parent = match draw(8) {
            0 => chain.decided().id,
            1 => ids[draw(ids.len())],
            _ => *here.get(draw(here.len() + 1)).unwrap_or(&chain.decided().id),
        };
        let height = chain.state(&parent).map_or(0, |state| state.header.height.0);
        let id = file_on(
            &mut chain,
            parent,
            (height + 1, time),
            50 + draw(200),
            draw(2) == 0,
        );
        ids.push(id);
        if chain.state(&parent).is_some() && draw(3) > 0 {
            let applied = chain.block(&id).map(|known| known.block.header);
            let delta = applied.map(|header| changes_nothing(&chain, header));
            delta.into_iter().for_each(|delta| chain.applied(&id, delta));
        }
        if draw(10) == 0 {
            chain.keep(BTreeSet::from([id]));
        }
        if draw(20) == 0 {
            let decided = chain.child_of_decided(&id).and_then(|next| chain.decide(&next));
            most = most.max(decided.map_or(0, |(block, _)| block.header.height.0));
        }
        assert!(chain.bytes <= 1_000, "{}", chain.bytes);
        for known in chain.blocks.values().filter(|known| known.delta.is_some()) {
            assert!(
                chain.state(&known.block.header.parent).is_some(),
                "{time}: {known:?}"
            );
        }
    }
    assert!(most > 100, "only {most} were decided");
}

fn changes_nothing(chain: &Chain, header: Header) -> Delta {
    let state = State {
        header,
        id: header.id(),
        ..chain.decided().clone()
    };
    Delta {
        height: header.height,
        block: state.id,
        outputs: BTreeMap::new(),
        exits: BTreeMap::new(),
        deposits: BTreeMap::new(),
        transactions: Vec::new(),
        leaf: Hash::ZERO,
        state,
    }
}

#[test]
fn a_final_row_finds_room_beside_what_lost() {
    let mut chain = chain(1_000);
    let decided = chain.decided().id;
    for lost in 1..40 {
        file_on(&mut chain, decided, (1, lost), 300, true);
    }
    let first = file_on(&mut chain, decided, (1, 1_000), 300, false);
    let second = file_on(&mut chain, first, (2, 1_000), 300, false);
    assert!(chain.block(&first).is_some() && chain.block(&second).is_some());
    chain.on_final(certificate(second, 99));
    for lost in 40..80 {
        file_on(&mut chain, decided, (1, lost), 300, true);
    }
    assert_eq!(chain.next_final().map(|(id, _)| id), Some(first));
    assert!(chain.block(&second).is_some(), "what is final stays");
}

/// The block of the highest notarized view has not come yet; those that it stands on are here, and nothing that is here bears on
/// the last of them.
#[test]
fn what_is_kept_stays_though_nothing_stands_on_it_here() {
    let mut chain = chain(1_000);
    let decided = chain.decided().id;
    let below = file_on(&mut chain, decided, (1, 0), 50, true);
    let last = file_on(&mut chain, below, (2, 0), 50, true);
    chain.keep(BTreeSet::from([below, last, header(last, (3, 0)).id()]));
    for lost in 1..300 {
        file_on(&mut chain, decided, (1, lost), 300, true);
        assert!(
            chain.block(&below).is_some() && chain.block(&last).is_some(),
            "{lost}"
        );
    }
}

/// Three that are final and near, while nothing that they stand on is here.
#[test]
fn what_is_final_and_cannot_be_applied_makes_room_for_what_is_below_it() {
    let mut chain = chain(1_000);
    let decided = chain.decided().id;
    let mut live = BlockId(Hash([1; 32]));
    for height in 30..33 {
        live = file_on(&mut chain, live, (height, 0), 300, false);
        chain.on_final(certificate(live, u64::from(height)));
    }
    let next = file_on(&mut chain, decided, (1, 0), 300, false);
    assert!(chain.block(&next).is_some() && chain.block(&live).is_none());
    assert_eq!(chain.take_dropped(), [live], "the engine hears of it");
    assert!(chain.take_dropped().is_empty());
    for lost in 1..40 {
        file_on(&mut chain, decided, (1, lost), 300, false);
    }
    let final_ones = chain.blocks.keys().filter(|id| chain.is_final(id));
    assert_eq!(final_ones.count(), 2, "what is made up takes the place of one");
}

/// The last block of an epoch, as its own committee and the next one finalized it.
#[test]
fn the_word_of_the_committee_that_decided_a_block_counts_in_either_order() {
    let of_epoch = |epoch, view| Certificate {
        epoch: Epoch(epoch),
        ..certificate(BlockId(Hash([1; 32])), view)
    };
    for order in [[of_epoch(0, 9), of_epoch(1, 1)], [of_epoch(1, 1), of_epoch(0, 9)]] {
        let mut chain = chain(1_000);
        order.into_iter().for_each(|one| chain.on_final(one));
        let kept: Vec<_> = chain.finals.values().map(Certificate::at).collect();
        assert_eq!(kept, [(Epoch(0), View(9))]);
    }
}

#[test]
fn there_is_room_for_what_storage_may_lose_and_for_all_that_the_engine_lets_stand() {
    let lost = usize::try_from(UNSYNCED_BYTES_MAX).unwrap();
    for clients in [0, 1 << 20, 16 << 20] {
        let largest = clients + (2 << 20);
        let room = Room::of(u32::try_from(clients).unwrap());
        assert!(room.bytes >= lost + 17 * largest, "{clients}");
        assert!(room.blocks >= 64 + 16 + 128);
    }
}
