//! What arrives as bytes, taken apart and checked as far as bytes alone allow. Pure: the worker pool of the runtime calls it
//! on its threads, the simulator in its one.

use plasma_core::{
    AuthenticBlock, AuthenticTransaction, AuthenticateError, Block, Certificate, Peer, SignedTransaction,
};

use crate::{
    operator::{
        effect::{Effect, Record},
        event::{Finding, Proven},
        payload::Carried,
    },
    runtime::wire,
};

mod answer;
mod bodies;
mod body;

/// Who knows whether signatures are good, and how large things may be.
pub trait Proof {
    /// Most bytes that an encoded block may have.
    fn block_bytes_max(&self) -> usize;

    /// Whether a quorum signed.
    fn certifies(&self, certificate: &Certificate) -> bool;

    /// The transaction with its owner.
    ///
    /// # Errors
    /// [`AuthenticateError`] when the signature is nobody's.
    fn authenticate(&self, transaction: SignedTransaction)
    -> Result<AuthenticTransaction, AuthenticateError>;
}

/// A gossip batch: all authentic, or nothing.
pub fn gossip(bytes: &[u8], proof: &impl Proof) -> Option<Vec<AuthenticTransaction>> {
    authenticate_all(wire::decode_gossip(bytes).ok()?, proof)
}

/// The body of a proposal; `None` when anything of it is malformed, or a whole block is not authentic. That it is the
/// proposed block's says [`Bodies::admit`].
pub fn payload(body: &[u8], proof: &impl Proof) -> Option<Carried> {
    let body = wire::body::decode_body(body, proof.block_bytes_max()).ok()?;
    body::carried(body, proof)
}

/// A finalization that came alone.
pub fn finalization(from: Peer, certificate: Box<Certificate>, proof: &impl Proof) -> Proven {
    let finding = if proof.certifies(&certificate) {
        Finding::Genuine
    } else {
        Finding::False
    };
    Proven {
        from,
        certificate,
        finding,
    }
}

pub use answer::{Question, answer};
pub use bodies::{Admitted, Bodies};
pub use body::transactions;

/// What a turn must remember before anything of it is spoken or committed.
pub fn records(effects: &[Effect]) -> impl Iterator<Item = &Record> {
    effects.iter().filter_map(|effect| match effect {
        Effect::Persist(record) => Some(record),
        _ => None,
    })
}

/// Anybody can send a header that was signed with another body, and the ledger would blame the signers for it. That is told
/// by the root, before the first signature.
fn authenticate_block(block: Block, proof: &impl Proof) -> Option<AuthenticBlock> {
    if !answer::is_signed_body(&block) {
        return None;
    }
    let transactions = authenticate_all(block.transactions, proof)?;
    Some(AuthenticBlock {
        header: block.header,
        transactions,
    })
}

/// Ends at the first that is not authentic.
fn authenticate_all(
    transactions: Vec<SignedTransaction>,
    proof: &impl Proof,
) -> Option<Vec<AuthenticTransaction>> {
    transactions
        .into_iter()
        .map(|transaction| proof.authenticate(transaction).ok())
        .collect()
}

#[cfg(test)]
mod tests;
