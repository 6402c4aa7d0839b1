//! The wallet's accounts: one keystore file each, and the name of the one that is used when nobody says otherwise.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use plasma_core::Address;

use super::WalletError;
use crate::keystore::{KeyFileError, web3::Web3Keystore};

/// The folder of accounts.
#[derive(Clone, Debug)]
pub struct Accounts {
    folder: PathBuf,
}

/// An account with its encrypted key.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// The keystore's file.
    pub file: PathBuf,
    /// The keystore.
    pub keystore: Web3Keystore,
}

impl Accounts {
    /// The accounts in a wallet's folder.
    #[must_use]
    pub fn of(wallet: &Path) -> Self {
        Self {
            folder: wallet.to_owned(),
        }
    }

    /// Adds a keystore under a new name; the first account is used from then on.
    ///
    /// # Errors
    /// [`WalletError::Account`] for a name that is none; [`KeyFileError::Exists`].
    pub fn add(&self, name: &str, keystore: &Web3Keystore) -> Result<PathBuf, WalletError> {
        check(name)?;
        let folder = self.keystores();
        fs::create_dir_all(&folder).map_err(|source| WalletError::Store {
            path: folder.clone(),
            source,
        })?;
        let file = self.file(name);
        keystore.write(&file)?;
        if self.chosen()?.is_none() {
            self.choose(name)?;
        }
        Ok(file)
    }

    /// Names of all accounts, in order.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub fn names(&self) -> Result<Vec<String>, WalletError> {
        let folder = self.keystores();
        let io = |source| WalletError::Store {
            path: folder.clone(),
            source,
        };
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io)?,
        };
        let mut names = Vec::new();
        for entry in entries.take(ACCOUNTS_MAX) {
            let name = entry.map_err(io)?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
            names.extend(name.map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The account of a name, or the one that is used.
    ///
    /// # Errors
    /// [`WalletError::Account`] when there is none; [`WalletError::KeyFile`].
    pub fn account(&self, name: Option<&str>) -> Result<Account, WalletError> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => self.chosen()?.ok_or_else(|| {
                WalletError::Account(
                    "no account is chosen; make one with plasma wallet new NAME, or choose one with plasma wallet use NAME"
                        .into(),
                )
            })?,
        };
        check(&name)?;
        let file = self.file(&name);
        let keystore = Web3Keystore::read(&file).map_err(|error| self.explained(&name, error))?;
        Ok(Account { name, file, keystore })
    }

    /// The name of the account that is used.
    ///
    /// # Errors
    /// [`WalletError::Store`].
    pub fn chosen(&self) -> Result<Option<String>, WalletError> {
        match fs::read_to_string(self.choice()) {
            Ok(name) => Ok(Some(name.trim().to_owned()).filter(|name| !name.is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(WalletError::Store {
                path: self.choice(),
                source,
            }),
        }
    }

    /// Uses an account from now on.
    ///
    /// # Errors
    /// [`WalletError::Account`] when there is none of this name.
    pub fn choose(&self, name: &str) -> Result<(), WalletError> {
        self.account(Some(name))?;
        replace(&self.choice(), format!("{name}\n").as_bytes())
    }

    /// Takes an account out of the list; its file is moved to `removed`, for a key that is gone is gone for ever.
    ///
    /// # Errors
    /// [`WalletError::Account`] when there is none of this name; [`WalletError::Store`].
    pub fn remove(&self, name: &str) -> Result<PathBuf, WalletError> {
        let account = self.account(Some(name))?;
        let folder = self.folder.join("removed");
        let io = |source| WalletError::Store {
            path: folder.clone(),
            source,
        };
        fs::create_dir_all(&folder).map_err(io)?;
        let to = (0..ACCOUNTS_MAX)
            .map(|number| folder.join(format!("{name}.{number}.json")))
            .find(|file| !file.exists())
            .ok_or_else(|| io(io::Error::other("too many removed accounts of this name")))?;
        fs::rename(&account.file, &to).map_err(io)?;
        if self.chosen()?.as_deref() == Some(name) {
            fs::remove_file(self.choice()).map_err(io)?;
        }
        Ok(to)
    }

    /// Puts another encryption of the same key in an account's place: the old file or the new one, never none.
    ///
    /// # Errors
    /// [`WalletError::Account`] when there is none of this name; [`WalletError::KeyFile`]; [`WalletError::Store`].
    pub fn change(&self, name: &str, keystore: &Web3Keystore) -> Result<(), WalletError> {
        let account = self.account(Some(name))?;
        let fresh = account.file.with_extension("new");
        let io = |source| WalletError::Store {
            path: fresh.clone(),
            source,
        };
        match fs::remove_file(&fresh) {
            // What a change left that was killed.
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(error)),
        }
        keystore.write(&fresh)?;
        fs::rename(&fresh, &account.file).map_err(io)?;
        fs::File::open(self.keystores())
            .and_then(|folder| folder.sync_all())
            .map_err(io)
    }

    fn explained(&self, name: &str, error: KeyFileError) -> WalletError {
        if error.is_absence() {
            let known = self.names().unwrap_or_default().join(", ");
            return WalletError::Account(format!("there is no account {name}; there are: {known}"));
        }
        error.into()
    }

    fn keystores(&self) -> PathBuf {
        self.folder.join("keystores")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.keystores().join(format!("{name}.json"))
    }

    fn choice(&self) -> PathBuf {
        self.folder.join("account")
    }
}

