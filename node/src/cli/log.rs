//! Log lines of a running operator: to standard error, as text or JSON.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use super::StartError;
use crate::config::{ConfigError, LogFormat, LogKeys};

/// Starts logging; a second start in one process, as tests and testnets do, keeps the first.
pub(super) fn start(keys: &LogKeys) -> Result<(), StartError> {
    let filter = EnvFilter::try_new(&keys.filter).map_err(|_| ConfigError::Value {
        key: "log.filter",
        value: keys.filter.clone(),
        reason: "levels such as \"info\" or \"info,plasma_network=debug\"",
    })?;
    // Colours are for people at a terminal; in a file they are noise.
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
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
