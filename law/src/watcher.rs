//! A watcher that has the chain and nothing else: it tries every fraud proof that it can build.
//!
//! It does not know what a liar did. For every transaction under the newest anchor it makes each proof of one side, each
//! proof against the output that an input names, and each pair of inputs that name one position; [`Zeal::All`] makes
//! the pairs of all transactions with all, whether they have anything in common or not. Every attempt is a call of the real
//! contract.

use std::collections::BTreeMap;

use ethers_contract::EthCall;
use ethers_core::abi::AbiEncode;
use plasma_contracts_abi::fraud_proofs as fraud;
use plasma_core::{Address, Amount, Height, Kind, L1Event, Position, SignedTransaction};
use plasma_node::bridge::{
    account::Call,
    decode::{Decoded, decode},
};
use rand::{Rng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

use crate::{
    chain::{Chain, index},
    ethereum::{self, Outcome},
    forms::{self, Place},
    world::World,
};

/// How much a watcher tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zeal {
    /// Sides that an index of positions and deposits brings together, and some strangers.
    Indexed,
    /// All pairs.
    All,
}

/// A proof that halted the federation.
pub(crate) struct Success {
    /// Which call.
    pub(crate) proof: &'static str,
    /// What it said about the chain.
    pub(crate) last_valid: Height,
    /// Makes the same call again, with somebody accused.
    again: Again,
    /// Where the invalid block is.
    invalid: Place,
}

/// A call that still lacks whom it accuses.
type Again = Box<dyn Fn(fraud::Accused) -> Call>;

/// What a transaction in a block says, if it says anything.
struct Read {
    place: Place,
    inputs: Vec<Position>,
    /// The number of the deposit, for a fund.
    deposit: Option<Amount>,
}

/// A proof that may fail.
struct Attempt {
    proof: &'static str,
    invalid: Place,
    again: Again,
}

/// Proofs as they are built.
struct Attempts<'a> {
    chain: &'a Chain,
    contract: Address,
    proofs: BTreeMap<Place, fraud::Proof>,
    made: Vec<Attempt>,
}

/// Tries everything against the newest anchor and what it first covers.
pub(crate) fn watch(world: &mut World, rng: &mut ChaCha8Rng, zeal: Zeal) -> (usize, Vec<Success>) {
    let attempts = attempts(world, rng, zeal);
    let tried = attempts.len();
    let mut successes = Vec::new();
    for Attempt {
        proof,
        invalid,
        again,
    } in attempts
    {
        let call = again(forms::nobody());
        let Outcome::Done { logs, .. } = world.ethereum.peek(WATCHER, &call) else {
            continue;
        };
        let halted = logs
            .iter()
            .find_map(|log| match decode(&world.site.contracts, log) {
                Some(Decoded::Event(L1Event::Halted { last_valid })) => Some(last_valid),
                _ => None,
            });
        let last_valid = halted.expect("a proof that succeeds halts");
        successes.push(Success {
            proof,
            last_valid,
            again,
            invalid,
        });
    }
    (tried, successes)
}

/// Whether the signers can be named as well; mined, so the federation has halted afterwards.
pub(crate) fn accuse(world: &mut World, success: &Success) -> Result<(), Vec<u8>> {
    let covering = world
        .chain
        .covering(success.invalid.height)
        .expect("a proof is about an anchored block");
    let call = (success.again)(forms::signers(covering));
    world.send(WATCHER, &call)
}

fn attempts(world: &World, rng: &mut ChaCha8Rng, zeal: Zeal) -> Vec<Attempt> {
    let chain = &world.chain;
    let Some(last) = chain.anchors.last() else {
        return Vec::new();
    };
    let all: Vec<Read> = read(chain);
    let mut attempts = Attempts {
        chain,
        contract: world.site.contracts.fraud_proofs,
        proofs: BTreeMap::new(),
        made: Vec::new(),
    };
    let fresh = all
        .iter()
        .filter(|one| one.place.height > last.anchored.previous.0);
    for one in fresh {
        attempts.alone(one.place);
        for (input, position) in (0u8..).zip(&one.inputs) {
            attempts.against_named(one.place, input, *position);
        }
        for other in &all {
            attempts.pair(one, other, zeal);
        }
        if let Some(stranger) = all.choose(rng) {
            attempts.strangers(one.place, stranger.place, rng.random_range(0..4));
        }
    }
    attempts.made
}

fn read(chain: &Chain) -> Vec<Read> {
    let mut all = Vec::new();
    for (height, block) in (0u32..).zip(&chain.blocks).take(index(chain.anchored_to()) + 1) {
        for (place, bytes) in (0u32..).zip(&block.body) {
            let place = Place { height, index: place };
            let decoded = SignedTransaction::decode(bytes)
                .ok()
                .map(|signed| signed.transaction);
            let inputs = decoded
                .iter()
                .filter(|one| one.kind != Kind::Fund)
                .flat_map(|one| &one.inputs);
            let deposit = decoded
                .as_ref()
                .filter(|one| one.kind == Kind::Fund)
                .map(|one| one.inputs[0].amount);
            all.push(Read {
                place,
                inputs: inputs.map(|input| input.position).collect(),
                deposit,
            });
        }
    }
    all
}

