//! A cluster in memory with FoundationDB's rules: versions, conflicts, limits, and every answer that leaves a client in doubt.
//!
//! Time is a number that pauses move. A commit whose answer is lost may have happened, may never happen, or may happen
//! later, then by the same rules as any other.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use plasma_node::storage::foundation::cluster::{
    Cluster, Fault, Isolation, KeyRange, READS_MAX, Retry, TOO_OLD, Transaction,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// A handle of the cluster; a clone is another client of the same one.
#[derive(Clone)]
pub(crate) struct Simulated {
    name: String,
    world: Arc<Mutex<World>>,
}

impl std::fmt::Debug for Simulated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulated")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

type Hook = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
pub(crate) struct World {
    version: i64,
    keys: BTreeMap<Vec<u8>, Versions>,
    now: Duration,
    late: Vec<Sent>,
    directories: BTreeMap<Vec<String>, Vec<u8>>,
    faults: Option<(StdRng, u32)>,
    /// How often each fault was given.
    pub(crate) given: BTreeMap<i32, u64>,
    /// Late commits that happened, and that failed on what had changed.
    pub(crate) late_commits: (u64, u64),
    calls: u64,
    crash_at: Option<u64>,
    hook: Option<Hook>,
    after_commit: Option<Hook>,
    /// Commits until the one that is answered by nothing and arrives only when it is let through.
    held_in: Option<u64>,
    held: Vec<Sent>,
    hangs_after_hold: bool,
    leaves_after_hold: bool,
}

/// What a key held since when.
type Versions = Vec<(i64, Option<Vec<u8>>)>;

/// What a transaction sends.
#[derive(Clone)]
struct Sent {
    version: i64,
    reads: Vec<(Vec<u8>, Vec<u8>)>,
    writes: Vec<Write>,
}

#[derive(Clone)]
enum Write {
    Set(Vec<u8>, Vec<u8>),
    Clear(Vec<u8>, Vec<u8>),
}

/// A transaction of one handle.
pub(crate) struct Simulation {
    cluster: Simulated,
    begun: Duration,
    sent: Mutex<Sent>,
}

impl Simulated {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            world: Arc::default(),
        }
    }

    /// From now on so many percent of all calls fail in one of the ways that pass.
    pub(crate) fn with_faults(self, seed: u64, percent: u32) -> Self {
        self.world().faults = Some((StdRng::seed_from_u64(seed), percent));
        self
    }

    /// The process of this client dies at its n-th call from now; `None`: it lives again.
    pub(crate) fn crash_at(&self, call: Option<u64>) {
        let mut world = self.world();
        world.crash_at = call.map(|call| world.calls + call);
    }

    /// What happens elsewhere while somebody waits.
    pub(crate) fn meanwhile(&self, hook: impl Fn() + Send + Sync + 'static) {
        self.world().hook = Some(Arc::new(hook));
    }

    /// What somebody looks at after every commit that was heard.
    pub(crate) fn after_commit(&self, hook: impl Fn() + Send + Sync + 'static) {
        self.world().after_commit = Some(Arc::new(hook));
    }

    /// The n-th commit from now gets no answer in time and is held up on its way.
    pub(crate) fn hold_commit(&self, number: u64) {
        self.world().held_in = Some(number);
    }

    /// The process hears nothing more behind the commit that is held up.
    pub(crate) fn hang_after_hold(&self) {
        self.world().hangs_after_hold = true;
    }

    /// Nobody is answered behind the commit that is held up, until the faults stop.
    pub(crate) fn leave_after_hold(&self) {
        self.world().leaves_after_hold = true;
    }

    /// How many commits are held up.
    pub(crate) fn held(&self) -> usize {
        self.world().held.len()
    }

    /// Whatever was held up arrives: how many commits that were, and how many of them happened.
    pub(crate) fn release_held(&self) -> (usize, usize) {
        let mut world = self.world();
        let held = std::mem::take(&mut world.held);
        let happened = held.iter().filter(|sent| world.try_commit(sent)).count();
        (held.len(), happened)
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn call(&self) -> Result<MutexGuard<'_, World>, Fault> {
        let mut world = self.world();
        world.calls += 1;
        if world.crash_at.is_some_and(|at| world.calls >= at) {
            return Err(fault(0, Retry::Never));
        }
        world.arrive_late();
        Ok(world)
    }
}

