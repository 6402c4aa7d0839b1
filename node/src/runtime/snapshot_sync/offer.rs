//! Which snapshot a member has, and what proves it: the bytes, the giver's side, and the asker's check.
//!
//! ```text
//! answer   0   4   lowest height whose body is kept
//!          4   4   newest height
//! offer    8   4   height of the snapshot; the answer ends before this field when there is none
//!          12  8   bytes of the archive
//!          20  32  content of the archive
//!          52  4   number of headers, at most 20 000
//!          56  …   headers of 184 bytes from the snapshot's up, then the certificate of the last
//! ```

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

use bytes::Bytes;
use plasma_core::{BlockId, Certificate, Domain, Epoch, Hash, Header, Height};

use crate::{
    directory::Directory,
    operator::report::AnchorSeen,
    runtime::{snapshots, wire::Ask},
    storage::{Read, StorageError, archive},
};

/// Headers between a snapshot and the certificate above it at most: with them an answer stays below 4 MB, and an anchor
/// that much older than a snapshot is many weeks of a quiet federation.
pub const HEADERS_MAX: u32 = 20_000;
/// Bytes of one chunk: few round trips, and little is lost with one that stalls.
pub const CHUNK_BYTES: usize = 1 << 20;

/// What a member says of its storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offers {
    /// The lowest height whose body it keeps.
    pub horizon: Height,
    /// Its newest height.
    pub tip: Height,
    /// Its newest snapshot that a certificate at or above the asker's anchor covers.
    pub newest: Option<Offer>,
}

/// A snapshot and the certified headers above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Bytes of the archive.
    pub bytes: u64,
    /// What is in it, as all members' archives of this height have it.
    pub content: Hash,
    /// From the snapshot's own up, each the parent of the next.
    pub headers: Vec<Header>,
    /// Of the last header.
    pub certificate: Certificate,
}

impl Offer {
    /// The header that the snapshot must lead to.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.headers.first()
    }

    /// What two offers of the same snapshot have in common.
    #[must_use]
    pub fn name(&self) -> (Option<BlockId>, Hash) {
        (self.header().map(Header::id), self.content)
    }

    /// Whether a quorum of the right epoch vouches for the snapshot, on the chain that Ethereum knows. An anchor below the
    /// snapshot is looked up in the snapshot itself.
    #[must_use]
    pub fn is_genuine(
        &self,
        anchor: &AnchorSeen,
        least: Epoch,
        directory: &Directory,
        domain: &Domain,
    ) -> bool {
        let is_linked = self.headers.windows(2).all(|pair| match pair {
            [below, above] => above.parent == below.id() && Some(above.height) == below.height.next(),
            _ => true,
        });
        let Some((first, last)) = self.headers.first().zip(self.headers.last()) else {
            return false;
        };
        let is_anchored =
            anchor.height < first.height || self.headers.iter().any(|header| is_anchored(header, anchor));
        is_linked
            && is_anchored
            && last.height >= anchor.height
            && self.certificate.block == last.id()
            && self.certificate.epoch >= least
            && directory.is_genuine(&self.certificate, domain)
    }
}

/// Whether this is the header that Ethereum shows.
#[must_use]
pub fn is_anchored(header: &Header, anchor: &AnchorSeen) -> bool {
    header.height == anchor.height
        && header.history_root == anchor.history_root
        && header.l1_height == anchor.l1_height
}

impl Offers {
    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = [self.horizon, self.tip]
            .map(|height| height.0.to_be_bytes())
            .concat();
        let offer = self.newest.as_ref();
        if let Some((offer, first)) = offer.and_then(|offer| Some((offer, offer.header()?))) {
            out.extend(first.height.0.to_be_bytes());
            out.extend(offer.bytes.to_be_bytes());
            out.extend(offer.content.0);
            out.extend(
                u32::try_from(offer.headers.len())
                    .unwrap_or(u32::MAX)
                    .to_be_bytes(),
            );
            offer
                .headers
                .iter()
                .for_each(|header| out.extend(header.encode()));
            out.extend(offer.certificate.to_bytes());
        }
        out.into()
    }

    /// The encoding back, nothing of it verified; `None` for any other bytes.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (horizon, rest) = bytes.split_first_chunk::<4>()?;
        let (tip, rest) = rest.split_first_chunk::<4>()?;
        let newest = if rest.is_empty() {
            None
        } else {
            Some(decode_offer(rest)?)
        };
        Some(Self {
            horizon: Height(u32::from_be_bytes(*horizon)),
            tip: Height(u32::from_be_bytes(*tip)),
            newest,
        })
    }
}

