//! From a stranger's bytes to an acknowledgement: decode, check the form, hand to the operator, wait as long as asked.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::join_all};
use plasma_core::{Fate, Height, Kind, Position, SignedTransaction, TransactionId, legacy};
use serde::Deserialize;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    Answer, Code, Door, Problem, Reply, refusal,
    text::{AddressText, AmountText, HashText, PositionText},
    view::{Batch, BatchItem, PaymentView, Place, State, Submitted},
};
use crate::{
    hex,
    runtime::handle::{Known, Rejected, Status},
    storage::Read,
};

/// How far a transaction must get before the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wait {
    /// Only into the operator's queue: the answer promises nothing, not even that the transaction is valid.
    None,
    /// Until it is valid, in the mempool and gossiped.
    #[default]
    Accepted,
    /// Until it is in a finalized block.
    Committed,
    /// Until an anchor on Ethereum covers that block.
    Anchored,
    /// Until that anchor is at the confirmation depth.
    Finalized,
}

impl Wait {
    /// Whether a transaction that got so far needs no more waiting.
    fn is_over(self, state: Option<State>) -> bool {
        match self {
            Self::None => false,
            Self::Accepted => state.is_some(),
            Self::Committed => state >= Some(State::Committed),
            Self::Anchored => state >= Some(State::Anchored),
            Self::Finalized => state >= Some(State::Finalized),
        }
    }
}

/// The longest that anyone may wait: after a minute the federation has other troubles than this transaction.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// Waiting when nothing was said.
pub const WAIT_DEFAULT: Duration = Duration::from_secs(10);

/// Transactions in one batch: a second's work of one operator, and its answers fit a few hundred kilobytes.
pub const BATCH_MAX: usize = 1_000;

/// One transaction from its raw bytes, ours or the seed's.
///
/// # Errors
/// [`Code::MalformedTransaction`] and the codes of stateless rules.
pub(super) fn parse(bytes: &[u8], takes_legacy: bool) -> Result<SignedTransaction, Problem> {
    let signed = match bytes.first() {
        None => return Err(refusal::empty()),
        // Every RLP list of 56 bytes or more begins so; no kind of ours does.
        Some(0xf8..) => {
            let signed =
                legacy::decode_signed(bytes).map_err(|error| refusal::not_legacy(&error, bytes.len()))?;
            if !takes_legacy {
                return Err(refusal::rejected(&Rejected::Kind));
            }
            signed
        }
        Some(_) => {
            SignedTransaction::decode(bytes).map_err(|error| refusal::undecodable(&error, bytes.len()))?
        }
    };
    check(signed)
}

/// Transactions in our own bytes, one after the other.
///
/// # Errors
/// As [`parse`], with the index of the item as member `item`: behind a broken item no other can be found.
pub(super) fn parse_all(bytes: &[u8]) -> Result<Vec<Result<SignedTransaction, Problem>>, Problem> {
    if bytes.is_empty() {
        return Err(refusal::empty());
    }
    let (mut items, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        if items.len() == BATCH_MAX {
            return Err(too_many());
        }
        let (signed, after) = SignedTransaction::decode_prefix(rest)
            .map_err(|error| refusal::undecodable(&error, rest.len()).with("item", items.len()))?;
        items.push(check(signed));
        rest = after;
    }
    Ok(items)
}

/// More items than [`BATCH_MAX`].
pub(super) fn too_many() -> Problem {
    Code::PayloadTooLarge
        .because(format!("the batch has more than {BATCH_MAX} transactions"))
        .with("limit", BATCH_MAX)
        .hint("send several batches")
}

/// One transaction from hex text.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_hex(text: &str, takes_legacy: bool) -> Result<SignedTransaction, Problem> {
    let bytes = hex::decode(text.trim()).ok_or_else(|| {
        Code::MalformedTransaction
            .because("the text is no hex")
            .hint("an even number of hex digits, with or without 0x before them")
            .with("characters", text.chars().count())
    })?;
    parse(&bytes, takes_legacy)
}

