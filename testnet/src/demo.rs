//! `demo`: the whole story of a federation in eighteen steps, each read back from Ethereum or from the operators.
//!
//! Nothing is assumed: a step is told only when its evidence was seen, and every wait has an end. The first step that is
//! not as it must be ends the story. The first part is about an honest federation; the second about another one, on an
//! Ethereum of its own, in which a quorum lies.

mod anchoring;
mod challenge;
mod crash;
mod deposits;
mod exit;
mod flight;
mod forgery;
mod outage;
mod payments;
mod payout;
mod refund;
mod refusals;
mod registration;
mod report;
mod second;
mod story;
mod succession;
mod sums;
mod tokens;
mod verdict;

use anyhow::Result;

use self::report::Report;
use self::second::Honest;
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
    let told = Box::pin(tell(plan, &mut report, progress)).await;
    report.show(form)?;
    told
}

async fn tell(plan: &Plan, report: &mut Report, progress: Progress) -> Result<()> {
    progress.say("\nAn honest federation");
    let title = "operators are up, and the contract holds their committee with proofs of possession and a bond of each";
    let mut story = report
        .begin("committee-registered", title, registration::begin(plan, progress))
        .await?;
    let told = Box::pin(tell_on(&mut story, report)).await;
    ending(story, &told, progress);
    told?;

    progress.say("\nA federation whose quorum lies");
    let title = "four operators start, three of them ready to lie; users deposit, pay, and are anchored";
    let (mut story, honest) = report
        .begin("liars-started", title, second::begin(plan, progress))
        .await?;
    let told = Box::pin(tell_on_liars(&mut story, &honest, report)).await;
    ending(story, &told, progress);
    told
}

/// Ends a federation; its logs stay for whoever wants to know why something was not as it must be.
fn ending(mut story: Story, told: &Result<()>, progress: Progress) {
    if told.is_err() {
        let folder = story.testnet.keep_folder();
        progress.say(&format!("  the operators' logs stay in {folder}"));
    }
}

async fn tell_on(story: &mut Story, report: &mut Report) -> Result<()> {
    let title = "two users deposit in one Ethereum block";
    report
        .step("deposits-credited", title, deposits::tell(story))
        .await?;
    let title = "a user deposits tokens, and another is paid with them";
    report.step("tokens-credited", title, tokens::tell(story)).await?;
    let title = "one pays over HTTP, the other over libp2p, and the contract accepts both certificates";
    report
        .step("payments-committed", title, payments::tell(story))
        .await?;
    let title = "an anchor covers the payments, and the contract checked its signature";
    report
        .step("anchor-verified", title, anchoring::tell(story))
        .await?;
    let title = "two users exit, one with ETH and one with tokens, and the ledger locks what they leave with";
    report.step("exits-started", title, exit::tell(story)).await?;
    let title = "a payment that no operator was sent is shown to Ethereum, and all of them must include it";
    report
        .step("withheld-payment-included", title, flight::tell(story))
        .await?;
    let title = "a user exits a spent output, and the operator on duty challenges";
    report
        .step("spent-exit-challenged", title, challenge::tell(story))
        .await?;
    let title =
        "the clock moves on, and Ethereum pays ETH, tokens and the payment in flight, and nothing else";
    report.step("exits-paid", title, payout::tell(story)).await?;
    let title = "the leader of the running view is killed, blocks go on, and it catches up";
    report.step("leader-killed", title, crash::tell(story)).await?;
    let title = "one operator more than can be missed is killed: the others stand still, say why, and go on by themselves";
    report.step("quorum-lost", title, outage::tell(story)).await?;
    let title = "bad input is refused, each with an error of its own";
    report
        .step("bad-input-refused", title, refusals::tell(story))
        .await?;
    let title = "one operator leaves the committee and one joins it while payments run, and the new committee anchors";
    report
        .step("committee-changed", title, succession::tell(story))
        .await?;
    let title = "on every operator all outputs sum to what the vault holds";
    report
        .step("sums-equal-the-vault", title, sums::tell(story))
        .await?;
    report.finish(story).await
}

async fn tell_on_liars(story: &mut Story, honest: &Honest, report: &mut Report) -> Result<()> {
    let title =
        "the three sign a block in which a deposit counts twice, anchor it, and the thief starts to leave";
    let forgery = report
        .step_with("invalid-block-anchored", title, forgery::tell(story))
        .await?;
    let title = "the fourth proves it on Ethereum: the chain is halted, and the liars' bonds are gone";
    report
        .step("fraud-proven", title, verdict::tell(story, honest, &forgery))
        .await?;
    let title =
        "everybody leaves with the honest operator's proofs and is paid in full, the thief's exit is void";
    report
        .step(
            "everybody-paid",
            title,
            Box::pin(refund::tell(story, honest, &forgery)),
        )
        .await?;
    report.judge(story);
    Ok(())
}
