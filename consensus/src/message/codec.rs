//! The one encoding of each message (`docs/protocol.md` section 13): fixed-width fields, big-endian, self-delimiting.
//!
//! Bitmaps have one width, so a reader need not know which committee a message belongs to.

use plasma_core::Bitmap;

use super::{
    Certified, Container, HELD_MAX, Held, Message, NULLIFICATIONS_MAX, Proposal, Statement, Status, Vote,
};
use crate::codec::{DecodeError, Reader};

const NOTARIZE: u8 = 1;
const NULLIFY: u8 = 2;
const FINALIZE: u8 = 3;
const NOTARIZATION: u8 = 4;
const NULLIFICATION: u8 = 5;
const FINALIZATION: u8 = 6;
const PROPOSAL: u8 = 7;
const STATUS: u8 = 8;

/// The longest message: a proposal in a committee of a hundred with a parent certificate and all
/// nullifications, `153 + 1 + 166 + 1 + 16 · 126` bytes. Longer frames need not be read.
pub const MESSAGE_BYTES_MAX: usize = 2_337;

impl Message {
    /// The bytes of the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Vote(vote) => write_vote(&mut out, vote),
            Self::Certified(certified) => write_certified(&mut out, certified),
            Self::Proposal(proposal) => write_proposal(&mut out, proposal),
            Self::Status(status) => write_status(&mut out, status),
        }
        out
    }

    /// Reads one message and nothing else.
    ///
    /// # Errors
    /// [`DecodeError`] names the first thing that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (message, rest) = Self::decode_prefix(bytes)?;
        if rest.is_empty() {
            Ok(message)
        } else {
            Err(DecodeError::Trailing(rest.len()))
        }
    }

    /// Reads one message and hands back the bytes behind it (a proposal's body travels there).
    ///
    /// # Errors
    /// [`DecodeError`] names the first thing that is wrong.
    pub fn decode_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let mut reader = Reader::new(bytes);
        let message = match reader.u8()? {
            kind @ (NOTARIZE | NULLIFY | FINALIZE) => Self::Vote(vote_body(&mut reader, kind)?),
            kind @ (NOTARIZATION | NULLIFICATION | FINALIZATION) => {
                Self::Certified(certified_body(&mut reader, kind)?)
            }
            PROPOSAL => Self::Proposal(Box::new(proposal_body(&mut reader)?)),
            STATUS => Self::Status(status_body(&mut reader)?),
            kind => return Err(DecodeError::Kind(kind)),
        };
        Ok((message, reader.rest()))
    }
}

pub(crate) fn write_vote(out: &mut Vec<u8>, vote: &Vote) {
    out.push(match vote.statement {
        Statement::Notarize(_) => NOTARIZE,
        Statement::Nullify { .. } => NULLIFY,
        Statement::Finalize { .. } => FINALIZE,
    });
    out.extend(vote.signer.0.to_be_bytes());
    out.extend(vote.epoch.0.to_be_bytes());
    write_statement(out, &vote.statement);
    out.extend(vote.signature.0);
}

pub(crate) fn write_certified(out: &mut Vec<u8>, certified: &Certified) {
    out.push(match certified.statement {
        Statement::Notarize(_) => NOTARIZATION,
        Statement::Nullify { .. } => NULLIFICATION,
        Statement::Finalize { .. } => FINALIZATION,
    });
    out.extend(certified.epoch.0.to_be_bytes());
    write_statement(out, &certified.statement);
    out.extend(certified.signers.to_bytes());
    out.extend(certified.signature.0);
}

fn write_statement(out: &mut Vec<u8>, statement: &Statement) {
    out.extend(statement.view().0.to_be_bytes());
    if let Statement::Notarize(container) = statement {
        out.extend(container.parent.0.to_be_bytes());
    }
    if let Some(block) = statement.block() {
        out.extend(block.0.0);
    }
}

fn write_proposal(out: &mut Vec<u8>, proposal: &Proposal) {
    out.push(PROPOSAL);
    out.extend(proposal.epoch.0.to_be_bytes());
    write_statement(out, &Statement::Notarize(proposal.container));
    out.extend(proposal.signature.0);
    out.push(u8::from(proposal.parent.is_some()));
    if let Some(parent) = &proposal.parent {
        write_certified(out, parent);
    }
    let nullifications = proposal.nullifications.iter().take(NULLIFICATIONS_MAX);
    out.push(u8::try_from(nullifications.len()).unwrap_or(u8::MAX));
    nullifications.for_each(|nullification| write_certified(out, nullification));
}

fn write_status(out: &mut Vec<u8>, status: &Status) {
    out.push(STATUS);
    out.extend(status.epoch.0.to_be_bytes());
    out.extend(status.floor.0.to_be_bytes());
    out.extend(status.block.0.0);
    out.extend(status.view.0.to_be_bytes());
    out.extend(status.from.0.to_be_bytes());
    out.extend(status.notarized.to_be_bytes());
    out.extend(status.nullified.to_be_bytes());
    let held = status.held.iter().take(HELD_MAX);
    out.push(u8::try_from(held.len()).unwrap_or(u8::MAX));
    for held in held {
        out.extend(held.view.0.to_be_bytes());
        out.extend(held.notarize.to_bytes());
        out.extend(held.nullify.to_bytes());
        out.extend(held.finalize.to_bytes());
    }
}

