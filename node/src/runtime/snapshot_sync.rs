//! Catching up by a snapshot: the state archive of another member instead of all blocks.
//!
//! It happens between starts, because a storage is replaced as a whole. Only an operator that Ethereum shows to be far behind
//! asks; it takes a snapshot when too few members keep the bodies that it lacks, or when it lacks very many. One member's word counts for
//! nothing: the snapshot must lead to a header that a quorum certified, on the chain that Ethereum knows, hold
//! together in everything that [`crate::storage::check`] checks, and say what no header commits to (fates of what is gone) as f + 1 members of one committee do. Who lies or stalls costs a download that is bounded by
//! what it announced, the smallest first, and the next one is asked. The blocks above the snapshot come by range sync.

pub mod deposits;
pub mod download;
pub mod offer;
pub mod place;
pub mod vouchers;

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use plasma_core::{Committee, Epoch, Genesis, Hash, Header, Height};
use plasma_network as network;
use tokio::{sync::watch, task::JoinSet, time::timeout};
use tracing::{info, warn};

use crate::{
    bridge::L1Error,
    directory::Directory,
    operator::report::AnchorSeen,
    storage::{
        Moments as _, Read as _, StorageError,
        archive::{self, Archive, ArchiveError},
        bulk::{self, BulkError, Stopped as _},
        check::{self, Expected, Heard, Report},
        embedded::{Fjall, Folder},
    },
};

use super::{
    terms::{Terms, Untrue},
    wire::Ask,
};
use deposits::Vault;
use download::{Pace, Turn, Wanted, fetch, in_turns};
use offer::{Offer, Offers, is_anchored};
use place::Place;
use vouchers::{Vouchers, is_vouched};

/// Members are asked only when Ethereum shows an anchor this far above: below it a few answers of blocks are faster.
pub const ASK_BLOCKS: u32 = 64;
/// From so many missing blocks on a snapshot is taken though members keep their bodies: a full block is checked in
/// tenths of a second, so these take an hour.
pub const FAR_BLOCKS: u32 = 20_000;
/// Time for members to connect and to say what they have.
const ASKING: Duration = Duration::from_secs(10);
/// Time for one member to say what it has.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// What one operator looks for.
#[derive(Debug)]
pub struct Search<'a, V> {
    /// The federation.
    pub genesis: &'a Genesis,
    /// keccak of the operator's BLS key.
    pub key: Hash,
    /// The committees that certificates are of.
    pub directory: &'a Directory,
    /// No certificate of an older epoch counts: its committee has left, and its keys may be anybody's.
    pub least: Epoch,
    /// The epoch whose committee is active on Ethereum. None of a later one counts: it has not begun.
    pub active: Epoch,
    /// The committees whose members are believed when enough of them say the same.
    pub vouchers: &'a [Vouchers],
    /// When epochs ended.
    pub terms: &'a Terms,
    /// Ethereum's records of deposits.
    pub vault: &'a V,
    /// The newest anchor on Ethereum.
    pub anchor: AnchorSeen,
    /// The newest height here.
    pub tip: Height,
    /// How many others there are.
    pub others: usize,
    /// Where it goes.
    pub place: &'a Place,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Enough members have the bodies that are missing.
    NotNeeded,
    /// A storage is in place that holds what this says.
    Snapshot(Report),
    /// It is needed and nobody gave one that holds.
    Nowhere,
    /// Told to stop meanwhile.
    Stopped,
}

