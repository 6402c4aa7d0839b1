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
    let title = "operators are up, and the contract holds their committee with proofs of possession";
    let mut story = report
        .begin("committee-registered", title, registration::begin(plan, progress))
        .await?;
    let told = tell_on(&mut story, report).await;
    if told.is_err() {
        let folder = story.testnet.keep_folder();
        progress.say(&format!("  the operators' logs stay in {folder}"));
    }
    told
}

async fn tell_on(story: &mut Story, report: &mut Report) -> Result<()> {
    let title = "two users deposit in one Ethereum block";
    report
        .step("deposits-credited", title, deposits::tell(story))
        .await?;
    let title = "one pays over HTTP, the other over libp2p, and the contract accepts both certificates";
    report
        .step("payments-committed", title, payments::tell(story))
        .await?;
    let title = "an anchor covers the payments, and the contract checked its signature";
    report
        .step("anchor-verified", title, anchoring::tell(story))
        .await?;
    let title = "a user exits an unspent output and is paid when its time has come";
    report.step("exit-paid", title, exit::tell(story)).await?;
    let title = "a user exits a spent output, the operator on duty challenges, and it never pays";
    report
        .step("spent-exit-challenged", title, challenge::tell(story))
        .await?;
    let title = "the leader of the running view is killed, blocks go on, and it catches up";
    report.step("leader-killed", title, crash::tell(story)).await?;
    let title = "bad input is refused, each with an error of its own";
    report
        .step("bad-input-refused", title, refusals::tell(story))
        .await?;
    let title = "on every operator all outputs sum to what the vault holds";
    report
        .step("sums-equal-the-vault", title, sums::tell(story))
        .await?;
    report.finish(story).await
}
