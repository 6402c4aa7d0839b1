//! A scene: one world that lives for some steps, with the blocks, bytes and digests that are tried beside it.
//!
//! Everything in it follows from its seed. Every case has a stream of random numbers of its own, so a failing one is
//! the same when all others are left out.

use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use plasma_core::keccak;
use rand::{Rng as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

use crate::{
    agree, blocks, digests,
    ethereum::Ethereum,
    game::{self, Played},
    octets, payments,
    site::Site,
    tally::{self, Tally},
    world::World,
};

/// Steps of a game, each asked for agreement.
pub(crate) const STEPS: u64 = 60;
/// Blocks that are tried after each step.
const BLOCKS_PER_STEP: u64 = 3;
/// The step before which the federation of every third scene falls silent for ever.
const SILENT_AT: u64 = 48;
/// Byte strings and digests beside a game.
const OCTETS: u64 = 700;
const DIGESTS: u64 = 96;
/// Cases of a scene: every one of them is counted, whatever a world has to offer.
pub(crate) const CASES: u64 = STEPS + SILENT_AT * BLOCKS_PER_STEP + OCTETS + DIGESTS;

/// A deployment to start from.
pub(crate) type Base = (Arc<Site>, Ethereum);

/// Which of a scene's parts run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// All of it follows from this number.
    pub(crate) seed: u64,
    /// Only this case, where one is named: its part and its number.
    pub(crate) only: Option<(String, u64)>,
    /// Steps that are left out.
    pub(crate) skipped: BTreeSet<u64>,
}

/// A disagreement.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// How to see it again.
    pub(crate) scope: Scope,
    /// What it is.
    pub(crate) said: String,
}

impl Scope {
    /// A whole scene.
    pub(crate) fn whole(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// `seed`, or `seed/part/number`, or that with `/-` and steps left out, separated by commas.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split('/');
        let seed = words.next()?.parse().ok()?;
        let only = match (words.next(), words.next()) {
            (Some(part), Some(number)) => Some((part.to_owned(), number.parse().ok()?)),
            _ => None,
        };
        let skipped = words
            .next()
            .map(|steps| steps.trim_start_matches('-').split(',').map(str::parse).collect());
        let skipped: Result<BTreeSet<u64>, _> = skipped.unwrap_or_else(|| Ok(BTreeSet::new()));
        Some(Self {
            seed,
            only,
            skipped: skipped.ok()?,
        })
    }

    fn runs(&self, part: &str, number: u64) -> bool {
        self.only
            .as_ref()
            .is_none_or(|(only, wanted)| only == part && *wanted == number)
    }

    /// Random numbers of one case, which begins.
    fn rng(&self, part: &str, number: u64) -> ChaCha8Rng {
        AT.set(Some((part.to_owned(), number)));
        ChaCha8Rng::from_seed(keccak(&[part.as_bytes(), &self.seed.to_be_bytes(), &number.to_be_bytes()]).0)
    }

    fn failed(&self, part: &str, number: u64, said: String) -> Failure {
        let only = Some((part.to_owned(), number));
        Failure {
            scope: Self { only, ..self.clone() },
            said,
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.seed)?;
        if let Some((part, number)) = &self.only {
            write!(f, "/{part}/{number}")?;
        }
        if self.skipped.is_empty() {
            return Ok(());
        }
        let steps: Vec<String> = self.skipped.iter().map(u64::to_string).collect();
        write!(f, "/-{}", steps.join(","))
    }
}

thread_local! {
    /// The case that this worker is at: what a panic belongs to.
    static AT: RefCell<Option<(String, u64)>> = const { RefCell::new(None) };
}

/// The case that this worker was at when it stopped.
pub(crate) fn at() -> Option<(String, u64)> {
    AT.take()
}

/// Runs a scene to its end or to the first disagreement.
pub(crate) fn run(bases: &[Base; 2], scope: &Scope, tally: &mut Tally) -> Result<(), Failure> {
    let (site, ethereum) = &bases[usize::from(scope.seed.is_multiple_of(2))];
    if !matches!(&scope.only, Some((part, _)) if part == "bytes" || part == "digests") {
        play(site, ethereum, scope, tally)?;
    }
    let mut ethereum = ethereum.clone();
    for number in (0..OCTETS).filter(|number| scope.runs("bytes", *number)) {
        let seen = octets::case(site, &mut ethereum, &mut scope.rng("bytes", number));
        let flaw = seen.map_err(|said| scope.failed("bytes", number, said))?;
        tally.add(tally::CASES, "byte strings");
        tally.add(tally::BYTES, flaw);
    }
    for number in (0..DIGESTS).filter(|number| scope.runs("digests", *number)) {
        let kind = usize::try_from(number).expect("few");
        let seen = digests::case(site, &mut ethereum, &mut scope.rng("digests", number), kind);
        let thing = seen.map_err(|said| scope.failed("digests", number, said))?;
        tally.add(tally::CASES, "digests");
        tally.add(tally::DIGESTS, thing);
    }
    Ok(())
}

