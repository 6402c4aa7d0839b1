//! Duties as transactions: each looks at what Ethereum holds now, builds its proof out of storage, and sends what is missing.
//!
//! Done by another is done. What cannot be shown yet is left, and the guardian asks again.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use plasma_consensus::{Evidence as Twice, Statement as Said, Vote};
use plasma_core::{Bitmap, DepositNumber, ExitId, Params, SignedTransaction, Spender};
use tokio::sync::{Semaphore, mpsc};
use tracing::{info, warn};

use super::{Docket, Left, is_news};
use crate::{
    answers::{Answer, Archive, UNLIMITED},
    api::AnchorBook,
    bridge::{
        Anchor, L1, L1Error,
        account::Call,
        contracts::{Contracts, Latest},
        ethereum::Ethereum,
        evidence::{Contradiction, Pending, Statement, Words},
    },
    operator::{
        effect::Effect,
        event::Event,
        matters::{Matter, Notice},
    },
    runtime::prosecution::prove,
    storage::{Read, StorageError},
};

/// Challenges and answers under way at once: each holds one place in the sender's queue.
const CHALLENGES_MAX: usize = 32;

/// What every duty works with.
#[derive(Clone)]
pub(super) struct Desk<R> {
    pub(super) ethereum: Arc<Ethereum>,
    pub(super) anchors: AnchorBook,
    pub(super) docket: Docket,
    pub(super) reader: R,
    pub(super) rules: Params,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) left: Left,
    /// Matters whose answer is under way: one that is asked again meanwhile must not be sent twice.
    pub(super) busy: Arc<Mutex<BTreeSet<Matter>>>,
}

