//! The one tree shape of the protocol; `MerkleProof.sol` is its mirror.
//!
//! A parent is keccak(left ‖ right); a level of odd length pairs its last node with [`PAD`]; one leaf is
//! its own root; no leaves give [`PAD`]. The verifier knows the number of leaves, so a proof has exactly
//! ⌈log2 n⌉ hashes and one encoding.

use crate::{Hash, keccak};

/// keccak("plasma/pad"): what stands right of a last odd node, and the root of nothing.
pub const PAD: Hash = Hash([
    0x78, 0x8e, 0x59, 0x83, 0x3c, 0xf2, 0xb1, 0xd9, 0x0f, 0xf3, 0xd7, 0x01, 0x84, 0x66, 0xb4, 0x17, 0x7b,
    0x2b, 0x6b, 0xc0, 0x5b, 0x98, 0xdc, 0xc1, 0x4c, 0x08, 0xe9, 0xa3, 0x7a, 0xbd, 0x19, 0x3a,
]);

/// The parent of two nodes.
#[must_use]
pub(crate) fn parent(left: &Hash, right: &Hash) -> Hash {
    keccak(&[&left.0, &right.0])
}

/// The root over leaves in order.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = above(&level);
    }
    level.first().copied().unwrap_or(PAD)
}

/// The siblings from the leaf at `index` up to the root; empty when there is no such leaf.
#[must_use]
pub fn proof(leaves: &[Hash], index: usize) -> Vec<Hash> {
    let mut siblings = Vec::new();
    if index >= leaves.len() {
        return siblings;
    }
    let (mut level, mut index) = (leaves.to_vec(), index);
    while level.len() > 1 {
        siblings.push(level.get(index ^ 1).copied().unwrap_or(PAD));
        level = above(&level);
        index /= 2;
    }
    siblings
}

/// Whether `leaf` is leaf number `index` of the `count` under `root`.
#[must_use]
pub fn verify(leaf: Hash, index: u32, count: u32, siblings: &[Hash], root: Hash) -> bool {
    if index >= count || siblings.len() != depth(count) {
        return false;
    }
    let (mut node, mut index) = (leaf, index);
    for sibling in siblings {
        node = if index & 1 == 0 {
            parent(&node, sibling)
        } else {
            parent(sibling, &node)
        };
        index /= 2;
    }
    node == root
}

/// ⌈log2 count⌉: the length of every proof in a tree of so many leaves.
#[must_use]
pub fn depth(count: u32) -> usize {
    let bits = u32::BITS.saturating_sub(count.saturating_sub(1).leading_zeros());
    usize::try_from(bits).unwrap_or(usize::MAX)
}

pub(crate) fn above(level: &[Hash]) -> Vec<Hash> {
    level
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => parent(left, right),
            [last] => parent(last, &PAD),
            _ => PAD,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u8) -> Vec<Hash> {
        (0..count).map(|i| keccak(&[&[i]])).collect()
    }

    #[test]
    fn pad_is_the_hash_of_its_name() {
        assert_eq!(PAD, keccak(&[b"plasma/pad"]));
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proven() {
        for count in 1..=33u8 {
            let leaves = leaves(count);
            let root = root(&leaves);
            for index in 0..count {
                let siblings = proof(&leaves, usize::from(index));
                let leaf = leaves[usize::from(index)];
                assert!(
                    verify(leaf, index.into(), count.into(), &siblings, root),
                    "{index} of {count}"
                );
                for other in 0..count {
                    let is_same = other == index;
                    assert_eq!(verify(leaf, other.into(), count.into(), &siblings, root), is_same);
                }
            }
        }
    }

    #[test]
    fn wrong_shapes_are_refused() {
        let leaves = leaves(5);
        let (root, siblings) = (root(&leaves), proof(&leaves, 4));
        assert!(verify(leaves[4], 4, 5, &siblings, root));
        assert!(
            !verify(leaves[4], 12, 5, &siblings, root),
            "index beyond the count"
        );
        assert!(!verify(leaves[4], 4, 9, &siblings, root), "another depth");
        assert!(!verify(leaves[4], 4, 5, &siblings[1..], root), "short proof");
        assert!(
            !verify(PAD, 5, 5, &proof(&leaves, 4), root),
            "the padding is no leaf"
        );
        assert!(!verify(PAD, 0, 0, &[], PAD), "nothing is in the empty tree");
        assert!(proof(&leaves, 5).is_empty());
    }
}
