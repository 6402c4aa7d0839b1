//! What the oracle is told, and when a run is over.

use plasma_consensus::{Message, Statement, Vote};
use plasma_core::{BlockId, Epoch, Fate, Header, Height};
use plasma_node::{
    operator::{
        Operator,
        effect::{Commit, Effect},
    },
    runtime::log::LOG_BODY,
    storage::{Read as _, Storage as _},
};

use super::{
    ethereum::lock,
    oracle::model::Lot,
    peers,
    scheme::is_certified,
    site::{GRACE_S, SILENCE_S, START_S},
    world::{Frame, Happening, World},
};

/// After the calm, and when nobody pays any more, everything must be decided within this time.
const SETTLE_MS: u64 = 45_000;
/// Exits take a period of Ethereum's clock, which then runs three times as fast, and a while to be seen.
const EXITS_MS: u64 = 330_000;
/// A federation that Ethereum hears nothing of is halted after this time: silence, twice the grace until no anchor can come, the
/// grace that its announcement begins, and twice the time in which every operator has a turn.
const HALT_S: u64 = SILENCE_S + 3 * GRACE_S + 120;
/// A deposit that is so many L1 blocks old is in a block.
const DEPOSIT_BLOCKS: usize = 12;
/// More than anybody has.
const OUTPUTS_MAX: usize = 10_000;

impl World {
    pub(super) fn on_commit(&mut self, index: usize, commit: &Commit) {
        let header = commit.decided.header;
        let id = header.id();
        self.note(&[b"commit", &id.0.0], || {
            format!("operator {index} decides {} {}", header.height, id.0)
        });
        if self.scenario.is_honest(index) {
            let chain = std::sync::Arc::clone(&self.chain);
            let chain = lock(&chain);
            self.oracle
                .decided(index, &header, &commit.decided.body, &chain.blocks);
            drop(chain);
            self.oracle.timed(&header, self.latest_ms());
            self.see_height(header.height);
            self.check_pool(index, header.height);
            if let Some(certificate) = &commit.decided.certificate {
                self.check_certificate(index, &header, certificate);
            }
            if !commit.decided.body.is_empty() {
                self.marks.hit("a payment was decided");
            }
        }
    }

    /// What can enter no block any more waits at no operator.
    fn check_pool(&mut self, index: usize, height: Height) {
        let Some(operator) = &self.hosts[index].operator else {
            return;
        };
        let mut over = self.clients.brief.iter().filter(|(_, expiry)| **expiry <= height);
        if let Some((id, _)) = over.find(|(id, _)| operator.pending(id).is_some()) {
            let what = format!("at {height} operator {index} keeps {id}, which is expired");
            self.oracle.report("pool", what);
        }
    }

    /// The other things that an operator says.
    pub(super) fn on_word(&mut self, index: usize, effect: &Effect) {
        self.note(&[b"word"], || format!("operator {index}: {effect:?}"));
        if !self.scenario.is_honest(index) {
            if matches!(effect, Effect::Stop(_)) {
                self.after(1, Happening::Revive { index });
            }
            return;
        }
        match effect {
            Effect::Stop(reason) => self.on_stop(index, reason),
            Effect::Refused(refusal) => {
                self.oracle.report(
                    "refusals",
                    format!("operator {index} would have signed: {refusal:?}"),
                );
            }
            Effect::Penalize { peer, reason } => self.blame(index, peers::index(*peer), reason),
            Effect::Accuse(evidence) => {
                let offender = self.line.operator(evidence.votes().0.epoch, evidence.offender());
                let offender = offender.unwrap_or(usize::MAX);
                if self.scenario.is_honest(offender) {
                    self.oracle
                        .report("accusations", format!("operator {index} accuses {offender}"));
                }
            }
            Effect::Invalid { broken, .. } if self.scenario.byzantine == 0 => {
                self.oracle.report(
                    "validity",
                    format!("operator {index} finds a block invalid: {broken}"),
                );
            }
            Effect::GaveUp { .. } => self.marks.hit("a view was given up"),
            _ => {}
        }
    }

