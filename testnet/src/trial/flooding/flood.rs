//! The flood: valid payments as fast as the doors answer, and rubbish by both doors for as long. Bounded in number and in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use plasma_core::{Height, SignedTransaction};
use plasma_node::api::Wait;
use plasma_node::api::view::{Batch, BatchItem};
use plasma_node::client::{Client, ClientError};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::api::Api;
use crate::deadline::{Look, until};
use crate::load::drive::{Driven, Outcome};

/// An operator that is flooded, by both of its doors.
#[derive(Clone, Debug)]
pub(super) struct Target {
    api: Api,
    p2p: String,
    chain: String,
}

/// What was poured.
#[derive(Debug)]
pub(super) struct Flood {
    pub(super) driven: Driven,
    http: Arc<Thrown>,
    libp2p: Arc<Thrown>,
}

/// What was poured, in numbers.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Counted {
    pub(super) payments_sent: usize,
    pub(super) payments_accepted: usize,
    /// Told that the operator has no room now; the flood does not come again.
    pub(super) payments_refused: usize,
    pub(super) http_rubbish: u64,
    pub(super) libp2p_rubbish: u64,
    /// Of both: no answer came in time, or none at all.
    pub(super) rubbish_unanswered: u64,
}

/// Rubbish that went through one door.
#[derive(Debug, Default)]
struct Thrown {
    sent: AtomicU64,
    taken: AtomicU64,
    unanswered: AtomicU64,
}

impl Target {
    pub(super) fn new(api: &Api, p2p: &str, chain: &str) -> Self {
        Self {
            api: api.clone(),
            p2p: p2p.to_owned(),
            chain: chain.to_owned(),
        }
    }
}

impl Flood {
    pub(super) fn accepted(&self) -> usize {
        self.driven
            .answers
            .iter()
            .filter(|answer| answer.accepted)
            .count()
    }

    /// Payments that nobody signed and that an operator took all the same.
    pub(super) fn rubbish_taken(&self) -> u64 {
        read(&self.http.taken) + read(&self.libp2p.taken)
    }

    pub(super) fn counted(&self) -> Counted {
        let (sent, accepted) = (self.driven.answers.len(), self.accepted());
        Counted {
            payments_sent: sent,
            payments_accepted: accepted,
            payments_refused: sent - accepted,
            http_rubbish: read(&self.http.sent),
            libp2p_rubbish: read(&self.libp2p.sent),
            rubbish_unanswered: read(&self.http.unanswered) + read(&self.libp2p.unanswered),
        }
    }
}

impl Thrown {
    fn note(&self, taken: u64, is_answered: bool) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.taken.fetch_add(taken, Ordering::Relaxed);
        self.unanswered
            .fetch_add(u64::from(!is_answered), Ordering::Relaxed);
    }
}

/// Pours until every payment was sent or the time is over, and then until what was accepted is decided.
pub(super) async fn pour(
    targets: Vec<Target>,
    payments: Vec<SignedTransaction>,
    time: Duration,
) -> Result<Flood> {
    let sample = payments.first().context("a flood without payments")?.clone();
    let (http, libp2p) = (Arc::<Thrown>::default(), Arc::<Thrown>::default());
    let mut rubbish = JoinSet::new();
    for (target, lane) in targets
        .iter()
        .flat_map(|target| (0..HTTP_LANES).map(move |lane| (target, lane)))
    {
        let forger = Forger::new(&sample, lane);
        rubbish.spawn(throw_http(target.api.clone(), forger, Arc::clone(&http)));
    }
    for (target, lane) in targets
        .iter()
        .flat_map(|target| (0..CLIENTS).map(move |lane| (target, lane)))
    {
        let forger = Forger::new(&sample, HTTP_LANES + lane);
        rubbish.spawn(throw_libp2p(target.clone(), forger, Arc::clone(&libp2p)));
    }
    let driven = send(&targets, payments, time).await?;
    drained(&targets).await?;
    // A small flood is over before a client has connected.
    until("rubbish by both doors", DRAIN_PATIENCE, || async {
        let (http, libp2p) = (read(&http.sent), read(&libp2p.sent));
        Ok(if http > 0 && libp2p > 0 {
            Look::Seen(())
        } else {
            Look::NotYet(format!("{http} by HTTP, {libp2p} by libp2p"))
        })
    })
    .await?;
    rubbish.shutdown().await;
    Ok(Flood { driven, http, libp2p })
}

/// Some requests under way at each target, the next one as soon as one is answered.
async fn send(targets: &[Target], payments: Vec<SignedTransaction>, time: Duration) -> Result<Driven> {
    let started = Instant::now();
    let mut lanes = JoinSet::new();
    let mut shares: Vec<Vec<SignedTransaction>> = vec![Vec::new(); targets.len() * PAYING_LANES];
    let places = shares.len();
    for (number, payment) in payments.into_iter().enumerate() {
        if let Some(share) = shares.get_mut(number % places) {
            share.push(payment);
        }
    }
    for (target, share) in targets.iter().cycle().zip(shares) {
        let api = target.api.clone();
        lanes.spawn(async move {
            let mut answers = Vec::new();
            for batch in share.chunks(BATCH) {
                if started.elapsed() > time {
                    break;
                }
                answers.extend(submit(&api, batch, started).await);
            }
            answers
        });
    }
    Ok(Driven {
        answers: lanes.join_all().await.into_iter().flatten().collect(),
        refusals: Vec::new(),
        ran_dry: false,
    })
}

