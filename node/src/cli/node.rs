//! `plasma node`: bring settings, federation and keys together, then run the operator or say what does not fit.

use std::{fmt::Write as _, path::Path, sync::Arc};

use plasma_core::{Committee, Epoch, Genesis, GenesisMember, OperatorIndex, PublicKey};
use tokio::sync::watch;
use tracing::info;

use super::{
    StartError,
    keys::{self, Kind},
    log, print, signals,
};
use crate::{
    base58,
    change::papers,
    config::{
        Config, FederationError, FederationFile,
        committee::{CommitteeFile, Successor},
        federation,
        tokens::Tokens,
    },
    folder::Identity,
    hex,
    keystore::OperatorKeys,
    runtime::{registry, start},
};

/// Everything that an operator starts with; all of it fits together.
#[derive(Debug)]
pub struct Start {
    /// Its settings, with paths that can be opened.
    pub config: Config,
    /// The federation.
    pub genesis: Arc<Genesis>,
    /// Its keys.
    pub keys: OperatorKeys,
    /// The key that votes.
    pub key: PublicKey,
    /// The later committees whose documents it keeps.
    pub successors: Vec<Successor>,
    /// The committees of these.
    pub later: Vec<Arc<Committee>>,
    /// Clients that may ask more.
    pub tokens: Tokens,
    /// Its places in the committees, by its keys; at least one.
    pub seats: Vec<(Epoch, OperatorIndex)>,
}

impl Start {
    /// Reads what the settings name and checks that federation and keys belong together.
    ///
    /// # Errors
    /// [`StartError`], the first thing that does not fit.
    pub fn prepare(config: Config) -> Result<Self, StartError> {
        let genesis = genesis(&config)?;
        let kept = registry::read(&config.data_dir, &genesis)?;
        Self::with(config, genesis, kept)
    }

    /// As [`Start::prepare`] once a document is kept that is not kept yet: who joins has no seat before.
    pub(super) fn prepare_with(config: Config, next: &Path) -> Result<(Self, Successor), StartError> {
        let genesis = genesis(&config)?;
        let mut kept = registry::read(&config.data_dir, &genesis)?;
        let next = CommitteeFile::load(next, &genesis)?;
        kept.retain(|known| known.roster.committee.epoch() != next.roster.committee.epoch());
        kept.push(next.clone());
        Ok((Self::with(config, genesis, kept)?, next))
    }

    fn with(config: Config, genesis: Genesis, successors: Vec<Successor>) -> Result<Self, StartError> {
        let keys = OperatorKeys {
            bls: keys::named_by(Kind::Bls, &config.keys.bls)?,
            peer: keys::named_by(Kind::P2p, &config.keys.p2p)?,
            ethereum: keys::named_by(Kind::Eth, &config.keys.eth)?,
        };
        let key = keys::bls(&keys.bls, &config.keys.bls)?.public();
        let seats = seats_of(&config, &genesis, &successors, &keys, &key)?;
        let tokens = Tokens::load(&config.http.tokens_file);
        let tokens = tokens.map_err(|error| StartError::Settings(error.to_string()))?;
        Ok(Self {
            tokens,
            config,
            genesis: Arc::new(genesis),
            keys,
            key,
            later: successors
                .iter()
                .map(|successor| Arc::clone(&successor.roster.committee))
                .collect(),
            successors,
            seats,
        })
    }

    /// Whose folders these are.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::new(self.genesis.hash(), &self.key)
    }

    fn introduction(&self) -> String {
        let config = &self.config;
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "plasma {}, operator of {:?}",
            env!("CARGO_PKG_VERSION"),
            self.genesis.name
        );
        for (epoch, seat) in &self.seats {
            let _ = writeln!(text, "  seat      {seat} in epoch {}", epoch.0);
        }
        let _ = writeln!(text, "  genesis   {}", self.genesis.hash());
        let _ = writeln!(
            text,
            "  L1        chain {}, contract {}",
            self.genesis.chain_id, self.genesis.contract
        );
        if let Ok(account) = keys::ethereum(&self.keys.ethereum, &config.keys.eth) {
            let _ = writeln!(text, "  account   {}", account.address());
        }
        let _ = writeln!(text, "  peer id   {}", self.keys.peer_id());
        let _ = writeln!(text, "  data      {}", config.data_dir.display());
        let _ = writeln!(text, "  p2p       {}", config.p2p.listen.join(", "));
        let _ = writeln!(text, "  http      http://{}", config.http.listen);
        text
    }
}

