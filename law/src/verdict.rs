//! What an honest operator says about a certified block, and whether L1 can be told.
//!
//! Every reason of the ledger is in exactly one of two lists. A reason that decides who owns what has a proof; the
//! others are named here one by one, with `docs/contracts.md` ("Core's rules and their proofs") as the reason why not.

use plasma_core::{
    AuthenticBlock, Block, Broken, Fate, Hash, Header, Kind, L1Block, L1Event, L1Height, Position,
    Transaction, TransactionRejected,
};

use crate::world::World;

/// The answer to a block.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// It follows.
    Valid,
    /// The bytes are no block of authentic transactions; this rule is broken.
    Malformed(String),
    /// The ledger refuses.
    Broken(Broken),
}

/// What L1 must make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// No proof succeeds.
    Stands,
    /// Some proof halts the chain below the block.
    Provable(String),
    /// The ledger refuses, and no proof succeeds.
    Unprovable(&'static str),
}

/// Most bytes of a block that the harness makes.
const BLOCK_BYTES_MAX: usize = 1 << 20;

/// Decodes, authenticates and applies.
pub(crate) fn judge(world: &World, header: &Header, body: &[Vec<u8>], events: &[L1Event]) -> Verdict {
    let block = match read(world, header, body) {
        Ok(block) => block,
        Err(reason) => return Verdict::Malformed(reason),
    };
    match world.books.apply(&block, events) {
        Ok(_) => Verdict::Valid,
        Err(broken) => Verdict::Broken(broken),
    }
}

/// Bytes to transactions, by the node's own decoder of blocks. What a header announces is not the bytes' affair here.
fn read(world: &World, header: &Header, body: &[Vec<u8>]) -> Result<AuthenticBlock, String> {
    let count = u32::try_from(body.len()).expect("few");
    let announced = Header {
        transaction_count: count,
        ..*header
    };
    let bytes: Vec<u8> = announced
        .encode()
        .into_iter()
        .chain(body.iter().flatten().copied())
        .collect();
    let mut block = Block::decode(&bytes, BLOCK_BYTES_MAX).map_err(|error| format!("{error:?}"))?;
    block.header = *header;
    let whole = block
        .transactions
        .iter()
        .zip(body)
        .all(|(read, bytes)| read.encode() == *bytes);
    if !whole {
        return Err("the bytes of one transaction are read as another's".into());
    }
    block
        .authenticate(&world.books.params.domain)
        .map_err(|error| format!("{error:?}"))
}

impl Verdict {
    /// The commitment that the ledger would have, when only that is wrong.
    pub(crate) fn commitment(&self) -> Option<Hash> {
        match self {
            Self::Broken(Broken::OutputCommitment { expected, .. }) => Some(*expected),
            _ => None,
        }
    }

    /// What L1 must make of a block with this header and body.
    pub(crate) fn answer(&self, world: &World, header: &Header, body: &[Vec<u8>]) -> Answer {
        match self {
            Self::Valid => Answer::Stands,
            Self::Malformed(reason) => Answer::Provable(named(reason)),
            Self::Broken(Broken::Transaction { reason, .. }) => of_transaction(world, reason),
            Self::Broken(Broken::Derived { .. }) if has_undue_fund(world, header, body) => {
                Answer::Provable("Derived, a fund that is not due".into())
            }
            Self::Broken(broken) => Answer::Unprovable(of_block(broken)),
        }
    }
}

/// Whether some fund of the body is not that of a deposit which this block is the first to reach, or is there twice.
fn has_undue_fund(world: &World, header: &Header, body: &[Vec<u8>]) -> bool {
    let mut due: Vec<Vec<u8>> = Vec::new();
    for event in world.events_to(header.l1_height) {
        if let L1Event::Deposited {
            number,
            owner,
            asset,
            amount,
        } = event
        {
            due.push(
                Transaction::fund(number, owner, asset, amount)
                    .unsigned()
                    .encode(),
            );
        }
    }
    let funds = body
        .iter()
        .filter(|bytes| bytes.first() == Some(&Kind::Fund.byte()));
    let mut undue = funds.filter(|fund| match due.iter().position(|one| one == *fund) {
        Some(place) => {
            due.swap_remove(place);
            false
        }
        None => true,
    });
    undue.next().is_some()
}

/// Whether an exit has paid the output by now, though the block's origin does not reach that.
fn is_paid_since(world: &World, position: &Position) -> bool {
    let now = L1Block {
        height: L1Height(world.ethereum.number),
        ..L1Block::default()
    };
    let (_, delta) = world
        .books
        .build(world.choice(now, &[]), &world.events_to(now.height));
    let record = delta.outputs.get(position);
    record.is_some_and(|record| matches!(record.fate, Fate::Exited(_)))
}

