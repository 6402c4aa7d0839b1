//! Which operations of an operator change its disk, and its death at the n-th of them: strace counts and kills.
//!
//! strace counts each call of each thread for itself, so an operation is named by a [`Site`] (thread and call) and a
//! number. The signal comes as the call is entered: what that call would have done is not done. The tracer runs beside
//! the operator (`-D`), so that the operator stays our own child, with its own end.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::deadline::{Look, until};
use crate::failure::Failure;

/// Calls of one kind by one thread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Site {
    thread: Thread,
    call: String,
    /// What they are about, in words.
    pub(super) label: String,
    /// The files that they are about, where the call alone does not say it.
    paths: BTreeSet<String>,
    /// How many there are in a whole recording.
    pub(super) count: u32,
}

/// Whose calls are counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thread {
    /// The one that decides and writes the vote log.
    Main,
    /// One with a name of its own.
    Named(&'static str),
    /// Whichever of the pool's threads gets there first.
    Pool,
}

/// strace can be run here.
pub(super) async fn presence() -> Result<()> {
    let probe = [
        "-D",
        "-o",
        "/dev/null",
        "-e",
        "inject=fsync:signal=KILL:when=1",
        "true",
    ];
    let output = Command::new("strace").args(probe).output().await;
    let absent = |reason: String| {
        let ways = "install the package strace, and allow ptrace to this user";
        Failure::Missing(format!("strace cannot trace here ({reason}); {ways}"))
    };
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => bail!(absent(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        Err(error) => bail!(absent(error.to_string())),
    }
}

/// The words that make an operator write down its calls.
pub(super) fn recording(into: &Path) -> Vec<OsString> {
    let trace = format!("trace={}", CALLS.join(","));
    let flags = [
        "strace",
        "-D",
        "-f",
        "-q",
        "-y",
        "--decode-pids=comm",
        "-e",
        &trace,
        "-o",
    ];
    let mut words: Vec<OsString> = flags.iter().map(OsString::from).collect();
    words.push(into.into());
    words
}

impl Site {
    /// The words that make an operator die as it enters its `when`-th call here; none for a thread that is not there from
    /// the start.
    pub(super) fn killing(&self, when: u32) -> Vec<OsString> {
        let mut words = match self.thread {
            Thread::Main => vec!["strace", "-D"],
            Thread::Pool => vec!["strace", "-D", "-f"],
            Thread::Named(_) => return Vec::new(),
        };
        words.extend(["-qq", "-o", "/dev/null"]);
        let words = words.into_iter().map(OsString::from);
        words
            .chain(self.fault(&format!("signal=KILL:when={when}")))
            .collect()
    }

    /// Lets a running operator die as the thread of this name enters its `when`-th call from now on.
    pub(super) async fn attach(&self, process: u32, when: u32) -> Result<()> {
        let Thread::Named(name) = self.thread else {
            return Ok(());
        };
        let thread = until("the operator's thread", THREAD_PATIENCE, || async {
            let found = thread_of(process, name);
            Ok(found.map_or_else(|| Look::NotYet(format!("no thread {name}")), Look::Seen))
        })
        .await?;
        let mut tracer = Command::new("strace");
        tracer.args(["-o", "/dev/null", "-p", &thread]);
        tracer.args(self.fault(&format!("signal=KILL:when={when}")));
        let mut tracer = tracer
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("strace")?;
        let said = tracer.stderr.take().context("strace's words")?;
        let mut lines = BufReader::new(said).lines();
        let first = tokio::time::timeout(THREAD_PATIENCE, lines.next_line()).await;
        let first = first.context("strace to attach")??.unwrap_or_default();
        anyhow::ensure!(first.contains("attached"), "strace said {first:?}");
        // It ends with the operator; its last words must find a reader.
        tokio::spawn(async move {
            while let Ok(Some(_)) = lines.next_line().await {}
            tracer.wait().await
        });
        Ok(())
    }

    fn fault(&self, action: &str) -> Vec<OsString> {
        let mut words = Vec::new();
        for path in &self.paths {
            words.extend(["-P".into(), path.into()]);
        }
        words.extend(["-e".into(), format!("trace={}", self.call).into()]);
        words.extend(["-e".into(), format!("inject={}:{action}", self.call).into()]);
        words
    }
}

/// Every site of a recording that changes something below `folder`.
pub(super) fn sites(record: &str, process: u32, folder: &Path) -> Vec<Site> {
    let mut counts: BTreeMap<(Thread, String, String), BTreeMap<u32, u32>> = BTreeMap::new();
    let mut paths: BTreeMap<(Thread, String, String), BTreeSet<String>> = BTreeMap::new();
    let below = folder.display().to_string();
    for line in record.lines() {
        let Some(call) = Call::read(line, &below) else {
            continue;
        };
        let thread = match call.name {
            _ if call.thread == process => Thread::Main,
            name => NAMED
                .iter()
                .find(|known| **known == name)
                .map_or(Thread::Pool, |name| Thread::Named(name)),
        };
        let key = (thread, call.call.to_owned(), call.label(&below));
        *counts
            .entry(key.clone())
            .or_default()
            .entry(call.thread)
            .or_default() += 1;
        if call.call.starts_with("write") {
            paths.entry(key).or_default().insert(call.path.to_owned());
        }
    }
    let site = |((thread, call, label), counts): ((Thread, String, String), BTreeMap<u32, u32>)| {
        let key = (thread, call, label);
        let paths = paths.remove(&key).unwrap_or_default();
        Site {
            thread: key.0,
            call: key.1,
            label: key.2,
            paths,
            count: counts.values().max().copied().unwrap_or(0),
        }
    };
    counts.into_iter().map(site).collect()
}

/// One line of a recording: `4711<name> call(3</path>, …`.
struct Call<'a> {
    thread: u32,
    name: &'a str,
    call: &'a str,
    path: &'a str,
}

