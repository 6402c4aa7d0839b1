//! What the vault holds.

use std::collections::BTreeMap;

use ethers_core::{
    abi::{AbiDecode, AbiEncode},
    types::{H160, U256},
};
use plasma_contracts_abi::vault;
use plasma_core::{Address, Amount, L1Height};

use super::{
    account::Call,
    contracts::{Contracts, ask_at},
    convert,
    error::L1Error,
    methods::At,
    rpc::Rpc,
};

impl Contracts {
    /// Deposits less what left, of ETH and of each token that can be deposited, as they stood after a block.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint: many have only the state of the newest blocks.
    pub async fn held(&self, rpc: &Rpc, at: L1Height) -> Result<BTreeMap<Address, Amount>, L1Error> {
        let at = At::Height(at);
        let tokens: Vec<H160> = ask_at(rpc, self.vault, vault::TokensCall, at).await?;
        let assets: Vec<H160> = std::iter::once(H160::zero()).chain(tokens).collect();
        let question = |asset: &H160| Call {
            label: "Vault.held".to_owned(),
            to: Some(self.vault),
            value: Amount::ZERO,
            data: vault::HeldCall { asset: *asset }.encode(),
        };
        let calls: Vec<Call> = assets.iter().map(question).collect();
        let mut held = BTreeMap::new();
        for (asset, answer) in assets.into_iter().zip(rpc.eth_calls(&calls, at).await?) {
            let amount = U256::decode(answer)
                .map_err(|error| rpc.malformed("eth_call", format!("Vault.held: {error}")))?;
            held.insert(Address(asset.0), convert::from_u256(amount));
        }
        Ok(held)
    }
}
