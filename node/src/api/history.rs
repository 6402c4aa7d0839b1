//! `GET /v1/addresses/{address}/transactions`: what happened to the outputs of an address, the newest first.

use std::str::FromStr;

use plasma_core::{Address, Amount, DepositNumber, Height, OutputRecord, Wanted};
use serde::Deserialize;

use super::{
    Answer, Code, Door, PAGE_MAX, Problem, Reply,
    outputs::{behind, limit_of},
    text::{AddressText, AmountText, HashText, PositionText, TextError, rfc3339},
    transactions::{NOTHING, missing_block},
    view::{HistoryItem, HistoryKind, Page, State},
};
use crate::storage::{Decided, Event, Read, StorageError, Turn};

/// What a page of a history is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct HistoryAsked {
    /// How many items, 1 to 500; 50 unless said.
    #[param(nullable = false, minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// What the page before gave as `next_cursor`.
    #[param(nullable = false)]
    pub cursor: Option<String>,
    /// Only these.
    #[param(inline, nullable = false)]
    pub direction: Option<Direction>,
}

/// Which side of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// What a payment of others brought, and what came back from one's own.
    In,
    /// What one's own payments spent.
    Out,
    /// What was deposited.
    Deposit,
    /// What left through Ethereum.
    Exit,
}

impl Direction {
    fn has(self, item: &HistoryItem) -> bool {
        match self {
            Self::In => item.kind == HistoryKind::Payment && !item.outputs.is_empty(),
            Self::Out => item.kind == HistoryKind::Payment && !item.inputs.is_empty(),
            Self::Deposit => item.kind == HistoryKind::Deposit,
            Self::Exit => matches!(item.kind, HistoryKind::Exit | HistoryKind::Reclaim),
        }
    }
}

/// The last event of a page: `height-place-turn-position`, opaque to clients.
pub(super) struct Cursor(pub(super) Event);

impl Cursor {
    pub(super) fn text(event: &Event) -> String {
        let place = event.index.map_or(0, |index| u64::from(index) + 1);
        let turn = match event.turn {
            Turn::Received => 1,
            Turn::Deposited(_) => 2,
            Turn::Sent => 3,
            Turn::Exited => 4,
            Turn::Reclaimed => 5,
        };
        format!("{}-{place}-{turn}-{}", event.height, PositionText(event.position))
    }
}

impl FromStr for Cursor {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let parse = || {
            let mut parts = text.splitn(4, '-');
            let height = Height(parts.next()?.parse().ok()?);
            let place: u64 = parts.next()?.parse().ok()?;
            let turn = match parts.next()? {
                "1" => Turn::Received,
                // A deposit's number is no part of a key.
                "2" => Turn::Deposited(DepositNumber(0)),
                "3" => Turn::Sent,
                "4" => Turn::Exited,
                "5" => Turn::Reclaimed,
                _ => return None,
            };
            let index = match place.checked_sub(1) {
                Some(index) => Some(u32::try_from(index).ok()?),
                None => None,
            };
            let position = parts.next()?.parse::<PositionText>().ok()?.0;
            Some(Self(Event {
                height,
                index,
                turn,
                position,
            }))
        };
        parse().ok_or(TextError("what next_cursor said"))
    }
}