impl Account {
    /// Whose key it is, as its file says.
    ///
    /// # Errors
    /// [`WalletError::Account`] when the file does not say it, as foundry's do not.
    pub fn address(&self) -> Result<Address, WalletError> {
        self.keystore.address().ok_or_else(|| {
            WalletError::Account(format!(
                "{} does not name its address; bring it in with plasma wallet import NAME --keystore FILE, which writes it down",
                self.file.display()
            ))
        })
    }
}

/// Writes a file of the wallet's own as a whole: old or new, never a part.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), WalletError> {
    let written = || -> io::Result<()> {
        let fresh = path.with_extension("new");
        let mut file = fs::File::create(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    written().map_err(|source| WalletError::Store {
        path: path.to_owned(),
        source,
    })
}

/// A name becomes a file's name, so it holds nothing that means something there.
fn check(name: &str) -> Result<(), WalletError> {
    let fits = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_');
    if !name.is_empty() && name.len() <= NAME_MAX && name.chars().all(fits) {
        return Ok(());
    }
    let name: String = name.chars().take(NAME_MAX).collect();
    Err(WalletError::Account(format!(
        "{name:?} is no name of an account: 1 to {NAME_MAX} letters, digits, - and _"
    )))
}

/// More accounts than anybody looks through.
const ACCOUNTS_MAX: usize = 10_000;
/// Fits every file system with its ending.
const NAME_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keystore::Secret;

    struct Place(PathBuf);

    impl Drop for Place {
        fn drop(&mut self) {
            let _gone = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn accounts_are_added_chosen_and_set_aside_and_none_is_overwritten() {
        let path = std::env::temp_dir().join(format!("plasma-wallet-accounts-{}", std::process::id()));
        let _absent = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        let place = Place(path);
        let accounts = Accounts::of(&place.0);
        assert!(
            accounts
                .account(None)
                .unwrap_err()
                .to_string()
                .contains("wallet new")
        );
        let keystore = Web3Keystore::seal(&Secret::new([7; 32]), "x").unwrap();
        accounts.add("alice", &keystore).unwrap();
        accounts.add("bob", &keystore).unwrap();
        let again = accounts.add("bob", &keystore).unwrap_err();
        assert!(again.to_string().contains("exists already"), "{again}");
        assert_eq!(accounts.account(None).unwrap().name, "alice");
        accounts.choose("bob").unwrap();
        assert_eq!(accounts.account(None).unwrap().name, "bob");
        let other = Web3Keystore::seal(&Secret::new([8; 32]), "y").unwrap();
        fs::write(place.0.join("keystores/bob.new"), "a part").unwrap();
        accounts.change("bob", &other).unwrap();
        assert_eq!(
            accounts.account(None).unwrap().keystore.address(),
            other.address()
        );
        assert_eq!(accounts.names().unwrap(), ["alice", "bob"]);
        assert!(accounts.change("carol", &other).is_err(), "who is not there");
        let kept = accounts.remove("bob").unwrap();
        assert!(kept.exists(), "a key is never deleted");
        assert_eq!(accounts.names().unwrap(), ["alice"]);
        assert!(accounts.account(None).is_err(), "nobody is chosen now");
        for name in ["", "../x", "a b", "ä"] {
            assert!(accounts.add(name, &keystore).is_err(), "{name:?}");
        }
    }
}
