//! What the user sees while we work: one line per stage, on standard error only.
//!
//! On a terminal the running stage is a spinner with its elapsed time; elsewhere each finished stage is a plain line.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// The whole progress of one command.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    form: Form,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Spinner,
    Lines,
}

/// One running stage. Dropped without [`Stage::done`], its spinner vanishes.
#[derive(Debug)]
pub struct Stage {
    name: &'static str,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Spinners on a terminal, plain lines elsewhere.
    #[must_use]
    pub fn on_stderr() -> Self {
        let form = if std::io::stderr().is_terminal() {
            Form::Spinner
        } else {
            Form::Lines
        };
        Self { form }
    }

    /// Begins a stage; `doing` says what the user waits for.
    #[must_use]
    pub fn stage(self, name: &'static str, doing: &str) -> Stage {
        let stage = Stage {
            name,
            started: Instant::now(),
            bar: self.bar(name),
        };
        stage.doing(doing);
        stage
    }

    /// A spinner while something takes its time; nothing where there is no terminal.
    #[must_use]
    pub fn patience(self, words: &str) -> Stage {
        let stage = Stage {
            name: "",
            started: Instant::now(),
            bar: self.bar(""),
        };
        if stage.bar.is_some() {
            stage.doing(words);
        }
        stage
    }

    /// A line that stays.
    pub fn say(self, line: &str) {
        stderr_line(line);
    }

    fn bar(self, name: &'static str) -> Option<ProgressBar> {
        (self.form == Form::Spinner).then(|| {
            let bar = ProgressBar::new_spinner().with_prefix(name);
            let style = ProgressStyle::with_template("  {prefix:<9} {spinner} {wide_msg} {elapsed}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(TICK);
            bar
        })
    }
}

impl Stage {
    /// Says what is being done now.
    pub fn doing(&self, words: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(words.to_owned()),
            None => stderr_line(&format!("  {:<9} … {words}", self.name)),
        }
    }

    /// Ends the stage with what was achieved; returns how long it took.
    pub fn done(self, words: &str) -> Duration {
        let took = self.started.elapsed();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        stderr_line(&format!(
            "  {:<9} ✓ {words}  ({:.1} s)",
            self.name,
            took.as_secs_f64()
        ));
        took
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[expect(clippy::print_stderr, reason = "progress is for the person at the terminal")]
fn stderr_line(line: &str) {
    eprintln!("{line}");
}

/// Smooth enough for the eye, nothing for the processor.
const TICK: Duration = Duration::from_millis(120);
