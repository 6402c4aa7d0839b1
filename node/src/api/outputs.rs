//! Outputs: one by its position, those of an address, and what it takes to exit one on Ethereum.

use std::{collections::BTreeMap, str::FromStr};

use plasma_core::{Address, Amount, Fate, OutputRecord, Position, Receipt, TransactionId, Wanted};

use super::{
    AnchorBook, Answer, Code, Covering, Door, PAGE_DEFAULT, PAGE_MAX, Problem, Reply,
    text::{AddressText, AmountText, BytesText, HashText, PositionText},
    transactions::{NOTHING, hashes, missing_block},
    view::{
        AddressView, AnchorView, AskedOutput, Balance, ExitData, InclusionView, OutputStatus, OutputView,
        OutputsView, Page, SpenderView, UnknownOutput,
    },
};
use crate::storage::{Read, StorageError};

/// Where a page of a list begins and how long it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PageAsked {
    /// How many items, 1 to 500; 50 unless said.
    #[param(nullable = false, minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// What the page before gave as `next_cursor`.
    #[param(nullable = false)]
    pub cursor: Option<String>,
}

impl PageAsked {
    /// # Errors
    /// [`Code::MalformedRequest`] for zero or more than [`PAGE_MAX`].
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        limit_of(self.limit)
    }

    /// # Errors
    /// [`Code::MalformedRequest`] when no page gave this cursor.
    pub(super) fn after<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        behind(self.cursor.as_ref())
    }
}

/// Items of a page.
///
/// # Errors
/// [`Code::MalformedRequest`] for zero or more than [`PAGE_MAX`].
pub(super) fn limit_of(asked: Option<usize>) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(PAGE_DEFAULT);
    if (1..=PAGE_MAX).contains(&limit) {
        return Ok(limit);
    }
    let problem = Code::MalformedRequest
        .because(format!("limit = {limit} in the query"))
        .with("field", "limit");
    Err(problem.hint(format!("1 to {PAGE_MAX}")))
}

/// Behind what a page begins.
///
/// # Errors
/// [`Code::MalformedRequest`] when no page gave this cursor.
pub(super) fn behind<T: FromStr>(cursor: Option<&String>) -> Result<Option<T>, Problem> {
    let parse = |text: &String| {
        text.parse().map_err(|_| {
            let problem = Code::MalformedRequest.because("cursor in the query is not one that we gave");
            problem
                .with("field", "cursor")
                .hint("take next_cursor from the page before, or leave it out")
        })
    };
    cursor.map(parse).transpose()
}

/// Which unspent outputs of an address are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct OutputsAsked {
    /// How many items, 1 to 500; 50 unless said.
    #[param(nullable = false, minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// What the page before gave as `next_cursor`.
    #[param(nullable = false)]
    pub cursor: Option<String>,
    /// Only of this asset.
    #[param(nullable = false)]
    pub asset: Option<AddressText>,
    /// Only of at least so much.
    #[param(nullable = false)]
    pub min_amount: Option<AmountText>,
    /// Only `unspent`, or only `exiting`.
    #[param(nullable = false)]
    pub status: Option<OutputStatus>,
}

impl OutputsAsked {
    fn has(&self, output: &OutputView) -> bool {
        self.asset.is_none_or(|asset| asset == output.asset)
            && self.min_amount.is_none_or(|least| output.amount >= least)
            && self.status.is_none_or(|status| status == output.status)
    }
}

/// Outputs that are asked for one by one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct IdsAsked {
    /// Positions with commas between, at most 100.
    pub ids: String,
}

