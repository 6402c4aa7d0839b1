//! Rules that a test may break to show that they matter.
//!
//! Without the feature `mutants`, which only this crate's own tests turn on, [`Rules`] has no content and every
//! question below is the constant `false`: production code cannot be weakened, by configuration or otherwise.

/// Which rule is broken; none in production.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    #[cfg(feature = "mutants")]
    broken: Option<Mutation>,
}

/// One deliberately broken rule.
#[cfg(feature = "mutants")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A finalize vote is cast although this operator nullified the view.
    FinalizeIgnoresNullify,
    /// A nullify vote is cast although this operator finalized the view.
    NullifyIgnoresFinalize,
    /// A container is notarized whatever its parent, and whatever lies between.
    ParentUnchecked,
    /// A second container is notarized in one view.
    NotarizesTwice,
    /// A vote of mine that the log does not know stops nothing.
    ForgetsSilently,
}

macro_rules! question {
    ($name:ident, $mutation:ident) => {
        pub(crate) const fn $name(self) -> bool {
            #[cfg(feature = "mutants")]
            return matches!(self.broken, Some(Mutation::$mutation));
            #[cfg(not(feature = "mutants"))]
            false
        }
    };
}

impl Rules {
    question!(finalize_ignores_nullify, FinalizeIgnoresNullify);
    question!(nullify_ignores_finalize, NullifyIgnoresFinalize);
    question!(parent_unchecked, ParentUnchecked);
    question!(notarizes_twice, NotarizesTwice);

    /// Whoever breaks any rule must not be stopped by its own log: its lies would end with the first certificate.
    pub(crate) const fn forgets_silently(self) -> bool {
        #[cfg(feature = "mutants")]
        return self.broken.is_some();
        #[cfg(not(feature = "mutants"))]
        false
    }

    #[cfg(feature = "mutants")]
    pub(crate) const fn broken(mutation: Mutation) -> Self {
        Self {
            broken: Some(mutation),
        }
    }
}
