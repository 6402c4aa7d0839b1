//! CRC-32C (Castagnoli), the checksum of the log.
//!
//! Source: RFC 3720 appendix B.4; reflected polynomial 0x82f63b78. Eight tables let a step take eight
//! bytes, because block bodies of megabytes pass through here before every vote.

use plasma_core::planted::planted;

/// A running checksum that starts from a caller's value instead of zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crc32c(u32);

impl Crc32c {
    /// Starts; `salt` 0 gives the standard checksum.
    pub(crate) fn new(salt: u32) -> Self {
        Self(!salt)
    }

    /// Takes in more bytes.
    pub(crate) fn update(self, bytes: &[u8]) -> Self {
        let mut crc = self.0;
        let (chunks, rest) = bytes.as_chunks::<8>();
        for chunk in chunks {
            let word = u64::from_le_bytes(*chunk) ^ u64::from(crc);
            crc = word
                .to_le_bytes()
                .iter()
                .zip(TABLES.iter().rev())
                .fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)]);
        }
        for byte in rest {
            let [low, ..] = crc.to_le_bytes();
            crc = (crc >> 8) ^ TABLES[0][usize::from(low ^ byte)];
        }
        Self(crc)
    }

    /// The checksum of all bytes taken in.
    pub(crate) fn finish(self) -> u32 {
        if planted("wal: checksums are all alike") {
            return 0;
        }
        !self.0
    }
}

const POLYNOMIAL: u32 = 0x82f6_3b78;

/// `TABLES[k][b]` is the effect of byte `b` followed by k zero bytes.
static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0u32; 256]; 8];
    let mut byte = 0;
    let mut seed = 0u32;
    while byte < 256 {
        let mut crc = seed;
        let mut zeros = 0;
        while zeros < 8 {
            crc = after_zero_byte(crc);
            tables[zeros][byte] = crc;
            zeros += 1;
        }
        byte += 1;
        seed += 1;
    }
    tables
}

const fn after_zero_byte(mut crc: u32) -> u32 {
    let mut bit = 0;
    while bit < 8 {
        crc = if crc & 1 == 1 {
            (crc >> 1) ^ POLYNOMIAL
        } else {
            crc >> 1
        };
        bit += 1;
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::Crc32c;

    fn crc(bytes: &[u8]) -> u32 {
        Crc32c::new(0).update(bytes).finish()
    }

    #[test]
    fn known_checksums_of_the_standard() {
        let ascending: Vec<u8> = (0..32).collect();
        let descending: Vec<u8> = (0..32).rev().collect();
        assert_eq!(crc(b"123456789"), 0xe306_9283);
        assert_eq!(crc(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc(&ascending), 0x46dd_794e);
        assert_eq!(crc(&descending), 0x113f_db5c);
    }

    #[test]
    fn parts_give_the_checksum_of_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for cut in [0, 1, 7, 8, 9, 500, 999, 1000] {
            let (a, b) = bytes.split_at(cut);
            assert_eq!(
                Crc32c::new(7).update(a).update(b).finish(),
                Crc32c::new(7).update(&bytes).finish()
            );
        }
    }

    #[test]
    fn another_salt_gives_another_checksum() {
        assert_ne!(
            Crc32c::new(1).update(b"x").finish(),
            Crc32c::new(2).update(b"x").finish()
        );
    }
}
