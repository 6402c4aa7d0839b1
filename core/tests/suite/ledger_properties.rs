//! Properties over generated histories: value is conserved, nothing is spent twice, `apply` is deterministic, and
//! what `build` makes passes `apply` with an equal delta. The generator's seed is fixed.

use std::collections::BTreeSet;

use plasma_core::{
    Amount, AuthenticTransaction, Block, ExitId, Hash, Kind, L1Event, OpenExit, OutputRecord, Position,
    Transaction, keccak,
};
use proptest::{
    prelude::{Strategy, any},
    prop_oneof,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::document::{DOMAIN, key};
use super::world::{World, account, at, sign_as, to};

/// One thing that happens between two blocks; numbers pick from what exists, so any number means something.
#[derive(Clone, Debug)]
enum Step {
    Deposit {
        owner: u8,
        amount: u16,
    },
    /// Spends `inputs` outputs of one owner; `wrong` changes one thing so that a rule breaks.
    Pay {
        owner: u8,
        from: u16,
        inputs: u8,
        parts: u8,
        kind: u8,
        wrong: u8,
    },
    StartExit {
        output: u16,
    },
    EndExit {
        exit: u16,
        paid: bool,
    },
    Force {
        owner: u8,
        from: u16,
        inputs: u8,
        parts: u8,
        wrong: u8,
    },
    Piggyback {
        exit: u16,
        output: u8,
    },
    EndInFlight {
        exit: u16,
        paid: u8,
        consumed: u8,
    },
    Reclaim {
        number: u8,
    },
    Seal,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3u8, 1..500u16).prop_map(|(owner, amount)| Step::Deposit { owner, amount }),
        8 => (0..3u8, any::<u16>(), 1..4u8, 1..5u8, 0..4u8, 0..20u8)
            .prop_map(|(owner, from, inputs, parts, kind, wrong)| Step::Pay { owner, from, inputs, parts, kind, wrong }),
        2 => any::<u16>().prop_map(|output| Step::StartExit { output }),
        2 => (any::<u16>(), any::<bool>()).prop_map(|(exit, paid)| Step::EndExit { exit, paid }),
        2 => (0..3u8, any::<u16>(), 1..5u8, 1..5u8, 0..8u8)
            .prop_map(|(owner, from, inputs, parts, wrong)| Step::Force { owner, from, inputs, parts, wrong }),
        1 => (any::<u16>(), 0..5u8).prop_map(|(exit, output)| Step::Piggyback { exit, output }),
        1 => (any::<u16>(), 0..16u8, 0..16u8)
            .prop_map(|(exit, paid, consumed)| Step::EndInFlight { exit, paid, consumed }),
        1 => any::<u8>().prop_map(|number| Step::Reclaim { number }),
        4 => proptest::strategy::Just(Step::Seal),
    ]
}

/// A history in the making.
struct History {
    world: World,
    events: Vec<L1Event>,
    candidates: Vec<AuthenticTransaction>,
    exits_started: u32,
    deposited: Amount,
    spent: BTreeSet<Position>,
    included: usize,
    forced: usize,
}

