//! `plasma wallet`: what a user does with a key of their own. Results go to standard output, words for people to standard
//! error, and no flag takes a key or a password.

mod accounts;
mod leaving;
mod money;
mod paper;
mod person;
mod view;

use std::{cell::RefCell, path::PathBuf};

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use plasma_core::{Address, Genesis};

use self::person::Terminal;
use super::{StartError, print, show};
use crate::{
    api::text::AddressText,
    base58,
    client::{Operators, Witness},
    config::FederationFile,
    wallet::{
        Purse, WalletError,
        accounts::Accounts,
        anchored::Level,
        purse::{Ethereum, Ways},
    },
};

#[derive(Debug, Args)]
pub(super) struct WalletArguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: WalletCommand,
}

/// What every command of the wallet takes.
#[derive(Debug, Args)]
struct Options {
    /// The wallet's folder; ~/.plasma without.
    #[arg(long, global = true, env = "PLASMA_WALLET_DIR", value_name = "FOLDER")]
    wallet_dir: Option<PathBuf>,
    /// The document that all operators share; federation.toml in the wallet's folder without.
    #[arg(long, global = true, env = "PLASMA_FEDERATION", value_name = "FILE")]
    federation: Option<PathBuf>,
    /// An operator, as URL or multiaddress; may be said again, and they are asked in this order. Those of the federation
    /// file without.
    #[arg(
        long,
        global = true,
        env = "PLASMA_NODE",
        value_delimiter = ',',
        value_name = "URL|MULTIADDR"
    )]
    node: Vec<String>,
    /// Ethereum's JSON-RPC; may be said again.
    #[arg(
        long,
        global = true,
        env = "PLASMA_L1",
        value_delimiter = ',',
        value_name = "URL"
    )]
    l1: Vec<String>,
    /// The account; the chosen one without.
    #[arg(long, global = true, value_name = "NAME")]
    account: Option<String>,
    /// The account's address, to look at one whose key is elsewhere.
    #[arg(long, global = true, value_name = "ADDRESS", conflicts_with = "account")]
    address: Option<String>,
    /// A file whose first line is the password; only its owner may read it.
    #[arg(long, global = true, env = "PLASMA_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Agree to what would be asked.
    #[arg(long, global = true)]
    yes: bool,
    /// As one JSON document.
    #[arg(long, global = true)]
    json: bool,
    /// Say nothing on the way.
    #[arg(long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum WalletCommand {
    /// Make a key, encrypted with a password.
    New {
        /// Its name in this wallet.
        name: String,
    },
    /// Bring in a key: from another program's keystore, or from a key file of plasma keys new.
    Import {
        /// Its name in this wallet.
        name: String,
        /// A Web3 keystore, as of geth or foundry; it gets the same password here.
        #[arg(long, value_name = "FILE", conflicts_with = "key_file")]
        keystore: Option<PathBuf>,
        /// A file of 64 hex digits that only you can read.
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
    /// Print the names and addresses of all accounts.
    List,
    /// Print the address of an account.
    #[command(name = "address")]
    ShowAddress,
    /// Take an account out of the list; its file is kept in the folder removed.
    Remove {
        /// Its name.
        name: String,
    },
    /// Choose the account that is used when --account is not given.
    Use {
        /// Its name.
        name: String,
    },
    /// Encrypt an account's key with another password.
    Passwd {
        /// Its name.
        name: String,
        /// A file whose first line is the new password; only its owner may read it. It is asked for without.
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
    },
    /// What the account has, per asset; with --l1 also on Ethereum.
    Balance,
    /// Its unspent outputs.
    Utxos,
    /// What happened to its outputs, the newest first.
    History {
        /// At most so many items.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
        limit: u16,
    },
    /// Deposit ETH or tokens from Ethereum, and wait until they are credited.
    Deposit {
        /// As 1.5eth, 20gwei or 200wei; of a token its smallest units.
        amount: String,
        /// The token's address; ETH without.
        #[arg(long, value_name = "ADDRESS")]
        token: Option<String>,
        /// Whose output it becomes; the account's own without.
        #[arg(long = "for", value_name = "ADDRESS")]
        owner: Option<String>,
        /// A name of your own: what has this name is deposited once, however often the command is run.
        #[arg(long, value_name = "TEXT")]
        id: Option<String>,
    },
    /// Pay, and wait until the payment is committed, or further. The same command goes on with a payment that was not finished.
    Send {
        /// To whom.
        #[arg(value_name = "TO", required_unless_present = "file")]
        to: Option<String>,
        /// As 1.5eth, 20gwei or 200wei; of a token its smallest units.
        #[arg(value_name = "AMOUNT", required_unless_present = "file")]
        amount: Option<String>,
        /// The token's address; ETH without.
        #[arg(long, value_name = "ADDRESS", conflicts_with = "file")]
        token: Option<String>,
        /// Pay every row of a file once: to,amount or to,amount,asset.
        #[arg(long, value_name = "CSV", conflicts_with_all = ["to", "amount"])]
        file: Option<PathBuf>,
        /// A name of your own, as an invoice's number: what has this name is paid once, however often the command is run.
        #[arg(long, value_name = "TEXT")]
        id: Option<String>,
        /// How far it must get: anchored and finalized are Ethereum's word (--l1).
        #[arg(long, default_value = Level::Committed.word(), value_parser = levels(), value_name = "LEVEL")]
        wait: Level,
        /// Sign nothing; print the first payment as plasma wallet sign takes it. What was signed for the same wish before is
        /// named instead.
        #[arg(long)]
        dry_run: bool,
    },
    /// Make one output of several small ones.
    Consolidate {
        /// The token's address; ETH without.
        #[arg(long, value_name = "ADDRESS")]
        token: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(2..=4))]
        max_inputs: u8,
    },
    /// Start exits on Ethereum, or pay one that is due.
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Exit {
        #[command(subcommand)]
        command: Option<ExitCommand>,
        /// The output, as block:transaction:output.
        #[arg(required_unless_present = "all")]
        output: Option<String>,
        /// Every output of the account, by as few Ethereum transactions as the contract allows.
        #[arg(long, conflicts_with = "output")]
        all: bool,
        /// With --all: of ETH take no output below this, as 20gwei; what the gas of leaving costs without.
        #[arg(long, value_name = "AMOUNT", conflicts_with = "output")]
        min: Option<String>,
        /// Ask no operator: leave with what this wallet keeps and Ethereum alone.
        #[arg(long)]
        emergency: bool,
    },
    /// What is on its way to Ethereum: exits, payments in flight, deposits that were asked back.
    Exits,
    /// Ask for a deposit back that no block credited, or have it paid back.
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Reclaim {
        #[command(subcommand)]
        command: Option<ReclaimCommand>,
        /// The vault's number of the deposit.
        #[arg(required = true)]
        number: Option<u64>,
    },
    /// Sign a payment from a file; needs no network.
    Sign {
        /// What plasma wallet send --dry-run printed.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Sign nothing; print what eth_signTypedData_v4 takes, for MetaMask and its relatives.
        #[arg(long)]
        typed_data: bool,
    },
    /// Send a payment that was signed elsewhere, and wait until it is committed.
    Broadcast {
        /// What plasma wallet sign printed.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Check a receipt against the federation file; needs no network, but --l1 for committees that came later.
    Verify {
        /// What an operator answers to /v1/transactions/{id}/proof, or a .receipt file of a wallet.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum ExitCommand {
    /// Leave with a payment that was signed and that no block may hold: start its exit in flight, or join it, and claim what
    /// is the account's.
    Payment {
        /// The id of a payment of this wallet, or a file that plasma wallet sign printed.
        #[arg(value_name = "ID|FILE")]
        payment: String,
        /// Ask no operator: leave with what this wallet keeps and Ethereum alone.
        #[arg(long)]
        emergency: bool,
    },
    /// Have an exit paid whose time has come.
    Finalize {
        /// The exit's number, decimal or 0x and 64 hex digits, or the output or payment that leaves with it.
        #[arg(value_name = "EXIT|OUTPUT|PAYMENT")]
        exit: String,
    },
}

#[derive(Debug, Subcommand)]
enum ReclaimCommand {
    /// Have a deposit paid back that was asked for and that nobody showed to be credited.
    Finalize {
        /// The vault's number of the deposit.
        number: u64,
    },
}

/// What the commands work with.
struct Desk {
    options: Options,
    folder: PathBuf,
    accounts: Accounts,
}

pub(super) fn run(arguments: WalletArguments) -> Result<(), StartError> {
    let json = arguments.options.json;
    let done = Desk::new(arguments.options).and_then(|desk| dispatch(&desk, arguments.command));
    if let Err(error) = &done
        && json
    {
        // A script reads one document, whatever came of it.
        print(&format!("{}\n", error.problem()))?;
    }
    done
}

fn dispatch(desk: &Desk, command: WalletCommand) -> Result<(), StartError> {
    match command {
        WalletCommand::New { name } => accounts::new(desk, &name),
        WalletCommand::Import {
            name,
            keystore,
            key_file,
        } => accounts::import(desk, &name, keystore.as_deref(), key_file.as_deref()),
        WalletCommand::List => accounts::list(desk),
        WalletCommand::ShowAddress => accounts::address(desk),
        WalletCommand::Remove { name } => accounts::remove(desk, &name),
        WalletCommand::Use { name } => accounts::choose(desk, &name),
        WalletCommand::Passwd {
            name,
            new_password_file,
        } => accounts::change_password(desk, &name, new_password_file.as_deref()),
        WalletCommand::Sign { file, typed_data } => paper::sign_paper(desk, &file, typed_data),
        WalletCommand::Broadcast { file } => desk.wait(paper::broadcast(desk, &file)),
        WalletCommand::Verify { file } => desk.wait(paper::verify(desk, &file)),
        WalletCommand::Balance => desk.wait(money::balance(desk)),
        WalletCommand::Utxos => desk.wait(money::utxos(desk)),
        WalletCommand::History { limit } => desk.wait(money::history(desk, limit.into())),
        WalletCommand::Deposit {
            amount,
            token,
            owner,
            id,
        } => desk.wait(money::deposit(
            desk,
            &amount,
            token.as_deref(),
            (owner.as_deref(), id),
        )),
        WalletCommand::Send {
            to,
            amount,
            token,
            file,
            id,
            wait,
            dry_run,
        } => {
            let intent = money::wish(desk, file.as_deref(), (to, amount, token), id)?;
            desk.wait(money::send(desk, &intent, (wait, dry_run)))
        }
        WalletCommand::Consolidate { token, max_inputs } => {
            desk.wait(money::consolidate(desk, token.as_deref(), max_inputs.into()))
        }
        WalletCommand::Exit {
            command: Some(ExitCommand::Finalize { exit }),
            ..
        } => desk.wait(leaving::finalize(desk, &exit)),
        WalletCommand::Exit {
            command: Some(ExitCommand::Payment { payment, emergency }),
            ..
        } => desk.wait(leaving::payment(desk, &payment, emergency)),
        WalletCommand::Exit {
            output,
            min,
            emergency,
            ..
        } => desk.wait(leaving::exit(desk, output.as_deref(), min.as_deref(), emergency)),
        WalletCommand::Exits => desk.wait(leaving::exits(desk)),
        WalletCommand::Reclaim {
            command: Some(ReclaimCommand::Finalize { number }),
            ..
        } => desk.wait(leaving::take_back(desk, number)),
        WalletCommand::Reclaim { number, .. } => {
            desk.wait(leaving::reclaim(desk, number.unwrap_or_default()))
        }
    }
}

impl Desk {
    fn new(options: Options) -> Result<Self, StartError> {
        let folder = match &options.wallet_dir {
            Some(folder) => folder.clone(),
            None => std::env::home_dir()
                .filter(|home| !home.as_os_str().is_empty())
                .map(|home| home.join(".plasma"))
                .ok_or_else(|| {
                    WalletError::Usage("nobody's home: name the wallet's folder with --wallet-dir".into())
                })?,
        };
        Ok(Self {
            accounts: Accounts::of(&folder),
            options,
            folder,
        })
    }

    /// Runs what waits for the world, in one thread: a wallet does one thing at a time.
    fn wait(&self, work: impl Future<Output = Result<(), StartError>>) -> Result<(), StartError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StartError::Failed(format!("no runtime: {error}")))?;
        let done = runtime.block_on(work);
        // Nothing that is still open in the background has anything to do with what was asked.
        runtime.shutdown_background();
        done
    }

    /// Whose outputs these commands are about.
    fn owner(&self) -> Result<Address, WalletError> {
        match &self.options.address {
            Some(text) => address("--address", text),
            None => self.accounts.account(self.options.account.as_deref())?.address(),
        }
    }

    fn genesis(&self) -> Result<Genesis, StartError> {
        let file = self.options.federation.clone();
        let file = file.unwrap_or_else(|| self.folder.join("federation.toml"));
        Ok(FederationFile::load(&file)?)
    }

    fn terminal(&self) -> Terminal {
        Terminal {
            accounts: self.accounts.clone(),
            account: self.options.account.clone(),
            password_file: self.options.password_file.clone(),
            yes: self.options.yes,
            quiet: self.options.quiet,
            unlocked: RefCell::default(),
        }
    }

    /// The wallet with every way that was named; `asks_nobody` leaves the operators out.
    async fn purse(&self, asks_nobody: bool) -> Result<Purse<Terminal>, StartError> {
        let genesis = self.genesis()?;
        let witness = Witness::new(&genesis).map_err(WalletError::from)?;
        let (witness, ethereum) = if self.options.l1.is_empty() {
            (witness, None)
        } else {
            let ethereum = Ethereum::connect(&self.options.l1, &genesis).await?;
            let knowing = witness.with_ethereum(ethereum.rpc.clone(), ethereum.contracts);
            (knowing, Some(ethereum))
        };
        let operators = if asks_nobody {
            None
        } else {
            Some(Operators::new(&genesis, &self.nodes(&genesis)).map_err(WalletError::from)?)
        };
        let ways = Ways {
            operators,
            witness,
            ethereum,
        };
        Ok(Purse::open(&self.folder, genesis, ways, self.terminal())?)
    }

    /// The wallet without any way out.
    fn closed_purse(&self) -> Result<Purse<Terminal>, StartError> {
        let genesis = self.genesis()?;
        let ways = Ways {
            operators: None,
            witness: Witness::new(&genesis).map_err(WalletError::from)?,
            ethereum: None,
        };
        Ok(Purse::open(&self.folder, genesis, ways, self.terminal())?)
    }

    /// Who is asked: those that were named, else the members' own addresses.
    fn nodes(&self, genesis: &Genesis) -> Vec<String> {
        if !self.options.node.is_empty() {
            return self.options.node.clone();
        }
        let members = genesis.members.iter();
        members
            .filter_map(|member| {
                let address = member.addresses.first()?;
                Some(match address.contains("/p2p/") {
                    true => address.clone(),
                    false => format!("{address}/p2p/{}", base58::encode(&member.peer_id)),
                })
            })
            .collect()
    }

    fn show<V: serde::Serialize + ToString>(&self, view: &V) -> Result<(), StartError> {
        show(view, self.options.json)
    }
}

/// Reads the name of a level.
fn levels() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(Level::ALL.map(Level::word)).map(|word| {
        let named = Level::ALL.into_iter().find(|level| level.word() == word);
        named.unwrap_or(Level::Committed)
    })
}

/// Reads an address argument, with its checksum where it has one.
fn address(name: &str, text: &str) -> Result<Address, WalletError> {
    let parsed: Result<AddressText, _> = text.parse();
    parsed
        .map(|address| address.0)
        .map_err(|error| WalletError::Usage(format!("{name}: {error}")))
}

/// The asset of a token argument.
fn asset(token: Option<&str>) -> Result<Address, WalletError> {
    token.map_or(Ok(Address::ZERO), |text| address("--token", text))
}
