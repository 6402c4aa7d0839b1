//! What the federation owes Ethereum: anchors in time, a challenge for every exit of a spent output, and an answer to
//! everything else that is claimed there against what the ledger knows ([`super::matters`]); and the votes of operators that
//! contradicted themselves ([`super::accusations`]).
//!
//! All follow one rota: the k-th anchor is the duty of `committee[k mod n]`, and when it is late by j takeover periods
//! also of the next j operators. A duty is done when Ethereum shows it done, whoever did it, so a duty survives a crash:
//! it is derived again from storage and from Ethereum.

use plasma_core::planted::planted;
use std::collections::BTreeMap;

use plasma_consensus::Evidence;
use plasma_core::{Certificate, ExitId, Genesis, Header, Height, Millis, OperatorIndex, Position, Spender};

use super::{
    accusations::Accusations,
    effect::Effect,
    matters::{Matter, Matters, Notice, Turn, number_of_exit},
    report::{AnchorSeen, Concern},
};

/// When duties fall due.
#[derive(Clone, Copy, Debug)]
pub struct Duties {
    /// Our place in the committee; who has none has no duties.
    pub me: Option<OperatorIndex>,
    /// Size of the committee.
    pub operators: u16,
    /// Decided blocks after which an anchor is due.
    pub anchor_blocks: u32,
    /// Time after which an anchor is due when anything is new.
    pub anchor_ms: u64,
    /// How late a duty must be before it is also the next operator's.
    pub takeover_ms: u64,
    /// The contract's `silence`, by Ethereum's clock: a quarter of it without an anchor makes even an empty block due.
    pub silence_s: u64,
    /// The contract's `grace`: an anchor later than `silence` + 2 · `grace` after the one before is refused for ever.
    pub grace_s: u64,
}

impl Duties {
    /// The duties of nobody yet, as the genesis and the contract set them.
    #[must_use]
    pub fn of(genesis: &Genesis, (silence_s, grace_s): (u64, u64)) -> Self {
        Self {
            me: None,
            operators: u16::try_from(genesis.members.len()).unwrap_or(u16::MAX),
            anchor_blocks: genesis.anchor_blocks,
            anchor_ms: u64::from(genesis.anchor_seconds) * 1_000,
            takeover_ms: u64::from(genesis.takeover_seconds) * 1_000,
            silence_s,
            grace_s,
        }
    }

    /// The same for a place in a committee of another size.
    #[must_use]
    pub fn of_committee(self, size: Option<usize>, me: Option<OperatorIndex>) -> Self {
        let operators = size.map_or(self.operators, |size| u16::try_from(size).unwrap_or(u16::MAX));
        Self {
            me,
            operators,
            ..self
        }
    }

    /// How many operators stand before us for the k-th duty: more than there are when we have no seat.
    #[must_use]
    pub fn rank(&self, k: u64) -> u64 {
        let n = u64::from(self.operators.max(1));
        let Some(me) = self.me.map(|me| u64::from(me.0) % n) else {
            return u64::MAX;
        };
        (me + n - k % n) % n
    }

    /// The time in which everybody has a turn.
    #[must_use]
    pub fn round_ms(&self) -> u64 {
        self.takeover_ms.saturating_mul(u64::from(self.operators)).max(1)
    }

    /// A duty that we asked for is asked again only after everybody had a turn.
    #[must_use]
    pub fn rested(&self, asked: Option<Millis>, now: Millis) -> bool {
        asked.is_none_or(|at| now.since(at) >= self.round_ms())
    }
}

/// So long after Ethereum showed the end of an exit it is confirmed, or was reorganised away: some minutes at most, and an hour
/// where it is slow.
const SETTLED_MS: u64 = 3_600_000;

/// The duties of one operator.
#[derive(Debug)]
pub struct Guardian {
    duties: Duties,
    /// The newest anchor on Ethereum, `None` before the first.
    anchor: Option<AnchorSeen>,
    /// Ethereum's time of that anchor, or of the deployment.
    anchored_s: u64,
    /// When we saw it, by our clock.
    anchor_seen: Millis,
    /// The newest decided header that has a finalize certificate of its own.
    newest: Option<(Header, Certificate)>,
    due_since: Option<Millis>,
    asked: Option<(Height, Millis)>,
    suspects: BTreeMap<ExitId, Suspect>,
    matters: Matters,
    accusations: Accusations,
    is_halted: bool,
}

