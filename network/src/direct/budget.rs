//! A bound in bytes over all peers together. One body queued for every peer is one allocation and is charged once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The bound.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            used: AtomicUsize::new(0),
        })
    }

    /// Charges `bytes`, or nothing when they do not fit.
    pub(crate) fn charge(self: &Arc<Self>, bytes: usize) -> Option<Arc<Charge>> {
        let add = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, add)
            .ok()?;
        Some(Arc::new(Charge {
            budget: Arc::clone(self),
            bytes,
        }))
    }
}

/// Bytes charged; given back when the last holder lets go.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_given_back_once_when_its_last_holder_goes() {
        let budget = Budget::new(10);
        let first = budget.charge(6).expect("six of ten");
        let second = Arc::clone(&first);
        assert!(budget.charge(5).is_none());
        drop(first);
        assert!(budget.charge(5).is_none(), "another queue still holds it");
        drop(second);
        assert!(budget.charge(10).is_some());
        assert!(budget.charge(usize::MAX).is_none());
    }
}
