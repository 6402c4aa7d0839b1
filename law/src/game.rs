//! Random games on the contracts: deposits, payments, exits of both kinds, challenges right and wrong, reclaims, payouts.
//!
//! A step is one call that somebody could make with what is public, or time going by. Many are refused, and that is
//! counted apart; the agreement of ledger and contracts is asked after every one.

mod flights;
mod standard;

use plasma_core::{Address, Amount, Hash, L1Event, SigningKey};
use rand::{Rng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

use crate::{
    ethereum::call,
    forms::{h160, u256},
    payments,
    site::{ANYBODY, BOND, PERIOD, RECLAIM_WINDOW},
    world::World,
};
use plasma_contracts_abi::{exit_game, federation, vault};

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Played {
    /// It happened.
    Done,
    /// The contracts refused the call.
    Refused,
    /// There was nothing to do it with.
    Idle,
}

/// What the contracts said to a call, if there was one to make: nothing, or why they refused.
type Said = Option<Result<(), Vec<u8>>>;

/// A kind of step and its name.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// How often it is drawn.
    weight: u32,
    play: fn(&mut World, &mut ChaCha8Rng) -> Said,
}

/// Every kind of step.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "deposit ETH",
        weight: 8,
        play: deposit_eth,
    },
    Step {
        name: "deposit tokens",
        weight: 4,
        play: deposit_token,
    },
    Step {
        name: "decide payments",
        weight: 16,
        play: decide,
    },
    Step {
        name: "anchor",
        weight: 6,
        play: anchor,
    },
    Step {
        name: "wait",
        weight: 4,
        play: wait,
    },
    Step {
        name: "wait for an exit",
        weight: 2,
        play: wait_long,
    },
    Step {
        name: "start exit",
        weight: 7,
        play: standard::start,
    },
    Step {
        name: "start exit of a spent output",
        weight: 4,
        play: standard::start_spent,
    },
    Step {
        name: "challenge exit",
        weight: 3,
        play: standard::challenge,
    },
    Step {
        name: "challenge exit, included",
        weight: 2,
        play: standard::challenge_included,
    },
    Step {
        name: "challenge exit, falsely",
        weight: 2,
        play: standard::challenge_falsely,
    },
    Step {
        name: "start in-flight exit of the unknown",
        weight: 4,
        play: flights::start_unknown,
    },
    Step {
        name: "start in-flight exit of the included",
        weight: 4,
        play: flights::start_included,
    },
    Step {
        name: "piggyback output",
        weight: 12,
        play: flights::piggyback_output,
    },
    Step {
        name: "piggyback input",
        weight: 4,
        play: flights::piggyback_input,
    },
    Step {
        name: "challenge canonicity",
        weight: 3,
        play: flights::challenge_canonicity,
    },
    Step {
        name: "respond to canonicity",
        weight: 3,
        play: flights::respond,
    },
    Step {
        name: "challenge a claimed input",
        weight: 2,
        play: flights::challenge_input,
    },
    Step {
        name: "challenge a claimed output",
        weight: 5,
        play: flights::challenge_output,
    },
    Step {
        name: "start reclaim",
        weight: 3,
        play: start_reclaim,
    },
    Step {
        name: "challenge reclaim",
        weight: 2,
        play: challenge_reclaim,
    },
    Step {
        name: "finalize reclaim",
        weight: 3,
        play: finalize_reclaim,
    },
    Step {
        name: "process",
        weight: 6,
        play: process,
    },
];

/// Draws a step and plays it.
pub(crate) fn play(world: &mut World, rng: &mut ChaCha8Rng) -> (&'static str, Played) {
    let total: u32 = STEPS.iter().map(|step| step.weight).sum();
    let mut drawn = rng.random_range(0..total);
    let step = STEPS.iter().find(|step| {
        let here = drawn < step.weight;
        drawn = drawn.saturating_sub(step.weight);
        here
    });
    let step = step.expect("the weights add up");
    let played = match (step.play)(world, rng) {
        None => Played::Idle,
        Some(Ok(())) => Played::Done,
        Some(Err(_)) => Played::Refused,
    };
    (step.name, played)
}

/// One of the calls whose event changes what the next block may hold.
pub(crate) fn stir(world: &mut World, rng: &mut ChaCha8Rng) {
    match rng.random_range(0..5) {
        0 | 1 => drop(deposit_eth(world, rng)),
        2 => drop(flights::start_unknown(world, rng)),
        3 => drop(standard::challenge_falsely(world, rng)),
        _ => drop(standard::start(world, rng)),
    }
}

/// The federation falls silent for ever; `false` when it had halted before.
pub(crate) fn fall_silent(world: &mut World) -> bool {
    if world.is_halted() {
        return false;
    }
    world.ethereum.advance(crate::site::SILENCE + 1);
    let place = world.site.contracts.federation;
    let announced = world.send(
        ANYBODY,
        &call(place, Amount::ZERO, federation::AnnounceSilenceCall),
    );
    world.ethereum.advance(crate::site::GRACE + 1);
    let halted = world.send(ANYBODY, &call(place, Amount::ZERO, federation::HaltIfSilentCall));
    assert!(announced.is_ok() && halted.is_ok(), "silence halts");
    true
}

