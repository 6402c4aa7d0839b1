//! Blocks: header and certificate, and the transactions in them.

use std::str::FromStr;

use plasma_consensus::Schedule;
use plasma_core::{BlockId, Epoch, Height, SignedTransaction};

use super::{
    Answer, Code, Door, Problem, Reply,
    outputs::{PageAsked, behind, limit_of, page},
    text::{BytesText, HashText, TextError, number, rfc3339},
    transactions::{missing_block, view},
    view::{AnchorView, BlockSummary, BlockView, Page, Place, State, TransactionView},
};
use crate::{runtime::handle::AnchorSeen, storage::Read};

/// How a block is named in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockName {
    /// The newest.
    Latest,
    /// The newest that an anchor on Ethereum covers.
    Anchored,
    /// The newest that such an anchor covers at the confirmation depth.
    Finalized,
    /// By height.
    Height(Height),
    /// By id.
    Id(BlockId),
}

impl BlockName {
    /// Whether it names the same block tomorrow.
    fn is_fixed(self) -> bool {
        matches!(self, Self::Height(_) | Self::Id(_))
    }
}

/// A transaction that a page ended with: `height-index`, opaque to clients.
struct Cursor {
    height: Height,
    index: u32,
}

impl FromStr for Cursor {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let parts = text.split_once('-');
        let parsed = parts.and_then(|(height, index)| {
            Some(Self {
                height: Height(number(height)?),
                index: number(index)?,
            })
        });
        parsed.ok_or(TextError("what next_cursor said"))
    }
}

impl FromStr for BlockName {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        match text {
            "latest" => return Ok(Self::Latest),
            "anchored" => return Ok(Self::Anchored),
            "finalized" => return Ok(Self::Finalized),
            _ => {}
        }
        let by_height = number(text).map(|height| Self::Height(Height(height)));
        let by_id = || text.parse::<HashText>().map(|id| Self::Id(BlockId(id.0))).ok();
        by_height.or_else(by_id).ok_or(TextError(
            "a height, a block id of 0x and 64 hex digits, latest, anchored or finalized",
        ))
    }
}

