//! The paths: which asks what, and what every answer carries.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    Answer, BATCH_BODY_MAX, BODY_MAX, Code, Door, Problem,
    blocks::{BlockName, BlocksAsked},
    events::EventsAsked,
    exits::{Deposit, ExitNumber},
    explorer,
    history::HistoryAsked,
    meter::Asker,
    outputs::{IdsAsked, OutputsAsked, PageAsked},
    request::{Asked, Format, Name},
    search::SearchAsked,
    submit::{self, BATCH_MAX, WAIT_DEFAULT, WAIT_MAX, Wait},
    text::{AddressText, HashText, PositionText},
};
use crate::{hex, quantity::Span, storage::Read};

/// Every path that answers with one document.
pub(super) fn documents<R: Read + Clone + Send + Sync + 'static>(door: Door<R>) -> Router {
    let paths = Router::new()
        .route("/livez", get(livez))
        .route("/v1/status", get(status))
        .route("/v1/network", get(network))
        .route("/v1/federation", get(federation))
        .route("/v1/stats", get(stats))
        .route("/v1/mempool", get(mempool))
        .route("/v1/fees", get(fees))
        .route("/v1/search", get(search))
        .route("/v1/transactions", post(submit_one))
        .route("/v1/transactions:batch", post(submit_many))
        .route("/v1/transactions/{id}", get(transaction))
        .route("/v1/transactions/{id}/raw", get(raw_transaction))
        .route("/v1/transactions/{id}/proof", get(proof))
        .route("/v1/addresses/{address}", get(balance))
        .route("/v1/addresses/{address}/outputs", get(outputs_of))
        .route("/v1/addresses/{address}/transactions", get(history_of))
        .route("/v1/outputs", get(outputs))
        .route("/v1/outputs/{position}", get(output))
        .route("/v1/outputs/{position}/exit-data", get(exit_data))
        .route("/v1/blocks", get(blocks))
        .route("/v1/blocks/{block}", get(block))
        .route("/v1/blocks/{block}/raw", get(raw_block))
        .route("/v1/blocks/{block}/certificate", get(certificate))
        .route("/v1/blocks/{block}/transactions", get(block_transactions))
        .route("/v1/exits", get(exits))
        .route("/v1/exits/{id}", get(exit))
        .route("/v1/deposits/{number}", get(deposit));
    paths
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(middleware::from_fn(metered))
        .layer(middleware::from_fn_with_state(door.clone(), finish))
        .with_state(door)
}

/// Every path of the HTTP door: documents, what never ends, and the explorer's files if they are wanted.
pub(super) fn router<R: Read + Clone + Send + Sync + 'static>(door: Door<R>, has_explorer: bool) -> Router {
    let streams = Router::new().route("/v1/events", get(events));
    let others = if has_explorer {
        streams.merge(explorer::files())
    } else {
        streams
    };
    let others = others
        .method_not_allowed_fallback(unknown_method)
        .layer(middleware::from_fn(metered))
        .layer(middleware::from_fn_with_state(door.clone(), finish))
        .with_state(door.clone());
    documents(door).merge(others)
}

async fn events<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(asked): Asked<EventsAsked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id");
    let last = last.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    door.events(asked, last)
}

async fn livez() -> &'static str {
    "ok\n"
}

async fn status<R: Read + Clone + Send + Sync + 'static>(State(door): State<Door<R>>) -> Answer {
    door.status()
}

async fn network<R: Read + Clone + Send + Sync + 'static>(State(door): State<Door<R>>) -> Answer {
    door.network()
}

async fn stats<R: Read + Clone + Send + Sync + 'static>(State(door): State<Door<R>>) -> Answer {
    door.stats().await
}

async fn transaction<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(id): Name<HashText>,
) -> Answer {
    door.transaction(plasma_core::TransactionId(id.0)).await
}

async fn proof<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(id): Name<HashText>,
) -> Answer {
    door.proof(plasma_core::TransactionId(id.0)).await
}

async fn balance<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(owner): Name<AddressText>,
) -> Answer {
    door.balance(owner.0).await
}

async fn outputs_of<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(owner): Name<AddressText>,
    Asked(asked): Asked<OutputsAsked>,
) -> Answer {
    door.outputs_of(owner.0, asked).await
}

async fn output<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(position): Name<PositionText>,
) -> Answer {
    door.output(position.0).await
}

async fn exit_data<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(position): Name<PositionText>,
) -> Answer {
    door.exit_data(position.0).await
}

async fn block<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(name): Name<BlockName>,
) -> Answer {
    door.block(name).await
}

async fn block_transactions<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(name): Name<BlockName>,
    Asked(page): Asked<PageAsked>,
) -> Answer {
    door.block_transactions(name, page).await
}

async fn exits<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(page): Asked<PageAsked>,
) -> Answer {
    door.exits(page).await
}

async fn exit<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(number): Name<ExitNumber>,
) -> Answer {
    door.exit(number.0).await
}

async fn deposit<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(number): Name<Deposit>,
) -> Answer {
    door.deposit(number.0).await
}

