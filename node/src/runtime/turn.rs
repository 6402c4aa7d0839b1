//! One turn of the loop: what it takes, how much of it, and what it holds until its end.
//!
//! A vote that arrives during a turn waits for the end of it. So a turn ends after some arrivals, and after some payments, which cost
//! more than anything else that arrives in numbers.

use std::collections::{BTreeMap, VecDeque};

use plasma_core::{Millis, Wanted};
use plasma_network as network;
use tokio::sync::oneshot;

use super::{
    batch::Batch,
    giving::Giving,
    handle::{self, Command, Question, Rejected},
    verify::Verified,
};
use crate::operator::{
    effect::{Effect, Purpose},
    event::{Event, Offered},
};

/// What arrives.
pub(super) enum Arrival {
    Network(network::Event),
    Verified(Verified),
    Ethereum(Event),
    Command(Command),
    Timer,
    Stop,
    Ended(&'static str),
}

impl Arrival {
    /// What nobody waits for in an agreement, though it comes from the network: it may come without an end.
    pub(super) fn is_patient(&self) -> bool {
        let Self::Network(event) = self else {
            return false;
        };
        matches!(
            event,
            network::Event::Gossip { .. }
                | network::Event::Request { .. }
                | network::Event::ClientRequest { .. }
        )
    }
}

/// The memory of the loop between turns.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) effects: Vec<Effect>,
    /// Payments taken in this turn, handled at its end.
    pub(super) offered: Vec<Offered>,
    /// Answered at its end; no more than it takes.
    pub(super) questions: Vec<Question>,
    /// Whether what was found for an agreement goes before the network's next event.
    pub(super) owes_urgent: bool,
    pub(super) reads: VecDeque<(Purpose, Wanted)>,
    pub(super) timer: Option<Millis>,
    pub(super) wake: Option<Millis>,
    pub(super) gossip: Batch,
    pub(super) reports: BTreeMap<u64, network::GossipId>,
    /// What each member is given on its requests.
    pub(super) giving: BTreeMap<u16, Giving>,
    pub(super) replies: BTreeMap<u64, oneshot::Sender<Result<handle::Accepted, Rejected>>>,
    pub(super) next_ticket: u64,
    pub(super) last_tick: Millis,
}

impl Turn {
    /// Whether the turn takes one more after so many arrivals.
    pub(super) fn goes_on(&self, taken: usize) -> bool {
        taken < TURN_MAX && self.offered.len() < PAYMENTS_MAX
    }
}

/// Arrivals taken in one turn at most: enough to share one barrier, few enough that a vote does not wait for them.
const TURN_MAX: usize = 256;
/// Payments after which a turn takes nothing more: their inputs are read and they enter the mempool before the next vote is heard,
/// which takes some milliseconds. One batch of gossip, of at most 64 kB, may come on top.
const PAYMENTS_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use plasma_core::{
        Address, Amount, Domain, Height, Input, Kind, Payment, Position, SigningKey, Transaction,
    };

    use super::*;
    use crate::operator::event::Source;

    fn payment() -> Offered {
        let domain = Domain {
            chain_id: 1,
            contract: Address([1; 20]),
        };
        let amount = Amount::from(5u64);
        let position = Position {
            block: Height(1),
            transaction: 0,
            output: 0,
        };
        let owner = Address([2; 20]);
        let signed = Transaction {
            kind: Kind::Transfer,
            asset: Address::ZERO,
            expiry: Height(9),
            inputs: vec![Input { position, amount }],
            outputs: vec![Payment { owner, amount }],
        }
        .sign(&domain, &SigningKey::from_bytes(&[1; 32]).unwrap());
        Offered {
            transaction: signed.authenticate(&domain).unwrap(),
            source: Source::Gossip,
        }
    }

    #[test]
    fn a_turn_ends_after_some_arrivals_and_after_some_payments() {
        let mut turn = Turn::default();
        assert!(turn.goes_on(0) && turn.goes_on(TURN_MAX - 1));
        assert!(!turn.goes_on(TURN_MAX));
        turn.offered = (1..PAYMENTS_MAX).map(|_| payment()).collect();
        assert!(turn.goes_on(1), "one batch may come on top");
        turn.offered.push(payment());
        assert!(!turn.goes_on(1), "a vote that arrives now does not wait for more");
    }

    /// What the network tells last of all may come without an end; what was verified for an agreement does not wait for it to end.
    #[test]
    fn only_what_agreement_does_not_wait_for_lets_verified_proposals_pass() {
        let bytes = bytes::Bytes::from_static(b"x");
        let vote = network::Event::Control {
            from: 1,
            bytes: bytes.clone(),
        };
        let proposal = network::Event::Payload { from: 1, bytes };
        for urgent in [
            vote,
            proposal,
            network::Event::PeerUp(1),
            network::Event::PeerDown(1),
        ] {
            assert!(!Arrival::Network(urgent).is_patient());
        }
        assert!(!Arrival::Timer.is_patient());
    }
}
