//! States as short words, and steps as words to read.

use super::{Container, HONEST, Model, Mutant, State, Step, VIEWS};

impl Model {
    pub(super) fn rename(&self, word: u64, tables: &[Vec<u64>; VIEWS]) -> u64 {
        let of = |view: usize| tables[view][self.chunk(word, view)] << self.places[view].shift;
        of(0) | of(1) | of(2)
    }

    pub(super) fn sorted(&self, mut words: State) -> State {
        let first = usize::from(self.breaks(Mutant::Amnesia));
        words[first..HONEST].sort_unstable();
        words
    }

    pub(super) fn pack(&self, state: &State) -> u128 {
        state
            .iter()
            .rev()
            .fold(0, |packed, word| packed << self.word_bits | u128::from(*word))
    }

    pub(crate) fn unpack(&self, mut packed: u128) -> State {
        std::array::from_fn(|_| {
            let word = packed & ((1 << self.word_bits) - 1);
            packed >>= self.word_bits;
            u64::try_from(word).expect("a member's word is short")
        })
    }

    /// A step to read.
    pub(crate) fn tell(&self, step: Step) -> String {
        match step {
            Step::Notarize {
                member,
                view,
                container,
            } => {
                let Container {
                    parent_view, block, ..
                } = self.statements.containers[view][container];
                let name = self.statements.name(block);
                format!(
                    "{member} notarizes {name} in view {} on view {parent_view}",
                    view + 1
                )
            }
            Step::Nullify { member, view } => format!("{member} nullifies view {}", view + 1),
            Step::Finalize { member, view, block } => {
                format!(
                    "{member} finalizes {} in view {}",
                    self.statements.name(block),
                    view + 1
                )
            }
            Step::Forget => "0 forgets its votes".to_owned(),
        }
    }
}
