//! Whether the system lets an operator open as many files as it needs.

use super::RunError;
use crate::config::Config;

/// Files beside client connections: the database's tables, the log, a hundred members' connections, Ethereum, and the few
/// that the API keeps for this machine.
pub(super) const FILES_RESERVED: usize = 320;

/// Connections must not take the files that storage and log need: a write that finds none ends the process.
pub(super) fn check_files(config: &Config) -> Result<(), RunError> {
    let clients = usize::try_from(config.p2p.max_clients).unwrap_or(usize::MAX);
    let needed = config
        .http
        .max_connections
        .saturating_add(clients)
        .saturating_add(FILES_RESERVED);
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft = limits.lines().find_map(|line| {
        line.strip_prefix("Max open files")?
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    });
    match soft {
        Some(limit) if limit < needed => Err(RunError::Files { limit, needed }),
        _ => Ok(()),
    }
}
