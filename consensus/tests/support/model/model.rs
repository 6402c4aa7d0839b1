//! The rules of agreement as an abstract model, searched to the end: not the engine, only what its safety rests on.
//!
//! Written from the rules alone (`consensus.md` sections 3, 4 and 6). Four members; three are honest, and the vote of the
//! fourth counts for every statement at any time, so a statement is *reached* as soon as two honest members made it. Three
//! views. Time, network, timers and leaders do not exist: any honest member may cast any vote that the rules allow, in
//! any order, so every schedule, loss, crash with a whole log and choice of leaders is a special case.
//!
//! Rules of an honest member:
//!
//! * *Notarize* a container once per view and never after its own nullify, if the parent's view is notarized with a
//!   block that the container extends or repeats, and every view between is nullified.
//! * *Nullify* a view it did not finalize.
//! * *Finalize* a view once, with the block notarized there, unless it nullified the view.
//!
//! Properties, checked in every state:
//!
//! * **Agreement** (the theorem): of two final blocks, that of the lower view is an ancestor of the other or the same.
//! * **Exclusion** (L1): no view is final and nullified.
//! * **Uniqueness** (L2): at most one container of a view is notarized.
//! * **Notarized** (L3): what is final in a view is notarized there.
//! * **Ancestry** (L4): the parent of a notarized container is notarized and fits; what it skips is nullified.

//!
//! The fresh block of each container is a block of its own: two containers with one block would only agree more.
//! Whether a container may be notarized after the view was nullified makes no difference, because the other order of
//! the two votes is allowed and nothing before them depends on it.

pub(crate) mod rules;
pub(crate) mod search;
pub(crate) mod statements;

pub(crate) use rules::{Model, Mutant, Property};
pub(crate) use search::search;
pub(crate) use statements::Size;
