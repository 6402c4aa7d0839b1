//! Breadth-first search of all states. Each step casts one vote, so a state lies on one level only: it is enough to
//! know the next level to see every state once.

use super::{
    rules::{Model, Property, State, Step},
    statements::VIEWS,
};

/// What a search saw.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// States that differ by more than names.
    pub(crate) states: u64,
    /// States that differ by more than the names of members.
    pub(crate) blocks_named: u64,
    /// All states.
    pub(crate) all: u64,
    /// The most votes of any state.
    pub(crate) depth: usize,
    /// States in which every view is final, so that the search says something about whole histories.
    pub(crate) whole: u64,
    /// The first property that broke, and the shortest way there.
    pub(crate) violation: Option<(Property, Vec<String>)>,
}

impl Report {
    fn count(&mut self, (all, blocks_named): (u64, u64), is_whole: bool) {
        self.states += 1;
        self.all += all;
        self.blocks_named += blocks_named;
        self.whole += u64::from(is_whole);
    }
}

/// Searches until a property breaks or nothing new is left.
pub(crate) fn search(model: &Model, properties: &[Property]) -> Report {
    let (report, found) = explore(model, properties, drop);
    let Some(broken) = found else { return report };
    // The levels on the way are kept only now that they are wanted: a whole search has tens of millions of states.
    let mut levels = Vec::new();
    explore(model, properties, |level| levels.push(level));
    let way = way_to(model, &levels, broken.1).into_iter();
    Report {
        violation: Some((broken.0, way.map(|step| model.tell(step)).collect())),
        ..report
    }
}

type Broken = (Property, u128);

/// One search; `keep` gets every level once its heirs are known.
fn explore(
    model: &Model,
    properties: &[Property],
    mut keep: impl FnMut(Vec<u128>),
) -> (Report, Option<Broken>) {
    let mut report = Report {
        states: 1,
        blocks_named: 1,
        all: 1,
        ..Report::default()
    };
    let mut level = vec![0];
    loop {
        let mut next = Level::new();
        for state in &level {
            let state = model.unpack(*state);
            let images = model.images(&state);
            model.successors(&state, |step, after| {
                next.insert(model.canonical_after(&images, step, &after))
            });
        }
        let found = next.into_states();
        if found.is_empty() {
            return (report, None);
        }
        report.depth += 1;
        keep(std::mem::replace(&mut level, found));
        for packed in &level {
            let state = model.unpack(*packed);
            let reached = model.reached(&state);
            report.count(
                model.weight(&state),
                (0..VIEWS).all(|view| Model::is_final(&reached, view)),
            );
            if let Some(property) = properties.iter().find(|it| !model.holds(**it, &reached)) {
                return (report, Some((*property, *packed)));
            }
        }
    }
}

/// Steps from nothing to a state of the level behind the last: first the states on the way, from the end, then real
/// steps through them, because names change from one stored state to the next.
fn way_to(model: &Model, levels: &[Vec<u128>], last: u128) -> Vec<Step> {
    let mut way = vec![last];
    for level in levels.iter().rev() {
        let wanted = *way.last().expect("never empty");
        let before = level
            .iter()
            .find(|state| step_to(model, &model.unpack(**state), wanted).is_some());
        way.push(*before.expect("every state was reached from the level before"));
    }
    let mut state: State = State::default();
    let mut steps = Vec::new();
    for wanted in way.iter().rev().skip(1) {
        let (step, next) = step_to(model, &state, *wanted).expect("names do not matter");
        steps.push(step);
        state = next;
    }
    steps
}

fn step_to(model: &Model, from: &State, wanted: u128) -> Option<(Step, State)> {
    let mut found = None;
    model.successors(from, |step, state| {
        if found.is_none() && model.canonical(&state) == wanted {
            found = Some((step, state));
        }
    });
    found
}

/// A set of states with open addressing; 0 is the empty place, because only the first state has no vote.
#[derive(Debug)]
struct Level {
    places: Vec<u128>,
    taken: usize,
}

impl Level {
    fn new() -> Self {
        Self {
            places: vec![0; 1 << 10],
            taken: 0,
        }
    }

    fn insert(&mut self, state: u128) {
        if self.taken * 3 > self.places.len() * 2 {
            self.grow();
        }
        let mask = self.places.len() - 1;
        let mut place = hash(state) & mask;
        loop {
            match self.places[place] {
                0 => {
                    self.places[place] = state;
                    self.taken += 1;
                    return;
                }
                held if held == state => return,
                _ => place = (place + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        let places = vec![0; self.places.len() * 2];
        let old = std::mem::replace(self, Self { places, taken: 0 });
        old.into_states().into_iter().for_each(|state| self.insert(state));
    }

    fn into_states(self) -> Vec<u128> {
        let mut states = self.places;
        states.retain(|state| *state != 0);
        states
    }
}

/// A good enough mixing of a state: states differ in few bits.
fn hash(state: u128) -> usize {
    let low = u64::try_from(state & u128::from(u64::MAX)).expect("masked");
    let high = u64::try_from(state >> 64).expect("shifted");
    let mut x = low ^ high.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    x = (x ^ (x >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    usize::try_from(x ^ (x >> 32)).expect("sixty-four bits")
}
