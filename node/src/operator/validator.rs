//! From a block's bytes to its verdict and its decision.
//!
//! A block is applied once, on its own parent, whoever asks: the engine for a vote, or a certificate that made it final.
//! Lag, depth and clock are judged only before our own vote; they make a verdict pending, never invalid, and never stand
//! against a block that a quorum accepted.

use plasma_consensus::{Effect as Wish, Input, Verdict, Violation, Waits, scheme::OperatorKey};
use plasma_core::{
    AuthenticBlock, AuthenticTransaction, Block, BlockId, Delta, Header, L1Event, Millis, Reads, View,
    Wanted, ledger, planted::planted,
};

use crate::storage::Decided;

use super::{
    Operator,
    doubts::rests_on_l1,
    effect::{Commit, Effect, Purpose, Record},
    origins::Sight,
};

/// A header's time may lie this far ahead of our clock (`docs/protocol.md` section 4).
pub const DRIFT_MS: u64 = 2_000;

/// A question about a block that no quorum has accepted is dropped after so many views: the engine forgets it too, and asks again if
/// somebody proposes the block once more.
const AWAITED_VIEWS: u64 = 16;

/// A question of the engine that has no final answer yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited {
    /// The view that asked.
    view: View,
    /// The parent it asked about; none when it asked about a block above this one.
    parent: Option<BlockId>,
    /// What the engine was last told that the answer waits for.
    waits: Waits,
}

impl<S: OperatorKey> Operator<S> {
    /// Files a block that arrived; it is judged when somebody asks.
    pub(super) fn file(&mut self, block: AuthenticBlock) {
        if let Some(engine) = self.epochs.engine() {
            self.chain.keep(engine.standing());
        }
        let encoded = block.encode().into();
        self.payload.on_filed(&block.header.id());
        self.chain.insert(block, encoded, false);
    }

    /// Files a block out of the log: it was valid when it was logged, its signatures were checked then.
    pub(super) fn file_logged(&mut self, bytes: &bytes::Bytes) {
        let block = Block::decode(bytes, bytes.len())
            .ok()
            .and_then(|block| block.authenticate(&self.rules.domain).ok());
        if let Some(block) = block.filter(|_| !planted("log: bodies are not read")) {
            self.chain.insert(block, bytes.clone(), true);
        }
    }

    /// Nobody votes for a block that made room: the engine asks about it again when it matters.
    pub(super) fn tell_dropped(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        for block in self.chain.take_dropped() {
            self.tell(now, Input::Dropped(block), effects);
        }
    }

    /// Translates what the engine wants into what the shell does.
    pub(super) fn perform(&mut self, now: Millis, wishes: Vec<Wish>, effects: &mut Vec<Effect>) {
        let mut builds = Vec::new();
        for wish in wishes {
            match wish {
                Wish::Persist(record) => effects.push(Effect::Persist(Record::Consensus(record))),
                Wish::Send { to, message, body } => {
                    let block = body.and_then(|id| self.carry(now, to, &id));
                    let to = self.epochs.address(to);
                    effects.extend(to.map(|to| Effect::Send { to, message, block }));
                }
                Wish::Prepare { parent } => self.prepare(parent, effects),
                Wish::Build { view, parent } => builds.push((view, parent)),
                Wish::Validate { view, block, parent } => self.await_block(now, view, block, parent, effects),
                Wish::GaveUp { view, reason } => {
                    self.vigil.on_given_up(view, reason);
                    effects.push(Effect::GaveUp { view, reason });
                }
                Wish::Finalized { certificate, .. } | Wish::Behind { certificate } => {
                    effects.push(Effect::CancelBelow(certificate.epoch, certificate.view));
                    self.chain.on_final(certificate);
                }
                Wish::Timer(at) => effects.push(Effect::Timer(at)),
                Wish::Evidence(evidence) => {
                    if self.guardian.accuse(now, &evidence) {
                        let (first, second) = evidence.votes();
                        let votes = Box::new([first.clone(), second.clone()]);
                        effects.push(Effect::Persist(Record::Contradiction(votes)));
                    }
                    effects.push(Effect::Accuse(evidence));
                }
                Wish::Penalize { peer, reason } => {
                    let peer = self.epochs.peer_of(peer);
                    effects.extend(peer.map(|peer| Effect::Penalize {
                        peer,
                        reason: format!("{reason:?}"),
                    }));
                }
                Wish::Refused(refusal) => effects.push(Effect::Refused(refusal)),
                Wish::Broken(violation) => {
                    self.is_refuted |= matches!(violation, Violation::NonDeterminism(_));
                    let reason = match violation {
                        Violation::Forgotten { .. } => {
                            self.epochs.doubt();
                            format!(
                                "{violation}: the log is an old copy, or another instance runs with this key; \
                                 stop the other one, then start once with --amnesia-rejoin, or rejoin under a new key"
                            )
                        }
                        _ => format!("agreement broke: {violation}"),
                    };
                    self.stop(reason, effects);
                }
            }
        }
        // Last, because an answer may come at once and its wishes, timers above all, are newer than these.
        for (view, parent) in builds {
            self.build(now, view, parent, effects);
        }
    }

