//! Everything that can go wrong between an operator and Ethereum, in words that name the way out.
//!
//! The bridge passes errors on; whoever decides what to do next logs them. An endpoint is always
//! shown by its masked label: keys of hosted nodes live in the path, the query or the user part.

use plasma_core::{Address, Hash, L1Height};

/// Why Ethereum did not do, or did not say, what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum L1Error {
    /// The configured URL is no URL of a JSON-RPC endpoint.
    #[error(
        "the Ethereum endpoint {endpoint} is not usable: {reason}; write it as http://host:port or https://host/path"
    )]
    Endpoint {
        /// Masked label.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection, or it broke before the answer was complete.
    #[error(
        "{method} at {endpoint} failed: {reason}; check that the Ethereum node runs and that its URL is right"
    )]
    Unreachable {
        /// Masked label.
        endpoint: String,
        /// JSON-RPC method.
        method: &'static str,
        /// The chain of causes.
        reason: String,
    },
    /// The answer did not come before the deadline.
    #[error(
        "{method} at {endpoint}: no answer within {deadline_ms} ms; the endpoint is overloaded or too far away, configure another one"
    )]
    Timeout {
        /// Masked label.
        endpoint: String,
        /// JSON-RPC method.
        method: &'static str,
        /// How long we waited.
        deadline_ms: u64,
    },
    /// An HTTP status other than success.
    #[error(
        "{method} at {endpoint}: HTTP status {status}; check the key, the rate limit and the path of the endpoint"
    )]
    Status {
        /// Masked label.
        endpoint: String,
        /// JSON-RPC method.
        method: &'static str,
        /// What the server said.
        status: u16,
    },
    /// A body larger than we are ready to hold.
    #[error(
        "{method} at {endpoint}: the answer exceeds {limit_bytes} bytes and was dropped unread; check that the URL is a JSON-RPC endpoint"
    )]
    Oversize {
        /// Masked label.
        endpoint: String,
        /// JSON-RPC method.
        method: &'static str,
        /// The bound.
        limit_bytes: usize,
    },
    /// Not JSON, not JSON-RPC, or not the shape that the method promises.
    #[error(
        "{method} at {endpoint} answered nonsense: {reason}; check that the URL is an Ethereum JSON-RPC endpoint"
    )]
    Malformed {
        /// Masked label.
        endpoint: String,
        /// JSON-RPC method.
        method: &'static str,
        /// What was expected and what came.
        reason: String,
    },
    /// The node understood and said no.
    #[error("{method} at {endpoint} was refused: {message} (code {code})")]
    Refused {
        /// Masked label.
        endpoint: String,
        /// JSON-RPC method.
        method: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// The node's words, cut.
        message: String,
        /// Revert bytes when the node sent some.
        revert: Vec<u8>,
    },
    /// The endpoint serves another chain.
    #[error(
        "the endpoint serves chain {found}, the genesis says {expected}; point l1.url at the right chain"
    )]
    WrongChain {
        /// Of the genesis.
        expected: u64,
        /// Of the endpoint.
        found: u64,
    },
    /// Nothing is deployed where the genesis says.
    #[error(
        "no code at {contract} {address}; the genesis names another deployment, or the endpoint is not synchronised yet"
    )]
    NoCode {
        /// Name of the contract.
        contract: &'static str,
        /// Where we looked.
        address: Address,
    },
    /// The deployed contracts and the genesis disagree.
    #[error(
        "{field} is {found} on chain, the genesis says {expected}; this operator has the genesis of another federation"
    )]
    Mismatch {
        /// What was compared.
        field: &'static str,
        /// Of the genesis.
        expected: String,
        /// Of the chain.
        found: String,
    },
    /// With some operators away, the last one on duty would answer too late.
    #[error(
        "takeover_seconds of the genesis is {takeover_s}: until the last of {operators} operators has answered a claim \
         {needed_s} s may pass, and {limit} of the contract is {limit_s} s; make the genesis with takeover_seconds of at \
         most {fit_s}, or deploy with a longer {limit} if that is 0"
    )]
    RotaTooSlow {
        /// Members of the committee.
        operators: u64,
        /// How long a turn lasts.
        takeover_s: u64,
        /// Confirmations, and a turn of each.
        needed_s: u64,
        /// The contract's time that is shorter.
        limit: &'static str,
        /// How long it is.
        limit_s: u64,
        /// The longest turn that fits.
        fit_s: u64,
    },
    /// The endpoint does not know a block that it should know: it lags, or it is not archival.
    #[error("the endpoint does not know L1 block {0}; it lags behind, wait or configure another one")]
    UnknownBlock(L1Height),
    /// The endpoint does not show a committee that it should show: it lags behind what it said itself, or behind our ledger.
    #[error(
        "the endpoint shows no committee of epoch {0}, which was activated; it lags behind, wait or configure another one"
    )]
    NotActivated(u64),
    /// Two answers of the endpoint contradict each other; asking again may help.
    #[error("the endpoint contradicts itself at L1 block {height}: {reason}")]
    Inconsistent {
        /// Where.
        height: L1Height,
        /// How.
        reason: String,
    },
    /// A contract call cannot succeed now.
    #[error("{call} would revert: {reason}")]
    Reverted {
        /// What was called.
        call: String,
        /// The custom error's name or the raw bytes.
        reason: String,
    },
    /// A transaction of ours was mined and reverted.
    #[error("{call} was mined in {transaction} and reverted; somebody else was faster or the state changed")]
    MinedReverted {
        /// What was called.
        call: String,
        /// Its hash.
        transaction: Hash,
    },
    /// Another transaction of the same account took the nonce.
    #[error(
        "{call}: nonce {nonce} was used by a foreign transaction; no other program may use the operator's Ethereum key"
    )]
    Replaced {
        /// What was called.
        call: String,
        /// The nonce.
        nonce: u64,
    },
    /// Nonces below this one were never used, so it could not be mined.
    #[error(
        "{call}: nonce {nonce} waited behind {mined}, which nobody has used: Ethereum counted wrongly before, or a block that \
         was final is gone; it is given up, ask again"
    )]
    NonceGap {
        /// What was called.
        call: String,
        /// The nonce.
        nonce: u64,
        /// The lowest that is not used.
        mined: u64,
    },
    /// A transaction was sent and is not mined yet; the journal keeps sending it.
    #[error(
        "{call} is sent but not mined after {waited_ms} ms; it stays in the journal and is sent again with higher fees"
    )]
    StillPending {
        /// What was called.
        call: String,
        /// How long the caller waited.
        waited_ms: u64,
    },
    /// The gas estimate is above what one transaction may use.
    #[error("{call} needs {gas} gas, more than the {limit} of one transaction")]
    GasLimit {
        /// What was called.
        call: String,
        /// The estimate.
        gas: u64,
        /// EIP-7825 with our margin.
        limit: u64,
    },
    /// Too many transactions wait already.
    #[error(
        "{waiting} transactions to Ethereum wait already; check the balance of {account} and the fee limit"
    )]
    QueueFull {
        /// How many.
        waiting: usize,
        /// Whose.
        account: Address,
    },
    /// The nonce journal cannot be read or written.
    #[error("the nonce journal {path} failed: {reason}")]
    Journal {
        /// The file.
        path: String,
        /// The cause and what to do.
        reason: String,
    },
    /// A key that is no secp256k1 secret, or a point that is no curve point.
    #[error("{0}")]
    Key(&'static str),
    /// The bridge was shut down.
    #[error("the bridge has stopped")]
    Stopped,
}

