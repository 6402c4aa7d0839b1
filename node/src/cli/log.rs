//! Log lines of a running operator: to standard error, as text or JSON.

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
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match keys.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    // An error only says that this process logs already.
    drop(started);
    Ok(())
}
