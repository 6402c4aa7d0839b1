//! What an engine writes down before it speaks; reading it back in order restores the engine.
//!
//! | record | meaning | why it is stored |
//! |---|---|---|
//! | `Vote` | a vote of mine | a restarted operator must not contradict it, and sends it again |
//! | `MyProposal` | the container I propose in my view | a restarted leader proposes exactly this or nothing |
//! | `Certificate` | a notarization or nullification above the floor | ancestry proofs and the view survive restarts |
//! | `Floor` | the highest finalization | nothing at or below its view is ever voted on again |
//! | `Amnesia` | up to where an earlier life of this operator may have voted; at view 0, that the epochs before are over | nothing at or below it is ever voted on |
//! | `Forgotten` | a vote of mine that this log does not hold | a restart must not make the operator vote again |
//!
//! Every record names its epoch; those of another epoch are ignored. The file's framing (lengths, checksums, batches)
//! belongs to the node. Once a floor is durable, records that [`crate::Engine::needs`] denies may be dropped,
//! oldest first or by writing a new file.

use plasma_core::{Epoch, View};

use crate::{
    Certified, Container, DecodeError, Kind, Vote,
    codec::Reader,
    message::{read_certified, read_vote, write_certified, write_vote},
};

/// One entry of the write-ahead log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// My vote.
    Vote(Vote),
    /// My proposal.
    MyProposal {
        /// The epoch it belongs to.
        epoch: Epoch,
        /// What I propose.
        container: Container,
    },
    /// A notarization or nullification, verified before it was written.
    Certificate(Certified),
    /// The highest finalization, verified before it was written.
    Floor(Certified),
    /// The votes of an earlier life are lost, and none of them was about a later view than this one. Written by an
    /// operator that rejoins, before its engine starts. At view 0 nothing is lost in this epoch: it is the mark that the log has
    /// forgotten the epochs before, whose ends are durable, and that none of them is signed in again. An engine does as if it were
    /// not there.
    Amnesia {
        /// The epoch it belongs to.
        epoch: Epoch,
        /// Nothing at or below this view is voted on or proposed.
        floor: View,
    },
    /// A certificate showed a vote of mine that this log does not hold. The engine that reads this says nothing, unless
    /// an amnesia floor at or above the view was written since.
    Forgotten {
        /// The epoch it belongs to.
        epoch: Epoch,
        /// The view of the vote.
        view: View,
        /// Its kind.
        kind: Kind,
    },
}

const VOTE: u8 = 1;
const MY_PROPOSAL: u8 = 2;
const CERTIFICATE: u8 = 3;
const FLOOR: u8 = 4;
const AMNESIA: u8 = 5;
const FORGOTTEN: u8 = 6;

/// The longest record: the notarization of a committee of a hundred behind its kind.
pub const RECORD_BYTES_MAX: usize = 167;

impl Record {
    /// The epoch it belongs to.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        match self {
            Self::Vote(vote) => vote.epoch,
            Self::MyProposal { epoch, .. } | Self::Amnesia { epoch, .. } | Self::Forgotten { epoch, .. } => {
                *epoch
            }
            Self::Certificate(certified) | Self::Floor(certified) => certified.epoch,
        }
    }

    /// The view it is about.
    #[must_use]
    pub fn view(&self) -> View {
        match self {
            Self::Vote(vote) => vote.statement.view(),
            Self::MyProposal { container, .. } => container.view,
            Self::Amnesia { floor, .. } => *floor,
            Self::Forgotten { view, .. } => *view,
            Self::Certificate(certified) | Self::Floor(certified) => certified.statement.view(),
        }
    }

    /// The bytes of the log.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Vote(vote) => {
                out.push(VOTE);
                write_vote(&mut out, vote);
            }
            Self::MyProposal { epoch, container } => {
                out.push(MY_PROPOSAL);
                out.extend(epoch.0.to_be_bytes());
                out.extend(container.view.0.to_be_bytes());
                out.extend(container.parent.0.to_be_bytes());
                out.extend(container.block.0.0);
            }
            Self::Certificate(certified) => {
                out.push(CERTIFICATE);
                write_certified(&mut out, certified);
            }
            Self::Floor(certified) => {
                out.push(FLOOR);
                write_certified(&mut out, certified);
            }
            Self::Amnesia { epoch, floor } => {
                out.push(AMNESIA);
                out.extend(epoch.0.to_be_bytes());
                out.extend(floor.0.to_be_bytes());
            }
            Self::Forgotten { epoch, view, kind } => {
                out.push(FORGOTTEN);
                out.extend(epoch.0.to_be_bytes());
                out.extend(view.0.to_be_bytes());
                out.push(kind_byte(*kind));
            }
        }
        out
    }

    /// Reads one record and nothing else.
    ///
    /// # Errors
    /// [`DecodeError`] names the first thing that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let record = match reader.u8()? {
            VOTE => Self::Vote(read_vote(&mut reader)?),
            MY_PROPOSAL => {
                let epoch = reader.epoch()?;
                let container = Container {
                    view: reader.view()?,
                    parent: reader.view()?,
                    block: reader.block()?,
                };
                if container.parent >= container.view {
                    return Err(DecodeError::Form("parent view"));
                }
                Self::MyProposal { epoch, container }
            }
            CERTIFICATE => Self::Certificate(certificate(&mut reader, false)?),
            FLOOR => Self::Floor(certificate(&mut reader, true)?),
            AMNESIA => Self::Amnesia {
                epoch: reader.epoch()?,
                floor: reader.view()?,
            },
            FORGOTTEN => Self::Forgotten {
                epoch: reader.epoch()?,
                view: reader.view()?,
                kind: kind_of(reader.u8()?)?,
            },
            kind => return Err(DecodeError::Kind(kind)),
        };
        reader.end()?;
        Ok(record)
    }
}

fn certificate(reader: &mut Reader<'_>, finalizes: bool) -> Result<Certified, DecodeError> {
    let certified = read_certified(reader)?;
    if (certified.statement.kind() == Kind::Finalize) == finalizes {
        Ok(certified)
    } else {
        Err(DecodeError::Form("certificate"))
    }
}

/// The tag of the digest that such a vote signs.
fn kind_byte(kind: Kind) -> u8 {
    match kind {
        Kind::Notarize => 1,
        Kind::Nullify => 2,
        Kind::Finalize => 3,
    }
}

fn kind_of(byte: u8) -> Result<Kind, DecodeError> {
    [Kind::Notarize, Kind::Nullify, Kind::Finalize]
        .into_iter()
        .find(|kind| kind_byte(*kind) == byte)
        .ok_or(DecodeError::Form("kind of vote"))
}
