//! Why a command ends, and the code that supervisors see.
//!
//! Few and stable: a supervisor restarts on 1 and 12, and leaves 2 to 7 to people.

use std::{error::Error, io, net::SocketAddr, path::PathBuf, process::ExitCode};

use plasma_core::Address;

use crate::directory::DirectoryError;

use crate::{
    bridge::L1Error,
    change::{MotionError, clerk::ClerkError, papers::PaperError},
    config::{ConfigError, FederationError},
    keystore::KeyFileError,
    runtime::{Fatal, start::RunError},
    storage::StorageError,
    wallet::{self, WalletError},
};

/// Why an operator does not start, or does not run any more.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The settings name something that cannot be used.
    #[error("{0}")]
    Settings(String),
    /// The federation file is wrong.
    #[error(transparent)]
    Federation(#[from] FederationError),
    /// The genesis names no committee.
    #[error(transparent)]
    Committee(#[from] DirectoryError),
    /// What people exchanged for a change of the committee is wrong.
    #[error(transparent)]
    Papers(#[from] PaperError),
    /// The signatures do not carry a change of the committee.
    #[error(transparent)]
    Motion(#[from] MotionError),
    /// The contract was not told of it.
    #[error(transparent)]
    Clerk(#[from] ClerkError),
    /// The wallet did not do it, or not to its end.
    #[error(transparent)]
    Wallet(Box<WalletError>),
    /// A key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A key file that the settings name cannot be used.
    #[error("{setting}: {error}{hint}")]
    NamedKeyFile {
        /// The key of the settings.
        setting: &'static str,
        /// What is wrong with the file that it names.
        error: KeyFileError,
        /// What else can be done about it.
        hint: String,
    },
    /// The bytes are no key of their kind.
    #[error("{file} holds no {kind} key")]
    Key {
        /// The file.
        file: String,
        /// `BLS` or `Ethereum`.
        kind: &'static str,
    },
    /// The BLS key is nobody's in the federation.
    #[error(
        "the BLS key {key} is not a member's; the members of the federation file are {members}. Who joins later puts the \
         committee's document into {}", folder.display()
    )]
    Stranger {
        /// Our public key.
        key: String,
        /// Index and public key of each member.
        members: String,
        /// Where documents of later committees lie.
        folder: PathBuf,
    },
    /// Another key than the federation file says.
    #[error("the {kind} key is {found}, the committee of epoch {epoch} gives operator {index} {expected}")]
    OtherKey {
        /// `Ethereum` or `p2p`.
        kind: &'static str,
        /// What our file gives.
        found: String,
        /// Of which committee.
        epoch: u64,
        /// Our index in it, by the BLS key.
        index: u16,
        /// What the federation file gives.
        expected: String,
    },
    /// The data folder is locked, damaged, of another schema or another operator's.
    #[error("{0}")]
    Data(String),
    /// Signing would contradict what was signed before.
    #[error("{0}")]
    Guard(String),
    /// Ethereum, contract or genesis are not those of the federation.
    #[error("{0}")]
    WrongChain(String),
    /// Something that the operator needs does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({key}): {source}; is another operator running?")]
    Listen {
        /// The key that names the address.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The operator's account has another address than expected by a command.
    #[error("{0} is no address: 0x and 40 hex digits")]
    Address(String),
    /// Somebody did not answer in time.
    #[error("{0}")]
    TimedOut(String),
    /// A running operator refused, for the reason that the code names.
    #[error("{words}")]
    Refused {
        /// One of our exit codes.
        code: u8,
        /// Its words.
        words: String,
    },
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl From<WalletError> for StartError {
    fn from(error: WalletError) -> Self {
        Self::Wallet(Box::new(error))
    }
}

impl From<RunError> for StartError {
    fn from(error: RunError) -> Self {
        let text = error.to_string();
        if is_full(&error) {
            return Self::full(&text);
        }
        match error {
            RunError::Committee(error) => Self::Committee(error),
            RunError::Http { address, source } => Self::Listen {
                key: "http.listen",
                address,
                source,
            },
            RunError::Storage(error) | RunError::Fatal(Fatal::Storage(error)) => Self::from(error),
            RunError::Files { .. }
            | RunError::Key
            | RunError::Mark { .. }
            | RunError::Address { .. }
            | RunError::Fatal(Fatal::Log(_) | Fatal::Ended(_) | Fatal::Stopped)
            | RunError::Network(_) => Self::Failed(text),
            RunError::Log(_) | RunError::Untrue(_) => Self::Data(text),
            RunError::LostLog { .. }
            | RunError::Reborn { .. }
            | RunError::OldLog { .. }
            | RunError::UnreadableLog { .. } => Self::Guard(text),
            RunError::GoodLog { .. } => Self::Settings(text),
            #[cfg(feature = "forging")]
            RunError::Forging { .. } => Self::Settings(text),
            RunError::Fatal(Fatal::Alone(_)) => Self::TimedOut(text),
            RunError::L1(error) if error.is_transient() => Self::Unavailable(text),
            RunError::L1(L1Error::RotaTooSlow { .. }) => Self::Settings(text),
            RunError::L1(L1Error::Journal { .. }) => Self::Data(text),
            RunError::L1(_) => Self::WrongChain(text),
        }
    }
}

impl From<StorageError> for StartError {
    fn from(error: StorageError) -> Self {
        let text = error.to_string();
        if is_full(&error) {
            return Self::full(&text);
        }
        match error {
            error if error.passes() => Self::Unavailable(text),
            StorageError::ClusterFile { .. } | StorageError::Shares { .. } | StorageError::NotBuilt => {
                Self::Settings(text)
            }
            StorageError::NotDurable { .. } | StorageError::Refused { .. } | StorageError::ShuttingDown => {
                Self::Failed(text)
            }
            _ => Self::Data(text),
        }
    }
}

impl StartError {
    /// No room on a disk passes like the absence of anything else.
    fn full(words: &str) -> Self {
        Self::Unavailable(format!(
            "{words}. The disk is full, or a quota is used up: free space, and the next start goes on from there; \
             nothing that was acknowledged is lost"
        ))
    }

    /// The exit code, one of [`CODES_HELP`].
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.number())
    }

    /// The problem that tells this, for a script that reads one document whatever came of its command.
    pub(super) fn problem(&self) -> serde_json::Value {
        match self {
            Self::Wallet(error) => error.problem(),
            other => wallet::error::problem(other.number(), &other.to_string()),
        }
    }

    fn number(&self) -> u8 {
        match self {
            Self::Federation(FederationError::Hash { .. }) | Self::WrongChain(_) => WRONG_CHAIN,
            Self::Config(_) | Self::Settings(_) | Self::Federation(_) | Self::Committee(_) => CONFIGURATION,
            Self::Papers(PaperError::Line(error)) | Self::Motion(error) => motion_number(error),
            Self::Papers(_) => CONFIGURATION,
            Self::Clerk(error) => clerk_number(error),
            Self::Wallet(error) => error.code(),
            Self::Data(_) => DATA,
            Self::KeyFile(_)
            | Self::NamedKeyFile { .. }
            | Self::Key { .. }
            | Self::Stranger { .. }
            | Self::OtherKey { .. } => KEYS,
            Self::Guard(_) => GUARD,
            Self::Address(_) => USAGE,
            Self::Unavailable(_) => UNAVAILABLE,
            Self::TimedOut(_) => TIMED_OUT,
            Self::Refused { code, .. } => *code,
            Self::Listen { .. } | Self::Failed(_) => FAILED,
        }
    }
}

/// Whether the system had no room for a write, however deep below.
fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(system) = error.downcast_ref::<io::Error>() {
            use io::ErrorKind::{QuotaExceeded, StorageFull};
            return matches!(system.kind(), StorageFull | QuotaExceeded);
        }
        cause = error.source();
    }
    false
}

