//! One row changed is one contradiction found, with its name.

use plasma_node::storage::{
    Change, Storage, Table,
    bulk::Stopped,
    check::{Certificates, CheckError, What, verify},
};

use super::{Moving, expected, quiet, rows_of, story};

#[tokio::test]
async fn whole_story_holds_together() {
    let chain = story().await;
    let reader = Storage::reader(&chain.storage);
    let report = verify(&reader, &expected(&chain), Certificates::Newest, &mut quiet).unwrap();
    assert_eq!(
        (report.height, report.block),
        (chain.state().header.height, chain.state().id)
    );
    assert_eq!(
        (
            report.outputs,
            report.unspent,
            report.transactions,
            report.certificates
        ),
        (7, 3, 5, 1)
    );
    let report = verify(&reader, &expected(&chain), Certificates::All, &mut quiet).unwrap();
    assert_eq!(report.certificates, 6);
}

/// What is done to one row.
enum Harm {
    /// It is gone.
    Gone,
    /// One of its bytes is another.
    Byte(usize),
    /// Its value is that of another row of the table.
    Like(usize),
    /// A copy of it stands under a key with another first byte.
    Twin,
}

/// Table, number of the row in it, harm, table and contradiction that must be named; a damaged row has none.
type Case = (Table, usize, Harm, Table, Option<What>);

