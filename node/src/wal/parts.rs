//! Records that are too many for one batch, in several.

use super::{Files, Lsn, Record, Wal, WalError, frame};

impl<F: Files> Wal<F> {
    /// [`Wal::append_batch`] of as many batches as the records need, mostly one. A crash leaves the first ones, so this is for
    /// records of which every beginning may stand alone, and nobody speaks before all of them are on disk.
    ///
    /// # Errors
    /// Fatal like those of [`Wal::append_batch`].
    pub fn append(&mut self, records: &[Record]) -> Result<Lsn, WalError> {
        let mut rest = records;
        while frame::batch_size(rest) > self.site.batch_size && rest.len() > 1 {
            let fits =
                |count: &usize| frame::batch_size(rest.get(..*count).unwrap_or(rest)) <= self.site.batch_size;
            let count = (1..rest.len()).take_while(fits).last().unwrap_or(1);
            let (first, others) = rest.split_at(count);
            self.append_batch(first)?;
            rest = others;
        }
        self.append_batch(rest)
    }
}
