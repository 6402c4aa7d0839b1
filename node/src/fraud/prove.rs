//! A charge with its other side and all paths, as Ethereum wants it.
//!
//! Below the invalid block everything comes from storage, the block itself and what stands on it from the case. Every path
//! leads to the anchor that first covered its block, whose history is compared with ours first: a proof that Ethereum would
//! not follow is not built.

use plasma_core::{DepositFate, Hash, Height, Position, SignedTransaction, Transaction, merkle};

use crate::{
    answers::{anchored, anchored_block},
    api::{AnchorBook, Covering},
    bridge::{
        Anchored,
        evidence::AnchoredBlock,
        fraud::{Accused, FraudProof, Place},
    },
    operator::case::{Case, body_leaf, is_body_of},
    storage::{Read, StorageError},
};

use super::Charge;

/// Why nothing can be shown of a block now.
#[derive(Debug, thiserror::Error)]
pub enum NotProvable {
    /// No anchor covers it, or one before is not read yet.
    #[error("no anchor that covers the block is known yet")]
    Uncovered,
    /// Headers up to the covering anchor are missing.
    #[error("headers up to the anchor at height {0} are missing")]
    Short(Height),
    /// The anchor commits to another history.
    #[error("the anchor at height {0} commits to a history without this block")]
    OtherHistory(Height),
    /// The body is not the one that was signed.
    #[error("the body is not what the header commits to")]
    Body,
    /// Rows cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A case with what shows it.
#[derive(Debug)]
pub struct Court<'a, R> {
    case: &'a Case,
    reader: &'a R,
    anchors: &'a AnchorBook,
    /// The anchor that covers the invalid block.
    covering: Covering,
    /// History leaves from height 0 to the covering anchor's.
    leaves: Vec<Hash>,
    /// The leaves of the invalid block's body.
    entries: Vec<Hash>,
    /// Its place, the same for each of its transactions.
    block: AnchoredBlock,
}

impl<'a, R: Read> Court<'a, R> {
    /// Finds the covering anchor and checks that the block is in its history.
    ///
    /// # Errors
    /// [`NotProvable`], the first thing that is missing or differs.
    pub fn new(case: &'a Case, reader: &'a R, anchors: &'a AnchorBook) -> Result<Self, NotProvable> {
        if !is_body_of(&case.header, &case.body) {
            return Err(NotProvable::Body);
        }
        let covering = anchors.covering(case.height()).ok_or(NotProvable::Uncovered)?;
        let mut leaves = reader.leaves(Height(0)..case.height())?;
        if leaves.len() != place(case.height().0) {
            return Err(NotProvable::Short(case.height()));
        }
        leaves.extend(case.leaves());
        let end = covering.anchor.height.next().unwrap_or(Height(u32::MAX));
        if leaves.len() < place(end.0) {
            return Err(NotProvable::Short(covering.anchor.height));
        }
        leaves.truncate(place(end.0));
        if merkle::root(&leaves) != covering.anchor.history_root {
            return Err(NotProvable::OtherHistory(covering.anchor.height));
        }
        Ok(Self {
            case,
            reader,
            anchors,
            covering,
            entries: case.body.iter().map(|entry| body_leaf(entry)).collect(),
            block: anchored_block(&leaves, &case.header, &covering),
            leaves,
        })
    }

    /// The proofs of a charge; none when something that it needs is not there. Several only where Ethereum alone can tell
    /// which holds.
    ///
    /// # Errors
    /// [`StorageError`] when rows cannot be read, or a body that is needed is pruned.
    pub fn prove(&self, charge: &Charge) -> Result<Option<FraudProof>, StorageError> {
        match *charge {
            Charge::Malformed { index } => {
                let proof = self.own(index);
                Ok(proof.map(|proof| FraudProof::Malformed { proof }))
            }
            Charge::DoubleSpend { index, input, by } => {
                let other = self.place(by.height, by.transaction)?;
                Ok(self
                    .own(index)
                    .zip(other)
                    .map(|(second, first)| FraudProof::DoubleSpend {
                        first,
                        first_input: by.input,
                        second,
                        second_input: input,
                    }))
            }
            Charge::BadInput { index, input } => {
                Ok(self
                    .with_named(index, input)?
                    .map(|(spending, named)| FraudProof::BadInput {
                        spending,
                        input,
                        named,
                    }))
            }
            Charge::FutureReference { index, input } => Ok(self
                .own(index)
                .map(|spending| FraudProof::FutureReference { spending, input })),
            Charge::Absent { index, input } => self.absent(index, input),
            Charge::BadFund { index } => Ok(self.own(index).map(|fund| FraudProof::BadFund { fund })),
            Charge::LateFund { index } => Ok(self
                .own(index)
                .zip(self.before())
                .map(|(fund, before)| FraudProof::LateFund { fund, before })),
            Charge::DoubleFund { index } => self.double_fund(index),
            Charge::SpentAfterExit { index, input } => {
                Ok(self
                    .with_named(index, input)?
                    .map(|(spending, named)| FraudProof::SpentAfterExit {
                        spending,
                        input,
                        named,
                    }))
            }
            Charge::SpentAfterReclaim { index, input } => Ok(self
                .with_named(index, input)?
                .zip(self.before())
                .map(|((spending, named), before)| FraudProof::SpentAfterReclaim {
                    spending,
                    input,
                    named,
                    before,
                })),
        }
    }

