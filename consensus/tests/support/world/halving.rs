//! A network in which one side learns how views are notarized and the other how they are nullified, until the calm.
//!
//! Whoever learns of a notarization before it gave the view up finalizes it. So the votes to notarize wait for the vote to nullify of
//! whom they are for, and nobody can finalize.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use plasma_consensus::{Kind, Message};
use plasma_core::View;

use super::{Event, World};

/// A message with its sender.
type Held = (u16, Rc<Message>);

/// What waits, and for what.
#[derive(Debug, Default)]
pub(super) struct Halving {
    /// Who gave which view up.
    gave_up: BTreeSet<(u16, View)>,
    /// Votes and certificates to notarize by whom they are for and by their view.
    held: BTreeMap<(u16, View), Vec<Held>>,
}

impl World {
    /// Whether a message never comes, or not yet.
    pub(super) fn halves(&mut self, from: u16, to: u16, message: &Rc<Message>) -> bool {
        let side = self.scenario.halved;
        if side == 0 || self.is_calm() {
            return false;
        }
        let (kind, view) = match &**message {
            Message::Vote(vote) => (vote.statement.kind(), vote.statement.view()),
            Message::Certified(certified) => (certified.statement.kind(), certified.statement.view()),
            Message::Proposal(_) | Message::Status(_) => return false,
        };
        if kind == Kind::Nullify {
            self.give_up(from, view);
        }
        let notarizes = side >> to & 1 == 1;
        match kind {
            Kind::Nullify if notarizes => {
                let (message, body) = (Rc::clone(message), None);
                let late_ms = self.scenario.delay_ms * LATE_DELAYS + LATE_MS;
                self.schedule(
                    late_ms,
                    Event::Deliver {
                        from,
                        to,
                        message,
                        body,
                    },
                );
                true
            }
            Kind::Nullify => false,
            Kind::Finalize => false,
            Kind::Notarize if !notarizes => true,
            Kind::Notarize => {
                let waits = !self.halving.gave_up.contains(&(to, view));
                if waits {
                    let held = self.halving.held.entry((to, view)).or_default();
                    held.push((from, Rc::clone(message)));
                }
                waits
            }
        }
    }

    /// A member says that it gave a view up: what waited for that comes now.
    fn give_up(&mut self, member: u16, view: View) {
        if !self.halving.gave_up.insert((member, view)) {
            return;
        }
        for (from, message) in self.halving.held.remove(&(member, view)).unwrap_or_default() {
            let (to, body) = (member, None);
            self.schedule(
                self.scenario.delay_ms,
                Event::Deliver {
                    from,
                    to,
                    message,
                    body,
                },
            );
        }
    }
}

/// Votes to nullify come so much later to the side that shall see the notarization first: after the votes to notarize, which come one
/// delay after that side gave the view up, and after the time that members enter a view apart. Where there is no notarization, that
/// side leaves the view by them.
const LATE_DELAYS: u64 = 6;
const LATE_MS: u64 = 200;