fn user<'a>(world: &'a World, rng: &mut ChaCha8Rng) -> &'a SigningKey {
    world.site.users.choose(rng).expect("there are users")
}

/// The bond that a call brings.
pub(crate) fn bond() -> Amount {
    Amount::from(BOND)
}

pub(crate) fn deposit_eth(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let (owner, from) = (user(world, rng).address(), user(world, rng).address());
    let amount = Amount::from(rng.random_range(1..100_000u32));
    let call = world.site.contracts.deposit_for_call(owner, amount);
    Some(world.send(from, &call))
}

pub(crate) fn deposit_token(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let (owner, from) = (user(world, rng).address(), user(world, rng).address());
    // Token amounts may pass what an exit keeps in its first slot.
    let amount = Amount::from(rng.random_range(1..1_000u32)) << rng.random_range(0..96usize);
    let arguments = vault::DepositTokenCall {
        token: h160(world.site.token),
        amount: u256(amount),
        owner: h160(owner),
    };
    Some(world.send(from, &call(world.site.contracts.vault, Amount::ZERO, arguments)))
}

fn decide(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    world.advance(1);
    let payments = payments::some(&world.site, &world.books, rng, 4);
    world.decide(&payments);
    Some(Ok(()))
}

fn anchor(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    if world.chain.top() == world.chain.anchored_to() || world.is_halted() {
        return None;
    }
    let taken = world.anchor(rng.random_range(0..8));
    Some(if taken { Ok(()) } else { Err(Vec::new()) })
}

fn wait(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    world.advance(rng.random_range(1..12));
    Some(Ok(()))
}

fn wait_long(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    world.advance(rng.random_range(PERIOD / 2..PERIOD + 20));
    Some(Ok(()))
}

fn process(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let asset = if rng.random_bool(0.7) {
        Address::ZERO
    } else {
        world.site.token
    };
    let (_, next): (ethers_core::types::U256, ethers_core::types::U256) = world.ethereum.ask(
        world.site.contracts.exit_game,
        exit_game::QueueCall { asset: h160(asset) },
    );
    let due = (next >> 112).as_u64();
    if next.is_zero() {
        return None;
    }
    // Somebody waits for the next one now and then.
    if due > world.ethereum.time_s && rng.random_bool(0.5) {
        world.advance(due - world.ethereum.time_s);
    }
    let call = world.site.contracts.process_call(asset, rng.random_range(1..4));
    Some(world.send(ANYBODY, &call))
}

/// A deposit, its owner, and whether it went back.
fn deposits(world: &World) -> Vec<(u64, Address)> {
    let made = world.events.iter().filter_map(|(_, event)| match event {
        L1Event::Deposited { number, owner, .. } => Some((number.0, *owner)),
        _ => None,
    });
    made.collect()
}

fn start_reclaim(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let (number, owner) = *deposits(world).choose(rng)?;
    let made = call(
        world.site.contracts.vault,
        bond(),
        vault::StartReclaimCall { number },
    );
    Some(world.send(owner, &made))
}

/// The deposits whose reclaim is open.
fn reclaims(world: &mut World) -> Vec<(u64, u64)> {
    let numbers: Vec<u64> = deposits(world).into_iter().map(|(number, _)| number).collect();
    let vault = world.site.contracts.vault;
    let asked = numbers.into_iter().map(|number| {
        let payable_at: u64 = world.ethereum.ask(vault, vault::ReclaimsCall { number });
        (number, payable_at)
    });
    asked.filter(|(_, payable_at)| *payable_at != 0).collect()
}

fn challenge_reclaim(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let (number, _) = *reclaims(world).choose(rng)?;
    let funded = world.books.deposits.get(&plasma_core::DepositNumber(number))?;
    let plasma_core::DepositFate::Funded(position) = funded else {
        return None;
    };
    let place = crate::forms::Place {
        height: position.block.0,
        index: position.transaction,
    };
    let proof = crate::forms::vault_proof(&world.chain, place)?;
    let made = call(
        world.site.contracts.vault,
        Amount::ZERO,
        vault::ChallengeReclaimCall { number, proof },
    );
    Some(world.send(ANYBODY, &made))
}

fn finalize_reclaim(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let (number, payable_at) = *reclaims(world).choose(rng)?;
    if payable_at > world.ethereum.time_s && rng.random_bool(0.7) {
        world.advance(RECLAIM_WINDOW.min(payable_at - world.ethereum.time_s));
    }
    let made = call(
        world.site.contracts.vault,
        Amount::ZERO,
        vault::FinalizeReclaimCall { number },
    );
    Some(world.send(ANYBODY, &made))
}

/// The key of an output in the registry.
pub(crate) fn registry_key(transaction: Hash, output: u8) -> [u8; 32] {
    plasma_core::keccak(&[&transaction.0, &[output]]).0
}
