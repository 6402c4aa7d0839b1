//! What Ethereum was seen to do, looked at again until it stays so.
//!
//! A call that was mined may be mined elsewhere, or nowhere, when Ethereum reorganises its newest blocks, and one that was
//! given up may be mined after all. So each of them is looked at again, whatever command runs, until it lies as deep as
//! the deployment waits for. What is gone is sent again with the same bytes, and its action goes on.

use plasma_core::{ExitId, Hash, L1Event, L1Height};

use super::{
    Purse, WalletError,
    book::{Block, Call, Intent, Record},
    purse::{Ethereum, Person},
    steps::{mined, push},
};
use crate::{
    api::text::HashText,
    bridge::{methods::At, outcome::Outcome},
};

impl<P: Person> Purse<P> {
    /// Ethereum, once it was asked again of all that it did and may still undo.
    pub(super) async fn caught_up(&mut self) -> Result<Ethereum, WalletError> {
        let ethereum = self.ethereum()?;
        self.look_again().await?;
        Ok(ethereum)
    }

    /// Looks again at every call whose end is not known for good. Without an endpoint nothing is looked at.
    ///
    /// # Errors
    /// [`WalletError::L1`] of the endpoint; [`WalletError::Journal`].
    pub async fn look_again(&mut self) -> Result<(), WalletError> {
        let standing = self.book().standing();
        let Some(ethereum) = self.ways.ethereum.clone().filter(|_| !standing.is_empty()) else {
            return Ok(());
        };
        let head = ethereum.rpc.newest().await?.height;
        for (action, call) in standing {
            self.look_at(&ethereum, head, action, &call).await?;
        }
        Ok(())
    }

    async fn look_at(
        &mut self,
        ethereum: &Ethereum,
        head: L1Height,
        action: usize,
        call: &Call,
    ) -> Result<(), WalletError> {
        if let Some((height, hash)) = call.block {
            // An endpoint that has not come as far knows nothing of it.
            if head < height {
                return Ok(());
            }
            let block = ethereum.rpc.block_at(height).await?;
            if block.is_some_and(|block| block.hash == hash) {
                return self.settle_call(action, call, self.is_deep(head, height));
            }
        }
        if let Some((hash, outcome)) = mined(ethereum, call).await? {
            return self.seen(action, call, hash, &outcome);
        }
        let had_its_end = call.mined.is_some() || call.is_replaced;
        if !had_its_end && !call.is_gone {
            return Ok(());
        }
        match self.whose_nonce(ethereum, head, call).await? {
            Nonce::Free => self.send_again(ethereum, action, call).await,
            Nonce::Used => Ok(()),
            Nonce::Lost if call.is_replaced => self.settle_call(action, call, true),
            Nonce::Lost => {
                self.is_gone(action, call)?;
                self.record(&Record::Replaced {
                    action,
                    call: call.name.clone(),
                })?;
                self.person.tell(&format!(
                    "{} was mined, and Ethereum took it back: another transaction of the account has its nonce now. The same \
                     command does it anew",
                    call.name
                ));
                Ok(())
            }
        }
    }

    /// Notes where a call was mined, and what it brought there.
    pub(super) fn seen(
        &mut self,
        action: usize,
        call: &Call,
        hash: Hash,
        outcome: &Outcome,
    ) -> Result<(), WalletError> {
        let is_new = call.mined != Some((hash, outcome.succeeded))
            || call.block != Some((outcome.block, outcome.block_hash))
            || call.is_replaced;
        if is_new {
            self.note_mined(action, call, hash, outcome)?;
        }
        if outcome.succeeded {
            self.note_exits(action, outcome)?;
        }
        Ok(())
    }

    fn note_mined(
        &mut self,
        action: usize,
        call: &Call,
        hash: Hash,
        outcome: &Outcome,
    ) -> Result<(), WalletError> {
        let had_effect = call.mined.is_some_and(|(_, succeeded)| succeeded);
        if had_effect && !outcome.succeeded {
            self.is_gone(action, call)?;
            self.person.tell(&format!(
                "{} was mined, Ethereum took it back, and now it failed: the same command does it anew",
                call.name
            ));
        }
        self.record(&Record::Mined {
            action,
            call: call.name.clone(),
            hash: HashText(hash),
            succeeded: outcome.succeeded,
            block: Some(Block {
                height: outcome.block.0,
                hash: HashText(outcome.block_hash),
            }),
        })
    }

