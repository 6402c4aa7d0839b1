//! One operator with its shell's memory: log and storage as a disk keeps them, clock, inbox, its eye on Ethereum.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt as _;
use plasma_consensus::Vote;
use plasma_core::{BlockId, Epoch, Height, L1Block, Millis, TransactionId};
use plasma_node::{
    api::Books,
    bridge::watcher::{Ask, Sighting, Watcher, WatcherConfig},
    config::committee::Successor,
    directory::Directory,
    folder::Identity,
    intake::Bodies,
    operator::{
        Operator, Params,
        chain::Room,
        effect::{Effect, Record},
        event::{Event, Offered},
        mempool::MempoolLimits,
        report::AnchorSeen,
    },
    runtime::{l1, registry, timers::Drawn},
    storage::{Saved, Storage as _, memory::MemoryStorage},
    wal::Lsn,
};
use tokio::sync::mpsc;

use super::{
    disk::{Horizon, Log, NoLog},
    ethereum::Eye,
    proof::Shared,
    random::Random,
    scenario::Scenario,
    scheme::Mock,
    site::{CONFIRMATIONS, GRACE_S, SILENCE_S, START_S, Site},
};

/// The operator's time, drawn towards a wall clock that is set wrong and now and then set anew.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// How far the wall clock is ahead of the world.
    pub(super) ahead_ms: i64,
    /// The same when nobody has set it wrong.
    pub(super) right_ms: i64,
    /// How fast the machine's time runs: per thousand, around 1000.
    pub(super) rate: u64,
    started: u64,
    drawn: Drawn,
}

impl Clock {
    pub(super) fn new(ahead_ms: i64, rate: u64) -> Self {
        Self {
            ahead_ms,
            right_ms: ahead_ms,
            rate,
            ..Self::default()
        }
    }

    /// A process starts.
    fn start(&mut self, now: u64) {
        self.started = now;
        self.drawn = Drawn::start(self.wall_ms(now));
    }

    pub(super) fn read(&mut self, now: u64) -> Millis {
        let wall_ms = self.wall_ms(now);
        self.drawn.now(self.elapsed_ms(now), || wall_ms)
    }

    /// When it shows a time, as the world counts, if nobody corrects it until then.
    pub(super) fn when(&self, at: Millis, now: u64) -> u64 {
        let left_ms = self.drawn.left_ms(at, self.elapsed_ms(now));
        now + (left_ms * 1_000).div_ceil(self.rate.max(1))
    }

    fn elapsed_ms(&self, now: u64) -> u64 {
        now.saturating_sub(self.started) * self.rate / 1_000
    }

    fn wall_ms(&self, now: u64) -> u64 {
        (START_S * 1_000 + now).saturating_add_signed(self.ahead_ms)
    }
}

/// What waits for the next turn.
#[derive(Debug)]
pub(super) enum Arrival {
    Event(Event),
    Offered(Offered),
}

/// Why an operator does not start.
#[derive(Debug)]
pub(super) enum NoStart {
    /// Ethereum does not show the origin that it needs.
    Blind,
    /// It has no log to start from.
    Log(NoLog),
}

/// One operator and its world.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) operator: Option<Operator<Mock>>,
    pub(super) storage: MemoryStorage,
    pub(super) log: Log,
    /// Storage as somebody copied it.
    pub(super) backup: Option<MemoryStorage>,
    /// What storage held before an older one was put in its place, until it holds that again.
    pub(super) had: Option<Height>,
    /// Counts starts, so that what belongs to an earlier life is told.
    pub(super) life: u64,
    /// Documents of later committees, as its folder keeps them.
    pub(super) kept: Vec<Successor>,
    /// The committees that this life of it knows.
    pub(super) directory: Directory,
    /// What is checked before the operator sees it.
    pub(super) proof: Shared,
    /// The bodies of proposals that were looked at.
    pub(super) bodies: Bodies,
    /// The epoch whose operators are connected.
    pub(super) connected: Epoch,
    pub(super) clock: Clock,
    pub(super) inbox: VecDeque<Arrival>,
    pub(super) timer: Option<Millis>,
    pub(super) wake: Option<Millis>,
    pub(super) last_tick: Millis,
    /// The time of the last event.
    pub(super) latest: Millis,
    /// When the next turn is, by the world's time.
    pub(super) turn_at: Option<u64>,
    /// A write of the log is under way until then.
    pub(super) busy_until: u64,
    /// Commits since storage was made durable.
    pub(super) unsynced: u64,
    pub(super) gossip: Vec<u8>,
    pub(super) gossip_since: Option<u64>,
    pub(super) eye: Arc<Eye>,
    watcher: Option<(Watcher<Eye>, mpsc::Receiver<Sighting>)>,
    pub(super) books: Books,
    /// Requests that wait for an answer.
    pub(super) asks: BTreeMap<u64, plasma_node::runtime::wire::Ask>,
    /// Clients that wait for a verdict.
    pub(super) tickets: BTreeMap<u64, TransactionId>,
    pub(super) next_ticket: u64,
}

