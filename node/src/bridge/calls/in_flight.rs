//! Calls of `InFlightExits`. What rests on a header that need not be anchored costs one exit bond more.

use plasma_contracts_abi::in_flight_exits as abi;
use plasma_core::{Amount, ExitId, SignedTransaction};

use super::{call, paid};
use crate::bridge::{
    account::Call,
    contracts::Contracts,
    convert::{self, Inclusion},
    error::L1Error,
    evidence::{AnchoredBlock, Evidence, Pending},
};

/// All errors are [`L1Error::Key`]: the signature of a certificate is no point of the curve.
#[expect(clippy::missing_errors_doc, reason = "all fail alike")]
impl Contracts {
    /// Opens the exit of a payment; `inputs` are, in order, where the transactions lie that made its inputs.
    pub fn start_in_flight_call(
        &self,
        payment: &Evidence,
        inputs: &[Inclusion],
        bond: Amount,
    ) -> Result<Call, L1Error> {
        let arguments = abi::StartInFlightExitCall {
            payment: convert::evidence(payment)?,
            inputs: inputs.iter().map(convert::proof).collect(),
        };
        let value = bond.saturating_add(claim_bond(payment, bond));
        Ok(paid(value, call(NAME, self.in_flight, &arguments)))
    }

    /// Proves the inputs of a payment without an exit, for whoever challenges with it.
    #[must_use]
    pub fn show_inputs_call(&self, payment: &SignedTransaction, inputs: &[Inclusion]) -> Call {
        let arguments = abi::ShowInputsCall {
            transaction: payment.encode().into(),
            inputs: inputs.iter().map(convert::proof).collect(),
        };
        call(NAME, self.in_flight, &arguments)
    }

    /// Claims an output; the sender owns it.
    #[must_use]
    pub fn piggyback_output_call(&self, exit: &ExitId, pending: &Pending, output: u8, bond: Amount) -> Call {
        let arguments = abi::PiggybackOutputCall {
            exit_id: convert::exit_id(exit),
            pending: convert::pending(pending),
            output,
        };
        paid(bond, call(NAME, self.in_flight, &arguments))
    }

    /// Claims the inputs, all at once; the sender owns them.
    #[must_use]
    pub fn piggyback_input_call(&self, exit: &ExitId, pending: &Pending, bond: Amount) -> Call {
        let arguments = abi::PiggybackInputCall {
            exit_id: convert::exit_id(exit),
            pending: convert::pending(pending),
        };
        paid(bond, call(NAME, self.in_flight, &arguments))
    }

    /// Shows another transaction whose input `competing` spends the payment's `input`.
    pub fn challenge_not_canonical_call(
        &self,
        exit: &ExitId,
        pending: &Pending,
        input: u8,
        (competitor, competing): (&Evidence, u8),
        bond: Amount,
    ) -> Result<Call, L1Error> {
        let arguments = abi::ChallengeNotCanonicalCall {
            exit_id: convert::exit_id(exit),
            pending: convert::pending(pending),
            input,
            competitor: convert::evidence(competitor)?,
            competing,
        };
        let value = claim_bond(competitor, bond);
        Ok(paid(value, call(NAME, self.in_flight, &arguments)))
    }

    /// Shows where the payment itself is included.
    pub fn respond_not_canonical_call(
        &self,
        exit: &ExitId,
        pending: &Pending,
        payment: &Evidence,
        bond: Amount,
    ) -> Result<Call, L1Error> {
        let arguments = abi::RespondNotCanonicalCall {
            exit_id: convert::exit_id(exit),
            pending: convert::pending(pending),
            payment: convert::evidence(payment)?,
        };
        let value = claim_bond(payment, bond);
        Ok(paid(value, call(NAME, self.in_flight, &arguments)))
    }

    /// Shows another transaction whose input spends the claimed `input`.
    pub fn challenge_input_spent_call(
        &self,
        exit: &ExitId,
        pending: &Pending,
        input: u8,
        (spending, spending_input): (&Evidence, u8),
        bond: Amount,
    ) -> Result<Call, L1Error> {
        let arguments = abi::ChallengeInputSpentCall {
            exit_id: convert::exit_id(exit),
            pending: convert::pending(pending),
            input,
            spending: convert::evidence(spending)?,
            spending_input,
        };
        let value = claim_bond(spending, bond);
        Ok(paid(value, call(NAME, self.in_flight, &arguments)))
    }

    /// Shows a transaction whose input spends the claimed `output`; `payment` shows where that output was born.
    pub fn challenge_output_spent_call(
        &self,
        exit: &ExitId,
        pending: &Pending,
        (payment, output): (&Evidence, u8),
        (spending, spending_input): (&Evidence, u8),
        bond: Amount,
    ) -> Result<Call, L1Error> {
        let arguments = abi::ChallengeOutputSpentCall {
            exit_id: convert::exit_id(exit),
            pending: convert::pending(pending),
            output,
            payment: convert::evidence(payment)?,
            spending: convert::evidence(spending)?,
            spending_input,
        };
        let value = claim_bond(payment, bond).max(claim_bond(spending, bond));
        Ok(paid(value, call(NAME, self.in_flight, &arguments)))
    }

    /// Takes back the provisional claim in a slot: `truth` is the anchored block at a height that it names.
    #[must_use]
    pub fn rebut_call(&self, exit: &ExitId, slot: u8, truth: &AnchoredBlock) -> Call {
        let arguments = abi::RebutCall {
            exit_id: convert::exit_id(exit),
            slot,
            truth: convert::block(truth),
        };
        call(NAME, self.in_flight, &arguments)
    }
}

fn claim_bond(evidence: &Evidence, bond: Amount) -> Amount {
    if evidence.is_provisional() {
        bond
    } else {
        Amount::ZERO
    }
}

const NAME: &str = "InFlightExits";
