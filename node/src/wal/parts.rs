//! Records that are too many for one batch, in several.

use super::{Files, Lsn, Record, Wal, WalError, frame};

impl<F: Files> Wal<F> {
    /// [`Wal::append_batch`] of as many batches as the records need, mostly one. A crash leaves the first ones, so this is for
    /// records of which every beginning may stand alone, and nobody speaks before all of them are on disk.
    ///
    /// # Errors
    /// Fatal like those of [`Wal::append_batch`].
    pub fn append(&mut self, records: &[Record]) -> Result<Lsn, WalError> {
        if records.len() < 2 || frame::batch_size(records) <= self.site.batch_size {
            return self.append_batch(records);
        }
        let (first, others) = records.split_at(records.len() / 2);
        self.append(first)?;
        self.append(others)
    }
}