fn motion_number(error: &MotionError) -> u8 {
    match error {
        MotionError::NoSeat { .. } | MotionError::NoBondedSeat { .. } => KEYS,
        _ => CONFIGURATION,
    }
}

fn clerk_number(error: &ClerkError) -> u8 {
    match error {
        ClerkError::Motion(error) => motion_number(error),
        ClerkError::NotNext { .. }
        | ClerkError::Sequence { .. }
        | ClerkError::L1(L1Error::RotaTooSlow { .. } | L1Error::Endpoint { .. }) => CONFIGURATION,
        ClerkError::OtherSigners { .. }
        | ClerkError::L1(L1Error::WrongChain { .. } | L1Error::NoCode { .. } | L1Error::Mismatch { .. }) => {
            WRONG_CHAIN
        }
        ClerkError::NotOperator { .. } => KEYS,
        ClerkError::NotMined { .. } => TIMED_OUT,
        ClerkError::L1(error) if error.is_transient() => UNAVAILABLE,
        ClerkError::L1(L1Error::MinedReverted { .. }) => REFUSED,
        ClerkError::L1(_) => FAILED,
        _ => REFUSED,
    }
}

/// Reads an address argument.
pub(super) fn address(text: &str) -> Result<Address, StartError> {
    crate::hex::decode_array(text)
        .map(Address)
        .ok_or_else(|| StartError::Address(text.to_owned()))
}

