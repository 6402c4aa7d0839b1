//! The EIP-712 digest of a transfer, so that any Ethereum wallet shows what it signs.
//!
//! Source: EIP-712; the types stand in `docs/protocol.md` section 2.

use crate::{Domain, Hash, Height, Transaction, keccak};

const DOMAIN: &[u8] = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const INPUT: &[u8] = b"Input(uint32 block,uint32 transaction,uint8 output,uint256 amount)";
const OUTPUT: &[u8] = b"Output(address owner,uint256 amount)";
const TRANSFER: &[u8] = b"Transfer(Input[] inputs,Output[] outputs,address asset,uint32 expiry)";

/// keccak(0x1901 ‖ domain separator ‖ hash of the struct).
#[must_use]
pub fn digest(transaction: &Transaction, domain: &Domain) -> Hash {
    keccak(&[
        &[0x19, 0x01],
        &domain_separator(domain).0,
        &transfer(transaction).0,
    ])
}

/// The hash of `{name: "Plasma", version: "1", chainId, verifyingContract}`.
#[must_use]
pub fn domain_separator(domain: &Domain) -> Hash {
    keccak(&[
        &keccak(&[DOMAIN]).0,
        &keccak(&[b"Plasma"]).0,
        &keccak(&[b"1"]).0,
        &domain.chain_word(),
        &word(&domain.contract.0),
    ])
}

fn transfer(transaction: &Transaction) -> Hash {
    let Height(expiry) = transaction.expiry;
    keccak(&[
        &keccak(&[TRANSFER, INPUT, OUTPUT]).0,
        &inputs(transaction).0,
        &outputs(transaction).0,
        &word(&transaction.asset.0),
        &word(&expiry.to_be_bytes()),
    ])
}

fn inputs(transaction: &Transaction) -> Hash {
    let kind = keccak(&[INPUT]);
    let mut hashes = Vec::with_capacity(128);
    for input in &transaction.inputs {
        let hash = keccak(&[
            &kind.0,
            &word(&input.position.block.0.to_be_bytes()),
            &word(&input.position.transaction.to_be_bytes()),
            &word(&[input.position.output]),
            &input.amount.to_be_bytes::<32>(),
        ]);
        hashes.extend(hash.0);
    }
    keccak(&[&hashes])
}

fn outputs(transaction: &Transaction) -> Hash {
    let kind = keccak(&[OUTPUT]);
    let mut hashes = Vec::with_capacity(128);
    for payment in &transaction.outputs {
        hashes.extend(
            keccak(&[
                &kind.0,
                &word(&payment.owner.0),
                &payment.amount.to_be_bytes::<32>(),
            ])
            .0,
        );
    }
    keccak(&[&hashes])
}

/// Big-endian bytes as an Ethereum word, zeros in front.
fn word<const N: usize>(bytes: &[u8; N]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().skip(32usize.saturating_sub(N)).zip(bytes) {
        *to = *from;
    }
    out
}
