//! `plasma node`: bring settings, federation and keys together, then run the operator or say what does not fit.

use std::{fmt::Write as _, sync::Arc};

use plasma_core::{Genesis, GenesisMember, OperatorIndex, PublicKey};
use tokio::sync::watch;
use tracing::info;

use super::{StartError, keys, log, print, signals};
use crate::{
    base58,
    config::{Config, FederationError, FederationFile, federation},
    folder::Identity,
    hex,
    keystore::{OperatorKeys, Secret},
    runtime::start,
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
    /// Its place in the committee, by its keys.
    pub operator: OperatorIndex,
}

impl Start {
    /// Reads what the settings name and checks that federation and keys belong together.
    ///
    /// # Errors
    /// [`StartError`], the first thing that does not fit.
    pub fn prepare(config: Config) -> Result<Self, StartError> {
        let genesis = FederationFile::load(&config.federation.file)?;
        let found = genesis.hash();
        let expected =
            federation::hash_of(&config.federation.expected_hash).filter(|expected| *expected != found);
        if let Some(expected) = expected {
            return Err(FederationError::Hash { found, expected }.into());
        }
        let keys = OperatorKeys {
            bls: Secret::read(&config.keys.bls)?,
            peer: Secret::read(&config.keys.p2p)?,
            ethereum: Secret::read(&config.keys.eth)?,
        };
        let key = keys::bls(&keys.bls, &config.keys.bls)?.public();
        let operator = member_of(&config, &genesis, &keys, &key)?;
        Ok(Self {
            config,
            genesis: Arc::new(genesis),
            keys,
            key,
            operator,
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
            "plasma {}, operator {} of {:?}",
            env!("CARGO_PKG_VERSION"),
            self.operator,
            self.genesis.name
        );
        let _ = writeln!(text, "  genesis   {}", self.genesis.hash());
        let _ = writeln!(
            text,
            "  L1        chain {}, contract {}",
            self.genesis.chain_id, self.genesis.contract
        );
        if let Some(member) = self.member() {
            let _ = writeln!(text, "  account   {}", member.operator);
            let _ = writeln!(text, "  peer id   {}", base58::encode(&member.peer_id));
        }
        let _ = writeln!(text, "  data      {}", config.data_dir.display());
        let _ = writeln!(text, "  p2p       {}", config.p2p.listen.join(", "));
        let _ = writeln!(text, "  http      http://{}", config.http.listen);
        text
    }

    fn member(&self) -> Option<&GenesisMember> {
        self.genesis.members.get(usize::from(self.operator.0))
    }
}

/// `plasma node start`.
pub(super) fn run(config: Config, exit_on_stdin_close: bool) -> Result<(), StartError> {
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
        serve(start, stop).await
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
async fn serve(start: Start, stop: watch::Receiver<bool>) -> Result<(), StartError> {
    let Start {
        config,
        genesis,
        keys,
        operator,
        ..
    } = start;
    Ok(start::run(
        start::Start {
            config,
            genesis,
            keys,
            operator,
        },
        stop,
    )
    .await?)
}

/// Our index: the BLS key decides, the other two must agree.
fn member_of(
    config: &Config,
    genesis: &Genesis,
    own: &OperatorKeys,
    key: &PublicKey,
) -> Result<OperatorIndex, StartError> {
    let found = (0u16..)
        .zip(&genesis.members)
        .find(|(_, member)| member.key == *key);
    let Some((index, member)) = found else {
        let list = (0u16..)
            .zip(&genesis.members)
            .map(|(i, member)| format!("{i} {}", hex::encode(&member.key.0)));
        return Err(StartError::Stranger {
            key: hex::encode(&key.0),
            members: list.collect::<Vec<_>>().join(", "),
        });
    };
    let account = keys::ethereum(&own.ethereum, &config.keys.eth)?.address();
    if account != member.operator {
        let (found, expected) = (account.to_string(), member.operator.to_string());
        return Err(StartError::OtherKey {
            kind: "Ethereum",
            found,
            index,
            expected,
        });
    }
    let peer = plasma_network::peer_id(own.peer.expose());
    if peer.to_bytes() != member.peer_id {
        let (found, expected) = (peer.to_string(), base58::encode(&member.peer_id));
        return Err(StartError::OtherKey {
            kind: "p2p",
            found,
            index,
            expected,
        });
    }
    Ok(OperatorIndex(index))
}
