//! Putting one operator together: keys, folders, Ethereum, storage, log, network, doors; then the loop until the end.
//!
//! Order matters: the log is replayed before the network connects, and nothing is served before the chain's identity was
//! checked on Ethereum.

mod behind;
mod error;
mod facts;
mod files;
pub(super) mod peers;
mod settings;

use std::sync::Arc;

use plasma_consensus::Bls;
use plasma_core::{Genesis, L1Block, SecretKey};
use plasma_network as network;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tracing::info;

use behind::Behind;
pub use error::RunError;
use facts::{Facts, learn};
use files::check_files;
pub use peers::genesis8;
use peers::{network_config, peers};
pub use settings::place;
use settings::{params, rules, snapshots};

use crate::{
    api::{self, Books, Calls, Door, client_protocol::Counter},
    bridge::{ethereum::Ethereum, watcher::WatcherConfig},
    config::{Backend, Config, committee::Successor, tokens::Tokens},
    directory::{Directory, DirectoryError, Roster},
    folder::Identity,
    keystore::OperatorKeys,
    operator::{Operator, effect::Record},
    storage::{
        Moments, Read, Saved, Storage, StorageError,
        embedded::{EmbeddedStorage, Fjall, Settings},
        memory::MemoryStorage,
    },
    wal::Wal,
};

use super::{
    ClientRequests, Parts, Runtime, admin,
    handle::Handle,
    l1, log, lookout,
    registry::Registry,
    reserves,
    slots::Slots,
    snapshot_sync::{self, place::Place},
    timers::Clock,
};

/// What an operator is started with.
#[derive(Debug)]
pub struct Start {
    /// Its own settings.
    pub config: Config,
    /// The federation's.
    pub genesis: Arc<Genesis>,
    /// Its secrets; whoever read them has checked that they are the member's.
    pub keys: OperatorKeys,
    /// The later committees whose documents it keeps.
    pub successors: Vec<Successor>,
    /// Clients that may ask more.
    pub tokens: Tokens,
    /// Its log is lost, and its people say that its former life is over.
    pub rejoins: bool,
}

/// Requests of libp2p clients answered at once.
const CLIENTS_MAX: usize = 256;

/// Runs one operator until `stop` turns true.
///
/// # Errors
/// [`RunError`] says which part is wrong and what would mend it.
pub async fn run(start: Start, mut stop: watch::Receiver<bool>) -> Result<(), RunError> {
    check_files(&start.config)?;
    let identity = Identity::new(start.genesis.hash(), &bls_key(&start.keys)?.public());
    let state = start.genesis.state();
    match start.config.storage.backend {
        Backend::Embedded => {
            let settings = Settings {
                cache_bytes: start.config.storage.cache.0,
                keep: start.config.storage.keep_blocks.into(),
            };
            let folder = start.config.storage_path();
            let place = Place::of(&folder, settings);
            place.tidy()?;
            let open = || EmbeddedStorage::<Fjall>::open(&folder, identity, &state, settings);
            let Some(mut ready) = prepare(&start, identity, open()?, &mut stop).await? else {
                return Ok(());
            };
            if let Some(behind) = ready.behind().await {
                // A storage is replaced as a whole, while nobody has it open.
                drop(ready);
                if !behind.search(&start, identity, &place, &mut stop).await? {
                    return Ok(());
                }
                match prepare(&start, identity, open()?, &mut stop).await? {
                    Some(again) => ready = again,
                    None => return Ok(()),
                }
            }
            Box::pin(run_on(start, ready, stop)).await
        }
        #[cfg(feature = "fdb")]
        Backend::Fdb => {
            let config = start.config.clone();
            let opening = move || super::foundation::open(&config, identity, &state);
            let opened = tokio::task::spawn_blocking(opening).await;
            let storage = opened.map_err(|_| StorageError::ShuttingDown)??;
            match prepare(&start, identity, storage, &mut stop).await? {
                Some(ready) => Box::pin(run_on(start, ready, stop)).await,
                None => Ok(()),
            }
        }
        #[cfg(not(feature = "fdb"))]
        Backend::Fdb => Err(StorageError::NotBuilt.into()),
        Backend::Memory => {
            let storage = MemoryStorage::new(identity, &state);
            match prepare(&start, identity, storage, &mut stop).await? {
                Some(ready) => Box::pin(run_on(start, ready, stop)).await,
                None => Ok(()),
            }
        }
    }
}

