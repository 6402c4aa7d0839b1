//! Does a storage hold together? Everything that one row says of another is compared, and all that blocks fix is
//! computed again.
//!
//! 1. **Chain**: each header names its parent, `blocks` its id, its leaf and history root follow from those below;
//!    certificates name their block and the newest verifies under the committee.
//! 2. **Ledger**: each body has its header's root and is in the index; what it creates is there and nothing else is; what
//!    it spends says so, and nothing else is spent; owners and totals are those of the unspent outputs; the sum over
//!    unspent outputs and open exits is the commitment of state and header.
//!
//! Bodies below the horizon are not there, so for older outputs only the commitment speaks. Memory is bounded by pages;
//! the first contradiction ends the check.

mod chain;
mod error;
mod heard;
mod history;
mod ledger;
mod outputs;
mod strays;

use std::sync::Arc;

use plasma_core::{BlockId, Committee, Genesis, Hash, Height, State};

pub use error::{CheckError, What};
pub use heard::{Heard, heard};

use super::{
    StorageError, bulk, query,
    rows::{Moments, Rows},
    scan::Progress,
    schema::{self, Table},
};
use crate::folder::Identity;
use error::contradiction;

/// Whose storage it must be.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The federation.
    pub genesis: &'a Genesis,
    /// keccak of the operator's BLS key.
    pub key: Hash,
    /// The committees after the genesis' own, as far as their documents are kept.
    pub later: &'a [Arc<Committee>],
}

/// Whose signatures are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// The newest certificate's: it vouches for every block below.
    Newest,
    /// Every certificate's.
    All,
}

/// What was found to hold together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The newest height.
    pub height: Height,
    /// The newest block.
    pub block: BlockId,
    /// The lowest height whose body is kept.
    pub horizon: Height,
    /// Outputs of every fate.
    pub outputs: u64,
    /// Outputs that exist.
    pub unspent: u64,
    /// Transactions in the bodies that are kept.
    pub transactions: u64,
    /// Certificates whose signatures were verified.
    pub certificates: u64,
}

/// The fixed points that the tables are held against.
struct Fixed<'a> {
    genesis: &'a Genesis,
    later: &'a [Arc<Committee>],
    state: State,
    horizon: Height,
}

impl Expected<'_> {
    /// The identity that the rows must have.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            genesis: self.genesis.hash(),
            key: self.key,
        }
    }
}

/// Checks a whole storage. A source that is not pinned must stand still meanwhile.
///
/// # Errors
/// [`CheckError`], the first contradiction with its table and key.
pub fn verify<M: Moments>(
    source: &M,
    expected: &Expected<'_>,
    certificates: Certificates,
    progress: &mut impl FnMut(Progress),
) -> Result<Report, CheckError> {
    bulk::refuse_unfinished(&source.moment()?, std::path::Path::new("this place"))?;
    verify_unfinished(source, expected, certificates, progress)
}

/// The same for a storage that is marked as unfinished.
pub(super) fn verify_unfinished<M: Moments>(
    source: &M,
    expected: &Expected<'_>,
    certificates: Certificates,
    progress: &mut impl FnMut(Progress),
) -> Result<Report, CheckError> {
    let (tip, fixed) = fixed_points(&source.moment()?, expected)?;
    let verified = chain::check(source, &fixed, certificates, progress)?;
    let found = ledger::check(source, &fixed, progress)?;
    if query::tip(&source.moment()?)? != tip {
        return Err(CheckError::Moved);
    }
    Ok(Report {
        height: tip.0,
        block: tip.1,
        horizon: fixed.horizon,
        outputs: found.outputs,
        unspent: found.unspent,
        transactions: found.transactions,
        certificates: verified,
    })
}

/// The meta rows agree with each other and with the configuration.
fn fixed_points<'a>(
    rows: &impl Rows,
    expected: &Expected<'a>,
) -> Result<((Height, BlockId), Fixed<'a>), CheckError> {
    let version = rows.row(Table::Meta, schema::SCHEMA)?;
    if version.as_deref() != Some(&schema::VERSION.to_be_bytes()) {
        return Err(contradiction(Table::Meta, schema::SCHEMA, What::Schema));
    }
    let identity = query::value(rows, Table::Meta, schema::IDENTITY, Identity::from_bytes)?;
    if identity != Some(expected.identity()) {
        return Err(contradiction(Table::Meta, schema::IDENTITY, What::Identity));
    }
    let tip = query::tip(rows)?;
    let state = query::state(rows)?;
    if (state.header.height, state.id) != tip {
        return Err(contradiction(Table::Meta, schema::TIP, What::Tip));
    }
    let horizon = query::horizon(rows)?;
    if horizon.0 > tip.0.0.saturating_add(1) {
        return Err(contradiction(Table::Meta, schema::HORIZON, What::Horizon));
    }
    let fixed = Fixed {
        genesis: expected.genesis,
        later: expected.later,
        state,
        horizon,
    };
    Ok((tip, fixed))
}

/// The rows of one table with a key of four bytes per height, taken height by height.
type PerHeight<'a, M> = std::iter::Peekable<super::scan::Scan<'a, M>>;

/// The row of exactly this height; a lower one has no business there.
fn take<M: Moments>(
    rows: &mut PerHeight<'_, M>,
    table: Table,
    height: Height,
) -> Result<Option<Vec<u8>>, CheckError> {
    let wanted = schema::height_key(height);
    let here = |row: &Result<super::Row, StorageError>| match row {
        Ok((key, _)) => key.as_slice() <= wanted.as_slice(),
        Err(_) => true,
    };
    match rows.next_if(here).transpose()? {
        Some((key, value)) if key == wanted => Ok(Some(value)),
        Some((key, _)) => Err(contradiction(table, &key, What::Stray)),
        None => Ok(None),
    }
}

/// Nothing may be left.
fn end<M: Moments>(rows: &mut PerHeight<'_, M>, table: Table) -> Result<(), CheckError> {
    match rows.next().transpose()? {
        Some((key, _)) => Err(contradiction(table, &key, What::Stray)),
        None => Ok(()),
    }
}
