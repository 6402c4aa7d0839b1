//! Exits: out of the ledger to Ethereum, with operators or without any.

use plasma_core::{Address, ExitId, Hash, Height, L1Event, Position, Receipt};

use super::{
    Purse, WalletError,
    amount::show,
    anchored,
    book::{Intent, Record},
    inclusion,
    purse::{Ethereum, Person},
    steps::Step,
    words,
};
use crate::{
    api::text::{AddressText, HashText},
    bridge::{convert::Inclusion, outcome::Outcome},
};

/// An exit that this wallet started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// Its number in the journal.
    pub action: usize,
    /// The contract's id.
    pub exit: ExitId,
    /// Which output.
    pub output: Position,
    /// From this second of Ethereum's clock on it can be paid.
    pub due_s: u64,
}

/// What is known of an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The exit.
    pub leaving: Leaving,
    /// Whether it is open on Ethereum; `None` when Ethereum was not asked.
    pub is_open: Option<bool>,
    /// Ethereum's clock, where it was asked.
    pub now_s: Option<u64>,
}

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

/// Whose help an exit is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    /// Operators are asked for what is missing.
    Operators,
    /// Nobody is asked: what the wallet keeps, and Ethereum.
    Nobody,
}

impl<P: Person> Purse<P> {
    /// Starts the exit of an output.
    ///
    /// # Errors
    /// [`WalletError::Refused`] for an output that this wallet spent; [`WalletError::Missing`] names what is not there. With
    /// the same output it goes on where it stopped.
    pub async fn exit(
        &mut self,
        from: Address,
        output: Position,
        help: Help,
    ) -> Result<Leaving, WalletError> {
        let intent = Intent::Exit {
            from: from.into(),
            output: output.into(),
        };
        let ethereum = self.ethereum()?;
        if let Some((action, exit)) = self.left(&intent) {
            return Ok(leaving(action, exit, output));
        }
        let begun = self.book().open(&intent);
        let is_sent = begun
            .and_then(|number| self.book().action(number))
            .is_some_and(|action| action.call(START).is_some());
        if let Some(by) = self.book().spender(output) {
            return Err(WalletError::Refused(format!(
                "output {output} is spent by payment {by} of this wallet: its exit would be challenged, and the bond lost"
            )));
        }
        let inclusion = self.inclusion(&ethereum, from, output, help).await?;
        let bond = ethereum.parameters.exit_bond;
        if !is_sent {
            self.person
                .agree(&self.exit_words(&ethereum, &inclusion, (from, output)))?;
        }
        let action = self.begin(&intent)?;
        let step = Step {
            action,
            name: START,
            from,
            call: ethereum
                .contracts
                .start_exit_call(&inclusion, output.output, bond),
            gas: None,
        };
        let outcome = self.step(&ethereum, &step).await?;
        let exit = started(&outcome, output).ok_or_else(|| {
            WalletError::Refused(format!("startExit of {output} was mined and started no exit"))
        })?;
        self.record(&Record::Leaving {
            action,
            exit: HashText(exit.0),
        })?;
        Ok(leaving(action, exit, output))
    }

    /// Exits that this wallet started, and whether they are open.
    ///
    /// # Errors
    /// [`WalletError::L1`].
    pub async fn exits(&self, owner: Address) -> Result<Vec<Watched>, WalletError> {
        let started: Vec<Leaving> = self
            .book()
            .actions()
            .filter_map(|(number, action)| match &action.intent {
                Intent::Exit { from, output } if from.0 == owner => {
                    action.leaving.map(|exit| leaving(number, exit, output.0))
                }
                _ => None,
            })
            .collect();
        let mut watched = Vec::with_capacity(started.len());
        let now_s = match &self.ways.ethereum {
            Some(ethereum) => Some(ethereum.rpc.newest().await?.timestamp_s),
            None => None,
        };
        for leaving in started {
            let is_open = match &self.ways.ethereum {
                Some(ethereum) => Some(
                    ethereum
                        .contracts
                        .exit(&ethereum.rpc, &leaving.exit)
                        .await?
                        .is_some(),
                ),
                None => None,
            };
            watched.push(Watched {
                leaving,
                is_open,
                now_s,
            });
        }
        Ok(watched)
    }

    /// The exit of an output that this wallet started.
    #[must_use]
    pub fn exit_of(&self, output: Position) -> Option<ExitId> {
        self.book()
            .actions()
            .find_map(|(_, action)| match &action.intent {
                Intent::Exit { output: of, .. } if of.0 == output => action.leaving,
                _ => None,
            })
    }

