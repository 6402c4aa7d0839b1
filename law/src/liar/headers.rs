//! Lies that stand in the header and not in the body. None of them can be proven on L1.

use plasma_core::{BlockId, Hash, Header, Height, L1Height, keccak};
use rand::Rng as _;

use super::Lie;

fn anything(lie: &mut Lie<'_>) -> Hash {
    keccak(&[&lie.rng.random::<u64>().to_be_bytes()])
}

pub(super) fn height(header: &mut Header, _: &mut Lie<'_>) -> Option<()> {
    header.height = Height(header.height.0.checked_add(1)?);
    Some(())
}

pub(super) fn parent(header: &mut Header, lie: &mut Lie<'_>) -> Option<()> {
    header.parent = BlockId(anything(lie));
    Some(())
}

pub(super) fn timestamp(header: &mut Header, lie: &mut Lie<'_>) -> Option<()> {
    header.timestamp_ms = lie.world.head().timestamp_ms;
    Some(())
}

pub(super) fn origin_back(header: &mut Header, lie: &mut Lie<'_>) -> Option<()> {
    // The body stays, so it funds nothing that this origin does not reach: only an unchanged body may name it.
    if lie.derived != 0 {
        return None;
    }
    header.l1_height = L1Height(lie.world.head().l1_height.0.checked_sub(1)?);
    reseal(header, lie);
    Some(())
}

pub(super) fn origin_changed(header: &mut Header, lie: &mut Lie<'_>) -> Option<()> {
    if lie.derived != 0 {
        return None;
    }
    header.l1_height = lie.world.head().l1_height;
    header.l1_hash = anything(lie);
    reseal(header, lie);
    Some(())
}

pub(super) fn count(header: &mut Header, lie: &mut Lie<'_>) -> Option<()> {
    header.transaction_count = header.transaction_count.checked_add(1)?;
    reseal(header, lie);
    Some(())
}

pub(super) fn transactions_root(header: &mut Header, lie: &mut Lie<'_>) -> Option<()> {
    header.transactions_root = anything(lie);
    reseal(header, lie);
    Some(())
}

pub(super) fn history_root(header: &mut Header, lie: &mut Lie<'_>) -> Option<()> {
    header.history_root = anything(lie);
    Some(())
}

pub(super) fn commitment(header: &mut Header, lie: &mut Lie<'_>) -> Option<()> {
    header.output_commitment = anything(lie);
    Some(())
}

/// The liar's history has the block as its header says.
fn reseal(header: &mut Header, lie: &Lie<'_>) {
    let (count, root) = (header.transaction_count, header.transactions_root);
    let leaf = plasma_core::history::leaf(header.height, count, root, header.l1_height);
    header.history_root = lie.world.chain.root_with(leaf);
}
