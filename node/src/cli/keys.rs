//! An operator's keys: made on its own machine, shown to the others by their public half alone.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use plasma_core::{Domain, SecretKey, SigningKey};
use rand::{TryRngCore as _, rngs::OsRng};
use zeroize::Zeroizing;

use super::{StartError, exit::address, print};
use crate::{hex, keystore::Secret, pledge};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a key, write it to a new file that only you can read, and print its public half.
    New {
        /// Which of the three.
        #[arg(long = "type", value_name = "TYPE")]
        kind: Kind,
        /// The new file; an existing one is never overwritten.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Print the public half of a key.
    Public {
        /// Which of the three.
        #[arg(long = "type", value_name = "TYPE")]
        kind: Kind,
        /// Its file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the proof that you hold a BLS key, for the federation file.
    Prove {
        /// The BLS key's file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The operator's Ethereum account.
        #[arg(long, value_name = "ADDRESS")]
        operator: String,
        /// Ethereum's chain id.
        #[arg(long, value_name = "ID")]
        chain_id: u64,
        /// The contract `Federation`.
        #[arg(long, value_name = "ADDRESS")]
        contract: String,
    },
}

/// The three independent keys of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Votes and co-signs blocks.
    Bls,
    /// Pays for anchors and challenges on Ethereum.
    Eth,
    /// Names the operator on the network.
    P2p,
}

pub(super) fn run(command: KeysCommand) -> Result<(), StartError> {
    match command {
        KeysCommand::New { kind, out } => {
            let secret = fresh(kind)?;
            secret.write(&out)?;
            print(&format!("{}\n", public(kind, &secret, &out)?))
        }
        KeysCommand::Public { kind, file } => {
            print(&format!("{}\n", public(kind, &Secret::read(&file)?, &file)?))
        }
        KeysCommand::Prove {
            file,
            operator,
            chain_id,
            contract,
        } => {
            let domain = Domain {
                chain_id,
                contract: address(&contract)?,
            };
            let key = bls(&Secret::read(&file)?, &file)?;
            let proof = pledge::possession(&key, &domain, &address(&operator)?);
            print(&format!("{}\n", hex::encode(&proof.0)))
        }
    }
}

impl Kind {
    /// The setting that names the file, and the word of `plasma keys new --type`.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Bls => ("keys.bls", "bls"),
            Self::Eth => ("keys.eth", "eth"),
            Self::P2p => ("keys.p2p", "p2p"),
        }
    }
}

/// Reads the key file that a setting names.
pub(super) fn named_by(kind: Kind, file: &Path) -> Result<Secret, StartError> {
    let (setting, word) = kind.names();
    Secret::read(file).map_err(|error| {
        let hint = if error.is_absence() {
            format!(
                "; put the operator's key there, or name its file in {setting}; who has none yet makes one: plasma keys new \
                 --type {word} --out {}",
                file.display()
            )
        } else {
            String::new()
        };
        StartError::NamedKeyFile {
            setting,
            error,
            hint,
        }
    })
}

/// A new key from the system's randomness.
fn fresh(kind: Kind) -> Result<Secret, StartError> {
    // Almost every 32 bytes are a key of every kind; the others are thrown away.
    loop {
        let mut seed = Zeroizing::new([0; 32]);
        OsRng
            .try_fill_bytes(seed.as_mut())
            .map_err(|error| StartError::Failed(format!("the system gives no randomness: {error}")))?;
        let bytes = match kind {
            Kind::Bls => Some(SecretKey::from_seed(&seed).to_bytes()),
            Kind::Eth => SigningKey::from_bytes(&seed).map(|key| key.to_bytes()),
            Kind::P2p => Some(*seed),
        };
        if let Some(bytes) = bytes {
            return Ok(Secret::new(*Zeroizing::new(bytes)));
        }
    }
}

/// The public half as the federation file writes it.
fn public(kind: Kind, secret: &Secret, file: &Path) -> Result<String, StartError> {
    match kind {
        Kind::Bls => Ok(hex::encode(&bls(secret, file)?.public().0)),
        Kind::Eth => Ok(ethereum(secret, file)?.address().to_string()),
        Kind::P2p => Ok(plasma_network::peer_id(secret.expose()).to_string()),
    }
}

/// The voting key of a key file.
pub(super) fn bls(secret: &Secret, file: &Path) -> Result<SecretKey, StartError> {
    SecretKey::from_bytes(secret.expose()).ok_or_else(|| StartError::Key {
        file: file.display().to_string(),
        kind: "BLS",
    })
}

/// The Ethereum account of a key file.
pub(super) fn ethereum(secret: &Secret, file: &Path) -> Result<SigningKey, StartError> {
    SigningKey::from_bytes(secret.expose()).ok_or_else(|| StartError::Key {
        file: file.display().to_string(),
        kind: "Ethereum",
    })
}
