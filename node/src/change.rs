//! How a committee follows another: what is signed, what the signatures must be, and what they come to.
//!
//! Two motions make a change. The running committee names its successor; the coming one says that it is ready. Each is
//! signed by the members one by one, on machines of their own, and needs a quorum. This file is pure; [`papers`] reads what
//! people exchanged, [`clerk`] brings it to the contract.

use std::{fmt, sync::Arc};

use plasma_core::{
    Bitmap, BlockId, Certificate, Committee, Domain, Epoch, Hash, OperatorIndex, View,
    bls::{self, PublicKey, SecretKey, Signature},
};

use crate::{bridge::deploy::NewMember, config::committee::Successor, hex, pledge};

pub mod clerk;
pub mod moment;
pub mod papers;
mod refusal;

/// What the members of one committee are asked to sign.
#[derive(Clone, Debug)]
pub struct Motion {
    kind: Kind,
    successor: Successor,
    signers: Arc<Committee>,
    domain: Domain,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The committee before names this one.
    Change,
    /// This one is ready.
    Readiness,
}

/// One member's signature of a motion, as people send it to each other: seat, public key and signature in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The seat in the committee that signs.
    pub seat: OperatorIndex,
    /// The key of that seat.
    pub key: PublicKey,
    /// Its signature.
    pub signature: Signature,
}

/// A line and where it was read: `carol.sig:1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The place, for errors.
    pub place: String,
    /// The line.
    pub line: Line,
}

/// Why a motion is not carried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MotionError {
    /// The committee at hand is not the one before the document's.
    #[error("epoch = {document}: it is named by the committee of epoch {}, and this is that of epoch {signing}; \
             raise or lower `epoch` of the document", document.saturating_sub(1))]
    Epoch {
        /// The document's.
        document: u64,
        /// Of the committee that was given.
        signing: u64,
    },
    /// Our key is none of theirs.
    #[error(
        "the BLS key {key} has no seat in the committee of epoch {epoch}, which signs the {kind}; \
             keys.bls must name the key of a member"
    )]
    NoSeat {
        /// Ours.
        key: String,
        /// Whose committee signs.
        epoch: u64,
        /// What.
        kind: Kind,
    },
    /// Our key is none of theirs, so there is no seat with a bond of ours.
    #[error(
        "the BLS key {key} has no seat in the committee of epoch {epoch}; keys.bls must name the key of a member"
    )]
    NoBondedSeat {
        /// Ours.
        key: String,
        /// Whose seats.
        epoch: u64,
    },
    /// A line that is none.
    #[error("{place}: {reason}; a line is seat, public key and signature with spaces between, as `plasma committee {command}` prints it", command = kind.command())]
    Form {
        /// Where.
        place: String,
        /// What is wrong.
        reason: &'static str,
        /// Whose line was expected.
        kind: Kind,
    },
    /// A seat that the committee does not have.
    #[error("{place}: seat {seat}; the committee of epoch {epoch} has the seats 0 to {last}")]
    Outside {
        /// Where.
        place: String,
        /// The line's.
        seat: u16,
        /// Whose committee signs.
        epoch: u64,
        /// Its last seat.
        last: usize,
    },
    /// The key of somebody else.
    #[error(
        "{place}: the key {found} is not that of seat {seat} in epoch {epoch}, which is {expected}; \
             its signer has another document of that committee, or the line was changed"
    )]
    OtherKey {
        /// Where.
        place: String,
        /// The line's.
        seat: u16,
        /// Whose committee signs.
        epoch: u64,
        /// The line's key.
        found: String,
        /// The committee's.
        expected: String,
    },
    /// Two lines of one seat.
    #[error("{place}: seat {seat} has signed in {first} already; leave one of the two out")]
    Twice {
        /// Where.
        place: String,
        /// The seat.
        seat: u16,
        /// Where the other one is.
        first: String,
    },
    /// The signature is of the other motion.
    #[error("{place}: seat {seat} signed the {other} and not the {kind}; ask it to run `plasma committee {command}`", command = kind.command())]
    OtherMotion {
        /// Where.
        place: String,
        /// The seat.
        seat: u16,
        /// What is needed.
        kind: Kind,
        /// What was signed.
        other: Kind,
    },
    /// The signature is of something else.
    #[error(
        "{place}: seat {seat} did not sign this document (epoch {epoch}, sequence {sequence}, hash {hash}); \
             compare what `plasma committee check` prints there and here, then let it sign again"
    )]
    OtherDocument {
        /// Where.
        place: String,
        /// The seat.
        seat: u16,
        /// The document's.
        epoch: u64,
        /// The document's.
        sequence: u64,
        /// The committee's.
        hash: Hash,
    },
    /// Less than a quorum.
    #[error(
        "{count} of the {quorum} signatures that the committee of epoch {epoch} needs for the {kind}; missing are the seats {missing}"
    )]
    TooFew {
        /// How many there are.
        count: usize,
        /// How many are needed.
        quorum: usize,
        /// Whose committee signs.
        epoch: u64,
        /// What.
        kind: Kind,
        /// Who did not sign.
        missing: String,
    },
}

