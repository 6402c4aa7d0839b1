//! What operators say against leaving with a payment, before a bond is laid down for it.

use plasma_core::{Position, Receipt};

use super::{
    super::{
        Purse, WalletError,
        purse::{Ethereum, Person},
        told::Told,
    },
    claims::{Claim, Flight, position_in},
};

impl<P: Person> Purse<P> {
    /// Makes sure that nobody can show a payment that spent an input, and claims no output that was spent. What is said and
    /// not proven stands among what is agreed to.
    ///
    /// # Errors
    /// [`WalletError::TooLate`] when a receipt shows who spent an input.
    pub(super) async fn check_unspent(
        &self,
        ethereum: &Ethereum,
        flight: &mut Flight,
        receipt: Option<&Receipt>,
    ) -> Result<(), WalletError> {
        let payment = &flight.pending.transaction;
        let id = payment.id();
        let inputs: Vec<Position> = payment
            .transaction
            .inputs
            .iter()
            .map(|input| input.position)
            .collect();
        let outputs = flight.claims.iter().filter_map(|claim| match claim {
            Claim::Output(output) => receipt.map(|receipt| (position_in(receipt, *output), *claim)),
            Claim::Inputs => None,
        });
        let outputs: Vec<(Position, Claim)> = outputs.collect();
        let asked: Vec<Position> = inputs
            .iter()
            .copied()
            .chain(outputs.iter().map(|(output, _)| *output))
            .collect();
        let told = self.told_of(&asked).await?;
        let last_valid = ethereum.contracts.latest(&ethereum.rpc).await?.last_valid;
        for input in &inputs {
            match told.get(input) {
                Some(Told::Spent { by, block }) if *by != id && *block <= last_valid => {
                    return Err(WalletError::TooLate { payment: id, by: *by });
                }
                Some(Told::Unproven(said)) => flight.doubts.push(doubt(*input, said)),
                _ => {}
            }
        }
        for (output, claim) in outputs {
            match told.get(&output) {
                // It went on from there: nothing of it is here any more.
                Some(Told::Spent { .. }) => flight.claims.retain(|other| *other != claim),
                Some(Told::Unproven(said)) => flight.doubts.push(doubt(output, said)),
                _ => {}
            }
        }
        if flight.claims.is_empty() {
            return Err(WalletError::Refused(format!(
                "nothing of payment {id} is left to claim: what it paid was spent, as receipts prove"
            )));
        }
        Ok(())
    }
}

fn doubt(output: Position, said: &str) -> String {
    format!("operators say of {output}, and do not prove: {said}. Where that is so a bond is lost")
}