impl<'a> Call<'a> {
    fn read(line: &'a str, below: &str) -> Option<Self> {
        let (thread, rest) = line.split_once('<')?;
        let (name, rest) = rest.split_once('>')?;
        let (call, arguments) = rest.trim_start().split_once('(')?;
        let begins = arguments.find(below)?;
        let path = arguments.get(begins..)?;
        let ends = path.find(['>', '"'])?;
        let path = path.get(..ends)?;
        // What it says to people lies beside what it must not forget.
        let is_kept = path
            .strip_prefix(below)?
            .split('/')
            .nth(1)
            .is_some_and(|first| first != "log");
        is_kept.then_some(())?;
        Some(Self {
            thread: thread.trim().parse().ok()?,
            name,
            call: CALLS.iter().find(|known| **known == call)?,
            path,
        })
    }

    fn label(&self, below: &str) -> String {
        let inside = self.path.strip_prefix(below).unwrap_or(self.path);
        let what = KINDS.iter().find(|(part, _)| inside.contains(part));
        format!("{} {}", what.map_or("other", |(_, words)| words), self.call)
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.thread {
            Thread::Main => write!(f, "{}", self.label),
            Thread::Named(name) => write!(f, "{} of {name}", self.label),
            Thread::Pool => write!(f, "{} of the pool", self.label),
        }
    }
}

fn thread_of(process: u32, name: &str) -> Option<String> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let named =
        |path: &Path| std::fs::read_to_string(path.join("comm")).is_ok_and(|found| found.trim_end() == name);
    let found = tasks.flatten().find(|task| named(&task.path()))?;
    Some(found.file_name().to_string_lossy().into_owned())
}

/// Every call that changes what is on a disk, or waits until it is there. A file that was only created is as good as none,
/// so `open` is not among them.
const CALLS: [&str; 18] = [
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "ftruncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "linkat",
];

/// Threads with disk work of their own: the one that syncs the ledger, and the engine's.
const NAMED: [&str; 2] = ["storage-sync", "fjall:worker"];

/// What a part of a path says about a file.
const KINDS: [(&str, &str); 4] = [
    ("/data/log", "vote log"),
    ("/data/db", "ledger"),
    ("ethereum", "Ethereum journal"),
    ("/keys/", "voted mark"),
];

/// A thread takes its name a moment after its process started.
const THREAD_PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_what_changes_the_folder_counted_by_thread_and_call() {
        let record = "\
7<plasma-testnet> mkdir(\"/run/operator-1/data/log\", 0777) = 0
7<plasma-testnet> pwrite64(15</run/operator-1/data/log/1.log>, \"..\", 2, 128) = 2
7<plasma-testnet> fdatasync(15</run/operator-1/data/log/1.log> <unfinished ...>
7<plasma-testnet> <... fdatasync resumed>) = 0
7<plasma-testnet> write(2</run/operator-1/log>, \"..\", 2) = 2
8<tokio-rt-worker> write(12</run/operator-1/data/db/engine/0.jnl>, \"..\", 2) = 2
9<tokio-rt-worker> write(12</run/operator-1/data/db/engine/0.jnl>, \"..\", 2) = 2
9<tokio-rt-worker> write(12</run/operator-1/data/db/engine/0.jnl>, \"..\", 2) = 2
9<tokio-rt-worker> write(4<anon_inode:[eventfd]>, \"..\", 8) = 8
9<tokio-rt-worker> writev(16<socket:[2029206]>, [..], 1) = 8
5<storage-sync> fdatasync(12</run/operator-1/data/db/engine/0.jnl>) = 0
7<plasma-testnet> pwrite64(15</run/operator-2/data/log/1.log>, \"..\", 2, 128) = 2
";
        let found = sites(record, 7, Path::new("/run/operator-1"));
        let shown: Vec<_> = found.iter().map(|site| (site.to_string(), site.count)).collect();
        let expected = [
            ("vote log fdatasync", 1),
            ("vote log mkdir", 1),
            ("vote log pwrite64", 1),
            ("ledger fdatasync of storage-sync", 1),
            ("ledger write of the pool", 2),
        ];
        assert_eq!(shown, expected.map(|(words, count)| (words.to_owned(), count)));
        let of_file: Vec<&Site> = found.iter().filter(|site| !site.paths.is_empty()).collect();
        assert!(of_file.len() == 1 && of_file[0].paths.contains("/run/operator-1/data/db/engine/0.jnl"));
    }
}