/// Cuts a page from one item more than it may hold: the surplus says that there is another page.
pub(super) fn page<T>(
    mut items: Vec<T>,
    limit: usize,
    height: u32,
    cursor: impl Fn(&T) -> String,
) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(cursor);
    Page {
        items,
        next_cursor,
        height,
    }
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/addresses/{address}/outputs`: unspent outputs, exiting ones included, oldest first.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`] for a limit or cursor that makes no sense.
    pub async fn outputs_of(&self, owner: Address, asked: OutputsAsked) -> Answer {
        self.read(move |door| Reply::ok(&door.page_of(owner, &asked)?))
            .await
    }

    /// A page of unspent outputs.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`] for a limit or cursor that makes no sense.
    pub(super) fn page_of(&self, owner: Address, asked: &OutputsAsked) -> Result<Page<OutputView>, Problem> {
        let limit = limit_of(asked.limit)?;
        let mut after = behind::<PositionText>(asked.cursor.as_ref())?.map(|position| position.0);
        let (mut items, mut read) = (Vec::new(), 0);
        // What a filter leaves out is read all the same: a page may be short, and says where the next begins.
        while items.len() <= limit && read < ROWS_MAX {
            let rows = self.reader.outputs_of(&owner, after, limit.saturating_add(1))?;
            let is_end = rows.len() <= limit;
            read += rows.len();
            for (position, record) in &rows {
                let output = view(*position, record);
                if asked.has(&output) {
                    items.push(output);
                }
            }
            after = rows.last().map(|(position, _)| *position).filter(|_| !is_end);
            if is_end {
                break;
            }
        }
        let (height, _) = self.reader.tip()?;
        let mut found = page(items, limit, height.0, |output: &OutputView| {
            output.output.to_string()
        });
        if found.next_cursor.is_none() {
            found.next_cursor = after.map(|position| PositionText(position).to_string());
        }
        Ok(found)
    }

    /// `GET /v1/outputs?ids=`: several at once, whatever became of them.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`] for what is no position, or too many.
    pub async fn outputs(&self, asked: IdsAsked) -> Answer {
        self.read(move |door| {
            let positions = positions(&asked.ids)?;
            let wanted = Wanted {
                outputs: positions.iter().copied().collect(),
                ..Wanted::default()
            };
            let reads = door.reader.reads(&wanted)?;
            let item = |position: &Position| match reads.outputs.get(position).copied().flatten() {
                Some(record) => AskedOutput::Known(Box::new(view(*position, &record))),
                None => AskedOutput::Unknown(UnknownOutput {
                    output: PositionText(*position),
                    status: "unknown".to_owned(),
                }),
            };
            let items = positions.iter().map(item).collect();
            let (height, _) = door.reader.tip()?;
            Reply::ok(&OutputsView {
                items,
                height: height.0,
            })
        })
        .await
    }

    /// `GET /v1/addresses/{address}`: sums per asset.
    ///
    /// # Errors
    /// Only the operator's own.
    pub async fn balance(&self, owner: Address) -> Answer {
        self.scan(move |door| {
            let mut sums: BTreeMap<Address, (Amount, Amount, usize)> = BTreeMap::new();
            let mut after = None;
            loop {
                let rows = door.reader.outputs_of(&owner, after, PAGE_MAX)?;
                for (_, record) in &rows {
                    let output = record.output;
                    let sum = sums.entry(output.asset).or_insert((NOTHING, NOTHING, 0));
                    let part = if output.locks == 0 { &mut sum.0 } else { &mut sum.1 };
                    // The vault holds the sum, so it fits.
                    *part = part.saturating_add(output.amount);
                    sum.2 = sum.2.saturating_add(1);
                }
                after = rows.last().map(|(position, _)| *position);
                if rows.len() < PAGE_MAX {
                    break;
                }
            }
            let balance =
                |(asset, (available, exiting, outputs)): (Address, (Amount, Amount, usize))| Balance {
                    asset: AddressText(asset),
                    available: AmountText(available),
                    exiting: AmountText(exiting),
                    total: AmountText(available.saturating_add(exiting)),
                    outputs,
                };
            let (height, _) = door.reader.tip()?;
            let balances = sums.into_iter().map(balance).collect();
            Reply::ok(&AddressView {
                address: AddressText(owner),
                balances,
                height: height.0,
            })
        })
        .await
    }

    /// `GET /v1/outputs/{position}`: an output, whatever became of it.
    ///
    /// # Errors
    /// [`Code::NotFound`] when no decided block created it.
    pub async fn output(&self, position: Position) -> Answer {
        self.read(move |door| Reply::ok(&door.output_view(position)?))
            .await
    }

    /// `GET /v1/outputs/{position}/exit-data`: everything that `ExitGame.startExit` takes, against the first anchor.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Pruned`], or [`Code::NotAnchored`] while no anchor covers the block. An output that
    /// is spent has exit data too: whether to use it is for its owner to judge, and for the federation to challenge.
    pub async fn exit_data(&self, position: Position) -> Answer {
        self.scan(move |door| {
            let output = door.output_view(position)?;
            let covering = covering(&door.books.anchors, position)?;
            let (height, horizon) = (position.block, door.reader.horizon()?);
            if height < horizon {
                return Err(StorageError::Pruned { height, horizon }.into());
            }
            let receipt = door.anchored(TransactionId(output.created_by.0), &covering)?;
            let calldata = door
                .facts
                .exit_call
                .map(|call| BytesText(call(&receipt, &covering, position.output)));
            Reply::ok(&ExitData {
                output,
                output_index: position.output,
                transaction: BytesText(receipt.transaction.encode()),
                included: inclusion(&receipt, covering),
                calldata,
            })
        })
        .await
    }

    /// Where a decided transaction lies under the first anchor that covers it.
    pub(super) fn anchored(&self, id: TransactionId, covering: &Covering) -> Result<Receipt, Problem> {
        let anchored = covering.anchor.height;
        let Some((_, certificate)) = self.reader.certificate_covering(anchored)? else {
            return Err(missing_block(anchored));
        };
        self.receipt(id, anchored, certificate)
    }

    pub(super) fn output_view(&self, position: Position) -> Result<OutputView, Problem> {
        let record = self.reader.output(position)?.ok_or_else(|| {
            Code::NotFound
                .because(format!("no decided block created the output {position}"))
                .hint("positions are block:transaction:output")
        })?;
        let mut output = view(position, &record);
        if let (Some(spender), Fate::Spent(by)) = (&mut output.spent_by, record.fate) {
            let block = match self.reader.block(by.height) {
                // Its place is known for ever, its id as long as the body.
                Err(StorageError::Pruned { .. }) => None,
                found => found?,
            };
            let index = usize::try_from(by.transaction).unwrap_or(usize::MAX);
            let signed = block.as_ref().and_then(|block| block.body.get(index));
            spender.id = signed.map(|signed| HashText(signed.id().0));
        }
        Ok(output)
    }
}

