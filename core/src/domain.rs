//! Which deployment a statement of the federation is about, and the digests that operators sign.
//!
//! Every digest is keccak(tag 1 ‖ l1 chain id 32 ‖ contract 20 ‖ epoch 8 ‖ view 8 ‖ parent view 8 ‖ id 32), so no two
//! kinds of statement, deployments, epochs or views can be confused. Source: `docs/protocol.md` section 7.

use serde::{Deserialize, Serialize};

use crate::{Address, BlockId, Epoch, Hash, View, bls::PublicKey, keccak};

/// One deployment: the L1 chain and the address of `Federation` on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Domain {
    /// EIP-155 id of the L1 chain.
    pub chain_id: u64,
    /// Address of `Federation`.
    pub contract: Address,
}

/// The fields behind a tag; those without a meaning stay zero.
#[derive(Default)]
struct Statement {
    epoch: Epoch,
    view: View,
    parent: View,
    id: Hash,
}

impl Domain {
    /// A vote for a block, fully validated, whose parent was notarized in view `parent`.
    #[must_use]
    pub fn notarize(&self, epoch: Epoch, view: View, parent: View, block: BlockId) -> Hash {
        self.digest(
            0x01,
            &Statement {
                epoch,
                view,
                parent,
                id: block.0,
            },
        )
    }

    /// A vote to leave a view without a block.
    #[must_use]
    pub fn nullify(&self, epoch: Epoch, view: View) -> Hash {
        self.digest(
            0x02,
            &Statement {
                epoch,
                view,
                ..Statement::default()
            },
        )
    }

    /// The co-signature that the contract checks.
    #[must_use]
    pub fn finalize(&self, epoch: Epoch, view: View, block: BlockId) -> Hash {
        self.digest(
            0x03,
            &Statement {
                epoch,
                view,
                id: block.0,
                ..Statement::default()
            },
        )
    }

    /// The committee of `epoch` announces its successor; the sequence stands in the view field.
    #[must_use]
    pub fn committee_change(&self, epoch: Epoch, sequence: u64, committee: Hash) -> Hash {
        self.digest(
            0x04,
            &Statement {
                epoch,
                view: View(sequence),
                id: committee,
                ..Statement::default()
            },
        )
    }

    /// Proof that an operator holds the secret of its key.
    #[must_use]
    pub fn possession(&self, operator: &Address, key: &PublicKey) -> Hash {
        let id = keccak(&[&operator.0, &key.0]);
        self.digest(
            0x05,
            &Statement {
                id,
                ..Statement::default()
            },
        )
    }

    /// What a coming committee says of itself; readiness signs keccak of the committee.
    #[must_use]
    pub fn status(&self, epoch: Epoch, content: Hash) -> Hash {
        self.digest(
            0x06,
            &Statement {
                epoch,
                id: content,
                ..Statement::default()
            },
        )
    }

    /// Admission of a token to the vault.
    #[must_use]
    pub fn token_admission(&self, epoch: Epoch, sequence: u64, token: &Address) -> Hash {
        let mut id = [0; 32];
        for (to, from) in id.iter_mut().skip(12).zip(token.0) {
            *to = from;
        }
        self.digest(
            0x07,
            &Statement {
                epoch,
                view: View(sequence),
                id: Hash(id),
                ..Statement::default()
            },
        )
    }

    /// The chain id as an Ethereum word.
    pub(crate) fn chain_word(&self) -> [u8; 32] {
        ruint::aliases::U256::from(self.chain_id).to_be_bytes()
    }

    fn digest(&self, tag: u8, statement: &Statement) -> Hash {
        keccak(&[
            &[tag],
            &self.chain_word(),
            &self.contract.0,
            &statement.epoch.0.to_be_bytes(),
            &statement.view.0.to_be_bytes(),
            &statement.parent.0.to_be_bytes(),
            &statement.id.0,
        ])
    }
}
