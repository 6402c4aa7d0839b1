//! Duties towards the federation itself: its liars, its bonds and its end.

use plasma_consensus::{Bls, Evidence, Statement, Vote};
use plasma_core::{Bitmap, BlockId, Epoch, Hash, Height, OperatorIndex, View};
use plasma_node::{
    bridge::{bonds::post_bonds, direct},
    operator::{
        effect::Effect,
        matters::{Matter, Notice},
    },
};

use super::court::{Court, eventually};
use crate::suite::deployment::parameters;

const LIAR: OperatorIndex = OperatorIndex(2);

fn contradiction(court: &Court, first: Statement, second: Statement) -> Evidence {
    let genesis = &court.stage.federation.genesis;
    let domain = genesis.domain();
    let key = court.stage.federation.key(LIAR);
    let scheme = Bls::new(key.clone(), genesis.committee().unwrap());
    let vote = |statement: Statement| Vote {
        epoch: Epoch(0),
        signer: LIAR,
        statement,
        signature: key.sign(&statement.digest(&domain, Epoch(0))),
    };
    Evidence::new(vote(first), vote(second), &scheme, &domain).expect("a contradiction")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_contradicted_itself_loses_its_bond_to_the_reporter() {
    let mut court = Court::set("slash").await;
    let (contracts, rpc) = (court.contracts(), court.rpc());
    assert_eq!(
        post_bonds(&rpc, &contracts, &court.stage.alice, Epoch(0)).await,
        Ok(4)
    );
    assert_eq!(
        post_bonds(&rpc, &contracts, &court.stage.alice, Epoch(0)).await,
        Ok(0),
        "each seat has one bond"
    );
    let (bonded, convicted) = contracts.bonds(&rpc, Epoch(0)).await.unwrap();
    assert_eq!((bonded.count(), convicted.count()), (4, 0));

    // In this order the contract would refuse it: of the two the finalize vote comes first.
    let block = BlockId(Hash([5; 32]));
    let nullified = Statement::Nullify { view: View(7) };
    let finalized = Statement::Finalize { view: View(7), block };
    let evidence = contradiction(&court, nullified, finalized);
    court.does(Effect::Convict(Box::new(evidence.clone()))).await;
    let slashed = async || {
        let (bonded, convicted) = contracts.bonds(&rpc, Epoch(0)).await.unwrap();
        convicted.contains(LIAR) && !bonded.contains(LIAR)
    };
    eventually("the liar is convicted", slashed).await;
    let before = rpc.balance(contracts.federation).await.unwrap();
    assert_eq!(
        before,
        parameters().operator_bond * plasma_core::Amount::from(3u64) + half()
    );

    // Shown again, it is done already.
    court.does(Effect::Convict(Box::new(evidence))).await;
    let operator = court.ethereum.account();
    let reward = contracts.withdraw_reward_call(court.stage.alice.address());
    assert_eq!(operator, court.stage.operator_account().address());
    direct::transact(&rpc, &court.stage.operator_account(), &reward)
        .await
        .unwrap();
    assert_eq!(before - rpc.balance(contracts.federation).await.unwrap(), half());

    // Who comes back from a crash with the accusation in its log hears that it is settled.
    court.restart().await;
    court
        .hears(&Notice::Convicted(Epoch(0), Bitmap::from_iter([LIAR])))
        .await;
}

fn half() -> plasma_core::Amount {
    parameters().operator_bond / plasma_core::Amount::from(2u64)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_federation_that_can_never_anchor_again_is_halted() {
    let court = Court::set("silence").await;
    let (contracts, rpc) = (court.contracts(), court.rpc());
    court
        .stage
        .anvil
        .advance(parameters().silence_s + 2 * parameters().grace_s + 1)
        .await;
    let announced = async || contracts.silence_notice(&rpc).await.unwrap().1 != 0;
    court
        .answers(Matter::Silence, "the silence is announced", announced)
        .await;
    assert_eq!(contracts.latest(&rpc).await.unwrap().last_valid, Height(u32::MAX));
    court.stage.anvil.advance(parameters().grace_s + 1).await;
    let halted = async || contracts.latest(&rpc).await.unwrap().last_valid == Height(0);
    court
        .answers(Matter::Silence, "the federation is halted", halted)
        .await;
}
