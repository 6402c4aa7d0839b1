//! How the operator comes to a case, and what it still does when it has one.
//!
//! A final block that breaks a rule of the ledger ends all agreement: the operator neither votes nor proposes again. It
//! writes the case to its log, keeps serving, goes on with its duties for what was decided before, and accuses.

use std::sync::Arc;

use plasma_consensus::{Floor, scheme::OperatorKey};
use plasma_core::{AuthenticBlock, BlockId, Broken, Height, L1Event, Millis, Peer};

use super::{
    Operator,
    case::{Case, Fault, Rotten},
    effect::{Effect, Record},
};
use crate::fraud::{Grounds, grounds};

impl<S: OperatorKey> Operator<S> {
    /// Whether blocks are decided: also after a stop those below an invalid one, which storage may have lost in a crash, or
    /// which were not decided yet when the engine saw the quorum accept what we had refused.
    pub(super) fn may_decide(&self) -> bool {
        let is_below = self.accuser.is_above(self.chain.decided().header.height);
        self.stopped.is_none() || is_below || (self.is_refuted && self.accuser.case().is_none())
    }

    /// The last height that counts, as the ledger or our own view of Ethereum has it.
    pub(super) fn halted(&self) -> Option<Height> {
        let of_ledger = self.chain.decided().halted;
        of_ledger.into_iter().chain(self.halted).min()
    }

    /// A case out of the log. Our endpoint may have been wrong when it was opened, so the block is judged once more by what
    /// Ethereum shows now, and nothing is signed before. A body that nobody signed is wrong whatever Ethereum shows: then no
    /// word is spoken again, but what is final is decided up to the block.
    pub(super) fn resume(&mut self, now: Millis, case: Arc<Case>, floor: Floor, effects: &mut Vec<Effect>) {
        if case.height() <= self.chain.decided().header.height {
            // It was judged once more, and decided.
            return self.take_seat(now, floor, effects);
        }
        self.chain.on_final(case.certificate.clone());
        if let Some(block) = case.block(&self.rules.domain) {
            self.chain.on_final_ancestor(case.header.id());
            self.file(block);
            self.retrial = Some(case);
            return self.take_seat(now, floor, effects);
        }
        self.take_seat(now, floor, &mut Vec::new());
        self.chain.on_final_ancestor(case.header.parent);
        self.stop_for(Arc::unwrap_or_clone(case), effects);
    }

    /// A block that we had refused is decided: it was our own view of Ethereum that was wrong, and we vote again.
    pub(super) fn acquit(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let decided = self.chain.decided().header.height;
        if self.retrial.take_if(|case| case.height() <= decided).is_some() {
            self.take_seat(now, self.first_floor(), effects);
        }
    }

    /// The case of our log, or that which is judged once more.
    pub(super) fn case(&self) -> Option<&Arc<Case>> {
        self.accuser.case().or(self.retrial.as_ref())
    }

    /// A block on the decided tip is final and breaks a rule.
    pub(super) fn convict(&mut self, now: Millis, id: &BlockId, broken: Broken, effects: &mut Vec<Effect>) {
        if let Some(case) = self.retrial.take_if(|case| case.header.id() == *id) {
            let fault = Fault::Rule(broken);
            self.take_seat(now, self.first_floor(), &mut Vec::new());
            let case = Arc::unwrap_or_clone(case);
            return self.stop_for(Case { fault, ..case }, effects);
        }
        let known = self.chain.block(id).map(|known| &known.block);
        let found = known.zip(self.chain.certified_above(id));
        let Some((block, (above, certificate))) = found.filter(|_| grounds(&broken, &[]) != Grounds::Ours)
        else {
            // What was not read or does not add up in our own storage says nothing about the block.
            let reason = format!("a quorum finalized block {id}, which our ledger refuses: {broken}");
            return self.stop(reason, effects);
        };
        let entries = block.transactions.iter();
        let case = Case {
            header: block.header,
            body: entries.map(|entry| entry.signed().encode().into()).collect(),
            fault: Fault::Rule(broken),
            above,
            certificate,
        };
        self.open(case, effects);
    }