    /// Writes down which exits a call started, where it did.
    fn note_exits(&mut self, action: usize, outcome: &Outcome) -> Result<(), WalletError> {
        let Some(known) = self.book().action(action) else {
            return Ok(());
        };
        let exits = exits_in(&known.intent, outcome);
        if exits.is_empty() || known.leaving == exits {
            return Ok(());
        }
        let is_other = !known.leaving.is_empty();
        let exits: Vec<HashText> = exits.iter().map(|exit| HashText(exit.0)).collect();
        if is_other {
            let numbers: Vec<String> = exits.iter().map(ToString::to_string).collect();
            self.person.tell(&format!(
                "what left has another number since Ethereum was reorganised: {}",
                numbers.join(", ")
            ));
        }
        self.record(&match exits.as_slice() {
            [exit] => Record::Leaving { action, exit: *exit },
            _ => Record::LeavingTogether { action, exits },
        })
    }

    /// Whether a block of Ethereum lies as deep as the deployment waits for.
    pub(super) fn is_deep(&self, head: L1Height, block: L1Height) -> bool {
        block.0.saturating_add(self.genesis.confirmations.into()) <= head.0
    }

    /// Whether another transaction has the nonce of a call of which none was mined.
    pub(super) async fn whose_nonce(
        &self,
        ethereum: &Ethereum,
        head: L1Height,
        call: &Call,
    ) -> Result<Nonce, WalletError> {
        let Some(last) = call.attempts.last() else {
            return Ok(Nonce::Used);
        };
        let account = last.account.0;
        if ethereum.rpc.nonce(account, At::Latest).await? <= last.nonce {
            return Ok(Nonce::Free);
        }
        let deep = L1Height(head.0.saturating_sub(self.genesis.confirmations.into()));
        let is_lost = ethereum.rpc.nonce(account, At::Height(deep)).await? > last.nonce;
        Ok(if is_lost { Nonce::Lost } else { Nonce::Used })
    }

    fn settle_call(&mut self, action: usize, call: &Call, is_settled: bool) -> Result<(), WalletError> {
        match call.attempts.last() {
            Some(last) if is_settled => self.record(&Record::Settled {
                action,
                call: call.name.clone(),
                hash: last.hash,
            }),
            _ => Ok(()),
        }
    }

    /// Ethereum took a call back, or it was given up too soon: its action goes on.
    pub(super) fn is_gone(&mut self, action: usize, call: &Call) -> Result<(), WalletError> {
        match call.attempts.last() {
            Some(last) if !call.is_gone => self.record(&Record::Gone {
                action,
                call: call.name.clone(),
                hash: last.hash,
            }),
            _ => Ok(()),
        }
    }

    /// What no block holds any more is offered again.
    async fn send_again(
        &mut self,
        ethereum: &Ethereum,
        action: usize,
        call: &Call,
    ) -> Result<(), WalletError> {
        self.is_gone(action, call)?;
        let said = match push(ethereum, call).await {
            Ok(()) => "it was sent again".to_owned(),
            Err(error) => format!("it cannot be sent again now: {error}"),
        };
        self.person.tell(&format!(
            "{} is in no block of Ethereum any more; {said}. The same command goes on with it",
            call.name
        ));
        Ok(())
    }
}

/// Who has the nonce of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nonce {
    /// Nobody: the call may be mined at any time.
    Free,
    /// Somebody, for now.
    Used,
    /// Somebody, for good.
    Lost,
}

/// The exits that a call for an intent started, in the order of its outputs; none when it is no start of any.
pub(super) fn exits_in(intent: &Intent, outcome: &Outcome) -> Vec<ExitId> {
    if matches!(intent, Intent::Flight { .. }) {
        let started = outcome.events.iter().filter_map(|event| match event {
            L1Event::InFlightExitStarted { id, .. } => Some(*id),
            _ => None,
        });
        return started.take(1).collect();
    }
    let started = intent.exiting().into_iter().map(|output| {
        outcome.events.iter().find_map(|event| match event {
            L1Event::ExitStarted { id, position, .. } if *position == output => Some(*id),
            _ => None,
        })
    });
    started.collect::<Option<_>>().unwrap_or_default()
}
