//! BLS12-381 signatures of operators: keys in G1, signatures in G2, always over a 32-byte digest.
//!
//! Wraps `bls-signatures` (hash-to-curve tag `BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_`) and adds what it
//! lacks: secrets that are wiped, refusal of the point at infinity, aggregates over one message, and the
//! uncompressed form of EIP-2537. Summing keys is safe only because every operator proved possession
//! of its key ([`verify_possession`]); that check belongs to whoever admits a committee.

use core::fmt;

use bls_signatures::PrivateKey;
use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use group::{Group as _, prime::PrimeCurveAffine as _};
use k256::elliptic_curve::zeroize::Zeroize as _;

use crate::{Address, Hash, certificate::Bitmap, committee::Committee, domain::Domain};

/// A compressed public key; anything until it is decoded, which every use does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 48]);

/// A compressed signature; anything until it is decoded, which every use does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature(pub [u8; 96]);

/// An operator's secret, a scalar in big-endian bytes; wiped when dropped, never printed.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

/// Why bytes are no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No point of the curve in its one compressed form, or a point outside the subgroup of prime order.
    #[error("not a point of the G1 subgroup")]
    Point,
    /// The point at infinity, under which any message verifies.
    #[error("the point at infinity")]
    Infinity,
}

impl SecretKey {
    /// The key that the standard key generation derives from 32 secret random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Scalar::from(PrivateKey::new(seed)).to_bytes_be())
    }

    /// A key from its scalar, big-endian; `None` for zero and for numbers at or above the order.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let scalar = Option::<Scalar>::from(Scalar::from_bytes_be(bytes))?;
        (scalar != Scalar::from(0)).then_some(Self(*bytes))
    }

    /// The scalar, big-endian, for keystores.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.private().public_key().as_affine().to_compressed())
    }

    /// Signs a digest; the same digest always gives the same signature.
    #[must_use]
    pub fn sign(&self, digest: &Hash) -> Signature {
        Signature(G2Affine::from(self.private().sign(digest.0)).to_compressed())
    }

    fn private(&self) -> PrivateKey {
        // Constructors admit only canonical scalars, so the default is never taken.
        PrivateKey::from(Option::<Scalar>::from(Scalar::from_bytes_be(&self.0)).unwrap_or_default())
    }
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({:?})", self.public())
    }
}

impl PublicKey {
    /// Checks form, curve and subgroup, and refuses infinity.
    ///
    /// # Errors
    /// [`KeyError`] says which.
    pub fn validate(&self) -> Result<(), KeyError> {
        self.decode().map(|_| ())
    }

    /// EIP-2537: x 64 ‖ y 64, each padded to 64 bytes on the left; `None` for what is no key.
    #[must_use]
    pub fn to_uncompressed(&self) -> Option<[u8; 128]> {
        let point = self.decode().ok()?.as_affine().to_uncompressed();
        let (coordinates, _) = point.as_chunks::<48>();
        let mut out = [0; 128];
        for (word, coordinate) in out.as_chunks_mut::<64>().0.iter_mut().zip(coordinates) {
            pad(word, coordinate);
        }
        Some(out)
    }

    pub(crate) fn decode(&self) -> Result<bls_signatures::PublicKey, KeyError> {
        let point = Option::<G1Affine>::from(G1Affine::from_compressed(&self.0)).ok_or(KeyError::Point)?;
        if bool::from(point.is_identity()) {
            return Err(KeyError::Infinity);
        }
        Ok(G1Projective::from(point).into())
    }
}

impl Signature {
    /// EIP-2537: x.c0 64 ‖ x.c1 64 ‖ y.c0 64 ‖ y.c1 64; `None` for what is no signature.
    #[must_use]
    pub fn to_uncompressed(&self) -> Option<[u8; 256]> {
        let point = self.decode()?.to_uncompressed();
        // The serialization of BLS12-381 writes the imaginary part first, EIP-2537 the real one.
        let [x1, x0, y1, y0] = point.as_chunks::<48>().0 else {
            return None;
        };
        let mut out = [0; 256];
        for (word, coordinate) in out.as_chunks_mut::<64>().0.iter_mut().zip([x0, x1, y0, y1]) {
            pad(word, coordinate);
        }
        Some(out)
    }

    fn decode(&self) -> Option<G2Affine> {
        let point = Option::<G2Affine>::from(G2Affine::from_compressed(&self.0))?;
        (!bool::from(point.is_identity())).then_some(point)
    }
}

fn pad(word: &mut [u8; 64], coordinate: &[u8; 48]) {
    for (to, from) in word.iter_mut().skip(16).zip(coordinate) {
        *to = *from;
    }
}

/// Whether this key signed this digest.
#[must_use]
pub fn verify(key: &PublicKey, digest: &Hash, signature: &Signature) -> bool {
    key.decode()
        .is_ok_and(|key| verify_decoded(key, digest, signature))
}

/// The sum of signatures; `None` when there are none or one of them is no signature.
#[must_use]
pub fn aggregate(signatures: &[Signature]) -> Option<Signature> {
    let points = signatures
        .iter()
        .map(|signature| signature.decode().map(G2Projective::from));
    let sum = G2Affine::from(points.sum::<Option<G2Projective>>()?);
    (!bool::from(sum.is_identity())).then(|| Signature(sum.to_compressed()))
}

/// The sum of keys, under which an aggregate of all their signatures over one digest verifies.
///
/// `None` when there are none, one of them is no key, or they cancel each other.
#[must_use]
pub fn aggregate_keys(keys: &[PublicKey]) -> Option<PublicKey> {
    let points = keys.iter().map(|key| key.decode().ok().map(G1Projective::from));
    let sum = points.sum::<Option<G1Projective>>()?;
    (!bool::from(sum.is_identity())).then(|| PublicKey(sum.to_compressed()))
}

/// Whether the aggregate is the sum of the signatures of exactly these members over one digest.
///
/// Does not ask for a quorum: certificates do.
#[must_use]
pub fn verify_aggregate(
    committee: &Committee,
    signers: &Bitmap,
    digest: &Hash,
    signature: &Signature,
) -> bool {
    let points = signers
        .iter()
        .map(|index| committee.decoded_key(index).copied().map(G1Projective::from));
    let Some(sum) = points.sum::<Option<G1Projective>>() else {
        return false;
    };
    // An empty bitmap sums to infinity, and so would keys that cancel each other.
    !bool::from(sum.is_identity()) && verify_decoded(sum.into(), digest, signature)
}

/// Whether an operator proved that it holds the secret of its key.
#[must_use]
pub fn verify_possession(domain: &Domain, operator: &Address, key: &PublicKey, proof: &Signature) -> bool {
    verify(key, &domain.possession(operator, key), proof)
}

fn verify_decoded(key: bls_signatures::PublicKey, digest: &Hash, signature: &Signature) -> bool {
    signature
        .decode()
        .is_some_and(|point| key.verify(point.into(), digest.0))
}

macro_rules! debug_hex {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("0x")?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

debug_hex!(PublicKey);
debug_hex!(Signature);
