//! What the wallet keeps on disk of each output that it owns: enough to leave with it when no operator answers any more.
//!
//! | file | what |
//! |---|---|
//! | `outputs/<position>.receipt` | the transaction that made it, under a certified header |
//! | `outputs/<position>.exit` | the same under the first anchor that covers its block, as `startExit` takes it |
//! | `headers/<height>` | headers above blocks that no anchor covers yet: what leads to the anchor to come |
//! | `payments/<id>.receipt` | payments that were made, for whoever was paid |
//!
//! Everything was verified before it was written. Files are replaced as a whole, and those of outputs are never removed.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use plasma_core::{Header, Height, Position, Receipt, TransactionId};

use super::{WalletError, accounts::replace};
use crate::{
    api::{text::HashText, view::ExitData},
    folder::{make_durable, sync_folder},
};

/// The folder of what is kept.
#[derive(Clone, Debug)]
pub struct Receipts {
    folder: PathBuf,
}

impl Receipts {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub fn open(folder: &Path) -> Result<Self, WalletError> {
        let durable = |path: PathBuf| {
            let made = make_durable(&path).and_then(|()| sync_folder(&path));
            made.map_err(|source| WalletError::Store { path, source })
        };
        for name in [OUTPUTS, HEADERS, PAYMENTS] {
            durable(folder.join(name))?;
        }
        // Whoever made them before may have died before their names were on the disk.
        durable(folder.to_owned())?;
        folder
            .parent()
            .map_or(Ok(()), |wallet| durable(wallet.to_owned()))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// The receipt of an output's transaction.
    ///
    /// # Errors
    /// [`WalletError::Store`], also when the file is damaged.
    pub fn output(&self, position: Position) -> Result<Option<Receipt>, WalletError> {
        read(&self.of(position, RECEIPT), Receipt::decode)
    }

    /// Keeps the receipt of an output's transaction.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub fn keep_output(&self, position: Position, receipt: &Receipt) -> Result<(), WalletError> {
        replace(&self.of(position, RECEIPT), &receipt.encode())
    }

    /// What an exit of an output takes.
    ///
    /// # Errors
    /// [`WalletError::Store`], also when the file is damaged.
    pub fn exit(&self, position: Position) -> Result<Option<ExitData>, WalletError> {
        read(&self.of(position, EXIT), |bytes| {
            serde_json::from_slice(bytes).ok()
        })
    }

