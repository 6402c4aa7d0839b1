//! Many outputs of one account that leave at once.

use plasma_core::{Amount, Height, L1Event, Position};
use plasma_node::{
    bridge::L1 as _,
    wallet::{
        WalletError,
        exit::{Going, Help, Leaving},
        whole::Wish,
    },
};

use super::holder::{Agreed, keep, mined, payment, purse};
use crate::suite::{deployment::EXIT_PERIOD_S, duties::court::Court, scratch::Scratch, stage::ETHER};

fn output(of: Position, output: u8) -> Position {
    Position { output, ..of }
}

/// Bob has five outputs in two blocks under one anchor, and one under the next.
async fn rich(name: &str) -> (Court, Vec<Position>) {
    let mut court = Court::set(name).await;
    let (bob, key) = (court.stage.bob.address(), court.stage.bob_key.clone());
    let coin = court.fund_bob().await;
    let quarter = ETHER / 4;
    let split = payment(&court, &key, (coin, ETHER), &[(bob, quarter); 4]);
    court.decide(vec![split.clone()]).await;
    let first = court.place(&split);
    let halves = [(bob, quarter / 2); 2];
    let again = payment(&court, &key, (output(first, 3), quarter), &halves);
    court.decide(vec![again.clone()]).await;
    let second = court.place(&again);
    court.anchor().await;
    let last = court.fund_bob().await;
    let owned = [
        first,
        output(first, 1),
        output(first, 2),
        second,
        output(second, 1),
        last,
    ];
    (court, owned.to_vec())
}

