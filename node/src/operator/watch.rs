//! What Ethereum shows, and what the ledger says to it: confirmed blocks, notices, exits and reclaims to judge.

use plasma_consensus::scheme::OperatorKey;
use plasma_core::{
    Delta, DepositFate, ExitId, Judgement, L1Event, L1Height, Millis, OpenExit, Reads, Wanted, exit,
};

use super::{
    Operator,
    effect::{Effect, Purpose},
    event::ConfirmedBlock,
    matters::{Matter, Notice, is_answerable},
};

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
                if self.judging.remove(&exit) {
                    self.judge(now, exit, &open, &reads);
                }
            }
            Purpose::Reclaim(number) => {
                let fate = reads.deposits.get(&number).copied().flatten();
                self.guardian.matters().on_reclaim(now, number, fate);
            }
        }
    }

    /// Confirmed blocks of Ethereum are filed; they change nothing until a decided block covers them.
    pub(super) fn on_confirmed(
        &mut self,
        now: Millis,
        blocks: Vec<ConfirmedBlock>,
        effects: &mut Vec<Effect>,
    ) {
        self.watch_confirmed(now, &blocks);
        if self.is_at_the_end() {
            for block in &blocks {
                self.watch_exits_alone(now, &block.events, effects);
            }
        } else if !self.origins.extend(blocks) {
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
    /// of our model; above, no decided block names what is gone, and Ethereum is read again.
    pub(super) fn on_contradiction(&mut self, height: L1Height, reason: String, effects: &mut Vec<Effect>) {
        let decided = *self.origins.decided();
        if height <= decided.height {
            return self.stop(reason, effects);
        }
        self.origins.forget();
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

    /// Exits that opened in this block are judged against what the ledger knows; ended ones are done.
    pub(super) fn watch_exits(&mut self, delta: &Delta, effects: &mut Vec<Effect>) {
        for (exit, open) in &delta.exits {
            match open {
                Some(_) => effects.push(ask_to_judge(*exit)),
                None => self.guardian.on_exit_ended(exit),
            }
        }
    }

    /// Confirmed blocks, when no block is decided any more that could cover them: exits of what was spent must be answered
    /// all the same, out of storage as it is.
    pub(super) fn watch_exits_alone(&mut self, now: Millis, events: &[L1Event], effects: &mut Vec<Effect>) {
        for event in events {
            if let Some((exit, open)) = OpenExit::begun(event) {
                let wanted = Wanted {
                    outputs: open.positions().into_iter().collect(),
                    ..Wanted::default()
                };
                self.judging.insert(exit);
                let purpose = Purpose::JudgeSeen(exit, Box::new(open));
                effects.push(Effect::Read { purpose, wanted });
            }
            match event {
                L1Event::ExitEnded { id, .. } | L1Event::InFlightExitEnded { id, .. } => {
                    self.judging.remove(id);
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

    /// What storage held about the outputs of an open exit.
    fn judge(&mut self, now: Millis, exit: ExitId, open: &OpenExit, reads: &Reads) {
        match open {
            OpenExit::Standard { position, owner, .. } => {
                let record = reads.outputs.get(position).and_then(Option::as_ref);
                if let Judgement::Spent(spender) = exit::judge(&exit, owner, record) {
                    self.guardian.on_dishonest_exit(now, exit, spender);
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
