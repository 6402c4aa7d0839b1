//! What a party of a payment claims of it, what that costs, and how it is said.

use std::fmt;

use plasma_core::{Address, Amount, ExitId, Position, Receipt, SignedTransaction, TransactionId};

use super::super::{
    Purse,
    amount::show,
    book::Fate,
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
    /// What of the account's is not, each with the reason.
    pub(super) left: Vec<Unclaimed>,
    /// What is said against it and not proven, for whoever agrees.
    pub(super) doubts: Vec<String>,
}

/// What an account leaves behind of a payment with which it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclaimed {
    /// An output of the payment; `None` for its inputs.
    pub output: Option<u8>,
    /// Why, and what can be done about it.
    pub why: String,
}

impl fmt::Display for Unclaimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = &self.why;
        match self.output {
            Some(output) => write!(f, "its output {output} is not claimed: {why}"),
            None => write!(f, "its inputs are not claimed: {why}"),
        }
    }
}

/// An output of a payment, or all its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Output(u8),
    Inputs,
}

impl<P: Person> Purse<P> {
    /// What of a payment an account can claim without losing the bond, and what it must leave behind. What is on its way by
    /// another one is neither.
    pub(super) fn claims(
        &self,
        from: Address,
        payer: Address,
        payment: &SignedTransaction,
        receipt: Option<&Receipt>,
    ) -> (Vec<Claim>, Vec<Unclaimed>) {
        let (mut claims, mut left) = (Vec::new(), Vec::new());
        let outputs = (0u8..).zip(&payment.transaction.outputs);
        for (place, _) in outputs.filter(|(_, output)| output.owner == from) {
            let claim = Claim::Output(place);
            let position = receipt.map(|receipt| position_in(receipt, place));
            match position.and_then(|position| self.book().spender(position)) {
                None => claims.push(claim),
                Some(by) => left.extend(self.held_by(from, by).map(|why| claim.left(why))),
            }
        }
        if payer == from {
            match self.book().rival(payment) {
                None => claims.push(Claim::Inputs),
                Some(rival) if self.is_decided(rival) => {}
                Some(rival) => left.push(Claim::Inputs.left(format!(
                    "payment {rival} of this wallet spends one of them as well, and who shows it would have the bond"
                ))),
            }
        }
        (claims, left)
    }

    /// The exit in flight in which this wallet claims an output for its owner.
    pub(in crate::wallet) fn claim_of(&self, output: Position, owner: Address) -> Option<ExitId> {
        let receipt = self.receipts.output(output).ok()??;
        let name = Claim::Output(output.output).name();
        let mut flights = self.book().flights(owner, receipt.transaction.id());
        flights.find_map(|(_, action)| action.call(&name).and(action.leaving.first().copied()))
    }

    /// The same, where it may still be open.
    pub(in crate::wallet) async fn claimed_in(&self, output: Position, owner: Address) -> Option<ExitId> {
        let exit = self.claim_of(output, owner)?;
        let payment = self.receipts.output(output).ok()??.transaction.id();
        let is_claimed = self.is_claimed(payment, output.output, owner).await;
        is_claimed.then_some(exit)
    }

    fn is_decided(&self, id: TransactionId) -> bool {
        let known = self.book().payment(id);
        known.is_some_and(|known| known.fate == Fate::Decided)
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
        lines.extend(flight.left.iter().map(|left| ("BUT", left.to_string())));
        lines.extend(flight.doubts.iter().map(|doubt| ("BUT", doubt.clone())));
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

/// Where an output of a decided payment lies.
pub(super) fn position_in(receipt: &Receipt, output: u8) -> Position {
    Position {
        block: receipt.height,
        transaction: receipt.index,
        output,
    }
}

impl Claim {
    /// It is left behind.
    pub(super) fn left(self, why: String) -> Unclaimed {
        let output = match self {
            Self::Output(output) => Some(output),
            Self::Inputs => None,
        };
        Unclaimed { output, why }
    }

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