fn decode_offer(bytes: &[u8]) -> Option<Offer> {
    let (height, rest) = bytes.split_first_chunk::<4>()?;
    let (size, rest) = rest.split_first_chunk::<8>()?;
    let (content, rest) = rest.split_first_chunk::<32>()?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let count = u32::from_be_bytes(*count);
    if count == 0 || count > HEADERS_MAX {
        return None;
    }
    let mut headers = Vec::new();
    for _ in 0..count {
        let (header, after) = rest.split_at_checked(Header::SIZE)?;
        headers.push(Header::decode(header)?);
        rest = after;
    }
    let is_its_own = headers.first()?.height.0.to_be_bytes() == *height;
    Some(Offer {
        bytes: u64::from_be_bytes(*size),
        content: Hash(*content),
        headers,
        certificate: Certificate::from_bytes(rest)?,
    })
    .filter(|_| is_its_own)
}

/// The answer to a request for snapshots; to any other there is none here.
#[must_use]
pub fn serve<R: Read>(ask: &Ask, reader: &R, data_dir: &Path) -> Option<Bytes> {
    match ask {
        Ask::Snapshots(anchor) => {
            let offers = offers(reader, data_dir, *anchor);
            Some(offers.map_or_else(|_| Bytes::new(), |offers| offers.encode()))
        }
        Ask::Chunk { height, offset } => Some(chunk(data_dir, *height, *offset)),
        Ask::After { .. } | Ask::Block(_) | Ask::Transactions { .. } | Ask::Claim(_) => None,
    }
}

/// What this member has for one that has seen an anchor of this height.
///
/// # Errors
/// [`StorageError`] when the rows cannot be read.
pub fn offers<R: Read>(reader: &R, data_dir: &Path, anchor: Height) -> Result<Offers, StorageError> {
    let reader = reader.pinned()?;
    let (tip, _) = reader.tip()?;
    let kept = snapshots::list(data_dir).unwrap_or_default();
    let mut newest = None;
    for snapshot in kept.iter().rev() {
        newest = offer(&reader, snapshot, anchor)?;
        if newest.is_some() {
            break;
        }
    }
    Ok(Offers {
        horizon: reader.horizon()?,
        tip,
        newest,
    })
}

fn offer<R: Read>(
    reader: &R,
    snapshot: &snapshots::Snapshot,
    anchor: Height,
) -> Result<Option<Offer>, StorageError> {
    let Some((top, certificate)) = reader.certificate_covering(snapshot.height.max(anchor))? else {
        return Ok(None);
    };
    if top.0.saturating_sub(snapshot.height.0) >= HEADERS_MAX {
        return Ok(None);
    }
    // One that was removed meanwhile is not here.
    let Ok(content) = archive::content(&snapshot.path) else {
        return Ok(None);
    };
    let mut headers = Vec::new();
    for height in (snapshot.height.0..=top.0).map(Height) {
        let Some(header) = reader.header(height)? else {
            return Ok(None);
        };
        headers.push(header);
    }
    Ok(Some(Offer {
        bytes: snapshot.bytes,
        content,
        headers,
        certificate,
    }))
}

/// A part of a snapshot; empty when it is not here or ends before.
#[must_use]
pub fn chunk(data_dir: &Path, height: Height, offset: u64) -> Bytes {
    let kept = snapshots::list(data_dir).unwrap_or_default();
    let Some(snapshot) = kept.into_iter().find(|snapshot| snapshot.height == height) else {
        return Bytes::new();
    };
    let read = || {
        let mut file = File::open(&snapshot.path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::with_capacity(CHUNK_BYTES);
        let most = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
        file.take(most).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    // One that was removed meanwhile is not here.
    read().unwrap_or_default().into()
}
