//! States, the votes that may be cast in them, and the properties.

use super::statements::{Container, RENAMINGS, Renaming, Size, Statements, VIEWS};

mod packing;

/// Honest members. Behind them in a state stand the votes that the one with amnesia forgot.
const HONEST: usize = 3;

/// One rule left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    FinalizeIgnoresNullify,
    NullifyIgnoresFinalize,
    /// The first honest member forgets its votes, once.
    Amnesia,
    NullificationsUnchecked,
    NotarizesTwice,
    ParentUnchecked,
}

/// What must hold in every state; see the head of `model.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    Agreement,
    Exclusion,
    Uniqueness,
    Notarized,
    Ancestry,
}

impl Property {
    pub(crate) const ALL: [Self; 5] = [
        Self::Agreement,
        Self::Exclusion,
        Self::Uniqueness,
        Self::Notarized,
        Self::Ancestry,
    ];
}

/// What one member said about one view; containers and blocks are bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Said {
    notarized: u32,
    nullified: bool,
    finalized: u32,
}

/// The votes of the honest members, one word each, and the forgotten votes of the first.
pub(crate) type State = [u64; HONEST + 1];

/// What enough members said about each view.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reached([Said; VIEWS]);

/// One vote, or the loss of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Notarize {
        member: usize,
        view: usize,
        container: usize,
    },
    Nullify {
        member: usize,
        view: usize,
    },
    Finalize {
        member: usize,
        view: usize,
        block: usize,
    },
    Forget,
}

/// Where a view's votes lie in a member's word.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    shift: u32,
    container_bits: u32,
    block_bits: u32,
    slots: u32,
}

impl Place {
    fn bits(&self) -> u32 {
        self.slots * self.container_bits + 1 + self.block_bits
    }
}

/// The rules over one size of statements, with at most one mutant.
#[derive(Debug)]
pub(crate) struct Model {
    statements: Statements,
    mutant: Option<Mutant>,
    places: [Place; VIEWS],
    word_bits: u32,
    /// By view and chunk of a word.
    said: [Vec<Said>; VIEWS],
    /// By renaming, view and chunk.
    renamed: [[Vec<u64>; VIEWS]; RENAMINGS],
}

/// Smallest number of bits that holds every number up to `last`.
fn bits_for(last: usize) -> u32 {
    usize::BITS - last.leading_zeros()
}

fn bit(place: usize) -> u32 {
    1 << place
}

fn bits_of(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = usize::try_from(mask.trailing_zeros()).expect("at most 32");
        mask = mask & mask.checked_sub(1)?;
        Some(place)
    })
}

impl Model {
    pub(crate) fn new(size: Size, mutant: Option<Mutant>) -> Self {
        let statements = Statements::new(size);
        let mut shift = 0;
        let places = std::array::from_fn(|view| {
            let place = Place {
                shift,
                container_bits: bits_for(statements.containers[view].len()),
                block_bits: bits_for(statements.block_count()),
                slots: if mutant == Some(Mutant::NotarizesTwice) {
                    2
                } else {
                    1
                },
            };
            shift += place.bits();
            place
        });
        let mut model = Self {
            statements,
            mutant,
            places,
            word_bits: shift,
            said: Default::default(),
            renamed: Default::default(),
        };
        model.said = std::array::from_fn(|view| {
            (0..1u64 << places[view].bits())
                .map(|chunk| model.read(view, chunk))
                .collect()
        });
        model.renamed = model.statements.renamings().map(|names| model.renaming(&names));
        assert!(
            model.words() * model.word_bits <= u128::BITS,
            "a state fits one word"
        );
        model
    }

    /// How many containers can be said.
    pub(crate) fn container_count(&self) -> usize {
        self.statements.containers.iter().map(Vec::len).sum()
    }

