//! One Ethereum transaction of an action: signed, written down, sent, and waited for, whatever happens in between.
//!
//! Every signature for a nonce is in the journal before its bytes leave, so after a crash the same bytes are sent again: a
//! nonce is mined once. Only when another transaction of the account has taken it for good, as deep in Ethereum as the
//! deployment waits for, is the call signed anew.

use plasma_core::{Address, Amount, Hash};
use tokio::time::Instant;

use super::{
    Purse, WalletError,
    book::{self, Attempt, Record},
    purse::{Ethereum, Person},
    standing::Nonce,
};
use crate::{
    api::text::{AmountText, BytesText, HashText},
    bridge::{
        L1Error,
        account::{Account, Call, Fees, Terms},
        methods::At,
        outcome::Outcome,
        sender::limit_gas,
    },
};

/// A call of an action.
#[derive(Clone, Debug)]
pub(super) struct Step<'a> {
    /// Which action.
    pub(super) action: usize,
    /// Its name in the action; the same name is the same call.
    pub(super) name: &'a str,
    /// Who signs and pays.
    pub(super) from: Address,
    /// What is asked for.
    pub(super) call: Call,
    /// The gas limit, where an estimate is not to be trusted.
    pub(super) gas: Option<u64>,
}

impl<P: Person> Purse<P> {
    /// Does a call once, and returns what it did.
    ///
    /// # Errors
    /// [`L1Error::Reverted`] when it cannot succeed now and nothing was signed; [`L1Error::MinedReverted`];
    /// [`WalletError::Waiting`] when it is not mined in time.
    pub(super) async fn step(
        &mut self,
        ethereum: &Ethereum,
        step: &Step<'_>,
    ) -> Result<Outcome, WalletError> {
        let end = Instant::now() + self.patience.ethereum;
        let (mut sent, mut missed): (Option<Instant>, u32) = (None, 0);
        loop {
            let Some(known) = self.known(step) else {
                if !self.take_back_up(ethereum, step).await? {
                    self.sign_step(ethereum, step, None).await?;
                }
                sent = None;
                continue;
            };
            let nonce = known.attempts.last().map_or(0, |attempt| attempt.nonce);
            let said = if let Some((hash, outcome)) = mined(ethereum, &known).await? {
                if self.finish(ethereum, step, &known, (hash, &outcome)).await? {
                    return Ok(outcome);
                }
                "was mined and failed, and Ethereum may still take that back"
            } else {
                let head = ethereum.rpc.newest().await?.height;
                match self.whose_nonce(ethereum, head, &known).await? {
                    Nonce::Free if sent.is_none() => {
                        push(ethereum, &known).await?;
                        sent = Some(Instant::now());
                        self.person
                            .tell(&format!("{} is sent, nonce {nonce}", step.call.label));
                    }
                    Nonce::Free if sent.is_some_and(|sent| sent.elapsed() >= self.patience.bump) => {
                        self.sign_step(ethereum, step, Some(&known)).await?;
                        sent = None;
                        continue;
                    }
                    // The endpoint may show the nonce before the receipt.
                    Nonce::Lost => {
                        missed += 1;
                        if missed >= MISSED_MAX {
                            return Err(self.replaced(step, nonce)?);
                        }
                    }
                    Nonce::Free | Nonce::Used => {}
                }
                "was sent and is not mined"
            };
            if Instant::now() >= end {
                return Err(WalletError::Waiting(format!(
                    "{} {said} after {} s (nonce {nonce})",
                    step.call.label,
                    self.patience.ethereum.as_secs()
                )));
            }
            tokio::time::sleep(self.patience.poll).await;
        }
    }

