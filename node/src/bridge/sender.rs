//! Durable sending: what an operator owes Ethereum is mined in the end, or it is said why not.
//!
//! One task owns the account's nonces. A transaction is estimated, signed and journaled before it is
//! sent; until it is mined below the confirmation depth it is sent again, with the same bytes or with
//! at least 13 % higher fees, and a reorganisation that drops it only starts that again. Asking twice
//! for the same call joins the first. The task ends when every [`Sender`] is dropped; what is in the
//! journal then goes on after the next start.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use plasma_core::{Address, Hash, L1Height};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior},
};
use tracing::{info, warn};

use super::{
    account::{Account, Call, Fees, Terms},
    error::L1Error,
    journal::{Entry, Journal},
    methods::{At, Receipt},
    rpc::Rpc,
};

/// A transaction of ours that had its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mined {
    /// Its hash.
    pub transaction: Hash,
    /// Where; it may still be reorganised, then it is sent again.
    pub block: L1Height,
    /// What it used.
    pub gas_used: u64,
}

/// How a sender works.
#[derive(Clone, Debug)]
pub struct SenderConfig {
    /// The nonce journal; in a folder that this process holds alone.
    pub journal: PathBuf,
    /// A mined transaction is final below this many blocks.
    pub confirmations: u32,
    /// How often Ethereum is asked about what is pending.
    pub poll: Duration,
    /// A transaction that waits longer is sent again with higher fees.
    pub bump_after: Duration,
    /// How long a caller waits for its transaction to be mined.
    pub wait: Duration,
    /// Most that one unit of gas may cost.
    pub fee_wei_max: u128,
}

/// The way to one account's sending task.
#[derive(Clone, Debug)]
pub struct Sender {
    queue: mpsc::Sender<Request>,
    account: Address,
    wait: Duration,
}

#[derive(Debug)]
struct Request {
    call: Call,
    reply: oneshot::Sender<Result<Mined, L1Error>>,
}

impl Sender {
    /// Opens the journal and starts the task; entries of an earlier run are sent again.
    ///
    /// # Errors
    /// [`L1Error::Journal`] when it cannot be read or belongs to another account.
    pub fn start(rpc: Arc<Rpc>, account: Account, config: SenderConfig) -> Result<Self, L1Error> {
        let journal = Journal::open(&config.journal, account.address(), account.chain_id())?;
        let (queue, requests) = mpsc::channel(REQUESTS_MAX);
        let sender = Self {
            queue,
            account: account.address(),
            wait: config.wait,
        };
        let desk = Desk {
            rpc,
            account,
            config,
            journal,
            waiting: BTreeMap::new(),
        };
        tokio::spawn(desk.run(requests));
        Ok(sender)
    }

    /// Who pays.
    #[must_use]
    pub fn account(&self) -> Address {
        self.account
    }

    /// Sends a transaction and waits until it is mined. A caller who stops waiting changes nothing: what
    /// is in the journal stays there.
    ///
    /// # Errors
    /// [`L1Error::Reverted`] when it cannot succeed now and nothing was sent; [`L1Error::MinedReverted`];
    /// [`L1Error::StillPending`] when the wait is over; [`L1Error::QueueFull`]; [`L1Error`] of the endpoint.
    pub async fn send(&self, call: Call) -> Result<Mined, L1Error> {
        let label = call.label.clone();
        let (reply, answer) = oneshot::channel();
        self.queue
            .try_send(Request { call, reply })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => L1Error::QueueFull {
                    waiting: REQUESTS_MAX,
                    account: self.account,
                },
                mpsc::error::TrySendError::Closed(_) => L1Error::Stopped,
            })?;
        match tokio::time::timeout(self.wait, answer).await {
            Ok(answer) => answer.unwrap_or(Err(L1Error::Stopped)),
            Err(_) => {
                let waited_ms = u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX);
                Err(L1Error::StillPending {
                    call: label,
                    waited_ms,
                })
            }
        }
    }
}

/// The task that owns the nonces.
struct Desk {
    rpc: Arc<Rpc>,
    account: Account,
    config: SenderConfig,
    journal: Journal,
    /// What is only in memory about the entries, by nonce.
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Default)]
struct Waiting {
    replies: Vec<oneshot::Sender<Result<Mined, L1Error>>>,
    /// When it was sent last by this process; `None` after a restart.
    sent: Option<Instant>,
    /// How often its nonce was used while no receipt of ours was found.
    missed: u32,
    outcome: Option<Result<Mined, L1Error>>,
}

