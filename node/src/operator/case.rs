//! An invalid block that a quorum finalized, with everything that shows both.
//!
//! A case is written to the log before the operator says another word, because nobody else may hand the block out again.
//! Invariants: the headers above follow each other from the block on; the certificate is of the block or of one of them.

use bytes::Bytes;
use plasma_core::{
    AuthenticBlock, Block, Broken, Certificate, Domain, Hash, Header, Height, SignedTransaction,
    history::Frontier, keccak, merkle,
};

use super::report::AnchorSeen;

/// Most headers kept above an invalid block: 12 MB. Whoever builds so much on it before it is anchored is anchored by us
/// long before.
pub const ABOVE_MAX: usize = 65_536;

/// An invalid block, who signed it, and what was built on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The invalid block's header.
    pub header: Header,
    /// What lies in it, one entry for each leaf; a lying quorum signs what is no transaction as well.
    pub body: Vec<Bytes>,
    /// What is wrong, as we found it.
    pub fault: Fault,
    /// The headers above it, upwards, as far as they are known.
    pub above: Vec<Header>,
    /// A finalize certificate of the block, or of one above it.
    pub certificate: Certificate,
}

/// Why a block is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It breaks a rule of the ledger.
    Rule(Broken),
    /// The bytes at an index are no transaction that anybody signed.
    Unsound {
        /// The first such index.
        index: u32,
    },
    /// Found before the operator was started again; what it was is found once more.
    Remembered,
}

/// A block that cannot be judged by the ledger because something in it is no authentic transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotten {
    /// Its header; the body lies under its transactions root.
    pub header: Header,
    /// What lies in it.
    pub body: Vec<Bytes>,
    /// The first index that is no authentic transaction.
    pub index: u32,
    /// The headers that came with it, upwards.
    pub above: Vec<Header>,
    /// The finalize certificate of the last of them, or of the block itself; verified.
    pub certificate: Option<Certificate>,
}

impl Case {
    /// The height of the invalid block: nothing from here on counts when the case is won.
    #[must_use]
    pub fn height(&self) -> Height {
        self.header.height
    }

    /// The block; `None` when something in it is no authentic transaction.
    #[must_use]
    pub fn block(&self, domain: &Domain) -> Option<AuthenticBlock> {
        let entries = self.body.iter();
        let transactions = entries.map(|entry| SignedTransaction::decode(entry).ok());
        let block = Block {
            header: self.header,
            transactions: transactions.collect::<Option<_>>()?,
        };
        block.authenticate(domain).ok()
    }

    /// The header that the certificate is of.
    #[must_use]
    pub fn certified(&self) -> &Header {
        let is_it = |header: &&Header| header.id() == self.certificate.block;
        self.above.iter().find(is_it).unwrap_or(&self.header)
    }

    /// The newest header known.
    #[must_use]
    pub fn top(&self) -> &Header {
        self.above.last().unwrap_or(&self.header)
    }

    /// Appends a header that follows the newest one; says whether it does and there was room.
    pub fn extend(&mut self, header: &Header) -> bool {
        let top = self.top();
        let follows = top.height.next() == Some(header.height) && header.parent == top.id();
        let fits = follows && self.above.len() < ABOVE_MAX;
        if fits {
            self.above.push(*header);
        }
        fits
    }

    /// Forgets the headers above the certified one: nothing but their links says whose they are.
    pub fn forget_uncertified(&mut self) {
        let is_it = |header: &Header| header.id() == self.certificate.block;
        let certified = self.above.iter().position(is_it);
        self.above.truncate(certified.map_or(0, |place| place + 1));
    }

    /// Whether the headers up to an anchor are those below it; with only certified ones there is no other choice. `below` is
    /// the history below the block.
    #[must_use]
    pub fn leads_to(&self, anchor: &AnchorSeen, below: &Frontier) -> bool {
        if self.top() == self.certified() || below.count() != self.header.height.0 {
            return true;
        }
        let mut history = below.clone();
        let upto = |header: &&Header| header.height <= anchor.height;
        let headers = std::iter::once(&self.header).chain(&self.above);
        headers
            .take_while(upto)
            .all(|header| history.append(header.leaf()))
            && history.root() == anchor.history_root
    }

    /// The history leaves of the block and of those above it.
    pub fn leaves(&self) -> impl Iterator<Item = Hash> + '_ {
        std::iter::once(&self.header).chain(&self.above).map(Header::leaf)
    }

    /// header 184 ‖ certificate 157 ‖ headers above 4 ‖ 184 each ‖ entries 4 ‖ length 4 ‖ bytes each.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.header.encode().to_vec();
        out.extend(self.certificate.to_bytes());
        out.extend(count(self.above.len()));
        for header in &self.above {
            out.extend(header.encode());
        }
        out.extend(count(self.body.len()));
        for entry in &self.body {
            out.extend(count(entry.len()));
            out.extend(entry.iter());
        }
        out
    }

    /// The encoding back; what was wrong is not in it.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (header, rest) = read_header(bytes)?;
        let (certificate, rest) = rest.split_at_checked(Certificate::SIZE)?;
        let certificate = Certificate::from_bytes(certificate)?;
        let (number, mut rest) = read_count(rest)?;
        let mut above = Vec::new();
        for _ in 0..number {
            let (header, after) = read_header(rest)?;
            above.push(header);
            rest = after;
        }
        let (number, mut rest) = read_count(rest)?;
        let mut body = Vec::new();
        for _ in 0..number {
            let (length, after) = read_count(rest)?;
            let (entry, after) = after.split_at_checked(length)?;
            body.push(Bytes::copy_from_slice(entry));
            rest = after;
        }
        rest.is_empty().then_some(Self {
            header,
            body,
            fault: Fault::Remembered,
            above,
            certificate,
        })
    }
}

/// The leaf of whatever lies in a body.
#[must_use]
pub fn body_leaf(entry: &[u8]) -> Hash {
    keccak(&[&[0x00], entry])
}

/// Whether a body is the one that a header was signed for.
#[must_use]
pub fn is_body_of(header: &Header, body: &[Bytes]) -> bool {
    let leaves: Vec<Hash> = body.iter().map(|entry| body_leaf(entry)).collect();
    u32::try_from(body.len()) == Ok(header.transaction_count)
        && merkle::root(&leaves) == header.transactions_root
}

fn count(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

fn read_count(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_be_bytes(*number)).ok()?, rest))
}

fn read_header(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let (header, rest) = bytes.split_at_checked(Header::SIZE)?;
    Some((Header::decode(header)?, rest))
}
