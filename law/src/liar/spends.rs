//! Lies about what inputs name, and changes to the clients' part of a block that are none.

use plasma_core::{Address, Amount, Fate, Height, Payment, Position, Transaction};
use rand::{
    Rng as _,
    seq::{IndexedRandom as _, SliceRandom as _},
};

use super::Lie;
use crate::{
    books::{BYTES_MAX, TRANSACTIONS_MAX},
    chain::index,
    payments::{self, Held},
};

/// Spends one of these outputs as their owner would.
fn spend_one(lie: &mut Lie<'_>, held: &[Held]) -> Option<()> {
    let one = *held.choose(lie.rng)?;
    let (transaction, key) = lie.transfer_of(&[one])?;
    lie.push_signed(transaction, key)
}

/// Changes what the first input names.
fn renamed(lie: &mut Lie<'_>, rename: impl FnOnce(&mut Position) -> Option<()>) -> Option<()> {
    lie.push_changed(|transaction| rename(&mut transaction.inputs.first_mut()?.position))
}

pub(super) fn spent(lie: &mut Lie<'_>) -> Option<()> {
    let spent = lie.outputs_that(|record| matches!(record.fate, Fate::Spent(_)));
    spend_one(lie, &spent)
}

pub(super) fn again(lie: &mut Lie<'_>) -> Option<()> {
    let blocks = &lie.world.chain.blocks;
    let block = blocks.choose(lie.rng)?;
    let bytes = block
        .body
        .iter()
        .rfind(|bytes| bytes.first() != Some(&4))?
        .clone();
    lie.push(bytes)
}

pub(super) fn twice(lie: &mut Lie<'_>) -> Option<()> {
    let clients = lie.clients();
    let (_, other) = clients.choose(lie.rng)?;
    let position = other.transaction().inputs.choose(lie.rng)?.position;
    let held: Vec<Held> = lie
        .outputs
        .iter()
        .filter(|held| held.0 == position)
        .copied()
        .collect();
    spend_one(lie, &held)
}

pub(super) fn amount(lie: &mut Lie<'_>) -> Option<()> {
    let more = lie.rng.random_bool(0.5);
    lie.push_changed(|transaction| {
        let (input, output) = (transaction.inputs.first_mut()?, transaction.outputs.last_mut()?);
        let one = Amount::from(1u8);
        if more || output.amount == one || input.amount == one {
            (input.amount, output.amount) = (input.amount.checked_add(one)?, output.amount.checked_add(one)?);
        } else {
            (input.amount, output.amount) = (input.amount.checked_sub(one)?, output.amount.checked_sub(one)?);
        }
        Some(())
    })
}

pub(super) fn asset(lie: &mut Lie<'_>) -> Option<()> {
    let token = lie.world.site.token;
    let nobodys = Address([0x99; 20]);
    let unlisted = lie.rng.random_bool(0.3);
    lie.push_changed(|transaction| {
        transaction.asset = match transaction.asset {
            _ if unlisted => nobodys,
            asset if asset == token => Address::ZERO,
            _ => token,
        };
        Some(())
    })
}

pub(super) fn foreign(lie: &mut Lie<'_>) -> Option<()> {
    // One input of the signer's own, one of somebody else's: the sums are right.
    let free = lie.free();
    let one = *free.choose(lie.rng)?;
    let alien =
        |held: &&Held| held.1.output.owner != one.1.output.owner && held.1.output.asset == one.1.output.asset;
    let others: Vec<Held> = free.iter().filter(alien).copied().collect();
    let other = *others.choose(lie.rng)?;
    let (transaction, key) = lie.transfer_of(&[one, other])?;
    lie.push_signed(transaction, key)
}

pub(super) fn own_block(lie: &mut Lie<'_>) -> Option<()> {
    let height = Height(lie.height());
    let (transaction, output) = (lie.rng.random_range(0..3), lie.rng.random_range(0..3));
    renamed(lie, |position| {
        *position = Position {
            block: height,
            transaction,
            output,
        };
        Some(())
    })
}

pub(super) fn later_block(lie: &mut Lie<'_>) -> Option<()> {
    let height = *[lie.height() + 1, lie.height() + 100, u32::MAX].choose(lie.rng)?;
    renamed(lie, |position| {
        position.block = Height(height);
        Some(())
    })
}

pub(super) fn block_zero(lie: &mut Lie<'_>) -> Option<()> {
    renamed(lie, |position| {
        position.block = Height(0);
        Some(())
    })
}

pub(super) fn absent_transaction(lie: &mut Lie<'_>) -> Option<()> {
    let beyond = *[0, 1, 1000].choose(lie.rng)?;
    let height = lie.rng.random_range(1..lie.height().max(2));
    let count = lie.world.chain.block(height)?.header.transaction_count;
    renamed(lie, |position| {
        *position = Position {
            block: Height(height),
            transaction: count + beyond,
            output: position.output,
        };
        Some(())
    })
}