impl History {
    fn new() -> Self {
        Self {
            world: World::new(),
            events: Vec::new(),
            candidates: Vec::new(),
            exits_started: 0,
            deposited: Amount::ZERO,
            spent: BTreeSet::new(),
            included: 0,
            forced: 0,
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm per step")]
    fn on(&mut self, step: &Step) {
        match step {
            Step::Deposit { owner, amount } => {
                let event = self.world.deposit(owner + 1, (*amount).into());
                self.events.push(event);
                self.deposited += Amount::from(*amount);
            }
            Step::Pay {
                owner,
                from,
                inputs,
                parts,
                kind,
                wrong,
            } => {
                let built = self.payment(owner + 1, *from, *inputs, *parts, *kind);
                if let Some(transaction) = built.map(|transaction| self.damage(transaction, *wrong)) {
                    let signed = sign_as(transaction, &key(owner + 1), &DOMAIN);
                    self.candidates.extend(signed.authenticate(&DOMAIN));
                }
            }
            Step::StartExit { output } => {
                if let Some((position, record)) = pick(self.world.outputs.iter(), *output) {
                    let (position, owner) = (*position, record.output.owner);
                    let id = self.next_exit();
                    self.events.push(L1Event::ExitStarted { id, position, owner });
                }
            }
            Step::EndExit { exit, paid } => {
                let standard = self.world.exits.iter().filter_map(|(id, exit)| match exit {
                    OpenExit::Standard { position, locked, .. } => Some((*id, *position, *locked)),
                    OpenExit::InFlight { .. } => None,
                });
                if let Some((id, position, locked)) = pick(standard, *exit) {
                    self.events.push(L1Event::ExitEnded {
                        id,
                        position,
                        paid: *paid && locked,
                    });
                }
            }
            Step::Force {
                owner,
                from,
                inputs,
                parts,
                wrong,
            } => {
                let built = self.payment(owner + 1, *from, *inputs, *parts, 0);
                if let Some(transaction) = built.map(|transaction| self.damage(transaction, *wrong)) {
                    let transaction = sign_as(transaction, &key(owner + 1), &DOMAIN).encode();
                    let id = self.next_exit();
                    self.events.push(L1Event::InFlightExitStarted { id, transaction });
                }
            }
            Step::Piggyback { exit, output } => {
                if let Some(id) = pick(self.world.exits.keys().copied(), *exit) {
                    self.events
                        .push(L1Event::InFlightPiggybacked { id, output: *output });
                }
            }
            Step::EndInFlight { exit, paid, consumed } => {
                if let Some(id) = pick(self.world.exits.keys().copied(), *exit) {
                    let (paid_outputs, consumed_inputs) = (*paid, *consumed);
                    self.events.push(L1Event::InFlightExitEnded {
                        id,
                        paid_outputs,
                        consumed_inputs,
                    });
                }
            }
            Step::Reclaim { number } => {
                let count = self.world.next_deposit;
                if let Some(number) = u64::from(*number).checked_rem(count) {
                    self.events.push(L1Event::DepositReclaimed {
                        number: plasma_core::DepositNumber(number),
                    });
                }
            }
            Step::Seal => self.seal(),
        }
    }

    fn next_exit(&mut self) -> ExitId {
        self.exits_started += 1;
        ExitId(keccak(&[b"exit", &self.exits_started.to_be_bytes()]))
    }

    /// A payment of records that this owner once had, spent ones included: many break a rule.
    fn payment(&self, owner: u8, from: u16, inputs: u8, parts: u8, kind: u8) -> Option<Transaction> {
        let own: Vec<(&Position, &OutputRecord)> = self
            .world
            .outputs
            .iter()
            .filter(|(_, record)| record.output.owner == account(owner))
            .collect();
        let fresh: Vec<_> = own
            .iter()
            .rev()
            .filter(|(_, record)| record.is_unspent())
            .copied()
            .collect();
        let own = if from.is_multiple_of(8) || fresh.is_empty() {
            own
        } else {
            fresh
        };
        let kind = [Kind::Transfer, Kind::Transfer, Kind::Split, Kind::Merge][usize::from(kind)];
        let (inputs, parts) = match kind {
            Kind::Split => (1, parts.min(3)),
            Kind::Merge => (2, 1),
            _ => (usize::from(inputs), parts),
        };
        let start = usize::from(from).checked_rem(own.len())?;
        let chosen: Vec<_> = own
            .iter()
            .cycle()
            .skip(start)
            .take(inputs.min(own.len()))
            .collect();
        let sum: u128 = chosen
            .iter()
            .map(|(_, record)| u128::try_from(record.output.amount).unwrap())
            .sum();
        let each = sum / u128::from(parts);
        let rest = sum - each * u128::from(parts - 1);
        let outputs = (1..parts)
            .map(|part| to(1 + part % 3, each))
            .chain([to(1 + owner % 3, rest)]);
        let spent: Vec<_> = chosen
            .iter()
            .map(|(p, record)| (**p, u128::try_from(record.output.amount).unwrap()))
            .collect();
        let mut transaction = super::world::transfer(&spent, &[]);
        transaction.kind = kind;
        transaction.outputs = outputs.collect();
        Some(transaction)
    }

    fn damage(&self, mut transaction: Transaction, wrong: u8) -> Transaction {
        match wrong {
            0 => transaction.inputs[0].position = at(self.world.height().0, 0, 0),
            1 => transaction.inputs[0].amount += Amount::from(1),
            2 => transaction.asset = plasma_core::Address([1; 20]),
            3 => transaction.expiry = plasma_core::Height(self.world.height().0.saturating_sub(1)),
            _ => {}
        }
        transaction
    }

    fn seal(&mut self) {
        let (events, candidates) = (
            std::mem::take(&mut self.events),
            std::mem::take(&mut self.candidates),
        );
        let before = self.world.clone();
        let clients: BTreeSet<Hash> = candidates.iter().map(AuthenticTransaction::leaf).collect();
        let (block, delta, _) = self.world.advance(&events, candidates);

        let again = Block::decode(&block.encode(), usize::MAX)
            .unwrap()
            .authenticate(&DOMAIN)
            .unwrap();
        assert_eq!(
            before.apply(&again, &events),
            Ok(delta),
            "the same from the bytes, and again"
        );

        for transaction in block
            .transactions
            .iter()
            .filter(|t| t.transaction().kind != Kind::Fund)
        {
            self.included += 1;
            self.forced += usize::from(!clients.contains(&transaction.leaf()));
            for input in &transaction.transaction().inputs {
                assert!(
                    self.spent.insert(input.position),
                    "{} is spent twice",
                    input.position
                );
                let record = before.outputs[&input.position];
                assert!(record.is_unspent() && record.output.owner == transaction.owner());
            }
        }
        let left = self
            .world
            .outputs
            .values()
            .filter(|record| !matches!(record.fate, plasma_core::Fate::Spent(_)));
        let kept = left.fold(Amount::ZERO, |sum, record| sum + record.output.amount);
        assert_eq!(
            kept, self.deposited,
            "what exists and what left is what was deposited"
        );
        assert_ne!(self.world.state.id.0, Hash::ZERO);
    }
}

/// Any number picks something, unless there is nothing.
fn pick<T>(items: impl Iterator<Item = T>, number: u16) -> Option<T> {
    let mut items: Vec<T> = items.collect();
    let index = usize::from(number).checked_rem(items.len())?;
    Some(items.swap_remove(index))
}

#[test]
fn generated_histories_keep_every_property() {
    let config = Config {
        cases: 160,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let histories = proptest::collection::vec(step(), 40..160);
    let seen = std::cell::RefCell::new(Seen::default());
    let outcome = runner.run(&histories, |steps| {
        let mut history = History::new();
        for step in &steps {
            history.on(step);
        }
        history.seal();
        seen.borrow_mut().add(&history);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    let Seen {
        included,
        forced,
        exited,
        reclaimed,
    } = seen.into_inner();
    let is_rich = included > 800 && forced > 60 && exited > 60 && reclaimed > 60;
    assert!(
        is_rich,
        "the generator reaches everything: {included} {forced} {exited} {reclaimed}"
    );
}

/// What the histories came by, so that the properties are not kept by idleness.
#[derive(Default)]
struct Seen {
    included: usize,
    forced: usize,
    exited: usize,
    reclaimed: usize,
}

impl Seen {
    fn add(&mut self, history: &History) {
        let count = |is_it: fn(&plasma_core::Fate) -> bool| {
            history
                .world
                .outputs
                .values()
                .filter(|record| is_it(&record.fate))
                .count()
        };
        self.included += history.included;
        self.forced += history.forced;
        self.exited += count(|fate| matches!(fate, plasma_core::Fate::Exited(_)));
        self.reclaimed += count(|fate| matches!(fate, plasma_core::Fate::Reclaimed));
    }
}
