//! `http.tokens_file`: clients that may ask more, one `name:hash:rate` per line.
//!
//! The file holds SHA-256 of each token and no token, so whoever reads it can ask nothing in another's name. What a token
//! says is looked up by that hash: how long the answer takes tells nothing about a token.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};

use crate::{
    hex,
    quantity::{QuantityError, RateLimit},
};

/// More clients than one operator knows by name; a thousand rates are some hundred kilobytes.
pub const TOKENS_MAX: usize = 1_000;
/// A thousand lines of the longest name and rate.
const FILE_BYTES_MAX: u64 = 256 << 10;
/// A name is for people and fits in a line of a log.
const NAME_MAX: usize = 64;

/// Hash of a token.
pub type TokenHash = [u8; 32];

/// Who may ask how much, by the hash of its token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(pub BTreeMap<TokenHash, Client>);

/// A client that has a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// For people.
    pub name: String,
    /// How much it may ask.
    pub rate: RateLimit,
}

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The file cannot be read.
    #[error("http.tokens_file: cannot read {path}: {source}; write it, or set the key to \"\"")]
    Read {
        /// Which file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// It is too long.
    #[error("http.tokens_file: {path} has more than {FILE_BYTES_MAX} bytes or {TOKENS_MAX} tokens")]
    Large {
        /// Which file.
        path: String,
    },
    /// A line of it is wrong.
    #[error("http.tokens_file: {path}, line {line}: {reason}")]
    Line {
        /// Which file.
        path: String,
        /// First line is 1.
        line: usize,
        /// What is wrong, and what would do.
        reason: String,
    },
}

impl Tokens {
    /// Reads a file; none without a path.
    ///
    /// # Errors
    /// [`TokensError`] with the line.
    pub fn load(path: &Path) -> Result<Self, TokensError> {
        if path.as_os_str().is_empty() {
            return Ok(Self::default());
        }
        let name = path.display().to_string();
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
        match read {
            Ok(_) => Self::parse(&name, &text),
            Err(source) => Err(TokensError::Read { path: name, source }),
        }
    }

    /// As [`Tokens::load`] from text. Empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// [`TokensError`] with the line.
    pub fn parse(path: &str, text: &str) -> Result<Self, TokensError> {
        let is_large = u64::try_from(text.len()).is_ok_and(|bytes| bytes > FILE_BYTES_MAX);
        let mut tokens = BTreeMap::new();
        for (line, said) in (1..).zip(text.lines()) {
            let said = said.trim();
            if said.is_empty() || said.starts_with('#') {
                continue;
            }
            let wrong = |reason| TokensError::Line {
                path: path.to_owned(),
                line,
                reason,
            };
            let (hash, client) = entry(said).map_err(wrong)?;
            if tokens.values().any(|known: &Client| known.name == client.name) {
                return Err(wrong(format!("{} has a token already", client.name)));
            }
            if tokens.insert(hash, client).is_some() {
                return Err(wrong("the same token as above".to_owned()));
            }
        }
        if is_large || tokens.len() > TOKENS_MAX {
            return Err(TokensError::Large {
                path: path.to_owned(),
            });
        }
        Ok(Self(tokens))
    }
}

/// What a token is known by.
#[must_use]
pub fn hash_of(token: &[u8]) -> TokenHash {
    Sha256::digest(token).into()
}

fn entry(said: &str) -> Result<(TokenHash, Client), String> {
    let mut parts = said.splitn(3, ':');
    let (Some(name), Some(hash), Some(rate)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("write name:hash:rate, such as exchange:9f86…0a08:500/s burst 5000".to_owned());
    };
    let (name, hash, rate) = (name.trim(), hash.trim(), rate.trim());
    if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(format!("name: 1 to {NAME_MAX} printable characters"));
    }
    let digits = format!("0x{}", hash.to_ascii_lowercase());
    let hash = hex::decode_array(&digits)
        .ok_or("hash: the 64 hex digits that `printf %s TOKEN | sha256sum` prints")?;
    let rate = rate
        .parse()
        .map_err(|error: QuantityError| format!("rate: {error}"))?;
    let name = name.to_owned();
    Ok((hash, Client { name, rate }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn a_line_names_a_client_by_the_hash_of_its_token() {
        let text = format!("# who may ask more\n\nexchange:{HASH}:500/s burst 5000\n");
        let tokens = Tokens::parse("tokens", &text).unwrap();
        let client = &tokens.0[&hash_of(b"test")];
        assert_eq!(client.name, "exchange");
        assert_eq!(client.rate.to_string(), "500/s burst 5000");
        assert_eq!(Tokens::load(Path::new("")).unwrap(), Tokens::default());
    }

    #[test]
    fn whatever_is_wrong_is_named_with_its_line() {
        let other = HASH.replace('9', "8");
        for (text, said) in [
            ("exchange\n".to_owned(), "line 1: write name:hash:rate"),
            (format!("#\n:{HASH}:off"), "line 2: name: 1 to 64"),
            (format!("a:{}:off", &HASH[2..]), "line 1: hash: the 64 hex digits"),
            (format!("a:{HASH}:fast"), "line 1: rate: `fast` is neither"),
            (
                format!("a:{HASH}:off\na:{other}:off"),
                "line 2: a has a token already",
            ),
            (format!("a:{HASH}:off\nb:{HASH}:off"), "line 2: the same token"),
            ("#".repeat(300 << 10), "more than 262144 bytes"),
        ] {
            let error = Tokens::parse("tokens", &text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        let error = Tokens::load(Path::new("no/such/file")).unwrap_err().to_string();
        assert!(error.contains("cannot read no/such/file"), "{error}");
    }
}
