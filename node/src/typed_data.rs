//! A transfer as `eth_signTypedData_v4` takes it, so that MetaMask and its relatives show and sign every field.
//!
//! The digest is the one of `plasma_core::typed_data`; a test has anvil sign the document, whose implementation is not ours.

use plasma_core::{Domain, Transaction};
use serde_json::{Value, json};

use crate::api::text::AddressText;

/// The document that a wallet with a window signs.
#[must_use]
pub fn document(transaction: &Transaction, domain: &Domain) -> Value {
    let fields = |pairs: &[(&str, &str)]| -> Vec<Value> {
        let field = |(kind, name): &(&str, &str)| json!({"name": name, "type": kind});
        pairs.iter().map(field).collect()
    };
    let input = |input: &plasma_core::Input| {
        json!({
            "block": input.position.block.0,
            "transaction": input.position.transaction,
            "output": input.position.output,
            "amount": input.amount.to_string(),
        })
    };
    let output = |output: &plasma_core::Payment| json!({"owner": AddressText(output.owner), "amount": output.amount.to_string()});
    json!({
        "types": {
            "EIP712Domain": fields(&[
                ("string", "name"),
                ("string", "version"),
                ("uint256", "chainId"),
                ("address", "verifyingContract"),
            ]),
            "Transfer": fields(&[
                ("Input[]", "inputs"),
                ("Output[]", "outputs"),
                ("address", "asset"),
                ("uint32", "expiry"),
            ]),
            "Input": fields(&[
                ("uint32", "block"),
                ("uint32", "transaction"),
                ("uint8", "output"),
                ("uint256", "amount"),
            ]),
            "Output": fields(&[("address", "owner"), ("uint256", "amount")]),
        },
        "primaryType": "Transfer",
        "domain": {
            "name": "Plasma",
            "version": "1",
            "chainId": domain.chain_id,
            "verifyingContract": AddressText(domain.contract),
        },
        "message": {
            "inputs": transaction.inputs.iter().map(input).collect::<Vec<_>>(),
            "outputs": transaction.outputs.iter().map(output).collect::<Vec<_>>(),
            "asset": AddressText(transaction.asset),
            "expiry": transaction.expiry.0,
        },
    })
}
