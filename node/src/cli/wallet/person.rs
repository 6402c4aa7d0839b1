//! The person at the terminal, or the script that stands for one: told, asked, and asked for a password.

use std::{
    cell::RefCell,
    fs,
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use plasma_core::Address;
use zeroize::Zeroizing;

use crate::{
    api::text::AddressText,
    keystore::{KeyFileError, Secret},
    plain,
    wallet::{
        WalletError,
        accounts::{Account, Accounts},
        purse::Person,
    },
};

/// Whoever runs the command.
#[derive(Debug)]
pub(super) struct Terminal {
    pub(super) accounts: Accounts,
    /// The account that signs.
    pub(super) account: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    /// Everything was agreed to before.
    pub(super) yes: bool,
    /// Nothing is said on the way.
    pub(super) quiet: bool,
    /// The key, once it was unlocked.
    pub(super) unlocked: RefCell<Option<(Address, Secret)>>,
}

impl Person for Terminal {
    fn tell(&self, words: &str) {
        if !self.quiet {
            say(&format!("{}\n", words.trim_end()));
        }
    }

    fn agree(&self, words: &str) -> Result<(), WalletError> {
        if self.yes {
            self.tell(words);
            return Ok(());
        }
        // Nobody agrees to what was not shown, however quiet it is to be.
        say(&format!("{}\n", words.trim_end()));
        confirm("Sign this?")
    }

    fn key(&self, owner: Address) -> Result<Secret, WalletError> {
        if let Some((address, secret)) = &*self.unlocked.borrow()
            && *address == owner
        {
            return Ok(secret.clone());
        }
        let account = self.account_of(owner)?;
        let secret = self.unlock(&account)?;
        self.unlocked.replace(Some((owner, secret.clone())));
        Ok(secret)
    }
}

impl Terminal {
    /// The key of an account, with the password of whoever knows it.
    pub(super) fn unlock(&self, account: &Account) -> Result<Secret, WalletError> {
        let password = self.password(&format!("Password of {}: ", account.name))?;
        Ok(account.keystore.open(&password, &account.file)?)
    }

    /// A password: from the file that was named, or typed unseen.
    pub(super) fn password(&self, prompt: &str) -> Result<Zeroizing<String>, WalletError> {
        match &self.password_file {
            Some(path) => read_password(path),
            None => typed(prompt, "--password-file"),
        }
    }

    fn account_of(&self, owner: Address) -> Result<Account, WalletError> {
        let named = self.accounts.account(self.account.as_deref())?;
        if named.keystore.address().is_none_or(|address| address == owner) {
            return Ok(named);
        }
        for name in self.accounts.names()? {
            let account = self.accounts.account(Some(&name))?;
            if account.keystore.address() == Some(owner) {
                return Ok(account);
            }
        }
        Err(WalletError::Account(format!(
            "no account of this wallet has the address {}; bring its key in with plasma wallet import",
            AddressText(owner)
        )))
    }
}

/// A new password: from a file that a flag may name, or typed twice.
pub(super) fn new_password(file: Option<&Path>, flag: &str) -> Result<Zeroizing<String>, WalletError> {
    if let Some(path) = file {
        return read_password(path);
    }
    let first = typed("New password: ", flag)?;
    if *first == *typed("The same again: ", flag)? {
        return Ok(first);
    }
    Err(WalletError::Account(
        "the two passwords differ; nothing was written".into(),
    ))
}

/// Asks a question that is answered with yes or no; without a terminal nobody can answer.
pub(super) fn confirm(question: &str) -> Result<(), WalletError> {
    if !io::stdin().is_terminal() {
        return Err(WalletError::Usage(
            "nobody is there to agree: run this at a terminal, or say --yes".into(),
        ));
    }
    say(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let read = io::stdin().lock().take(ANSWER_MAX).read_line(&mut answer);
    match read {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => Err(WalletError::Declined),
    }
}

/// Words for people, some of them a stranger's; a closed standard error is no reason to do anything else.
pub(super) fn say(words: &str) {
    let _ = io::stderr().write_all(plain::lines(words).as_bytes());
}

fn typed(prompt: &str, flag: &str) -> Result<Zeroizing<String>, WalletError> {
    let password = rpassword::prompt_password(prompt).map_err(|error| {
        WalletError::Account(format!(
            "no password can be typed here ({error}); name a file with {flag}"
        ))
    })?;
    Ok(Zeroizing::new(password))
}

/// The first line of a file that only its owner may read.
fn read_password(path: &Path) -> Result<Zeroizing<String>, WalletError> {
    let io = |source| KeyFileError::Io {
        path: path.to_owned(),
        source,
    };
    let file = fs::File::open(path).map_err(io)?;
    let mode = file.metadata().map_err(io)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Permissions {
            path: path.to_owned(),
            mode,
        }
        .into());
    }
    let mut text = Zeroizing::new(String::new());
    file.take(PASSWORD_MAX).read_to_string(&mut text).map_err(io)?;
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}

/// `yes` and a newline, with room for a slip.
const ANSWER_MAX: u64 = 64;
/// Longer than any password that is typed.
const PASSWORD_MAX: u64 = 4096;
