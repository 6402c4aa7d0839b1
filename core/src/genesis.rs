//! The genesis document: the rules of one federation, agreed before its first block.
//!
//! A fixed-width binary with length-prefixed lists and one encoding per value; its keccak is the parent of block 0.
//! Source: `docs/protocol.md` section 10, which has the table of bytes.

mod check;
mod wire;

use std::collections::BTreeMap;

pub use check::GenesisError;

use crate::{
    Address, Amount, BlockId, Domain, Epoch, Hash, Header, Height, L1Block, Millis, Peer, State,
    bls::{PublicKey, Signature},
    commitment::LtHash,
    committee::{Committee, CommitteeError, Member},
    history::{self, Frontier},
    keccak, ledger, merkle,
};

/// Everything that all operators, wallets and the contracts agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Version of the protocol; [`Genesis::VERSION`].
    pub version: u16,
    /// EIP-155 id of the L1 chain.
    pub chain_id: u64,
    /// Address of `Federation`.
    pub contract: Address,
    /// The L1 block that deployed the contracts: the first origin.
    pub deployment: L1Block,
    /// What people call the federation; at most [`Genesis::NAME_MAX`] bytes.
    pub name: String,
    /// How many L1 blocks an origin lies below the head.
    pub confirmations: u32,
    /// How many L1 blocks an origin may lag behind a voter's confirmed head.
    pub origin_lag: u32,
    /// Most client transactions in a block.
    pub max_block_transactions: u32,
    /// Most bytes of client transactions in a block.
    pub max_block_bytes: u32,
    /// L1 events after which a proposer stops moving the origin.
    pub max_l1_events: u32,
    /// An anchor is due every so many blocks.
    pub anchor_blocks: u32,
    /// An anchor is due every so many seconds with something new.
    pub anchor_seconds: u32,
    /// After so many seconds of delay the next operator shares the duty.
    pub takeover_seconds: u32,
    /// Who receives fees.
    pub fee_owner: Option<Address>,
    /// The least fee per asset, ascending by asset.
    pub fees: Vec<(Address, Amount)>,
    /// Whether split and merge are accepted.
    pub legacy_transactions: bool,
    /// The committee of epoch 0, in its order.
    pub members: Vec<GenesisMember>,
}

/// One member of the committee of epoch 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisMember {
    /// Its Ethereum account.
    pub operator: Address,
    /// Its BLS key.
    pub key: PublicKey,
    /// Proof that it holds the key's secret.
    pub possession: Signature,
    /// Bytes of its libp2p peer id; at most [`Genesis::PEER_MAX`].
    pub peer_id: Vec<u8>,
    /// Multiaddresses where it listens. They are part of the hash: who moves needs a name that can be pointed elsewhere
    /// (`/dns4/…`), or stands with another address in the document of a later committee.
    pub addresses: Vec<String>,
}

impl GenesisMember {
    /// What a committee knows of it.
    #[must_use]
    pub fn member(&self) -> Member {
        Member {
            operator: self.operator,
            key: self.key,
            peer: Peer(keccak(&[&self.peer_id])),
        }
    }
}

impl Genesis {
    /// The version this code speaks.
    pub const VERSION: u16 = 1;
    /// Bytes of a name: one line on a screen.
    pub const NAME_MAX: usize = 64;
    /// Bytes of a peer id: an ed25519 one has 38.
    pub const PEER_MAX: usize = 64;
    /// Addresses of one member: a few transports on two families.
    pub const ADDRESSES_MAX: usize = 8;
    /// Bytes of one address: a DNS name of 253 and the protocols around it.
    pub const ADDRESS_MAX: usize = 512;
    /// Assets with a minimum fee: as many tokens as a vault plausibly lists.
    pub const FEES_MAX: usize = 256;
    /// Most client transactions that a genesis may allow: bounds a block's memory at decoding.
    pub const TRANSACTIONS_MAX: u32 = 100_000;
    /// Most bytes of client transactions that a genesis may allow: frames and stored values must hold a block.
    pub const BYTES_MAX: u32 = 16 * 1024 * 1024;
    /// Bytes for which frames and stored values have room beside those: what a block derives from Ethereum, its header, and what a
    /// message puts around it.
    pub const DERIVED_BYTES_MAX: u32 = 2 * 1024 * 1024;
    /// Most L1 events that a genesis may allow: each derives at most one transaction, of 464 bytes at most, and 64 KiB are left
    /// for all else. What one L1 block alone may derive beyond the limit is bounded by its gas, and less.
    pub const L1_EVENTS_MAX: u32 = (Self::DERIVED_BYTES_MAX - 64 * 1024) / 464;

    /// keccak of the encoding: the identity of the chain.
    #[must_use]
    pub fn hash(&self) -> Hash {
        keccak(&[&self.encode()])
    }

    /// What signatures of this federation are about.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain {
            chain_id: self.chain_id,
            contract: self.contract,
        }
    }

    /// The committee of epoch 0.
    ///
    /// # Errors
    /// [`CommitteeError`] when the members are too few, too many or not distinct.
    pub fn committee(&self) -> Result<Committee, CommitteeError> {
        let members = self.members.iter().map(GenesisMember::member);
        Committee::new(Epoch(0), members.collect())
    }

    /// The rules for the ledger.
    #[must_use]
    pub fn params(&self) -> ledger::Params {
        ledger::Params {
            domain: self.domain(),
            transactions_max: self.max_block_transactions,
            bytes_max: self.max_block_bytes,
            fee_owner: self.fee_owner,
            fees: self.fees.iter().copied().collect::<BTreeMap<_, _>>(),
            legacy_transactions: self.legacy_transactions,
        }
    }

    /// Who is paid for a transaction of this asset, and the least of it.
    #[must_use]
    pub fn fee(&self, asset: Address) -> Option<(Address, Amount)> {
        let least = self.fees.iter().find(|(of, _)| *of == asset);
        let (_, least) = least?;
        Some((self.fee_owner?, *least))
    }

    /// The state after block 0, which holds no transactions.
    #[must_use]
    pub fn state(&self) -> State {
        let mut history = Frontier::default();
        history.append(self.leaf());
        let commitment = LtHash::default();
        let header = Header {
            height: Height(0),
            transaction_count: 0,
            parent: BlockId(self.hash()),
            transactions_root: merkle::PAD,
            history_root: history.root(),
            output_commitment: commitment.digest(),
            l1_height: self.deployment.height,
            l1_hash: self.deployment.hash,
            timestamp_ms: Millis(self.deployment.timestamp_s.saturating_mul(1000)),
        };
        State {
            header,
            id: header.id(),
            history,
            commitment,
            halted: None,
            epoch: Epoch(0),
            sealed: header.id(),
        }
    }

    /// The history leaf of block 0.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        history::leaf(Height(0), 0, merkle::PAD, self.deployment.height)
    }
}
