//! The rows of a block as `docs/storage.md` says them, for an engine without our code.

use plasma_core::Fate;

use super::blocks::Work;

/// A table's name, a key, and a value unless the row goes.
pub(crate) type RawRow = (&'static str, Vec<u8>, Option<Vec<u8>>);

/// Every row that a commit of this block writes.
pub(crate) fn of(work: &Work) -> Vec<RawRow> {
    let (header, delta) = (&work.decided.header, &work.delta);
    let height = header.height.0.to_be_bytes();
    let tip = [&height[..], &header.id().0.0].concat();
    let body: Vec<u8> = work
        .decided
        .body
        .iter()
        .flat_map(|signed| signed.encode())
        .collect();
    let mut rows: Vec<RawRow> = vec![
        ("headers", height.to_vec(), Some(header.encode().to_vec())),
        ("bodies", height.to_vec(), Some(body)),
        ("blocks", header.id().0.0.to_vec(), Some(height.to_vec())),
        ("meta", b"tip".to_vec(), Some(tip)),
        ("meta", b"state".to_vec(), Some(delta.state.encode())),
        ("leaves", height.to_vec(), Some(delta.leaf.0.to_vec())),
        ("totals", vec![0; 20], Some(vec![1; 32])),
    ];
    for (position, record) in &delta.outputs {
        let at = position.to_bytes();
        rows.push(("outputs", at.to_vec(), Some(record.encode().to_vec())));
        let owned = [&record.output.owner.0[..], &at].concat();
        rows.push(("owners", owned, (record.fate == Fate::Unspent).then(Vec::new)));
    }
    for (id, index) in &delta.transactions {
        let place = [height, index.to_be_bytes()].concat();
        rows.push(("transactions", id.0.0.to_vec(), Some(place)));
    }
    rows
}
