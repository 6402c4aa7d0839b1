//! Reclaims of deposits.

use plasma_core::{DepositNumber, L1Event};
use plasma_node::{
    bridge::L1,
    operator::{
        effect::Effect,
        matters::{Matter, Notice},
    },
};

use super::court::Court;
use crate::suite::deployment::parameters;

const FIRST: DepositNumber = DepositNumber(0);

async fn reclaimed(court: &Court) -> bool {
    let due_s = court.contracts().reclaim_due_s(&court.rpc(), FIRST).await;
    due_s.unwrap().is_none()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_funded_deposit_does_not_go_back_also_when_the_operator_crashed_meanwhile() {
    let mut court = Court::set("reclaim").await;
    court.fund_bob().await;
    let start = court.contracts().start_reclaim_call(FIRST, court.bond());
    court.send(&court.stage.bob, &start).await.unwrap();
    court.hears(&Notice::ReclaimStarted(FIRST)).await;
    assert!(!reclaimed(&court).await);

    court.restart().await;
    court.hears(&Notice::ReclaimStarted(FIRST)).await;
    let refused = async || reclaimed(&court).await;
    court
        .answers(Matter::Reclaim(FIRST), "the reclaim is over", refused)
        .await;
    court.stage.anvil.advance(parameters().reclaim_window_s + 1).await;
    let finalize = court.contracts().finalize_reclaim_call(FIRST);
    court.send(&court.stage.bob, &finalize).await.unwrap_err();
    court.hears(&Notice::Over(Matter::Reclaim(FIRST))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposit_that_was_never_funded_goes_back() {
    let mut court = Court::set("unfunded").await;
    let deposit = court.contracts().deposit_call(plasma_core::Amount::from(5u64));
    court.send(&court.stage.bob, &deposit).await.unwrap();
    court.stage.anvil.mine(1).await;
    // The federation swallows it: a block whose origin lies above it and that does not fund it.
    let head = court.rpc().newest().await.unwrap();
    let origin = crate::suite::bridge_anvil::block(&court.stage.anvil, head.height).await;
    court.stage.anvil.mine(1).await;
    let header = court.stage.federation.seal(Vec::new(), &origin);
    let anchor = court.stage.federation.certify(&header, &[0, 1, 2]);
    court.ethereum.anchor(&anchor).await.unwrap();
    let start = court.contracts().start_reclaim_call(FIRST, court.bond());
    court.send(&court.stage.bob, &start).await.unwrap();
    court.hears(&Notice::ReclaimStarted(FIRST)).await;
    court.does(Effect::Answer(Matter::Reclaim(FIRST))).await;
    court.stage.anvil.advance(parameters().reclaim_window_s + 1).await;
    let finalize = court.contracts().finalize_reclaim_call(FIRST);
    let mined = court.send(&court.stage.bob, &finalize).await.unwrap();
    let events = court.ethereum.events(mined.block..=mined.block).await.unwrap();
    assert_eq!(events, [L1Event::DepositReclaimed { number: FIRST }]);
}
