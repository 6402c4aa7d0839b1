//! The nonce journal: every transaction of one account, on disk before it is sent.
//!
//! The file holds each transaction from before its first sending until it is mined below the
//! confirmation depth, with every set of bytes that was ever signed for its nonce. It is replaced as a
//! whole (new file, fsync, rename, fsync of the folder), so a crash leaves the old or the new content.
//! Nonces of the entries are consecutive and end just below `next_nonce`; that is why no gap and no
//! second stream of nonces can arise, whenever the process dies. What Ethereum counts wrongly still can: see
//! [`Journal::begin_again`].

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use ethers_core::types::{Bytes, H160, H256, U256};
use plasma_core::{Address, Hash};
use serde::{Deserialize, Serialize};

use super::{
    account::{Call, Fees, Signed, Terms},
    convert,
    error::L1Error,
};

/// One transaction that is not yet final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the account's stream.
    pub nonce: u64,
    label: String,
    to: Option<H160>,
    value: U256,
    data: Bytes,
    gas: u64,
    /// Everything ever signed for this nonce, cheapest first; any of them may be mined.
    attempts: Vec<Attempt>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    hash: H256,
    raw: Bytes,
    max_wei: U256,
    priority_wei: U256,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u8,
    chain_id: u64,
    account: H160,
    /// The nonce of the next new transaction; moves back only with [`Journal::begin_again`].
    next_nonce: u64,
    entries: Vec<Entry>,
}

/// The journal of one account on one chain.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    content: Content,
}

impl Entry {
    /// What it asks for.
    #[must_use]
    pub fn call(&self) -> Call {
        Call {
            label: self.label.clone(),
            to: self.to.map(|to| Address(to.0)),
            value: convert::from_u256(self.value),
            data: self.data.to_vec(),
        }
    }

    /// The hashes under which it may be mined, newest first.
    pub fn hashes(&self) -> impl Iterator<Item = Hash> + '_ {
        self.attempts.iter().rev().map(|attempt| Hash(attempt.hash.0))
    }

    /// The bytes signed last.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        self.attempts.last().map_or(&[], |attempt| &attempt.raw)
    }

    /// Terms of a dearer attempt at the same nonce, or `None` when a node would not take one within the limit. After many
    /// attempts only what the node suggests raises it.
    #[must_use]
    pub fn dearer(&self, suggested: Fees, fee_wei_max: u128) -> Option<Terms> {
        let last = self.attempts.last()?;
        let wei = |fee: U256| u128::try_from(fee).unwrap_or(u128::MAX);
        let (old_wei, old_priority_wei) = (wei(last.max_wei), wei(last.priority_wei));
        let raised_wei = raised(old_wei, BUMP_PERCENT);
        if self.attempts.len() >= ATTEMPTS_MAX && suggested.max_wei < raised_wei {
            return None;
        }
        let max_wei = suggested.max_wei.max(raised_wei).min(fee_wei_max);
        let priority_wei = raised(old_priority_wei, BUMP_PERCENT).max(suggested.priority_wei);
        let fees = Fees {
            max_wei,
            priority_wei: priority_wei.min(max_wei),
        };
        let is_replacement = max_wei >= raised(old_wei, REPLACEMENT_PERCENT)
            && fees.priority_wei >= raised(old_priority_wei, REPLACEMENT_PERCENT);
        is_replacement.then_some(Terms {
            nonce: self.nonce,
            gas: self.gas,
            fees,
        })
    }
}