    /// An operator blames a peer; honest ones never give a reason.
    pub(super) fn blame(&mut self, index: usize, peer: usize, reason: &str) {
        self.marks.hit("blame");
        if self.scenario.is_honest(index) && self.scenario.is_honest(peer) {
            self.oracle
                .report("blame", format!("operator {index} blames {peer} for {reason}"));
        }
    }

    /// Blocks that an honest operator hands on prove themselves: whoever asks need not ask again for each, nor know a committee
    /// beyond the one of the first.
    pub(super) fn judge_answer(&mut self, index: usize, answer: &[u8]) {
        let Some(([first, last], certificate)) = super::oracle::answers::ends(answer) else {
            return;
        };
        let proves = certificate.is_some_and(|certificate| {
            let committee = self.line.of(certificate.epoch);
            certificate.block == last.id()
                && committee.is_some_and(|one| is_certified(one, &self.site.domain, &certificate))
        });
        let wrong = if !proves {
            format!("up to {}, not certified", last.id().0)
        } else if self.oracle.epoch_of(first.height) != self.oracle.epoch_of(last.height) {
            format!("from {} to {}, of two epochs", first.height, last.height)
        } else {
            return;
        };
        if self.scenario.is_honest(index) {
            let what = format!("operator {index} answers with blocks {wrong}");
            self.oracle.report("proofs", what);
        }
    }

    /// Votes leave an honest operator. What it voted for in an earlier life it may have lost since, when it is final.
    pub(super) fn hear_votes(&mut self, index: usize, message: &Message) {
        if let Message::Vote(vote) = message
            && let Some(block) = vote.statement.block()
            && !self.holds(index, &block)
            && !(self.hosts[index].log.was_cast(vote) && self.is_final(vote.epoch, &block))
        {
            let what = format!(
                "operator {index} votes for {} without its body on its disk",
                block.0
            );
            self.oracle.report("bodies", what);
        }
        let seat = self.line.seat(message.epoch(), index);
        if let Err(what) = self.hosts[index].log.remember(seat, message) {
            self.oracle.report("rejoin", format!("operator {index}: {what}"));
        }
        match message {
            Message::Vote(vote) => {
                self.hush_end(index, vote);
                if self.line.operator(vote.epoch, vote.signer) == Some(index) {
                    self.spoke(index, vote);
                }
            }
            Message::Proposal(proposal) => {
                let seat = self.line.seat(proposal.epoch, index).unwrap_or_default();
                self.spoke(index, &proposal.vote(seat));
            }
            Message::Certified(_) => self.check_certified(index, message),
            Message::Status(_) => {}
        }
    }

    /// Whether enough have voted to finalize a block that it may be final, or somebody showed that it is, with a vote perhaps
    /// that a crash kept from being sent.
    fn is_final(&self, epoch: Epoch, block: &BlockId) -> bool {
        let liars = usize::from(self.scenario.byzantine);
        let committee = self.line.of(epoch);
        self.oracle.final_by_certificate.contains(block)
            || committee.is_some_and(|committee| self.oracle.finalizers(block) + liars >= committee.quorum())
    }

    fn spoke(&mut self, index: usize, vote: &Vote) {
        self.check_vote(index, vote);
        self.oracle.spoke(index, vote);
    }

    /// Whether an operator is among those that others are connected with.
    pub(super) fn is_inside(&self, index: usize) -> bool {
        let next = Height(self.oracle.height().0 + 1);
        self.line.is_inside(self.oracle.epoch_of(next), index)
    }

    /// Whether an operator would still have a block after a power cut: in its log, or in its storage.
    fn holds(&self, index: usize, block: &BlockId) -> bool {
        let host = &self.hosts[index];
        let is_it = |record: &plasma_node::wal::Record| {
            let header = record.content.get(..Header::SIZE).and_then(Header::decode);
            record.kind == LOG_BODY && header.is_some_and(|header| header.id() == *block)
        };
        host.log.records().iter().rev().any(is_it)
            || host
                .storage
                .reader()
                .height_of(block)
                .is_ok_and(|found| found.is_some())
    }