fn play(site: &Arc<Site>, ethereum: &Ethereum, scope: &Scope, tally: &mut Tally) -> Result<(), Failure> {
    let mut world = begin(site, ethereum, &mut scope.rng("begin", 0));
    for step in 0..STEPS {
        let mut rng = scope.rng("steps", step);
        if step == SILENT_AT && scope.seed.is_multiple_of(3) {
            game::fall_silent(&mut world);
        }
        if !scope.skipped.contains(&step) {
            let (name, played) = game::play(&mut world, &mut rng);
            match played {
                Played::Done => tally.add(tally::STEPS, name),
                Played::Refused => tally.add(tally::REFUSED, name),
                Played::Idle => {}
            }
        }
        if step < SILENT_AT {
            try_blocks(&world, scope, step, tally)?;
        }
        AT.set(Some(("steps".to_owned(), step)));
        sync(&mut world, &mut rng);
        agree::check(&mut world).map_err(|said| scope.failed("steps", step, said))?;
        tally.add(tally::CASES, "steps");
        let ended = scope
            .only
            .as_ref()
            .is_some_and(|(part, number)| part == "steps" && *number == step);
        if ended {
            return Ok(());
        }
    }
    if world.is_halted() {
        let seen = blocks::halted(&world, &mut scope.rng("halted", 0));
        if let Some(seen) = seen {
            count(tally, seen.map_err(|said| scope.failed("halted", 0, said))?);
        }
    }
    Ok(())
}

/// A world where everybody has something and something was paid.
fn begin(site: &Arc<Site>, ethereum: &Ethereum, rng: &mut ChaCha8Rng) -> World {
    let mut world = World::new(site, ethereum);
    for _ in 0..rng.random_range(3..8) {
        game::deposit_eth(&mut world, rng);
        game::deposit_token(&mut world, rng);
    }
    for _ in 0..2 {
        world.advance(1);
        let payments = payments::some(site, &world.books, rng, 4);
        world.decide(&payments);
    }
    assert!(world.anchor(0), "the first anchor");
    world
}

/// The ledger takes what Ethereum emitted.
fn sync(world: &mut World, rng: &mut ChaCha8Rng) {
    world.advance(1);
    let most = if rng.random_bool(0.3) { 2 } else { 0 };
    let payments = payments::some(&world.site, &world.books, rng, most);
    world.decide(&payments);
}

fn try_blocks(world: &World, scope: &Scope, step: u64, tally: &mut Tally) -> Result<(), Failure> {
    for number in step * BLOCKS_PER_STEP..(step + 1) * BLOCKS_PER_STEP {
        if !scope.runs("blocks", number) {
            continue;
        }
        let turn = scope.seed * SILENT_AT * BLOCKS_PER_STEP + number;
        let kinds = u64::try_from(blocks::KINDS).expect("few");
        // Few worlds have what a rare kind needs, so those come first where they can; a kind that this world has nothing
        // for is left to another one, and a drawn one takes its turn. The first always fits.
        let mut rng = scope.rng("turn", number);
        let rare = blocks::RARE
            .choose(&mut rng)
            .copied()
            .filter(|_| rng.random_bool(0.4))
            .and_then(blocks::kind_of);
        let drawn: Vec<usize> = (0..4).map(|_| rng.random_range(0..blocks::KINDS)).collect();
        let own = usize::try_from(turn % kinds).expect("few");
        let mut tries = rare.into_iter().chain([own]).chain(drawn).chain([0]);
        let seen = tries.find_map(|kind| blocks::case(world, &mut scope.rng("blocks", number), kind));
        let seen = seen.expect("a valid block can always be told");
        count(tally, seen.map_err(|said| scope.failed("blocks", number, said))?);
    }
    Ok(())
}

fn count(tally: &mut Tally, seen: blocks::Seen) {
    tally.add(tally::CASES, "blocks");
    match seen.classes.as_slice() {
        [class] => tally.add(tally::BLOCKS, class),
        _ => tally.add(tally::BLOCKS, "two at once"),
    }
    if let Some(reason) = &seen.reason {
        tally.add(tally::REASONS, reason);
    }
    tally.add_many(tally::TRIED, "all", u64::try_from(seen.tried).expect("few"));
    let distinct: BTreeSet<&str> = seen.proofs.into_iter().collect();
    for proof in distinct {
        tally.add(tally::PROOFS, proof);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for text in ["7", "7/blocks/93", "7/steps/12/-0,3,59"] {
            let scope = Scope::parse(text).expect("a scene");
            assert_eq!(scope.to_string(), text);
        }
        assert_eq!(Scope::parse("seven"), None);
        assert_eq!(Scope::parse("7/blocks/93/-x"), None);
    }

    #[test]
    fn a_case_draws_the_same_whatever_else_runs() {
        let whole = Scope::whole(3).rng("blocks", 5).random::<u64>();
        let alone = Scope::parse("3/blocks/5/-1,2").expect("a scene");
        assert_eq!(alone.rng("blocks", 5).random::<u64>(), whole);
        assert_ne!(Scope::whole(4).rng("blocks", 5).random::<u64>(), whole);
    }
}
