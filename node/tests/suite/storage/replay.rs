//! The same decided blocks on every storage and by every build give the same ledger: each header is computed again from what the
//! storage under test answers, and all of them stand in a file, so that a build that computes another one disagrees with it.
//!
//! `PLASMA_RECORD=1` writes the file anew: only when the rules of the ledger or the bytes of a block have changed on purpose.

use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::PathBuf};

use plasma_core::{
    Address, Amount, DepositNumber, ExitId, Genesis, Hash, Input, L1Event, Position, SigningKey, keccak,
    ledger,
};
use plasma_node::{
    folder::Identity,
    storage::{
        Decided, Read as _, Storage,
        embedded::{EmbeddedStorage, Fjall, Settings},
        memory::MemoryStorage,
    },
};

use super::foundation::Clusters;
use crate::suite::{
    chain::{Chain, genesis, user},
    scratch::Scratch,
};

/// Enough that every kind of change meets every other one.
const BLOCKS: u64 = 60;
const USERS: u8 = 5;

/// Decided blocks with the events of Ethereum that each has taken.
struct Recorded {
    genesis: Genesis,
    steps: Vec<(Decided, Vec<L1Event>)>,
}

/// The same numbers on every machine and with every library.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 += 1;
        let Hash([a, b, c, d, ..]) = keccak(&[b"replay", &self.0.to_be_bytes()]);
        usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap() % end
    }
}

/// What an owner can spend.
fn coins(chain: &Chain, owner: &SigningKey) -> Vec<(Position, u64)> {
    let all = chain
        .storage
        .reader()
        .outputs_of(&owner.address(), None, 100)
        .unwrap();
    let free = all.into_iter().filter(|(_, record)| record.output.locks == 0);
    let amount = |amount: Amount| amount.to_string().parse().unwrap();
    free.map(|(position, record)| (position, amount(record.output.amount)))
        .collect()
}

/// Sixty blocks of deposits, payments, splits, merges, exits of which some end, and reclaims.
async fn recorded() -> Recorded {
    let genesis = genesis();
    let (mut chain, mut dice) = (Chain::new(genesis.clone()), Dice(0));
    let users: Vec<SigningKey> = (1..=USERS).map(user).collect();
    let (mut steps, mut open, mut deposits) = (Vec::new(), Vec::new(), 0);
    for round in 0..BLOCKS {
        let mut events = Vec::new();
        let mut used = BTreeSet::new();
        for _ in 0..dice.below(4) {
            events.push(L1Event::Deposited {
                number: DepositNumber(deposits),
                owner: users[dice.below(users.len())].address(),
                asset: Address::ZERO,
                amount: Amount::from(1_000 + u64::try_from(dice.below(1_000)).unwrap()),
            });
            deposits += 1;
        }
        let (owner, other) = (&users[dice.below(users.len())], &users[dice.below(users.len())]);
        if let Some((position, _)) = coins(&chain, owner).first().filter(|_| dice.below(3) == 0) {
            let id = ExitId(keccak(&[&round.to_be_bytes()]));
            let owner = owner.address();
            let position = *position;
            used.insert(position);
            events.push(L1Event::ExitStarted { id, position, owner });
            open.push((id, position));
        } else if let Some((id, position)) = open.pop() {
            let paid = dice.below(2) == 0;
            events.push(L1Event::ExitEnded { id, position, paid });
        }
        for user in &users {
            let mut own = coins(&chain, user);
            own.retain(|(position, _)| !used.contains(position));
            match own[..] {
                [first, second, ..] if dice.below(2) == 0 => {
                    let inputs = [first, second].map(|(position, held)| Input {
                        position,
                        amount: Amount::from(held),
                    });
                    let paid = plasma_core::Payment {
                        owner: other.address(),
                        amount: Amount::from(first.1 + second.1),
                    };
                    let merge = chain.transfer(inputs.to_vec(), vec![paid]);
                    chain.include(merge.sign(&genesis.domain(), user));
                }
                [first, ..] => {
                    let amount = 1 + u64::try_from(dice.below(usize::try_from(first.1).unwrap())).unwrap();
                    chain.include(chain.payment(user, first, other, amount));
                }
                [] => {}
            }
        }
        chain.seal(&events).await;
        let (decided, _) = chain.blocks.last().unwrap();
        steps.push((decided.clone(), events));
    }
    let transactions: usize = steps.iter().map(|(decided, _)| decided.body.len()).sum();
    assert!(transactions > 200 && deposits > 50, "{transactions} {deposits}");
    Recorded { genesis, steps }
}

fn identity(genesis: &Genesis) -> Identity {
    Identity::new(genesis.hash(), &genesis.members[0].key)
}

/// Applies every block to what the storage answers, and commits it there. A line for each height.
async fn replay(recorded: &Recorded, mut storage: impl Storage) -> String {
    let (domain, params) = (recorded.genesis.domain(), recorded.genesis.params());
    let mut lines = String::new();
    for (decided, events) in &recorded.steps {
        let reader = storage.reader();
        let parent = reader.state().unwrap();
        let block = plasma_core::Block {
            header: decided.header,
            transactions: decided.body.clone(),
        };
        let block = block.authenticate(&domain).unwrap();
        let transactions = block
            .transactions
            .iter()
            .map(|transaction| transaction.transaction());
        let reads = reader.reads(&ledger::wanted(transactions, events)).unwrap();
        let delta = ledger::apply(&parent, &block, events, &reads, &params)
            .unwrap_or_else(|broken| panic!("height {}: {broken}", decided.header.height));
        assert_eq!(delta.state.header, decided.header);
        storage.commit(decided, &delta).await.unwrap();
        let state = storage.reader().state().unwrap();
        assert_eq!(state.commitment.digest(), decided.header.output_commitment);
        writeln!(
            lines,
            "{} {} {}",
            state.header.height,
            state.id,
            state.commitment.digest()
        )
        .unwrap();
    }
    lines
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/replay.txt")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_blocks_give_the_same_ledger_on_every_storage_and_by_every_build() {
    let recorded = recorded().await;
    let (identity, state) = (identity(&recorded.genesis), recorded.genesis.state());
    let in_memory = replay(&recorded, MemoryStorage::new(identity, &state)).await;
    if env::var_os("PLASMA_RECORD").is_some() {
        fs::write(file(), &in_memory).unwrap();
    }
    let known = fs::read_to_string(file()).unwrap();
    let differs = known
        .lines()
        .zip(in_memory.lines())
        .find(|(known, found)| known != found);
    assert_eq!(differs, None, "recorded, and computed by this build");
    assert_eq!(known.lines().count(), in_memory.lines().count());

    let scratch = Scratch::new("replay");
    let fjall = EmbeddedStorage::<Fjall>::open(scratch.path(), identity, &state, Settings::default());
    assert!(replay(&recorded, fjall.unwrap()).await == known, "on fjall");
    let mut simulated = Clusters::shared();
    let cluster = simulated.open_for(identity, &state);
    assert!(replay(&recorded, cluster).await == known, "on three clusters");
    #[cfg(feature = "fdb")]
    if let Some(cluster) = super::real_cluster::RealCluster::find() {
        let storage = cluster.open_for(identity, &state);
        assert!(replay(&recorded, storage).await == known, "on FoundationDB");
    }
}
