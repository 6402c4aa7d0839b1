//! A test that runs itself again as a process of its own, to be killed, cut off from its disk or starved of it.

use std::{
    env,
    io::{BufRead, BufReader, Write, stdout},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
};

/// Set in a child: the folder that it works in.
const FOLDER: &str = "PLASMA_TEST_CHILD";

/// The folder to work in, when this process is a child.
pub(crate) fn folder() -> Option<PathBuf> {
    env::var_os(FOLDER).map(PathBuf::from)
}

/// Says a line to the parent; the test's own output may stand before it.
pub(crate) fn say(line: impl std::fmt::Display) {
    stdout().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

/// A command that runs one test of this binary as a child; `wrap` names what runs it.
pub(crate) fn command(wrap: &[&str], test: &str, folder: &Path) -> Command {
    let own = env::current_exe().unwrap();
    let mut command = match wrap {
        [] => Command::new(own),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(own);
            command
        }
    };
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder);
    command
}

/// A child at work; killed when dropped.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) stdin: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
    heard: Vec<String>,
}

impl Child {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        let stdin = process.stdin.take();
        Self {
            process,
            stdin,
            lines,
            heard: Vec::new(),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The next line; none when it is over.
    pub(crate) fn hear(&mut self) -> Option<&str> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).unwrap();
        if read == 0 || !line.ends_with('\n') {
            return None;
        }
        self.heard.push(line.trim_end().to_owned());
        self.heard.last().map(String::as_str)
    }

    /// Listens until it says this.
    pub(crate) fn wait_for(&mut self, word: &str) {
        while self.hear().expect("the child says what it was made to say") != word {}
    }

    pub(crate) fn kill(&mut self) {
        // A child that has ended by itself cannot be killed, and need not.
        let _ = self.process.kill();
    }

    /// Listens until it is over.
    pub(crate) fn end(mut self) -> Ended {
        self.stdin = None;
        while self.hear().is_some() {}
        let status = self.process.wait().unwrap();
        let said = std::mem::take(&mut self.heard);
        Ended { status, said }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        let _ = self.process.wait();
    }
}

/// What a child said before it was over.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    said: Vec<String>,
}

impl Ended {
    /// Whether it was killed before it was done; it must not have ended in any third way.
    pub(crate) fn was_killed(&self) -> bool {
        let was_killed = self.status.signal() == Some(9);
        let is_done = self.status.success() && self.has_said("done");
        assert!(was_killed != is_done, "{self:?}");
        was_killed
    }

    pub(crate) fn has_said(&self, line: &str) -> bool {
        self.said.iter().any(|said| said == line)
    }

    /// What it said after a word.
    pub(crate) fn after(&self, word: &str) -> Option<&str> {
        self.said.iter().find_map(|line| line.strip_prefix(word))
    }

    /// The newest number that it said after a word.
    pub(crate) fn newest(&self, word: &str) -> Option<u32> {
        let numbers = self.said.iter().filter_map(|line| line.strip_prefix(word));
        numbers
            .filter_map(|number| number.trim().parse().ok())
            .next_back()
    }
}
