//! Bytes that both languages refuse, each with the first reason.

use plasma_core::{Address, Amount, Input, SignedTransaction, Transaction};
use serde_json::{Value, json};

use super::{DOMAIN, hex, input, key, payment, position, signed_transactions};

/// Bytes that neither side decodes or authenticates, each with the first reason.
#[expect(clippy::too_many_lines, reason = "one row per way to be wrong")]
fn malformed_transactions() -> Vec<(&'static str, Vec<u8>)> {
    let signed = |name: &str| {
        let all = signed_transactions();
        all.into_iter()
            .find(|(found, _)| found.starts_with(name))
            .expect("a named vector")
            .1
    };
    let transfer = signed("transfer, one");
    let bytes = transfer.encode();
    let resigned = |change: &dyn Fn(&mut Transaction)| {
        let mut transaction = transfer.transaction.clone();
        change(&mut transaction);
        transaction.sign(&DOMAIN, &key(1)).encode()
    };
    let patched = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        bytes
    };
    let last = bytes.len() - 1;
    let mut high_s = bytes.clone();
    negate_s(&mut high_s);
    let mut split = signed("split, one to one").encode();
    split[22] = 1;
    let mut merge = signed("merge").encode();
    merge[26] = 0;
    let mut fund = signed("fund, ETH").encode();
    let last_of_fund = fund.len() - 1;
    fund[last_of_fund] = 27;
    let mut zero_s = bytes.clone();
    zero_s[last - 32..last].fill(0);
    let mut zero_r = bytes.clone();
    zero_r[last - 64..last - 32].fill(0);
    vec![
        ("empty", Vec::new()),
        ("kind 0", patched(0, 0)),
        ("kind 3", patched(0, 3)),
        ("kind 6", patched(0, 6)),
        ("no inputs", patched(1, 0)),
        ("five inputs", patched(1, 5)),
        ("no outputs", patched(2, 0)),
        ("five outputs", patched(2, 5)),
        ("two inputs announced, bytes of one", patched(1, 2)),
        ("one byte short", bytes[..last].to_vec()),
        ("one byte long", [&bytes[..], &[0]].concat()),
        (
            "output amount zero",
            resigned(&|t| t.outputs[0].amount = Amount::ZERO),
        ),
        (
            "output owner zero",
            resigned(&|t| t.outputs[0].owner = Address::ZERO),
        ),
        (
            "input repeated",
            resigned(&|t| {
                t.inputs = vec![input(position(1, 0, 0), 1), input(position(1, 0, 0), 1)];
                t.outputs = vec![payment(2, 2)];
            }),
        ),
        (
            "sums differ",
            resigned(&|t| t.outputs[0].amount += Amount::from(1)),
        ),
        (
            "sum of inputs overflows",
            resigned(&|t| {
                t.inputs = vec![
                    Input {
                        position: position(1, 0, 0),
                        amount: Amount::MAX,
                    },
                    Input {
                        position: position(1, 0, 1),
                        amount: Amount::from(2),
                    },
                ];
                t.outputs = vec![payment(2, 1)];
            }),
        ),
        ("v 0", patched(last, 0)),
        ("v 29", patched(last, 29)),
        ("s in the upper half", high_s),
        ("s zero", zero_s),
        ("r zero", zero_r),
        ("split of a token", split),
        ("merge that expires", merge),
        ("fund with a signature", fund),
    ]
}

/// Replaces s by the order minus s and flips v: the mirror image of the same signature.
fn negate_s(bytes: &mut [u8]) {
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let order = Amount::from_str_radix(order, 16).expect("a number");
    let at = bytes.len() - 33;
    let s = Amount::from_be_slice(&bytes[at..at + 32]);
    bytes[at..at + 32].copy_from_slice(&(order - s).to_be_bytes::<32>());
    bytes[at + 32] ^= 27 ^ 28;
}

pub(crate) fn malformed() -> Value {
    let all = malformed_transactions();
    let error = |bytes: &[u8]| match SignedTransaction::decode(bytes) {
        Err(error) => error.to_string(),
        Ok(signed) => signed.authenticate(&DOMAIN).expect_err("malformed").to_string(),
    };
    json!({
        "name": all.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        "bytes": all.iter().map(|(_, bytes)| hex(bytes)).collect::<Vec<_>>(),
        "error": all.iter().map(|(_, bytes)| error(bytes)).collect::<Vec<_>>(),
    })
}