    /// The engine waits for a verdict. The block is fetched when it is not here, and so is the notarized one that it stands on;
    /// what else its header may name below it nobody has proposed.
    fn await_block(
        &mut self,
        now: Millis,
        view: View,
        block: BlockId,
        parent: BlockId,
        effects: &mut Vec<Effect>,
    ) {
        let before = self.awaited.get(&block);
        let waits = before.map_or(Waits::Answer, |awaited| awaited.waits);
        let awaited = Awaited {
            view,
            parent: Some(parent),
            waits,
        };
        self.awaited.insert(block, awaited);
        let missing = self.chain.missing_below(&block);
        let Some(missing) = missing.filter(|missing| [block, parent].contains(missing)) else {
            return;
        };
        // Below a final block whole rows are asked for.
        let comes = missing != block && self.chain.is_behind();
        if comes || self.payload.awaits(&missing) || self.payload.is_unsound(&missing) {
            return;
        }
        self.awaited.entry(missing).or_insert(Awaited {
            view,
            parent: None,
            waits: Waits::Answer,
        });
        self.fetch(now, view, missing, effects);
    }

    /// Blocks that wait for a verdict, for the bounds of tests.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.awaited.len()
    }

    /// The view in which the engine asks about a block.
    pub(super) fn view_awaiting(&self, block: &BlockId) -> Option<View> {
        self.awaited.get(block).map(|awaited| awaited.view)
    }

    /// Gives the engine every verdict that is known by now, and asks for the reads of those that can be known next.
    pub(super) fn answer_engine(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let floor = self.epochs.floor();
        let engine = self.epochs.engine();
        let oldest = self.epochs.view().0.saturating_sub(AWAITED_VIEWS);
        self.awaited.retain(|block, awaited| {
            let is_accepted = || engine.is_some_and(|engine| engine.is_accepted(*block));
            awaited.view > floor && (awaited.view.0 >= oldest || is_accepted())
        });
        self.bodies.retain(|view| *view > floor);
        let awaited = &self.awaited;
        self.payload
            .forget_below(self.chain.decided().header.height, floor, |block| {
                awaited.contains_key(block)
            });
        self.answer_misplaced(now, effects);
        let awaited: Vec<(BlockId, Awaited)> = self
            .awaited
            .iter()
            .map(|(block, awaited)| (*block, *awaited))
            .collect();
        for (block, awaited) in awaited {
            let known = self.chain.block(&block);
            let parent = known.map(|known| known.block.header.parent).or(awaited.parent);
            let verdict = self.verdict(now, &block);
            match verdict {
                Verdict::Pending(waits) => {
                    self.apply_when_possible(&block, effects);
                    if waits == awaited.waits {
                        continue;
                    }
                    self.awaited.insert(block, Awaited { waits, ..awaited });
                }
                Verdict::Valid { .. } => {
                    self.awaited.remove(&block);
                    if let Some(bytes) = self
                        .chain
                        .log(&block)
                        .filter(|_| !planted("log: bodies are not written"))
                    {
                        effects.push(Effect::Persist(Record::Body(bytes)));
                    }
                }
                Verdict::Invalid => {
                    self.awaited.remove(&block);
                }
            }
            let verdict = parent.map(|parent| Input::Verdict {
                block,
                parent,
                verdict,
            });
            verdict
                .into_iter()
                .for_each(|verdict| self.step(now, verdict, effects));
        }
    }

    /// Where a block names another parent than the one that its leader proposes it on, it can never be valid there. What it is on its
    /// own parent is answered besides: another leader may have proposed it there.
    fn answer_misplaced(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let mut misplaced = Vec::new();
        for (block, awaited) in &mut self.awaited {
            let named = self.chain.block(block).map(|known| known.block.header.parent);
            if let Some((named, asked)) = named.zip(awaited.parent)
                && named != asked
            {
                awaited.parent = None;
                misplaced.push((*block, asked));
            }
        }
        for (block, parent) in misplaced {
            let verdict = Verdict::Invalid;
            let answer = Input::Verdict {
                block,
                parent,
                verdict,
            };
            self.step(now, answer, effects);
        }
    }

    /// Decides, in order, every final block that is applied; asks for the read of the first that is not.
    pub(super) fn decide(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        while self.may_decide() {
            let Some((next, certificate)) = self.chain.next_final() else {
                return self.convict_rotten(effects);
            };
            if let Some(broken) = self.invalid.get(&next).copied() {
                return self.convict(now, &next, broken, effects);
            }
            let Some((block, delta)) = self.chain.decide(&next) else {
                return self.apply_when_possible(&next, effects);
            };
            self.on_decided(now, &block.header, &delta, effects);
            if let Some(certificate) = &certificate {
                self.guardian.on_certified(&block.header, certificate);
                self.step(now, Input::Synced(certificate.clone()), effects);
            }
            let seals = self.seals(&delta);
            let body = block.to_block().transactions;
            let decided = Decided {
                header: block.header,
                body,
                certificate,
            };
            effects.push(Effect::Commit(Box::new(Commit { decided, delta })));
            self.step(now, Input::Decided(next), effects);
            if seals && !planted("operator: never hands over") {
                self.change_epoch(now, effects);
            }
            self.acquit(now, effects);
        }
    }

    /// What storage held for a block's application.
    pub(super) fn on_apply(&mut self, id: BlockId, mut reads: Reads, effects: &mut Vec<Effect>) {
        self.reading.remove(&id);
        let Some(known) = self.chain.block(&id) else {
            return;
        };
        let header = &known.block.header;
        let Some(parent) = self.chain.state(&header.parent) else {
            return;
        };
        if !self.sees_origin(header, &parent.header) {
            return;
        }
        self.chain.overlay(&mut reads, &header.parent);
        let events = self.origins.events(parent.header.l1_height, header.l1_height);
        if let Some(wanted) = more(&reads, &events) {
            self.reading.insert(id);
            return effects.push(Effect::Read {
                purpose: Purpose::Apply(id),
                wanted,
            });
        }
        match ledger::apply(parent, &known.block, &events, &reads, &self.rules) {
            Ok(delta) => {
                self.doubts.forget(&id);
                self.chain.applied(&id, delta);
            }
            Err(broken) => {
                let upto = header.l1_height;
                let is_about_l1 = upto > parent.header.l1_height && rests_on_l1(&broken);
                if is_about_l1 && !self.doubts.is_settled(id, upto, events) {
                    return;
                }
                effects.push(Effect::Invalid { block: id, broken });
                self.invalid.insert(id, broken);
            }
        }
    }

    /// What a quorum accepted is judged without clock and lag. That a view is over says nothing: the next leader may propose its block
    /// once more.
    fn verdict(&self, now: Millis, id: &BlockId) -> Verdict {
        if self.invalid.contains_key(id) || self.payload.is_unsound(id) {
            return Verdict::Invalid;
        }
        let engine = self.epochs.engine();
        let is_accepted = engine.is_some_and(|engine| engine.is_accepted(*id));
        let Some(known) = self.chain.block(id) else {
            return Verdict::Pending(Waits::Body);
        };
        let header = &known.block.header;
        let hindrance = match &known.delta {
            None if self.doubts.is_open(id) => Some(Waits::L1),
            None => Some(self.lacks(header)),
            Some(_) if is_accepted || planted("operator: believes every clock") => None,
            Some(_) => self.untimely(now, header),
        };
        let seals = known.delta.as_ref().is_some_and(|delta| self.seals(delta));
        hindrance.map_or(Verdict::Valid { seals }, Verdict::Pending)
    }

    /// Whether a block is the last one of the running committee.
    pub(super) fn seals(&self, delta: &Delta) -> bool {
        delta.state.epoch > self.epochs.running()
    }

    /// What a block lacks that is here and not applied.
    fn lacks(&self, header: &Header) -> Waits {
        let Some(parent) = self.chain.state(&header.parent).map(|state| &state.header) else {
            return Waits::State;
        };
        if self.sees_origin(header, parent) {
            Waits::State
        } else {
            Waits::L1
        }
    }

    /// Whether our own view of Ethereum shows the origin of a block.
    fn sees_origin(&self, header: &Header, parent: &Header) -> bool {
        let moved = header.l1_height != parent.l1_height;
        !moved || self.origins.sight(header.l1_height, &header.l1_hash) == Sight::Same
    }

    /// The checks of our own vote: the proposer's clock, and whether it still listens to Ethereum. What is wrong, if
    /// anything is.
    fn untimely(&self, now: Millis, header: &Header) -> Option<Waits> {
        let Some(parent) = self.chain.state(&header.parent) else {
            return Some(Waits::State);
        };
        let lag = self.origins.newest().height.0.saturating_sub(header.l1_height.0);
        let full = || {
            self.origins
                .is_full(parent.header.l1_height, header.l1_height, self.l1_events_max)
        };
        if header.timestamp_ms.0 > now.0.saturating_add(DRIFT_MS) {
            return Some(Waits::Clock);
        }
        (lag > self.origin_lag && !full()).then_some(Waits::L1)
    }

    /// Asks for the read of a block whose parent is applied and whose origin our own view of Ethereum has reached.
    fn apply_when_possible(&mut self, id: &BlockId, effects: &mut Vec<Effect>) {
        if self.reading.contains(id) || self.invalid.contains_key(id) || self.doubts.is_open(id) {
            return;
        }
        let Some(known) = self.chain.block(id).filter(|known| known.delta.is_none()) else {
            return;
        };
        let header = &known.block.header;
        let Some(parent) = self.chain.state(&header.parent).map(|state| &state.header) else {
            return;
        };
        if !self.sees_origin(header, parent) {
            return;
        }
        let events = self.origins.events(parent.l1_height, header.l1_height);
        let transactions = known
            .block
            .transactions
            .iter()
            .map(AuthenticTransaction::transaction);
        let wanted = ledger::wanted(transactions, &events);
        self.reading.insert(*id);
        effects.push(Effect::Read {
            purpose: Purpose::Apply(*id),
            wanted,
        });
    }

    fn on_decided(&mut self, now: Millis, header: &Header, delta: &Delta, effects: &mut Vec<Effect>) {
        self.mempool.on_decided(delta);
        self.payload.on_decided(&header.id());
        self.pins.forget_gone(&self.chain);
        for (number, fate) in &delta.deposits {
            self.guardian.matters().on_deposit(now, *number, *fate);
        }
        self.watch_exits(delta, effects);
        if !self.origins.on_decided(header.l1_height, header.l1_hash) {
            let (block, origin) = (header.height, header.l1_height);
            self.stop(
                format!(
                    "block {block} was decided with L1 block {} {origin}, and Ethereum shows another one there",
                    header.l1_hash
                ),
                effects,
            );
        }
        effects.extend(self.origins.resume().map(Effect::FollowL1));
        self.invalid.clear();
        self.doubts.clear();
        self.offer_early(effects);
    }
}

/// What must be read besides: an exit of an undecided ancestor leads to outputs that storage was not asked for. Asked
/// until nothing is missing; every round names more outputs, and what they lead to is bounded by the events.
pub(super) fn more(reads: &Reads, events: &[L1Event]) -> Option<Wanted> {
    let missing = reads.missing(events);
    (!missing.is_empty()).then(|| Wanted {
        outputs: reads.outputs.keys().copied().chain(missing).collect(),
        exits: reads.exits.keys().copied().collect(),
        deposits: reads.deposits.keys().copied().collect(),
    })
}
