//! An address that owns a hundred thousand outputs: page by page, each as small as the last, while blocks arrive.

use axum::Router;
use plasma_core::{Address, Amount, DepositNumber, L1Event, Position};
use plasma_node::api::{
    text::PositionText,
    view::{AddressView, OutputView, Page},
};

use super::{
    chain::{Chain, genesis, user},
    http::{door, get},
};

const OUTPUTS: u64 = 100_000;
/// Deposits in one block.
const PER_BLOCK: u64 = 10_000;
/// Most of a page, each less than this.
const LIMIT: usize = 500;
const ITEM_BYTES: usize = 400;

#[tokio::test]
async fn a_hundred_thousand_outputs_come_page_by_page() {
    let mut rules = genesis();
    rules.max_l1_events = u32::try_from(PER_BLOCK).unwrap();
    let mut chain = Chain::new(rules);
    let owner = user(1).address();
    let deposit = |number: u64| L1Event::Deposited {
        number: DepositNumber(number),
        owner,
        asset: Address::ZERO,
        amount: Amount::from(number + 1),
    };
    for first in (0..OUTPUTS).step_by(usize::try_from(PER_BLOCK).unwrap()) {
        let events: Vec<L1Event> = (first..first + PER_BLOCK).map(deposit).collect();
        chain.seal(&events).await;
    }
    let router = door(&chain);
    let (mut seen, mut pages, mut sum) = (Vec::new(), 0, Amount::ZERO);
    let mut path = format!("/v1/addresses/{owner}/outputs?limit={LIMIT}");
    loop {
        let answered = get(&router, &path).await;
        assert!(
            answered.body.len() < LIMIT * ITEM_BYTES,
            "{} bytes",
            answered.body.len()
        );
        let page: Page<OutputView> = answered.document();
        pages += 1;
        if pages == 100 {
            // What comes meanwhile comes last.
            chain.seal(&[deposit(OUTPUTS)]).await;
        }
        for item in &page.items {
            sum = sum.checked_add(item.amount.0).unwrap();
            seen.push(item.output.0);
        }
        let Some(cursor) = page.next_cursor else {
            break;
        };
        assert_eq!(page.items.len(), LIMIT);
        path = format!("/v1/addresses/{owner}/outputs?limit={LIMIT}&cursor={cursor}");
    }
    assert_eq!((seen.len(), pages), (100_001, 201));
    assert!(
        seen.is_sorted_by(|one, next| one < next),
        "each once, oldest first"
    );
    let total: u64 = (1..=OUTPUTS + 1).sum();
    assert_eq!(sum, Amount::from(total));
    let view: AddressView = get(&router, &format!("/v1/addresses/{owner}")).await.document();
    assert_eq!(
        (view.balances[0].outputs, view.balances[0].total.0),
        (100_001, sum)
    );

    assert_filters(&router, &seen).await;
}

/// What a filter leaves out costs a bounded look, and the page says where to go on.
async fn assert_filters(router: &Router, seen: &[Position]) {
    let owner = user(1).address();
    let path = format!("/v1/addresses/{owner}/outputs?limit={LIMIT}&min_amount={OUTPUTS}");
    let (mut found, mut cursor, mut asked) = (Vec::new(), None::<String>, 0);
    loop {
        let more = cursor.map_or(String::new(), |cursor| format!("&cursor={cursor}"));
        let page: Page<OutputView> = get(router, &format!("{path}{more}")).await.document();
        found.extend(page.items.iter().map(|item| item.output));
        asked += 1;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let last: Vec<PositionText> = seen
        .iter()
        .rev()
        .take(2)
        .rev()
        .copied()
        .map(PositionText)
        .collect();
    assert_eq!(found, last);
    assert!(asked > 5, "{asked} looks");
}
