//! What went wrong, in one shape at every door (RFC 9457): HTTP, libp2p clients and the command line.
//!
//! A [`Code`] is stable and has one status; `detail` names the field and the values, `hint` says what to do about it.
//! Further members depend on the code (`input`, `spent_by`, `in_sum`, …) and name what the detail speaks of.

use std::{fmt, ops::Deref};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::plain;

/// A refusal with its reason. One pointer wide, because most answers are none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Problem(Box<Content>);

/// What a [`Problem`] says; reached through it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// `urn:plasma:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same words for every problem of this code.
    pub title: String,
    /// The HTTP status, also where no HTTP is spoken.
    pub status: u16,
    /// The stable name to program against, see [`Code`].
    pub code: String,
    /// This very case, with field and values.
    pub detail: String,
    /// Whether the same request may succeed later without any change.
    pub retryable: bool,
    /// What to change, or where to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The path that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Members that this code adds.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $code:literal, $status:literal, $title:literal, $retry:literal;)+) => {
        /// The stable names of everything that can go wrong at a door.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// Every code, for the documentation and its test.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name that clients program against.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            fn is_retryable(self) -> bool {
                match self { $(Self::$name => $retry,)+ }
            }
        }
    };
}

codes! {
    /// The bytes are no transaction.
    MalformedTransaction => "malformed-transaction", 400, "The bytes are no transaction", false;
    /// The request around them is wrong: JSON, query, path.
    MalformedRequest => "malformed-request", 400, "The request is malformed", false;
    /// A kind that this federation does not take from clients.
    UnsupportedTransactionType => "unsupported-transaction-type", 400, "This kind of transaction is not taken", false;
    /// The signature recovers to nobody.
    BadSignature => "bad-signature", 422, "The signature is invalid", false;
    /// The signer does not own the input.
    NotOwner => "not-owner", 422, "The signer does not own the input", false;
    /// A bearer token that this operator does not know.
    UnknownToken => "unknown-token", 401, "The token is not known here", false;
    /// The sums differ or overflow.
    Unbalanced => "unbalanced", 422, "Inputs and outputs do not sum to the same", false;
    /// An output of nothing, or to nobody.
    InvalidOutput => "invalid-output", 422, "An output is invalid", false;
    /// One output spent twice in the same transaction.
    DuplicateInput => "duplicate-input", 422, "Two inputs are the same", false;
    /// The input exists with another asset or amount.
    InputMismatch => "input-mismatch", 422, "The input is not what the transaction states", false;
    /// Below the genesis minimum, or not paid to the fee owner.
    FeeTooLow => "fee-too-low", 422, "The fee is too low", false;
    /// Its last height has passed.
    Expired => "expired", 422, "The transaction has expired", false;
    /// No such output in a decided block.
    InputNotFound => "input-not-found", 422, "The input does not exist", true;
    /// A decided transaction spent it.
    InputSpent => "input-spent", 409, "The input is already spent", false;
    /// All that an address owns is less than what it is to pay.
    InsufficientFunds => "insufficient-funds", 422, "The address does not own so much", true;
    /// It owns enough, in more outputs than one payment can spend.
    Fragmented => "fragmented", 409, "The sum lies in too many outputs", false;
    /// An open exit locks it.
    InputExiting => "input-exiting", 409, "The input is leaving for Ethereum", true;
    /// A waiting transaction spends it.
    DoubleSpendInMempool => "double-spend-in-mempool", 409, "A waiting transaction spends the same input", false;
    /// Another transaction won while this one waited.
    Conflicted => "conflicted", 409, "Another transaction spent the same input", false;
    /// No such thing, or no such path.
    NotFound => "not-found", 404, "Not found", false;
    /// The block is known, its transactions are not kept here any more.
    Pruned => "pruned", 410, "This operator no longer keeps it", false;
    /// The thing exists, no anchor covers it yet.
    NotAnchored => "not-anchored", 409, "No anchor covers this block yet", true;
    /// The path exists for other methods.
    MethodNotAllowed => "method-not-allowed", 405, "The method is not allowed here", false;
    /// The body is of a type that this path does not read.
    UnsupportedMediaType => "unsupported-media-type", 415, "The content type is not supported", false;
    /// The body is above the limit.
    PayloadTooLarge => "payload-too-large", 413, "The body is too large", false;
    /// The body did not arrive, or the answer was not found, in time.
    RequestTimeout => "request-timeout", 408, "The request took too long", true;
    /// One address asks too much.
    RateLimited => "rate-limited", 429, "Too many requests from one address", true;
    /// The mempool is at its limit.
    MempoolFull => "mempool-full", 503, "The mempool is full", true;
    /// Too many requests at once.
    Overloaded => "overloaded", 503, "The operator is overloaded", true;
    /// The operator has not caught up yet.
    Syncing => "syncing", 503, "The operator is catching up", true;
    /// Ethereum halted the chain.
    Halted => "halted", 503, "The chain is halted", false;
    /// The operator is stopping.
    Draining => "draining", 503, "The operator is stopping", true;
    /// A fault of ours.
    Internal => "internal", 500, "Internal error", true;
}

