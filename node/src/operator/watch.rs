//! What Ethereum shows, and what the ledger says to it: confirmed blocks, notices, exits and reclaims to judge.

use std::collections::BTreeMap;

use plasma_consensus::scheme::OperatorKey;
use plasma_core::{
    Delta, DepositFate, ExitId, Judgement, L1Event, L1Height, Millis, OpenExit, Reads, Wanted, exit,
};

use super::{
    Operator,
    effect::{Effect, Purpose},
    event::ConfirmedBlock,
    matters::{Matter, Notice, is_answerable},
    report::{CONCERNS_MAX, Concern},
};

/// Exits that no decided block covers whose reads are under way, with their number; one that ends meanwhile is judged no
/// more.
#[derive(Debug, Default)]
pub(super) struct Judging(BTreeMap<ExitId, u32>);

impl Judging {
    fn asked(&mut self, exit: ExitId) {
        let reads = self.0.entry(exit).or_default();
        *reads = reads.saturating_add(1);
    }

    /// Whether the answer still counts.
    fn answered(&mut self, exit: &ExitId) -> bool {
        let Some(reads) = self.0.get_mut(exit) else {
            return false;
        };
        *reads = reads.saturating_sub(1);
        if *reads == 0 {
            self.0.remove(exit);
        }
        true
    }

    fn ended(&mut self, exit: &ExitId) {
        self.0.remove(exit);
    }
}

impl<S: OperatorKey> Operator<S> {
    /// The answer to a read, each to who asked for it.
    pub(super) fn on_read(&mut self, now: Millis, purpose: Purpose, reads: Reads, effects: &mut Vec<Effect>) {
        match purpose {
            Purpose::Admit(offer) => self.on_admit(now, offer, &reads, effects),
            Purpose::Build(build) => self.on_build(now, *build, reads, effects),
            Purpose::Apply(block) => self.on_apply(block, reads, effects),
            Purpose::Judge(exit) => {
                if let Some(Some(open)) = reads.exits.get(&exit) {
                    self.judge(now, exit, open, &reads);
                }
            }
            Purpose::JudgeSeen(exit, open) => {
                if self.judging.answered(&exit) {
                    self.judge(now, exit, &open, &reads);
                }
            }
            Purpose::Reclaim(number) => {
                let fate = reads.deposits.get(&number).copied().flatten();
                self.guardian.matters().on_reclaim(now, number, fate);
            }
        }
    }

    /// Confirmed blocks of Ethereum are filed; the ledger changes only with a decided block that covers them. Duties wait for
    /// none: it may never come.
    pub(super) fn on_confirmed(
        &mut self,
        now: Millis,
        blocks: Vec<ConfirmedBlock>,
        effects: &mut Vec<Effect>,
    ) {
        self.watch_confirmed(now, &blocks);
        for block in &blocks {
            self.watch_exits_seen(now, &block.events, effects);
        }
        if self.may_decide() && !self.origins.extend(blocks) {
            let reason = "the watcher skipped an Ethereum block, or shows another one as the decided origin";
            self.stop(reason.to_owned(), effects);
        }
    }

    /// What duties follow in confirmed blocks: halts, and Ethereum's time.
    pub(super) fn watch_confirmed(&mut self, now: Millis, blocks: &[ConfirmedBlock]) {
        let mut events = blocks.iter().flat_map(|block| &block.events);
        if events.any(|event| matches!(event, L1Event::Halted { .. })) {
            self.guardian.on_halted();
        }
        blocks.iter().for_each(|block| self.watch_halts(&block.events));
        let newest_s = blocks.iter().map(|block| block.block.timestamp_s).max();
        self.guardian.on_l1_time(now, newest_s.unwrap_or_default());
    }

    /// Ethereum shows another block at a confirmed height, and goes on to. Where a decided block rests on it, that is the end
    /// of our model; above, no decided block names what is gone, and Ethereum is read again. What was judged by it is judged
    /// again too.
    pub(super) fn on_contradiction(&mut self, height: L1Height, reason: String, effects: &mut Vec<Effect>) {
        let decided = *self.origins.decided();
        if height <= decided.height {
            return self.stop(reason, effects);
        }
        self.origins.forget();
        self.chain.unapply_above(decided.height);
        self.invalid.clear();
        self.doubts.clear();
        self.ahead = None;
        effects.push(Effect::FollowL1(decided));
    }

