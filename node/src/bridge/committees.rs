//! What the contract says of committees to come and of committees gone.

use ethers_contract::EthCall as _;
use ethers_core::{
    abi::{AbiDecode as _, AbiEncode as _},
    types::{Bytes, U256},
};
use plasma_contracts_abi::federation;
use plasma_core::{Epoch, Hash};
use serde_json::json;

use super::{
    contracts::{Contracts, ask},
    error::L1Error,
    rpc::Rpc,
};

/// A committee that waits for its activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// How many members it has.
    pub size: u16,
    /// From this moment of L1 on it can be activated, in seconds.
    pub active_from_s: u64,
    /// Its hash.
    pub digest: Hash,
}

impl Contracts {
    /// The newest committee that was activated.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn active_epoch(&self, rpc: &Rpc) -> Result<Epoch, L1Error> {
        ask(rpc, self.federation, federation::ActiveEpochCall)
            .await
            .map(Epoch)
    }

    /// The committee that waits, if one does.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn announcement(&self, rpc: &Rpc) -> Result<Option<Announcement>, L1Error> {
        let waits: federation::Announcement = ask(rpc, self.federation, federation::AnnouncementCall).await?;
        Ok((waits.size > 0).then_some(Announcement {
            size: waits.size,
            active_from_s: waits.active_from,
            digest: Hash(waits.digest),
        }))
    }

    /// Whether the bonds of an epoch can be withdrawn.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn is_released(&self, rpc: &Rpc, epoch: Epoch) -> Result<bool, L1Error> {
        let (_, _, _, released): (u64, u32, u32, bool) =
            ask(rpc, self.federation, federation::TermCall { epoch: epoch.0 }).await?;
        Ok(released)
    }

    /// The sequence of the last announcement, zero before the first; `None` while the active committee may announce
    /// nothing.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn last_sequence(&self, rpc: &Rpc, active: Epoch) -> Result<Option<u64>, L1Error> {
        // The contract keeps the number to itself, but it names it when it refuses: sequence zero is always too low.
        let hopeless = federation::AnnounceCommitteeCall {
            members: Vec::new(),
            certificate: federation::Certificate {
                epoch: active.0,
                view_number: 0,
                bitmap: U256::zero(),
                signature: Bytes::new(),
            },
        };
        let label = federation::AnnounceCommitteeCall::function_name();
        let data = Bytes::from(hopeless.encode()).to_string();
        let question = json!([{"to": self.federation.to_string(), "data": data}, "latest"]);
        match rpc.call::<Bytes>("eth_call", question).await {
            Err(L1Error::Refused { revert, .. }) => match federation::FederationErrors::decode(&revert) {
                Ok(federation::FederationErrors::SequencePast(refused)) => Ok(Some(refused.last)),
                _ => Ok(None),
            },
            Err(error) => Err(error),
            Ok(_) => Err(rpc.malformed("eth_call", format!("{label} of nobody was taken"))),
        }
    }
}
