//! Follows Ethereum and tells the runtime: confirmed blocks in order, and early signs at the head.
//!
//! One task per operator. Confirmed blocks come exactly once, oldest first, without a gap; the channel
//! is bounded, so a runtime that cannot take more holds the watcher back. Early signs (an anchor
//! mined, an exit ended) may be reorganised away again: duties and acknowledgements use them, the
//! ledger never does. After a fault nothing more is said until the operator asks for what follows an earlier block.

mod numbers;

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use plasma_core::{Epoch, ExitId, Hash, L1Block, L1Event, L1Height};
use tokio::{sync::mpsc, time::Instant};
use tracing::{info, warn};

use self::numbers::Numbers;
use super::{
    L1, Observed,
    cursor::{Cursor, L1Fault},
    decode::{Anchored, Notice},
    error::L1Error,
};

/// An Ethereum block at the confirmation depth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// The block.
    pub block: L1Block,
    /// Events that the ledger follows, in log order.
    pub events: Vec<L1Event>,
    /// Anchors mined in it: they are final now.
    pub anchors: Vec<Anchored>,
}

impl Confirmed {
    fn of(observed: Observed) -> Self {
        Self {
            block: observed.link.block,
            events: observed.events,
            anchors: observed.anchors,
        }
    }
}

/// What the watcher says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// The next confirmed block activates this committee: the event names the epoch alone.
    Activated {
        /// The epoch.
        epoch: Epoch,
        /// The committee's hash.
        hash: Hash,
    },
    /// The next confirmed block.
    Confirmed(Confirmed),
    /// The chain has a new newest block; it is not confirmed.
    Head(L1Block),
    /// Deposits in blocks above this height, not confirmed; what was said before of those blocks does not stand any more.
    Arriving {
        /// The height.
        above: L1Height,
        /// The deposits of those blocks that have any.
        blocks: Vec<(L1Height, Vec<L1Event>)>,
    },
    /// An anchor was mined; it may be reorganised away. Said when first seen and again when confirmed.
    Anchored(Anchored),
    /// A reorganisation took the block away in which this anchor was seen. Another may come in its place.
    AnchorLost(Anchored),
    /// An exit was paid, challenged or voided; it may be reorganised away. Said when first seen and again
    /// when confirmed.
    ExitSettled(ExitId),
    /// Something waits for an answer, or has one. Said when first seen, when it may be reorganised away, and again when
    /// confirmed.
    Noticed {
        /// What.
        notice: Notice,
        /// Whether it can no longer be reorganised away.
        is_confirmed: bool,
    },
    /// The blocks that were to be read once more.
    Reread(Vec<Confirmed>),
    /// Ethereum has contradicted what was handed on for long, and on every endpoint. Nothing comes after it but what is asked
    /// for.
    Fault(L1Fault),
}

/// What the operator asks of the watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Hand on what follows this block, which was handed on before.
    Follow(L1Block),
    /// Read these once more, at another endpoint first where there are several.
    Read(RangeInclusive<L1Height>),
}

/// How a watcher works.
#[derive(Clone, Copy, Debug)]
pub struct WatcherConfig {
    /// Time between two looks at the head.
    pub poll: Duration,
    /// `confirmations` of the genesis.
    pub confirmations: u32,
    /// The last block whose effects the ledger holds: the origin of the last decided block, or the
    /// deployment block of the genesis.
    pub after: L1Block,
}

/// Starts watching; the task ends when the receiver is dropped.
pub fn watch<L: L1>(l1: Arc<L>, config: WatcherConfig) -> (mpsc::Sender<Ask>, mpsc::Receiver<Sighting>) {
    let (says, sightings) = mpsc::channel(SIGHTINGS_MAX);
    let (asks, asked) = mpsc::channel(ASKS_MAX);
    tokio::spawn(Watcher::new(l1, config, says).run(config.poll, asked));
    (asks, sightings)
}

/// What one look at Ethereum needs to know of those before it.
#[derive(Debug)]
pub struct Watcher<L> {
    l1: Arc<L>,
    cursor: Cursor,
    /// The newest block reported.
    head: Option<L1Block>,
    /// Anchors told and not confirmed, with the block that each was seen in: a few per block of the unconfirmed chain.
    early_anchors: Vec<(L1Block, Anchored)>,
    /// The newest anchor that is confirmed: whatever is shown of it further up, it stands.
    settled: Option<Anchored>,
    /// Deposits were told that are perhaps not confirmed.
    is_arriving: bool,
    numbers: Numbers,
    /// Looks in a row that contradicted what was handed on, and how many are a fault.
    contradicted: u64,
    contradicted_max: u64,
    /// A fault was told.
    is_silent: bool,
    /// To be read once more.
    wanted: Option<RangeInclusive<L1Height>>,
    says: mpsc::Sender<Sighting>,
}

