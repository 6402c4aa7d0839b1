//! Who sits in the committee of a world.

use std::sync::OnceLock;

use plasma_core::{Address, Committee, Epoch, Member, Peer, PublicKey, keccak};

use crate::sim::crypto::secret;

/// Members with real keys.
pub(super) fn real_committee(n: u16) -> Committee {
    let members = (0..n).map(|index| member(index, secret(index).public()));
    Committee::new(Epoch(0), members.collect()).expect("members differ")
}

fn member(index: u16, key: PublicKey) -> Member {
    let [high, low] = index.to_be_bytes();
    let mut operator = [1; 20];
    operator[..2].copy_from_slice(&[high, low]);
    Member {
        operator: Address(operator),
        key,
        peer: Peer(keccak(&[&[high, low]])),
    }
}

/// Members with keys that are none: the mock knows everybody. Made once per size, because a committee reads its keys.
pub(crate) fn committee(n: u16) -> Committee {
    static BY_SIZE: [OnceLock<Committee>; 128] = [const { OnceLock::new() }; 128];
    let made = BY_SIZE[usize::from(n)].get_or_init(|| {
        let members = (0..n).map(|index| {
            let mut key = [0xff; 48];
            key[46..].copy_from_slice(&index.to_be_bytes());
            member(index, PublicKey(key))
        });
        Committee::new(Epoch(0), members.collect()).expect("members differ")
    });
    made.clone()
}

/// The committee of any epoch: these operators, in this order of seats.
#[cfg(test)]
pub(crate) fn committee_of(epoch: Epoch, operators: &[u16]) -> Committee {
    let members = operators.iter().map(|index| {
        let mut key = [0xff; 48];
        key[46..].copy_from_slice(&index.to_be_bytes());
        member(*index, PublicKey(key))
    });
    Committee::new(epoch, members.collect()).expect("members differ")
}