/// The watcher never waits for room: nothing here says more in one look.
const SIGHTINGS_MAX: usize = 1 << 16;
/// A look at Ethereum.
pub(super) const POLL_MS: u64 = 500;

impl Host {
    pub(super) fn new(index: usize, site: &Site, scenario: &Scenario, eye: Eye, proof: &Shared) -> Self {
        let identity = Identity::new(site.genesis.hash(), &site.members[index].key);
        let directory = site.directory();
        Self {
            operator: None,
            storage: Self::new_storage(index, site),
            log: Log::new(identity, scenario.log_segment, disk_seed(scenario.seed, index)),
            backup: None,
            had: None,
            life: 0,
            kept: Vec::new(),
            proof: proof.under(&directory),
            bodies: Bodies::default(),
            directory,
            connected: Epoch(0),
            clock: Clock::default(),
            inbox: VecDeque::new(),
            timer: None,
            wake: None,
            last_tick: Millis(0),
            latest: Millis(0),
            turn_at: None,
            busy_until: 0,
            unsynced: 0,
            gossip: Vec::new(),
            gossip_since: None,
            eye: Arc::new(eye),
            watcher: None,
            books: Books::default(),
            asks: BTreeMap::new(),
            tickets: BTreeMap::new(),
            next_ticket: 0,
        }
    }

    /// Whether it can take the next thing.
    pub(super) fn is_up(&self) -> bool {
        self.operator.is_some()
    }

    /// What a start finds on the disk.
    pub(super) fn saved(&self) -> Saved {
        let saved = self.storage.recover().now_or_never();
        saved
            .expect("memory does not wait")
            .expect("memory does not fail")
    }

    /// What Ethereum tells at a start: the origin from which it is watched, and the newest anchor; `None` while it does not
    /// show that origin.
    fn learn(&self, saved: &Saved) -> Option<(L1Block, Option<AnchorSeen>)> {
        let header = saved.state.header;
        let shown = self.eye.block_now(header.l1_height).ok()??;
        let origin = (shown.hash == header.l1_hash).then_some(shown)?;
        let seen = self.eye.all_now().ok()?;
        let anchor = seen
            .iter()
            .flat_map(|observed| &observed.anchors)
            .last()
            .map(l1::seen);
        Some((origin, anchor))
    }

    /// The operator that storage and log hold, and its first effects.
    fn recover(
        &self,
        (index, site, scenario): (usize, &Site, &Scenario),
        local: Millis,
        (origin, anchor): (L1Block, Option<AnchorSeen>),
        log: Vec<Record>,
    ) -> (Operator<Mock>, Vec<Effect>) {
        let params = Params {
            genesis: site.genesis.clone(),
            committees: self.directory.committees(),
            key: site.members[index].key,
            consensus: scenario.config,
            mempool: MempoolLimits {
                transactions_max: 2_000,
                bytes_max: 1 << 20,
                ttl_ms: 600_000,
            },
            room: Room {
                blocks: scenario.room,
                ..Room::of(site.genesis.max_block_bytes)
            },
            silence_s: SILENCE_S,
            grace_s: GRACE_S,
            anchor,
            origin_time_s: origin.timestamp_s,
        };
        let make = if self.log.rejoins {
            Operator::rejoin_anew
        } else {
            Operator::recover
        };
        let scheme = Mock::of(index, &site.first.committee);
        make(local, params, scheme, self.saved(), log)
    }

    /// The first effects of a start that does not happen, in words.
    pub(super) fn rehearse(
        &self,
        index: usize,
        site: &Site,
        scenario: &Scenario,
        now: u64,
    ) -> Option<String> {
        let mut clock = self.clock;
        clock.start(now);
        let saved = self.saved();
        let learned = self.learn(&saved)?;
        let log = self.log.rehearse(&saved, &site.genesis)?;
        let (_, first) = self.recover((index, site, scenario), clock.read(now), learned, log);
        Some(format!("{first:?}"))
    }

