//! An encrypted key as Ethereum programs write it: the Web3 Secret Storage Definition, version 3.
//!
//! Ours are made with `scrypt` (N = 2^18, r = 8, p = 1, as geth's) and `aes-128-ctr`; those with `pbkdf2`, of other costs,
//! or without an address (foundry's) are read too. What a file asks for is bounded before it is computed.
//!
//! Source: ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage.

use std::{fs, io::Read as _, path::Path};

use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use plasma_core::{Address, SigningKey, keccak};
use rand::{TryRngCore as _, rngs::OsRng};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{KeyFileError, Secret, write_new};
use crate::hex;

/// An encrypted key, as its file tells it; nothing in it is secret without the password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Web3Keystore {
    version: u8,
    id: String,
    /// Without it the address is known only to who has the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(alias = "Crypto")]
    crypto: Crypto,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParams,
    ciphertext: String,
    #[serde(flatten)]
    kdf: Kdf,
    mac: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct CipherParams {
    iv: String,
}

/// What makes a key of a password.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kdf", content = "kdfparams", rename_all = "lowercase")]
enum Kdf {
    Scrypt {
        dklen: usize,
        n: u64,
        p: u32,
        r: u32,
        salt: String,
    },
    Pbkdf2 {
        c: u32,
        dklen: usize,
        prf: String,
        salt: String,
    },
}

impl Web3Keystore {
    /// Encrypts a key.
    ///
    /// # Errors
    /// Words about what is wrong: the bytes are no Ethereum key, or the system gives no randomness.
    pub fn seal(secret: &Secret, password: &str) -> Result<Self, String> {
        Self::seal_at(secret, password, LOG_N)
    }

    fn seal_at(secret: &Secret, password: &str, log_n: u8) -> Result<Self, String> {
        let key = SigningKey::from_bytes(secret.expose()).ok_or("these bytes are no Ethereum key")?;
        let mut random = [0; 64];
        OsRng
            .try_fill_bytes(&mut random)
            .map_err(|error| format!("the system gives no randomness: {error}"))?;
        let (salt, rest) = random.split_at(32);
        let (iv, id) = rest.split_at(16);
        let kdf = Kdf::Scrypt {
            dklen: DERIVED_BYTES,
            n: 1 << log_n,
            p: 1,
            r: 8,
            salt: bare(salt),
        };
        let derived = kdf.derive(password)?;
        let ciphertext = ciphered(&derived, iv, secret.expose())?;
        let id = uuid::Builder::from_random_bytes(id.try_into().map_err(|_| "an id has 16 bytes")?);
        Ok(Self {
            version: VERSION,
            id: id.into_uuid().to_string(),
            address: Some(bare(&key.address().0)),
            crypto: Crypto {
                cipher: CIPHER.to_owned(),
                cipherparams: CipherParams { iv: bare(iv) },
                mac: bare(&mac(&derived, &ciphertext)),
                ciphertext: bare(&ciphertext),
                kdf,
            },
        })
    }

    /// Whose key it says to be; its own word until it is opened.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        let digits = self.address.as_deref()?;
        let bytes = hex::decode(digits.get(..ADDRESS_TEXT_MAX.min(digits.len()))?)?;
        bytes.try_into().ok().map(Address)
    }

    /// Reads a keystore file; whoever may read it.
    ///
    /// # Errors
    /// [`KeyFileError::Io`], [`KeyFileError::Keystore`].
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let io = |source| KeyFileError::Io {
            path: path.to_owned(),
            source,
        };
        let refuse = |reason: String| KeyFileError::Keystore {
            path: path.to_owned(),
            reason,
        };
        let mut bytes = Vec::new();
        let file = fs::File::open(path).map_err(io)?;
        file.take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(io)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
            return Err(refuse(format!("it has more than {FILE_BYTES_MAX} bytes")));
        }
        let keystore: Self = serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))?;
        if keystore.version != VERSION {
            return Err(refuse(format!(
                "version = {}: only {VERSION} is read",
                keystore.version
            )));
        }
        if keystore.crypto.cipher != CIPHER {
            let cipher: String = keystore.crypto.cipher.chars().take(WORD_SHOWN).collect();
            return Err(refuse(format!("cipher = {cipher:?}: only {CIPHER} is read")));
        }
        Ok(keystore)
    }

    /// Writes a new file with mode 0600, synced to disk.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`] rather than overwrite; [`KeyFileError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), KeyFileError> {
        let text = serde_json::to_string(self).unwrap_or_default();
        write_new(path, format!("{text}\n").as_bytes())
    }

    /// Decrypts the key; `path` is for errors alone.
    ///
    /// # Errors
    /// [`KeyFileError::Password`]; [`KeyFileError::Keystore`] when the file asks for something that is not done.
    pub fn open(&self, password: &str, path: &Path) -> Result<Secret, KeyFileError> {
        let refuse = |reason: String| KeyFileError::Keystore {
            path: path.to_owned(),
            reason,
        };
        let field = |name: &str, text: &str| {
            hex::decode(text).ok_or_else(|| refuse(format!("{name} is no hex text")))
        };
        let ciphertext = field("ciphertext", &self.crypto.ciphertext)?;
        let iv = field("cipherparams.iv", &self.crypto.cipherparams.iv)?;
        let written = field("mac", &self.crypto.mac)?;
        let derived = self.crypto.kdf.derive(password).map_err(refuse)?;
        if mac(&derived, &ciphertext).as_slice() != written.as_slice() {
            return Err(KeyFileError::Password {
                path: path.to_owned(),
            });
        }
        let plain = Zeroizing::new(ciphered(&derived, &iv, &ciphertext).map_err(refuse)?);
        let bytes = <[u8; 32]>::try_from(plain.as_slice()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| refuse(format!("ciphertext has {} bytes, a key 32", plain.len())))?;
        let secret = Secret::new(*bytes);
        let key = SigningKey::from_bytes(secret.expose())
            .ok_or_else(|| refuse("what it holds is no Ethereum key".into()))?;
        match self.address() {
            Some(address) if address != key.address() => Err(refuse(format!(
                "address = {address}, and the key is that of {}",
                key.address()
            ))),
            _ => Ok(secret),
        }
    }
}

