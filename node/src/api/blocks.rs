//! Blocks: header and certificate, and the transactions in them.

use std::str::FromStr;

use plasma_core::{BlockId, Height};

use super::{
    Answer, Code, Door, Problem, Reply,
    outputs::{PageAsked, page},
    text::{BytesText, HashText, TextError, rfc3339},
    transactions::{missing_block, view},
    view::{AnchorView, BlockView, Place, State, TransactionView},
};
use crate::storage::Read;

/// How a block is named in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockName {
    /// The newest.
    Latest,
    /// By height.
    Height(Height),
    /// By id.
    Id(BlockId),
}

impl FromStr for BlockName {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let by_height = || text.parse().map(|height| Self::Height(Height(height)));
        let by_id = text.parse::<HashText>().map(|id| Self::Id(BlockId(id.0)));
        by_id.or_else(|_| {
            by_height().map_err(|_| TextError("a height, a block id of 0x and 64 hex digits, or latest"))
        })
    }
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/blocks/{block}`.
    ///
    /// # Errors
    /// [`Code::NotFound`] when this operator does not hold it.
    pub async fn block(&self, name: BlockName) -> Answer {
        self.read(move |door| {
            let height = door.named(name)?;
            let header = door.reader.header(height)?.ok_or_else(|| missing_block(height))?;
            let certificate = door
                .certificate_of(&door.reader, height)?
                .filter(|_| height != Height(0));
            Reply::ok(&BlockView {
                height: height.0,
                id: HashText(header.id().0),
                parent: HashText(header.parent.0),
                transaction_count: header.transaction_count,
                transactions_root: HashText(header.transactions_root),
                history_root: HashText(header.history_root),
                output_commitment: HashText(header.output_commitment),
                l1_height: header.l1_height.0,
                l1_hash: HashText(header.l1_hash),
                time: rfc3339(header.timestamp_ms.0),
                timestamp_ms: header.timestamp_ms.0,
                header: BytesText(header.encode().to_vec()),
                certificate,
                anchor: door.anchors.covering(height).map(AnchorView::from),
                void: door.state_at(height) == State::Void,
            })
        })
        .await
    }

    /// `GET /v1/blocks/{block}/transactions`, in the block's order.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::MalformedRequest`] for a limit or cursor that makes no sense.
    pub async fn block_transactions(&self, name: BlockName, asked: PageAsked) -> Answer {
        self.scan(move |door| {
            let limit = asked.limit()?;
            let after: Option<u32> = asked.after()?;
            let block = door.block_at(door.named(name)?)?;
            let (height, id) = (block.header.height, HashText(block.header.id().0));
            let state = door.state_at(height);
            let rows = (0u32..)
                .zip(&block.body)
                .filter(|(index, _)| after.is_none_or(|after| *index > after));
            let items = rows.take(limit.saturating_add(1)).map(|(index, signed)| {
                view(
                    signed,
                    signed.id(),
                    Some(Place {
                        height: height.0,
                        id,
                        index,
                    }),
                    state,
                )
            });
            let (tip, _) = door.reader.tip()?;
            let last = |transaction: &TransactionView| {
                transaction
                    .block
                    .map(|place| place.index.to_string())
                    .unwrap_or_default()
            };
            Reply::ok(&page(items.collect(), limit, tip.0, last))
        })
        .await
    }

    fn named(&self, name: BlockName) -> Result<Height, Problem> {
        match name {
            BlockName::Latest => Ok(self.reader.tip()?.0),
            BlockName::Height(height) => Ok(height),
            BlockName::Id(id) => self.reader.height_of(&id)?.ok_or_else(|| {
                Code::NotFound
                    .because(format!("this operator holds no block {id}"))
                    .hint("/v1/blocks/latest names the newest")
            }),
        }
    }
}
