//! Who answers which path: arguments in, a method of the door asked.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};
use serde::{Deserialize, de::IgnoredAny};
use utoipa::IntoParams;

use super::super::{
    Answer, BATCH_BODY_MAX, BODY_MAX, Code, Door, Problem,
    alerts::AlertsAsked,
    blocks::{BlockName, BlocksAsked},
    build::{WISH, Wish},
    deposits::{Deposit, DepositsAsked},
    events::EventsAsked,
    exits::ExitNumber,
    history::HistoryAsked,
    meter::Asker,
    outputs::{IdsAsked, OutputsAsked, PageAsked},
    refusal,
    request::{Asked, Format, Name},
    search::SearchAsked,
    submit::{self, BATCH_MAX, WAIT_DEFAULT, WAIT_MAX, Wait},
    text::{AddressText, HashText, PositionText},
};
use crate::{quantity::Span, storage::Read};

pub(super) async fn events<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(asked): Asked<EventsAsked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id");
    let last = last.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    door.events(asked, last)
}

pub(super) async fn livez() -> &'static str {
    "ok\n"
}

pub(super) async fn status<R: Read + Clone + Send + Sync + 'static>(State(door): State<Door<R>>) -> Answer {
    door.status()
}

pub(super) async fn network<R: Read + Clone + Send + Sync + 'static>(State(door): State<Door<R>>) -> Answer {
    door.network()
}

pub(super) async fn stats<R: Read + Clone + Send + Sync + 'static>(State(door): State<Door<R>>) -> Answer {
    door.stats().await
}

pub(super) async fn transaction<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(id): Name<HashText>,
) -> Answer {
    door.transaction(plasma_core::TransactionId(id.0)).await
}

pub(super) async fn proof<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(id): Name<HashText>,
) -> Answer {
    door.proof(plasma_core::TransactionId(id.0)).await
}

pub(super) async fn balance<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(owner): Name<AddressText>,
) -> Answer {
    door.balance(owner.0).await
}

pub(super) async fn outputs_of<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(owner): Name<AddressText>,
    Asked(asked): Asked<OutputsAsked>,
) -> Answer {
    door.outputs_of(owner.0, asked).await
}

pub(super) async fn output<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(position): Name<PositionText>,
) -> Answer {
    door.output(position.0).await
}

pub(super) async fn exit_data<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(position): Name<PositionText>,
) -> Answer {
    door.exit_data(position.0).await
}

pub(super) async fn challenge_data<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(position): Name<PositionText>,
) -> Answer {
    door.challenge_data(position.0).await
}

pub(super) async fn block<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(name): Name<BlockName>,
) -> Answer {
    door.block(name).await
}

pub(super) async fn block_transactions<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(name): Name<BlockName>,
    Asked(page): Asked<PageAsked>,
) -> Answer {
    door.block_transactions(name, page).await
}

pub(super) async fn exits<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(page): Asked<PageAsked>,
) -> Answer {
    door.exits(page).await
}

pub(super) async fn exit<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(number): Name<ExitNumber>,
) -> Answer {
    door.exit(number.0).await
}

pub(super) async fn deposits<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(asked): Asked<DepositsAsked>,
) -> Answer {
    door.deposits(asked).await
}

pub(super) async fn deposit<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(number): Name<Deposit>,
) -> Answer {
    door.deposit(number.0).await
}

pub(super) async fn federation<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
) -> Answer {
    door.federation().await
}

pub(super) async fn alerts<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(asked): Asked<AlertsAsked>,
) -> Answer {
    door.alerts(&asked)
}

pub(super) async fn mempool<R: Read + Clone + Send + Sync + 'static>(State(door): State<Door<R>>) -> Answer {
    door.mempool()
}

pub(super) async fn fees<R: Read + Clone + Send + Sync + 'static>(State(door): State<Door<R>>) -> Answer {
    door.fees()
}

pub(super) async fn search<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(asked): Asked<SearchAsked>,
) -> Answer {
    door.search(asked).await
}

pub(super) async fn raw_transaction<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(id): Name<HashText>,
) -> Answer {
    door.raw_transaction(plasma_core::TransactionId(id.0)).await
}

pub(super) async fn history_of<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(owner): Name<AddressText>,
    Asked(asked): Asked<HistoryAsked>,
) -> Answer {
    door.history_of(owner.0, asked).await
}

pub(super) async fn outputs<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(asked): Asked<IdsAsked>,
) -> Answer {
    door.outputs(asked).await
}

pub(super) async fn blocks<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(asked): Asked<BlocksAsked>,
) -> Answer {
    door.blocks(asked).await
}

pub(super) async fn raw_block<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(name): Name<BlockName>,
) -> Answer {
    door.raw_block(name).await
}

pub(super) async fn certificate<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(name): Name<BlockName>,
) -> Answer {
    door.certificate(name).await
}