/// An operator whose folders are open and that has asked Ethereum; nobody can reach it yet.
struct Ready<S> {
    storage: S,
    saved: Saved,
    directory: Directory,
    log: (Wal, Vec<Record>),
    ethereum: Arc<Ethereum>,
    facts: Facts,
}

impl<S> Ready<S> {
    /// What it must know to look for a snapshot, when Ethereum shows that it is far behind.
    async fn behind(&self) -> Option<Behind> {
        let height = self.saved.state.header.height;
        if !snapshot_sync::is_behind(height, self.facts.anchor.as_ref()) {
            return None;
        }
        Behind::new(&self.ethereum, &self.facts, &self.directory, height).await
    }
}

/// Opens what an operator runs on and asks Ethereum; `None` when told to stop meanwhile.
async fn prepare<S: Storage>(
    start: &Start,
    identity: Identity,
    storage: S,
    stop: &mut watch::Receiver<bool>,
) -> Result<Option<Ready<S>>, RunError> {
    let Start {
        config,
        genesis,
        keys,
        successors,
        rejoins,
        ..
    } = start;
    let saved = storage.recover().await?;
    let directory = Directory::new(genesis)?;
    let open = || log::open(config, genesis, identity, &saved, *rejoins);
    let is_first = log::is_first(config, genesis, &saved) && !rejoins;
    // What is wrong with a log needs no word of Ethereum; what is wrong without any only Ethereum knows.
    let log = if is_first { None } else { Some(open()?) };
    let known = (&directory, &successors[..]);
    let Some((ethereum, facts)) = learn(config, genesis, keys, known, &saved.state, stop).await? else {
        return Ok(None);
    };
    let (reader, state, terms) = (storage.reader(), saved.state.clone(), facts.terms.clone());
    let checked = tokio::task::spawn_blocking(move || terms.check(&state, &reader)).await;
    checked.map_err(|_| StorageError::ShuttingDown)??;
    let log = match log {
        Some(log) => log,
        None => {
            let key = bls_key(keys)?.public();
            if let Some(epoch) = facts.seated_in(&directory, &key) {
                return Err(RunError::Reborn {
                    path: log::log_folder(config),
                    epoch,
                });
            }
            open()?
        }
    };
    Ok(Some(Ready {
        storage,
        saved,
        directory,
        log,
        ethereum,
        facts,
    }))
}

/// Runs until told to stop.
async fn run_on<S: Storage>(
    start: Start,
    ready: Ready<S>,
    stop: watch::Receiver<bool>,
) -> Result<(), RunError> {
    let Start {
        config,
        genesis,
        keys,
        rejoins,
        tokens,
        ..
    } = start;
    let Ready {
        storage,
        saved,
        directory,
        log: (mut wal, log),
        ethereum,
        facts,
    } = ready;
    let (header, running) = (saved.state.header, saved.state.epoch);
    let listener = listen(&config).await?;
    let mut clock = Clock::start();
    let secret = bls_key(&keys)?;
    let params = params(&config, &genesis, &directory, secret.public(), &facts);
    let scheme = Bls::new(secret, genesis.committee().map_err(DirectoryError::from)?);
    let make = if rejoins {
        Operator::rejoin_anew
    } else {
        Operator::recover
    };
    let (now, durable) = (clock.now(), storage.durable()?);
    let make = |log| make(now, params, scheme, saved, log);
    let (operator, first) = log::replay(&mut wal, log, durable, make)?;

    let books = Books::default();
    let watched = (facts.origin, &books, storage.reader());
    let bridge = bridge(&config, &genesis, &ethereum, watched);
    #[cfg(feature = "forging")]
    let bridge = super::forging::Forger::ask(&genesis)?.stand_between(bridge);
    let (slots, (network, network_events)) = join(&config, &genesis, &keys, &directory.around(running))?;
    let reader = storage.reader();
    let parts = Parts {
        storage,
        wal,
        network: (network.clone(), network_events),
        slots,
        ethereum: bridge,
        clock,
        snapshots: snapshots(&config),
    };
    let (runtime, handle, clients) = Runtime::new(operator, parts, rules(&genesis, &directory));
    let (door, desk) = doors(&config, handle, reader, books, (&genesis, directory), ethereum);
    tokio::spawn(answer_clients(Counter::new(door.clone()), clients));
    let http = tokio::spawn(api::serve(
        listener,
        door,
        (config.http.clone(), tokens),
        stopped(stop.clone()),
    ));
    info!(height = header.height.0, http = %config.http.listen, "started");

    let ended = runtime.run(first, stop).await;
    // The socket's name goes with its task.
    desk.abort();
    let _ = desk.await;
    network.stop().await;
    if ended.is_ok() {
        // Running requests get their moment; a cut one is the client's to repeat.
        let _ = http.await;
    }
    Ok(ended?)
}

