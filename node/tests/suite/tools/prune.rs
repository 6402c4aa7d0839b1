//! Old bodies go with the blocks that make them old; everything else stays.

use plasma_core::{Height, Position};
use plasma_node::{
    api::{
        Code,
        view::{BlockView, OutputStatus, OutputView, Page, TransactionView},
    },
    storage::{
        Keep, Read, Storage, StorageError, Table,
        archive::Scope,
        bulk::{self, Stopped},
        check::{Certificates, verify},
        embedded::{EmbeddedStorage, Fjall, Settings},
        memory::MemoryStorage,
    },
};

use super::{
    super::{
        chain::{genesis, user},
        http::{door, get},
    },
    Chain, Scratch, archived, expected, quiet, rows_of, story,
};

fn keep(number: u32) -> Keep {
    Keep::Newest(number)
}

/// Heights of the bodies that are there.
fn bodies(reader: &impl plasma_node::storage::Moments) -> Vec<u32> {
    let height = |key: Vec<u8>| u32::from_be_bytes(key.try_into().unwrap());
    let rows = rows_of(reader).into_iter();
    rows.filter(|(table, _)| *table == Table::Bodies)
        .map(|(_, (key, _))| height(key))
        .collect()
}

async fn follow(storage: &mut impl Storage, chain: &Chain) {
    for (decided, delta) in &chain.blocks {
        storage.commit(decided, delta).await.unwrap();
    }
}

async fn check_pruned(mut storage: impl Storage, chain: &Chain) {
    follow(&mut storage, chain).await;
    let (reader, all) = (storage.reader(), Storage::reader(&chain.storage));
    assert_eq!(reader.horizon().unwrap(), Height(5));
    assert_eq!(bodies(&reader), [5, 6, 7]);
    let error = reader.block(Height(4)).unwrap_err();
    assert!(
        matches!(
            error,
            StorageError::Pruned {
                height: Height(4),
                horizon: Height(5)
            }
        ),
        "{error}"
    );
    assert_eq!(reader.block(Height(5)).unwrap(), all.block(Height(5)).unwrap());
    assert_eq!(reader.block(Height(8)).unwrap(), None);
    assert_eq!(reader.header(Height(4)).unwrap(), all.header(Height(4)).unwrap());
    let (old, new) = (&chain.blocks[3].1.transactions, &chain.blocks[6].1.transactions);
    assert_eq!(reader.transaction(&old[0].0).unwrap(), None);
    assert_eq!(reader.transaction(&new[0].0).unwrap(), Some((Height(7), 0)));
    let differing = |(table, (key, _)): &(Table, plasma_node::storage::Row)| {
        !matches!(table, Table::Bodies | Table::Transactions) && key.as_slice() != b"horizon"
    };
    let kept = |rows: Vec<_>| rows.into_iter().filter(differing).collect::<Vec<_>>();
    assert_eq!(kept(rows_of(&reader)), kept(rows_of(&all)));
    let report = verify(&reader, &expected(chain), Certificates::All, &mut quiet).unwrap();
    assert_eq!((report.horizon, report.outputs), (Height(5), 7));
}

