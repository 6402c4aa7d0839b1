//! The vault, to the wei: what came in less what went out, from the logs alone.

use std::collections::BTreeMap;

use plasma_core::{Amount, ExitId, Position, SignedTransaction, Transaction};

use super::{facts::Fact, model::Model};

/// What the vault must hold after these facts of Ethereum's whole chain; `None` when the logs are of no possible history.
pub(in crate::sim) fn held(facts: &[Fact], model: &Model) -> Option<Amount> {
    let mut held = Amount::ZERO;
    let mut deposits: BTreeMap<u64, Amount> = BTreeMap::new();
    let mut flights: BTreeMap<ExitId, Transaction> = BTreeMap::new();
    for fact in facts {
        match fact {
            Fact::Deposited { number, amount, .. } => {
                deposits.insert(*number, *amount);
                held += *amount;
            }
            Fact::Reclaimed { number } => held = held.checked_sub(*deposits.get(number)?)?,
            Fact::ExitEnded {
                position, paid: true, ..
            } => {
                let coin = model.coins.get(&Position::unpack(*position)?)?;
                held = held.checked_sub(coin.amount)?;
            }
            Fact::FlightStarted { id, bytes } => {
                let signed = SignedTransaction::decode(bytes).ok()?;
                flights.insert(*id, signed.transaction);
            }
            Fact::FlightEnded { id, paid, consumed } => {
                let content = flights.remove(id)?;
                let outputs = content.outputs.iter().map(|payment| payment.amount);
                let inputs = content.inputs.iter().map(|input| input.amount);
                let out: Amount = if *paid == 0 {
                    chosen(inputs, *consumed)
                } else {
                    chosen(outputs, *paid)
                };
                held = held.checked_sub(out)?;
            }
            _ => {}
        }
    }
    Some(held)
}

fn chosen(amounts: impl Iterator<Item = Amount>, bits: u8) -> Amount {
    let marked = amounts.enumerate().filter(|(place, _)| bits >> place & 1 == 1);
    marked.map(|(_, amount)| amount).sum()
}
