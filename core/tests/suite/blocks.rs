//! Rules about a whole block: its place after the parent, its limits, its roots.

use plasma_core::{
    AuthenticBlock, Block, BlockDecodeError, BlockId, Broken, DepositNumber, Hash, Height, L1Event, L1Height,
    Millis, Reads, State, ledger,
};

use super::document::DOMAIN;
use super::world::{ALICE, BOB, World, at, exit_id, pay};

fn world() -> World {
    World::funded(&[(ALICE, 100), (ALICE, 7), (BOB, 50)])
}

/// What `apply` says of a good block after one change.
fn judge(world: &World, change: impl FnOnce(&mut AuthenticBlock)) -> Broken {
    let payment = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)]);
    let (mut block, _, _) = world.build(&[], vec![payment]).unwrap();
    change(&mut block);
    world.apply(&block, &[]).unwrap_err()
}

#[test]
fn every_header_rule_has_its_own_error() {
    let world = world();
    let parent = world.state.header;
    let (expected, found) = (Height(2), Height(3));
    assert_eq!(
        judge(&world, |b| b.header.height = found),
        Broken::Height { expected, found }
    );
    let (expected, found) = (world.state.id, BlockId(Hash([1; 32])));
    assert_eq!(
        judge(&world, |b| b.header.parent = found),
        Broken::Parent { expected, found }
    );
    for found in [parent.timestamp_ms, Millis(0)] {
        let broken = Broken::Timestamp {
            parent: parent.timestamp_ms,
            found,
        };
        assert_eq!(judge(&world, |b| b.header.timestamp_ms = found), broken);
    }
    let found = L1Height(parent.l1_height.0 - 1);
    let broken = Broken::OriginBackwards {
        parent: parent.l1_height,
        found,
    };
    assert_eq!(judge(&world, |b| b.header.l1_height = found), broken);
    let broken = Broken::OriginChanged {
        height: parent.l1_height,
    };
    assert_eq!(judge(&world, |b| b.header.l1_height = parent.l1_height), broken);
    let broken = Broken::TransactionCount {
        expected: 1,
        found: 2,
    };
    assert_eq!(judge(&world, |b| b.header.transaction_count = 2), broken);
    let root = |b: &mut AuthenticBlock| b.header.transactions_root = Hash::ZERO;
    assert!(matches!(
        judge(&world, root),
        Broken::TransactionsRoot {
            found: Hash::ZERO,
            ..
        }
    ));
    let root = |b: &mut AuthenticBlock| b.header.history_root = Hash::ZERO;
    assert!(matches!(
        judge(&world, root),
        Broken::HistoryRoot {
            found: Hash::ZERO,
            ..
        }
    ));
    let commitment = |b: &mut AuthenticBlock| b.header.output_commitment = Hash::ZERO;
    assert!(matches!(
        judge(&world, commitment),
        Broken::OutputCommitment {
            found: Hash::ZERO,
            ..
        }
    ));
}

#[test]
fn an_origin_may_stay_only_without_events() {
    let mut world = world();
    let mut choice = world.choice(Vec::new());
    choice.origin.height = world.state.header.l1_height;
    choice.origin.hash = world.state.header.l1_hash;
    let (reads, params) = (Reads::default(), world.params.clone());
    let built = ledger::build(&world.state, choice.clone(), &[], &reads, &params).unwrap();
    assert_eq!(world.apply(&built.0, &[]), Ok(built.1));
    let deposit = world.deposit(ALICE, 1);
    let broken = Broken::OriginChanged {
        height: choice.origin.height,
    };
    assert_eq!(
        ledger::build(
            &world.state,
            choice.clone(),
            std::slice::from_ref(&deposit),
            &reads,
            &params
        ),
        Err(broken)
    );
    assert_eq!(world.apply(&built.0, &[deposit]), Err(broken));
    choice.origin.hash = Hash::ZERO;
    assert_eq!(
        ledger::build(&world.state, choice, &[], &reads, &params),
        Err(broken)
    );
}

