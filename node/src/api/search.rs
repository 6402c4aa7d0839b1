//! `GET /v1/search`: what a person pasted, found by its shape and by what this operator holds.

use plasma_core::{BlockId, ExitId, Height, TransactionId};
use serde::Deserialize;

use super::{
    Answer, Code, Door, Problem, Reply,
    exits::number,
    text::{AddressText, HashText, PositionText},
    view::FoundView,
};
use crate::storage::Read;

/// What is searched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct SearchAsked {
    /// A height, a position, an address, or 32 bytes of hex: a block, a transaction or an exit.
    pub q: String,
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/search?q=`.
    ///
    /// # Errors
    /// [`Code::NotFound`] when nothing here has that name.
    pub async fn search(&self, asked: SearchAsked) -> Answer {
        let decided = self.read({
            let text = asked.q.trim().to_owned();
            move |door| door.found(&text).and_then(|found| Reply::ok(&found))
        });
        match decided.await {
            // One that waits is found too.
            Err(problem) if problem.is(Code::NotFound) => match asked.q.trim().parse::<HashText>() {
                Ok(id) if self.handle.pending(TransactionId(id.0)).await.is_some() => {
                    Reply::ok(&found("transaction", "tx", &id.to_string(), "transactions"))
                }
                _ => Err(problem),
            },
            other => other,
        }
    }

    fn found(&self, text: &str) -> Result<FoundView, Problem> {
        if let Ok(hash) = text.parse::<HashText>() {
            return self.found_hash(hash);
        }
        if let Ok(address) = text.parse::<AddressText>() {
            return Ok(found("address", "address", &address.to_string(), "addresses"));
        }
        let digits = text.strip_prefix('#').unwrap_or(text);
        if let Ok(height) = digits.parse::<u32>()
            && self.reader.header(Height(height))?.is_some()
        {
            return Ok(found("block", "block", &height.to_string(), "blocks"));
        }
        if let Ok(position) = text.parse::<PositionText>()
            && self.reader.output(position.0)?.is_some()
        {
            return Ok(found("output", "output", &position.to_string(), "outputs"));
        }
        Err(nothing(text))
    }

    fn found_hash(&self, hash: HashText) -> Result<FoundView, Problem> {
        let text = hash.to_string();
        if self.reader.transaction(&TransactionId(hash.0))?.is_some() {
            return Ok(found("transaction", "tx", &text, "transactions"));
        }
        if let Some(height) = self.reader.height_of(&BlockId(hash.0))? {
            return Ok(found("block", "block", &height.to_string(), "blocks"));
        }
        let exit = ExitId(hash.0);
        if self.reader.exit(&exit)?.is_some() {
            return Ok(found("exit", "exits", &number(&exit), "exits"));
        }
        Err(nothing(&text))
    }
}

fn found(kind: &str, page: &str, name: &str, list: &str) -> FoundView {
    FoundView {
        kind: kind.to_owned(),
        path: format!("/v1/{list}/{name}"),
        page: format!("#/{page}/{name}"),
    }
}

fn nothing(text: &str) -> Problem {
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    Code::NotFound
        .because(format!("nothing here is named {shown:?}"))
        .with("field", "q")
        .hint("a height, an address, a position block:transaction:output, or the 0x… id of a transaction, block or exit")
}

/// What was searched is repeated up to here.
const SHOWN_CHARS: usize = 80;
