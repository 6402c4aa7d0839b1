//! Links that lose, delay, repeat and cut, until the calm; a little loss stays even then.

use std::num::NonZeroU64;

use plasma_consensus::Message;

use super::{random::Random, scenario::Scenario};

/// The state of all links.
#[derive(Debug, Default)]
pub(crate) struct Network {
    /// While a partition lasts: the members of one side, and its end.
    side: u128,
    parted_until: u64,
    /// One direction only: what the side says is lost, what it hears is not.
    is_one_way: bool,
    /// A member that hears both sides and is heard by both.
    bridge: Option<u16>,
    /// While one kind of message is cut between two members.
    cut: Option<(u16, u16, u8)>,
    cut_until: u64,
}

/// Loss per ten thousand that remains after the calm.
const CALM_LOSS: u64 = 50;

impl Network {
    /// Begins a partition or a cut now and then.
    pub(crate) fn stir(&mut self, now: u64, scenario: &Scenario, random: &mut Random) -> bool {
        let mut parted = false;
        if now >= self.parted_until && random.chance(scenario.partitions) {
            self.side = random.mask() & ((1 << scenario.n) - 1);
            self.parted_until = now + random.between(100, 3_000);
            self.is_one_way = random.chance(3_000);
            self.bridge = None;
            if random.chance(scenario.bridges) {
                self.bridge = u16::try_from(random.below(u64::from(scenario.n))).ok();
            }
            parted = true;
        }
        if now >= self.cut_until && random.chance(scenario.cuts) {
            let n = u64::from(scenario.n);
            let mut member = || u16::try_from(random.below(n)).expect("below n");
            let (from, to) = (member(), member());
            self.cut = Some((from, to, u8::try_from(random.below(8)).expect("below 8")));
            self.cut_until = now + random.between(500, 5_000);
        }
        parted
    }

    /// A partition until the calm.
    pub(crate) fn split(&mut self, side: u128) {
        self.side = side;
        self.parted_until = u64::MAX;
        self.is_one_way = false;
    }

    /// All links work again.
    pub(crate) fn calm(&mut self) {
        self.parted_until = 0;
        self.cut_until = 0;
    }

    /// Whether anything can go from one member to another.
    pub(crate) fn is_open(&self, now: u64, from: u16, to: u16) -> bool {
        let inside = |member: u16| self.side >> member & 1 == 1;
        let is_bridged = self.bridge.is_some_and(|bridge| from == bridge || to == bridge);
        let is_parted = now < self.parted_until && inside(from) != inside(to) && !is_bridged;
        !is_parted || (self.is_one_way && !inside(from))
    }

    /// The delays of the copies of one message that arrive.
    pub(crate) fn carry(
        &self,
        now: u64,
        (from, to): (u16, u16),
        message: &Message,
        scenario: &Scenario,
        random: &mut Random,
    ) -> [Option<u64>; 2] {
        let is_calm = now >= scenario.calm_at_ms;
        let is_cut = now < self.cut_until && self.cut == Some((from, to, kind(message)));
        let loss = if is_calm {
            CALM_LOSS.min(scenario.loss)
        } else {
            scenario.loss
        };
        if is_cut || !self.is_open(now, from, to) || random.chance(loss) {
            return [None, None];
        }
        let mut delay = scenario.delay_ms + random.below(scenario.jitter_ms + 1);
        if !is_calm && random.chance(scenario.stragglers) {
            delay *= random.between(2, 40);
        }
        if let Some(rate) = NonZeroU64::new(scenario.bytes_per_ms) {
            let bytes = message.encode().len();
            delay += u64::try_from(bytes).expect("fits") / rate;
        }
        let again = !is_calm && random.chance(scenario.duplicates);
        [Some(delay), again.then(|| delay + random.below(300))]
    }
}

fn kind(message: &Message) -> u8 {
    match message {
        Message::Vote(vote) => match vote.statement.kind() {
            plasma_consensus::Kind::Notarize => 0,
            plasma_consensus::Kind::Nullify => 1,
            plasma_consensus::Kind::Finalize => 2,
        },
        Message::Certified(certified) => match certified.statement.kind() {
            plasma_consensus::Kind::Notarize => 3,
            plasma_consensus::Kind::Nullify => 4,
            plasma_consensus::Kind::Finalize => 5,
        },
        Message::Proposal(_) => 6,
        Message::Status(_) => 7,
    }
}
