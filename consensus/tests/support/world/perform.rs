//! Performing an engine's effects in order, as a node would, with the power failing in between.

use std::rc::Rc;

use plasma_consensus::{Effect, Input, Message, Misbehaviour, Record, Statement, Target, Vote};
use plasma_core::{BlockId, Millis, OperatorIndex};

use super::{Event, Watch, World};

impl World {
    /// Gives an engine one input and performs what it answers.
    pub(crate) fn input(&mut self, member: u16, input: Input) {
        let now = Millis(self.host(member).local(self.now));
        let Some(engine) = self.host_mut(member).engine.as_mut() else {
            return;
        };
        let effects = engine.step(now, input);
        self.perform(member, effects);
    }

    /// Performs effects; a crash may come before any of them.
    pub(crate) fn perform(&mut self, member: u16, effects: Vec<Effect>) {
        let crash_at = self.crash_point(member, &effects);
        for (index, effect) in effects.into_iter().enumerate() {
            if crash_at == Some(index) {
                return self.crash(member);
            }
            if !matches!(self.watch, Watch::Plain | Watch::Sizes) {
                self.note(|| format!("    {member}: {effect:?}"));
            }
            match effect {
                Effect::Persist(record) => self.host_mut(member).unsynced.push(record),
                other => {
                    self.sync_log(member);
                    self.effect(member, other);
                    if self.host(member).engine.is_none() {
                        // The power failed while it was sending.
                        return;
                    }
                }
            }
        }
        self.sync_log(member);
        self.check_load(member);
    }

    fn crash_point(&mut self, member: u16, effects: &[Effect]) -> Option<usize> {
        if self.is_calm() || !self.is_honest(member) || !self.random.chance(self.scenario.crashes) {
            return None;
        }
        let index = self.random.index(effects.len() + 1);
        if index > 0 && matches!(effects.get(index - 1), Some(Effect::Persist(_))) {
            self.marks.hit("crash between record and message");
        }
        Some(index)
    }

    /// The barrier: what was written is durable from here on.
    fn sync_log(&mut self, member: u16) {
        let records = std::mem::take(&mut self.host_mut(member).unsynced);
        if self.is_honest(member) {
            for record in &records {
                self.check_judged(member, record);
                self.oracle
                    .on_durable(member, record, &self.blocks, &mut self.marks);
            }
            self.host_mut(member).disk.log.extend(records);
        } else if self.restores(member) {
            self.host_mut(member).disk.log.extend(records);
        }
    }

    /// S8: a notarize vote promises the body to whoever lacks it, and every vote for a block is its signer's own word that
    /// the block is good, also when others made it final before.
    fn check_judged(&mut self, member: u16, record: &Record) {
        let Record::Vote(vote) = record else { return };
        let Some(block) = vote.statement.block() else {
            return;
        };
        let host = self.host(member);
        let is_judged = host.is_applied(block, &self.blocks) || host.judged.contains(&block);
        let is_kept = host.disk.bodies.contains(&block) && is_judged;
        if !is_kept && !self.breakage.is_deaf_to_members {
            self.oracle.object(
                "S8",
                format!("{member} says {:?} and has not judged it", vote.statement),
            );
        }
    }

    /// The power fails: a part of what was not synced may be on the disk anyway, without holes.
    pub(crate) fn crash(&mut self, member: u16) {
        let unsynced = self.host(member).unsynced.clone();
        let kept = self.random.index(unsynced.len() + 1);
        if kept < unsynced.len() {
            self.marks.hit("unsynced records lost");
        }
        for record in unsynced.iter().take(kept) {
            self.oracle
                .on_durable(member, record, &self.blocks, &mut self.marks);
            self.host_mut(member).disk.log.push(record.clone());
        }
        self.marks.hit("crash");
        self.note(|| format!("    {member}: crash"));
        self.lose_disk(member);
        let downtime = self.random.below(self.scenario.downtime_ms) + 1;
        self.schedule(downtime, Event::Restart { member });
        self.stop(member);
    }

    /// A member is gone, and the others notice.
    pub(super) fn stop(&mut self, member: u16) {
        self.host_mut(member).forget();
        for peer in 0..self.scenario.n {
            let noticed = self.random.below(1_000);
            self.schedule(
                noticed,
                Event::Link {
                    member: peer,
                    peer: member,
                    is_up: false,
                },
            );
        }
    }

