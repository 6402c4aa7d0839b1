//! Writing an archive: to `<file>.part` first, and under its name only when it is whole and on disk.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use plasma_core::Hash;

use super::{
    super::{
        bulk, query,
        rows::{Moments, Rows},
        scan::{Progress, Scan},
        schema::{self, Table},
    },
    ArchiveError, END, Head, KEY_BYTES_MAX, Scope, Summary, VALUE_BYTES_MAX, is_content, row_head,
};
use crate::folder::{Identity, sync_folder};

/// Writes everything that the source holds into a new file, in bounded memory.
///
/// A pinned source is written as it was pinned, while commits go on. Any other source must stand still meanwhile.
///
/// # Errors
/// [`ArchiveError::Exists`], [`ArchiveError::Moved`], or what disk and storage say; no file is left then.
pub fn write<M: Moments>(
    source: &M,
    path: &Path,
    scope: Scope,
    progress: &mut impl FnMut(Progress),
) -> Result<Summary, ArchiveError> {
    refuse_existing(path)?;
    let mut name = path.as_os_str().to_owned();
    name.push(PART);
    let part = PathBuf::from(name);
    let written = write_part(source, &part, scope, progress).and_then(|summary| {
        refuse_existing(path)?;
        fs::rename(&part, path).map_err(io("rename", &part))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        sync_folder(folder).map_err(io("make durable the folder", folder))?;
        Ok(summary)
    });
    if written.is_err() {
        // What cannot be removed is harmless: the next attempt begins it anew.
        let _ = fs::remove_file(&part);
    }
    written
}

fn refuse_existing(path: &Path) -> Result<(), ArchiveError> {
    if path.symlink_metadata().is_ok() {
        return Err(ArchiveError::Exists {
            path: path.to_path_buf(),
        });
    }
    Ok(())
}

fn write_part<M: Moments>(
    source: &M,
    part: &Path,
    scope: Scope,
    progress: &mut impl FnMut(Progress),
) -> Result<Summary, ArchiveError> {
    let (head, meta) = opening(&source.moment()?, scope)?;
    let mut out = Output::create(part)?;
    out.put(&head.encode())?;
    for (key, value) in &meta {
        out.row(Table::Meta, key, value)?;
    }
    for table in Table::ALL {
        if table != Table::Meta && scope.holds(table) {
            write_table(source, table, &mut out, progress)?;
        }
    }
    if query::tip(&source.moment()?)? != (head.height, head.block) {
        return Err(ArchiveError::Moved);
    }
    out.finish(head)
}

fn write_table<M: Moments>(
    source: &M,
    table: Table,
    out: &mut Output,
    progress: &mut impl FnMut(Progress),
) -> Result<(), ArchiveError> {
    let mut rows = 0;
    for row in Scan::whole(source, table) {
        let (key, value) = row?;
        out.row(table, &key, &value)?;
        rows += 1;
        if rows % REPORT_ROWS == 0 {
            progress(Progress { table, rows });
        }
    }
    progress(Progress { table, rows });
    Ok(())
}

/// The meta rows as an archive has them.
type Meta = BTreeMap<&'static [u8], Vec<u8>>;

/// The head, and the meta rows.
fn opening(rows: &impl Rows, scope: Scope) -> Result<(Head, Meta), ArchiveError> {
    bulk::refuse_unfinished(rows, Path::new("the source"))?;
    let (height, block) = query::tip(rows)?;
    let identity = query::value(rows, Table::Meta, schema::IDENTITY, Identity::from_bytes)?;
    let identity = identity.ok_or_else(|| query::damaged(Table::Meta, schema::IDENTITY))?;
    let mut meta = Meta::new();
    for key in [schema::SCHEMA, schema::STATE, schema::TIP] {
        let value = rows.row(Table::Meta, key)?;
        meta.insert(key, value.ok_or_else(|| query::damaged(Table::Meta, key))?);
    }
    let horizon = match scope {
        Scope::Full => query::horizon(rows)?.0,
        // No body is in it, not even the newest.
        Scope::State => height.0.saturating_add(1),
    };
    if horizon > 0 {
        meta.insert(schema::HORIZON, horizon.to_be_bytes().to_vec());
    }
    let head = Head {
        scope,
        genesis: identity.genesis,
        height,
        block,
    };
    Ok((head, meta))
}

/// The file, with the hash of what went into it.
struct Output {
    path: PathBuf,
    file: BufWriter<File>,
    hash: blake3::Hasher,
    content: blake3::Hasher,
    rows: u64,
    bytes: u64,
}

impl Output {
    fn create(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::create(path).map_err(io("make", path))?;
        Ok(Self {
            path: path.to_path_buf(),
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            hash: blake3::Hasher::new(),
            content: blake3::Hasher::new(),
            rows: 0,
            bytes: 0,
        })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.hash.update(bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.file.write_all(bytes).map_err(io("write", &self.path))
    }

    fn row(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), ArchiveError> {
        let too_long = |bytes: usize| ArchiveError::TooLong {
            table: table.name(),
            bytes,
        };
        let key_length = u8::try_from(key.len())
            .ok()
            .filter(|length| *length <= KEY_BYTES_MAX);
        let key_length = key_length.ok_or_else(|| too_long(key.len()))?;
        let value_length = u32::try_from(value.len())
            .ok()
            .filter(|length| *length <= VALUE_BYTES_MAX);
        let value_length = value_length.ok_or_else(|| too_long(value.len()))?;
        let head = row_head(table, key_length, value_length);
        for part in [&head[..], key, value] {
            self.put(part)?;
            if is_content(table, key) {
                self.content.update(part);
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Writes the end and makes the file durable.
    fn finish(mut self, head: Head) -> Result<Summary, ArchiveError> {
        let rows = self.rows;
        let content = Hash(self.content.finalize().into());
        self.put(&[END])?;
        self.put(&rows.to_be_bytes())?;
        self.put(&content.0)?;
        let hash = self.hash.finalize();
        self.put(hash.as_bytes())?;
        self.file.flush().map_err(io("write", &self.path))?;
        let file = self.file.get_ref();
        file.sync_all().map_err(io("make durable", &self.path))?;
        Ok(Summary {
            head,
            rows,
            bytes: self.bytes,
            content,
        })
    }
}

fn io<'a>(doing: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> ArchiveError + 'a {
    move |source| ArchiveError::Io {
        doing,
        path: path.to_path_buf(),
        source,
    }
}

/// What is added to the name while the file is not whole.
const PART: &str = ".part";
/// Between two reports of progress: some tenths of a second.
const REPORT_ROWS: u64 = 50_000;
/// Bytes on their way to the system.
const BUFFER_BYTES: usize = 256 << 10;
