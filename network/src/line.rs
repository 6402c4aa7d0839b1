//! All that is kept for one peer: what waits to be sent, what it may still send, whether it is up, and what
//! it did.
//!
//! A line's *generation* counts its ups and downs (odd: up). The reader of events compares it with what it last told,
//! so that no queue of ups and downs can grow, and a quick down-and-up is still told as both.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use libp2p::PeerId;
use tokio::sync::{Notify, Semaphore};

use crate::{
    config::{Limits, Peer},
    direct::{Bounds, Intake, Outbox},
    error::Fault,
    frame::Class,
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

/// One peer.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) slot: u16,
    pub(crate) peer_id: PeerId,
    /// Free places for our requests to the peer; closed when it is a peer no longer.
    pub(crate) asks: Arc<Semaphore>,
    retired: AtomicBool,
    control: Lane,
    payload: Lane,
    generation: AtomicU64,
    penalty: Mutex<Penalty>,
    fault: Mutex<Option<Fault>>,
    round_trip: Mutex<Option<Duration>>,
}

impl Line {
    /// A line whose ups and downs are counted on from an even `generation`.
    pub(crate) fn new(peer: &Peer, generation: u64, limits: &Limits, now: Instant) -> Self {
        let control = Bounds {
            frames: limits.control_queue_frames,
            bytes: limits.control_queue_bytes,
            age: limits.frame_age_max,
        };
        let payload = Bounds {
            bytes: limits.payload_queue_bytes,
            ..control
        };
        Self {
            slot: peer.slot,
            peer_id: peer.peer_id,
            asks: Arc::new(Semaphore::new(limits.sync_in_flight)),
            retired: AtomicBool::new(false),
            control: Lane::new(control, Intake::control(limits, now)),
            payload: Lane::new(payload, Intake::payload(limits, now)),
            generation: AtomicU64::new(generation),
            penalty: Mutex::default(),
            fault: Mutex::default(),
            round_trip: Mutex::default(),
        }
    }

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

    /// Turns it up or down; whether that is a change.
    pub(crate) fn turn(&self, up: bool) -> bool {
        let step = |generation: u64| (generation.is_multiple_of(2) == up).then(|| generation + 1);
        self.generation
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, step)
            .is_ok()
    }

    /// The peer is a peer no longer: nothing of it is taken and nothing is sent to it from now on. Returns the generation
    /// with which its next line begins.
    pub(crate) fn retire(&self) -> u64 {
        self.retired.store(true, Ordering::Release);
        self.asks.close();
        for class in Class::ALL {
            self.lane(class).outbox().shut();
        }
        self.turn(false);
        // A stream that opens at this moment may turn it up again; nobody looks at this line any more.
        self.generation().next_multiple_of(2)
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
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

    /// Punishes the peer for a fault, and says so.
    pub(crate) fn refuse(&self, fault: Fault) {
        let pause = self.punish(Instant::now());
        tracing::warn!(slot = self.slot, %fault, ?pause, "operator refused for a while");
        self.record_fault(fault);
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

    pub(crate) fn status(&self) -> PeerStatus {
        let (control_queued, _, control_dropped) = self.control.outbox().usage();
        let control_crowded_out = self.control.outbox().crowded_out();
        let (_, payload_queued_bytes, payload_dropped) = self.payload.outbox().usage();
        PeerStatus {
            slot: self.slot,
            peer_id: self.peer_id,
            is_up: self.is_up(),
            round_trip: *locked(&self.round_trip),
            fault: locked(&self.fault).clone(),
            control_queued,
            payload_queued_bytes,
            dropped: control_dropped.saturating_add(payload_dropped),
            control_crowded_out,
        }
    }
}

/// How one peer stands, for status pages and metrics.
#[derive(Clone, Debug)]
pub struct PeerStatus {
    /// Its slot.
    pub slot: u16,
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
    /// Control frames among them that were dropped for want of room.
    pub control_crowded_out: u64,
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
