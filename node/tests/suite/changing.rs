//! One committee follows another by the hands of people: documents, lines with signatures, and the contract.

mod motions;
pub(super) mod people;
mod refusals;
mod whole;
