//! Spends of deposits that went back to their owners: convicted once an anchor had to know it.

use plasma_core::{Address, DepositFate, DepositNumber, Fate, Position, TransactionRejected};
use plasma_node::{
    fraud::{Charge, Court},
    storage::{Read as _, Storage as _},
};

use super::{
    convicted::convicted,
    trial::{LIARS, Trial},
};
use crate::suite::deployment::parameters;

/// A deposit that was funded goes back because nobody challenged its reclaim; gives the output of its fund.
async fn taken_back(trial: &Trial) -> Position {
    let position = trial.funded(&trial.alice);
    let reader = trial.storage.reader();
    let funds_it = |number: &DepositNumber| {
        let fate = reader.deposit(*number).unwrap();
        matches!(fate, Some(DepositFate::Funded(found)) if found == position)
    };
    let number = [0, 1].map(DepositNumber).into_iter().find(funds_it).unwrap();
    let contracts = *trial.stage.contracts();
    let rules = parameters();
    trial
        .transact(&contracts.start_reclaim_call(number, rules.exit_bond))
        .await;
    trial.stage.anvil.advance(rules.reclaim_window_s + 1).await;
    trial.transact(&contracts.finalize_reclaim_call(number)).await;
    position
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spend_of_a_deposit_that_went_back_is_convicted_from_the_next_anchor_on() {
    let mut trial = Trial::set("reclaim").await;
    let first = trial.state.header;
    trial.anchor(&first, &[0, 1, 2, 3]).await;
    let position = taken_back(&trial).await;
    let stolen = trial.sign(trial.pay(&trial.alice, position, Address([9; 20])), &trial.alice);
    let reason = TransactionRejected::InputGone { input: 0, position };
    let header = trial.seal(Vec::new()).await;
    let record = trial.storage.reader().output(position).unwrap().unwrap();
    assert_eq!(record.fate, Fate::Reclaimed);
    trial.anchor(&header, &[0, 1, 2, 3]).await;
    assert_eq!(
        convicted(&trial, &[stolen], reason).await,
        "proveSpentAfterReclaim"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spend_that_the_anchor_before_could_not_know_to_be_taken_back_is_not_convicted() {
    let trial = Trial::set("early").await;
    let first = trial.state.header;
    trial.anchor(&first, &[0, 1, 2, 3]).await;
    let position = taken_back(&trial).await;
    // Forged in the very block that takes the reclaim, below the first anchor that reached it.
    let stolen = trial.sign(trial.pay(&trial.alice, position, Address([9; 20])), &trial.alice);
    let case = trial.forge(&[stolen.encode()]).await;
    trial.anchor(&case.header, &LIARS).await;
    let reader = trial.storage.reader();
    let court = Court::new(&case, &reader, &trial.anchors).unwrap();
    let proof = court.prove(&Charge::SpentAfterReclaim { index: 0, input: 0 });
    let mut brief = trial.brief(&case);
    brief.proofs = proof.unwrap().into_iter().collect();
    let verdicts = trial.verdicts(&brief).await;
    let [(name, Err(reason))] = verdicts.as_slice() else {
        panic!("{verdicts:?}")
    };
    assert_eq!(name, "proveSpentAfterReclaim");
    assert!(reason.contains("NotReached"), "{reason}");
}