/// Rules on transactions.
fn of_transaction(world: &World, reason: &TransactionRejected) -> Answer {
    match reason {
        TransactionRejected::Fund
        | TransactionRejected::Legacy { .. }
        | TransactionRejected::Expired { .. }
        | TransactionRejected::InputNotEarlier { .. }
        | TransactionRejected::InputMissing { .. }
        | TransactionRejected::InputSpent { .. }
        | TransactionRejected::InputForeign { .. }
        | TransactionRejected::InputAsset { .. }
        | TransactionRejected::InputAmount { .. } => Answer::Provable(named(&format!("{reason:?}"))),
        TransactionRejected::InputGone { position, .. } => {
            let record = world.books.outputs.get(position);
            match record.map(|record| record.fate) {
                Some(Fate::Exited(_)) => Answer::Provable("InputGone, exited".into()),
                Some(Fate::Reclaimed) if was_reclaimed_before_anchor(world, position) => {
                    Answer::Provable("InputGone, reclaimed".into())
                }
                Some(Fate::Reclaimed) => Answer::Unprovable("InputGone, reclaimed since the anchor before"),
                // An event of this very block took it: what L1 holds against it is the same.
                _ => gone_in_this_block(world, position),
            }
        }
        TransactionRejected::InputExiting { position, .. } if is_paid_since(world, position) => {
            Answer::Provable("InputExiting, paid since".into())
        }
        TransactionRejected::InputExiting { .. } => Answer::Unprovable("InputExiting"),
        TransactionRejected::InputTouched { .. } => Answer::Unprovable("InputTouched"),
        TransactionRejected::Halted { .. } => Answer::Unprovable("Halted"),
        TransactionRejected::Fee { .. } => Answer::Unprovable("Fee"),
        TransactionRejected::NotRead { .. } => panic!("the harness reads what a block names"),
    }
}

/// Rules on blocks: none of them has a proof.
fn of_block(broken: &Broken) -> &'static str {
    match broken {
        Broken::HeightExhausted(_) => "HeightExhausted",
        Broken::Height { .. } => "Height",
        Broken::Parent { .. } => "Parent",
        Broken::Timestamp { .. } => "Timestamp",
        Broken::OriginBackwards { .. } => "OriginBackwards",
        Broken::OriginChanged { .. } => "OriginChanged",
        Broken::TransactionCount { .. } => "TransactionCount",
        Broken::Derived { .. } => "Derived",
        Broken::TooManyTransactions { .. } => "TooManyTransactions",
        Broken::TooManyBytes { .. } => "TooManyBytes",
        Broken::TransactionsRoot { .. } => "TransactionsRoot",
        Broken::HistoryRoot { .. } => "HistoryRoot",
        Broken::OutputCommitment { .. } => "OutputCommitment",
        Broken::Transaction { .. } => panic!("a rule on transactions"),
        Broken::NotRead { .. } | Broken::ExitNotRead { .. } | Broken::DepositNotRead { .. } => {
            panic!("the harness reads what a block names")
        }
        Broken::Locks { .. } => panic!("the ledger lost count of its locks: {broken:?}"),
    }
}

/// A reclaim is held against a block only from the anchor on that reached it: before, nothing was locked, and a block
/// whose origin lies lower may spend the output (docs/contracts.md).
fn was_reclaimed_before_anchor(world: &World, position: &Position) -> bool {
    let before = world
        .chain
        .anchors
        .last()
        .map_or(0, |made| made.anchored.l1_height.0);
    reclaimed_at(world, position).is_some_and(|height| height <= before)
}

fn gone_in_this_block(world: &World, position: &Position) -> Answer {
    if reclaimed_at(world, position).is_some() {
        return Answer::Unprovable("InputGone, reclaimed since the anchor before");
    }
    Answer::Provable("InputGone, exited in this block".into())
}

/// The L1 block in which the deposit behind an output went back.
fn reclaimed_at(world: &World, position: &Position) -> Option<u64> {
    let bytes = world.bytes_at(crate::forms::Place {
        height: position.block.0,
        index: position.transaction,
    })?;
    let number = plasma_core::SignedTransaction::decode(bytes)
        .ok()?
        .transaction
        .deposit()?;
    world
        .events
        .iter()
        .find_map(|(height, event)| (*event == L1Event::DepositReclaimed { number }).then_some(height.0))
}

/// The name of a reason without its fields.
fn named(reason: &str) -> String {
    let inner = reason.rsplit("error: ").next().unwrap_or(reason);
    let inner = inner.trim_start_matches("Form(").trim_start_matches("Signature(");
    let name = inner.split(|letter: char| !letter.is_alphanumeric()).next();
    match name.unwrap_or(inner) {
        // Bytes behind the last transaction are the same rule.
        "Trailing" => "Length".to_owned(),
        name => name.to_owned(),
    }
}
