//! Log lines of a running operator: to standard error, as text or JSON.

use std::io::IsTerminal as _;

use super::StartError;
use crate::config::{LogFormat, LogKeys};

/// Starts logging; a second start in one process, as tests and testnets do, keeps the first.
pub(super) fn start(keys: &LogKeys) -> Result<(), StartError> {
    // Colours are for people at a terminal; in a file they are noise.
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(keys.levels()?)
        .with_ansi(colours)
        .with_writer(std::io::stderr);
    let started = match keys.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    // An error only says that this process logs already.
    drop(started);
    Ok(())
}
