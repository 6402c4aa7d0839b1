//! All that is kept for one committee peer, and the table of these. It is made once from the configuration: nothing a
//! stranger does adds a line.
//!
//! A line's *generation* counts its ups and downs (odd: up). The reader of events compares it with what it last told,
//! so that no queue of ups and downs can grow, and a quick down-and-up is still told as both.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use libp2p::PeerId;
use tokio::sync::Notify;

use crate::{
    config::Config,
    direct::{Bounds, Budget, Intake, Outbox, Queued},
    error::Fault,
    frame::{Class, Frame, To},
    identity,
};

/// One class of frames with one peer, both ways.
#[derive(Debug)]
pub(crate) struct Lane {
    outbox: Mutex<Outbox>,
    /// Wakes the writer.
    pub(crate) ready: Notify,
    intake: Mutex<Intake>,
}

impl Lane {
    fn new(bounds: Bounds, intake: Intake) -> Self {
        Self {
            outbox: Mutex::new(Outbox::new(bounds)),
            ready: Notify::new(),
            intake: Mutex::new(intake),
        }
    }

    pub(crate) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        locked(&self.outbox)
    }

    /// What the peer may still send; it outlives its streams and connections.
    pub(crate) fn intake(&self) -> MutexGuard<'_, Intake> {
        locked(&self.intake)
    }
}

/// Consequences of malice: each strike doubles the time for which the peer is not let in.
#[derive(Debug, Default)]
struct Penalty {
    strikes: u32,
    until: Option<Instant>,
}

/// One committee peer.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) index: u16,
    pub(crate) peer_id: PeerId,
    control: Lane,
    payload: Lane,
    generation: AtomicU64,
    penalty: Mutex<Penalty>,
    fault: Mutex<Option<Fault>>,
    round_trip: Mutex<Option<Duration>>,
}

