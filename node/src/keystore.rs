//! An operator's secret keys on disk: three independent keys, each in a file of its own.
//!
//! A key file is the 32 secret bytes as 64 hex digits and a newline, readable by its owner alone;
//! a file that a group or the world may read is refused. Keys are wiped from memory when dropped
//! and never shown: `Debug` prints the name of the type.
//!
//! The keys of wallets lie encrypted, as other Ethereum programs write them: [`web3`].

pub mod web3;

use std::{
    fmt, fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use zeroize::{Zeroize as _, Zeroizing};

/// Thirty-two secret bytes: a BLS key, an ed25519 seed or a secp256k1 key.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

/// The secret keys of one operator (`security.md`: never shared, never derived from each other).
#[derive(Clone, Debug)]
pub struct OperatorKeys {
    /// Votes and co-signs blocks.
    pub bls: Secret,
    /// Identity on the peer-to-peer network; gives no vote.
    pub peer: Secret,
    /// Pays gas for anchors and challenges; holds little.
    pub ethereum: Secret,
}

/// Why a key file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Others than the owner may read it.
    #[error("{path} may be read by others (mode {mode:o}); run: chmod 600 {path}")]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not 64 hex digits.
    #[error("{path} is no key file: {reason}; expected 64 hex digits and a newline")]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found; never the content.
        reason: &'static str,
    },
    /// A key is already there, and a key is never overwritten.
    #[error("{path} exists already; move it away first, an overwritten key is lost for ever")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// No keystore of the third version, or one that asks for more than we give.
    #[error("{path} is no Web3 keystore: {reason}")]
    Keystore {
        /// The file.
        path: PathBuf,
        /// The field, and what was expected.
        reason: String,
    },
    /// The password does not open the keystore.
    #[error("the password does not open {path}; nothing was changed, try again")]
    Password {
        /// The keystore.
        path: PathBuf,
    },
    /// The file system said no.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Its words.
        source: io::Error,
    },
}

impl KeyFileError {
    /// Whether there is no such file.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

impl Secret {
    /// Takes over secret bytes; the caller's copy is the caller's to wipe.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for the one place that makes a signing key of them.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`KeyFileError`]: not there, readable by others, or not a key.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let io = |source| KeyFileError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = fs::File::open(path).map_err(io)?;
        // The mode of the open file, so that nobody swaps the file between check and read.
        let mode = file.metadata().map_err(io)?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Permissions {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = Zeroizing::new([0; TEXT_BYTES + 1]);
        let mut length = 0;
        while let Some(rest) = text.get_mut(length..)
            && !rest.is_empty()
        {
            let read = file.read(rest).map_err(io)?;
            if read == 0 {
                break;
            }
            length += read;
        }
        let format = |reason| KeyFileError::Format {
            path: path.to_owned(),
            reason,
        };
        let digits = text.get(..length).unwrap_or_default().trim_ascii_end();
        parse(digits).map_err(format)
    }

    /// Writes a new key file with mode 0600, synced to disk together with its folder.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`] rather than overwrite; [`KeyFileError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), KeyFileError> {
        let mut text = Zeroizing::new([b'\n'; TEXT_BYTES]);
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0.iter()) {
            for (digit, nibble) in pair.iter_mut().zip([byte >> 4, byte & 0x0f]) {
                *digit = HEX_DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
            }
        }
        write_new(path, text.as_slice())
    }
}

/// Writes a new file with mode 0600, synced to disk together with its folder.
fn write_new(path: &Path, content: &[u8]) -> Result<(), KeyFileError> {
    let io = |source| KeyFileError::Io {
        path: path.to_owned(),
        source,
    };
    let opened = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeyFileError::Exists {
                path: path.to_owned(),
            });
        }
        other => other.map_err(io)?,
    };
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(io)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io)
}

