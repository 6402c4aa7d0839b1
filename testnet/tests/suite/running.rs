//! A running `plasma-testnet up`, its descendants, and the folders that it must not touch.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// One data folder for all tests of this build: anvil is fetched into it once.
pub(crate) fn data_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("testnet")
}

/// Two testnets at once would fight for two processors.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The binary under test.
pub(crate) fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_plasma-testnet"))
}

/// A testnet that is up.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) home: PathBuf,
    page: String,
}

impl Running {
    /// Starts a small one with a home of its own and waits until its page is complete.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_with(name, &["--accounts", "1", "--deposit", "1eth"])
    }

    /// Starts one with these flags.
    pub(crate) fn start_with(name: &str, flags: &[&str]) -> Self {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("home-{name}"));
        let _absent = std::fs::remove_dir_all(&home);
        std::fs::create_dir_all(home.join("tmp")).expect("a home for the test");
        let mut command = binary();
        command.arg("up").args(flags).arg("--data-dir").arg(data_folder());
        // npm still finds its registry; whatever is written to the home or the temporary folder will show.
        if let Some(real) = std::env::var_os("HOME") {
            command.env("NPM_CONFIG_USERCONFIG", Path::new(&real).join(".npmrc"));
        }
        command.env("HOME", &home).env("TMPDIR", home.join("tmp"));
        for variable in [
            "XDG_DATA_HOME",
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
            "XDG_STATE_HOME",
        ] {
            command.env_remove(variable);
        }
        let log = std::fs::File::create(home.with_extension("log")).expect("a log for the test");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("plasma-testnet starts");
        let page = child.stdout.take().expect("its standard output");
        let mut running = Self {
            child,
            home,
            page: String::new(),
        };
        running.page = running.wait_for_page(page);
        running
    }

    fn wait_for_page(&self, page: impl std::io::Read + Send + 'static) -> String {
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(page).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let end = Instant::now() + START_PATIENCE;
        let mut read = String::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = lines
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("no page; it said:\n{}", self.words()));
            read.push_str(&line);
            read.push('\n');
            if line.contains("ctrl-C") {
                return read;
            }
        }
    }

    fn words(&self) -> String {
        std::fs::read_to_string(self.home.with_extension("log")).unwrap_or_default()
    }

    /// What a terminal has shown of it.
    pub(crate) fn told(&self) -> String {
        self.words() + &self.page
    }

    /// The folder of this run.
    pub(crate) fn run_folder(&self) -> PathBuf {
        data_folder().join(format!("run-{}", self.child.id()))
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success(), "the signal was not sent");
    }

    /// Command lines of the processes that name this run's folder: operators, the guard and anvil.
    pub(crate) fn descendants(&self) -> Vec<String> {
        self.processes().into_iter().map(|(_, line)| line).collect()
    }

    /// The same, each with its process id.
    fn processes(&self) -> Vec<(String, String)> {
        let folder = self.run_folder().display().to_string();
        let processes = std::fs::read_dir("/proc").expect("a system with /proc").flatten();
        let lines = processes.filter_map(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            Some((entry.file_name().display().to_string(), line))
        });
        lines.filter(|(_, line)| line.contains(&folder)).collect()
    }

    /// Kills the one descendant whose command line these words are part of.
    pub(crate) fn kill_descendant(&self, words: &str) {
        let mut found = self.processes();
        found.retain(|(_, line)| line.contains(words) && !line.contains(" guard "));
        let [(process, _)] = found.as_slice() else {
            panic!("{words}: {found:#?}");
        };
        let sent = Command::new("kill").args(["-KILL", process]).status();
        assert!(sent.expect("kill runs").success(), "the signal was not sent");
    }

    /// Waits until it says something to people.
    pub(crate) fn says(&self, what: &str) {
        let end = Instant::now() + END_PATIENCE;
        while !self.words().contains(what) {
            assert!(Instant::now() < end, "not {what}, but:\n{}", self.words());
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until it has ended by itself: its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let end = Instant::now() + END_PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                return status.code();
            }
            assert!(Instant::now() < end, "it did not end; it said:\n{}", self.words());
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until no descendant is left.
    pub(crate) fn assert_nobody_is_left(&self) {
        let end = Instant::now() + END_PATIENCE;
        while !self.descendants().is_empty() {
            assert!(Instant::now() < end, "still there: {:#?}", self.descendants());
            std::thread::sleep(PAUSE);
        }
    }

    /// Nothing was written outside the data folder.
    pub(crate) fn assert_home_is_empty(&self) {
        let found: Vec<PathBuf> = files(&self.home);
        assert!(found.is_empty(), "written outside the data folder: {found:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Fetching anvil included, on a machine that builds at the same time.
const START_PATIENCE: Duration = Duration::from_secs(240);
/// Five processes that drain one after the other.
const END_PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