/// What to do with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Mined below the confirmation depth: forget it.
    Final(Receipt),
    /// Mined, but it may still be reorganised.
    Keep(Receipt),
    /// The nonce is used and none of our attempts was mined: look again, then give up.
    Missing,
    /// It waits for its turn or its miner.
    Wait,
    /// It was not sent by this process yet.
    Resend,
    /// It waits too long.
    Bump,
}

/// What Ethereum says at one moment.
#[derive(Clone, Copy, Debug)]
struct Seen {
    head: L1Height,
    mined_nonces: u64,
}

impl Desk {
    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut ticks = tokio::time::interval(self.config.poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            let turn = tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => { self.on_request(request).await; Ok(()) }
                    None => return,
                },
                _ = ticks.tick() => self.on_tick().await,
            };
            if let Err(error) = &turn
                && !is_failing
            {
                warn!(%error, "cannot follow pending Ethereum transactions");
            }
            is_failing = turn.is_err();
        }
    }

    async fn on_request(&mut self, request: Request) {
        let known = self.journal.find(&request.call).map(|entry| entry.nonce);
        let joined = known.filter(|nonce| {
            let outcome = self
                .waiting
                .get(nonce)
                .and_then(|waiting| waiting.outcome.as_ref());
            !matches!(outcome, Some(Err(_)))
        });
        let nonce = match joined {
            Some(nonce) => Ok(nonce),
            None => self.begin(&request.call).await,
        };
        match nonce {
            Ok(nonce) => {
                let waiting = self.waiting.entry(nonce).or_default();
                match &waiting.outcome {
                    Some(outcome) => drop(request.reply.send(outcome.clone())),
                    None if waiting.replies.len() < REPLIES_MAX => waiting.replies.push(request.reply),
                    None => drop(request.reply.send(Err(self.queue_full()))),
                }
            }
            Err(error) => drop(request.reply.send(Err(error))),
        }
    }

    /// Estimates, signs, journals and sends a new transaction; returns its nonce.
    async fn begin(&mut self, call: &Call) -> Result<u64, L1Error> {
        if self.journal.entries().len() >= ENTRIES_MAX {
            return Err(self.queue_full());
        }
        let from = self.account.address();
        let gas = limit_gas(call, self.rpc.gas(from, call).await?)?;
        let suggested = self.rpc.fees().await?;
        let fees = Fees {
            max_wei: suggested.max_wei.min(self.config.fee_wei_max),
            priority_wei: suggested.priority_wei.min(self.config.fee_wei_max),
        };
        let mined = self.rpc.nonce(from, At::Latest).await?;
        let terms = Terms {
            nonce: self.journal.next_nonce(mined),
            gas,
            fees,
        };
        let signed = self.account.sign(call, &terms)?;
        self.journal.record(call, &terms, &signed).await?;
        self.push(terms.nonce).await;
        Ok(terms.nonce)
    }

    /// Sends the newest bytes of an entry. A refusal is logged and tried again with the next tick: the
    /// nonce is taken, so giving up would stop everything behind it.
    async fn push(&mut self, nonce: u64) {
        let Some(entry) = self.journal.entry(nonce) else {
            return;
        };
        let waiting = self.waiting.entry(nonce).or_default();
        waiting.sent = Some(Instant::now());
        match self.rpc.send_raw(entry.raw()).await {
            Ok(()) => info!(call = entry.call().label, nonce, "sent to Ethereum"),
            Err(L1Error::Refused { message, .. }) if is_known(&message) => {}
            Err(error) => {
                warn!(call = entry.call().label, nonce, %error, "Ethereum transaction not taken; it will be sent again")
            }
        }
    }

    async fn on_tick(&mut self) -> Result<(), L1Error> {
        if self.journal.entries().is_empty() {
            return Ok(());
        }
        let entries = self.journal.entries().to_vec();
        let hashes: Vec<Hash> = entries.iter().flat_map(Entry::hashes).collect();
        let mined_nonces = self.rpc.nonce(self.account.address(), At::Latest).await?;
        let receipts: Vec<Receipt> = self.rpc.receipts(&hashes).await?.into_iter().flatten().collect();
        let seen = Seen {
            head: self.rpc.newest().await?.height,
            mined_nonces,
        };
        for entry in &entries {
            let receipt = receipts
                .iter()
                .find(|receipt| entry.hashes().any(|hash| hash == receipt.transaction));
            let step = self.step(entry, receipt, seen);
            self.on_step(entry, step).await?;
        }
        Ok(())
    }

    fn step(&self, entry: &Entry, receipt: Option<&Receipt>, seen: Seen) -> Step {
        let age = self
            .waiting
            .get(&entry.nonce)
            .and_then(|waiting| waiting.sent)
            .map(|sent| sent.elapsed());
        match receipt {
            Some(receipt) => {
                let depth = seen.head.0.saturating_sub(receipt.block.0);
                let is_final = depth >= u64::from(self.config.confirmations).max(1);
                if is_final {
                    Step::Final(*receipt)
                } else {
                    Step::Keep(*receipt)
                }
            }
            None if entry.nonce < seen.mined_nonces => Step::Missing,
            None => match age {
                None => Step::Resend,
                Some(age) if age >= self.config.bump_after => Step::Bump,
                Some(_) => Step::Wait,
            },
        }
    }

    async fn on_step(&mut self, entry: &Entry, step: Step) -> Result<(), L1Error> {
        match step {
            Step::Wait => {}
            Step::Resend => self.push(entry.nonce).await,
            Step::Bump => self.bump(entry).await?,
            Step::Keep(receipt) => self.settle(entry, outcome(entry, &receipt)),
            Step::Final(receipt) => {
                self.settle(entry, outcome(entry, &receipt));
                self.journal.forget(entry.nonce).await?;
                self.waiting.remove(&entry.nonce);
            }
            Step::Missing => {
                let waiting = self.waiting.entry(entry.nonce).or_default();
                waiting.missed = waiting.missed.saturating_add(1);
                if waiting.missed >= MISSED_MAX {
                    let lost = L1Error::Replaced {
                        call: entry.call().label,
                        nonce: entry.nonce,
                    };
                    warn!(error = %lost, "Ethereum transaction lost");
                    self.settle(entry, Err(lost));
                    self.journal.forget(entry.nonce).await?;
                    self.waiting.remove(&entry.nonce);
                }
            }
        }
        Ok(())
    }

    async fn bump(&mut self, entry: &Entry) -> Result<(), L1Error> {
        let suggested = self.rpc.fees().await?;
        if let Some(terms) = entry.dearer(suggested, self.config.fee_wei_max) {
            let call = entry.call();
            let signed = self.account.sign(&call, &terms)?;
            self.journal.record(&call, &terms, &signed).await?;
        } else {
            warn!(
                nonce = entry.nonce,
                "fee limit reached; sending the same Ethereum transaction again"
            );
        }
        self.push(entry.nonce).await;
        Ok(())
    }

    /// Tells everybody who waits for this entry.
    fn settle(&mut self, entry: &Entry, outcome: Result<Mined, L1Error>) {
        let waiting = self.waiting.entry(entry.nonce).or_default();
        waiting.missed = 0;
        // Should the block be reorganised away, the same bytes are sent at once.
        waiting.sent = None;
        for reply in waiting.replies.drain(..) {
            // Whoever stopped waiting does not want to know.
            let _ = reply.send(outcome.clone());
        }
        waiting.outcome = Some(outcome);
    }

    fn queue_full(&self) -> L1Error {
        L1Error::QueueFull {
            waiting: self.journal.entries().len(),
            account: self.account.address(),
        }
    }
}

