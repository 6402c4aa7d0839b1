//! Whether every operator has its turn at a duty before the contract closes the door.
//!
//! A duty is one operator's first and the next one's after each `takeover_seconds`. A federation in which all but the last
//! one are away still answers in time only if all turns together are shorter than the shortest time in which an answer
//! counts. Pure.

use plasma_core::Genesis;

use super::{contracts::Parameters, error::L1Error};

/// Compares the rota of the genesis with the times of the contract. A turn lasts one takeover, in which the answer must be
/// mined, and the first begins when a claim is confirmed.
///
/// # Errors
/// [`L1Error::RotaTooSlow`] names the contract's time that is too short, and what would fit.
pub fn check(genesis: &Genesis, parameters: &Parameters) -> Result<(), L1Error> {
    let operators = u64::try_from(genesis.members.len()).unwrap_or(u64::MAX);
    let takeover_s = u64::from(genesis.takeover_seconds);
    let confirmed_s = u64::from(genesis.confirmations).saturating_mul(parameters.l1_block_time_s);
    let needed_s = operators.saturating_mul(takeover_s).saturating_add(confirmed_s);
    let limits = [
        ("reclaimWindow", parameters.reclaim_window_s),
        // A payment that is in no block is contested only in the first half of its exit.
        ("half of exitPeriod", parameters.exit_period_s / 2),
    ];
    match limits.into_iter().find(|(_, limit_s)| *limit_s < needed_s) {
        None => Ok(()),
        Some((limit, limit_s)) => Err(L1Error::RotaTooSlow {
            operators,
            takeover_s,
            needed_s,
            limit,
            limit_s,
            fit_s: limit_s.saturating_sub(confirmed_s) / operators.max(1),
        }),
    }
}
