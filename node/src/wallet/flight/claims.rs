//! What a party of a payment claims of it, what that costs, and how it is said.

use plasma_core::{Address, Amount, ExitId, Position, Receipt, SignedTransaction};

use super::super::{
    Purse,
    amount::show,
    purse::{Ethereum, Person},
    words,
};
use crate::{
    api::text::AddressText,
    bridge::{
        account::Call,
        convert::Inclusion,
        evidence::Pending,
        games::{InFlightExit, SIDE},
    },
};

/// A payment as one of its parties leaves with it.
pub(super) struct Flight {
    /// Who leaves.
    pub(super) from: Address,
    /// The payment, its payer, and the keys of its inputs.
    pub(super) pending: Pending,
    /// Where its inputs lie.
    pub(super) inputs: Vec<Inclusion>,
    /// What is claimed.
    pub(super) claims: Vec<Claim>,
}

/// An output of a payment, or all its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Output(u8),
    Inputs,
}

impl<P: Person> Purse<P> {
    /// What of a payment an account can claim without losing the bond.
    pub(super) fn claims(
        &self,
        from: Address,
        payer: Address,
        payment: &SignedTransaction,
        receipt: Option<&Receipt>,
    ) -> Vec<Claim> {
        let is_spent = |output: u8| {
            let position = |receipt: &Receipt| Position {
                block: receipt.height,
                transaction: receipt.index,
                output,
            };
            let position = receipt.map(position);
            position.is_some_and(|position| self.book().spender(position).is_some())
        };
        let outputs = (0u8..).zip(&payment.transaction.outputs);
        let own = outputs.filter(|(place, output)| output.owner == from && !is_spent(*place));
        let mut claims: Vec<Claim> = own.map(|(place, _)| Claim::Output(place)).collect();
        if payer == from {
            match self.book().rival(payment) {
                None => claims.push(Claim::Inputs),
                Some(rival) => self.person.tell(&format!(
                    "the inputs are not claimed, for payment {rival} of this wallet spends one of them as well, and who \
                     shows it would have the bond"
                )),
            }
        }
        claims
    }

    pub(super) fn bonds(&self, ethereum: &Ethereum, flight: &Flight, starts: bool) -> Amount {
        let bonds = flight.claims.len() + usize::from(starts);
        ethereum.parameters.exit_bond.saturating_mul(Amount::from(bonds))
    }

    pub(super) fn flight_words(&self, ethereum: &Ethereum, flight: &Flight, starts: bool) -> String {
        let transaction = &flight.pending.transaction.transaction;
        let claimed = |claim: Claim| {
            if flight.claims.contains(&claim) {
                ", claimed"
            } else {
                ""
            }
        };
        let mut lines = vec![
            ("payment", flight.pending.transaction.id().to_string()),
            ("from", AddressText(flight.pending.owner).to_string()),
        ];
        for (place, output) in (0u8..).zip(&transaction.outputs) {
            let amount = show(output.amount, transaction.asset);
            let (owner, claimed) = (AddressText(output.owner), claimed(Claim::Output(place)));
            lines.push(("to", format!("{owner}   {amount}{claimed}")));
        }
        for input in &transaction.inputs {
            let (amount, claimed) = (show(input.amount, transaction.asset), claimed(Claim::Inputs));
            lines.push(("input", format!("{}   {amount}{claimed}", input.position)));
        }
        let each = show(ethereum.parameters.exit_bond, Address::ZERO);
        let bonds = show(self.bonds(ethereum, flight, starts), Address::ZERO);
        let start = if starts { "the start and " } else { "" };
        lines.push((
            "bonds",
            format!("{bonds}, {each} for {start}each claim: back at the end, lost when another payment spends the same"),
        ));
        lines.push((
            "paid",
            format!(
                "{} s after the start at the earliest, twice that for young inputs: what was paid, or else the inputs",
                ethereum.parameters.exit_period_s
            ),
        ));
        let what = if starts {
            "Start the exit of a payment in flight, on Ethereum"
        } else {
            "Join the exit of a payment in flight, on Ethereum"
        };
        words::ethereum(what, &lines, &self.genesis)
    }
}

impl Flight {
    pub(super) fn claim_call(&self, ethereum: &Ethereum, exit: ExitId, claim: Claim) -> Call {
        let (contracts, bond) = (&ethereum.contracts, ethereum.parameters.exit_bond);
        match claim {
            Claim::Output(output) => contracts.piggyback_output_call(&exit, &self.pending, output, bond),
            Claim::Inputs => contracts.piggyback_input_call(&exit, &self.pending, bond),
        }
    }
}

impl Claim {
    /// Its call's name in the action.
    pub(super) fn name(self) -> String {
        match self {
            Self::Output(output) => format!("claim-output-{output}"),
            Self::Inputs => "claim-inputs".to_owned(),
        }
    }

    /// Whether it was made, and perhaps answered.
    pub(super) fn stands_in(self, open: &InFlightExit) -> bool {
        match self {
            Self::Output(output) => open.claims_output(output) || open.spent >> output & 1 == 1,
            Self::Inputs => open.piggybacked >> SIDE & 1 == 1,
        }
    }
}
