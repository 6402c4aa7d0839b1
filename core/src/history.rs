//! The append-only tree over the leaves of all blocks; its root stands in every header.
//!
//! One certified header commits to every earlier block through it, so one anchor covers any number of
//! blocks. The frontier keeps only what appending needs: one full subtree per set bit of the count.

use crate::{Hash, Height, L1Height, cursor::Cursor, keccak, merkle};

/// keccak(0x01 ‖ height ‖ transaction count ‖ transactions root ‖ l1 height).
#[must_use]
pub fn leaf(height: Height, transaction_count: u32, transactions_root: Hash, l1_height: L1Height) -> Hash {
    keccak(&[
        &[0x01],
        &height.0.to_be_bytes(),
        &transaction_count.to_be_bytes(),
        &transactions_root.0,
        &l1_height.0.to_be_bytes(),
    ])
}

/// What must be kept to append a leaf and to know the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    /// Leaves appended so far.
    count: u32,
    /// Roots of the full subtrees, smallest first: one for each set bit of `count`.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Appends the leaf of the next height; `false`, and nothing changes, when the tree is full.
    pub fn append(&mut self, leaf: Hash) -> bool {
        let Some(count) = self.count.checked_add(1) else {
            return false;
        };
        let merged = usize::try_from(self.count.trailing_ones()).unwrap_or(usize::MAX);
        let rest = self.peaks.split_off(merged.min(self.peaks.len()));
        let node = self
            .peaks
            .iter()
            .fold(leaf, |node, peak| merkle::parent(peak, &node));
        self.peaks = core::iter::once(node).chain(rest).collect();
        self.count = count;
        true
    }

    /// The root over all leaves, by the rule of [`merkle::root`].
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter();
        let mut open: Option<Hash> = None;
        let mut full = self.count;
        while full > 0 {
            let is_odd = full & 1 == 1;
            let is_top = full == 1;
            open = match (is_odd.then(|| peaks.next()).flatten(), open) {
                (Some(peak), None) if is_top => return *peak,
                (Some(peak), None) => Some(merkle::parent(peak, &merkle::PAD)),
                (Some(peak), Some(node)) => Some(merkle::parent(peak, &node)),
                (None, Some(node)) => Some(merkle::parent(&node, &merkle::PAD)),
                (None, None) => None,
            };
            full /= 2;
        }
        open.unwrap_or(merkle::PAD)
    }

    /// How many leaves there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// count 4 ‖ one hash per set bit of the count, lowest bit first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.count.to_be_bytes().to_vec();
        for peak in &self.peaks {
            out.extend(peak.0);
        }
        out
    }

    /// The one encoding back.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let frontier = Self::read(&mut cursor)?;
        cursor.end()?;
        Some(frontier)
    }

    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let count = cursor.u32()?;
        let peaks = (0..count.count_ones())
            .map(|_| cursor.hash())
            .collect::<Option<_>>()?;
        Some(Self { count, peaks })
    }
}

/// The siblings of the leaf of a height; checked by [`merkle::verify`] with count = header's height + 1.
#[must_use]
pub fn proof(leaves: &[Hash], index: usize) -> Vec<Hash> {
    merkle::proof(leaves, index)
}

/// The path of a leaf in a tree that has grown: from its path in any other tree over the same leaves, and all leaves behind
/// it in the tree that is meant. `None` when the path is of another place.
///
/// What lies left of a leaf is full and never changes; what lies right of it is made of `later` alone. So whoever keeps the
/// leaves from a block of its own on needs nobody else for its path under any anchor.
#[must_use]
pub fn grown_proof(index: u32, leaf: Hash, known: &[Hash], later: &[Hash]) -> Option<Vec<Hash>> {
    let behind = u32::try_from(later.len()).ok()?;
    let count = index.checked_add(behind)?.checked_add(1)?;
    let mut level: Vec<Hash> = core::iter::once(leaf).chain(later.iter().copied()).collect();
    let (mut index, mut path) = (index, Vec::new());
    for place in 0..merkle::depth(count) {
        let is_right = index & 1 == 1;
        let sibling = if is_right {
            *known.get(place)?
        } else {
            level.get(1).copied().unwrap_or(merkle::PAD)
        };
        path.push(sibling);
        let left = is_right.then_some(sibling);
        let nodes: Vec<Hash> = left.into_iter().chain(level).collect();
        level = merkle::above(&nodes);
        index /= 2;
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_carried_into_every_other_tree_by_the_leaves_behind_it() {
        let leaves: Vec<Hash> = (0..40u32)
            .map(|i| leaf(Height(i), i, Hash([7; 32]), L1Height(9)))
            .collect();
        for index in 0..leaves.len() {
            for known in index + 1..=leaves.len() {
                let known = proof(&leaves[..known], index);
                for count in index + 1..=leaves.len() {
                    let place = u32::try_from(index).unwrap();
                    let later = &leaves[index + 1..count];
                    let path = grown_proof(place, leaves[index], &known, later).unwrap();
                    assert_eq!(path, proof(&leaves[..count], index), "{index} of {count}");
                }
            }
        }
        assert_eq!(
            grown_proof(3, leaves[3], &[], &[]),
            None,
            "a path of another place"
        );
    }

    #[test]
    fn the_frontier_agrees_with_the_whole_tree() {
        let mut frontier = Frontier::default();
        let mut leaves = Vec::new();
        assert_eq!(frontier.root(), merkle::root(&leaves));
        for height in 0..70u32 {
            let leaf = leaf(Height(height), height, Hash([7; 32]), L1Height(9));
            leaves.push(leaf);
            assert!(frontier.append(leaf));
            assert_eq!(frontier.root(), merkle::root(&leaves), "{height}");
            assert_eq!(
                Frontier::from_bytes(&frontier.to_bytes()).as_ref(),
                Some(&frontier)
            );
        }
    }

    #[test]
    fn a_frontier_of_another_length_is_refused() {
        let mut frontier = Frontier::default();
        frontier.append(Hash([1; 32]));
        let mut bytes = frontier.to_bytes();
        bytes.push(0);
        assert_eq!(Frontier::from_bytes(&bytes), None);
        assert_eq!(Frontier::from_bytes(&bytes[..35]), None);
    }
}
