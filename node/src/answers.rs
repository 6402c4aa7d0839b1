//! What the ledger answers to a claim on Ethereum: proofs out of storage and the book of anchors. No call is sent here.
//!
//! An honest answer is never provisional. A transaction that is not expired counts as it is; one that expired below the
//! last anchor was included below it, so an anchor covers it. Where an inclusion is needed and no anchor covers the block
//! yet, there is no answer yet, and whoever asks comes again.

use plasma_core::planted::planted;
use plasma_core::{
    AuthenticTransaction, DepositFate, DepositNumber, ExitId, Fate, Hash, Header, Height, Position,
    SignedTransaction, Spender, merkle,
};

use crate::{
    api::{AnchorBook, Covering},
    bridge::{
        Anchored, SpendProof,
        convert::Inclusion,
        decode::Told,
        evidence::{AnchoredBlock, Evidence, Pending, output_key},
        games::{COMPETITOR_SLOT, Claim, INCLUSION_SLOT, InFlightExit, NOWHERE, Packed},
    },
    operator::report::AnchorSeen,
    storage::{Read, StorageError},
};

/// What answers are made of.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a, R> {
    /// The ledger.
    pub reader: &'a R,
    /// The anchors.
    pub anchors: &'a AnchorBook,
    /// The height of the last anchor.
    pub anchored: Height,
    /// The highest height that counts.
    pub last_valid: Height,
}

/// `lastValid` until the federation halts.
pub const UNLIMITED: Height = Height(u32::MAX);

/// One call that answers a claim about an in-flight exit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Another transaction spends an input of the payment.
    Competitor {
        /// Which input.
        input: u8,
        /// The other transaction.
        competitor: Evidence,
        /// Which of its inputs.
        competing: u8,
    },
    /// The payment is included here.
    Included(Evidence),
    /// A claimed input was spent by another transaction.
    InputSpent {
        /// Which input.
        input: u8,
        /// The other transaction.
        spending: Evidence,
        /// Which of its inputs.
        spending_input: u8,
    },
    /// A claimed output was spent.
    OutputSpent {
        /// Which output.
        output: u8,
        /// Where the payment lies.
        payment: Evidence,
        /// What spent the output.
        spending: Evidence,
        /// With which input.
        spending_input: u8,
    },
    /// A transaction of several inputs counts only when all of them were shown, and no anchor covers it after a halt.
    Inputs {
        /// The transaction.
        payment: SignedTransaction,
        /// Where they were made.
        inputs: Vec<Inclusion>,
    },
    /// A provisional claim tells another block than the anchored one.
    Rebuttal {
        /// The claim's slot.
        slot: u8,
        /// The anchored block.
        truth: AnchoredBlock,
    },
}

