//! The bytes between operators: payload frames, sync requests and answers, gossip batches.
//!
//! Layouts are in `docs/protocol.md`, section 16. Every length is checked before anything is allocated for it.

use bytes::Bytes;
use plasma_consensus::{Certified, Message};
use plasma_core::{Block, BlockId, Certificate, Epoch, Hash, Header, Height, SignedTransaction};

pub mod body;

use body::MAP_BYTES_MAX;

/// Room an answer leaves for the certificate and lengths beside its blocks.
pub const ANSWER_BYTES_MAX: usize = 15 << 20;
/// Most blocks in one answer: a bound on work per request; the asker has room for them beside its proposals.
pub const ANSWER_BLOCKS_MAX: usize = 128;
/// A gossip batch is flushed at this size; the topic takes 256 kB.
pub const GOSSIP_BATCH_BYTES: usize = 60_000;
/// A proposal with what it carries travels among the votes up to this size, so that it is heard of at once; the network
/// takes 64 kB there.
pub const CONTROL_BYTES_MAX: usize = 60_000;
/// First byte of a payload frame among the votes; consensus messages begin with 1 to 8.
const CARRIES: u8 = 9;

/// Bytes that are no frame of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The frame ends inside a field.
    #[error("the frame ends inside {0}")]
    Short(&'static str),
    /// A field has a value that the protocol does not know.
    #[error("{0} is malformed")]
    Malformed(&'static str),
}

/// A frame, and the stream that carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// The stream of votes.
    Control(Bytes),
    /// The stream of bodies.
    Payload(Bytes),
}

/// A consensus message with what travels beside it: alone and with a body that is small it goes among the votes, with any
/// other body on the stream of bodies.
#[must_use]
pub fn encode_message(message: &Message, body: Option<&[u8]>) -> Carrier {
    let message = message.encode();
    let Some(body) = body else {
        return Carrier::Control(message.into());
    };
    let frame = encode_payload(&message, body);
    if frame.len() < CONTROL_BYTES_MAX {
        Carrier::Control([&[CARRIES], &frame[..]].concat().into())
    } else {
        Carrier::Payload(frame)
    }
}

/// The payload frame inside a frame of the stream of votes, when it is one.
#[must_use]
pub fn payload_in_control(bytes: &Bytes) -> Option<Bytes> {
    (bytes.first() == Some(&CARRIES)).then(|| bytes.slice(1..))
}

/// A payload frame: message length 4 ‖ message ‖ body, the body may be empty.
#[must_use]
pub fn encode_payload(message: &[u8], body: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(message.len() + body.len() + 4);
    out.extend(length(message));
    out.extend(message);
    out.extend(body);
    out.into()
}

/// Parts a payload frame into the message and the bytes beside it, of which nothing is read.
///
/// # Errors
/// [`WireError`] when the message is short or malformed.
pub fn split_payload(bytes: &Bytes) -> Result<(Message, Bytes), WireError> {
    let (message, body) = split_prefixed(bytes, "the message")?;
    let message = Message::decode(message).map_err(|_| WireError::Malformed("the message"))?;
    Ok((message, bytes.slice_ref(body)))
}

/// What a member may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Decided blocks above a height, ending in a certified one: 0x01 ‖ height 4 ‖ bytes 4.
    After {
        /// What is here already.
        height: Height,
        /// How much may come; the first certified block comes all the same, with what leads to it.
        bytes: u32,
    },
    /// One block, decided or not: 0x02 ‖ block id 32.
    Block(BlockId),
    /// Some transactions of a block, decided or not: 0x03 ‖ block id 32 ‖ map of those that are missed.
    Transactions {
        /// Whose.
        block: BlockId,
        /// Which; see [`body::map_of`].
        map: Bytes,
    },
    /// How far an epoch has come at the peer: 0x04 ‖ epoch 8.
    Claim(Epoch),
    /// Which snapshot there is, for one that has seen an anchor of this height: 0x05 ‖ height 4.
    Snapshots(Height),
    /// A part of a snapshot: 0x06 ‖ height 4 ‖ offset 8.
    Chunk {
        /// Whose.
        height: Height,
        /// Where it begins.
        offset: u64,
    },
}

impl Ask {
    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::After { height, bytes } => {
                let (height, bytes) = (height.0.to_be_bytes(), bytes.to_be_bytes());
                [&[1], &height[..], &bytes[..]].concat().into()
            }
            Self::Block(id) => [&[2], &id.0.0[..]].concat().into(),
            Self::Transactions { block, map } => [&[3], &block.0.0[..], map].concat().into(),
            Self::Claim(epoch) => [&[4], &epoch.0.to_be_bytes()[..]].concat().into(),
            Self::Snapshots(anchor) => [&[5], &anchor.0.to_be_bytes()[..]].concat().into(),
            Self::Chunk { height, offset } => {
                let (height, offset) = (height.0.to_be_bytes(), offset.to_be_bytes());
                [&[6], &height[..], &offset[..]].concat().into()
            }
        }
    }

    /// The encoding back.
    ///
    /// # Errors
    /// [`WireError::Malformed`] for any other byte string.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        match bytes.split_first() {
            Some((1, rest)) => decode_after(rest),
            Some((2, rest)) => rest.try_into().map(|id| Self::Block(BlockId(Hash(id)))).ok(),
            Some((3, rest)) => rest
                .split_first_chunk()
                .filter(|(_, map)| !map.is_empty() && map.len() <= MAP_BYTES_MAX)
                .map(|(id, map)| Self::Transactions {
                    block: BlockId(Hash(*id)),
                    map: Bytes::copy_from_slice(map),
                }),
            Some((4, rest)) => rest
                .try_into()
                .map(|epoch| Self::Claim(Epoch(u64::from_be_bytes(epoch))))
                .ok(),
            Some((5, rest)) => rest
                .try_into()
                .map(|height| Self::Snapshots(Height(u32::from_be_bytes(height))))
                .ok(),
            Some((6, rest)) => decode_chunk(rest),
            _ => None,
        }
        .ok_or(WireError::Malformed("the request"))
    }
}

