//! Exits in flight as the model has them: whether a payment is forced into a block, what it locks, and how its exit must end.

use std::collections::BTreeSet;

use plasma_core::{
    Address, Amount, ExitId, Height, Input, Payment, Position, SignedTransaction, TransactionId,
};

use super::{
    facts::Fact,
    model::{Lot, Model, Wrong},
};

/// An open exit of a payment.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Flight {
    id: TransactionId,
    inputs: Vec<Input>,
    outputs: Vec<Payment>,
    /// The block and place in which the ledger has it.
    place: Option<(Height, u32)>,
    locked_inputs: BTreeSet<usize>,
    locked_outputs: BTreeSet<usize>,
    claimed: BTreeSet<usize>,
    claims_inputs: bool,
    is_contested: bool,
}

impl Flight {
    fn at(&self, output: usize) -> Option<Position> {
        let (block, transaction) = self.place?;
        let output = u8::try_from(output).ok()?;
        Some(Position {
            block,
            transaction,
            output,
        })
    }
}

impl Model {
    /// A payment is shown to Ethereum: says whether it is forced into this block, where it must then be the next of the body.
    pub(super) fn take_off(
        &mut self,
        height: Height,
        (place, body): (usize, &[SignedTransaction]),
        (id, bytes): (ExitId, &[u8]),
        signer: impl Fn(&SignedTransaction) -> Option<Address>,
    ) -> Result<bool, Wrong> {
        let signed = SignedTransaction::decode(bytes).map_err(|_| "an exit of no payment")?;
        let owner = signer(&signed).ok_or("an exit of a payment that nobody made")?;
        let is_forced = self.is_free(&signed, owner, height);
        if is_forced {
            if body.get(place) != Some(&signed) {
                return Err(format!(
                    "{height}/{place} is not the payment that Ethereum forces in"
                ));
            }
            let index = u32::try_from(place).expect("small");
            self.pay(height, index, &signed, owner, &BTreeSet::new())?;
        }
        let content = &signed.transaction;
        let mut flight = Flight {
            id: signed.id(),
            inputs: content.inputs.clone(),
            outputs: content.outputs.clone(),
            place: self.decided.get(&signed.id()).copied(),
            locked_inputs: BTreeSet::new(),
            locked_outputs: BTreeSet::new(),
            claimed: BTreeSet::new(),
            claims_inputs: false,
            is_contested: false,
        };
        for (index, input) in content.inputs.iter().enumerate() {
            if self.lock(&input.position) {
                flight.locked_inputs.insert(index);
            }
        }
        self.flights.insert(id, flight);
        Ok(is_forced)
    }

    /// Whether a payment could stand in the block of this height, as things are now.
    fn is_free(&self, signed: &SignedTransaction, owner: Address, height: Height) -> bool {
        let content = &signed.transaction;
        let is_there = |input: &Input| {
            self.coins.get(&input.position).is_some_and(|coin| {
                coin.owner == owner
                    && coin.amount == input.amount
                    && coin.state == Lot::Free
                    && coin.locks == 0
                    && input.position.block < height
            })
        };
        content.expiry >= height && content.inputs.iter().all(is_there)
    }

    fn lock(&mut self, position: &Position) -> bool {
        let found = self.coins.get_mut(position);
        let Some(coin) = found.filter(|coin| coin.state == Lot::Free) else {
            return false;
        };
        coin.locks += 1;
        true
    }

