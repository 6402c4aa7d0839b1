//! An open wallet: its folder, its journal, and the ways to operators, to Ethereum and to the person whose it is.
//!
//! One process holds the folder at a time. What belongs to one federation lies below the first digits of its genesis hash,
//! so that no journal ever tells of two.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use plasma_core::{Address, Amount, Genesis, Transaction};

use super::{
    WalletError,
    book::{Book, Intent, Record},
    journal::{Journal, JournalError, lost},
    receipts::Receipts,
    words,
};
use crate::{
    bridge::{Contracts, contracts::Parameters, rpc::Rpc},
    client::{Operators, Witness},
    folder::Claim,
    hex,
    keystore::Secret,
};

/// Who is asked, and told: a person at a terminal, or a script that said yes before.
pub trait Person {
    /// Tells how far something came.
    fn tell(&self, words: &str);

    /// Shows what is about to be signed, and asks.
    ///
    /// # Errors
    /// [`WalletError::Declined`].
    fn agree(&self, words: &str) -> Result<(), WalletError>;

    /// The key of an account; asked for only when something is signed.
    ///
    /// # Errors
    /// [`WalletError::Account`] when there is none of this address; [`WalletError::KeyFile`].
    fn key(&self, owner: Address) -> Result<Secret, WalletError>;
}

/// Ethereum, where an endpoint was given.
#[derive(Clone, Debug)]
pub struct Ethereum {
    /// The endpoints.
    pub rpc: Arc<Rpc>,
    /// The federation's contracts.
    pub contracts: Contracts,
    /// What they fixed for ever.
    pub parameters: Parameters,
}

/// The ways out of the wallet.
#[derive(Debug)]
pub struct Ways {
    /// Operators, where any were named.
    pub operators: Option<Operators>,
    /// Who judges what they say.
    pub witness: Witness,
    /// Ethereum.
    pub ethereum: Option<Ethereum>,
}

/// How long a command waits before it says that something is under way.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until a payment is decided.
    pub commit: Duration,
    /// Until an Ethereum transaction is mined, or a deposit credited.
    pub ethereum: Duration,
    /// Until an Ethereum transaction is sent again with higher fees.
    pub bump: Duration,
    /// Between two looks.
    pub poll: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            commit: COMMIT_WAIT,
            ethereum: ETHEREUM_WAIT,
            bump: BUMP_WAIT,
            poll: POLL,
        }
    }
}

/// An open wallet.
#[derive(Debug)]
pub struct Purse<P> {
    pub(super) genesis: Genesis,
    pub(super) ways: Ways,
    pub(super) person: P,
    pub(super) patience: Patience,
    pub(super) receipts: Receipts,
    book: Book,
    journal: Journal,
    _claim: Claim,
}

impl Ethereum {
    /// Connects to Ethereum, and checks that it holds the federation's contracts.
    ///
    /// # Errors
    /// [`WalletError::L1`] names what differs.
    pub async fn connect(urls: &[String], genesis: &Genesis) -> Result<Self, WalletError> {
        let rpc = Arc::new(Rpc::new(urls, CALL_MAX)?);
        let contracts = Contracts::check_identity(&rpc, genesis).await?;
        let parameters = contracts.parameters(&rpc).await?;
        Ok(Self {
            rpc,
            contracts,
            parameters,
        })
    }
}

impl<P: Person> Purse<P> {
    /// Opens a wallet's folder for one federation, and reads its journal.
    ///
    /// # Errors
    /// [`WalletError::Folder`] when another process uses it; [`WalletError::Journal`].
    pub fn open(folder: &Path, genesis: Genesis, ways: Ways, person: P) -> Result<Self, WalletError> {
        let claim = Claim::take(folder)?;
        let own = folder_of(folder, &genesis);
        let receipts = Receipts::open(&own)?;
        let path = own.join("journal");
        if !path.exists() && receipts.is_used()? {
            return Err(lost(&path, "it is missing, and receipts are here".into()).into());
        }
        let (journal, records) = Journal::open::<Record>(&path)?;
        let mut book = Book::default();
        for (index, record) in records.iter().enumerate() {
            book.enter(record).map_err(|reason| JournalError::Damaged {
                path: path.clone(),
                line: index + 1,
                reason,
            })?;
        }
        // A receipt comes after the signature, so the journal is older than what lies beside it.
        let unknown = receipts
            .paid()?
            .into_iter()
            .find(|id| book.payment(*id).is_none());
        if let Some(id) = unknown {
            let reason = format!(
                "it is older than its folder: the receipt of payment {id} is here, and it never signed it"
            );
            return Err(lost(&path, reason).into());
        }
        Ok(Self {
            genesis,
            ways,
            person,
            patience: Patience::default(),
            receipts,
            book,
            journal,
            _claim: claim,
        })
    }

