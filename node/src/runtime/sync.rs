//! Answers to operators that lack blocks.

use bytes::Bytes;
use plasma_core::planted::planted;
use plasma_core::{Block, BlockId, Height};

use crate::storage::{Decided, Read};

use super::wire::{self, Ask, body::encode_entries};

/// The answer to a request. `undecided` is the block that was asked for, when it is known and not decided.
#[must_use]
pub fn serve<R: Read>(ask: &Ask, reader: &R, undecided: Option<Bytes>) -> Bytes {
    match ask {
        Ask::Block(id) => {
            let block = undecided.or_else(|| decided_block(reader, id));
            wire::encode_answer(block.as_slice(), &[])
        }
        Ask::After { height, bytes } => answer(reader, *height, *bytes),
        // Nothing at all says that the block is not here.
        Ask::Transactions { block, map } => undecided
            .or_else(|| decided_block(reader, block))
            .map(|block| encode_entries(&block, map))
            .unwrap_or_default(),
        // Storage knows nothing of views; the loop answers it.
        Ask::Claim(_) => wire::encode_answer(&[], &[]),
        // Nor of files; the loop asks `snapshot_sync::offer`.
        Ask::Snapshots(_) | Ask::Chunk { .. } => Bytes::new(),
    }
}

/// One decided block by its id.
#[must_use]
pub fn decided_block<R: Read>(reader: &R, id: &BlockId) -> Option<Bytes> {
    let height = reader.height_of(id).ok()??;
    reader.block(height).ok()?.map(encode)
}

/// The blocks after a height, as many as its asker has room for and one answer holds, ending in one that has a certificate of its
/// own; empty when there is none. Whoever gets nothing asks for single blocks. An answer does not reach from one epoch into the next: who
/// does not know the next committee could believe nothing of it, not even how its own epoch ended.
#[must_use]
pub fn answer<R: Read>(reader: &R, after: Height, bytes: u32) -> Bytes {
    let block = |height: &Height| reader.block(*height).ok().flatten();
    let blocks =
        std::iter::successors(after.next(), |height| height.next()).map_while(|height| block(&height));
    let mut first = None;
    let blocks = blocks.take_while(|decided| {
        let epoch = decided.certificate.as_ref().map(|certificate| certificate.epoch);
        epoch.is_none_or(|epoch| *first.get_or_insert(epoch) == epoch)
            || planted("wire: answers reach into the next epoch")
    });
    let room = usize::try_from(bytes).unwrap_or(usize::MAX);
    let certified = blocks.map(|decided| {
        let certificate = decided.certificate.as_ref();
        let certificate = certificate.map(|certificate| certificate.to_bytes());
        (encode(decided), certificate)
    });
    fit(certified, room.min(wire::ANSWER_BYTES_MAX))
}

/// As many of these blocks as there is room for, cut behind the last with a certificate. The first whatever its size, and those up
/// to the first certificate as far as any answer holds them: with less nobody gets on.
fn fit(decided: impl Iterator<Item = (Bytes, Option<Vec<u8>>)>, room: usize) -> Bytes {
    let mut blocks: Vec<Bytes> = Vec::new();
    let mut whole = (0, Vec::new());
    let mut size = 0;
    for (encoded, certificate) in decided {
        size += encoded.len() + 4;
        let most = if whole.0 == 0 {
            wire::ANSWER_BYTES_MAX
        } else {
            room
        };
        if !blocks.is_empty() && size > most {
            break;
        }
        blocks.push(encoded);
        if let Some(certificate) =
            certificate.or_else(|| planted("wire: answers end anywhere").then(Vec::new))
        {
            whole = (blocks.len(), certificate);
        }
        if blocks.len() >= wire::ANSWER_BLOCKS_MAX {
            break;
        }
    }
    let (count, certificate) = whole;
    blocks.truncate(count);
    wire::encode_answer(&blocks, &certificate)
}