fn outputs(leaving: &[Leaving]) -> Vec<Position> {
    let output = |one: &Leaving| match one.what {
        Going::Output(output) => output,
        Going::Payment(id) => panic!("{id}"),
    };
    leaving.iter().map(output).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_under_one_anchor_leave_by_one_call_and_all_costs_are_said_before() {
    let (court, owned) = rich("wallet-batch").await;
    let (folder, agreed) = (Scratch::new("wallet-batch-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    owned
        .iter()
        .for_each(|output| keep(&court, folder.path(), *output));
    let mut bobs = purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    let all = bobs.everything(bob, Help::Nobody, None).await.unwrap();
    assert_eq!((all.outputs, all.left), (owned.clone(), Vec::new()));
    let before = mined(&court, bob).await;
    let started = bobs.exit(bob, &owned, Help::Nobody).await.unwrap();
    assert!(started.failure.is_none(), "{:?}", started.failure);
    assert_eq!(outputs(&started.leaving), owned);
    assert_eq!(mined(&court, bob).await, before + 2, "a batch of five, and one");
    {
        let said = agreed.borrow();
        let bonds = "0.000000000006 ETH, 0.000000000001 ETH for each output";
        for words in ["Start 6 exits", bonds, "2 Ethereum transactions"] {
            assert!(said.len() == 1 && said[0].contains(words), "{said:?}");
        }
    }
    for one in &started.leaving {
        let open = court
            .contracts()
            .exit(&court.rpc(), &one.exit)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(open.owner, bob);
    }
    // What came of it is told again, also before and after it was told, and by a wallet that was closed.
    drop(bobs);
    let mut bobs = purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    for _ in 0..2 {
        let again = bobs.exit(bob, &owned, Help::Nobody).await.unwrap();
        assert_eq!(again.leaving, started.leaving);
        for one in again.leaving {
            bobs.end(one.action).unwrap();
        }
    }
    assert_eq!((mined(&court, bob).await, agreed.borrow().len()), (before + 2, 1));
    let watched = bobs.watch(bob).await.unwrap();
    assert!(watched.exits.len() == 6 && watched.exits.iter().all(|one| one.is_open == Some(true)));
    let all = bobs.everything(bob, Help::Nobody, None).await.unwrap();
    assert_eq!(
        all,
        Wish::default(),
        "nothing is left to leave, and nothing stays behind"
    );

    court.stage.anvil.advance(2 * EXIT_PERIOD_S + 1).await;
    let held = court.rpc().balance(court.contracts().vault).await.unwrap();
    assert_eq!(held, Amount::from(2 * ETHER));
    let ended = bobs.finalize(bob, started.leaving[5].exit).await.unwrap();
    assert_eq!(ended.paid, Some(true), "after the batch before it");
    let held = court.rpc().balance(court.contracts().vault).await.unwrap();
    assert_eq!(held, Amount::ZERO);
    bobs.end(ended.action).unwrap();
    let spent = mined(&court, bob).await;
    for one in &started.leaving {
        let told = bobs.finalize(bob, one.exit).await.unwrap();
        assert_eq!(
            (told.paid, told.action),
            (Some(true), ended.action),
            "it is told again"
        );
    }
    assert_eq!(mined(&court, bob).await, spent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_cannot_leave_holds_no_other_back() {
    let (court, owned) = rich("wallet-bad-batch").await;
    let (folder, agreed) = (Scratch::new("wallet-bad-batch-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    // Another copy of the key had one of them paid.
    let start = court
        .contracts()
        .start_exit_call(&court.inclusion(owned[1]), owned[1].output, court.bond());
    court.send(&court.stage.bob, &start).await.unwrap();
    assert_eq!(court.process().await, Amount::from(ETHER / 4));
    owned
        .iter()
        .for_each(|output| keep(&court, folder.path(), *output));
    let mut bobs = purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    let before = mined(&court, bob).await;
    let started = bobs.exit(bob, &owned[..5], Help::Nobody).await.unwrap();
    let left: Vec<Position> = [0, 2, 3, 4].map(|place: usize| owned[place]).to_vec();
    assert_eq!(outputs(&started.leaving), left);
    assert_eq!(started.left.len(), 1);
    assert_eq!(started.left[0].output, owned[1]);
    let failure = started.failure.unwrap();
    assert!(failure.to_string().contains("AlreadyPaid"), "{failure}");
    assert_eq!(mined(&court, bob).await, before + 4);
    assert_eq!(bobs.unfinished_exits(bob), left, "of the other nothing goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_begun_that_the_account_has_no_bonds_for() {
    let (court, owned) = rich("wallet-poor").await;
    let (folder, agreed) = (Scratch::new("wallet-poor-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    owned
        .iter()
        .for_each(|output| keep(&court, folder.path(), *output));
    let mut bobs = purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    let five_bonds = serde_json::json!([bob.to_string(), "0x4c4b40"]);
    court.stage.anvil.ask("anvil_setBalance", five_bonds).await;
    let error = bobs.exit(bob, &owned, Help::Nobody).await.unwrap_err();
    assert!(matches!(error, WalletError::Funds(_)), "{error}");
    assert!(agreed.borrow().is_empty() && bobs.book().next() == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_behind_more_places_than_one_command_pays_is_paid_by_the_next() {
    let mut court = Court::set("wallet-queue").await;
    let (bob, key) = (court.stage.bob.address(), court.stage.bob_key.clone());
    let mut owned = vec![court.fund_bob().await];
    let mut held = ETHER;
    while owned.len() < EXITS {
        held /= 4;
        let split = |coin: &Position| payment(&court, &key, (*coin, held * 4), &[(bob, held); 4]);
        let payments: Vec<_> = owned.iter().map(split).collect();
        court.decide(payments.clone()).await;
        let places = payments.iter().map(|payment| court.place(payment));
        owned = places
            .flat_map(|place| (0..4).map(move |number| output(place, number)))
            .collect();
    }
    court.anchor().await;
    owned.sort_unstable();
    for one in &owned[..EXITS] {
        let inclusion = court.inclusion(*one);
        let start = court
            .contracts()
            .start_exit_call(&inclusion, one.output, court.bond());
        court.send(&court.stage.bob, &start).await.unwrap();
    }
    let last = court.rpc().newest().await.unwrap().height;
    let events = court.ethereum.events(last..=last).await.unwrap();
    let [L1Event::ExitStarted { id: last, .. }] = *events.as_slice() else {
        panic!("{events:?}")
    };
    court.stage.anvil.advance(2 * EXIT_PERIOD_S + 1).await;
    let (folder, agreed) = (Scratch::new("wallet-queue-bob"), Agreed::default());
    let mut bobs = purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    let error = bobs.finalize(bob, last).await.unwrap_err();
    assert!(matches!(error, WalletError::Waiting(_)), "{error}");
    let before = mined(&court, bob).await;
    let ended = bobs.finalize(bob, last).await.unwrap();
    assert_eq!(ended.paid, Some(true));
    assert_eq!(
        mined(&court, bob).await,
        before + 1,
        "what was paid is not paid again"
    );
}

/// One more than one run of the command has paid: sixteen calls of eight places.
const EXITS: usize = 129;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_an_exit_ended_by_others_hands_is_told() {
    let (mut court, owned) = rich("wallet-ended").await;
    let (folder, agreed) = (Scratch::new("wallet-ended-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    owned[..2]
        .iter()
        .for_each(|output| keep(&court, folder.path(), *output));
    // Another machine with the same key spent the second.
    let key = court.stage.bob_key.clone();
    let spent = payment(&court, &key, (owned[1], ETHER / 4), &[(bob, ETHER / 4)]);
    court.decide(vec![spent.clone()]).await;
    let mut bobs = purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    let started = bobs.exit(bob, &owned[..2], Help::Nobody).await.unwrap();
    let [paid, challenged] = *started.leaving.as_slice() else {
        panic!("{started:?}");
    };
    assert_eq!(bobs.look(paid).await.unwrap().is_open, Some(true));
    let proof = court.spend(challenged.exit, court.place(&spent), Height(u32::MAX));
    let challenge = court.contracts().challenge_call(&proof);
    court.send(&court.stage.alice, &challenge).await.unwrap();
    court.process().await;
    let before = mined(&court, bob).await;
    for (one, is_paid) in [(paid, true), (challenged, false)] {
        let watched = bobs.look(one).await.unwrap();
        assert_eq!((watched.is_open, watched.paid), (Some(false), Some(is_paid)));
    }
    let ended = bobs.finalize(bob, paid.exit).await.unwrap();
    assert_eq!(ended.paid, Some(true));
    bobs.end(ended.action).unwrap();
    let error = bobs.finalize(bob, challenged.exit).await.unwrap_err();
    assert!(matches!(error, WalletError::Refused(_)), "{error}");
    assert!(error.to_string().contains("was not paid"), "{error}");
    assert_eq!(mined(&court, bob).await, before, "nothing is signed for it");
}
