//! What the contracts take as arguments, made from the chain.
//!
//! Each contract's bindings have structs of their own with the same fields, so they are written once as a macro.

use ethers_core::types::{H160, U256};
use plasma_contracts_abi::{exit_game, fraud_proofs, in_flight_exits, vault};
use plasma_core::{Address, Amount, Header};

use crate::chain::{Chain, Made};

/// Where a transaction lies: height and index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) height: u32,
    pub(crate) index: u32,
}

macro_rules! proofs {
    ($contract:ident, $anchor:ident, $inclusion:ident, $proof:ident) => {
        /// The anchor as callers bring it back.
        pub(crate) fn $anchor(made: &Made) -> $contract::Anchor {
            let anchored = &made.anchored;
            $contract::Anchor {
                number: anchored.number,
                previous: anchored.previous.0,
                height: anchored.height.0,
                history_root: anchored.history_root.0,
                l_1_height: anchored.l1_height.0,
                time: anchored.time_s,
            }
        }

        /// Where a transaction lies under the first covering anchor.
        pub(crate) fn $inclusion(chain: &Chain, place: Place) -> Option<$contract::Inclusion> {
            let (block, covering) = (chain.block(place.height)?, chain.covering(place.height)?);
            let transaction_path = chain.transaction_path(place.height, place.index);
            let history_path = chain.history_path(place.height, covering.anchored.height);
            Some($contract::Inclusion {
                index: place.index,
                height: place.height,
                transaction_count: block.header.transaction_count,
                transactions_root: block.header.transactions_root.0,
                l_1_height: block.header.l1_height.0,
                transaction_path: transaction_path.iter().map(|hash| hash.0).collect(),
                history_path: history_path.iter().map(|hash| hash.0).collect(),
                anchor: $anchor(covering),
            })
        }

        /// A transaction with its place.
        pub(crate) fn $proof(chain: &Chain, place: Place) -> Option<$contract::Proof> {
            let body = &chain.block(place.height)?.body;
            let transaction = body.get(crate::chain::index(place.index))?.clone().into();
            Some($contract::Proof {
                transaction,
                inclusion: $inclusion(chain, place)?,
            })
        }
    };
}

proofs!(fraud_proofs, fraud_anchor, fraud_inclusion, fraud_proof);
proofs!(exit_game, exit_anchor, exit_inclusion, exit_proof);
proofs!(in_flight_exits, flight_anchor, flight_inclusion, flight_proof);
proofs!(vault, vault_anchor, vault_inclusion, vault_proof);

/// A block's place in anchored history, without its transactions.
pub(crate) fn block_proof(chain: &Chain, height: u32) -> Option<fraud_proofs::BlockProof> {
    let (block, covering) = (chain.block(height)?, chain.covering(height)?);
    let history_path = chain.history_path(height, covering.anchored.height);
    Some(fraud_proofs::BlockProof {
        height,
        transaction_count: block.header.transaction_count,
        transactions_root: block.header.transactions_root.0,
        l_1_height: block.header.l1_height.0,
        history_path: history_path.iter().map(|hash| hash.0).collect(),
        anchor: fraud_anchor(covering),
    })
}

/// Nobody is accused.
pub(crate) fn nobody() -> fraud_proofs::Accused {
    fraud_proofs::Accused {
        header: Vec::new().into(),
        certificate: fraud_proofs::Certificate {
            epoch: 0,
            view_number: 0,
            bitmap: U256::zero(),
            signature: Vec::new().into(),
        },
        history_path: Vec::new(),
    }
}

/// Whoever signed an anchored header.
pub(crate) fn signers(made: &Made) -> fraud_proofs::Accused {
    fraud_proofs::Accused {
        header: encoded(&made.header).into(),
        certificate: fraud_proofs::Certificate {
            epoch: made.certificate.epoch.0,
            view_number: made.certificate.view.0,
            bitmap: U256::from(made.certificate.signers.to_u128()),
            signature: uncompressed(&made.certificate).into(),
        },
        history_path: Vec::new(),
    }
}

/// A transaction that is shown with its inclusion, or with nothing.
pub(crate) fn evidence(chain: &Chain, bytes: &[u8], place: Option<Place>) -> in_flight_exits::Evidence {
    let shown = place.and_then(|place| flight_inclusion(chain, place));
    in_flight_exits::Evidence {
        transaction: bytes.to_vec().into(),
        inclusion: shown.unwrap_or_default(),
        header: Vec::new().into(),
        certificate: in_flight_exits::Certificate::default(),
    }
}

/// An aggregate as calldata carries it.
pub(crate) fn uncompressed(certificate: &plasma_core::Certificate) -> Vec<u8> {
    certificate
        .signature
        .to_uncompressed()
        .expect("we signed it")
        .to_vec()
}

/// The 184 bytes.
pub(crate) fn encoded(header: &Header) -> Vec<u8> {
    header.encode().to_vec()
}

/// An address as the bindings have it.
pub(crate) fn h160(address: Address) -> H160 {
    H160(address.0)
}

/// An amount as the bindings have it.
pub(crate) fn u256(amount: Amount) -> U256 {
    U256::from_big_endian(&amount.to_be_bytes::<32>())
}