/// An open exit of an output that was spent before.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    output: Position,
    spender: Spender,
    turn: Turn,
    /// When Ethereum showed that it was challenged or ended, which it may forget again.
    settled: Option<Millis>,
    /// Everybody had a turn, and nobody used it.
    is_late: bool,
}

impl Guardian {
    /// Starts from the newest anchor that Ethereum shows.
    #[must_use]
    pub fn new(duties: Duties, anchor: Option<AnchorSeen>, deployed_s: u64, now: Millis) -> Self {
        let anchored_s = anchor.map_or(deployed_s, |seen| seen.time_s);
        Self {
            duties,
            anchor,
            anchored_s,
            anchor_seen: now,
            newest: None,
            due_since: None,
            asked: None,
            suspects: BTreeMap::new(),
            matters: Matters::default(),
            accusations: Accusations::default(),
            is_halted: false,
        }
    }

    /// When what falls due, and for whom.
    #[must_use]
    pub fn duties(&self) -> Duties {
        self.duties
    }

    /// Another committee has the duties now.
    pub fn set_duties(&mut self, duties: Duties) {
        self.duties = duties;
    }

    /// The newest certificate of a decided block.
    #[must_use]
    pub fn newest(&self) -> Option<&Certificate> {
        self.newest.as_ref().map(|(_, certificate)| certificate)
    }

    /// The newest anchor seen.
    #[must_use]
    pub fn anchor(&self) -> Option<AnchorSeen> {
        self.anchor
    }

    /// Ethereum shows an anchor.
    pub fn on_anchored(&mut self, now: Millis, anchor: AnchorSeen) {
        let is_newer = |known: AnchorSeen| {
            (anchor.number, anchor.height) != (known.number, known.height) && anchor.number >= known.number
        };
        if !self.anchor.is_none_or(is_newer) {
            return;
        }
        self.anchor = Some(anchor);
        self.anchored_s = anchor.time_s;
        self.anchor_seen = now;
        self.due_since = None;
        self.asked = None;
        self.matters.close(&Matter::Silence);
    }

    /// Ethereum forgot an anchor: was it the newest, then the one before it counts, and the duty is there again.
    pub fn on_anchor_lost(&mut self, lost: AnchorSeen, newest: Option<AnchorSeen>) {
        if self.anchor != Some(lost) {
            return;
        }
        self.anchor = newest;
        self.anchored_s = newest.map_or(self.anchored_s, |seen| seen.time_s);
        self.due_since = None;
        self.asked = None;
    }

    /// A block with a certificate of its own was decided.
    pub fn on_certified(&mut self, header: &Header, certificate: &Certificate) {
        if self
            .newest
            .as_ref()
            .is_none_or(|(known, _)| known.height < header.height)
        {
            self.newest = Some((*header, certificate.clone()));
        }
    }

    /// An exit was started of an output that was spent before.
    pub fn on_dishonest_exit(&mut self, now: Millis, exit: ExitId, (output, spender): (Position, Spender)) {
        if planted("operator: leaves thieves alone") {
            return;
        }
        self.suspects.entry(exit).or_insert(Suspect {
            output,
            spender,
            turn: Turn::new(now),
            settled: None,
            is_late: false,
        });
    }

    /// Ethereum shows that an exit was challenged or ended, but may forget it again: rest for a round.
    pub fn on_exit_settled(&mut self, now: Millis, exit: &ExitId) {
        if let Some(suspect) = self.suspects.get_mut(exit) {
            suspect.turn.rest(now);
            suspect.settled = Some(now);
        }
        self.matters.on_exit_settled(now, *exit);
    }

    /// A decided block saw the exit's end.
    pub fn on_exit_ended(&mut self, exit: &ExitId) {
        self.suspects.remove(exit);
        self.matters.on_exit_ended(*exit);
    }

    /// What else must be looked at.
    pub fn matters(&mut self) -> &mut Matters {
        &mut self.matters
    }

    /// Operators that contradicted themselves.
    #[must_use]
    pub fn accusations(&self) -> &Accusations {
        &self.accusations
    }

    /// The same, to recall what the log holds of them.
    pub(super) fn accusations_mut(&mut self) -> &mut Accusations {
        &mut self.accusations
    }

