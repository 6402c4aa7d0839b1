//! Every class of fraud, from the invalid block to the halt: what is built here the real contracts accept.

use plasma_core::{
    Address, Amount, Broken, DepositNumber, Height, Position, SignedTransaction, Spender, Transaction,
    TransactionId, TransactionRejected,
};
use plasma_node::{
    bridge::{Anchored, L1Error, convert::Inclusion},
    fraud::{Charge, Court, NotProvable},
    operator::case::{Case, Fault},
    proofs,
    storage::{Read as _, Storage as _},
};

use super::trial::{LIARS, Trial};
use crate::suite::{
    deployment::EXIT_PERIOD_S,
    stage::{ETHER, fund},
};

/// Signs an invalid block, anchors it, and shows it with what the ledger found; then once more with nothing but the block.
pub(super) async fn convicted(
    trial: &Trial,
    body: &[SignedTransaction],
    reason: TransactionRejected,
) -> String {
    let body: Vec<Vec<u8>> = body.iter().map(SignedTransaction::encode).collect();
    let mut case = trial.forge(&body).await;
    trial.anchor(&case.header, &LIARS).await;
    let index = case.header.transaction_count - 1;
    case.fault = Fault::Rule(Broken::Transaction { index, reason });
    agree(trial, &case).await;
    trial.convict(&case).await
}

/// What the survey finds is accepted as well: after a restart, or behind a rule that nobody can show, it is all there is.
async fn agree(trial: &Trial, case: &Case) {
    let bare = Case {
        fault: Fault::Remembered,
        ..case.clone()
    };
    let verdicts = trial.verdicts(&trial.brief(&bare)).await;
    assert!(
        verdicts.iter().any(|(_, verdict)| verdict.is_ok()),
        "{verdicts:#?}"
    );
}

