//! Faults in the system calls of a child: the N-th call of a kind kills it, fails, or takes long.
//!
//! strace counts each thread and each kind of call for itself. A sweep therefore names one thread and one call, and
//! goes over every N until a run ends unharmed: then N was larger than the number of calls, and all of them were hit.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use super::{
    child::{self, Child, Ended},
    scratch::Scratch,
};

/// The calls by which a process changes what is on disk.
const CALLS: [&str; 9] = [
    "write",
    "pwrite64",
    "writev",
    "ftruncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
];

/// Set to `all` to take every N; without it, some of them.
const SWEEP: &str = "PLASMA_SWEEP";

/// Most faults in one call of one thread without it.
const MOMENTS_MAX: u32 = 6;

/// What a child says when it may be traced, and what it is told then.
const READY: &str = "ready";

/// Which calls are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Thread {
    /// Those of every thread, each thread for itself, from the start of the process.
    Any,
    /// Those of the thread of this name, from [`READY`] on.
    Named(&'static str),
}

/// One fault.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) thread: Thread,
    pub(crate) call: &'static str,
    /// As strace's inject takes it: `signal=SIGKILL`, `error=EIO`, `delay_exit=1000`.
    pub(crate) action: &'static str,
    /// As strace's `when` takes it: `7`, `1+`.
    pub(crate) when: String,
}

/// Why no fault can be injected here; none when they can.
pub(crate) fn absence() -> Option<String> {
    let probe = [
        "-f",
        "-o",
        "/dev/null",
        "-e",
        "trace=fsync",
        "-e",
        "inject=fsync:error=EIO:when=1",
        "true",
    ];
    match Command::new("strace").args(probe).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "strace cannot trace here: {}",
            String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")
        )),
        Err(error) => {
            let reason = format!("strace is missing ({error}); install the package strace");
            assert!(!is_root(), "{reason}");
            Some(reason)
        }
    }
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let owner = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    owner.is_some_and(|numbers| numbers.split_whitespace().next() == Some("0"))
}

/// Waits until the parent has what it needs; a child calls this before the work that may fail.
pub(crate) fn wait_for_parent() {
    child::say(READY);
    // Nobody on the other side means that nobody wants to trace.
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Goes over the calls of some threads and the actions; `is_hit` runs one fault and says whether it came to pass.
pub(crate) fn sweep(
    test: &str,
    threads: &[Thread],
    actions: &[&'static str],
    mut is_hit: impl FnMut(&Fault, u32) -> bool,
) {
    let is_whole = env::var(SWEEP).is_ok_and(|text| text == "all");
    let (mut hit, mut expected) = (0, 0);
    for thread in threads.iter().copied() {
        let scratch = Scratch::in_memory("counted");
        let counts = count(
            test,
            &scratch.path().join("work"),
            &scratch.path().join("record"),
            thread,
        );
        for (call, count) in counts {
            let stride = if is_whole { 1 } else { count.div_ceil(MOMENTS_MAX) };
            // One more than were counted must be unharmed.
            for when in (1..=count + 1).step_by(usize::try_from(stride).unwrap()) {
                for action in actions.iter().copied() {
                    let fault = Fault {
                        thread,
                        call,
                        action,
                        when: when.to_string(),
                    };
                    expected += u32::from(when <= count);
                    hit += u32::from(is_hit(&fault, when));
                }
            }
        }
    }
    // Runs differ: what the syncer takes together depends on when it wakes, on a busy machine it wakes less often, and an
    // engine may ignore that a file stays.
    assert!(
        expected > 0 && hit * 2 >= expected,
        "{hit} faults, {expected} expected"
    );
    child::say(format!("{test}: {hit} faults"));
}

/// Runs a test as a child in a folder, with a fault.
pub(crate) fn run(test: &str, folder: &Path, fault: &Fault) -> Ended {
    let inject = format!("inject={}:{}:when={}", fault.call, fault.action, fault.when);
    let trace = format!("trace={}", fault.call);
    let arguments = ["-e", &trace, "-e", &inject];
    // A child that cannot write its reports tells a long story about it.
    let is_mute = fault.call == "write" && fault.action.starts_with("error");
    match fault.thread {
        Thread::Any => {
            let mut child = start_traced(test, folder, "/dev/null", is_mute, &arguments);
            child.stdin = None;
            child.end()
        }
        Thread::Named(name) => end_attached(test, folder, name, &arguments),
    }
}

/// How often one thread makes each of the calls in a whole run.
fn count(test: &str, folder: &Path, record: &Path, thread: Thread) -> BTreeMap<&'static str, u32> {
    let trace = format!("trace={}", CALLS.join(","));
    let record_name = record.to_string_lossy().into_owned();
    match thread {
        Thread::Any => {
            let mut child = start_traced(test, folder, &record_name, false, &["-e", &trace]);
            child.stdin = None;
            assert!(child.end().status.success());
        }
        Thread::Named(name) => {
            let ended = end_attached(test, folder, name, &["-e", &trace, "-o", &record_name]);
            assert!(ended.status.success(), "{ended:?}");
        }
    }
    let lines = fs::read_to_string(record).unwrap();
    let mut counts: BTreeMap<(&str, &'static str), u32> = BTreeMap::new();
    for line in lines.lines() {
        let (id, rest) = match line.split_once(' ') {
            Some((id, rest)) if id.parse::<u32>().is_ok() => (id, rest.trim_start()),
            _ => ("", line),
        };
        if let Some(call) = CALLS
            .into_iter()
            .find(|call| rest.starts_with(&format!("{call}(")))
        {
            *counts.entry((id, call)).or_default() += 1;
        }
    }
    let mut most: BTreeMap<&'static str, u32> = BTreeMap::new();
    for ((_, call), count) in counts {
        let entry = most.entry(call).or_default();
        *entry = count.max(*entry);
    }
    most
}

fn start_traced(test: &str, folder: &Path, record: &str, is_mute: bool, arguments: &[&str]) -> Child {
    let wrap = [&["strace", "-f", "-qq", "-o", record], arguments].concat();
    let mut command = child::command(&wrap, test, folder);
    if is_mute {
        command.stderr(Stdio::null());
    }
    Child::start(command)
}

/// Lets the child come to [`READY`], traces one of its threads, and lets it go on.
fn end_attached(test: &str, folder: &Path, thread: &str, arguments: &[&str]) -> Ended {
    let command = child::command(&[], test, folder);
    let mut child = Child::start(command);
    child.wait_for(READY);
    let id = thread_id(child.id(), thread);
    let mut tracer = Command::new("strace");
    tracer.args(arguments).args(["-p", &id]);
    if !arguments.contains(&"-o") {
        tracer.args(["-o", "/dev/null"]);
    }
    let mut tracer = tracer.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(tracer.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("attached"), "{line}");
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let ended = child.end();
    tracer.wait().unwrap();
    ended
}

fn thread_id(process: u32, name: &str) -> String {
    // A thread takes its name a moment after it was started.
    for _ in 0..1000 {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
        for task in tasks.map(Result::unwrap) {
            let found = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            if found.trim_end() == name {
                return task.file_name().to_string_lossy().into_owned();
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("the child has no thread {name}")
}
