//! The whole way, twice: the committee of the genesis is followed by a second one, and that by a third.

use plasma_core::{Address, Epoch, Hash, OperatorIndex};
use plasma_node::{change::clerk::ClerkError, directory::Roster};

use super::{
    super::deployment::parameters,
    people::{People, account, expect, signed},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committee_is_changed_by_the_command_line_from_the_document_to_the_bond() {
    let mut people = People::gather("by-command").await;
    people.anchor(0).await;
    let coming = people.successor(1, 7);
    let hash = coming.roster.committee.hash();
    let document = people.document("next.toml", &coming);

    let checked = people.run(2, &["check", &document, "--l1"]);
    let nobody = "activate   not now: no committee is announced";
    let words = [
        &hash.to_string(),
        "sequence   7",
        "quorum     3 of 4",
        "announce   can be done now",
        nobody,
    ];
    expect(&checked, 0, &words);
    let view = people.shown(2, &["check", &document, "--l1"]);
    assert_eq!(
        (&view["own_seat"], &view["before"]["own_seat"]),
        (&0.into(), &1.into())
    );
    let leaver = account(1).address().to_string();
    assert_eq!(view["before"]["leaves"], serde_json::json!([leaver]));
    let stay: Vec<_> = (0..4)
        .map(|seat| view["members"][seat]["stays"].as_bool())
        .collect();
    assert_eq!(stay, [Some(true), Some(true), Some(true), Some(false)]);
    assert_eq!(view["ethereum"]["last_sequence"], 0);

    is_announced(&people, &document, hash).await;
    is_handed_over(&mut people, &document, hash).await;
    gets_bonds(&people, &document).await;
}

/// The committee before signs and announces.
async fn is_announced(people: &People, document: &str, hash: Hash) {
    expect(&people.run(21, &["sign", document]), 5, &["no seat", "epoch 0"]);
    let changes = people.sign("sign", document, &[1, 2, 4]);
    let [one, two, four] = changes.as_slice() else {
        panic!("three files")
    };
    let few = people.run(2, &["announce", document, one, four]);
    expect(&few, 3, &["2 of the 3 signatures", "missing are the seats 1, 2"]);
    let announced = people.shown(2, &["announce", document, one, two, four]);
    let waits = people
        .contracts()
        .announcement(&people.stage.anvil.rpc)
        .await
        .unwrap();
    let waits = waits.unwrap();
    assert_eq!(waits.digest, hash);
    assert_eq!(announced["active_from_s"], waits.active_from_s);
    let again = people.run(1, &["announce", document, one, two, four]);
    expect(&again, 9, &["announced already", "nothing was sent"]);
    // A document of an epoch that is neither the running nor the announced one is no rival of the announced one.
    let early = people.document("early.toml", &people.successor(2, 9));
    let word = "epoch      this document is of epoch 2; Ethereum runs epoch 0";
    let waiting = format!("announced  another committee, of epoch 1: {hash}");
    expect(&people.run(2, &["check", &early, "--l1"]), 0, &[word, &waiting]);
    let view = people.shown(2, &["check", &early, "--l1"]);
    let ethereum = &view["ethereum"];
    assert_eq!(ethereum["expected_epochs"], serde_json::json!([0, 1]));
    assert_eq!(
        (&ethereum["announced"]["epoch"], &ethereum["announced"]["is_this"]),
        (&1.into(), &false.into())
    );
    let view = people.shown(2, &["check", document, "--l1"]);
    assert_eq!(view["ethereum"]["epoch_refusal"], serde_json::Value::Null);
}

/// The coming committee says that it is ready, waits and takes over.
async fn is_handed_over(people: &mut People, document: &str, hash: Hash) {
    expect(&people.run(1, &["ready", document]), 5, &["no seat", "epoch 1"]);
    let ready = people.sign("ready", document, &[2, 4, 21]);
    let [two, four, heir] = ready.as_slice() else {
        panic!("three files")
    };
    let change = people.sign("sign", document, &[1]).remove(0);
    let mixed = people.run(2, &["activate", document, &change, four, heir]);
    expect(&mixed, 3, &["is not that of seat 0"]);
    let activation = ["activate", document, two, four, heir];
    expect(&people.run(2, &activation), 9, &["too early", "UTC on, in"]);
    people.wait(0).await;
    expect(&people.run(21, &activation), 0, &["epoch       1 is active"]);
    let registered = people
        .contracts()
        .committee(&people.stage.anvil.rpc, Epoch(1))
        .await;
    assert_eq!(registered, Ok((4, hash)));
    expect(&people.run(2, &activation), 9, &["activated already"]);
}

/// Its members post their bonds.
async fn gets_bonds(people: &People, document: &str) {
    let unknown = people.run(21, &["bond", "1"]);
    expect(
        &unknown,
        3,
        &["committees/1.toml is missing", "plasma committee install FILE"],
    );
    people.install(21, 1, document);
    let bond = people.shown(21, &["bond", "1"]);
    assert_eq!(bond["bond_wei"], parameters().operator_bond.to_string());
    expect(&people.run(21, &["bond", "1"]), 9, &["has its bond already"]);
    people.install(2, 1, document);
    let payer = people.office(23).join("keys/ethereum.key");
    let paid = people.run(2, &["bond", "1", "--account", payer.to_str().unwrap()]);
    expect(&paid, 0, &["2000000 wei for seat 0 of epoch 1"]);
    let (bonded, _) = people
        .contracts()
        .bonds(&people.stage.anvil.rpc, Epoch(1))
        .await
        .unwrap();
    assert_eq!(bonded.to_u128(), 0b1001);
    let receiver = Address([0x77; 20]).to_string();
    let early = people.run(21, &["bond", "1", "--withdraw", &receiver]);
    expect(
        &early,
        9,
        &["held until 20 min 1 s after the first anchor of epoch 2"],
    );
    let nothing = people.run(21, &["bond", "1", "--withdraw", "0x12"]);
    expect(&nothing, 2, &["is no address"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_committee_names_its_successor_and_takes_its_bonds_home() {
    let mut people = People::gather("two-changes").await;
    let clerk = people.clerk().await;
    let (second, third) = (people.successor(1, 1), people.successor(2, 2));
    let payer = account(2);
    let motion = people.change(second.clone());
    let lines = signed(&motion, &[1, 2, 3, 4]);
    clerk.carry(&payer, &motion, &lines).await.unwrap();
    people.wait(0).await;
    let motion = people.readiness(second.clone());
    clerk
        .carry(&payer, &motion, &signed(&motion, &[2, 3, 21]))
        .await
        .unwrap();
    let (heir, seat) = (account(21), OperatorIndex(3));
    clerk.post_bond(&heir, &second.roster, seat).await.unwrap();

    let motion = people.change(third.clone());
    let lines = signed(&motion, &[2, 3, 4]);
    let hasty = clerk.carry(&payer, &motion, &lines).await.unwrap_err();
    assert!(matches!(hasty, ClerkError::NotAnchored(1)), "{hasty}");
    people.anchor(1).await;
    let reused = people.change(people.successor(2, 1));
    let refused = clerk.carry(&payer, &reused, &signed(&reused, &[2, 3, 4])).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, ClerkError::Sequence { sequence: 1, last: 1 }),
        "{refused}"
    );

    // With real files: the document of epoch 1 lies where it was installed.
    let document = people.document("third.toml", &third);
    expect(
        &people.run(21, &["sign", &document]),
        3,
        &["committees/1.toml is missing"],
    );
    let before = people.document("second.toml", &second);
    for number in [2, 4, 21] {
        people.install(number, 1, &before);
    }
    let files = people.sign("sign", &document, &[2, 4, 21]);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    expect(
        &people.run(21, &[&["announce", &document], &files[..]].concat()),
        0,
        &["activeFrom"],
    );
    people.wait(1).await;
    let motion = people.readiness(third.clone());
    let few = clerk
        .carry(&payer, &motion, &signed(&motion, &[3, 4, 21]))
        .await
        .unwrap_err();
    assert!(few.to_string().contains("3 of the 4 signatures"), "{few}");
    clerk
        .carry(&payer, &motion, &signed(&motion, &[3, 21, 22, 23]))
        .await
        .unwrap();
    clerk.post_bond(&account(22), &third.roster, seat).await.unwrap();

    let receiver = Address([0x77; 20]);
    let held = clerk.withdraw_bond(&heir, &second.roster, seat, receiver).await;
    let held = held.unwrap_err();
    assert!(matches!(held, ClerkError::Held { epoch: 1, .. }), "{held}");
    people.wait(2).await;
    bonds_come_home(&people, &second.roster).await;
}

/// The successor has anchored for long enough.
async fn bonds_come_home(people: &People, roster: &Roster) {
    let (clerk, payer, heir) = (people.clerk().await, account(2), account(21));
    let (seat, receiver) = (OperatorIndex(3), Address([0x77; 20]));
    let late = clerk
        .post_bond(&payer, roster, OperatorIndex(0))
        .await
        .unwrap_err();
    assert!(matches!(late, ClerkError::Over(1)), "{late}");
    let deaf = people.contracts().federation;
    let refused = clerk.withdraw_bond(&heir, roster, seat, deaf).await.unwrap_err();
    assert!(
        matches!(&refused, ClerkError::Refused { reason, advice, .. }
            if reason.starts_with("TransferRefused") && advice.contains("takes no ETH")),
        "{refused}"
    );
    let stranger = clerk.withdraw_bond(&payer, roster, seat, receiver).await;
    let stranger = stranger.unwrap_err();
    assert!(
        matches!(stranger, ClerkError::NotOperator { seat: 3, .. }),
        "{stranger}"
    );
    clerk.withdraw_bond(&heir, roster, seat, receiver).await.unwrap();
    let bond = u128::try_from(parameters().operator_bond).unwrap();
    assert_eq!(people.balance(receiver).await, bond);
    let gone = clerk.withdraw_bond(&heir, roster, seat, receiver).await;
    let gone = gone.unwrap_err();
    assert!(matches!(gone, ClerkError::NoBond { epoch: 1, seat: 3 }), "{gone}");
}
