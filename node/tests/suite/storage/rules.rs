//! The rules of storage, each a test for any backend.

use std::collections::BTreeMap;
use std::sync::mpsc::{TryRecvError, channel};

use plasma_core::{BlockId, DepositFate, DepositNumber, ExitId, Fate, Hash, Height, Position, Wanted};
use plasma_node::{
    storage::{Decided, Read, Storage, StorageError},
    wal::Lsn,
};

use super::{
    Backend, expect_equal,
    history::{Model, certificate, genesis, owner},
};

pub(crate) use super::pages::{
    histories_are_paged_from_the_newest_while_blocks_arrive, owner_pages_have_no_gaps_and_no_repeats,
};
pub(crate) use super::sums::all_there_can_be_of_an_asset_is_paid_on;

pub(super) async fn grow(storage: &mut impl Storage, model: &mut Model, blocks: u32) {
    for _ in 0..blocks {
        let (decided, delta) = model.next();
        storage.commit(&decided, &delta).await.unwrap();
    }
}

/// Every answer of a reader against the plain maps.
pub(crate) fn expect_model(reader: &impl Read, model: &Model) {
    let tip = model.state.header.height;
    assert_eq!(reader.tip().unwrap(), (tip, model.state.id));
    assert_eq!(reader.state().unwrap(), model.state);
    let outputs = model
        .outputs
        .keys()
        .map(|at| (*at, reader.output(*at).unwrap().unwrap()))
        .collect();
    expect_equal(&outputs, &model.outputs, "output");
    expect_equal(&reader.exits().unwrap(), &model.exits, "exit");
    expect_equal(&reader.totals().unwrap(), &model.totals(), "total");
    for number in 0..7 {
        assert_eq!(
            reader.outputs_of(&owner(number), None, usize::MAX).unwrap(),
            model.outputs_of(&owner(number))
        );
        assert_eq!(
            reader.history_of(&owner(number), None, usize::MAX).unwrap(),
            model.history_of(&owner(number))
        );
    }
    let turns = model.exit_turns();
    assert_eq!(reader.exit_turns(None, usize::MAX).unwrap(), turns);
    if let Some(second) = turns.get(1) {
        let behind = reader.exit_turns(Some((second.height, second.exit)), 3).unwrap();
        assert_eq!(behind, turns.iter().skip(2).take(3).cloned().collect::<Vec<_>>());
        let of_block: Vec<_> = turns
            .iter()
            .filter(|turn| turn.height == second.height)
            .cloned()
            .collect();
        assert_eq!(reader.exit_turns_at(second.height).unwrap(), of_block);
    }
    for (number, fate) in &model.deposits {
        assert_eq!(reader.deposit(*number).unwrap(), Some(*fate));
    }
    let last = model.deposits.keys().next_back().copied();
    assert_eq!(reader.last_deposit().unwrap(), last);
    for numbers in [
        DepositNumber(0)..DepositNumber(u64::MAX),
        DepositNumber(3)..DepositNumber(9),
        DepositNumber(5)..DepositNumber(5),
    ] {
        let known = model.deposits.range(numbers.clone());
        let known: Vec<_> = known.map(|(number, fate)| (*number, *fate)).collect();
        assert_eq!(reader.deposits(numbers).unwrap(), known);
    }
    for (id, place) in &model.transactions {
        assert_eq!(reader.transaction(id).unwrap(), Some(*place));
    }
    for (decided, _) in &model.blocks {
        let height = decided.header.height;
        assert_eq!(reader.block(height).unwrap().as_ref(), Some(decided));
        assert_eq!(reader.header(height).unwrap(), Some(decided.header));
        assert_eq!(reader.height_of(&decided.header.id()).unwrap(), Some(height));
    }
    assert_eq!(reader.leaves(Height(0)..Height(u32::MAX)).unwrap(), model.leaves);
    assert_eq!(reader.block(tip.next().unwrap()).unwrap(), None);
}

