//! What Ethereum was shown of an in-flight exit, and what it would pay as things stand. Pure.
//!
//! Mirrors `InFlightOutcomes.sol` as far as logs tell. What other exits consumed meanwhile is only in the contract's registry,
//! and a provisional claim counts here while it stands: the end may lack its anchor.

use std::collections::BTreeMap;

use plasma_core::{Amount, Height, Transaction};

use crate::bridge::{
    decode::Shown,
    games::{COMPETITOR_SLOT, INCLUSION_SLOT, INPUT_SLOT, OUTPUT_SLOT, Packed, SIDE, height_of},
};

/// What was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Flight {
    /// Bit i: output i is claimed; bit 4: the inputs are.
    claimed: u8,
    /// Bit i: output i was shown to be spent; bit 4 + i: input i was.
    spent: u8,
    competitor: Option<Packed>,
    included: Option<Packed>,
    /// Provisional claims by slot, with the place that each tells.
    provisional: BTreeMap<u8, Packed>,
}

impl Flight {
    /// Notes it; the same twice is once.
    pub(super) fn on_shown(&mut self, shown: Shown) {
        match shown {
            Shown::Claimed(bit) => self.claimed |= bit,
            Shown::Spent(bits) => self.spent |= bits,
            Shown::Contested(place) => self.competitor = oldest([self.competitor, Some(place)]),
            Shown::Included(place) => self.included = oldest([self.included, Some(place)]),
            Shown::ClaimMade { slot, place } => {
                self.provisional.insert(slot, place);
            }
            Shown::ClaimRebutted { slot } => {
                self.provisional.remove(&slot);
            }
        }
    }

    /// Whether another payment was shown that spends the same, and none showed this one before it. An inclusion that the start
    /// brought along is in no log, and what is shown against it is older anyway.
    pub(super) fn is_contested(&self, last_valid: Option<Height>) -> bool {
        let is_void = |place: &Packed| last_valid.is_some_and(|last_valid| height_of(*place) > last_valid);
        let known = |shown: Option<Packed>, slot| oldest([shown, self.provisional.get(&slot).copied()]);
        let Some(competitor) = known(self.competitor, COMPETITOR_SLOT) else {
            return false;
        };
        let included = known(self.included, INCLUSION_SLOT).filter(|place| !is_void(place));
        !included.is_some_and(|included| is_void(&competitor) || included < competitor)
    }

    /// The sum of what would leave: claimed outputs, or claimed inputs where it is contested.
    pub(super) fn pays(&self, payment: &Transaction, last_valid: Option<Height>) -> Amount {
        let spent = self
            .provisional
            .keys()
            .fold(self.spent, |spent, slot| match *slot {
                OUTPUT_SLOT.. => spent | bit(slot.saturating_sub(OUTPUT_SLOT)),
                INPUT_SLOT.. => spent | bit(SIDE.saturating_add(slot.saturating_sub(INPUT_SLOT))),
                _ => spent,
            });
        let has = |bits: u8, number: u8| bits & bit(number) != 0;
        let leaving = |number: u8| !has(spent, number);
        if self.is_contested(last_valid) {
            let inputs = (SIDE..).zip(&payment.inputs);
            let leaving = inputs.filter(|(number, _)| has(self.claimed, SIDE) && leaving(*number));
            return sum(leaving.map(|(_, input)| input.amount));
        }
        let outputs = (0..SIDE).zip(&payment.outputs);
        let leaving = outputs.filter(|(number, _)| has(self.claimed, *number) && leaving(*number));
        sum(leaving.map(|(_, output)| output.amount))
    }
}

fn oldest(places: [Option<Packed>; 2]) -> Option<Packed> {
    places.into_iter().flatten().min()
}

/// No bit beyond the eighth.
fn bit(number: u8) -> u8 {
    1u8.checked_shl(number.into()).unwrap_or(0)
}

fn sum(amounts: impl Iterator<Item = Amount>) -> Amount {
    amounts.fold(Amount::ZERO, Amount::saturating_add)
}

#[cfg(test)]
mod tests {
    use plasma_core::{Address, Input, Payment, Position};

    use super::*;

    /// Takes 7 and 9, pays 3, 5 and 8.
    fn payment() -> Transaction {
        let input = |amount: u64| Input {
            position: Position::default(),
            amount: Amount::from(amount),
        };
        let output = |amount: u64| Payment {
            owner: Address([1; 20]),
            amount: Amount::from(amount),
        };
        Transaction {
            kind: plasma_core::Kind::Transfer,
            asset: Address::ZERO,
            expiry: Height(u32::MAX),
            inputs: [7, 9].map(input).to_vec(),
            outputs: [3, 5, 8].map(output).to_vec(),
        }
    }

    fn place(height: u128) -> Packed {
        height << 40
    }

    fn made(slot: u8, height: u128) -> Shown {
        let place = place(height);
        Shown::ClaimMade { slot, place }
    }

    /// What is shown next, the last valid height then, whether it is contested, and what it pays.
    type Step = (Shown, Option<u32>, bool, u64);

    fn check(steps: &[Step]) {
        let (mut flight, payment) = (Flight::default(), payment());
        for (shown, last_valid, is_contested, pays) in steps {
            flight.on_shown(*shown);
            flight.on_shown(*shown);
            let last_valid = last_valid.map(Height);
            assert_eq!(flight.is_contested(last_valid), *is_contested, "{shown:?}");
            assert_eq!(
                flight.pays(&payment, last_valid),
                Amount::from(*pays),
                "{shown:?}"
            );
        }
    }

    #[test]
    fn what_is_claimed_and_not_spent_is_paid() {
        check(&[
            (Shown::Claimed(1), None, false, 3),
            (Shown::Claimed(1 << 2), None, false, 11),
            (Shown::Claimed(1 << 4), None, false, 11),
            (Shown::Spent(1), None, false, 8),
            (made(OUTPUT_SLOT + 2, 5), None, false, 0),
            (
                Shown::ClaimRebutted {
                    slot: OUTPUT_SLOT + 2,
                },
                None,
                false,
                8,
            ),
        ]);
    }

    #[test]
    fn an_older_competitor_sends_the_inputs_back_and_an_older_inclusion_pays_the_outputs() {
        check(&[
            (Shown::Claimed(1 << 1), None, false, 5),
            (Shown::Claimed(1 << 4), None, false, 5),
            (Shown::Contested(crate::bridge::games::NOWHERE), None, true, 16),
            (Shown::Spent(1 << 5), None, true, 7),
            (made(INPUT_SLOT, 5), None, true, 0),
            (Shown::Included(place(9)), None, false, 5),
            (made(COMPETITOR_SLOT, 8), None, true, 0),
            (made(INCLUSION_SLOT, 6), None, false, 5),
            (Shown::ClaimRebutted { slot: INCLUSION_SLOT }, None, true, 0),
            (
                Shown::ClaimRebutted {
                    slot: COMPETITOR_SLOT,
                },
                None,
                false,
                5,
            ),
        ]);
    }

    #[test]
    fn what_lies_above_the_last_valid_height_shows_nothing() {
        check(&[
            (Shown::Claimed(1), None, false, 3),
            (Shown::Contested(place(9)), None, true, 0),
            (Shown::Included(place(7)), None, false, 3),
            (Shown::Included(place(7)), Some(6), true, 0),
            (Shown::Included(place(7)), Some(8), false, 3),
        ]);
    }
}
