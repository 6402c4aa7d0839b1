//! What Ethereum shows, and what the ledger says to it: confirmed blocks, notices, exits and reclaims to judge.

use plasma_consensus::Scheme;
use plasma_core::{Delta, ExitId, Judgement, L1Event, Millis, OpenExit, Reads, Wanted, exit};

use super::{
    Operator,
    effect::{Effect, Purpose},
    event::ConfirmedBlock,
    matters::{Matter, Notice, is_answerable},
};

impl<S: Scheme> Operator<S> {
    /// The answer to a read, each to who asked for it.
    pub(super) fn on_read(&mut self, now: Millis, purpose: Purpose, reads: Reads, effects: &mut Vec<Effect>) {
        match purpose {
            Purpose::Admit(offer) => self.on_admit(now, offer, &reads, effects),
            Purpose::Build(build) => self.on_build(now, *build, reads, effects),
            Purpose::Apply(block) => self.on_apply(block, reads, effects),
            Purpose::Judge(exit) => self.on_judge(now, exit, &reads),
            Purpose::JudgeSeen {
                exit,
                position,
                owner,
            } => self.on_judge_seen(now, (exit, position, owner), &reads),
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
        let mut events = blocks.iter().flat_map(|block| &block.events);
        if events.any(|event| matches!(event, L1Event::Halted { .. })) {
            self.guardian.on_halted();
        }
        blocks.iter().for_each(|block| self.watch_halts(&block.events));
        if self.is_at_the_end() {
            for block in &blocks {
                self.watch_exits_alone(&block.events, effects);
            }
            return;
        }
        if !self.origins.extend(blocks) {
            self.stop("the watcher skipped an Ethereum block".to_owned(), effects);
        }
        self.guardian.on_l1_time(now, self.origins.newest().timestamp_s);
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

    /// What storage held about the output of an open exit.
    fn on_judge(&mut self, now: Millis, exit: ExitId, reads: &Reads) {
        match reads.exits.get(&exit) {
            Some(Some(OpenExit::Standard { position, owner, .. })) => {
                let record = reads.outputs.get(position).and_then(Option::as_ref);
                if let Judgement::Spent(spender) = exit::judge(&exit, owner, record) {
                    self.guardian.on_dishonest_exit(now, exit, spender);
                }
            }
            Some(Some(open)) if is_answerable(open, reads) => {
                self.guardian.matters().open(now, Matter::InFlight(exit));
            }
            _ => {}
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