/// The federation that the settings name, and expect.
pub(super) fn genesis(config: &Config) -> Result<Genesis, StartError> {
    let genesis = FederationFile::load(&config.federation.file)?;
    let found = genesis.hash();
    let expected =
        federation::hash_of(&config.federation.expected_hash).filter(|expected| *expected != found);
    match expected {
        Some(expected) => Err(FederationError::Hash { found, expected }.into()),
        None => Ok(genesis),
    }
}

/// `plasma node start`.
pub(super) fn run(config: Config, exit_on_stdin_close: bool, rejoins: bool) -> Result<(), StartError> {
    log::start(&config.log)?;
    let start = Start::prepare(config)?;
    for line in start.introduction().lines() {
        info!("{line}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::Failed(format!("no threads: {error}")))?;
    let result = runtime.block_on(async {
        let stop = signals::watch_for_stop(exit_on_stdin_close)
            .map_err(|error| StartError::Failed(format!("cannot wait for signals: {error}")))?;
        Box::pin(serve(start, rejoins, stop)).await
    });
    // Reads that still run on blocking threads hold no promise that anybody waits for.
    runtime.shutdown_background();
    result
}

/// `plasma node check`: every check that needs nobody else, with a mark for each.
pub(super) fn check(config: Config) -> Result<(), StartError> {
    let start = Start::prepare(config)?;
    print(&start.introduction())?;
    print("settings, federation file, proofs of possession and the three keys fit together\n")
}

/// Runs the operator until `stop` turns true.
async fn serve(start: Start, rejoins: bool, stop: watch::Receiver<bool>) -> Result<(), StartError> {
    let Start {
        config,
        genesis,
        keys,
        successors,
        tokens,
        ..
    } = start;
    let running = start::run(
        start::Start {
            config,
            genesis,
            keys,
            successors,
            tokens,
            rejoins,
        },
        stop,
    );
    Ok(Box::pin(running).await?)
}

/// Our places: the BLS key decides, the other two must agree in every document that names it.
fn seats_of(
    config: &Config,
    genesis: &Genesis,
    successors: &[Successor],
    own: &OperatorKeys,
    key: &PublicKey,
) -> Result<Vec<(Epoch, OperatorIndex)>, StartError> {
    let first = (Epoch(0), &genesis.members);
    let later = successors.iter().map(|successor| {
        let roster = &successor.roster;
        (roster.committee.epoch(), &roster.members)
    });
    let mut seats = Vec::new();
    for (epoch, members) in std::iter::once(first).chain(later) {
        let found = (0u16..).zip(members).find(|(_, member)| member.key == *key);
        if let Some((index, member)) = found {
            agrees(config, own, (epoch, index), member)?;
            seats.push((epoch, OperatorIndex(index)));
        }
    }
    if !seats.is_empty() {
        return Ok(seats);
    }
    let list = (0u16..)
        .zip(&genesis.members)
        .map(|(i, member)| format!("{i} {}", hex::encode(&member.key.0)));
    Err(StartError::Stranger {
        key: hex::encode(&key.0),
        members: list.collect::<Vec<_>>().join(", "),
        folder: config.data_dir.join(papers::FOLDER),
    })
}

fn agrees(
    config: &Config,
    own: &OperatorKeys,
    (epoch, index): (Epoch, u16),
    member: &GenesisMember,
) -> Result<(), StartError> {
    let other = |kind, found, expected| {
        Err(StartError::OtherKey {
            kind,
            found,
            epoch: epoch.0,
            index,
            expected,
        })
    };
    let account = keys::ethereum(&own.ethereum, &config.keys.eth)?.address();
    if account != member.operator {
        return other("Ethereum", account.to_string(), member.operator.to_string());
    }
    let peer = plasma_network::peer_id(own.peer.expose());
    if peer.to_bytes() != member.peer_id {
        return other("p2p", peer.to_string(), base58::encode(&member.peer_id));
    }
    Ok(())
}