/// Positions out of a list with commas.
fn positions(ids: &str) -> Result<Vec<Position>, Problem> {
    let malformed = |detail: String| {
        Code::MalformedRequest
            .because(detail)
            .with("field", "ids")
            .hint(format!(
                "1 to {IDS_MAX} positions block:transaction:output, with commas between"
            ))
    };
    let texts: Vec<&str> = ids.split(',').take(IDS_MAX + 1).collect();
    if texts.len() > IDS_MAX {
        return Err(malformed(format!(
            "ids in the query names more than {IDS_MAX} outputs"
        )));
    }
    let parse = |text: &str| {
        let shown: String = text.chars().take(40).collect();
        let position = text.parse::<PositionText>();
        position
            .map(|position| position.0)
            .map_err(|_| malformed(format!("ids in the query has {shown:?}")))
    };
    texts.into_iter().map(parse).collect()
}

fn covering(anchors: &AnchorBook, position: Position) -> Result<Covering, Problem> {
    anchors.covering(position.block).ok_or_else(|| {
        Code::NotAnchored
            .because(format!(
                "no anchor on Ethereum covers block {} yet",
                position.block
            ))
            .with("height", position.block.0)
            .hint("anchors come every few blocks or minutes; l1.last_anchor in /v1/status shows the newest")
    })
}

/// Where the transaction of a receipt lies under the anchor that covers it.
pub(super) fn inclusion(receipt: &Receipt, covering: Covering) -> InclusionView {
    InclusionView {
        index: receipt.index,
        transaction_proof: hashes(&receipt.transaction_proof),
        height: receipt.height.0,
        transaction_count: receipt.transaction_count,
        transactions_root: HashText(receipt.transactions_root),
        l1_height: receipt.l1_height.0,
        history_proof: hashes(&receipt.history_proof),
        anchor: AnchorView::from(covering),
    }
}

/// An output as a document.
pub(super) fn view(position: Position, record: &OutputRecord) -> OutputView {
    let output = record.output;
    let (status, spent_by, exit) = match record.fate {
        Fate::Unspent if output.locks == 0 => (OutputStatus::Unspent, None, None),
        Fate::Unspent => (OutputStatus::Exiting, None, None),
        Fate::Spent(by) => {
            let spender = SpenderView {
                height: by.height.0,
                index: by.transaction,
                input: by.input,
                id: None,
            };
            (OutputStatus::Spent, Some(spender), None)
        }
        Fate::Exited(exit) => (OutputStatus::Exited, None, Some(super::exits::number(&exit))),
        Fate::Reclaimed => (OutputStatus::Reclaimed, None, None),
    };
    OutputView {
        output: PositionText(position),
        index: position.pack().to_string(),
        status,
        owner: AddressText(output.owner),
        asset: AddressText(output.asset),
        amount: AmountText(output.amount),
        created_by: HashText(output.transaction.0),
        spent_by,
        exit,
    }
}

/// Outputs in one question.
const IDS_MAX: usize = 100;

/// Rows read for one page at most, whatever a filter leaves out.
const ROWS_MAX: usize = 8 * PAGE_MAX;
