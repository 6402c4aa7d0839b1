//! Where an output was born: block, transaction in it, output of that.
//!
//! Packed into 72 bits, `block << 40 | transaction << 8 | output`: the seed's UTXO number, and the order
//! in which outputs leave through Ethereum.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Height, cursor::Cursor};

/// The name of an output; ordered by age.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Block that created it.
    pub block: Height,
    /// Index of the transaction in that block.
    pub transaction: u32,
    /// Index of the output in that transaction.
    pub output: u8,
}

impl Position {
    /// Bytes of the fixed encoding: block 4 ‖ transaction 4 ‖ output 1.
    pub const SIZE: usize = 9;

    /// The 72-bit number that Ethereum uses.
    #[must_use]
    pub fn pack(&self) -> u128 {
        let mut word = [0; 16];
        for (to, from) in word
            .iter_mut()
            .skip(16usize.saturating_sub(Self::SIZE))
            .zip(self.to_bytes())
        {
            *to = from;
        }
        u128::from_be_bytes(word)
    }

    /// The position of a number; `None` above 72 bits.
    #[must_use]
    pub fn unpack(packed: u128) -> Option<Self> {
        let bytes = packed.to_be_bytes();
        let (high, low) = bytes.split_last_chunk::<9>()?;
        high.iter().all(|byte| *byte == 0).then(|| Self::from_bytes(low))
    }

    /// The fixed encoding; ordered like the positions themselves.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let [a, b, c, d] = self.block.0.to_be_bytes();
        let [e, f, g, h] = self.transaction.to_be_bytes();
        [a, b, c, d, e, f, g, h, self.output]
    }

    /// Every nine bytes are a position.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let [a, b, c, d, e, f, g, h, output] = *bytes;
        Self {
            block: Height(u32::from_be_bytes([a, b, c, d])),
            transaction: u32::from_be_bytes([e, f, g, h]),
            output,
        }
    }

    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        cursor.array().map(|bytes| Self::from_bytes(&bytes))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.block, self.transaction, self.output)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not `block:transaction:output` in plain decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is block:transaction:output, as in 1042:17:1")]
pub struct PositionError;

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let mut parts = text.split(':');
        let position = Self {
            block: Height(number(parts.next())?),
            transaction: number(parts.next())?,
            output: number(parts.next())?,
        };
        if parts.next().is_some() {
            Err(PositionError)
        } else {
            Ok(position)
        }
    }
}

/// Digits only, and no leading zero, so one position has one text.
fn number<N: FromStr>(part: Option<&str>) -> Result<N, PositionError> {
    let digits = part.ok_or(PositionError)?;
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
    if plain {
        digits.parse().map_err(|_| PositionError)
    } else {
        Err(PositionError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_is_the_seeds_utxo_number() {
        let position = Position {
            block: Height(1042),
            transaction: 17,
            output: 1,
        };
        assert_eq!(position.pack(), (1042u128 << 40) | (17 << 8) | 1);
        assert_eq!(Position::unpack(position.pack()), Some(position));
        assert_eq!(Position::unpack(1 << 72), None);
        let last = Position {
            block: Height(u32::MAX),
            transaction: u32::MAX,
            output: u8::MAX,
        };
        assert_eq!(last.pack(), (1 << 72) - 1);
    }

    #[test]
    fn text_has_one_form() {
        let position = Position {
            block: Height(1042),
            transaction: 17,
            output: 1,
        };
        assert_eq!(position.to_string(), "1042:17:1");
        assert_eq!("1042:17:1".parse(), Ok(position));
        for bad in [
            "",
            "1:2",
            "1:2:3:4",
            "01:2:3",
            "+1:2:3",
            "1:2:256",
            "4294967296:0:0",
            "1: 2:3",
            "::",
        ] {
            assert_eq!(bad.parse::<Position>(), Err(PositionError), "{bad}");
        }
    }
}
