//! In-flight exits that the ledger knows better.

use plasma_core::{Amount, ExitId};
use plasma_node::{
    bridge::evidence::Evidence,
    operator::matters::{Matter, Notice},
};

use super::court::Court;
use crate::suite::stage::ETHER;

const NEVER: u32 = u32::MAX;

fn stirred(exit: ExitId) -> Notice {
    Notice::Stirred(Matter::InFlight(exit))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_spent_payment_ends_non_canonical_and_its_spent_input_stays_also_after_a_crash() {
    let mut court = Court::set("double").await;
    let funded = court.fund_bob().await;
    let paid = court.pay(&court.stage.bob_key, funded, &court.stage.alice, NEVER);
    let other = court.pay(&court.stage.bob_key, funded, &court.stage.bob, NEVER);
    court.seal(vec![paid]).await;
    let exit = court.start_in_flight(&court.stage.bob, &other).await;
    let pending = court.pending(&other);
    let (contracts, bond) = (court.contracts(), court.bond());
    for claim in [
        contracts.piggyback_input_call(&exit, &pending, bond),
        contracts.piggyback_output_call(&exit, &pending, 0, bond),
    ] {
        court.send(&court.stage.bob, &claim).await.unwrap();
    }
    court.restart().await;
    court.hears(&stirred(exit)).await;
    let shown = async || {
        let open = court.in_flight(&exit).await;
        open.competitor.is_some() && open.spent == 1 << 4
    };
    court
        .answers(Matter::InFlight(exit), "competitor and spent input", shown)
        .await;
    assert_eq!(court.process().await, Amount::ZERO, "nothing of it is paid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_spent_payment_that_leaves_after_the_halt_ends_non_canonical() {
    let mut court = Court::set("after").await;
    let funded = court.fund_bob().await;
    let paid = court.pay(&court.stage.bob_key, funded, &court.stage.alice, NEVER);
    let other = court.pay(&court.stage.bob_key, funded, &court.stage.bob, NEVER);
    court.seal(vec![paid]).await;
    court.fall_silent().await;
    // Nothing is claimed yet, so nothing but its start tells of it.
    let exit = court.start_in_flight(&court.stage.bob, &other).await;
    court.stage.anvil.mine(1).await;
    let shown = async || court.in_flight(&exit).await.competitor.is_some();
    court
        .answers(Matter::InFlight(exit), "the competitor", shown)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_included_payment_that_somebody_contests_is_paid() {
    let mut court = Court::set("contested").await;
    let funded = court.fund_bob().await;
    let paid = court.pay(&court.stage.bob_key, funded, &court.stage.alice, NEVER);
    let other = court.pay(&court.stage.bob_key, funded, &court.stage.bob, NEVER);
    court.decide(vec![paid.clone()]).await;
    court.anchor().await;
    let exit = court.start_in_flight(&court.stage.alice, &paid).await;
    let pending = court.pending(&paid);
    let (contracts, bond) = (court.contracts(), court.bond());
    let claim = contracts.piggyback_output_call(&exit, &pending, 0, bond);
    court.send(&court.stage.alice, &claim).await.unwrap();
    let competitor = Evidence::Bare(other);
    let contest = contracts
        .challenge_not_canonical_call(&exit, &pending, 0, (&competitor, 0), bond)
        .unwrap();
    court.send(&court.stage.bob, &contest).await.unwrap();
    court.hears(&stirred(exit)).await;
    let shown = async || court.in_flight(&exit).await.included.is_some();
    court
        .answers(Matter::InFlight(exit), "the payment's place", shown)
        .await;
    assert_eq!(court.process().await, Amount::from(ETHER), "alice has her money");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claimed_output_that_was_spent_is_not_paid() {
    let mut court = Court::set("output").await;
    let funded = court.fund_bob().await;
    let paid = court.pay(&court.stage.bob_key, funded, &court.stage.alice, NEVER);
    court.seal(vec![paid.clone()]).await;
    let received = court.place(&paid);
    let passed_on = court.pay(&court.alice_key, received, &court.stage.bob, NEVER);
    let exit = court.start_in_flight(&court.stage.alice, &paid).await;
    let pending = court.pending(&paid);
    // Decided after the exit started and before the claim: only now there is something to show.
    court.decide(vec![passed_on]).await;
    let claim = court
        .contracts()
        .piggyback_output_call(&exit, &pending, 0, court.bond());
    court.send(&court.stage.alice, &claim).await.unwrap();
    court.hears(&stirred(exit)).await;
    let shown = async || {
        let open = court.in_flight(&exit).await;
        open.spent == 1 && !open.claims_output(0)
    };
    court
        .answers(Matter::InFlight(exit), "the spent output", shown)
        .await;
    assert_eq!(court.process().await, Amount::ZERO);
}
