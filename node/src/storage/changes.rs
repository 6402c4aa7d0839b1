//! Which rows a decided block changes: the whole meaning of a commit, without any engine.

use plasma_core::planted::planted;
use std::collections::BTreeMap;

use plasma_core::{Address, Amount, BlockId, Delta, Height, OutputRecord, Position, State, history as tree};

use super::{
    Decided, StorageError, history, query,
    rows::{Change, Rows},
    schema::{self, Table},
};
use crate::{folder::Identity, wal::Lsn};

/// The rows of a storage that has seen no block but genesis.
pub(super) fn of_genesis(identity: &Identity, state: &State) -> Vec<Change> {
    let header = &state.header;
    let leaf = tree::leaf(
        header.height,
        header.transaction_count,
        header.transactions_root,
        header.l1_height,
    );
    let mut changes = Vec::new();
    put(
        &mut changes,
        Table::Meta,
        schema::SCHEMA,
        schema::VERSION.to_be_bytes(),
    );
    put(&mut changes, Table::Meta, schema::IDENTITY, identity.to_bytes());
    push_block(
        &mut changes,
        &Decided {
            header: *header,
            body: Vec::new(),
            certificate: None,
        },
        state.id,
    );
    put(
        &mut changes,
        Table::Leaves,
        schema::height_key(header.height),
        leaf.0,
    );
    put(&mut changes, Table::Meta, schema::STATE, state.encode());
    changes
}

/// The rows that one more block changes; none when it is committed already.
pub(super) fn of_block(
    rows: &impl Rows,
    decided: &Decided,
    delta: &Delta,
    fence: Option<Lsn>,
) -> Result<Vec<Change>, StorageError> {
    let height = decided.header.height;
    let block = decided.header.id();
    if delta.height != height || delta.block != block || delta.state.id != block {
        return Err(StorageError::Delta {
            height,
            what: "it is another block's",
        });
    }
    if decided
        .certificate
        .as_ref()
        .is_some_and(|certificate| certificate.block != block)
    {
        return Err(StorageError::Delta {
            height,
            what: "the certificate is another block's",
        });
    }
    let (tip_height, tip) = query::tip(rows)?;
    if height <= tip_height {
        return of_committed_block(rows, decided, block);
    }
    if tip_height.next() != Some(height) {
        return Err(StorageError::Gap {
            tip: tip_height,
            found: height,
        });
    }
    if decided.header.parent != tip {
        return Err(StorageError::Fork {
            height,
            tip,
            found: decided.header.parent,
        });
    }
    let mut changes = Vec::with_capacity(rows_of(delta));
    push_block(&mut changes, decided, block);
    push_outputs(&mut changes, rows, delta)?;
    push_exits(&mut changes, rows, delta)?;
    push_rest(&mut changes, delta);
    if let Some(fence) = fence.filter(|_| !planted("storage: the fence is not written")) {
        put(
            &mut changes,
            Table::Meta,
            schema::LOG_FENCE,
            fence.0.to_be_bytes(),
        );
    }
    Ok(changes)
}

fn of_committed_block(
    rows: &impl Rows,
    decided: &Decided,
    found: BlockId,
) -> Result<Vec<Change>, StorageError> {
    let height = decided.header.height;
    let key = schema::height_key(height);
    let stored = query::header(rows, height)?
        .ok_or_else(|| query::damaged(Table::Headers, &key))?
        .id();
    if stored != found {
        return Err(StorageError::Conflict {
            height,
            stored,
            found,
        });
    }
    let mut changes = Vec::new();
    if let Some(certificate) = &decided.certificate
        && rows.row(Table::Certificates, &key)?.is_none()
    {
        put(
            &mut changes,
            Table::Certificates,
            key,
            schema::encode_certificate(certificate),
        );
    }
    Ok(changes)
}

fn push_block(changes: &mut Vec<Change>, decided: &Decided, block: BlockId) {
    let key = schema::height_key(decided.header.height);
    put(changes, Table::Headers, key, decided.header.encode());
    put(changes, Table::Bodies, key, schema::encode_body(&decided.body));
    put(changes, Table::Blocks, block.0.0, key);
    put(
        changes,
        Table::Meta,
        schema::TIP,
        schema::encode_tip(decided.header.height, block),
    );
    let certificate = decided.certificate.as_ref();
    if let Some(certificate) = certificate.filter(|_| !planted("storage: certificates are not written")) {
        put(
            changes,
            Table::Certificates,
            key,
            schema::encode_certificate(certificate),
        );
    }
}