impl Code {
    /// The code of a name, as a client reads it.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    /// A problem of this code about one case.
    #[must_use]
    pub fn because(self, detail: impl Into<String>) -> Problem {
        Problem(Box::new(Content {
            kind: format!("urn:plasma:problem:{}", self.as_str()),
            title: self.title().to_owned(),
            status: self.status(),
            code: self.as_str().to_owned(),
            detail: detail.into(),
            retryable: self.is_retryable(),
            hint: None,
            instance: None,
            members: Map::new(),
        }))
    }
}

impl Problem {
    /// Adds what the client can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds a member that this code carries.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(member.to_owned(), value.into());
        self
    }

    /// Adds the path that was asked.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        self.0.instance = Some(path.to_owned());
        self
    }

    /// Whether it has this code.
    #[must_use]
    pub fn is(&self, code: Code) -> bool {
        self.code == code.as_str()
    }
}

impl Deref for Problem {
    type Target = Content;

    fn deref(&self) -> &Content {
        &self.0
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever made it may have written anything into it.
        write!(f, "{}: {}", plain::line(&self.code), plain::line(&self.detail))?;
        let mut hints = self.hint.iter();
        hints.try_for_each(|hint| write!(f, " ({})", plain::line(hint)))
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::{Code, Problem};
    use crate::storage::StorageError;

    #[test]
    fn problems_survive_json_with_their_members() {
        let problem = Code::InputSpent
            .because("Input 0 was spent")
            .with("input", 0)
            .hint("refresh")
            .at("/v1/x");
        let text = serde_json::to_string(&problem).unwrap();
        assert!(
            text.contains(r#""type":"urn:plasma:problem:input-spent""#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Problem>(&text).unwrap(), problem);
    }

    #[test]
    fn database_that_is_away_is_worth_another_try_and_a_damaged_one_is_not() {
        let away = Problem::from(StorageError::Unavailable {
            cluster: "/secret/place".to_owned(),
            doing: "read",
            fault: "timed out".to_owned(),
            attempts: 50,
        });
        assert_eq!((away.status, away.retryable), (503, true));
        assert!(!away.detail.contains("/secret/place"), "{}", away.detail);
        let damaged = Problem::from(StorageError::Row {
            table: "outputs",
            key: "00".to_owned(),
        });
        assert_eq!((damaged.status, damaged.code.as_str()), (500, "internal"));
    }

    #[test]
    fn codes_have_distinct_names() {
        for code in Code::ALL {
            assert_eq!(Code::of(code.as_str()), Some(*code));
        }
    }

    #[test]
    fn every_code_is_documented_with_its_status() {
        let page = include_str!("../../../docs/api.md");
        for code in Code::ALL {
            let row = format!("| `{}` | {} |", code.as_str(), code.status());
            assert!(page.contains(&row), "{row}");
        }
    }
}
