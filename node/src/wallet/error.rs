//! Why a wallet did not do what it was asked, with the exit code that says whose move it is.

use std::path::PathBuf;

use plasma_core::{Address, Amount, Position, TransactionId};

use super::{amount, flight::Unclaimed, journal::JournalError, whole::Left};
use crate::{
    api::text::AddressText, bridge::L1Error, client::ClientError, folder::FolderError, keystore::KeyFileError,
};

/// Why something was not done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// The command line asks for something that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file that was named cannot be used.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The field, and what was expected.
        reason: String,
    },
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Another process uses the wallet, or its folder cannot be opened.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file of the wallet's own cannot be written or read.
    #[error("the wallet's file {}: {source}; nothing was sent after it", path.display())]
    Store {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A key, its file or its password.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// No such account, or none that was chosen.
    #[error("{0}")]
    Account(String),
    /// The federation's members make no committee.
    #[error("the federation file names no committee: {0}")]
    Committee(#[from] plasma_core::CommitteeError),
    /// No operator gave an answer that helps.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Ethereum did not do, or not say, what was asked.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The asset is not there in outputs that can be spent now.
    #[error(transparent)]
    Funds(#[from] Box<Lack>),
    /// Somebody spent an input first, and that is proven.
    #[error(
        "the payment {payment} can never be decided: its input {input} was spent by {by}, which a receipt proves; its \
         rows are not paid, and the same command pays them with other outputs"
    )]
    Dead {
        /// The payment.
        payment: TransactionId,
        /// The input.
        input: Position,
        /// Who spent it.
        by: TransactionId,
    },
    /// Somebody spent an input of a payment that another machine signed, and that is proven.
    #[error(
        "payment {payment} comes too late: {by} spent an input of it, which a receipt proves, and no block can ever hold both"
    )]
    TooLate {
        /// The payment.
        payment: TransactionId,
        /// Who spent it.
        by: TransactionId,
    },
    /// The operators, or the contract, do not allow it now.
    #[error("{0}")]
    Refused(String),
    /// It is under way and not seen to be done.
    #[error("{0}; run the same command again: it goes on from there and does nothing twice")]
    Waiting(String),
    /// Rows of a file were paid, others not.
    #[error(
        "{done} of {rows} rows are paid and in the journal: {reason}; run the same command again to go on"
    )]
    Partial {
        /// Paid.
        done: usize,
        /// All.
        rows: usize,
        /// Why not the others.
        reason: Box<Self>,
    },
    /// Not all outputs of an account leave.
    #[error(
        "{leaving} outputs leave, and {} stay behind; {}", left.len(), left.iter().map(Left::to_string).collect::<Vec<_>>().join("; ")
    )]
    Behind {
        /// How many leave.
        leaving: usize,
        /// The others.
        left: Vec<Left>,
    },
    /// Not all that an account can have of a payment leaves with it.
    #[error(
        "payment {payment} leaves with {claimed} claims of this account, and without {}: {}", left.len(), left.iter().map(Unclaimed::to_string).collect::<Vec<_>>().join("; ")
    )]
    Unclaimed {
        /// The payment.
        payment: TransactionId,
        /// How many claims stand.
        claimed: usize,
        /// What is left behind.
        left: Vec<Unclaimed>,
    },
    /// The person said no.
    #[error("nothing was signed")]
    Declined,
    /// What is there does not make an exit without an operator.
    #[error("{0}")]
    Missing(String),
}

/// What cannot be spent now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} can spend {} now, and needs {}{hint}", AddressText(*owner), amount::show(*has, *asset), amount::show(*needs, *asset)
)]
pub struct Lack {
    /// Whose.
    pub owner: Address,
    /// Of what.
    pub asset: Address,
    /// In outputs that are neither leaving nor in a payment under way.
    pub has: Amount,
    /// With the fee.
    pub needs: Amount,
    /// What else to do.
    pub hint: &'static str,
}

