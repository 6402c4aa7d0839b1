//! Base58 with Bitcoin's alphabet: how people write libp2p peer ids.
//!
//! Quadratic in the length, so texts are bounded before they are read.

/// More characters than any peer id needs (64 bytes give 88).
const TEXT_MAX: usize = 96;

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The text of some bytes; each leading zero byte is a `1`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut digits: Vec<u8> = Vec::new();
    for byte in bytes.iter().skip(zeros) {
        multiply_add(&mut digits, 256, 58, u32::from(*byte));
    }
    let letters = digits
        .iter()
        .rev()
        .filter_map(|digit| ALPHABET.get(usize::from(*digit)));
    std::iter::repeat_n(&b'1', zeros)
        .chain(letters)
        .map(|letter| char::from(*letter))
        .collect()
}

/// The bytes of a text; `None` for a foreign character or too long a text.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > TEXT_MAX {
        return None;
    }
    let zeros = text.bytes().take_while(|letter| *letter == b'1').count();
    let mut bytes: Vec<u8> = Vec::new();
    for letter in text.bytes().skip(zeros) {
        let digit = ALPHABET.iter().position(|known| *known == letter)?;
        multiply_add(&mut bytes, 58, 256, u32::try_from(digit).ok()?);
    }
    bytes.extend(std::iter::repeat_n(0, zeros));
    bytes.reverse();
    Some(bytes)
}

/// `number = number * factor + carry`, with `number` little-endian in `base` (at most 256).
fn multiply_add(number: &mut Vec<u8>, factor: u32, base: u32, mut carry: u32) {
    let low = |value: u32| u8::try_from(value % base).unwrap_or(0);
    for digit in number.iter_mut() {
        carry += u32::from(*digit) * factor;
        *digit = low(carry);
        carry /= base;
    }
    while carry > 0 {
        number.push(low(carry));
        carry /= base;
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn known_texts_are_read_and_written() {
        let known: [(&[u8], &str); 4] = [
            (b"", ""),
            (&[0, 0], "11"),
            (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
            (&[0, 1, 255], "19p"),
        ];
        for (bytes, text) in known {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn foreign_characters_and_long_texts_are_refused() {
        for text in ["0", "O", "l", "I", "a b", "é"] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode(&"1".repeat(97)), None);
    }
}