fn decode_after(bytes: &[u8]) -> Option<Ask> {
    let (height, bytes) = bytes.split_first_chunk::<4>()?;
    Some(Ask::After {
        height: Height(u32::from_be_bytes(*height)),
        bytes: u32::from_be_bytes(bytes.try_into().ok()?),
    })
}

fn decode_chunk(bytes: &[u8]) -> Option<Ask> {
    let (height, offset) = bytes.split_first_chunk::<4>()?;
    Some(Ask::Chunk {
        height: Height(u32::from_be_bytes(*height)),
        offset: u64::from_be_bytes(offset.try_into().ok()?),
    })
}

/// An answer: count 4, then per block length 4 ‖ block, then the finalize certificate of the last block, or nothing.
#[must_use]
pub fn encode_answer(blocks: &[Bytes], certificate: &[u8]) -> Bytes {
    let size = blocks.iter().map(|block| block.len() + 4).sum::<usize>();
    let mut out = Vec::with_capacity(size + certificate.len() + 4);
    out.extend(u32::try_from(blocks.len()).unwrap_or(u32::MAX).to_be_bytes());
    for block in blocks {
        out.extend(length(block));
        out.extend(&block[..]);
    }
    out.extend(certificate);
    out.into()
}

/// The blocks of an answer and its certificate, nothing of it verified.
///
/// # Errors
/// [`WireError`] names the part that is short or malformed.
pub fn decode_answer(bytes: &[u8], block_max: usize) -> Result<(Vec<Block>, Option<Certificate>), WireError> {
    let (raw, certificate) = split_answer(bytes, block_max)?;
    let decoded = raw.into_iter().map(|(header, body)| {
        let bytes = [&header.encode(), body].concat();
        Block::decode(&bytes, block_max).map_err(|_| WireError::Malformed("a block"))
    });
    Ok((decoded.collect::<Result<_, _>>()?, certificate))
}

/// Blocks of an answer as headers and bodies, and the certificate.
pub type RawAnswer<'a> = (Vec<(Header, &'a [u8])>, Option<Certificate>);

/// The headers of an answer, each with the bytes of its body, and the certificate; nothing of it verified.
///
/// # Errors
/// [`WireError`] names the part that is short or malformed.
pub fn split_answer(bytes: &[u8], block_max: usize) -> Result<RawAnswer<'_>, WireError> {
    let (count, mut rest) = bytes
        .split_first_chunk::<4>()
        .ok_or(WireError::Short("the count"))?;
    let count = usize::try_from(u32::from_be_bytes(*count)).unwrap_or(usize::MAX);
    if count > ANSWER_BLOCKS_MAX {
        return Err(WireError::Malformed("the count"));
    }
    let mut blocks = Vec::with_capacity(count);
    for _ in 0..count {
        let (block, after) = split_prefixed(rest, "a block")?;
        let parts = block
            .split_at_checked(Header::SIZE)
            .filter(|_| block.len() <= block_max);
        let (header, body) = parts.ok_or(WireError::Malformed("a block"))?;
        blocks.push((
            Header::decode(header).ok_or(WireError::Malformed("a header"))?,
            body,
        ));
        rest = after;
    }
    if rest.is_empty() {
        return Ok((blocks, None));
    }
    let certificate = Certificate::from_bytes(rest).ok_or(WireError::Malformed("the certificate"))?;
    Ok((blocks, Some(certificate)))
}

/// A claim: the certificate that led the peer to its view, as a message (section 13); empty at an epoch's start.
#[must_use]
pub fn encode_claim(claim: Option<Certified>) -> Bytes {
    claim.map_or_else(Bytes::new, |certified| {
        Message::Certified(certified).encode().into()
    })
}

/// The claim about an epoch, nothing of it verified.
///
/// # Errors
/// [`WireError::Malformed`] when it is neither empty nor one certificate of that epoch.
pub fn decode_claim(bytes: &[u8], epoch: Epoch) -> Result<Option<Certified>, WireError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    match Message::decode(bytes) {
        Ok(Message::Certified(certified)) if certified.epoch == epoch => Ok(Some(certified)),
        _ => Err(WireError::Malformed("the claim")),
    }
}

/// A gossip batch: a time, and transactions one after the other; each says its own length.
///
/// # Errors
/// [`WireError::Malformed`] when one does not decode: the whole batch is refused.
pub fn decode_gossip(bytes: &[u8]) -> Result<Vec<SignedTransaction>, WireError> {
    let (_, mut bytes) = bytes
        .split_first_chunk::<8>()
        .ok_or(WireError::Short("the time of a batch"))?;
    let mut transactions = Vec::new();
    while !bytes.is_empty() {
        let (transaction, rest) =
            SignedTransaction::decode_prefix(bytes).map_err(|_| WireError::Malformed("a transaction"))?;
        transactions.push(transaction);
        bytes = rest;
    }
    Ok(transactions)
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

fn split_prefixed<'a>(bytes: &'a [u8], what: &'static str) -> Result<(&'a [u8], &'a [u8]), WireError> {
    let (size, rest) = bytes.split_first_chunk::<4>().ok_or(WireError::Short(what))?;
    let size = usize::try_from(u32::from_be_bytes(*size)).unwrap_or(usize::MAX);
    rest.split_at_checked(size).ok_or(WireError::Short(what))
}