pub(crate) async fn commits_carry_how_far_the_log_was_on_disk(mut backend: impl Backend) {
    let mut model = Model::new(5);
    let mut storage = backend.open();
    grow(&mut storage, &mut model, 1).await;
    assert_eq!(storage.recover().await.unwrap().fence, None);
    storage.fence(Lsn(7));
    assert_eq!(
        storage.recover().await.unwrap().fence,
        None,
        "only a commit writes it"
    );
    for lsn in [7, 7, 300] {
        storage.fence(Lsn(lsn));
        grow(&mut storage, &mut model, 1).await;
        assert_eq!(storage.recover().await.unwrap().fence, Some(Lsn(lsn)));
    }
    drop(storage);
    let mut storage = backend.open();
    assert_eq!(storage.recover().await.unwrap().fence, Some(Lsn(300)));
    grow(&mut storage, &mut model, 1).await;
    assert_eq!(storage.recover().await.unwrap().fence, Some(Lsn(300)));
    expect_model(&storage.reader(), &model);
}

pub(crate) async fn new_storage_shows_genesis(mut backend: impl Backend) {
    let storage = backend.open();
    let reader = storage.reader();
    expect_model(&reader, &Model::new(0));
    let block = reader.block(Height(0)).unwrap().unwrap();
    assert_eq!(
        block,
        Decided {
            header: genesis().header,
            body: Vec::new(),
            certificate: None
        }
    );
    assert_eq!(reader.height_of(&genesis().id).unwrap(), Some(Height(0)));
    assert_eq!(reader.certificate_covering(Height(0)).unwrap(), None);
    assert_eq!(reader.output(Position::default()).unwrap(), None);
    assert_eq!(reader.exit(&ExitId(Hash::ZERO)).unwrap(), None);
    assert_eq!(reader.deposit(DepositNumber(0)).unwrap(), None);
    let saved = storage.recover().await.unwrap();
    assert_eq!(
        (saved.state, saved.certificate, saved.exits),
        (genesis(), None, BTreeMap::new())
    );
}

pub(crate) async fn random_history_answers_like_plain_maps(mut backend: impl Backend) {
    let mut storage = backend.open();
    let reader = storage.reader();
    let mut model = Model::new(0xb10c);
    for _ in 0..8 {
        grow(&mut storage, &mut model, 20).await;
        expect_model(&reader, &model);
    }
    assert!(
        model.outputs.len() > 300 && !model.exits.is_empty(),
        "the history is worth the test"
    );
}

pub(crate) async fn reopened_storage_answers_the_same(mut backend: impl Backend) {
    let mut model = Model::new(2);
    for _ in 0..4 {
        let mut storage = backend.open();
        grow(&mut storage, &mut model, 15).await;
    }
    let storage = backend.open();
    expect_model(&storage.reader(), &model);
    let saved = storage.recover().await.unwrap();
    let newest = model
        .blocks
        .iter()
        .rev()
        .find_map(|(decided, _)| decided.certificate.clone());
    assert!(newest.is_some());
    assert_eq!(
        (saved.state, saved.certificate, saved.exits),
        (model.state, newest, model.exits)
    );
}

pub(crate) async fn committed_block_is_committed_again_without_effect(mut backend: impl Backend) {
    let mut storage = backend.open();
    let mut model = Model::new(3);
    grow(&mut storage, &mut model, 10).await;
    for (decided, delta) in &model.blocks {
        storage.commit(decided, delta).await.unwrap();
    }
    expect_model(&storage.reader(), &model);
}

pub(crate) async fn late_certificate_of_a_committed_block_is_kept(mut backend: impl Backend) {
    let mut storage = backend.open();
    let mut model = Model::new(4);
    let (mut decided, delta) = model.next();
    decided.certificate = None;
    storage.commit(&decided, &delta).await.unwrap();
    assert_eq!(storage.reader().certificate_covering(Height(1)).unwrap(), None);
    for (view, kept) in [(7, 7), (9, 7)] {
        decided.certificate = Some(certificate(decided.header.id(), view));
        storage.commit(&decided, &delta).await.unwrap();
        let found = storage.reader().certificate_covering(Height(0)).unwrap();
        assert_eq!(found, Some((Height(1), certificate(decided.header.id(), kept))));
    }
}

