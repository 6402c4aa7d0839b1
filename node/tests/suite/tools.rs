//! The tools around an operator's storage: archives, checks, imports, migrations, pruning, snapshots, and the commands.

pub(crate) mod archive;
pub(crate) mod bulk;
pub(crate) mod check;
pub(crate) mod commands;
pub(crate) mod prune;
pub(crate) mod restored;
pub(crate) mod snapshots;

use plasma_core::{ExitId, Genesis, Hash, Height, L1Event, OperatorIndex, Position};
use plasma_node::storage::{
    Moments, Progress, Row, Rows, Storage, Table, archive::Scope, check::Expected, memory::MemoryStorage,
};

use super::{
    chain::{Chain, genesis, user},
    scratch::Scratch,
};

/// A ledger with something of everything: deposits, one reclaimed, payments, an open exit, an exit that was paid, and a
/// newest block without a certificate of its own.
pub(crate) async fn story() -> Chain {
    story_of(genesis()).await
}

pub(crate) async fn story_of(genesis: Genesis) -> Chain {
    let (mut chain, alice, bob) = (Chain::new(genesis), user(1), user(2));
    let first = chain.deposit(&alice, 1_000).await;
    let second = chain.deposit(&bob, 500).await;
    let third = chain.deposit(&bob, 70).await;
    chain.include(chain.payment(&alice, (first, 1_000), &bob, 300));
    chain.seal(&[]).await;
    let paid = Position {
        block: Height(4),
        transaction: 0,
        output: 0,
    };
    let [open, ended] = [1, 2].map(|number| ExitId(Hash([number; 32])));
    let start = |id, position| L1Event::ExitStarted {
        id,
        position,
        owner: bob.address(),
    };
    chain.seal(&[start(open, second), start(ended, paid)]).await;
    let end = L1Event::ExitEnded {
        id: ended,
        position: paid,
        paid: true,
    };
    chain
        .seal(&[
            end,
            L1Event::DepositReclaimed {
                number: plasma_core::DepositNumber(2),
            },
        ])
        .await;
    let change = Position { output: 1, ..paid };
    chain.include(chain.payment(&alice, (change, 700), &alice, 50));
    chain.decide(&[], false).await;
    assert!(
        !chain
            .storage
            .reader()
            .moment()
            .unwrap()
            .rows(Table::Exits, &[], None, 9)
            .unwrap()
            .is_empty()
    );
    assert_eq!(third.block, Height(3));
    chain
}

pub(crate) fn expected(chain: &Chain) -> Expected<'_> {
    Expected {
        genesis: &chain.genesis,
        operator: OperatorIndex(0),
    }
}

/// Every row of every table.
pub(crate) fn rows_of(source: &impl Moments) -> Vec<(Table, Row)> {
    let rows = source.moment().unwrap();
    let table = |table| {
        rows.rows(table, &[], None, usize::MAX)
            .unwrap()
            .into_iter()
            .map(move |row| (table, row))
    };
    Table::ALL.into_iter().flat_map(table).collect()
}

pub(crate) fn quiet(_: Progress) {}

/// An archive of a storage in a folder of its own.
pub(crate) fn archived(storage: &MemoryStorage, scope: Scope) -> (Scratch, std::path::PathBuf) {
    let scratch = Scratch::new("archive");
    let file = scratch.path().join("backup.plasma");
    plasma_node::storage::archive::write(&Storage::reader(storage), &file, scope, &mut quiet).unwrap();
    (scratch, file)
}