/// Events of one item while it is put together.
struct Group {
    events: Vec<(Event, OutputRecord)>,
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/addresses/{address}/transactions`.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`] for a limit or cursor that makes no sense.
    pub async fn history_of(&self, owner: Address, asked: HistoryAsked) -> Answer {
        self.scan(move |door| door.history_page(&owner, &asked)).await
    }

    fn history_page(&self, owner: &Address, asked: &HistoryAsked) -> Answer {
        let limit = limit_of(asked.limit)?;
        let mut after = behind::<Cursor>(asked.cursor.as_ref())?.map(|cursor| cursor.0);
        let (mut items, mut read) = (Vec::new(), 0);
        let mut blocks = Blocks::new(&self.reader);
        // What a filter leaves out is read all the same: a page may be short, and says where the next begins.
        'page: loop {
            let (groups, is_end) = self.groups(owner, after.as_ref())?;
            let mut groups = groups.into_iter().peekable();
            while let Some(group) = groups.next() {
                read += group.events.len();
                after = group.events.last().map(|(event, _)| *event);
                let item = self.item(&group, &mut blocks)?;
                if asked.direction.is_none_or(|direction| direction.has(&item)) {
                    items.push(item);
                }
                if !(is_end && groups.peek().is_none()) && (items.len() == limit || read >= EVENTS_MAX) {
                    break 'page;
                }
            }
            if is_end {
                after = None;
                break;
            }
        }
        let (height, _) = self.reader.tip()?;
        Reply::ok(&Page {
            items,
            next_cursor: after.as_ref().map(Cursor::text),
            height: height.0,
        })
    }

    /// The next events, those of one transaction and asset together and none of them cut; whether the history ends there.
    fn groups(&self, owner: &Address, after: Option<&Event>) -> Result<(Vec<Group>, bool), Problem> {
        let events = self.reader.history_of(owner, after, ROWS)?;
        let is_end = events.len() < ROWS;
        let wanted = Wanted {
            outputs: events.iter().map(|event| event.position).collect(),
            ..Wanted::default()
        };
        let reads = self.reader.reads(&wanted)?;
        let mut groups: Vec<Group> = Vec::new();
        for event in events {
            let Some(record) = reads.outputs.get(&event.position).copied().flatten() else {
                return Err(Code::Internal.because(format!("there is no output {}", event.position)));
            };
            match groups.last_mut().filter(|group| group.is_of(&event)) {
                Some(group) => group.events.push((event, record)),
                None => groups.push(Group {
                    events: vec![(event, record)],
                }),
            }
        }
        if !is_end && groups.len() > 1 {
            // More of it may follow.
            groups.pop();
        }
        Ok((groups, is_end))
    }

    fn item(&self, group: &Group, blocks: &mut Blocks<'_, R>) -> Result<HistoryItem, Problem> {
        let Some((first, record)) = group.events.first() else {
            return Err(Code::Internal.because("a history item without an event"));
        };
        let (time, id) = blocks.of(first)?;
        let mut item = HistoryItem {
            height: first.height.0,
            time,
            index: first.index,
            id,
            kind: HistoryKind::Payment,
            asset: AddressText(record.output.asset),
            received: AmountText(NOTHING),
            sent: AmountText(NOTHING),
            outputs: Vec::new(),
            inputs: Vec::new(),
            deposit: None,
            void: self.state_at(first.height) == State::Void,
        };
        let (mut received, mut sent) = (Amount::ZERO, Amount::ZERO);
        for (event, record) in &group.events {
            let amount = record.output.amount;
            match event.turn {
                Turn::Received | Turn::Deposited(_) => {
                    received = received.saturating_add(amount);
                    item.outputs.push(PositionText(event.position));
                    // What came tells the id even where the body is gone.
                    item.id = Some(HashText(record.output.transaction.0));
                }
                Turn::Sent | Turn::Exited | Turn::Reclaimed => {
                    sent = sent.saturating_add(amount);
                    item.inputs.push(PositionText(event.position));
                }
            }
            match event.turn {
                Turn::Received | Turn::Sent => {}
                Turn::Deposited(number) => {
                    item.kind = HistoryKind::Deposit;
                    item.deposit = Some(number.0);
                }
                Turn::Exited => item.kind = HistoryKind::Exit,
                Turn::Reclaimed => item.kind = HistoryKind::Reclaim,
            }
        }
        (item.received, item.sent) = (AmountText(received), AmountText(sent));
        Ok(item)
    }
}

impl Group {
    /// Whether an event is of the same transaction. What Ethereum ends, it ends one by one.
    fn is_of(&self, event: &Event) -> bool {
        self.events.last().is_some_and(|(last, _)| {
            event.index.is_some() && (last.height, last.index) == (event.height, event.index)
        })
    }
}

/// Blocks that a page has met: many items may be of one.
struct Blocks<'a, R> {
    reader: &'a R,
    last: Option<(Height, String, Option<Decided>)>,
}

impl<'a, R: Read> Blocks<'a, R> {
    fn new(reader: &'a R) -> Self {
        Self { reader, last: None }
    }

    /// Time of an event's block, and the id of its transaction where the body is kept.
    fn of(&mut self, event: &Event) -> Result<(String, Option<HashText>), Problem> {
        let height = event.height;
        if self.last.as_ref().is_none_or(|(known, ..)| *known != height) {
            let header = self.reader.header(height)?.ok_or_else(|| missing_block(height))?;
            let block = match self.reader.block(height) {
                Err(StorageError::Pruned { .. }) => None,
                found => found?,
            };
            self.last = Some((height, rfc3339(header.timestamp_ms.0), block));
        }
        let Some((_, time, block)) = &self.last else {
            return Err(missing_block(height));
        };
        let signed = event.index.and_then(|index| {
            let index = usize::try_from(index).ok()?;
            block.as_ref()?.body.get(index)
        });
        Ok((time.clone(), signed.map(|signed| HashText(signed.id().0))))
    }
}

/// Rows read at once; one transaction has at most a few.
pub(super) const ROWS: usize = 256;

/// Rows read for one page at most, whatever a filter leaves out.
pub(super) const EVENTS_MAX: usize = 8 * PAGE_MAX;
