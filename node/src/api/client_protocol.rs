//! The libp2p client door: small binary requests, answered with the very documents of the HTTP door.
//!
//! Bytes of a request (`protocol.md` section 15); integers big-endian:
//!
//! ```text
//! 0x01 submit       wait 1 (0 none, 1 accepted, 2 committed) ‖ timeout_ms 2 ‖ transaction, rest
//! 0x02 transaction  id 32
//! 0x03 outputs      owner 20 ‖ limit 2 (0 = default) ‖ after: nothing, or position 9
//! 0x04 status       nothing
//! 0x05 network      nothing
//! 0x06 block        height 4, or nothing for the newest
//! 0x07 proof        id 32
//! 0x08 exit data    position 9
//! 0x09 stats        nothing
//! 0x0a balance      owner 20
//! 0x0b output       position 9
//! ```
//!
//! An answer is the HTTP status, 2 bytes, and the JSON document or problem.

use std::time::Duration;

use plasma_core::{Address, Hash, Height, Position, TransactionId};

use super::{
    Answer, Code, Door, Problem, Reply,
    blocks::BlockName,
    outputs::PageAsked,
    submit::{self, Wait},
};
use crate::storage::Read;

/// Longest request: the longest transaction with its head, and room for growth.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024;

/// The network gives a request up after ten seconds, so an answer comes before.
pub const SUBMIT_WAIT_MAX: Duration = Duration::from_secs(8);

/// A decoded request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Take a transaction.
    Submit {
        /// How far it must get before the answer.
        wait: Wait,
        /// How long to wait.
        timeout_ms: u16,
        /// Its bytes, ours or the seed's.
        transaction: Vec<u8>,
    },
    /// A transaction by its id.
    Transaction(TransactionId),
    /// Unspent outputs of an owner.
    Outputs {
        /// Whose.
        owner: Address,
        /// How many; 0 means the default.
        limit: u16,
        /// The last position of the page before.
        after: Option<Position>,
    },
    /// How the operator sees itself.
    Status,
    /// The facts of the chain.
    Network,
    /// A block, or the newest.
    Block(Option<Height>),
    /// A receipt.
    Proof(TransactionId),
    /// What an exit needs.
    ExitData(Position),
    /// Sums.
    Stats,
    /// What an address owns.
    Balance(Address),
    /// One output.
    Output(Position),
}

