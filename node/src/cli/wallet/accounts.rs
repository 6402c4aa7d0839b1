//! The wallet's keys: made, brought in, listed, chosen, set aside.

use std::path::Path;

use plasma_core::{Address, SigningKey};
use rand::{TryRngCore as _, rngs::OsRng};
use zeroize::Zeroizing;

use super::{
    Desk, StartError,
    person::{confirm, new_password},
    view,
};
use crate::{
    api::text::AddressText,
    keystore::{Secret, web3::Web3Keystore},
    wallet::{WalletError, accounts::Account},
};

/// Makes a key of the system's randomness.
pub(super) fn new(desk: &Desk, name: &str) -> Result<(), StartError> {
    let password = first_password(desk)?;
    // Almost every 32 bytes are a key; the others are thrown away.
    let secret = loop {
        let mut seed = Zeroizing::new([0; 32]);
        OsRng
            .try_fill_bytes(seed.as_mut())
            .map_err(|error| StartError::Failed(format!("the system gives no randomness: {error}")))?;
        if SigningKey::from_bytes(&seed).is_some() {
            break Secret::new(*seed);
        }
    };
    keep(desk, name, &secret, &password)
}

/// Brings in a key that another program made; it is encrypted anew, as strong as our own.
pub(super) fn import(
    desk: &Desk,
    name: &str,
    keystore: Option<&Path>,
    key_file: Option<&Path>,
) -> Result<(), StartError> {
    let terminal = desk.terminal();
    match (keystore, key_file) {
        (Some(file), None) => {
            let foreign = Account {
                name: file.display().to_string(),
                file: file.to_owned(),
                keystore: Web3Keystore::read(file)?,
            };
            let password = terminal.password(&format!("Password of {}: ", foreign.name))?;
            let secret = foreign.keystore.open(&password, file)?;
            keep(desk, name, &secret, &password)
        }
        (None, Some(file)) => {
            let secret = Secret::read(file)?;
            let password = first_password(desk)?;
            keep(desk, name, &secret, &password)
        }
        _ => Err(WalletError::Usage(
            "say what to bring in: --keystore FILE of another program, or --key-file FILE".into(),
        )
        .into()),
    }
}

/// Names and addresses, the chosen one marked.
pub(super) fn list(desk: &Desk) -> Result<(), StartError> {
    let chosen = desk.accounts.chosen()?;
    let mut accounts = Vec::new();
    for name in desk.accounts.names()? {
        let account = desk.accounts.account(Some(&name))?;
        accounts.push(view::AccountView {
            is_chosen: chosen.as_deref() == Some(&name),
            name,
            address: account.keystore.address().map(AddressText),
        });
    }
    desk.show(&view::Accounts { accounts })
}

pub(super) fn address(desk: &Desk) -> Result<(), StartError> {
    desk.show(&view::Account {
        address: AddressText(desk.owner()?),
    })
}

pub(super) fn choose(desk: &Desk, name: &str) -> Result<(), StartError> {
    desk.accounts.choose(name)?;
    shown(desk, name)
}

/// Encrypts an account's key with another password. The new file is opened once before it takes the old one's place.
pub(super) fn change_password(desk: &Desk, name: &str, fresh: Option<&Path>) -> Result<(), StartError> {
    let account = desk.accounts.account(Some(name))?;
    let secret = desk.terminal().unlock(&account)?;
    let password = new_password(fresh, "--new-password-file")?;
    let sealed = Web3Keystore::seal(&secret, &password).map_err(WalletError::Account)?;
    sealed.open(&password, &account.file)?;
    desk.accounts.change(name, &sealed)?;
    shown(desk, name)
}

/// Sets an account aside; its file stays, in another folder.
pub(super) fn remove(desk: &Desk, name: &str) -> Result<(), StartError> {
    desk.accounts.account(Some(name))?;
    if !desk.options.yes {
        confirm(&format!("Take {name} out of this wallet?"))?;
    }
    let kept = desk.accounts.remove(name)?;
    desk.show(&view::Removed {
        name: name.to_owned(),
        kept: kept.display().to_string(),
    })
}

/// The password of a key that had none here.
fn first_password(desk: &Desk) -> Result<Zeroizing<String>, WalletError> {
    new_password(desk.options.password_file.as_deref(), "--password-file")
}

fn keep(desk: &Desk, name: &str, secret: &Secret, password: &str) -> Result<(), StartError> {
    let sealed = Web3Keystore::seal(secret, password).map_err(WalletError::Account)?;
    desk.accounts.add(name, &sealed)?;
    shown(desk, name)
}

fn shown(desk: &Desk, name: &str) -> Result<(), StartError> {
    let account = desk.accounts.account(Some(name))?;
    let address: Option<Address> = account.keystore.address();
    desk.show(&view::AccountView {
        is_chosen: desk.accounts.chosen()?.as_deref() == Some(name),
        name: name.to_owned(),
        address: address.map(AddressText),
    })
}
