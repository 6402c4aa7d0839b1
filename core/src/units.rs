//! Numbers that cannot be mixed: a height is not a view, and an L1 height is neither.
//!
//! All are plain wrappers with public content; arithmetic goes through the checked methods.

use core::fmt;

use serde::{Deserialize, Serialize};

/// An amount of one asset in its smallest unit (wei for ETH).
pub type Amount = ruint::aliases::U256;

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl $name {
            /// The next number, or `None` at the end of the range.
            #[must_use]
            pub fn next(self) -> Option<Self> {
                self.0.checked_add(1).map(Self)
            }

            /// The number before, or `None` at zero.
            #[must_use]
            pub fn previous(self) -> Option<Self> {
                self.0.checked_sub(1).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

unit!(
    /// Block number; genesis is 0.
    Height(u32)
);
unit!(
    /// One leader's turn inside an epoch; the first is 1, 0 is the epoch's floor.
    View(u64)
);
unit!(
    /// A committee's term of office; genesis is epoch 0.
    Epoch(u64)
);
unit!(
    /// Block number on Ethereum.
    L1Height(u64)
);
unit!(
    /// Milliseconds since the Unix epoch in headers; of a monotonic clock where a function takes `now`.
    Millis(u64)
);
unit!(
    /// An operator's place in its committee, from 0.
    OperatorIndex(u16)
);
unit!(
    /// Number of a deposit, given by the vault, contiguous from 0.
    DepositNumber(u64)
);

impl Millis {
    /// This instant plus a duration, held at the end of the range.
    #[must_use]
    pub fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
