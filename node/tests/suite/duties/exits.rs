//! Standard exits of outputs that were spent.

use plasma_core::{Amount, ExitId, Height, L1Event, Position, SignedTransaction, Spender};
use plasma_node::{
    bridge::{L1, account::Call},
    operator::effect::Effect,
    runtime::l1::challenge_call,
};

use super::court::{Court, eventually};

const NEVER: u32 = u32::MAX;
/// As the contract says it while the chain is not halted.
const UNLIMITED: Height = Height(u32::MAX);

/// Bob exits an output that he spent.
async fn exit(court: &Court, spent: Position) -> ExitId {
    let start = court
        .contracts()
        .start_exit_call(&court.inclusion(spent), 0, court.bond());
    let mined = court.send(&court.stage.bob, &start).await.unwrap();
    let events = court.ethereum.events(mined.block..=mined.block).await.unwrap();
    let [L1Event::ExitStarted { id, .. }] = *events.as_slice() else {
        panic!("{events:?}")
    };
    id
}

async fn challenged(court: &Court, exit: ExitId, by: &SignedTransaction) {
    let place = court.place(by);
    let spender = Spender {
        height: place.block,
        transaction: place.transaction,
        input: 0,
    };
    court.does(Effect::Challenge { exit, spender }).await;
    let (contracts, rpc) = (court.contracts(), court.rpc());
    let ended = async || contracts.exit(&rpc, &exit).await.unwrap().is_none();
    eventually("the exit is challenged", ended).await;
    assert_eq!(court.process().await, Amount::ZERO, "nothing of it is paid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exit_of_a_spent_output_ends_by_the_spend_alone() {
    let mut court = Court::set("spent").await;
    let funded = court.fund_bob().await;
    let paid = court.pay(&court.stage.bob_key, funded, &court.stage.alice, NEVER);
    // No anchor covers the spend, and none need.
    court.decide(vec![paid.clone()]).await;
    let exit = exit(&court, funded).await;
    challenged(&court, exit, &paid).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spend_that_expired_since_is_shown_with_its_place() {
    let mut court = Court::set("expired").await;
    let funded = court.fund_bob().await;
    let expiry = funded.block.0 + 1;
    let paid = court.pay(&court.stage.bob_key, funded, &court.stage.alice, expiry);
    court.seal(vec![paid.clone()]).await;
    court.seal(Vec::new()).await;
    let exit = exit(&court, funded).await;
    let place = court.place(&paid);
    assert!(court.spend(exit, place, UNLIMITED).inclusion.is_some());
    // A halt below its block: that void block still shows that it had not expired there.
    assert!(court.spend(exit, place, funded.block).inclusion.is_some());
    challenged(&court, exit, &paid).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_ends_an_exit_with_what_the_door_gives() {
    let mut court = Court::set("stranger").await;
    let (contracts, rpc) = (court.contracts(), court.rpc());
    // By the transaction alone, and by its place once it has expired.
    for lasts in [NEVER, 1] {
        let funded = court.fund_bob().await;
        let expiry = funded.block.0.saturating_add(lasts);
        let paid = court.pay(&court.stage.bob_key, funded, &court.stage.alice, expiry);
        court.seal(vec![paid.clone()]).await;
        court.seal(Vec::new()).await;
        let exit = exit(&court, funded).await;
        let place = court.place(&paid);
        let spender = Spender {
            height: place.block,
            transaction: place.transaction,
            input: 0,
        };
        let data = challenge_call(&court.reader(), &court.anchors, None, (exit, spender));
        let call = Call {
            label: "what a stranger sends".to_owned(),
            to: Some(contracts.exit_game),
            value: Amount::ZERO,
            data: data.unwrap().expect("it can be shown"),
        };
        court.send(&court.stage.alice, &call).await.unwrap();
        assert_eq!(contracts.exit(&rpc, &exit).await.unwrap(), None, "{lasts}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exit_of_a_spent_output_is_challenged_also_after_the_halt() {
    let mut court = Court::set("halted").await;
    let funded = court.fund_bob().await;
    let paid = court.pay(&court.stage.bob_key, funded, &court.stage.alice, NEVER);
    court.seal(vec![paid.clone()]).await;
    court.fall_silent().await;
    let exit = exit(&court, funded).await;
    challenged(&court, exit, &paid).await;
}
