//! Several operators as one door: they are asked in turn, and each only after it has shown that it is of our federation.
//!
//! One of them may lie, so an answer that does not convince, and a refusal, are not the last word: the next one is asked.
//! What all refuse is refused. Asking again is harmless: questions change nothing, and the same transaction sent twice is
//! one transaction.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use plasma_core::{Genesis, Hash};
use tokio::time::Instant;

use super::{Client, ClientError};
use crate::{
    api::{Problem, text::AddressText, view::NetworkView},
    hex,
};

/// The operators that a client knows, in the order in which it asks them.
#[derive(Debug)]
pub struct Operators {
    seats: Vec<Seat>,
    genesis: Hash,
    facts: Facts,
}

/// What every operator of the federation says alike.
#[derive(Debug)]
struct Facts {
    chain_id: u64,
    contract: AddressText,
}

#[derive(Debug)]
struct Seat {
    address: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// There once the operator has shown whose it is.
    client: Option<Client>,
    /// How often in a row it gave no answer.
    misses: u32,
    /// Not asked before, while others can be.
    rests_until: Option<Instant>,
    /// It is of another federation: never asked again.
    is_foreign: bool,
}

impl Operators {
    /// Nothing is asked yet. Addresses are HTTP bases, or multiaddresses that end in `/p2p/<peer id>`.
    ///
    /// # Errors
    /// [`ClientError::Address`] when there are none, or more than a committee has.
    pub fn new(genesis: &Genesis, addresses: &[String]) -> Result<Self, ClientError> {
        if addresses.is_empty() || addresses.len() > OPERATORS_MAX {
            return Err(ClientError::Address {
                address: addresses.join(" "),
                reason: format!(
                    "{} operators are named, 1 to {OPERATORS_MAX} can be",
                    addresses.len()
                ),
            });
        }
        let seat = |address: &String| Seat {
            address: address.clone(),
            state: Mutex::default(),
        };
        Ok(Self {
            seats: addresses.iter().map(seat).collect(),
            genesis: genesis.hash(),
            facts: Facts {
                chain_id: genesis.chain_id,
                contract: AddressText(genesis.contract),
            },
        })
    }

