//! The lines of the journal.

use serde::{Deserialize, Serialize};

use super::Intent;
use crate::{
    api::text::{AddressText, AmountText, BytesText, HashText, PositionText},
    bridge::account::Fees,
};

/// One line of the journal: written before the step that it names is taken, or when its end was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Record {
    /// An action has its number.
    Begun {
        /// From 0, in order.
        action: usize,
        /// What was asked for.
        intent: Intent,
    },
    /// A payment was signed, and may be sent from now on.
    Signed {
        /// Of which action.
        action: usize,
        /// Which rows it pays.
        rows: Vec<usize>,
        /// The payment with its signature.
        bytes: BytesText,
    },
    /// It is decided, and its receipt is in the wallet.
    Decided {
        /// Of which action.
        action: usize,
        /// The payment.
        id: HashText,
    },
    /// It is proven that it can never be decided.
    Dead {
        /// Of which action.
        action: usize,
        /// The payment.
        id: HashText,
        /// Who spent its input.
        by: HashText,
    },
    /// It expired, and nothing can make it count any more: its inputs are free again.
    Expired {
        /// Of which action.
        action: usize,
        /// The payment.
        id: HashText,
    },
    /// An Ethereum transaction was signed, and may be sent from now on.
    Sent {
        /// Of which action.
        action: usize,
        /// Which of its calls.
        call: String,
        /// Everything that was signed.
        attempt: Attempt,
    },
    /// It was mined.
    Mined {
        /// Of which action.
        action: usize,
        /// Which of its calls.
        call: String,
        /// The attempt.
        hash: HashText,
        /// Whether it had an effect.
        succeeded: bool,
        /// The block of Ethereum; journals of before do not tell it, and what they tell is settled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        block: Option<Block>,
    },
    /// What became of a call stays so: it lies as deep as the deployment waits for, or another one with its nonce does.
    Settled {
        /// Of which action.
        action: usize,
        /// Which of its calls.
        call: String,
        /// An attempt of it.
        hash: HashText,
    },
    /// A call that was mined is so no more, or one that was given up may be mined after all: its bytes are sent again, and
    /// the action goes on.
    Gone {
        /// Of which action.
        action: usize,
        /// Which of its calls.
        call: String,
        /// An attempt of it.
        hash: HashText,
    },
    /// Another transaction of the account has its nonce: none of its attempts can be mined any more.
    Replaced {
        /// Of which action.
        action: usize,
        /// Which of its calls.
        call: String,
    },
    /// A deposit is in the ledger, and its receipt in the wallet.
    Credited {
        /// Of which action.
        action: usize,
        /// The vault's number.
        number: u64,
        /// What it became.
        output: PositionText,
    },
    /// An exit is open on Ethereum.
    Leaving {
        /// Of which action.
        action: usize,
        /// Its id.
        exit: HashText,
    },
    /// Exits of all outputs of an action are open on Ethereum.
    LeavingTogether {
        /// Of which action.
        action: usize,
        /// Their ids, in the order of its outputs.
        exits: Vec<HashText>,
    },
    /// An output of the account was spent by a payment that this wallet never signed, and that was told.
    Elsewhere {
        /// In which action.
        action: usize,
        /// The output.
        output: PositionText,
        /// Who spent it.
        by: HashText,
    },
    /// What came of it was told to who asked.
    Ended {
        /// Which action.
        action: usize,
    },
}

/// A block of Ethereum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Its height.
    pub height: u64,
    /// Its hash.
    pub hash: HashText,
}

/// One signature for one nonce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Whose.
    pub account: AddressText,
    /// The nonce.
    pub nonce: u64,
    /// The gas limit.
    pub gas: u64,
    /// Most that a unit of gas costs, in wei; a text, for JSON numbers are not as wide.
    pub max_wei: AmountText,
    /// The tip in it.
    pub priority_wei: AmountText,
    /// Its hash on Ethereum.
    pub hash: HashText,
    /// Its bytes.
    pub raw: BytesText,
}

impl Attempt {
    /// The price of a unit of gas.
    #[must_use]
    pub fn fees(&self) -> Fees {
        let wei = |amount: AmountText| amount.0.try_into().unwrap_or(u128::MAX);
        Fees {
            max_wei: wei(self.max_wei),
            priority_wei: wei(self.priority_wei),
        }
    }
}

impl Record {
    pub(super) fn action(&self) -> usize {
        match self {
            Self::Begun { action, .. }
            | Self::Signed { action, .. }
            | Self::Decided { action, .. }
            | Self::Dead { action, .. }
            | Self::Expired { action, .. }
            | Self::Sent { action, .. }
            | Self::Mined { action, .. }
            | Self::Settled { action, .. }
            | Self::Gone { action, .. }
            | Self::Replaced { action, .. }
            | Self::Credited { action, .. }
            | Self::Leaving { action, .. }
            | Self::LeavingTogether { action, .. }
            | Self::Elsewhere { action, .. }
            | Self::Ended { action } => *action,
        }
    }
}
