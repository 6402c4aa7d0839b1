//! Puts the contracts of a new federation on Ethereum.
//!
//! They know each other by addresses predicted from the deployer's nonce and check them in their
//! constructors. The operators' proofs of possession name `Federation`, so the addresses come first:
//! [`Site::choose`], then the proofs, then [`Site::deploy`]. Nobody else may use the deployer in between.

use ethers_core::{
    abi::AbiEncode,
    types::{H160, U256},
    utils::get_contract_address,
};
use plasma_contracts_abi::{
    exit_game::EXITGAME_BYTECODE,
    federation::{self, FEDERATION_BYTECODE},
    fraud_proofs::FRAUDPROOFS_BYTECODE,
    vault::VAULT_BYTECODE,
};
use plasma_core::{
    Address, Amount, Domain, Genesis, Hash, L1Block, L1Height,
    bls::{PublicKey, Signature},
};

use super::{
    account::{Account, Call},
    contracts::{Contracts, Parameters},
    convert,
    direct::transact,
    error::L1Error,
    methods::At,
    rpc::Rpc,
};

/// Where the contracts of a deployment will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    contracts: Contracts,
    chain_id: u64,
    nonce: u64,
}

/// An operator that joins the committee of epoch 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMember {
    /// Its Ethereum account.
    pub operator: Address,
    /// Its BLS key.
    pub key: PublicKey,
    /// Its signature of [`Domain::possession`] in the domain of the site.
    pub possession: Signature,
    /// keccak of the bytes of its peer id.
    pub peer: Hash,
}

/// One contract's creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// Where it will stand.
    pub place: Address,
    /// Its code with its arguments.
    pub call: Call,
}

/// Contracts that stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Where.
    pub contracts: Contracts,
    /// The block that holds `Federation`: the first L1 origin.
    pub block: L1Block,
    /// What all took together.
    pub gas_used: u64,
}

impl Site {
    /// Predicts the addresses from the deployer's next nonces.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn choose(rpc: &Rpc, deployer: &Account) -> Result<Self, L1Error> {
        let nonce = rpc.nonce(deployer.address(), At::Pending).await?;
        Ok(Self::of(deployer.address(), nonce, deployer.chain_id()))
    }

    /// The same for a known nonce.
    #[must_use]
    pub fn of(deployer: Address, nonce: u64, chain_id: u64) -> Self {
        let address = |step: u64| {
            let made = get_contract_address(H160(deployer.0), U256::from(nonce).saturating_add(step.into()));
            Address(made.0)
        };
        // The exit game makes its other half in its constructor; a contract's first nonce is 1.
        let in_flight = get_contract_address(H160(address(1).0), U256::one());
        let contracts = Contracts {
            federation: address(0),
            exit_game: address(1),
            in_flight: Address(in_flight.0),
            vault: address(3),
            fraud_proofs: address(2),
        };
        Self {
            contracts,
            chain_id,
            nonce,
        }
    }

    /// Where the contracts will stand.
    #[must_use]
    pub fn contracts(&self) -> &Contracts {
        &self.contracts
    }

    /// The domain of everything that the federation will sign.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain {
            chain_id: self.chain_id,
            contract: self.contracts.federation,
        }
    }

    /// The four creations, in the order in which the deployer sends them.
    ///
    /// # Errors
    /// [`L1Error::Key`] when a member's key or proof is no point of the curve.
    pub fn creations(
        &self,
        parameters: &Parameters,
        members: &[NewMember],
        tokens: &[Address],
    ) -> Result<[Creation; 4], L1Error> {
        let Contracts {
            federation,
            exit_game,
            vault,
            fraud_proofs,
            ..
        } = self.contracts;
        let seats = members.iter().map(seat).collect::<Result<Vec<_>, _>>()?;
        let others = (H160(exit_game.0), H160(vault.0), H160(fraud_proofs.0));
        let arguments = (seats, rules(parameters), others.0, others.1, others.2).encode();
        let place = AbiEncode::encode(H160(federation.0));
        let listed: Vec<H160> = tokens.iter().map(|token| H160(token.0)).collect();
        let place_and_tokens = (H160(federation.0), listed).encode();
        Ok([
            create("Federation", federation, &FEDERATION_BYTECODE, &arguments),
            create("ExitGame", exit_game, &EXITGAME_BYTECODE, &place),
            create("FraudProofs", fraud_proofs, &FRAUDPROOFS_BYTECODE, &place),
            create("Vault", vault, &VAULT_BYTECODE, &place_and_tokens),
        ])
    }

    /// Deploys `Federation`, `ExitGame`, `FraudProofs` and `Vault`, each mined before the next is sent. The vault takes
    /// deposits of ETH and of the listed tokens, and comes last: what protects a deposit stands before it.
    ///
    /// # Errors
    /// [`L1Error::Reverted`] when a constructor refuses a member or a parameter; [`L1Error::Mismatch`] when the
    /// deployer was used meanwhile; [`L1Error`] of the endpoint.
    pub async fn deploy(
        &self,
        rpc: &Rpc,
        deployer: &Account,
        parameters: &Parameters,
        members: &[NewMember],
        tokens: &[Address],
    ) -> Result<Deployment, L1Error> {
        let nonce = rpc.nonce(deployer.address(), At::Pending).await?;
        if nonce != self.nonce {
            let (expected, found) = (self.nonce.to_string(), nonce.to_string());
            return Err(L1Error::Mismatch {
                field: "the deployer's nonce",
                expected,
                found,
            });
        }
        let mut made = Vec::new();
        for creation in self.creations(parameters, members, tokens)? {
            let receipt = transact(rpc, deployer, &creation.call).await?;
            if receipt.created != Some(creation.place) {
                let found = receipt.created.unwrap_or_default().to_string();
                return Err(L1Error::Mismatch {
                    field: "a contract's address",
                    expected: creation.place.to_string(),
                    found,
                });
            }
            made.push(receipt);
        }
        let first = made.first().map_or(L1Height(0), |receipt| receipt.block);
        let block = rpc.block_at(first).await?.ok_or(L1Error::UnknownBlock(first))?;
        let gas_used = made.iter().map(|receipt| receipt.gas_used).sum();
        Ok(Deployment {
            contracts: self.contracts,
            block,
            gas_used,
        })
    }
}

