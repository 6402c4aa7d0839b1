//! The border between our types and those of the contracts' bindings: conversion, nothing else.

use ethers_core::{
    abi::AbiDecode,
    types::{H160, U256},
};
use plasma_contracts_abi::{exit_game, federation, fraud_proofs, in_flight_exits, vault};
use plasma_core::{Amount, Certificate, ExitId, Receipt, bls::Signature};

use super::{
    decode::Anchored,
    error::L1Error,
    evidence::{AnchoredBlock, Contradiction, Evidence, Pending, Statement, Telling, Words},
};

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

/// The contract's number of an exit.
#[must_use]
pub fn exit_id(exit: &ExitId) -> U256 {
    U256::from_big_endian(&exit.0.0)
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
    aggregate(&certificate.signature)
}

/// A signature uncompressed, as in EIP-2537.
///
/// # Errors
/// [`L1Error::Key`] when it is no point of the curve.
pub fn aggregate(signature: &Signature) -> Result<[u8; 256], L1Error> {
    signature.to_uncompressed().ok_or(L1Error::Key(
        "the certificate's signature is no point of the curve",
    ))
}

/// A transaction with its place in anchored history, as exits and challenges take it.
#[must_use]
pub fn proof(found: &Inclusion) -> exit_game::Proof {
    exit_game::Proof {
        transaction: found.receipt.transaction.encode().into(),
        inclusion: inclusion(found),
    }
}

/// A place in anchored history.
#[must_use]
pub fn inclusion(found: &Inclusion) -> exit_game::Inclusion {
    place(&found.receipt, anchor(&found.anchor))
}

/// A transaction with what makes it count.
///
/// # Errors
/// [`L1Error::Key`] when the aggregate of its certificate is no point of the curve.
pub fn evidence(shown: &Evidence) -> Result<exit_game::Evidence, L1Error> {
    let transaction = shown.transaction().encode().into();
    Ok(match shown {
        Evidence::Bare(_) => exit_game::Evidence {
            transaction,
            ..exit_game::Evidence::default()
        },
        Evidence::Anchored(found) => exit_game::Evidence {
            transaction,
            inclusion: inclusion(found),
            ..exit_game::Evidence::default()
        },
        Evidence::Certified(receipt) => exit_game::Evidence {
            transaction,
            inclusion: place(receipt, exit_game::Anchor::default()),
            header: receipt.header.encode().to_vec().into(),
            certificate: certificate(&receipt.certificate)?,
        },
    })
}

/// The payment of an in-flight exit.
#[must_use]
pub fn pending(pending: &Pending) -> in_flight_exits::Pending {
    in_flight_exits::Pending {
        transaction: pending.transaction.encode().into(),
        owner: H160(pending.owner.0),
        inputs: pending.inputs.iter().map(|key| key.0).collect(),
    }
}

/// Two statements in the order that the contract reads: of a finalize and a nullify vote the finalize comes first.
///
/// # Errors
/// [`L1Error::Key`] when a signature is no point of the curve.
pub fn contradiction(
    proof: &Contradiction,
) -> Result<(federation::Statement, federation::Statement), L1Error> {
    let (one, other) = (statement(&proof.one)?, statement(&proof.other)?);
    if proof.one.words == Words::Nullify {
        Ok((other, one))
    } else {
        Ok((one, other))
    }
}

fn statement(said: &Statement) -> Result<federation::Statement, L1Error> {
    let (tag, parent_view, id) = match said.words {
        Words::Notarize { parent, block } => (NOTARIZE, parent.0, block.0.0),
        Words::Nullify => (NULLIFY, 0, [0; 32]),
        Words::Finalize { block } => (FINALIZE, 0, block.0.0),
    };
    Ok(federation::Statement {
        tag,
        parent_view,
        id,
        bitmap: U256::from(said.signers.to_u128()),
        signature: aggregate(&said.signature)?.into(),
    })
}

/// What a header tells of a height; an anchor of number zero stands for none.
///
/// # Errors
/// [`L1Error::Key`] when the aggregate of its certificate is no point of the curve.
pub fn telling(telling: &Telling) -> Result<federation::Telling, L1Error> {
    let (header, certificate) = match &telling.signed {
        None => Default::default(),
        Some((header, signed)) => (header.encode().to_vec().into(), certificate(signed)?),
    };
    Ok(federation::Telling {
        anchor: telling.anchor.as_ref().map(anchor).unwrap_or_default(),
        header,
        certificate,
        leaf: telling.leaf.0,
        path: telling.path.iter().map(|hash| hash.0).collect(),
    })
}

/// A block's place in anchored history, with no transaction: what a rebuttal reads.
#[must_use]
pub fn block(block: &AnchoredBlock) -> exit_game::Inclusion {
    exit_game::Inclusion {
        index: 0,
        height: block.height.0,
        transaction_count: block.transaction_count,
        transactions_root: block.transactions_root.0,
        l_1_height: block.l1_height.0,
        transaction_path: Vec::new(),
        history_path: block.history_path.iter().map(|hash| hash.0).collect(),
        anchor: anchor(&block.anchor),
    }
}

fn place(receipt: &Receipt, anchor: exit_game::Anchor) -> exit_game::Inclusion {
    exit_game::Inclusion {
        index: receipt.index,
        height: receipt.height.0,
        transaction_count: receipt.transaction_count,
        transactions_root: receipt.transactions_root.0,
        l_1_height: receipt.l1_height.0,
        transaction_path: receipt.transaction_proof.iter().map(|hash| hash.0).collect(),
        history_path: receipt.history_proof.iter().map(|hash| hash.0).collect(),
        anchor,
    }
}

/// An anchor as exits bring it back.
#[must_use]
pub fn anchor(anchor: &Anchored) -> exit_game::Anchor {
    exit_game::Anchor {
        number: anchor.number,
        previous: anchor.previous.0,
        height: anchor.height.0,
        history_root: anchor.history_root.0,
        l_1_height: anchor.l1_height.0,
        time: anchor.time_s,
    }
}

/// What the bytes of a revert say; `None` when they are empty.
#[must_use]
pub fn revert_reason(bytes: &[u8]) -> Option<String> {
    let known = exit_game::ExitGameErrors::decode(bytes)
        .map(|error| format!("{error:?}"))
        .or_else(|_| federation::FederationErrors::decode(bytes).map(|error| format!("{error:?}")))
        .or_else(|_| vault::VaultErrors::decode(bytes).map(|error| format!("{error:?}")))
        .or_else(|_| in_flight_exits::InFlightExitsErrors::decode(bytes).map(|error| format!("{error:?}")))
        .or_else(|_| fraud_proofs::FraudProofsErrors::decode(bytes).map(|error| format!("{error:?}")));
    match known {
        Ok(reason) => Some(reason),
        Err(_) if bytes.is_empty() => None,
        Err(_) => Some(ethers_core::types::Bytes::from(bytes.to_vec()).to_string()),
    }
}

/// First byte of the digests that are signed (docs/protocol.md section 7).
const NOTARIZE: u8 = 1;
const NULLIFY: u8 = 2;
const FINALIZE: u8 = 3;
