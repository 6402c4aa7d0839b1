//! Exits in flight: leaving with a payment that was signed and that no block may hold, because operators withhold it, or
//! the block.
//!
//! Who paid claims the change, and the inputs, which go back where the payment counts for nothing; who was paid claims
//! what he was paid. All of it is claimed in the first half of the exit period, each by a call and a bond of its own
//! (`docs/contracts.md`, in-flight exits). Whoever starts first sets the time for all, so an exit that is open already is
//! joined. What a call needs besides the payment is where its inputs lie under their anchors ([`super::places`]).

mod asked;
mod claims;

use plasma_core::{Address, ExitId, Receipt, SignedTransaction, TransactionId};

pub use self::claims::Unclaimed;
use self::claims::{Claim, Flight};
use super::{
    Purse, WalletError, anchored,
    book::{Fate, Intent, Payment, Record},
    exit::{Going, Help, Leaving, leaving},
    purse::{Ethereum, Person},
    standing::exits_in,
    steps::Step,
};
use crate::{
    api::{
        Code,
        text::{AddressText, BytesText, HashText},
    },
    bridge::{
        L1Error,
        evidence::{Evidence, Pending, output_key},
        games::InFlightExit,
    },
    client::ClientError,
};

/// What came of a wish to leave with a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flown {
    /// The exit.
    pub leaving: Leaving,
    /// Claims of the account that stand in it.
    pub claimed: usize,
    /// What of the account's does not leave with it.
    pub left: Vec<Unclaimed>,
}

impl<P: Person> Purse<P> {
    /// A payment that this wallet signed, or sent for another machine, and that may still count.
    ///
    /// # Errors
    /// [`WalletError::Refused`] when there is none of this id, or a receipt has proven it dead.
    pub fn signed_payment(&self, id: TransactionId) -> Result<SignedTransaction, WalletError> {
        match self.book().payment(id) {
            Some(Payment {
                fate: Fate::Dead(by), ..
            }) => Err(WalletError::TooLate { payment: id, by: *by }),
            Some(payment) => Ok(payment.signed.clone()),
            None => Err(WalletError::Refused(format!(
                "this wallet signed no payment {id}; of a payment of somebody else name the file with its signature"
            ))),
        }
    }

    /// Leaves with a payment: starts its exit in flight, or joins the one that is open, and claims what is the account's.
    ///
    /// # Errors
    /// [`WalletError::Refused`] names what speaks against it; [`WalletError::Missing`] what is not there. With the same
    /// payment it goes on where it stopped.
    pub async fn fly(
        &mut self,
        from: Address,
        payment: &SignedTransaction,
        help: Help,
    ) -> Result<Flown, WalletError> {
        let ethereum = self.caught_up().await?;
        let id = payment.id();
        let intent = self.flight_intent(from, payment);
        let begun = self
            .book()
            .open(&intent)
            .and_then(|number| self.book().action(number));
        let is_sent = begun.is_some_and(|action| !action.calls.is_empty());
        let receipt = self.receipt_of(id, help).await?;
        let mut flight = self
            .flight(&ethereum, from, payment, receipt.as_ref(), help)
            .await?;
        let open = self.open_flight(&ethereum, id).await?;
        let mut claimed = 0;
        if !is_sent {
            self.check_flight(&ethereum, &flight, receipt.as_ref(), open.as_ref())
                .await?;
            if help == Help::Operators {
                self.check_unspent(&ethereum, &mut flight, receipt.as_ref())
                    .await?;
            }
            if let Some((exit, open)) = &open {
                claimed = self.join(&ethereum, &mut flight, open).await?;
                let mut told = self.book().flights(from, id);
                let told = told.find(|(_, action)| action.leaving.first() == Some(exit));
                if let (Some((action, _)), true) = (told, flight.claims.is_empty()) {
                    return Ok(Flown {
                        leaving: leaving(action, *exit, Going::Payment(id)),
                        claimed,
                        left: flight.left,
                    });
                }
            }
            let needs = self.bonds(&ethereum, &flight, open.is_none());
            self.check_ether(&ethereum, from, needs).await?;
            self.person
                .agree(&self.flight_words(&ethereum, &flight, open.is_none()))?;
        }
        let action = self.begin(&intent)?;
        let known = self.book().action(action);
        let known = known.and_then(|action| action.leaving.first().copied());
        let exit = match (known, open) {
            (Some(exit), _) => exit,
            (None, Some((exit, _))) if !self.is_signed(&intent, START) => exit,
            _ => self.start_flight(&ethereum, action, &flight).await?,
        };
        // One that this wallet started is written down with the call.
        let known = self.book().action(action);
        if known.is_some_and(|action| action.leaving.is_empty()) {
            let exit = HashText(exit.0);
            self.record(&Record::Leaving { action, exit })?;
        }
        claimed += self.claim_all(&ethereum, (action, exit), &mut flight).await?;
        Ok(Flown {
            leaving: leaving(action, exit, Going::Payment(id)),
            claimed,
            left: flight.left,
        })
    }

