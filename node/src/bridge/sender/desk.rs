//! The task behind a [`super::Sender`]: from request to final block, one account, one stream of nonces.

use std::{collections::BTreeMap, sync::Arc};

use plasma_core::{Hash, L1Height};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior},
};
use tracing::{info, warn};

use super::{L1Error, Mined, Request, Rpc, SenderConfig, gap::Gap, limit_gas};
use crate::bridge::{
    account::{Account, Call, Fees, Terms},
    journal::{Entry, Journal},
    methods::{At, Receipt},
};

/// The task that owns the nonces.
pub(super) struct Desk {
    rpc: Arc<Rpc>,
    account: Account,
    config: SenderConfig,
    journal: Journal,
    /// What is only in memory about the entries, by nonce.
    waiting: BTreeMap<u64, Waiting>,
    gap: Gap,
}

#[derive(Default)]
struct Waiting {
    replies: Vec<oneshot::Sender<Result<Mined, L1Error>>>,
    /// When it was sent last by this process; `None` after a restart.
    sent: Option<Instant>,
    /// Its newest bytes lie with no node, and not because of their price: dearer ones would do no better.
    is_refused: bool,
    /// In how many looks in a row its nonce was used while no receipt of ours was found.
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
    confirmations: u32,
}

impl Seen {
    /// Decides about one entry; `is_overdue` is `None` when this process has not sent it yet.
    fn step(self, nonce: u64, receipt: Option<&Receipt>, is_overdue: Option<bool>) -> Step {
        match (receipt, is_overdue) {
            (Some(receipt), _) => {
                let depth = self.head.0.saturating_sub(receipt.block.0);
                let is_final = depth >= u64::from(self.confirmations).max(1);
                if is_final {
                    Step::Final(*receipt)
                } else {
                    Step::Keep(*receipt)
                }
            }
            (None, _) if nonce < self.mined_nonces => Step::Missing,
            (None, None) => Step::Resend,
            (None, Some(true)) => Step::Bump,
            (None, Some(false)) => Step::Wait,
        }
    }
}

impl Desk {
    /// Opens the journal; nothing is sent yet.
    pub(super) fn open(rpc: Arc<Rpc>, account: Account, config: SenderConfig) -> Result<Self, L1Error> {
        let journal = Journal::open(&config.journal, account.address(), account.chain_id())?;
        Ok(Self {
            rpc,
            account,
            config,
            journal,
            waiting: BTreeMap::new(),
            gap: Gap::default(),
        })
    }

