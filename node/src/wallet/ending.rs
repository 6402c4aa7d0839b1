//! How what leaves is paid: the exit game's queue is worked off until it is this one's turn.

use plasma_core::{Address, ExitId, L1Event, SignedTransaction};

use super::{
    Purse, WalletError,
    amount::show,
    book::Intent,
    purse::{Ethereum, Person},
    steps::Step,
    words,
};
use crate::{
    api::text::{AddressText, HashText},
    bridge::outcome::Outcome,
};

/// How an exit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its number in the journal.
    pub action: usize,
    /// The exit.
    pub exit: ExitId,
    /// Whether it was paid; `None` when somebody else ended it.
    pub paid: Option<bool>,
}

/// An open exit of either game.
struct Open {
    asset: Address,
    /// What it pays, in words.
    lines: Vec<(&'static str, String)>,
}

impl<P: Person> Purse<P> {
    /// Has an exit paid whose time has come. What came of it is told again.
    ///
    /// # Errors
    /// [`WalletError::Refused`] before its time.
    pub async fn finalize(&mut self, from: Address, exit: ExitId) -> Result<Ended, WalletError> {
        let intent = Intent::Process {
            from: from.into(),
            exit: HashText(exit.0),
        };
        let ethereum = self.caught_up().await?;
        let open = self.open_exit(&ethereum, exit).await?;
        match (self.book().open(&intent), open) {
            (Some(_), open) => {
                let asset = open.map(|open| open.asset);
                self.process(&ethereum, &intent, exit, asset).await
            }
            (None, Some(open)) => {
                let (now, due) = (ethereum.rpc.newest().await?.timestamp_s, exit.due_s());
                if now < due {
                    return Err(WalletError::Refused(format!(
                        "exit {} can be paid in {} s of Ethereum's clock",
                        HashText(exit.0),
                        due - now
                    )));
                }
                let mut lines = vec![("exit", HashText(exit.0).to_string())];
                lines.extend(open.lines);
                self.person.agree(&words::ethereum(
                    "Pay an exit that is due, on Ethereum",
                    &lines,
                    &self.genesis,
                ))?;
                self.process(&ethereum, &intent, exit, Some(open.asset)).await
            }
            (None, None) => match self.ended_before(&ethereum, exit).await? {
                Some(ended) => Ok(ended),
                None => self.ended_elsewhere(&ethereum, exit).await,
            },
        }
    }

    /// Calls `process` until the exit has ended; exits before it in the queue are paid on the way.
    async fn process(
        &mut self,
        ethereum: &Ethereum,
        intent: &Intent,
        exit: ExitId,
        mut asset: Option<Address>,
    ) -> Result<Ended, WalletError> {
        let action = self.begin(intent)?;
        let Intent::Process { from, .. } = intent else {
            return Err(WalletError::Usage("this pays no exit".into()));
        };
        let known = self.book().action(action);
        let signed = known.map_or(0, |known| {
            known.calls.iter().filter(|call| !call.is_replaced).count()
        });
        // The last one may be under way.
        let first = signed.saturating_sub(1);
        for turn in first..first + TURNS_MAX {
            let name = format!("process-{turn}");
            let known = self.book().action(action);
            let is_begun = known.is_some_and(|action| action.call(&name).is_some());
            if asset.is_none() && !is_begun {
                let paid = None;
                return Ok(Ended { action, exit, paid });
            }
            let step = Step {
                action,
                name: &name,
                from: from.0,
                // What was sent before is not made anew.
                call: ethereum
                    .contracts
                    .process_call(asset.unwrap_or(Address::ZERO), PLACES),
                gas: Some(PROCESS_GAS),
            };
            let outcome = self.step(ethereum, &step).await?;
            if let Some(paid) = self.paid_in(&outcome, exit) {
                let paid = Some(paid);
                return Ok(Ended { action, exit, paid });
            }
            asset = self.open_exit(ethereum, exit).await?.map(|open| open.asset);
        }
        Err(WalletError::Waiting(format!(
            "{TURNS_MAX} calls paid {PLACES} places of the queue each, and exit {} is still behind others",
            HashText(exit.0)
        )))
    }

    /// How an exit ended by a call of this wallet, be it one for another exit.
    async fn ended_before(&self, ethereum: &Ethereum, exit: ExitId) -> Result<Option<Ended>, WalletError> {
        let paying = self
            .book()
            .actions()
            .filter(|(_, action)| matches!(action.intent, Intent::Process { .. }));
        let calls = paying.flat_map(|(number, action)| action.calls.iter().map(move |call| (number, call)));
        let mined = calls.filter_map(|(number, call)| call.mined.map(|(hash, _)| (number, hash)));
        for (action, hash) in mined.collect::<Vec<_>>().into_iter().rev() {
            let outcome = ethereum.contracts.outcome(&ethereum.rpc, hash).await?;
            if let Some(paid) = outcome.and_then(|outcome| self.paid_in(&outcome, exit)) {
                let paid = Some(paid);
                return Ok(Some(Ended { action, exit, paid }));
            }
        }
        Ok(None)
    }

