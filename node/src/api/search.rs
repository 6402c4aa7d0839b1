//! `GET /v1/search`: what a person pasted, found by its shape and by what this operator holds.

use plasma_core::{BlockId, ExitId, Hash, Height, SignedTransaction, TransactionId};
use serde::Deserialize;

use super::{
    Answer, Code, Door, Problem, Reply,
    exits::{ExitNumber, number},
    request::shown,
    text::{AddressText, HashText, PositionText, number as decimal},
    view::FoundView,
};
use crate::storage::Read;

/// What is searched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct SearchAsked {
    /// A height, a position, an address, an exit's number, or 32 bytes of hex: a block, a transaction or an exit.
    pub q: String,
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/search?q=`.
    ///
    /// # Errors
    /// [`Code::NotFound`] when nothing here has that name.
    pub async fn search(&self, asked: SearchAsked) -> Answer {
        let text = asked.q.trim();
        if let Ok(HashText(hash)) = text.parse() {
            // A transaction that waits is found too.
            let decided = move |door: &Self| door.found_hash(hash).and_then(|found| Reply::ok(&found));
            let waiting = |_: &SignedTransaction| Reply::ok(&transaction(hash));
            return self
                .decided_or_waiting(TransactionId(hash), decided, waiting)
                .await;
        }
        let text = text.to_owned();
        self.read(move |door| door.found(&text).and_then(|found| Reply::ok(&found)))
            .await
    }

    fn found(&self, text: &str) -> Result<FoundView, Problem> {
        if let Ok(address) = text.parse::<AddressText>() {
            return Ok(found("address", "address", &address.to_string(), "addresses"));
        }
        let digits = text.strip_prefix('#').unwrap_or(text);
        if let Some(height) = decimal(digits)
            && self.reader.header(Height(height))?.is_some()
        {
            return Ok(found("block", "block", &height.to_string(), "blocks"));
        }
        if let Ok(position) = text.parse::<PositionText>()
            && self.reader.output(position.0)?.is_some()
        {
            return Ok(found("output", "output", &position.to_string(), "outputs"));
        }
        if let Ok(ExitNumber(exit)) = digits.parse()
            && let Some(found) = self.found_exit(&exit)?
        {
            return Ok(found);
        }
        Err(nothing(text))
    }

    fn found_exit(&self, exit: &ExitId) -> Result<Option<FoundView>, Problem> {
        let open = self.reader.exit(exit)?;
        Ok(open.map(|_| found("exit", "exits", &number(exit), "exits")))
    }

    fn found_hash(&self, hash: Hash) -> Result<FoundView, Problem> {
        if self.reader.transaction(&TransactionId(hash))?.is_some() {
            return Ok(transaction(hash));
        }
        if let Some(height) = self.reader.height_of(&BlockId(hash))? {
            return Ok(found("block", "block", &height.to_string(), "blocks"));
        }
        let found = self.found_exit(&ExitId(hash))?;
        found.ok_or_else(|| nothing(&HashText(hash).to_string()))
    }
}

fn transaction(id: Hash) -> FoundView {
    found("transaction", "tx", &HashText(id).to_string(), "transactions")
}

fn found(kind: &str, page: &str, name: &str, list: &str) -> FoundView {
    FoundView {
        kind: kind.to_owned(),
        path: format!("/v1/{list}/{name}"),
        page: format!("#/{page}/{name}"),
    }
}

fn nothing(text: &str) -> Problem {
    Code::NotFound
        .because(format!("nothing here is named {:?}", shown(text)))
        .with("field", "q")
        .hint("a height, an address, a position block:transaction:output, an exit's number, or the 0x… id of a transaction, block or exit")
}
