//! `demo`: the whole story of a federation in nine steps, each read back from Ethereum or from the operators.
//!
//! Nothing is assumed: a step is told only when its evidence was seen, and every wait has an end. The first step that is
//! not as it must be ends the story.

mod anchoring;
mod challenge;
mod crash;
mod deposits;
mod exit;
mod payments;
mod refusals;
mod registration;
mod report;
mod story;
mod sums;

use anyhow::Result;

use self::report::Report;
use self::story::Story;
use crate::progress::Progress;
use crate::testnet::Plan;

/// What stands on standard output at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A few lines for people.
    Human,
    /// Exactly one JSON document.
    Json,
}

/// Tells the story.
///
/// # Errors
/// What was not seen, or could not be started.
pub async fn run(plan: &Plan, form: Form, progress: Progress) -> Result<()> {
    let mut report = Report::new(plan.operators, progress);
    let told = tell(plan, &mut report, progress).await;
    report.show(form)?;
    told
}

async fn tell(plan: &Plan, report: &mut Report, progress: Progress) -> Result<()> {
    let mut story = report
        .begin("committee-registered", registration::begin(plan, progress))
        .await?;
    let told = tell_on(&mut story, report).await;
    if told.is_err() {
        progress.say(&format!(
            "  the operators' logs stay in {}",
            story.testnet.keep_folder()
        ));
    }
    told
}

async fn tell_on(story: &mut Story, report: &mut Report) -> Result<()> {
    report.step("deposits-credited", deposits::tell(story)).await?;
    report.step("payments-committed", payments::tell(story)).await?;
    report.step("anchor-verified", anchoring::tell(story)).await?;
    report.step("exit-paid", exit::tell(story)).await?;
    report
        .step("spent-exit-challenged", challenge::tell(story))
        .await?;
    report.step("leader-killed", crash::tell(story)).await?;
    report.step("bad-input-refused", refusals::tell(story)).await?;
    report.step("sums-equal-the-vault", sums::tell(story)).await?;
    report.finish(story).await
}