    /// The final block on the decided tip holds something else than transactions.
    pub(super) fn convict_rotten(&mut self, effects: &mut Vec<Effect>) {
        let tip = self.chain.decided().id;
        let Some(rotten) = self.rotten.take_if(|rotten| rotten.header.parent == tip) else {
            return;
        };
        let Rotten {
            header,
            body,
            index,
            above,
            certificate,
        } = *rotten;
        if let Some(certificate) = certificate {
            let case = Case {
                header,
                body,
                fault: Fault::Unsound { index },
                above,
                certificate,
            };
            self.open(case, effects);
        }
    }

    /// A block that came with no authentic body. It matters when it is final: a certificate came with it, or one that we
    /// have stands on it.
    pub(super) fn on_rotten(&mut self, mut rotten: Rotten) {
        if rotten.header.height <= self.chain.decided().header.height {
            return;
        }
        if rotten.certificate.is_none() {
            let Some((above, certificate)) = self.chain.certified_above(&rotten.header.id()) else {
                return;
            };
            (rotten.above, rotten.certificate) = (above, Some(certificate));
        }
        rotten
            .certificate
            .iter()
            .for_each(|certificate| self.chain.on_final(certificate.clone()));
        self.chain.on_final_ancestor(rotten.header.parent);
        self.rotten = Some(Box::new(rotten));
    }

    /// Headers above an invalid block come with the blocks that nobody here wants.
    pub(super) fn hear_headers(&mut self, from: Peer, blocks: &[AuthenticBlock], rotten: Option<&Rotten>) {
        let below = blocks.iter().map(|block| &block.header);
        let above = rotten
            .iter()
            .flat_map(|rotten| std::iter::once(&rotten.header).chain(&rotten.above));
        self.accuser.on_headers(from, below.chain(above));
    }

    /// Ethereum may have judged already, whoever asked it to.
    pub(super) fn watch_halts(&mut self, events: &[L1Event]) {
        for event in events {
            let L1Event::Halted { last_valid } = event else {
                continue;
            };
            self.halted = Some(self.halted.map_or(*last_valid, |known| known.min(*last_valid)));
            let is_won = self.accuser.on_halted(*last_valid);
            let tip = self.chain.decided().header.height;
            if let Some(reason) = self.stopped.as_mut().filter(|_| is_won) {
                let end = format!("; Ethereum halted the chain at height {last_valid}");
                let lost = format!(", and our own tip {tip} lies above it and does not count");
                if !reason.contains(&end) {
                    *reason += &end;
                    *reason += if tip > *last_valid { &lost } else { "" };
                }
            }
        }
    }

    /// What a stopped operator still does: it decides what lies below an invalid block, guards on Ethereum what its storage
    /// knows, and accuses if it has a case and nothing is left to decide below it.
    pub(super) fn accuse(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if self.may_decide() {
            self.catch_up(now, effects);
        } else {
            let rest_ms = self.guardian.round_ms();
            effects.extend(
                self.accuser
                    .due(now, rest_ms, &mut self.sync, &self.chain.decided().history),
            );
        }
        effects.extend(self.guardian.due(now));
    }

    fn open(&mut self, case: Case, effects: &mut Vec<Effect>) {
        effects.push(Effect::Persist(Record::Case(Arc::new(case.clone()))));
        self.stop_for(case, effects);
    }

    fn stop_for(&mut self, case: Case, effects: &mut Vec<Effect>) {
        // The engine may have stopped us a moment ago, without knowing what for.
        self.stopped = None;
        self.stop(reason(&case), effects);
        self.accuser.open(case, self.guardian.anchor());
    }
}

fn reason(case: &Case) -> String {
    let (height, id) = (case.height(), case.header.id());
    let fault = match &case.fault {
        Fault::Rule(broken) => format!(": {broken}"),
        Fault::Unsound { index } => format!(": entry {index} is no transaction that anybody signed"),
        Fault::Remembered => String::new(),
    };
    format!(
        "a quorum finalized block {id} of height {height}, which our ledger refuses{fault}; it is being proven on Ethereum"
    )
}
