//! What members say that no header speaks of: whose word counts, and what Ethereum says of it.

use plasma_core::{Address, Amount, DepositNumber, Epoch, Height, L1Height};
use plasma_node::{
    bridge::{L1Error, contracts::DepositRecord},
    runtime::snapshot_sync::{Found, deposits::Vault, vouchers::Vouchers},
    storage::{Change, Table, bulk::Stopped as _, memory::MemoryStorage},
};

use super::{
    super::{
        chain::user,
        scratch::Scratch,
        tools::{expected, quiet},
    },
    BLOCKS, DEPOSITS, Gives, SNAPSHOT, Seeker, height_of, write,
};

/// Ethereum as the federation heard of it: every block brought its deposits in an L1 block of its own.
impl Vault for Seeker {
    async fn deposit(&self, number: DepositNumber) -> Result<Option<DepositRecord>, L1Error> {
        Ok((number.0 < u64::from(BLOCKS) * DEPOSITS).then(|| DepositRecord {
            owner: user(1).address(),
            l1_height: L1Height(1 + number.0 / DEPOSITS),
            amount: Amount::from(5u64),
            asset: Address::ZERO,
            reclaimed_at: None,
        }))
    }
}

/// Each committee has one liar at most; together they are as many as an honest snapshot needs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_liars_of_several_committees_are_not_counted_together() {
    let seeker = Seeker::new().await;
    let dir = seeker.federation.folder.path();
    let anchor = seeker.federation.anchor(SNAPSHOT + 5);
    let of = |slots: &[u16]| Vouchers {
        slots: slots.iter().copied().collect(),
        faults: 1,
    };
    let apart = [of(&[0, 3, 4, 5]), of(&[1, 6, 7, 8])];
    let among = async |vouchers: &[Vouchers], gives| {
        let members = [(gives, dir); 2];
        let found = seeker.search_among((Epoch(0), vouchers), anchor, &members);
        found.await
    };
    // They say that they keep the bodies, then that they have one snapshot.
    assert_eq!(among(&apart, Gives::Bodies).await, Found::Nowhere);
    assert_eq!(among(&apart, Gives::Truth).await, Found::Nowhere);
    let one = [of(&[0, 1, 2, 3])];
    assert_eq!(among(&one, Gives::Bodies).await, Found::NotNeeded);
    assert_eq!(height_of(among(&one, Gives::Truth).await), Height(SNAPSHOT));
}

/// All members say it, and no header and no other row says otherwise: Ethereum does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_knows_other_deposits_than_ethereum_is_not_taken() {
    let seeker = Seeker::new().await;
    let chain = &seeker.federation.chain;
    let dir = seeker.federation.folder.path();
    let file = dir.join(format!("snapshots/{SNAPSHOT}.plasma"));
    let anchor = seeker.federation.anchor(SNAPSHOT + 5);
    let next = u64::from(SNAPSHOT) * DEPOSITS;
    let went_back = Some(vec![2]);
    // Deposits to come that would never be credited, with a gap and without.
    for number in [next, next + 7] {
        let place = Scratch::new("prophetic");
        let mut forged = MemoryStorage::empty();
        plasma_node::storage::bulk::import(&file, &mut forged, &expected(chain), &mut quiet).unwrap();
        let change = Change {
            table: Table::Deposits,
            key: number.to_be_bytes().to_vec(),
            value: went_back.clone(),
        };
        forged.write(vec![change]).unwrap();
        write(&forged, place.path());
        let found = seeker.search(anchor, &[(Gives::Truth, place.path()); 3]).await;
        assert_eq!(
            (found, seeker.beside()),
            (Found::Nowhere, vec!["db".to_owned()]),
            "{number}"
        );
    }
}