impl Contracts {
    /// Where the contracts of a federation stand: whoever made `Federation` made the others with the next nonces. An address
    /// is a hash of its maker and the nonce, so no endpoint can make up another maker; one that names none may not keep
    /// that block.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn deployed(rpc: &Rpc, genesis: &Genesis) -> Result<Option<Self>, L1Error> {
        let makers = rpc.makers(genesis.deployment.height).await?;
        let sites = makers
            .into_iter()
            .map(|(maker, nonce)| Site::of(maker, nonce, genesis.chain_id).contracts);
        Ok(sites
            .into_iter()
            .find(|contracts| contracts.federation == genesis.contract))
    }
}

fn create(name: &str, place: Address, code: &[u8], arguments: &[u8]) -> Creation {
    let call = Call {
        label: format!("deployment of {name}"),
        to: None,
        value: Amount::ZERO,
        data: [code, arguments].concat(),
    };
    Creation { place, call }
}

/// A member as the contract takes it.
pub(super) fn seat(member: &NewMember) -> Result<federation::Member, L1Error> {
    let key = member
        .key
        .to_uncompressed()
        .ok_or(L1Error::Key("a member's BLS key is no point of the curve"))?;
    let possession = member.possession.to_uncompressed();
    let possession = possession.ok_or(L1Error::Key(
        "a member's proof of possession is no point of the curve",
    ))?;
    Ok(federation::Member {
        operator: H160(member.operator.0),
        peer: member.peer.0,
        key: key.to_vec().into(),
        possession: possession.to_vec().into(),
    })
}

fn rules(parameters: &Parameters) -> federation::Parameters {
    federation::Parameters {
        exit_period: parameters.exit_period_s,
        exit_bond: convert::to_u256(parameters.exit_bond),
        origin_window: parameters.origin_window,
        l_1_block_time: parameters.l1_block_time_s,
        silence: parameters.silence_s,
        grace: parameters.grace_s,
        legacy_transactions: parameters.legacy_transactions,
        operator_bond: convert::to_u256(parameters.operator_bond),
        committee_delay: parameters.committee_delay_s,
        reclaim_window: parameters.reclaim_window_s,
    }
}
