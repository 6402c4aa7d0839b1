//! The rules that a transaction must keep whatever the ledger holds, in the order of the page.

use super::{EXPIRY_NEVER, Kind, Transaction};
use crate::planted::planted;
use crate::{Address, Amount, Height, Position};

/// The first rule of form that a transaction breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// The kind does not allow these numbers of inputs and outputs.
    #[error("a {kind:?} has not {inputs} inputs and {outputs} outputs")]
    Counts {
        /// The kind.
        kind: Kind,
        /// Its inputs.
        inputs: usize,
        /// Its outputs.
        outputs: usize,
    },
    /// A split or a merge moves ETH only: its signature covers no asset.
    #[error("a {kind:?} moves ETH only, not {asset}")]
    Asset {
        /// The kind.
        kind: Kind,
        /// What it says.
        asset: Address,
    },
    /// Split, merge and fund never expire: their signature covers no expiry.
    #[error("a {kind:?} has no expiry, not {expiry}")]
    Expiry {
        /// The kind.
        kind: Kind,
        /// What it says.
        expiry: Height,
    },
    /// The input of a fund transaction is (0, 0, 0) with a deposit number that fits 64 bits.
    #[error("the input of a fund transaction names no deposit")]
    Deposit,
    /// An output holds nothing.
    #[error("output {output} has amount zero")]
    OutputAmountZero {
        /// Index of the output.
        output: usize,
    },
    /// An output belongs to nobody.
    #[error("output {output} has owner zero")]
    OutputOwnerZero {
        /// Index of the output.
        output: usize,
    },
    /// Two inputs name one output.
    #[error("inputs {first} and {second} are both {position}")]
    InputRepeated {
        /// Index of the earlier one.
        first: usize,
        /// Index of the later one.
        second: usize,
        /// What both name.
        position: Position,
    },
    /// The inputs or the outputs sum above 256 bits.
    #[error("the sum of inputs or outputs overflows")]
    SumOverflow,
    /// More goes out than comes in, or less.
    #[error("inputs sum to {inputs}, outputs to {outputs}")]
    SumsDiffer {
        /// Σ inputs.
        inputs: Amount,
        /// Σ outputs.
        outputs: Amount,
    },
}

impl Transaction {
    /// Checks form: everything that needs neither signature nor ledger.
    ///
    /// # Errors
    /// [`TransactionError`], the first rule that is broken.
    pub fn check(&self) -> Result<(), TransactionError> {
        self.check_template()?;
        if self.kind == Kind::Fund {
            // The vault decided about owner and amount; inputs and outputs do not balance by design.
            return self.deposit().map(|_| ()).ok_or(TransactionError::Deposit);
        }
        self.check_outputs()?;
        self.check_distinct()?;
        self.check_sums()
    }

    fn check_template(&self) -> Result<(), TransactionError> {
        let (kind, inputs, outputs) = (self.kind, self.inputs.len(), self.outputs.len());
        if !kind.allows(inputs, outputs) {
            return Err(TransactionError::Counts {
                kind,
                inputs,
                outputs,
            });
        }
        let is_legacy = matches!(kind, Kind::Split | Kind::Merge);
        if is_legacy && !self.asset.is_zero() {
            return Err(TransactionError::Asset {
                kind,
                asset: self.asset,
            });
        }
        if kind != Kind::Transfer && self.expiry != EXPIRY_NEVER {
            return Err(TransactionError::Expiry {
                kind,
                expiry: self.expiry,
            });
        }
        Ok(())
    }

    fn check_outputs(&self) -> Result<(), TransactionError> {
        if let Some(output) = self.outputs.iter().position(|payment| payment.amount.is_zero()) {
            return Err(TransactionError::OutputAmountZero { output });
        }
        match self.outputs.iter().position(|payment| payment.owner.is_zero()) {
            Some(output) => Err(TransactionError::OutputOwnerZero { output }),
            None => Ok(()),
        }
    }

    fn check_distinct(&self) -> Result<(), TransactionError> {
        for (second, input) in self.inputs.iter().enumerate() {
            let mut earlier = self.inputs.iter().take(second);
            if let Some(first) = earlier.position(|other| other.position == input.position) {
                return Err(TransactionError::InputRepeated {
                    first,
                    second,
                    position: input.position,
                });
            }
        }
        Ok(())
    }

    fn check_sums(&self) -> Result<(), TransactionError> {
        let inputs = sum(self.inputs.iter().map(|input| input.amount))?;
        let outputs = sum(self.outputs.iter().map(|payment| payment.amount))?;
        if inputs == outputs || planted("ledger: payments pay more than they bring") {
            Ok(())
        } else {
            Err(TransactionError::SumsDiffer { inputs, outputs })
        }
    }

    /// The deposit that a fund transaction is for.
    #[must_use]
    pub fn deposit(&self) -> Option<crate::DepositNumber> {
        let [input] = self.inputs.as_slice() else {
            return None;
        };
        let is_fund = self.kind == Kind::Fund && input.position == Position::default();
        is_fund.then(|| u64::try_from(input.amount).ok().map(crate::DepositNumber))?
    }
}

fn sum(mut amounts: impl Iterator<Item = Amount>) -> Result<Amount, TransactionError> {
    amounts
        .try_fold(Amount::ZERO, |sum, amount| sum.checked_add(amount))
        .ok_or(TransactionError::SumOverflow)
}
