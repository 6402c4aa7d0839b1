//! What an answer of an honest operator proves, read without the operators' decoder: nothing, or blocks of which the last has
//! a certificate.

use plasma_core::{BlockId, Certificate, Header};

/// The last block of an answer and the certificate behind it; `None` of one that brings no block.
pub(in crate::sim) fn end(bytes: &[u8]) -> Option<(BlockId, Option<Certificate>)> {
    let (count, mut rest) = number(bytes)?;
    let mut last = None;
    for _ in 0..count {
        let (length, after) = number(rest)?;
        let (block, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
        last = Some(Header::decode(block.get(..Header::SIZE)?)?.id());
        rest = after;
    }
    Some((last?, Certificate::from_bytes(rest)))
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*number), rest))
}
