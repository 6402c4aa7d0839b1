//! Scenes that once showed a disagreement; they run in front of every hunt.

/// In the words of `Scope::parse`, each with one sentence.
pub(crate) const REGRESSIONS: &[(&str, &str)] = &[];