impl World {
    /// The weather clears; what is still under way arrives or is lost.
    pub(crate) fn stop_faults(&mut self) {
        for sent in std::mem::take(&mut self.late) {
            self.try_commit(&sent);
        }
        self.faults = None;
    }

    fn draw(&mut self, codes: &[i32]) -> Option<i32> {
        let (random, percent) = self.faults.as_mut()?;
        if random.random_range(0..100) >= *percent {
            return None;
        }
        let code = codes[random.random_range(0..codes.len())];
        *self.given.entry(code).or_default() += 1;
        Some(code)
    }

    fn coin(&mut self, percent: u32) -> bool {
        self.faults
            .as_mut()
            .is_some_and(|(random, _)| random.random_range(0..100) < percent)
    }

    /// Some of what was sent and never answered arrives now.
    fn arrive_late(&mut self) {
        let mut index = 0;
        while index < self.late.len() {
            if self.coin(20) {
                let sent = self.late.remove(index);
                match self.try_commit(&sent) {
                    true => self.late_commits.0 += 1,
                    false => self.late_commits.1 += 1,
                }
            } else {
                index += 1;
            }
        }
    }

    fn try_commit(&mut self, sent: &Sent) -> bool {
        let has_changed = |(from, to): &(Vec<u8>, Vec<u8>)| {
            let range = (Bound::Included(from.clone()), Bound::Excluded(to.clone()));
            from < to
                && self.keys.range(range).any(|(_, versions)| {
                    versions
                        .last()
                        .is_some_and(|(version, _)| *version > sent.version)
                })
        };
        if sent.reads.iter().any(has_changed) {
            return false;
        }
        self.version += 1;
        let version = self.version;
        for write in &sent.writes {
            match write {
                Write::Set(key, value) => {
                    self.keys
                        .entry(key.clone())
                        .or_default()
                        .push((version, Some(value.clone())));
                }
                Write::Clear(from, to) => {
                    let range = (Bound::Included(from.clone()), Bound::Excluded(to.clone()));
                    for (_, versions) in self.keys.range_mut(range) {
                        versions.push((version, None));
                    }
                }
            }
        }
        true
    }

    fn at(&self, key: &[u8], version: i64) -> Option<Vec<u8>> {
        let versions = self.keys.get(key)?;
        let seen = versions.iter().rev().find(|(written, _)| *written <= version)?;
        seen.1.clone()
    }
}

impl Cluster for Simulated {
    type Transaction = Simulation;

    fn name(&self) -> &str {
        &self.name
    }

    fn begin(&self, version: Option<i64>) -> Result<Simulation, Fault> {
        let world = self.world();
        let (begun, newest) = (world.now, world.version);
        drop(world);
        let sent = Sent {
            version: version.unwrap_or(newest),
            reads: Vec::new(),
            writes: Vec::new(),
        };
        Ok(Simulation {
            cluster: self.clone(),
            begun,
            sent: Mutex::new(sent),
        })
    }

    fn directory(&self, path: &[String]) -> Result<Vec<u8>, Fault> {
        let mut world = self.call()?;
        if let Some(code) = world.draw(&READ_FAULTS) {
            return Err(fault(code, Retry::Again));
        }
        let next = u8::try_from(world.directories.len()).unwrap();
        let prefix = world
            .directories
            .entry(path.to_vec())
            .or_insert_with(|| vec![0x15, next]);
        Ok(prefix.clone())
    }

    fn now(&self) -> Duration {
        self.world().now
    }

    fn pause(&self, time: Duration) {
        let mut world = self.world();
        world.now += time;
        let hook = world.hook.clone();
        drop(world);
        if let Some(hook) = hook {
            hook();
        }
    }
}

impl Simulation {
    fn read(&self) -> Result<MutexGuard<'_, World>, Fault> {
        let mut world = self.cluster.call()?;
        if world.now - self.begun > Duration::from_secs(5) {
            return Err(fault(TOO_OLD, Retry::Again));
        }
        match world.draw(&READ_FAULTS) {
            Some(code) => Err(fault(code, Retry::Again)),
            None => Ok(world),
        }
    }
}

impl Transaction for Simulation {
    fn version(&self) -> Result<i64, Fault> {
        drop(self.read()?);
        Ok(self.sent.lock().unwrap().version)
    }

