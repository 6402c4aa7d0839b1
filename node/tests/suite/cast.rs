//! Who plays in the world of pure operators: keys, users, the genesis document, Ethereum's blocks.

use std::sync::LazyLock;

use plasma_core::{
    Address, Committee, Domain, Epoch, Genesis, GenesisMember, Hash, L1Block, L1Height, Millis, Peer,
    SigningKey, bls::SecretKey,
};

/// What signatures are about.
const DOMAIN: Domain = Domain {
    chain_id: 31_337,
    contract: Address([0xfe; 20]),
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

/// An operator as documents name it, of whatever committee.
pub(crate) fn member(index: u16) -> GenesisMember {
    let key = secret(index);
    let number = u8::try_from(index).expect("small") + 1;
    let operator = Address([number; 20]);
    GenesisMember {
        operator,
        key: key.public(),
        possession: key.sign(&DOMAIN.possession(&operator, &key.public())),
        peer_id: vec![number; 38],
        addresses: Vec::new(),
    }
}

/// More than any test seats.
const NAMED: u16 = 128;

/// Its name on the network.
pub(crate) fn peer(index: u16) -> Peer {
    // A key is derived for each: too dear for every frame.
    static NAMES: LazyLock<Vec<Peer>> =
        LazyLock::new(|| (0..NAMED).map(|index| member(index).member().peer).collect());
    NAMES[usize::from(index)]
}

/// The committee of these operators.
pub(crate) fn committee(epoch: u64, members: &[u16]) -> Committee {
    let members = members.iter().map(|index| member(*index).member());
    Committee::new(Epoch(epoch), members.collect()).expect("a committee")
}

pub(crate) fn genesis() -> Genesis {
    genesis_of(OPERATORS)
}

/// The document of a federation of so many operators.
pub(crate) fn genesis_of(operators: u16) -> Genesis {
    let Domain { chain_id, contract } = DOMAIN;
    let members = (0..operators).map(member).collect();
    Genesis {
        version: Genesis::VERSION,
        chain_id,
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
