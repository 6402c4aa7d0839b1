//! Whom a lagging operator asks, and what peers that stall, lie or have nothing cost it.

use plasma_core::{BlockId, Hash, Height, Millis, Peer};
use plasma_node::operator::{
    chain::FINALS_MAX,
    effect::Effect,
    sync::{
        DEADLINE_MAX_MS, DEADLINE_MS, OPEN_MAX, PASSED_MS, PAUSE_MS, Sync, WANTED_BYTES_MAX, WANTED_BYTES_MIN,
    },
};

use super::{
    cast::peer,
    federation::{five_payments_without_the_last, funded, pay_one_by_one},
};

const START: Millis = Millis(1_000_000);

/// A lagging operator, its peers and its clock.
struct Laggard {
    sync: Sync,
    now: Millis,
    /// A block that is known to be missing.
    one: Option<BlockId>,
    /// How much it asked for last.
    wants: u32,
}

impl Laggard {
    fn with(peers: u16) -> Self {
        let mut sync = Sync::default();
        (0..peers).for_each(|index| sync.on_peer_up(peer(index)));
        Self {
            sync,
            now: START,
            one: Some(BlockId(Hash([7; 32]))),
            wants: 0,
        }
    }

    fn wait(&mut self, ms: u64) {
        self.now = self.now.plus(ms);
    }

    /// Whom it asks now, if anybody, and whether for a single block.
    fn asks(&mut self) -> Option<(Peer, bool)> {
        let effects = self.sync.ask(self.now, Height(5), self.one);
        effects.into_iter().find_map(|effect| match effect {
            Effect::RequestBlocks { from, after, bytes } => {
                assert_eq!(after, Height(5));
                self.wants = bytes;
                Some((from, false))
            }
            Effect::RequestBlock { from, .. } => Some((from, true)),
            _ => None,
        })
    }

    fn answers(&mut self, from: Peer, useful: bool) {
        self.sync.on_answer(self.now, from, useful);
    }
}

#[test]
fn one_request_at_a_time_is_waited_for_and_peers_take_turns() {
    let mut laggard = Laggard::with(3);
    let (first, _) = laggard.asks().unwrap();
    laggard.wait(DEADLINE_MS - 1);
    assert_eq!(laggard.asks(), None);
    let mut asked = vec![first];
    for _ in 0..2 {
        laggard.answers(*asked.last().unwrap(), true);
        asked.push(laggard.asks().unwrap().0);
    }
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 3, "each once");
}

#[test]
fn a_peer_that_stalls_costs_its_deadline_and_is_then_passed_over() {
    let mut laggard = Laggard::with(3);
    let (staller, _) = laggard.asks().unwrap();
    laggard.wait(DEADLINE_MS);
    // The others answer at once, for as long as the staller is passed over.
    let mut rounds = 0;
    let from = laggard.now;
    while laggard.now.since(from) < PASSED_MS {
        let (other, _) = laggard.asks().expect("nobody is waited for");
        assert_ne!(other, staller);
        laggard.wait(50);
        laggard.answers(other, true);
        rounds += 1;
    }
    assert!(rounds > 100);
}

#[test]
fn a_peer_that_goes_on_failing_is_passed_over_for_longer_each_time() {
    let mut laggard = Laggard::with(2);
    let staller = peer(0);
    let mut asked_at: Vec<Millis> = Vec::new();
    for _ in 0..20_000 {
        match laggard.asks() {
            Some((asked, _)) if asked == staller => asked_at.push(laggard.now),
            Some((other, _)) => laggard.answers(other, true),
            None => {}
        }
        // The transport gives up what the staller was asked.
        let is_given_up = |at: &Millis| laggard.now.since(*at) >= DEADLINE_MAX_MS;
        if asked_at.last().is_some_and(is_given_up) {
            laggard.answers(staller, false);
        }
        laggard.wait(10);
    }
    let pauses: Vec<u64> = asked_at.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    assert!(pauses.len() >= 3, "{pauses:?}");
    for pair in pauses.windows(2) {
        assert!(pair[1] > pair[0] * 3 / 2, "{pauses:?}");
    }
}

#[test]
fn a_late_answer_counts_and_makes_the_deadline_longer() {
    let mut laggard = Laggard::with(2);
    let (slow, _) = laggard.asks().unwrap();
    laggard.wait(DEADLINE_MS);
    let (other, _) = laggard.asks().unwrap();
    laggard.wait(2_000);
    laggard.answers(slow, true);
    laggard.answers(other, true);
    // It brought something, so it is not passed over. The link is slow, so it gets the time that it needs.
    assert!(!laggard.sync.is_starved());
    assert_eq!(laggard.asks(), Some((slow, false)));
    laggard.wait(3 * DEADLINE_MS);
    assert_eq!(laggard.asks(), None);
}

#[test]
fn only_so_many_requests_are_on_their_way_when_all_stall() {
    let mut laggard = Laggard::with(30);
    let mut asked = Vec::new();
    for _ in 0..1_000 {
        asked.extend(laggard.asks());
        laggard.wait(50);
    }
    assert_eq!(asked.len(), OPEN_MAX);
}

