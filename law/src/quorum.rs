//! One key for several operators: BLS keys of signers add up, so one signature by the sum stands for the aggregate.

use plasma_core::SecretKey;
use ruint::aliases::U256;

/// The order of the groups of BLS12-381: scalars of operators add up modulo it.
const ORDER: U256 = U256::from_be_bytes([
    0x73, 0xed, 0xa7, 0x53, 0x29, 0x9d, 0x7d, 0x48, 0x33, 0x39, 0xd8, 0x08, 0x09, 0xa1, 0xd8, 0x05, 0x53,
    0xbd, 0xa4, 0x02, 0xff, 0xfe, 0x5b, 0xfe, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01,
]);

/// The sum of the keys.
///
/// # Panics
/// When they cancel, or there is none.
pub fn sum<'a>(secrets: impl IntoIterator<Item = &'a SecretKey>) -> SecretKey {
    let scalar = secrets.into_iter().fold(U256::ZERO, |sum, key| {
        sum.add_mod(U256::from_be_bytes(key.to_bytes()), ORDER)
    });
    SecretKey::from_bytes(&scalar.to_be_bytes()).expect("keys that were drawn do not cancel")
}
