//! Recoverable secp256k1 signatures, 65 bytes r ‖ s ‖ v, in their one accepted form.
//!
//! v is 27 or 28, s lies in the lower half and neither r nor s is zero, so a third party cannot turn a
//! signature into another one for the same message.

use core::fmt;

use k256::ecdsa;

use crate::{Address, Hash, keccak};

/// r 32 ‖ s 32 ‖ v 1.
pub type SignatureBytes = [u8; 65];

/// An Ethereum account's secret; wiped when dropped, never printed.
#[derive(Clone)]
pub struct SigningKey(ecdsa::SigningKey);

impl SigningKey {
    /// A key from its scalar; `None` for zero and for numbers at or above the order.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        ecdsa::SigningKey::from_slice(bytes).ok().map(Self)
    }

    /// The scalar, for keystores.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes().into()
    }

    /// The account this key opens.
    #[must_use]
    pub fn address(&self) -> Address {
        address_of(self.0.verifying_key())
    }

    /// Signs a digest deterministically (RFC 6979) in the accepted form.
    #[must_use]
    pub fn sign_digest(&self, digest: &Hash) -> SignatureBytes {
        let (signature, recovery) = self.0.sign_prehash_recoverable(&digest.0);
        let mut out = [0; 65];
        let v = if recovery.is_y_odd() { 28 } else { 27 };
        for (to, from) in out.iter_mut().zip(signature.to_bytes().into_iter().chain([v])) {
            *to = from;
        }
        out
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.address())
    }
}

/// Why a signature is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// v is neither 27 nor 28.
    #[error("v is {0}, not 27 or 28")]
    RecoveryByte(u8),
    /// r or s is zero or at least the order of the curve.
    #[error("r or s is zero or out of range")]
    Range,
    /// s lies in the upper half: the mirror image of another signature.
    #[error("s is in the upper half")]
    HighS,
    /// No public key has this signature, or its address is zero.
    #[error("no key recovers from this signature")]
    NoKey,
}

/// The account that signed a digest.
///
/// # Errors
/// [`SignatureError`]: the form that is refused, or that no key fits.
pub fn recover(digest: &Hash, signature: &SignatureBytes) -> Result<Address, SignatureError> {
    let (v, scalars) = signature.split_last().ok_or(SignatureError::Range)?;
    let is_y_odd = match v {
        27 => false,
        28 => true,
        other => return Err(SignatureError::RecoveryByte(*other)),
    };
    let parsed = ecdsa::Signature::from_slice(scalars).map_err(|_| SignatureError::Range)?;
    if parsed.normalize_s() != parsed {
        return Err(SignatureError::HighS);
    }
    let recovery = ecdsa::RecoveryId::new(is_y_odd, false);
    let key = ecdsa::VerifyingKey::recover_from_prehash(&digest.0, &parsed, recovery)
        .map_err(|_| SignatureError::NoKey)?;
    let address = address_of(&key);
    if address.is_zero() {
        Err(SignatureError::NoKey)
    } else {
        Ok(address)
    }
}

/// The last twenty bytes of keccak(x ‖ y).
fn address_of(key: &ecdsa::VerifyingKey) -> Address {
    let point = key.to_sec1_point(false);
    let coordinates = point.as_bytes().split_first().map_or(&[][..], |(_, rest)| rest);
    let Hash([_, _, _, _, _, _, _, _, _, _, _, _, account @ ..]) = keccak(&[coordinates]);
    Address(account)
}