    /// An operator contradicted itself; says whether that is news.
    pub fn accuse(&mut self, now: Millis, evidence: &Evidence) -> bool {
        self.accusations.accuse(now, evidence)
    }

    /// Ethereum shows something about what must be looked at.
    pub fn on_notice(&mut self, now: Millis, notice: &Notice) {
        match notice {
            Notice::Convicted(epoch, seats) => self.accusations.on_convicted(*epoch, seats),
            _ => self.matters.on_notice(now, notice),
        }
    }

    /// Ethereum halted the chain: nothing is anchored any more, and nobody need say so.
    pub fn on_halted(&mut self) {
        self.is_halted = true;
        self.matters.close(&Matter::Silence);
    }

    /// Confirmed time of Ethereum. When no anchor can come any more the federation is over, and without a halt deposits
    /// could still be made and not be taken back. Before that moment nobody halts: an operator that is alive anchors.
    pub fn on_l1_time(&mut self, now: Millis, l1_time_s: u64) {
        let last_s = self.duties.grace_s.saturating_mul(2);
        let last_s = last_s.saturating_add(self.duties.silence_s);
        let is_over = self.is_halted || planted("operator: ends no silent federation");
        if !is_over && l1_time_s > self.anchored_s.saturating_add(last_s) {
            self.matters.open(now, Matter::Silence);
        }
    }

    /// Whether a block must be made even with nothing to decide, lest Ethereum halt an idle federation.
    #[must_use]
    pub fn needs_block(&self, decided: Height, l1_time_s: u64) -> bool {
        let anchored = self.anchor.map_or(Height(0), |seen| seen.height);
        let idle_s = l1_time_s.saturating_sub(self.anchored_s);
        decided <= anchored
            && idle_s >= self.duties.silence_s / 4
            && !planted("operator: lets Ethereum hear nothing of an idle chain")
    }

    /// The duties that are ours at this moment.
    pub fn due(&mut self, now: Millis) -> Vec<Effect> {
        let mut effects = Vec::new();
        effects.extend(self.due_anchor(now));
        for (exit, suspect) in &mut self.suspects {
            let rank = self.duties.rank(number_of_exit(exit));
            if suspect.turn.comes(now, rank, &self.duties) {
                effects.push(Effect::Challenge {
                    exit: *exit,
                    spender: suspect.spender,
                });
            }
            suspect.is_late = match suspect.settled {
                None => suspect.turn.is_past_round(now, &self.duties),
                Some(at) => now.since(at) >= SETTLED_MS,
            };
        }
        effects.extend(self.matters.due(now, &self.duties));
        effects.extend(self.accusations.due(now, &self.duties));
        effects
    }

    /// What others did that is not over.
    pub fn concerns(&self) -> impl Iterator<Item = Concern> + '_ {
        let exits = self
            .suspects
            .iter()
            .map(|(exit, suspect)| Concern::DishonestExit {
                exit: *exit,
                output: suspect.output,
                is_late: suspect.is_late,
            });
        let contradictions = self
            .accusations
            .open()
            .map(|(epoch, offender)| Concern::Contradiction { epoch, offender });
        contradictions.chain(exits)
    }

    fn due_anchor(&mut self, now: Millis) -> Option<Effect> {
        let newest = self.newest.as_ref();
        let (header, certificate) = newest.filter(|_| !planted("operator: never anchors"))?;
        let anchored = self.anchor.map_or(Height(0), |seen| seen.height);
        let new_blocks = header
            .height
            .0
            .checked_sub(anchored.0)
            .filter(|count| *count > 0)?;
        let is_due =
            new_blocks >= self.duties.anchor_blocks || now.since(self.anchor_seen) >= self.duties.anchor_ms;
        if !is_due {
            return None;
        }
        let since = *self.due_since.get_or_insert(now);
        let number = self.anchor.map_or(0, |seen| seen.number) + 1;
        let late = now.since(since) / self.duties.takeover_ms.max(1);
        let rested = self.duties.rested(self.asked.map(|(_, at)| at), now);
        if late < self.duties.rank(number) || !rested {
            return None;
        }
        self.asked = Some((header.height, now));
        Some(Effect::Anchor {
            header: *header,
            certificate: certificate.clone(),
        })
    }

    /// The time in which everybody has a turn.
    #[must_use]
    pub fn round_ms(&self) -> u64 {
        self.duties.round_ms()
    }
}