/// Why a duty was not done.
#[derive(Debug, thiserror::Error)]
enum Undone {
    #[error(transparent)]
    L1(#[from] L1Error),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("{0}")]
    NotYet(&'static str),
}

impl<R: Read + Clone + Send + Sync + 'static> Desk<R> {
    /// Performs duties, one anchor and one fraud proof at a time and a bounded number of others.
    pub(super) async fn serve(self, mut duties: mpsc::Receiver<Effect>) {
        let [anchors, cases, others] = [1, 1, CHALLENGES_MAX].map(|places| Arc::new(Semaphore::new(places)));
        while let Some(duty) = duties.recv().await {
            let places = match &duty {
                Effect::Anchor { .. } => &anchors,
                Effect::ProveFraud(_) => &cases,
                _ => &others,
            };
            // No place: the same duty is under way, or too many are; the guardian asks again.
            let Ok(place) = Arc::clone(places).try_acquire_owned() else {
                continue;
            };
            let desk = self.clone();
            tokio::spawn(async move {
                desk.perform(duty).await;
                drop(place);
            });
        }
    }

    async fn perform(&self, duty: Effect) {
        match duty {
            Effect::Anchor { header, certificate } => {
                let height = header.height.0;
                match self.ethereum.anchor(&Anchor { header, certificate }).await {
                    Ok(()) => info!(height, "anchor duty done"),
                    Err(error) => warn!(height, %error, "anchor duty failed"),
                }
            }
            Effect::Challenge { exit, spender } => self.challenge(exit, spender).await,
            Effect::ProveFraud(case) => {
                let books = (self.anchors.clone(), self.reader.clone());
                prove(&self.ethereum, case, books, self.rules.clone()).await;
            }
            Effect::Answer(matter) => {
                if !self.busy(|busy| busy.insert(matter)) {
                    return;
                }
                match self.answer(matter).await {
                    Ok(()) => {}
                    // Somebody was faster, or it is too late; the next look tells.
                    Err(Undone::L1(refused @ (L1Error::Reverted { .. } | L1Error::MinedReverted { .. }))) => {
                        info!(?matter, %refused, "Ethereum takes no answer of ours");
                    }
                    Err(undone) => warn!(?matter, %undone, "a claim has no answer of ours yet"),
                }
                self.busy(|busy| busy.remove(&matter));
            }
            Effect::Convict(evidence) => {
                let offender = evidence.offender();
                match self.convict(&evidence).await {
                    Ok(()) => info!(?offender, "an operator that contradicted itself is convicted"),
                    Err(error) => warn!(?offender, %error, "a contradiction is not proven yet"),
                }
            }
            _ => {}
        }
    }

    async fn challenge(&self, exit: ExitId, spender: Spender) {
        match self.look_up(move |archive| archive.spend(exit, spender)).await {
            Ok(Some(proof)) => match self.ethereum.challenge(&proof).await {
                Ok(()) => info!(?exit, "challenge duty done"),
                Err(error) => warn!(?exit, %error, "challenge duty failed"),
            },
            Ok(None) => warn!(
                ?exit,
                "the spending transaction of a dishonest exit cannot be shown yet"
            ),
            Err(Undone::Storage(StorageError::Pruned { height, .. })) => {
                // The next on duty shows the spend when nobody did.
                if is_news(&self.left, exit) {
                    warn!(
                        ?exit,
                        height = height.0,
                        "the spending block is pruned here; others challenge"
                    );
                }
            }
            Err(undone) => warn!(?exit, %undone, "a dishonest exit is not challenged yet"),
        }
    }

    async fn answer(&self, matter: Matter) -> Result<(), Undone> {
        match matter {
            Matter::Reclaim(number) => self.answer_reclaim(number).await,
            Matter::InFlight(exit) => self.answer_in_flight(exit).await,
            Matter::Challenge(exit) => self.answer_challenge(exit).await,
            Matter::Silence => self.announce_end().await,
        }
    }

    /// A deposit that was funded does not go back.
    async fn answer_reclaim(&self, number: DepositNumber) -> Result<(), Undone> {
        let (contracts, rpc) = (self.ethereum.contracts(), self.ethereum.rpc());
        if contracts.reclaim_due_s(rpc, number).await?.is_none() {
            self.tell(Notice::Over(Matter::Reclaim(number))).await;
            return Ok(());
        }
        let fund = self.look_up(move |archive| archive.fund(number)).await?;
        let fund = fund.ok_or(Undone::NotYet("no anchor covers the fund transaction yet"))?;
        self.send(contracts.challenge_reclaim_call(number, &fund)).await
    }

    /// Everything that Ethereum does not know yet about an in-flight exit.
    async fn answer_in_flight(&self, exit: ExitId) -> Result<(), Undone> {
        let (contracts, rpc) = (self.ethereum.contracts(), self.ethereum.rpc());
        let Some(open) = contracts.in_flight_exit(rpc, &exit).await? else {
            let is_open = self.reader.exit(&exit)?.is_some();
            let matter = Matter::InFlight(exit);
            let notice = if is_open {
                Notice::Settled(matter)
            } else {
                Notice::Over(matter)
            };
            self.tell(notice).await;
            return Ok(());
        };
        let bytes = self.docket.payment(&exit);
        let bytes = bytes.ok_or(Undone::NotYet("the log of its start was not read yet"))?;
        let payment = SignedTransaction::decode(&bytes)
            .ok()
            .and_then(|signed| signed.authenticate(&self.rules.domain).ok());
        let Some(payment) = payment else {
            return Err(Undone::NotYet("Ethereum took bytes that are no transaction here"));
        };
        let claims = contracts.claims(rpc, &exit, &open).await?;
        let parameters = contracts.parameters(rpc).await?;
        let now_s = rpc.newest().await?.timestamp_s;
        let is_first_half = now_s < open.begun_s.saturating_add(parameters.exit_period_s / 2);
        let (pending, found) = self
            .look_up(move |archive| {
                let found = archive.in_flight(&payment, &open, &claims, is_first_half)?;
                Ok((archive.pending(&payment)?, found))
            })
            .await?;
        if found.is_empty() {
            return Ok(());
        }
        let pending = pending.ok_or(Undone::NotYet("the ledger does not know its inputs"))?;
        let mut failed = None;
        for answer in &found {
            // Each stands alone: one that came too late must not keep back the others.
            let call = answer_call(self.ethereum.contracts(), &exit, &pending, answer)?;
            if let Err(undone) = self.send(call).await {
                failed = Some(undone);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// A challenge of a standard exit that tells another block than ours falls.
    async fn answer_challenge(&self, exit: ExitId) -> Result<(), Undone> {
        let Some(told) = self.docket.challenge(&exit) else {
            self.tell(Notice::Over(Matter::Challenge(exit))).await;
            return Ok(());
        };
        let truth = self.look_up(move |archive| archive.rebuttal(&[told])).await?;
        let Some(truth) = truth else { return Ok(()) };
        let contracts = self.ethereum.contracts();
        self.send(contracts.rebut_challenge_call(&exit, &truth)).await
    }

    /// The federation is over: says so, and after the grace halts it.
    async fn announce_end(&self) -> Result<(), Undone> {
        let (contracts, rpc) = (self.ethereum.contracts(), self.ethereum.rpc());
        let latest = contracts.latest(rpc).await?;
        if latest.last_valid < UNLIMITED {
            self.tell(Notice::Over(Matter::Silence)).await;
            return Ok(());
        }
        let (number, halt_from_s) = contracts.silence_notice(rpc).await?;
        if halt_from_s == 0 || number != latest.number {
            return self.send(contracts.announce_silence_call()).await;
        }
        if rpc.newest().await?.timestamp_s <= halt_from_s {
            return Err(Undone::NotYet("the grace is not over"));
        }
        self.send(contracts.halt_if_silent_call()).await
    }

    /// Convicts an operator, unless somebody did.
    async fn convict(&self, evidence: &Twice) -> Result<(), Undone> {
        let (contracts, rpc) = (self.ethereum.contracts(), self.ethereum.rpc());
        let proof = contradiction(evidence);
        let (_, convicted) = contracts.bonds(rpc, proof.epoch).await?;
        if !convicted.contains(evidence.offender()) {
            self.send(contracts.contradiction_call(&proof)?).await?;
        }
        Ok(())
    }

    async fn send(&self, call: Call) -> Result<(), Undone> {
        let label = call.label.clone();
        self.ethereum.send(call).await?;
        info!(call = label, "answered a claim on Ethereum");
        Ok(())
    }

    /// Asks storage on a thread that may wait for the disk.
    async fn look_up<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Archive<'_, R>) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, Undone> {
        let Latest {
            height, last_valid, ..
        } = self.ethereum.contracts().latest(self.ethereum.rpc()).await?;
        let (anchors, reader) = (self.anchors.clone(), self.reader.clone());
        let answered = tokio::task::spawn_blocking(move || {
            // One moment for the whole answer, so that its parts agree.
            let reader = reader.pinned()?;
            question(&Archive {
                reader: &reader,
                anchors: &anchors,
                anchored: height,
                last_valid,
            })
        });
        match answered.await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Undone::NotYet("the answer broke off")),
        }
    }

    /// Nobody listens only when the operator ends.
    async fn tell(&self, notice: Notice) {
        let _ = self.events.send(Event::Noticed(notice)).await;
    }

    fn busy<T>(&self, change: impl FnOnce(&mut BTreeSet<Matter>) -> T) -> T {
        change(&mut self.busy.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An answer about an in-flight exit as a call.
///
/// # Errors
/// [`L1Error::Key`] when the signature of a certificate is no point of the curve.
pub fn answer_call(
    contracts: &Contracts,
    exit: &ExitId,
    pending: &Pending,
    answer: &Answer,
) -> Result<Call, L1Error> {
    // Nothing of ours is provisional, so nothing costs a bond.
    let bond = plasma_core::Amount::ZERO;
    match answer {
        Answer::Competitor {
            input,
            competitor,
            competing,
        } => contracts.challenge_not_canonical_call(exit, pending, *input, (competitor, *competing), bond),
        Answer::Included(payment) => contracts.respond_not_canonical_call(exit, pending, payment, bond),
        Answer::InputSpent {
            input,
            spending,
            spending_input,
        } => contracts.challenge_input_spent_call(exit, pending, *input, (spending, *spending_input), bond),
        Answer::OutputSpent {
            output,
            payment,
            spending,
            spending_input,
        } => contracts.challenge_output_spent_call(
            exit,
            pending,
            (payment, *output),
            (spending, *spending_input),
            bond,
        ),
        Answer::Inputs { payment, inputs } => Ok(contracts.show_inputs_call(payment, inputs)),
        Answer::Rebuttal { slot, truth } => Ok(contracts.rebut_call(exit, *slot, truth)),
    }
}

/// Both votes as the contract takes statements.
#[must_use]
pub fn contradiction(evidence: &Twice) -> Contradiction {
    let (one, other) = evidence.votes();
    Contradiction {
        epoch: one.epoch,
        view: evidence.view(),
        one: statement(one),
        other: statement(other),
    }
}

fn statement(vote: &Vote) -> Statement {
    let words = match vote.statement {
        Said::Notarize(container) => Words::Notarize {
            parent: container.parent,
            block: container.block,
        },
        Said::Nullify { .. } => Words::Nullify,
        Said::Finalize { block, .. } => Words::Finalize { block },
    };
    Statement {
        words,
        signers: Bitmap::from_iter([vote.signer]),
        signature: vote.signature,
    }
}
