//! Sending: at a steady rate, or as fast as answers come back.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use plasma_core::{Hash, SignedTransaction};
use plasma_node::api::text::HashText;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::api::Api;
use crate::testnet::Testnet;

/// How payments are sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// So many a second, whatever comes back.
    Steady(u32),
    /// The next ones when the last ones are committed, on many lanes at once.
    Flood,
}

/// What became of one payment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Its id.
    pub(crate) id: Hash,
    /// Since the clock started.
    pub(crate) sent: Duration,
    /// When the client was told that it is committed; `None` when it was told something else.
    pub(crate) committed: Option<Duration>,
    /// Whether the operator took it at all.
    pub(crate) accepted: bool,
}

/// Everything that was sent.
#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) answers: Vec<Outcome>,
    /// The first refusals, in words.
    pub(crate) refusals: Vec<String>,
    /// Whether every prepared payment was sent before the time was over: the federation could have taken more.
    pub(crate) ran_dry: bool,
}

/// The few fields of an answer that we look at.
#[derive(Deserialize)]
struct Answered {
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Item {
    Submitted { block: Option<Place> },
    Problem { detail: String },
}

#[derive(Deserialize)]
struct Place {
    #[serde(rename = "height")]
    _height: u32,
}

type Queue = Arc<Mutex<VecDeque<SignedTransaction>>>;

/// Sends for `time` and waits for the last answers.
pub(super) async fn drive(
    testnet: &Testnet,
    payments: Vec<SignedTransaction>,
    pace: Pace,
    time: Duration,
) -> Result<Driven> {
    let queue: Queue = Arc::new(Mutex::new(payments.into()));
    let apis: Vec<Api> = testnet.cluster.apis().cloned().collect();
    let started = Instant::now();
    let batches = match pace {
        Pace::Steady(tps) => steadily(&apis, &queue, tps, started, time).await?,
        Pace::Flood => in_lanes(&apis, &queue, started, time).await?,
    };
    let ran_dry = queue.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
    let mut driven = Driven {
        answers: Vec::new(),
        refusals: Vec::new(),
        ran_dry: ran_dry && matches!(pace, Pace::Flood),
    };
    for (answers, refusals) in batches {
        driven.answers.extend(answers);
        driven.refusals.extend(
            refusals
                .into_iter()
                .take(REFUSALS_MAX - driven.refusals.len().min(REFUSALS_MAX)),
        );
    }
    Ok(driven)
}

type Batched = (Vec<Outcome>, Vec<String>);

/// What is due goes out at every tick, to each operator in turn, without waiting for answers.
async fn steadily(
    apis: &[Api],
    queue: &Queue,
    tps: u32,
    started: Instant,
    time: Duration,
) -> Result<Vec<Batched>> {
    let mut flying = JoinSet::new();
    let mut sent = 0;
    let mut turns = apis.iter().cycle();
    while started.elapsed() < time {
        let due = u128::from(tps) * started.elapsed().as_micros() / 1_000_000;
        let batch = take(
            queue,
            usize::try_from(due)?.saturating_sub(sent).min(STEADY_BATCH_MAX),
        );
        sent += batch.len();
        if let (Some(api), false) = (turns.next(), batch.is_empty()) {
            flying.spawn(submit(api.clone(), batch, started));
        }
        tokio::time::sleep(TICK).await;
    }
    flying.join_all().await.into_iter().collect()
}

async fn in_lanes(apis: &[Api], queue: &Queue, started: Instant, time: Duration) -> Result<Vec<Batched>> {
    let mut lanes = JoinSet::new();
    for api in apis
        .iter()
        .flat_map(|api| std::iter::repeat_n(api.clone(), LANES))
    {
        let queue = Arc::clone(queue);
        lanes.spawn(async move {
            let mut answers = Vec::new();
            while started.elapsed() < time {
                let batch = take(&queue, FLOOD_BATCH);
                if batch.is_empty() {
                    break;
                }
                answers.push(submit(api.clone(), batch, started).await?);
            }
            Ok(answers)
        });
    }
    let answered: Result<Vec<Vec<Batched>>> = lanes.join_all().await.into_iter().collect();
    Ok(answered?.into_iter().flatten().collect())
}

fn take(queue: &Queue, count: usize) -> Vec<SignedTransaction> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let count = count.min(queue.len());
    queue.drain(..count).collect()
}

async fn submit(api: Api, batch: Vec<SignedTransaction>, started: Instant) -> Result<Batched> {
    let bytes = batch.iter().flat_map(SignedTransaction::encode).collect();
    let sent = started.elapsed();
    let answer = api
        .bytes("/v1/transactions:batch?wait=committed&timeout=30s", bytes)
        .await?;
    let told = started.elapsed();
    let answered: Answered = serde_json::from_slice(&answer).context("the answer to a batch")?;
    let mut refusals = Vec::new();
    let outcomes = batch.iter().zip(answered.items).map(|(payment, item)| {
        let (committed, accepted) = match item {
            Item::Submitted { block } => (block.map(|_| told), true),
            Item::Problem { detail } => {
                refusals.push(detail);
                (None, false)
            }
        };
        Outcome {
            id: payment.id().0,
            sent,
            committed,
            accepted,
        }
    });
    let outcomes = outcomes.collect();
    Ok((outcomes, refusals))
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steady(tps) => write!(f, "{tps} payments a second"),
            Self::Flood => f.write_str("as many payments as are taken"),
        }
    }
}

/// Names an id as the API does.
pub(super) fn text(id: &Hash) -> String {
    HashText(*id).to_string()
}

/// Between two departures at a steady rate.
const TICK: Duration = Duration::from_millis(10);
/// A tick that came late sends what was missed, but not as one burst.
const STEADY_BATCH_MAX: usize = 500;
/// Payments in one request of a flood.
const FLOOD_BATCH: usize = 100;
/// Requests under way at each operator in a flood.
const LANES: usize = 5;
/// Refusals shown.
const REFUSALS_MAX: usize = 3;
