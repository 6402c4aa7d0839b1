//! What is on its way to Ethereum: exits, payments that leave in flight, and deposits that are asked back, each with when
//! it is due.

use plasma_core::{Address, DepositNumber, Position};

use super::{
    Purse, WalletError,
    book::{Action, Intent},
    exit::{Going, Leaving, leaving},
    purse::{Ethereum, Person},
};
use crate::bridge::evidence::output_key;

/// What is known of an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The exit.
    pub leaving: Leaving,
    /// Whether it is open on Ethereum; `None` when Ethereum was not asked.
    pub is_open: Option<bool>,
    /// Once it ended, whether its output was paid, be it by this exit or another; `None` where nobody knows.
    pub paid: Option<bool>,
}

/// What is known of a reclaim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchedReclaim {
    /// The vault's number of the deposit.
    pub number: DepositNumber,
    /// Whether it is open on Ethereum; `None` when Ethereum was not asked.
    pub is_open: Option<bool>,
    /// From this second of Ethereum's clock on it can be paid, while it is open.
    pub due_s: Option<u64>,
}

/// All that an account has on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Exits, in the order in which they were started.
    pub exits: Vec<Watched>,
    /// Reclaims, in the same order.
    pub reclaims: Vec<WatchedReclaim>,
    /// Ethereum's clock, where it was asked.
    pub now_s: Option<u64>,
}

impl<P: Person> Purse<P> {
    /// What this wallet started, and whether it is open.
    ///
    /// # Errors
    /// [`WalletError::L1`].
    pub async fn watch(&mut self, owner: Address) -> Result<Watch, WalletError> {
        self.look_again().await?;
        let ethereum = self.ways.ethereum.as_ref();
        let mut watch = Watch::default();
        if let Some(ethereum) = ethereum {
            watch.now_s = Some(ethereum.rpc.newest().await?.timestamp_s);
        }
        let actions = self.book().actions();
        let leaving = actions.flat_map(|(number, action)| leavings(number, action, owner));
        for leaving in leaving {
            // Claims that were made later stand in an action of their own.
            if watch.exits.iter().any(|known| known.leaving.exit == leaving.exit) {
                continue;
            }
            let watched = self.look(leaving).await?;
            watch.exits.push(watched);
        }
        for number in self.reclaims(owner) {
            let due_s = match ethereum {
                Some(ethereum) => self.reclaim_due_s(ethereum, number).await?,
                None => None,
            };
            watch.reclaims.push(WatchedReclaim {
                number,
                is_open: ethereum.map(|_| due_s.is_some()),
                due_s,
            });
        }
        Ok(watch)
    }

    /// How an exit stands on Ethereum.
    ///
    /// # Errors
    /// [`WalletError::L1`].
    pub async fn look(&self, leaving: Leaving) -> Result<Watched, WalletError> {
        let mut watched = Watched {
            leaving,
            is_open: None,
            paid: None,
        };
        let Some(ethereum) = &self.ways.ethereum else {
            return Ok(watched);
        };
        let is_open = is_open(ethereum, &leaving).await?;
        watched.is_open = Some(is_open);
        if let (false, Going::Output(output)) = (is_open, leaving.what) {
            watched.paid = self.is_paid_out(ethereum, output).await?;
        }
        Ok(watched)
    }

    /// Whether Ethereum paid an output, whoever had it paid; `None` where no receipt tells its transaction.
    pub(super) async fn is_paid_out(
        &self,
        ethereum: &Ethereum,
        output: Position,
    ) -> Result<Option<bool>, WalletError> {
        let Some(receipt) = self.receipts.output(output).unwrap_or_default() else {
            return Ok(None);
        };
        let key = output_key(receipt.transaction.id(), output.output);
        let (contracts, rpc) = (&ethereum.contracts, &ethereum.rpc);
        Ok(Some(contracts.is_consumed(rpc, key).await?))
    }

    /// Deposits that were asked back, each once.
    fn reclaims(&self, owner: Address) -> Vec<DepositNumber> {
        let mut numbers = Vec::new();
        for (_, action) in self.book().actions() {
            if let Intent::Reclaim { from, number } = &action.intent
                && from.0 == owner
                && action
                    .calls
                    .iter()
                    .any(|call| call.mined.is_some_and(|(_, did)| did))
                && !numbers.contains(&DepositNumber(*number))
            {
                numbers.push(DepositNumber(*number));
            }
        }
        numbers
    }
}

/// What an action of an account takes out.
fn leavings(number: usize, action: &Action, owner: Address) -> Vec<Leaving> {
    match &action.intent {
        Intent::Flight { from, .. } if from.0 == owner => {
            let payment = action.intent.flown().into_iter();
            let leaves = payment.zip(action.leaving.first());
            leaves
                .map(|(payment, exit)| leaving(number, *exit, Going::Payment(payment.id())))
                .collect()
        }
        intent if intent.leaver() == Some(owner) => {
            let exits = action.exits();
            exits
                .map(|(output, exit)| leaving(number, exit, Going::Output(output)))
                .collect()
        }
        _ => Vec::new(),
    }
}

async fn is_open(ethereum: &Ethereum, leaving: &Leaving) -> Result<bool, WalletError> {
    let (contracts, rpc) = (&ethereum.contracts, &ethereum.rpc);
    Ok(match leaving.what {
        Going::Output(_) => contracts.exit(rpc, &leaving.exit).await?.is_some(),
        Going::Payment(_) => contracts.in_flight_exit(rpc, &leaving.exit).await?.is_some(),
    })
}
