//! From an invalid block to what Ethereum accepts as the proof of it.
//!
//! [`charge`] maps the rule that our ledger found broken, [`survey`] looks for every other one that can be shown, because a
//! lying quorum may break a rule that nobody can show in front of the one that pays. [`prove`] finds the other side of a
//! charge and the paths, from storage and the case. Nothing here waits or sends; whether Ethereum accepts a proof is asked
//! of Ethereum, so a charge that turns out to be none costs one question.

pub mod charge;
pub mod prove;
pub mod survey;

pub use charge::{Charge, Grounds, grounds};
pub use prove::{Court, NotProvable};

use plasma_core::Params;

use crate::{
    api::AnchorBook,
    bridge::fraud::{Accused, FraudProof},
    operator::case::{Case, Fault},
    storage::{Read, StorageError},
};

/// Most charges tried for one block, without those of fund transactions. Each costs one question to Ethereum, and the
/// first that it accepts is enough.
pub const CHARGES_MAX: usize = 64;
/// Most fund transactions of one block that Ethereum is asked about: an L1 block has gas for some seven hundred deposits,
/// and a block takes the events of several.
pub const FUNDS_MAX: usize = 4_096;

/// A case as it can be brought to Ethereum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// What could be shown, best first.
    pub proofs: Vec<FraudProof>,
    /// Who answers for it; `None` when nobody is known who signed below the covering anchor.
    pub accused: Option<Accused>,
    /// What was found and can never be shown.
    pub unprovable: Option<&'static str>,
}

/// Everything that can be shown of a case now.
///
/// # Errors
/// [`NotProvable`] says what is missing for any proof of this block.
pub fn brief<R: Read>(
    case: &Case,
    reader: &R,
    anchors: &AnchorBook,
    params: &Params,
) -> Result<Brief, NotProvable> {
    let court = Court::new(case, reader, anchors)?;
    let (mut charges, unprovable) = match &case.fault {
        Fault::Rule(broken) => match grounds(broken, &case.body) {
            Grounds::Charges(charges) => (charges, None),
            Grounds::Unprovable(reason) => (Vec::new(), Some(reason)),
            Grounds::Ours => (Vec::new(), None),
        },
        Fault::Unsound { index } => (vec![Charge::Malformed { index: *index }], None),
        Fault::Remembered => (Vec::new(), None),
    };
    for charge in survey::survey(case, reader, params)? {
        if !charges.contains(&charge) {
            charges.push(charge);
        }
    }
    let mut proofs = Vec::new();
    for charge in &charges {
        match court.prove(charge) {
            Ok(found) => proofs.extend(found),
            // Others keep what is pruned here; the next charge may need less.
            Err(StorageError::Pruned { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Brief {
        proofs,
        accused: court.accused(),
        unprovable,
    })
}