/// What clients and the owner ask through: the door of the API, and the desk behind the admin socket.
fn doors<R: Read + Moments + Clone + Send + Sync + 'static>(
    config: &Config,
    handle: Handle,
    reader: R,
    books: Books,
    (genesis, directory): (&Arc<Genesis>, Directory),
    ethereum: Arc<Ethereum>,
) -> (Door<R>, JoinHandle<()>) {
    let reading = reserves::follow(Arc::clone(&ethereum), handle.watch(), books.reserves.clone());
    tokio::spawn(reading);
    tokio::spawn(lookout::follow(handle.clone(), books.clone()));
    let registry = Registry {
        genesis: Arc::clone(genesis),
        data_dir: config.data_dir.clone(),
        directory: directory.clone(),
        ethereum,
        operator: handle.clone(),
    };
    let desk = admin::Desk::new(reader.clone(), place(config), Some(registry));
    let facts = (Arc::clone(genesis), directory);
    let calls = Calls {
        exit: l1::exit_call,
        challenge: l1::challenge_call,
    };
    let door = Door::new(handle, reader, books, facts, &config.name, Some(calls));
    (door, tokio::spawn(desk.serve()))
}

/// Joins the network of these operators.
fn join(
    config: &Config,
    genesis: &Genesis,
    keys: &OperatorKeys,
    rosters: &[Arc<Roster>],
) -> Result<(Slots, (network::Handle, network::Events)), RunError> {
    let mut slots = Slots::default();
    let peers = peers(rosters, &mut slots)?;
    Ok((
        slots,
        network::start(network_config(config, genesis, keys, peers)?)?,
    ))
}

/// Starts watching Ethereum from an origin on, and serving duties.
fn bridge<R: Read + Clone + Send + Sync + 'static>(
    config: &Config,
    genesis: &Genesis,
    ethereum: &Arc<Ethereum>,
    (after, books, reader): (L1Block, &Books, R),
) -> super::Ethereum {
    let watcher = WatcherConfig {
        poll: config.l1.poll_interval.0,
        confirmations: genesis.confirmations,
        after,
    };
    l1::start(
        ethereum,
        watcher,
        genesis.deployment.height,
        books,
        reader,
        genesis.params(),
    )
}

async fn listen(config: &Config) -> Result<TcpListener, RunError> {
    let address = config.http.listen;
    TcpListener::bind(address)
        .await
        .map_err(|source| RunError::Http { address, source })
}

fn bls_key(keys: &OperatorKeys) -> Result<SecretKey, RunError> {
    SecretKey::from_bytes(keys.bls.expose()).ok_or(RunError::Key)
}

/// Answers libp2p clients through the same door as HTTP, each request in a task of its own.
async fn answer_clients<R>(counter: Counter<R>, mut requests: ClientRequests)
where
    R: Read + Clone + Send + Sync + 'static,
{
    let places = Arc::new(tokio::sync::Semaphore::new(CLIENTS_MAX));
    while let Some((bytes, reply)) = requests.recv().await {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let counter = counter.clone();
        tokio::spawn(async move {
            let answer = counter.answer(&bytes).await;
            // Too large or gone: the client sees its request refused.
            let _ = reply.send(answer);
            drop(place);
        });
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // The sender's end counts as a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}
