//! What an answer of an honest operator proves, read without the operators' decoder: nothing, or blocks of which the last has
//! a certificate.

use plasma_core::{Certificate, Header};

/// The first and the last block of an answer and the certificate behind it; `None` of one that brings no block.
pub(in crate::sim) fn ends(bytes: &[u8]) -> Option<([Header; 2], Option<Certificate>)> {
    let (count, mut rest) = number(bytes)?;
    let mut ends: Option<[Header; 2]> = None;
    for _ in 0..count {
        let (length, after) = number(rest)?;
        let (block, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
        let header = Header::decode(block.get(..Header::SIZE)?)?;
        ends = Some([ends.map_or(header, |[first, _]| first), header]);
        rest = after;
    }
    Some((ends?, Certificate::from_bytes(rest)))
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*number), rest))
}
