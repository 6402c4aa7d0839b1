//! What happens in the world, event by event.

use std::rc::Rc;

use plasma_consensus::{Input, Message, NotBuilt, Verdict, Waits};
use plasma_core::{BlockId, OperatorIndex, View};

use super::{Event, STIR_MS, World};
use crate::sim::{byzantine::Trick, host::Judged};

impl World {
    pub(super) fn on_event(&mut self, event: Event) {
        if let Some((member, until)) = self.paused(&event) {
            self.note(|| format!("    {member} is paused"));
            return self.schedule(until - self.now, event);
        }
        match event {
            Event::Deliver {
                from,
                to,
                message,
                body,
            } if self.host(to).engine.is_some() => self.on_deliver((from, to), message, body),
            Event::Wake { member, life }
                if self.lives(member, life) && self.host(member).wake_at == Some(self.now) =>
            {
                self.on_wake(member, life);
            }
            Event::Build {
                member,
                life,
                view,
                parent,
            } if self.lives(member, life) => {
                self.on_build(member, view, parent);
            }
            Event::Prepare { member, life, parent } if self.lives(member, life) => {
                self.on_prepare(member, parent)
            }
            Event::Judge {
                member,
                life,
                block,
                parent,
            } if self.lives(member, life) => {
                self.on_judge(member, block, parent);
            }
            Event::Fetched { member, life, block } if self.lives(member, life) => {
                self.on_fetched(member, block)
            }
            Event::Settle { member, life } if self.lives(member, life) => self.on_settle(member),
            Event::Link { member, peer, is_up } => self.on_link(member, peer, is_up),
            Event::Payment { member, payment } => {
                self.host_mut(member).payments |= 1 << payment;
                self.tell_work(member);
            }
            Event::Restart { member } => self.on_restart(member),
            Event::Sync { member } => self.on_sync(member),
            Event::Ask { member, life } => self.on_ask(member, life),
            Event::Claimed {
                member,
                life,
                from,
                claim,
            } => self.on_claimed(member, life, from, claim.as_deref()),
            Event::Mischief { member } => self.on_mischief(member),
            Event::Leave { member } => self.stop(member),
            Event::Backup => self.on_backup(),
            Event::Restore => self.on_restore(),
            Event::Split => self.network.split(self.scenario.split),
            Event::Stir => self.on_stir(),
            Event::Calm => self.on_calm(),
            _ => {}
        }
    }

    fn on_deliver(&mut self, (from, to): (u16, u16), message: Rc<Message>, body: Option<BlockId>) {
        self.host_mut(to).disk.bodies.extend(body);
        self.overhear(to, &message);
        self.hear_restored(from, to, &message);
        let from = OperatorIndex(from);
        let message = Rc::unwrap_or_clone(message);
        self.input(to, Input::Message { from, message });
    }

    fn lives(&self, member: u16, life: u32) -> bool {
        self.host(member).life == life && self.host(member).engine.is_some()
    }

    /// A paused member hears nothing and does nothing; everything waits for it.
    fn paused(&self, event: &Event) -> Option<(u16, u64)> {
        let member = match event {
            Event::Deliver { to: member, .. }
            | Event::Build { member, .. }
            | Event::Prepare { member, .. }
            | Event::Judge { member, .. } => *member,
            _ => return None,
        };
        let until = self.host(member).paused_until;
        (until > self.now).then_some((member, until))
    }

    fn on_wake(&mut self, member: u16, life: u32) {
        let until = self.host(member).paused_until;
        if until > self.now {
            self.host_mut(member).wake_at = Some(until);
            return self.schedule(until - self.now, Event::Wake { member, life });
        }
        self.host_mut(member).wake_at = None;
        self.input(member, Input::Tick);
    }

    fn on_build(&mut self, member: u16, view: View, parent: BlockId) {
        let host = self.host(member);
        if self.tricks(member, Trick::Censor) {
            let reason = NotBuilt::Empty;
            return self.input(member, Input::NotBuilt { view, reason });
        }
        if !host.has_state(parent, &self.blocks) {
            self.marks.hit("leader without a block gave up");
            return self.input(
                member,
                Input::NotBuilt {
                    view,
                    reason: NotBuilt::Unable,
                },
            );
        }
        let payment = host.next_payment(parent, &self.blocks);
        if payment == 0 {
            return self.input(
                member,
                Input::NotBuilt {
                    view,
                    reason: NotBuilt::Empty,
                },
            );
        }
        let block = self.blocks.make(parent, payment, true);
        let host = self.host_mut(member);
        host.disk.bodies.insert(block);
        host.validated.insert(block);
        host.judged.insert(block);
        self.input(
            member,
            Input::Built {
                view,
                block,
                seals: false,
            },
        );
    }

