//! `federation.toml`: the genesis document as the operators read, sign off and exchange it.
//!
//! The TOML is a presentation only. The genesis hash is over the binary of [`Genesis`], so white space, comments and the
//! order of keys change nothing, and two operators agree when their hashes do.

use std::{fs, path::Path};

use plasma_core::{
    Address, Amount, Hash, L1Block, L1Height, bls,
    genesis::{Genesis, GenesisError, GenesisMember},
};
use serde::{Deserialize, Serialize};

use super::place;
use crate::{base58, hex};

/// The document as TOML sees it; every value still a text or a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the fields are those of Genesis, which documents them"
)]
pub struct FederationFile {
    pub version: u16,
    pub name: String,
    pub l1_chain_id: u64,
    pub contract: String,
    /// A federation of fewer than four tolerates no fault; whoever wants one says so. Not part of the hash.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_no_faults: bool,
    pub deployment: Deployment,
    pub params: Params,
    #[serde(default, skip_serializing_if = "Fees::is_none")]
    pub fees: Fees,
    pub member: Vec<MemberEntry>,
}

/// The L1 block that deployed the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of L1Block")]
pub struct Deployment {
    pub block: u64,
    pub hash: String,
    pub timestamp_s: u64,
}

/// What all operators must judge alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the fields are those of Genesis, which documents them"
)]
pub struct Params {
    pub confirmations: u32,
    pub origin_lag: u32,
    pub max_block_transactions: u32,
    pub max_block_bytes: u32,
    pub max_l1_events: u32,
    pub anchor_blocks: u32,
    pub anchor_seconds: u32,
    pub takeover_seconds: u32,
    pub legacy_transactions: bool,
}

/// Who is paid for payments and how much at least, per asset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the fields are those of Genesis, which documents them"
)]
pub struct Fees {
    pub owner: Option<String>,
    #[serde(default)]
    pub minimum: Vec<Fee>,
}

/// The least fee in one asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "an asset and its amount")]
pub struct Fee {
    pub asset: String,
    pub amount: String,
}

/// One operator of epoch 0; its index is its place in the file, from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the fields are those of GenesisMember, which documents them"
)]
pub struct MemberEntry {
    pub operator: String,
    pub bls_public_key: String,
    pub bls_possession: String,
    pub peer_id: String,
    pub addresses: Vec<String>,
}

/// Why a federation file is no genesis.
#[derive(Debug, thiserror::Error)]
pub enum FederationError {
    /// The file cannot be read.
    #[error("cannot read {what} {path}: {source}")]
    Read {
        /// What it is, and the key that names it.
        what: &'static str,
        /// Which file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is no TOML, misses a key, has an unknown one or one of the wrong type.
    #[error("{path}, line {line}, column {column}: {message}")]
    File {
        /// Which file.
        path: String,
        /// First line is 1.
        line: usize,
        /// First column is 1.
        column: usize,
        /// What is wrong, with the key.
        message: String,
    },
    /// A text that is not what its key wants.
    #[error("{key} = {value:?}: expected {expected}")]
    Value {
        /// The key with its place, for example `member[2].operator`.
        key: String,
        /// What stands there.
        value: String,
        /// What should.
        expected: &'static str,
    },
    /// Fewer than four operators without saying so.
    #[error("{0} operators tolerate no fault; have at least 4, or write allow_no_faults = true")]
    NoFaults(usize),
    /// A later committee's document that is far too long.
    #[error("{path} has {bytes} bytes, a committee's document at most {max}", max = super::committee::DOCUMENT_BYTES_MAX)]
    TooLong {
        /// Which file.
        path: String,
        /// How long.
        bytes: u64,
    },
    /// A document about the committee that the genesis names.
    #[error("epoch = 0: that committee stands in the federation file; a later one has epoch 1 or above")]
    FirstEpoch,
    /// Members that make no committee.
    #[error(transparent)]
    Committee(#[from] plasma_core::CommitteeError),
    /// The document breaks a rule of the genesis: duplicate keys, a bad proof of possession, a zero limit.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// Not the federation that the configuration expects.
    #[error("the federation file has genesis hash {found}, federation.expected_hash is {expected}")]
    Hash {
        /// The file's.
        found: Hash,
        /// The configuration's.
        expected: Hash,
    },
}

impl FederationFile {
    /// Reads a genesis from a file and checks all of it, proofs of possession included.
    ///
    /// # Errors
    /// [`FederationError`], the first thing that is wrong.
    pub fn load(path: &Path) -> Result<Genesis, FederationError> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|source| FederationError::Read {
            what: "the federation file (federation.file)",
            path: name.clone(),
            source,
        })?;
        Self::parse(&name, &text)
    }

    /// As [`FederationFile::load`], from text.
    ///
    /// # Errors
    /// [`FederationError`], the first thing that is wrong.
    pub fn parse(name: &str, text: &str) -> Result<Genesis, FederationError> {
        let file: Self = toml::from_str(text).map_err(|error| {
            let (line, column) = place(text, error.span().map_or(0, |span| span.start));
            FederationError::File {
                path: name.to_owned(),
                line,
                column,
                message: error.message().to_owned(),
            }
        })?;
        let few = file.member.len() < MEMBERS_FOR_A_FAULT && !file.allow_no_faults;
        if few {
            return Err(FederationError::NoFaults(file.member.len()));
        }
        let genesis = file.into_genesis()?;
        genesis.validate()?;
        Ok(genesis)
    }

    /// The text of a genesis; reading it back gives the same genesis.
    #[must_use]
    pub fn print(genesis: &Genesis) -> String {
        let body = toml::to_string(&Self::from_genesis(genesis)).unwrap_or_default();
        format!(
            "# The federation's genesis. Hash (of the content, not of this text): {}\n{body}",
            genesis.hash()
        )
    }