impl Kdf {
    /// The key that a password gives.
    fn derive(&self, password: &str) -> Result<Zeroizing<[u8; DERIVED_BYTES]>, String> {
        let mut derived = Zeroizing::new([0; DERIVED_BYTES]);
        let (Self::Scrypt { dklen, salt, .. } | Self::Pbkdf2 { dklen, salt, .. }) = self;
        if *dklen != DERIVED_BYTES {
            return Err(format!("kdfparams.dklen = {dklen}: only {DERIVED_BYTES} is read"));
        }
        let salt = hex::decode(salt).ok_or("kdfparams.salt is no hex text")?;
        match self {
            Self::Scrypt { n, p, r, .. } => {
                let memory = n.saturating_mul(u64::from(*r)).saturating_mul(128);
                if !n.is_power_of_two() || *n < 2 || memory > MEMORY_BYTES_MAX || *p > PARALLEL_MAX {
                    return Err(format!(
                        "kdfparams n = {n}, r = {r}, p = {p}: n is a power of two, n · r · 128 at most {MEMORY_BYTES_MAX}, \
                         p at most {PARALLEL_MAX}"
                    ));
                }
                let log_n = u8::try_from(n.trailing_zeros()).unwrap_or(u8::MAX);
                let params = scrypt::Params::new(log_n, *r, *p, DERIVED_BYTES)
                    .map_err(|error| format!("kdfparams: {error}"))?;
                scrypt::scrypt(password.as_bytes(), &salt, &params, derived.as_mut())
                    .map_err(|error| format!("kdfparams: {error}"))?;
            }
            Self::Pbkdf2 { c, prf, .. } => {
                if prf != PRF || *c == 0 || *c > ROUNDS_MAX {
                    return Err(format!(
                        "kdfparams c = {c}: 1 to {ROUNDS_MAX}, with prf = {PRF:?}"
                    ));
                }
                pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password.as_bytes(), &salt, *c, derived.as_mut());
            }
        }
        Ok(derived)
    }
}

/// Encrypts or decrypts: the cipher is its own inverse.
fn ciphered(derived: &[u8; DERIVED_BYTES], iv: &[u8], text: &[u8]) -> Result<Vec<u8>, String> {
    let (key, _) = derived.split_at(16);
    let cipher = ctr::Ctr128BE::<aes::Aes128>::new_from_slices(key, iv);
    let mut cipher = cipher.map_err(|_| format!("cipherparams.iv has {} bytes, not 16", iv.len()))?;
    let mut text = text.to_vec();
    cipher.apply_keystream(&mut text);
    Ok(text)
}

fn mac(derived: &[u8; DERIVED_BYTES], ciphertext: &[u8]) -> [u8; 32] {
    let (_, key) = derived.split_at(16);
    keccak(&[key, ciphertext]).0
}

/// Hex without `0x`, as the format wants it.
fn bare(bytes: &[u8]) -> String {
    hex::encode(bytes).trim_start_matches("0x").to_owned()
}

const VERSION: u8 = 3;
const CIPHER: &str = "aes-128-ctr";
const PRF: &str = "hmac-sha256";
/// Half of it encrypts, half of it goes into the check.
const DERIVED_BYTES: usize = 32;
/// 2^18, as geth's: about a second and 256 MiB for each guess at a password.
const LOG_N: u8 = 18;
/// Four times what ours need; a file must not fill the memory.
const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// Nobody writes more than geth's light files (6).
const PARALLEL_MAX: u32 = 16;
/// Files of old programs have 262 144; this takes some seconds.
const ROUNDS_MAX: u32 = 10_000_000;
/// A keystore has 500 bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// `0x` and 40 digits.
const ADDRESS_TEXT_MAX: usize = 42;
/// So much of a stranger's word stands in an error.
const WORD_SHOWN: usize = 40;

#[cfg(test)]
mod tests;