    /// The block that will be asked for is ready from here on, if nothing that belongs into it comes before.
    fn on_prepare(&mut self, member: u16, parent: BlockId) {
        let host = self.host(member);
        let payment = host.next_payment(parent, &self.blocks);
        let is_possible = host.has_state(parent, &self.blocks) && payment != 0;
        self.host_mut(member).ahead = is_possible.then_some((parent, payment));
    }

    fn on_judge(&mut self, member: u16, block: BlockId, parent: BlockId) {
        let now = self.now;
        let is_new = !self.host(member).pending.contains_key(&block);
        if is_new {
            let stalls = !self.is_calm() && self.random.chance(self.scenario.pending);
            let until = if stalls {
                now + self.random.between(50, 3_000)
            } else {
                now
            };
            self.host_mut(member).pending.insert(block, until);
        }
        let until = self.host(member).pending.get(&block).copied().unwrap_or(now);
        if until > now {
            self.marks.hit("verdict pending");
            self.input(
                member,
                Input::Verdict {
                    block,
                    parent,
                    verdict: Verdict::Pending(Waits::L1),
                },
            );
            let life = self.host(member).life;
            return self.schedule(
                until - now,
                Event::Judge {
                    member,
                    life,
                    block,
                    parent,
                },
            );
        }
        let blocks = &self.blocks;
        let verdict = match self.hosts[usize::from(member)].judge(block, parent, blocks) {
            Judged::Valid => Verdict::Valid { seals: false },
            Judged::Invalid => Verdict::Invalid,
            Judged::Needs(body) => {
                self.fetch(member, body);
                self.host_mut(member).asked.insert((block, parent));
                Verdict::Pending(Waits::Body)
            }
        };
        if !matches!(verdict, Verdict::Pending(_)) {
            self.host_mut(member).asked.remove(&(block, parent));
        }
        self.input(
            member,
            Input::Verdict {
                block,
                parent,
                verdict,
            },
        );
    }

    /// Asks the other members for a body.
    fn fetch(&mut self, member: u16, block: BlockId) {
        if self.host_mut(member).fetching.insert(block) {
            let mut delay = self.scenario.delay_ms * 2 + self.random.below(20);
            if !self.is_calm() && self.random.chance(self.scenario.slow_bodies) {
                self.marks.hit("body came late");
                delay += self.random.between(100, 3_000);
            }
            let life = self.host(member).life;
            self.schedule(delay, Event::Fetched { member, life, block });
        }
    }

    fn on_fetched(&mut self, member: u16, block: BlockId) {
        let now = self.now;
        let has_it = |peer: u16| {
            let host = self.host(peer);
            self.is_honest(peer) && host.engine.is_some() && host.disk.bodies.contains(&block)
        };
        let open =
            |peer: u16| self.network.is_open(now, peer, member) && self.network.is_open(now, member, peer);
        let mut found = (0..self.scenario.n).any(|peer| peer != member && has_it(peer) && open(peer));
        if !self.is_calm() && self.random.chance(self.scenario.wrong_bodies) {
            // What came has another hash, so it is as if nothing came.
            self.marks.hit("wrong body came");
            found = false;
        }
        self.host_mut(member).fetching.remove(&block);
        if found {
            self.host_mut(member).disk.bodies.insert(block);
            self.on_settle(member);
            let life = self.host(member).life;
            for (block, parent) in self.host(member).asked.clone() {
                self.schedule(
                    1,
                    Event::Judge {
                        member,
                        life,
                        block,
                        parent,
                    },
                );
            }
        } else if self.host(member).target.is_some() {
            // Finality is worth asking again; a proposal is asked about again by the engine.
            self.host_mut(member).fetching.insert(block);
            let life = self.host(member).life;
            self.schedule(300, Event::Fetched { member, life, block });
        }
    }

