//! Standard exits and their challenges.

use plasma_contracts_abi::exit_game;
use plasma_core::{Amount, ExitId, Fate, Input, OpenExit, OutputRecord, Position, Spender};
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

use super::{Said, bond};
use crate::{
    ethereum::call,
    forms::{self, Place},
    payments,
    site::ANYBODY,
    world::World,
};

/// Opens an exit of one of these outputs, as its owner.
fn start_one(world: &mut World, rng: &mut ChaCha8Rng, is_meant: impl Fn(&OutputRecord) -> bool) -> Said {
    let outputs: Vec<_> = world
        .anchored_outputs()
        .into_iter()
        .filter(|(_, record)| is_meant(record))
        .collect();
    let (position, record) = *outputs.choose(rng)?;
    let proof = forms::exit_proof(&world.chain, place(&position))?;
    let arguments = exit_game::StartExitCall {
        proof,
        output: position.output,
    };
    let made = call(world.site.contracts.exit_game, bond(), arguments);
    Some(world.send(record.output.owner, &made))
}

pub(super) fn start(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    start_one(world, rng, OutputRecord::is_unspent)
}

pub(super) fn start_spent(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    start_one(world, rng, |record| !record.is_unspent())
}

/// An open exit, what it is about, and who spent that.
fn open(world: &World, rng: &mut ChaCha8Rng) -> Option<(ExitId, Position, OutputRecord)> {
    let open = world.books.exits.iter().filter_map(|(id, exit)| match exit {
        OpenExit::Standard { position, .. } => Some((*id, *position, *world.books.outputs.get(position)?)),
        OpenExit::InFlight { .. } => None,
    });
    open.collect::<Vec<_>>().choose(rng).copied()
}

fn spent(world: &World, rng: &mut ChaCha8Rng) -> Option<(ExitId, Spender)> {
    // A few draws, because most exits are honest.
    (0..4).find_map(|_| match open(world, rng)? {
        (
            id,
            _,
            OutputRecord {
                fate: Fate::Spent(by),
                ..
            },
        ) => Some((id, by)),
        _ => None,
    })
}

pub(super) fn challenge(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let (id, by) = spent(world, rng)?;
    let bytes = world
        .bytes_at(Place {
            height: by.height.0,
            index: by.transaction,
        })?
        .clone();
    challenge_with(world, id, bytes, by.input)
}

pub(super) fn challenge_included(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let (id, by) = spent(world, rng)?;
    let proof = forms::exit_proof(
        &world.chain,
        Place {
            height: by.height.0,
            index: by.transaction,
        },
    )?;
    let arguments = exit_game::ChallengeExitIncludedCall {
        exit_id: number(id),
        proof,
        input: by.input,
    };
    let made = call(world.site.contracts.exit_game, Amount::ZERO, arguments);
    Some(world.send(ANYBODY, &made))
}

/// With a payment that does not spend the output, or with one that its owner signed and no block has.
pub(super) fn challenge_falsely(world: &mut World, rng: &mut ChaCha8Rng) -> Said {
    let (id, position, record) = open(world, rng)?;
    let signed_now = rand::Rng::random_bool(rng, 0.5);
    if !signed_now {
        let bytes = world.heard.choose(rng)?.clone();
        return challenge_with(world, id, bytes, 0);
    }
    let key = world.site.key_of(record.output.owner)?;
    let mut transaction = payments::transfer(&world.site, rng, &[(position, record)])?;
    transaction.inputs = vec![Input {
        position,
        amount: record.output.amount,
    }];
    let bytes = payments::sign(&world.site.domain, key, transaction);
    world.heard.push(bytes.clone());
    challenge_with(world, id, bytes, 0)
}

fn challenge_with(world: &mut World, id: ExitId, bytes: Vec<u8>, input: u8) -> Said {
    let arguments = exit_game::ChallengeExitCall {
        exit_id: number(id),
        transaction: bytes.into(),
        input,
    };
    let made = call(world.site.contracts.exit_game, Amount::ZERO, arguments);
    Some(world.send(ANYBODY, &made))
}

/// Where the transaction of an output lies.
pub(super) fn place(position: &Position) -> Place {
    Place {
        height: position.block.0,
        index: position.transaction,
    }
}

/// An exit's id as the bindings have it.
pub(super) fn number(id: ExitId) -> ethers_core::types::U256 {
    ethers_core::types::U256::from_big_endian(&id.0.0)
}
