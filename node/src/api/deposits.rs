//! Deposits: on their way, credited, or taken back.

use std::{collections::BTreeMap, str::FromStr};

use plasma_core::{Address, DepositFate, DepositNumber, Fate, OutputRecord, Position, Wanted};
use serde::Deserialize;

use super::{
    Answer, Code, Door, Problem, Reply,
    arrivals::Arrival,
    history::{Cursor as Place, EVENTS_MAX, ROWS},
    outputs::{behind, limit_of},
    text::{AddressText, AmountText, PositionText, TextError, number},
    view::{DepositView, Page},
};
use crate::storage::{Event, Read, Turn};

/// The number of a deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deposit(pub(super) DepositNumber);

impl FromStr for Deposit {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let number = number(text).map(|number| Self(DepositNumber(number)));
        number.ok_or(TextError("a deposit's number, decimal"))
    }
}

/// What a page of deposits is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct DepositsAsked {
    /// How many items, 1 to 500; 50 unless said.
    #[param(nullable = false, minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// What the page before gave as `next_cursor`.
    #[param(nullable = false)]
    pub cursor: Option<String>,
    /// Only those of this owner.
    #[param(nullable = false)]
    pub address: Option<AddressText>,
}

/// Where a page goes on: below a number, or in the history of an owner.
enum Cursor {
    Below(DepositNumber),
    Behind(Event),
}

impl FromStr for Cursor {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let number = text.parse::<Deposit>().map(|deposit| Self::Below(deposit.0));
        number.or_else(|_| text.parse::<Place>().map(|place| Self::Behind(place.0)))
    }
}

/// A page while it is put together.
struct Draft {
    limit: usize,
    /// Only numbers below this one.
    below: DepositNumber,
    items: Vec<DepositView>,
}