    fn into_genesis(self) -> Result<Genesis, FederationError> {
        let params = self.params;
        let minimums = self.fees.minimum.iter().enumerate();
        let fee = |(i, fee): (usize, &Fee)| {
            Ok((
                address(&format!("fees.minimum[{i}].asset"), &fee.asset)?,
                amount(&format!("fees.minimum[{i}].amount"), &fee.amount)?,
            ))
        };
        let members = self.member.iter().enumerate().map(|(i, entry)| entry.parse(i));
        Ok(Genesis {
            version: self.version,
            chain_id: self.l1_chain_id,
            contract: address("contract", &self.contract)?,
            deployment: L1Block {
                height: L1Height(self.deployment.block),
                hash: hash("deployment.hash", &self.deployment.hash)?,
                timestamp_s: self.deployment.timestamp_s,
            },
            name: self.name,
            confirmations: params.confirmations,
            origin_lag: params.origin_lag,
            max_block_transactions: params.max_block_transactions,
            max_block_bytes: params.max_block_bytes,
            max_l1_events: params.max_l1_events,
            anchor_blocks: params.anchor_blocks,
            anchor_seconds: params.anchor_seconds,
            takeover_seconds: params.takeover_seconds,
            fee_owner: self
                .fees
                .owner
                .as_deref()
                .map(|owner| address("fees.owner", owner))
                .transpose()?,
            fees: minimums.map(fee).collect::<Result<_, FederationError>>()?,
            legacy_transactions: params.legacy_transactions,
            members: members.collect::<Result<_, _>>()?,
        })
    }

    fn from_genesis(genesis: &Genesis) -> Self {
        let fees = genesis.fees.iter();
        Self {
            version: genesis.version,
            name: genesis.name.clone(),
            l1_chain_id: genesis.chain_id,
            contract: genesis.contract.to_string(),
            allow_no_faults: genesis.members.len() < MEMBERS_FOR_A_FAULT,
            deployment: Deployment {
                block: genesis.deployment.height.0,
                hash: genesis.deployment.hash.to_string(),
                timestamp_s: genesis.deployment.timestamp_s,
            },
            params: Params {
                confirmations: genesis.confirmations,
                origin_lag: genesis.origin_lag,
                max_block_transactions: genesis.max_block_transactions,
                max_block_bytes: genesis.max_block_bytes,
                max_l1_events: genesis.max_l1_events,
                anchor_blocks: genesis.anchor_blocks,
                anchor_seconds: genesis.anchor_seconds,
                takeover_seconds: genesis.takeover_seconds,
                legacy_transactions: genesis.legacy_transactions,
            },
            fees: Fees {
                owner: genesis.fee_owner.map(|owner| owner.to_string()),
                minimum: fees
                    .map(|(asset, amount)| Fee {
                        asset: asset.to_string(),
                        amount: amount.to_string(),
                    })
                    .collect(),
            },
            member: genesis.members.iter().map(MemberEntry::from_member).collect(),
        }
    }
}

impl MemberEntry {
    pub(super) fn parse(&self, index: usize) -> Result<GenesisMember, FederationError> {
        let key = |name: &str| format!("member[{index}].{name}");
        let fixed = |name: &str, value: &str, expected| FederationError::Value {
            key: key(name),
            value: value.to_owned(),
            expected,
        };
        let public = hex::decode_array(&self.bls_public_key)
            .ok_or_else(|| fixed("bls_public_key", &self.bls_public_key, "0x and 96 hex digits"))?;
        let possession = hex::decode_array(&self.bls_possession)
            .ok_or_else(|| fixed("bls_possession", &self.bls_possession, "0x and 192 hex digits"))?;
        let peer_id = base58::decode(&self.peer_id)
            .ok_or_else(|| fixed("peer_id", &self.peer_id, "a libp2p peer id such as 12D3Koo…"))?;
        Ok(GenesisMember {
            operator: address(&key("operator"), &self.operator)?,
            key: bls::PublicKey(public),
            possession: bls::Signature(possession),
            peer_id,
            addresses: self.addresses.clone(),
        })
    }

    pub(super) fn from_member(member: &GenesisMember) -> Self {
        Self {
            operator: member.operator.to_string(),
            bls_public_key: hex::encode(&member.key.0),
            bls_possession: hex::encode(&member.possession.0),
            peer_id: base58::encode(&member.peer_id),
            addresses: member.addresses.clone(),
        }
    }
}

impl Fees {
    fn is_none(&self) -> bool {
        self.owner.is_none() && self.minimum.is_empty()
    }
}

/// A hash as `0x` and 64 digits.
pub(crate) fn hash_of(text: &str) -> Option<Hash> {
    hex::decode_array(text).map(Hash)
}

fn hash(key: &str, text: &str) -> Result<Hash, FederationError> {
    hash_of(text).ok_or_else(|| value(key, text, "0x and 64 hex digits"))
}

fn address(key: &str, text: &str) -> Result<Address, FederationError> {
    hex::decode_array(text)
        .map(Address)
        .ok_or_else(|| value(key, text, "0x and 40 hex digits"))
}

fn amount(key: &str, text: &str) -> Result<Amount, FederationError> {
    let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let parsed = digits.then(|| Amount::from_str_radix(text, 10).ok()).flatten();
    parsed.ok_or_else(|| value(key, text, "a decimal number of smallest units, as a text"))
}

fn value(key: &str, text: &str, expected: &'static str) -> FederationError {
    FederationError::Value {
        key: key.to_owned(),
        value: text.to_owned(),
        expected,
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The least n with f = (n-1)/3 above zero.
pub(super) const MEMBERS_FOR_A_FAULT: usize = 4;