    /// Applies what is final and tells the engine whether work is left.
    fn on_settle(&mut self, member: u16) {
        self.is_counted = false;
        let blocks = &self.blocks;
        if let Some(body) = self.hosts[usize::from(member)].apply(blocks) {
            self.fetch(member, body);
        }
        let applied = self.host(member).disk.applied;
        self.input(member, Input::Decided(applied));
        if self.random.chance(1_000) {
            self.prune_log(member);
        }
        self.tell_work(member);
    }

    /// Drops records that the engine denies, once what is final is applied.
    fn prune_log(&mut self, member: u16) {
        let host = self.host_mut(member);
        let Some(engine) = host.engine.as_ref().filter(|_| host.target.is_none()) else {
            return;
        };
        let before = host.disk.log.len();
        host.disk.log.retain(|record| engine.needs(record));
        if host.disk.log.len() < before {
            self.marks.hit("log pruned");
        }
    }

    pub(super) fn tell_work(&mut self, member: u16) {
        let is_waiting = self.host(member).waiting(&self.blocks) != 0;
        if self.host(member).engine.is_some() && self.host(member).told_work != is_waiting {
            self.host_mut(member).told_work = is_waiting;
            self.input(member, Input::Work(is_waiting));
        }
    }

    fn on_link(&mut self, member: u16, peer: u16, is_up: bool) {
        let is_alive = self.host(peer).engine.is_some();
        if member != peer && is_up == is_alive {
            let peer = OperatorIndex(peer);
            self.input(
                member,
                if is_up {
                    Input::PeerUp(peer)
                } else {
                    Input::PeerDown(peer)
                },
            );
        }
    }

    /// Takes finalized blocks and their certificate from a peer that is further.
    fn on_sync(&mut self, member: u16) {
        let again = self.random.between(500, 3_000);
        self.schedule(again, Event::Sync { member });
        let peer = u16::try_from(self.random.below(u64::from(self.scenario.n))).expect("below n");
        let is_open =
            self.network.is_open(self.now, peer, member) && self.network.is_open(self.now, member, peer);
        let source = self.host(peer);
        let floor = self
            .host(member)
            .engine
            .as_ref()
            .map(|engine| engine.floor().view);
        if !is_open
            || source.engine.is_none()
            || !self.is_honest(peer)
            || floor >= Some(source.disk.floor.view)
        {
            return;
        }
        let Some(certificate) = source.disk.floor.certificate.clone().filter(|_| floor.is_some()) else {
            return;
        };
        let bodies = source.disk.bodies.clone();
        self.host_mut(member).disk.bodies.extend(bodies);
        self.marks.hit("synced by certificate");
        self.input(member, Input::Synced(certificate));
    }

    fn on_stir(&mut self) {
        if self.is_calm() {
            return;
        }
        self.schedule(STIR_MS, Event::Stir);
        if self.network.stir(self.now, &self.scenario, &mut self.random) {
            self.marks.hit("partition");
        }
        if self.random.chance(self.scenario.blackouts) {
            self.black_out();
        }
        self.adapt();
        let member = u16::try_from(self.random.below(u64::from(self.scenario.n))).expect("below n");
        if self.random.chance(self.scenario.pauses) {
            self.host_mut(member).paused_until = self.now + self.random.between(50, 2_000);
        }
        if self.random.chance(self.scenario.clock_jumps) {
            self.marks.hit("clock jumped");
            let (ahead, behind) = (self.random.below(5_000), self.random.below(1_000));
            let is_ahead = self.random.chance(5_000);
            let offset = &mut self.host_mut(member).clock_offset;
            *offset = if is_ahead {
                *offset + ahead
            } else {
                offset.saturating_sub(behind)
            };
        }
        if self.random.chance(self.scenario.cuts) {
            let peer = u16::try_from(self.random.below(u64::from(self.scenario.n))).expect("below n");
            if self.host(member).engine.is_some() && member != peer {
                self.input(member, Input::PeerDown(OperatorIndex(peer)));
                let back = self.random.between(50, 1_000);
                self.schedule(
                    back,
                    Event::Link {
                        member,
                        peer,
                        is_up: true,
                    },
                );
            }
        }
    }

    /// All honest members crash at once.
    fn black_out(&mut self) {
        self.marks.hit("power fails everywhere");
        for member in 0..self.scenario.n {
            if self.is_honest(member) && self.host(member).engine.is_some() {
                self.crash(member);
            }
        }
    }

    fn on_calm(&mut self) {
        self.begin_calm();
        self.network.calm();
        for host in &mut self.hosts {
            host.paused_until = 0;
        }
    }
}