pub(crate) async fn gap_fork_and_conflict_are_refused(mut backend: impl Backend) {
    let mut storage = backend.open();
    let mut model = Model::new(5);
    grow(&mut storage, &mut model, 3).await;
    let mut other = Model::new(6);
    let others: Vec<_> = (0..5).map(|_| other.next()).collect();
    let error = storage.commit(&others[4].0, &others[4].1).await.unwrap_err();
    assert!(
        matches!(
            error,
            StorageError::Gap {
                tip: Height(3),
                found: Height(5)
            }
        ),
        "{error}"
    );
    let error = storage.commit(&others[3].0, &others[3].1).await.unwrap_err();
    assert!(
        matches!(error, StorageError::Fork { height: Height(4), tip, .. } if tip == model.state.id),
        "{error}"
    );
    let error = storage.commit(&others[1].0, &others[1].1).await.unwrap_err();
    let stored = model.blocks[1].0.header.id();
    assert!(
        matches!(error, StorageError::Conflict { height: Height(2), stored: s, .. } if s == stored),
        "{error}"
    );
    expect_model(&storage.reader(), &model);
    grow(&mut storage, &mut model, 1).await;
    expect_model(&storage.reader(), &model);
}

pub(crate) async fn foreign_delta_and_foreign_certificate_are_refused(mut backend: impl Backend) {
    let mut storage = backend.open();
    let mut model = Model::new(7);
    let (first, first_delta) = model.next();
    let (_, second_delta) = model.next();
    let error = storage.commit(&first, &second_delta).await.unwrap_err();
    assert!(
        matches!(
            error,
            StorageError::Delta {
                height: Height(1),
                ..
            }
        ),
        "{error}"
    );
    let foreign = Decided {
        certificate: Some(certificate(BlockId(Hash([1; 32])), 1)),
        ..first.clone()
    };
    let error = storage.commit(&foreign, &first_delta).await.unwrap_err();
    assert!(matches!(error, StorageError::Delta { .. }), "{error}");
    expect_model(&storage.reader(), &Model::new(7));
}

pub(crate) async fn delta_that_contradicts_the_rows_is_refused(mut backend: impl Backend) {
    let mut storage = backend.open();
    let mut model = Model::new(8);
    grow(&mut storage, &mut model, 30).await;
    let spent = model
        .outputs
        .iter()
        .find(|(_, record)| matches!(record.fate, Fate::Spent(_)));
    let (position, record) = spent.map(|(position, record)| (*position, *record)).unwrap();
    let before = (model.state.clone(), model.totals());
    let (decided, delta) = model.next();
    let mut revived = delta.clone();
    revived.outputs.insert(
        position,
        plasma_core::OutputRecord {
            fate: Fate::Unspent,
            ..record
        },
    );
    let mut invented = delta.clone();
    invented.outputs.insert(
        Position {
            transaction: 9999,
            ..position
        },
        record,
    );
    for wrong in [revived, invented] {
        let error = storage.commit(&decided, &wrong).await.unwrap_err();
        assert!(matches!(error, StorageError::Delta { .. }), "{error}");
        let reader = storage.reader();
        assert_eq!(
            (reader.state().unwrap(), reader.totals().unwrap()),
            before,
            "nothing of it is written"
        );
    }
    storage.commit(&decided, &delta).await.unwrap();
    expect_model(&storage.reader(), &model);
}

