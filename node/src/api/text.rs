//! How single values look in every reply and request: hashes as hex, amounts and packed positions as decimal texts,
//! addresses with their EIP-55 checksum, times as RFC 3339.
//!
//! One wrapper per kind of value with `Display` and `FromStr`; JSON, paths and queries all go through them, so a value
//! has one form everywhere. Amounts are texts because JSON numbers above 2^53 lose digits in half of the world's clients.

use std::{fmt, str::FromStr};

use plasma_core::{Address, Amount, Hash, Position, keccak};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::hex;

/// A 32-byte hash: `0x` and 64 lower-case digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HashText(pub Hash);

/// An address: `0x` and 40 digits with the EIP-55 checksum; all-lower-case is read too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressText(pub Address);

/// An amount in smallest units: a decimal text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AmountText(pub Amount);

/// A position: `block:transaction:output`; the packed 72-bit number is read too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PositionText(pub Position);

/// Raw bytes: `0x` and two digits each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BytesText(pub Vec<u8>);

/// Why a text is not the value it should be; says what would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct TextError(pub &'static str);

impl fmt::Display for HashText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for HashText {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        hex::decode_array(text)
            .map(|bytes| Self(Hash(bytes)))
            .ok_or(TextError("0x and 64 hex digits"))
    }
}

impl fmt::Display for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lower = hex::encode(&self.0.0);
        let digits = lower.trim_start_matches("0x");
        let digest = keccak(&[digits.as_bytes()]);
        let nibbles = digest.0.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
        f.write_str("0x")?;
        for (digit, nibble) in digits.chars().zip(nibbles) {
            let shown = if nibble >= 8 {
                digit.to_ascii_uppercase()
            } else {
                digit
            };
            write!(f, "{shown}")?;
        }
        Ok(())
    }
}

impl FromStr for AddressText {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let bytes = hex::decode_array(text).ok_or(TextError("0x and 40 hex digits"))?;
        let address = Self(Address(bytes));
        let lower = !text.bytes().any(|digit| digit.is_ascii_uppercase());
        if lower || address.to_string() == text {
            Ok(address)
        } else {
            Err(TextError(
                "an address with a right EIP-55 checksum, or all in lower case",
            ))
        }
    }
}

impl fmt::Display for AmountText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for AmountText {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let digits =
            !text.is_empty() && text.len() <= AMOUNT_DIGITS && text.bytes().all(|c| c.is_ascii_digit());
        let parsed = digits.then(|| Amount::from_str_radix(text, 10).ok()).flatten();
        parsed
            .map(Self)
            .ok_or(TextError("a decimal text of smallest units below 2^256"))
    }
}

impl fmt::Display for PositionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for PositionText {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let packed = || number(text).and_then(Position::unpack);
        let parsed = if text.contains(':') {
            text.parse().ok()
        } else {
            packed()
        };
        parsed.map(Self).ok_or(TextError(
            "block:transaction:output as in 1042:17:1, or the packed decimal number",
        ))
    }
}

impl fmt::Display for BytesText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl FromStr for BytesText {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let bytes = text.starts_with("0x").then(|| hex::decode(text)).flatten();
        bytes
            .map(Self)
            .ok_or(TextError("0x and an even number of hex digits"))
    }
}

impl From<Address> for AddressText {
    fn from(address: Address) -> Self {
        Self(address)
    }
}

