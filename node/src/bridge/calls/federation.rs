//! Calls of `Federation`: anchors, committees, bonds, silence, and what convicts operators.

use ethers_core::types::{H160, U256};
use plasma_contracts_abi::federation as abi;
use plasma_core::planted::planted;
use plasma_core::{Address, Amount, Bitmap, Certificate, Epoch, Height, OperatorIndex, bls::Signature};

use super::{call, paid};
use crate::bridge::{
    Anchor,
    account::Call,
    contracts::Contracts,
    convert,
    deploy::{self, NewMember},
    error::L1Error,
    evidence::{Contradiction, Telling},
};

impl Contracts {
    /// Anchors a header.
    ///
    /// # Errors
    /// [`L1Error::Key`] when the certificate's signature is no point of the curve.
    pub fn anchor_call(&self, anchor: &Anchor) -> Result<Call, L1Error> {
        let certificate = convert::certificate(&anchor.certificate)?;
        let arguments = abi::AnchorCall {
            header: anchor.header.encode().to_vec().into(),
            epoch: certificate.epoch,
            view_number: certificate.view_number + u64::from(planted("bridge: anchors under another view")),
            bitmap: certificate.bitmap,
            signature: certificate.signature,
        };
        Ok(call(NAME, self.federation, &arguments))
    }

    /// Names the next committee, with a certificate of the active one whose view is the sequence.
    ///
    /// # Errors
    /// [`L1Error::Key`] when a key or a signature is no point of the curve.
    pub fn announce_committee_call(
        &self,
        members: &[NewMember],
        certificate: &Certificate,
    ) -> Result<Call, L1Error> {
        let arguments = abi::AnnounceCommitteeCall {
            members: members.iter().map(deploy::seat).collect::<Result<_, _>>()?,
            certificate: convert::certificate(certificate)?,
        };
        Ok(call(NAME, self.federation, &arguments))
    }

    /// Hands over to the announced committee, which says that it is ready.
    ///
    /// # Errors
    /// [`L1Error::Key`] when the signature is no point of the curve.
    pub fn activate_committee_call(&self, ready: &Bitmap, signature: &Signature) -> Result<Call, L1Error> {
        let arguments = abi::ActivateCommitteeCall {
            bitmap: U256::from(ready.to_u128()),
            signature: convert::aggregate(signature)?.into(),
        };
        Ok(call(NAME, self.federation, &arguments))
    }

    /// Pays the bond of a seat: `operator_bond` of [`crate::bridge::contracts::Parameters`], exactly.
    #[must_use]
    pub fn post_bond_call(&self, epoch: Epoch, index: OperatorIndex, bond: Amount) -> Call {
        let arguments = abi::PostBondCall {
            epoch: epoch.0,
            index: index.0,
        };
        paid(bond, call(NAME, self.federation, &arguments))
    }

    /// Takes the bond of a seat back; the sender is its operator.
    #[must_use]
    pub fn withdraw_bond_call(&self, epoch: Epoch, index: OperatorIndex, receiver: Address) -> Call {
        let arguments = abi::WithdrawBondCall {
            epoch: epoch.0,
            index: index.0,
            receiver: H160(receiver.0),
        };
        call(NAME, self.federation, &arguments)
    }

    /// Takes what the sender earned as a reporter.
    #[must_use]
    pub fn withdraw_reward_call(&self, receiver: Address) -> Call {
        let receiver = H160(receiver.0);
        call(NAME, self.federation, &abi::WithdrawRewardCall { receiver })
    }

    /// Says that nothing was anchored for too long.
    #[must_use]
    pub fn announce_silence_call(&self) -> Call {
        call(NAME, self.federation, &abi::AnnounceSilenceCall)
    }

    /// Halts a federation whose announced silence outlasted the grace.
    #[must_use]
    pub fn halt_if_silent_call(&self) -> Call {
        call(NAME, self.federation, &abi::HaltIfSilentCall)
    }

    /// Convicts who made both of two statements.
    ///
    /// # Errors
    /// [`L1Error::Key`] when a signature is no point of the curve.
    pub fn contradiction_call(&self, proof: &Contradiction) -> Result<Call, L1Error> {
        let (one, other) = convert::contradiction(proof)?;
        let arguments = abi::ProveContradictionCall {
            epoch: proof.epoch.0,
            view_number: proof.view.0,
            one,
            other,
        };
        Ok(call(NAME, self.federation, &arguments))
    }

    /// Halts a federation whose headers tell two blocks of one height. `told` is the first covering anchor.
    ///
    /// # Errors
    /// [`L1Error::Key`] when a signature is no point of the curve.
    pub fn rewrite_call(&self, height: Height, told: &Telling, retold: &Telling) -> Result<Call, L1Error> {
        let arguments = abi::ProveRewriteCall {
            height: height.0,
            told: convert::telling(told)?,
            retold: convert::telling(retold)?,
        };
        Ok(call(NAME, self.federation, &arguments))
    }
}

const NAME: &str = "Federation";