impl Kind {
    /// The command with which a member signs it.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Change => "sign",
            Self::Readiness => "ready",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Change => Self::Readiness,
            Self::Readiness => Self::Change,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Change => "change of the committee",
            Self::Readiness => "readiness",
        })
    }
}

impl Motion {
    /// The running committee names a successor.
    ///
    /// # Errors
    /// [`MotionError::Epoch`] when `signing` is not the committee of the epoch before.
    pub fn change(
        successor: Successor,
        signing: Arc<Committee>,
        domain: Domain,
    ) -> Result<Self, MotionError> {
        let (document, before) = (successor.roster.committee.epoch().0, signing.epoch().0);
        if before.checked_add(1) != Some(document) {
            return Err(MotionError::Epoch {
                document,
                signing: before,
            });
        }
        Ok(Self {
            kind: Kind::Change,
            successor,
            signers: signing,
            domain,
        })
    }

    /// The coming committee says that it is ready.
    #[must_use]
    pub fn readiness(successor: Successor, domain: Domain) -> Self {
        Self {
            kind: Kind::Readiness,
            signers: Arc::clone(&successor.roster.committee),
            successor,
            domain,
        }
    }

    /// The committee that it is about.
    #[must_use]
    pub fn successor(&self) -> &Successor {
        &self.successor
    }

    /// Who signs it.
    #[must_use]
    pub fn signers(&self) -> &Committee {
        &self.signers
    }