#[tokio::test]
async fn old_bodies_go_and_all_else_stays_in_memory() {
    let chain = story().await;
    let storage = MemoryStorage::new(expected(&chain).identity(), &chain.genesis.state());
    check_pruned(storage.keeping(keep(3)), &chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_bodies_go_and_all_else_stays_in_fjall() {
    let (chain, scratch) = (story().await, Scratch::new("prune"));
    let settings = Settings {
        keep: keep(3),
        ..Settings::default()
    };
    let identity = expected(&chain).identity();
    let storage =
        EmbeddedStorage::<Fjall>::open(scratch.path(), identity, &chain.genesis.state(), settings).unwrap();
    check_pruned(storage, &chain).await;
}

#[tokio::test]
async fn storage_that_is_told_late_to_prune_catches_up_a_few_blocks_at_a_time() {
    let mut chain = story().await;
    for _ in 0..5 {
        chain.seal(&[]).await;
    }
    let copy = MemoryStorage::new(expected(&chain).identity(), &chain.genesis.state());
    let (last, before) = chain.blocks.split_last().unwrap();
    let mut all = copy.clone();
    for (decided, delta) in before {
        all.commit(decided, delta).await.unwrap();
    }
    assert_eq!(Storage::reader(&all).horizon().unwrap(), Height(0));
    let mut pruning = copy.keeping(keep(2));
    pruning.commit(&last.0, &last.1).await.unwrap();
    let reader = Storage::reader(&pruning);
    assert_eq!(
        reader.horizon().unwrap(),
        Height(4),
        "four of the eleven that are too many"
    );
    assert_eq!(bodies(&reader), (4..=12).collect::<Vec<_>>());
    // The same block again makes nothing else old.
    pruning.commit(&last.0, &last.1).await.unwrap();
    assert!(reader.horizon().unwrap() <= Height(8));
    verify(&reader, &expected(&chain), Certificates::Newest, &mut quiet).unwrap();
}

#[tokio::test]
async fn storage_that_keeps_all_prunes_nothing_more_but_remembers_its_horizon() {
    let mut chain = story().await;
    let storage = MemoryStorage::new(expected(&chain).identity(), &chain.genesis.state());
    follow(&mut storage.clone().keeping(keep(3)), &chain).await;
    chain.seal(&[]).await;
    let (decided, delta) = chain.blocks.last().unwrap();
    let mut all = storage.keeping(Keep::All);
    all.commit(decided, delta).await.unwrap();
    assert_eq!(bodies(&Storage::reader(&all)), [5, 6, 7, 8]);
    // It stays true in an archive and in what is imported from it.
    let (_scratch, file) = archived(&all, Scope::Full);
    let mut imported = MemoryStorage::empty();
    bulk::import(&file, &mut imported, &expected(&chain), &mut quiet).unwrap();
    assert_eq!(rows_of(&imported.source()), rows_of(&all.source()));
}

#[tokio::test]
async fn pruned_operator_answers_a_lagging_one_with_nothing_so_that_it_asks_another() {
    use plasma_node::runtime::{sync, wire};
    let chain = story().await;
    let storage = MemoryStorage::new(expected(&chain).identity(), &chain.genesis.state());
    let mut storage = storage.keeping(keep(3));
    follow(&mut storage, &chain).await;
    let reader = Storage::reader(&storage);
    let nothing = wire::encode_answer(&[], &[]);
    assert_eq!(sync::answer(&reader, Height(2), u32::MAX), nothing);
    assert_ne!(sync::answer(&reader, Height(4), u32::MAX), nothing);
    assert_eq!(sync::decided_block(&reader, &chain.blocks[3].1.block), None);
    assert!(sync::decided_block(&reader, &chain.blocks[4].1.block).is_some());
    assert_eq!(reader.output(Position::default()).unwrap(), None);
}

#[tokio::test]
async fn doors_say_what_is_pruned_and_answer_all_else() {
    let mut chain = Chain::new(genesis());
    chain.storage = chain.storage.clone().keeping(keep(2));
    let (alice, bob) = (user(1), user(2));
    let coin = chain.deposit(&alice, 1_000).await;
    let payment = chain.payment(&alice, (coin, 1_000), &bob, 1_000);
    let id = payment.id();
    chain.include(payment);
    chain.seal(&[]).await;
    for _ in 0..4 {
        chain.seal(&[]).await;
    }
    chain.anchor(1);
    let router = door(&chain);
    let pruned = get(&router, "/v1/blocks/2/transactions")
        .await
        .problem(Code::Pruned);
    assert_eq!(
        (&pruned.members["height"], &pruned.members["horizon"]),
        (&2.into(), &5.into())
    );
    let exit = get(&router, "/v1/outputs/2:0:0/exit-data")
        .await
        .problem(Code::Pruned);
    assert_eq!(exit.members["height"], 2);
    let unknown = get(&router, &format!("/v1/transactions/{id}"))
        .await
        .problem(Code::NotFound);
    assert!(
        unknown.hint.as_ref().unwrap().contains("from block 5 on"),
        "{unknown}"
    );
    // What became of an output is known for ever, only the spender's id is not.
    let spent: OutputView = get(&router, &format!("/v1/outputs/{coin}")).await.document();
    let by = spent.spent_by.unwrap();
    assert_eq!((spent.status, by.id, by.height), (OutputStatus::Spent, None, 2));
    let block: BlockView = get(&router, "/v1/blocks/2").await.document();
    assert_eq!((block.transaction_count, block.certificate.is_some()), (1, true));
    get(&router, "/v1/blocks/6/transactions")
        .await
        .document::<Page<TransactionView>>();
}
