//! A federation of four on a test chain, with the blocks that its operators sign.

use std::time::Duration;

use plasma_core::{
    Amount, BlockId, Certificate, Epoch, Genesis, GenesisMember, Hash, Header, Height, L1Block, Millis,
    Receipt, SignedTransaction, View,
    bls::{self, SecretKey},
    history, keccak, merkle,
};
use plasma_node::{
    bridge::{
        Anchor, Anchored,
        account::Account,
        contracts::Parameters,
        convert::Inclusion,
        deploy::{Deployment, NewMember, Site},
        ethereum::EthereumConfig,
    },
    keystore::Secret,
};

use super::anvil::{Anvil, CHAIN_ID};

/// The contracts, and the keys that rule them.
pub(crate) struct Federation {
    pub(crate) genesis: Genesis,
    pub(crate) deployment: Deployment,
    keys: Vec<SecretKey>,
    leaves: Vec<Hash>,
    blocks: Vec<(Header, Vec<SignedTransaction>)>,
}

pub(crate) const EXIT_PERIOD_S: u64 = 600;

pub(crate) fn parameters() -> Parameters {
    Parameters {
        exit_period_s: EXIT_PERIOD_S,
        exit_bond: Amount::from(1_000_000u64),
        origin_window: 180,
        l1_block_time_s: 1,
        silence_s: 60,
        grace_s: 20,
        legacy_transactions: true,
        operator_bond: Amount::from(2_000_000u64),
        committee_delay_s: 2 * EXIT_PERIOD_S + 1,
        reclaim_window_s: 10,
    }
}

impl Federation {
    /// Deploys the contracts from one account for four operators with fixed keys.
    pub(crate) async fn deploy(anvil: &Anvil, deployer: &Account) -> Self {
        let site = Site::choose(&anvil.rpc, deployer).await.unwrap();
        let keys: Vec<SecretKey> = (1..=4)
            .map(|number| SecretKey::from_seed(&[number; 32]))
            .collect();
        let members: Vec<GenesisMember> = (1u8..)
            .zip(&keys)
            .map(|(number, key)| {
                let operator = Account::new(&Secret::new([number; 32]), CHAIN_ID)
                    .unwrap()
                    .address();
                let possession = key.sign(&site.domain().possession(&operator, &key.public()));
                GenesisMember {
                    operator,
                    key: key.public(),
                    possession,
                    peer_id: vec![number; 38],
                    addresses: Vec::new(),
                }
            })
            .collect();
        let new_members: Vec<NewMember> = members
            .iter()
            .map(|member| NewMember {
                operator: member.operator,
                key: member.key,
                possession: member.possession,
                peer: keccak(&[&member.peer_id]),
            })
            .collect();
        let deployment = site
            .deploy(&anvil.rpc, deployer, &parameters(), &new_members, &[])
            .await
            .unwrap();
        let genesis = genesis(&deployment, members);
        let leaves = vec![genesis.leaf()];
        let blocks = vec![(genesis.state().header, Vec::new())];
        Self {
            genesis,
            deployment,
            keys,
            leaves,
            blocks,
        }
    }

    /// The key of an operator.
    pub(crate) fn key(&self, operator: plasma_core::OperatorIndex) -> &SecretKey {
        &self.keys[usize::from(operator.0)]
    }

    /// Seals the next block over some transactions, with an L1 origin.
    pub(crate) fn seal(&mut self, transactions: Vec<SignedTransaction>, origin: &L1Block) -> Header {
        let (parent, _) = self.blocks.last().unwrap();
        let transaction_leaves: Vec<Hash> = transactions.iter().map(SignedTransaction::leaf).collect();
        let transactions_root = merkle::root(&transaction_leaves);
        let height = parent.height.next().unwrap();
        let transaction_count = u32::try_from(transactions.len()).unwrap();
        self.leaves.push(history::leaf(
            height,
            transaction_count,
            transactions_root,
            origin.height,
        ));
        let header = Header {
            height,
            transaction_count,
            parent: parent.id(),
            transactions_root,
            history_root: merkle::root(&self.leaves),
            output_commitment: Hash::ZERO,
            l1_height: origin.height,
            l1_hash: origin.hash,
            timestamp_ms: Millis(parent.timestamp_ms.0 + 1),
        };
        self.blocks.push((header, transactions));
        header
    }

    /// The anchor of a header that some of the four operators signed.
    pub(crate) fn certify(&self, header: &Header, signers: &[u16]) -> Anchor {
        let block: BlockId = header.id();
        let view = View(u64::from(header.height.0));
        let digest = self.genesis.domain().finalize(Epoch(0), view, block);
        let signatures: Vec<_> = signers
            .iter()
            .map(|signer| self.keys[usize::from(*signer)].sign(&digest))
            .collect();
        let certificate = Certificate {
            epoch: Epoch(0),
            view,
            block,
            signers: signers.iter().copied().map(plasma_core::OperatorIndex).collect(),
            signature: bls::aggregate(&signatures).unwrap(),
        };
        Anchor {
            header: *header,
            certificate,
        }
    }

    /// Where a transaction lies under the newest block, which was anchored.
    pub(crate) fn inclusion(&self, height: Height, index: u32, anchor: Anchored) -> Inclusion {
        let place = usize::try_from(height.0).unwrap();
        let (header, transactions) = &self.blocks[place];
        let leaves: Vec<Hash> = transactions.iter().map(SignedTransaction::leaf).collect();
        let index_place = usize::try_from(index).unwrap();
        let covered = usize::try_from(anchor.height.0).unwrap() + 1;
        let (top, _) = &self.blocks[covered - 1];
        let receipt = Receipt {
            transaction: transactions[index_place].clone(),
            index,
            transaction_proof: merkle::proof(&leaves, index_place),
            height,
            transaction_count: header.transaction_count,
            transactions_root: header.transactions_root,
            l1_height: header.l1_height,
            history_proof: merkle::proof(&self.leaves[..covered], place),
            header: *top,
            certificate: self.certify(top, &[0, 1, 2, 3]).certificate,
        };
        receipt
            .verify(&self.genesis.domain(), &self.genesis.committee().unwrap())
            .unwrap();
        Inclusion { receipt, anchor }
    }
}

/// A configuration with short waits for one operator on a test chain.
pub(crate) fn config(anvil: &Anvil, journal: &std::path::Path) -> EthereumConfig {
    EthereumConfig {
        endpoints: vec![anvil.url.clone()],
        deadline: Duration::from_secs(30),
        poll: Duration::from_millis(20),
        journal: journal.join("nonces.json"),
        bump_after: Duration::from_secs(30),
        wait: Duration::from_secs(60),
        fee_wei_max: 500_000_000_000,
    }
}

fn genesis(deployment: &Deployment, members: Vec<GenesisMember>) -> Genesis {
    Genesis {
        version: Genesis::VERSION,
        chain_id: CHAIN_ID,
        contract: deployment.contracts.federation,
        deployment: deployment.block,
        name: "bridge test".to_owned(),
        confirmations: 1,
        origin_lag: 100,
        max_block_transactions: 100,
        max_block_bytes: 100_000,
        max_l1_events: 100,
        anchor_blocks: 1,
        anchor_seconds: 1,
        takeover_seconds: 1,
        fee_owner: None,
        fees: Vec::new(),
        legacy_transactions: true,
        members,
    }
}
