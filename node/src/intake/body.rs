//! What came beside a proposal, and the transactions that complete it, taken apart and authenticated.
//!
//! The leaves of a block are told from nonsense by the root that its header names. An entry is told by its leaf, whatever
//! it holds: one that no transaction can have says of the block that names it, not of who sent it.

use bytes::Bytes;
use plasma_core::{Hash, Header, SignedTransaction, merkle};
use std::collections::BTreeSet;

use super::{Proof, authenticate_block};
use crate::{
    operator::{
        case::body_leaf,
        payload::{Carried, Compact, Entry},
    },
    runtime::wire::body::{Body, ENTRIES_ANSWER_MAX, split_entries},
};

/// The answer to a request for the transactions under these leaves; `None` when it is malformed. Honest members give them in
/// this order, as many as fit: where anything else is among them, nothing is authenticated.
pub fn transactions(bytes: &Bytes, asked: &[Hash], proof: &impl Proof) -> Option<Vec<Entry>> {
    if bytes.len() > ENTRIES_ANSWER_MAX {
        return None;
    }
    let entries = split_entries(bytes).ok()?;
    let mut leaves = asked.iter();
    let is_asked = |entry: &&[u8]| {
        let given = body_leaf(entry);
        leaves.any(|leaf| *leaf == given)
    };
    if !entries.iter().all(is_asked) {
        return Some(vec![Entry::Stray]);
    }
    Some(read(entries.into_iter(), proof))
}

pub(super) fn carried(body: Body, proof: &impl Proof) -> Option<Carried> {
    match body {
        Body::Whole(block) => authenticate_block(block, proof).map(Carried::Whole),
        Body::Leaves {
            header,
            leaves,
            prefilled,
        } => compact(header, leaves, &prefilled, proof).map(Carried::Leaves),
    }
}

/// Nothing is authenticated for leaves that the header's signer did not sign.
fn compact(header: Header, leaves: Vec<Hash>, prefilled: &[Bytes], proof: &impl Proof) -> Option<Compact> {
    if merkle::root(&leaves) != header.transactions_root {
        return None;
    }
    let named: BTreeSet<Hash> = leaves.iter().copied().collect();
    let are_named = prefilled.iter().all(|entry| named.contains(&body_leaf(entry)));
    are_named.then(|| Compact {
        header,
        leaves,
        prefilled: read(prefilled.iter().map(|entry| &entry[..]), proof),
    })
}

/// Up to the first that is no transaction: the block that names it is invalid, so the others are not worth a look.
fn read<'a>(entries: impl Iterator<Item = &'a [u8]>, proof: &impl Proof) -> Vec<Entry> {
    let mut found = Vec::new();
    for entry in entries {
        let signed = SignedTransaction::decode(entry).ok();
        match signed.and_then(|signed| proof.authenticate(signed).ok()) {
            Some(transaction) => found.push(Entry::Authentic(Box::new(transaction))),
            None => {
                found.push(Entry::Unsound(body_leaf(entry)));
                break;
            }
        }
    }
    found
}