/// Where a page of blocks begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct BlocksAsked {
    /// How many items, 1 to 500; 50 unless said.
    #[param(nullable = false, minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// What the page before gave as `next_cursor`.
    #[param(nullable = false)]
    pub cursor: Option<String>,
    /// Only blocks below this height.
    #[param(nullable = false)]
    pub before: Option<u32>,
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/blocks`, the newest first.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`] for a limit or cursor that makes no sense.
    pub async fn blocks(&self, asked: BlocksAsked) -> Answer {
        self.scan(move |door| {
            let limit = limit_of(asked.limit)?;
            let (tip, _) = door.reader.tip()?;
            let behind = behind::<u32>(asked.cursor.as_ref())?;
            let below = behind.or(asked.before).unwrap_or(u32::MAX);
            let below = below.min(tip.0.saturating_add(1));
            let lowest = below.saturating_sub(u32::try_from(limit).unwrap_or(u32::MAX));
            let leaders = door.leaders()?;
            let items = (lowest..below).rev();
            let items = items
                .map(|height| door.summary(Height(height), leaders.as_ref()))
                .collect::<Result<Vec<_>, _>>()?;
            Reply::ok(&Page {
                items,
                next_cursor: (lowest > 0).then(|| lowest.to_string()),
                height: tip.0,
            })
        })
        .await
    }

    /// `GET /v1/blocks/{block}/certificate`.
    ///
    /// # Errors
    /// [`Code::NotFound`] when this operator does not hold it; genesis has none.
    pub async fn certificate(&self, name: BlockName) -> Answer {
        self.read(move |door| {
            let height = door.named(name)?;
            let found = door.certificate_of(&door.reader, height)?;
            let found = found.filter(|_| height != Height(0)).ok_or_else(|| {
                Code::NotFound
                    .because(format!("no certificate covers block {height}"))
                    .hint("genesis has none; a block has one as soon as it is decided")
            })?;
            Reply::ok(&found)
        })
        .await
    }

    /// `GET /v1/blocks/{block}/raw`: header and transactions, byte for byte.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Pruned`].
    pub async fn raw_block(&self, name: BlockName) -> Answer {
        self.scan(move |door| {
            let block = door.block_at(door.named(name)?)?;
            let body = block.body.iter().flat_map(SignedTransaction::encode);
            let bytes = Reply::bytes(block.header.encode().into_iter().chain(body).collect());
            Ok(if name.is_fixed() {
                bytes.for_ever(block.header.id().0)
            } else {
                bytes
            })
        })
        .await
    }

    /// Who leads the views of the running epoch, with that epoch; none when its committee is not known here.
    pub(super) fn leaders(&self) -> Result<Option<(Epoch, Schedule)>, Problem> {
        let state = self.reader.state()?;
        let roster = self.facts.directory.roster(state.epoch);
        Ok(roster.map(|roster| {
            let seats = roster.committee.size();
            (state.epoch, Schedule::new(&state.sealed.0, seats))
        }))
    }

    /// A block of a list.
    pub(super) fn summary(
        &self,
        height: Height,
        leaders: Option<&(Epoch, Schedule)>,
    ) -> Result<BlockSummary, Problem> {
        let header = self.reader.header(height)?.ok_or_else(|| missing_block(height))?;
        let covering = self.reader.certificate_covering(height)?;
        let covering = covering.filter(|_| height != Height(0));
        let own = covering.as_ref().filter(|(certified, _)| *certified == height);
        let own = own.map(|(_, certificate)| certificate);
        let leader = own.zip(leaders).and_then(|(certificate, (epoch, schedule))| {
            (certificate.epoch == *epoch).then(|| schedule.leader(certificate.view).0)
        });
        Ok(BlockSummary {
            height: height.0,
            id: HashText(header.id().0),
            time: rfc3339(header.timestamp_ms.0),
            timestamp_ms: header.timestamp_ms.0,
            transaction_count: header.transaction_count,
            certified_at: covering.as_ref().map(|(certified, _)| certified.0),
            epoch: own.map(|certificate| certificate.epoch.0),
            view: own.map(|certificate| certificate.view.0),
            leader,
            quorum: own.and_then(|certificate| self.quorum(certificate.epoch)),
            signers: own.map_or_else(Vec::new, |certificate| {
                certificate.signers.iter().map(|signer| signer.0).collect()
            }),
            anchor: self
                .books
                .anchors
                .covering(height)
                .map(|covering| covering.anchor.number),
            void: self.state_at(height) == State::Void,
        })
    }

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
                anchor: door.books.anchors.covering(height).map(AnchorView::from),
                void: door.state_at(height) == State::Void,
            })
        })
        .await
    }

    /// `GET /v1/blocks/{block}/transactions`, in the block's order. The pages of the latest block are all of the one that was the
    /// latest at the first.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::MalformedRequest`] for a limit or cursor that makes no sense.
    pub async fn block_transactions(&self, name: BlockName, asked: PageAsked) -> Answer {
        self.scan(move |door| {
            let limit = asked.limit()?;
            let cursor: Option<Cursor> = asked.after()?;
            let height = match &cursor {
                Some(cursor) if !name.is_fixed() => cursor.height,
                _ => door.named(name)?,
            };
            if cursor.as_ref().is_some_and(|cursor| cursor.height != height) {
                return Err(foreign_cursor());
            }
            let after = cursor.map(|cursor| cursor.index);
            let block = door.block_at(height)?;
            let id = HashText(block.header.id().0);
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
                let place = transaction.block;
                place.map_or_else(String::new, |place| format!("{}-{}", place.height, place.index))
            };
            Reply::ok(&page(items.collect(), limit, tip.0, last))
        })
        .await
    }

    fn named(&self, name: BlockName) -> Result<Height, Problem> {
        match name {
            BlockName::Latest => Ok(self.reader.tip()?.0),
            BlockName::Anchored => settled(self.books.anchors.newest()),
            BlockName::Finalized => settled(self.books.anchors.newest_final()),
            BlockName::Height(height) => Ok(height),
            BlockName::Id(id) => self.reader.height_of(&id)?.ok_or_else(|| {
                Code::NotFound
                    .because(format!("this operator holds no block {id}"))
                    .hint("/v1/blocks/latest names the newest")
            }),
        }
    }
}

fn foreign_cursor() -> Problem {
    Code::MalformedRequest
        .because("cursor in the query is of another block")
        .with("field", "cursor")
        .hint("ask for the same block as before, or leave the cursor out")
}

/// The height up to which an anchor covers blocks.
fn settled(anchor: Option<AnchorSeen>) -> Result<Height, Problem> {
    anchor.map(|anchor| anchor.height).ok_or_else(|| {
        Code::NotAnchored
            .because("no anchor on Ethereum has come so far")
            .hint("/v1/blocks/latest names the newest block; l1 in /v1/status shows the anchors")
    })
}
