//! A storage that no operator runs on: filled from an archive or from another backend, row by row in bounded batches.
//!
//! Before the first row a mark is written, and an operator refuses to start while it is there. The meta rows come last;
//! then everything is verified, and only then the mark goes. An import that ended in the middle can be begun again, into
//! an emptied place only: nobody has to guess which rows were whose. An archive
//! is any member's and the importer writes its own identity; between backends identity never changes.

use std::path::{Path, PathBuf};

use plasma_core::{BlockId, Header, Height};

use super::{
    StorageError,
    archive::{Archive, ArchiveError},
    check::{self, Certificates, CheckError, Expected, Report},
    query,
    rows::{Change, Moments, Row, Rows},
    scan::{Progress, Scan},
    schema::{self, Table},
};
use crate::folder::Identity;

/// What tools ask of a backend beyond reading.
pub trait Stopped {
    /// Reads the rows.
    type Source: Moments;

    /// Where the rows are, for messages.
    fn place(&self) -> &Path;

    /// Reads the rows.
    fn source(&self) -> Self::Source;

    /// All changes or none; durable after the next [`Stopped::sync`].
    ///
    /// # Errors
    /// The engine's.
    fn write(&mut self, changes: Vec<Change>) -> Result<(), StorageError>;

    /// Every write that returned before survives a power cut.
    ///
    /// # Errors
    /// The engine's.
    fn sync(&mut self) -> Result<(), StorageError>;

    /// Gives back the room of rows that are gone.
    ///
    /// # Errors
    /// The engine's.
    fn compact(&mut self) -> Result<(), StorageError>;

    /// Room that the rows take, where that can be told.
    ///
    /// # Errors
    /// The engine's.
    fn size_bytes(&self) -> Result<Option<u64>, StorageError>;
}

/// Why a storage could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// The archive is damaged or not ours.
    #[error("{}", error.about(path))]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: ArchiveError,
    },
    /// A row cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The rows are another federation's or another operator's.
    #[error("the rows of {} are not ours: {difference}", path.display())]
    Identity {
        /// The archive, or the storage.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// Rows are there already.
    #[error("{} is not empty, or an import into it did not end well; an import goes into an empty place only", path.display())]
    NotEmpty {
        /// The place.
        path: PathBuf,
    },
    /// What was written contradicts itself.
    #[error("what was imported does not hold together: {0}; the mark of an unfinished import stays")]
    Check(#[from] CheckError),
    /// A block was committed to the source between two pages.
    #[error("the storage changed while it was copied; stop its operator first")]
    Moved,
}

/// Fills an empty storage from an archive of the same federation, whichever member wrote it. What it says of the chain is
/// checked; it says nothing of the importer.
///
/// # Errors
/// [`BulkError`]; after the first row an operator refuses the storage until it is emptied and filled again.
pub fn import<S: Stopped>(
    file: &Path,
    target: &mut S,
    expected: &Expected<'_>,
    progress: &mut impl FnMut(Progress),
) -> Result<Report, BulkError> {
    let path = || file.to_path_buf();
    let wrong = |error| BulkError::Archive { path: path(), error };
    let mut archive = Archive::open(file).map_err(wrong)?;
    let own = expected.identity();
    if let Some(difference) = Identity::other_federation(archive.head().genesis, own.genesis) {
        return Err(BulkError::Identity {
            path: path(),
            difference,
        });
    }
    let rows = std::iter::from_fn(|| archive.next_row().map_err(wrong).transpose());
    let identity = (schema::IDENTITY.to_vec(), own.to_bytes().to_vec());
    let rows = rows.chain(std::iter::once(Ok((Table::Meta, identity))));
    fill(rows, target, expected, progress)
}

/// Fills an empty storage from another one of the same operator.
///
/// # Errors
/// As [`import`]; also when the source changes meanwhile.
pub fn migrate<M: Moments, S: Stopped>(
    source: &M,
    target: &mut S,
    expected: &Expected<'_>,
    progress: &mut impl FnMut(Progress),
) -> Result<Report, BulkError> {
    let place = Path::new("the source");
    let found = about(&source.moment()?, place)?;
    if let Some(difference) = Identity::difference(&found.identity, &expected.identity()) {
        let path = place.to_path_buf();
        return Err(BulkError::Identity { path, difference });
    }
    let tip = (found.height, found.block);
    let tables = Table::ALL.into_iter();
    let rows = tables.flat_map(|table| {
        Scan::whole(source, table).map(move |row| row.map(|row| (table, row)).map_err(BulkError::from))
    });
    let report = fill(rows, target, expected, progress)?;
    if query::tip(&source.moment()?)? != tip || (report.height, report.block) != tip {
        return Err(BulkError::Moved);
    }
    Ok(report)
}

/// Refuses rows that an import left in the middle. Whoever opens a storage asks this before anything else.
///
/// # Errors
/// [`StorageError::Unfinished`].
pub fn refuse_unfinished(rows: &impl Rows, place: &Path) -> Result<(), StorageError> {
    match rows.row(Table::Meta, schema::UNFINISHED)? {
        Some(_) => Err(StorageError::Unfinished {
            path: place.to_path_buf(),
        }),
        None => Ok(()),
    }
}

/// What the meta rows say, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Version of the rows.
    pub schema: u32,
    /// Whose they are.
    pub identity: Identity,
    /// The newest height.
    pub height: Height,
    /// The newest block.
    pub block: BlockId,
    /// The lowest height whose body is kept.
    pub horizon: Height,
}

