//! Users who pay without a pause and remember every promise: a payment counts when an operator says it is committed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use plasma_core::{
    Address, Amount, Domain, Height, Input, Kind, Payment, Position, SignedTransaction, Transaction,
};
use plasma_node::api::text::HashText;
use plasma_node::api::view::Submitted;
use tokio::task::JoinSet;

use super::PAYERS;
use crate::account::User;
use crate::api::Api;
use crate::failure::Failure;
use crate::testnet::Testnet;

/// What an operator said: this payment is committed at this height.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    pub(super) id: HashText,
    pub(super) height: u32,
    /// Which user it was given to.
    pub(super) lane: usize,
    /// When the user sent the payment first.
    pub(super) sent: Instant,
    /// How long the user waited for the promise.
    pub(super) took: Duration,
}

/// Users who pay; dropping it ends them.
#[derive(Debug)]
pub(super) struct Payers {
    told: Arc<Mutex<Vec<Promise>>>,
    /// What each user was told last instead of a promise.
    refused: Arc<Mutex<BTreeMap<usize, String>>>,
    lanes: JoinSet<Result<()>>,
}

impl Payers {
    /// The first users of the testnet pay themselves what they own, again and again, at the doors of these operators.
    pub(super) fn start(testnet: &Testnet, doors: &[usize]) -> Result<Self> {
        let (told, refused) = (Arc::default(), Arc::default());
        let doors: Vec<Api> = doors
            .iter()
            .map(|door| testnet.cluster.api(*door).cloned())
            .collect::<Result<_>>()?;
        let mut lanes = JoinSet::new();
        for lane in 0..testnet.users.len().min(usize::try_from(PAYERS)?) {
            let mut doors = doors.clone();
            // Each begins at another door.
            let first = lane % doors.len().max(1);
            doors.rotate_left(first);
            let user = User::at(u32::try_from(lane)?)?;
            let heard = (Arc::clone(&told), Arc::clone(&refused));
            lanes.spawn(pay_on((lane, user), testnet.domain(), doors, heard));
        }
        Ok(Self { told, refused, lanes })
    }

    /// What those users were told last that wait for a promise.
    pub(super) fn waiting(&self) -> String {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let words = refused.iter().map(|(lane, why)| format!("; user {lane}: {why}"));
        words.collect()
    }

    /// How many pay.
    pub(super) fn count(&self) -> usize {
        self.lanes.len()
    }

    /// All promises so far, in the order in which they were given.
    pub(super) fn told(&self) -> Vec<Promise> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// No user pays any more; what was promised stays.
    pub(super) async fn rest(&mut self) {
        self.lanes.shutdown().await;
    }

    /// No user gave up.
    pub(super) fn still_pay(&mut self) -> Result<()> {
        match self.lanes.try_join_next() {
            None => Ok(()),
            Some(ended) => ended
                .context("a user's task")?
                .and_then(|()| bail!("a user stopped paying")),
        }
    }
}

type Heard = (Arc<Mutex<Vec<Promise>>>, Arc<Mutex<BTreeMap<usize, String>>>);

async fn pay_on(
    (lane, user): (usize, User),
    domain: Domain,
    doors: Vec<Api>,
    (told, refused): Heard,
) -> Result<()> {
    let door = doors.first().context("a door")?;
    let outputs = door.outputs(user.address()).await?;
    let first = outputs.first().context("a user without a deposit")?;
    let (mut position, amount) = (first.output.0, first.amount.0);
    loop {
        let payment = user.sign(to_self(&user, position, amount), &domain);
        let sent = Instant::now();
        let answer = committed(&doors, &payment, |why| {
            let mut refused = refused.lock().unwrap_or_else(PoisonError::into_inner);
            refused.insert(lane, why);
        })
        .await?;
        refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&lane);
        let place = answer.block.context("a committed payment is in a block")?;
        position = answer
            .outputs
            .first()
            .and_then(|made| made.output)
            .context("a committed payment's output")?
            .0;
        told.lock().unwrap_or_else(PoisonError::into_inner).push(Promise {
            id: answer.id,
            height: place.height,
            lane,
            sent,
            took: sent.elapsed(),
        });
    }
}

/// Sends a payment to one door after the other until one of them says that it is committed; sending it again is harmless.
async fn committed(doors: &[Api], payment: &SignedTransaction, note: impl Fn(String)) -> Result<Submitted> {
    let begun = Instant::now();
    let mut last = None;
    for door in doors.iter().cycle() {
        match door.pay(payment).await {
            Ok(answer) => return Ok(answer),
            Err(error) => {
                note(format!("{error:#}"));
                last = Some(error);
            }
        }
        if begun.elapsed() > PAYMENT_PATIENCE {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    let words = last.map(|error| format!("{error:#}")).unwrap_or_default();
    bail!(Failure::TimedOut {
        what: "a payment to be committed".into(),
        waited: begun.elapsed(),
        last: words,
    })
}

fn to_self(user: &User, position: Position, amount: Amount) -> Transaction {
    Transaction {
        kind: Kind::Transfer,
        asset: Address::ZERO,
        expiry: Height(u32::MAX),
        inputs: vec![Input { position, amount }],
        outputs: vec![Payment {
            owner: user.address(),
            amount,
        }],
    }
}

/// Longer than any outage of a trial.
const PAYMENT_PATIENCE: Duration = Duration::from_secs(180);
/// Between two attempts at different doors.
const PAUSE: Duration = Duration::from_millis(200);