    /// How much of an exit that is open stands already; what comes too late for it is left behind.
    async fn join(
        &self,
        ethereum: &Ethereum,
        flight: &mut Flight,
        open: &InFlightExit,
    ) -> Result<usize, WalletError> {
        let before = flight.claims.len();
        flight.claims.retain(|claim| !claim.stands_in(open));
        let claimed = before - flight.claims.len();
        if ethereum.rpc.newest().await?.timestamp_s >= claims_until_s(ethereum, open) {
            let late = flight.claims.drain(..);
            flight.left.extend(late.map(|claim| claim.left(too_late())));
        }
        Ok(claimed)
    }

    /// The exit with which an account leaves with a payment.
    #[must_use]
    pub fn flight_of(&self, owner: Address, id: TransactionId) -> Option<ExitId> {
        let mut flights = self.book().flights(owner, id);
        flights.find_map(|(_, action)| action.leaving.first().copied())
    }

    /// The wish as it was first written: another signature of the same payment is the same wish.
    fn flight_intent(&self, from: Address, payment: &SignedTransaction) -> Intent {
        let mut known = self.book().flights(from, payment.id());
        let fresh = || Intent::Flight {
            from: from.into(),
            payment: BytesText(payment.encode()),
        };
        known
            .next()
            .map_or_else(fresh, |(_, action)| action.intent.clone())
    }

