//! What Ethereum says of an open exit, as the door tells it.

use plasma_core::{Address, Amount, ExitId, Hash, Height, L1Event, Position};
use plasma_node::{
    api::view::{EthereumExit, ExitView, Page},
    bridge::{
        Notice,
        decode::{Shown, Told},
        games::NOWHERE,
        watcher::{Confirmed, Sighting},
    },
    runtime::l1::translate,
};

use super::{
    chain::{Chain, genesis, user},
    http::{door, get},
    stub::block,
};

const BOND: u64 = 14;
/// When it may be paid, in seconds of L1.
const EXITABLE_S: u64 = 1_800_000_000;

/// An id as the contract gives it.
fn id(position: Position) -> ExitId {
    let number = [
        &[0; 10][..],
        &EXITABLE_S.to_be_bytes(),
        &position.to_bytes(),
        &[0, 0, 0, 0, 1],
    ];
    ExitId(Hash(number.concat().try_into().unwrap()))
}

/// Alice exits an output of a hundred; Ethereum showed that in a block of second 1 009.
async fn exiting() -> (Chain, ExitId) {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let position = chain.deposit(&alice, 100).await;
    let id = id(position);
    let started = L1Event::ExitStarted {
        id,
        position,
        owner: alice.address(),
    };
    happens(&mut chain, started).await;
    (chain, id)
}

/// An event of that block, which the next block of ours covers.
async fn happens(chain: &mut Chain, event: L1Event) {
    let confirmed = Confirmed {
        block: block(9, 0),
        events: vec![event.clone()],
        anchors: Vec::new(),
    };
    drop(translate(Sighting::Confirmed(confirmed), &chain.books));
    chain.seal(&[event]).await;
}

async fn seen(chain: &Chain) -> Option<EthereumExit> {
    let page: Page<ExitView> = get(&door(chain), "/v1/exits").await.document();
    let [listed] = &page.items[..] else {
        panic!("{page:?}")
    };
    let path = format!("/v1/exits/{}", listed.id);
    let one: ExitView = get(&door(chain), &path).await.document();
    assert_eq!(one, *listed);
    one.ethereum
}

#[tokio::test]
async fn an_exit_says_from_when_on_it_is_paid_and_how_much() {
    let (chain, _) = exiting().await;
    assert_eq!(seen(&chain).await, None, "the past is not read yet");
    chain.books.docket.on_whole(Amount::from(BOND));
    let told = seen(&chain).await.expect("known");
    assert_eq!(told.started_at.as_deref(), Some("1970-01-01T00:16:49.000Z"));
    assert_eq!(told.exitable_at, "2027-01-15T08:00:00.000Z");
    assert_eq!(
        (told.bond.0, told.amount.0, told.challenged),
        (Amount::from(BOND), Amount::from(100), false)
    );
}

#[tokio::test]
async fn a_challenge_that_stands_is_told_until_it_is_rebutted() {
    let (chain, id) = exiting().await;
    chain.books.docket.on_whole(Amount::from(BOND));
    let told = Told {
        height: Height(1),
        leaf: Hash([3; 32]),
    };
    for (notice, expected) in [
        (Notice::ChallengeClaimed(id, told), true),
        (Notice::ChallengeRebutted(id), false),
    ] {
        let sighting = Sighting::Noticed {
            notice,
            is_confirmed: true,
        };
        drop(translate(sighting, &chain.books));
        assert_eq!(seen(&chain).await.unwrap().challenged, expected);
    }
}

#[tokio::test]
async fn an_exit_in_flight_says_what_is_paid_as_things_stand() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let position = chain.deposit(&alice, 100).await;
    let id = id(position);
    let payment = chain.payment(&alice, (position, 100), &user(2), 60);
    let transaction = payment.encode();
    happens(&mut chain, L1Event::InFlightExitStarted { id, transaction }).await;
    assert_eq!(seen(&chain).await, None, "the past is not read yet");
    chain.books.docket.on_whole(Amount::from(BOND));
    let told = seen(&chain).await.expect("known");
    assert_eq!(told.started_at.as_deref(), Some("1970-01-01T00:16:49.000Z"));
    assert_eq!(told.exitable_at, "2027-01-15T08:00:00.000Z");
    assert_eq!((told.bond.0, told.asset.0), (Amount::from(BOND), Address::ZERO));
    let inputs = Shown::Claimed(1 << 4);
    for (shown, is_confirmed, challenged, amount) in [
        (Shown::Claimed(1 << 1), false, false, 0),
        (Shown::Claimed(1 << 1), true, false, 40),
        (inputs, true, false, 40),
        (Shown::Contested(NOWHERE), true, true, 100),
        (Shown::Included(position.pack()), true, false, 40),
    ] {
        let notice = Notice::InFlightStirred(id, shown);
        drop(translate(
            Sighting::Noticed { notice, is_confirmed },
            &chain.books,
        ));
        let told = seen(&chain).await.unwrap();
        assert_eq!(
            (told.challenged, told.amount.0),
            (challenged, Amount::from(amount)),
            "{shown:?}"
        );
    }
    // Nothing of it counts when the chain was halted below what shows it.
    chain.say(|status| status.halted = Some(Height(0)));
    assert!(seen(&chain).await.unwrap().challenged);
    let ended = L1Event::InFlightExitEnded {
        id,
        paid_outputs: 0,
        consumed_inputs: 1,
    };
    happens(&mut chain, ended).await;
    assert_eq!(chain.books.docket.flight(&id, None), None);
}