/// Why an offer was passed over.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Network(#[from] network::RequestError),
    #[error("it gave {0} bytes where a chunk was asked for")]
    Chunk(usize),
    #[error("it is too slow: {0} bytes came in time")]
    Slow(u64),
    #[error("the archive is of another block than was offered")]
    Other,
    #[error("the archive has another content than was offered")]
    Content,
    #[error("the anchor on Ethereum is not in it")]
    NotAnchored,
    #[error(transparent)]
    Untrue(#[from] Untrue),
    #[error("what it says of deposits is not so: by Ethereum number {number} {says}")]
    Deposit { number: u64, says: &'static str },
    #[error("the vault did not answer: {0}")]
    L1(#[from] L1Error),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Bulk(#[from] BulkError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the import ended: {0}")]
    Ended(#[from] tokio::task::JoinError),
}

/// Whether Ethereum shows that so much is missing that members are asked for a snapshot.
#[must_use]
pub fn is_behind(tip: Height, anchor: Option<&AnchorSeen>) -> bool {
    anchor.is_some_and(|anchor| anchor.height.0.saturating_sub(tip.0) > ASK_BLOCKS)
}

impl<V: Vault> Search<'_, V> {
    /// Asks members and takes a snapshot if one is needed. Requests of others are refused meanwhile.
    ///
    /// # Errors
    /// [`StorageError`] when our own disk fails.
    pub async fn run(
        &self,
        network: &network::Handle,
        events: &mut network::Events,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Found, StorageError> {
        let told = {
            let asking = self.ask(network, events);
            tokio::select! {
                told = asking => told,
                _ = stop.wait_for(|stop| *stop) => return Ok(Found::Stopped),
            }
        };
        let Some(offers) = self.choose(&told) else {
            return Ok(Found::NotNeeded);
        };
        let taking = self.take_first(network, &offers);
        let (result, pumping) = (taking, pump(events));
        tokio::select! {
            found = result => found,
            () = pumping => Ok(Found::Nowhere),
            _ = stop.wait_for(|stop| *stop) => Ok(Found::Stopped),
        }
    }

    /// What members say, until all have said it or those that have what is missing are enough.
    async fn ask(&self, network: &network::Handle, events: &mut network::Events) -> BTreeMap<u16, Offers> {
        let mut told = BTreeMap::new();
        let mut answers = JoinSet::new();
        let asking = async {
            while told.len() < self.others && !self.has_bodies(&told) {
                tokio::select! {
                    event = events.recv() => match event {
                        Some(network::Event::PeerUp(slot)) => {
                            let (network, ask) = (network.clone(), Ask::Snapshots(self.anchor.height).encode());
                            answers.spawn(async move { (slot, network.request(slot, ask, ANSWER_TIMEOUT).await) });
                        }
                        Some(_) => {}
                        None => return,
                    },
                    Some(answer) = answers.join_next() => {
                        if let Ok((slot, Ok(bytes))) = answer
                            && let Some(offers) = Offers::decode(&bytes)
                        {
                            told.insert(slot, offers);
                        }
                    }
                }
            }
        };
        // Who did not answer has nothing.
        let _ = timeout(ASKING, asking).await;
        told
    }

    /// Whether one honest member at least keeps all bodies that are missing, and they are not very many.
    fn has_bodies(&self, told: &BTreeMap<u16, Offers>) -> bool {
        let missing = self.anchor.height.0.saturating_sub(self.tip.0);
        missing < FAR_BLOCKS && self.is_kept(told, self.tip)
    }

    /// Whether one honest member at least keeps all bodies above a height.
    fn is_kept(&self, told: &BTreeMap<u16, Offers>, above: Height) -> bool {
        let keeps = |offers: &Offers| {
            offers.horizon.0 <= above.0.saturating_add(1) && offers.tip >= self.anchor.height
        };
        is_vouched(self.vouchers, |slot| told.get(&slot).is_some_and(keeps))
    }

    /// The genuine offers, the smallest first; none when no snapshot is needed. So one that lies about its size costs no more
    /// than the truth, and is found out before anything larger is fetched.
    fn choose(&self, told: &BTreeMap<u16, Offers>) -> Option<Vec<(u16, Offer)>> {
        if told.is_empty() || self.has_bodies(told) {
            return None;
        }
        let domain = self.genesis.domain();
        let mut offers: Vec<(u16, Offer)> = told
            .iter()
            .filter_map(|(slot, offers)| Some((*slot, offers.newest.clone()?)))
            .filter(|(_, offer)| offer.header().is_some_and(|header| header.height > self.tip))
            .filter(|(slot, offer)| {
                let is_genuine = offer.certificate.epoch <= self.active
                    && offer.is_genuine(&self.anchor, self.least, self.directory, &domain);
                if !is_genuine {
                    warn!(
                        slot,
                        "an offered snapshot is not certified on the chain that Ethereum knows"
                    );
                }
                is_genuine
            })
            .collect();
        // What no header commits to is believed when one honest member at least says the same.
        let named: BTreeMap<u16, _> = offers.iter().map(|(slot, offer)| (*slot, offer.name())).collect();
        let found = offers.len();
        offers.retain(|(_, offer)| is_vouched(self.vouchers, |slot| named.get(&slot) == Some(&offer.name())));
        if offers.is_empty() && found > 0 {
            warn!(found, "too few members of one committee have the same snapshot");
        }
        // One above which nobody keeps bodies leads nowhere, but who is to say: it comes last.
        offers.sort_by_cached_key(|(_, offer)| {
            let is_kept = offer
                .header()
                .is_some_and(|header| self.is_kept(told, header.height));
            (!is_kept, offer.bytes)
        });
        Some(offers)
    }

    async fn take_first(
        &self,
        network: &network::Handle,
        offers: &[(u16, Offer)],
    ) -> Result<Found, StorageError> {
        let givers: Vec<&(u16, Offer)> = offers.iter().collect();
        let found = in_turns(givers, |(slot, offer), pace| async move {
            let Some(header) = offer.header() else {
                return Ok(Turn::Bad);
            };
            info!(
                slot,
                height = header.height.0,
                bytes = offer.bytes,
                bytes_per_second = pace.bytes_per_second,
                "fetching a snapshot"
            );
            let error = match self.take(network, (*slot, pace), offer, header).await {
                Ok(report) => {
                    self.place.adopt()?;
                    info!(height = report.height.0, "the snapshot is in place");
                    return Ok(Turn::Done(report));
                }
                Err(error) => error,
            };
            warn!(slot, %error, "a snapshot is not taken");
            self.place.empty()?;
            let is_slow = matches!(error, Refused::Slow(_) | Refused::Network(_));
            Ok::<_, StorageError>(if is_slow { Turn::Slow } else { Turn::Bad })
        });
        Ok(found.await?.map_or(Found::Nowhere, Found::Snapshot))
    }

    async fn take(
        &self,
        network: &network::Handle,
        (slot, pace): (u16, Pace),
        offer: &Offer,
        header: &Header,
    ) -> Result<Report, Refused> {
        self.place.empty()?;
        let wanted = Wanted {
            slot,
            height: header.height,
            bytes: offer.bytes,
        };
        fetch(network, wanted, &self.place.archive(), pace).await?;
        let file = self.place.archive();
        let head = *Archive::open(&file)?.head();
        if (head.height, head.block) != (header.height, header.id()) {
            return Err(Refused::Other);
        }
        if archive::content(&file)? != offer.content {
            return Err(Refused::Content);
        }
        let later = self.directory.since(Epoch(1));
        let later: Vec<Arc<Committee>> = later.iter().map(|roster| Arc::clone(&roster.committee)).collect();
        let (place, genesis, key, anchor) = (self.place.clone(), self.genesis.clone(), self.key, self.anchor);
        let terms = self.terms.clone();
        let importing = move || import(&place, &genesis, key, &later, (&anchor, &terms));
        let (report, heard) = tokio::task::spawn_blocking(importing).await??;
        deposits::check(self.vault, &heard, header.l1_height).await?;
        Ok(report)
    }
}

/// Fills a storage beside the one in use, and checks it.
fn import(
    place: &Place,
    genesis: &Genesis,
    key: Hash,
    later: &[Arc<Committee>],
    (anchor, terms): (&AnchorSeen, &Terms),
) -> Result<(Report, Heard), Refused> {
    let mut folder = Folder::<Fjall>::make(&place.importing(), place.settings())?;
    let expected = Expected { genesis, key, later };
    let report = bulk::import(&place.archive(), &mut folder, &expected, &mut |_| {})?;
    // The anchor lies below, or the offer's headers led to it.
    let header = bulk::header(&folder.source().moment()?, anchor.height)?;
    if report.height >= anchor.height && !header.is_some_and(|header| is_anchored(&header, anchor)) {
        return Err(Refused::NotAnchored);
    }
    let source = folder.source();
    terms.check(&source.state()?, &source)?;
    let heard = check::heard(&source).map_err(BulkError::from)?;
    Ok((report, heard))
}

/// Takes what the network tells, so that nothing waits for it; the operator that listens does not run yet.
async fn pump(events: &mut network::Events) {
    while events.recv().await.is_some() {}
}
