//! The bonds of a committee: what its operators can lose.

use plasma_core::{Epoch, OperatorIndex};

use super::{account::Account, contracts::Contracts, direct::transact, error::L1Error, rpc::Rpc};

/// Pays the bond of every seat of a committee that has none and was not convicted, from one account. Anybody may
/// pay; only a seat's operator gets the bond back. Gives the number of bonds posted.
///
/// # Errors
/// [`L1Error::Reverted`] when the committee was not activated or the account holds too little; [`L1Error`] of the endpoint.
pub async fn post_bonds(
    rpc: &Rpc,
    contracts: &Contracts,
    payer: &Account,
    epoch: Epoch,
) -> Result<u16, L1Error> {
    let bond = contracts.parameters(rpc).await?.operator_bond;
    let (size, _) = contracts.committee(rpc, epoch).await?;
    let (bonded, slashed) = contracts.bonds(rpc, epoch).await?;
    let mut posted = 0;
    for seat in (0..size).map(OperatorIndex) {
        if bonded.contains(seat) || slashed.contains(seat) {
            continue;
        }
        transact(rpc, payer, &contracts.post_bond_call(epoch, seat, bond)).await?;
        posted += 1;
    }
    Ok(posted)
}