impl From<Position> for PositionText {
    fn from(position: Position) -> Self {
        Self(position)
    }
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

as_text!(HashText, AddressText, AmountText, PositionText, BytesText);

/// A number as digits alone: the standard library takes a sign too.
pub(super) fn number<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.bytes().all(|digit| digit.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Decimal digits of 2^256 - 1.
const AMOUNT_DIGITS: usize = 78;

/// Milliseconds since the Unix epoch as RFC 3339 in UTC, `2026-11-22T06:30:01.120Z`.
#[must_use]
pub fn rfc3339(timestamp_ms: u64) -> String {
    let (seconds, millis) = (timestamp_ms / 1_000, timestamp_ms % 1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// The same of Ethereum's seconds.
#[must_use]
pub fn time_of(timestamp_s: u64) -> String {
    rfc3339(timestamp_s.saturating_mul(1_000))
}

/// What [`rfc3339`] wrote, back; `None` for anything else.
#[must_use]
pub fn timestamp_ms(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    // Years begin in March here too.
    let (year, month) = if month > 2 {
        (year, month.checked_sub(3)?)
    } else {
        (year.checked_sub(1)?, month.checked_add(9)?)
    };
    let before = 365 * year + year / 4 - year / 100 + year / 400;
    let days = (before + (153 * month + 2) / 5 + day).checked_sub(DAYS_BEFORE_1970 + 1)?;
    let seconds = ((days * 24 + number(11, 13)?) * 60 + number(14, 16)?) * 60 + number(17, 19)?;
    let found = seconds * 1_000 + number(20, 23)?;
    // One text has one time: whatever else would be read is refused.
    (rfc3339(found) == text).then_some(found)
}

/// The Gregorian date of a day since 1970-01-01, by counting 400-year eras that begin in March, so that a leap day is
/// always the last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(DAYS_BEFORE_1970);
    let (era, day) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, turn) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + turn, month, day)
}

/// Days in 400 Gregorian years.
const DAYS_PER_ERA: u64 = 146_097;

/// From 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_468;

#[cfg(test)]
mod tests {
    use plasma_core::{Address, Height, Position};

    use super::{AddressText, AmountText, PositionText, rfc3339};

    #[test]
    fn addresses_carry_their_checksum() {
        // The first examples of EIP-55.
        for text in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        ] {
            let address: AddressText = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(text.to_lowercase().parse(), Ok(address));
        }
        assert!(
            "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
                .parse::<AddressText>()
                .is_err()
        );
        assert!(
            "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"
                .parse::<AddressText>()
                .is_err()
        );
        assert_eq!(
            AddressText(Address::ZERO).to_string(),
            format!("0x{}", "0".repeat(40))
        );
    }

    #[test]
    fn amounts_are_whole_decimal_texts() {
        let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        assert_eq!(largest.parse::<AmountText>().unwrap().to_string(), largest);
        let above = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        for text in ["", "-1", "1.5", "0x10", "1e18", " 1", above] {
            assert!(text.parse::<AmountText>().is_err(), "{text}");
        }
    }

    #[test]
    fn positions_are_read_in_both_forms() {
        let position = PositionText(Position {
            block: Height(1042),
            transaction: 17,
            output: 1,
        });
        assert_eq!("1042:17:1".parse(), Ok(position));
        assert_eq!(position.0.pack().to_string().parse(), Ok(position));
        for text in ["", "1:2", "4722366482869645213696", "x"] {
            assert!(text.parse::<PositionText>().is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_utc_dates() {
        let known = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_001, "2000-02-29T00:00:00.001Z"),
            (1_795_328_999_999, "2026-11-22T06:29:59.999Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ];
        for (timestamp_ms, text) in known {
            assert_eq!(rfc3339(timestamp_ms), text);
            assert_eq!(super::timestamp_ms(text), Some(timestamp_ms));
        }
        for text in [
            "",
            "2026-11-22",
            "2026-02-29T00:00:00.000Z",
            "2026-13-01T00:00:00.000Z",
            "2026-11-22T24:00:00.000Z",
            "2026-11-22T06:29:59.999",
            "2026-11-22T06:29:59.999Z ",
            "2026-11-22 06:29:59.999Z",
            "+026-11-22T06:29:59.999Z",
            "1969-12-31T23:59:59.999Z",
        ] {
            assert_eq!(super::timestamp_ms(text), None, "{text:?}");
        }
    }
}
