//! What happened to the outputs of an owner, and to exits: rows that answer questions, the newest first.

use std::collections::BTreeMap;

use plasma_core::{Address, Delta, DepositFate, DepositNumber, ExitId, Fate, Height, OpenExit, Position};

use super::{
    rows::{Change, Row},
    schema::{self, Table},
};

/// What happened to an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// A payment created it.
    Received,
    /// The ledger credited this deposit with it.
    Deposited(DepositNumber),
    /// A payment spent it.
    Sent,
    /// An exit paid or consumed it on Ethereum.
    Exited,
    /// Its deposit was taken back from the vault.
    Reclaimed,
}

/// One thing that happened to one output of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The block.
    pub height: Height,
    /// The transaction in it; none for what Ethereum did.
    pub index: Option<u32>,
    /// What happened.
    pub turn: Turn,
    /// To which output.
    pub position: Position,
}

impl Turn {
    fn byte(self) -> u8 {
        match self {
            Self::Received => 1,
            Self::Deposited(_) => 2,
            Self::Sent => 3,
            Self::Exited => 4,
            Self::Reclaimed => 5,
        }
    }

    fn decode(byte: u8, value: &[u8]) -> Option<Self> {
        let turn = match byte {
            1 => Self::Received,
            2 => return Some(Self::Deposited(schema::deposit(value)?)),
            3 => Self::Sent,
            4 => Self::Exited,
            5 => Self::Reclaimed,
            _ => return None,
        };
        value.is_empty().then_some(turn)
    }
}

impl Event {
    /// owner 20 ‖ place 8 ‖ turn 1 ‖ position 9.
    #[must_use]
    pub(super) fn key(&self, owner: &Address) -> Vec<u8> {
        let place = self.index.map_or(0, |index| index.saturating_add(1));
        [
            &owner.0[..],
            &(!self.height.0).to_be_bytes(),
            &(!place).to_be_bytes(),
            &[self.turn.byte()],
            &self.position.to_bytes(),
        ]
        .concat()
    }

    pub(super) fn value(&self) -> Vec<u8> {
        match self.turn {
            Turn::Deposited(number) => schema::deposit_key(number).to_vec(),
            _ => Vec::new(),
        }
    }

    /// A row back, with its owner.
    #[must_use]
    pub(super) fn decode((key, value): &Row) -> Option<(Address, Self)> {
        let (owner, rest) = key.split_at_checked(20)?;
        let (height, rest) = rest.split_first_chunk()?;
        let (place, rest) = rest.split_first_chunk()?;
        let (turn, position) = rest.split_first()?;
        let event = Self {
            height: Height(!u32::from_be_bytes(*height)),
            index: (!u32::from_be_bytes(*place)).checked_sub(1),
            turn: Turn::decode(*turn, value)?,
            position: schema::position(position)?,
        };
        Some((schema::address(owner)?, event))
    }
}

/// Whether only the block of this height can have made the row.
pub(super) fn is_of(key: &[u8], height: Height) -> bool {
    key.get(20..24) == Some(&(!height.0).to_be_bytes()[..])
}

/// How an output came into being.
pub(super) fn birth(position: Position, deposit: Option<DepositNumber>) -> Event {
    Event {
        height: position.block,
        index: Some(position.transaction),
        turn: deposit.map_or(Turn::Received, Turn::Deposited),
        position,
    }
}

/// How an output ended in the block of this height; none for one that exists.
pub(super) fn end(height: Height, position: Position, fate: Fate) -> Option<Event> {
    let (index, turn) = match fate {
        Fate::Unspent => return None,
        Fate::Spent(by) => (Some(by.transaction), Turn::Sent),
        Fate::Exited(_) => (None, Turn::Exited),
        Fate::Reclaimed => (None, Turn::Reclaimed),
    };
    Some(Event {
        height,
        index,
        turn,
        position,
    })
}

/// A change that writes what happened.
pub(super) fn change(owner: &Address, event: &Event) -> Change {
    Change {
        table: Table::History,
        key: event.key(owner),
        value: Some(event.value()),
    }
}

/// What a block did to an exit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitTurn {
    /// The block.
    pub height: Height,
    /// The exit.
    pub exit: ExitId,
    /// What happened.
    pub step: ExitStep,
    /// The exit after it, or as it was before it ended.
    pub open: OpenExit,
}

/// What happened to an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStep {
    /// Ethereum started it.
    Started,
    /// It locks other outputs than before.
    Changed,
    /// It was paid, challenged or voided.
    Ended,
}

impl ExitStep {
    fn byte(self) -> u8 {
        match self {
            Self::Started => 1,
            Self::Changed => 2,
            Self::Ended => 3,
        }
    }
}

impl ExitTurn {
    /// !height 4 ‖ exit id 32.
    #[must_use]
    pub(super) fn key(height: Height, exit: &ExitId) -> Vec<u8> {
        [&(!height.0).to_be_bytes()[..], &exit.0.0].concat()
    }

    /// A row back.
    #[must_use]
    pub(super) fn decode((key, value): &Row) -> Option<Self> {
        let (height, exit) = key.split_first_chunk()?;
        let (step, open) = value.split_first()?;
        let steps = [ExitStep::Started, ExitStep::Changed, ExitStep::Ended];
        Some(Self {
            height: Height(!u32::from_be_bytes(*height)),
            exit: ExitId(schema::hash(exit)?),
            step: steps.into_iter().find(|known| known.byte() == *step)?,
            open: OpenExit::decode(open)?,
        })
    }
}

/// A change that writes what a block did to an exit; none for one that was not open and is not.
pub(super) fn exit_change(
    height: Height,
    exit: &ExitId,
    before: Option<&OpenExit>,
    after: Option<&OpenExit>,
) -> Option<Change> {
    let (step, open) = match (before, after) {
        (None, None) => return None,
        (None, Some(after)) => (ExitStep::Started, after),
        (Some(_), Some(after)) => (ExitStep::Changed, after),
        (Some(before), None) => (ExitStep::Ended, before),
    };
    Some(Change {
        table: Table::ExitTurns,
        key: ExitTurn::key(height, exit),
        value: Some([&[step.byte()][..], &open.encode()].concat()),
    })
}

/// The deposits that a block credited, by their outputs.
pub(super) fn credited(delta: &Delta) -> BTreeMap<Position, DepositNumber> {
    let funded = delta.deposits.iter().filter_map(|(number, fate)| match fate {
        DepositFate::Funded(position) => Some((*position, *number)),
        DepositFate::Reclaimed => None,
    });
    funded.collect()
}