    /// Who signed the block: the lowest certified header that we have, if it is not above the covering anchor.
    #[must_use]
    pub fn accused(&self) -> Option<Accused> {
        let header = *self.case.certified();
        if header.height > self.covering.anchor.height {
            return None;
        }
        let history_path = if header.height == self.covering.anchor.height {
            Vec::new()
        } else {
            let signed = self.leaves.get(..=place(header.height.0)).unwrap_or_default();
            merkle::proof(signed, place(self.case.height().0))
        };
        Some(Accused {
            header,
            certificate: self.case.certificate.clone(),
            history_path,
        })
    }

    /// An input names a transaction that is not in its block, or an output that its transaction has not.
    fn absent(&self, index: u32, input: u8) -> Result<Option<FraudProof>, StorageError> {
        let Some((position, spending)) = self.named(index, input).zip(self.own(index)) else {
            return Ok(None);
        };
        let Some(block) = self.block_place(position.block)? else {
            return Ok(None);
        };
        if position.transaction >= block.transaction_count {
            let named = block;
            return Ok(Some(FraudProof::AbsentTransaction {
                spending,
                input,
                named,
            }));
        }
        let named = self.place(position.block, position.transaction)?;
        Ok(named.map(|named| FraudProof::AbsentOutput {
            spending,
            input,
            named,
        }))
    }

    /// The other fund of the deposit: of a decided block, or in this one.
    fn double_fund(&self, index: u32) -> Result<Option<FraudProof>, StorageError> {
        let deposit = |index: u32| self.transaction(index).and_then(|fund| fund.deposit());
        let Some(number) = deposit(index) else {
            return Ok(None);
        };
        let other = match self.reader.deposit(number)? {
            Some(DepositFate::Funded(position)) => self.place(position.block, position.transaction)?,
            _ => (0..self.case.header.transaction_count)
                .find(|other| *other != index && deposit(*other) == Some(number))
                .and_then(|other| self.own(other)),
        };
        Ok(other
            .zip(self.own(index))
            .map(|(first, second)| FraudProof::DoubleFund { first, second }))
    }

    /// A transaction of the block and the one whose output an input of it names.
    fn with_named(&self, index: u32, input: u8) -> Result<Option<(Place, Place)>, StorageError> {
        let Some(position) = self.named(index, input) else {
            return Ok(None);
        };
        let named = self.place(position.block, position.transaction)?;
        Ok(self.own(index).zip(named))
    }

    fn named(&self, index: u32, input: u8) -> Option<Position> {
        let content = self.transaction(index)?;
        Some(content.inputs.get(usize::from(input))?.position)
    }

    fn transaction(&self, index: u32) -> Option<Transaction> {
        let signed = SignedTransaction::decode(self.case.body.get(place(index))?).ok()?;
        Some(signed.transaction)
    }

    /// A place in the invalid block.
    fn own(&self, index: u32) -> Option<Place> {
        Some(Place {
            transaction: self.case.body.get(place(index))?.to_vec(),
            index,
            transaction_path: merkle::proof(&self.entries, place(index)),
            block: self.block.clone(),
        })
    }

    /// A place in the invalid block or a decided one.
    fn place(&self, height: Height, index: u32) -> Result<Option<Place>, StorageError> {
        if height == self.case.height() {
            return Ok(self.own(index));
        }
        let Some((block, decided)) = self.block_place(height)?.zip(self.reader.block(height)?) else {
            return Ok(None);
        };
        let leaves: Vec<Hash> = decided.body.iter().map(SignedTransaction::leaf).collect();
        Ok(decided.body.get(place(index)).map(|signed| Place {
            transaction: signed.encode(),
            index,
            transaction_path: merkle::proof(&leaves, place(index)),
            block,
        }))
    }

    fn block_place(&self, height: Height) -> Result<Option<AnchoredBlock>, StorageError> {
        let header = self
            .reader
            .header(height)?
            .filter(|_| height < self.case.height());
        let covering = self.anchors.covering(height);
        Ok(header
            .zip(covering)
            .filter(|(_, covering)| covering.anchor.height <= self.covering.anchor.height)
            .map(|(header, covering)| anchored_block(&self.leaves, &header, &covering)))
    }

    /// The anchor before the covering one; there is none before the first.
    fn before(&self) -> Option<Anchored> {
        let before = self.anchors.covering(self.covering.previous)?;
        (before.anchor.height == self.covering.previous).then(|| anchored(&before.anchor, before.previous))
    }
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
