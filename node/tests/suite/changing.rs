//! One committee follows another by the hands of people: documents, lines with signatures, and the contract.

mod motions;
mod people;
mod refusals;
mod whole;
