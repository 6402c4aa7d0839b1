//! Headers, leaves, certificates and the index of blocks, from genesis up.

use plasma_core::{BlockId, Certificate, Epoch, Frontier, Header, Height};

use super::{
    super::{
        query,
        rows::{Moments, Rows},
        scan::{Progress, Scan},
        schema::{self, Table},
    },
    Certificates, CheckError, Fixed, What, contradiction, end, strays, take,
};

/// Checks the chain; gives how many certificates verified.
pub(super) fn check<M: Moments>(
    source: &M,
    fixed: &Fixed<'_>,
    certificates: Certificates,
    progress: &mut impl FnMut(Progress),
) -> Result<u64, CheckError> {
    let tip = fixed.state.header.height;
    let per_height = |table| Scan::whole(source, table).peekable();
    let (mut headers, mut leaves, mut own) = (
        per_height(Table::Headers),
        per_height(Table::Leaves),
        per_height(Table::Certificates),
    );
    let (mut newest, mut verified) = (None, 0);
    let mut walk = Walk::default();
    let mut ids = Vec::new();
    for height in (0..=tip.0).map(Height) {
        let key = schema::height_key(height);
        let header = header_at(&mut headers, height)?;
        let id = walk.step(&header, fixed)?;
        let leaf = take(&mut leaves, Table::Leaves, height)?;
        let leaf = leaf.ok_or_else(|| contradiction(Table::Leaves, &key, What::Missing))?;
        if leaf != header.leaf().0 {
            return Err(contradiction(Table::Leaves, &key, What::Leaf));
        }
        if let Some(bytes) = take(&mut own, Table::Certificates, height)? {
            let certificate = schema::decode_certificate(&bytes);
            let certificate = certificate.ok_or_else(|| query::damaged(Table::Certificates, &key))?;
            if certificate.block != id {
                return Err(contradiction(Table::Certificates, &key, What::CertificateBlock));
            }
            if certificates == Certificates::All {
                verified += verify(fixed, height, &certificate)?;
            } else {
                newest = Some((height, certificate));
            }
        }
        ids.push((id, height));
        if ids.len() >= LOOKUPS || height == tip {
            blocks(source, &std::mem::take(&mut ids))?;
            progress(Progress {
                table: Table::Headers,
                rows: u64::from(height.0) + 1,
            });
        }
    }
    end(&mut headers, Table::Headers)?;
    end(&mut leaves, Table::Leaves)?;
    end(&mut own, Table::Certificates)?;
    strays::blocks(source, u64::from(tip.0) + 1)?;
    if walk.parent != Some(fixed.state.id) || walk.frontier != fixed.state.history {
        return Err(contradiction(Table::Meta, schema::STATE, What::State));
    }
    if let Some((height, certificate)) = newest {
        verified += verify(fixed, height, &certificate)?;
    }
    Ok(verified)
}

/// The header of a height, which must be there.
pub(super) fn header_at<M: Moments>(
    headers: &mut super::PerHeight<'_, M>,
    height: Height,
) -> Result<Header, CheckError> {
    let key = schema::height_key(height);
    let bytes = take(headers, Table::Headers, height)?;
    let bytes = bytes.ok_or_else(|| contradiction(Table::Headers, &key, What::Missing))?;
    let header = Header::decode(&bytes).ok_or_else(|| query::damaged(Table::Headers, &key))?;
    if header.height != height {
        return Err(contradiction(Table::Headers, &key, What::Height));
    }
    Ok(header)
}

/// What is carried from one header to the next.
#[derive(Default)]
struct Walk {
    parent: Option<BlockId>,
    frontier: Frontier,
}

impl Walk {
    fn step(&mut self, header: &Header, fixed: &Fixed<'_>) -> Result<BlockId, CheckError> {
        let wrong = |what| contradiction(Table::Headers, &schema::height_key(header.height), what);
        let id = header.id();
        match self.parent.replace(id) {
            None if id != fixed.genesis.state().id => return Err(wrong(What::Genesis)),
            Some(parent) if header.parent != parent => return Err(wrong(What::Parent)),
            _ => {}
        }
        self.frontier.append(header.leaf());
        if self.frontier.root() != header.history_root {
            return Err(wrong(What::HistoryRoot));
        }
        Ok(id)
    }
}

/// One certificate under the committee of its epoch. One of an epoch whose committee is not known here proves nothing, and rows
/// may have come from others: it is no certificate.
fn verify(fixed: &Fixed<'_>, height: Height, certificate: &Certificate) -> Result<u64, CheckError> {
    let wrong = || {
        contradiction(
            Table::Certificates,
            &schema::height_key(height),
            What::Certificate,
        )
    };
    let domain = fixed.genesis.domain();
    let mut later = fixed.later.iter();
    let verdict = if certificate.epoch == Epoch(0) {
        let committee = fixed.genesis.committee().map_err(|_| wrong())?;
        certificate.verify(&domain, &committee)
    } else if let Some(committee) = later.find(|committee| committee.epoch() == certificate.epoch) {
        certificate.verify(&domain, committee)
    } else {
        return Err(CheckError::Committee {
            epoch: certificate.epoch.0,
        });
    };
    verdict.map(|()| 1).map_err(|_| wrong())
}

/// Each id leads to its height.
fn blocks<M: Moments>(source: &M, ids: &[(BlockId, Height)]) -> Result<(), CheckError> {
    let keys: Vec<Vec<u8>> = ids.iter().map(|(id, _)| id.0.0.to_vec()).collect();
    let found = source.moment()?.values(Table::Blocks, &keys)?;
    for ((key, (_, height)), found) in keys.iter().zip(ids).zip(found) {
        let found = found.ok_or_else(|| contradiction(Table::Blocks, key, What::Missing))?;
        if found != schema::height_key(*height) {
            return Err(contradiction(Table::Blocks, key, What::BlockPlace));
        }
    }
    Ok(())
}

/// Ids looked up at once.
const LOOKUPS: usize = 1_024;
