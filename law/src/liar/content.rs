//! Lies that the bytes of one transaction tell alone.

use plasma_core::{Address, Amount, DepositNumber, Domain, EXPIRY_NEVER, Height, Kind, Payment, Transaction};
use rand::{Rng as _, seq::IndexedRandom as _};
use ruint::aliases::U256;

use super::Lie;
use crate::payments;

/// The order of secp256k1.
const ORDER: U256 = U256::from_be_bytes([
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba,
    0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
]);

fn changed(lie: &mut Lie<'_>, change: impl FnOnce(&mut Vec<u8>, &mut Lie<'_>) -> Option<()>) -> Option<()> {
    let (transaction, key) = lie.transfer()?;
    let mut bytes = payments::sign(&lie.world.site.domain, key, transaction);
    change(&mut bytes, lie)?;
    lie.push(bytes)
}

pub(super) fn kind(lie: &mut Lie<'_>) -> Option<()> {
    changed(lie, |bytes, lie| {
        bytes[0] = *[0, 3, 6, 0x80, 0xff].choose(lie.rng)?;
        Some(())
    })
}

pub(super) fn counts(lie: &mut Lie<'_>) -> Option<()> {
    changed(lie, |bytes, lie| {
        let place = lie.rng.random_range(1..=2);
        bytes[place] = *[0, 5, 0xff].choose(lie.rng)?;
        Some(())
    })
}

pub(super) fn length(lie: &mut Lie<'_>) -> Option<()> {
    changed(lie, |bytes, lie| {
        let cut = *[0, 1, 2, 3, 26, 27, 92, bytes.len() - 1].choose(lie.rng)?;
        if lie.rng.random_bool(0.5) {
            bytes.truncate(cut);
        } else {
            bytes.extend(vec![0; cut + 1]);
        }
        Some(())
    })
}

pub(super) fn amount_zero(lie: &mut Lie<'_>) -> Option<()> {
    let place = lie.rng.random_range(0..2);
    lie.push_changed(|transaction| {
        let nothing = Payment {
            amount: Amount::ZERO,
            ..*transaction.outputs.first()?
        };
        transaction.outputs.truncate(3);
        rebalance(transaction);
        transaction.outputs.insert(place, nothing);
        Some(())
    })
}

pub(super) fn owner_zero(lie: &mut Lie<'_>) -> Option<()> {
    lie.push_changed(|transaction| {
        transaction.outputs.last_mut()?.owner = Address::ZERO;
        Some(())
    })
}

pub(super) fn repeated(lie: &mut Lie<'_>) -> Option<()> {
    lie.push_changed(|transaction| {
        transaction.inputs.truncate(3);
        transaction.inputs.push(*transaction.inputs.first()?);
        rebalance(transaction);
        Some(())
    })
}

pub(super) fn sums(lie: &mut Lie<'_>) -> Option<()> {
    let more = lie.rng.random_range(1..1000u32);
    lie.push_changed(|transaction| {
        let last = transaction.outputs.last_mut()?;
        last.amount = last.amount.checked_add(Amount::from(more))?;
        Some(())
    })
}

pub(super) fn overflow(lie: &mut Lie<'_>) -> Option<()> {
    lie.push_changed(|transaction| {
        // The two outputs add up to what the inputs bring, modulo 2^256.
        let owner = transaction.outputs.first()?.owner;
        let total = transaction
            .inputs
            .iter()
            .try_fold(Amount::ZERO, |sum, input| sum.checked_add(input.amount))?;
        let rest = total.checked_add(Amount::from(1u8))?;
        transaction.outputs = vec![
            Payment {
                owner,
                amount: Amount::MAX,
            },
            Payment { owner, amount: rest },
        ];
        Some(())
    })
}

/// A valid split or merge of free ETH, unsigned.
fn legacy<'a>(lie: &mut Lie<'a>) -> Option<(Transaction, &'a plasma_core::SigningKey)> {
    let free: Vec<_> = lie
        .free()
        .into_iter()
        .filter(|(_, record)| record.output.asset.is_zero())
        .collect();
    let first = *free.choose(lie.rng)?;
    let other = free
        .iter()
        .find(|held| held.0 != first.0 && held.1.output.owner == first.1.output.owner)
        .copied();
    let held: Vec<_> = std::iter::once(first)
        .chain(other.filter(|_| lie.rng.random_bool(0.5)))
        .collect();
    let (mut transaction, key) = lie.transfer_of(&held)?;
    (transaction.kind, transaction.expiry) = (Kind::Split, EXPIRY_NEVER);
    transaction.outputs.truncate(if held.len() == 2 { 1 } else { 3 });
    if held.len() == 2 {
        transaction.kind = Kind::Merge;
    }
    rebalance(&mut transaction);
    Some((transaction, key))
}

pub(super) fn legacy_asset(lie: &mut Lie<'_>) -> Option<()> {
    let (mut transaction, key) = legacy(lie)?;
    transaction.asset = lie.world.site.token;
    lie.push_signed(transaction, key)
}

pub(super) fn legacy_expiry(lie: &mut Lie<'_>) -> Option<()> {
    let (mut transaction, key) = legacy(lie)?;
    transaction.expiry = Height(*[lie.height(), u32::MAX - 1].choose(lie.rng)?);
    lie.push_signed(transaction, key)
}