impl WalletError {
    /// One of the exit codes of `plasma`.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Declined => code::USAGE,
            Self::File { .. } | Self::Committee(_) => code::CONFIGURATION,
            Self::Journal(_) | Self::Folder(_) | Self::Store { .. } => code::DATA,
            Self::KeyFile(_) | Self::Account(_) => code::KEYS,
            Self::Client(error) => client_code(error),
            Self::L1(error) => l1_code(error),
            Self::Funds(_) => code::FUNDS,
            Self::Dead { .. } | Self::TooLate { .. } | Self::Refused(_) | Self::Missing(_) => code::REFUSED,
            Self::Waiting(_) => code::TIMED_OUT,
            Self::Behind { leaving: 0, .. } | Self::Unclaimed { claimed: 0, .. } => code::REFUSED,
            Self::Partial { .. } | Self::Behind { .. } | Self::Unclaimed { .. } => code::PARTIAL,
        }
    }

    /// The problem that tells this: the operator's own where it is an operator's refusal.
    #[must_use]
    pub fn problem(&self) -> serde_json::Value {
        if let Self::Client(ClientError::Problem(problem)) = self {
            return serde_json::to_value(problem).unwrap_or_default();
        }
        problem(self.code(), &self.to_string())
    }
}

/// The problem of an error with this exit code.
#[must_use]
pub fn problem(code: u8, detail: &str) -> serde_json::Value {
    let name = match code {
        code::USAGE => "usage",
        code::CONFIGURATION => "configuration",
        code::DATA => "wallet-folder",
        code::KEYS => "key",
        code::WRONG_CHAIN => "wrong-chain",
        code::TIMED_OUT => "not-yet",
        code::REFUSED => "refused",
        code::FUNDS => "insufficient-funds",
        code::PARTIAL => "partly-done",
        code::UNAVAILABLE => "unavailable",
        _ => "failed",
    };
    serde_json::json!({
        "type": format!("urn:plasma:problem:{name}"),
        "title": "The wallet stopped",
        "code": name,
        "detail": detail,
        "retryable": matches!(code, code::TIMED_OUT | code::UNAVAILABLE | code::PARTIAL),
    })
}

fn client_code(error: &ClientError) -> u8 {
    match error {
        ClientError::Problem(problem) if problem.retryable => code::UNAVAILABLE,
        ClientError::Problem(_) => code::REFUSED,
        ClientError::Address { .. } => code::USAGE,
        ClientError::OtherFederation { .. } => code::WRONG_CHAIN,
        ClientError::Untrue { .. } => code::REFUSED,
        ClientError::Unreachable { .. }
        | ClientError::Foreign { .. }
        | ClientError::Unjudged { .. }
        | ClientError::Nobody { .. } => code::UNAVAILABLE,
    }
}

fn l1_code(error: &L1Error) -> u8 {
    match error {
        L1Error::WrongChain { .. } | L1Error::NoCode { .. } | L1Error::Mismatch { .. } => code::WRONG_CHAIN,
        L1Error::Endpoint { .. } | L1Error::RotaTooSlow { .. } => code::CONFIGURATION,
        L1Error::Key(_) => code::KEYS,
        L1Error::StillPending { .. } => code::TIMED_OUT,
        error if error.is_transient() => code::UNAVAILABLE,
        _ => code::REFUSED,
    }
}

/// The exit codes of `plasma` (`plasma --help`), as far as a wallet ends with them.
pub mod code {
    /// The command line.
    pub const USAGE: u8 = 2;
    /// Settings, or a file that was named.
    pub const CONFIGURATION: u8 = 3;
    /// The wallet's folder.
    pub const DATA: u8 = 4;
    /// A key or password.
    pub const KEYS: u8 = 5;
    /// Another federation or chain.
    pub const WRONG_CHAIN: u8 = 7;
    /// Not seen to be done in time.
    pub const TIMED_OUT: u8 = 8;
    /// An operator or the contract refuses.
    pub const REFUSED: u8 = 9;
    /// Not enough to spend.
    pub const FUNDS: u8 = 10;
    /// Some, not all.
    pub const PARTIAL: u8 = 11;
    /// Nobody answers.
    pub const UNAVAILABLE: u8 = 12;
}