/// The end of `--help`.
pub(super) const CODES_HELP: &str = "\
Exit codes:
  0  done, or stopped cleanly         6  signing would contradict an earlier signature
  1  unexpected failure               7  another chain, contract or genesis
  2  wrong command line               8  nobody answered in time
  3  settings or federation file      9  a running operator, or Ethereum, refuses for now
  4  data folder locked or damaged   10  not enough to spend (wallet)
  5  a key or its file is no use     11  some, not all (wallet)
                                     12  Ethereum, FoundationDB, a quorum or room on the disk is away
                                    130/143  second SIGINT/SIGTERM
A supervisor restarts after 1 and 12; 2 to 7 need a person.";

const FAILED: u8 = 1;
pub(super) const USAGE: u8 = 2;
const CONFIGURATION: u8 = 3;
const DATA: u8 = 4;
const KEYS: u8 = 5;
const GUARD: u8 = 6;
const WRONG_CHAIN: u8 = 7;
const TIMED_OUT: u8 = 8;
const REFUSED: u8 = 9;
const UNAVAILABLE: u8 = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{folder::FolderError, wal::WalError};

    /// What the system says by this number.
    fn system(number: i32) -> io::Error {
        io::Error::from_raw_os_error(number)
    }

    fn failures(number: i32) -> [RunError; 5] {
        let (path, source) = (PathBuf::from("data"), || system(number));
        let engine = StorageError::Engine {
            doing: "open",
            source: Box::new(fjall::Error::Io(source())),
        };
        let write = WalError::Io {
            doing: "write to",
            path: path.clone(),
            source: source(),
        };
        let folder = |path| FolderError::Io {
            path,
            source: source(),
        };
        [
            RunError::Storage(engine),
            RunError::Fatal(Fatal::Storage(StorageError::Folder(folder(path.clone())))),
            RunError::Log(write),
            RunError::Log(WalError::Folder(folder(path.clone()))),
            RunError::Mark {
                path,
                source: source(),
            },
        ]
    }

    #[test]
    fn a_full_disk_is_tried_again_and_a_damaged_one_needs_a_person() {
        let [no_space, quota, broken] = [28, 122, 5];
        for number in [no_space, quota] {
            for failure in failures(number) {
                let error = StartError::from(failure);
                assert_eq!(error.number(), UNAVAILABLE, "{error}");
                assert!(error.to_string().contains("free space"), "{error}");
            }
        }
        let numbers = failures(broken).map(|failure| StartError::from(failure).number());
        assert_eq!(numbers, [DATA, DATA, DATA, DATA, FAILED]);
    }

    #[test]
    fn a_damaged_journal_is_the_folders_fault_and_not_the_chains() {
        let damaged = L1Error::Journal {
            path: "data/ethereum.journal".into(),
            reason: "damaged".into(),
        };
        assert_eq!(StartError::from(RunError::L1(damaged)).number(), DATA);
        let other = L1Error::WrongChain {
            expected: 1,
            found: 5,
        };
        assert_eq!(StartError::from(RunError::L1(other)).number(), WRONG_CHAIN);
    }
}
