//! One operator with its shell's memory: log and storage as a disk keeps them, clock, inbox, its eye on Ethereum.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt as _;
use plasma_core::{Epoch, L1Block, Millis, TransactionId};
use plasma_node::{
    bridge::watcher::{Halt, Sighting, Watcher, WatcherConfig},
    config::committee::Successor,
    directory::Directory,
    folder::Identity,
    operator::{
        Operator, Params,
        effect::{Effect, Record},
        event::{Event, Offered},
        mempool::MempoolLimits,
    },
    runtime::{
        l1::{self, Books},
        log::{read_record, write_record},
        registry,
    },
    storage::{Saved, Storage as _, memory::MemoryStorage},
    wal,
};
use tokio::sync::mpsc;

use super::{
    ethereum::Eye,
    proof::Shared,
    scenario::Scenario,
    scheme::Mock,
    site::{CONFIRMATIONS, GRACE_S, SILENCE_S, START_S, Site},
};

/// The operator's time: it starts off the world's and runs a little faster or slower.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    pub(super) offset_ms: u64,
    /// Per thousand, around 1000.
    pub(super) rate: u64,
}

impl Clock {
    pub(super) fn read(&self, now: u64) -> Millis {
        Millis(START_S * 1_000 + self.offset_ms + now * self.rate / 1_000)
    }

    /// When it shows a time, as the world counts.
    pub(super) fn when(&self, at: Millis) -> u64 {
        let shown = at.0.saturating_sub(START_S * 1_000 + self.offset_ms);
        (shown * 1_000).div_ceil(self.rate.max(1))
    }
}

/// What waits for the next turn.
#[derive(Debug)]
pub(super) enum Arrival {
    Event(Event),
    Offered(Offered),
}

/// One operator and its world.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) operator: Option<Operator<Mock>>,
    pub(super) storage: MemoryStorage,
    pub(super) log: Vec<wal::Record>,
    /// Counts starts, so that what belongs to an earlier life is told.
    pub(super) life: u64,
    /// Documents of later committees, as its folder keeps them.
    pub(super) kept: Vec<Successor>,
    /// The committees that this life of it knows.
    pub(super) directory: Directory,
    /// What is checked before the operator sees it.
    pub(super) proof: Shared,
    /// The epoch whose operators are connected.
    pub(super) connected: Epoch,
    pub(super) clock: Clock,
    pub(super) inbox: VecDeque<Arrival>,
    pub(super) timer: Option<Millis>,
    pub(super) wake: Option<Millis>,
    pub(super) last_tick: Millis,
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
    /// Records at the last shortening of the log.
    shortened: usize,
    /// It said that it stops signing.
    pub(super) stopped: Option<String>,
}

/// The log is shortened when it has grown by so many records.
const LOG_GROWTH: usize = 48;
/// The watcher never waits for room: nothing here says more in one look.
const SIGHTINGS_MAX: usize = 1 << 16;
/// A look at Ethereum.
pub(super) const POLL_MS: u64 = 500;

