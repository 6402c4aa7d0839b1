//! What a storage may say in more than one place, and what nobody here can verify.

use plasma_node::storage::{
    Change, Storage, Table,
    bulk::Stopped,
    check::{Certificates, CheckError, What, verify},
};

use super::{super::chain::secret, expected, quiet, rows_of, story};

#[tokio::test]
async fn a_certificate_of_an_unknown_committee_is_none() {
    let mut chain = story().await;
    let keys: Vec<_> = (0..4).map(secret).collect();
    chain.hand_over(plasma_core::Epoch(1), &keys);
    chain.seal(&[]).await;
    let reader = Storage::reader(&chain.storage);
    for certificates in [Certificates::Newest, Certificates::All] {
        let error = verify(&reader, &expected(&chain), certificates, &mut quiet).unwrap_err();
        assert!(matches!(error, CheckError::Committee { epoch: 1 }), "{error}");
    }
}

/// The fate of a deposit and that of its output are one story.
#[tokio::test]
async fn a_deposit_that_went_back_and_its_output_agree() {
    let chain = story().await;
    let row_of = |table: Table, suits: &dyn Fn(&[u8]) -> bool| {
        let rows = rows_of(&Storage::reader(&chain.storage)).into_iter();
        let mut own = rows.filter(|(own, _)| *own == table).map(|(_, row)| row);
        own.find(|(_, value)| suits(value)).unwrap()
    };
    let found = |table, (key, value): (Vec<u8>, Vec<u8>)| {
        let before = row_of(table, &|_| true);
        let before = rows_of(&Storage::reader(&chain.storage))
            .into_iter()
            .find(|(own, (found, _))| *own == table && *found == key)
            .map_or(before, |(_, row)| row);
        let mut harmed = chain.storage.clone();
        let change = |(key, value)| Change {
            table,
            key,
            value: Some(value),
        };
        harmed.write(vec![change((key, value))]).unwrap();
        let reader = Storage::reader(&chain.storage);
        let error = verify(&reader, &expected(&chain), Certificates::Newest, &mut quiet).unwrap_err();
        harmed.write(vec![change(before)]).unwrap();
        match error {
            CheckError::Contradiction { table, what, .. } => (table, what),
            other => panic!("{other}"),
        }
    };
    // It went back, says the row, and the output is there.
    let (second, _) = row_of(Table::Deposits, &|_| true);
    let second = [&second[..7], &[1]].concat();
    assert_eq!(
        found(Table::Deposits, (second, vec![2])),
        ("deposits", What::Deposit)
    );
    // It was credited, says the row, and the output says that it went back.
    let (reclaimed, _) = row_of(Table::Deposits, &|value| *value == [2]);
    let (output, _) = row_of(Table::Outputs, &|value| value[108] == 3);
    let funded = [&[1][..], &output].concat();
    assert_eq!(
        found(Table::Deposits, (reclaimed, funded)),
        ("deposits", What::Deposit)
    );
    // An output of a payment went back.
    let (paid, mut value) = row_of(Table::Outputs, &|value| value[108] == 2);
    value[108] = 3;
    value[109..].fill(0);
    assert_eq!(found(Table::Outputs, (paid, value)), ("outputs", What::Reclaimed));
}
