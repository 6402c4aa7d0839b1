//! Which operators signed one digest, and their one aggregate signature.
//!
//! A certificate is about a block finalized in a view of an epoch; consensus uses the same pair
//! (bitmap, aggregate) for its notarizations and nullifications.

use crate::{
    BlockId, Epoch, Hash, OperatorIndex, View,
    bls::{self, Signature},
    committee::Committee,
    domain::Domain,
};

/// A set of operator indices; bit i%8 of byte i/8 stands for operator i.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bitmap {
    bits: u128,
}

impl Bitmap {
    /// Bytes that hold a bit for each of [`Committee::SIZE_MAX`] operators.
    pub const SIZE: usize = Committee::SIZE_MAX.div_ceil(8);

    /// Adds one operator; indices at or above [`Committee::SIZE_MAX`] are ignored and reported.
    pub fn insert(&mut self, index: OperatorIndex) -> bool {
        let Some(bit) = Self::bit(index) else { return false };
        self.bits |= bit;
        true
    }

    /// Whether the operator is in the set.
    #[must_use]
    pub fn contains(&self, index: OperatorIndex) -> bool {
        Self::bit(index).is_some_and(|bit| self.bits & bit != 0)
    }

    /// How many operators are in the set.
    #[must_use]
    pub fn count(&self) -> usize {
        usize::try_from(self.bits.count_ones()).unwrap_or(0)
    }

    /// The members in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = OperatorIndex> + '_ {
        (0u16..128)
            .map(OperatorIndex)
            .filter(|index| self.contains(*index))
    }

    /// The bits as a number, bit i for operator i: what the contract takes.
    #[must_use]
    pub fn to_u128(&self) -> u128 {
        self.bits
    }

    /// The form of the wire: the same width for every committee, so that no reader must know whose bits these are.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut out = [0; Self::SIZE];
        for (to, from) in out.iter_mut().zip(self.bits.to_le_bytes()) {
            *to = from;
        }
        out
    }

    /// The bytes back; `None` when a bit at or above [`Committee::SIZE_MAX`] is set.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Option<Self> {
        let mut word = [0; 16];
        for (to, from) in word.iter_mut().zip(bytes) {
            *to = *from;
        }
        let bits = u128::from_le_bytes(word);
        let used = 128u32.saturating_sub(bits.leading_zeros());
        (usize::try_from(used).ok()? <= Committee::SIZE_MAX).then_some(Self { bits })
    }

    fn bit(index: OperatorIndex) -> Option<u128> {
        (usize::from(index.0) < Committee::SIZE_MAX).then(|| 1u128.checked_shl(u32::from(index.0)))?
    }
}

impl FromIterator<OperatorIndex> for Bitmap {
    fn from_iter<I: IntoIterator<Item = OperatorIndex>>(indices: I) -> Self {
        let mut set = Self::default();
        for index in indices {
            set.insert(index);
        }
        set
    }
}

/// A finalize certificate: q operators co-signed this block in this view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose committee signed.
    pub epoch: Epoch,
    /// In which view the block was finalized.
    pub view: View,
    /// The block.
    pub block: BlockId,
    /// Who signed.
    pub signers: Bitmap,
    /// Sum of their signatures over the finalize digest, compressed G2.
    pub signature: Signature,
}

/// Why a certificate does not convince.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Nobody here knows the committee of its epoch.
    #[error("the committee of epoch {0:?} is not known here")]
    Unknown(Epoch),
    /// It names another epoch than the committee's.
    #[error("certificate of epoch {found}, committee of epoch {expected}")]
    Epoch {
        /// The certificate's.
        found: Epoch,
        /// The committee's.
        expected: Epoch,
    },
    /// Fewer signers than a quorum, or one outside the committee.
    #[error("{signers} of {quorum} signers needed, all inside the committee")]
    Quorum {
        /// How many the bitmap names.
        signers: usize,
        /// How many are needed.
        quorum: usize,
    },
    /// The aggregate does not verify under the sum of the signers' keys.
    #[error("the aggregate signature does not verify")]
    Signature,
}

impl Certificate {
    /// Epoch and view: certificates are ordered by them.
    #[must_use]
    pub fn at(&self) -> (Epoch, View) {
        (self.epoch, self.view)
    }

    /// The digest that every signer signed.
    #[must_use]
    pub fn digest(&self, domain: &Domain) -> Hash {
        domain.finalize(self.epoch, self.view, self.block)
    }

    /// Checks epoch, quorum and aggregate.
    ///
    /// # Errors
    /// [`CertificateError`], the first check that failed.
    pub fn verify(&self, domain: &Domain, committee: &Committee) -> Result<(), CertificateError> {
        if self.epoch != committee.epoch() {
            return Err(CertificateError::Epoch {
                found: self.epoch,
                expected: committee.epoch(),
            });
        }
        let inside = self.signers.iter().all(|index| committee.member(index).is_some());
        let signers = self.signers.count();
        if !inside || signers < committee.quorum() {
            return Err(CertificateError::Quorum {
                signers,
                quorum: committee.quorum(),
            });
        }
        if bls::verify_aggregate(committee, &self.signers, &self.digest(domain), &self.signature) {
            Ok(())
        } else {
            Err(CertificateError::Signature)
        }
    }

    /// Bytes of a certificate.
    pub const SIZE: usize = 144 + Bitmap::SIZE;

    /// epoch 8 ‖ view 8 ‖ block id 32 ‖ bitmap 13 ‖ aggregate 96.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::SIZE);
        out.extend(self.epoch.0.to_be_bytes());
        out.extend(self.view.0.to_be_bytes());
        out.extend(self.block.0.0);
        out.extend(self.signers.to_bytes());
        out.extend(self.signature.0);
        out
    }

    /// The one encoding back; `None` for any other length or a bit that stands for no operator of any committee.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (epoch, rest) = bytes.split_first_chunk::<8>()?;
        let (view, rest) = rest.split_first_chunk::<8>()?;
        let (block, rest) = rest.split_first_chunk::<32>()?;
        let (bitmap, signature) = rest.split_first_chunk()?;
        Some(Self {
            epoch: Epoch(u64::from_be_bytes(*epoch)),
            view: View(u64::from_be_bytes(*view)),
            block: BlockId(Hash(*block)),
            signers: Bitmap::from_bytes(bitmap)?,
            signature: Signature(signature.try_into().ok()?),
        })
    }
}