fn check(signed: SignedTransaction) -> Result<SignedTransaction, Problem> {
    if signed.transaction.kind == Kind::Fund {
        return Err(refusal::rejected(&Rejected::Kind));
    }
    match signed.transaction.check() {
        Ok(()) => Ok(signed),
        Err(error) => Err(refusal::form(&error)),
    }
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// Takes one transaction as far as `wait` says, at most `limit` long.
    ///
    /// Status 201 when it got there, 202 when it did not in time, 200 when it was known before.
    ///
    /// # Errors
    /// Why it was not taken, or that another transaction won while we waited.
    pub async fn submit(&self, signed: SignedTransaction, wait: Wait, limit: Duration) -> Answer {
        let submitted = self.submitted(signed, wait, limit).await?;
        let reached = wait.is_over(submitted.state);
        let status = if submitted.duplicate {
            200
        } else {
            202 - u16::from(reached)
        };
        let location = Some(format!("/v1/transactions/{}", submitted.id));
        Ok(Reply {
            duplicate: submitted.duplicate,
            location,
            ..Reply::ok(&submitted)?.status(status)
        })
    }

    /// Takes a batch; every item has its own answer, in order.
    ///
    /// # Errors
    /// None of the items' own: only what concerns the whole.
    pub async fn submit_batch(
        &self,
        items: Vec<Result<SignedTransaction, Problem>>,
        wait: Wait,
        limit: Duration,
    ) -> Answer {
        let answers = items.into_iter().map(|item| async {
            match item {
                Ok(signed) => match self.submitted(signed, wait, limit).await {
                    Ok(submitted) => BatchItem::Submitted(Box::new(submitted)),
                    Err(problem) => BatchItem::Problem(problem),
                },
                Err(problem) => BatchItem::Problem(problem),
            }
        });
        let items = join_all(answers).await;
        let accepted = items
            .iter()
            .filter(|item| matches!(item, BatchItem::Submitted(_)))
            .count();
        Reply::ok(&Batch { accepted, items })
    }

    async fn submitted(
        &self,
        signed: SignedTransaction,
        wait: Wait,
        limit: Duration,
    ) -> Result<Submitted, Problem> {
        let deadline = Instant::now() + limit.min(WAIT_MAX);
        let id = signed.id();
        let waiting = |state: Option<State>, duplicate: bool| Submitted {
            id: HashText(id.0),
            state,
            duplicate,
            block: None,
            outputs: Vec::new(),
            certificate: None,
        };
        // Watched from before the submit, so that no block is missed.
        let watch = self.handle.watch();
        let verdict = if wait == Wait::None {
            // One poll puts it into the queue; nobody waits for the verdict.
            match Box::pin(self.handle.submit(signed.clone())).now_or_never() {
                Some(verdict) => verdict,
                None => return Ok(waiting(None, false)),
            }
        } else {
            match timeout_at(deadline, self.handle.submit(signed.clone())).await {
                Ok(verdict) => verdict,
                Err(_) => return Ok(waiting(None, false)),
            }
        };
        let known = match verdict {
            Ok(accepted) => Some(accepted.known),
            Err(refused) if self.has_decided(&refused, &id)? => None,
            Err(refused) => return Err(self.refusal(&refused)),
        };
        let duplicate = known != Some(Known::New);
        if wait < Wait::Committed && known.is_some() {
            return Ok(waiting(Some(State::Accepted), duplicate));
        }
        let found = timeout_at(deadline, self.decided(&signed, id, watch.clone())).await;
        match found {
            Ok(found) => {
                let found = Submitted { duplicate, ..found? };
                Ok(self.settled(found, wait, deadline, watch).await)
            }
            Err(_) => self
                .lost(&signed)?
                .map_or(Ok(waiting(Some(State::Accepted), duplicate)), Err),
        }
    }

    /// Whether a transaction is refused because it is decided already: an operator forgets what it has decided, and then
    /// finds nothing but its inputs spent, its expiry past or the chain halted above it.
    fn has_decided(&self, refused: &Rejected, id: &TransactionId) -> Result<bool, Problem> {
        let is_about_ledger = matches!(refused, Rejected::Rule(_) | Rejected::Halted(_));
        Ok(is_about_ledger && self.reader.transaction(id)?.is_some())
    }

    /// Waits on for Ethereum, if asked to; says how far it got.
    async fn settled(
        &self,
        mut found: Submitted,
        wait: Wait,
        deadline: Instant,
        mut watch: watch::Receiver<Arc<Status>>,
    ) -> Submitted {
        let Some(height) = found.block.map(|place| Height(place.height)) else {
            return found;
        };
        loop {
            watch.borrow_and_update();
            let state = self.state_at(height);
            found.state = Some(state);
            if wait.is_over(found.state) {
                return found;
            }
            // An anchor, too, is a change of the status.
            if !matches!(timeout_at(deadline, watch.changed()).await, Ok(Ok(()))) {
                return found;
            }
        }
    }

    /// After the wait: whether another transaction took one of the inputs.
    fn lost(&self, signed: &SignedTransaction) -> Result<Option<Problem>, Problem> {
        if self.reader.transaction(&signed.id())?.is_some() {
            return Ok(None);
        }
        for input in &signed.transaction.inputs {
            let record = self.reader.output(input.position)?;
            if let Some(record) = record.filter(|record| !record.is_unspent()) {
                return Ok(Some(conflicted(input.position, record.fate)));
            }
        }
        Ok(None)
    }

    /// Returns once the transaction is decided, or another one that spends its first input.
    async fn decided(
        &self,
        signed: &SignedTransaction,
        id: TransactionId,
        mut watch: watch::Receiver<Arc<Status>>,
    ) -> Result<Submitted, Problem> {
        let mut seen: Option<Height> = None;
        loop {
            let height = watch.borrow_and_update().height;
            if seen != Some(height) {
                seen = Some(height);
                if let Some(submitted) = self.look_up(signed, id)? {
                    return Ok(submitted);
                }
            }
            if watch.changed().await.is_err() {
                return Err(refusal::rejected(&Rejected::Stopped));
            }
        }
    }

    /// One look into storage. An unspent first input means that it still waits, and costs one row.
    fn look_up(&self, signed: &SignedTransaction, id: TransactionId) -> Result<Option<Submitted>, Problem> {
        let Some(input) = signed.transaction.inputs.first() else {
            return Ok(None);
        };
        let Some(record) = self.reader.output(input.position)? else {
            return Ok(None);
        };
        if record.is_unspent() {
            return Ok(None);
        }
        let Some((height, index)) = self.reader.transaction(&id)? else {
            return Err(conflicted(input.position, record.fate));
        };
        let Some(header) = self.reader.header(height)? else {
            return Ok(None);
        };
        // A block decided by a later one's certificate is there a moment before that certificate is.
        let Some(certificate) = self.certificate_of(&self.reader, height)? else {
            return Ok(None);
        };
        let outputs = (0u8..)
            .zip(&signed.transaction.outputs)
            .map(|(output, payment)| PaymentView {
                output: Some(PositionText(Position {
                    block: height,
                    transaction: index,
                    output,
                })),
                owner: AddressText(payment.owner),
                amount: AmountText(payment.amount),
            });
        Ok(Some(Submitted {
            id: HashText(id.0),
            state: Some(self.state_at(height)),
            duplicate: false,
            block: Some(Place {
                height: height.0,
                id: HashText(header.id().0),
                index,
            }),
            outputs: outputs.collect(),
            certificate: Some(certificate),
        }))
    }

    /// Why the operator refused; one that is behind may simply not hold the block yet that created an input.
    pub(super) fn refusal(&self, refused: &Rejected) -> Problem {
        let problem = refusal::rejected(refused);
        if problem.is(Code::InputNotFound) && self.handle.status().behind {
            return Code::Syncing
                .because(format!(
                    "this operator is catching up and cannot judge: {}",
                    problem.detail
                ))
                .hint("ask another operator, or send the same bytes again when /v1/status says running");
        }
        problem
    }
}

fn conflicted(position: Position, fate: Fate) -> Problem {
    let problem = Code::Conflicted
        .because(format!(
            "while this transaction waited, {position} was spent by another"
        ))
        .with("input", 0)
        .with("output", position.to_string());
    match fate {
        Fate::Spent(by) => refusal::spent(problem, by),
        _ => problem.hint("it left through Ethereum"),
    }
}
