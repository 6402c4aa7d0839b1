//! Who came in as what. The table of peers may be replaced at any moment, but the handlers of a connection are made once:
//! so each connection is an operator's or a stranger's from its first moment to its last, by one decision that all
//! protocols share, and is closed when the table no longer agrees.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use libp2p::{PeerId, swarm::ConnectionId};

use crate::{line::Line, lines::Lines};

/// One connection.
#[derive(Debug)]
struct Entry {
    peer: PeerId,
    /// The line of an operator; a stranger has none.
    line: Option<Arc<Line>>,
}

/// The connections that were let in; admission bounds their number.
#[derive(Debug)]
pub(crate) struct Entries {
    lines: Arc<Lines>,
    entries: Mutex<HashMap<ConnectionId, Entry>>,
}

impl Entries {
    pub(crate) fn new(lines: &Arc<Lines>) -> Arc<Self> {
        Arc::new(Self {
            lines: Arc::clone(lines),
            entries: Mutex::default(),
        })
    }

    pub(crate) const fn lines(&self) -> &Arc<Lines> {
        &self.lines
    }

    /// The connection is let in with this line, or as a stranger's.
    pub(crate) fn enter(&self, connection: ConnectionId, peer: PeerId, line: Option<Arc<Line>>) {
        self.locked().insert(connection, Entry { peer, line });
    }

    /// The connection ended; its line if it was an operator's.
    pub(crate) fn leave(&self, connection: ConnectionId) -> Option<Arc<Line>> {
        self.locked().remove(&connection)?.line
    }

    /// Whether the connection came in as an operator's; `None` when it never came in.
    pub(crate) fn is_operator(&self, connection: ConnectionId) -> Option<bool> {
        self.locked().get(&connection).map(|entry| entry.line.is_some())
    }

    /// The line of an operator's connection.
    pub(crate) fn line(&self, connection: ConnectionId) -> Option<Arc<Line>> {
        self.locked().get(&connection)?.line.clone()
    }

    /// The peer's other connections that came in as an operator's, or as a stranger's.
    pub(crate) fn others(&self, peer: &PeerId, connection: ConnectionId, operator: bool) -> usize {
        let entries = self.locked();
        let others = entries.iter().filter(|(id, entry)| {
            **id != connection && entry.peer == *peer && entry.line.is_some() == operator
        });
        others.count()
    }

    /// Whether a connection stands with this line.
    pub(crate) fn holds(&self, line: &Arc<Line>) -> bool {
        let entries = self.locked();
        let mut held = entries.values().filter_map(|entry| entry.line.as_ref());
        held.any(|held| Arc::ptr_eq(held, line))
    }

    /// Whether a connection from a former membership of the peer still stands.
    pub(crate) fn is_leaving(&self, peer: &PeerId) -> bool {
        let entries = self.locked();
        let mut own = entries.values().filter(|entry| entry.peer == *peer);
        own.any(|entry| entry.line.as_ref().is_some_and(|line| line.is_retired()))
    }

    /// Connections that would not come in as what they are any more.
    pub(crate) fn outdated(&self) -> Vec<ConnectionId> {
        let table = self.lines.table();
        let entries = self.locked();
        let outdated = entries.iter().filter(|(_, entry)| match &entry.line {
            Some(line) => line.is_retired(),
            None => table.of(&entry.peer).is_some(),
        });
        outdated.map(|(id, _)| *id).collect()
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<ConnectionId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