    /// Goes on with a call that was given up and was mined after all, or that may still be, for nobody has its nonce.
    async fn take_back_up(&mut self, ethereum: &Ethereum, step: &Step<'_>) -> Result<bool, WalletError> {
        let known = self.book().action(step.action);
        let given_up: Vec<book::Call> = known
            .into_iter()
            .flat_map(|action| action.given_up(step.name))
            .cloned()
            .collect();
        for call in given_up {
            if let Some((hash, outcome)) = mined(ethereum, &call).await? {
                self.seen(step.action, &call, hash, &outcome)?;
                return Ok(true);
            }
            let head = ethereum.rpc.newest().await?.height;
            match self.whose_nonce(ethereum, head, &call).await? {
                Nonce::Lost => {}
                Nonce::Free => {
                    self.is_gone(step.action, &call)?;
                    return Ok(true);
                }
                Nonce::Used => {
                    let call = &step.call.label;
                    return Err(WalletError::Waiting(format!(
                        "{call} was given up for another transaction of the account, which Ethereum may still take back"
                    )));
                }
            }
        }
        Ok(false)
    }

    /// What a mined call did, asked again: `None` when Ethereum forgot it, and then its bytes are sent once more.
    pub(super) async fn outcome_of(
        &self,
        ethereum: &Ethereum,
        action: usize,
        name: &str,
    ) -> Result<Option<Outcome>, WalletError> {
        let known = self.book().action(action).and_then(|action| action.call(name));
        let Some(known) = known.cloned() else {
            return Ok(None);
        };
        match mined(ethereum, &known).await? {
            Some((_, outcome)) => Ok(Some(outcome)),
            None => {
                push(ethereum, &known).await?;
                Ok(None)
            }
        }
    }

    /// Whether a call of an action that goes on was signed.
    pub(super) fn is_signed(&self, intent: &book::Intent, name: &str) -> bool {
        let open = self.book().open(intent);
        let known = open.and_then(|number| self.book().action(number));
        known.is_some_and(|action| action.call(name).is_some())
    }

    fn known(&self, step: &Step<'_>) -> Option<book::Call> {
        let action = self.book().action(step.action)?;
        action.call(step.name).cloned()
    }

    /// Signs a call, the first time or with higher fees, and writes it down.
    async fn sign_step(
        &mut self,
        ethereum: &Ethereum,
        step: &Step<'_>,
        before: Option<&book::Call>,
    ) -> Result<(), WalletError> {
        let suggested = self.bearable(ethereum.rpc.fees().await?);
        let terms = match before.and_then(|call| call.attempts.last().map(|last| (call, last))) {
            Some((call, last)) if call.attempts.len() < ATTEMPTS_MAX => Terms {
                nonce: last.nonce,
                gas: last.gas,
                fees: dearer(last.fees(), suggested),
            },
            // Enough was tried: the last bytes are sent again.
            Some(_) => return Ok(()),
            None => {
                let pending = ethereum.rpc.nonce(step.from, At::Pending).await?;
                Terms {
                    nonce: pending.max(self.book().next_nonce(step.from)),
                    gas: self.gas(ethereum, step).await?,
                    fees: suggested,
                }
            }
        };
        let secret = self.person.key(step.from)?;
        let account = Account::new(&secret, self.genesis.chain_id)?;
        let signed = account.sign(&step.call, &terms)?;
        self.record(&Record::Sent {
            action: step.action,
            call: step.name.to_owned(),
            attempt: Attempt {
                account: step.from.into(),
                nonce: terms.nonce,
                gas: terms.gas,
                max_wei: AmountText(Amount::from(terms.fees.max_wei)),
                priority_wei: AmountText(Amount::from(terms.fees.priority_wei)),
                hash: HashText(signed.hash),
                raw: BytesText(signed.raw),
            },
        })
    }

    /// What an endpoint suggests, with no more of a tip than anybody needs: the base fee is Ethereum's, the tip is paid in full.
    fn bearable(&self, suggested: Fees) -> Fees {
        let excess = suggested.priority_wei.saturating_sub(TIP_WEI_MAX);
        if excess > 0 {
            self.person.tell(&format!(
                "the Ethereum endpoint suggests a tip of {} wei for a unit of gas; {TIP_WEI_MAX} wei are offered",
                suggested.priority_wei
            ));
        }
        Fees {
            max_wei: suggested.max_wei.saturating_sub(excess),
            priority_wei: suggested.priority_wei - excess,
        }
    }

