//! Who plays in the world of pure operators: keys, users, the genesis document, Ethereum's blocks.

use plasma_core::{
    Address, Genesis, GenesisMember, Hash, L1Block, L1Height, Millis, SigningKey, bls::SecretKey,
};

pub(crate) const OPERATORS: u16 = 4;
pub(crate) const START: Millis = Millis(1_800_000_000_000);

pub(crate) fn secret(index: u16) -> SecretKey {
    let [high, low] = index.to_be_bytes();
    let mut seed = [7; 32];
    seed[0] = high;
    seed[1] = low;
    SecretKey::from_seed(&seed)
}

pub(crate) fn user(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32]).expect("a key")
}

pub(crate) fn genesis() -> Genesis {
    let contract = Address([0xfe; 20]);
    let domain = plasma_core::Domain {
        chain_id: 31_337,
        contract,
    };
    let members = (0..OPERATORS)
        .map(|index| {
            let key = secret(index);
            let operator = Address([u8::try_from(index).expect("small") + 1; 20]);
            GenesisMember {
                operator,
                key: key.public(),
                possession: key.sign(&domain.possession(&operator, &key.public())),
                peer_id: vec![u8::try_from(index).expect("small") + 1; 38],
                addresses: Vec::new(),
            }
        })
        .collect();
    Genesis {
        version: Genesis::VERSION,
        chain_id: domain.chain_id,
        contract,
        deployment: l1_block(0),
        name: "test".to_owned(),
        confirmations: 1,
        origin_lag: 64,
        max_block_transactions: 1_000,
        max_block_bytes: 1 << 20,
        max_l1_events: 100,
        anchor_blocks: 10,
        anchor_seconds: 2,
        takeover_seconds: 1,
        fee_owner: None,
        fees: Vec::new(),
        legacy_transactions: false,
        members,
    }
}

pub(crate) fn l1_block(height: u64) -> L1Block {
    let mut hash = [0xe1; 32];
    hash[..8].copy_from_slice(&height.to_be_bytes());
    L1Block {
        height: L1Height(height),
        hash: Hash(hash),
        timestamp_s: START.0 / 1_000 + height,
    }
}