pub(super) fn legacy_kind(lie: &mut Lie<'_>) -> Option<()> {
    if lie.world.site.legacy {
        return None;
    }
    let (transaction, key) = legacy(lie)?;
    lie.push_signed(transaction, key)
}

pub(super) fn legacy_far(lie: &mut Lie<'_>) -> Option<()> {
    let (mut transaction, key) = legacy(lie)?;
    transaction.inputs.first_mut()?.position.output = lie.rng.random_range(128..=255);
    lie.push_signed(transaction, key)
}

/// The fund transaction of some deposit, made or not.
fn fund(lie: &mut Lie<'_>) -> Option<Transaction> {
    let owner = lie.world.site.users.choose(lie.rng)?.address();
    let number = DepositNumber(lie.rng.random_range(0..20));
    Some(Transaction::fund(number, owner, Address::ZERO, Amount::from(7u8)))
}

pub(super) fn fund_template(lie: &mut Lie<'_>) -> Option<()> {
    let mut transaction = fund(lie)?;
    let input = transaction.inputs.first_mut()?;
    match lie.rng.random_range(0..5) {
        0 => input.position.block = Height(1),
        1 => input.position.transaction = 1,
        2 => input.position.output = 1,
        3 => input.amount = Amount::from(1u128 << 64),
        _ => transaction.expiry = Height(lie.height() + 1),
    }
    let bytes = transaction.unsigned().encode();
    lie.push(bytes)
}

pub(super) fn fund_signed(lie: &mut Lie<'_>) -> Option<()> {
    let mut bytes = fund(lie)?.unsigned().encode();
    let back = lie.rng.random_range(1..=65);
    let place = bytes.len() - back;
    bytes[place] = lie.rng.random_range(1..=255);
    lie.push(bytes)
}

pub(super) fn recovery_byte(lie: &mut Lie<'_>) -> Option<()> {
    changed(lie, |bytes, lie| {
        *bytes.last_mut()? = *[0, 1, 26, 29, 0xff].choose(lie.rng)?;
        Some(())
    })
}

pub(super) fn range(lie: &mut Lie<'_>) -> Option<()> {
    changed(lie, |bytes, lie| {
        let start = bytes.len() - if lie.rng.random_bool(0.5) { 65 } else { 33 };
        let scalar = *[
            U256::ZERO,
            ORDER,
            ORDER.saturating_add(U256::from(1u8)),
            U256::MAX,
        ]
        .choose(lie.rng)?;
        bytes[start..start + 32].copy_from_slice(&scalar.to_be_bytes::<32>());
        Some(())
    })
}

pub(super) fn high_s(lie: &mut Lie<'_>) -> Option<()> {
    changed(lie, |bytes, _| {
        // The mirror image, which recovers to the same key.
        let start = bytes.len() - 33;
        let s = U256::try_from_be_slice(&bytes[start..start + 32])?;
        bytes[start..start + 32].copy_from_slice(&(ORDER - s).to_be_bytes::<32>());
        let v = bytes.last_mut()?;
        *v = if *v == 27 { 28 } else { 27 };
        Some(())
    })
}

pub(super) fn garbled(lie: &mut Lie<'_>) -> Option<()> {
    changed(lie, |bytes, lie| {
        // Somewhere in r or in the low bytes of s: still in range, and of another key if of any.
        let place = bytes.len() - 65 + lie.rng.random_range(4..60);
        bytes[place] ^= 1 << lie.rng.random_range(0..8u8);
        Some(())
    })
}

pub(super) fn stranger(lie: &mut Lie<'_>) -> Option<()> {
    let (transaction, key) = lie.transfer()?;
    let other = lie
        .world
        .site
        .users
        .iter()
        .find(|other| other.address() != key.address())?;
    lie.push_signed(transaction, other)
}

pub(super) fn elsewhere(lie: &mut Lie<'_>) -> Option<()> {
    let (transaction, key) = lie.transfer()?;
    let here = lie.world.site.domain;
    let other = if lie.rng.random_bool(0.5) {
        Domain {
            chain_id: here.chain_id + 1,
            ..here
        }
    } else {
        Domain {
            contract: lie.world.site.contracts.vault,
            ..here
        }
    };
    let bytes = payments::sign(&other, key, transaction);
    lie.push(bytes)
}

pub(super) fn expired(lie: &mut Lie<'_>) -> Option<()> {
    let height = lie.height();
    let expiry = Height(*[height - 1, 0].choose(lie.rng)?);
    lie.push_changed(|transaction| {
        transaction.expiry = expiry;
        Some(())
    })
}

/// The last output takes what is left of the inputs.
pub(super) fn rebalance(transaction: &mut Transaction) {
    let brought: Amount = transaction
        .inputs
        .iter()
        .map(|input| input.amount)
        .fold(Amount::ZERO, Amount::saturating_add);
    let kept = transaction.outputs.len().saturating_sub(1);
    let given = transaction
        .outputs
        .iter()
        .take(kept)
        .map(|one| one.amount)
        .fold(Amount::ZERO, Amount::saturating_add);
    if let Some(last) = transaction.outputs.last_mut() {
        last.amount = brought.saturating_sub(given);
    }
}