/// What an overloaded operator refuses, or leaves without an answer, was not accepted: nothing was promised for it.
async fn submit(api: &Api, batch: &[SignedTransaction], started: Instant) -> Vec<Outcome> {
    let bytes = batch.iter().flat_map(SignedTransaction::encode).collect();
    let sent = started.elapsed();
    let answer = api
        .bytes("/v1/transactions:batch?wait=accepted&timeout=30s", bytes)
        .await;
    let answered: Option<Batch> = answer.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut items = answered.map_or_else(Vec::new, |batch| batch.items).into_iter();
    let outcome = |payment: &SignedTransaction| Outcome {
        id: payment.id().0,
        sent,
        committed: None,
        accepted: matches!(items.next(), Some(BatchItem::Submitted(one)) if one.state.is_some()),
    };
    batch.iter().map(outcome).collect()
}

/// Waits until the flood is decided: what waits then is the users' own.
async fn drained(targets: &[Target]) -> Result<()> {
    for target in targets {
        until("the flood to be decided", DRAIN_PATIENCE, || async {
            Ok(match target.api.status().await {
                Ok(status) if status.mempool <= WAITING_IN_CALM => Look::Seen(()),
                Ok(status) => Look::NotYet(format!("{} payments wait", status.mempool)),
                Err(error) => Look::NotYet(format!("{error:#}")),
            })
        })
        .await?;
    }
    Ok(())
}

/// Makes payments that nobody signed, each another one, so that each costs the operator a look at its signature.
struct Forger {
    sample: SignedTransaction,
    lane: u32,
    made: u32,
}

impl Forger {
    fn new(sample: &SignedTransaction, lane: u32) -> Self {
        Self {
            sample: sample.clone(),
            lane,
            made: 0,
        }
    }

    fn payment(&mut self) -> SignedTransaction {
        self.made += 1;
        let mut forged = self.sample.clone();
        // Of its own id: whatever is said of it is said of nothing else.
        let number = self.lane * RUBBISH_MAX * FORGED + self.made;
        forged.transaction.expiry = Height(u32::MAX - 1 - number);
        forged
    }

    fn noise(&mut self, length: usize) -> Vec<u8> {
        self.made += 1;
        let [a, b, c, d] = (self.lane ^ self.made.wrapping_mul(0x9e37_79b9)).to_be_bytes();
        [a, b, c, d].into_iter().cycle().take(length).collect()
    }
}

/// Noise, batches of forged payments, and now and then a body as long as a door takes.
async fn throw_http(api: Api, mut forger: Forger, thrown: Arc<Thrown>) {
    for number in 0..RUBBISH_MAX {
        let (path, bytes) = match number % 8 {
            0 => ("/v1/transactions", forger.noise(BODY)),
            odd if odd % 2 == 1 => ("/v1/transactions", forger.noise(SHORT)),
            _ => {
                let forged = (0..FORGED).flat_map(|_| forger.payment().encode()).collect();
                ("/v1/transactions:batch?wait=accepted", forged)
            }
        };
        match api.post(path, bytes).await {
            Ok(answer) => {
                let taken = answer.body.get("accepted").and_then(serde_json::Value::as_u64);
                let is_taken = answer.status < FIRST_REFUSAL && taken.is_none();
                thrown.note(taken.unwrap_or(u64::from(is_taken)), true);
            }
            Err(_) => thrown.note(0, false),
        }
    }
}

/// A client over libp2p that asks as much as it is let: noise, forged payments, and questions.
async fn throw_libp2p(target: Target, mut forger: Forger, thrown: Arc<Thrown>) {
    let mut client = None;
    for number in 0..RUBBISH_MAX {
        let Some(known) = &client else {
            match Client::libp2p(&target.p2p, &target.chain).await {
                Ok(connected) => client = Some(connected),
                Err(_) => {
                    thrown.note(0, false);
                    tokio::time::sleep(RECONNECT).await;
                }
            }
            continue;
        };
        let mut asks = JoinSet::new();
        for ask in 0..IN_FLIGHT {
            let bytes = match (number + ask) % 3 {
                0 => Some(forger.noise(SHORT)),
                1 => Some(forger.payment().encode()),
                _ => None,
            };
            let known = known.clone();
            asks.spawn(async move {
                match bytes {
                    None => known.status().await.map(|_| 0),
                    Some(bytes) => {
                        let asked = known.submit_bytes(&bytes, Wait::Accepted, ANSWER).await;
                        asked.map(|told| u64::from(told.state.is_some()))
                    }
                }
            });
        }
        for answer in asks.join_all().await {
            match answer {
                Ok(taken) => thrown.note(taken, true),
                Err(ClientError::Problem(_)) => thrown.note(0, true),
                Err(_) => thrown.note(0, false),
            }
        }
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Requests with payments under way at each target.
const PAYING_LANES: usize = 8;
/// Payments in one of them.
const BATCH: usize = 100;
/// Tasks that throw rubbish at each target over HTTP, and clients that do over libp2p.
const HTTP_LANES: u32 = 4;
const CLIENTS: u32 = 4;
/// Questions that a client has under way: half of what an operator lets it have.
const IN_FLIGHT: u32 = 16;
/// Rounds of one such task at most.
const RUBBISH_MAX: u32 = 4_000;
/// Forged payments in a batch.
const FORGED: u32 = 50;
/// Bytes of a short request that means nothing, and of the longest that a door takes.
const SHORT: usize = 300;
const BODY: usize = 1 << 20;
/// From here on a status says no.
const FIRST_REFUSAL: u16 = 400;
/// What users and strangers may have waiting when the flood is over: a payment of each user, and one on its way.
const WAITING_IN_CALM: usize = 16;
/// A flood of the largest size on a machine that does other things too.
const DRAIN_PATIENCE: Duration = Duration::from_secs(600);
/// What a client waits for an answer.
const ANSWER: Duration = Duration::from_secs(2);
/// After a refused connection.
const RECONNECT: Duration = Duration::from_millis(200);