    async fn gas(&self, ethereum: &Ethereum, step: &Step<'_>) -> Result<u64, WalletError> {
        if let Some(gas) = step.gas {
            return Ok(gas);
        }
        // One execution finds a revert cheaper than the search for a gas limit does.
        ethereum
            .rpc
            .eth_call(Some(step.from), &step.call, At::Latest)
            .await?;
        Ok(limit_gas(
            &step.call,
            ethereum.rpc.gas(step.from, &step.call).await?,
        )?)
    }

    /// Notes what a mined call did; false when it failed and that may still change.
    async fn finish(
        &mut self,
        ethereum: &Ethereum,
        step: &Step<'_>,
        known: &book::Call,
        (hash, outcome): (Hash, &Outcome),
    ) -> Result<bool, WalletError> {
        self.seen(step.action, known, hash, outcome)?;
        let label = &step.call.label;
        if outcome.succeeded {
            return Ok(true);
        }
        let head = ethereum.rpc.newest().await?.height;
        if !self.is_deep(head, outcome.block) {
            return Ok(false);
        }
        // It did nothing but cost gas: the same command begins anew.
        self.end(step.action)?;
        Err(L1Error::MinedReverted {
            call: label.clone(),
            transaction: hash,
        }
        .into())
    }

    /// Gives a call up whose nonce another transaction has for good.
    fn replaced(&mut self, step: &Step<'_>, nonce: u64) -> Result<WalletError, WalletError> {
        self.record(&Record::Replaced {
            action: step.action,
            call: step.name.to_owned(),
        })?;
        let call = step.call.label.clone();
        Ok(L1Error::Replaced { call, nonce }.into())
    }
}

/// The attempt that was mined, if one was.
pub(super) async fn mined(
    ethereum: &Ethereum,
    call: &book::Call,
) -> Result<Option<(Hash, Outcome)>, WalletError> {
    for attempt in call.attempts.iter().rev() {
        let hash = attempt.hash.0;
        if let Some(outcome) = ethereum.contracts.outcome(&ethereum.rpc, hash).await? {
            return Ok(Some((hash, outcome)));
        }
    }
    Ok(None)
}

/// Sends the newest bytes. A node that has them, or has mined them, says so, and that is no failure.
pub(super) async fn push(ethereum: &Ethereum, call: &book::Call) -> Result<(), WalletError> {
    let Some(attempt) = call.attempts.last() else {
        return Ok(());
    };
    match ethereum.rpc.send_raw(&attempt.raw.0).await {
        Err(error) if error.is_held() || error.says(OVERTAKEN) => Ok(()),
        sent => Ok(sent?),
    }
}

/// What nodes say of a transaction when it, or a better attempt, is mined or waits there.
const OVERTAKEN: &[&str] = &["nonce too low", "underpriced"];

fn dearer(last: Fees, suggested: Fees) -> Fees {
    let raised = |old: u128, new: u128| {
        let least = old.saturating_mul(BUMP_PERCENT).div_ceil(100);
        new.max(least).max(old.saturating_add(1))
    };
    let max_wei = raised(last.max_wei, suggested.max_wei);
    Fees {
        max_wei,
        priority_wei: raised(last.priority_wei, suggested.priority_wei).min(max_wei),
    }
}

/// Nodes ask for 10 % more on both fees of a replacement; three more percent survive their rounding.
const BUMP_PERCENT: u128 = 113;
/// Eight raises multiply a fee by two and a half; beyond that a person should look.
const ATTEMPTS_MAX: usize = 8;
/// 50 gwei, ten times what a crowded Ethereum takes; raises go above it.
const TIP_WEI_MAX: u128 = 50_000_000_000;
/// So many looks in a row see the nonce used and none of our transactions mined.
const MISSED_MAX: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_raises_both_fees_by_what_nodes_ask_for() {
        let low = Fees {
            max_wei: 100,
            priority_wei: 1,
        };
        assert_eq!(
            dearer(low, low),
            Fees {
                max_wei: 113,
                priority_wei: 2
            }
        );
        let high = Fees {
            max_wei: 500,
            priority_wei: 400,
        };
        assert_eq!(dearer(low, high), high);
    }
}
