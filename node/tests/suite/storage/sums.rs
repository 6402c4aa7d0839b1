//! The rule of the sums of assets, a test for any backend.

use plasma_core::{Address, Amount, DepositFate, DepositNumber, Transaction};
use plasma_node::storage::Storage as _;

use super::{
    Backend,
    history::{Model, owner},
    rules::expect_model,
};

/// What a payment spends and what it makes are never there together.
pub(crate) async fn all_there_can_be_of_an_asset_is_paid_on(mut backend: impl Backend) {
    let mut storage = backend.open();
    let mut model = Model::new(12);
    let mut deposit = model.open();
    let everything = Transaction::fund(DepositNumber(0), owner(0), Address([7; 20]), Amount::MAX);
    let position = deposit.include(everything);
    deposit
        .deposits
        .insert(DepositNumber(0), DepositFate::Funded(position));
    let (decided, delta) = model.decide(deposit);
    storage.commit(&decided, &delta).await.unwrap();
    let mut payment = model.open();
    model.pay(&mut payment);
    let (decided, delta) = model.decide(payment);
    storage.commit(&decided, &delta).await.unwrap();
    assert_eq!(model.totals().into_values().collect::<Vec<_>>(), [Amount::MAX]);
    expect_model(&storage.reader(), &model);
}