impl Host {
    pub(super) fn new(index: usize, site: &Site, eye: Eye, proof: &Shared) -> Self {
        let identity = Identity::new(site.genesis.hash(), &site.members[index].key);
        let directory = site.directory();
        Self {
            operator: None,
            storage: MemoryStorage::new(identity, &site.genesis.state()).into_lazy(),
            log: Vec::new(),
            life: 0,
            kept: Vec::new(),
            proof: proof.under(&directory),
            directory,
            connected: Epoch(0),
            clock: Clock {
                offset_ms: 0,
                rate: 1_000,
            },
            inbox: VecDeque::new(),
            timer: None,
            wake: None,
            last_tick: Millis(0),
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
            shortened: 0,
            stopped: None,
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

    fn records(&self) -> Vec<Record> {
        let read = |record| read_record(record).expect("we wrote it");
        self.log.iter().map(read).collect()
    }

    /// The operator that the disk holds, its first effects, and the origin from which it watches; `None` while Ethereum does
    /// not show that origin.
    fn recover(
        &self,
        index: usize,
        site: &Site,
        scenario: &Scenario,
        now: u64,
    ) -> Option<(Operator<Mock>, Vec<Effect>, L1Block)> {
        let saved = self.saved();
        let header = saved.state.header;
        let shown = self.eye.block_now(header.l1_height).ok()??;
        let origin = (shown.hash == header.l1_hash).then_some(shown)?;
        let seen = self.eye.all_now().ok()?;
        let anchor = seen
            .iter()
            .flat_map(|observed| &observed.anchors)
            .last()
            .map(l1::seen);
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
            silence_s: SILENCE_S,
            grace_s: GRACE_S,
            anchor,
            origin_time_s: origin.timestamp_s,
        };
        let local = self.clock.read(now);
        let log = self.records();
        let (operator, first) =
            Operator::recover(local, params, Mock::of(index, &site.first.committee), saved, log);
        Some((operator, first, origin))
    }

    /// The first effects of a start that does not happen, in words.
    pub(super) fn rehearse(
        &self,
        index: usize,
        site: &Site,
        scenario: &Scenario,
        now: u64,
    ) -> Option<String> {
        let (_, first, _) = self.recover(index, site, scenario, now)?;
        Some(format!("{first:?}"))
    }

    /// Starts from what the disk holds; `None` while that is not possible. The first effects still have to be performed.
    pub(super) fn start(
        &mut self,
        index: usize,
        site: &Site,
        scenario: &Scenario,
        now: u64,
    ) -> Option<Vec<Effect>> {
        self.directory = site.directory();
        self.proof = self.proof.under(&self.directory);
        let entered = registry::enter_kept(&*self.eye, &self.directory, &self.kept).now_or_never();
        entered.expect("nothing of ours waits").ok()?;
        let (operator, first, origin) = self.recover(index, site, scenario, now)?;
        self.connected = operator.status().epoch;
        let local = self.clock.read(now);
        let seen = self.eye.all_now().ok()?;
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
            after: origin,
        };
        self.watcher = Some((Watcher::new(Arc::clone(&self.eye), config, says), sightings));
        self.operator = Some(operator);
        self.life += 1;
        self.last_tick = local;
        self.shortened = self.log.len();
        let open = self.books.docket.open().into_iter().map(Event::Noticed);
        self.inbox.extend(open.map(Arrival::Event));
        Some(first)
    }

    /// Everything that was not on the disk is gone, and with the power also what storage had not made durable.
    pub(super) fn crash(&mut self, has_power: bool) {
        self.operator = None;
        self.watcher = None;
        self.inbox.clear();
        self.timer = None;
        self.wake = None;
        self.turn_at = None;
        self.gossip.clear();
        self.gossip_since = None;
        self.asks.clear();
        self.tickets.clear();
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
        let ended = watcher.look().now_or_never().expect("nothing of ours waits");
        while let Ok(sighting) = sightings.try_recv() {
            let events = l1::translate(sighting, &self.books);
            self.inbox.extend(events.into_iter().map(Arrival::Event));
        }
        if let Err(Halt::Fault(fault)) = ended {
            let events = l1::translate(Sighting::Fault(fault), &self.books);
            self.inbox.extend(events.into_iter().map(Arrival::Event));
            self.watcher = None;
        }
    }

    /// Writes records with one barrier.
    pub(super) fn append(&mut self, records: &[&Record]) {
        self.log.extend(records.iter().map(|record| write_record(record)));
    }

    /// Writes the log anew when it has grown, without what storage holds durably.
    pub(super) fn shorten_log(&mut self) {
        if self.log.len() < self.shortened + LOG_GROWTH {
            return;
        }
        let (Some(operator), Ok(durable)) = (&self.operator, self.storage.durable()) else {
            return;
        };
        self.log.retain(|record| {
            let read = read_record(record);
            read.map_or(true, |record| operator.needs(&record, durable))
        });
        self.shortened = self.log.len();
    }
}