    fn values(&self, keys: &[Vec<u8>], isolation: Isolation) -> Result<Vec<Option<Vec<u8>>>, Fault> {
        assert!(keys.len() <= READS_MAX, "reads are bounded");
        let world = self.read()?;
        let mut sent = self.sent.lock().unwrap();
        let values = keys.iter().map(|key| world.at(key, sent.version)).collect();
        if isolation == Isolation::Serializable {
            let ranges = keys
                .iter()
                .map(|key| (key.clone(), [key.as_slice(), &[0]].concat()));
            sent.reads.extend(ranges);
        }
        Ok(values)
    }

    fn range(&self, range: KeyRange<'_>, isolation: Isolation) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Fault> {
        let world = self.read()?;
        let mut sent = self.sent.lock().unwrap();
        if isolation == Isolation::Serializable {
            sent.reads.push((range.from.to_vec(), range.to.to_vec()));
        }
        if range.from >= range.to {
            return Ok(Vec::new());
        }
        let keys: Vec<&Vec<u8>> = world
            .keys
            .range::<[u8], _>((Bound::Included(range.from), Bound::Excluded(range.to)))
            .map(|(key, _)| key)
            .collect();
        let in_order: Box<dyn Iterator<Item = &&Vec<u8>>> = match range.is_reverse {
            true => Box::new(keys.iter().rev()),
            false => Box::new(keys.iter()),
        };
        let rows = in_order.filter_map(|key| Some(((*key).clone(), world.at(key, sent.version)?)));
        Ok(rows.take(range.limit).collect())
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        assert!(
            key.len() <= 10_000 && value.len() <= 100_000,
            "the cluster's limits"
        );
        let write = Write::Set(key.to_vec(), value.to_vec());
        self.sent.lock().unwrap().writes.push(write);
    }

    fn clear(&self, from: &[u8], to: &[u8]) {
        assert!(from < to, "a range to clear has its end behind its beginning");
        let write = Write::Clear(from.to_vec(), to.to_vec());
        self.sent.lock().unwrap().writes.push(write);
    }

    fn commit(self) -> Result<(), Fault> {
        let mut world = self.cluster.call()?;
        let sent = self.sent.into_inner().unwrap();
        let size: usize = sent
            .writes
            .iter()
            .map(|write| match write {
                Write::Set(key, value) => key.len() + value.len(),
                Write::Clear(from, to) => from.len() + to.len(),
            })
            .sum();
        assert!(size <= 10_000_000, "the cluster's limit");
        if let Some(left) = world.held_in.as_mut() {
            *left -= 1;
            if *left == 0 {
                world.held_in = None;
                world.held.push(sent);
                if std::mem::take(&mut world.hangs_after_hold) {
                    world.crash_at = Some(0);
                }
                if std::mem::take(&mut world.leaves_after_hold) {
                    world.faults = Some((StdRng::seed_from_u64(1), 100));
                }
                return Err(fault(1031, Retry::MaybeCommitted));
            }
        }
        match world.draw(&COMMIT_FAULTS) {
            None => {}
            Some(code @ 1020) => return Err(fault(code, Retry::Again)),
            // commit_unknown_result: it happened or it will never happen.
            Some(code @ 1021) => {
                if world.coin(50) {
                    world.try_commit(&sent);
                }
                return Err(fault(code, Retry::MaybeCommitted));
            }
            // transaction_timed_out, cluster_version_changed: it may also happen later.
            Some(code) => {
                if world.coin(33) {
                    world.try_commit(&sent);
                } else if world.coin(70) {
                    world.late.push(sent);
                }
                return Err(fault(code, Retry::MaybeCommitted));
            }
        }
        if world.now - self.begun > Duration::from_secs(5) {
            return Err(fault(TOO_OLD, Retry::Again));
        }
        if !world.try_commit(&sent) {
            return Err(fault(1020, Retry::Again));
        }
        let look = world.after_commit.clone();
        drop(world);
        look.into_iter().for_each(|look| look());
        Ok(())
    }
}

fn fault(code: i32, retry: Retry) -> Fault {
    Fault {
        code,
        message: format!("simulated fault {code}"),
        retry,
    }
}

/// future_version, process_behind, transaction_timed_out, tag_throttled.
pub(crate) const READ_FAULTS: [i32; 4] = [1009, 1037, 1031, 1213];

/// not_committed, commit_unknown_result, transaction_timed_out, cluster_version_changed.
pub(crate) const COMMIT_FAULTS: [i32; 4] = [1020, 1021, 1031, 1039];
