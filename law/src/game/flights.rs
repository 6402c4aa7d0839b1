//! In-flight exits: of payments that no block has, of included ones, and everything that can be said about them.

use plasma_contracts_abi::in_flight_exits as flights;
use plasma_core::{ExitId, Fate, Input, Kind, SignedTransaction};
use rand::{Rng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

use super::{
    Said, bond, registry_key,
    standard::{number, place},
};
use crate::{
    books::authentic,
    ethereum::call,
    forms::{self, Place},
    payments,
    site::ANYBODY,
    world::World,
};
use plasma_core::{Address, Amount};

/// An open in-flight exit.
struct Flight {
    id: ExitId,
    bytes: Vec<u8>,
    owner: Address,
    pending: flights::Pending,
}

/// A payment that somebody signed and no block has; its inputs may be spent, locked or gone.
pub(super) fn start_unknown(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let outputs = world.anchored_outputs();
    let first = *outputs.choose(rng)?;
    let alike = |held: &&payments::Held| {
        held.0 != first.0
            && held.1.output.owner == first.1.output.owner
            && held.1.output.asset == first.1.output.asset
    };
    let more = outputs.iter().filter(alike).take(rng.random_range(0..3)).copied();
    let held: Vec<payments::Held> = std::iter::once(first).chain(more).collect();
    let bytes = payments::honest(&world.site, &world.books, rng, &held)?;
    world.heard.push(bytes.clone());
    start(world, rng, &bytes, None)
}

pub(super) fn start_included(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let bytes = world.heard.choose(rng)?.clone();
    if bytes.first() == Some(&Kind::Fund.byte()) {
        return None;
    }
    let shown = world.place_of(&bytes).filter(|_| rng.random_bool(0.5));
    start(world, rng, &bytes, shown)
}

fn start(world: &mut World, rng: &mut ChaCha8Rng, bytes: &[u8], shown: Option<Place>) -> Said {
    let signed = SignedTransaction::decode(bytes).ok()?;
    let inputs = signed.transaction.inputs.iter();
    let inputs: Option<Vec<flights::Proof>> = inputs
        .map(|input| forms::flight_proof(&world.chain, place(&input.position)))
        .collect();
    let payment = forms::evidence(&world.chain, bytes, shown);
    let arguments = flights::StartInFlightExitCall {
        payment,
        inputs: inputs?,
    };
    let made = call(world.site.contracts.in_flight, bond(), arguments);
    let from = super::user(world, rng).address();
    Some(world.send(if rng.random_bool(0.5) { from } else { ANYBODY }, &made))
}

/// An open one with what callers bring back.
fn open(world: &World, rng: &mut ChaCha8Rng) -> Option<Flight> {
    let started = world.started();
    let open: Vec<_> = started
        .iter()
        .filter(|(id, bytes)| bytes.is_some() && world.books.exits.contains_key(id))
        .collect();
    let (id, bytes) = *open.choose(rng)?;
    let bytes = bytes.clone()?;
    let transaction = authentic(&bytes, &world.books.params)?;
    let inputs = transaction.transaction().inputs.iter().map(|input| {
        let made = world.books.outputs.get(&input.position)?;
        Some(registry_key(made.output.transaction.0, input.position.output))
    });
    let pending = flights::Pending {
        transaction: bytes.clone().into(),
        owner: forms::h160(transaction.owner()),
        inputs: inputs.collect::<Option<_>>()?,
    };
    Some(Flight {
        id: *id,
        bytes,
        owner: transaction.owner(),
        pending,
    })
}

pub(super) fn piggyback_output(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let flight = open(world, rng)?;
    let outputs = SignedTransaction::decode(&flight.bytes).ok()?.transaction.outputs;
    let output = rng.random_range(0..outputs.len());
    let from = outputs.get(output)?.owner;
    let output = u8::try_from(output).ok()?;
    let arguments = flights::PiggybackOutputCall {
        exit_id: number(flight.id),
        pending: flight.pending,
        output,
    };
    Some(world.send(from, &call(world.site.contracts.in_flight, bond(), arguments)))
}

pub(super) fn piggyback_input(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let flight = open(world, rng)?;
    let arguments = flights::PiggybackInputCall {
        exit_id: number(flight.id),
        pending: flight.pending,
    };
    Some(world.send(
        flight.owner,
        &call(world.site.contracts.in_flight, bond(), arguments),
    ))
}

/// A heard payment that spends an input of another, with both indices.
fn competitor(world: &World, rng: &mut ChaCha8Rng, bytes: &[u8]) -> Option<(Vec<u8>, u8, u8)> {
    let own = SignedTransaction::decode(bytes).ok()?.transaction;
    let mut found = Vec::new();
    for other in world
        .heard
        .iter()
        .filter(|other| other.as_slice() != bytes && other.first() != Some(&Kind::Fund.byte()))
    {
        let Ok(signed) = SignedTransaction::decode(other) else {
            continue;
        };
        for (input, named) in (0u8..).zip(&own.inputs) {
            for (competing, spent) in (0u8..).zip(&signed.transaction.inputs) {
                if named.position == spent.position {
                    found.push((other.clone(), input, competing));
                }
            }
        }
    }
    let known = found.choose(rng).cloned();
    if known.is_some() && rng.random_bool(0.8) {
        return known;
    }
    // Or the owner signs one now.
    let input = rng.random_range(0..own.inputs.len());
    let named = own.inputs.get(input)?;
    let record = *world.books.outputs.get(&named.position)?;
    let mut transaction = payments::transfer(&world.site, rng, &[(named.position, record)])?;
    transaction.inputs = vec![Input {
        position: named.position,
        amount: record.output.amount,
    }];
    let bytes = payments::sign(
        &world.site.domain,
        world.site.key_of(record.output.owner)?,
        transaction,
    );
    Some((bytes, u8::try_from(input).ok()?, 0))
}

/// Shown with its inclusion as often as there is one.
fn shown(world: &World, rng: &mut ChaCha8Rng, bytes: &[u8]) -> flights::Evidence {
    let place = world
        .place_of(bytes)
        .filter(|place| place.height <= world.chain.anchored_to());
    forms::evidence(&world.chain, bytes, place.filter(|_| rng.random_bool(0.7)))
}

pub(super) fn challenge_canonicity(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let flight = open(world, rng)?;
    let (bytes, input, competing) = competitor(world, rng, &flight.bytes)?;
    let competitor = shown(world, rng, &bytes);
    let (exit_id, pending) = (number(flight.id), flight.pending);
    let arguments = flights::ChallengeNotCanonicalCall {
        exit_id,
        pending,
        input,
        competitor,
        competing,
    };
    let said = world.send(
        ANYBODY,
        &call(world.site.contracts.in_flight, Amount::ZERO, arguments),
    );
    world.heard.push(bytes);
    Some(said)
}

pub(super) fn respond(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let flight = open(world, rng)?;
    let place = world.place_of(&flight.bytes)?;
    let payment = forms::evidence(&world.chain, &flight.bytes, Some(place));
    let arguments = flights::RespondNotCanonicalCall {
        exit_id: number(flight.id),
        pending: flight.pending,
        payment,
    };
    Some(world.send(
        ANYBODY,
        &call(world.site.contracts.in_flight, Amount::ZERO, arguments),
    ))
}

pub(super) fn challenge_input(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let flight = open(world, rng)?;
    let (bytes, input, spending_input) = competitor(world, rng, &flight.bytes)?;
    let spending = shown(world, rng, &bytes);
    let (exit_id, pending) = (number(flight.id), flight.pending);
    let arguments = flights::ChallengeInputSpentCall {
        exit_id,
        pending,
        input,
        spending,
        spending_input,
    };
    Some(world.send(
        ANYBODY,
        &call(world.site.contracts.in_flight, Amount::ZERO, arguments),
    ))
}

pub(super) fn challenge_output(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    // Few exits have an output that was spent: look at some of them.
    let (flight, born, output, by) = (0..8).find_map(|_| {
        let flight = open(world, rng)?;
        let born = world.place_of(&flight.bytes)?;
        let outputs = world
            .books
            .outputs
            .iter()
            .filter(|(position, _)| place(position) == born);
        let spent = outputs.filter_map(|(position, record)| match record.fate {
            Fate::Spent(by) => Some((position.output, by)),
            _ => None,
        });
        let (output, by) = *spent.collect::<Vec<_>>().choose(rng)?;
        Some((flight, born, output, by))
    })?;
    let bytes = world
        .bytes_at(Place {
            height: by.height.0,
            index: by.transaction,
        })?
        .clone();
    let payment = forms::evidence(&world.chain, &flight.bytes, Some(born));
    let spending = shown(world, rng, &bytes);
    let (exit_id, pending) = (number(flight.id), flight.pending);
    let spending_input = by.input;
    let arguments = flights::ChallengeOutputSpentCall {
        exit_id,
        pending,
        output,
        payment,
        spending,
        spending_input,
    };
    Some(world.send(
        ANYBODY,
        &call(world.site.contracts.in_flight, Amount::ZERO, arguments),
    ))
}