    /// Starts from what the disk holds. The first effects still have to be performed.
    pub(super) fn start(
        &mut self,
        index: usize,
        site: &Site,
        scenario: &Scenario,
        now: u64,
    ) -> Result<Vec<Effect>, NoStart> {
        self.directory = site.directory();
        self.proof = self.proof.under(&self.directory);
        let running = self.saved().state.epoch;
        let entered = registry::enter_kept(&*self.eye, &self.directory, &self.kept, running).now_or_never();
        entered
            .expect("nothing of ours waits")
            .map_err(|_| NoStart::Blind)?;
        let saved = self.saved();
        let learned = self.learn(&saved).ok_or(NoStart::Blind)?;
        let seen = self.eye.all_now().map_err(|_| NoStart::Blind)?;
        let log = self.log.open(&saved, &site.genesis).map_err(NoStart::Log)?;
        self.clock.start(now);
        let local = self.clock.read(now);
        let (operator, first) = self.recover((index, site, scenario), local, learned, log);
        self.connected = operator.status().epoch;
        let confirmed = seen
            .len()
            .saturating_sub(usize::try_from(CONFIRMATIONS).expect("few"));
        self.books = Books::default();
        for observed in seen.iter().take(confirmed) {
            observed
                .anchors
                .iter()
                .for_each(|anchor| self.books.anchors.record(l1::seen(anchor)));
            observed
                .events
                .iter()
                .for_each(|event| self.books.docket.on_event(event));
            observed
                .notices
                .iter()
                .for_each(|notice| self.books.docket.on_notice(notice));
        }
        let (says, sightings) = mpsc::channel(SIGHTINGS_MAX);
        let config = WatcherConfig {
            poll: Duration::from_millis(POLL_MS),
            confirmations: CONFIRMATIONS,
            after: learned.0,
        };
        self.watcher = Some((Watcher::new(Arc::clone(&self.eye), config, says), sightings));
        self.operator = Some(operator);
        self.life += 1;
        (self.last_tick, self.latest) = (local, local);
        let open = self.books.docket.open().into_iter().map(Event::Noticed);
        self.inbox.extend(open.map(Arrival::Event));
        Ok(first)
    }

    /// Everything that was not on the disk is gone, and with the power also what storage had not made durable.
    pub(super) fn crash(&mut self, has_power: bool) {
        self.operator = None;
        self.watcher = None;
        self.inbox.clear();
        self.bodies = Bodies::default();
        self.timer = None;
        self.wake = None;
        self.turn_at = None;
        self.gossip.clear();
        self.gossip_since = None;
        self.asks.clear();
        self.tickets.clear();
        self.busy_until = 0;
        self.log.crash(has_power);
        if !has_power {
            self.storage.crash();
            self.unsynced = 0;
        }
    }

    /// One look at Ethereum; what it saw waits for the next turn.
    pub(super) fn look(&mut self) {
        let Some((watcher, sightings)) = &mut self.watcher else {
            return;
        };
        // A look that ended early is made again; what it saw before stands.
        let _ = watcher.look().now_or_never().expect("nothing of ours waits");
        while let Ok(sighting) = sightings.try_recv() {
            if let Sighting::Activated { epoch, hash } = sighting {
                self.directory.activate(epoch, hash);
            }
            let events = l1::translate(sighting, &self.books);
            self.inbox.extend(events.into_iter().map(Arrival::Event));
        }
    }

    /// Asks the watcher of Ethereum; the next look answers.
    pub(super) fn ask(&mut self, ask: Ask) {
        if let Some((watcher, _)) = &mut self.watcher {
            watcher.ask(ask);
        }
    }

    /// Writes the log anew when that is due, without what storage holds durably; `None` when that failed.
    pub(super) fn shorten_log(
        &mut self,
        running_at: impl Fn(Height) -> Option<Epoch>,
        is_settled: impl Fn(&Vote) -> bool,
    ) -> Result<Option<bool>, String> {
        let (Some(operator), Ok(durable)) = (&self.operator, self.storage.durable()) else {
            return Ok(Some(false));
        };
        let status = operator.status();
        let horizon = Horizon {
            durable,
            decided: status.height,
            first: running_at(durable).unwrap_or(status.epoch),
            running: status.epoch,
            final_view: status.final_view,
            is_settled,
            is_held: |block: &BlockId| operator.encoded_block(block).is_some(),
        };
        self.log.shorten(operator, &horizon)
    }

    /// A liar begins again and remembers nothing that it said.
    pub(super) fn forget(&mut self) {
        let above = self.saved().fence.unwrap_or(Lsn(0));
        self.log.begin_anew(above);
    }

    /// Storage is gone.
    pub(super) fn lose_storage(&mut self, index: usize, site: &Site) {
        self.put_back(Self::new_storage(index, site));
    }

    /// A storage that knows less.
    pub(super) fn put_back(&mut self, older: MemoryStorage) {
        self.had = self.had.max(Some(self.saved().state.header.height));
        self.storage = older;
        self.backup = None;
        self.unsynced = 0;
        self.log.forget_fence();
    }

    fn new_storage(index: usize, site: &Site) -> MemoryStorage {
        let identity = Identity::new(site.genesis.hash(), &site.members[index].key);
        MemoryStorage::new(identity, &site.genesis.state()).into_lazy()
    }
}

/// Each disk has a chance of its own.
fn disk_seed(seed: u64, index: usize) -> u64 {
    Random::new(seed, 5 + u64::try_from(index).expect("few")).below(u64::MAX)
}
