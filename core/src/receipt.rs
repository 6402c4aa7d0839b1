//! A receipt: proof that a transaction stands in a block that a quorum finalized.
//!
//! One type serves the API, exits, challenges and receipts. The header is any at that height or later
//! whose certificate is a finalize certificate. Source: `docs/protocol.md` section 11.

use crate::{
    Domain, Hash, Header, Height, L1Height, SignedTransaction,
    certificate::{Certificate, CertificateError},
    committee::Committee,
    cursor::Cursor,
    history, merkle,
};

/// A transaction, its way up to a header, and the header's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction as it stands in its block.
    pub transaction: SignedTransaction,
    /// Its index in that block.
    pub index: u32,
    /// From its leaf to the transactions root.
    pub transaction_proof: Vec<Hash>,
    /// Height of its block.
    pub height: Height,
    /// How many transactions that block has.
    pub transaction_count: u32,
    /// That block's transactions root.
    pub transactions_root: Hash,
    /// That block's L1 origin.
    pub l1_height: L1Height,
    /// From the block's history leaf to the header's history root.
    pub history_proof: Vec<Hash>,
    /// A header at that height or later.
    pub header: Header,
    /// The finalize certificate of that header.
    pub certificate: Certificate,
}

/// Why a receipt proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The transaction is not under its block's root.
    #[error("the transaction is not under the transactions root")]
    Transaction,
    /// The block is not under the header's history root.
    #[error("the block is not under the header's history root")]
    History,
    /// The certificate is about another block than the header.
    #[error("the certificate is about another block")]
    Block,
    /// The certificate does not convince.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl Receipt {
    /// What stands for the transaction's block in the tree over all blocks.
    #[must_use]
    pub fn history_leaf(&self) -> Hash {
        history::leaf(
            self.height,
            self.transaction_count,
            self.transactions_root,
            self.l1_height,
        )
    }

    /// Checks every step from the transaction to the committee.
    ///
    /// # Errors
    /// [`ReceiptError`], the first step that fails.
    pub fn verify(&self, domain: &Domain, committee: &Committee) -> Result<(), ReceiptError> {
        let (leaf, count) = (self.transaction.leaf(), self.transaction_count);
        if !merkle::verify(
            leaf,
            self.index,
            count,
            &self.transaction_proof,
            self.transactions_root,
        ) {
            return Err(ReceiptError::Transaction);
        }
        let blocks = self.header.height.0.checked_add(1).ok_or(ReceiptError::History)?;
        if !merkle::verify(
            self.history_leaf(),
            self.height.0,
            blocks,
            &self.history_proof,
            self.header.history_root,
        ) {
            return Err(ReceiptError::History);
        }
        if self.certificate.block != self.header.id() {
            return Err(ReceiptError::Block);
        }
        Ok(self.certificate.verify(domain, committee)?)
    }

    /// transaction ‖ index 4 ‖ p 1 ‖ p × 32 ‖ height 4 ‖ count 4 ‖ root 32 ‖ l1_height 8 ‖ p 1 ‖ p × 32 ‖ header 184 ‖
    /// certificate 157.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.transaction.encode();
        out.extend(self.index.to_be_bytes());
        write_proof(&mut out, &self.transaction_proof);
        out.extend(self.height.0.to_be_bytes());
        out.extend(self.transaction_count.to_be_bytes());
        out.extend(self.transactions_root.0);
        out.extend(self.l1_height.0.to_be_bytes());
        write_proof(&mut out, &self.history_proof);
        out.extend(self.header.encode());
        out.extend(self.certificate.to_bytes());
        out
    }

    /// The one encoding back.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (transaction, rest) = SignedTransaction::decode_prefix(bytes).ok()?;
        let mut cursor = Cursor::new(rest);
        Some(Self {
            transaction,
            index: cursor.u32()?,
            transaction_proof: read_proof(&mut cursor)?,
            height: cursor.height()?,
            transaction_count: cursor.u32()?,
            transactions_root: cursor.hash()?,
            l1_height: L1Height(cursor.u64()?),
            history_proof: read_proof(&mut cursor)?,
            header: Header::read(&mut cursor)?,
            certificate: Certificate::from_bytes(cursor.rest())?,
        })
    }
}

/// A tree of 2^32 leaves has proofs of 32 hashes.
const PROOF_MAX: u8 = 32;

fn write_proof(out: &mut Vec<u8>, proof: &[Hash]) {
    out.push(u8::try_from(proof.len()).unwrap_or(u8::MAX));
    out.extend(proof.iter().flat_map(|hash| hash.0));
}

fn read_proof(cursor: &mut Cursor<'_>) -> Option<Vec<Hash>> {
    let length = cursor.u8().filter(|length| *length <= PROOF_MAX)?;
    (0..length).map(|_| cursor.hash()).collect()
}