pub(crate) async fn reads_follow_exits_and_deposits_to_their_outputs(mut backend: impl Backend) {
    let mut storage = backend.open();
    let mut model = Model::new(10);
    grow(&mut storage, &mut model, 40).await;
    let (id, exit) = model.exits.iter().next().unwrap();
    let funded = model.deposits.iter().find_map(|(number, fate)| match fate {
        DepositFate::Funded(position) => Some((*number, *position)),
        DepositFate::Reclaimed => None,
    });
    let (number, position) = funded.unwrap();
    let nowhere = Position {
        block: Height(3),
        transaction: 777,
        output: 0,
    };
    let wanted = Wanted {
        outputs: [nowhere].into(),
        exits: [*id, ExitId(Hash([1; 32]))].into(),
        deposits: [number, DepositNumber(u64::MAX)].into(),
    };
    let reads = storage.reader().reads(&wanted).unwrap();
    let [exiting] = exit.positions()[..] else {
        panic!("a standard exit names one output")
    };
    let outputs = [nowhere, exiting, position]
        .map(|at| (at, model.outputs.get(&at).copied()))
        .into();
    expect_equal(&reads.outputs, &outputs, "output");
    expect_equal(
        &reads.exits,
        &[(*id, Some(exit.clone())), (ExitId(Hash([1; 32])), None)].into(),
        "exit",
    );
    let deposits = [
        (number, Some(DepositFate::Funded(position))),
        (DepositNumber(u64::MAX), None),
    ]
    .into();
    expect_equal(&reads.deposits, &deposits, "deposit");
}

pub(crate) async fn certificate_above_covers_the_heights_below(mut backend: impl Backend) {
    let mut storage = backend.open();
    let mut model = Model::new(11);
    grow(&mut storage, &mut model, 40).await;
    let own: BTreeMap<_, _> = model
        .blocks
        .iter()
        .filter_map(|(decided, _)| Some((decided.header.height, decided.certificate.clone()?)))
        .collect();
    assert!(own.len() > 5);
    for height in (0..=41).map(Height) {
        let lowest = own
            .range(height..)
            .next()
            .map(|(height, certificate)| (*height, certificate.clone()));
        assert_eq!(
            storage.reader().certificate_covering(height).unwrap(),
            lowest,
            "{height}"
        );
    }
}

pub(crate) async fn pinned_reader_sees_one_moment(mut backend: impl Backend) {
    let mut storage = backend.open();
    let mut model = Model::new(12);
    grow(&mut storage, &mut model, 10).await;
    let live = storage.reader();
    let pinned = live.pinned().unwrap();
    let mut older = Model::new(12);
    (0..10).for_each(|_| drop(older.next()));
    grow(&mut storage, &mut model, 10).await;
    expect_model(&pinned, &older);
    expect_model(&pinned.pinned().unwrap(), &older);
    expect_model(&live, &model);
}

/// A reader on another thread asks during commits; each answer belongs to one block, never to half of one.
pub(crate) async fn readers_see_whole_blocks_while_commits_go_on(mut backend: impl Backend) {
    let mut storage = backend.open();
    let mut model = Model::new(13);
    let history: Vec<_> = (0..60)
        .map(|_| {
            let (decided, delta) = model.next();
            (decided, delta, model.totals(), model.exits.clone())
        })
        .collect();
    let states: BTreeMap<_, _> = history
        .iter()
        .map(|(decided, _, totals, exits)| (decided.header.height, (totals.clone(), exits.clone())))
        .collect();
    let reader = storage.reader();
    let ((stop, stopped), (looked_in, looked)) = (channel::<()>(), channel());
    let watcher = std::thread::spawn(move || {
        let mut seen = Height(0);
        while stopped.try_recv() != Err(TryRecvError::Disconnected) {
            let moment = reader.pinned().unwrap();
            let (height, block) = moment.tip().unwrap();
            assert!(height >= seen, "a reader never goes back");
            seen = height;
            assert_eq!(moment.state().unwrap().id, block);
            if let Some((totals, exits)) = states.get(&height) {
                expect_equal(&moment.totals().unwrap(), totals, "total");
                expect_equal(&moment.exits().unwrap(), exits, "exit");
                let leaves = moment.leaves(Height(0)..Height(999)).unwrap();
                assert_eq!(leaves.len(), usize::try_from(height.0).unwrap() + 1);
            }
            // Nobody counts the looks after the last commit.
            let _ = looked_in.send(());
        }
    });
    for (number, (decided, delta, ..)) in history.iter().enumerate() {
        if number % 10 == 0 {
            // However threads are scheduled, every tenth commit waits for a look that ends after the one before.
            while looked.try_recv().is_ok() {}
            looked.recv().unwrap();
        }
        storage.commit(decided, delta).await.unwrap();
    }
    drop(stop);
    watcher.join().unwrap();
    expect_model(&storage.reader(), &model);
}
