//! What a person asked for.

use std::path::PathBuf;

use plasma_core::{Address, Position, SignedTransaction};
use serde::{Deserialize, Serialize};

use crate::api::text::{AddressText, AmountText, BytesText, HashText, PositionText};

/// What a person asked for. The same intent that is not ended is gone on with, never begun again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Intent {
    /// Pay these rows, each once.
    Pay {
        /// Who pays.
        from: AddressText,
        /// Whom and how much.
        rows: Vec<Row>,
        /// The file in which they stand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<PathBuf>,
        /// What tells this payment from another one like it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// Make one output of several.
    Consolidate {
        /// Whose.
        from: AddressText,
        /// Of what.
        asset: AddressText,
    },
    /// Bring in what was signed elsewhere.
    Broadcast {
        /// The payment.
        id: HashText,
    },
    /// Sign a payment that is sent elsewhere.
    Sign {
        /// The payment.
        id: HashText,
    },
    /// Deposit on Ethereum.
    Deposit {
        /// Who pays.
        from: AddressText,
        /// Whose output it becomes.
        owner: AddressText,
        /// What; zero is ETH.
        asset: AddressText,
        /// How much.
        amount: AmountText,
        /// What tells this deposit from another one like it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// Start an exit.
    Exit {
        /// Whose output.
        from: AddressText,
        /// Which.
        output: PositionText,
    },
    /// Start exits of several outputs by one call.
    Exits {
        /// Whose outputs.
        from: AddressText,
        /// Which, in the order of their exits.
        outputs: Vec<PositionText>,
    },
    /// Leave with a payment that no block may hold.
    Flight {
        /// Who leaves.
        from: AddressText,
        /// The payment with its signature.
        payment: BytesText,
    },
    /// Have an exit paid that is due.
    Process {
        /// Who pays the gas.
        from: AddressText,
        /// Which.
        exit: HashText,
    },
    /// Ask for a deposit back that no block credited.
    Reclaim {
        /// Whose deposit.
        from: AddressText,
        /// The vault's number.
        number: u64,
    },
    /// Have a deposit paid back whose reclaim is due.
    TakeBack {
        /// Who pays the gas.
        from: AddressText,
        /// The vault's number.
        number: u64,
    },
}

/// One row of a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Row {
    /// To whom.
    pub to: AddressText,
    /// How much.
    pub amount: AmountText,
    /// Of what; zero is ETH.
    pub asset: AddressText,
}

impl Intent {
    /// Whether it is meant once for ever.
    pub(super) fn is_once(&self) -> bool {
        match self {
            Self::Pay { file, id, .. } => file.is_some() || id.is_some(),
            Self::Deposit { id, .. } => id.is_some(),
            _ => false,
        }
    }

    /// What its maker calls it.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Pay { id, .. } | Self::Deposit { id, .. } => id.as_deref(),
            _ => None,
        }
    }

    /// Whose outputs it takes out.
    #[must_use]
    pub fn leaver(&self) -> Option<Address> {
        match self {
            Self::Exit { from, .. } | Self::Exits { from, .. } => Some(from.0),
            _ => None,
        }
    }

    /// Outputs of which it starts exits, in the order of the exits.
    #[must_use]
    pub fn exiting(&self) -> Vec<Position> {
        match self {
            Self::Exit { output, .. } => vec![output.0],
            Self::Exits { outputs, .. } => outputs.iter().map(|output| output.0).collect(),
            _ => Vec::new(),
        }
    }

    /// The payment that it leaves with.
    #[must_use]
    pub fn flown(&self) -> Option<SignedTransaction> {
        match self {
            Self::Flight { payment, .. } => SignedTransaction::decode(&payment.0).ok(),
            _ => None,
        }
    }
}
