//! Many outputs that leave together, and an exit that is sold, through the real contracts.

use std::sync::Arc;

use plasma_core::{
    Address, Amount, ExitId, Hash, Height, Input, Kind, L1Event, Payment, Position, SignedTransaction,
    Transaction,
};
use plasma_node::bridge::{
    L1, SpendProof,
    calls::batches::{BatchError, Leaving, Offer},
    direct,
};

use super::{
    deployment::{EXIT_PERIOD_S, parameters},
    stage::{ETHER, Stage},
};

const UNIT: u64 = ETHER / 100;

/// Bob pays himself three times, one, two and three units; the input exists only in the eyes of the contract, which
/// does not look.
fn thrice(stage: &Stage, salt: u32) -> SignedTransaction {
    let owner = stage.bob.address();
    let outputs = (1..=3).map(|units| Payment {
        owner,
        amount: Amount::from(units * UNIT),
    });
    let input = Input {
        position: position(1, salt, 0),
        amount: Amount::from(6 * UNIT),
    };
    transfer(stage, vec![input], outputs.collect())
}

fn transfer(stage: &Stage, inputs: Vec<Input>, outputs: Vec<Payment>) -> SignedTransaction {
    let unsigned = Transaction {
        kind: Kind::Transfer,
        asset: Address::ZERO,
        expiry: Height(u32::MAX),
        inputs,
        outputs,
    };
    unsigned.sign(&stage.federation.genesis.domain(), &stage.bob_key)
}

fn position(block: u32, transaction: u32, output: u8) -> Position {
    Position {
        block: Height(block),
        transaction,
        output,
    }
}

/// What batches share: everything of an id but the output's number.
fn place(exit: &ExitId) -> ExitId {
    let mut bytes = exit.0.0;
    bytes[..10].fill(0);
    ExitId(Hash(bytes))
}

#[expect(
    clippy::too_many_lines,
    reason = "one batch from its start to its end, step by step"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_of_several_blocks_leave_together_and_are_challenged_and_sold() {
    let mut stage = Stage::set("batches").await;
    let ethereum = Arc::new(stage.connect().await.unwrap());
    stage.deposit().await;
    let origin = ethereum.head().await.unwrap();
    stage.anvil.mine(1).await;
    let mut header = None;
    for block in 0..3_u32 {
        let body = (0..5).map(|index| thrice(&stage, 10 * block + index)).collect();
        header = Some(stage.federation.seal(body, &origin));
    }
    let anchor = stage.federation.certify(&header.unwrap(), &[0, 1, 2]);
    ethereum.anchor(&anchor).await.unwrap();
    let anchored = ethereum.last_anchor().await.unwrap().unwrap();

    // In any order: the call brings them into the order of positions.
    let leaving = |height, index, outputs| Leaving {
        inclusion: stage.federation.inclusion(Height(height), index, anchored),
        outputs,
    };
    let wanted = [
        leaving(3, 4, 0b100),
        leaving(1, 0, 0b010),
        leaving(3, 1, 0b101),
        leaving(1, 3, 0b001),
    ];
    let (contracts, rpc) = (*stage.contracts(), Arc::clone(&stage.anvil.rpc));
    let bond = parameters().exit_bond;
    assert_eq!(
        contracts.start_exits_call(&[], bond).unwrap_err(),
        BatchError::Outputs(0)
    );
    let twice = [wanted[0].clone(), wanted[0].clone()];
    assert_eq!(
        contracts.start_exits_call(&twice, bond).unwrap_err(),
        BatchError::Twice(3, 4)
    );
    let start = contracts.start_exits_call(&wanted, bond).unwrap();
    let first = ethereum.head().await.unwrap().height.next().unwrap();
    direct::transact(&rpc, &stage.bob, &start).await.unwrap();

    let head = ethereum.head().await.unwrap().height;
    let started = ethereum.events(first..=head).await.unwrap();
    let exits: Vec<(ExitId, Position)> = started
        .into_iter()
        .map(|event| match event {
            L1Event::ExitStarted { id, position, owner } if owner == stage.bob.address() => (id, position),
            other => panic!("{other:?}"),
        })
        .collect();
    let places = [(1, 0, 1), (1, 3, 0), (3, 1, 0), (3, 1, 2), (3, 4, 2)];
    assert_eq!(
        exits.iter().map(|(_, position)| *position).collect::<Vec<_>>(),
        places.map(|(block, transaction, output)| position(block, transaction, output))
    );
    let open = contracts.exit(&rpc, &exits[3].0).await.unwrap().unwrap();
    assert_eq!(
        (open.owner, open.amount),
        (stage.bob.address(), Amount::from(3 * UNIT))
    );

    let spent = Input {
        position: exits[2].1,
        amount: Amount::from(UNIT),
    };
    let taken = Payment {
        owner: stage.alice.address(),
        amount: Amount::from(UNIT),
    };
    let proof = SpendProof {
        exit: exits[2].0,
        spender: transfer(&stage, vec![spent], vec![taken]),
        input: 0,
        inclusion: None,
        inputs: Vec::new(),
    };
    ethereum.challenge(&proof).await.unwrap();
    assert!(contracts.exit(&rpc, &exits[2].0).await.unwrap().is_none());
    assert!(contracts.exit(&rpc, &exits[3].0).await.unwrap().is_some());

    // Two, one, three and three units are left. Bob sells them for one ether by a call.
    let offer = Offer {
        exit: place(&exits[0].0),
        amount: Amount::from(9 * UNIT),
        price: Amount::from(ETHER),
        buyer: stage.alice.address(),
        deadline_s: u64::MAX,
        sequence: 1,
    };
    direct::transact(&rpc, &stage.bob, &contracts.offer_exit_call(&offer))
        .await
        .unwrap();
    let buy = contracts.buy_exit_call(&offer, &[]);
    let early = direct::transact(&rpc, &stage.alice, &buy).await.unwrap_err();
    assert!(early.to_string().contains("OfferEarly"), "{early}");
    stage.anvil.advance(EXIT_PERIOD_S * 3 / 2 + 1).await;
    let foreign = direct::transact(&rpc, &stage.bob, &buy).await.unwrap_err();
    assert!(foreign.to_string().contains("NotBuyer"), "{foreign}");
    direct::transact(&rpc, &stage.alice, &buy).await.unwrap();

    stage.anvil.advance(EXIT_PERIOD_S).await;
    let before = rpc.balance(stage.alice.address()).await.unwrap();
    let first = ethereum.head().await.unwrap().height.next().unwrap();
    direct::transact(&rpc, &stage.bob, &contracts.process_call(Address::ZERO, 10))
        .await
        .unwrap();
    let head = ethereum.head().await.unwrap().height;
    let ended = ethereum.events(first..=head).await.unwrap();
    let left = [0, 1, 3, 4].map(|number: usize| L1Event::ExitEnded {
        id: exits[number].0,
        position: exits[number].1,
        paid: true,
    });
    assert_eq!(ended, left);
    let gained = rpc.balance(stage.alice.address()).await.unwrap() - before;
    assert_eq!(gained, Amount::from(9 * UNIT) + bond * Amount::from(4));
}