impl Request {
    /// The bytes of a request.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Submit {
                wait,
                timeout_ms,
                transaction,
            } => {
                let [high, low] = timeout_ms.to_be_bytes();
                [&[SUBMIT, wait_byte(*wait), high, low], transaction.as_slice()].concat()
            }
            Self::Transaction(id) => [&[TRANSACTION][..], &id.0.0].concat(),
            Self::Outputs { owner, limit, after } => {
                let after = after.map(|position| position.to_bytes());
                let after = after.as_ref().map_or(&[][..], |bytes| bytes.as_slice());
                [&[OUTPUTS][..], &owner.0, &limit.to_be_bytes(), after].concat()
            }
            Self::Status => vec![STATUS],
            Self::Network => vec![NETWORK],
            Self::Block(None) => vec![BLOCK],
            Self::Block(Some(height)) => [&[BLOCK][..], &height.0.to_be_bytes()].concat(),
            Self::Proof(id) => [&[PROOF][..], &id.0.0].concat(),
            Self::ExitData(position) => [&[EXIT_DATA][..], &position.to_bytes()].concat(),
            Self::Stats => vec![STATS],
            Self::Balance(owner) => [&[BALANCE][..], &owner.0].concat(),
            Self::Output(position) => [&[OUTPUT][..], &position.to_bytes()].concat(),
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`], [`Code::PayloadTooLarge`], with what the kind wants.
    pub fn decode(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.len() > REQUEST_BYTES_MAX {
            let detail = format!("a request of {} bytes", bytes.len());
            let problem = Code::PayloadTooLarge
                .because(detail)
                .with("limit", REQUEST_BYTES_MAX);
            return Err(problem.hint("batches go over HTTP"));
        }
        let Some((kind, body)) = bytes.split_first() else {
            return Err(Code::MalformedRequest
                .because("the request is empty")
                .hint("it begins with a kind, 1 byte"));
        };
        let (parsed, shape) = Self::parse(*kind, body);
        parsed.ok_or_else(|| {
            Code::MalformedRequest
                .because(format!(
                    "request kind {kind:#04x} with {} bytes behind it",
                    body.len()
                ))
                .hint(shape)
        })
    }

    /// The request, if the bytes are one, and what this kind wants behind its byte.
    fn parse(kind: u8, body: &[u8]) -> (Option<Self>, &'static str) {
        let id = || body.try_into().ok().map(|bytes| TransactionId(Hash(bytes)));
        let owner = || body.try_into().ok().map(Address);
        let position = || body.try_into().ok().map(Position::from_bytes);
        let alone = |request| body.is_empty().then_some(request);
        match kind {
            SUBMIT => (
                Self::parse_submit(body),
                "wait 1 (0, 1 or 2) ‖ timeout_ms 2 ‖ transaction",
            ),
            TRANSACTION => (id().map(Self::Transaction), "id 32"),
            OUTPUTS => (
                Self::parse_outputs(body),
                "owner 20 ‖ limit 2 ‖ nothing or position 9",
            ),
            STATUS => (alone(Self::Status), "nothing"),
            NETWORK => (alone(Self::Network), "nothing"),
            BLOCK if body.is_empty() => (Some(Self::Block(None)), "nothing or height 4"),
            BLOCK => {
                let height = body
                    .try_into()
                    .ok()
                    .map(|bytes| Height(u32::from_be_bytes(bytes)));
                (
                    height.map(|height| Self::Block(Some(height))),
                    "nothing or height 4",
                )
            }
            PROOF => (id().map(Self::Proof), "id 32"),
            EXIT_DATA => (position().map(Self::ExitData), "position 9"),
            STATS => (alone(Self::Stats), "nothing"),
            BALANCE => (owner().map(Self::Balance), "owner 20"),
            OUTPUT => (position().map(Self::Output), "position 9"),
            _ => (None, "kinds are 0x01 to 0x0b"),
        }
    }

    fn parse_submit(body: &[u8]) -> Option<Self> {
        let ([wait, high, low], transaction) = body.split_first_chunk()?;
        let wait = [Wait::None, Wait::Accepted, Wait::Committed]
            .into_iter()
            .find(|known| wait_byte(*known) == *wait)?;
        Some(Self::Submit {
            wait,
            timeout_ms: u16::from_be_bytes([*high, *low]),
            transaction: transaction.to_vec(),
        })
    }

    fn parse_outputs(body: &[u8]) -> Option<Self> {
        let (owner, rest) = body.split_first_chunk::<20>()?;
        let (limit, rest) = rest.split_first_chunk::<2>()?;
        let after = if rest.is_empty() {
            None
        } else {
            Some(Position::from_bytes(rest.try_into().ok()?))
        };
        Some(Self::Outputs {
            owner: Address(*owner),
            limit: u16::from_be_bytes(*limit),
            after,
        })
    }
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// Answers one request frame. Never fails: what is wrong is said in the answer.
    pub async fn answer(&self, request: &[u8]) -> Vec<u8> {
        let answer = match Request::decode(request) {
            Ok(request) => self.ask(request).await,
            Err(problem) => Err(problem),
        };
        frame(&Reply::of(answer))
    }

    async fn ask(&self, request: Request) -> Answer {
        match request {
            Request::Submit {
                wait,
                timeout_ms,
                transaction,
            } => {
                let signed = submit::parse(&transaction, self.facts.genesis.legacy_transactions)?;
                self.submit(
                    signed,
                    wait,
                    Duration::from_millis(timeout_ms.into()).min(SUBMIT_WAIT_MAX),
                )
                .await
            }
            Request::Transaction(id) => self.transaction(id).await,
            Request::Outputs { owner, limit, after } => {
                let limit = (limit != 0).then_some(usize::from(limit));
                let cursor = after.map(|position| position.to_string());
                self.outputs_of(owner, PageAsked { limit, cursor }).await
            }
            Request::Status => self.status(),
            Request::Network => self.network(),
            Request::Block(None) => self.block(BlockName::Latest).await,
            Request::Block(Some(height)) => self.block(BlockName::Height(height)).await,
            Request::Proof(id) => self.proof(id).await,
            Request::ExitData(position) => self.exit_data(position).await,
            Request::Stats => self.stats().await,
            Request::Balance(owner) => self.balance(owner).await,
            Request::Output(position) => self.output(position).await,
        }
    }
}

/// status 2 ‖ JSON.
fn frame(reply: &Reply) -> Vec<u8> {
    [&reply.status.to_be_bytes()[..], &reply.body].concat()
}

/// Status and JSON of an answer frame; `None` when it is too short to be one.
#[must_use]
pub fn split_answer(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (status, body) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*status), body))
}

fn wait_byte(wait: Wait) -> u8 {
    match wait {
        Wait::None => 0,
        Wait::Accepted => 1,
        Wait::Committed => 2,
    }
}

const SUBMIT: u8 = 0x01;
const TRANSACTION: u8 = 0x02;
const OUTPUTS: u8 = 0x03;
const STATUS: u8 = 0x04;
const NETWORK: u8 = 0x05;
const BLOCK: u8 = 0x06;
const PROOF: u8 = 0x07;
const EXIT_DATA: u8 = 0x08;
const STATS: u8 = 0x09;
const BALANCE: u8 = 0x0a;
const OUTPUT: u8 = 0x0b;

#[cfg(test)]
mod tests {
    use plasma_core::{Address, Hash, Height, Position, TransactionId};

    use super::{Request, split_answer};
    use crate::api::{Code, Wait};

    #[test]
    fn requests_survive_their_bytes() {
        let position = Position {
            block: Height(7),
            transaction: 2,
            output: 1,
        };
        let id = TransactionId(Hash([7; 32]));
        let owner = Address([3; 20]);
        let requests = [
            Request::Submit {
                wait: Wait::Committed,
                timeout_ms: 5_000,
                transaction: vec![5, 1, 1],
            },
            Request::Submit {
                wait: Wait::None,
                timeout_ms: 0,
                transaction: vec![],
            },
            Request::Transaction(id),
            Request::Outputs {
                owner,
                limit: 10,
                after: None,
            },
            Request::Outputs {
                owner,
                limit: 0,
                after: Some(position),
            },
            Request::Status,
            Request::Network,
            Request::Block(None),
            Request::Block(Some(Height(9))),
            Request::Proof(id),
            Request::ExitData(position),
            Request::Stats,
            Request::Balance(owner),
            Request::Output(position),
        ];
        for request in requests {
            assert_eq!(Request::decode(&request.encode()), Ok(request));
        }
    }

    #[test]
    fn wrong_lengths_kinds_and_waits_are_refused() {
        let cases: [&[u8]; 12] = [
            &[],
            &[0],
            &[12],
            &[1],
            &[1, 3, 0, 0],
            &[2],
            &[2; 32],
            &[2; 34],
            &[3; 22],
            &[3; 24],
            &[4, 0],
            &[6, 1, 2],
        ];
        for bytes in cases {
            let problem = Request::decode(bytes).unwrap_err();
            assert!(
                problem.is(Code::MalformedRequest) && problem.hint.is_some(),
                "{bytes:?} {problem}"
            );
        }
        assert!(Request::decode(&[1; 5000]).unwrap_err().is(Code::PayloadTooLarge));
    }

    #[test]
    fn answers_without_a_status_are_none() {
        assert_eq!(split_answer(&[0]), None);
        assert_eq!(split_answer(&[0, 200, b'{', b'}']), Some((200, &b"{}"[..])));
    }
}
