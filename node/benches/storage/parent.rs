//! Starts one process per figure and prints the tables.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use super::{
    meter,
    options::{Backend, Options},
};

/// Figures by name.
type Figures = BTreeMap<String, f64>;

/// Measures all that was asked.
pub(crate) fn run(options: &Options) {
    for outputs in &options.outputs {
        Case {
            options,
            outputs: *outputs,
            made: options.folder.join(outputs.to_string()),
        }
        .run();
    }
}

/// A storage of one size.
struct Case<'a> {
    options: &'a Options,
    outputs: u64,
    made: PathBuf,
}

#[expect(clippy::print_stdout, reason = "a benchmark's answer is what it prints")]
impl Case<'_> {
    fn run(&self) {
        match self.options.backend {
            Backend::Embedded => self.in_a_folder(),
            Backend::Fdb => {
                println!("\n{} outputs in a cluster", self.outputs);
                self.table();
            }
        }
    }

    fn in_a_folder(&self) {
        remove(&self.made);
        let populated = self.figures("populate", &self.made, 1, 0);
        let bytes = meter::disk_bytes(&self.made);
        println!(
            "\n{} outputs: made in {:.1} s, {:.0} bytes on disk per output, {:.0} MiB resident at most",
            self.outputs,
            populated["wall"],
            float(bytes) / float(self.outputs),
            populated["most"],
        );
        self.table();
        if self.options.restart {
            self.restart();
        }
        remove(&self.made);
    }

    fn table(&self) {
        println!(
            "{:>8} {:>10} {:>8} {:>9} {:>9} {:>9} {:>10} {:>9} {:>9} {:>10} {:>8} {:>6}",
            "payments",
            "per s",
            "cpu us",
            "mean ms",
            "p50 ms",
            "p99 ms",
            "reads/s",
            "RSS MiB",
            "HWM MiB",
            "raw per s",
            "cpu us",
            "ratio"
        );
        for payments in &self.options.payments {
            self.commits(*payments);
        }
    }

    fn commits(&self, payments: u32) {
        let ours = self.on_a_copy(|copy| self.figures("commit", copy, payments, self.options.seconds));
        print!(
            "{payments:>8} {:>10.0} {:>8.1} {:>9.2} {:>9.2} {:>9.2} {:>10.0} {:>9.0} {:>9.0}",
            ours["rate"],
            ours["cpu"],
            ours["mean"],
            ours["p50"],
            ours["p99"],
            ours["reads"],
            ours["resident"],
            ours["most"],
        );
        if self.options.no_raw {
            println!();
            return;
        }
        let raw = self.on_a_copy(|copy| self.figures("raw", copy, payments, self.options.seconds));
        println!(
            " {:>10.0} {:>8.1} {:>6.2}",
            raw["rate"],
            raw["cpu"],
            ours["rate"] / raw["rate"]
        );
    }

    /// Kills a storage in the middle of its commits and times the next start, process and all.
    fn restart(&self) {
        self.on_a_copy(|copy| {
            let mut churning = self.child("churn", copy, KILLED_PAYMENTS, 0);
            let lines = BufReader::new(churning.stdout.take().expect("its output is ours")).lines();
            let blocks = lines.take(KILLED_BLOCKS).filter(Result::is_ok).count();
            churning.kill().expect("a child can be killed");
            churning.wait().expect("a killed child ends");
            let began = Instant::now();
            let found = self.figures("open", copy, 1, 0);
            println!(
                "restart: killed after {blocks} blocks of {KILLED_PAYMENTS} payments, at height {} again after {:.2} s",
                found["height"],
                began.elapsed().as_secs_f64(),
            );
        });
    }

    fn on_a_copy<T>(&self, measure: impl FnOnce(&Path) -> T) -> T {
        if self.options.backend == Backend::Fdb {
            return measure(&self.made);
        }
        let copy = self.options.folder.join("copy");
        remove(&copy);
        copy_folder(&self.made, &copy);
        let measured = measure(&copy);
        remove(&copy);
        measured
    }

    fn figures(&self, task: &str, folder: &Path, payments: u32, seconds: u64) -> Figures {
        let done = self.child(task, folder, payments, seconds).wait_with_output();
        let done = done.expect("a child ends");
        assert!(done.status.success(), "{task} failed");
        let text = String::from_utf8(done.stdout).expect("a child prints text");
        let words = text.split_whitespace().filter_map(|word| word.split_once('='));
        words
            .map(|(name, value)| (name.to_owned(), value.parse().expect("a figure is a number")))
            .collect()
    }

    fn child(&self, task: &str, folder: &Path, payments: u32, seconds: u64) -> Child {
        let own = std::env::current_exe().expect("a process has a program");
        let mut command = Command::new(own);
        command.args(["--child", task, "--folder"]);
        command.arg(folder);
        command.arg("--outputs").arg(self.outputs.to_string());
        command.arg("--payments").arg(payments.to_string());
        command.arg("--seconds").arg(seconds.to_string());
        command.arg("--cache").arg(self.options.cache.to_string());
        command.arg("--backend").arg(match self.options.backend {
            Backend::Embedded => "embedded",
            Backend::Fdb => "fdb",
        });
        command.arg("--cluster-file").arg(&self.options.cluster_file);
        let started = command.stdout(Stdio::piped()).spawn();
        started.expect("a child starts")
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder is made");
    for entry in fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("an entry of a folder");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &target);
        } else {
            fs::copy(&source, &target).expect("a file is copied");
        }
    }
}

/// Removes a folder that may be missing.
fn remove(folder: &Path) {
    if folder.exists() {
        fs::remove_dir_all(folder).expect("the benchmark's own folder goes");
    }
}

fn float(number: u64) -> f64 {
    number.to_string().parse().expect("digits are a number")
}

/// Payments of the blocks that a kill interrupts.
const KILLED_PAYMENTS: u32 = 1_000;
/// Blocks before the kill.
const KILLED_BLOCKS: usize = 150;