    /// The same wallet with another patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// What the journal says.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The federation.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Tells a payment in words.
    pub fn say(&self, transaction: &Transaction, from: Address) {
        self.person
            .tell(&words::payment(transaction, from, &self.genesis));
    }

    /// Wei of an account on Ethereum; `None` where no endpoint is named.
    ///
    /// # Errors
    /// [`WalletError::L1`].
    pub async fn on_ethereum(&self, owner: Address) -> Result<Option<Amount>, WalletError> {
        match &self.ways.ethereum {
            Some(ethereum) => Ok(Some(ethereum.rpc.balance(owner).await?)),
            None => Ok(None),
        }
    }

    /// What came of an action was told to who asked: the same intent begins anew from now on.
    ///
    /// # Errors
    /// [`WalletError::Journal`].
    pub fn end(&mut self, action: usize) -> Result<(), WalletError> {
        if self.book.action(action).is_some_and(|action| action.is_ended) {
            return Ok(());
        }
        self.record(&Record::Ended { action })
    }

    /// Writes a step down and counts on it.
    pub(super) fn record(&mut self, record: &Record) -> Result<(), WalletError> {
        self.journal.append(record)?;
        self.book
            .enter(record)
            .map_err(|reason| WalletError::Refused(format!("a step that cannot follow: {reason}")))
    }

    /// The number of an action that goes on, or of one that begins now.
    pub(super) fn begin(&mut self, intent: &Intent) -> Result<usize, WalletError> {
        if let Some(action) = self.book.open(intent) {
            return Ok(action);
        }
        let action = self.book.next();
        self.record(&Record::Begun {
            action,
            intent: intent.clone(),
        })?;
        Ok(action)
    }

    pub(super) fn operators(&self) -> Result<&Operators, WalletError> {
        self.ways.operators.as_ref().ok_or_else(|| {
            WalletError::Usage("no operator is named: give one with --node, as URL or multiaddress".into())
        })
    }

    pub(super) fn ethereum(&self) -> Result<Ethereum, WalletError> {
        self.ways.ethereum.clone().ok_or_else(|| {
            WalletError::Usage("no Ethereum endpoint is named: give its JSON-RPC URL with --l1".into())
        })
    }
}

/// Where a wallet keeps what belongs to one federation.
#[must_use]
pub fn folder_of(wallet: &Path, genesis: &Genesis) -> PathBuf {
    let hash = hex::encode(&genesis.hash().0);
    let name: String = hash
        .trim_start_matches("0x")
        .chars()
        .take(FOLDER_DIGITS)
        .collect();
    wallet.join(name)
}

/// Nobody finds two federations with the same first eight bytes by chance.
const FOLDER_DIGITS: usize = 16;
/// A block takes a few hundred milliseconds; a federation that changes a leader or two is still within this.
const COMMIT_WAIT: Duration = Duration::from_secs(60);
/// Some blocks of Ethereum, and its confirmations on a testnet; on mainnet a deposit takes longer and is waited for again.
const ETHEREUM_WAIT: Duration = Duration::from_secs(300);
/// Ten blocks of Ethereum.
const BUMP_WAIT: Duration = Duration::from_secs(120);
/// A person does not notice it.
const POLL: Duration = Duration::from_millis(250);
/// One call of Ethereum's JSON-RPC.
const CALL_MAX: Duration = Duration::from_secs(20);