    /// Keeps what an exit of an output takes.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub fn keep_exit(&self, position: Position, data: &ExitData) -> Result<(), WalletError> {
        let text = serde_json::to_vec(data).unwrap_or_default();
        replace(&self.of(position, EXIT), &text)
    }

    /// Keeps the receipt of a payment.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub fn keep_payment(&self, id: TransactionId, receipt: &Receipt) -> Result<(), WalletError> {
        let file = self.folder.join(PAYMENTS).join(format!("{id}.{RECEIPT}"));
        replace(&file, &receipt.encode())
    }

    /// The receipt of a payment.
    ///
    /// # Errors
    /// [`WalletError::Store`], also when the file is damaged.
    pub fn payment(&self, id: TransactionId) -> Result<Option<Receipt>, WalletError> {
        let file = self.folder.join(PAYMENTS).join(format!("{id}.{RECEIPT}"));
        read(&file, Receipt::decode)
    }

    /// The receipt of a transaction, whatever it is kept for.
    ///
    /// # Errors
    /// [`WalletError::Store`], also when a file is damaged.
    pub fn transaction(&self, id: TransactionId) -> Result<Option<Receipt>, WalletError> {
        if let Some(receipt) = self.payment(id)? {
            return Ok(Some(receipt));
        }
        for position in self.positions()? {
            // One that is damaged says nothing, and holds up nobody.
            let receipt = self.output(position).unwrap_or_default();
            if let Some(receipt) = receipt.filter(|receipt| receipt.transaction.id() == id) {
                return Ok(Some(receipt));
            }
        }
        Ok(None)
    }

    /// The header of a height.
    ///
    /// # Errors
    /// [`WalletError::Store`], also when the file is damaged.
    pub fn header(&self, height: Height) -> Result<Option<Header>, WalletError> {
        read(&self.header_file(height), Header::decode)
    }

    /// Keeps a header.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub fn keep_header(&self, header: &Header) -> Result<(), WalletError> {
        replace(&self.header_file(header.height), &header.encode())
    }

    /// Forgets headers at or below a height: everything that they lead from is under an anchor.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub fn forget_headers(&self, up_to: Height) -> Result<(), WalletError> {
        for (name, path) in self.names(HEADERS)? {
            let is_old = name.parse().is_ok_and(|height: u32| height <= up_to.0);
            if is_old {
                fs::remove_file(&path).map_err(|source| WalletError::Store { path, source })?;
            }
        }
        Ok(())
    }

    /// Every output of which a receipt is kept, the oldest first.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub fn positions(&self) -> Result<Vec<Position>, WalletError> {
        self.named(RECEIPT)
    }

    /// The outputs of which a file of this kind is kept, the oldest first.
    fn named(&self, kind: &str) -> Result<Vec<Position>, WalletError> {
        let names = self.names(OUTPUTS)?.into_iter();
        let position = |(name, _): (String, PathBuf)| {
            let text = name.strip_suffix(&format!(".{kind}"))?.replace('-', ":");
            text.parse().ok()
        };
        let mut found: Vec<Position> = names.filter_map(position).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// Outputs of which a receipt is kept and no exit can be started yet, the oldest first.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub(super) fn unanchored(&self) -> Result<Vec<Position>, WalletError> {
        let ready: BTreeSet<Position> = self.named(EXIT)?.into_iter().collect();
        let mut kept = self.named(RECEIPT)?;
        kept.retain(|output| !ready.contains(output));
        Ok(kept)
    }

    /// The height of the newest header that is kept.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub(super) fn newest_header(&self) -> Result<Option<Height>, WalletError> {
        let heights = self.names(HEADERS)?.into_iter();
        Ok(heights
            .filter_map(|(name, _)| name.parse().ok())
            .max()
            .map(Height))
    }

    /// Whether anything of outputs or payments was ever kept.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub(super) fn is_used(&self) -> Result<bool, WalletError> {
        Ok(!self.names(OUTPUTS)?.is_empty() || !self.names(PAYMENTS)?.is_empty())
    }

    /// Payments of which a receipt is kept: the journal tells of each.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub(super) fn paid(&self) -> Result<Vec<TransactionId>, WalletError> {
        let names = self.names(PAYMENTS)?.into_iter();
        let id = |(name, _): (String, PathBuf)| {
            let id: HashText = name.strip_suffix(&format!(".{RECEIPT}"))?.parse().ok()?;
            Some(TransactionId(id.0))
        };
        Ok(names.filter_map(id).collect())
    }

    fn names(&self, kind: &str) -> Result<Vec<(String, PathBuf)>, WalletError> {
        let folder = self.folder.join(kind);
        let io = |source| WalletError::Store {
            path: folder.clone(),
            source,
        };
        let entries = fs::read_dir(&folder).map_err(io)?;
        let named = |entry: io::Result<fs::DirEntry>| {
            entry.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        };
        entries.map(named).collect::<io::Result<_>>().map_err(io)
    }

    fn of(&self, position: Position, kind: &str) -> PathBuf {
        let name = position.to_string().replace(':', "-");
        self.folder.join(OUTPUTS).join(format!("{name}.{kind}"))
    }

    fn header_file(&self, height: Height) -> PathBuf {
        self.folder.join(HEADERS).join(height.to_string())
    }
}

fn read<T>(path: &Path, decode: impl FnOnce(&[u8]) -> Option<T>) -> Result<Option<T>, WalletError> {
    let io = |source| WalletError::Store {
        path: path.to_owned(),
        source,
    };
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(io)?,
    };
    let decoded = decode(&bytes);
    let damaged = || io(io::Error::other("damaged; remove it, and it is asked for again"));
    decoded.map(Some).ok_or_else(damaged)
}

const OUTPUTS: &str = "outputs";
const HEADERS: &str = "headers";
const PAYMENTS: &str = "payments";
const RECEIPT: &str = "receipt";
const EXIT: &str = "exit";
