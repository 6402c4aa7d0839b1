//! One file that holds a storage at one height, whatever backend it came from and whatever it goes to.
//!
//! ```text
//! head     offset  size  field
//!          0       8     "plasmarc"
//!          8       2     version, 3
//!          10      1     scope: 1 full, 2 state
//!          11      1     0
//!          12      4     schema of the rows
//!          16      32    genesis hash
//!          48      4     height of the newest block
//!          52      32    its id
//! rows     84      …     in order of table and key
//!
//! row      0       1     table: 1 meta, 2 outputs, 3 owners, 4 totals, 5 headers, 6 bodies, 7 blocks,
//!                        8 transactions, 9 leaves, 10 certificates, 11 exits, 12 deposits
//!          1       1     length of the key, at most 64
//!          2       4     length of the value, at most 64 MiB
//!          6       …     key ‖ value
//!
//! end      0       1     0
//!          1       8     number of rows
//!          9       32    content: BLAKE3 of the rows that say what no header commits to, as they stand here
//!          41      32    BLAKE3 of every byte before this field; the file ends behind it
//! ```
//!
//! Integers are big-endian. A **full** archive has every row; a **state** archive has no bodies and no transaction index, and
//! its meta row `horizon` says so: whoever imports it has a pruned storage. What is its owner's alone, the meta row
//! `identity`, is not in it: any member may import it, and writes its own. Reading checks sizes before it allocates,
//! then order, count and hash; the ledger itself is checked by [`super::check`] after an import. The **content** is over outputs, exits,
//! deposits and the state: all members' archives of one height have the same.

mod error;
mod read;
mod write;

use plasma_core::{BlockId, Hash, Height};

pub use error::ArchiveError;
pub use read::{Archive, content};
pub use write::write;

use super::schema::{self, Table};

/// How much of a storage an archive holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every row.
    Full,
    /// Everything but bodies and the transaction index.
    State,
}

/// What an archive says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How much it holds.
    pub scope: Scope,
    /// Hash of the genesis document of their federation.
    pub genesis: Hash,
    /// Height of the newest block.
    pub height: Height,
    /// Its id.
    pub block: BlockId,
}

/// What was written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The archive's head.
    pub head: Head,
    /// Rows in it.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The same in every member's archive of this height.
    pub content: Hash,
}

impl Scope {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::State => "state",
        }
    }

    fn holds(self, table: Table) -> bool {
        self == Self::Full || !matches!(table, Table::Bodies | Table::Transactions)
    }

    fn number(self) -> u8 {
        match self {
            Self::Full => 1,
            Self::State => 2,
        }
    }

    fn of_number(number: u8) -> Option<Self> {
        [Self::Full, Self::State]
            .into_iter()
            .find(|scope| scope.number() == number)
    }
}

impl Head {
    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_be_bytes());
        out.extend([self.scope.number(), 0]);
        out.extend(schema::VERSION.to_be_bytes());
        out.extend(self.genesis.0);
        out.extend(schema::encode_tip(self.height, self.block));
        out
    }
}

/// Whether a row says what no header commits to, or stands beside such rows in its table.
fn is_content(table: Table, key: &[u8]) -> bool {
    matches!(table, Table::Outputs | Table::Exits | Table::Deposits)
        || (table == Table::Meta && key == schema::STATE)
}

/// What stands before a row's key.
fn row_head(table: Table, key_length: u8, value_length: u32) -> [u8; 6] {
    let [a, b, c, d] = value_length.to_be_bytes();
    [number_of(table), key_length, a, b, c, d]
}

/// A table's number in the file; never another one, whatever happens to the order of declaration.
fn number_of(table: Table) -> u8 {
    match table {
        Table::Meta => 1,
        Table::Outputs => 2,
        Table::Owners => 3,
        Table::Totals => 4,
        Table::Headers => 5,
        Table::Bodies => 6,
        Table::Blocks => 7,
        Table::Transactions => 8,
        Table::Leaves => 9,
        Table::Certificates => 10,
        Table::Exits => 11,
        Table::Deposits => 12,
        Table::History => 13,
        Table::ExitTurns => 14,
    }
}

fn table_of(number: u8) -> Option<Table> {
    Table::ALL.into_iter().find(|table| number_of(*table) == number)
}

const MAGIC: [u8; 8] = *b"plasmarc";
const VERSION: u16 = 3;
/// Bytes of the head.
const HEAD_SIZE: usize = 84;
/// The byte where a row's table would stand.
const END: u8 = 0;
/// No key of the schema has more than 38 bytes; this leaves room for the next schema.
const KEY_BYTES_MAX: u8 = 64;
/// The largest value is a body; it travels in one frame of some megabytes, so this is far above any.
const VALUE_BYTES_MAX: u32 = 64 << 20;