#[test]
fn the_proposer_s_own_clock_and_origin_are_checked_too() {
    let world = world();
    let build = |change: &dyn Fn(&mut plasma_core::NewBlock)| {
        let mut choice = world.choice(Vec::new());
        change(&mut choice);
        ledger::build(&world.state, choice, &[], &Reads::default(), &world.params).unwrap_err()
    };
    assert!(matches!(
        build(&|c| c.timestamp_ms = Millis(1)),
        Broken::Timestamp { found: Millis(1), .. }
    ));
    assert!(matches!(
        build(&|c| c.origin.height = L1Height(1)),
        Broken::OriginBackwards {
            found: L1Height(1),
            ..
        }
    ));
}

#[test]
fn heights_end_before_the_tree_is_full() {
    let mut world = world();
    let last = Height(u32::MAX - 1);
    world.state.header.height = last;
    let block = world.forge_at(last);
    assert_eq!(world.apply(&block, &[]), Err(Broken::HeightExhausted(last)));
}

#[test]
fn client_transactions_are_bounded_in_number() {
    let mut world = World::funded(&[(ALICE, 1); 10]);
    let payments: Vec<_> = (0..10)
        .map(|i| pay(ALICE, &[(at(1, i, 0), 1)], &[(BOB, 1)]))
        .collect();
    let (block, _, rejected) = world.build(&[], payments.clone()).unwrap();
    assert_eq!(
        (block.transactions.len(), rejected.len()),
        (8, 0),
        "what does not fit is not rejected"
    );
    let forged = world.forge(payments[..9].to_vec());
    assert_eq!(
        world.apply(&forged, &[]),
        Err(Broken::TooManyTransactions { max: 8, found: 9 })
    );
    let events: Vec<L1Event> = (0..20).map(|_| world.deposit(BOB, 5)).collect();
    let (block, _, _) = world.advance(&events, payments);
    assert_eq!(block.transactions.len(), 28, "derived transactions do not count");
}

#[test]
fn client_transactions_are_bounded_in_bytes() {
    let mut world = World::funded(&[(ALICE, 1); 4]);
    let payments: Vec<_> = (0..4)
        .map(|i| pay(ALICE, &[(at(1, i, 0), 1)], &[(BOB, 1)]))
        .collect();
    let bytes = payments[0].signed().encoded_len();
    assert_eq!(bytes, payments[0].signed().encode().len());
    world.params.bytes_max = u32::try_from(3 * bytes + bytes - 1).unwrap();
    let (block, _, _) = world.build(&[], payments.clone()).unwrap();
    assert_eq!(block.transactions.len(), 3);
    let (max, found) = (world.params.bytes_max, 4 * bytes);
    assert_eq!(
        world.apply(&world.forge(payments.clone()), &[]),
        Err(Broken::TooManyBytes { max, found })
    );
    world.params.bytes_max += 1;
    assert_eq!(world.build(&[], payments).unwrap().0.transactions.len(), 4);
}

#[test]
fn derived_transactions_stand_first_and_exactly() {
    let mut world = world();
    let events = [world.deposit(ALICE, 5), world.deposit(BOB, 6)];
    let payment = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)]);
    let (block, _, _) = world.build(&events, vec![payment]).unwrap();
    let expected: Vec<_> = block
        .transactions
        .iter()
        .map(|transaction| transaction.id())
        .collect();
    let judge = |order: &[usize]| {
        let mut block = block.clone();
        block.transactions = order.iter().map(|i| block.transactions[*i].clone()).collect();
        block.header.transaction_count = u32::try_from(order.len()).unwrap();
        world.apply(&block, &events)
    };
    let derived = |index: u32| Broken::Derived {
        index,
        expected: expected[usize::try_from(index).unwrap()],
    };
    assert!(judge(&[0, 1, 2]).is_ok());
    assert_eq!(judge(&[1, 0, 2]), Err(derived(0)), "L1 order");
    assert_eq!(judge(&[2, 0, 1]), Err(derived(0)), "before client transactions");
    assert_eq!(judge(&[0, 2]), Err(derived(1)), "all of them");
    assert_eq!(judge(&[0]), Err(derived(1)));
    assert_eq!(judge(&[]), Err(derived(0)));
    let reason = plasma_core::TransactionRejected::Fund;
    assert_eq!(
        judge(&[0, 1, 1]),
        Err(Broken::Transaction { index: 2, reason }),
        "each once"
    );
    let other = L1Event::Deposited {
        number: DepositNumber(3),
        owner: super::world::account(ALICE),
        asset: plasma_core::Address::ZERO,
        amount: plasma_core::Amount::from(4),
    };
    let events = [other, events[1].clone()];
    assert!(
        matches!(
            world.apply(&block, &events),
            Err(Broken::Derived { index: 0, .. })
        ),
        "the vault's amount"
    );
}