    /// The receipt of the payment, when it is decided and somebody shows it.
    async fn receipt_of(&self, id: TransactionId, help: Help) -> Result<Option<Receipt>, WalletError> {
        if let Some(kept) = self.receipts.transaction(id)? {
            return Ok(Some(kept));
        }
        if help == Help::Nobody {
            return Ok(None);
        }
        match self.receipt(id).await {
            Ok(receipt) => Ok(Some(receipt)),
            Err(WalletError::Client(ClientError::Problem(problem))) if problem.is(Code::NotFound) => Ok(None),
            Err(WalletError::Client(error)) => {
                let words = format!("no operator says whether payment {id} is decided: {error}");
                self.person.tell(&words);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// All that the calls take.
    async fn flight(
        &self,
        ethereum: &Ethereum,
        from: Address,
        payment: &SignedTransaction,
        receipt: Option<&Receipt>,
        help: Help,
    ) -> Result<Flight, WalletError> {
        let payer = self.payer(payment).ok_or_else(|| {
            WalletError::Refused(format!(
                "payment {}: nobody's signature is under it",
                payment.id()
            ))
        })?;
        let (claims, left) = self.claims(from, payer, payment, receipt);
        if claims.is_empty() {
            let why = left.iter().map(|left| format!("; {left}"));
            return Err(WalletError::Refused(format!(
                "nothing of payment {} is left for {} to claim{}",
                payment.id(),
                AddressText(from),
                why.collect::<String>()
            )));
        }
        let (mut inputs, mut keys) = (Vec::new(), Vec::new());
        for input in &payment.transaction.inputs {
            let position = input.position;
            if help == Help::Operators {
                self.fetch_receipt(position).await?;
            }
            let inclusion = self.place(ethereum, payer, position, help).await?;
            keys.push(output_key(inclusion.receipt.transaction.id(), position.output));
            inputs.push(inclusion);
        }
        let pending = Pending {
            transaction: payment.clone(),
            owner: payer,
            inputs: keys,
        };
        Ok(Flight {
            from,
            pending,
            inputs,
            claims,
            left,
            doubts: Vec::new(),
        })
    }

    /// The exit of a payment that is open now, whoever started it.
    async fn open_flight(
        &self,
        ethereum: &Ethereum,
        id: TransactionId,
    ) -> Result<Option<(ExitId, InFlightExit)>, WalletError> {
        let (contracts, rpc) = (&ethereum.contracts, &ethereum.rpc);
        let Some(exit) = contracts.latest_in_flight(rpc, id).await? else {
            return Ok(None);
        };
        let open = contracts.in_flight_exit(rpc, &exit).await?;
        Ok(open.map(|open| (exit, open)))
    }

    /// Nothing is started that cannot pay.
    async fn check_flight(
        &self,
        ethereum: &Ethereum,
        flight: &Flight,
        receipt: Option<&Receipt>,
        open: Option<&(ExitId, InFlightExit)>,
    ) -> Result<(), WalletError> {
        let refuse = |reason: String| Err(WalletError::Refused(reason));
        let (contracts, rpc) = (&ethereum.contracts, &ethereum.rpc);
        let payment = &flight.pending.transaction;
        let id = payment.id();
        self.check_staying(&payment.transaction, flight.pending.owner)?;
        if let Some((exit, open)) = open {
            let until_s = claims_until_s(ethereum, open);
            let is_late = rpc.newest().await?.timestamp_s >= until_s;
            let is_claimed = |claim: &Claim| claim.stands_in(open);
            if is_late && !flight.claims.iter().any(is_claimed) {
                return refuse(format!(
                    "exit {} of payment {id} is open, and claims were taken until second {until_s} of Ethereum's clock; when it \
                     has ended, the payment can leave again",
                    HashText(exit.0)
                ));
            }
            return Ok(());
        }
        let latest = contracts.latest(rpc).await?;
        if payment.transaction.expiry < latest.height {
            return refuse(format!(
                "payment {id} expired at block {}, and block {} is anchored: only a block that holds it counts now",
                payment.transaction.expiry, latest.height
            ));
        }
        if let Some(receipt) = receipt.filter(|receipt| receipt.height <= latest.last_valid)
            && let Some(anchor) =
                anchored::covering(ethereum, receipt, self.genesis.deployment.height, 0).await?
        {
            return refuse(format!(
                "payment {id} is in block {}, under anchor {}: its outputs leave by themselves, with plasma wallet exit \
                 {}:{}:0 and the like",
                receipt.height, anchor.number, receipt.height, receipt.index
            ));
        }
        for claim in &flight.claims {
            if let Claim::Output(output) = claim
                && contracts.is_consumed(rpc, output_key(id, *output)).await?
            {
                return refuse(format!(
                    "output {output} of payment {id} was paid on Ethereum before"
                ));
            }
        }
        let heights = flight.inputs.iter().map(|input| input.receipt.height);
        match heights.max().filter(|height| *height > latest.last_valid) {
            Some(height) => refuse(format!(
                "an input of payment {id} was made in block {height}, and no block above {} counts any more",
                latest.last_valid
            )),
            None => Ok(()),
        }
    }

    async fn start_flight(
        &mut self,
        ethereum: &Ethereum,
        action: usize,
        flight: &Flight,
    ) -> Result<ExitId, WalletError> {
        let payment = Evidence::Bare(flight.pending.transaction.clone());
        let bond = ethereum.parameters.exit_bond;
        let call = ethereum
            .contracts
            .start_in_flight_call(&payment, &flight.inputs, bond)?;
        let step = Step {
            action,
            name: START,
            from: flight.from,
            call,
            gas: None,
        };
        let outcome = self.step(ethereum, &step).await?;
        let started = self.book().action(action);
        let started = started.and_then(|action| exits_in(&action.intent, &outcome).first().copied());
        started
            .ok_or_else(|| WalletError::Refused("startInFlightExit was mined and started no exit".to_owned()))
    }

    /// Claims what is not claimed yet, and counts what stands. One claim that cannot be made holds no other back.
    async fn claim_all(
        &mut self,
        ethereum: &Ethereum,
        exit: (usize, ExitId),
        flight: &mut Flight,
    ) -> Result<usize, WalletError> {
        let mut claimed = 0;
        for claim in flight.claims.clone() {
            match self.claim(ethereum, exit, flight, claim).await {
                Ok(None) => claimed += 1,
                Ok(Some(why)) => flight.left.push(claim.left(why)),
                Err(WalletError::L1(error @ (L1Error::Reverted { .. } | L1Error::MinedReverted { .. }))) => {
                    flight.left.push(claim.left(error.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(claimed)
    }

    /// Makes a claim, where it does not stand; or why it cannot be made any more.
    async fn claim(
        &mut self,
        ethereum: &Ethereum,
        (action, exit): (usize, ExitId),
        flight: &Flight,
        claim: Claim,
    ) -> Result<Option<String>, WalletError> {
        let name = claim.name();
        let known = self.book().action(action);
        let is_signed = known.is_some_and(|action| action.call(&name).is_some());
        let open = ethereum.contracts.in_flight_exit(&ethereum.rpc, &exit).await?;
        match open {
            _ if is_signed => {}
            None => return Ok(Some("the exit is not open any more".to_owned())),
            Some(open) if claim.stands_in(&open) => return Ok(None),
            Some(open) => {
                let now_s = ethereum.rpc.newest().await?.timestamp_s;
                if now_s >= claims_until_s(ethereum, &open) {
                    return Ok(Some(too_late()));
                }
            }
        }
        let step = Step {
            action,
            name: &name,
            from: flight.from,
            call: flight.claim_call(ethereum, exit, claim),
            gas: None,
        };
        self.step(ethereum, &step).await.map(|_| None)
    }
}

/// Why a claim in the second half of the exit period is none.
fn too_late() -> String {
    "it comes too late, for claims are taken in the first half of the exit period; when this exit has ended, the payment can \
     leave again"
        .to_owned()
}

/// The first second of Ethereum's clock in which nothing can be claimed any more.
fn claims_until_s(ethereum: &Ethereum, open: &InFlightExit) -> u64 {
    open.begun_s.saturating_add(ethereum.parameters.exit_period_s / 2)
}

const START: &str = "start-flight";
