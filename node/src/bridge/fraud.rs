//! Proofs that a quorum signed an invalid block, as the calls of `FraudProofs`. Pure.
//!
//! What is brought here was chosen by [`crate::fraud`]; this file only knows how the contract wants it written. The bytes
//! of a transaction stay bytes, because what a lying quorum signs need not be a transaction at all.

use ethers_contract::EthCall;
use ethers_core::abi::AbiEncode;
use plasma_contracts_abi::fraud_proofs as abi;
use plasma_core::{Amount, Certificate, Hash, Header};

use super::{
    account::Call, contracts::Contracts, convert, decode::Anchored, error::L1Error, evidence::AnchoredBlock,
};

/// Bytes that lie in an anchored block where a transaction should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The bytes, with what stands for a signature.
    pub transaction: Vec<u8>,
    /// Their index in the block.
    pub index: u32,
    /// From their leaf to the transactions root.
    pub transaction_path: Vec<Hash>,
    /// The block.
    pub block: AnchoredBlock,
}

/// Who answers for the block: the signers of a header that has it in its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accused {
    /// The header.
    pub header: Header,
    /// A finalize certificate of it.
    pub certificate: Certificate,
    /// From the block's history leaf to the header's history root; empty for the anchored header.
    pub history_path: Vec<Hash>,
}

/// What is proven of a block, with all that shows it. One variant per call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the arguments are named as in docs/contracts.md")]
pub enum FraudProof {
    /// The bytes break a rule that they decide alone.
    Malformed { proof: Place },
    /// Two inputs name one output.
    DoubleSpend {
        first: Place,
        first_input: u8,
        second: Place,
        second_input: u8,
    },
    /// Amount, asset or owner of an input are not those of the output that it names.
    BadInput {
        spending: Place,
        input: u8,
        named: Place,
    },
    /// An input names its own block, a later one, or the first.
    FutureReference { spending: Place, input: u8 },
    /// An input names a transaction that its block has not.
    AbsentTransaction {
        spending: Place,
        input: u8,
        named: AnchoredBlock,
    },
    /// An input names an output that its transaction has not.
    AbsentOutput {
        spending: Place,
        input: u8,
        named: Place,
    },
    /// A fund transaction that the vault knows nothing of.
    BadFund { fund: Place },
    /// A fund transaction in a later block than the one that had to hold it.
    LateFund { fund: Place, before: Anchored },
    /// Two fund transactions of one deposit.
    DoubleFund { first: Place, second: Place },
    /// An input whose output an exit had paid.
    SpentAfterExit {
        spending: Place,
        input: u8,
        named: Place,
    },
    /// An input whose deposit had been taken back.
    SpentAfterReclaim {
        spending: Place,
        input: u8,
        named: Place,
        before: Anchored,
    },
}

impl Contracts {
    /// Halts the chain below an invalid block and takes the bonds of who signed it; without accused it halts alone.
    ///
    /// # Errors
    /// [`L1Error::Key`] when the certificate's signature is no point of the curve.
    #[expect(clippy::too_many_lines, reason = "one arm per call of the contract")]
    pub fn fraud_call(&self, proof: &FraudProof, accused: Option<&Accused>) -> Result<Call, L1Error> {
        let accused = indicted(accused)?;
        Ok(match proof {
            FraudProof::Malformed { proof } => self.prove(&abi::ProveMalformedCall {
                proof: place(proof),
                accused,
            }),
            FraudProof::DoubleSpend {
                first,
                first_input,
                second,
                second_input,
            } => self.prove(&abi::ProveDoubleSpendCall {
                first: place(first),
                first_input: *first_input,
                second: place(second),
                second_input: *second_input,
                accused,
            }),
            FraudProof::BadInput {
                spending,
                input,
                named,
            } => self.prove(&abi::ProveBadInputCall {
                spending: place(spending),
                input: *input,
                named: place(named),
                accused,
            }),
            FraudProof::FutureReference { spending, input } => self.prove(&abi::ProveFutureReferenceCall {
                spending: place(spending),
                input: *input,
                accused,
            }),
            FraudProof::AbsentTransaction {
                spending,
                input,
                named,
            } => self.prove(&abi::ProveAbsentTransactionCall {
                spending: place(spending),
                input: *input,
                named: block_place(named),
                accused,
            }),
            FraudProof::AbsentOutput {
                spending,
                input,
                named,
            } => self.prove(&abi::ProveAbsentOutputCall {
                spending: place(spending),
                input: *input,
                named: place(named),
                accused,
            }),
            FraudProof::BadFund { fund } => self.prove(&abi::ProveBadFundCall {
                fund: place(fund),
                accused,
            }),
            FraudProof::LateFund { fund, before } => self.prove(&abi::ProveLateFundCall {
                fund: place(fund),
                before: convert::anchor(before),
                accused,
            }),
            FraudProof::DoubleFund { first, second } => self.prove(&abi::ProveDoubleFundCall {
                first: place(first),
                second: place(second),
                accused,
            }),
            FraudProof::SpentAfterExit {
                spending,
                input,
                named,
            } => self.prove(&abi::ProveSpentAfterExitCall {
                spending: place(spending),
                input: *input,
                named: place(named),
                accused,
            }),
            FraudProof::SpentAfterReclaim {
                spending,
                input,
                named,
                before,
            } => self.prove(&abi::ProveSpentAfterReclaimCall {
                spending: place(spending),
                input: *input,
                named: place(named),
                before: convert::anchor(before),
                accused,
            }),
        })
    }

    fn prove<C: EthCall + AbiEncode + Clone>(&self, arguments: &C) -> Call {
        Call {
            label: format!("FraudProofs.{}", C::function_name()),
            to: Some(self.fraud_proofs),
            value: Amount::ZERO,
            data: arguments.clone().encode(),
        }
    }
}

fn place(place: &Place) -> abi::Proof {
    let block = &place.block;
    abi::Proof {
        transaction: place.transaction.clone().into(),
        inclusion: abi::Inclusion {
            index: place.index,
            height: block.height.0,
            transaction_count: block.transaction_count,
            transactions_root: block.transactions_root.0,
            l_1_height: block.l1_height.0,
            transaction_path: words(&place.transaction_path),
            history_path: words(&block.history_path),
            anchor: convert::anchor(&block.anchor),
        },
    }
}

fn block_place(block: &AnchoredBlock) -> abi::BlockProof {
    abi::BlockProof {
        height: block.height.0,
        transaction_count: block.transaction_count,
        transactions_root: block.transactions_root.0,
        l_1_height: block.l1_height.0,
        history_path: words(&block.history_path),
        anchor: convert::anchor(&block.anchor),
    }
}

fn indicted(accused: Option<&Accused>) -> Result<abi::Accused, L1Error> {
    let Some(accused) = accused else {
        return Ok(abi::Accused::default());
    };
    Ok(abi::Accused {
        header: accused.header.encode().to_vec().into(),
        certificate: convert::certificate(&accused.certificate)?,
        history_path: words(&accused.history_path),
    })
}

fn words(hashes: &[Hash]) -> Vec<[u8; 32]> {
    hashes.iter().map(|hash| hash.0).collect()
}