impl<R: Read> Archive<'_, R> {
    /// Where the fund transaction of a deposit lies; `None` when it was not funded, or not under an anchor that counts.
    ///
    /// # Errors
    /// [`StorageError::Pruned`] when its body is not kept; [`StorageError`] when rows cannot be read.
    pub fn fund(&self, number: DepositNumber) -> Result<Option<Inclusion>, StorageError> {
        match self.reader.deposit(number)? {
            Some(DepositFate::Funded(position)) => self.inclusion(position.block, position.transaction),
            _ => Ok(None),
        }
    }

    /// Where a decided transaction lies in anchored history; `None` until an anchor covers its block, or above the halt.
    ///
    /// # Errors
    /// As [`Archive::fund`].
    pub fn inclusion(&self, height: Height, index: u32) -> Result<Option<Inclusion>, StorageError> {
        if height > self.last_valid {
            return Ok(None);
        }
        inclusion(self.reader, self.anchors, height, index)
    }

    /// A decided transaction as it counts on Ethereum: included where it can be shown, else as long as it is not expired, or
    /// was not in the void block that shows it.
    ///
    /// # Errors
    /// As [`Archive::fund`].
    pub fn evidence(&self, height: Height, index: u32) -> Result<Option<Evidence>, StorageError> {
        if let Some(inclusion) = self.inclusion(height, index)? {
            return Ok(Some(Evidence::Anchored(Box::new(inclusion))));
        }
        let signed = transaction(self.reader, height, index)?;
        if let Some(signed) = signed.filter(|signed| self.is_fresh(signed)) {
            return Ok(Some(Evidence::Bare(signed)));
        }
        let void = inclusion(self.reader, self.anchors, height, index)?;
        Ok(void.map(|found| Evidence::Anchored(Box::new(found))))
    }

    /// The transaction that spent the output of a standard exit, with its inclusion when it can no longer be included, or has
    /// several inputs, which nothing else proves. `None` until an anchor covers that inclusion.
    ///
    /// # Errors
    /// As [`Archive::fund`].
    pub fn spend(&self, exit: ExitId, by: Spender) -> Result<Option<SpendProof>, StorageError> {
        let Some(spender) = transaction(self.reader, by.height, by.transaction)? else {
            return Ok(None);
        };
        let (mut shown, mut inputs) = (None, Vec::new());
        let needs_place = !self.is_fresh(&spender) || spender.transaction.inputs.len() > 1;
        if needs_place && !planted("bridge: shows spends without their place") {
            shown = inclusion(self.reader, self.anchors, by.height, by.transaction)?;
            if shown.is_none() {
                let Some(made) = self.unshown(&spender)? else {
                    return Ok(None);
                };
                inputs = made;
            }
        }
        Ok(Some(SpendProof {
            exit,
            spender,
            input: by.input,
            inclusion: shown,
            inputs,
        }))
    }

    /// Where the inputs of a transaction were made that counts as it is, though no anchor will ever cover it: Ethereum must be
    /// shown them when they are several. `None` while an anchor may still come, or when one of them lies under none.
    fn unshown(&self, signed: &SignedTransaction) -> Result<Option<Vec<Inclusion>>, StorageError> {
        let named = &signed.transaction.inputs;
        let is_late = self.last_valid == UNLIMITED || planted("answers: waits for anchors after a halt");
        if named.len() < 2 || is_late || !self.is_fresh(signed) {
            return Ok(None);
        }
        let mut made = Vec::new();
        for Position {
            block, transaction, ..
        } in named.iter().map(|input| input.position)
        {
            match self.inclusion(block, transaction)? {
                Some(found) => made.push(found),
                None => return Ok(None),
            }
        }
        Ok(Some(made))
    }

    fn show_inputs(&self, evidence: &Evidence, answers: &mut Vec<Answer>) -> Result<(), StorageError> {
        if let Evidence::Bare(signed) = evidence
            && let Some(inputs) = self.unshown(signed)?
        {
            let payment = signed.clone();
            answers.push(Answer::Inputs { payment, inputs });
        }
        Ok(())
    }

    /// Whether a transaction counts on Ethereum as it is: a block that is not anchored yet could still include it.
    fn is_fresh(&self, signed: &SignedTransaction) -> bool {
        signed.transaction.expiry >= self.anchored
    }

    /// What every call about an in-flight exit brings back; `None` when the ledger knows another output than an input names.
    ///
    /// # Errors
    /// [`StorageError`] when rows cannot be read.
    pub fn pending(&self, payment: &AuthenticTransaction) -> Result<Option<Pending>, StorageError> {
        let mut inputs = Vec::new();
        for input in &payment.transaction().inputs {
            let Some(record) = self.reader.output(input.position)? else {
                return Ok(None);
            };
            inputs.push(output_key(record.output.transaction, input.position.output));
        }
        Ok(Some(Pending {
            transaction: payment.signed().clone(),
            owner: payment.owner(),
            inputs,
        }))
    }

    /// Everything that must be shown about an in-flight exit as Ethereum holds it. `is_first_half`: competitors still count.
    ///
    /// # Errors
    /// As [`Archive::fund`].
    pub fn in_flight(
        &self,
        payment: &AuthenticTransaction,
        open: &InFlightExit,
        claims: &[Claim],
        is_first_half: bool,
    ) -> Result<Vec<Answer>, StorageError> {
        let mut answers = Vec::new();
        for claim in claims {
            if let Some(truth) = self.rebuttal(&claim.told)? {
                answers.push(Answer::Rebuttal {
                    slot: claim.slot,
                    truth,
                });
            }
        }
        match self.reader.transaction(&payment.id())? {
            Some((height, index)) => self.of_included(payment, (height, index), open, &mut answers)?,
            None => self.of_excluded(payment, open, is_first_half, &mut answers)?,
        }
        Ok(answers)
    }

    /// The anchored block at the first height of which a claim tells another; `None` when there is none or no anchor
    /// covers it yet.
    ///
    /// # Errors
    /// [`StorageError`] when rows cannot be read.
    pub fn rebuttal(&self, told: &[Told]) -> Result<Option<AnchoredBlock>, StorageError> {
        for Told { height, leaf } in told {
            let Some(end) = height.next() else { continue };
            let ours = self.reader.leaves(*height..end)?;
            if ours.first().is_some_and(|ours| ours != leaf)
                && let Some(truth) = self.block(*height)?
            {
                return Ok(Some(truth));
            }
        }
        Ok(None)
    }

    fn block(&self, height: Height) -> Result<Option<AnchoredBlock>, StorageError> {
        // A void block, too, is what its anchor says.
        let Some(covering) = self.anchors.covering(height) else {
            return Ok(None);
        };
        let Some((header, end)) = self.reader.header(height)?.zip(covering.anchor.height.next()) else {
            return Ok(None);
        };
        let leaves = self.reader.leaves(Height(0)..end)?;
        Ok(Some(anchored_block(&leaves, &header, &covering)))
    }

    /// The payment is decided: whoever calls it non-canonical is wrong, and outputs that it spent on are gone.
    fn of_included(
        &self,
        payment: &AuthenticTransaction,
        (height, index): (Height, u32),
        open: &InFlightExit,
        answers: &mut Vec<Answer>,
    ) -> Result<(), StorageError> {
        let is_doubted = (open.competitor.is_some() || open.has_claim(COMPETITOR_SLOT))
            && !planted("answers: doubts of what is decided stand");
        let Some(found) = inclusion(self.reader, self.anchors, height, index)? else {
            return Ok(());
        };
        let shown = Evidence::Anchored(Box::new(found));
        let is_void = height > self.last_valid;
        // What had expired needs its block, be it void, or it leaves nothing.
        let is_wanted = open.is_resting || (is_doubted && !is_void);
        if is_wanted && open.included.is_none() {
            answers.push(Answer::Included(shown.clone()));
        }
        if is_void {
            return Ok(());
        }
        for output in
            (0..side(payment.transaction().outputs.len())).filter(|output| open.claims_output(*output))
        {
            let position = Position {
                block: height,
                transaction: index,
                output,
            };
            let found = self.spender(position)?;
            let Some(spender) = found.filter(|_| !planted("answers: spent outputs leave in flight")) else {
                continue;
            };
            if let Some(spending) = self.evidence(spender.height, spender.transaction)? {
                self.show_inputs(&spending, answers)?;
                answers.push(Answer::OutputSpent {
                    output,
                    payment: shown.clone(),
                    spending,
                    spending_input: spender.input,
                });
            }
        }
        Ok(())
    }

    /// The payment is in no decided block: another transaction that spent an input stands against it, the oldest first.
    fn of_excluded(
        &self,
        payment: &AuthenticTransaction,
        open: &InFlightExit,
        is_first_half: bool,
        answers: &mut Vec<Answer>,
    ) -> Result<(), StorageError> {
        let mut spends = Vec::new();
        for (input, spent) in (0u8..).zip(&payment.transaction().inputs) {
            let Some(spender) = self.spender(spent.position)? else {
                continue;
            };
            if let Some(evidence) = self.evidence(spender.height, spender.transaction)? {
                spends.push((self.place(&evidence), input, spender.input, evidence));
            }
        }
        if is_first_half || open.claims_any_input() {
            for (.., evidence) in &spends {
                self.show_inputs(evidence, answers)?;
            }
        }
        spends.sort_by_key(|(place, input, ..)| (*place, *input));
        if is_first_half
            && let Some((place, input, competing, competitor)) = spends.first()
            && is_needed(open, *place)
            && !planted("answers: nothing competes")
        {
            answers.push(Answer::Competitor {
                input: *input,
                competitor: competitor.clone(),
                competing: *competing,
            });
        }
        for (_, input, spending_input, spending) in spends {
            if open.claims_input(input) && !planted("answers: spent inputs go back") {
                answers.push(Answer::InputSpent {
                    input,
                    spending,
                    spending_input,
                });
            }
        }
        Ok(())
    }

    /// Where evidence places its transaction: a void block is none.
    fn place(&self, evidence: &Evidence) -> Packed {
        let (height, index) = match evidence {
            Evidence::Bare(_) => return NOWHERE,
            Evidence::Anchored(inclusion) => (inclusion.receipt.height, inclusion.receipt.index),
            Evidence::Certified(receipt) => (receipt.height, receipt.index),
        };
        if height > self.last_valid {
            return NOWHERE;
        }
        let position = Position {
            block: height,
            transaction: index,
            output: 0,
        };
        position.pack()
    }

    fn spender(&self, position: Position) -> Result<Option<Spender>, StorageError> {
        let record = self.reader.output(position)?;
        Ok(record.and_then(|record| match record.fate {
            Fate::Spent(spender) => Some(spender),
            _ => None,
        }))
    }
}