    /// The hash of the committee that it is about.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.successor.roster.committee.hash()
    }

    /// The epoch of the committee that it is about.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.successor.roster.committee.epoch()
    }

    /// The members as the contract takes them.
    #[must_use]
    pub fn members(&self) -> Vec<NewMember> {
        let members = self.successor.roster.members.iter();
        members
            .map(|member| NewMember {
                operator: member.operator,
                key: member.key,
                possession: member.possession,
                peer: member.member().peer.0,
            })
            .collect()
    }

    /// The signature of whoever holds a key.
    ///
    /// # Errors
    /// [`MotionError::NoSeat`].
    pub fn pledge(&self, key: &SecretKey) -> Result<Line, MotionError> {
        let public = key.public();
        let seat = self
            .signers
            .seat_of_key(&public)
            .ok_or_else(|| MotionError::NoSeat {
                key: hex::encode(&public.0),
                epoch: self.signers.epoch().0,
                kind: self.kind,
            })?;
        let signature = match self.kind {
            Kind::Change => pledge::change(key, &self.domain, &self.successor),
            Kind::Readiness => pledge::readiness(key, &self.domain, &self.successor),
        };
        Ok(Line {
            seat,
            key: public,
            signature,
        })
    }

    /// What at least a quorum of lines comes to: who signed, and the sum of their signatures.
    ///
    /// # Errors
    /// [`MotionError`] names the first line that is wrong, or who is missing.
    pub fn sum(&self, lines: &[Found]) -> Result<(Bitmap, Signature), MotionError> {
        let mut taken: Vec<&Found> = Vec::new();
        for found in lines {
            self.examine(found)?;
            let seat = found.line.seat;
            if let Some(first) = taken.iter().find(|other| other.line.seat == seat) {
                return Err(MotionError::Twice {
                    place: found.place.clone(),
                    seat: seat.0,
                    first: first.place.clone(),
                });
            }
            taken.push(found);
        }
        let signers: Bitmap = taken.iter().map(|found| found.line.seat).collect();
        let signatures: Vec<Signature> = taken.iter().map(|found| found.line.signature).collect();
        let enough = taken.len() >= self.signers.quorum();
        // Signatures that verify one by one have a sum.
        match bls::aggregate(&signatures).filter(|_| enough) {
            Some(sum) => Ok((signers, sum)),
            None => Err(self.too_few(&signers)),
        }
    }

    /// The sum as the certificate with which the contract takes a change.
    ///
    /// # Errors
    /// As [`Motion::sum`].
    pub fn certificate(&self, lines: &[Found]) -> Result<Certificate, MotionError> {
        let (signers, signature) = self.sum(lines)?;
        Ok(Certificate {
            epoch: self.signers.epoch(),
            view: View(self.successor.sequence),
            block: BlockId(self.hash()),
            signers,
            signature,
        })
    }

    fn examine(&self, found: &Found) -> Result<(), MotionError> {
        let Found { place, line } = found;
        let (place, seat, epoch) = (place.clone(), line.seat.0, self.signers.epoch().0);
        let Some(member) = self.signers.member(line.seat) else {
            let last = self.signers.size().saturating_sub(1);
            return Err(MotionError::Outside {
                place,
                seat,
                epoch,
                last,
            });
        };
        if member.key != line.key {
            let (found, expected) = (hex::encode(&line.key.0), hex::encode(&member.key.0));
            return Err(MotionError::OtherKey {
                place,
                seat,
                epoch,
                found,
                expected,
            });
        }
        if bls::verify(&line.key, &self.digest(self.kind), &line.signature) {
            return Ok(());
        }
        // Who stays signs both, and sends the wrong one of two lines that look alike.
        let (kind, other) = (self.kind, self.kind.other());
        if bls::verify(&line.key, &self.digest(other), &line.signature) {
            return Err(MotionError::OtherMotion {
                place,
                seat,
                kind,
                other,
            });
        }
        Err(MotionError::OtherDocument {
            place,
            seat,
            epoch: self.epoch().0,
            sequence: self.successor.sequence,
            hash: self.hash(),
        })
    }

    fn digest(&self, kind: Kind) -> Hash {
        match kind {
            Kind::Change => self.successor.change_digest(&self.domain),
            Kind::Readiness => self.successor.readiness_digest(&self.domain),
        }
    }

    fn too_few(&self, signers: &Bitmap) -> MotionError {
        let absent = self.signers.members().map(|(seat, _)| seat);
        let absent = absent.filter(|seat| !signers.contains(*seat));
        let missing: Vec<String> = absent.map(|seat| seat.0.to_string()).collect();
        MotionError::TooFew {
            count: signers.count(),
            quorum: self.signers.quorum(),
            epoch: self.signers.epoch().0,
            kind: self.kind,
            missing: missing.join(", "),
        }
    }
}

impl Line {
    /// Reads a line; the error says what is wrong with it.
    ///
    /// # Errors
    /// Words for [`MotionError::Form`].
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut words = text.split_ascii_whitespace();
        let (Some(seat), Some(key), Some(signature), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err("not three words");
        };
        Ok(Self {
            seat: OperatorIndex(seat.parse().map_err(|_| "the seat is no number")?),
            key: PublicKey(hex::decode_array(key).ok_or("the public key is not 0x and 96 hex digits")?),
            signature: Signature(
                hex::decode_array(signature).ok_or("the signature is not 0x and 192 hex digits")?,
            ),
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.seat.0, self.key, self.signature)
    }
}
