//! Claims that rest on a block which a quorum signed and nobody anchored.

use plasma_core::{Bitmap, Epoch, Hash, L1Event, OperatorIndex, Receipt, SignedTransaction, history, merkle};
use plasma_node::{
    answers::Answer,
    bridge::{
        L1,
        decode::notices::Told,
        evidence::{Evidence, Telling},
        games::{Claim, InFlightExit},
    },
    operator::matters::{Matter, Notice},
};

use super::court::Court;

const NEVER: u32 = u32::MAX;

/// A receipt under a second history that a lying quorum signs: another block with this transaction at the height of the
/// newest anchored one.
fn forge(court: &Court, transaction: &SignedTransaction) -> Receipt {
    let newest = court.anchors.newest().unwrap();
    let leaves = [transaction.leaf()];
    let root = merkle::root(&leaves);
    let leaf = history::leaf(newest.height, 1, root, newest.l1_height);
    let mut history_leaves = court.leaves_below(newest.height);
    history_leaves.push(leaf);
    let header = plasma_core::Header {
        transaction_count: 1,
        transactions_root: root,
        history_root: merkle::root(&history_leaves),
        ..court.newest_header()
    };
    let certificate = court.stage.federation.certify(&header, &[0, 1, 2]).certificate;
    let receipt = Receipt {
        transaction: transaction.clone(),
        index: 0,
        transaction_proof: Vec::new(),
        height: newest.height,
        transaction_count: 1,
        transactions_root: root,
        l1_height: newest.l1_height,
        history_proof: merkle::proof(&history_leaves, usize::try_from(newest.height.0).unwrap()),
        header,
        certificate,
    };
    let genesis = &court.stage.federation.genesis;
    receipt
        .verify(&genesis.domain(), &genesis.committee().unwrap())
        .expect("a quorum signed it");
    receipt
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_older_competitor_is_rebutted() {
    let mut court = Court::set("forged").await;
    let funded = court.fund_bob().await;
    let paid = court.pay(&court.stage.bob_key, funded, &court.stage.alice, NEVER);
    let other = court.pay(&court.stage.bob_key, funded, &court.stage.bob, NEVER);
    court.seal(vec![paid.clone()]).await;
    let forged = Evidence::Certified(Box::new(forge(&court, &other)));
    let exit = court.start_in_flight(&court.stage.alice, &paid).await;
    let pending = court.pending(&paid);
    let contest = court
        .contracts()
        .challenge_not_canonical_call(&exit, &pending, 0, (&forged, 0), court.bond())
        .unwrap();
    court.send(&court.stage.bob, &contest).await.unwrap();
    assert_eq!(court.in_flight(&exit).await.claims, 1);
    court.hears(&Notice::Stirred(Matter::InFlight(exit))).await;
    let fallen = async || court.in_flight(&exit).await.claims == 0;
    court
        .answers(Matter::InFlight(exit), "the claim is rebutted", fallen)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_halt_void_blocks_rebut_and_answer_for_what_had_expired() {
    let mut court = Court::set("void").await;
    let funded = court.fund_bob().await;
    let paid = court.pay(
        &court.stage.bob_key,
        funded,
        &court.stage.alice,
        funded.block.0 + 1,
    );
    court.seal(vec![paid.clone()]).await;
    let height = court.place(&paid).block;
    let claim = Claim {
        slot: 1,
        told: vec![Told {
            height,
            leaf: Hash([7; 32]),
        }],
    };
    let void = funded.block;
    let resting = InFlightExit {
        is_resting: true,
        ..InFlightExit::default()
    };
    let shown = court.shown(&paid, &resting, std::slice::from_ref(&claim), void);
    let [
        Answer::Rebuttal { slot: 1, truth },
        Answer::Included(Evidence::Anchored(found)),
    ] = &*shown
    else {
        panic!("{shown:?}")
    };
    assert_eq!((truth.height, found.receipt.height), (height, height));
    // What rests on no receipt wants no void block.
    let contested = InFlightExit {
        competitor: Some(0),
        ..InFlightExit::default()
    };
    assert_eq!(court.shown(&paid, &contested, &[], void).len(), 0);
    assert_eq!(court.shown(&paid, &contested, &[], height).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_challenge_of_an_honest_exit_is_rebutted_also_after_a_crash() {
    let mut court = Court::set("standard").await;
    let funded = court.fund_bob().await;
    let never_sent = court.pay(&court.stage.bob_key, funded, &court.stage.alice, NEVER);
    let start = court
        .contracts()
        .start_exit_call(&court.inclusion(funded), 0, court.bond());
    let mined = court.send(&court.stage.bob, &start).await.unwrap();
    let events = court.ethereum.events(mined.block..=mined.block).await.unwrap();
    let [L1Event::ExitStarted { id: exit, .. }] = *events.as_slice() else {
        panic!("{events:?}")
    };
    let challenge = court
        .contracts()
        .challenge_provisionally_call(&exit, &forge(&court, &never_sent), 0, court.bond())
        .unwrap();
    court.send(&court.stage.alice, &challenge).await.unwrap();
    court.restart().await;
    court.hears(&Notice::Stirred(Matter::Challenge(exit))).await;
    court
        .does(plasma_node::operator::effect::Effect::Answer(Matter::Challenge(
            exit,
        )))
        .await;
    court.hears(&Notice::Settled(Matter::Challenge(exit))).await;
    assert_eq!(
        court.process().await,
        plasma_core::Amount::from(crate::suite::stage::ETHER),
        "bob has his money"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signed_two_histories_is_convicted_and_the_chain_ends_at_its_last_anchor() {
    let mut court = Court::set("rewrite").await;
    let funded = court.fund_bob().await;
    let paid = court.pay(&court.stage.bob_key, funded, &court.stage.alice, NEVER);
    let never_sent = court.pay(&court.stage.bob_key, funded, &court.stage.bob, NEVER);
    court.seal(vec![paid]).await;
    let (contracts, rpc, header) = (court.contracts(), court.rpc(), court.newest_header());
    let anchored = court.ethereum.last_anchor().await.unwrap().unwrap();
    let mut leaves = court.leaves_below(header.height);
    let place = leaves.len();
    leaves.push(history::leaf(
        header.height,
        header.transaction_count,
        header.transactions_root,
        header.l1_height,
    ));
    assert_eq!(merkle::root(&leaves), header.history_root);
    let told = Telling {
        anchor: Some(anchored),
        signed: Some((
            header,
            court.stage.federation.certify(&header, &[0, 1, 3]).certificate,
        )),
        leaf: leaves[place],
        path: merkle::proof(&leaves, place),
    };
    let lie = forge(&court, &never_sent);
    let retold = Telling {
        anchor: None,
        leaf: history::leaf(lie.height, 1, lie.transactions_root, lie.l1_height),
        path: lie.history_proof.clone(),
        signed: Some((lie.header, lie.certificate)),
    };
    let proof = contracts.rewrite_call(header.height, &told, &retold).unwrap();
    court.send(&court.stage.alice, &proof).await.unwrap();
    let (_, convicted) = contracts.bonds(&rpc, Epoch(0)).await.unwrap();
    assert_eq!(convicted, Bitmap::from_iter([0, 1].map(OperatorIndex)));
    assert_eq!(contracts.latest(&rpc).await.unwrap().last_valid, header.height);
}
