//! The operators' logs, read on from where they were read before.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::testnet::Testnet;

/// The logs of all operators, read up to a place.
#[derive(Debug)]
pub(super) struct Tail {
    logs: Vec<(PathBuf, u64)>,
}

impl Tail {
    /// From their beginning.
    pub(super) fn new(testnet: &Testnet) -> Self {
        let logs = testnet.cluster.places().map(|place| (place.log.clone(), 0));
        Self { logs: logs.collect() }
    }

    /// What each operator has said since the last look, in whole lines.
    pub(super) fn read_on(&mut self) -> Result<Vec<String>> {
        self.logs
            .iter_mut()
            .map(|(path, read)| lines(path, read))
            .collect()
    }
}

fn lines(path: &PathBuf, read: &mut u64) -> Result<String> {
    let mut file = std::fs::File::open(path).with_context(|| format!("opening {}", path.display()))?;
    file.seek(SeekFrom::Start(*read))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    // The last line may be half written; it is read whole next time.
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    *read += u64::try_from(whole)?;
    Ok(String::from_utf8_lossy(bytes.get(..whole).unwrap_or_default()).into_owned())
}
