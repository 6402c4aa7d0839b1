//! The doors of one operator: what is asked over HTTP or by libp2p clients, answered from storage and the handle.
//!
//! A [`Door`] knows nothing of transports: each question is a method that gives a [`Reply`] or a [`Problem`], and the
//! two transports only carry them, so both say the same. Nothing here decides about the ledger; a submitted
//! transaction goes to the operator through its bounded queue, everything else is read from storage, which a commit
//! never blocks. Every request is bounded: its size before it is read, its time, and how many run at once.
//!
//! An unspent amount is an *output* here as in the whole house (`/v1/outputs/1042:17:1`), what other systems call UTXO.

use std::{future::Future, sync::Arc, time::Duration};

use axum::Router;
use plasma_core::{ExitId, Genesis, Hash, Height, Receipt, Spender};
use tokio::net::TcpListener;

pub mod alerts;
pub mod anchors;
pub mod arrivals;
pub mod books;
pub mod client_protocol;
pub mod problem;
pub mod reply;
pub mod reserves;
pub mod submit;
pub mod text;
pub mod view;

mod blocks;
mod bodies;
mod build;
mod challenge;
mod check;
mod deposits;
mod events;
mod exits;
mod explorer;
mod federation;
mod gates;
mod history;
mod meter;
mod openapi;
mod outputs;
mod places;
mod query;
mod refusal;
mod request;
mod routes;
mod search;
mod serve;
mod status;
mod transactions;

pub use alerts::Alerts;
pub use anchors::{AnchorBook, Covering};
pub use arrivals::Arrivals;
pub use books::Books;
pub use exits::ExitNumber;
pub use problem::{Code, Problem};
pub use reply::{Answer, Reply};
pub use submit::Wait;

use crate::{
    config::{HttpKeys, tokens::Tokens},
    directory::Directory,
    runtime::handle::Handle,
    storage::{Read, StorageError},
};

/// Writes the data of the Ethereum call that exits an output of the receipt's transaction. The receipt's header is the
/// anchored one. A function and not a trait: the doors know nothing of contracts, whoever opens them does.
pub type ExitCall = fn(&Receipt, &Covering, output: u8) -> Vec<u8>;

/// Writes the data of the Ethereum call that ends an exit of an output which this input spent, where that can be shown: up to
/// the last valid height, if the chain was halted.
pub type ChallengeCall<R> = fn(
    &R,
    &AnchorBook,
    last_valid: Option<Height>,
    (ExitId, Spender),
) -> Result<Option<Vec<u8>>, StorageError>;

/// What writes the data of Ethereum calls.
#[derive(Debug)]
pub struct Calls<R> {
    /// For who exits.
    pub exit: ExitCall,
    /// For who challenges.
    pub challenge: ChallengeCall<R>,
}

/// What a door says about the chain and never changes.
#[derive(Debug)]
struct Facts {
    genesis: Arc<Genesis>,
    hash: Hash,
    directory: Directory,
    name: String,
    exit_call: Option<ExitCall>,
}

/// Everything that an answer needs. Clones are cheap and share all of it.
#[derive(Clone, Debug)]
pub struct Door<R> {
    handle: Handle,
    reader: R,
    books: Books,
    challenge_call: Option<ChallengeCall<R>>,
    facts: Arc<Facts>,
    gates: Arc<gates::Gates>,
    bodies: Arc<bodies::BodyRoom>,
    streams: Arc<events::Streams>,
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// Puts a door before a running operator. `name` is the operator's own, from its configuration; without
    /// `calls` the data of exits and challenges carry everything but the call's ready bytes.
    #[must_use]
    pub fn new(
        handle: Handle,
        reader: R,
        books: Books,
        (genesis, directory): (Arc<Genesis>, Directory),
        name: &str,
        calls: Option<Calls<R>>,
    ) -> Self {
        let hash = genesis.hash();
        let facts = Arc::new(Facts {
            genesis,
            hash,
            directory,
            name: name.to_owned(),
            exit_call: calls.as_ref().map(|calls| calls.exit),
        });
        Self {
            handle,
            reader,
            books,
            challenge_call: calls.map(|calls| calls.challenge),
            facts,
            gates: Arc::new(gates::Gates::new()),
            bodies: Arc::new(bodies::BodyRoom::new()),
            streams: Arc::new(events::Streams::new()),
        }
    }

    /// The same door before another handle.
    #[must_use]
    pub fn behind(self, handle: Handle) -> Self {
        Self { handle, ..self }
    }

    /// A question that reads a few rows, on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.gates.read()?;
        self.answer_on_thread(turn, question).await
    }

    /// A question whose rows grow with the chain; few run at once and the others wait for their turn.
    async fn scan<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.gates.scan(REQUEST_TIMEOUT).await?;
        self.answer_on_thread(turn, question).await
    }

    async fn answer_on_thread<T: Send + 'static>(
        &self,
        turn: gates::Turn,
        question: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let door = self.clone();
        let answered = gates::on_thread(turn, move || {
            // One moment for the whole answer, so that its parts agree.
            let reader = door.reader.pinned()?;
            question(&Self { reader, ..door })
        });
        let answered = tokio::time::timeout(REQUEST_TIMEOUT, answered).await;
        answered.unwrap_or_else(|_| {
            Err(Code::RequestTimeout
                .because(format!("no answer within {} s", REQUEST_TIMEOUT.as_secs()))
                .hint("ask for a smaller page"))
        })
    }
}

/// Serves HTTP until `shutdown` ends, then lets running requests finish for a moment.
pub async fn serve<R: Read + Clone + Send + Sync + 'static>(
    listener: TcpListener,
    door: Door<R>,
    (keys, tokens): (HttpKeys, Tokens),
    shutdown: impl Future<Output = ()> + Send,
) {
    let router = routes::router(door, &keys);
    serve::serve(listener, router, (keys, tokens), shutdown).await;
}

/// The HTTP door as a service without a socket.
pub fn router<R: Read + Clone + Send + Sync + 'static>(door: Door<R>, keys: &HttpKeys) -> Router {
    routes::router(door, keys)
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        if let StorageError::Pruned { height, horizon } = error {
            return Code::Pruned
                .because(format!(
                    "the transactions of block {height} are not kept here any more"
                ))
                .with("height", height.0)
                .with("horizon", horizon.0)
                .hint("ask another operator; this one keeps them from block `horizon` on");
        }
        tracing::warn!(%error, "storage read for a client");
        if error.passes() {
            return Code::Overloaded
                .because("the operator's database does not answer in time")
                .hint("ask another operator, or this one again in a few seconds");
        }
        // The words are for the operator's log: they name its folders.
        Code::Internal
            .because("the operator cannot read its storage")
            .hint("ask another operator")
    }
}

/// Bytes of a body with one transaction; the longest has some hundreds, its hex and JSON twice that. A megabyte leaves
/// room for every client's habits, and all large bodies together share a bounded room.
pub const BODY_MAX: usize = 1 << 20;

/// Bytes of a batch: [`submit::BATCH_MAX`] of the longest transactions in hex and JSON.
pub const BATCH_BODY_MAX: usize = 4 << 20;

/// Items of a page unless asked otherwise.
const PAGE_DEFAULT: usize = 50;

/// Items of a page at most: some 200 kB of JSON.
pub const PAGE_MAX: usize = 500;

/// Longer than any bounded read takes on a busy disk, shorter than clients' own patience.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