/// Whether showing a competitor at this place changes anything. One is enough, unless the payment is claimed to be
/// included: then the older wins.
fn is_needed(open: &InFlightExit, place: Packed) -> bool {
    let is_claimed = open.included.is_some() || open.has_claim(INCLUSION_SLOT);
    match open.competitor {
        None => open.included.is_none_or(|included| place < included),
        Some(known) => is_claimed && place < known && open.included.is_none_or(|included| place < included),
    }
}

fn side(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

/// A decided transaction.
///
/// # Errors
/// [`StorageError::Pruned`] when its body is not kept; [`StorageError`] when rows cannot be read.
pub fn transaction<R: Read>(
    reader: &R,
    height: Height,
    index: u32,
) -> Result<Option<SignedTransaction>, StorageError> {
    let place = usize::try_from(index).unwrap_or(usize::MAX);
    Ok(reader
        .block(height)?
        .and_then(|block| block.body.get(place).cloned()))
}

/// Where a decided transaction lies in anchored history; `None` until its block is anchored.
///
/// # Errors
/// [`StorageError::Pruned`] when its body is not kept; [`StorageError`] when rows cannot be read.
pub fn inclusion<R: Read>(
    reader: &R,
    anchors: &AnchorBook,
    height: Height,
    index: u32,
) -> Result<Option<Inclusion>, StorageError> {
    let Some(covering) = anchors.covering(height) else {
        return Ok(None);
    };
    // Ethereum knows its anchors: any certificate that covers the header stands for it here.
    let Some((_, certificate)) = reader.certificate_covering(covering.anchor.height)? else {
        return Ok(None);
    };
    let receipt = crate::proofs::receipt(reader, (height, index), covering.anchor.height, certificate)?;
    Ok(receipt.map(|receipt| Inclusion {
        receipt,
        anchor: anchored(&covering.anchor, covering.previous),
    }))
}

/// A block's place below the anchor that first covered it; `leaves` are those of the history from height 0 on.
#[must_use]
pub fn anchored_block(leaves: &[Hash], header: &Header, covering: &Covering) -> AnchoredBlock {
    let place = |height: Height| usize::try_from(height.0).unwrap_or(usize::MAX);
    let covered = leaves.get(..=place(covering.anchor.height)).unwrap_or_default();
    AnchoredBlock {
        height: header.height,
        transaction_count: header.transaction_count,
        transactions_root: header.transactions_root,
        l1_height: header.l1_height,
        history_path: merkle::proof(covered, place(header.height)),
        anchor: anchored(&covering.anchor, covering.previous),
    }
}

/// An anchor of the book as the contracts take it.
#[must_use]
pub fn anchored(anchor: &AnchorSeen, previous: Height) -> Anchored {
    Anchored {
        number: u32::try_from(anchor.number).unwrap_or(u32::MAX),
        previous,
        height: anchor.height,
        history_root: anchor.history_root,
        l1_height: anchor.l1_height,
        time_s: anchor.time_s,
    }
}