#[expect(clippy::too_many_lines, reason = "one row per case")]
#[tokio::test]
async fn each_single_contradiction_is_named() {
    use Harm::{Byte, Gone, Like, Twin};
    let cases: Vec<Case> = vec![
        (Table::Meta, 0, Byte(33), Table::Meta, Some(What::Identity)),
        (Table::Meta, 1, Byte(3), Table::Meta, Some(What::Schema)),
        (Table::Meta, 2, Byte(300), Table::Meta, None),
        (Table::Meta, 3, Byte(5), Table::Meta, Some(What::Tip)),
        (Table::Headers, 3, Gone, Table::Headers, Some(What::Missing)),
        (Table::Headers, 3, Like(2), Table::Headers, Some(What::Height)),
        (Table::Headers, 0, Byte(20), Table::Headers, Some(What::Genesis)),
        (Table::Headers, 3, Byte(20), Table::Headers, Some(What::Parent)),
        (
            Table::Headers,
            3,
            Byte(80),
            Table::Headers,
            Some(What::HistoryRoot),
        ),
        (Table::Headers, 7, Twin, Table::Headers, Some(What::Stray)),
        (Table::Leaves, 2, Gone, Table::Leaves, Some(What::Missing)),
        (Table::Leaves, 2, Byte(0), Table::Leaves, Some(What::Leaf)),
        (Table::Leaves, 7, Twin, Table::Leaves, Some(What::Stray)),
        (Table::Blocks, 2, Gone, Table::Blocks, Some(What::Missing)),
        (Table::Blocks, 2, Byte(3), Table::Blocks, Some(What::BlockPlace)),
        (Table::Blocks, 2, Twin, Table::Blocks, Some(What::Stray)),
        (
            Table::Certificates,
            1,
            Like(0),
            Table::Certificates,
            Some(What::CertificateBlock),
        ),
        (
            Table::Certificates,
            5,
            Byte(100),
            Table::Certificates,
            Some(What::Certificate),
        ),
        (
            Table::Certificates,
            5,
            Twin,
            Table::Certificates,
            Some(What::Stray),
        ),
        (Table::Bodies, 4, Gone, Table::Bodies, Some(What::Missing)),
        (
            Table::Bodies,
            4,
            Byte(30),
            Table::Bodies,
            Some(What::TransactionsRoot),
        ),
        (Table::Bodies, 4, Like(0), Table::Bodies, None),
        (Table::Bodies, 7, Twin, Table::Bodies, Some(What::Stray)),
        (
            Table::Transactions,
            1,
            Gone,
            Table::Transactions,
            Some(What::Missing),
        ),
        (
            Table::Transactions,
            1,
            Byte(7),
            Table::Transactions,
            Some(What::TransactionPlace),
        ),
        (
            Table::Transactions,
            1,
            Twin,
            Table::Transactions,
            Some(What::Stray),
        ),
        (Table::Outputs, 0, Gone, Table::Outputs, Some(What::Missing)),
        (Table::Outputs, 0, Byte(0), Table::Outputs, Some(What::Output)),
        (Table::Outputs, 1, Byte(40), Table::Outputs, Some(What::Output)),
        (Table::Outputs, 1, Byte(60), Table::Outputs, Some(What::Output)),
        (Table::Outputs, 1, Byte(103), Table::Outputs, Some(What::Output)),
        // An open exit that the record does not count any more: only the commitment shows it.
        (Table::Outputs, 1, Byte(107), Table::Meta, Some(What::Commitment)),
        (Table::Outputs, 0, Byte(112), Table::Outputs, Some(What::Unspent)),
        (Table::Outputs, 6, Twin, Table::Outputs, Some(What::Stray)),
        (Table::Owners, 0, Gone, Table::Owners, Some(What::Missing)),
        (Table::Owners, 0, Twin, Table::Owners, Some(What::Stray)),
        (Table::Totals, 0, Gone, Table::Totals, Some(What::Missing)),
        (Table::Totals, 0, Byte(31), Table::Totals, Some(What::Total)),
        (Table::Totals, 0, Twin, Table::Totals, Some(What::Stray)),
        (Table::Exits, 0, Gone, Table::Meta, Some(What::Commitment)),
        (Table::Exits, 0, Byte(12), Table::Meta, Some(What::Commitment)),
        (Table::Exits, 0, Twin, Table::Meta, Some(What::Commitment)),
        (Table::Deposits, 0, Gone, Table::Deposits, Some(What::Missing)),
        (Table::Deposits, 0, Byte(4), Table::Deposits, Some(What::Deposit)),
        (Table::Deposits, 1, Twin, Table::Deposits, Some(What::Deposit)),
    ];
    let chain = story().await;
    for (number, (table, row, harm, named, what)) in cases.into_iter().enumerate() {
        let rows = rows_of(&Storage::reader(&chain.storage));
        let own: Vec<_> = rows
            .iter()
            .filter(|(own, _)| *own == table)
            .map(|(_, row)| row)
            .collect();
        let (mut key, mut value) = own[row].clone();
        let mut undo = vec![(key.clone(), Some(value.clone()))];
        let mut harmed = chain.storage.clone();
        let value = match harm {
            Gone => None,
            Byte(place) => {
                value[place] ^= 1;
                Some(value)
            }
            Like(other) => Some(own[other].1.clone()),
            Twin => {
                key[0] ^= 0x40;
                undo.push((key.clone(), None));
                Some(value)
            }
        };
        let change = |(key, value)| Change { table, key, value };
        harmed.write(vec![change((key, value))]).unwrap();
        let error = verify(
            &Storage::reader(&chain.storage),
            &expected(&chain),
            Certificates::Newest,
            &mut quiet,
        );
        let error = error.expect_err(&format!("case {number} in {}", table.name()));
        let words = error.to_string();
        match (&error, what) {
            (CheckError::Contradiction { table, what, .. }, Some(expected)) => {
                assert_eq!(
                    (*table, *what),
                    (named.name(), expected),
                    "case {number}: {words}"
                );
            }
            (CheckError::Storage(_), None) => {}
            _ => panic!("case {number}: {words}"),
        }
        assert!(
            words.contains(named.name()) && words.contains("restore a backup"),
            "case {number}: {words}"
        );
        harmed.write(undo.into_iter().map(change).collect()).unwrap();
    }
    let reader = Storage::reader(&chain.storage);
    verify(&reader, &expected(&chain), Certificates::All, &mut quiet).unwrap();
}

