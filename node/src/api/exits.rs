//! Open exits.

use std::str::FromStr;

use plasma_core::{Address, Amount, ExitId, Hash, OpenExit, Position};

use super::{
    Answer, Code, Door, Problem, Reply,
    outputs::{PageAsked, page},
    text::{AddressText, AmountText, HashText, PositionText, TextError, time_of},
    view::{AlertKind, EthereumExit, ExitView},
};
use crate::{runtime::l1::Standing, storage::Read};

/// The contract's number of an exit: decimal, or 32 bytes of hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitNumber(pub ExitId);

impl FromStr for ExitNumber {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let decimal = || {
            text.parse::<AmountText>()
                .map(|number| Hash(number.0.to_be_bytes()))
        };
        let bytes = text.parse::<HashText>().map(|hash| hash.0).or_else(|_| decimal());
        bytes
            .map(|hash| Self(ExitId(hash)))
            .map_err(|_| TextError("an exit's number, decimal or 0x and 64 hex digits"))
    }
}

/// An exit's id as the contract counts.
pub(super) fn number(id: &ExitId) -> String {
    Amount::from_be_bytes(id.0.0).to_string()
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/exits`: exits that Ethereum started and has not ended.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`] for a limit or cursor that makes no sense.
    pub async fn exits(&self, asked: PageAsked) -> Answer {
        self.scan(move |door| {
            let limit = asked.limit()?;
            let after = asked.after::<ExitNumber>()?.map(|number| number.0);
            let open = door.reader.exits()?;
            let behind = open
                .iter()
                .filter(|(id, _)| after.is_none_or(|after| **id > after));
            let items = door.exit_views(behind.take(limit.saturating_add(1)))?;
            let (height, _) = door.reader.tip()?;
            Reply::ok(&page(items, limit, height.0, |exit: &ExitView| exit.id.clone()))
        })
        .await
    }

    /// `GET /v1/exits/{number}`.
    ///
    /// # Errors
    /// [`Code::NotFound`] when it is not open; an ended exit shows on its output.
    pub async fn exit(&self, id: ExitId) -> Answer {
        self.read(move |door| {
            let exit = door.reader.exit(&id)?.ok_or_else(|| {
                Code::NotFound
                    .because(format!("no open exit has the number {}", number(&id)))
                    .hint("an exit shows once its L1 block is confirmed, and an ended one on its output")
            })?;
            let mut views = door.exit_views([(&id, &exit)].into_iter())?;
            views.pop().map_or_else(
                || Err(Code::Internal.because("an exit without a document")),
                |view| Reply::ok(&view),
            )
        })
        .await
    }

    /// Exits with what Ethereum says of them. Nothing is asked for that: their ids say when, the ledger how much, and what
    /// was read of Ethereum the rest.
    fn exit_views<'a>(
        &self,
        exits: impl Iterator<Item = (&'a ExitId, &'a OpenExit)> + Clone,
    ) -> Result<Vec<ExitView>, Problem> {
        // What was read is old news then.
        let is_followed = !self.books.alerts.stands(AlertKind::L1Stalled);
        let records = self.records(exits.clone().filter_map(|(_, exit)| output_of(exit)))?;
        let docket = &self.books.docket;
        let last_valid = self.handle.status().halted;
        let views = exits.map(|(id, exit)| {
            let known = match output_of(exit) {
                Some(output) => {
                    let record = records.get(&output).copied().flatten();
                    let sum = record.map(|record| (record.output.amount, record.output.asset));
                    docket.standing(id).zip(sum)
                }
                None => docket.flight(id, last_valid),
            };
            let ethereum = known.filter(|_| is_followed);
            ExitView {
                ethereum: ethereum.map(|(standing, sum)| ethereum_exit(id, &standing, sum)),
                ..view(id, exit)
            }
        });
        Ok(views.collect())
    }
}

fn ethereum_exit(id: &ExitId, standing: &Standing, (amount, asset): (Amount, Address)) -> EthereumExit {
    EthereumExit {
        started_at: standing.begun_s.map(time_of),
        exitable_at: time_of(id.due_s()),
        bond: AmountText(standing.bond),
        challenged: standing.is_challenged,
        amount: AmountText(amount),
        asset: AddressText(asset),
    }
}

/// The output of a standard exit.
fn output_of(exit: &OpenExit) -> Option<Position> {
    match exit {
        OpenExit::Standard { position, .. } => Some(*position),
        OpenExit::InFlight { .. } => None,
    }
}

/// An exit as the ledger has it.
pub(super) fn view(id: &ExitId, exit: &OpenExit) -> ExitView {
    let (kind, owner, locked) = match exit {
        OpenExit::Standard { owner, locked, .. } => ("standard", Some(AddressText(*owner)), *locked),
        OpenExit::InFlight {
            locked_inputs,
            locked_outputs,
            ..
        } => ("in-flight", None, *locked_inputs != 0 || *locked_outputs != 0),
    };
    let outputs = exit.positions().into_iter().map(PositionText).collect();
    ExitView {
        id: number(id),
        kind: kind.to_owned(),
        outputs,
        owner,
        locked,
        ethereum: None,
    }
}