    fn effect(&mut self, member: u16, effect: Effect) {
        let life = self.host(member).life;
        match effect {
            Effect::Persist(_) => {}
            Effect::Send { to, message, body } => self.send(member, to, message, body),
            Effect::Prepare { parent } => {
                let delay = self.random.mostly(5, 500);
                self.schedule(delay, Event::Prepare { member, life, parent });
            }
            Effect::Build { view, parent } => {
                let delay = self.build_ms(member, parent);
                self.schedule(
                    delay,
                    Event::Build {
                        member,
                        life,
                        view,
                        parent,
                    },
                );
            }
            Effect::Validate { block, parent, .. } => {
                let delay = self.random.mostly(5, 400);
                self.schedule(
                    delay,
                    Event::Judge {
                        member,
                        life,
                        block,
                        parent,
                    },
                );
            }
            Effect::GaveUp { .. } => {}
            Effect::Finalized { certificate, path } => self.on_final(member, certificate, Some(&path)),
            Effect::Behind { certificate } => self.on_final(member, certificate, None),
            Effect::Timer(at) => {
                let at = self.host(member).world(at.0).max(self.now);
                self.host_mut(member).wake_at = Some(at);
                self.schedule(at - self.now, Event::Wake { member, life });
            }
            Effect::Evidence(evidence) => {
                self.marks.hit("evidence");
                self.on_accused(&evidence);
                self.oracle.on_evidence(&evidence);
            }
            Effect::Penalize { peer, reason } => self.on_penalty(member, peer, reason),
            Effect::Refused(refusal) => {
                if self.is_honest(member) {
                    self.oracle
                        .object("Q1", format!("the ledger of {member} refused: {refusal}"));
                }
            }
            Effect::Broken(violation) => {
                self.on_stopped(member, &violation);
                if self.is_honest(member) && !self.breakage.is_deaf_to_members {
                    self.oracle
                        .object("Broken", format!("{member} stops: {violation}"));
                }
            }
        }
    }

    /// How long the operator needs for a block that is asked for now.
    fn build_ms(&mut self, member: u16, parent: BlockId) -> u64 {
        let ahead = self.host_mut(member).ahead.take();
        let payment = self.host(member).next_payment(parent, &self.blocks);
        if ahead == Some((parent, payment)) {
            self.marks.hit("block built ahead");
            return 0;
        }
        if ahead.is_some() {
            self.marks.hit("block built ahead in vain");
        }
        self.random.mostly(5, 500)
    }

    fn on_final(
        &mut self,
        member: u16,
        certificate: plasma_core::Certificate,
        path: Option<&[(plasma_core::View, BlockId)]>,
    ) {
        let followed = self.host_mut(member).followed.replace(certificate.block);
        if self.is_honest(member) {
            match path {
                None => self.marks.hit("finality without a known path"),
                Some([]) => self.marks.hit("re-proposal finalized"),
                Some(path) if path.len() > 1 => self.marks.hit("indirect finalization"),
                Some(_) => {}
            }
            let path = path.zip(followed).map(|(path, from)| (from, path));
            self.oracle.on_final(member, &certificate, path, &self.blocks);
        }
        let host = self.host_mut(member);
        let newer = host
            .target
            .as_ref()
            .is_none_or(|target| target.view < certificate.view);
        if newer {
            host.target = Some(certificate);
        }
        let life = host.life;
        self.schedule(1, Event::Settle { member, life });
    }

    fn on_penalty(&mut self, member: u16, peer: OperatorIndex, reason: Misbehaviour) {
        self.marks.hit(match reason {
            Misbehaviour::BadVote => "bad vote penalized",
            Misbehaviour::BadCertificate => "bad certificate penalized",
            Misbehaviour::InvalidBlock => "invalid block penalized",
            Misbehaviour::WrongLeader => "wrong leader penalized",
            Misbehaviour::ForeignVote => "foreign vote penalized",
        });
        if self.is_honest(member) && self.is_honest(peer.0) && !self.breakage.is_deaf_to_members {
            self.oracle.object(
                "S13",
                format!("honest {member} penalizes honest {}: {reason:?}", peer.0),
            );
        }
    }

