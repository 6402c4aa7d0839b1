//! What a watcher gets at the door to end a dishonest exit.

use plasma_core::{ExitId, Hash, Height, L1Event, Position, SigningKey, Spender, history, merkle};
use plasma_node::{
    answers::{Archive, UNLIMITED},
    api::{Code, view::ChallengeData},
    bridge::watcher::{Confirmed, Sighting},
    runtime::l1::translate,
    storage::Storage as _,
};

use super::{
    bridge_stub::CONTRACTS,
    chain::{Chain, genesis, user},
    http::{door, get},
    stub::block,
};

/// A chain on which Alice spent an output.
async fn spent() -> (Chain, Position) {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let coin = chain.deposit(&alice, 100).await;
    chain.include(chain.payment(&alice, (coin, 100), &user(2), 40));
    chain.seal(&[]).await;
    (chain, coin)
}

fn exit(number: u8, position: Position, owner: &SigningKey) -> (ExitId, L1Event) {
    let id = ExitId(Hash([number; 32]));
    let owner = owner.address();
    (id, L1Event::ExitStarted { id, position, owner })
}

async fn challenge_of(chain: &Chain, output: Position) -> ChallengeData {
    get(&door(chain), &format!("/v1/outputs/{output}/challenge-data"))
        .await
        .document()
}

#[tokio::test]
async fn what_was_not_spent_has_nothing_to_challenge_with() {
    let (mut chain, _) = spent().await;
    let kept = chain.deposit(&user(3), 5).await;
    for output in [kept.to_string(), "77:0:0".to_owned()] {
        get(&door(&chain), &format!("/v1/outputs/{output}/challenge-data"))
            .await
            .problem(Code::NotFound);
    }
    get(&door(&chain), "/v1/outputs/x/challenge-data")
        .await
        .problem(Code::MalformedRequest);
}

#[tokio::test]
async fn a_spent_output_shows_its_spender_and_its_place_once_it_is_anchored() {
    let (mut chain, coin) = spent().await;
    let shown = challenge_of(&chain, coin).await;
    let spender = chain.blocks[1].0.body[0].clone();
    assert_eq!((shown.spender.0, shown.input), (spender.encode(), 0));
    assert!(shown.exit.is_none() && shown.calldata.is_none() && shown.included.is_none());
    chain.seal(&[]).await;
    chain.anchor(1);
    let place = challenge_of(&chain, coin).await.included.expect("anchored");
    assert_eq!((place.height, place.index, place.anchor.number), (2, 0, 1));
    let anchored = chain.state().header;
    let leaf = history::leaf(
        Height(place.height),
        place.transaction_count,
        place.transactions_root.0,
        plasma_core::L1Height(place.l1_height),
    );
    let way: Vec<_> = place.history_proof.iter().map(|hash| hash.0).collect();
    let covered = anchored.height.0 + 1;
    assert!(merkle::verify(
        leaf,
        place.height,
        covered,
        &way,
        anchored.history_root
    ));
}

#[tokio::test]
async fn with_an_open_exit_the_call_is_the_one_that_our_own_challenger_sends() {
    let (mut chain, coin) = spent().await;
    let (later, second) = exit(9, coin, &user(1));
    let (first, started) = exit(7, coin, &user(1));
    chain.seal(&[second, started]).await;
    let (height, transaction, input) = (Height(2), 0, 0);
    let by = Spender {
        height,
        transaction,
        input,
    };
    let sent = |chain: &Chain, exit| {
        let archive = Archive {
            reader: &chain.storage.reader(),
            anchors: &chain.anchors,
            anchored: chain.anchors.newest().map_or(Height(0), |anchor| anchor.height),
            last_valid: UNLIMITED,
        };
        let proof = archive.spend(exit, by).unwrap().expect("it can be shown");
        CONTRACTS.challenge_call(&proof).data
    };
    let shown = challenge_of(&chain, coin).await;
    let number = plasma_core::Amount::from_be_bytes(first.0.0).to_string();
    assert_eq!(
        shown.exit,
        Some(number),
        "of two exits the one that is paid first"
    );
    assert_ne!(sent(&chain, first), sent(&chain, later));
    assert_eq!(shown.calldata.unwrap().0, sent(&chain, first));
}

#[tokio::test]
async fn an_exit_that_no_block_covers_yet_is_challenged_all_the_same() {
    let (chain, coin) = spent().await;
    let (_, started) = exit(7, coin, &user(1));
    let confirmed = |height, events| {
        let (block, anchors) = (block(height, 0), Vec::new());
        Sighting::Confirmed(Confirmed {
            block,
            events,
            anchors,
        })
    };
    drop(translate(confirmed(4, vec![started]), &chain.books));
    assert!(challenge_of(&chain, coin).await.calldata.is_some());
    let ended = L1Event::ExitEnded {
        id: ExitId(Hash([7; 32])),
        position: coin,
        paid: false,
    };
    drop(translate(confirmed(5, vec![ended]), &chain.books));
    assert!(challenge_of(&chain, coin).await.exit.is_none());
}

#[tokio::test]
async fn what_the_contract_would_not_take_is_no_call() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let (one, other) = (chain.deposit(&alice, 60).await, chain.deposit(&alice, 40).await);
    let input = |position, amount: u64| plasma_core::Input {
        position,
        amount: plasma_core::Amount::from(amount),
    };
    let payment = plasma_core::Payment {
        owner: user(2).address(),
        amount: plasma_core::Amount::from(100),
    };
    chain.anchor(1);
    let payment = chain.transfer(vec![input(one, 60), input(other, 40)], vec![payment]);
    chain.include(payment.sign(&chain.genesis.domain(), &alice));
    chain.seal(&[]).await;
    chain.seal(&[exit(7, other, &alice).1]).await;
    let shown = challenge_of(&chain, other).await;
    assert!(shown.exit.is_some() && shown.input == 1);
    assert_eq!(
        shown.calldata, None,
        "two inputs need an anchor over their spender"
    );
    chain.say(|status| status.halted = Some(Height(2)));
    assert_eq!(
        challenge_of(&chain, other).await.calldata,
        None,
        "no anchor comes any more, so a call before must show the inputs"
    );
    chain.say(|status| status.halted = None);
    chain.anchor(2);
    assert!(challenge_of(&chain, other).await.calldata.is_some());
}