pub(super) fn absent_output(lie: &mut Lie<'_>) -> Option<()> {
    let free = lie.free();
    let one = *free.choose(lie.rng)?;
    let siblings = lie
        .outputs
        .iter()
        .filter(|held| held.0.block == one.0.block && held.0.transaction == one.0.transaction);
    let count = u8::try_from(siblings.count()).ok()?;
    let beyond = *[0, 1, 200].choose(lie.rng)?;
    let (mut transaction, key) = lie.transfer_of(&[one])?;
    transaction.inputs.first_mut()?.position.output = count + beyond;
    lie.push_signed(transaction, key)
}

pub(super) fn exited(lie: &mut Lie<'_>) -> Option<()> {
    let gone = lie.outputs_that(|record| matches!(record.fate, Fate::Exited(_)));
    spend_one(lie, &gone)
}

pub(super) fn reclaimed(lie: &mut Lie<'_>) -> Option<()> {
    let gone = lie.outputs_that(|record| record.fate == Fate::Reclaimed);
    spend_one(lie, &gone)
}

pub(super) fn locked(lie: &mut Lie<'_>) -> Option<()> {
    let locked = lie.outputs_that(|record| record.is_unspent() && record.output.locks > 0);
    spend_one(lie, &locked)
}

pub(super) fn touched(lie: &mut Lie<'_>) -> Option<()> {
    let is_touched =
        |held: &&Held| lie.touched.contains(&held.0) && held.1.is_unspent() && held.1.output.locks == 0;
    let touched: Vec<Held> = lie.outputs.iter().filter(is_touched).copied().collect();
    spend_one(lie, &touched)
}

pub(super) fn no_fee(lie: &mut Lie<'_>) -> Option<()> {
    let token = lie.world.site.token;
    let free: Vec<Held> = lie
        .free()
        .into_iter()
        .filter(|held| held.1.output.asset == token)
        .collect();
    let one = *free.choose(lie.rng)?;
    let (mut transaction, key) = lie.transfer_of(&[one])?;
    for output in &mut transaction.outputs {
        output.owner = lie.world.site.users[1].address();
    }
    lie.push_signed(transaction, key)
}

/// Single payments of free outputs until the block has so many.
fn fill(
    lie: &mut Lie<'_>,
    shape: impl Fn(&mut Transaction),
    is_enough: impl Fn(&Lie<'_>) -> bool,
) -> Option<()> {
    for held in lie.free() {
        let (mut transaction, key) = lie.transfer_of(&[held])?;
        shape(&mut transaction);
        lie.push_signed(transaction, key)?;
        if is_enough(lie) {
            return Some(());
        }
    }
    None
}

pub(super) fn too_many(lie: &mut Lie<'_>) -> Option<()> {
    let most = index(TRANSACTIONS_MAX);
    fill(
        lie,
        |transaction| {
            transaction.outputs.truncate(1);
            super::content::rebalance(transaction);
        },
        |lie| lie.body.len() - lie.derived > most,
    )
}

pub(super) fn too_long(lie: &mut Lie<'_>) -> Option<()> {
    let (most, longest) = (index(TRANSACTIONS_MAX), index(BYTES_MAX));
    let bytes = |lie: &Lie<'_>| lie.body.iter().skip(lie.derived).map(Vec::len).sum::<usize>();
    let widen = |transaction: &mut Transaction| {
        // Change in the smallest coin, as long as there is some.
        while transaction.outputs.len() < 4 {
            let Some(first) = transaction
                .outputs
                .first_mut()
                .filter(|first| first.amount > Amount::from(4u8))
            else {
                break;
            };
            first.amount -= Amount::from(1u8);
            let change = Payment {
                amount: Amount::from(1u8),
                ..*first
            };
            transaction.outputs.push(change);
        }
    };
    fill(lie, widen, |lie| {
        bytes(lie) > longest || lie.body.len() - lie.derived > most
    })?;
    (bytes(lie) > longest && lie.body.len() - lie.derived <= most).then_some(())
}

pub(super) fn reordered(lie: &mut Lie<'_>) -> Option<()> {
    let start = lie.derived;
    if lie.body.len() < start + 2 {
        return None;
    }
    lie.body[start..].shuffle(lie.rng);
    Some(())
}

pub(super) fn left_out(lie: &mut Lie<'_>) -> Option<()> {
    if lie.body.len() == lie.derived {
        return None;
    }
    let place = lie.rng.random_range(lie.derived..lie.body.len());
    lie.body.remove(place);
    Some(())
}

pub(super) fn one_more(lie: &mut Lie<'_>) -> Option<()> {
    let held = lie.some_free()?;
    let (site, books) = (&lie.world.site, &lie.world.books);
    let bytes = payments::honest(site, books, lie.rng, &held)?;
    lie.push(bytes)
}

pub(super) fn just_in_time(lie: &mut Lie<'_>) -> Option<()> {
    let height = Height(lie.height());
    lie.push_changed(|transaction| {
        transaction.expiry = height;
        Some(())
    })
}
