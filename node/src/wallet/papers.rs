//! A payment as a file, on its way between a machine that is online and one that never is.
//!
//! `send --dry-run` writes one without a signature, `sign` adds it, `broadcast` sends it. The file says which federation it
//! is for, and whoever signs it compares that with the federation file of its own.

use std::{fs::File, io::Read as _, path::Path};

use plasma_core::{
    Address, AuthenticTransaction, Genesis, Height, Input, Kind, Payment, SignedTransaction, Transaction,
};
use serde::{Deserialize, Serialize};

use super::WalletError;
use crate::api::text::{AddressText, AmountText, BytesText, HashText, PositionText};

/// A payment on paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// Ethereum's chain id.
    pub chain_id: u64,
    /// Address of `Federation`.
    pub contract: AddressText,
    /// Who owns all inputs, and signs.
    pub from: AddressText,
    /// What is moved; zero is ETH.
    pub asset: AddressText,
    /// Last block that may include it.
    pub expiry: u32,
    /// What it spends.
    pub inputs: Vec<PaperInput>,
    /// What it creates.
    pub outputs: Vec<PaperOutput>,
    /// Its id, which no signature changes.
    pub id: HashText,
    /// r ‖ s ‖ v; absent until it is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<BytesText>,
}

/// An output that is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperInput {
    /// Which.
    pub output: PositionText,
    /// What it holds.
    pub amount: AmountText,
}

/// An output that is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperOutput {
    /// Whose.
    pub owner: AddressText,
    /// How much.
    pub amount: AmountText,
}

impl Paper {
    /// Writes a payment down.
    #[must_use]
    pub fn new(transaction: &Transaction, from: Address, genesis: &Genesis) -> Self {
        let input = |input: &Input| PaperInput {
            output: PositionText(input.position),
            amount: AmountText(input.amount),
        };
        let output = |output: &Payment| PaperOutput {
            owner: AddressText(output.owner),
            amount: AmountText(output.amount),
        };
        Self {
            chain_id: genesis.chain_id,
            contract: AddressText(genesis.contract),
            from: AddressText(from),
            asset: AddressText(transaction.asset),
            expiry: transaction.expiry.0,
            inputs: transaction.inputs.iter().map(input).collect(),
            outputs: transaction.outputs.iter().map(output).collect(),
            id: HashText(transaction.id().0),
            signature: None,
        }
    }

    /// Reads a file and checks all that needs no ledger.
    ///
    /// # Errors
    /// [`WalletError::File`] names the field that is wrong.
    pub fn read(path: &Path, genesis: &Genesis) -> Result<(Self, Transaction), WalletError> {
        let refuse = |reason: String| WalletError::File {
            path: path.to_owned(),
            reason,
        };
        let mut text = Vec::new();
        let file = File::open(path).map_err(|error| refuse(error.to_string()))?;
        file.take(FILE_BYTES_MAX)
            .read_to_end(&mut text)
            .map_err(|error| refuse(error.to_string()))?;
        let paper: Self = serde_json::from_slice(&text).map_err(|error| refuse(error.to_string()))?;
        let transaction = paper.transaction(genesis).map_err(refuse)?;
        Ok((paper, transaction))
    }

    /// The signed payment, whose signer must be who the paper names.
    ///
    /// # Errors
    /// Words about what is wrong with the signature.
    pub fn signed(&self, transaction: Transaction, genesis: &Genesis) -> Result<SignedTransaction, String> {
        let signature = self
            .signature
            .as_ref()
            .ok_or("signature is missing: run plasma wallet sign on this file first")?;
        let signature: [u8; 65] = signature
            .0
            .as_slice()
            .try_into()
            .map_err(|_| "signature has not 65 bytes")?;
        let signed = SignedTransaction {
            transaction,
            signature: usual(signature),
        };
        let authentic = signed.clone().authenticate(&genesis.domain());
        let signer = authentic
            .as_ref()
            .map(AuthenticTransaction::owner)
            .map_err(|error| format!("signature: {error}"))?;
        if signer != self.from.0 {
            return Err(format!(
                "signature is by {}, from is {}",
                AddressText(signer),
                self.from
            ));
        }
        Ok(signed)
    }

    fn transaction(&self, genesis: &Genesis) -> Result<Transaction, String> {
        if (self.chain_id, self.contract.0) != (genesis.chain_id, genesis.contract) {
            return Err(format!(
                "it is for contract {} on chain {}, the federation file is about {} on chain {}",
                self.contract,
                self.chain_id,
                AddressText(genesis.contract),
                genesis.chain_id
            ));
        }
        let input = |input: &PaperInput| Input {
            position: input.output.0,
            amount: input.amount.0,
        };
        let output = |output: &PaperOutput| Payment {
            owner: output.owner.0,
            amount: output.amount.0,
        };
        let transaction = Transaction {
            kind: Kind::Transfer,
            asset: self.asset.0,
            expiry: Height(self.expiry),
            inputs: self.inputs.iter().map(input).collect(),
            outputs: self.outputs.iter().map(output).collect(),
        };
        transaction.check().map_err(|error| error.to_string())?;
        if transaction.id().0 != self.id.0 {
            return Err(format!(
                "id is {}, and what stands there makes {}",
                self.id,
                transaction.id()
            ));
        }
        Ok(transaction)
    }
}

/// Some wallets write the recovery byte as 0 or 1.
fn usual(mut signature: [u8; 65]) -> [u8; 65] {
    if let Some(v) = signature.last_mut().filter(|v| **v < 2) {
        *v += 27;
    }
    signature
}

/// A paper has two kilobytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;