async fn malformed(name: &str, entry: impl FnOnce(&Trial) -> Vec<u8>) {
    let trial = Trial::set(name).await;
    let good = trial.sign(
        trial.pay(&trial.bob, trial.funded(&trial.bob), Address([9; 20])),
        &trial.bob,
    );
    let entry = entry(&trial);
    let mut case = trial.forge(&[good.encode(), entry]).await;
    trial.anchor(&case.header, &LIARS).await;
    agree(&trial, &case).await;
    case.fault = Fault::Unsound { index: 1 };
    assert_eq!(trial.convict(&case).await, "proveMalformed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sums_that_differ_are_convicted() {
    malformed("sums", |trial| {
        let mut payment = trial.pay(&trial.alice, trial.funded(&trial.alice), Address([9; 20]));
        payment.outputs[0].amount = Amount::from(2 * ETHER);
        trial.sign(payment, &trial.alice).encode()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_of_nobody_is_convicted() {
    malformed("signature", |trial| {
        let payment = trial.pay(&trial.alice, trial.funded(&trial.alice), Address([9; 20]));
        let mut signed = trial.sign(payment, &trial.alice);
        signed.signature[64] = 29;
        signed.encode()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_transaction_are_convicted() {
    malformed("bytes", |_| vec![0xee; 77]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_transaction_is_convicted() {
    let trial = Trial::set("expired").await;
    let mut payment = trial.pay(&trial.alice, trial.funded(&trial.alice), Address([9; 20]));
    payment.expiry = Height(1);
    let reason = TransactionRejected::Expired {
        expiry: Height(1),
        height: Height(2),
    };
    let signed = trial.sign(payment, &trial.alice);
    assert_eq!(convicted(&trial, &[signed], reason).await, "proveMalformed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_spend_is_convicted_with_the_other_spend_of_an_anchored_block() {
    let mut trial = Trial::set("double spend").await;
    let position = trial.funded(&trial.alice);
    let first = trial.sign(trial.pay(&trial.alice, position, Address([9; 20])), &trial.alice);
    let spent = trial.seal(vec![first]).await;
    trial.anchor(&spent, &[0, 1, 2, 3]).await;
    let second = trial.sign(trial.pay(&trial.alice, position, Address([8; 20])), &trial.alice);
    let by = Spender {
        height: spent.height,
        transaction: 0,
        input: 0,
    };
    let reason = TransactionRejected::InputSpent {
        input: 0,
        position,
        by,
    };
    assert_eq!(convicted(&trial, &[second], reason).await, "proveDoubleSpend");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_spends_in_one_block_are_convicted_under_an_anchor_further_up() {
    let trial = Trial::set("in one block").await;
    let position = trial.funded(&trial.alice);
    let pay = |to| trial.sign(trial.pay(&trial.alice, position, Address([to; 20])), &trial.alice);
    let mut case = trial.forge(&[pay(8).encode(), pay(9).encode()]).await;
    trial.build_on(&mut case);
    trial.build_on(&mut case);
    let top = *case.top();
    trial.anchor(&top, &[0, 1, 3]).await;
    // The block has a certificate of its own, so its signers answer, with a path to its own history root.
    assert_eq!(trial.convict(&case).await, "proveDoubleSpend");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_below_the_anchor_and_another_history_are_missed_before_ethereum_is_asked() {
    let trial = Trial::set("short").await;
    let position = trial.funded(&trial.alice);
    let pay = |to| trial.sign(trial.pay(&trial.alice, position, Address([to; 20])), &trial.alice);
    let mut case = trial.forge(&[pay(8).encode(), pay(9).encode()]).await;
    let params = trial.stage.federation.genesis.params();
    let brief = |case: &Case| {
        plasma_node::fraud::brief(case, &trial.storage.reader(), &trial.anchors, &params).map(drop)
    };
    assert!(matches!(brief(&case), Err(NotProvable::Uncovered)));
    let mut longer = case.clone();
    trial.build_on(&mut longer);
    trial.anchor(&longer.top().clone(), &LIARS).await;
    assert!(matches!(brief(&case), Err(NotProvable::Short(Height(3)))));
    assert!(brief(&longer).is_ok());
    trial.build_on(&mut case);
    case.above[0].transactions_root.0[0] ^= 1;
    assert!(matches!(brief(&case), Err(NotProvable::OtherHistory(Height(3)))));
    longer.body.pop();
    assert!(matches!(brief(&longer), Err(NotProvable::Body)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_of_somebody_else_is_convicted() {
    let trial = Trial::set("foreign").await;
    let position = trial.funded(&trial.alice);
    let signed = trial.sign(trial.pay(&trial.bob, position, Address([9; 20])), &trial.bob);
    let reason = TransactionRejected::InputForeign {
        input: 0,
        position,
        owner: trial.alice.address(),
        signer: trial.bob.address(),
    };
    assert_eq!(convicted(&trial, &[signed], reason).await, "proveBadInput");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_amount_that_the_output_does_not_hold_is_convicted() {
    let trial = Trial::set("amount").await;
    let position = trial.funded(&trial.alice);
    let mut payment = trial.pay(&trial.alice, position, Address([9; 20]));
    let stated = Amount::from(3 * ETHER);
    (payment.inputs[0].amount, payment.outputs[0].amount) = (stated, stated);
    let reason = TransactionRejected::InputAmount {
        input: 0,
        position,
        held: Amount::from(ETHER),
        stated,
    };
    let signed = trial.sign(payment, &trial.alice);
    assert_eq!(convicted(&trial, &[signed], reason).await, "proveBadInput");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_of_the_future_is_convicted() {
    let trial = Trial::set("future").await;
    let position = Position {
        block: Height(7),
        transaction: 0,
        output: 0,
    };
    let signed = trial.sign(trial.pay(&trial.alice, position, Address([9; 20])), &trial.alice);
    let reason = TransactionRejected::InputNotEarlier {
        input: 0,
        position,
        height: Height(2),
    };
    assert_eq!(convicted(&trial, &[signed], reason).await, "proveFutureReference");
}

async fn missing(name: &str, place: impl FnOnce(Position) -> Position) -> String {
    let trial = Trial::set(name).await;
    let position = place(trial.funded(&trial.alice));
    let signed = trial.sign(trial.pay(&trial.alice, position, Address([9; 20])), &trial.alice);
    convicted(
        &trial,
        &[signed],
        TransactionRejected::InputMissing { input: 0, position },
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_that_never_existed_is_convicted_by_what_its_block_has() {
    let absent = missing("absent", |position| Position {
        transaction: 2,
        ..position
    });
    assert_eq!(absent.await, "proveAbsentTransaction");
    let absent = missing("absent output", |position| Position {
        output: 1,
        ..position
    });
    assert_eq!(absent.await, "proveAbsentOutput");
    let genesis = missing("block 0", |position| Position {
        block: Height(0),
        ..position
    });
    assert_eq!(genesis.await, "proveFutureReference");
}

fn derived(case: &mut Case) {
    case.fault = Fault::Rule(Broken::Derived {
        index: 0,
        expected: TransactionId::default(),
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fund_of_more_than_the_deposit_is_convicted() {
    let trial = Trial::set("doubled").await;
    let (owner, amount) = (trial.alice.address(), Amount::from(2 * ETHER));
    trial
        .transact(&trial.stage.contracts().deposit_call(Amount::from(ETHER)))
        .await;
    let forged = Transaction::fund(DepositNumber(2), owner, Address::ZERO, amount).unsigned();
    let mut case = trial.forge(&[forged.encode()]).await;
    trial.anchor(&case.header, &LIARS).await;
    agree(&trial, &case).await;
    derived(&mut case);
    assert_eq!(trial.convict(&case).await, "proveBadFund");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fund_of_no_deposit_is_found_behind_a_rule_that_nobody_can_show() {
    let trial = Trial::set("masked").await;
    let forged = fund(77, trial.alice.address());
    let mut case = trial.forge(&[forged.encode()]).await;
    trial.anchor(&case.header, &LIARS).await;
    case.fault = Fault::Rule(Broken::OriginChanged {
        height: case.header.l1_height,
    });
    assert!(trial.brief(&case).unprovable.is_some());
    assert_eq!(trial.convict(&case).await, "proveBadFund");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_fund_of_one_deposit_is_convicted() {
    let trial = Trial::set("double fund").await;
    let first = trial.state.header;
    trial.anchor(&first, &[0, 1, 2, 3]).await;
    let position = trial.funded(&trial.alice);
    let again = trial
        .storage
        .reader()
        .block(position.block)
        .unwrap()
        .unwrap()
        .body[usize::try_from(position.transaction).unwrap()]
    .clone();
    let mut case = trial.forge(&[again.encode()]).await;
    trial.anchor(&case.header, &LIARS).await;
    agree(&trial, &case).await;
    derived(&mut case);
    // It is late as well: its deposit lies below the origin of the anchor before.
    let reader = trial.storage.reader();
    let court = Court::new(&case, &reader, &trial.anchors).unwrap();
    let mut brief = trial.brief(&case);
    brief.proofs = court
        .prove(&Charge::LateFund { index: 0 })
        .unwrap()
        .into_iter()
        .collect();
    let verdicts = trial.verdicts(&brief).await;
    assert_eq!(verdicts, [("proveLateFund".to_owned(), Ok(()))]);
    assert_eq!(trial.convict(&case).await, "proveDoubleFund");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spend_of_what_an_exit_paid_is_convicted() {
    let mut trial = Trial::set("exit").await;
    let first = trial.state.header;
    trial.anchor(&first, &[0, 1, 2, 3]).await;
    let position = trial.funded(&trial.alice);
    let covering = trial.anchors.covering(position.block).unwrap();
    let (_, certificate) = trial
        .storage
        .reader()
        .certificate_covering(covering.anchor.height)
        .unwrap()
        .unwrap();
    let place = (position.block, position.transaction);
    let receipt = proofs::receipt(&trial.storage.reader(), place, first.height, certificate).unwrap();
    let anchor = trial.stage.contracts().last_anchor(&trial.stage.anvil.rpc).await;
    let anchor: Anchored = anchor.unwrap().unwrap();
    let inclusion = Inclusion {
        receipt: receipt.unwrap(),
        anchor,
    };
    let contracts = *trial.stage.contracts();
    let bond = contracts
        .parameters(&trial.stage.anvil.rpc)
        .await
        .unwrap()
        .exit_bond;
    trial
        .transact(&contracts.start_exit_call(&inclusion, 0, bond))
        .await;
    // The federation anchors while the exit waits, or it would count as silent.
    for _ in 0..=2 * EXIT_PERIOD_S / 90 {
        trial.stage.anvil.advance(90).await;
        let header = trial.seal(Vec::new()).await;
        trial.anchor(&header, &[0, 1, 2, 3]).await;
    }
    trial.transact(&contracts.process_call(Address::ZERO, 10)).await;
    let header = trial.seal(Vec::new()).await;
    trial.anchor(&header, &[0, 1, 2, 3]).await;
    let stolen = trial.sign(trial.pay(&trial.alice, position, Address([9; 20])), &trial.alice);
    let reason = TransactionRejected::InputGone { input: 0, position };
    assert_eq!(convicted(&trial, &[stolen], reason).await, "proveSpentAfterExit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_accuser_sends_what_ethereum_accepts_and_takes_another_s_proof_for_its_own() {
    let trial = Trial::set("accuser").await;
    let ethereum = trial.stage.connect().await.unwrap();
    let position = trial.funded(&trial.alice);
    let bad = trial.sign(trial.pay(&trial.bob, position, Address([9; 20])), &trial.bob);
    let case = trial.forge(&[bad.encode()]).await;
    trial.anchor(&case.header, &LIARS).await;
    let reader = trial.storage.reader();
    let court = Court::new(&case, &reader, &trial.anchors).unwrap();
    let accused = court.accused();
    let call = |charge: &Charge| {
        let proof = court.prove(charge).unwrap().unwrap();
        ethereum.contracts().fraud_call(&proof, accused.as_ref()).unwrap()
    };
    let wrong = call(&Charge::Malformed { index: 0 });
    let right = call(&Charge::BadInput { index: 0, input: 0 });
    let refused = ethereum
        .accuser()
        .accuse(case.height(), vec![wrong.clone()])
        .await;
    assert!(
        matches!(&refused, Err(L1Error::Reverted { reason, .. }) if reason.contains("WellFormed")),
        "{refused:?}"
    );
    assert!(!ethereum.accuser().is_halted_below(case.height()).await.unwrap());
    ethereum
        .accuser()
        .accuse(case.height(), vec![wrong.clone(), right])
        .await
        .unwrap();
    assert!(ethereum.accuser().is_halted_below(case.height()).await.unwrap());
    ethereum
        .accuser()
        .accuse(case.height(), vec![wrong])
        .await
        .expect("halted already is success");
}
