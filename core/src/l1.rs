//! What Ethereum told us: blocks that serve as origins, and the contract events that change the ledger.

use serde::{Deserialize, Serialize};

use crate::{Address, Amount, DepositNumber, Epoch, Hash, Height, L1Height, Position};

/// A block of Ethereum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct L1Block {
    /// Its number.
    pub height: L1Height,
    /// Its hash.
    pub hash: Hash,
    /// Its time in seconds since the Unix epoch.
    pub timestamp_s: u64,
}

/// Number of an exit, standard or in-flight: a uint256 as 32 big-endian bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ExitId(pub Hash);

impl ExitId {
    /// The second of L1 from which the exit may be paid. The number says it: which output of a batch 80 bits ‖ exitable time
    /// 64 ‖ position 72 ‖ number 40.
    ///
    /// Source: `contracts/libraries/ExitQueue.sol`.
    #[must_use]
    pub fn due_s(&self) -> u64 {
        let time = self.0.0.get(10..18).and_then(|bytes| bytes.try_into().ok());
        time.map_or(0, u64::from_be_bytes)
    }
}

/// One event of the contracts, in the words of `docs/protocol.md` section 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum L1Event {
    /// Money came into the vault: the block must hold its fund transaction.
    Deposited {
        /// Given by the vault, contiguous.
        number: DepositNumber,
        /// Who is credited.
        owner: Address,
        /// What was deposited.
        asset: Address,
        /// How much.
        amount: Amount,
    },
    /// A deposit left the vault again: its output, if it exists, is removed.
    DepositReclaimed {
        /// The deposit.
        number: DepositNumber,
    },
    /// A standard exit of one output began: the output is locked.
    ExitStarted {
        /// The exit.
        id: ExitId,
        /// The output.
        position: Position,
        /// Who receives the money.
        owner: Address,
    },
    /// A standard exit ended: paid, or challenged or void.
    ExitEnded {
        /// The exit.
        id: ExitId,
        /// The output.
        position: Position,
        /// Whether money left the vault.
        paid: bool,
    },
    /// A transaction was shown to Ethereum: it is included if it is valid now, else its inputs are locked.
    InFlightExitStarted {
        /// The exit.
        id: ExitId,
        /// The bytes of the transaction with its signature.
        transaction: Vec<u8>,
    },
    /// An output of that transaction is claimed: it is locked.
    InFlightPiggybacked {
        /// The exit.
        id: ExitId,
        /// Index of the output.
        output: u8,
    },
    /// An in-flight exit ended.
    InFlightExitEnded {
        /// The exit.
        id: ExitId,
        /// Bit i: output i was paid.
        paid_outputs: u8,
        /// Bit i: input i was consumed.
        consumed_inputs: u8,
    },
    /// The chain was halted: nothing above this height counts.
    Halted {
        /// Last height that counts.
        last_valid: Height,
    },
    /// The committee of this epoch decides from the next height on.
    CommitteeActivated {
        /// The new epoch.
        epoch: Epoch,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_says_when_it_may_be_paid() {
        let time = 1_795_738_322_u64;
        for number_in_batch in [0, 3] {
            let number = [&[0; 9][..], &[number_in_batch], &time.to_be_bytes(), &[0xff; 14]].concat();
            let id = ExitId(Hash(number.try_into().unwrap()));
            assert_eq!(id.due_s(), time);
        }
    }
}
