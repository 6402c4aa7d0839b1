//! The real Ethereum behind [`L1`]: one operator's account on one deployment.

use std::{ops::RangeInclusive, path::PathBuf, sync::Arc, time::Duration};

use plasma_core::{Address, Epoch, Genesis, Hash, L1Block, L1Event, L1Height};

use super::{
    Anchor, L1, Observed, SpendProof,
    account::{Account, Call},
    accuser::Accuser,
    challenger::Challenger,
    contracts::Contracts,
    decode::Anchored,
    error::L1Error,
    methods::At,
    rpc::Rpc,
    sender::{Sender, SenderConfig},
    submitter::Submitter,
};
use crate::keystore::Secret;

/// How an operator reaches Ethereum.
#[derive(Clone, Debug)]
pub struct EthereumConfig {
    /// JSON-RPC URLs, best first.
    pub endpoints: Vec<String>,
    /// How long one call may take.
    pub deadline: Duration,
    /// Time between two looks, at the head and at what was sent; a fraction of the L1 block time.
    pub poll: Duration,
    /// The nonce journal, in a folder that this process holds alone.
    pub journal: PathBuf,
    /// A transaction that is not mined by then is sent again with higher fees.
    pub bump_after: Duration,
    /// How long a duty waits for its transaction before it reports that it still waits.
    pub wait: Duration,
    /// Most that one unit of gas may cost.
    pub fee_wei_max: u128,
}

/// An operator's Ethereum.
#[derive(Debug)]
pub struct Ethereum {
    rpc: Arc<Rpc>,
    contracts: Contracts,
    sender: Sender,
    submitter: Submitter,
    challenger: Challenger,
    accuser: Accuser,
}

impl Ethereum {
    /// Checks that this is the chain and the deployment of the genesis, opens the nonce journal and
    /// starts sending what an earlier run left.
    ///
    /// # Errors
    /// As [`Contracts::check_identity`] and [`Rpc::all_receipts`]; [`L1Error::Key`]; [`L1Error::Journal`].
    pub async fn connect(config: &EthereumConfig, genesis: &Genesis, key: &Secret) -> Result<Self, L1Error> {
        let rpc = Arc::new(Rpc::new(&config.endpoints, config.deadline)?);
        let contracts = Contracts::check_identity(&rpc, genesis).await?;
        // An endpoint that shows no receipts is told now, not with the first deposit.
        let newest = rpc.newest().await?.height;
        let newest = rpc.sealed(newest..=newest).await?;
        rpc.all_receipts(&newest.iter().collect::<Vec<_>>()).await?;
        let account = Account::new(key, genesis.chain_id)?;
        let sender = Sender::start(
            Arc::clone(&rpc),
            account,
            SenderConfig {
                journal: config.journal.clone(),
                confirmations: genesis.confirmations,
                poll: config.poll,
                bump_after: config.bump_after,
                wait: config.wait,
                fee_wei_max: config.fee_wei_max,
            },
        )?;
        let submitter = Submitter::new(Arc::clone(&rpc), contracts, sender.clone());
        let challenger = Challenger::new(Arc::clone(&rpc), contracts, sender.clone());
        let accuser = Accuser::new(Arc::clone(&rpc), contracts, sender.clone());
        Ok(Self {
            rpc,
            contracts,
            sender,
            submitter,
            challenger,
            accuser,
        })
    }

    /// The addresses of the deployment.
    #[must_use]
    pub fn contracts(&self) -> &Contracts {
        &self.contracts
    }

    /// The endpoint, for questions to [`Contracts`].
    #[must_use]
    pub fn rpc(&self) -> &Arc<Rpc> {
        &self.rpc
    }

    /// Sends a call of this account and waits until it is mined. Nothing is sent that would revert now.
    ///
    /// # Errors
    /// [`L1Error::Reverted`] with the contract's reason; the errors of [`Sender::send`].
    pub async fn send(&self, call: Call) -> Result<(), L1Error> {
        // One execution finds a revert cheaper than the search for a gas limit does.
        self.rpc
            .eth_call(Some(self.sender.account()), &call, At::Latest)
            .await?;
        self.sender.send(call).await?;
        Ok(())
    }

    /// What brings fraud proofs to Ethereum.
    #[must_use]
    pub fn accuser(&self) -> &Accuser {
        &self.accuser
    }

    /// The account that pays for anchors and challenges.
    #[must_use]
    pub fn account(&self) -> Address {
        self.sender.account()
    }
}

impl L1 for Ethereum {
    async fn head(&self) -> Result<L1Block, L1Error> {
        self.rpc.newest().await
    }

    async fn block(&self, height: L1Height) -> Result<Option<L1Block>, L1Error> {
        self.rpc.block_at(height).await
    }

    async fn observe(&self, range: RangeInclusive<L1Height>) -> Result<Vec<Observed>, L1Error> {
        self.contracts.observe(&self.rpc, range).await
    }

    async fn glimpse(&self, range: RangeInclusive<L1Height>) -> Result<Vec<Observed>, L1Error> {
        self.contracts.glimpse(&self.rpc, range).await
    }

    async fn events(&self, range: RangeInclusive<L1Height>) -> Result<Vec<L1Event>, L1Error> {
        let observed = self.observe(range).await?;
        Ok(observed.into_iter().flat_map(|block| block.events).collect())
    }

    fn turn_away(&self) {
        self.rpc.turn_away();
    }

    async fn activated(&self, epoch: Epoch) -> Result<Hash, L1Error> {
        self.contracts.activated(&self.rpc, epoch).await
    }

    async fn last_anchor(&self) -> Result<Option<Anchored>, L1Error> {
        self.contracts.last_anchor(&self.rpc).await
    }

    async fn anchor(&self, anchor: &Anchor) -> Result<(), L1Error> {
        self.submitter.anchor(anchor).await
    }

    async fn challenge(&self, proof: &SpendProof) -> Result<(), L1Error> {
        self.challenger.challenge(proof).await
    }
}