    /// What else Ethereum says of exits in flight.
    pub(super) fn fly(&mut self, fact: &Fact, touched: &mut BTreeSet<Position>) -> Result<(), Wrong> {
        match fact {
            Fact::FlightStarted { id, .. } => {
                let flight = &self.flights[id];
                let locked = flight.locked_inputs.iter();
                touched.extend(locked.map(|index| flight.inputs[*index].position));
            }
            Fact::OutputClaimed { id, output } => {
                let mut flight = self.flights.remove(id).ok_or("a claim in no exit")?;
                let output = usize::from(*output);
                flight.claimed.insert(output);
                if let Some(position) = flight.at(output)
                    && self.lock(&position)
                {
                    flight.locked_outputs.insert(output);
                    touched.insert(position);
                }
                self.flights.insert(*id, flight);
            }
            Fact::InputsClaimed { id } => {
                self.flights
                    .get_mut(id)
                    .ok_or("a claim in no exit")?
                    .claims_inputs = true;
            }
            Fact::Contested { id } => {
                self.flights.get_mut(id).ok_or("a doubt in no exit")?.is_contested = true;
            }
            Fact::FlightEnded { id, paid, consumed } => {
                let flight = self.flights.remove(id).ok_or("the end of no exit in flight")?;
                self.land(&flight, (*paid, *consumed), touched)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The end: it must be the one that follows from who owns what, and then money has gone.
    fn land(
        &mut self,
        flight: &Flight,
        (paid, consumed): (u8, u8),
        touched: &mut BTreeSet<Position>,
    ) -> Result<(), Wrong> {
        let (must_pay, must_consume) = self.outcome(flight);
        if (bits(&must_pay), bits(&must_consume)) != (paid, consumed) {
            return Err(format!(
                "the exit of {} in flight pays outputs {paid:04b} and takes inputs {consumed:04b}, it must pay {:04b} and take {:04b}: {flight:?}",
                flight.id,
                bits(&must_pay),
                bits(&must_consume),
            ));
        }
        let inputs = flight.locked_inputs.iter();
        let inputs = inputs.map(|index| flight.inputs[*index].position);
        let outputs = flight.locked_outputs.iter();
        let outputs = outputs.filter_map(|output| flight.at(*output));
        for position in inputs.chain(outputs) {
            touched.insert(position);
            self.coins.get_mut(&position).ok_or("a lock on nothing")?.locks -= 1;
        }
        let amount = |output: &usize| flight.outputs[*output].amount;
        let out: Amount = must_pay.iter().map(amount).sum();
        self.outflow += out;
        let gone = must_pay.iter().filter_map(|output| flight.at(*output));
        for position in gone.collect::<Vec<_>>() {
            self.leave(position, touched);
        }
        let mut brought = Amount::ZERO;
        for index in &must_consume {
            brought += self.leave(flight.inputs[*index].position, touched);
        }
        if must_pay.is_empty() {
            self.outflow += brought;
        } else if flight.place.is_none() {
            self.unclaimed += brought - out;
        }
        Ok(())
    }

    /// Takes an output away, if it is still there; says what it held.
    fn leave(&mut self, position: Position, touched: &mut BTreeSet<Position>) -> Amount {
        let found = self.coins.get_mut(&position);
        let Some(coin) = found.filter(|coin| coin.state == Lot::Free) else {
            return Amount::ZERO;
        };
        coin.state = Lot::Exited;
        touched.insert(position);
        coin.amount
    }

    /// Which outputs are paid and which inputs are gone when everybody who can show something shows it.
    fn outcome(&self, flight: &Flight) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let last_valid = self.halted.unwrap_or(Height(u32::MAX));
        let is_free = |position: &Position| {
            let state = self.coins.get(position).map(|coin| coin.state);
            let is_spent = state == Some(Lot::Spent);
            state == Some(Lot::Free) || (is_spent && self.is_spent_by_nothing(position, last_valid))
        };
        let all: BTreeSet<usize> = (0..flight.inputs.len()).collect();
        let nothing = BTreeSet::new();
        // A block above the halt is none: the payment in it was never made, so it spent nothing.
        let is_void = flight.place.is_some_and(|(height, _)| height > last_valid);
        let free = if is_void {
            all.clone()
        } else {
            let of = flight.inputs.iter().enumerate();
            let of = of.filter(|(_, input)| is_free(&input.position));
            of.map(|(index, _)| index).collect()
        };
        if flight.place.is_some() && !is_void {
            let mut paid = flight.claimed.clone();
            paid.retain(|output| flight.at(*output).is_some_and(|at| is_free(&at)));
            let consumed = if paid.is_empty() { nothing } else { all };
            return (paid, consumed);
        }
        if flight.is_contested {
            let back = if flight.claims_inputs {
                free
            } else {
                nothing.clone()
            };
            return (nothing, back);
        }
        // Nobody contested it, so it may stand only if nothing else took what it spends.
        if flight.claimed.is_empty() || free != all {
            return (nothing.clone(), nothing);
        }
        (flight.claimed.clone(), all)
    }
}

fn bits(set: &BTreeSet<usize>) -> u8 {
    set.iter().fold(0, |bits, index| bits | 1 << index)
}