    /// Whether all is done, or should be.
    pub(super) fn check(&mut self) {
        let model = &self.oracle.model;
        let height = self.oracle.height();
        self.clients.sweep(
            height,
            |id| model.decided.contains_key(id),
            |position| {
                model
                    .coins
                    .get(position)
                    .is_none_or(|coin| coin.state == Lot::Free)
            },
        );
        if let Some(wrong) = self.clients.wrong_exit(&self.oracle.model) {
            return self.oracle.report("exits", wrong);
        }
        if let Some(silent_s) = self.silent_s(self.ended_for_good().is_some()) {
            return self
                .oracle
                .report("silence", format!("nothing was anchored for {silent_s} s"));
        }
        self.process_exits();
        self.follow_flights();
        self.follow_reclaims();
        self.follow_end();
        let mut quiet_at = self.scenario.busy_ms.max(self.scenario.calm_at_ms);
        if self.now < quiet_at {
            return;
        }
        let tries = self.tries_what_left();
        if let Some(seen_at) = self.ended_for_good() {
            quiet_at = quiet_at.max(seen_at);
        }
        if let Some(ended_at) = self.clients.ended_at() {
            quiet_at = quiet_at.max(ended_at);
        }
        let limit = if self.clients.has_open_exits() || self.awaits_halt() {
            EXITS_MS
        } else {
            SETTLE_MS
        };
        match self.unsettled() {
            None if tries => {}
            None if self.unseen().is_some() && self.now <= quiet_at + limit => self.pay_once(),
            None => {
                self.is_over = true;
                if let Some(index) = self.unseen() {
                    let what = format!("no certificate holds a vote of operator {index}");
                    return self.oracle.report("newcomers", what);
                }
                let chain = std::sync::Arc::clone(&self.chain);
                let mut chain = lock(&chain);
                let holds = chain.balance(self.site.contracts.vault);
                self.oracle.check_vault(&chain.blocks, holds);
                self.check_storage();
                self.check_epochs();
                self.check_service();
            }
            Some(_) if self.now <= quiet_at + 2 * limit && self.lacks_young_only() => {}
            Some(what) if self.now > quiet_at + limit => self.oracle.report("liveness", what),
            Some(what) => self.note(&[b"unsettled"], || format!("not yet: {what}")),
        }
    }

    /// For how long nothing was anchored, when that is longer than an anchor may take at all.
    fn silent_s(&self, is_halted: bool) -> Option<u64> {
        let chain = lock(&self.chain);
        let now_s = chain.head().observed.link.block.timestamp_s;
        let anchors = chain
            .blocks
            .iter()
            .rev()
            .flat_map(|mined| &mined.observed.anchors);
        let newest_s = anchors.map(|anchor| anchor.time_s).next().unwrap_or(START_S);
        let silent_s = now_s.saturating_sub(newest_s);
        let most_s = if self.is_cut_off() {
            HALT_S
        } else {
            SILENCE_S + 2 * GRACE_S
        };
        (silent_s > most_s && !is_halted).then_some(silent_s)
    }

    /// What is not done yet.
    fn unsettled(&self) -> Option<String> {
        let height = self.oracle.height();
        if let Some(what) = self.unsucceeded() {
            return Some(what);
        }
        let honest = |index: &usize| self.scenario.is_honest(*index) && self.is_inside(*index);
        for index in (0..self.hosts.len()).filter(honest) {
            let Some(status) = self.hosts[index].operator.as_ref().map(Operator::status) else {
                return Some(format!("operator {index} is down"));
            };
            if status.behind || status.starved {
                return Some(format!(
                    "operator {index} waits for blocks at height {}",
                    status.height
                ));
            }
            let waits = status.mempool > 0 && self.ended_for_good().is_none();
            if status.height != height || waits {
                let (own, waiting) = (status.height, status.mempool);
                return Some(format!(
                    "operator {index} is at {own} of {height}, {waiting} payments wait"
                ));
            }
        }
        if let Some((id, pending)) = self.clients.pending.iter().find(|(_, pending)| pending.is_honest) {
            let count = self.clients.pending.len();
            return Some(format!(
                "{count} payments are not decided: {id}, accepted {:?}",
                pending.accepted
            ));
        }
        if self.clients.has_open_exits() {
            return Some("an exit is open".to_owned());
        }
        if self.awaits_halt() {
            return Some("nobody halted the federation".to_owned());
        }
        if let Some(what) = self.swallowed() {
            return Some(what);
        }
        if let Some(anchored) = self.oracle.early.keys().next() {
            return Some(format!(
                "the anchored block of height {anchored} is decided by nobody"
            ));
        }
        if self.is_cut_off() {
            return None;
        }
        if let Some(what) = self.unfunded() {
            return Some(what);
        }
        if self.anchored().0.saturating_add(self.site.genesis.anchor_blocks) <= height.0 {
            return Some(format!(
                "the newest anchor is of {}, decided is {height}",
                self.anchored()
            ));
        }
        None
    }