    fn send(&mut self, member: u16, to: Target, message: Message, body: Option<BlockId>) {
        let message = if self.scenario.encodes {
            self.through_bytes(message)
        } else {
            message
        };
        if !self.is_honest(member) {
            self.listen_to_restored(member, &message);
            return self.send_distorted(member, to, message, body);
        }
        self.observe(member, &message);
        let message = Rc::new(message);
        match to {
            Target::One(peer) => self.transmit(member, peer.0, &message, body),
            Target::All => {
                let is_torn = !self.is_calm() && self.random.chance(self.scenario.torn_sends);
                let peers = (0..self.scenario.n).filter(|peer| *peer != member);
                let heard = if is_torn { self.random.mask() } else { u128::MAX };
                for peer in peers.filter(|peer| heard >> peer & 1 == 1) {
                    self.transmit(member, peer, &message, body);
                }
                if is_torn {
                    self.marks.hit("crash while sending");
                    self.crash(member);
                }
            }
        }
    }

    /// What an honest member says in public.
    fn observe(&mut self, member: u16, message: &Message) {
        match message {
            Message::Vote(vote) => {
                self.mark_late(member, vote);
                self.oracle.on_vote(member, vote);
            }
            Message::Proposal(proposal) => {
                if proposal.nullifications.len() >= 3 {
                    self.marks.hit("justification with three nullifications");
                }
                if self
                    .host(member)
                    .proposals_before
                    .contains(&proposal.container.view)
                {
                    self.marks.hit("restarted leader sends its proposal again");
                }
                self.oracle.on_vote(member, &proposal.vote(OperatorIndex(member)));
            }
            _ => {}
        }
    }

    fn mark_late(&mut self, member: u16, vote: &Vote) {
        let view = self
            .host(member)
            .engine
            .as_ref()
            .map_or(0, |engine| engine.view().0);
        if matches!(vote.statement, Statement::Finalize { .. }) && view >= vote.statement.view().0 + 3 {
            self.marks.hit("finalize vote three views late");
        }
    }

    fn through_bytes(&mut self, message: Message) -> Message {
        let bytes = message.encode();
        let decoded = Message::decode(&bytes);
        if decoded.as_ref() != Ok(&message) || bytes.len() > plasma_consensus::MESSAGE_BYTES_MAX {
            self.oracle
                .object("codec", format!("{message:?} comes back as {decoded:?}"));
        }
        message
    }

    /// Records go through their bytes too.
    pub(crate) fn log_of(&mut self, member: u16) -> Vec<Record> {
        let log = self.host(member).disk.log.clone();
        if self.scenario.encodes {
            for record in &log {
                let bytes = record.encode();
                let decoded = Record::decode(&bytes);
                if decoded.as_ref() != Ok(record) || bytes.len() > plasma_consensus::RECORD_BYTES_MAX {
                    self.oracle
                        .object("codec", format!("{record:?} comes back as {decoded:?}"));
                }
            }
        }
        log
    }

    /// One message on one link.
    pub(crate) fn transmit(&mut self, from: u16, to: u16, message: &Rc<Message>, body: Option<BlockId>) {
        self.messages += 1;
        self.count_message(from);
        if self.watch == Watch::Sizes {
            let sort = match **message {
                Message::Vote(_) | Message::Proposal(_) => 0,
                Message::Certified(_) => 1,
                Message::Status(_) => 2,
            };
            let bytes = message.encode().len();
            self.sent[sort].count += 1;
            self.sent[sort].bytes += u64::try_from(bytes).expect("fits");
        }
        if self.halves(from, to, message) {
            return;
        }
        let copies = self
            .network
            .carry(self.now, (from, to), message, &self.scenario, &mut self.random);
        let linger_ms = self.scripts.get(&from).map_or(0, |liar| liar.linger_ms);
        for delay in copies.into_iter().flatten() {
            self.schedule(
                delay + linger_ms,
                Event::Deliver {
                    from,
                    to,
                    message: Rc::clone(message),
                    body,
                },
            );
        }
    }

    /// S12: views and votes are bounded whatever arrives.
    fn check_load(&mut self, member: u16) {
        if !self.number.is_multiple_of(64) {
            return;
        }
        let Some(engine) = self.host(member).engine.as_ref() else {
            return;
        };
        let load = engine.load();
        let window = 256 + 16 + 3;
        // A few views behind the floor, and two ahead of the current one.
        let open = engine.view().0 - engine.floor().view.0 + 16 + 3;
        let rounds = u64::try_from(load.rounds).expect("fits");
        if load.votes > 3 * window * usize::from(self.scenario.n) || rounds > open {
            self.oracle.object("S12", format!("{member} holds {load:?}"));
        }
    }
}