impl Journal {
    /// Opens the journal, or begins one.
    ///
    /// # Errors
    /// [`L1Error::Journal`] when the file is unreadable, damaged, or of another account or chain: it is
    /// never begun anew by itself, because that could send everything twice.
    pub fn open(path: &Path, account: Address, chain_id: u64) -> Result<Self, L1Error> {
        let failed = |reason: String| L1Error::Journal {
            path: path.display().to_string(),
            reason,
        };
        let fresh = Content {
            version: VERSION,
            chain_id,
            account: H160(account.0),
            next_nonce: 0,
            entries: Vec::new(),
        };
        let content = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => fresh,
            Err(error) => return Err(failed(error.to_string())),
            Ok(found) if found.len() > FILE_BYTES_MAX => {
                return Err(failed(format!(
                    "damaged ({} bytes, more than a journal can have); {MOVE_ASIDE}",
                    found.len()
                )));
            }
            Ok(_) => {
                let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
                let stored: Content = serde_json::from_slice(&bytes)
                    .map_err(|error| failed(format!("damaged ({error}); {MOVE_ASIDE}")))?;
                stored.check(&fresh).map_err(failed)?;
                stored
            }
        };
        Ok(Self {
            path: path.to_owned(),
            content,
        })
    }

    /// Transactions that are not final, in the order of their nonces.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.content.entries
    }

    /// The entry of a nonce.
    #[must_use]
    pub fn entry(&self, nonce: u64) -> Option<&Entry> {
        self.content.entries.iter().find(|entry| entry.nonce == nonce)
    }

    /// The entry that asks for exactly this.
    #[must_use]
    pub fn find(&self, call: &Call) -> Option<&Entry> {
        self.content.entries.iter().find(|entry| entry.call() == *call)
    }

    /// The nonce of the next new transaction when Ethereum has mined `mined` of this account.
    #[must_use]
    pub fn next_nonce(&self, mined: u64) -> u64 {
        self.content.next_nonce.max(mined)
    }

    /// Records a signed transaction, before it is sent: a new one, or a dearer attempt at a known nonce.
    ///
    /// # Errors
    /// [`L1Error::Journal`]; then it must not be sent.
    pub async fn record(&mut self, call: &Call, terms: &Terms, signed: &Signed) -> Result<(), L1Error> {
        let attempt = Attempt {
            hash: H256(signed.hash.0),
            raw: Bytes::from(signed.raw.clone()),
            max_wei: U256::from(terms.fees.max_wei),
            priority_wei: U256::from(terms.fees.priority_wei),
        };
        let mut content = self.content.clone();
        match content
            .entries
            .iter_mut()
            .find(|entry| entry.nonce == terms.nonce)
        {
            Some(entry) => entry.attempts.push(attempt),
            None => content.entries.push(Entry {
                nonce: terms.nonce,
                label: call.label.clone(),
                to: call.to.map(|to| H160(to.0)),
                value: convert::to_u256(call.value),
                data: Bytes::from(call.data.clone()),
                gas: terms.gas,
                attempts: vec![attempt],
            }),
        }
        content.next_nonce = content.next_nonce.max(terms.nonce.saturating_add(1));
        self.write(content).await
    }

    /// Forgets a transaction that is final, or whose nonce somebody else used.
    ///
    /// # Errors
    /// [`L1Error::Journal`].
    pub async fn forget(&mut self, nonce: u64) -> Result<(), L1Error> {
        let mut content = self.content.clone();
        content.entries.retain(|entry| entry.nonce != nonce);
        self.write(content).await
    }

    /// Forgets all that waits, and takes this nonce next. Only for entries above nonces that nobody has used. Their bytes may
    /// lie with nodes for ever; should the stream come to their nonces, one of two is mined, and the other one's caller hears
    /// that it was not.
    ///
    /// # Errors
    /// [`L1Error::Journal`].
    pub async fn begin_again(&mut self, next_nonce: u64) -> Result<(), L1Error> {
        let mut content = self.content.clone();
        content.entries.clear();
        content.next_nonce = next_nonce;
        self.write(content).await
    }

    /// What could not be written is not remembered either, or it would be sent without a record.
    async fn write(&mut self, content: Content) -> Result<(), L1Error> {
        let failed = |reason: String| L1Error::Journal {
            path: self.path.display().to_string(),
            reason,
        };
        let bytes = serde_json::to_vec_pretty(&content).map_err(|error| failed(error.to_string()))?;
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || replace(&path, &bytes)).await;
        written
            .map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))?;
        self.content = content;
        Ok(())
    }
}

impl Content {
    fn check(&self, expected: &Self) -> Result<(), String> {
        if self.version != expected.version {
            return Err(format!(
                "version {}, this program writes {VERSION}; start the program that wrote it, or {MOVE_ASIDE}",
                self.version
            ));
        }
        if (self.chain_id, self.account) != (expected.chain_id, expected.account) {
            return Err(format!(
                "it belongs to account {:#x} on chain {}, this operator uses {:#x} on chain {}; give each its own folder",
                self.account, self.chain_id, expected.account, expected.chain_id
            ));
        }
        let nonces = self.entries.iter().map(|entry| entry.nonce);
        let is_ascending = nonces.clone().zip(nonces.skip(1)).all(|(a, b)| a < b);
        let is_below = self
            .entries
            .iter()
            .all(|entry| entry.nonce < self.next_nonce && !entry.attempts.is_empty());
        if is_ascending && is_below {
            Ok(())
        } else {
            Err(format!("damaged (its nonces are not in order); {MOVE_ASIDE}"))
        }
    }
}

/// So many percent of a fee, and never the same one.
fn raised(fee_wei: u128, percent: u128) -> u128 {
    let percent_wei = fee_wei.saturating_mul(percent).div_ceil(100);
    percent_wei.max(fee_wei.saturating_add(1))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = fs::File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}

const VERSION: u8 = 1;
/// Without it the next transactions take the nonces of those that wait, of which Ethereum mines one: the duty of the other is asked
/// for again.
const MOVE_ASIDE: &str = "move this file away and start again: nothing is lost, for every duty is asked for again until Ethereum \
                          shows it done";
/// Nodes ask for 10 % more on both fees of a replacement; three more percent survive their rounding.
const BUMP_PERCENT: u128 = 113;
/// What nodes ask for: a fee that the limit holds down must still be taken.
const REPLACEMENT_PERCENT: u128 = 110;
/// Sixteen raises multiply a fee by seven; beyond it the same bytes are sent again until the node suggests a raise. Each is
/// another 13 %, so from one wei to the usual limit of 500 gwei there are some two hundred.
pub const ATTEMPTS_MAX: usize = 16;
/// As many entries as a sender holds, each of sixteen attempts of 128 KiB in hex, would be 256 MiB; ours are some kilobytes.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

#[cfg(test)]
mod tests;
