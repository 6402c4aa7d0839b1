//! Lies about deposits and other transactions that L1 derives.

use plasma_core::{
    Address, Amount, DepositNumber, Kind, L1Event, SignedTransaction, SigningKey, Transaction,
};
use rand::{Rng as _, seq::IndexedRandom as _};

use super::Lie;

/// A deposit that was made, in the words of its event.
#[derive(Clone, Copy)]
struct Made {
    number: DepositNumber,
    owner: Address,
    asset: Address,
    amount: Amount,
    l1_height: u64,
}

fn made(lie: &Lie<'_>) -> Vec<Made> {
    let events = lie.world.events.iter().filter_map(|(height, event)| match event {
        L1Event::Deposited {
            number,
            owner,
            asset,
            amount,
        } => Some(Made {
            number: *number,
            owner: *owner,
            asset: *asset,
            amount: *amount,
            l1_height: height.0,
        }),
        _ => None,
    });
    events.collect()
}

/// Puts the fund transaction of a deposit, with changes, among the clients'.
fn push(lie: &mut Lie<'_>, deposit: Made) -> Option<()> {
    let fund = Transaction::fund(deposit.number, deposit.owner, deposit.asset, deposit.amount);
    let bytes = fund.unsigned().encode();
    lie.push(bytes)
}

/// A deposit that was made and that the origin reaches.
fn reached(lie: &mut Lie<'_>) -> Option<Made> {
    let origin = lie.origin();
    let known: Vec<Made> = made(lie)
        .into_iter()
        .filter(|one| one.l1_height <= origin)
        .collect();
    known.choose(lie.rng).copied()
}

pub(super) fn absent(lie: &mut Lie<'_>) -> Option<()> {
    let count = u64::try_from(made(lie).len()).ok()?;
    let beyond = *[0, 1, u64::MAX - count].choose(lie.rng)?;
    let owner = lie.world.site.users.choose(lie.rng)?.address();
    let (number, amount) = (DepositNumber(count + beyond), Amount::from(1_000u32));
    push(
        lie,
        Made {
            number,
            owner,
            asset: Address::ZERO,
            amount,
            l1_height: 0,
        },
    )
}

pub(super) fn early(lie: &mut Lie<'_>) -> Option<()> {
    let origin = lie.origin();
    let coming = made(lie).into_iter().find(|one| one.l1_height > origin)?;
    push(lie, coming)
}

pub(super) fn owner(lie: &mut Lie<'_>) -> Option<()> {
    let deposit = reached(lie)?;
    let other = lie
        .world
        .site
        .users
        .iter()
        .find(|user| user.address() != deposit.owner)?;
    push(
        lie,
        Made {
            owner: other.address(),
            ..deposit
        },
    )
}

pub(super) fn amount(lie: &mut Lie<'_>) -> Option<()> {
    let deposit = reached(lie)?;
    let amount = deposit
        .amount
        .checked_add(Amount::from(lie.rng.random_range(1..9u8)))?;
    push(lie, Made { amount, ..deposit })
}

pub(super) fn asset(lie: &mut Lie<'_>) -> Option<()> {
    let deposit = reached(lie)?;
    let token = lie.world.site.token;
    let asset = if deposit.asset == token {
        Address::ZERO
    } else {
        token
    };
    push(lie, Made { asset, ..deposit })
}

pub(super) fn double(lie: &mut Lie<'_>) -> Option<()> {
    let deposit = reached(lie)?;
    push(lie, deposit)
}

pub(super) fn twice(lie: &mut Lie<'_>) -> Option<()> {
    let bytes = lie
        .body
        .iter()
        .take(lie.derived)
        .find(|bytes| is_fund(bytes))?
        .clone();
    lie.push(bytes)
}

/// The fund that L1 demands, in its place, with another owner, amount or asset.
pub(super) fn changed(lie: &mut Lie<'_>) -> Option<()> {
    let place = *funds(lie).choose(lie.rng)?;
    let mut fund = SignedTransaction::decode(&lie.body[place]).ok()?;
    let payment = fund.transaction.outputs.first_mut()?;
    match lie.rng.random_range(0..3) {
        0 => {
            payment.owner = lie
                .world
                .site
                .users
                .iter()
                .map(SigningKey::address)
                .find(|one| *one != payment.owner)?
        }
        1 => payment.amount = payment.amount.checked_add(Amount::from(1u8))?,
        _ => fund.transaction.asset = Address([0x99; 20]),
    }
    lie.body[place] = fund.encode();
    Some(())
}

pub(super) fn omitted(lie: &mut Lie<'_>) -> Option<()> {
    let funds: Vec<usize> = funds(lie);
    let place = *funds.choose(lie.rng)?;
    lie.body.remove(place);
    lie.derived -= 1;
    Some(())
}

pub(super) fn behind(lie: &mut Lie<'_>) -> Option<()> {
    let place = *funds(lie).first()?;
    if lie.body.len() < 2 {
        return None;
    }
    let bytes = lie.body.remove(place);
    if lie.body.first() == Some(&bytes) {
        return None;
    }
    lie.body.push(bytes);
    Some(())
}

pub(super) fn unforced(lie: &mut Lie<'_>) -> Option<()> {
    let place = (0..lie.derived).find(|place| !is_fund(&lie.body[*place]))?;
    lie.body.remove(place);
    lie.derived -= 1;
    Some(())
}

fn funds(lie: &Lie<'_>) -> Vec<usize> {
    (0..lie.derived)
        .filter(|place| is_fund(&lie.body[*place]))
        .collect()
}

fn is_fund(bytes: &[u8]) -> bool {
    SignedTransaction::decode(bytes).is_ok_and(|signed| signed.transaction.kind == Kind::Fund)
}
