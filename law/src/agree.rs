//! What ledger and contracts must agree on, once the ledger has taken every event that the contracts emitted.
//!
//! `docs/law.md` states the relation; every numbered sentence there is one `check` here.

use std::collections::BTreeMap;

use plasma_contracts_abi::{federation, vault};
use plasma_core::{
    DepositFate, DepositNumber, ExitId, Fate, Hash, Height, L1Event, OpenExit, OutputRecord, Position,
    SignedTransaction,
};

use crate::{bindings::law, forms::h160, game::registry_key, world::World};

/// Exits that are open on Ethereum, and what is claimed there.
struct Open {
    standard: Vec<ExitId>,
    /// With the bits of outputs that were ever claimed.
    flights: BTreeMap<ExitId, (Vec<u8>, u8)>,
}

/// The first sentence that does not hold; the ledger has taken all events.
pub(crate) fn check(world: &mut World) -> Result<(), String> {
    let open = open(world);
    consumed(world)?;
    exits(world, &open)?;
    locks(world, &open)?;
    deposits(world)?;
    halt(world)
}

fn open(world: &mut World) -> Open {
    let started = world.started();
    let numbers = |of_flights: bool| {
        let meant = started
            .iter()
            .filter(move |(_, bytes)| bytes.is_some() == of_flights);
        meant
            .map(|(id, _)| ethers_core::types::U256::from_big_endian(&id.0.0))
            .collect::<Vec<_>>()
    };
    let (law, contracts) = (world.site.law, world.site.contracts);
    let game = h160(contracts.exit_game);
    let asked: Vec<law::Exit> = world.ethereum.ask(
        law,
        law::StandardCall {
            game,
            ids: numbers(false),
        },
    );
    let ids = started.iter().filter(|(_, bytes)| bytes.is_none());
    let standard = ids
        .zip(asked)
        .filter(|(_, exit)| !exit.owner.is_zero())
        .map(|((id, _), _)| *id)
        .collect();
    let game = h160(contracts.in_flight);
    let asked: Vec<law::InFlightExit> = world.ethereum.ask(
        law,
        law::InFlightCall {
            game,
            ids: numbers(true),
        },
    );
    let ids = started
        .iter()
        .filter_map(|(id, bytes)| Some((*id, bytes.clone()?)));
    let flights = ids.zip(asked).filter(|(_, exit)| !exit.starter.is_zero());
    // A claim that was shown to be spent stays locked until the end.
    let flights = flights.map(|((id, bytes), exit)| (id, (bytes, (exit.piggybacked | exit.spent) & 0x0f)));
    Open {
        standard,
        flights: flights.collect(),
    }
}

/// 1, 2: the registry and what has left.
fn consumed(world: &mut World) -> Result<(), String> {
    let outputs: Vec<(Position, OutputRecord)> = world.books.chosen(|_| true);
    let keys = outputs
        .iter()
        .map(|(position, record)| registry_key(record.output.transaction.0, position.output));
    let (law, game) = (world.site.law, h160(world.site.contracts.exit_game));
    let paid: Vec<ethers_core::types::U256> = world.ethereum.ask(
        law,
        law::RegistryCall {
            game,
            outputs: keys.collect(),
        },
    );
    for ((position, record), paid) in outputs.iter().zip(paid) {
        let is_paid = !paid.is_zero();
        if is_paid && record.is_unspent() {
            return Err(format!(
                "1: {position} was consumed (from {paid} on) and can be spent: {record:?}"
            ));
        }
        let has_left = matches!(record.fate, Fate::Exited(_) | Fate::Reclaimed);
        if has_left && !is_paid {
            return Err(format!(
                "2: {position} left the ledger and was not consumed: {record:?}"
            ));
        }
    }
    Ok(())
}

/// 3: an exit is open here as long as it is open there.
fn exits(world: &World, open: &Open) -> Result<(), String> {
    let there: std::collections::BTreeSet<ExitId> =
        open.standard.iter().chain(open.flights.keys()).copied().collect();
    let here: std::collections::BTreeSet<ExitId> = world.books.exits.keys().copied().collect();
    if there == here {
        return Ok(());
    }
    let only_there: Vec<Hash> = there.difference(&here).map(|id| id.0).collect();
    let only_here: Vec<Hash> = here.difference(&there).map(|id| id.0).collect();
    Err(format!(
        "3: open on L1 alone: {only_there:?}, in the ledger alone: {only_here:?}"
    ))
}

/// 4: an unspent output is locked by exactly the open exits that claim it.
fn locks(world: &World, open: &Open) -> Result<(), String> {
    let mut claims: BTreeMap<Position, u32> = BTreeMap::new();
    for id in &open.standard {
        let Some(OpenExit::Standard { position, .. }) = world.books.exits.get(id) else {
            return Err(format!("3: {id:?} is another exit in the ledger"));
        };
        *claims.entry(*position).or_default() += 1;
    }
    for (id, (bytes, claimed)) in &open.flights {
        let signed = SignedTransaction::decode(bytes)
            .map_err(|error| format!("an exit of no transaction: {error}"))?;
        for input in &signed.transaction.inputs {
            *claims.entry(input.position).or_default() += 1;
        }
        let exit = world.books.exits.get(id).ok_or_else(|| format!("3: {id:?}"))?;
        for output in (0..4u8).filter(|output| claimed >> output & 1 == 1) {
            if let Some(position) = exit.created_at(output) {
                *claims.entry(position).or_default() += 1;
            }
        }
    }
    for (position, record) in world
        .books
        .outputs
        .iter()
        .filter(|(_, record)| record.is_unspent())
    {
        let expected = claims.get(position).copied().unwrap_or(0);
        if record.output.locks != expected {
            return Err(format!(
                "4: {position} has {} locks and {expected} open claims",
                record.output.locks
            ));
        }
    }
    Ok(())
}

/// 5: a deposit went back there exactly when it did here, and else its fund is here.
fn deposits(world: &mut World) -> Result<(), String> {
    let origin = world.head().l1_height.0;
    let made = world.events.iter().filter_map(|(height, event)| match event {
        L1Event::Deposited { number, .. } if height.0 <= origin => Some(number.0),
        _ => None,
    });
    for number in made.collect::<Vec<u64>>() {
        let record: vault::Deposit = world
            .ethereum
            .ask(world.site.contracts.vault, vault::DepositsCall { number });
        let here = world.books.deposits.get(&DepositNumber(number));
        let agrees = match here {
            Some(DepositFate::Reclaimed) => record.reclaimed_at != 0,
            Some(DepositFate::Funded(_)) => record.reclaimed_at == 0,
            None => false,
        };
        if !agrees {
            return Err(format!(
                "5: deposit {number} is {here:?} here and {record:?} there"
            ));
        }
    }
    Ok(())
}

/// 6: the chain is valid up to one height.
fn halt(world: &mut World) -> Result<(), String> {
    let last_valid: u32 = world
        .ethereum
        .ask(world.site.contracts.federation, federation::LastValidCall);
    let here = world.books.state.halted;
    let there = (last_valid != u32::MAX).then_some(Height(last_valid));
    if here == there {
        Ok(())
    } else {
        Err(format!("6: halted at {here:?} here and at {there:?} there"))
    }
}