/// Why one look ended early.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// The endpoint does not answer, or not so that it can be believed; the next look may do better.
    #[error(transparent)]
    Failed(#[from] L1Error),
    /// The receiver is gone.
    #[error("nobody listens")]
    Unheard,
}

impl<L: L1> Watcher<L> {
    /// A watcher that has not looked yet.
    #[must_use]
    pub fn new(l1: Arc<L>, config: WatcherConfig, says: mpsc::Sender<Sighting>) -> Self {
        Self {
            l1,
            cursor: Cursor::new(config.after, config.confirmations),
            head: None,
            early_anchors: Vec::new(),
            settled: None,
            is_arriving: false,
            numbers: Numbers::default(),
            contradicted: 0,
            contradicted_max: looks_within(STEADY, config.poll),
            is_silent: false,
            wanted: None,
            says,
        }
    }

    /// Takes what the operator asks for; the next look does it.
    pub fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Follow(after) => {
                self.cursor.rewind(after);
                self.numbers.rewind(after.height);
                self.is_silent = false;
            }
            Ask::Read(range) => self.wanted = Some(range),
        }
    }

    async fn run(mut self, poll: Duration, mut asks: mpsc::Receiver<Ask>) {
        let mut healthy = Instant::now();
        let mut is_warned = false;
        loop {
            match self.look().await {
                Ok(()) if self.is_silent => {}
                Ok(()) => {
                    if is_warned {
                        info!(
                            silent_s = healthy.elapsed().as_secs(),
                            "Ethereum is followed again"
                        );
                    }
                    (healthy, is_warned) = (Instant::now(), false);
                }
                Err(Halt::Unheard) => return,
                // A single hiccup is normal; only when it lasts is it worth a line.
                Err(Halt::Failed(error)) => {
                    if !is_warned && healthy.elapsed() >= poll.saturating_mul(HICCUPS) {
                        warn!(%error, "Ethereum cannot be followed");
                        is_warned = true;
                    }
                }
            }
            // What is asked for waits for the next look as well: an endpoint is not asked more often than it was meant to be.
            let pause = tokio::time::sleep(poll);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    Some(ask) = asks.recv() => self.ask(ask),
                    () = self.says.closed() => return,
                }
            }
        }
    }

    /// One look: what is wanted once more, everything newly confirmed, then the head. It waits for the endpoint and for room
    /// in the channel alone.
    ///
    /// # Errors
    /// [`Halt`] says why it did not come to its end.
    pub async fn look(&mut self) -> Result<(), Halt> {
        let reread = self.read_again().await;
        let followed = self.follow().await;
        reread.and(followed)
    }

    async fn follow(&mut self) -> Result<(), Halt> {
        if self.is_silent {
            return Ok(());
        }
        let head = self.l1.head().await?;
        while let Some(range) = self.cursor.next_range(head.height) {
            self.read(range, &head).await?;
        }
        if self.head != Some(head) {
            self.look_early(&head).await?;
            self.say(Sighting::Head(head)).await?;
            self.head = Some(head);
        }
        Ok(())
    }

    async fn read(&mut self, range: RangeInclusive<L1Height>, head: &L1Block) -> Result<(), Halt> {
        let observed = match self.l1.observe(range).await {
            Ok(observed) => observed,
            Err(error) => {
                self.cursor.shrink();
                return Err(error.into());
            }
        };
        for block in observed {
            check_time(&block.link.block, head)?;
            self.confirm(block).await?;
        }
        self.cursor.grow();
        Ok(())
    }

    /// Reads what is wanted once more, as a whole: an attempt that fails begins anew with the next look.
    async fn read_again(&mut self) -> Result<(), Halt> {
        let Some(wanted) = self.wanted.clone() else {
            return Ok(());
        };
        self.l1.turn_away();
        let (mut blocks, mut rest) = (Vec::new(), wanted);
        while let Some(range) = self.cursor.chunk_of(rest.clone()) {
            rest = L1Height(range.end().0.saturating_add(1))..=*rest.end();
            let observed = self.l1.observe(range).await;
            for block in observed.inspect_err(|_| self.cursor.shrink())? {
                for (epoch, hash) in self.activated(&block.events).await? {
                    self.say(Sighting::Activated { epoch, hash }).await?;
                }
                blocks.push(Confirmed::of(block));
            }
        }
        self.wanted = None;
        self.say(Sighting::Reread(blocks)).await
    }

    async fn confirm(&mut self, observed: Observed) -> Result<(), Halt> {
        let height = observed.link.block.height;
        // First, because another chain has its deposits elsewhere.
        if let Err(gap) = self.cursor.check(&observed.link) {
            self.contradict().await?;
            return Err(inconsistent(height, gap.to_string()).into());
        }
        if let Err(reason) = self.numbers.check(&observed.events) {
            self.l1.turn_away();
            self.count_contradiction(L1Fault::Deposits { height }).await?;
            return Err(inconsistent(height, reason).into());
        }
        let activated = self.activated(&observed.events).await?;
        self.cursor
            .accept(&observed.link)
            .map_err(|gap| inconsistent(height, gap.to_string()))?;
        self.contradicted = 0;
        self.numbers.note(height, &observed.events);
        // Again, should the early look have missed them: whoever follows duties takes each once.
        self.say_signs(&observed, true).await?;
        self.settled = observed.anchors.last().copied().or(self.settled);
        self.early_anchors
            .retain(|(_, anchored)| !observed.anchors.contains(anchored));
        for (epoch, hash) in activated {
            self.say(Sighting::Activated { epoch, hash }).await?;
        }
        self.say(Sighting::Confirmed(Confirmed::of(observed))).await
    }

    /// A block does not continue what was handed on. Either the chain below was replaced, or answers come from two forks: the
    /// height that was handed on last decides which, and only when it does so in every look for a while. An endpoint that is
    /// wrong for a moment must not end an operator.
    async fn contradict(&mut self) -> Result<(), Halt> {
        let delivered = self.cursor.last().height;
        let now = self.l1.block(delivered).await?;
        let now = now.ok_or(L1Error::UnknownBlock(delivered))?;
        self.l1.turn_away();
        let Err(fault) = self.cursor.check_delivered(&now) else {
            self.contradicted = 0;
            self.cursor.correct_time(&now);
            return Ok(());
        };
        self.count_contradiction(fault).await
    }

    /// What every look of a while shows is a fault.
    async fn count_contradiction(&mut self, fault: L1Fault) -> Result<(), Halt> {
        self.contradicted += 1;
        if self.contradicted >= self.contradicted_max {
            self.contradicted = 0;
            self.is_silent = true;
            self.say(Sighting::Fault(fault)).await?;
        }
        Ok(())
    }

    /// The committees that a block activates. What an epoch's committee is never changes again, so the newest state tells it.
    async fn activated(&self, events: &[L1Event]) -> Result<Vec<(Epoch, Hash)>, L1Error> {
        let mut activated = Vec::new();
        for event in events {
            if let L1Event::CommitteeActivated { epoch } = event {
                activated.push((*epoch, self.l1.activated(*epoch).await?));
            }
        }
        Ok(activated)
    }

    /// Looks for early signs in what is not confirmed yet. Far behind the head there are none worth it.
    async fn look_early(&mut self, head: &L1Block) -> Result<(), Halt> {
        let confirmed = self.cursor.last().height;
        let (mut above, mut observed) = (confirmed, Vec::new());
        let known = self
            .head
            .filter(|known| confirmed <= known.height && known.height < head.height);
        if let Some(known) = known {
            (above, observed) = (known.height, self.observe_above(known.height, head).await?);
        }
        let is_extension = known
            .zip(observed.first())
            .is_some_and(|(known, first)| first.link.parent == known.hash);
        if !is_extension {
            // A reorganisation, or the first look: nothing above the confirmed chain is known.
            (above, observed) = (confirmed, self.observe_above(confirmed, head).await?);
        }
        for block in &observed {
            self.say_signs(block, false).await?;
        }
        self.say_arriving(above, observed, is_extension).await
    }

    /// The deposits of the newest blocks, and that those told before are gone when the chain below is another one.
    async fn say_arriving(
        &mut self,
        above: L1Height,
        observed: Vec<Observed>,
        is_extension: bool,
    ) -> Result<(), Halt> {
        let mut blocks = Vec::new();
        for mut block in observed {
            block
                .events
                .retain(|event| matches!(event, L1Event::Deposited { .. }));
            if !block.events.is_empty() {
                blocks.push((block.link.block.height, block.events));
            }
        }
        let takes_back = self.is_arriving && !is_extension;
        if blocks.is_empty() && !takes_back {
            return Ok(());
        }
        self.is_arriving = !blocks.is_empty() || (self.is_arriving && is_extension);
        self.say(Sighting::Arriving { above, blocks }).await
    }

    /// The newest blocks above a height, up to this head and linked to it, or they are of several forks.
    async fn observe_above(&self, height: L1Height, head: &L1Block) -> Result<Vec<Observed>, Halt> {
        let first =
            L1Height(head.height.0.saturating_sub(EARLY_MAX - 1)).max(height.next().unwrap_or(height));
        if first > head.height {
            return Ok(Vec::new());
        }
        let observed = self.l1.glimpse(first..=head.height).await?;
        let is_linked = observed
            .iter()
            .zip(observed.iter().skip(1))
            .all(|(parent, child)| child.link.parent == parent.link.block.hash);
        let is_whole = observed.last().is_some_and(|last| last.link.block == *head);
        if is_linked && is_whole {
            return Ok(observed);
        }
        let reason = format!("the blocks below {} are not its ancestors", head.hash);
        Err(inconsistent(head.height, reason).into())
    }

    /// What a block says, after what it takes back: anchors of another block at its height, and when it is confirmed all that
    /// were seen up to there and are not in it.
    async fn say_signs(&mut self, observed: &Observed, is_confirmed: bool) -> Result<(), Halt> {
        let block = observed.link.block;
        let is_lost = |(other, anchored): &(L1Block, Anchored)| {
            let is_replaced = other.height == block.height && other.hash != block.hash;
            let is_refuted = other.height <= block.height && !observed.anchors.contains(anchored);
            is_replaced || (is_confirmed && is_refuted)
        };
        let (lost, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.early_anchors)
            .into_iter()
            .partition(is_lost);
        self.early_anchors = kept;
        for (_, anchored) in lost {
            // Mined again further down with the same values, it stands.
            let is_kept = self.early_anchors.iter().any(|(_, kept)| *kept == anchored);
            if !is_kept && self.settled != Some(anchored) {
                self.say(Sighting::AnchorLost(anchored)).await?;
            }
        }
        for anchored in &observed.anchors {
            self.say(Sighting::Anchored(*anchored)).await?;
            if !self.early_anchors.contains(&(block, *anchored)) {
                self.early_anchors.push((block, *anchored));
            }
        }
        for exit in observed.events.iter().filter_map(ended) {
            self.say(Sighting::ExitSettled(exit)).await?;
        }
        for notice in &observed.notices {
            let notice = notice.clone();
            self.say(Sighting::Noticed { notice, is_confirmed }).await?;
        }
        Ok(())
    }

    /// Waits for room: the runtime's pace is the pace of the bridge.
    async fn say(&self, sighting: Sighting) -> Result<(), Halt> {
        self.says.send(sighting).await.map_err(|_| Halt::Unheard)
    }
}