/// Reads the meta rows.
///
/// # Errors
/// [`StorageError::Unfinished`] and [`StorageError::Absent`] when there is no whole storage, [`StorageError::Schema`]
/// when its rows have another layout.
pub fn about(rows: &impl Rows, place: &Path) -> Result<About, StorageError> {
    let path = || place.to_path_buf();
    refuse_unfinished(rows, place)?;
    let version = |bytes: &[u8]| bytes.try_into().ok().map(u32::from_be_bytes);
    let found = query::value(rows, Table::Meta, schema::SCHEMA, version)?;
    let found = found.ok_or_else(|| StorageError::Absent { path: path() })?;
    if found != schema::VERSION {
        let known = schema::VERSION;
        return Err(StorageError::Schema {
            path: path(),
            found,
            known,
        });
    }
    let identity = query::value(rows, Table::Meta, schema::IDENTITY, Identity::from_bytes)?;
    let (height, block) = query::tip(rows)?;
    Ok(About {
        schema: found,
        identity: identity.ok_or_else(|| query::damaged(Table::Meta, schema::IDENTITY))?,
        height,
        block,
        horizon: query::horizon(rows)?,
    })
}

/// The header at a height, in rows that no operator runs on.
///
/// # Errors
/// The engine's, or a damaged row.
pub fn header(rows: &impl Rows, height: Height) -> Result<Option<Header>, StorageError> {
    query::header(rows, height)
}

fn fill<S: Stopped>(
    rows: impl Iterator<Item = Result<(Table, Row), BulkError>>,
    target: &mut S,
    expected: &Expected<'_>,
    progress: &mut impl FnMut(Progress),
) -> Result<Report, BulkError> {
    refuse_filled(target)?;
    target.write(vec![mark(Some(Vec::new()))])?;
    target.sync()?;
    let mut meta = Vec::new();
    let mut batch = Batch::default();
    let mut reached: Option<Progress> = None;
    for row in rows {
        let (table, (key, value)) = row?;
        let change = Change {
            table,
            key,
            value: Some(value),
        };
        if table == Table::Meta {
            meta.push(change);
            continue;
        }
        let done = reached
            .filter(|reached| reached.table == table)
            .map_or(0, |reached| reached.rows);
        reached = Some(Progress {
            table,
            rows: done + 1,
        });
        batch.push(change);
        if batch.is_full() {
            target.write(batch.take())?;
            reached.iter().for_each(|reached| progress(*reached));
        }
    }
    target.write(batch.take())?;
    // Rows that a power cut could still take must not be vouched for by the meta rows.
    target.sync()?;
    target.write(meta)?;
    target.sync()?;
    let report = check::verify_unfinished(&target.source(), expected, Certificates::Newest, progress)?;
    target.write(vec![mark(None)])?;
    target.sync()?;
    Ok(report)
}

fn refuse_filled(target: &impl Stopped) -> Result<(), BulkError> {
    let rows = target.source().moment()?;
    for table in Table::ALL {
        if rows.last_row(table)?.is_some() {
            return Err(BulkError::NotEmpty {
                path: target.place().to_path_buf(),
            });
        }
    }
    Ok(())
}

fn mark(value: Option<Vec<u8>>) -> Change {
    Change {
        table: Table::Meta,
        key: schema::UNFINISHED.to_vec(),
        value,
    }
}

/// Changes on their way into the storage.
#[derive(Default)]
struct Batch {
    changes: Vec<Change>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, change: Change) {
        let value = change.value.as_ref().map_or(0, Vec::len);
        self.bytes += change.key.len() + value;
        self.changes.push(change);
    }

    fn is_full(&self) -> bool {
        self.changes.len() >= BATCH_ROWS_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    fn take(&mut self) -> Vec<Change> {
        self.bytes = 0;
        std::mem::take(&mut self.changes)
    }
}

/// Rows of a batch at most: the keys and conflict ranges of one transaction of a cluster stay small.
const BATCH_ROWS_MAX: usize = 2_000;
/// Bytes of a batch at which it is written: a cluster advises transactions below a megabyte; one body may be larger.
const BATCH_BYTES_MAX: usize = 512 << 10;
