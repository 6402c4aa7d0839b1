//! Property 2, first half: any bytes are a transaction to the node exactly when they are one to the contracts, and then
//! both read the same (I13).
//!
//! A case is one byte string.

use plasma_core::{
    Address, Amount, AuthenticateError, DecodeError, Height, Input, Kind, Payment, Position,
    SignedTransaction, Transaction, TransactionError, keccak,
};
use rand::{Rng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

use crate::{bindings::law, ethereum::Ethereum, forms::h160, site::Site};

/// What the contracts call the first broken rule, in the order of `PlasmaTransaction.Flaw`.
pub(crate) const FLAWS: [&str; 9] = [
    "none",
    "length",
    "kind",
    "counts",
    "template",
    "amount zero",
    "owner zero",
    "inputs equal",
    "unbalanced",
];

/// Bytes below this the contracts call too short before they look at the counts.
const HEAD_BYTES: usize = 27;

/// One byte string; the name of what it is.
pub(crate) fn case(
    site: &Site,
    ethereum: &mut Ethereum,
    rng: &mut ChaCha8Rng,
) -> Result<&'static str, String> {
    let bytes = bytes(site, rng);
    let federation = site.contracts.federation;
    let arguments = law::ReadCall {
        transaction: bytes.clone().into(),
        legacy_transactions: site.legacy,
        verifying_contract: h160(federation),
    };
    let there: law::Reading = ethereum.ask(site.law, arguments);
    let flaw = FLAWS.get(usize::from(there.flaw)).copied().unwrap_or("unknown");
    compare(site, &bytes, &there, flaw)
        .map_err(|said| format!("{said}; bytes {}", revm::primitives::hex::encode(&bytes)))?;
    Ok(flaw)
}

fn compare(site: &Site, bytes: &[u8], there: &law::Reading, flaw: &'static str) -> Result<(), String> {
    let leaf = keccak(&[&[0x00], bytes]);
    if leaf.0 != there.leaf {
        return Err(format!("the leaf is {leaf} here"));
    }
    let decoded = SignedTransaction::decode(bytes);
    let here = match &decoded {
        // Where there are no legacy kinds the contract does not read on; here the ledger says so, after the form.
        Err(_) if !site.legacy && matches!(bytes.first(), Some(1 | 2)) => "kind",
        Err(error) => of_decode(error),
        Ok(signed) => of_form(site, signed),
    };
    let same = here == flaw || (flaw == "length" && bytes.len() < HEAD_BYTES && here != "none");
    if !same {
        return Err(format!("{here} here, {flaw} there"));
    }
    match decoded {
        Ok(signed) if flaw == "none" => same_content(site, bytes, &signed, there),
        _ => Ok(()),
    }
}

fn of_decode(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::Kind(_) => "kind",
        DecodeError::Counts { .. } => "counts",
        DecodeError::Length { .. } => "length",
    }
}

fn of_form(site: &Site, signed: &SignedTransaction) -> &'static str {
    let content = &signed.transaction;
    if !site.legacy && matches!(content.kind, Kind::Split | Kind::Merge) {
        return "kind";
    }
    match content.check() {
        Ok(()) if content.kind == Kind::Fund && signed.signature != [0; 65] => "template",
        Ok(()) => "none",
        Err(TransactionError::Counts { .. }) => "counts",
        Err(TransactionError::Asset { .. } | TransactionError::Expiry { .. } | TransactionError::Deposit) => {
            "template"
        }
        Err(TransactionError::OutputAmountZero { .. }) => "amount zero",
        Err(TransactionError::OutputOwnerZero { .. }) => "owner zero",
        Err(TransactionError::InputRepeated { .. }) => "inputs equal",
        Err(TransactionError::SumOverflow | TransactionError::SumsDiffer { .. }) => "unbalanced",
    }
}

fn same_content(
    site: &Site,
    bytes: &[u8],
    signed: &SignedTransaction,
    there: &law::Reading,
) -> Result<(), String> {
    let content = &signed.transaction;
    if signed.encode() != bytes {
        return Err("another encoding decodes to the same".into());
    }
    if signed.id().0.0 != there.id || signed.leaf().0 != there.leaf || fields(content) != there.fields {
        return Err(format!("id {} and fields differ", signed.id()));
    }
    if content.kind == Kind::Fund {
        return if there.signer.is_zero() {
            Ok(())
        } else {
            Err("somebody signed a fund".into())
        };
    }
    // A legacy input of a far output has no form that anybody could have signed there. Here it is signed and missing.
    let is_far =
        content.kind != Kind::Transfer && content.inputs.iter().any(|input| input.position.output > 127);
    let here = match signed.clone().authenticate(&site.domain) {
        Ok(authentic) if !is_far => authentic.owner(),
        Ok(_) | Err(AuthenticateError::Signature(_)) => Address::ZERO,
        Err(error) => return Err(format!("{error:?} here, well-formed there")),
    };
    if here.0 != there.signer.0 {
        return Err(format!("signed by {here} here and by {:?} there", there.signer));
    }
    if !is_far && content.signing_digest(&site.domain).0 != there.digest {
        return Err("the digests differ".into());
    }
    Ok(())
}

/// What the contract computes over its accessors.
fn fields(content: &Transaction) -> [u8; 32] {
    let word = |number: u64| Amount::from(number).to_be_bytes::<32>();
    let address = |account: &Address| {
        let mut word = [0; 32];
        word[12..].copy_from_slice(&account.0);
        word
    };
    let count = |length: usize| word(u64::try_from(length).expect("few"));
    let mut hash = keccak(&[
        &word(content.kind.byte().into()),
        &count(content.inputs.len()),
        &count(content.outputs.len()),
        &address(&content.asset),
        &word(content.expiry.0.into()),
    ]);
    for input in &content.inputs {
        let position = Amount::from(input.position.pack()).to_be_bytes::<32>();
        hash = keccak(&[&hash.0, &position, &input.amount.to_be_bytes::<32>()]);
    }
    for payment in &content.outputs {
        hash = keccak(&[
            &hash.0,
            &address(&payment.owner),
            &payment.amount.to_be_bytes::<32>(),
        ]);
    }
    hash.0
}

