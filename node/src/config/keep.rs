//! How many blocks keep their bodies, as people write it: `"all"` or a number.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::storage::Keep;

/// The setting `storage.keep_blocks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepBlocks {
    /// Every block, for ever.
    All,
    /// So many of the newest.
    Newest(u32),
}

impl From<KeepBlocks> for Keep {
    fn from(setting: KeepBlocks) -> Self {
        match setting {
            KeepBlocks::All => Self::All,
            KeepBlocks::Newest(newest) => Self::Newest(newest),
        }
    }
}

impl Serialize for KeepBlocks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str(ALL),
            Self::Newest(newest) => serializer.serialize_u32(*newest),
        }
    }
}

impl<'de> Deserialize<'de> for KeepBlocks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Reads either form; a number may stand in quotes, as it does in an environment variable.
struct Reader;

impl de::Visitor<'_> for Reader {
    type Value = KeepBlocks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"all\" or a number of blocks")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<KeepBlocks, E> {
        if text == ALL {
            return Ok(KeepBlocks::All);
        }
        let number = text.parse().map(KeepBlocks::Newest);
        number.map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<KeepBlocks, E> {
        let newest = u32::try_from(number).map(KeepBlocks::Newest);
        newest.map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<KeepBlocks, E> {
        let newest = u32::try_from(number).map(KeepBlocks::Newest);
        newest.map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }
}

const ALL: &str = "all";