#[test]
fn an_empty_answer_asks_another_peer_for_a_single_block() {
    let mut laggard = Laggard::with(3);
    let (empty, single) = laggard.asks().unwrap();
    assert!(!single);
    laggard.answers(empty, false);
    let (other, single) = laggard.asks().unwrap();
    assert!(other != empty && single);
    laggard.answers(other, true);
    assert!(!laggard.asks().unwrap().1, "a row again");
}

#[test]
fn who_only_meets_empty_peers_asks_at_a_walk() {
    let mut laggard = Laggard::with(3);
    let mut asked = 0;
    for _ in 0..1_000 {
        if let Some((from, _)) = laggard.asks() {
            asked += 1;
            laggard.answers(from, false);
        }
        laggard.wait(10);
    }
    assert!(laggard.sync.is_starved());
    let most = 10_000 / PAUSE_MS + 3;
    assert!(asked <= most, "{asked} requests in ten seconds");
    assert!(asked > most / 2, "it goes on asking: {asked}");
}

/// Whoever is asked gives all that is wanted, as fast as the link is. What has not come when the transport gives up is lost.
#[test]
fn a_slow_link_asks_for_no_more_than_it_can_load() {
    for bytes_per_second in [16 << 10, 256 << 10, 16 << 20] {
        let mut laggard = Laggard::with(3);
        let mut loaded = 0;
        let mut on_its_way: Vec<(Millis, Peer, Option<u32>)> = Vec::new();
        for _ in 0..100_000 {
            if let Some((from, single)) = laggard.asks() {
                let bytes = if single { 8 << 10 } else { laggard.wants };
                let takes_ms = u64::from(bytes) * 1_000 / bytes_per_second;
                let comes = (takes_ms < DEADLINE_MAX_MS).then_some(bytes);
                let at = laggard.now.plus(takes_ms.min(DEADLINE_MAX_MS));
                on_its_way.push((at, from, comes));
            }
            laggard.wait(10);
            let now = laggard.now;
            for (_, from, bytes) in on_its_way.extract_if(.., |(at, ..)| *at <= now) {
                loaded += u64::from(bytes.unwrap_or_default());
                laggard.answers(from, bytes.is_some());
            }
        }
        let most = 1_000 * bytes_per_second;
        assert!(loaded >= most / 8, "{loaded} of {most} bytes came");
    }
}

#[test]
fn how_much_is_wanted_is_halved_with_each_deadline_and_doubled_with_each_quick_answer() {
    let mut laggard = Laggard::with(1);
    let mut wanted = Vec::new();
    for _ in 0..12 {
        let (from, single) = laggard.asks().unwrap();
        if single {
            laggard.answers(from, true);
            break;
        }
        wanted.push(laggard.wants);
        laggard.wait(DEADLINE_MAX_MS);
        laggard.answers(from, false);
        laggard.wait(PAUSE_MS);
    }
    assert_eq!(wanted[..3], [15 << 20, 15 << 19, 15 << 18]);
    assert_eq!(wanted.last(), Some(&WANTED_BYTES_MIN), "then single blocks");
    while laggard.wants < WANTED_BYTES_MAX {
        let before = laggard.wants;
        let (from, single) = laggard.asks().unwrap();
        assert!(single || laggard.wants >= before);
        laggard.wait(50);
        laggard.answers(from, true);
    }
}

#[test]
fn no_news_is_no_failure() {
    let mut laggard = Laggard::with(2);
    laggard.one = None;
    let mut turns = Vec::new();
    for _ in 0..4 {
        laggard.sync.poll(laggard.now);
        let (from, single) = laggard.asks().unwrap();
        assert!(!single);
        laggard.answers(from, false);
        turns.push(from);
        laggard.wait(2_000);
    }
    assert_eq!(turns[0], turns[2]);
    assert_ne!(turns[0], turns[1], "nobody is passed over");
}

#[test]
fn an_answer_that_nobody_asked_for_changes_nothing() {
    let mut laggard = Laggard::with(2);
    let (asked, _) = laggard.asks().unwrap();
    let other = [peer(0), peer(1)].into_iter().find(|one| *one != asked).unwrap();
    for _ in 0..10 {
        laggard.answers(other, false);
    }
    assert_eq!(laggard.asks(), None, "the one that was asked is waited for");
    laggard.answers(asked, true);
    assert_eq!(
        laggard.asks(),
        Some((other, false)),
        "and the other has not failed"
    );
}

#[test]
fn stalling_and_replaying_peers_cost_a_laggard_little() {
    let (mut world, _, bob, _) = five_payments_without_the_last();
    world.silent = vec![0];
    world.replaying = vec![1];
    world.start(3);
    world.run_until("the late one has caught up", 2 * DEADLINE_MS, |world| {
        world.heights()[3] == world.heights()[2] && world.all_hold(&bob, 50)
    });
    world.check_agreement();
}

/// Its log knows more final blocks than are kept in memory, and its storage none of them.
#[test]
fn whoever_lost_its_storage_but_not_its_log_catches_up_from_below() {
    let (mut world, alice, bob, position) = funded();
    let times = u64::try_from(FINALS_MAX).unwrap() + 20;
    pay_one_by_one(&mut world, (&alice, &bob), position, (times, 1));
    world.kill(3);
    world.empty_storage(3);
    world.start(3);
    world.run_until("it has caught up", 60_000, |world| {
        world.heights()[3] == world.heights()[2] && world.all_hold(&bob, times)
    });
    world.check_agreement();
}