#[test]
fn what_was_not_read_is_our_fault() {
    let world = world();
    let payment = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)]);
    let (block, _, _) = world.build(&[], vec![payment.clone()]).unwrap();
    let nothing = Reads::default();
    let position = at(1, 0, 0);
    let apply = |events: &[L1Event]| ledger::apply(&world.state, &block, events, &nothing, &world.params);
    assert_eq!(apply(&[]), Err(Broken::NotRead { position }));
    let choice = world.choice(vec![payment]);
    let built = ledger::build(&world.state, choice, &[], &nothing, &world.params);
    assert_eq!(built, Err(Broken::NotRead { position }));
    let number = DepositNumber(0);
    assert_eq!(
        apply(&[L1Event::DepositReclaimed { number }]),
        Err(Broken::DepositNotRead { number })
    );
    let id = exit_id(1);
    assert_eq!(
        apply(&[L1Event::InFlightPiggybacked { id, output: 0 }]),
        Err(Broken::ExitNotRead { id })
    );
}

#[test]
fn a_block_survives_its_bytes() {
    let world = world();
    let payments = vec![
        pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)]),
        pay(BOB, &[(at(1, 2, 0), 50)], &[(BOB, 50)]),
    ];
    let (block, delta, _) = world.build(&[], payments).unwrap();
    let bytes = block.encode();
    assert_eq!(block.to_block().encode(), bytes);
    let decoded = Block::decode(&bytes, bytes.len()).unwrap();
    assert_eq!(decoded.header.id(), block.header.id());
    let again = decoded.authenticate(&DOMAIN).unwrap();
    assert_eq!(again, block);
    assert_eq!(world.apply(&again, &[]), Ok(delta));
}

#[test]
fn blocks_that_lie_about_their_length_do_not_decode() {
    let world = world();
    let payments = vec![pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)])];
    let bytes = world.build(&[], payments).unwrap().0.encode();
    let (max, found) = (bytes.len() - 1, bytes.len());
    assert_eq!(
        Block::decode(&bytes, max),
        Err(BlockDecodeError::TooLong { max, found })
    );
    assert_eq!(
        Block::decode(&bytes[..183], found),
        Err(BlockDecodeError::Header(183))
    );
    let longer = [&bytes[..], &[0, 0]].concat();
    assert_eq!(
        Block::decode(&longer, longer.len()),
        Err(BlockDecodeError::Trailing(2))
    );
    let mut many = bytes.clone();
    many[4..8].fill(0xff);
    assert!(matches!(
        Block::decode(&many, found),
        Err(BlockDecodeError::Transaction { index: 1, .. })
    ));
    let mut none = bytes.clone();
    none[4..8].fill(0);
    assert_eq!(
        Block::decode(&none, found),
        Err(BlockDecodeError::Trailing(bytes.len() - 184))
    );
}

#[test]
fn genesis_is_the_parent_of_block_one() {
    let genesis = super::world::genesis();
    let state = genesis.state();
    assert_eq!(state.header.parent, BlockId(genesis.hash()));
    assert_eq!(state.header.timestamp_ms, Millis(1_700_000_000_000));
    assert_eq!(state.history.root(), genesis.leaf());
    assert_eq!(state.id, state.header.id());
    assert_eq!(State::decode(&state.encode()), Some(state));
}

impl World {
    fn forge_at(&self, last: Height) -> AuthenticBlock {
        let mut header = self.state.header;
        header.height = last.next().unwrap();
        AuthenticBlock {
            header,
            transactions: Vec::new(),
        }
    }
}
