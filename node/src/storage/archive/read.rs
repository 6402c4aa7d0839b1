//! Reading an archive row by row; nothing is believed before it was checked, and the whole only at its end.

use std::{
    fs::File,
    io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{
    super::{
        rows::Row,
        schema::{self, Table},
    },
    ArchiveError, END, HEAD_SIZE, Head, KEY_BYTES_MAX, MAGIC, Scope, Summary, VALUE_BYTES_MAX, VERSION,
    is_content, row_head, table_of,
};

use plasma_core::Hash;

/// An open archive.
#[derive(Debug)]
pub struct Archive {
    head: Head,
    input: Input,
    content: blake3::Hasher,
    last: Option<(Table, Vec<u8>)>,
    rows: u64,
}

impl Archive {
    /// Opens a file and checks its head.
    ///
    /// # Errors
    /// [`ArchiveError`] when it is no archive, or one of another version or schema.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::open(path).map_err(|source| ArchiveError::Io {
            doing: "open",
            path: path.to_path_buf(),
            source,
        })?;
        let mut input = Input {
            path: path.to_path_buf(),
            file: BufReader::with_capacity(BUFFER_BYTES, file),
            hash: blake3::Hasher::new(),
            place: 0,
        };
        let head = read_head(&mut input)?;
        Ok(Self {
            head,
            input,
            content: blake3::Hasher::new(),
            last: None,
            rows: 0,
        })
    }

    /// What it says of itself.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The next row; none when the end was reached and everything before it was whole.
    ///
    /// # Errors
    /// [`ArchiveError`] names the damage and its place.
    pub fn next_row(&mut self) -> Result<Option<(Table, Row)>, ArchiveError> {
        let place = self.input.place;
        let [number] = self.input.array()?;
        if number == END {
            self.end(place)?;
            return Ok(None);
        }
        let table = table_of(number).ok_or(ArchiveError::Field {
            place,
            what: "table",
            found: number,
        })?;
        let [key_length] = self.input.array()?;
        let value_length = u32::from_be_bytes(self.input.array()?);
        let too_long = |what, found| ArchiveError::Length { place, what, found };
        if key_length > KEY_BYTES_MAX {
            return Err(too_long("key", u32::from(key_length)));
        }
        if value_length > VALUE_BYTES_MAX {
            return Err(too_long("value", value_length));
        }
        let key = self.input.bytes(u32::from(key_length))?;
        let here = (table, key);
        if self.last.as_ref().is_some_and(|last| *last >= here) {
            return Err(ArchiveError::Order { place });
        }
        let (table, key) = here;
        if !self.head.scope.holds(table) {
            return Err(ArchiveError::Scope {
                place,
                table: table.name(),
            });
        }
        let value = self.input.bytes(value_length)?;
        self.agree(place, table, &key, &value)?;
        if is_content(table, &key) {
            self.content.update(&row_head(table, key_length, value_length));
            self.content.update(&key).update(&value);
        }
        self.last = Some((table, key.clone()));
        self.rows += 1;
        Ok(Some((table, (key, value))))
    }

    /// Rows, bytes and content read so far: those of the whole file at its end.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            head: self.head,
            rows: self.rows,
            bytes: self.input.place,
            content: Hash(self.content.finalize().into()),
        }
    }

    /// Meta rows that the head repeats must say the same, and those that are an owner's alone must not be there.
    fn agree(&self, place: u64, table: Table, key: &[u8], value: &[u8]) -> Result<(), ArchiveError> {
        let head = &self.head;
        if table == Table::Meta && schema::is_own(key) {
            return Err(ArchiveError::Own { place });
        }
        let expected = [
            ("schema", schema::SCHEMA, schema::VERSION.to_be_bytes().to_vec()),
            ("tip", schema::TIP, schema::encode_tip(head.height, head.block)),
        ];
        let differs = |(_, own, said): &&(&str, &[u8], Vec<u8>)| {
            table == Table::Meta && *own == key && said.as_slice() != value
        };
        match expected.iter().find(differs) {
            Some((key, ..)) => Err(ArchiveError::Meta { key }),
            None => Ok(()),
        }
    }

    fn end(&mut self, place: u64) -> Result<(), ArchiveError> {
        let said = u64::from_be_bytes(self.input.array()?);
        if said != self.rows {
            let found = self.rows;
            return Err(ArchiveError::Count { place, said, found });
        }
        let place = self.input.place;
        if self.input.array::<32>()? != *self.content.finalize().as_bytes() {
            return Err(ArchiveError::Hash { place });
        }
        let computed = self.input.hash.finalize();
        let place = self.input.place;
        if self.input.array::<32>()? != *computed.as_bytes() {
            return Err(ArchiveError::Hash { place });
        }
        let place = self.input.place;
        if self.input.has_more()? {
            return Err(ArchiveError::Trailing { place });
        }
        Ok(())
    }
}

