//! What the system says about this process: processor time, memory, bytes on disk.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, time::Duration};

/// Processor time of all threads so far, those that ended too; in steps of 10 ms.
pub(crate) fn process_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux tells");
    // The second field is a name in parentheses and may hold anything; user and system time are the 14th and 15th.
    let (_, rest) = stat.rsplit_once(')').expect("a name stands in parentheses");
    let ticks: u64 = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(ticks * TICK_MS)
}

/// Processor time of this thread so far.
pub(crate) fn thread_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    let nanos = stat
        .split_whitespace()
        .next()
        .and_then(|field| field.parse().ok());
    Duration::from_nanos(nanos.expect("the first field is a number"))
}

/// Resident memory now and at most, in MiB.
pub(crate) fn memory_mib() -> (f64, f64) {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.expect("a number of KiB") / 1024.0
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Bytes that the files of a folder take on the disk.
pub(crate) fn disk_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("the folder is there");
    entries
        .map(|entry| {
            let entry = entry.expect("an entry of a folder");
            // A file may vanish between two looks: engines delete in the background.
            match entry.metadata() {
                Ok(found) if found.is_dir() => disk_bytes(&entry.path()),
                Ok(found) => found.blocks() * 512,
                Err(_) => 0,
            }
        })
        .sum()
}

/// Linux tells processor time in hundredths of a second on every architecture.
const TICK_MS: u64 = 10;
