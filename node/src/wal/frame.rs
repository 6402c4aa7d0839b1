//! How records and batches lie in a segment, byte by byte.
//!
//! ```text
//! record   offset  size  field
//!          0       4     length    bytes after the checksum: 25 + size of the content
//!          4       4     checksum  CRC-32C, salted per segment, of length ‖ everything after the checksum
//!          8       8     epoch
//!          16      8     lsn       one more than the record before, over all segments
//!          24      8     batch     one more than the batch before; the same in every record of a batch
//!          32      1     kind      1..=255 are the caller's; 0 is the footer
//!          33      …     content
//! footer   a record of kind 0 that ends a batch: epoch 0, lsn of the last record,
//!          content = first lsn 8 ‖ last lsn 8 ‖ CRC-32C of the batch's records 4
//! ```
//!
//! A batch counts only with its footer. A length of zero means that nothing was written from here on.
//! The salt keeps bytes that a stranger chose (they are inside block bodies) from looking like a
//! record of a later batch after a torn write.

use plasma_core::Epoch;

use super::{Lsn, Record, crc32c::Crc32c};

/// Bytes of a record beside its content.
pub(super) const RECORD_OVERHEAD: usize = 33;

/// Bytes of a batch beside its records.
pub(super) const FOOTER_SIZE: usize = RECORD_OVERHEAD + 20;

/// Where the next batch stands in the numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the next record.
    pub(super) lsn: u64,
    /// Number of the next batch.
    pub(super) batch: u64,
}

/// The bytes of one batch; `None` when a number would overflow.
pub(super) fn encode_batch(salt: u32, place: Place, records: &[Record]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(batch_size(records));
    let mut lsn = place.lsn;
    for record in records {
        push_record(&mut out, salt, (lsn, place.batch), record)?;
        lsn = lsn.checked_add(1)?;
    }
    let last = lsn.checked_sub(1)?;
    let mut content = Vec::with_capacity(20);
    content.extend(place.lsn.to_be_bytes());
    content.extend(last.to_be_bytes());
    content.extend(Crc32c::new(salt).update(&out).finish().to_be_bytes());
    let footer = Record {
        epoch: Epoch(0),
        kind: FOOTER_KIND,
        content,
    };
    push_record(&mut out, salt, (last, place.batch), &footer)?;
    Some(out)
}

/// Bytes that [`encode_batch`] will need.
pub(super) fn batch_size(records: &[Record]) -> usize {
    records
        .iter()
        .map(|record| record.content.len() + RECORD_OVERHEAD)
        .sum::<usize>()
        + FOOTER_SIZE
}

/// One whole batch at the start of `bytes`, with its exact place; `None` for anything else.
///
/// Returns the records and the bytes they take.
pub(super) fn decode_batch(bytes: &[u8], salt: u32, place: Place) -> Option<(Vec<(Lsn, Record)>, usize)> {
    let mut records = Vec::new();
    let mut offset = 0;
    let mut lsn = place.lsn;
    loop {
        let frame = decode_frame(bytes.get(offset..)?, salt)?;
        if frame.batch != place.batch {
            return None;
        }
        if frame.record.kind == FOOTER_KIND {
            let last = lsn.checked_sub(1)?;
            let checksum = Crc32c::new(salt).update(bytes.get(..offset)?).finish();
            let expected = [
                &place.lsn.to_be_bytes()[..],
                &last.to_be_bytes(),
                &checksum.to_be_bytes(),
            ]
            .concat();
            let fits = !records.is_empty() && frame.lsn == last && frame.record.content == expected;
            return fits.then_some((records, offset + FOOTER_SIZE));
        }
        if frame.lsn != lsn {
            return None;
        }
        offset += RECORD_OVERHEAD + frame.record.content.len();
        records.push((Lsn(lsn), frame.record));
        lsn = lsn.checked_add(1)?;
    }
}

/// Offset of the first record that parses and belongs to a batch after `place`'s.
///
/// Every byte is tried, because a torn batch leaves no trustworthy lengths behind.
pub(super) fn find_later_batch(bytes: &[u8], salt: u32, place: Place) -> Option<usize> {
    let window = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let later = |at: &[u8]| {
        // A later batch needs bytes of its own, so its number is near; this spares most checksums.
        let batch = u64_at(at, 24)?;
        let near = batch > place.batch && batch - place.batch <= window;
        let lsn = u64_at(at, 16)?;
        let follows = lsn >= place.lsn && lsn - place.lsn <= window;
        (near && follows).then(|| decode_frame(at, salt)).flatten()
    };
    (0..written_length(bytes)).find(|offset| bytes.get(*offset..).and_then(later).is_some())
}

/// Whether nothing was written here.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    written_length(bytes) == 0
}

/// Bytes up to the last one that is not zero.
fn written_length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1)
}

struct Frame {
    lsn: u64,
    batch: u64,
    record: Record,
}

fn push_record(out: &mut Vec<u8>, salt: u32, (lsn, batch): (u64, u64), record: &Record) -> Option<()> {
    let length = u32::try_from(record.content.len() + RECORD_OVERHEAD - PREFIX).ok()?;
    let mut header = [0; RECORD_OVERHEAD - PREFIX];
    header[..8].copy_from_slice(&record.epoch.0.to_be_bytes());
    header[8..16].copy_from_slice(&lsn.to_be_bytes());
    header[16..24].copy_from_slice(&batch.to_be_bytes());
    header[24] = record.kind;
    let checksum = Crc32c::new(salt)
        .update(&length.to_be_bytes())
        .update(&header)
        .update(&record.content)
        .finish();
    out.extend(length.to_be_bytes());
    out.extend(checksum.to_be_bytes());
    out.extend(header);
    out.extend(&record.content);
    Some(())
}

fn decode_frame(bytes: &[u8], salt: u32) -> Option<Frame> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let body = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let content = body.get(RECORD_OVERHEAD - PREFIX..)?;
    if Crc32c::new(salt).update(length).update(body).finish() != u32::from_be_bytes(*checksum) {
        return None;
    }
    let record = Record {
        epoch: Epoch(u64_at(bytes, 8)?),
        kind: *body.get(24)?,
        content: content.to_vec(),
    };
    Some(Frame {
        lsn: u64_at(bytes, 16)?,
        batch: u64_at(bytes, 24)?,
        record,
    })
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(offset..)?.first_chunk::<8>()?))
}

/// Kind of the record that ends a batch.
pub(super) const FOOTER_KIND: u8 = 0;

/// Length and checksum, which the length does not count.
const PREFIX: usize = 8;
