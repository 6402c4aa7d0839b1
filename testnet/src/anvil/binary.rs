//! Where the anvil binary comes from: `PLASMA_ANVIL`, `PATH`, the data folder, else npm.
//!
//! What is started is always the real binary. The npm package puts a script in front of it, and killing a script would
//! leave the node it started alive.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::failure::Failure;
use crate::folder::Folder;
use crate::guard::{Guarded, guarded};
use crate::progress::Progress;

/// What a user without anvil can do.
pub(super) const WAYS_OUT: &str = "put anvil 1.7 on PATH (https://getfoundry.sh), \
     or name it in PLASMA_ANVIL, or install Node.js with npm and a way to its registry so that it is fetched for you";

/// The real anvil binary.
///
/// # Errors
/// [`Failure::Missing`] when it is nowhere and cannot be fetched.
pub(super) async fn find(folder: &Folder, progress: Progress) -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("PLASMA_ANVIL").filter(|value| !value.is_empty()) {
        let named = PathBuf::from(named);
        return real(&named).ok_or_else(|| {
            let words = format!(
                "PLASMA_ANVIL names {}, which is no anvil binary\n  ways out: {WAYS_OUT}",
                named.display()
            );
            Failure::Missing(words).into()
        });
    }
    if let Some(found) = on_path("anvil").and_then(|found| real(&found)) {
        return Ok(found);
    }
    let fetched = folder.root().join("npm").join(in_package());
    if !fetched.is_file() {
        fetch(folder, progress).await?;
    }
    if fetched.is_file() {
        return Ok(fetched);
    }
    Err(missing(&format!("npm brought no binary for {}", platform())))
}

async fn fetch(folder: &Folder, progress: Progress) -> Result<()> {
    let Some(npm) = on_path("npm") else {
        return Err(missing("anvil is not on PATH, and neither is npm"));
    };
    let root = folder.root();
    let stage = progress.stage(
        "Fetch",
        &format!("anvil {VERSION} by npm into {}", root.join("npm").display()),
    );
    let _turn = exclusive(root).await?;
    let log = folder.sub("l1")?.join("npm.log");
    let mut command = guarded(&npm, &install(root))?;
    command.current_dir(root).env("NO_UPDATE_NOTIFIER", "1");
    let status = Guarded::tied(command, &log)?.wait().await?;
    if !status.success() {
        let words = std::fs::read_to_string(&log).unwrap_or_default();
        return Err(missing(&format!(
            "npm could not fetch {PACKAGE}@{VERSION}:\n{}",
            words.trim_end()
        )));
    }
    stage.done(&format!("anvil {VERSION}"));
    Ok(())
}

fn install(root: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["install".into(), format!("{PACKAGE}@{VERSION}").into()];
    for (option, name) in [
        ("--prefix", "npm"),
        ("--cache", "npm-cache"),
        ("--logs-dir", "npm-logs"),
    ] {
        arguments.push(option.into());
        arguments.push(root.join(name).into());
    }
    // The package's own script only links the shim, which we do not use.
    let quiet = [
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        "--loglevel=error",
    ];
    arguments.extend(quiet.map(OsString::from));
    arguments
}

/// Two testnets that start at once must not write the same package; the second finds it there.
async fn exclusive(root: &Path) -> Result<File> {
    let file = File::create(root.join("npm.lock")).context("creating npm.lock")?;
    tokio::task::spawn_blocking(move || file.lock().map(|()| file))
        .await?
        .context("locking npm.lock")
}

/// The binary behind a path: itself when it is one, the package's own when it is the npm shim.
fn real(found: &Path) -> Option<PathBuf> {
    let found = found.canonicalize().ok()?;
    let mut start = [0; 2];
    File::open(&found).ok()?.read_exact(&mut start).ok()?;
    if &start != b"#!" {
        return Some(found);
    }
    let beside = found
        .parent()?
        .parent()?
        .join(format!("anvil-{}", platform()))
        .join("bin/anvil");
    beside.is_file().then_some(beside)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn in_package() -> PathBuf {
    Path::new("node_modules")
        .join(format!("{PACKAGE}-{}", platform()))
        .join("bin/anvil")
}

fn platform() -> String {
    let system = if std::env::consts::OS == "macos" {
        "darwin"
    } else {
        std::env::consts::OS
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}-{processor}")
}

fn missing(what: &str) -> anyhow::Error {
    Failure::Missing(format!("{what}\n  ways out: {WAYS_OUT}")).into()
}

const PACKAGE: &str = "@foundry-rs/anvil";
/// The version that the contracts and this crate were tried with.
const VERSION: &str = "1.7.1";
