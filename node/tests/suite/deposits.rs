//! Deposits as the door lists them: on their way, credited and taken back, page by page.

use axum::Router;
use plasma_core::{
    Address, Amount, DepositNumber, Input, L1Block, L1Event, L1Height, Payment, Position, SigningKey,
};
use plasma_node::{
    api::{
        Books, Code,
        view::{DepositView, Page},
    },
    bridge::watcher::{Confirmed, Sighting},
    runtime::l1::translate,
};

use super::{
    bridge_stub::{deposit as mined, watch_stub},
    chain::{Chain, genesis, user},
    http::{door, get},
    stub::{Stub, block},
};

fn event(number: u64, owner: &SigningKey, amount: u64) -> L1Event {
    L1Event::Deposited {
        number: DepositNumber(number),
        owner: owner.address(),
        asset: Address::ZERO,
        amount: Amount::from(amount),
    }
}

fn numbers(page: &Page<DepositView>) -> Vec<u64> {
    page.items.iter().map(|deposit| deposit.number).collect()
}

async fn page(router: &Router, query: &str, cursor: Option<&String>) -> Page<DepositView> {
    let cursor = cursor
        .map(|cursor| format!("&cursor={cursor}"))
        .unwrap_or_default();
    get(router, &format!("/v1/deposits?{query}{cursor}"))
        .await
        .document()
}

/// A deposit on its way, in an Ethereum block that stands so far below the head.
fn arrives(books: &Books, deposit: L1Event, (l1_height, head): (u64, u64)) {
    let blocks = vec![(L1Height(l1_height), vec![deposit])];
    let above = L1Height(l1_height - 1);
    let told = translate(Sighting::Arriving { above, blocks }, books);
    assert!(told.is_empty(), "the operator is told when it is confirmed");
    let head = L1Block {
        height: L1Height(head),
        ..L1Block::default()
    };
    drop(translate(Sighting::Head(head), books));
}

#[tokio::test]
async fn pages_of_deposits_join_while_blocks_arrive() {
    let mut chain = Chain::new(genesis());
    for amount in 1..=7 {
        chain.deposit(&user(1), amount).await;
    }
    let router = door(&chain);
    let (mut seen, mut next) = (Vec::new(), None);
    loop {
        let found = page(&router, "limit=3", next.as_ref()).await;
        seen.push(numbers(&found));
        chain.deposit(&user(2), 100).await;
        next = found.next_cursor;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen, [vec![6, 5, 4], vec![3, 2, 1], vec![0]]);
    let newest = page(&router, "limit=1", None).await;
    let [deposit] = &newest.items[..] else {
        panic!("{newest:?}")
    };
    assert_eq!((deposit.number, deposit.status.as_str()), (9, "credited"));
    assert_eq!(deposit.output.unwrap().to_string(), "10:0:0");
    assert_eq!(
        (deposit.owner.unwrap().0, deposit.amount.unwrap().0),
        (user(2).address(), Amount::from(100))
    );
    let one: DepositView = get(&router, "/v1/deposits/9").await.document();
    assert_eq!(one, *deposit);
}

#[tokio::test]
async fn a_chain_without_deposits_lists_none() {
    let router = door(&Chain::new(genesis()));
    let empty = page(&router, "limit=5", None).await;
    assert_eq!((numbers(&empty), empty.next_cursor), (vec![], None));
    let owner = user(1).address();
    let empty = page(&router, &format!("address={owner}"), None).await;
    assert_eq!((numbers(&empty), empty.next_cursor), (vec![], None));
}

#[tokio::test]
async fn a_deposit_on_its_way_counts_its_confirmations_until_a_block_credits_it() {
    let chain_of = |confirmations| plasma_core::Genesis {
        confirmations,
        ..genesis()
    };
    let mut chain = Chain::new(chain_of(12));
    chain.deposit(&user(1), 5).await;
    let router = door(&chain);
    get(&router, "/v1/deposits/1").await.problem(Code::NotFound);
    let coming = event(1, &user(2), 70);
    for (head, confirmations) in [(40, 0), (44, 4), (60, 12)] {
        arrives(&chain.books, coming.clone(), (40, head));
        let found = page(&router, "limit=9", None).await;
        assert_eq!(numbers(&found), [1, 0]);
        let deposit = &found.items[0];
        assert_eq!(deposit.status, "confirming");
        assert_eq!(
            (deposit.confirmations, deposit.needed, deposit.output),
            (Some(confirmations), Some(12), None)
        );
        assert_eq!(
            (deposit.owner.unwrap().0, deposit.amount.unwrap().0),
            (user(2).address(), Amount::from(70))
        );
        let one: DepositView = get(&router, "/v1/deposits/1").await.document();
        assert_eq!(one, *deposit);
    }
    chain.deposit(&user(2), 70).await;
    let found = page(&router, "limit=9", None).await;
    assert_eq!(numbers(&found), [1, 0], "once, though both know of it");
    assert_eq!(
        (found.items[0].status.as_str(), found.items[0].confirmations),
        ("credited", None)
    );
}

