//! Commands that print one short document.

use std::path::Path;

use plasma_core::Genesis;
use serde_json::json;

use super::{StartError, print};
use crate::config::FederationFile;

/// The hash of a federation file, checked.
pub(super) fn federation_hash(file: &Path) -> Result<(), StartError> {
    print(&format!("{}\n", FederationFile::load(file)?.hash()))
}

/// What this program is.
pub(super) fn version(as_json: bool) -> Result<(), StartError> {
    let version = env!("CARGO_PKG_VERSION");
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    if as_json {
        let document =
            json!({ "version": version, "profile": profile, "protocol_version": Genesis::VERSION });
        return print(&format!("{document}\n"));
    }
    print(&format!(
        "plasma {version} ({profile}), protocol version {}\n",
        Genesis::VERSION
    ))
}
