//! A transaction as this operator knows it, and its receipt.

use plasma_core::{
    Amount, Certificate, EXPIRY_NEVER, Epoch, Hash, Header, Height, Kind, Position, Receipt,
    SignedTransaction, Transaction, TransactionId, keccak,
};

use super::{
    Answer, Code, Covering, Door, Problem, Reply,
    text::{AddressText, AmountText, BytesText, HashText, PositionText, rfc3339},
    view::{
        AnchorView, CertificateView, InputView, PaymentView, Place, ProofView, State, TimesView,
        TransactionView,
    },
};
use crate::{
    proofs,
    runtime::handle::AnchorSeen,
    storage::{Decided, Read},
};

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/transactions/{id}`: from a block, or from the mempool.
    ///
    /// # Errors
    /// [`Code::NotFound`] when this operator knows neither.
    pub async fn transaction(&self, id: TransactionId) -> Answer {
        let decided = move |door: &Self| door.decided_transaction(id);
        let waiting = |signed: &SignedTransaction| Reply::ok(&view(signed, id, None, State::Accepted));
        self.decided_or_waiting(id, decided, waiting).await
    }

    /// Asks storage, and the mempool about what storage does not have. Storage is asked again at the end: what was decided
    /// between the two looks has left the mempool.
    pub(super) async fn decided_or_waiting(
        &self,
        id: TransactionId,
        decided: impl Fn(&Self) -> Answer + Copy + Send + 'static,
        waiting: impl Fn(&SignedTransaction) -> Answer,
    ) -> Answer {
        match self.read(decided).await {
            Err(problem) if problem.is(Code::NotFound) => {
                let asked = self.handle.pending(id).await;
                match asked.map_err(|refused| self.refusal(&refused))? {
                    Some(pending) => waiting(pending.signed()),
                    None => self.read(decided).await,
                }
            }
            other => other,
        }
    }

    fn decided_transaction(&self, id: TransactionId) -> Answer {
        let (height, index) = self.place_of(id)?;
        let block = self.block_at(height)?;
        let signed = item(&block, index)?;
        let place = Place {
            height: height.0,
            id: HashText(block.header.id().0),
            index,
        };
        let mut document = view(signed, id, Some(place), self.state_at(height));
        document.certificate = self.certificate_of(&self.reader, height)?;
        let covering = self.books.anchors.covering(height);
        document.anchor = covering.map(AnchorView::from);
        document.times = Some(TimesView {
            committed: rfc3339(block.header.timestamp_ms.0),
            anchored: covering.map(|covering| rfc3339(covering.anchor.time_s.saturating_mul(1_000))),
        });
        Reply::ok(&document)
    }

    /// `GET /v1/transactions/{id}/raw`: its bytes with the signature.
    ///
    /// # Errors
    /// [`Code::NotFound`] when this operator knows it neither decided nor waiting.
    pub async fn raw_transaction(&self, id: TransactionId) -> Answer {
        let decided = move |door: &Self| {
            let (height, index) = door.place_of(id)?;
            let block = door.block_at(height)?;
            let bytes = item(&block, index)?.encode();
            let tag = keccak(&[&bytes]);
            Ok(Reply::bytes(bytes).for_ever(tag))
        };
        let waiting = |signed: &SignedTransaction| Ok(Reply::bytes(signed.encode()));
        self.decided_or_waiting(id, decided, waiting).await
    }

    /// `GET /v1/transactions/{id}/proof`: the receipt against the first certificate that covers its block.
    ///
    /// # Errors
    /// [`Code::NotFound`] when no decided block holds it.
    pub async fn proof(&self, id: TransactionId) -> Answer {
        self.scan(move |door| {
            let (height, _) = door.place_of(id)?;
            let Some((certified, certificate)) = door.reader.certificate_covering(height)? else {
                return Err(Code::NotFound
                    .because("no certificate covers its block yet")
                    .hint("ask again in a second"));
            };
            let receipt = door.receipt(id, certified, certificate)?;
            Reply::ok(&ProofView {
                id: HashText(id.0),
                transaction: BytesText(receipt.transaction.encode()),
                index: receipt.index,
                transaction_proof: hashes(&receipt.transaction_proof),
                height: receipt.height.0,
                transaction_count: receipt.transaction_count,
                transactions_root: HashText(receipt.transactions_root),
                l1_height: receipt.l1_height.0,
                history_proof: hashes(&receipt.history_proof),
                certificate: door.certificate_view(&receipt.header, &receipt.certificate),
                raw: BytesText(receipt.encode()),
            })
        })
        .await
    }

    /// The receipt of a decided transaction against the header at `top`.
    pub(super) fn receipt(
        &self,
        id: TransactionId,
        top: Height,
        certificate: Certificate,
    ) -> Result<Receipt, Problem> {
        let receipt = proofs::receipt(&self.reader, self.place_of(id)?, top, certificate)?;
        receipt.ok_or_else(|| missing_block(top))
    }

    pub(super) fn block_at(&self, height: Height) -> Result<Decided, Problem> {
        self.reader.block(height)?.ok_or_else(|| missing_block(height))
    }

    fn place_of(&self, id: TransactionId) -> Result<(Height, u32), Problem> {
        if let Some(place) = self.reader.transaction(&id)? {
            return Ok(place);
        }
        let horizon = self.reader.horizon()?;
        let hint = if horizon == Height(0) {
            "it may still be on its way here; after its expiry it never comes".to_owned()
        } else {
            format!("this operator keeps transactions from block {horizon} on; ask another about older ones")
        };
        Err(Code::NotFound
            .because(format!("this operator knows no transaction {id}"))
            .hint(hint))
    }

    /// The acknowledgement level of a decided height.
    pub(super) fn state_at(&self, height: Height) -> State {
        match (self.handle.status().halted, self.books.anchors.covering(height)) {
            (Some(last_valid), _) if height > last_valid => State::Void,
            (_, Some(Covering { is_final: true, .. })) => State::Finalized,
            (_, Some(_)) => State::Anchored,
            (_, None) => State::Committed,
        }
    }

    /// The certificate that finalizes a height, with the header that it is about.
    pub(super) fn certificate_of(
        &self,
        reader: &R,
        height: Height,
    ) -> Result<Option<CertificateView>, Problem> {
        let Some((certified, certificate)) = reader.certificate_covering(height)? else {
            return Ok(None);
        };
        let header = reader
            .header(certified)?
            .ok_or_else(|| missing_block(certified))?;
        Ok(Some(self.certificate_view(&header, &certificate)))
    }

    /// How many must sign in an epoch; none when its committee is not known here.
    pub(super) fn quorum(&self, epoch: Epoch) -> Option<usize> {
        let roster = self.facts.directory.roster(epoch)?;
        Some(roster.committee.quorum())
    }

    fn certificate_view(&self, header: &Header, certificate: &Certificate) -> CertificateView {
        CertificateView {
            height: header.height.0,
            block: HashText(certificate.block.0),
            epoch: certificate.epoch.0,
            view: certificate.view.0,
            signers: certificate.signers.iter().map(|signer| signer.0).collect(),
            quorum: self.quorum(certificate.epoch),
            signature: BytesText(certificate.signature.0.to_vec()),
            header: BytesText(header.encode().to_vec()),
            raw: BytesText(certificate.to_bytes()),
        }
    }
}

impl From<Covering> for AnchorView {
    fn from(covering: Covering) -> Self {
        Self {
            previous: Some(covering.previous.0),
            ..Self::from(covering.anchor)
        }
    }
}

impl From<AnchorSeen> for AnchorView {
    fn from(anchor: AnchorSeen) -> Self {
        Self {
            number: anchor.number,
            previous: None,
            height: anchor.height.0,
            history_root: HashText(anchor.history_root),
            l1_height: anchor.l1_height.0,
            time_s: anchor.time_s,
        }
    }
}

/// A transaction as a document.
pub(super) fn view(
    signed: &SignedTransaction,
    id: TransactionId,
    block: Option<Place>,
    state: State,
) -> TransactionView {
    let transaction = &signed.transaction;
    let deposit = transaction.deposit().map(|number| number.0);
    let born = |output| {
        block.map(|place| {
            PositionText(Position {
                block: Height(place.height),
                transaction: place.index,
                output,
            })
        })
    };
    TransactionView {
        id: HashText(id.0),
        state,
        kind: kind(transaction.kind).to_owned(),
        asset: AddressText(transaction.asset),
        expiry: (transaction.expiry != EXPIRY_NEVER).then_some(transaction.expiry.0),
        inputs: if deposit.is_some() {
            Vec::new()
        } else {
            inputs(transaction)
        },
        outputs: (0u8..)
            .zip(&transaction.outputs)
            .map(|(output, payment)| PaymentView {
                output: born(output),
                owner: AddressText(payment.owner),
                amount: AmountText(payment.amount),
            })
            .collect(),
        deposit,
        block,
        certificate: None,
        anchor: None,
        times: None,
        raw: BytesText(signed.encode()),
    }
}

fn inputs(transaction: &Transaction) -> Vec<InputView> {
    let inputs = transaction.inputs.iter();
    inputs
        .map(|input| InputView {
            output: PositionText(input.position),
            amount: AmountText(input.amount),
        })
        .collect()
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Split => "split",
        Kind::Merge => "merge",
        Kind::Fund => "fund",
        Kind::Transfer => "transfer",
    }
}

pub(super) fn item(block: &Decided, index: u32) -> Result<&SignedTransaction, Problem> {
    let found = usize::try_from(index)
        .ok()
        .and_then(|index| block.body.get(index));
    found.ok_or_else(|| {
        Code::Internal.because(format!(
            "block {} has no transaction {index}",
            block.header.height
        ))
    })
}

pub(super) fn hashes(list: &[Hash]) -> Vec<HashText> {
    list.iter().copied().map(HashText).collect()
}

/// A height that this operator does not hold.
pub(super) fn missing_block(height: Height) -> Problem {
    Code::NotFound
        .because(format!("this operator holds no block {height}"))
        .hint("/v1/blocks/latest names the newest")
}

/// Zero, where a sum begins.
pub(super) const NOTHING: Amount = Amount::ZERO;
