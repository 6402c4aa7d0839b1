//! What an operator's people must look at: raised when it comes, cleared when it has been away for a while.
//!
//! Nothing is found out here: what the operator says of itself and of others, and how Ethereum goes on, is looked at once a
//! second. What comes and goes at once is not told, and what is away for a moment is not cleared, so that nobody is called
//! twice for one thing. All of it is in memory: after a restart what stands is raised anew.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use plasma_core::{L1Height, Millis};
use serde::Deserialize;
use tokio::sync::watch;

use super::{
    Answer, Door, Reply,
    outputs::{behind, limit_of, page},
    text::{TextError, rfc3339},
    view::{AlertKind, AlertView},
};
use crate::{runtime::handle::Status, storage::Read};

mod found;

use found::{Found, Subject, found};

/// The alerts of one operator; the runtime has it look, the doors read.
#[derive(Clone, Debug, Default)]
pub struct Alerts(Arc<Board>);

#[derive(Debug)]
struct Board {
    ring: Mutex<Ring>,
    /// The number of the last change, for whoever waits for the next.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    /// Oldest first.
    told: VecDeque<Alert>,
    watched: BTreeMap<Subject, Phase>,
    last_number: u64,
    /// Counts what was raised and what was cleared.
    last_change: u64,
    /// How far Ethereum was seen, and since when it was not seen to go on.
    seen: Option<(Seen, Millis)>,
}

/// The newest block of Ethereum, and the newest that is confirmed: an operator that was away long reads one after the other of
/// these first.
type Seen = (Option<L1Height>, L1Height);

/// How far something is that was found.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Found since then, and not told yet.
    Coming(Millis),
    /// Told, and still found.
    Standing(u64),
    /// Told, and not found since then.
    Going(u64, Millis),
}

#[derive(Clone, Debug)]
struct Alert {
    id: AlertId,
    subject: Subject,
    found: Found,
    raised_by: u64,
    /// When, and by which change.
    cleared: Option<(Millis, u64)>,
}

/// When it was raised, and its number in the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct AlertId {
    raised: Millis,
    number: u64,
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.raised, self.number)
    }
}

impl FromStr for AlertId {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let parse = || {
            let (raised, number) = text.split_once('-')?;
            Some(Self {
                raised: Millis(raised.parse().ok()?),
                number: number.parse().ok()?,
            })
        };
        parse().ok_or(TextError("what next_cursor said"))
    }
}

