//! Bodies beside outputs: both lie in the order of heights, so they are read side by side.

use plasma_core::{Fate, Hash, Height, Kind, Position, SignedTransaction, Spender, merkle};

use super::{
    super::{
        query,
        rows::{Moments, Rows},
        scan::{Progress, Scan},
        schema::{self, Table},
    },
    CheckError, Fixed, PerHeight, What, chain, contradiction, end,
    outputs::{Created, Outputs},
    strays, take,
};

/// What the ledger holds.
pub(super) struct Found {
    pub(super) outputs: u64,
    pub(super) unspent: u64,
    pub(super) transactions: u64,
}

/// Checks everything that bodies, outputs, owners, totals, exits and deposits say of each other.
pub(super) fn check<M: Moments>(
    source: &M,
    fixed: &Fixed<'_>,
    progress: &mut impl FnMut(Progress),
) -> Result<Found, CheckError> {
    let from = schema::height_key(fixed.horizon);
    let mut headers = Scan::from(source, Table::Headers, &from).peekable();
    let mut bodies = Scan::whole(source, Table::Bodies).peekable();
    let mut outputs = Outputs::new(source, fixed.horizon);
    outputs.skip_pruned()?;
    let (mut transactions, mut inputs) = (0, 0);
    for height in (fixed.horizon.0..=fixed.state.header.height.0).map(Height) {
        let body = body_at(&mut headers, &mut bodies, height)?;
        index(source, height, &body)?;
        for created in created(height, &body) {
            outputs.expect(&created)?;
        }
        inputs += spent(source, height, &body)?;
        strays::funds(source, &body)?;
        transactions += u64::from(count(&body));
        if height.0 % REPORT_BLOCKS == 0 || height == fixed.state.header.height {
            progress(Progress {
                table: Table::Outputs,
                rows: outputs.count,
            });
        }
    }
    end(&mut bodies, Table::Bodies)?;
    strays::transactions(source, transactions)?;
    strays::spenders(source, fixed.horizon, outputs.spent == inputs)?;
    let sums = outputs.end()?;
    sums.check_owners(source)?;
    sums.check_totals(source)?;
    sums.check_commitment(source, fixed)?;
    strays::deposits(source)?;
    Ok(Found {
        outputs: sums.outputs,
        unspent: sums.unspent,
        transactions,
    })
}

fn body_at<M: Moments>(
    headers: &mut PerHeight<'_, M>,
    bodies: &mut PerHeight<'_, M>,
    height: Height,
) -> Result<Vec<SignedTransaction>, CheckError> {
    let key = schema::height_key(height);
    let header = chain::header_at(headers, height)?;
    let bytes = take(bodies, Table::Bodies, height)?;
    let bytes = bytes.ok_or_else(|| contradiction(Table::Bodies, &key, What::Missing))?;
    let body = schema::decode_body(&header, &bytes).ok_or_else(|| query::damaged(Table::Bodies, &key))?;
    let leaves: Vec<Hash> = body.iter().map(SignedTransaction::leaf).collect();
    if merkle::root(&leaves) != header.transactions_root {
        return Err(contradiction(Table::Bodies, &key, What::TransactionsRoot));
    }
    Ok(body)
}

/// Each transaction is found by its id.
fn index<M: Moments>(source: &M, height: Height, body: &[SignedTransaction]) -> Result<(), CheckError> {
    let keys: Vec<Vec<u8>> = body.iter().map(|signed| signed.id().0.0.to_vec()).collect();
    let found = source.moment()?.values(Table::Transactions, &keys)?;
    for ((key, place), found) in keys.iter().zip(0u32..).zip(found) {
        let found = found.ok_or_else(|| contradiction(Table::Transactions, key, What::Missing))?;
        if found != schema::encode_place(height, place) {
            return Err(contradiction(Table::Transactions, key, What::TransactionPlace));
        }
    }
    Ok(())
}

/// What a body creates, in the order of positions.
fn created(height: Height, body: &[SignedTransaction]) -> impl Iterator<Item = Created> + '_ {
    (0u32..).zip(body).flat_map(move |(index, signed)| {
        let (id, content) = (signed.id(), &signed.transaction);
        (0u8..)
            .zip(&content.outputs)
            .map(move |(output, payment)| Created {
                position: Position {
                    block: height,
                    transaction: index,
                    output,
                },
                transaction: id,
                owner: payment.owner,
                asset: content.asset,
                amount: payment.amount,
            })
    })
}

/// Each output that a body spends says so; gives how many.
fn spent<M: Moments>(source: &M, height: Height, body: &[SignedTransaction]) -> Result<u64, CheckError> {
    let payments = (0u32..)
        .zip(body)
        .filter(|(_, signed)| signed.transaction.kind != Kind::Fund);
    let spends: Vec<(Position, Spender)> = payments
        .flat_map(|(transaction, signed)| {
            let inputs = (0u8..).zip(&signed.transaction.inputs);
            inputs.map(move |(input, named)| {
                let by = Spender {
                    height,
                    transaction,
                    input,
                };
                (named.position, by)
            })
        })
        .collect();
    let rows = source.moment()?;
    let positions: Vec<Position> = spends.iter().map(|(position, _)| *position).collect();
    for ((position, by), record) in spends.iter().zip(query::outputs(&rows, &positions)?) {
        let key = position.to_bytes();
        let record = record.ok_or_else(|| contradiction(Table::Outputs, &key, What::Missing))?;
        if record.fate != Fate::Spent(*by) {
            return Err(contradiction(Table::Outputs, &key, What::Unspent));
        }
    }
    Ok(u64::try_from(spends.len()).unwrap_or(u64::MAX))
}

fn count(body: &[SignedTransaction]) -> u32 {
    u32::try_from(body.len()).unwrap_or(u32::MAX)
}

/// Between two reports of progress.
const REPORT_BLOCKS: u32 = 1_000;