#[tokio::test]
async fn output_that_names_a_spender_that_does_not_spend_it_is_found() {
    let chain = story().await;
    let mut harmed = chain.storage.clone();
    // An exited output turns into one spent by the first input of the last block; only the bodies know better.
    let exited = |value: &[u8]| value[108] == 2;
    let rows = rows_of(&Storage::reader(&chain.storage));
    let (key, mut value) = rows
        .into_iter()
        .find(|(table, (_, value))| *table == Table::Outputs && exited(value))
        .map(|(_, row)| row)
        .unwrap();
    value[108..].fill(0);
    value[108] = 1;
    value[109..113].copy_from_slice(&7u32.to_be_bytes());
    let (table, value) = (Table::Outputs, Some(value));
    harmed.write(vec![Change { table, key, value }]).unwrap();
    let reader = Storage::reader(&chain.storage);
    let error = verify(&reader, &expected(&chain), Certificates::Newest, &mut quiet).unwrap_err();
    assert!(
        matches!(
            error,
            CheckError::Contradiction {
                what: What::Spender,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn older_certificate_is_verified_only_when_asked() {
    let chain = story().await;
    let rows = rows_of(&Storage::reader(&chain.storage));
    let (key, mut value) = rows
        .into_iter()
        .find(|(table, _)| *table == Table::Certificates)
        .map(|(_, row)| row)
        .unwrap();
    value[100] ^= 1;
    let (table, value) = (Table::Certificates, Some(value));
    chain
        .storage
        .clone()
        .write(vec![Change { table, key, value }])
        .unwrap();
    let reader = Storage::reader(&chain.storage);
    verify(&reader, &expected(&chain), Certificates::Newest, &mut quiet).unwrap();
    let error = verify(&reader, &expected(&chain), Certificates::All, &mut quiet).unwrap_err();
    assert!(
        matches!(
            error,
            CheckError::Contradiction {
                what: What::Certificate,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn foreign_storage_is_refused() {
    let chain = story().await;
    let reader = Storage::reader(&chain.storage);
    let mut other = (*chain.genesis).clone();
    other.name = "another".into();
    for expected in [
        plasma_node::storage::check::Expected {
            genesis: &other,
            ..expected(&chain)
        },
        plasma_node::storage::check::Expected {
            key: plasma_core::Hash([1; 32]),
            ..expected(&chain)
        },
    ] {
        let error = verify(&reader, &expected, Certificates::Newest, &mut quiet).unwrap_err();
        assert!(
            matches!(
                error,
                CheckError::Contradiction {
                    what: What::Identity,
                    ..
                }
            ),
            "{error}"
        );
    }
}

/// What a check says after some rows were changed.
fn harmed(chain: &super::Chain, changes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>) -> CheckError {
    let change = |(table, key, value)| Change { table, key, value };
    chain
        .storage
        .clone()
        .write(changes.into_iter().map(change).collect())
        .unwrap();
    let reader = Storage::reader(&chain.storage);
    verify(&reader, &expected(chain), Certificates::Newest, &mut quiet).unwrap_err()
}

fn expect(error: &CheckError, table: Table, expected: What) {
    let CheckError::Contradiction {
        table: named, what, ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!((*named, *what), (table.name(), expected), "{error}");
}

#[tokio::test]
async fn output_that_no_transaction_created_is_found_between_those_that_are() {
    let chain = story().await;
    let rows = rows_of(&Storage::reader(&chain.storage));
    let (_, (_, value)) = rows
        .into_iter()
        .find(|(table, _)| *table == Table::Outputs)
        .unwrap();
    let key = [&1u32.to_be_bytes()[..], &[0; 4], &[5]].concat();
    expect(
        &harmed(&chain, vec![(Table::Outputs, key, Some(value))]),
        Table::Outputs,
        What::Stray,
    );
}

#[tokio::test]
async fn row_of_an_owner_holds_nothing() {
    let chain = story().await;
    let rows = rows_of(&Storage::reader(&chain.storage));
    let (_, (key, _)) = rows
        .into_iter()
        .find(|(table, _)| *table == Table::Owners)
        .unwrap();
    expect(
        &harmed(&chain, vec![(Table::Owners, key, Some(vec![1]))]),
        Table::Owners,
        What::OwnerValue,
    );
}

#[tokio::test]
async fn horizon_above_the_next_height_is_found() {
    let chain = story().await;
    let value = Some(9u32.to_be_bytes().to_vec());
    expect(
        &harmed(&chain, vec![(Table::Meta, b"horizon".to_vec(), value)]),
        Table::Meta,
        What::Horizon,
    );
}

#[tokio::test]
async fn newest_header_that_is_not_that_of_the_state_is_found() {
    let chain = story().await;
    let mut header = chain.state().header;
    let height = header.height.0.to_be_bytes().to_vec();
    header.timestamp_ms.0 += 1;
    let changes = vec![
        (Table::Headers, height.clone(), Some(header.encode().to_vec())),
        (Table::Blocks, chain.state().id.0.0.to_vec(), None),
        (Table::Blocks, header.id().0.0.to_vec(), Some(height)),
    ];
    expect(&harmed(&chain, changes), Table::Meta, What::State);
}

#[tokio::test]
async fn storage_that_changes_meanwhile_is_not_vouched_for() {
    let chain = story().await;
    let still = Moving::new(&chain.storage, u32::MAX);
    verify(&still, &expected(&chain), Certificates::Newest, &mut quiet).unwrap();
    // The last look is at the tip.
    let moving = Moving::new(&chain.storage, still.moments.get());
    let error = verify(&moving, &expected(&chain), Certificates::Newest, &mut quiet).unwrap_err();
    assert!(matches!(error, CheckError::Moved), "{error}");
}