    /// What only duties follow. Whether a reclaim is wrong the ledger says.
    pub(super) fn on_notice(&mut self, now: Millis, notice: &Notice, effects: &mut Vec<Effect>) {
        if let Notice::ReclaimStarted(number) = notice {
            effects.push(Effect::Read {
                purpose: Purpose::Reclaim(*number),
                wanted: Wanted {
                    deposits: [*number].into(),
                    ..Wanted::default()
                },
            });
        }
        self.guardian.on_notice(now, notice);
    }

    /// Exits that opened in this block are judged against what the ledger knows; ended ones are done. So are those that
    /// Ethereum shows and no decided block covers yet, when this one changed what they are about.
    pub(super) fn watch_exits(&mut self, delta: &Delta, effects: &mut Vec<Effect>) {
        for (exit, open) in &delta.exits {
            match open {
                Some(_) => effects.push(ask_to_judge(*exit)),
                None => self.guardian.on_exit_ended(exit),
            }
        }
        let uncovered = self
            .origins
            .events(delta.state.header.l1_height, self.origins.newest().height);
        for (exit, open) in uncovered.iter().filter_map(OpenExit::begun) {
            if open
                .positions()
                .iter()
                .any(|position| delta.outputs.contains_key(position))
            {
                self.judge_seen(exit, open, effects);
            }
        }
    }

    /// Confirmed blocks: exits of what was spent must be answered also when no block is decided any more that could cover
    /// them, out of storage as it is. That a decided block spent an output stays so.
    fn watch_exits_seen(&mut self, now: Millis, events: &[L1Event], effects: &mut Vec<Effect>) {
        for event in events {
            if let Some((exit, open)) = OpenExit::begun(event) {
                self.judge_seen(exit, open, effects);
            }
            match event {
                L1Event::ExitEnded { id, .. } | L1Event::InFlightExitEnded { id, .. } => {
                    self.judging.ended(id);
                    self.guardian.on_exit_ended(id);
                }
                L1Event::DepositReclaimed { number } => {
                    let matters = self.guardian.matters();
                    matters.on_deposit(now, *number, DepositFate::Reclaimed);
                }
                _ => {}
            }
        }
    }

    /// Asks storage about an exit that no decided block covers.
    fn judge_seen(&mut self, exit: ExitId, open: OpenExit, effects: &mut Vec<Effect>) {
        let wanted = Wanted {
            outputs: open.positions().into_iter().collect(),
            ..Wanted::default()
        };
        self.judging.asked(exit);
        let purpose = Purpose::JudgeSeen(exit, Box::new(open));
        effects.push(Effect::Read { purpose, wanted });
    }

    /// What others did that the operator's people should hear of.
    pub(super) fn concerns(&self) -> Vec<Concern> {
        let case = self.accuser.case();
        let invalid = case.map(|case| Concern::InvalidBlock {
            height: case.height(),
        });
        let all = invalid.into_iter().chain(self.guardian.concerns());
        all.take(CONCERNS_MAX).collect()
    }

    /// What storage held about the outputs of an open exit.
    fn judge(&mut self, now: Millis, exit: ExitId, open: &OpenExit, reads: &Reads) {
        match open {
            OpenExit::Standard { position, owner, .. } => {
                let record = reads.outputs.get(position).and_then(Option::as_ref);
                if let Judgement::Spent(spender) = exit::judge(&exit, owner, record) {
                    self.guardian.on_dishonest_exit(now, exit, (*position, spender));
                }
            }
            OpenExit::InFlight { .. } if is_answerable(open, reads) => {
                self.guardian.matters().open(now, Matter::InFlight(exit));
            }
            OpenExit::InFlight { .. } => {}
        }
    }
}

/// The read that a judgement needs: the exit brings its outputs along.
pub(super) fn ask_to_judge(exit: ExitId) -> Effect {
    let wanted = Wanted {
        exits: [exit].into(),
        ..Wanted::default()
    };
    Effect::Read {
        purpose: Purpose::Judge(exit),
        wanted,
    }
}