/// Bytes near a transaction: a valid one, one with a broken rule, or any of these with some bytes changed.
fn bytes(site: &Site, rng: &mut ChaCha8Rng) -> Vec<u8> {
    if rng.random_bool(0.02) {
        let length = rng.random_range(0..600);
        return (0..length).map(|_| rng.random()).collect();
    }
    let content = content(site, rng);
    let mut bytes = match rng.random_range(0..10) {
        0..6 if content.kind != Kind::Fund => {
            let key = site.users.choose(rng).expect("there are users");
            content.sign(&site.domain, key).encode()
        }
        _ => content.unsigned().encode(),
    };
    for _ in 0..*[0, 0, 0, 1, 1, 2, 8].choose(rng).expect("a count") {
        distort(&mut bytes, rng);
    }
    bytes
}

fn distort(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    if bytes.is_empty() {
        return;
    }
    let (length, place) = (bytes.len(), rng.random_range(0..bytes.len()));
    match rng.random_range(0..9) {
        0 => bytes[place] ^= 1 << rng.random_range(0..8u8),
        1 => bytes[place] = rng.random(),
        2 => bytes[rng.random_range(0..3.min(length))] = rng.random_range(0..7),
        3 => bytes.truncate(place),
        4 => bytes.extend((0..rng.random_range(1..70)).map(|_| 0u8)),
        5 => bytes[place..].fill(0),
        6 => {
            // Somewhere in the signature.
            let back = rng.random_range(1..=65.min(length));
            bytes[length - back] = *[0, 1, 26, 27, 28, 29, 0x7f, 0xff].choose(rng).expect("a byte");
        }
        7 => {
            let from = rng.random_range(0..length);
            let moved = bytes[from];
            bytes.insert(place, moved);
        }
        _ => bytes[place..(place + 32).min(length)].fill(0xff),
    }
}

fn content(site: &Site, rng: &mut ChaCha8Rng) -> Transaction {
    let kind = *[
        Kind::Transfer,
        Kind::Transfer,
        Kind::Split,
        Kind::Merge,
        Kind::Fund,
    ]
    .choose(rng)
    .expect("a kind");
    if kind == Kind::Fund && rng.random_bool(0.8) {
        let number = plasma_core::DepositNumber(rng.random());
        return Transaction::fund(number, account(site, rng), account(site, rng), amount(rng));
    }
    let (inputs, outputs) = match kind {
        Kind::Split => (1, rng.random_range(1..=3)),
        Kind::Merge => (2, 1),
        Kind::Fund => (1, 1),
        Kind::Transfer => (rng.random_range(1..=4), rng.random_range(1..=4)),
    };
    let is_legacy = kind != Kind::Transfer;
    let asset = if is_legacy && rng.random_bool(0.9) {
        Address::ZERO
    } else {
        account(site, rng)
    };
    let expiry = if is_legacy && rng.random_bool(0.9) {
        Height(u32::MAX)
    } else {
        Height(rng.random())
    };
    let inputs: Vec<Input> = (0..inputs)
        .map(|_| Input {
            position: position(rng),
            amount: amount(rng),
        })
        .collect();
    let mut outputs: Vec<Payment> = (0..outputs)
        .map(|_| Payment {
            owner: account(site, rng),
            amount: amount(rng),
        })
        .collect();
    if rng.random_bool(0.85) {
        balance(&inputs, &mut outputs);
    }
    Transaction {
        kind,
        asset,
        expiry,
        inputs,
        outputs,
    }
}

/// Makes the sums equal, where they can be.
fn balance(inputs: &[Input], outputs: &mut [Payment]) {
    let total = inputs
        .iter()
        .fold(Amount::ZERO, |sum, input| sum.wrapping_add(input.amount));
    let Some((last, rest)) = outputs.split_last_mut() else {
        return;
    };
    let mut left = total;
    for payment in rest {
        payment.amount = payment.amount.min(left / Amount::from(2u8));
        left -= payment.amount;
    }
    last.amount = left;
}

fn account(site: &Site, rng: &mut ChaCha8Rng) -> Address {
    match rng.random_range(0..8) {
        0 => Address::ZERO,
        1 => Address([0xff; 20]),
        2 => Address(rng.random()),
        _ => site.users.choose(rng).expect("there are users").address(),
    }
}

fn amount(rng: &mut ChaCha8Rng) -> Amount {
    match rng.random_range(0..12) {
        0 => Amount::ZERO,
        1 => Amount::MAX,
        2 => Amount::from_be_bytes(rng.random::<[u8; 32]>()),
        3 => Amount::from(1u8) << rng.random_range(0..256usize),
        _ => Amount::from(rng.random_range(1..1_000_000u32)),
    }
}

fn position(rng: &mut ChaCha8Rng) -> Position {
    if rng.random_bool(0.3) {
        // Few values, so that two inputs meet.
        return Position {
            block: Height(1),
            transaction: rng.random_range(0..2),
            output: rng.random_range(0..2),
        };
    }
    let output = if rng.random_bool(0.8) {
        rng.random_range(0..4)
    } else {
        rng.random()
    };
    Position {
        block: Height(rng.random()),
        transaction: rng.random(),
        output,
    }
}
