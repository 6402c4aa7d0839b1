//! A block: 184 bytes of header and the transactions, whose id is the hash of the header alone.
//!
//! Signatures and signer bitmaps never enter an id. The first 72 bytes are the seed's unsigned header.
//! Source: `docs/protocol.md` section 4.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    AuthenticTransaction, AuthenticateError, DecodeError, Domain, Hash, Height, L1Height, Millis,
    SignedTransaction, cursor::Cursor, history, keccak,
};

/// keccak of a header.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockId(pub Hash);

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Everything that a certificate on a block certifies.
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 4 | height |
/// | 4 | 4 | transaction_count |
/// | 8 | 32 | parent |
/// | 40 | 32 | transactions_root |
/// | 72 | 32 | history_root |
/// | 104 | 32 | output_commitment |
/// | 136 | 8 | l1_height |
/// | 144 | 32 | l1_hash |
/// | 176 | 8 | timestamp_ms |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Number of the block; genesis is 0.
    pub height: Height,
    /// How many transactions the body has.
    pub transaction_count: u32,
    /// Id of the block before; of genesis the hash of its document.
    pub parent: BlockId,
    /// Root over the transaction leaves.
    pub transactions_root: Hash,
    /// Root over the history leaves up to and including this block's.
    pub history_root: Hash,
    /// Digest of the set of outputs and open exits after this block.
    pub output_commitment: Hash,
    /// The L1 origin: events up to here are in this block or an earlier one.
    pub l1_height: L1Height,
    /// Hash of that L1 block.
    pub l1_hash: Hash,
    /// The proposer's clock, later than the parent's.
    pub timestamp_ms: Millis,
}

impl Header {
    /// Bytes of the fixed encoding.
    pub const SIZE: usize = 184;

    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut out = [0; Self::SIZE];
        let fields = self
            .height
            .0
            .to_be_bytes()
            .into_iter()
            .chain(self.transaction_count.to_be_bytes())
            .chain(self.parent.0.0)
            .chain(self.transactions_root.0)
            .chain(self.history_root.0)
            .chain(self.output_commitment.0)
            .chain(self.l1_height.0.to_be_bytes())
            .chain(self.l1_hash.0)
            .chain(self.timestamp_ms.0.to_be_bytes());
        for (to, from) in out.iter_mut().zip(fields) {
            *to = from;
        }
        out
    }

    /// Exactly 184 bytes, all of which mean something.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let header = Self::read(&mut cursor)?;
        cursor.end()?;
        Some(header)
    }

    /// keccak of the encoding.
    #[must_use]
    pub fn id(&self) -> BlockId {
        BlockId(keccak(&[&self.encode()]))
    }

    /// What stands for this block in the tree over all blocks.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        history::leaf(
            self.height,
            self.transaction_count,
            self.transactions_root,
            self.l1_height,
        )
    }

    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            height: cursor.height()?,
            transaction_count: cursor.u32()?,
            parent: BlockId(cursor.hash()?),
            transactions_root: cursor.hash()?,
            history_root: cursor.hash()?,
            output_commitment: cursor.hash()?,
            l1_height: L1Height(cursor.u64()?),
            l1_hash: cursor.hash()?,
            timestamp_ms: Millis(cursor.u64()?),
        })
    }
}

/// A header and the body it announces: fund transactions, those that L1 forces in, then clients'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The body, in order.
    pub transactions: Vec<SignedTransaction>,
}

/// Why bytes are no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockDecodeError {
    /// More bytes than the caller takes.
    #[error("{found} bytes, at most {max} are taken")]
    TooLong {
        /// What the caller takes.
        max: usize,
        /// What there was.
        found: usize,
    },
    /// Not even a header.
    #[error("{0} bytes are too few for a header")]
    Header(usize),
    /// A transaction does not decode.
    #[error("transaction {index}: {error}")]
    Transaction {
        /// Which one.
        index: u32,
        /// Why.
        error: DecodeError,
    },
    /// Bytes follow the last transaction that the header announces.
    #[error("{0} bytes after the last transaction")]
    Trailing(usize),
}

/// A transaction of a block is not authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("transaction {index}: {error}")]
pub struct BlockAuthenticateError {
    /// Which one.
    pub index: u32,
    /// Why.
    pub error: AuthenticateError,
}

impl Block {
    /// header 184 ‖ each transaction with its signature.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(&self.header, self.transactions.iter())
    }

    /// Reads the header and as many transactions as it announces, and nothing after them.
    ///
    /// # Errors
    /// [`BlockDecodeError`]: too long, or the first part that does not decode.
    pub fn decode(bytes: &[u8], bytes_max: usize) -> Result<Self, BlockDecodeError> {
        if bytes.len() > bytes_max {
            return Err(BlockDecodeError::TooLong {
                max: bytes_max,
                found: bytes.len(),
            });
        }
        let mut cursor = Cursor::new(bytes);
        let header = Header::read(&mut cursor).ok_or(BlockDecodeError::Header(bytes.len()))?;
        let mut rest = cursor.rest();
        // The announced count is a stranger's word: room is made only for what the bytes can hold.
        let room = rest.len() / SignedTransaction::BYTES_MIN;
        let announced = usize::try_from(header.transaction_count).unwrap_or(usize::MAX);
        let mut transactions = Vec::with_capacity(room.min(announced));
        for index in 0..header.transaction_count {
            let (transaction, after) = SignedTransaction::decode_prefix(rest)
                .map_err(|error| BlockDecodeError::Transaction { index, error })?;
            transactions.push(transaction);
            rest = after;
        }
        if rest.is_empty() {
            Ok(Self { header, transactions })
        } else {
            Err(BlockDecodeError::Trailing(rest.len()))
        }
    }

    /// Checks form and signature of every transaction.
    ///
    /// # Errors
    /// [`BlockAuthenticateError`]: the first transaction that is not authentic, and why.
    pub fn authenticate(self, domain: &Domain) -> Result<AuthenticBlock, BlockAuthenticateError> {
        let transactions = (0u32..)
            .zip(self.transactions)
            .map(|(index, signed)| {
                signed
                    .authenticate(domain)
                    .map_err(|error| BlockAuthenticateError { index, error })
            })
            .collect::<Result<_, _>>()?;
        Ok(AuthenticBlock {
            header: self.header,
            transactions,
        })
    }
}

/// A block whose transactions are all authentic; whether it follows its parent is the ledger's question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticBlock {
    /// The header.
    pub header: Header,
    /// The body, in order.
    pub transactions: Vec<AuthenticTransaction>,
}

impl AuthenticBlock {
    /// The same bytes as [`Block::encode`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(
            &self.header,
            self.transactions.iter().map(AuthenticTransaction::signed),
        )
    }

    /// Forgets what was checked.
    #[must_use]
    pub fn to_block(&self) -> Block {
        let transactions = self
            .transactions
            .iter()
            .map(|transaction| transaction.signed().clone())
            .collect();
        Block {
            header: self.header,
            transactions,
        }
    }
}

fn encode<'a>(header: &Header, transactions: impl Iterator<Item = &'a SignedTransaction>) -> Vec<u8> {
    let mut out = header.encode().to_vec();
    for transaction in transactions {
        out.extend(transaction.encode());
    }
    out
}
