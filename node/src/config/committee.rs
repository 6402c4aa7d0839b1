//! The document of a later committee, as its members and the one before exchange it.
//!
//! It names the operators as `federation.toml` does, and the place of the change in the chain's history: the epoch that
//! they will decide, and the sequence by which the contract tells one announcement from another.

use std::{fs, path::Path};

use plasma_core::{Domain, Epoch, OperatorIndex, genesis::Genesis};
use serde::{Deserialize, Serialize};

use super::{
    federation::{FederationError, MEMBERS_FOR_A_FAULT, MemberEntry},
    place,
};
use crate::directory::Roster;

/// Most bytes of such a document: a hundred members with ten addresses each.
pub const DOCUMENT_BYTES_MAX: u64 = 1 << 20;

/// The document as TOML sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitteeFile {
    /// The epoch that these members decide.
    pub epoch: u64,
    /// The number of the announcement on Ethereum, above all before.
    pub sequence: u64,
    /// The members in their order.
    pub member: Vec<MemberEntry>,
}

/// A committee that may follow the running one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// The number of its announcement.
    pub sequence: u64,
    /// Its members.
    pub roster: Roster,
}

impl CommitteeFile {
    /// Reads a document and checks all of it that needs no Ethereum, proofs of possession included.
    ///
    /// # Errors
    /// [`FederationError`], the first thing that is wrong.
    pub fn load(path: &Path, genesis: &Genesis) -> Result<Successor, FederationError> {
        let name = path.display().to_string();
        let read = |source| FederationError::Read {
            what: "the committee's document",
            path: name.clone(),
            source,
        };
        let bytes = fs::metadata(path).map_err(read)?.len();
        if bytes > DOCUMENT_BYTES_MAX {
            return Err(FederationError::TooLong { path: name, bytes });
        }
        let text = fs::read_to_string(path).map_err(read)?;
        Self::parse(&name, &text, genesis)
    }

    /// As [`CommitteeFile::load`], from text.
    ///
    /// # Errors
    /// [`FederationError`], the first thing that is wrong.
    pub fn parse(name: &str, text: &str, genesis: &Genesis) -> Result<Successor, FederationError> {
        let file: Self = toml::from_str(text).map_err(|error| {
            let (line, column) = place(text, error.span().map_or(0, |span| span.start));
            FederationError::File {
                path: name.to_owned(),
                line,
                column,
                message: error.message().to_owned(),
            }
        })?;
        if file.epoch == 0 {
            return Err(FederationError::FirstEpoch);
        }
        let members = file.member.iter().enumerate().map(|(i, entry)| entry.parse(i));
        let members = members.collect::<Result<Vec<_>, _>>()?;
        if members.len() < MEMBERS_FOR_A_FAULT {
            return Err(FederationError::NoFaults(members.len()));
        }
        for (index, member) in (0..).map(OperatorIndex).zip(&members) {
            member.check(index, &genesis.domain())?;
        }
        Ok(Successor {
            sequence: file.sequence,
            roster: Roster::new(Epoch(file.epoch), members)?,
        })
    }

    /// The text of a committee; reading it back gives the same.
    #[must_use]
    pub fn print(successor: &Successor) -> String {
        let roster = &successor.roster;
        let file = Self {
            epoch: roster.committee.epoch().0,
            sequence: successor.sequence,
            member: roster.members.iter().map(MemberEntry::from_member).collect(),
        };
        let body = toml::to_string(&file).unwrap_or_default();
        format!(
            "# A committee of the federation. Hash, as Ethereum knows it: {}\n{body}",
            roster.committee.hash()
        )
    }
}

impl Successor {
    /// What the running committee signs to name this one: the digest of tag 0x04.
    #[must_use]
    pub fn change_digest(&self, domain: &Domain) -> plasma_core::Hash {
        let committee = &self.roster.committee;
        let signing = Epoch(committee.epoch().0.saturating_sub(1));
        domain.committee_change(signing, self.sequence, committee.hash())
    }

    /// What its members sign to say that they are ready: the digest of tag 0x06.
    #[must_use]
    pub fn readiness_digest(&self, domain: &Domain) -> plasma_core::Hash {
        let committee = &self.roster.committee;
        domain.status(committee.epoch(), committee.hash())
    }
}