impl L1Error {
    /// Whether asking another endpoint, or the same one later, may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Status { .. }
                | Self::Oversize { .. }
                | Self::Malformed { .. }
                | Self::UnknownBlock(_)
                | Self::NotActivated(_)
                | Self::Inconsistent { .. }
        )
    }

    /// Whether a transaction is refused because the endpoint's node holds that very one.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.says(&["already known", "already imported"])
    }

    /// Whether a transaction is refused because it offers too little.
    #[must_use]
    pub fn is_too_cheap(&self) -> bool {
        self.says(&[
            "underpriced",
            "base fee",
            "fee too low",
            "feetoolow",
            "gas price too low",
            "gas price below",
            "replacementnotallowed",
        ])
    }

    /// Whether the endpoint's node refused in one of these words.
    #[must_use]
    pub fn says(&self, words: &[&str]) -> bool {
        let Self::Refused { message, .. } = self else {
            return false;
        };
        let message = message.to_ascii_lowercase();
        words.iter().any(|words| message.contains(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> L1Error {
        L1Error::Refused {
            endpoint: String::new(),
            method: "eth_sendRawTransaction",
            code: -32_000,
            message: message.to_owned(),
            revert: Vec::new(),
        }
    }

    #[test]
    fn a_transaction_that_the_node_has_is_no_failure() {
        for held in [
            "already known",
            "ALREADY_EXISTS: already known",
            "transaction already imported",
        ] {
            assert!(refused(held).is_held(), "{held}");
        }
        assert!(!refused("nonce too low").is_held() && !refused("insufficient funds").is_held());
        assert!(!L1Error::Stopped.is_held());
    }

    #[test]
    fn a_refusal_for_the_price_is_told_from_others() {
        for cheap in [
            "transaction underpriced",
            "replacement transaction underpriced",
            "max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1, baseFee: 7",
            "FeeTooLow, EffectivePriorityFeePerGas too low",
            "Gas price below configured minimum gas price",
        ] {
            assert!(refused(cheap).is_too_cheap(), "{cheap}");
        }
        for other in [
            "insufficient funds for gas * price + value",
            "nonce too low",
            "intrinsic gas too low",
            "tx fee (2.00 ether) exceeds the configured cap (1.00 ether)",
        ] {
            assert!(!refused(other).is_too_cheap(), "{other}");
        }
    }
}
