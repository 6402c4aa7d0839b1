//! Payments: chosen, shown, signed once and written down; [`super::settle`] brings them to their end.

use plasma_core::{
    Address, Hash, Payment as Output, SignedTransaction, SigningKey, Transaction, TransactionId,
};

use super::{
    Purse, WalletError,
    book::{Fate, Intent, Payment, Record, Row},
    error::Lack,
    expired,
    ledger::coins,
    papers::Paper,
    payouts,
    purse::Person,
    words,
};
use crate::{
    api::text::{BytesText, HashText},
    choice::{self, Coin, Terms},
};

/// What came of an intent to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// Its number in the journal.
    pub action: usize,
    /// Its payments, in the order in which they were signed.
    pub payments: Vec<Decided>,
}

/// A payment that is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Its id.
    pub id: TransactionId,
    /// Which rows it paid.
    pub rows: Vec<usize>,
    /// Its block and its place in it.
    pub place: Option<(u32, u32)>,
}

impl<P: Person> Purse<P> {
    /// Pays every row once, and waits until all of them are decided.
    ///
    /// # Errors
    /// [`WalletError`]; with the same intent it goes on where it stopped.
    pub async fn pay(&mut self, intent: &Intent) -> Result<Paid, WalletError> {
        let Intent::Pay { from, rows, .. } = intent else {
            return Err(WalletError::Usage("this pays nobody".into()));
        };
        if let Some(done) = self.book().done(intent) {
            self.person
                .tell("all of this was paid before, and is not paid again");
            return self.paid(done);
        }
        self.book().check_once(intent)?;
        let mut agreed = false;
        let mut action = self.book().open(intent);
        let known = action.and_then(|number| self.book().action(number));
        if known.is_none_or(|known| known.payments.is_empty()) {
            self.check_elsewhere(intent, from.0, rows).await?;
            action = self.book().open(intent);
        }
        loop {
            let known = action.and_then(|number| self.book().action(number));
            let open = known.and_then(|known| known.payments.iter().find(|one| one.fate == Fate::Open));
            if let (Some(number), Some(open)) = (action, open) {
                let signed = open.signed.clone();
                self.settle(number, &signed)
                    .await
                    .map_err(|error| self.partly(number, error))?;
                continue;
            }
            let unpaid = known.map_or_else(|| (0..rows.len()).collect(), super::book::Action::unpaid);
            if unpaid.is_empty() {
                break;
            }
            let (group, transaction) = self
                .next_payment(from.0, rows, &unpaid)
                .await
                .map_err(|error| self.partly_of(action, error))?;
            let said = words::payment(&transaction, from.0, &self.genesis);
            if !agreed {
                let summary = words::payout(rows, &unpaid, from.0, &self.genesis);
                self.person
                    .agree(if rows.len() == 1 { &said } else { &summary })?;
                agreed = true;
            } else {
                self.person.tell(&said);
            }
            let signed = self.signed(transaction, from.0)?;
            let number = self.begin(intent)?;
            action = Some(number);
            self.record(&Record::Signed {
                action: number,
                rows: group,
                bytes: BytesText(signed.encode()),
            })?;
        }
        action.map_or_else(
            || Err(WalletError::Usage("there is nothing to pay".into())),
            |number| self.paid(number),
        )
    }

    /// The first payment that [`Purse::pay`] would sign; nothing is signed.
    ///
    /// # Errors
    /// [`WalletError`].
    pub async fn preview(&mut self, intent: &Intent) -> Result<Transaction, WalletError> {
        let Intent::Pay { from, rows, .. } = intent else {
            return Err(WalletError::Usage("this pays nobody".into()));
        };
        let unpaid = self.to_sign(intent, rows.len())?;
        let (_, transaction) = self.next_payment(from.0, rows, &unpaid).await?;
        Ok(transaction)
    }

    /// The rows for which something would be signed next.
    fn to_sign(&self, intent: &Intent, rows: usize) -> Result<Vec<usize>, WalletError> {
        let book = self.book();
        let action = match book.done(intent) {
            Some(done) => Some(done),
            None => {
                book.check_once(intent)?;
                book.open(intent)
            }
        };
        let Some(known) = action.and_then(|number| book.action(number)) else {
            return Ok((0..rows).collect());
        };
        if let Some(open) = known.payments.iter().find(|one| one.fate == Fate::Open) {
            return Err(WalletError::Refused(format!(
                "payment {} was signed for this and is not known to be decided: nothing else would be signed before. Without \
                 --dry-run the same command goes on with it",
                open.signed.id()
            )));
        }
        let unpaid = known.unpaid();
        if !unpaid.is_empty() {
            return Ok(unpaid);
        }
        let paid = known.payments.iter().filter(|one| one.is_alive());
        let paid: Vec<String> = paid.map(|one| one.signed.id().to_string()).collect();
        Err(WalletError::Refused(format!(
            "all of this was paid before, and nothing would be signed: it is payment {}",
            paid.join(", ")
        )))
    }