#[tokio::test]
async fn pages_of_what_is_on_its_way_and_of_what_was_credited_join() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    for amount in 1..=3 {
        chain.deposit(&alice, amount).await;
    }
    for number in 3..6 {
        let owner = if number == 4 { user(2) } else { user(1) };
        arrives(&chain.books, event(number, &owner, 1), (40 + number, 50));
    }
    let router = door(&chain);
    let of_alice = format!("limit=2&address={}", alice.address());
    for (query, expected) in [
        ("limit=2", vec![vec![5, 4], vec![3, 2], vec![1, 0]]),
        (of_alice.as_str(), vec![vec![5, 3], vec![2, 1], vec![0]]),
    ] {
        let (mut seen, mut next) = (Vec::new(), None);
        loop {
            let found = page(&router, query, next.as_ref()).await;
            seen.push(numbers(&found));
            next = found.next_cursor;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{query}");
    }
    // What was on its way is credited between two pages: it is told once.
    let first = page(&router, &of_alice, None).await;
    for owner in [&alice, &user(2), &alice] {
        chain.deposit(owner, 1).await;
    }
    let second = page(&router, &of_alice, first.next_cursor.as_ref()).await;
    assert_eq!((numbers(&first), numbers(&second)), (vec![5, 3], vec![2, 1]));
}

#[tokio::test]
async fn a_deposit_that_went_back_is_told_to_its_owner_with_its_output() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let output = chain.deposit(&alice, 5).await;
    let number = DepositNumber(0);
    chain.seal(&[L1Event::DepositReclaimed { number }]).await;
    let router = door(&chain);
    let all = page(&router, "limit=5", None).await;
    assert_eq!(
        (all.items[0].status.as_str(), all.items[0].owner),
        ("reclaimed", None)
    );
    let own = page(&router, &format!("address={}", alice.address()), None).await;
    assert_eq!(own.items[0].status, "reclaimed");
    assert_eq!(own.items[0].output.unwrap().0, output);
}

#[tokio::test]
async fn a_page_that_leaves_much_out_is_short_and_goes_on() {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    chain.deposit(&alice, 7).await;
    // The history of Alice grows by what Bob pays her and she pays herself, four outputs each time.
    let deposits: Vec<L1Event> = (1..=64).map(|number| event(number, &bob, 256)).collect();
    let block = chain.seal(&deposits).await;
    let mut coins: Vec<Position> = (0..64)
        .map(|transaction| Position {
            block,
            transaction,
            output: 0,
        })
        .collect();
    let (mut payer, mut amount) = (&bob, 256u64);
    for _ in 0..3 {
        let spent = coins.len().min(PAYMENTS);
        for position in coins.iter().take(spent) {
            let part = Payment {
                owner: alice.address(),
                amount: Amount::from(amount / 4),
            };
            let input = Input {
                position: *position,
                amount: Amount::from(amount),
            };
            let payment = chain.transfer(vec![input], vec![part; 4]);
            chain.include(payment.sign(&chain.genesis.domain(), payer));
        }
        let block = chain.seal(&[]).await;
        coins = (0..u32::try_from(spent).unwrap())
            .flat_map(|transaction| {
                (0..4).map(move |output| Position {
                    block,
                    transaction,
                    output,
                })
            })
            .collect();
        (payer, amount) = (&alice, amount / 4);
    }
    let router = door(&chain);
    let query = format!("limit=500&address={}", alice.address());
    let first = page(&router, &query, None).await;
    assert!(
        first.items.is_empty() && first.next_cursor.is_some(),
        "so much is not read at once"
    );
    let second = page(&router, &query, first.next_cursor.as_ref()).await;
    assert_eq!((numbers(&second), second.next_cursor), (vec![0], None));
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    for amount in 1..=3 {
        chain.deposit(&alice, amount).await;
    }
    let router = door(&chain);
    let own = page(&router, &format!("limit=1&address={}", alice.address()), None).await;
    let cursor = own.next_cursor.unwrap();
    for query in [
        format!("cursor={cursor}"),
        "cursor=x".to_owned(),
        "cursor=-1".to_owned(),
        "address=0x12".to_owned(),
        "limit=0".to_owned(),
        "owner=x".to_owned(),
    ] {
        get(&router, &format!("/v1/deposits?{query}"))
            .await
            .problem(Code::MalformedRequest);
    }
}

#[tokio::test]
async fn the_watcher_tells_of_deposits_at_the_head_and_takes_back_what_a_reorganisation_took() {
    let stub = Stub::start().await;
    stub.reorganise(0, 0, vec![vec![], vec![mined(0)], vec![mined(1)]]);
    let mut sightings = watch_stub(&stub, 9);
    let books = Books::default();
    let mut known = async |expected: &[u64]| {
        loop {
            let all = DepositNumber(0)..DepositNumber(u64::MAX);
            let found = books.arrivals.newest(all, None, 9);
            let found: Vec<u64> = found.iter().map(|(number, _)| number.0).collect();
            if found == expected {
                return;
            }
            let next = tokio::time::timeout(std::time::Duration::from_secs(60), sightings.recv());
            let sighting = next.await.expect("not in time").expect("the watcher lives");
            drop(translate(sighting, &books));
        }
    };
    known(&[1, 0]).await;
    stub.reorganise(1, 1, vec![vec![], vec![]]);
    known(&[0]).await;
}

#[test]
fn another_block_at_a_confirmed_height_has_the_last_word() {
    let books = Books::default();
    arrives(&books, event(0, &user(1), 5), (7, 7));
    let confirmed = Confirmed {
        block: block(7, 1),
        events: Vec::new(),
        anchors: Vec::new(),
    };
    drop(translate(Sighting::Confirmed(confirmed), &books));
    assert_eq!(books.arrivals.find(DepositNumber(0)), None);
}

/// As many as a block has room for.
const PAYMENTS: usize = 900;
