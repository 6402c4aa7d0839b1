//! What makes a genesis document valid.

use super::{Genesis, GenesisMember};
use crate::{
    Address, Domain, OperatorIndex, SignedTransaction,
    bls::{self, KeyError},
    committee::CommitteeError,
};

/// The first thing wrong with a genesis document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Another version than [`Genesis::VERSION`].
    #[error("version {0}, this program speaks {ours}", ours = Genesis::VERSION)]
    Version(u16),
    /// A field that must not be zero or empty is.
    #[error("{0} is zero or empty")]
    Empty(&'static str),
    /// A field is above its limit.
    #[error("{field} is {found}, at most {max}")]
    TooLarge {
        /// Which field.
        field: &'static str,
        /// What it says.
        found: u64,
        /// The limit.
        max: u64,
    },
    /// A limit is so low that it forbids a transaction that the rules allow.
    #[error("max_block_bytes is {found}, a transaction can have {min}")]
    BytesTooFew {
        /// What it says.
        found: u32,
        /// The longest transaction.
        min: usize,
    },
    /// Fees are named, but nobody to receive them.
    #[error("fees without a fee owner")]
    FeesWithoutOwner,
    /// Fees are ascending by asset and none is zero, so that one policy has one encoding.
    #[error("fees are not ascending by asset, or zero, at {0}")]
    Fees(Address),
    /// The members make no committee.
    #[error(transparent)]
    Committee(#[from] CommitteeError),
    /// A member's key is no key.
    #[error("key of member {index}: {reason}")]
    Key {
        /// Which member.
        index: OperatorIndex,
        /// Why.
        reason: KeyError,
    },
    /// A member has not proven that it holds its key.
    #[error("member {0} does not prove possession of its key")]
    Possession(OperatorIndex),
}

impl Genesis {
    /// Checks limits, the committee and every proof of possession.
    ///
    /// # Errors
    /// [`GenesisError`], the first thing wrong.
    pub fn validate(&self) -> Result<(), GenesisError> {
        if self.version != Self::VERSION {
            return Err(GenesisError::Version(self.version));
        }
        self.check_present()?;
        self.check_limits()?;
        self.check_fees()?;
        self.committee()?;
        for (index, member) in (0u16..).map(OperatorIndex).zip(&self.members) {
            member.check(index, &self.domain())?;
        }
        Ok(())
    }

    fn check_present(&self) -> Result<(), GenesisError> {
        let fields = [
            ("chain_id", self.chain_id == 0),
            ("contract", self.contract.is_zero()),
            ("name", self.name.is_empty()),
            ("origin_lag", self.origin_lag == 0),
            ("max_block_transactions", self.max_block_transactions == 0),
            ("max_l1_events", self.max_l1_events == 0),
            ("anchor_blocks", self.anchor_blocks == 0),
            ("anchor_seconds", self.anchor_seconds == 0),
            ("takeover_seconds", self.takeover_seconds == 0),
            ("fee_owner", self.fee_owner.is_some_and(|owner| owner.is_zero())),
        ];
        match fields.iter().find(|(_, is_empty)| *is_empty) {
            Some((field, _)) => Err(GenesisError::Empty(field)),
            None => Ok(()),
        }
    }

    fn check_limits(&self) -> Result<(), GenesisError> {
        at_most("name", self.name.len(), Self::NAME_MAX)?;
        at_most("fees", self.fees.len(), Self::FEES_MAX)?;
        below(
            "max_block_transactions",
            self.max_block_transactions.into(),
            Self::TRANSACTIONS_MAX.into(),
        )?;
        below(
            "max_block_bytes",
            self.max_block_bytes.into(),
            Self::BYTES_MAX.into(),
        )?;
        below(
            "max_l1_events",
            self.max_l1_events.into(),
            Self::L1_EVENTS_MAX.into(),
        )?;
        // The header of block 0 carries this time in milliseconds.
        below("deployment time", self.deployment.timestamp_s, u64::MAX / 1000)?;
        let min = SignedTransaction::BYTES_MAX;
        if usize::try_from(self.max_block_bytes).unwrap_or(usize::MAX) < min {
            return Err(GenesisError::BytesTooFew {
                found: self.max_block_bytes,
                min,
            });
        }
        Ok(())
    }

    fn check_fees(&self) -> Result<(), GenesisError> {
        if self.fee_owner.is_none() && !self.fees.is_empty() {
            return Err(GenesisError::FeesWithoutOwner);
        }
        let mut last = None;
        for (asset, minimum) in &self.fees {
            if minimum.is_zero() || last.is_some_and(|last| last >= asset) {
                return Err(GenesisError::Fees(*asset));
            }
            last = Some(asset);
        }
        Ok(())
    }
}

impl GenesisMember {
    /// Every rule that one member keeps by itself; `index` names it in the error.
    ///
    /// # Errors
    /// [`GenesisError`], the first broken rule.
    pub fn check(&self, index: OperatorIndex, domain: &Domain) -> Result<(), GenesisError> {
        if self.operator.is_zero() {
            return Err(GenesisError::Empty("operator"));
        }
        if self.peer_id.is_empty() {
            return Err(GenesisError::Empty("peer_id"));
        }
        at_most("peer_id", self.peer_id.len(), Genesis::PEER_MAX)?;
        at_most("addresses", self.addresses.len(), Genesis::ADDRESSES_MAX)?;
        for address in &self.addresses {
            at_most("address", address.len(), Genesis::ADDRESS_MAX)?;
        }
        self.key
            .validate()
            .map_err(|reason| GenesisError::Key { index, reason })?;
        if bls::verify_possession(domain, &self.operator, &self.key, &self.possession) {
            Ok(())
        } else {
            Err(GenesisError::Possession(index))
        }
    }
}

fn at_most(field: &'static str, found: usize, max: usize) -> Result<(), GenesisError> {
    below(
        field,
        u64::try_from(found).unwrap_or(u64::MAX),
        u64::try_from(max).unwrap_or(u64::MAX),
    )
}

fn below(field: &'static str, found: u64, max: u64) -> Result<(), GenesisError> {
    if found <= max {
        Ok(())
    } else {
        Err(GenesisError::TooLarge { field, found, max })
    }
}