    /// Outputs whose exit was begun and not told of.
    #[must_use]
    pub fn unfinished_exits(&self, owner: Address) -> Vec<Position> {
        let unfinished = self
            .book()
            .actions()
            .filter_map(|(_, action)| match &action.intent {
                Intent::Exit { from, output } if from.0 == owner && !action.is_ended => Some(output.0),
                _ => None,
            });
        unfinished.collect()
    }

    /// Outputs of an account of which the wallet keeps a receipt and that it did not spend.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub fn kept_outputs(&self, owner: Address) -> Result<Vec<Position>, WalletError> {
        let mut kept = Vec::new();
        for position in self.receipts.positions()? {
            let receipt = self.receipts.output(position)?;
            let payment = receipt.as_ref().and_then(|receipt| {
                let outputs = &receipt.transaction.transaction.outputs;
                outputs.get(usize::from(position.output))
            });
            let is_own = payment.is_some_and(|payment| payment.owner == owner);
            let is_told =
                self.exit_of(position).is_some() && !self.unfinished_exits(owner).contains(&position);
            if is_own && !is_told && self.book().spender(position).is_none() {
                kept.push(position);
            }
        }
        Ok(kept)
    }

    /// Has an exit paid whose time has come.
    ///
    /// # Errors
    /// [`WalletError::Refused`] before its time.
    pub async fn finalize(&mut self, from: Address, exit: ExitId) -> Result<Ended, WalletError> {
        let intent = Intent::Process {
            from: from.into(),
            exit: HashText(exit.0),
        };
        let ethereum = self.ethereum()?;
        let known = self.book().open(&intent);
        let open = ethereum.contracts.exit(&ethereum.rpc, &exit).await?;
        if let (None, Some(open)) = (known, open) {
            let (now, due) = (ethereum.rpc.newest().await?.timestamp_s, due_s(exit));
            if now < due {
                return Err(WalletError::Refused(format!(
                    "exit {} can be paid in {} s of Ethereum's clock",
                    HashText(exit.0),
                    due - now
                )));
            }
            let lines = [
                ("exit", HashText(exit.0).to_string()),
                ("pays", show(open.amount, open.asset)),
                ("to", AddressText(open.owner).to_string()),
            ];
            self.person.agree(&words::ethereum(
                "Pay an exit that is due, on Ethereum",
                &lines,
                &self.genesis,
            ))?;
        }
        let (None, None) = (known, open) else {
            let action = self.begin(&intent)?;
            return self.process(&ethereum, action, (from, exit)).await;
        };
        Err(WalletError::Refused(format!(
            "no exit {} is open: it ended before, or never began",
            HashText(exit.0)
        )))
    }

    /// Calls `process` until the exit has ended; exits before it in the queue are paid on the way.
    async fn process(
        &mut self,
        ethereum: &Ethereum,
        action: usize,
        (from, exit): (Address, ExitId),
    ) -> Result<Ended, WalletError> {
        for turn in 0..TURNS_MAX {
            let name = format!("process-{turn}");
            let is_begun = self
                .book()
                .action(action)
                .is_some_and(|action| action.call(&name).is_some());
            let open = ethereum.contracts.exit(&ethereum.rpc, &exit).await?;
            let asset = match open {
                Some(open) => open.asset,
                None if is_begun => Address::ZERO,
                None => {
                    return Ok(Ended {
                        action,
                        exit,
                        paid: None,
                    });
                }
            };
            let step = Step {
                action,
                name: &name,
                from,
                call: ethereum.contracts.process_call(asset, PLACES),
                gas: Some(PROCESS_GAS),
            };
            let outcome = self.step(ethereum, &step).await?;
            if let Some(paid) = ended(&outcome, exit) {
                return Ok(Ended {
                    action,
                    exit,
                    paid: Some(paid),
                });
            }
        }
        Err(WalletError::Waiting(format!(
            "{} places of the queue were paid, and exit {} is still behind others",
            u64::from(TURNS_MAX) * PLACES,
            HashText(exit.0)
        )))
    }

    /// The exit that an earlier run started and did not tell of, or one that was told and is still known.
    fn left(&self, intent: &Intent) -> Option<(usize, ExitId)> {
        let mut actions = self.book().actions();
        actions.find_map(|(number, action)| {
            (action.intent == *intent)
                .then_some(action.leaving)
                .flatten()
                .map(|exit| (number, exit))
        })
    }

    /// Where an output lies under the first anchor that covers it.
    async fn inclusion(
        &mut self,
        ethereum: &Ethereum,
        from: Address,
        output: Position,
        help: Help,
    ) -> Result<Inclusion, WalletError> {
        if help == Help::Operators {
            self.holdings(from).await?;
        }
        let receipt = self.receipts.output(output)?.ok_or_else(|| {
            WalletError::Missing(format!(
                "no receipt of output {output} is in this wallet; while an operator lives, plasma wallet balance gathers it"
            ))
        })?;
        let payments = &receipt.transaction.transaction.outputs;
        let payment = payments.get(usize::from(output.output));
        if payment.is_none_or(|payment| payment.owner != from) {
            return Err(WalletError::Refused(format!(
                "output {output} is not owned by {}",
                AddressText(from)
            )));
        }
        if help == Help::Operators {
            self.gather_exit(ethereum, output).await?;
        }
        if let Some(data) = self.receipts.exit(output)? {
            return inclusion::from_operator(&data, &receipt).map_err(WalletError::Missing);
        }
        self.own_inclusion(ethereum, &receipt).await
    }

    /// The same without anybody's help: the anchor from Ethereum, the way to it from what the wallet keeps.
    async fn own_inclusion(&self, ethereum: &Ethereum, receipt: &Receipt) -> Result<Inclusion, WalletError> {
        let anchor = anchored::covering(ethereum, receipt, self.genesis.deployment.height, 0)
            .await?
            .ok_or_else(|| {
                WalletError::Missing(format!(
                    "no anchor on Ethereum covers block {} yet; an exit needs one. When the federation anchors no more, its \
                     silence can be announced and its payments shown in flight (docs/contracts.md)",
                    receipt.height
                ))
            })?;
        let header = |height: Height| self.receipts.header(height).ok().flatten();
        inclusion::from_headers(receipt, anchor, header).map_err(|height| {
            WalletError::Missing(if height == Height(0) {
                format!(
                    "what this wallet keeps of block {} does not lead to anchor {}",
                    receipt.height, anchor.number
                )
            } else {
                format!(
                    "the header of block {height} is not in this wallet: anchor {} is over block {}, and the way from block \
                     {} leads through all headers between. Any operator, or anybody who kept the blocks, can give it",
                    anchor.number, anchor.height, receipt.height
                )
            })
        })
    }

    fn exit_words(
        &self,
        ethereum: &Ethereum,
        inclusion: &Inclusion,
        (from, output): (Address, Position),
    ) -> String {
        let transaction = &inclusion.receipt.transaction.transaction;
        let payment = transaction.outputs.get(usize::from(output.output));
        let amount = payment.map_or_else(String::new, |one| show(one.amount, transaction.asset));
        let lines = [
            ("owner", AddressText(from).to_string()),
            ("output", format!("{output}   {amount}")),
            (
                "bond",
                format!(
                    "{}, back at the end, lost when the output was spent",
                    show(ethereum.parameters.exit_bond, Address::ZERO)
                ),
            ),
            (
                "paid",
                format!(
                    "{} s after the start at the earliest, twice that for young outputs",
                    ethereum.parameters.exit_period_s
                ),
            ),
        ];
        words::ethereum("Start an exit on Ethereum", &lines, &self.genesis)
    }
}