    /// Serves requests and looks after what is pending, until nobody can ask any more.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
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
        let terms = Terms {
            nonce: self.next_nonce().await?,
            gas,
            fees,
        };
        let signed = self.account.sign(call, &terms)?;
        self.journal.record(call, &terms, &signed).await?;
        self.push(terms.nonce).await;
        Ok(terms.nonce)
    }

    /// After what we have sent. Where Ethereum counts more, as it does for an account that was used before, another endpoint
    /// must say so too, or the same one twice: behind a nonce that is too high nothing is mined.
    async fn next_nonce(&mut self) -> Result<u64, L1Error> {
        let account = self.account.address();
        let mut mined = self.rpc.nonce(account, At::Latest).await?;
        if mined > self.journal.next_nonce(0) {
            self.rpc.turn_away();
            mined = mined.min(self.rpc.nonce(account, At::Latest).await?);
        }
        Ok(self.journal.next_nonce(mined))
    }

    /// Sends the newest bytes of an entry. A refusal is logged and tried again with the next tick: the
    /// nonce is taken, so giving up would stop everything behind it.
    async fn push(&mut self, nonce: u64) {
        let Some(entry) = self.journal.entry(nonce) else {
            return;
        };
        let sent = self.rpc.send_raw(entry.raw()).await;
        let waiting = self.waiting.entry(nonce).or_default();
        waiting.sent = Some(Instant::now());
        waiting.is_refused = matches!(&sent, Err(error) if !error.is_held() && !error.is_too_cheap());
        match sent {
            Ok(()) => info!(call = entry.call().label, nonce, "sent to Ethereum"),
            Err(error) if error.is_held() => {}
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
        let head = self.rpc.newest().await?.height;
        if self.lies_behind_a_gap(mined_nonces, !receipts.is_empty(), head) {
            return self.close_gap(mined_nonces).await;
        }
        let seen = Seen {
            head,
            mined_nonces,
            confirmations: self.config.confirmations,
        };
        for entry in &entries {
            let receipt = receipts
                .iter()
                .find(|receipt| entry.hashes().any(|hash| hash == receipt.transaction));
            let sent = self.waiting.get(&entry.nonce).and_then(|waiting| waiting.sent);
            let step = seen.step(
                entry.nonce,
                receipt,
                sent.map(|sent| sent.elapsed() >= self.config.bump_after),
            );
            self.on_step(entry, step).await?;
        }
        Ok(())
    }

    /// Whether nonces below all that waits have been unused for long.
    fn lies_behind_a_gap(&mut self, mined_nonces: u64, is_mined: bool, head: L1Height) -> bool {
        let lowest = self.journal.entries().first().map(|entry| entry.nonce);
        let is_seen = !is_mined && lowest.is_some_and(|lowest| mined_nonces < lowest);
        let patience = self.config.bump_after.saturating_mul(GAP_BUMPS);
        self.gap.lasts(is_seen, (Instant::now(), head), patience)
    }

    /// Gives up what waits and goes on with the lowest nonce that is not used, unless another endpoint counts on.
    async fn close_gap(&mut self, mined: u64) -> Result<(), L1Error> {
        self.gap = Gap::default();
        self.rpc.turn_away();
        let again = self.rpc.nonce(self.account.address(), At::Latest).await?;
        let mined = mined.max(again);
        let entries = self.journal.entries().to_vec();
        if entries.first().is_none_or(|lowest| mined >= lowest.nonce) {
            return Ok(());
        }
        self.journal.begin_again(mined).await?;
        for entry in &entries {
            let lost = L1Error::NonceGap {
                call: entry.call().label,
                nonce: entry.nonce,
                mined,
            };
            warn!(error = %lost, "Ethereum transaction lost");
            self.settle(entry, Err(lost));
        }
        self.waiting.clear();
        Ok(())
    }

    async fn on_step(&mut self, entry: &Entry, step: Step) -> Result<(), L1Error> {
        if step != Step::Missing
            && let Some(waiting) = self.waiting.get_mut(&entry.nonce)
        {
            waiting.missed = 0;
        }
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
        let is_refused = |waiting: &Waiting| waiting.is_refused;
        if self.waiting.get(&entry.nonce).is_some_and(is_refused) {
            self.push(entry.nonce).await;
            return Ok(());
        }
        let suggested = self.rpc.fees().await?;
        if let Some(terms) = entry.dearer(suggested, self.config.fee_wei_max) {
            let call = entry.call();
            let signed = self.account.sign(&call, &terms)?;
            self.journal.record(&call, &terms, &signed).await?;
        } else {
            warn!(
                nonce = entry.nonce,
                "no dearer within the limit, or none is asked for; sending the same Ethereum transaction again"
            );
        }
        self.push(entry.nonce).await;
        Ok(())
    }

    /// Tells everybody who waits for this entry.
    fn settle(&mut self, entry: &Entry, outcome: Result<Mined, L1Error>) {
        let waiting = self.waiting.entry(entry.nonce).or_default();
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

/// Anchors come every few minutes and challenges are rare; a longer queue means that Ethereum is stuck.
const ENTRIES_MAX: usize = 64;
/// A duty asks again every round of the rota until Ethereum shows it done.
const REPLIES_MAX: usize = 16;
/// So many raises fall due before a gap below all that waits is closed. Should it be none after all, a call is mined twice, of
/// which the contract takes one.
const GAP_BUMPS: u32 = 10;
/// Ticks before a used nonce without a receipt counts as foreign: receipts may lag behind counts.
const MISSED_MAX: u32 = 20;

#[cfg(test)]
mod tests {
    use super::{Hash, L1Height, Receipt, Seen, Step};

    fn mined_at(block: u64) -> Receipt {
        Receipt {
            transaction: Hash::ZERO,
            block: L1Height(block),
            block_hash: Hash::ZERO,
            succeeded: true,
            gas_used: 1,
            created: None,
        }
    }

    #[test]
    fn each_sight_of_a_transaction_has_its_step() {
        let seen = Seen {
            head: L1Height(100),
            mined_nonces: 7,
            confirmations: 3,
        };
        let unconfirmed = Seen {
            confirmations: 0,
            ..seen
        };
        let (old, young, newest) = (mined_at(97), mined_at(98), mined_at(100));
        for (name, step, expected) in [
            (
                "deep enough",
                seen.step(6, Some(&old), Some(true)),
                Step::Final(old),
            ),
            (
                "not deep enough",
                seen.step(6, Some(&young), None),
                Step::Keep(young),
            ),
            (
                "never final in the newest block",
                unconfirmed.step(6, Some(&newest), None),
                Step::Keep(newest),
            ),
            (
                "head behind the receipt",
                Seen {
                    head: L1Height(90),
                    ..seen
                }
                .step(6, Some(&old), None),
                Step::Keep(old),
            ),
            (
                "nonce used by somebody",
                seen.step(6, None, Some(true)),
                Step::Missing,
            ),
            ("left by an earlier run", seen.step(7, None, None), Step::Resend),
            ("just sent", seen.step(7, None, Some(false)), Step::Wait),
            ("waits too long", seen.step(7, None, Some(true)), Step::Bump),
        ] {
            assert_eq!(step, expected, "{name}");
        }
    }
}
