//! Two paths of BANKEX go-plasma (2018), for wallets that were written for it: each is a question of ours in the old words.
//!
//! Errors are problems as everywhere, with the old `error` and `reason` beside; amounts are decimal texts, as they were there.

use axum::{
    Router,
    extract::{Request, State},
    routing::post,
};
use plasma_core::{Address, Height, Position};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Answer, BODY_MAX, Code, Door, Problem, Reply, Wait,
        outputs::OutputsAsked,
        request::Format,
        submit::WAIT_DEFAULT,
        text::{AddressText, AmountText, PositionText},
        view::{OutputStatus, OutputView},
    },
    handlers::{json, one_transaction},
};
use crate::storage::Read;

/// Both paths.
pub(super) fn paths<R: Read + Clone + Send + Sync + 'static>() -> Router<Door<R>> {
    Router::new()
        .route("/sendRawTX", post(send::<R>))
        .route("/listUTXOs", post(list::<R>))
}

async fn send<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    request: Request,
) -> Answer {
    let taken = async {
        let signed = one_transaction(&door, request).await?;
        door.submit(signed, Wait::Accepted, WAIT_DEFAULT).await
    };
    taken.await.map_err(worded)?;
    Reply::ok(&Taken {
        error: false,
        accepted: true,
    })
}

async fn list<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    request: Request,
) -> Answer {
    let found = async {
        let (parts, stream) = request.into_parts();
        let content = door.bodies.read(&parts, stream, BODY_MAX).await?;
        if Format::of(&parts.headers)? != Format::Json {
            return Err(Code::UnsupportedMediaType
                .because("the question is JSON")
                .with("field", "Content-Type")
                .hint(SHAPE));
        }
        let asked: Listed = json(&content.bytes, SHAPE)?;
        drop(content);
        let owner = asked.owner.0;
        let asked = asked.in_our_words();
        door.scan(move |door| all_of(door, owner, asked)).await
    };
    let utxos = found.await.map_err(worded)?.into_iter().map(|output| {
        let Position {
            block,
            transaction,
            output: number,
        } = output.output.0;
        Utxo {
            block_number: block.0,
            transaction_number: transaction,
            output_number: number,
            value: output.amount,
        }
    });
    Reply::ok(&Utxos {
        error: false,
        utxos: utxos.collect(),
    })
}

/// As many as are asked for, or all: the old answer has no word for a list that goes on.
fn all_of<R: Read + Clone + Send + Sync + 'static>(
    door: &Door<R>,
    owner: Address,
    mut asked: OutputsAsked,
) -> Result<Vec<OutputView>, Problem> {
    let (limit, mut items) = (asked.limit.unwrap_or(0), Vec::new());
    for _ in 0..PAGES_MAX {
        let page = door.page_of(owner, &asked)?;
        items.extend(page.items);
        items.truncate(limit);
        if items.len() == limit || page.next_cursor.is_none() {
            return Ok(items);
        }
        asked.cursor = page.next_cursor;
    }
    let path = format!("/v1/addresses/{}/outputs", AddressText(owner));
    Err(Code::Overloaded
        .because("too many outputs of this owner are none that this list shows")
        .hint(format!("ask from a higher blockNumber, or {path}")))
}

/// What the old clients look at.
fn worded(problem: Problem) -> Problem {
    let reason = problem.detail.clone();
    problem.with("error", true).with("reason", reason)
}

/// Whose outputs, from which position on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Listed {
    #[serde(rename = "for")]
    owner: AddressText,
    block_number: u32,
    transaction_number: u32,
    output_number: u8,
    limit: usize,
}

impl Listed {
    fn in_our_words(&self) -> OutputsAsked {
        let from = Position {
            block: Height(self.block_number),
            transaction: self.transaction_number,
            output: self.output_number,
        };
        // A list of theirs begins at a position, one of ours behind it.
        let before = from.pack().checked_sub(1).and_then(Position::unpack);
        OutputsAsked {
            limit: Some(self.limit),
            cursor: before.map(|position| PositionText(position).to_string()),
            asset: Some(AddressText(Address::ZERO)),
            status: Some(OutputStatus::Unspent),
            min_amount: None,
        }
    }
}

#[derive(Serialize)]
struct Taken {
    error: bool,
    accepted: bool,
}

#[derive(Serialize)]
struct Utxos {
    error: bool,
    utxos: Vec<Utxo>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Utxo {
    block_number: u32,
    transaction_number: u32,
    output_number: u8,
    value: AmountText,
}

/// Pages that one list looks at: four hundred thousand outputs, which takes seconds.
const PAGES_MAX: usize = 100;

const SHAPE: &str =
    "{\"for\":\"0x…\",\"blockNumber\":1,\"transactionNumber\":0,\"outputNumber\":0,\"limit\":50}";
