//! What travels beside a fresh proposal, and what completes it: whole blocks, leaves, single entries.
//!
//! Layouts are in `docs/protocol.md`, section 16. Every length is checked before anything is allocated for it.

use bytes::Bytes;
use plasma_core::{Block, Hash, Header, SignedTransaction};

use super::{WireError, length, split_prefixed};

/// First byte of a whole block.
const WHOLE: u8 = 1;
/// First byte of a block as its leaves.
const LEAVES: u8 = 2;

/// Most transactions of a block that travels as its leaves: a request for those that are missed fits into 8 kB then. Blocks
/// with more travel whole.
pub const LEAVES_MAX: usize = 65_536;
/// Bytes of a map of transactions at most.
pub const MAP_BYTES_MAX: usize = LEAVES_MAX / 8;
/// An answer brings about as many bytes of transactions, so that no answer keeps the line for long; the first whatever its
/// size.
pub const ENTRIES_BYTES_MAX: usize = 256 << 10;
/// More bytes of an answer are not looked at: what may be asked for, and one entry as long again.
pub const ENTRIES_ANSWER_MAX: usize = 2 * ENTRIES_BYTES_MAX;

/// What came beside a proposal, nothing of it verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// The block.
    Whole(Block),
    /// Its header, the leaves of its transactions in order, and some of the transactions.
    Leaves {
        /// The header.
        header: Header,
        /// One for each transaction that the header announces.
        leaves: Vec<Hash>,
        /// Entries of the body that the sender believes to be missing elsewhere.
        prefilled: Vec<Bytes>,
    },
}

/// How a body brings its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// With all transactions.
    Whole,
    /// As their leaves.
    Leaves,
}

/// The form of a body and its header; nothing behind that is read.
#[must_use]
pub fn peek(bytes: &[u8]) -> Option<(Form, Header)> {
    let (form, rest) = bytes.split_first()?;
    let form = match *form {
        WHOLE => Form::Whole,
        LEAVES => Form::Leaves,
        _ => return None,
    };
    let header = rest.get(..Header::SIZE).and_then(Header::decode)?;
    Some((form, header))
}

/// A whole block: 0x01 ‖ block.
#[must_use]
pub fn encode_whole(block: &[u8]) -> Bytes {
    [&[WHOLE], block].concat().into()
}

/// A block as its leaves: 0x02 ‖ header 184 ‖ leaves, 32 each ‖ entries, each behind its length 4.
#[must_use]
pub fn encode_leaves(header: &Header, leaves: &[Hash], prefilled: &[Vec<u8>]) -> Bytes {
    let mut out = vec![LEAVES];
    out.extend(header.encode());
    for leaf in leaves {
        out.extend(leaf.0);
    }
    for entry in prefilled {
        out.extend(length(entry));
        out.extend(entry);
    }
    out.into()
}

/// The encoding back.
///
/// # Errors
/// [`WireError`] names the part that is short or malformed.
pub fn decode_body(bytes: &[u8], block_max: usize) -> Result<Body, WireError> {
    match bytes.split_first() {
        Some((&WHOLE, block)) => Block::decode(block, block_max)
            .map(Body::Whole)
            .map_err(|_| WireError::Malformed("the block")),
        Some((&LEAVES, rest)) => decode_leaves(rest, block_max),
        _ => Err(WireError::Malformed("the body")),
    }
}

fn decode_leaves(bytes: &[u8], block_max: usize) -> Result<Body, WireError> {
    let (header, rest) = bytes
        .split_at_checked(Header::SIZE)
        .ok_or(WireError::Short("the header"))?;
    let header = Header::decode(header).ok_or(WireError::Malformed("the header"))?;
    let count = usize::try_from(header.transaction_count).unwrap_or(usize::MAX);
    let body_min = count.saturating_mul(SignedTransaction::BYTES_MIN);
    if count > LEAVES_MAX || body_min > block_max || rest.len() > block_max {
        return Err(WireError::Malformed("the count of leaves"));
    }
    let (leaves, rest) = rest
        .split_at_checked(count * Hash::ZERO.0.len())
        .ok_or(WireError::Short("the leaves"))?;
    let (leaves, _) = leaves.as_chunks();
    let prefilled = split_entries(rest)?;
    if prefilled.len() > count {
        return Err(WireError::Malformed("the transactions beside the leaves"));
    }
    Ok(Body::Leaves {
        header,
        leaves: leaves.iter().map(|leaf| Hash(*leaf)).collect(),
        prefilled: prefilled.into_iter().map(Bytes::copy_from_slice).collect(),
    })
}

/// Entries of a body, each behind its length 4, up to the end.
///
/// # Errors
/// [`WireError::Short`] when one is cut off.
pub fn split_entries(mut bytes: &[u8]) -> Result<Vec<&[u8]>, WireError> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (entry, rest) = split_prefixed(bytes, "an entry")?;
        entries.push(entry);
        bytes = rest;
    }
    Ok(entries)
}

/// A map of transactions: bit i of a block's map is bit i mod 8, the lowest first, of byte i / 8.
#[must_use]
pub fn map_of(places: impl Iterator<Item = usize>, count: usize) -> Bytes {
    let mut map = vec![0; count.div_ceil(8)];
    for place in places {
        if let Some(byte) = map.get_mut(place / 8) {
            *byte |= 1 << (place % 8);
        }
    }
    map.into()
}

/// Of an encoded block the transactions that a map names, in order, as many as one answer holds.
#[must_use]
pub fn encode_entries(block: &[u8], map: &[u8]) -> Bytes {
    let mut out = Vec::new();
    let mut rest = block.get(Header::SIZE..).unwrap_or_default();
    for bit in map
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| byte & (1 << bit) != 0))
    {
        // What was agreed on decodes; behind its last transaction nothing does.
        let Ok((_, after)) = SignedTransaction::decode_prefix(rest) else {
            break;
        };
        let (entry, _) = rest.split_at(rest.len() - after.len());
        rest = after;
        if !bit {
            continue;
        }
        if !out.is_empty() && out.len() + entry.len() > ENTRIES_BYTES_MAX {
            break;
        }
        out.extend(length(entry));
        out.extend(entry);
    }
    out.into()
}