fn encode(decided: Decided) -> Bytes {
    Block {
        header: decided.header,
        transactions: decided.body,
    }
    .encode()
    .into()
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Height, fit, wire};

    /// Blocks of these sizes, those with a `true` certified by one byte that names them; gives the sizes of the blocks in
    /// the answer, and the certificate.
    fn answer(blocks: &[(usize, bool)]) -> (Vec<usize>, Vec<u8>) {
        answer_within(wire::ANSWER_BYTES_MAX, blocks)
    }

    fn answer_within(room: usize, blocks: &[(usize, bool)]) -> (Vec<usize>, Vec<u8>) {
        let decided = (0u8..).zip(blocks).map(|(number, (size, is_certified))| {
            let certificate = is_certified.then(|| vec![number]);
            (Bytes::from(vec![0; *size]), certificate)
        });
        let bytes = fit(decided, room);
        let (count, mut rest) = bytes.split_first_chunk::<4>().unwrap();
        let mut sizes = Vec::new();
        for _ in 0..u32::from_be_bytes(*count) {
            let (size, after) = rest.split_first_chunk::<4>().unwrap();
            let size = usize::try_from(u32::from_be_bytes(*size)).unwrap();
            sizes.push(size);
            rest = &after[size..];
        }
        (sizes, rest.to_vec())
    }

    #[test]
    fn an_answer_ends_in_the_last_block_that_has_a_certificate_of_its_own() {
        assert_eq!(answer(&[]), (vec![], vec![]));
        assert_eq!(answer(&[(10, false), (11, false)]), (vec![], vec![]));
        let certified = answer(&[(10, false), (11, true), (12, false), (13, true), (14, false)]);
        assert_eq!(certified, (vec![10, 11, 12, 13], vec![3]));
    }

    #[test]
    fn an_answer_is_bounded_in_bytes_and_brings_one_block_at_least() {
        let third = wire::ANSWER_BYTES_MAX / 3 - 4;
        assert_eq!(answer(&[(third, true); 5]), (vec![third; 3], vec![2]));
        let more = third + 1;
        assert_eq!(answer(&[(more, true); 5]), (vec![more; 2], vec![1]));
        let huge = wire::ANSWER_BYTES_MAX + 1;
        assert_eq!(answer(&[(huge, true), (1, true)]), (vec![huge], vec![0]));
        // The second certified block does not fit, so the answer ends in the first.
        assert_eq!(
            answer(&[(9, true), (more, false), (huge, true)]),
            (vec![9], vec![0])
        );
    }

    #[test]
    fn who_has_little_room_gets_little_and_one_certified_block_at_least() {
        assert_eq!(answer_within(50, &[(20, true); 5]), (vec![20; 2], vec![1]));
        assert_eq!(answer_within(1, &[(20, true); 5]), (vec![20], vec![0]));
        let late = answer_within(30, &[(20, false), (20, false), (20, true), (20, true)]);
        assert_eq!(late, (vec![20; 3], vec![2]));
        assert_eq!(
            u32::try_from(wire::ANSWER_BYTES_MAX),
            Ok(crate::operator::sync::WANTED_BYTES_MAX)
        );
    }

    #[test]
    fn a_request_for_rows_names_the_room_for_them() {
        let ask = wire::Ask::After {
            height: Height(0x0102),
            bytes: 0x0304,
        };
        let bytes = ask.encode();
        assert_eq!(bytes[..], [1, 0, 0, 1, 2, 0, 0, 3, 4]);
        assert_eq!(wire::Ask::decode(&bytes), Ok(ask));
        assert!(wire::Ask::decode(&bytes[..5]).is_err());
        assert!(wire::Ask::decode(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn an_answer_is_bounded_in_blocks() {
        let (sizes, certificate) = answer(&[(1, true); 200]);
        assert_eq!((sizes.len(), certificate), (wire::ANSWER_BLOCKS_MAX, vec![127]));
    }
}
