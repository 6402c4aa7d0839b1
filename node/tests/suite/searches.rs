//! What a person pastes: found by its shape and by what the operator holds.

use plasma_core::{Amount, ExitId, Hash, L1Event};
use plasma_node::api::{Code, text::AddressText, view::FoundView};

use super::{
    chain::{Chain, genesis, user},
    http::{door, get, submit},
};

#[tokio::test]
async fn whatever_has_a_name_is_found_by_it() {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    let (first, second) = (chain.deposit(&alice, 100).await, chain.deposit(&alice, 50).await);
    let exit = ExitId(Hash([3; 32]));
    chain
        .seal(&[L1Event::ExitStarted {
            id: exit,
            position: second,
            owner: alice.address(),
        }])
        .await;
    let payment = chain.payment(&alice, (first, 100), &bob, 30);
    let router = door(&chain);
    assert_eq!(submit(&router, &payment).await.status, 201);

    let number = Amount::from_be_bytes(exit.0.0).to_string();
    let (id, address) = (payment.id().to_string(), AddressText(alice.address()).to_string());
    let block = chain.state().header.id().0.to_string();
    let paid = ("transaction", format!("/v1/transactions/{id}"));
    let left = ("exit", format!("/v1/exits/{number}"));
    for (text, found) in [
        ("3".to_owned(), ("block", "/v1/blocks/3".to_owned())),
        ("%233".to_owned(), ("block", "/v1/blocks/3".to_owned())),
        (block, ("block", "/v1/blocks/3".to_owned())),
        (first.to_string(), ("output", format!("/v1/outputs/{first}"))),
        (address.clone(), ("address", format!("/v1/addresses/{address}"))),
        (number, left.clone()),
        (exit.0.to_string(), left),
        (id.clone(), paid.clone()),
    ] {
        let answered = get(&router, &format!("/v1/search?q={text}")).await;
        let view: FoundView = answered.document();
        assert_eq!((view.kind.as_str(), view.path), found, "{text}");
    }
    chain.seal(&[]).await;
    let view: FoundView = get(&router, &format!("/v1/search?q=%20{id}%20")).await.document();
    assert_eq!((view.kind.as_str(), view.path), paid, "once it is decided too");

    let unknown = Hash([9; 32]).to_string();
    for nothing in ["", "99", "7:0:0", "12345678901234567890", "who", &unknown] {
        get(&router, &format!("/v1/search?q={nothing}"))
            .await
            .problem(Code::NotFound);
    }
}