fn started(outcome: &Outcome, output: Position) -> Option<ExitId> {
    outcome.events.iter().find_map(|event| match event {
        L1Event::ExitStarted { id, position, .. } if *position == output => Some(*id),
        _ => None,
    })
}

fn ended(outcome: &Outcome, exit: ExitId) -> Option<bool> {
    outcome.events.iter().find_map(|event| match event {
        L1Event::ExitEnded { id, paid, .. } if *id == exit => Some(*paid),
        _ => None,
    })
}

fn leaving(action: usize, exit: ExitId, output: Position) -> Leaving {
    Leaving {
        action,
        exit,
        output,
        due_s: due_s(exit),
    }
}

/// The time in an exit's id: `time 64 ‖ position 72 ‖ number 40` are its last 22 bytes (`docs/contracts.md`).
#[must_use]
pub fn due_s(ExitId(Hash(id)): ExitId) -> u64 {
    let time = id.get(10..18).and_then(|bytes| bytes.try_into().ok());
    time.map_or(0, u64::from_be_bytes)
}

const START: &str = "start-exit";
/// Places of the queue in one call.
const PLACES: u64 = 8;
/// 2.5 million, and what eight places cost (`docs/contracts.md`, gas of `process`).
const PROCESS_GAS: u64 = 6_000_000;
/// Somebody else pays such a queue before.
const TURNS_MAX: u32 = 16;