impl Line {
    pub(crate) fn lane(&self, class: Class) -> &Lane {
        match class {
            Class::Control => &self.control,
            Class::Payload => &self.payload,
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn is_up(&self) -> bool {
        !self.generation().is_multiple_of(2)
    }

    /// Refuses the peer for a while: 1 s after the first strike, doubled by each further one, never more than minutes,
    /// because an operator that was repaired must come back by itself.
    pub(crate) fn punish(&self, now: Instant) -> Duration {
        let mut penalty = locked(&self.penalty);
        if penalty
            .until
            .is_some_and(|until| now.saturating_duration_since(until) > FORGIVEN_AFTER)
        {
            penalty.strikes = 0;
        }
        let pause = (PENALTY_FIRST * 2_u32.saturating_pow(penalty.strikes)).min(PENALTY_MAX);
        penalty.strikes = (penalty.strikes + 1).min(STRIKES_MAX);
        penalty.until = Some(now + pause);
        pause
    }

    pub(crate) fn is_punished(&self, now: Instant) -> bool {
        locked(&self.penalty).until.is_some_and(|until| now < until)
    }

    pub(crate) fn record_fault(&self, fault: Fault) {
        *locked(&self.fault) = Some(fault);
    }

    pub(crate) fn record_round_trip(&self, time: Duration) {
        *locked(&self.round_trip) = Some(time);
    }

    fn status(&self) -> PeerStatus {
        let (control_queued, _, control_dropped) = self.control.outbox().usage();
        let (_, payload_queued_bytes, payload_dropped) = self.payload.outbox().usage();
        PeerStatus {
            index: self.index,
            peer_id: self.peer_id,
            is_up: self.is_up(),
            round_trip: *locked(&self.round_trip),
            fault: locked(&self.fault).clone(),
            control_queued,
            payload_queued_bytes,
            dropped: control_dropped.saturating_add(payload_dropped),
        }
    }
}

/// How one committee peer stands, for status pages and metrics.
#[derive(Clone, Debug)]
pub struct PeerStatus {
    /// Its index in the committee.
    pub index: u16,
    /// Its transport identity.
    pub peer_id: PeerId,
    /// Whether it is connected and speaks our protocols.
    pub is_up: bool,
    /// The last ping's time.
    pub round_trip: Option<Duration>,
    /// What it last did to lose a connection.
    pub fault: Option<Fault>,
    /// Control frames waiting to be written.
    pub control_queued: usize,
    /// Bytes of payload frames waiting to be written.
    pub payload_queued_bytes: usize,
    /// Frames dropped for want of room or for age since the start.
    pub dropped: u64,
}

/// The table of all committee peers but ourselves.
#[derive(Debug)]
pub(crate) struct Lines {
    lines: BTreeMap<u16, Arc<Line>>,
    indices: HashMap<PeerId, u16>,
    /// Rung when a generation changes.
    pub(crate) changed: Notify,
    payload: Arc<Budget>,
    frame_limits: [(Class, u32); 2],
}

impl Lines {
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        let own = identity::peer_id(&config.secret);
        let limits = &config.limits;
        let control = Bounds {
            frames: limits.control_queue_frames,
            bytes: limits.control_queue_bytes,
            age: limits.frame_age_max,
        };
        let payload = Bounds {
            bytes: limits.payload_queue_bytes,
            ..control
        };
        let peers = config.peers.iter().filter(|peer| peer.peer_id != own);
        let now = Instant::now();
        let line = |index, peer_id| Line {
            index,
            peer_id,
            control: Lane::new(control, Intake::control(limits, now)),
            payload: Lane::new(payload, Intake::payload(limits, now)),
            generation: AtomicU64::new(0),
            penalty: Mutex::default(),
            fault: Mutex::default(),
            round_trip: Mutex::default(),
        };
        let lines: BTreeMap<_, _> = peers
            .map(|peer| (peer.index, Arc::new(line(peer.index, peer.peer_id))))
            .collect();
        Arc::new(Self {
            indices: lines.values().map(|line| (line.peer_id, line.index)).collect(),
            lines,
            changed: Notify::new(),
            payload: Budget::new(limits.payload_queue_bytes_total),
            frame_limits: [
                (Class::Control, limits.control_frame_bytes),
                (Class::Payload, limits.payload_frame_bytes),
            ],
        })
    }

    pub(crate) fn get(&self, index: u16) -> Option<&Arc<Line>> {
        self.lines.get(&index)
    }

    pub(crate) fn of(&self, peer: &PeerId) -> Option<&Arc<Line>> {
        self.get(*self.indices.get(peer)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.lines.values()
    }

    pub(crate) fn status(&self) -> Vec<PeerStatus> {
        self.iter().map(|line| line.status()).collect()
    }

    /// A stream of the peer is usable. Told before anything that it carries.
    pub(crate) fn opened(&self, line: &Line) {
        self.turn(line, true);
    }

    /// The last connection to the peer closed.
    pub(crate) fn closed(&self, line: &Line) {
        self.turn(line, false);
    }

    fn turn(&self, line: &Line, up: bool) {
        let step = |generation: u64| (generation.is_multiple_of(2) == up).then(|| generation + 1);
        if line
            .generation
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, step)
            .is_ok()
        {
            self.changed.notify_one();
        }
    }

    /// Queues a frame for its peers. Never waits; what finds no room is dropped by the rules of the outbox.
    pub(crate) fn send(&self, to: To, frame: Frame) {
        let limit = self
            .frame_limits
            .iter()
            .find(|(class, _)| *class == frame.class)
            .map_or(0, |(_, limit)| *limit);
        let fits = u32::try_from(frame.bytes.len()).is_ok_and(|len| len <= limit);
        if frame.bytes.is_empty() || !fits {
            tracing::error!(
                class = frame.class.name(),
                bytes = frame.bytes.len(),
                limit,
                "frame refused by size"
            );
            return;
        }
        let charge = match frame.class {
            Class::Control => None,
            Class::Payload => {
                let charge = self.payload.charge(frame.bytes.len());
                if charge.is_none() {
                    tracing::warn!(
                        bytes = frame.bytes.len(),
                        "payload dropped, the queues of all peers are full"
                    );
                    return;
                }
                charge
            }
        };
        let at = Instant::now();
        let queued = Queued {
            view: frame.view,
            replaces: frame.replaces,
            bytes: frame.bytes,
            at,
            _charge: charge,
        };
        match to {
            To::All => self
                .iter()
                .for_each(|line| push(line, frame.class, queued.clone())),
            To::One(index) => {
                if let Some(line) = self.get(index) {
                    push(line, frame.class, queued);
                }
            }
        }
    }

    /// Forgets queued frames of lower views.
    pub(crate) fn cancel_below(&self, view: u64) {
        for (line, class) in self.iter().flat_map(|line| Class::ALL.map(|class| (line, class))) {
            line.lane(class).outbox().cancel_below(view);
        }
    }
}

fn push(line: &Line, class: Class, queued: Queued) {
    let lane = line.lane(class);
    lane.outbox().push(queued);
    lane.ready.notify_one();
}

/// A lock is never held across a panic of ours that would leave its value half written.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pause after the first strike: long enough to end a loop, short enough for an honest restart.
const PENALTY_FIRST: Duration = Duration::from_secs(1);
/// Never longer: an operator must not be locked out by others for more than minutes.
const PENALTY_MAX: Duration = Duration::from_secs(120);
/// Doubling stops here, beyond the longest pause.
const STRIKES_MAX: u32 = 10;
/// A peer that behaved for so long after its pause starts again with no strikes.
const FORGIVEN_AFTER: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Limits, Peer};

    fn lines() -> Arc<Lines> {
        let peers = (0..3)
            .map(|index| {
                let seed = [u8::try_from(index).expect("small"); 32];
                Peer {
                    index,
                    peer_id: identity::peer_id(&seed),
                    addresses: Vec::new(),
                }
            })
            .collect();
        let limits = Limits {
            payload_queue_bytes_total: 32 * 1024 * 1024,
            ..Limits::default()
        };
        let (genesis8, listen) = ("00000000".to_owned(), Vec::new());
        Lines::new(&Config {
            secret: [0; 32],
            me: Some(0),
            genesis8,
            listen,
            peers,
            limits,
        })
    }

    #[test]
    fn everyone_but_ourselves_has_a_line() {
        let lines = lines();
        assert_eq!(lines.iter().map(|line| line.index).collect::<Vec<_>>(), [1, 2]);
        assert!(lines.of(&identity::peer_id(&[9; 32])).is_none());
    }

    #[test]
    fn up_and_down_change_the_generation_once_each() {
        let lines = lines();
        let line = lines.get(1).expect("line");
        lines.opened(line);
        lines.opened(line);
        assert!(line.is_up());
        assert_eq!(line.generation(), 1);
        lines.closed(line);
        lines.closed(line);
        assert!(!line.is_up());
        assert_eq!(line.generation(), 2);
    }

    #[test]
    fn penalties_double_end_and_are_forgiven() {
        let lines = lines();
        let line = lines.get(1).expect("line");
        let now = Instant::now();
        assert!(!line.is_punished(now));
        assert_eq!(line.punish(now), Duration::from_secs(1));
        assert!(line.is_punished(now));
        assert_eq!(line.punish(now), Duration::from_secs(2));
        assert!(!line.is_punished(now + Duration::from_secs(2)));
        for _ in 0..20 {
            assert!(line.punish(now) <= PENALTY_MAX);
        }
        assert_eq!(
            line.punish(now + Duration::from_secs(3_600)),
            Duration::from_secs(1)
        );
    }

    #[test]
    fn one_body_for_all_is_charged_once_and_a_fourth_that_does_not_fit_is_dropped() {
        let lines = lines();
        let body = Bytes::from(vec![1; 16 * 1024 * 1024]);
        for view in 0..3 {
            lines.send(To::All, Frame::payload(view, body.clone()));
        }
        for line in lines.iter() {
            assert_eq!(line.status().payload_queued_bytes, 32 * 1024 * 1024);
        }
    }

    #[test]
    fn empty_and_oversize_frames_are_not_queued() {
        let lines = lines();
        lines.send(To::All, Frame::control(1, Bytes::new()));
        lines.send(To::All, Frame::control(1, vec![0; 64 * 1024 + 1]));
        lines.send(To::One(9), Frame::control(1, vec![0; 1]));
        assert!(lines.status().iter().all(|status| status.control_queued == 0));
    }
}