/// What a page of alerts is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct AlertsAsked {
    /// Only those that stand, or only those that are cleared.
    #[param(nullable = false)]
    pub active: Option<bool>,
    /// How many items, 1 to 500; 50 unless said.
    #[param(nullable = false, minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// What the page before gave as `next_cursor`.
    #[param(nullable = false)]
    pub cursor: Option<String>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            ring: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl Alerts {
    /// Looks at the operator, and at the newest block of Ethereum that was seen.
    pub fn look(&self, now: Millis, status: &Status, head: Option<L1Height>) {
        let change = {
            let mut ring = self.ring();
            let still = ring.still(now, (head, status.l1_confirmed));
            ring.take(now, &found(status, (now, still), head));
            ring.last_change
        };
        self.0.changes.send_if_modified(|known| {
            let is_new = *known != change;
            *known = change;
            is_new
        });
    }

    /// Whether one of a kind stands.
    #[must_use]
    pub fn stands(&self, kind: AlertKind) -> bool {
        let ring = self.ring();
        let mut standing = ring.told.iter().filter(|alert| alert.cleared.is_none());
        standing.any(|alert| alert.subject.kind == kind)
    }

    /// Wakes who waits for the next change.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// What was raised and cleared since a change, in order, and the last change; without one, what stands.
    pub(super) fn since(&self, change: Option<u64>) -> (u64, Vec<(&'static str, AlertView)>) {
        let ring = self.ring();
        let mut events: Vec<(u64, &'static str, AlertView)> = Vec::new();
        for alert in &ring.told {
            let is_wanted = |by: u64| change.is_none_or(|change| by > change);
            if is_wanted(alert.raised_by) && (change.is_some() || alert.cleared.is_none()) {
                let raised = AlertView {
                    cleared: None,
                    ..alert.view()
                };
                events.push((alert.raised_by, "alert.raised", raised));
            }
            if let Some((_, by)) = alert.cleared.filter(|(_, by)| change.is_some() && is_wanted(*by)) {
                events.push((by, "alert.cleared", alert.view()));
            }
        }
        events.sort_by_key(|(by, ..)| *by);
        let told = events.into_iter().map(|(_, name, view)| (name, view));
        (ring.last_change, told.collect())
    }

    fn newest(&self, active: Option<bool>, behind: Option<AlertId>, limit: usize) -> Vec<AlertView> {
        let ring = self.ring();
        let newest_first = ring.told.iter().rev();
        newest_first
            .filter(|alert| behind.is_none_or(|behind| alert.id < behind))
            .filter(|alert| active.is_none_or(|active| active == alert.cleared.is_none()))
            .take(limit)
            .map(Alert::view)
            .collect()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    /// Since when Ethereum was not seen to go on.
    fn still(&mut self, now: Millis, seen: Seen) -> Millis {
        match self.seen {
            Some((known, since)) if known == seen => since,
            _ => {
                self.seen = Some((seen, now));
                now
            }
        }
    }

    fn take(&mut self, now: Millis, found: &BTreeMap<Subject, Found>) {
        let mut watched = std::mem::take(&mut self.watched);
        for (subject, what) in found {
            let phase = watched.entry(*subject).or_insert(Phase::Coming(now));
            match *phase {
                Phase::Coming(since) if now.since(since) >= subject.kind.patience_ms() => {
                    *phase = Phase::Standing(self.raise(now, *subject, what.clone()));
                }
                Phase::Going(number, _) => *phase = Phase::Standing(number),
                Phase::Coming(_) | Phase::Standing(_) => {}
            }
        }
        watched.retain(|subject, phase| {
            if found.contains_key(subject) {
                return true;
            }
            match *phase {
                Phase::Coming(_) => return false,
                Phase::Standing(number) => *phase = Phase::Going(number, now),
                Phase::Going(number, since) if now.since(since) >= AWAY_MS => {
                    self.clear(now, number);
                    return false;
                }
                Phase::Going(..) => {}
            }
            true
        });
        self.watched = watched;
    }

    fn raise(&mut self, now: Millis, subject: Subject, found: Found) -> u64 {
        self.last_number = self.last_number.saturating_add(1);
        self.last_change = self.last_change.saturating_add(1);
        self.told.push_back(Alert {
            id: AlertId {
                raised: now,
                number: self.last_number,
            },
            subject,
            found,
            raised_by: self.last_change,
            cleared: None,
        });
        while self.told.len() > ALERTS_MAX {
            let over = self.told.iter().position(|alert| alert.cleared.is_some());
            self.told.remove(over.unwrap_or(0));
        }
        self.last_number
    }

    fn clear(&mut self, now: Millis, number: u64) {
        self.last_change = self.last_change.saturating_add(1);
        let by = self.last_change;
        let alert = self.told.iter_mut().rfind(|alert| alert.id.number == number);
        if let Some(alert) = alert {
            alert.cleared = Some((now, by));
        }
    }
}

impl Alert {
    fn view(&self) -> AlertView {
        let Subject {
            kind,
            operator,
            exit,
            output,
        } = self.subject;
        AlertView {
            id: self.id.to_string(),
            kind,
            severity: kind.severity(),
            raised: rfc3339(self.id.raised.0),
            cleared: self.cleared.map(|(at, _)| rfc3339(at.0)),
            text: self.found.text.clone(),
            height: self.found.height.map(|height| height.0),
            operator: operator.map(|operator| operator.0),
            exit: exit.as_ref().map(super::exits::number),
            output: output.map(super::text::PositionText),
        }
    }
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/alerts`, the newest first.
    ///
    /// # Errors
    /// [`super::Code::MalformedRequest`] for a limit or cursor that makes no sense.
    pub fn alerts(&self, asked: &AlertsAsked) -> Answer {
        let limit = limit_of(asked.limit)?;
        let behind = behind::<AlertId>(asked.cursor.as_ref())?;
        let items = self
            .books
            .alerts
            .newest(asked.active, behind, limit.saturating_add(1));
        let height = self.handle.status().height;
        Reply::ok(&page(items, limit, height.0, |alert: &AlertView| {
            alert.id.clone()
        }))
    }
}

/// Alerts kept, some hundred bytes each. Those that stand are two for each of `CONCERNS_MAX` concerns and one for each other
/// kind, so cleared ones are forgotten; should more stand, the oldest go.
const ALERTS_MAX: usize = 1_000;

/// So long something must be away before its alert is cleared: a connection or an endpoint that comes and goes is one alert.
const AWAY_MS: u64 = 10_000;