/// What a whole archive says is its content. Nothing of it was checked.
///
/// # Errors
/// The system's, or that the file is too short.
pub fn content(path: &Path) -> io::Result<Hash> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-CONTENT_OFFSET))?;
    let mut bytes = [0; 32];
    file.read_exact(&mut bytes)?;
    Ok(Hash(bytes))
}

fn read_head(input: &mut Input) -> Result<Head, ArchiveError> {
    let magic: [u8; 8] = input.array().map_err(|error| match error {
        ArchiveError::Cut { .. } => ArchiveError::Magic,
        other => other,
    })?;
    if magic != MAGIC {
        return Err(ArchiveError::Magic);
    }
    let found = u16::from_be_bytes(input.array()?);
    if found != VERSION {
        let known = VERSION;
        return Err(ArchiveError::Version { found, known });
    }
    let place = input.place;
    let [scope, zero] = input.array()?;
    let field = |place, what, found| ArchiveError::Field { place, what, found };
    let scope = Scope::of_number(scope).ok_or(field(place, "scope", scope))?;
    if zero != 0 {
        return Err(field(place + 1, "zero", zero));
    }
    let found = u32::from_be_bytes(input.array()?);
    if found != schema::VERSION {
        let known = schema::VERSION;
        return Err(ArchiveError::Schema { found, known });
    }
    let genesis = Hash(input.array()?);
    let cut = ArchiveError::Cut { place: input.place };
    let (height, block) = schema::decode_tip(&input.array::<TIP_SIZE>()?).ok_or(cut)?;
    Ok(Head {
        scope,
        genesis,
        height,
        block,
    })
}

/// The file, with the hash of what came out of it.
#[derive(Debug)]
struct Input {
    path: PathBuf,
    file: BufReader<File>,
    hash: blake3::Hasher,
    place: u64,
}

impl Input {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], ArchiveError> {
        let mut bytes = [0; N];
        let size = u64::try_from(N).unwrap_or(u64::MAX);
        self.file
            .read_exact(&mut bytes)
            .map_err(|error| self.failed(error))?;
        self.took(&bytes, size);
        Ok(bytes)
    }

    /// So many bytes; memory grows only as they come.
    fn bytes(&mut self, length: u32) -> Result<Vec<u8>, ArchiveError> {
        let size = u64::from(length);
        let mut bytes = Vec::new();
        let read = Read::take(&mut self.file, size).read_to_end(&mut bytes);
        let read = read.map_err(|error| self.failed(error))?;
        if u64::try_from(read).ok() != Some(size) {
            return Err(self.failed(ErrorKind::UnexpectedEof.into()));
        }
        self.took(&bytes, size);
        Ok(bytes)
    }

    fn took(&mut self, bytes: &[u8], size: u64) {
        self.hash.update(bytes);
        self.place += size;
    }

    fn has_more(&mut self) -> Result<bool, ArchiveError> {
        let mut byte = [0];
        match self.file.read(&mut byte) {
            Ok(read) => Ok(read > 0),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: io::Error) -> ArchiveError {
        match error.kind() {
            ErrorKind::UnexpectedEof => ArchiveError::Cut { place: self.place },
            _ => ArchiveError::Io {
                doing: "read",
                path: self.path.clone(),
                source: error,
            },
        }
    }
}

/// height 4 ‖ block id 32.
const TIP_SIZE: usize = HEAD_SIZE - 16 - 32;
/// Bytes read ahead.
const BUFFER_BYTES: usize = 256 << 10;
/// Where the content stands, from the end of the file.
const CONTENT_OFFSET: i64 = 64;
