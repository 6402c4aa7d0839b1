//! Which deposits the ledger has heard of. An origin is a whole L1 block, so it has heard of all up to some number: for whoever
//! can ask Ethereum, the rows leave no room for another one.

use plasma_core::{DepositFate, DepositNumber};

use super::{
    super::{
        query,
        rows::Moments,
        scan::Scan,
        schema::{self, Table},
    },
    CheckError, What, contradiction,
};

/// The deposits of a storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// How many; their numbers begin at zero.
    pub count: u64,
    /// Those that went back to their owners.
    pub reclaimed: Vec<DepositNumber>,
}

/// Reads them.
///
/// # Errors
/// [`CheckError`] when a number is missing among them.
pub fn heard<M: Moments>(source: &M) -> Result<Heard, CheckError> {
    let mut heard = Heard::default();
    for row in Scan::whole(source, Table::Deposits) {
        let (key, value) = row?;
        let next = DepositNumber(heard.count);
        if key != schema::deposit_key(next) {
            let key = schema::deposit_key(next);
            return Err(contradiction(Table::Deposits, &key, What::Missing));
        }
        let fate = DepositFate::decode(&value).ok_or_else(|| query::damaged(Table::Deposits, &key))?;
        if fate == DepositFate::Reclaimed {
            heard.reclaimed.push(next);
        }
        heard.count += 1;
    }
    Ok(heard)
}
