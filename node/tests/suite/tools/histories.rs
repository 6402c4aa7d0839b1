//! Every row of the history of owners is accounted for.

use plasma_node::storage::{
    Change, Storage, Table,
    bulk::Stopped,
    check::{Certificates, CheckError, What, verify},
};

use super::{expected, quiet, rows_of, story};

#[tokio::test]
async fn every_row_of_the_history_is_accounted_for() {
    let chain = story().await;
    let rows = rows_of(&Storage::reader(&chain.storage));
    let own: Vec<_> = rows
        .into_iter()
        .filter(|(table, _)| *table == Table::History)
        .map(|(_, row)| row)
        .collect();
    assert_eq!(own.len(), 7 + 4, "seven outputs came and four went");
    let found = |changes: Vec<(Vec<u8>, Option<Vec<u8>>)>| {
        let change = |(key, value)| Change {
            table: Table::History,
            key,
            value,
        };
        let mut harmed = chain.storage.clone();
        harmed.write(changes.into_iter().map(change).collect()).unwrap();
        let reader = Storage::reader(&chain.storage);
        match verify(&reader, &expected(&chain), Certificates::Newest, &mut quiet) {
            Err(CheckError::Contradiction { table, what, .. }) => Some((table, what)),
            Ok(_) => None,
            Err(other) => panic!("{other}"),
        }
    };
    let mut ends = 0;
    for (key, value) in &own {
        let (table, what) = found(vec![(key.clone(), None)]).unwrap();
        assert!(
            table == "history" && matches!(what, What::Missing | What::Ends),
            "{what}"
        );
        ends += u8::from(what == What::Ends);
        let mut twin = key.clone();
        twin[0] ^= 0x40;
        let all = vec![
            (key.clone(), Some(value.clone())),
            (twin.clone(), Some(value.clone())),
        ];
        assert_eq!(found(all), Some(("history", What::Stray)));
        assert_eq!(found(vec![(twin, None)]), None);
        if !value.is_empty() {
            let other = value.iter().map(|byte| byte ^ 1).collect();
            assert_eq!(
                found(vec![(key.clone(), Some(other))]),
                Some(("history", What::Deposit))
            );
            assert_eq!(found(vec![(key.clone(), Some(value.clone()))]), None);
        }
    }
    assert!(ends > 0, "an output left through Ethereum");
}