    /// How an exit ended that no call of this wallet ended: Ethereum keeps what it paid.
    async fn ended_elsewhere(&self, ethereum: &Ethereum, exit: ExitId) -> Result<Ended, WalletError> {
        let named = HashText(exit.0);
        let own = self.book().actions().find_map(|(action, known)| {
            let (output, _) = known.exits().find(|(_, other)| *other == exit)?;
            Some((action, output))
        });
        let Some((action, output)) = own else {
            return Err(WalletError::Refused(format!(
                "no exit {named} is open: it ended before, or never began"
            )));
        };
        match self.is_paid_out(ethereum, output).await? {
            Some(true) => Ok(Ended {
                action,
                exit,
                paid: Some(true),
            }),
            Some(false) => Err(WalletError::Refused(format!(
                "exit {named} of output {output} ended and was not paid: it was challenged, and its bond is lost, or its \
                 block does not count"
            ))),
            None => Err(WalletError::Refused(format!(
                "exit {named} of output {output} ended, and no receipt is here that tells whether it was paid"
            ))),
        }
    }

    /// An exit that is open in either game; of one in flight the wallet must know the payment.
    async fn open_exit(&self, ethereum: &Ethereum, exit: ExitId) -> Result<Option<Open>, WalletError> {
        if let Some(open) = ethereum.contracts.exit(&ethereum.rpc, &exit).await? {
            return Ok(Some(Open {
                asset: open.asset,
                lines: vec![
                    ("pays", show(open.amount, open.asset)),
                    ("to", AddressText(open.owner).to_string()),
                ],
            }));
        }
        let Some((_, payment)) = self.flown_with(exit) else {
            return Ok(None);
        };
        let open = ethereum.contracts.in_flight_exit(&ethereum.rpc, &exit).await?;
        Ok(open.map(|_| Open {
            asset: payment.transaction.asset,
            lines: vec![(
                "pays",
                format!(
                    "what was claimed of payment {}, if it counts; else its inputs, if they were",
                    payment.id()
                ),
            )],
        }))
    }

    /// Whether an exit ended in a transaction, and if so, whether its owner was paid.
    fn paid_in(&self, outcome: &Outcome, exit: ExitId) -> Option<bool> {
        outcome.events.iter().find_map(|event| match event {
            L1Event::ExitEnded { id, paid, .. } if *id == exit => Some(*paid),
            L1Event::InFlightExitEnded {
                id,
                paid_outputs,
                consumed_inputs,
            } if *id == exit => Some(self.is_paid(exit, *paid_outputs, *consumed_inputs)),
            _ => None,
        })
    }

    /// Whether what left with a payment is the account's: outputs of it, or inputs that went back.
    fn is_paid(&self, exit: ExitId, paid_outputs: u8, consumed_inputs: u8) -> bool {
        let Some((owner, payment)) = self.flown_with(exit) else {
            return paid_outputs | consumed_inputs != 0;
        };
        if paid_outputs == 0 {
            return consumed_inputs != 0 && self.payer(&payment) == Some(owner);
        }
        let outputs = payment.transaction.outputs.iter().enumerate();
        let mut paid = outputs.filter(|(place, _)| paid_outputs >> place & 1 == 1);
        paid.any(|(_, output)| output.owner == owner)
    }

    /// Who leaves with an exit in flight, and the payment.
    fn flown_with(&self, exit: ExitId) -> Option<(Address, SignedTransaction)> {
        self.book()
            .actions()
            .find_map(|(_, action)| match &action.intent {
                Intent::Flight { from, .. } if action.leaving.first() == Some(&exit) => {
                    Some((from.0, action.intent.flown()?))
                }
                _ => None,
            })
    }

    /// Who signed a payment.
    pub(super) fn payer(&self, payment: &SignedTransaction) -> Option<Address> {
        let authentic = payment.clone().authenticate(&self.genesis.domain());
        authentic.ok().map(|authentic| authentic.owner())
    }
}

/// Places of the queue in one call.
const PLACES: u64 = 8;
/// 2.5 million, and what eight places cost (`docs/contracts.md`, gas of `process`).
const PROCESS_GAS: u64 = 6_000_000;
/// Somebody else pays such a queue before.
const TURNS_MAX: usize = 16;