impl Attempts<'_> {
    /// Proofs that need one side.
    fn alone(&mut self, place: Place) {
        let Some(proof) = self.proof(place) else { return };
        let fund = proof.clone();
        self.attempt("proveMalformed", place, move |accused| {
            fraud::ProveMalformedCall {
                proof: proof.clone(),
                accused,
            }
        });
        let other = fund.clone();
        self.attempt("proveBadFund", place, move |accused| fraud::ProveBadFundCall {
            fund: fund.clone(),
            accused,
        });
        if let Some(before) = self.before(place) {
            self.attempt("proveLateFund", place, move |accused| fraud::ProveLateFundCall {
                fund: other.clone(),
                before: before.clone(),
                accused,
            });
        }
        // Both sides are one place.
        self.double_spend(place, 0, place, 0);
        self.double_fund(place, place);
    }

    /// Proofs about an input and what it names.
    fn against_named(&mut self, place: Place, input: u8, position: Position) {
        let Some(spending) = self.proof(place) else { return };
        let first = spending.clone();
        self.attempt("proveFutureReference", place, move |accused| {
            fraud::ProveFutureReferenceCall {
                spending: first.clone(),
                input,
                accused,
            }
        });
        self.named(
            place,
            input,
            Place {
                height: position.block.0,
                index: position.transaction,
            },
        );
        if let Some(named) = forms::block_proof(self.chain, position.block.0) {
            self.attempt("proveAbsentTransaction", place, move |accused| {
                fraud::ProveAbsentTransactionCall {
                    spending: spending.clone(),
                    input,
                    named: named.clone(),
                    accused,
                }
            });
        }
    }

    /// Proofs that show an input and a transaction that may be the one it names.
    fn named(&mut self, place: Place, input: u8, other: Place) {
        let (Some(spending), Some(named)) = (self.proof(place), self.proof(other)) else {
            return;
        };
        let sides = (spending.clone(), named.clone());
        self.attempt("proveBadInput", place, move |accused| fraud::ProveBadInputCall {
            spending: sides.0.clone(),
            input,
            named: sides.1.clone(),
            accused,
        });
        let sides = (spending.clone(), named.clone());
        self.attempt("proveAbsentOutput", place, move |accused| {
            fraud::ProveAbsentOutputCall {
                spending: sides.0.clone(),
                input,
                named: sides.1.clone(),
                accused,
            }
        });
        let sides = (spending.clone(), named.clone());
        self.attempt("proveSpentAfterExit", place, move |accused| {
            fraud::ProveSpentAfterExitCall {
                spending: sides.0.clone(),
                input,
                named: sides.1.clone(),
                accused,
            }
        });
        let Some(before) = self.before(place) else { return };
        self.attempt("proveSpentAfterReclaim", place, move |accused| {
            fraud::ProveSpentAfterReclaimCall {
                spending: spending.clone(),
                input,
                named: named.clone(),
                before: before.clone(),
                accused,
            }
        });
    }

    /// Proofs of two sides.
    fn pair(&mut self, one: &Read, other: &Read, zeal: Zeal) {
        if one.place == other.place {
            return;
        }
        for (input, position) in (0u8..).zip(&one.inputs) {
            for (second, named) in (0u8..).zip(&other.inputs) {
                if zeal == Zeal::All || position == named {
                    self.double_spend(one.place, input, other.place, second);
                }
            }
            if zeal == Zeal::All {
                self.named(one.place, input, other.place);
            }
        }
        let same = one.deposit.is_some() && one.deposit == other.deposit;
        if zeal == Zeal::All || same {
            self.double_fund(one.place, other.place);
        }
    }

    /// What two transactions that a draw brought together cannot show.
    fn strangers(&mut self, place: Place, other: Place, input: u8) {
        self.named(place, input, other);
        self.double_spend(place, input, other, 0);
        self.double_spend(other, 0, place, input);
        self.double_fund(other, place);
    }

    fn double_spend(&mut self, one: Place, first_input: u8, other: Place, second_input: u8) {
        let (Some(first), Some(second)) = (self.proof(one), self.proof(other)) else {
            return;
        };
        self.attempt("proveDoubleSpend", one.max(other), move |accused| {
            fraud::ProveDoubleSpendCall {
                first: first.clone(),
                first_input,
                second: second.clone(),
                second_input,
                accused,
            }
        });
    }

    fn double_fund(&mut self, one: Place, other: Place) {
        let (Some(first), Some(second)) = (self.proof(one), self.proof(other)) else {
            return;
        };
        self.attempt("proveDoubleFund", one.max(other), move |accused| {
            fraud::ProveDoubleFundCall {
                first: first.clone(),
                second: second.clone(),
                accused,
            }
        });
    }

    fn attempt<C>(
        &mut self,
        proof: &'static str,
        invalid: Place,
        made: impl Fn(fraud::Accused) -> C + 'static,
    ) where
        C: EthCall + AbiEncode,
    {
        let contract = self.contract;
        let again = move |accused| ethereum::call(contract, Amount::ZERO, made(accused));
        self.made.push(Attempt {
            proof,
            invalid,
            again: Box::new(again),
        });
    }

    /// The anchor before the one that covers a place.
    fn before(&self, place: Place) -> Option<fraud::Anchor> {
        let covering = self.chain.covering(place.height)?;
        let number = covering.anchored.number.checked_sub(1)?;
        let made = self
            .chain
            .anchors
            .iter()
            .find(|made| made.anchored.number == number)?;
        Some(forms::fraud_anchor(made))
    }

    fn proof(&mut self, place: Place) -> Option<fraud::Proof> {
        if let Some(known) = self.proofs.get(&place) {
            return Some(known.clone());
        }
        let made = forms::fraud_proof(self.chain, place)?;
        self.proofs.insert(place, made.clone());
        Some(made)
    }
}

/// Anybody may call; it has nothing.
const WATCHER: Address = Address([0x77; 20]);
