//! The border between our types and those of the contracts' bindings: conversion, nothing else.

use ethers_core::{abi::AbiDecode, types::U256};
use plasma_contracts_abi::{exit_game, federation, vault};
use plasma_core::{Amount, Certificate, Receipt};

use super::{decode::Anchored, error::L1Error};

/// Where a decided transaction lies in anchored history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The transaction, its block and the paths; its header is the anchored one.
    pub receipt: Receipt,
    /// The anchor that first covered the block.
    pub anchor: Anchored,
}

/// Our amount as ethers' number.
#[must_use]
pub fn to_u256(amount: Amount) -> U256 {
    U256::from_big_endian(&amount.to_be_bytes::<32>())
}

/// Ethers' number as our amount.
#[must_use]
pub fn from_u256(number: U256) -> Amount {
    let mut bytes = [0; 32];
    number.to_big_endian(&mut bytes);
    Amount::from_be_bytes(bytes)
}

/// A certificate as the contract takes it: the aggregate uncompressed, the bitmap as a word.
///
/// # Errors
/// [`L1Error::Key`] when the aggregate is no point of the curve.
pub fn certificate(certificate: &Certificate) -> Result<federation::Certificate, L1Error> {
    Ok(federation::Certificate {
        epoch: certificate.epoch.0,
        view_number: certificate.view.0,
        bitmap: U256::from(certificate.signers.to_u128()),
        signature: signature(certificate)?.to_vec().into(),
    })
}

/// The aggregate signature uncompressed, as in EIP-2537.
///
/// # Errors
/// [`L1Error::Key`] when it is no point of the curve.
pub fn signature(certificate: &Certificate) -> Result<[u8; 256], L1Error> {
    certificate.signature.to_uncompressed().ok_or(L1Error::Key(
        "the certificate's signature is no point of the curve",
    ))
}

/// A transaction with its place in anchored history, as exits and challenges take it.
#[must_use]
pub fn proof(inclusion: &Inclusion) -> exit_game::Proof {
    let Inclusion { receipt, anchor } = inclusion;
    exit_game::Proof {
        transaction: receipt.transaction.encode().into(),
        inclusion: exit_game::Inclusion {
            index: receipt.index,
            height: receipt.height.0,
            transaction_count: receipt.transaction_count,
            transactions_root: receipt.transactions_root.0,
            l_1_height: receipt.l1_height.0,
            transaction_path: receipt.transaction_proof.iter().map(|hash| hash.0).collect(),
            history_path: receipt.history_proof.iter().map(|hash| hash.0).collect(),
            anchor: exit_game::Anchor {
                number: anchor.number,
                previous: anchor.previous.0,
                height: anchor.height.0,
                history_root: anchor.history_root.0,
                l_1_height: anchor.l1_height.0,
                time: anchor.time_s,
            },
        },
    }
}

/// What the bytes of a revert say; `None` when they are empty.
#[must_use]
pub fn revert_reason(bytes: &[u8]) -> Option<String> {
    let known = exit_game::ExitGameErrors::decode(bytes)
        .map(|error| format!("{error:?}"))
        .or_else(|_| federation::FederationErrors::decode(bytes).map(|error| format!("{error:?}")))
        .or_else(|_| vault::VaultErrors::decode(bytes).map(|error| format!("{error:?}")));
    match known {
        Ok(reason) => Some(reason),
        Err(_) if bytes.is_empty() => None,
        Err(_) => Some(ethers_core::types::Bytes::from(bytes.to_vec()).to_string()),
    }
}