impl Draft {
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.items.len())
    }

    /// Numbers begin at zero, so nothing is below it.
    fn next_cursor(&self) -> Option<String> {
        (self.below.0 > 0).then(|| self.below.to_string())
    }
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/deposits`, the newest first.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`] for a limit or cursor that makes no sense.
    pub async fn deposits(&self, asked: DepositsAsked) -> Answer {
        self.scan(move |door| {
            let limit = limit_of(asked.limit)?;
            let owner = asked.address.map(|address| address.0);
            let cursor = behind::<Cursor>(asked.cursor.as_ref())?;
            let (below, place) = match (cursor, owner) {
                (None, _) => (DepositNumber(u64::MAX), None),
                (Some(Cursor::Below(number)), _) => (number, None),
                (Some(Cursor::Behind(event)), Some(_)) => (DepositNumber(u64::MAX), Some(event)),
                (Some(Cursor::Behind(_)), None) => return Err(foreign_cursor()),
            };
            let mut draft = Draft {
                limit,
                below,
                items: Vec::new(),
            };
            let next_cursor = match (place, owner) {
                (Some(event), Some(owner)) => door.credited_to(&owner, Some(event), &mut draft)?,
                (_, owner) => {
                    let first = door.first_unknown()?;
                    door.arriving(first, owner, &mut draft);
                    match owner {
                        _ if draft.room() == 0 => draft.next_cursor(),
                        Some(owner) => door.credited_to(&owner, None, &mut draft)?,
                        None => door.decided_deposits(first, &mut draft)?,
                    }
                }
            };
            let (height, _) = door.reader.tip()?;
            Reply::ok(&Page {
                items: draft.items,
                next_cursor,
                height: height.0,
            })
        })
        .await
    }

    /// `GET /v1/deposits/{number}`.
    ///
    /// # Errors
    /// [`Code::NotFound`] while neither a decided block nor Ethereum, as it is seen here, knows of it.
    pub async fn deposit(&self, number: DepositNumber) -> Answer {
        self.read(move |door| {
            if let Some(fate) = door.reader.deposit(number)? {
                let mut found = door.decided_views(vec![(number, fate)])?;
                return found
                    .pop()
                    .map_or_else(|| Err(unknown(number)), |view| Reply::ok(&view));
            }
            let arrival = door.books.arrivals.find(number).ok_or_else(|| unknown(number))?;
            Reply::ok(&door.arrival_view(number, &arrival))
        })
        .await
    }

    /// The lowest number of which no decided block knows; all above are on their way.
    fn first_unknown(&self) -> Result<DepositNumber, Problem> {
        let last = self.reader.last_deposit()?;
        Ok(last.map_or(DepositNumber(0), |last| last.next().unwrap_or(last)))
    }

    fn arriving(&self, first: DepositNumber, owner: Option<Address>, draft: &mut Draft) {
        let (numbers, room) = (first..draft.below, draft.room());
        for (number, arrival) in self.books.arrivals.newest(numbers, owner, room) {
            draft.items.push(self.arrival_view(number, &arrival));
            draft.below = number;
        }
    }

    /// Numbers follow each other, so a page is a range of them: as many rows as it has room for are read.
    fn decided_deposits(&self, first: DepositNumber, draft: &mut Draft) -> Result<Option<String>, Problem> {
        let end = draft.below.min(first);
        let room = u64::try_from(draft.room()).unwrap_or(u64::MAX);
        let from = DepositNumber(end.0.saturating_sub(room));
        let mut views = self.decided_views(self.reader.deposits(from..end)?)?;
        views.reverse();
        draft.items.extend(views);
        draft.below = from;
        Ok(draft.next_cursor())
    }

    /// What the history of an owner says. All of its events are read, so a page may be short and yet go on.
    fn credited_to(
        &self,
        owner: &Address,
        place: Option<Event>,
        draft: &mut Draft,
    ) -> Result<Option<String>, Problem> {
        let (mut after, mut read) = (place, 0);
        loop {
            let events = self.reader.history_of(owner, after.as_ref(), ROWS)?;
            let is_end = events.len() < ROWS;
            let mut found = Vec::new();
            for event in events {
                if found.len() >= draft.room() || read >= EVENTS_MAX {
                    let place = after.as_ref().map(Place::text);
                    draft.items.extend(self.credited_views(&found)?);
                    return Ok(place);
                }
                (after, read) = (Some(event), read + 1);
                if let Turn::Deposited(number) = event.turn
                    && number < draft.below
                {
                    found.push((number, event.position));
                }
            }
            draft.items.extend(self.credited_views(&found)?);
            if is_end {
                return Ok(None);
            }
        }
    }

    fn decided_views(
        &self,
        deposits: Vec<(DepositNumber, DepositFate)>,
    ) -> Result<Vec<DepositView>, Problem> {
        let position = |fate: &DepositFate| match fate {
            DepositFate::Funded(position) => Some(*position),
            DepositFate::Reclaimed => None,
        };
        let records = self.records(deposits.iter().filter_map(|(_, fate)| position(fate)))?;
        let views = deposits.into_iter().map(|(number, fate)| match position(&fate) {
            Some(position) => credited(number, position, &records),
            None => Ok(bare(number, RECLAIMED)),
        });
        views.collect()
    }

    fn credited_views(&self, found: &[(DepositNumber, Position)]) -> Result<Vec<DepositView>, Problem> {
        let records = self.records(found.iter().map(|(_, position)| *position))?;
        let views = found
            .iter()
            .map(|(number, position)| credited(*number, *position, &records));
        views.collect()
    }

    /// What the ledger holds of these outputs.
    pub(super) fn records(&self, positions: impl Iterator<Item = Position>) -> Result<Records, Problem> {
        let wanted = Wanted {
            outputs: positions.collect(),
            ..Wanted::default()
        };
        Ok(self.reader.reads(&wanted)?.outputs)
    }

    fn arrival_view(&self, number: DepositNumber, arrival: &Arrival) -> DepositView {
        let needed = self.facts.genesis.confirmations;
        let confirmed = self.handle.status().l1_confirmed.0.saturating_add(needed.into());
        let head = self.books.arrivals.head().map_or(0, |head| head.height.0);
        let above = head.max(confirmed).saturating_sub(arrival.l1_height.0);
        DepositView {
            owner: Some(AddressText(arrival.owner)),
            asset: Some(AddressText(arrival.asset)),
            amount: Some(AmountText(arrival.amount)),
            confirmations: Some(above.min(needed.into())),
            needed: Some(needed),
            ..bare(number, CONFIRMING)
        }
    }
}

/// Outputs by their positions.
pub(super) type Records = BTreeMap<Position, Option<OutputRecord>>;

fn credited(number: DepositNumber, position: Position, records: &Records) -> Result<DepositView, Problem> {
    let record = records.get(&position).copied().flatten();
    let record = record.ok_or_else(|| Code::Internal.because(format!("there is no output {position}")))?;
    let status = if record.fate == Fate::Reclaimed {
        RECLAIMED
    } else {
        CREDITED
    };
    Ok(DepositView {
        owner: Some(AddressText(record.output.owner)),
        asset: Some(AddressText(record.output.asset)),
        amount: Some(AmountText(record.output.amount)),
        output: Some(PositionText(position)),
        ..bare(number, status)
    })
}

fn bare(number: DepositNumber, status: &str) -> DepositView {
    DepositView {
        number: number.0,
        status: status.to_owned(),
        owner: None,
        asset: None,
        amount: None,
        output: None,
        confirmations: None,
        needed: None,
    }
}

fn unknown(number: DepositNumber) -> Problem {
    Code::NotFound
        .because(format!("nothing is known of deposit {number}"))
        .hint("a deposit shows once its transaction is mined on Ethereum, and is credited some blocks later; confirmations in /v1/network")
}

fn foreign_cursor() -> Problem {
    Code::MalformedRequest
        .because("cursor in the query is of the deposits of an address")
        .with("field", "cursor")
        .hint("ask with the same address as before, or leave the cursor out")
}

const CONFIRMING: &str = "confirming";
const CREDITED: &str = "credited";
const RECLAIMED: &str = "reclaimed";