/// How long a submitter waits, and for what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Waiting {
    /// How far the transaction must get before the answer.
    #[serde(default)]
    #[param(inline)]
    wait: Wait,
    /// How long to wait at most, such as `5s`; `10s` unless said, never more than `60s`.
    #[param(value_type = Option<String>, nullable = false, pattern = "^[0-9]+(ms|s)$")]
    timeout: Option<Span>,
}

impl Waiting {
    fn limit(&self) -> Result<Duration, Problem> {
        let limit = self.timeout.map_or(WAIT_DEFAULT, |span| span.0);
        if limit <= WAIT_MAX {
            return Ok(limit);
        }
        let problem = Code::MalformedRequest
            .because("timeout in the query is longer than 60s")
            .with("field", "timeout");
        Err(problem.hint("at most 60s; resending the same bytes is harmless"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneBody {
    tx: String,
}

pub(super) async fn submit_one<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(waiting): Asked<Waiting>,
    request: Request,
) -> Answer {
    let limit = waiting.limit()?;
    let signed = one_transaction(&door, request).await?;
    door.submit(signed, waiting.wait, limit).await
}

pub(super) async fn check<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    request: Request,
) -> Answer {
    let signed = one_transaction(&door, request).await?;
    door.check(signed).await
}

pub(super) async fn build<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    request: Request,
) -> Answer {
    let (parts, stream) = request.into_parts();
    let content = door.bodies.read(&parts, stream, BODY_MAX).await?;
    let bytes = content.bytes.as_slice();
    if Format::of(&parts.headers)? != Format::Json {
        return Err(Code::UnsupportedMediaType
            .because("a wish is JSON")
            .with("field", "Content-Type")
            .hint(format!("application/json {WISH}")));
    }
    let wish = json::<Wish>(bytes, WISH)?;
    drop(content);
    door.build(wish).await
}

/// The transaction in a body, in any of the three forms.
pub(super) async fn one_transaction<R: Read + Clone + Send + Sync + 'static>(
    door: &Door<R>,
    request: Request,
) -> Result<plasma_core::SignedTransaction, Problem> {
    let (parts, stream) = request.into_parts();
    let content = door.bodies.read(&parts, stream, BODY_MAX).await?;
    let bytes = content.bytes.as_slice();
    let takes_legacy = door.facts.genesis.legacy_transactions;
    if bytes.is_empty() {
        return Err(refusal::empty());
    }
    match Format::of(&parts.headers)? {
        Format::Bytes => submit::parse(bytes, takes_legacy),
        Format::Text => submit::parse_hex(text(bytes)?, takes_legacy),
        Format::Json => submit::parse_hex(&json::<OneBody>(bytes, "{\"tx\":\"0x…\"}")?.tx, takes_legacy),
    }
}

pub(super) async fn submit_many<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(waiting): Asked<Waiting>,
    request: Request,
) -> Answer {
    let limit = waiting.limit()?;
    let (parts, stream) = request.into_parts();
    let content = door.bodies.read(&parts, stream, BATCH_BODY_MAX).await?;
    let bytes = content.bytes.as_slice();
    let takes_legacy = door.facts.genesis.legacy_transactions;
    let items = if bytes.is_empty() {
        Err(refusal::empty())
    } else {
        match Format::of(&parts.headers)? {
            Format::Bytes => submit::parse_all(bytes),
            Format::Text => Err(Code::UnsupportedMediaType
                .because("a batch is not text")
                .with("field", "Content-Type")
                .hint("application/octet-stream, transactions one after the other, or application/json [\"0x…\", …]")),
            Format::Json => json_batch(bytes, takes_legacy),
        }
    }?;
    drop(content);
    if let Some(asker) = parts.extensions.get::<Asker>() {
        asker.take_batch(items.len())?;
    }
    door.submit_batch(items, waiting.wait, limit).await
}

fn json_batch(
    bytes: &[u8],
    takes_legacy: bool,
) -> Result<Vec<Result<plasma_core::SignedTransaction, Problem>>, Problem> {
    let texts: Vec<String> = json(bytes, "[\"0x…\", …]")?;
    if texts.len() > BATCH_MAX {
        return Err(submit::too_many());
    }
    Ok(texts
        .iter()
        .map(|text| submit::parse_hex(text, takes_legacy))
        .collect())
}

fn text(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let problem = Code::MalformedTransaction.because(format!("the body is no text: {error}"));
        problem.hint("send hex digits, or raw bytes as application/octet-stream")
    })
}

pub(super) fn json<'a, T: Deserialize<'a>>(bytes: &'a [u8], shape: &str) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let is_json = serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
        let what = if is_json {
            "the JSON does not fit"
        } else {
            "the body is no JSON"
        };
        // The reason may repeat what is in the body.
        let reason: String = error.to_string().chars().take(REASON_CHARS).collect();
        Code::MalformedRequest
            .because(format!("{what}: {reason}"))
            .with("field", "body")
            .hint(format!("send {shape}"))
    })
}

/// More than any reason has without the text that it is about.
const REASON_CHARS: usize = 400;