    /// Asks one operator after the other until one gives an answer that `question` takes.
    ///
    /// # Errors
    /// The first refusal, when one refused and none answered; else [`ClientError::Nobody`] with what became of each, or
    /// its only error when there is but one operator.
    pub async fn ask<T>(
        &self,
        question: impl AsyncFn(&Client) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut refusal: Option<Problem> = None;
        let mut failures = Vec::new();
        for seat in self.in_turn() {
            match self.ask_one(seat, QUESTION_MAX, &question).await {
                Ok(answer) => return Ok(answer),
                Err(ClientError::Problem(problem)) => {
                    refusal.get_or_insert(problem);
                }
                Err(error) => failures.push(error),
            }
        }
        match refusal {
            Some(problem) => Err(ClientError::Problem(problem)),
            None if failures.len() == 1 => Err(failures.swap_remove(0)),
            None => Err(ClientError::Nobody {
                reasons: failures.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// Asks all of them, also those that gave no answer before, so many at once; what became of each question, in no order.
    /// For what one operator alone must not decide.
    pub async fn ask_all<T>(
        &self,
        patience: Duration,
        question: impl AsyncFn(&Client) -> Result<T, ClientError>,
    ) -> Vec<Result<T, ClientError>> {
        let asked = self
            .seats
            .iter()
            .map(|seat| self.ask_one(seat, patience, &question));
        stream::iter(asked)
            .buffer_unordered(ASKED_AT_ONCE)
            .collect()
            .await
    }

    /// Asks one, and remembers whether it answered.
    async fn ask_one<T>(
        &self,
        seat: &Seat,
        patience: Duration,
        question: &impl AsyncFn(&Client) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let answered = match self.open(seat, patience).await {
            Ok(client) => tokio::time::timeout(patience, question(&client))
                .await
                .unwrap_or_else(|_| Err(seat.silent(patience))),
            Err(error) => Err(error),
        };
        match &answered {
            Ok(_) => seat.with(|state| state.misses = 0),
            Err(ClientError::Problem(_)) => {}
            Err(error) => seat.put_back(error),
        }
        answered
    }

    /// Those that can be asked, the rested ones first; all the others behind them, for somebody must be asked.
    fn in_turn(&self) -> Vec<&Seat> {
        let now = Instant::now();
        let rests = |seat: &&Seat| seat.with(|state| state.rests_until.is_some_and(|until| until > now));
        let (resting, ready): (Vec<&Seat>, Vec<&Seat>) = self.seats.iter().partition(rests);
        ready.into_iter().chain(resting).collect()
    }

    /// The operator of a seat, once it has shown whose it is.
    async fn open(&self, seat: &Seat, patience: Duration) -> Result<Client, ClientError> {
        let known = seat.with(|state| (state.client.clone(), state.is_foreign));
        match known {
            (Some(client), _) => return Ok(client),
            (None, true) => {
                return Err(ClientError::Foreign {
                    operator: seat.address.clone(),
                    reason: "it showed before that it is of another federation".into(),
                });
            }
            (None, false) => {}
        }
        let introduced = async {
            let client = if seat.address.starts_with('/') {
                Client::libp2p(&seat.address, &self.genesis8()).await?
            } else {
                Client::http(&seat.address)?
            };
            let network = client.network().await?;
            self.identify(&client, &network)?;
            Ok(client)
        };
        let client = tokio::time::timeout(patience, introduced)
            .await
            .unwrap_or_else(|_| Err(seat.silent(patience)))?;
        seat.with(|state| state.client = Some(client.clone()));
        Ok(client)
    }

    fn identify(&self, client: &Client, network: &NetworkView) -> Result<(), ClientError> {
        let facts = [
            (
                "genesis_hash",
                self.genesis.to_string(),
                network.genesis_hash.to_string(),
            ),
            (
                "l1_chain_id",
                self.facts.chain_id.to_string(),
                network.l1_chain_id.to_string(),
            ),
            (
                "contract",
                self.facts.contract.to_string(),
                network.contract.to_string(),
            ),
        ];
        for (field, expected, found) in facts {
            if expected != found {
                return Err(ClientError::OtherFederation {
                    operator: client.operator().to_owned(),
                    field,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }

    /// The digits of the genesis hash that stand in the names of libp2p protocols.
    fn genesis8(&self) -> String {
        let [a, b, c, d, ..] = self.genesis.0;
        hex::encode(&[a, b, c, d]).trim_start_matches("0x").to_owned()
    }
}

impl Seat {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // The lock is held for a few instructions, none of which can panic.
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks others first for a while, longer each time.
    fn put_back(&self, error: &ClientError) {
        self.with(|state| {
            state.is_foreign |= matches!(error, ClientError::OtherFederation { .. });
            let rest = REST_MIN.saturating_mul(1 << state.misses.min(DOUBLINGS_MAX));
            state.rests_until = Some(Instant::now() + rest.min(REST_MAX));
            state.misses = state.misses.saturating_add(1);
        });
    }

    fn silent(&self, patience: Duration) -> ClientError {
        ClientError::Unreachable {
            operator: self.address.clone(),
            reason: format!("no answer within {} s", patience.as_secs()),
        }
    }
}

/// As many as a committee can have: the federation file names them all.
const OPERATORS_MAX: usize = 100;

/// Four committees of four: whoever is asked beyond them waits for a moment.
const ASKED_AT_ONCE: usize = 16;

/// The longest wait of a submission with a slow network; whoever asks for less has its own deadline below.
const QUESTION_MAX: Duration = Duration::from_secs(90);

/// An operator that is restarted is back in a second or two.
const REST_MIN: Duration = Duration::from_secs(1);

/// One that is away for longer is still asked once a minute: the others may go too.
const REST_MAX: Duration = Duration::from_secs(60);

/// 2⁶ seconds are above [`REST_MAX`].
const DOUBLINGS_MAX: u32 = 6;
