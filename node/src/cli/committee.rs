//! `plasma committee`: what a federation's people do when one committee follows another.
//!
//! Each command says one thing, on one operator's machine, with that operator's keys. Papers go from hand to hand between
//! the machines: the document, and lines with signatures. Nothing here needs a running operator, and none is stopped by it.

mod install;
mod view;

use std::{
    future::Future,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use plasma_core::{Epoch, Genesis, SecretKey};

use super::{StartError, exit::address, keys, node, show};
use crate::{
    bridge::account::Account,
    change::{Found, Kind, Motion, MotionError, clerk::Clerk, papers},
    config::{
        Config,
        committee::{CommitteeFile, Successor},
    },
    hex,
    keystore::Secret,
};

#[derive(Debug, Subcommand)]
pub(super) enum CommitteeCommand {
    /// Check the document of a committee, and print what all its signers must see alike.
    Check {
        /// The document.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Compare with Ethereum too, and say what could be done now.
        #[arg(long)]
        l1: bool,
    },
    /// Sign the change to this committee, as a member of the one before.
    Sign {
        /// The document of the committee to come.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Announce the committee on Ethereum, with the signatures of a quorum of the one before.
    Announce {
        #[command(flatten)]
        papers: Papers,
    },
    /// Sign that this operator is ready, as a member of the committee to come.
    Ready {
        /// The document of the committee to come.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Give this operator the document of a committee that was announced on Ethereum.
    Install {
        /// The document.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Hand over to the announced committee, with the readiness of a quorum of it.
    Activate {
        #[command(flatten)]
        papers: Papers,
    },
    /// Post the bond of this operator's seat, or take it back.
    Bond {
        /// The epoch of the committee.
        #[arg(value_name = "EPOCH")]
        epoch: u64,
        /// Take the bond back, to this address.
        #[arg(long, value_name = "ADDRESS")]
        withdraw: Option<String>,
        /// The key file of another account that pays; keys.eth without.
        #[arg(long, value_name = "KEYFILE")]
        account: Option<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Papers {
    /// The document of the committee to come.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Files with one signature a line.
    #[arg(value_name = "SIGNATURES", required = true)]
    signatures: Vec<PathBuf>,
    /// The key file of another account that pays; keys.eth without.
    #[arg(long, value_name = "KEYFILE")]
    account: Option<PathBuf>,
}

/// Whose papers and keys these are.
struct Desk {
    config: Config,
    genesis: Genesis,
}

pub(super) fn run(command: CommitteeCommand, config: Config, json: bool) -> Result<(), StartError> {
    let genesis = node::genesis(&config)?;
    let desk = Desk { config, genesis };
    match command {
        CommitteeCommand::Install { file } => show(&install::run(desk.config, &file)?, json),
        CommitteeCommand::Check { file, l1 } => show(&desk.check(&file, l1)?, json),
        CommitteeCommand::Sign { file } => {
            let motion = desk.change(desk.document(&file)?)?;
            show(&desk.line(&motion)?, json)
        }
        CommitteeCommand::Ready { file } => {
            let motion = desk.readiness(desk.document(&file)?);
            show(&desk.line(&motion)?, json)
        }
        CommitteeCommand::Announce { papers } => {
            let motion = desk.change(desk.document(&papers.file)?)?;
            show(&desk.carry(&motion, Kind::Change, &papers)?, json)
        }
        CommitteeCommand::Activate { papers } => {
            let motion = desk.readiness(desk.document(&papers.file)?);
            show(&desk.carry(&motion, Kind::Readiness, &papers)?, json)
        }
        CommitteeCommand::Bond {
            epoch,
            withdraw,
            account,
        } => show(
            &desk.bond(Epoch(epoch), withdraw.as_deref(), account.as_deref())?,
            json,
        ),
    }
}

impl Desk {
    fn document(&self, file: &Path) -> Result<Successor, StartError> {
        Ok(CommitteeFile::load(file, &self.genesis)?)
    }

    fn change(&self, successor: Successor) -> Result<Motion, StartError> {
        let signing = papers::signing(&self.config.data_dir, &self.genesis, &successor)?;
        Ok(Motion::change(successor, signing, self.genesis.domain())?)
    }

    fn readiness(&self, successor: Successor) -> Motion {
        Motion::readiness(successor, self.genesis.domain())
    }

    /// The voting key of this operator; it need not be a member of the genesis.
    fn key(&self) -> Result<SecretKey, StartError> {
        let file = &self.config.keys.bls;
        keys::bls(&keys::named_by(keys::Kind::Bls, file)?, file)
    }

    /// Who pays.
    fn account(&self, other: Option<&Path>) -> Result<Account, StartError> {
        let named = &self.config.keys.eth;
        let (file, secret) = match other {
            Some(other) => (other, Secret::read(other)?),
            None => (named.as_path(), keys::named_by(keys::Kind::Eth, named)?),
        };
        // Names the file when it is no key.
        keys::ethereum(&secret, file)?;
        Account::new(&secret, self.genesis.chain_id).map_err(|error| StartError::Failed(error.to_string()))
    }

    async fn clerk(&self) -> Result<Clerk, StartError> {
        let l1 = &self.config.l1;
        let urls = std::slice::from_ref(&l1.rpc_url);
        let clerk = Clerk::connect(urls, &self.genesis, l1.poll_interval.0).await;
        clerk.map_err(|error| StartError::Clerk(error.into()))
    }

    fn check(&self, file: &Path, l1: bool) -> Result<view::CommitteeView, StartError> {
        let successor = self.document(file)?;
        let readiness = self.readiness(successor.clone());
        let before = papers::signing(&self.config.data_dir, &self.genesis, &successor);
        let (before, unknown) = match before {
            Ok(committee) => (Some(committee), None),
            Err(error @ papers::PaperError::Unknown { .. }) => (None, Some(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        // Whoever only reads needs no key.
        let own = self.key().ok().map(|key| key.public());
        let mut shown = view::committee(&successor, before.as_deref(), own.as_ref());
        if l1 {
            let epoch = readiness.epoch();
            let standing = in_time(async { Ok(self.clerk().await?.standing(epoch).await) })?;
            let standing = standing.map_err(|error| StartError::Clerk(error.into()))?;
            let change = before.map(|before| Motion::change(successor, before, self.genesis.domain()));
            let announceable = match change.transpose()? {
                Some(motion) => standing.announceable(&motion).map_err(|error| error.to_string()),
                None => Err(unknown.unwrap_or_default()),
            };
            let activatable = standing.activatable(&readiness);
            let activatable = activatable.map_err(|error| error.to_string());
            shown.ethereum = Some(view::ethereum(
                &standing,
                readiness.hash(),
                &announceable,
                &activatable,
            ));
        }
        Ok(shown)
    }

    fn line(&self, motion: &Motion) -> Result<view::SignatureView, StartError> {
        let line = motion.pledge(&self.key()?)?;
        Ok(view::SignatureView {
            seat: line.seat.0,
            key: hex::encode(&line.key.0),
            signature: hex::encode(&line.signature.0),
            line: line.to_string(),
        })
    }

    fn carry(&self, motion: &Motion, kind: Kind, papers: &Papers) -> Result<view::CarriedView, StartError> {
        let lines: Vec<Found> = papers::lines(&papers.signatures, kind)?;
        // Before anybody is asked: a wrong line is found without Ethereum.
        motion.sum(&lines)?;
        let account = self.account(papers.account.as_deref())?;
        let carried = in_time(async {
            let clerk = self.clerk().await?;
            Ok(clerk.carry(&account, motion, &lines).await?)
        })?;
        Ok(view::carried(motion, &carried))
    }

    fn bond(
        &self,
        epoch: Epoch,
        withdraw: Option<&str>,
        account: Option<&Path>,
    ) -> Result<view::BondView, StartError> {
        let receiver = withdraw.map(address).transpose()?;
        let roster = papers::roster(&self.config.data_dir, &self.genesis, epoch)?;
        let key = self.key()?.public();
        let seat = roster.committee.seat_of_key(&key);
        let seat = seat.ok_or_else(|| MotionError::NoBondedSeat {
            key: hex::encode(&key.0),
            epoch: epoch.0,
        })?;
        let account = self.account(account)?;
        let (receipt, bond) = in_time(async {
            let clerk = self.clerk().await?;
            Ok(match receiver {
                None => clerk.post_bond(&account, &roster, seat).await?,
                Some(receiver) => clerk.withdraw_bond(&account, &roster, seat, receiver).await?,
            })
        })?;
        Ok(view::bond(epoch, seat, receiver, bond, &receipt))
    }
}

/// Runs what asks Ethereum. Every question in it has a deadline of its own, and so has every wait.
fn in_time<T>(work: impl Future<Output = Result<T, StartError>>) -> Result<T, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::Failed(format!("no threads: {error}")))?;
    runtime.block_on(work)
}