    /// Makes one output of the smallest ones of an asset; `None` when there are fewer than two.
    ///
    /// # Errors
    /// [`WalletError`]; with the same intent it goes on where it stopped.
    pub async fn consolidate(
        &mut self,
        from: Address,
        asset: Address,
        most: usize,
    ) -> Result<Option<Paid>, WalletError> {
        let intent = Intent::Consolidate {
            from: from.into(),
            asset: asset.into(),
        };
        if let Some(action) = self.signed_before(&intent) {
            return self.settle_all(action).await.map(Some);
        }
        let holdings = self.holdings(from).await?;
        let terms = Terms::of(&self.genesis, from, asset);
        let Some(transaction) = choice::consolidation(&terms, &coins(&holdings, asset), most) else {
            return Ok(None);
        };
        self.person
            .agree(&words::payment(&transaction, from, &self.genesis))?;
        let signed = self.signed(transaction, from)?;
        self.send_signed(&intent, signed).await.map(Some)
    }

    /// Signs a payment that is sent elsewhere. No output is ever signed away twice by this wallet.
    ///
    /// # Errors
    /// [`WalletError::Refused`] when an input is in another payment of this wallet.
    pub fn sign_paper(
        &mut self,
        paper: &Paper,
        transaction: Transaction,
    ) -> Result<(usize, Paper), WalletError> {
        let from = paper.from.0;
        let intent = Intent::Sign { id: paper.id };
        let known = self.book().actions().find(|(_, action)| action.intent == intent);
        if let Some((number, action)) = known {
            let before = action.payments.first();
            if let Some(payment) = before {
                let signature = Some(BytesText(payment.signed.signature.to_vec()));
                let signed = Paper {
                    signature,
                    ..paper.clone()
                };
                return Ok((number, signed));
            }
        }
        for input in &transaction.inputs {
            if let Some(by) = self.book().spender(input.position) {
                return Err(WalletError::Refused(format!(
                    "input {}: this wallet signed it away before, in payment {by}",
                    input.position
                )));
            }
        }
        self.check_staying(&transaction, from)?;
        self.person
            .agree(&words::payment(&transaction, from, &self.genesis))?;
        let signed = self.signed(transaction, from)?;
        let action = self.begin(&intent)?;
        let signature = Some(BytesText(signed.signature.to_vec()));
        self.record(&Record::Signed {
            action,
            rows: Vec::new(),
            bytes: BytesText(signed.encode()),
        })?;
        let paper = Paper {
            signature,
            ..paper.clone()
        };
        Ok((action, paper))
    }

    /// Sends a payment that was signed elsewhere, and waits until it is decided.
    ///
    /// # Errors
    /// [`WalletError`]; with the same payment it goes on where it stopped.
    pub async fn broadcast(&mut self, signed: SignedTransaction) -> Result<Paid, WalletError> {
        let id = signed.id();
        let intent = Intent::Broadcast { id: HashText(id.0) };
        match self.book().payment(id).map(|known| known.fate) {
            Some(Fate::Dead(by)) => return Err(WalletError::TooLate { payment: id, by }),
            Some(Fate::Expired) => {
                return Err(WalletError::Refused(expired::words(&signed)));
            }
            _ => {}
        }
        let sent = match self.signed_before(&intent) {
            Some(action) => self.settle_all(action).await,
            None => {
                if let Some(payer) = self.payer(&signed) {
                    self.check_staying(&signed.transaction, payer)?;
                }
                self.send_signed(&intent, signed).await
            }
        };
        sent.map_err(|error| match error {
            // Nothing pays what it was to pay: whoever signed it decides that.
            WalletError::Dead { payment, by, .. } => WalletError::TooLate { payment, by },
            other => other,
        })
    }

    /// Makes sure that a payment spends nothing that leaves: whoever shows it would have the bond.
    pub(super) fn check_staying(&self, transaction: &Transaction, payer: Address) -> Result<(), WalletError> {
        for input in &transaction.inputs {
            let position = input.position;
            let claim = || self.claim_of(position, payer);
            let exit = self.exit_of(position).or_else(claim);
            if let Some(exit) = exit {
                return Err(WalletError::Refused(format!(
                    "input {position} leaves for Ethereum with exit {}: whoever shows a payment that spends it would have the \
                     bond",
                    HashText(exit.0)
                )));
            }
        }
        Ok(())
    }