    /// A deposit that waits although Ethereum mined it long ago.
    fn unfunded(&self) -> Option<String> {
        let chain = lock(&self.chain);
        let old = chain.blocks.len().saturating_sub(DEPOSIT_BLOCKS);
        let deposits = chain
            .blocks
            .iter()
            .take(old)
            .flat_map(|mined| &mined.calls)
            .filter(|sent| sent.call.label == "Vault.deposit")
            .count();
        let funded = self.oracle.model.funded();
        (u64::try_from(deposits).ok()? > funded).then(|| format!("{deposits} deposits, {funded} are funded"))
    }

    /// What every honest operator's storage says of every output is what the model says.
    fn check_storage(&mut self) {
        let mut wrong = None;
        let is_judged = |index: &usize| self.scenario.is_honest(*index) && self.is_inside(*index);
        for index in (0..self.hosts.len()).filter(is_judged) {
            let reader = self.hosts[index].storage.reader();
            for (position, coin) in &self.oracle.model.coins {
                let found = reader.output(*position).ok().flatten();
                let is_same = found.is_some_and(|record| {
                    let lot = match record.fate {
                        Fate::Unspent => Lot::Free,
                        Fate::Spent(_) => Lot::Spent,
                        Fate::Exited(_) | Fate::Reclaimed => Lot::Exited,
                    };
                    record.output.owner == coin.owner
                        && record.output.amount == coin.amount
                        && lot == coin.state
                        && record.output.locks == coin.locks
                });
                if !is_same {
                    wrong = Some(format!(
                        "operator {index} holds {position} as {found:?}, it is {coin:?}"
                    ));
                }
            }
            for user in &self.site.users {
                let owner = user.address();
                let shown = reader.outputs_of(&owner, None, OUTPUTS_MAX).unwrap_or_default();
                let coins = self.oracle.model.coins.values();
                let held = coins
                    .filter(|coin| coin.owner == owner && coin.state == Lot::Free)
                    .count();
                if shown.len() != held {
                    wrong = Some(format!(
                        "operator {index} shows {} outputs of {held}",
                        shown.len()
                    ));
                }
            }
        }
        if let Some(wrong) = wrong {
            self.oracle.report("storage", wrong);
        }
    }
}

/// A frame in words.
pub(super) fn tell_frame((from, to): (usize, usize), frame: &Frame) -> String {
    let what = match frame {
        Frame::Control(bytes) => match Message::decode(bytes) {
            Ok(Message::Vote(vote)) => match vote.statement {
                Statement::Notarize(c) => format!("notarize {} {}", c.view, c.block.0),
                Statement::Nullify { view } => format!("nullify {view}"),
                Statement::Finalize { view, block } => format!("finalize {view} {}", block.0),
            },
            Ok(Message::Certified(certified)) => format!("certified {:?}", certified.statement),
            Ok(Message::Proposal(proposal)) => format!("proposal {:?}", proposal.container),
            Ok(Message::Status(status)) => format!("status view {} floor {}", status.view, status.floor),
            Err(error) => format!("nonsense: {error}"),
        },
        Frame::Payload(bytes) => format!("payload of {} bytes", bytes.len()),
        Frame::Gossip(bytes) => format!("gossip of {} bytes", bytes.len()),
    };
    format!("{from} -> {to} {what}")
}