/// How many looks are made in a time; one is never enough.
fn looks_within(time: Duration, poll: Duration) -> u64 {
    let looks = time.as_millis().div_ceil(poll.as_millis().max(1));
    u64::try_from(looks).unwrap_or(u64::MAX).max(2)
}

/// A block stands below the head, so it is not later: a false time that is would be later than all blocks that come.
fn check_time(block: &L1Block, head: &L1Block) -> Result<(), L1Error> {
    if block.timestamp_s <= head.timestamp_s {
        return Ok(());
    }
    let reason = format!(
        "its time is {}, that of the head above it {}",
        block.timestamp_s, head.timestamp_s
    );
    Err(inconsistent(block.height, reason))
}

fn inconsistent(height: L1Height, reason: String) -> L1Error {
    L1Error::Inconsistent { height, reason }
}

fn ended(event: &L1Event) -> Option<ExitId> {
    match event {
        L1Event::ExitEnded { id, .. } | L1Event::InFlightExitEnded { id, .. } => Some(*id),
        _ => None,
    }
}

/// A chunk of confirmed blocks and their signs; the runtime takes them all in one turn.
pub const SIGHTINGS_MAX: usize = 256;
/// What the operator asks for waits here; it asks for one thing of each kind at a time.
const ASKS_MAX: usize = 8;
/// So long every look must show another block before it is a fault. Nodes and hosted endpoints are on a wrong fork for
/// seconds, after a restart or behind a balancer; a real reorganisation deeper than the confirmations stays.
pub const STEADY: Duration = Duration::from_secs(60);
/// Failed looks in a row before it is worth a line in the log.
const HICCUPS: u32 = 10;
/// Most unconfirmed blocks that are searched for early signs; confirmation depths are below it.
const EARLY_MAX: u64 = 64;