    /// The action of an intent that goes on with what was signed; who died before that, or whose payment is dead, chooses
    /// anew.
    fn signed_before(&self, intent: &Intent) -> Option<usize> {
        let action = self.book().open(intent)?;
        let mut signed = self.book().action(action)?.payments.iter();
        signed.any(Payment::is_alive).then_some(action)
    }

    async fn send_signed(&mut self, intent: &Intent, signed: SignedTransaction) -> Result<Paid, WalletError> {
        let action = self.begin(intent)?;
        self.record(&Record::Signed {
            action,
            rows: Vec::new(),
            bytes: BytesText(signed.encode()),
        })?;
        self.settle_all(action).await
    }

    async fn settle_all(&mut self, action: usize) -> Result<Paid, WalletError> {
        let payments = self.book().action(action).map(|action| action.payments.clone());
        let open = payments
            .into_iter()
            .flatten()
            .filter(|one| one.fate == Fate::Open);
        for payment in open {
            self.settle(action, &payment.signed).await?;
        }
        self.paid(action)
    }

    /// The rows that are paid next, and the payment.
    async fn next_payment(
        &mut self,
        from: Address,
        rows: &[Row],
        unpaid: &[usize],
    ) -> Result<(Vec<usize>, Transaction), WalletError> {
        let holdings = self.holdings(from).await?;
        let first = unpaid.first().and_then(|place| rows.get(*place));
        let asset = first.map_or(Address::ZERO, |row| row.asset.0);
        let terms = Terms::of(&self.genesis, from, asset);
        let coins = coins(&holdings, asset);
        let mut group = payouts::group(rows, unpaid, terms.fee.is_some());
        loop {
            let outputs: Vec<Output> = group
                .iter()
                .filter_map(|place| rows.get(*place))
                .map(|row| Output {
                    owner: row.to.0,
                    amount: row.amount.0,
                })
                .collect();
            match choice::payment(&terms, &coins, &outputs) {
                Ok(transaction) => return Ok((group, transaction)),
                // Fewer rows may fit into what four outputs hold.
                Err(_) if group.len() > 1 => drop(group.pop()),
                Err(shortage) => {
                    return Err(WalletError::Funds(Box::new(Lack {
                        owner: from,
                        asset,
                        has: shortage.has,
                        needs: shortage.needs,
                        hint: hint(&shortage, &coins),
                    })));
                }
            }
        }
    }

    fn signed(&self, transaction: Transaction, from: Address) -> Result<SignedTransaction, WalletError> {
        let secret = self.person.key(from)?;
        let key = SigningKey::from_bytes(secret.expose())
            .ok_or_else(|| WalletError::Account("the keystore holds no Ethereum key".into()))?;
        let digest: Hash = transaction.signing_digest(&self.genesis.domain());
        Ok(SignedTransaction {
            signature: key.sign_digest(&digest),
            transaction,
        })
    }

    /// What an action brought, from the journal and the receipts.
    fn paid(&self, action: usize) -> Result<Paid, WalletError> {
        let known = self.book().action(action);
        let payments = known.map(|known| known.payments.clone()).unwrap_or_default();
        let decided = payments
            .iter()
            .filter(|payment| payment.fate == Fate::Decided)
            .map(|payment| {
                let id = payment.signed.id();
                let receipt = self.receipts.payment(id)?;
                Ok(Decided {
                    id,
                    rows: payment.rows.clone(),
                    place: receipt.map(|receipt| (receipt.height.0, receipt.index)),
                })
            });
        Ok(Paid {
            action,
            payments: decided.collect::<Result<_, WalletError>>()?,
        })
    }

    fn partly_of(&self, action: Option<usize>, error: WalletError) -> WalletError {
        match action {
            Some(number) => self.partly(number, error),
            None => error,
        }
    }

    /// The same error, with how many rows are paid when it is not the first.
    fn partly(&self, action: usize, error: WalletError) -> WalletError {
        let known = self.book().action(action);
        let Some(Intent::Pay { rows, .. }) = known.map(|known| &known.intent) else {
            return error;
        };
        let decided = known.map_or(0, |known| {
            let paid = known.payments.iter().filter(|one| one.fate == Fate::Decided);
            paid.map(|payment| payment.rows.len()).sum()
        });
        if decided == 0 {
            return error;
        }
        WalletError::Partial {
            done: decided,
            rows: rows.len(),
            reason: Box::new(error),
        }
    }
}

fn hint(shortage: &choice::Shortage, coins: &[Coin]) -> &'static str {
    if shortage.has >= shortage.needs && coins.len() > choice::INPUTS_MAX {
        "; it lies in more outputs than one payment can spend: run plasma wallet consolidate first"
    } else {
        ""
    }
}
