//! What was seen: the document of `demo --json`, and a line per step while it is told.

use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::Form;
use super::story::{Gas, Story};
use crate::progress::Progress;

/// The document.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    operators: u16,
    steps: Vec<Step>,
    height: u32,
    anchored_height: u32,
    gas: Gas,
    ok: bool,
    #[serde(skip)]
    progress: Progress,
}

#[derive(Debug, Serialize)]
struct Step {
    name: &'static str,
    ok: bool,
    seconds: f64,
    evidence: Value,
}

impl Report {
    pub(super) fn new(operators: u16, progress: Progress) -> Self {
        Self {
            operators,
            steps: Vec::new(),
            height: 0,
            anchored_height: 0,
            gas: Gas::default(),
            ok: false,
            progress,
        }
    }

    /// Tells a step that begins a story, and brings it.
    pub(super) async fn begin<T>(
        &mut self,
        name: &'static str,
        title: &str,
        work: impl Future<Output = Result<(T, Value)>>,
    ) -> Result<T> {
        self.head(title);
        let started = Instant::now();
        self.bring(name, started, work.await)
    }

    /// Tells a step that brings what later ones need.
    pub(super) async fn step_with<T>(
        &mut self,
        name: &'static str,
        title: &str,
        work: impl Future<Output = Result<(T, Value)>>,
    ) -> Result<T> {
        self.head(title);
        let patience = self.progress.patience("looking");
        let started = Instant::now();
        let told = work.await;
        drop(patience);
        self.bring(name, started, told)
    }

    fn bring<T>(&mut self, name: &'static str, started: Instant, told: Result<(T, Value)>) -> Result<T> {
        let (brought, told) = match told {
            Ok((brought, evidence)) => (Some(brought), Ok(evidence)),
            Err(error) => (None, Err(error)),
        };
        self.note(name, started, told)?;
        brought.context("a step that was told has brought nothing")
    }

    /// Tells a step; `title` says in words what should be seen.
    pub(super) async fn step(
        &mut self,
        name: &'static str,
        title: &str,
        work: impl Future<Output = Result<Value>>,
    ) -> Result<()> {
        self.head(title);
        let patience = self.progress.patience("looking");
        let started = Instant::now();
        let told = work.await;
        drop(patience);
        self.note(name, started, told)
    }

    fn head(&self, title: &str) {
        self.progress.say(&format!("\n{}. {title}", self.steps.len() + 1));
    }

    fn note(&mut self, name: &'static str, started: Instant, told: Result<Value>) -> Result<()> {
        let seconds = (started.elapsed().as_secs_f64() * 1_000.0).round() / 1_000.0;
        let (ok, evidence, told) = match told {
            Ok(evidence) => (true, evidence, Ok(())),
            Err(error) => (false, json!({ "error": format!("{error:#}") }), Err(error)),
        };
        if ok {
            self.progress.say(&lines(&evidence));
        }
        let mark = if ok { "✓" } else { "✗" };
        self.progress.say(&format!("   {mark} {seconds:.1} s"));
        self.steps.push(Step {
            name,
            ok,
            seconds,
            evidence,
        });
        told.with_context(|| format!("step {}, {name}", self.steps.len()))
    }

    /// Adds what is known at the end of the first federation.
    pub(super) async fn finish(&mut self, story: &Story) -> Result<()> {
        self.height = story.testnet.cluster.api(0)?.status().await?.height;
        self.anchored_height = story
            .testnet
            .contracts
            .latest(story.testnet.rpc())
            .await?
            .height
            .0;
        self.gas = story.gas;
        Ok(())
    }

    /// All has been told, of the second federation too.
    pub(super) fn judge(&mut self, story: &Story) {
        self.gas.fraud_proof = story.gas.fraud_proof;
        self.ok = self.steps.iter().all(|step| step.ok);
    }

    /// Shows the outcome on standard output.
    pub(super) fn show(&self, form: Form) -> Result<()> {
        match form {
            Form::Json => print(&serde_json::to_string(self).context("the report as JSON")?),
            Form::Human if self.ok => print(&format!(
                "\nAll {} steps seen: height {}, anchored up to {}.\nGas: {}",
                self.steps.len(),
                self.height,
                self.anchored_height,
                self.gas
            )),
            Form::Human => {}
        }
        Ok(())
    }
}

/// One line per fact, and one per text of a list.
fn lines(evidence: &Value) -> String {
    let facts = evidence.as_object().into_iter().flatten();
    let line = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!("   {name}: {text}"),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let texts = items.iter().filter_map(Value::as_str);
            let texts: String = texts.map(|text| format!("\n     {text}")).collect();
            format!("   {name}:{texts}")
        }
        other => format!("   {name}: {other}"),
    };
    facts.map(line).collect::<Vec<_>>().join("\n")
}

#[expect(clippy::print_stdout, reason = "the result of the command")]
fn print(text: &str) {
    println!("{text}");
}