pub(crate) fn read_vote(reader: &mut Reader<'_>) -> Result<Vote, DecodeError> {
    let kind = reader.u8()?;
    vote_body(reader, kind)
}

pub(crate) fn read_certified(reader: &mut Reader<'_>) -> Result<Certified, DecodeError> {
    let kind = reader.u8()?;
    certified_body(reader, kind)
}

fn vote_body(reader: &mut Reader<'_>, kind: u8) -> Result<Vote, DecodeError> {
    let signer = reader.operator()?;
    let epoch = reader.epoch()?;
    let statement = match kind {
        NOTARIZE => Statement::Notarize(container(reader)?),
        NULLIFY => nullify(reader)?,
        FINALIZE => finalize(reader)?,
        kind => return Err(DecodeError::Kind(kind)),
    };
    Ok(Vote {
        epoch,
        signer,
        statement,
        signature: reader.signature()?,
    })
}

fn certified_body(reader: &mut Reader<'_>, kind: u8) -> Result<Certified, DecodeError> {
    let epoch = reader.epoch()?;
    let statement = match kind {
        NOTARIZATION => Statement::Notarize(container(reader)?),
        NULLIFICATION => nullify(reader)?,
        FINALIZATION => finalize(reader)?,
        kind => return Err(DecodeError::Kind(kind)),
    };
    let signers = reader.bitmap()?;
    Ok(Certified {
        epoch,
        statement,
        signers,
        signature: reader.signature()?,
    })
}

fn container(reader: &mut Reader<'_>) -> Result<Container, DecodeError> {
    let container = Container {
        view: reader.view()?,
        parent: reader.view()?,
        block: reader.block()?,
    };
    if container.parent < container.view {
        Ok(container)
    } else {
        Err(DecodeError::Form("parent view"))
    }
}

fn nullify(reader: &mut Reader<'_>) -> Result<Statement, DecodeError> {
    Ok(Statement::Nullify { view: turn(reader)? })
}

fn finalize(reader: &mut Reader<'_>) -> Result<Statement, DecodeError> {
    Ok(Statement::Finalize {
        view: turn(reader)?,
        block: reader.block()?,
    })
}

/// A view that has a leader; view 0 is the epoch's floor and is never voted on.
fn turn(reader: &mut Reader<'_>) -> Result<plasma_core::View, DecodeError> {
    let view = reader.view()?;
    if view.0 == 0 {
        Err(DecodeError::Form("view"))
    } else {
        Ok(view)
    }
}

fn proposal_body(reader: &mut Reader<'_>) -> Result<Proposal, DecodeError> {
    let epoch = reader.epoch()?;
    let container = container(reader)?;
    let signature = reader.signature()?;
    let parent = match reader.u8()? {
        0 => None,
        1 => Some(read_certified(reader)?),
        _ => return Err(DecodeError::Form("parent flag")),
    };
    if parent
        .as_ref()
        .is_some_and(|parent| !proves_parent(parent, &container) || parent.epoch != epoch)
    {
        return Err(DecodeError::Form("parent certificate"));
    }
    let count = usize::from(reader.u8()?);
    if count > NULLIFICATIONS_MAX {
        return Err(DecodeError::Form("nullification count"));
    }
    let mut nullifications: Vec<Certified> = Vec::with_capacity(count);
    let mut after = container.parent;
    for _ in 0..count {
        let next = read_certified(reader)?;
        let Statement::Nullify { view } = next.statement else {
            return Err(DecodeError::Form("nullification"));
        };
        if view <= after || view >= container.view || next.epoch != epoch {
            return Err(DecodeError::Form("nullification order"));
        }
        after = view;
        nullifications.push(next);
    }
    Ok(Proposal {
        epoch,
        container,
        signature,
        parent,
        nullifications,
    })
}

fn proves_parent(certified: &Certified, container: &Container) -> bool {
    certified.statement.block().is_some() && certified.statement.view() == container.parent
}

fn status_body(reader: &mut Reader<'_>) -> Result<Status, DecodeError> {
    let mut status = Status {
        epoch: reader.epoch()?,
        floor: reader.view()?,
        block: reader.block()?,
        view: reader.view()?,
        from: reader.view()?,
        notarized: reader.u64()?,
        nullified: reader.u64()?,
        held: Vec::new(),
    };
    if status.floor >= status.view || status.from <= status.floor {
        return Err(DecodeError::Form("status views"));
    }
    let count = usize::from(reader.u8()?);
    if count > HELD_MAX {
        return Err(DecodeError::Form("held count"));
    }
    for _ in 0..count {
        let view = reader.view()?;
        if status.held.last().is_some_and(|last: &Held| last.view >= view) {
            return Err(DecodeError::Form("held order"));
        }
        let (notarize, nullify, finalize): (Bitmap, Bitmap, Bitmap) =
            (reader.bitmap()?, reader.bitmap()?, reader.bitmap()?);
        status.held.push(Held {
            view,
            notarize,
            nullify,
            finalize,
        });
    }
    Ok(status)
}
