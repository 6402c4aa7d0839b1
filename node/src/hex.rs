//! Bytes as hex text: written lower-case after `0x`, read with or without it in either case.

use std::fmt::Write as _;

/// `0x` and two lower-case digits per byte.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2 + 2);
    text.push_str("0x");
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes of an even number of hex digits, with or without `0x`; `None` for anything else.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?))
        .collect()
}

/// Exactly N bytes, with `0x`; `None` for anything else.
#[must_use]
pub fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Length first: the text may come from a stranger.
    if text.len() != N * 2 + 2 || !text.starts_with("0x") {
        return None;
    }
    decode(text)?.try_into().ok()
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_array, encode};

    #[test]
    fn hex_survives_both_ways() {
        assert_eq!(encode(&[0, 0xab, 0xff]), "0x00abff");
        assert_eq!(decode("0x00aBFf"), Some(vec![0, 0xab, 0xff]));
        assert_eq!(decode("00abff"), Some(vec![0, 0xab, 0xff]));
        assert_eq!(decode(""), Some(vec![]));
        assert_eq!(decode_array("0x0102"), Some([1, 2]));
    }

    #[test]
    fn what_is_not_hex_is_refused() {
        for text in ["0", "0x0", "0xgg", "é", "0x0x00", " 00"] {
            assert_eq!(decode(text), None, "{text}");
        }
        for text in ["0102", "0x010203", "0x01", "0x01é"] {
            assert_eq!(decode_array::<2>(text), None, "{text}");
        }
    }
}
