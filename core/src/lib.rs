//! The rules of the ledger: pure, total and deterministic.
//!
//! Bytes become a [`SignedTransaction`], then an [`AuthenticTransaction`]; those and the events of Ethereum ([`L1Event`])
//! become a [`Block`]; [`ledger::apply`] turns a block and what it reads into a [`Delta`], the only thing storage
//! writes; [`committee`] says how many operators must agree, and a [`Certificate`] shows that they did.
//! Nothing here reads a clock, a file or a socket, and nothing panics. The bytes stand in `docs/protocol.md`.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::panic)]

pub mod bls;
pub mod certificate;
pub mod commitment;
pub mod committee;
pub mod committees;
pub mod exit;
pub mod genesis;
pub mod history;
pub mod ledger;
pub mod legacy;
pub mod merkle;
pub mod planted;
pub mod signature;
pub mod typed_data;

mod block;
mod cursor;
mod delta;
mod domain;
mod hash;
mod l1;
mod position;
mod receipt;
mod transaction;
mod units;

pub use block::{AuthenticBlock, Block, BlockAuthenticateError, BlockDecodeError, BlockId, Header};
pub use bls::{PublicKey, SecretKey, Signature};
pub use certificate::{Bitmap, Certificate, CertificateError};
pub use committee::{Committee, CommitteeError, Member, Peer, faults, quorum};
pub use committees::{Committees, CommitteesError};
pub use delta::{Delta, DepositFate, Fate, OpenExit, Output, OutputRecord, Spender, State};
pub use domain::Domain;
pub use exit::Judgement;
pub use genesis::{Genesis, GenesisError, GenesisMember};
pub use hash::{Address, Hash, keccak};
pub use history::Frontier;
pub use l1::{ExitId, L1Block, L1Event};
pub use ledger::{Broken, NewBlock, Params, Reads, TransactionRejected, Wanted};
pub use position::{Position, PositionError};
pub use receipt::{Receipt, ReceiptError};
pub use signature::{SignatureError, SigningKey};
pub use transaction::{
    AuthenticTransaction, AuthenticateError, DecodeError, EXPIRY_NEVER, Input, Kind, Payment,
    SignedTransaction, Transaction, TransactionError, TransactionId,
};
pub use units::{Amount, DepositNumber, Epoch, Height, L1Height, Millis, OperatorIndex, View};
