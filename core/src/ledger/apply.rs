//! Judging a block and making one: two callers of one draft.

use super::{Broken, Params, Reads, TransactionRejected, draft::Draft};
use crate::planted::planted;
use crate::{
    AuthenticBlock, AuthenticTransaction, Delta, Hash, Header, L1Block, L1Event, L1Height, Millis, State,
    TransactionId,
};

/// What a proposer chooses about its block; all else follows from the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBlock {
    /// The L1 origin; the events given are those of (parent's origin, this one].
    pub origin: L1Block,
    /// The proposer's clock.
    pub timestamp_ms: Millis,
    /// Client transactions in order of preference.
    pub candidates: Vec<AuthenticTransaction>,
}

/// A block, its delta, and the candidates that broke a rule, each with the rule.
pub type Built = (AuthenticBlock, Delta, Vec<(TransactionId, TransactionRejected)>);

/// Applies a block to its parent's state.
///
/// `events` are those of the L1 blocks (parent's origin, this block's origin] in log order; that the header's origin is
/// the caller's own L1 is the caller's check.
///
/// # Errors
/// [`Broken`], the first rule that is broken.
pub fn apply(
    parent: &State,
    block: &AuthenticBlock,
    events: &[L1Event],
    reads: &Reads,
    params: &Params,
) -> Result<Delta, Broken> {
    let header = &block.header;
    let mut draft = Draft::new(parent, reads, params)?;
    if header.height != draft.height {
        return Err(Broken::Height {
            expected: draft.height,
            found: header.height,
        });
    }
    if header.parent != parent.id {
        return Err(Broken::Parent {
            expected: parent.id,
            found: header.parent,
        });
    }
    let origin = (header.l1_height, header.l1_hash);
    check_link(&parent.header, origin, header.timestamp_ms, events)?;
    let count = u32::try_from(block.transactions.len()).unwrap_or(u32::MAX);
    if header.transaction_count != count {
        return Err(Broken::TransactionCount {
            expected: count,
            found: header.transaction_count,
        });
    }

    let derived = draft.enact(events)?;
    let clients = check_derived(&derived, &block.transactions)?;
    check_limits(clients, params)?;
    for transaction in clients {
        let index = draft.next_index();
        draft.pay(transaction).map_err(|reason| broken(index, reason))?;
    }
    let (expected, delta) = draft.seal(origin, header.timestamp_ms)?;
    compare(&expected, header)?;
    Ok(delta)
}

/// Makes the block that follows from a proposer's choice, with its delta.
///
/// Candidates that break a rule are skipped and named with the rule; those beyond the limits are left out silently.
///
/// # Errors
/// [`Broken`] when no block can follow: the clock or the origin of the choice is wrong, or something was not read.
pub fn build(
    parent: &State,
    choice: NewBlock,
    events: &[L1Event],
    reads: &Reads,
    params: &Params,
) -> Result<Built, Broken> {
    let NewBlock {
        origin,
        timestamp_ms,
        candidates,
    } = choice;
    let origin = (origin.height, origin.hash);
    check_link(&parent.header, origin, timestamp_ms, events)?;
    let mut draft = Draft::new(parent, reads, params)?;
    let mut transactions = draft.enact(events)?;
    let mut rejected = Vec::new();
    let mut room = Room::new(params);
    for candidate in candidates {
        if room.is_full() {
            break;
        }
        if !room.fits(&candidate) {
            continue;
        }
        match draft.pay(&candidate) {
            Ok(()) => {
                room.take(&candidate);
                transactions.push(candidate);
            }
            Err(TransactionRejected::NotRead { position }) => return Err(Broken::NotRead { position }),
            Err(reason) => rejected.push((candidate.id(), reason)),
        }
    }
    let (header, delta) = draft.seal(origin, timestamp_ms)?;
    Ok((AuthenticBlock { header, transactions }, delta, rejected))
}

/// What client transactions may still take.
struct Room {
    transactions: u32,
    bytes: u32,
}

impl Room {
    fn new(params: &Params) -> Self {
        Self {
            transactions: params.transactions_max,
            bytes: params.bytes_max,
        }
    }

    fn is_full(&self) -> bool {
        self.transactions == 0
    }

    fn fits(&self, transaction: &AuthenticTransaction) -> bool {
        self.bytes >= bytes_of(transaction)
    }

    fn take(&mut self, transaction: &AuthenticTransaction) {
        self.transactions = self.transactions.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes_of(transaction));
    }
}

fn bytes_of(transaction: &AuthenticTransaction) -> u32 {
    u32::try_from(transaction.signed().encoded_len()).unwrap_or(u32::MAX)
}

/// Clock and origin: later than the parent, and never backwards.
fn check_link(
    parent: &Header,
    (l1_height, l1_hash): (L1Height, Hash),
    timestamp_ms: Millis,
    events: &[L1Event],
) -> Result<(), Broken> {
    if timestamp_ms <= parent.timestamp_ms && !planted("ledger: time may go back") {
        return Err(Broken::Timestamp {
            parent: parent.timestamp_ms,
            found: timestamp_ms,
        });
    }
    if l1_height < parent.l1_height {
        return Err(Broken::OriginBackwards {
            parent: parent.l1_height,
            found: l1_height,
        });
    }
    let stays = l1_height == parent.l1_height;
    if stays && (l1_hash != parent.l1_hash || !events.is_empty()) {
        return Err(Broken::OriginChanged { height: l1_height });
    }
    Ok(())
}

/// The body starts with exactly the derived transactions; the rest are clients'.
fn check_derived<'a>(
    derived: &[AuthenticTransaction],
    body: &'a [AuthenticTransaction],
) -> Result<&'a [AuthenticTransaction], Broken> {
    for (index, expected) in (0u32..).zip(derived) {
        let found = body.get(usize::try_from(index).unwrap_or(usize::MAX));
        if found.is_none_or(|found| found.signed() != expected.signed()) {
            return Err(Broken::Derived {
                index,
                expected: expected.id(),
            });
        }
    }
    Ok(body.get(derived.len()..).unwrap_or_default())
}

fn check_limits(clients: &[AuthenticTransaction], params: &Params) -> Result<(), Broken> {
    let (max, found) = (params.transactions_max, clients.len());
    if u32::try_from(found).unwrap_or(u32::MAX) > max {
        return Err(Broken::TooManyTransactions { max, found });
    }
    let (max, found) = (
        params.bytes_max,
        clients.iter().fold(0usize, |sum, transaction| {
            sum.saturating_add(transaction.signed().encoded_len())
        }),
    );
    if u32::try_from(found).unwrap_or(u32::MAX) > max {
        return Err(Broken::TooManyBytes { max, found });
    }
    Ok(())
}

fn broken(index: u32, reason: TransactionRejected) -> Broken {
    match reason {
        TransactionRejected::NotRead { position } => Broken::NotRead { position },
        reason => Broken::Transaction { index, reason },
    }
}

fn compare(expected: &Header, found: &Header) -> Result<(), Broken> {
    if expected.transactions_root != found.transactions_root {
        let (expected, found) = (expected.transactions_root, found.transactions_root);
        return Err(Broken::TransactionsRoot { expected, found });
    }
    if expected.history_root != found.history_root && !planted("ledger: any history will do") {
        return Err(Broken::HistoryRoot {
            expected: expected.history_root,
            found: found.history_root,
        });
    }
    if expected.output_commitment != found.output_commitment && !planted("ledger: any commitment will do") {
        let (expected, found) = (expected.output_commitment, found.output_commitment);
        return Err(Broken::OutputCommitment { expected, found });
    }
    Ok(())
}