fn outcome(entry: &Entry, receipt: &Receipt) -> Result<Mined, L1Error> {
    let Receipt {
        transaction,
        block,
        gas_used,
        succeeded,
        ..
    } = *receipt;
    if succeeded {
        return Ok(Mined {
            transaction,
            block,
            gas_used,
        });
    }
    Err(L1Error::MinedReverted {
        call: entry.call().label,
        transaction,
    })
}

/// The estimate and a quarter more, because the state moves until it is mined.
pub(super) fn limit_gas(call: &Call, estimate: u64) -> Result<u64, L1Error> {
    if estimate > GAS_MAX {
        return Err(L1Error::GasLimit {
            call: call.label.clone(),
            gas: estimate,
            limit: GAS_MAX,
        });
    }
    Ok(estimate
        .saturating_add(estimate / 4)
        .saturating_add(GAS_MARGIN)
        .min(GAS_MAX))
}

fn is_known(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["already known", "already imported", "known transaction"]
        .iter()
        .any(|words| message.contains(words))
}

/// EIP-7825 caps one transaction at 2^24 gas.
const GAS_MAX: u64 = 16_000_000;
/// Small calls vary by more than a quarter: one cold storage slot.
const GAS_MARGIN: u64 = 10_000;
/// Anchors come every few minutes and challenges are rare; a longer queue means that Ethereum is stuck.
const ENTRIES_MAX: usize = 64;
/// Requests waiting while the task talks to Ethereum.
const REQUESTS_MAX: usize = 64;
/// A duty asks again every round of the rota until Ethereum shows it done.
const REPLIES_MAX: usize = 16;
/// Ticks before a used nonce without a receipt counts as foreign: receipts may lag behind counts.
const MISSED_MAX: u32 = 20;
