//! What operators tell of outputs whose exit costs a bond.
//!
//! One operator that wants the bond calls a spent output unspent, one that wants to keep somebody in calls an unspent one
//! spent. So all of them are asked. A receipt of the payment that spent an output counts, whoever shows it. Without one it
//! counts as unspent when more operators say that than say, credibly, something else. Who names a payment that nothing
//! shows is not heard beside others.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use plasma_core::{Height, Position, TransactionId};

use super::{Purse, WalletError, ledger::judged, purse::Person};
use crate::{
    api::{Code, view::OutputStatus},
    client::{Client, ClientError},
};

/// What operators tell of an output, and prove where it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing that speaks against an exit.
    Nothing,
    /// A receipt proves who spent it.
    Spent { by: TransactionId, block: Height },
    /// Something is said against it that nobody proves.
    Unproven(String),
}

/// What one operator says of one output.
enum Said {
    Unspent,
    /// It does not know it: it lags behind the receipt.
    Unknown,
    Spent {
        by: TransactionId,
        block: Height,
    },
    /// It may be so, and nothing shows it.
    Claim(String),
    /// It does not show what it must be able to show.
    Bogus(String),
}

/// What all of them say of one output.
#[derive(Debug, Default)]
struct Heard {
    unspent: usize,
    unknown: usize,
    spent: Option<(TransactionId, Height)>,
    claims: Vec<String>,
    bogus: Vec<String>,
}

impl<P: Person> Purse<P> {
    /// What all operators together tell of outputs.
    pub(super) async fn told_of(
        &self,
        outputs: &[Position],
    ) -> Result<BTreeMap<Position, Told>, WalletError> {
        let operators = self.operators()?;
        let mut told = BTreeMap::new();
        if outputs.is_empty() {
            return Ok(told);
        }
        // What was said counts, also of one that falls silent later.
        let heard: RefCell<BTreeMap<Position, Heard>> = RefCell::default();
        let asked = async |client: &Client| {
            for output in outputs {
                let said = self.said(client, *output).await?;
                heard.borrow_mut().entry(*output).or_default().hear(said);
            }
            Ok(())
        };
        let each = u32::try_from(outputs.len()).unwrap_or(u32::MAX);
        let patience = PATIENCE.saturating_add(PATIENCE_EACH.saturating_mul(each));
        let answers = operators.ask_all(patience, asked).await;
        let silent: Vec<String> = answers
            .iter()
            .filter_map(|answer| Some(answer.as_ref().err()?.to_string()))
            .collect();
        let silence = silent.join("; ");
        let mut heard = heard.into_inner();
        for output in outputs {
            let of_it = heard.remove(output).unwrap_or_default();
            told.insert(*output, of_it.verdict(&silence));
        }
        Ok(told)
    }

    /// What an operator says of an output.
    ///
    /// # Errors
    /// [`ClientError`] when it says nothing more.
    async fn said(&self, client: &Client, output: Position) -> Result<Said, ClientError> {
        let told = match client.output(output).await {
            Ok(told) => told,
            Err(ClientError::Problem(problem)) if problem.is(Code::NotFound) => return Ok(Said::Unknown),
            Err(ClientError::Problem(problem)) => return Ok(Said::Bogus(problem.to_string())),
            Err(error) => return Err(error),
        };
        let claim = |words: &str| Ok(Said::Claim(words.to_owned()));
        match told.status {
            OutputStatus::Unspent => return Ok(Said::Unspent),
            OutputStatus::Spent => {}
            OutputStatus::Exiting => return claim("an exit of it is open"),
            OutputStatus::Exited => return claim("Ethereum paid it out"),
            OutputStatus::Reclaimed => return claim("its deposit was taken back"),
        }
        let operator = client.operator();
        let Some(named) = told.spent_by.and_then(|spender| spender.id) else {
            return Ok(Said::Bogus(format!(
                "{operator} says that it was spent, and not by what"
            )));
        };
        let by = TransactionId(named.0);
        let bogus = |reason: &dyn std::fmt::Display| {
            Ok(Said::Bogus(format!(
                "{operator} says that {by} spent it: {reason}"
            )))
        };
        let shown = match client.proof(by).await {
            Ok(shown) => shown,
            Err(ClientError::Problem(problem)) if problem.is(Code::NotFound) => return bogus(&problem),
            // It does not keep it any more, or has no time now.
            Err(error @ (ClientError::Problem(_) | ClientError::Unreachable { .. })) => {
                return claim(&format!("payment {by} spent it ({operator}: {error})"));
            }
            Err(error) => return bogus(&error),
        };
        let receipt = match judged(client, self.ways.witness.proof(&shown, by).await) {
            Ok(receipt) => receipt,
            Err(error) => return bogus(&error),
        };
        let mut inputs = receipt.transaction.transaction.inputs.iter();
        if inputs.any(|input| input.position == output) {
            let block = receipt.height;
            return Ok(Said::Spent { by, block });
        }
        bogus(&"the receipt does not show it")
    }
}