impl OperatorKeys {
    /// Reads the three files of a folder.
    ///
    /// # Errors
    /// [`KeyFileError`] of the first file that cannot be read.
    pub fn read(folder: &Path) -> Result<Self, KeyFileError> {
        Ok(Self {
            bls: Secret::read(&folder.join(BLS_FILE))?,
            peer: Secret::read(&folder.join(PEER_FILE))?,
            ethereum: Secret::read(&folder.join(ETHEREUM_FILE))?,
        })
    }

    /// The libp2p peer id that the committee's table binds to this operator.
    #[must_use]
    pub fn peer_id(&self) -> plasma_network::PeerId {
        plasma_network::peer_id(self.peer.expose())
    }

    /// Writes the three files into a folder that exists.
    ///
    /// # Errors
    /// [`KeyFileError`] of the first file that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), KeyFileError> {
        self.bls.write(&folder.join(BLS_FILE))?;
        self.peer.write(&folder.join(PEER_FILE))?;
        self.ethereum.write(&folder.join(ETHEREUM_FILE))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

fn parse(digits: &[u8]) -> Result<Secret, &'static str> {
    if digits.len() != 64 {
        return Err("not 64 characters");
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit)
                .to_digit(16)
                .and_then(|value| u8::try_from(value).ok());
            *byte = (*byte << 4) | value.ok_or("a character is no hex digit")?;
        }
    }
    let secret = Secret::new(bytes);
    bytes.zeroize();
    Ok(secret)
}

/// Name of the BLS key file in an operator's key folder.
pub const BLS_FILE: &str = "bls.key";
/// Name of the peer-to-peer identity file.
pub const PEER_FILE: &str = "peer.key";
/// Name of the Ethereum key file.
pub const ETHEREUM_FILE: &str = "ethereum.key";
/// 64 digits and a newline.
const TEXT_BYTES: usize = 65;
const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::{KeyFileError, OperatorKeys, Secret};
    use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("plasma-keystore-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn written(folder: &Folder, content: &[u8], mode: u32) -> PathBuf {
        let path = folder.0.join("key");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn written_keys_are_read_back() {
        let folder = Folder::new("round-trip");
        let keys = OperatorKeys {
            bls: Secret::new([0x0a; 32]),
            peer: Secret::new([0xf0; 32]),
            ethereum: Secret::new([3; 32]),
        };
        keys.write(&folder.0).unwrap();
        let read = OperatorKeys::read(&folder.0).unwrap();
        assert_eq!(read.bls.expose(), &[0x0a; 32]);
        assert_eq!(read.peer.expose(), &[0xf0; 32]);
        assert_eq!(read.ethereum.expose(), &[3; 32]);
        let mode = fs::metadata(folder.0.join("bls.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let folder = Folder::new("overwrite");
        let path = folder.0.join("key");
        Secret::new([1; 32]).write(&path).unwrap();
        assert!(matches!(
            Secret::new([2; 32]).write(&path),
            Err(KeyFileError::Exists { .. })
        ));
        assert_eq!(Secret::read(&path).unwrap().expose(), &[1; 32]);
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_remedy() {
        for mode in [0o640, 0o604, 0o620, 0o666] {
            let folder = Folder::new(&format!("mode-{mode:o}"));
            let path = written(&folder, &[b'0'; 64], mode);
            let error = Secret::read(&path).unwrap_err().to_string();
            assert!(
                error.contains("chmod 600") && error.contains(&format!("{mode:o}")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_without_showing_it() {
        let folder = Folder::new("format");
        for content in [&b""[..], b"0011", &[b'g'; 64], &[b'a'; 66], &[b'a'; 4096]] {
            let path = written(&folder, content, 0o600);
            let error = Secret::read(&path).unwrap_err();
            assert!(matches!(error, KeyFileError::Format { .. }));
            assert!(!error.to_string().contains("gggg") && !error.to_string().contains("aaaa"));
        }
        assert!(matches!(
            Secret::read(&folder.0.join("absent")),
            Err(KeyFileError::Io { .. })
        ));
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", Secret::new([7; 32])), "Secret");
    }
}
