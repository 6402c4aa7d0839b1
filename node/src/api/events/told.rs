//! What a block says: to all who follow blocks or Ethereum, and to who follows transactions and addresses.

use plasma_core::Height;
use serde::Serialize;

use super::{
    super::{
        Door, Problem,
        text::{AddressText, AmountText, HashText, PositionText, rfc3339},
        transactions::missing_block,
        view::{BlockSummary, CreditEvent, DecidedEvent, ExitEvent, OutputEvent},
    },
    asked::Topics,
};
use crate::storage::{Event as Happened, ExitStep, Read, StorageError, Turn};

/// What a block says to whoever follows blocks or Ethereum.
#[derive(Debug)]
pub(super) struct News {
    pub(super) block: String,
    pub(super) l1: Vec<(&'static str, String)>,
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    pub(super) fn news_of(&self, height: Height) -> Result<News, Problem> {
        let leaders = self.leaders()?;
        let summary: BlockSummary = self.summary(height, leaders.as_ref())?;
        let mut l1 = Vec::new();
        match self.reader.block(height) {
            // Its deposits show in the histories of their owners all the same.
            Err(StorageError::Pruned { .. }) => {}
            found => {
                let block = found?.ok_or_else(|| missing_block(height))?;
                for (index, signed) in (0u32..).zip(&block.body) {
                    if let Some(number) = signed.transaction.deposit()
                        && let Some(paid) = signed.transaction.outputs.first()
                    {
                        let event = CreditEvent {
                            number: number.0,
                            height: height.0,
                            output: PositionText(plasma_core::Position {
                                block: height,
                                transaction: index,
                                output: 0,
                            }),
                            owner: AddressText(paid.owner),
                            asset: AddressText(signed.transaction.asset),
                            amount: AmountText(paid.amount),
                        };
                        l1.push(("deposit.credited", json(&event)));
                    }
                }
            }
        }
        for turn in self.reader.exit_turns_at(height)? {
            let name = match turn.step {
                ExitStep::Started => "exit.started",
                ExitStep::Changed => "exit.changed",
                ExitStep::Ended => "exit.ended",
            };
            let event = ExitEvent {
                height: height.0,
                exit: super::super::exits::view(&turn.exit, &turn.open),
            };
            l1.push((name, json(&event)));
        }
        Ok(News {
            block: json(&summary),
            l1,
        })
    }

    /// What a block did to the transactions and addresses of one reader.
    pub(super) fn own_events(
        &self,
        height: Height,
        topics: &Topics,
    ) -> Result<Vec<(&'static str, String)>, Problem> {
        let reader = self.reader.pinned()?;
        let mut events = Vec::new();
        let mut time = None;
        for id in &topics.transactions {
            let Some((_, index)) = reader.transaction(id)?.filter(|(at, _)| *at == height) else {
                continue;
            };
            if time.is_none() {
                let header = reader.header(height)?.ok_or_else(|| missing_block(height))?;
                time = Some(rfc3339(header.timestamp_ms.0));
            }
            let event = DecidedEvent {
                id: HashText(id.0),
                height: height.0,
                index,
                time: time.clone().unwrap_or_default(),
            };
            events.push(("transaction.committed", json(&event)));
        }
        for owner in &topics.addresses {
            for happened in reader.history_at(owner, height)? {
                let record = reader.output(happened.position)?;
                if let Some(record) = record {
                    let event = OutputEvent {
                        output: PositionText(happened.position),
                        owner: AddressText(*owner),
                        asset: AddressText(record.output.asset),
                        amount: AmountText(record.output.amount),
                        height: height.0,
                        index: happened.index,
                    };
                    events.push((name_of(&happened), json(&event)));
                }
            }
        }
        Ok(events)
    }
}

fn name_of(happened: &Happened) -> &'static str {
    match happened.turn {
        Turn::Received | Turn::Deposited(_) => "output.created",
        Turn::Sent => "output.spent",
        Turn::Exited => "output.exited",
        Turn::Reclaimed => "output.reclaimed",
    }
}

/// A document on one line.
pub(super) fn json(document: &impl Serialize) -> String {
    serde_json::to_string(document).unwrap_or_default()
}
