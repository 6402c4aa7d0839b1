//! Transactions as wallets make them: every kind, both signature schemes, ETH and the token.

use plasma_core::{
    Address, Amount, Domain, EXPIRY_NEVER, Height, Input, Kind, OutputRecord, Payment, Position, SigningKey,
    Transaction,
};
use rand::{Rng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

use crate::{books::Books, site::Site};

/// An output that somebody holds.
pub(crate) type Held = (Position, OutputRecord);

/// A transaction over outputs of one owner and asset, to anybody; `None` when they cannot pay what they must.
pub(crate) fn transfer(site: &Site, rng: &mut ChaCha8Rng, inputs: &[Held]) -> Option<Transaction> {
    let (_, first) = inputs.first()?;
    let asset = first.output.asset;
    let inputs: Vec<Input> = inputs.iter().map(input).collect();
    let total = inputs
        .iter()
        .try_fold(Amount::ZERO, |sum, input| sum.checked_add(input.amount))?;
    let count = rng.random_range(1..=4u8);
    let mut outputs = shares(site, rng, total, count);
    if asset == site.token {
        // The fee is the first share, whatever else is paid.
        outputs.first_mut()?.owner = site.users[0].address();
    }
    Some(Transaction {
        kind: Kind::Transfer,
        asset,
        expiry: EXPIRY_NEVER,
        inputs,
        outputs,
    })
}

/// The input that spends an output as it is.
pub(crate) fn input((position, record): &Held) -> Input {
    Input {
        position: *position,
        amount: record.output.amount,
    }
}

/// Client transactions of the next block, as bytes; most are valid.
pub(crate) fn some(site: &Site, books: &Books, rng: &mut ChaCha8Rng, most: usize) -> Vec<Vec<u8>> {
    let mut free = books.spendable();
    let mut made = Vec::new();
    for _ in 0..rng.random_range(0..=most) {
        let Some((_, sample)) = free.choose(rng).copied() else {
            break;
        };
        let mut taken = Vec::new();
        let wanted = rng.random_range(1..=4usize);
        free.retain(|held| {
            let same =
                held.1.output.owner == sample.output.owner && held.1.output.asset == sample.output.asset;
            let take = same && taken.len() < wanted && (taken.is_empty() || rng.random_bool(0.5));
            if take {
                taken.push(*held);
            }
            !take
        });
        made.extend(honest(site, books, rng, &taken));
    }
    made
}

/// A valid transaction over held outputs, signed.
pub(crate) fn honest(site: &Site, books: &Books, rng: &mut ChaCha8Rng, taken: &[Held]) -> Option<Vec<u8>> {
    let owner = taken.first()?.1.output.owner;
    let mut transaction = transfer(site, rng, taken)?;
    let is_eth = transaction.asset == Address::ZERO;
    match transaction.inputs.len() {
        1 if site.legacy && is_eth && transaction.outputs.len() < 4 && rng.random_bool(0.4) => {
            transaction.kind = Kind::Split;
        }
        2 if site.legacy && is_eth && rng.random_bool(0.5) => {
            let owner = site.users.choose(rng)?.address();
            let amount = transaction.outputs.iter().map(|payment| payment.amount).sum();
            transaction.kind = Kind::Merge;
            transaction.outputs = vec![Payment { owner, amount }];
        }
        _ if rng.random_bool(0.5) => {
            let height = books.state.header.height.0 + rng.random_range(1..6);
            transaction.expiry = Height(height);
        }
        _ => {}
    }
    Some(sign(&site.domain, site.key_of(owner)?, transaction))
}

/// The bytes of a transaction that a key signed.
pub(crate) fn sign(domain: &Domain, key: &SigningKey, transaction: Transaction) -> Vec<u8> {
    transaction.sign(domain, key).encode()
}

/// An amount in that many parts, none of them zero, to anybody; fewer parts when there is not enough.
fn shares(site: &Site, rng: &mut ChaCha8Rng, total: Amount, count: u8) -> Vec<Payment> {
    let mut left = total;
    let mut parts = Vec::new();
    for others in (0..count).rev() {
        let most = left.saturating_sub(Amount::from(others));
        if most.is_zero() {
            continue;
        }
        let amount = if others == 0 {
            left
        } else {
            (most / Amount::from(rng.random_range(1..4u8))).max(Amount::from(1u8))
        };
        left -= amount;
        let owner = site.users.choose(rng).expect("there are users").address();
        parts.push(Payment { owner, amount });
    }
    parts
}
