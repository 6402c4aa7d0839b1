//! The lie of a test: it exists in builds with the feature `forging` alone, and there only when asked for.
//!
//! A quorum of liars is the one attack that the honest cannot outvote, so there must be a way to see what they do against
//! it. A forging operator takes a marked deposit for twice what it is. It then proposes, accepts and signs a block whose
//! fund transaction creates money; an operator that reads Ethereum truly refuses that block and proves the fund bad. In all
//! else it is honest. Two locks keep it from harm: the chain must be the one of local test networks, and the environment
//! must ask for the lie by name.

use plasma_core::{Amount, Genesis, L1Event};
use tokio::sync::mpsc;
use tracing::{error, warn};

use crate::operator::event::{ConfirmedBlock, Event};

use super::start::RunError;

/// The variable that asks for a lie, and the one lie there is.
pub const ASKED_BY: &str = "PLASMA_FORGING";
/// Its value that makes deposits double.
pub const DEPOSITS: &str = "deposits";

/// The mark of a deposit that is lied about: its amount ends in these decimal digits.
pub const MARK: u64 = 666;
/// The mark is what remains below this.
const MARK_BELOW: u64 = 1_000;
/// The chain id of local test networks; no money is on any of them.
const TEST_CHAIN: u64 = 31_337;
/// Events between the bridge and the operator, beside those that the bridge holds itself.
const EVENTS_MAX: usize = 16;

/// What an operator makes of the deposits that it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forger {
    /// It believes Ethereum.
    Honest,
    /// It doubles the marked ones.
    Doubling,
}

impl Forger {
    /// What the environment asks for, said so loudly that nobody runs it unknowingly.
    ///
    /// # Errors
    /// [`RunError::Forging`] on a chain that may hold money, or when the environment asks for an unknown lie.
    pub fn ask(genesis: &Genesis) -> Result<Self, RunError> {
        Self::new(genesis.chain_id, std::env::var(ASKED_BY).ok().as_deref())
    }

    fn new(chain: u64, asked: Option<&str>) -> Result<Self, RunError> {
        if chain != TEST_CHAIN {
            let reason =
                format!("a build that can forge runs on chain {TEST_CHAIN} alone, this is chain {chain}");
            return Err(RunError::Forging { reason });
        }
        match asked {
            None => {
                warn!(
                    "THIS BUILD CAN FORGE and must never be near money; it is honest unless {ASKED_BY} says otherwise"
                );
                Ok(Self::Honest)
            }
            Some(DEPOSITS) => {
                error!("THIS OPERATOR LIES: a deposit whose amount ends in {MARK} counts twice for it");
                Ok(Self::Doubling)
            }
            Some(other) => Err(RunError::Forging {
                reason: format!("{ASKED_BY}={other:?} names no lie; the only one is {DEPOSITS:?}"),
            }),
        }
    }

    /// Stands between Ethereum and the operator. Ends with either side, as the bridge itself does.
    #[must_use]
    pub fn stand_between(self, bridge: super::Ethereum) -> super::Ethereum {
        let super::Ethereum {
            duties,
            asks,
            mut events,
        } = bridge;
        let (told, heard) = mpsc::channel(EVENTS_MAX);
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if told.send(self.twist(event)).await.is_err() {
                    return;
                }
            }
        });
        super::Ethereum {
            duties,
            asks,
            events: heard,
        }
    }

    /// What the operator is told instead of what Ethereum says.
    fn twist(self, event: Event) -> Event {
        match (self, event) {
            (Self::Doubling, Event::L1Confirmed(blocks)) => Event::L1Confirmed(doubled(blocks)),
            (Self::Doubling, Event::L1Reread(blocks)) => Event::L1Reread(doubled(blocks)),
            (_, event) => event,
        }
    }
}

fn doubled(mut blocks: Vec<ConfirmedBlock>) -> Vec<ConfirmedBlock> {
    let events = blocks.iter_mut().flat_map(|block| &mut block.events);
    events.for_each(double_if_marked);
    blocks
}

fn double_if_marked(event: &mut L1Event) {
    let L1Event::Deposited { number, amount, .. } = event else {
        return;
    };
    let is_marked = *amount % Amount::from(MARK_BELOW) == Amount::from(MARK);
    // An amount that has no double is left as it is.
    if let Some(forged) = amount.checked_add(*amount).filter(|_| is_marked) {
        error!(number = number.0, %amount, %forged, "lying about a deposit");
        *amount = forged;
    }
}

#[cfg(test)]
mod tests {
    use plasma_core::{Address, DepositNumber, L1Block};

    use super::{Amount, ConfirmedBlock, DEPOSITS, Event, Forger, L1Event, TEST_CHAIN};

    fn confirmed(amount: u64) -> Event {
        Event::L1Confirmed(vec![ConfirmedBlock {
            block: L1Block::default(),
            events: vec![L1Event::Deposited {
                number: DepositNumber(4),
                owner: Address([7; 20]),
                asset: Address::ZERO,
                amount: Amount::from(amount),
            }],
        }])
    }

    fn told(event: &Event) -> Option<Amount> {
        let Event::L1Confirmed(blocks) = event else {
            return None;
        };
        match blocks.first()?.events.first()? {
            L1Event::Deposited { amount, .. } => Some(*amount),
            _ => None,
        }
    }

    #[test]
    fn a_forger_doubles_marked_deposits_and_no_other() {
        let forger = Forger::new(TEST_CHAIN, Some(DEPOSITS)).unwrap();
        assert_eq!(
            told(&forger.twist(confirmed(1_000_666))),
            Some(Amount::from(2_001_332))
        );
        assert_eq!(
            told(&forger.twist(confirmed(1_000_667))),
            Some(Amount::from(1_000_667))
        );
        assert_eq!(told(&forger.twist(confirmed(6_660))), Some(Amount::from(6_660)));
    }

    #[test]
    fn nobody_lies_unasked_or_where_money_may_be() {
        let honest = Forger::new(TEST_CHAIN, None).unwrap();
        assert_eq!(told(&honest.twist(confirmed(666))), Some(Amount::from(666)));
        assert!(Forger::new(1, Some(DEPOSITS)).is_err() && Forger::new(1, None).is_err());
        assert!(Forger::new(TEST_CHAIN, Some("anything")).is_err());
    }
}
