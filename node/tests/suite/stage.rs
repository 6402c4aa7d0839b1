//! The scene of the bridge's tests: a real Ethereum node with the real contracts and people who use them.

use plasma_core::{Address, Amount, DepositNumber, SignedTransaction, SigningKey, Transaction};
use plasma_node::{
    bridge::{Contracts, L1Error, account::Account, direct, ethereum::Ethereum},
    keystore::Secret,
};

use super::{
    anvil::Anvil,
    deployment::{Federation, config},
    scratch::Scratch,
};

pub(crate) const ETHER: u64 = 1_000_000_000_000_000_000;

/// The fund transaction of a deposit of one ether.
pub(crate) fn fund(number: u64, owner: Address) -> SignedTransaction {
    Transaction::fund(DepositNumber(number), owner, Address::ZERO, Amount::from(ETHER)).unsigned()
}

/// A test chain with a deployed federation, an operator and two users.
pub(crate) struct Stage {
    pub(crate) anvil: Anvil,
    pub(crate) federation: Federation,
    pub(crate) alice: Account,
    pub(crate) bob: Account,
    pub(crate) bob_key: SigningKey,
    pub(crate) operator: Secret,
    pub(crate) folder: Scratch,
}

impl Stage {
    pub(crate) async fn set(name: &str) -> Self {
        let anvil = Anvil::start();
        let (_, deployer) = anvil.funded(99).await;
        let federation = Federation::deploy(&anvil, &deployer).await;
        let (operator, _) = anvil.funded(1).await;
        let (_, alice) = anvil.funded(10).await;
        let (_, bob) = anvil.funded(11).await;
        let bob_key = SigningKey::from_bytes(&[11; 32]).unwrap();
        Self {
            anvil,
            federation,
            alice,
            bob,
            bob_key,
            operator,
            folder: Scratch::new(name),
        }
    }

    pub(crate) fn contracts(&self) -> &Contracts {
        &self.federation.deployment.contracts
    }

    /// The operator's account, for a tool of its owner.
    pub(crate) fn operator_account(&self) -> Account {
        Account::new(&self.operator, super::anvil::CHAIN_ID).unwrap()
    }

    pub(crate) async fn connect(&self) -> Result<Ethereum, L1Error> {
        let config = config(&self.anvil, self.folder.path());
        Ethereum::connect(&config, &self.federation.genesis, &self.operator).await
    }

    /// Two users deposit one ether each in one L1 block.
    pub(crate) async fn deposit(&self) {
        self.anvil.automine(false).await;
        let call = self.contracts().deposit_call(Amount::from(ETHER));
        let first = direct::submit(&self.anvil.rpc, &self.alice, &call).await.unwrap();
        let second = direct::submit(&self.anvil.rpc, &self.bob, &call).await.unwrap();
        self.anvil.mine(1).await;
        self.anvil.automine(true).await;
        let receipts = self.anvil.rpc.receipts(&[first, second]).await.unwrap();
        assert!(
            receipts
                .iter()
                .all(|receipt| receipt.is_some_and(|receipt| receipt.succeeded))
        );
        self.anvil.mine(1).await;
    }
}