async fn federation<R: Read + Clone + Send + Sync + 'static>(State(door): State<Door<R>>) -> Answer {
    door.federation().await
}

async fn mempool<R: Read + Clone + Send + Sync + 'static>(State(door): State<Door<R>>) -> Answer {
    door.mempool()
}

async fn fees<R: Read + Clone + Send + Sync + 'static>(State(door): State<Door<R>>) -> Answer {
    door.fees()
}

async fn search<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(asked): Asked<SearchAsked>,
) -> Answer {
    door.search(asked).await
}

async fn raw_transaction<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(id): Name<HashText>,
) -> Answer {
    door.raw_transaction(plasma_core::TransactionId(id.0)).await
}

async fn history_of<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(owner): Name<AddressText>,
    Asked(asked): Asked<HistoryAsked>,
) -> Answer {
    door.history_of(owner.0, asked).await
}

async fn outputs<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(asked): Asked<IdsAsked>,
) -> Answer {
    door.outputs(asked).await
}

async fn blocks<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(asked): Asked<BlocksAsked>,
) -> Answer {
    door.blocks(asked).await
}

async fn raw_block<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(name): Name<BlockName>,
) -> Answer {
    door.raw_block(name).await
}

async fn certificate<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Name(name): Name<BlockName>,
) -> Answer {
    door.certificate(name).await
}

/// How long a submitter waits, and for what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    #[serde(default)]
    wait: Wait,
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

async fn submit_one<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(waiting): Asked<Waiting>,
    request: Request,
) -> Answer {
    let limit = waiting.limit()?;
    let (parts, stream) = request.into_parts();
    let content = door.gates.bodies.read(&parts.headers, stream, BODY_MAX).await?;
    let bytes = content.bytes.as_slice();
    let takes_legacy = door.facts.genesis.legacy_transactions;
    let signed = if bytes.is_empty() {
        Err(super::refusal::empty())
    } else {
        match Format::of(&parts.headers)? {
            Format::Bytes => submit::parse(bytes, takes_legacy),
            Format::Text => submit::parse_hex(text(bytes)?, takes_legacy),
            Format::Json => submit::parse_hex(&json::<OneBody>(bytes, "{\"tx\":\"0x…\"}")?.tx, takes_legacy),
        }
    }?;
    drop(content);
    door.submit(signed, waiting.wait, limit).await
}

async fn submit_many<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    Asked(waiting): Asked<Waiting>,
    request: Request,
) -> Answer {
    let limit = waiting.limit()?;
    let (parts, stream) = request.into_parts();
    let content = door
        .gates
        .bodies
        .read(&parts.headers, stream, BATCH_BODY_MAX)
        .await?;
    let bytes = content.bytes.as_slice();
    let takes_legacy = door.facts.genesis.legacy_transactions;
    let items = if bytes.is_empty() {
        Err(super::refusal::empty())
    } else {
        match Format::of(&parts.headers)? {
            Format::Bytes => submit::parse_all(bytes),
            Format::Text => Err(Code::UnsupportedMediaType
                .because("a batch is not text")
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

fn json<'a, T: Deserialize<'a>>(bytes: &'a [u8], shape: &str) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let is_json = serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
        let what = if is_json {
            "the JSON does not fit"
        } else {
            "the body is no JSON"
        };
        Code::MalformedRequest
            .because(format!("{what}: {error}"))
            .hint(format!("send {shape}"))
    })
}

async fn unknown_path() -> Problem {
    Code::NotFound
        .because("there is no such path")
        .hint("paths begin with /v1/: status, network, federation, stats, mempool, fees, search, transactions, addresses, outputs, blocks, exits, deposits")
}

async fn unknown_method(method: Method) -> Problem {
    Code::MethodNotAllowed
        .because(format!("{method} is not allowed here"))
        .hint("the header Allow names what is")
}

/// Counts a request before anything is read of it.
async fn metered(request: Request, next: Next) -> Result<Response, Problem> {
    if let Some(asker) = request.extensions().get::<Asker>() {
        asker.take_one()?;
    }
    Ok(next.run(request).await)
}

/// Writes problems, and puts on every answer where the operator stands and on which chain.
async fn finish<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    request: Request,
    next: Next,
) -> Response {
    let path: String = request.uri().path().chars().take(PATH_CHARS).collect();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let written = axum::response::IntoResponse::into_response(Json(problem.at(&path)));
        *response.body_mut() = written.into_body();
        // A length that a fallback set for its own body.
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let height = HeaderValue::from(door.handle.status().height.0);
    let chain = hex::encode(door.facts.hash.0.get(..CHAIN_BYTES).unwrap_or_default());
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("plasma-height"), height);
    if let Ok(chain) = HeaderValue::from_str(&chain) {
        headers.insert(HeaderName::from_static("plasma-chain"), chain);
    }
    response
}

/// Bytes of the genesis hash that tell chains apart in a header.
const CHAIN_BYTES: usize = 8;

/// A path is repeated in a problem up to here.
const PATH_CHARS: usize = 200;