impl Heard {
    fn hear(&mut self, said: Said) {
        match said {
            Said::Unspent => self.unspent += 1,
            Said::Unknown => self.unknown += 1,
            Said::Spent { by, block } => self.spent = Some((by, block)),
            Said::Claim(words) => self.claims.push(words),
            Said::Bogus(words) => self.bogus.push(words),
        }
    }

    /// `silence`: why others said nothing.
    fn verdict(self, silence: &str) -> Told {
        if let Some((by, block)) = self.spent {
            return Told::Spent { by, block };
        }
        if let Some(words) = self.claims.first().filter(|_| self.claims.len() >= self.unspent) {
            return Told::Unproven(words.clone());
        }
        let is_answered = self.unspent > 0 || (self.unknown > 0 && self.bogus.is_empty());
        if is_answered {
            return Told::Nothing;
        }
        let why = if self.bogus.is_empty() {
            silence.to_owned()
        } else {
            self.bogus.join("; ")
        };
        Told::Unproven(format!("it may be spent ({why})"))
    }
}

/// An operator at the other end of the world answers in a second; who lets a wallet wait here only delays it.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// A question or two for each output.
const PATIENCE_EACH: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use plasma_core::Hash;

    use super::*;

    const BY: TransactionId = TransactionId(Hash([7; 32]));

    fn verdict(said: impl IntoIterator<Item = Said>) -> Told {
        let mut heard = Heard::default();
        said.into_iter().for_each(|said| heard.hear(said));
        heard.verdict("nobody answers")
    }

    fn claim() -> Said {
        Said::Claim("an exit of it is open".into())
    }

    fn unproven(told: &Told, words: &str) {
        assert!(
            matches!(told, Told::Unproven(said) if said.contains(words)),
            "{told:?}"
        );
    }

    #[test]
    fn one_proof_outweighs_all_who_say_otherwise() {
        let spent = Said::Spent {
            by: BY,
            block: Height(3),
        };
        let told = verdict([Said::Unspent, Said::Unspent, spent, claim(), Said::Unknown]);
        assert_eq!(
            told,
            Told::Spent {
                by: BY,
                block: Height(3)
            }
        );
    }

    #[test]
    fn what_nobody_proves_counts_by_heads_and_what_is_bogus_does_not_count() {
        let bogus = || Said::Bogus("shows nothing".into());
        assert_eq!(verdict([claim(), Said::Unspent, Said::Unspent]), Told::Nothing);
        unproven(&verdict([claim(), Said::Unspent]), "an exit of it");
        unproven(&verdict([claim(), Said::Unknown]), "an exit of it");
        assert_eq!(verdict([bogus(), bogus(), Said::Unspent]), Told::Nothing);
        unproven(&verdict([bogus(), Said::Unknown]), "shows nothing");
        assert_eq!(verdict([Said::Unknown]), Told::Nothing);
        unproven(&verdict([]), "nobody answers");
    }
}
