//! Durations, sizes and rates as people write them: `"500ms"`, `"2s"`, `"14d"`, `"64KiB"`, `"256MiB"`, `"50/s burst 200"`.
//!
//! One unit per text, whole numbers only, no default unit: a bare number is refused because its unit would be a guess.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration in a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A number of bytes in a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// How much one client may ask, in a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// As much as it likes.
    Off,
    /// So much.
    Rate {
        /// In the long run.
        per_second: NonZeroU32,
        /// At once, after a rest.
        burst: NonZeroU32,
    },
}

/// Why a text is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// No number, no unit, or a unit that is not in the list.
    #[error("`{text}` is not a number followed by one of {units}")]
    Shape {
        /// What was written.
        text: String,
        /// What could have been.
        units: &'static str,
    },
    /// No rate.
    #[error(
        "`{0}` is neither \"off\" nor a rate such as \"50/s burst 200\", with numbers from 1 to {RATE_MAX}"
    )]
    Rate(String),
    /// Larger than 64 bits hold.
    #[error("`{0}` is too large")]
    Range(String),
}

impl FromStr for Span {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        scaled(text, &TIMES, "ms, s, m, h, d (for example \"500ms\")")
            .map(Duration::from_millis)
            .map(Self)
    }
}

impl FromStr for Size {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        scaled(text, &SIZES, "B, KiB, MiB, GiB (for example \"64MiB\")").map(Self)
    }
}

impl FromStr for RateLimit {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let number = |digits: &str| {
            digits
                .parse()
                .ok()
                .filter(|number: &NonZeroU32| number.get() <= RATE_MAX)
        };
        let rate = text.split_once("/s burst ").and_then(|(per_second, burst)| {
            Some(Self::Rate {
                per_second: number(per_second)?,
                burst: number(burst)?,
            })
        });
        rate.ok_or_else(|| QuantityError::Rate(text.to_owned()))
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Rate { per_second, burst } => write!(f, "{per_second}/s burst {burst}"),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), &TIMES)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.0, &SIZES)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RateLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl Serialize for RateLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn scaled(text: &str, units: &[(&str, u64)], names: &'static str) -> Result<u64, QuantityError> {
    let shape = || QuantityError::Shape {
        text: text.to_owned(),
        units: names,
    };
    let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(shape)?;
    let (number, unit) = text.split_at(end);
    let (_, scale) = units
        .iter()
        .find(|(name, _)| *name == unit.trim())
        .ok_or_else(shape)?;
    if number.is_empty() {
        return Err(shape());
    }
    let range = || QuantityError::Range(text.to_owned());
    number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(*scale))
        .ok_or_else(range)
}

fn write_scaled(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let largest = units
        .iter()
        .rev()
        .find(|(_, scale)| value != 0 && value.is_multiple_of(*scale));
    let (name, scale) = largest.or(units.first()).copied().unwrap_or(("", 1));
    write!(f, "{}{name}", value / scale)
}

/// More than any operator answers.
const RATE_MAX: u32 = 1_000_000;

/// In milliseconds, ascending.
const TIMES: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// In bytes, ascending.
const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

#[cfg(test)]
mod tests {
    use super::{RateLimit, Size, Span};

    #[test]
    fn quantities_survive_print_and_parse() {
        for text in ["500ms", "2s", "5m", "36h", "14d", "0ms"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        for text in ["1B", "64KiB", "256MiB", "3GiB", "0B"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        for text in ["50/s burst 200", "1/s burst 1", "1000000/s burst 1000000", "off"] {
            assert_eq!(text.parse::<RateLimit>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn quantities_without_unit_or_number_are_refused() {
        for text in [
            "",
            "5",
            "ms",
            "1.5s",
            "-1s",
            "5 parsecs",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        assert!("12MB".parse::<Size>().is_err());
        for text in [
            "",
            "50",
            "50/s",
            "50/m burst 2",
            "0/s burst 5",
            "5/s burst 0",
            "5/s burst 1000001",
            "-1/s burst 5",
        ] {
            let error = text.parse::<RateLimit>().unwrap_err().to_string();
            assert!(error.contains("50/s burst 200"), "{error}");
        }
    }
}
