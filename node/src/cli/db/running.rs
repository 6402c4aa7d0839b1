//! The asker's side of a running operator's admin socket.

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use serde::de::DeserializeOwned;

use super::{StartError, Ticker};
use crate::{
    config::Config,
    runtime::admin::{ExportView, SOCKET, StorageView},
    storage::archive::Scope,
};

/// What a running operator says of its storage; none when no operator runs.
pub(super) fn info(config: &Config) -> Result<Option<StorageView>, StartError> {
    ask(config, "info")
}

/// Has a running operator write an archive; none when no operator runs.
pub(super) fn export(config: &Config, scope: Scope, file: &Path) -> Result<Option<ExportView>, StartError> {
    ask(config, &format!("export {} {}", scope.name(), path_of(file)?))
}

/// A path as a request carries it.
pub(in crate::cli) fn path_of(file: &Path) -> Result<&str, StartError> {
    let path = file.to_str().filter(|path| !path.contains('\n'));
    path.ok_or_else(|| StartError::Failed(format!("{} cannot be sent", file.display())))
}

/// One request to a running operator; none when no operator runs.
pub(in crate::cli) fn ask<V: DeserializeOwned>(
    config: &Config,
    request: &str,
) -> Result<Option<V>, StartError> {
    let socket = config.data_dir.join(SOCKET);
    let stream = match UnixStream::connect(&socket) {
        Ok(stream) => stream,
        // Nobody is there, or somebody who died.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(StartError::Failed(format!("{}: {error}", socket.display()))),
    };
    converse(&stream, request).map(Some)
}

fn converse<V: DeserializeOwned>(mut stream: &UnixStream, request: &str) -> Result<V, StartError> {
    stream
        .set_read_timeout(Some(PATIENCE))
        .map_err(|error| broken(&error))?;
    stream
        .write_all(format!("{request}\n").as_bytes())
        .map_err(|error| broken(&error))?;
    let mut lines = BufReader::new(stream);
    let mut ticker = Ticker::start();
    loop {
        let mut line = String::new();
        if io::Read::take(&mut lines, LINE_BYTES_MAX)
            .read_line(&mut line)
            .map_err(|error| broken(&error))?
            == 0
        {
            return Err(StartError::Failed(
                "the operator ended before it answered".to_owned(),
            ));
        }
        let (kind, rest) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
        match kind {
            "progress" => {
                let (table, rows) = rest.split_once(' ').unwrap_or((rest, ""));
                ticker.tell(table, rows.parse().unwrap_or_default());
            }
            "done" => {
                return serde_json::from_str(rest)
                    .map_err(|error| StartError::Failed(format!("the operator's answer: {error}")));
            }
            "failed" => {
                let (code, words) = rest.split_once(' ').unwrap_or(("1", rest));
                let code = code.parse().unwrap_or(1);
                let words = format!("the running operator refused: {words}");
                return Err(StartError::Refused { code, words });
            }
            _ => return Err(StartError::Failed(format!("the operator says {line:?}"))),
        }
    }
}

fn broken(error: &io::Error) -> StartError {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            let words = format!(
                "the running operator said nothing for {} seconds",
                PATIENCE.as_secs()
            );
            StartError::TimedOut(words)
        }
        _ => StartError::Failed(format!("the running operator's admin socket: {error}")),
    }
}

/// Without any line for so long an operator is stuck: progress comes at every table, and each takes less.
const PATIENCE: Duration = Duration::from_secs(300);
/// Bytes of a line: some hundred snapshots with their paths.
const LINE_BYTES_MAX: u64 = 1 << 20;