fn push_outputs(changes: &mut Vec<Change>, rows: &impl Rows, delta: &Delta) -> Result<(), StorageError> {
    let height = delta.height;
    let older: Vec<Position> = delta
        .outputs
        .keys()
        .filter(|at| at.block != height)
        .copied()
        .collect();
    // In the order of positions, as the delta is.
    let mut before = query::outputs(rows, &older)?.into_iter();
    let credited = history::credited(delta);
    let mut flows: BTreeMap<Address, Flow> = BTreeMap::new();
    for (position, record) in &delta.outputs {
        if !record.is_unspent() && planted("storage: spends are not written") {
            continue;
        }
        put(changes, Table::Outputs, position.to_bytes(), record.encode());
        let is_new = position.block == height;
        let was_unspent = !is_new && was_unspent(height, before.next().flatten().as_ref(), record)?;
        let is_unspent = record.is_unspent();
        let owner = &record.output.owner;
        let birth = is_new.then(|| history::birth(*position, credited.get(position).copied()));
        let end = (is_new || was_unspent)
            .then(|| history::end(height, *position, record.fate))
            .flatten();
        changes.extend(
            birth
                .into_iter()
                .chain(end)
                .map(|event| history::change(owner, &event)),
        );
        if was_unspent == is_unspent {
            continue;
        }
        let key = schema::owner_key(owner, position);
        let value = (is_unspent || planted("storage: owners keep what they spent")).then(Vec::new);
        changes.push(Change {
            table: Table::Owners,
            key,
            value,
        });
        let flow = flows.entry(record.output.asset).or_default();
        let side = if is_unspent {
            &mut flow.created
        } else {
            &mut flow.removed
        };
        *side = side.checked_add(record.output.amount).ok_or(overflow(height))?;
    }
    for (asset, flow) in flows {
        push_total(changes, rows, delta.height, asset, flow)?;
    }
    Ok(())
}

/// What one block does to the sum of an asset.
#[derive(Clone, Copy, Default)]
struct Flow {
    created: Amount,
    removed: Amount,
}

fn push_total(
    changes: &mut Vec<Change>,
    rows: &impl Rows,
    height: Height,
    asset: Address,
    flow: Flow,
) -> Result<(), StorageError> {
    let before = query::value(rows, Table::Totals, &asset.0, schema::amount)?.unwrap_or_default();
    // What the block removes stood before it. Added first, one payment of all there is of an asset could pass the largest number.
    let after = before
        .checked_sub(flow.removed)
        .and_then(|sum| sum.checked_add(flow.created))
        .ok_or(overflow(height))?;
    let value = (!after.is_zero()).then(|| after.to_be_bytes::<32>().to_vec());
    changes.push(Change {
        table: Table::Totals,
        key: asset.0.to_vec(),
        value,
    });
    Ok(())
}

/// Whether an output of an older block still existed before this one.
fn was_unspent(
    height: Height,
    before: Option<&OutputRecord>,
    after: &OutputRecord,
) -> Result<bool, StorageError> {
    let before = before.ok_or(StorageError::Delta {
        height,
        what: "it changes an output that never was",
    })?;
    if !before.is_unspent() && after.fate != before.fate {
        return Err(StorageError::Delta {
            height,
            what: "it changes the fate of an output that is gone",
        });
    }
    Ok(before.is_unspent())
}

fn push_exits(changes: &mut Vec<Change>, rows: &impl Rows, delta: &Delta) -> Result<(), StorageError> {
    for (id, exit) in &delta.exits {
        if planted("storage: exits are not written") {
            break;
        }
        let before = query::exit(rows, id)?;
        changes.extend(history::exit_change(
            delta.height,
            id,
            before.as_ref(),
            exit.as_ref(),
        ));
        changes.push(Change {
            table: Table::Exits,
            key: id.0.0.to_vec(),
            value: exit.as_ref().map(plasma_core::OpenExit::encode),
        });
    }
    Ok(())
}

fn push_rest(changes: &mut Vec<Change>, delta: &Delta) {
    for (number, fate) in &delta.deposits {
        put(
            changes,
            Table::Deposits,
            schema::deposit_key(*number),
            fate.encode(),
        );
    }
    for (id, index) in &delta.transactions {
        put(
            changes,
            Table::Transactions,
            id.0.0,
            schema::encode_place(delta.height, *index),
        );
    }
    put(
        changes,
        Table::Leaves,
        schema::height_key(delta.height),
        if planted("storage: history has another leaf") {
            delta.block.0.0
        } else {
            delta.leaf.0
        },
    );
    put(changes, Table::Meta, schema::STATE, delta.state.encode());
}

fn put(changes: &mut Vec<Change>, table: Table, key: impl AsRef<[u8]>, value: impl Into<Vec<u8>>) {
    changes.push(Change {
        table,
        key: key.as_ref().to_vec(),
        value: Some(value.into()),
    });
}

fn overflow(height: Height) -> StorageError {
    StorageError::Delta {
        height,
        what: "the sum of an asset leaves its range",
    }
}

/// About how many rows a block changes, to allocate once.
fn rows_of(delta: &Delta) -> usize {
    delta.outputs.len() * 4 + delta.exits.len() * 2 + delta.deposits.len() + delta.transactions.len() + 16
}