    fn breaks(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn words(&self) -> u32 {
        if self.breaks(Mutant::Amnesia) { 4 } else { 3 }
    }

    fn renaming(&self, names: &Renaming) -> [Vec<u64>; VIEWS] {
        std::array::from_fn(|view| {
            let rename =
                |mask, names: &[usize]| bits_of(mask).fold(0, |renamed, it| renamed | bit(names[it]));
            let chunks = self.said[view].iter().map(|said| {
                let notarized = rename(said.notarized, &names.containers[view]);
                let finalized = rename(said.finalized, &names.blocks);
                self.write(
                    view,
                    Said {
                        notarized,
                        finalized,
                        ..*said
                    },
                )
            });
            chunks.collect()
        })
    }

    fn read(&self, view: usize, chunk: u64) -> Said {
        let place = &self.places[view];
        let field = |from: u32, bits: u32| usize::try_from(chunk >> from & ((1 << bits) - 1)).expect("small");
        let mut said = Said::default();
        for slot in 0..place.slots {
            let container = field(slot * place.container_bits, place.container_bits);
            // Numbers beyond the list are no votes; no state holds them.
            if (1..=self.statements.containers[view].len()).contains(&container) {
                said.notarized |= bit(container - 1);
            }
        }
        let after = place.slots * place.container_bits;
        said.nullified = field(after, 1) == 1;
        let block = field(after + 1, place.block_bits);
        if (1..=self.statements.block_count()).contains(&block) {
            said.finalized = bit(block - 1);
        }
        said
    }

    fn write(&self, view: usize, said: Said) -> u64 {
        let place = &self.places[view];
        let number = |at: usize| u64::try_from(at + 1).expect("small");
        let mut chunk = 0;
        for (slot, container) in (0..place.slots).zip(bits_of(said.notarized)) {
            chunk |= number(container) << (slot * place.container_bits);
        }
        let after = place.slots * place.container_bits;
        let block = bits_of(said.finalized).next().map_or(0, number);
        chunk | u64::from(said.nullified) << after | block << (after + 1)
    }

    fn chunk(&self, word: u64, view: usize) -> usize {
        let place = &self.places[view];
        usize::try_from(word >> place.shift & ((1 << place.bits()) - 1)).expect("small")
    }

    fn said(&self, word: u64, view: usize) -> Said {
        self.said[view][self.chunk(word, view)]
    }

    fn with(&self, word: u64, view: usize, said: Said) -> u64 {
        let place = &self.places[view];
        let rest = word & !(((1 << place.bits()) - 1) << place.shift);
        rest | self.write(view, said) << place.shift
    }

    /// What two honest members said, and the fourth with them.
    pub(crate) fn reached(&self, state: &State) -> Reached {
        Reached(std::array::from_fn(|view| {
            let [mut a, b, c, forgotten] = state.map(|word| self.said(word, view));
            a.notarized |= forgotten.notarized;
            a.finalized |= forgotten.finalized;
            a.nullified |= forgotten.nullified;
            let twice = |x: u32, y: u32, z: u32| x & y | x & z | y & z;
            Said {
                notarized: twice(a.notarized, b.notarized, c.notarized),
                nullified: [a, b, c].iter().filter(|said| said.nullified).count() >= 2,
                finalized: twice(a.finalized, b.finalized, c.finalized),
            }
        }))
    }

    /// Every state that one more vote leads to.
    pub(crate) fn successors(&self, state: &State, mut visit: impl FnMut(Step, State)) {
        let reached = self.reached(state);
        for view in 0..VIEWS {
            let eligible = self.eligible(&reached, view);
            let notarized = self.blocks(view, reached.0[view].notarized);
            for member in (0..HONEST).filter(|member| !self.is_twin(state, *member)) {
                let mut cast = |step, said| {
                    let mut next = *state;
                    next[member] = self.with(state[member], view, said);
                    visit(step, next);
                };
                let said = self.said(state[member], view);
                if self.may_notarize(said) {
                    for container in bits_of(eligible & !said.notarized) {
                        let notarized = said.notarized | bit(container);
                        cast(
                            Step::Notarize {
                                member,
                                view,
                                container,
                            },
                            Said { notarized, ..said },
                        );
                    }
                }
                if !said.nullified && (said.finalized == 0 || self.breaks(Mutant::NullifyIgnoresFinalize)) {
                    cast(
                        Step::Nullify { member, view },
                        Said {
                            nullified: true,
                            ..said
                        },
                    );
                }
                if said.finalized == 0 && (!said.nullified || self.breaks(Mutant::FinalizeIgnoresNullify)) {
                    for block in bits_of(notarized) {
                        cast(
                            Step::Finalize { member, view, block },
                            Said {
                                finalized: bit(block),
                                ..said
                            },
                        );
                    }
                }
            }
        }
        let [first, b, c, forgotten] = *state;
        if self.breaks(Mutant::Amnesia) && forgotten == 0 && first != 0 {
            visit(Step::Forget, [0, b, c, first]);
        }
    }

    /// Whether the member before said the same, so that nothing new comes of this one.
    fn is_twin(&self, state: &State, member: usize) -> bool {
        let first = usize::from(self.breaks(Mutant::Amnesia));
        member > first && state[member] == state[member - 1]
    }

    fn may_notarize(&self, said: Said) -> bool {
        let cast = said.notarized.count_ones();
        let limit = if self.breaks(Mutant::NotarizesTwice) { 2 } else { 1 };
        cast < limit && !said.nullified
    }

    /// The blocks of the containers of a mask.
    fn blocks(&self, view: usize, mask: u32) -> u32 {
        bits_of(mask).fold(0, |blocks, it| {
            blocks | bit(self.statements.containers[view][it].block)
        })
    }

    /// The containers of a view that the rules let an honest member notarize.
    fn eligible(&self, reached: &Reached, view: usize) -> u32 {
        let list = self.statements.containers[view].iter().enumerate();
        let fits = |container: &Container| {
            (Self::is_parent_notarized(reached, container) || self.breaks(Mutant::ParentUnchecked))
                && (Self::is_skip_nullified(reached, view, container)
                    || self.breaks(Mutant::NullificationsUnchecked))
        };
        list.filter(|(_, container)| fits(container))
            .fold(0, |mask, (it, _)| mask | bit(it))
    }

    fn is_parent_notarized(reached: &Reached, container: &Container) -> bool {
        let parent_view = container.parent_view.checked_sub(1);
        parent_view.is_none_or(|view| reached.0[view].notarized & bit(container.parent) != 0)
    }

    fn is_skip_nullified(reached: &Reached, view: usize, container: &Container) -> bool {
        (container.parent_view..view).all(|skipped| reached.0[skipped].nullified)
    }

    /// Whether a property holds.
    pub(crate) fn holds(&self, property: Property, reached: &Reached) -> bool {
        let mut views = reached.0.iter().enumerate();
        match property {
            Property::Agreement => {
                let of = |view: usize| bits_of(reached.0[view].finalized);
                let finals = || (0..VIEWS).flat_map(|view| of(view).map(move |block| (view, block)));
                finals().all(|(low, older)| {
                    finals().all(|(high, block)| low > high || self.statements.is_ancestor(older, block))
                })
            }
            Property::Exclusion => views.all(|(_, it)| it.finalized == 0 || !it.nullified),
            Property::Uniqueness => views.all(|(_, it)| it.notarized.count_ones() <= 1),
            Property::Notarized => {
                views.all(|(view, it)| it.finalized & !self.blocks(view, it.notarized) == 0)
            }
            Property::Ancestry => views.all(|(view, it)| {
                bits_of(it.notarized)
                    .map(|at| &self.statements.containers[view][at])
                    .all(|container| {
                        Self::is_parent_notarized(reached, container)
                            && Self::is_skip_nullified(reached, view, container)
                    })
            }),
        }
    }

    /// Whether anything is final in a view.
    pub(crate) fn is_final(reached: &Reached, view: usize) -> bool {
        reached.0[view].finalized != 0
    }

    /// One of all states that differ only in the names of blocks and honest members: the least. The one with amnesia
    /// keeps its name.
    pub(crate) fn canonical(&self, state: &State) -> u128 {
        self.least(&self.images(state))
    }

    /// The state under every renaming of blocks.
    pub(crate) fn images(&self, state: &State) -> [State; RENAMINGS] {
        std::array::from_fn(|it| state.map(|word| self.rename(word, &self.renamed[it])))
    }

    /// [`Self::canonical`] of the state that a step leads to, from the images of the one before.
    pub(crate) fn canonical_after(&self, images: &[State; RENAMINGS], step: Step, next: &State) -> u128 {
        let member = match step {
            Step::Notarize { member, .. } | Step::Nullify { member, .. } | Step::Finalize { member, .. } => {
                member
            }
            Step::Forget => return self.canonical(next),
        };
        let mut images = *images;
        for (image, tables) in images.iter_mut().zip(&self.renamed) {
            image[member] = self.rename(next[member], tables);
        }
        self.least(&images)
    }

    fn least(&self, images: &[State; RENAMINGS]) -> u128 {
        let named = images.iter().map(|image| self.pack(&self.sorted(*image)));
        named.min().expect("the identity is a renaming")
    }

    /// How many states the least of them stands for: (with all names told apart, with only those of blocks).
    pub(crate) fn weight(&self, state: &State) -> (u64, u64) {
        let words = self.sorted(*state);
        let first = usize::from(self.breaks(Mutant::Amnesia));
        let alike = (first + 1..HONEST)
            .filter(|member| words[*member] == words[*member - 1])
            .count();
        let orders = match (HONEST - first, alike) {
            (3, 0) => 6,
            (3, 1) => 3,
            (2, 0) => 2,
            _ => 1,
        };
        let images = self.images(state);
        let keeps = images
            .iter()
            .filter(|image| self.sorted(**image) == words)
            .count();
        let named = u64::try_from(RENAMINGS / keeps).expect("small");
        (orders * named, named)
    }
}
