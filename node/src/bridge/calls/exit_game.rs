//! Calls of `ExitGame`: standard exits, and the queue of each asset.

use ethers_core::{
    abi::AbiEncode,
    types::{H160, U256},
};
use plasma_contracts_abi::exit_game as abi;
use plasma_core::planted::planted;
use plasma_core::{Address, Amount, ExitId, Receipt};

use super::{call, paid};
use crate::bridge::{
    SpendProof,
    account::Call,
    contracts::Contracts,
    convert::{self, Inclusion},
    error::L1Error,
    evidence::{AnchoredBlock, Evidence},
};

impl Contracts {
    /// Opens an exit of one output of an included transaction; the sender must be its owner. `bond` is the
    /// exit bond of [`crate::bridge::contracts::Parameters`].
    #[must_use]
    pub fn start_exit_call(&self, inclusion: &Inclusion, output: u8, bond: Amount) -> Call {
        let opened = call("ExitGame", self.exit_game, &start_exit(inclusion, output));
        paid(bond, opened)
    }

    /// Ends an exit of a spent output.
    #[must_use]
    pub fn challenge_call(&self, proof: &SpendProof) -> Call {
        match &proof.inclusion {
            None => call("ExitGame", self.exit_game, &challenge(proof)),
            Some(inclusion) => call("ExitGame", self.exit_game, &challenge_included(proof, inclusion)),
        }
    }

    /// Challenges an exit with a receipt, whose header need not be anchored. The sender pays a bond as large as the exit's.
    ///
    /// # Errors
    /// [`L1Error::Key`] when the certificate's signature is no point of the curve.
    pub fn challenge_provisionally_call(
        &self,
        exit: &ExitId,
        spending: &Receipt,
        input: u8,
        bond: Amount,
    ) -> Result<Call, L1Error> {
        let evidence = Evidence::Certified(Box::new(spending.clone()));
        let arguments = abi::ChallengeExitProvisionallyCall {
            exit_id: convert::exit_id(exit),
            spending: convert::evidence(&evidence)?,
            input,
        };
        Ok(paid(bond, call("ExitGame", self.exit_game, &arguments)))
    }

    /// Takes back a provisional challenge: `truth` is the anchored block at the height that it names.
    #[must_use]
    pub fn rebut_challenge_call(&self, exit: &ExitId, truth: &AnchoredBlock) -> Call {
        let arguments = abi::RebutChallengeCall {
            exit_id: convert::exit_id(exit),
            truth: convert::block(truth),
        };
        call("ExitGame", self.exit_game, &arguments)
    }

    /// Pays the exits of an asset that are due, in-flight ones too, at most `max` places of the queue. With the gas that an
    /// estimate names it ends the first place alone (`docs/contracts.md`).
    #[must_use]
    pub fn process_call(&self, asset: Address, max: u64) -> Call {
        let arguments = abi::ProcessCall {
            asset: H160(asset.0),
            max: U256::from(max),
        };
        call("ExitGame", self.exit_game, &arguments)
    }
}

/// The data of the call that opens an exit, for who sends it himself.
#[must_use]
pub fn start_exit_data(inclusion: &Inclusion, output: u8) -> Vec<u8> {
    start_exit(inclusion, output).encode()
}

/// The data of the call that ends an exit of a spent output, for who sends it himself.
#[must_use]
pub fn challenge_data(proof: &SpendProof) -> Vec<u8> {
    match &proof.inclusion {
        None => challenge(proof).encode(),
        Some(inclusion) => challenge_included(proof, inclusion).encode(),
    }
}

fn challenge(proof: &SpendProof) -> abi::ChallengeExitCall {
    abi::ChallengeExitCall {
        exit_id: convert::exit_id(&proof.exit),
        transaction: proof.spender.encode().into(),
        input: proof.input + u8::from(planted("bridge: challenges with the next input")),
    }
}

fn challenge_included(proof: &SpendProof, inclusion: &Inclusion) -> abi::ChallengeExitIncludedCall {
    abi::ChallengeExitIncludedCall {
        exit_id: convert::exit_id(&proof.exit),
        proof: convert::proof(inclusion),
        input: proof.input,
    }
}

fn start_exit(inclusion: &Inclusion, output: u8) -> abi::StartExitCall {
    abi::StartExitCall {
        proof: convert::proof(inclusion),
        output: output + u8::from(planted("bridge: exits the next output")),
    }
}
