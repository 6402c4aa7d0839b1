//! Step 1: operators are up, and the contract holds their committee, with the keys whose possession they proved and the bond
//! that each of them can lose.

use anyhow::{Context, Result, anyhow};
use ethers_core::abi::{AbiDecode, AbiEncode};
use plasma_contracts_abi::federation::{MemberCall, MemberReturn};
use plasma_core::{Amount, Epoch, bls};
use plasma_node::bridge::account::Call;
use plasma_node::bridge::contracts::digest_of;
use plasma_node::bridge::methods::At;
use serde_json::{Value, json};

use super::story::{Story, must};
use crate::contract::{Contract, number};
use crate::ether::show;
use crate::progress::Progress;
use crate::testnet::{Plan, Testnet};

pub(super) async fn begin(plan: &Plan, progress: Progress) -> Result<(Story, Value)> {
    let testnet = Testnet::start(plan, progress).await?;
    let (rpc, genesis) = (testnet.rpc(), &testnet.genesis);
    let committee = genesis.committee().context("the committee of the genesis")?;
    let (size, digest) = testnet.contracts.committee(rpc, Epoch(0)).await?;
    must(usize::from(size) == committee.size(), || {
        format!("the contract holds {size} members")
    })?;
    must(digest == digest_of(&committee), || {
        "the contract holds another committee".into()
    })?;
    for (index, member) in (0..size).zip(&genesis.members) {
        let (operator, key) = registered(&testnet, index).await?;
        let ours = member
            .key
            .to_uncompressed()
            .ok_or_else(|| anyhow!("a key that is no point"))?;
        must(operator == member.operator.0 && key == ours, || {
            format!("member {index} differs on Ethereum")
        })?;
        let proven = bls::verify_possession(
            &testnet.domain(),
            &member.operator,
            &member.key,
            &member.possession,
        );
        must(proven, || format!("member {index} has not proven its key"))?;
    }
    let bonds = bonds(&testnet, size).await?;
    let evidence = json!({
        "federation": testnet.contracts.federation.to_string(),
        "members": size,
        "committee_digest": digest.to_string(),
        "possession_proofs": size,
        "bonds": format!("{} by each of {size}", show(bonds)),
        "genesis": genesis.hash().to_string(),
    });
    Ok((Story::new(testnet, WITNESS), evidence))
}

/// What each operator has posted, once the contract says that every seat is bonded and the money is there.
async fn bonds(testnet: &Testnet, size: u16) -> Result<Amount> {
    let (rpc, federation) = (testnet.rpc(), Contract::federation(&testnet.contracts));
    let bond = testnet.contracts.parameters(rpc).await?.operator_bond;
    let bonded = federation.number(rpc, "bonds", &[number(0)], 0).await?;
    let slashed = federation.number(rpc, "bonds", &[number(0)], 1).await?;
    let all = (Amount::from(1) << usize::from(size)) - Amount::from(1);
    must(bonded == all && slashed.is_zero(), || {
        format!("seats {bonded:b} are bonded and {slashed:b} convicted")
    })?;
    let held = rpc.balance(testnet.contracts.federation).await?;
    must(held == bond * Amount::from(size), || {
        format!("the contract holds {}", show(held))
    })?;
    Ok(bond)
}

/// A member as the contract holds it. Its constructor stored no key whose possession was not proven.
async fn registered(testnet: &Testnet, index: u16) -> Result<([u8; 20], Vec<u8>)> {
    let data = MemberCall { epoch: 0, index }.encode();
    let to = Some(testnet.contracts.federation);
    let call = Call {
        label: "Federation.member".into(),
        to,
        value: Amount::ZERO,
        data,
    };
    let answer = testnet.rpc().eth_call(None, &call, At::Latest).await?;
    let member = MemberReturn::decode(answer).context("a member as the contract tells it")?;
    Ok((member.operator.0, member.key.to_vec()))
}

/// Whom users ask for proofs.
const WITNESS: usize = 1;
