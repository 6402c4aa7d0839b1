//! The runtime's side of the bridge: sightings become events, duties become transactions.
//!
//! Duties run beside the operator's loop and may take minutes. Nothing is remembered here: the guardian asks again until
//! Ethereum shows a duty done.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use plasma_core::{ExitId, Height, L1Block, L1Height, Spender};
use tokio::{
    sync::{Semaphore, mpsc},
    time::sleep,
};
use tracing::{info, warn};

use crate::{
    api::AnchorBook,
    bridge::{
        Anchor, Anchored, L1, L1Error, SpendProof,
        contracts::{Contracts, LOOKBACK},
        convert::Inclusion,
        ethereum::Ethereum,
        rpc::Rpc,
        watcher::{Sighting, WatcherConfig, watch},
    },
    operator::{
        effect::Effect,
        event::{ConfirmedBlock, Event},
        report::AnchorSeen,
    },
    storage::{Read, StorageError},
};

/// Events on their way to the operator: the watcher waits when it lags.
const EVENTS_MAX: usize = 256;
/// Duties on their way to Ethereum; what does not fit is asked again by the guardian.
const DUTIES_MAX: usize = 256;
/// Challenges under way at once: each holds one place in the sender's queue.
const CHALLENGES_MAX: usize = 32;
/// Pause before the book of anchors is tried again.
const BOOK_PAUSE: Duration = Duration::from_secs(2);
/// Exits remembered as left to others, for the log only: when there are more, all are named once more.
const LEFT_MAX: usize = 1_024;

/// Exits whose challenge needs a body that is pruned here: the guardian asks again, the log tells once.
type Left = Arc<Mutex<BTreeSet<ExitId>>>;

/// Starts watching and serving duties.
pub fn start<R: Read + Clone + Send + Sync + 'static>(
    ethereum: &Arc<Ethereum>,
    watcher: WatcherConfig,
    deployment: L1Height,
    anchors: &AnchorBook,
    reader: R,
) -> super::Ethereum {
    let (events_in, events) = mpsc::channel(EVENTS_MAX);
    let (duties, duties_out) = mpsc::channel(DUTIES_MAX);
    let sightings = watch(Arc::clone(ethereum), watcher);
    tokio::spawn(tell(sightings, events_in, anchors.clone()));
    tokio::spawn(fill(
        Arc::clone(ethereum),
        deployment,
        watcher.confirmations,
        anchors.clone(),
    ));
    tokio::spawn(serve(Arc::clone(ethereum), duties_out, anchors.clone(), reader));
    super::Ethereum { duties, events }
}

/// Translates what the watcher says. Ends with the watcher, or when nobody listens.
async fn tell(mut sightings: mpsc::Receiver<Sighting>, events: mpsc::Sender<Event>, anchors: AnchorBook) {
    while let Some(sighting) = sightings.recv().await {
        let event = match sighting {
            Sighting::Confirmed(confirmed) => Event::L1Confirmed(vec![ConfirmedBlock {
                block: confirmed.block,
                events: confirmed.events,
            }]),
            Sighting::Anchored(anchor) => {
                anchors.record(seen(&anchor));
                info!(number = anchor.number, height = anchor.height.0, "anchored");
                Event::Anchored(seen(&anchor))
            }
            Sighting::AnchorLost(anchor) => {
                anchors.forget(&seen(&anchor));
                warn!(
                    number = anchor.number,
                    height = anchor.height.0,
                    "a reorganisation of Ethereum took an anchor away"
                );
                Event::AnchorLost {
                    lost: seen(&anchor),
                    newest: anchors.newest(),
                }
            }
            Sighting::ExitSettled(exit) => Event::ExitSettled(exit),
            Sighting::Head(_) => continue,
            Sighting::Fault(fault) => Event::L1Contradiction(fault.to_string()),
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
    // After a fault the watcher is silent; the operator must not take that for its end.
    events.closed().await;
}

/// Reads every confirmed anchor since the deployment into the book, so that any old block can be proven. Once per start;
/// the watcher tells the others, and what a reorganisation makes of them.
async fn fill(ethereum: Arc<Ethereum>, deployment: L1Height, confirmations: u32, anchors: AnchorBook) {
    let (contracts, rpc) = (ethereum.contracts(), ethereum.rpc());
    while let Err(error) = fill_once(contracts, rpc, deployment, confirmations, &anchors).await {
        warn!(%error, "past anchors are not read yet; exit data of old blocks waits for them");
        sleep(BOOK_PAUSE).await;
    }
}

async fn fill_once(
    contracts: &Contracts,
    rpc: &Rpc,
    deployment: L1Height,
    confirmations: u32,
    anchors: &AnchorBook,
) -> Result<(), L1Error> {
    let head = rpc.newest().await?.height;
    let confirmed = L1Height(head.0.saturating_sub(u64::from(confirmations)));
    let mut from = deployment;
    while from <= confirmed {
        let to = L1Height(from.0.saturating_add(LOOKBACK - 1)).min(confirmed);
        for anchor in contracts.anchors(rpc, from..=to).await? {
            anchors.record(seen(&anchor));
        }
        from = L1Height(to.0 + 1);
    }
    Ok(())
}

/// Performs duties, one anchor at a time and a bounded number of challenges.
async fn serve<R: Read + Clone + Send + Sync + 'static>(
    ethereum: Arc<Ethereum>,
    mut duties: mpsc::Receiver<Effect>,
    anchors: AnchorBook,
    reader: R,
) {
    let (one, many) = (
        Arc::new(Semaphore::new(1)),
        Arc::new(Semaphore::new(CHALLENGES_MAX)),
    );
    let left = Left::default();
    while let Some(duty) = duties.recv().await {
        let places = if matches!(duty, Effect::Anchor { .. }) {
            &one
        } else {
            &many
        };
        // No place: the same duty is under way, or too many are; the guardian asks again.
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            continue;
        };
        let (ethereum, anchors, reader) = (Arc::clone(&ethereum), anchors.clone(), reader.clone());
        let left = Arc::clone(&left);
        tokio::spawn(async move {
            perform(&ethereum, duty, &anchors, (reader, left)).await;
            drop(place);
        });
    }
}

async fn perform<R: Read + Send + 'static>(
    ethereum: &Ethereum,
    duty: Effect,
    anchors: &AnchorBook,
    (reader, left): (R, Left),
) {
    match duty {
        Effect::Anchor { header, certificate } => {
            let height = header.height.0;
            match ethereum.anchor(&Anchor { header, certificate }).await {
                Ok(()) => info!(height, "anchor duty done"),
                Err(error) => warn!(height, %error, "anchor duty failed"),
            }
        }
        Effect::Challenge { exit, spender } => {
            let anchors = anchors.clone();
            let proof =
                tokio::task::spawn_blocking(move || spend_proof(&reader, &anchors, exit, spender)).await;
            if let Ok(Err(StorageError::Pruned { height, .. })) = proof {
                // The next on duty shows the spend when nobody did.
                if is_news(&left, exit) {
                    warn!(
                        ?exit,
                        height = height.0,
                        "the spending block is pruned here; others challenge"
                    );
                }
                return;
            }
            let Ok(Ok(Some(proof))) = proof else {
                return warn!(
                    ?exit,
                    ?proof,
                    "the spending transaction of a dishonest exit cannot be shown yet"
                );
            };
            match ethereum.challenge(&proof).await {
                Ok(()) => info!(?exit, "challenge duty done"),
                Err(error) => warn!(?exit, %error, "challenge duty failed"),
            }
        }
        _ => {}
    }
}

/// Whether an exit was not left to the others before.
fn is_news(left: &Left, exit: ExitId) -> bool {
    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
    if left.len() >= LEFT_MAX {
        left.clear();
    }
    left.insert(exit)
}

/// The transaction that spent an exiting output. One whose expiry lies below the newest anchor counts on Ethereum only
/// with its inclusion.
fn spend_proof<R: Read>(
    reader: &R,
    anchors: &AnchorBook,
    exit: ExitId,
    spender: Spender,
) -> Result<Option<SpendProof>, StorageError> {
    let Some(block) = reader.block(spender.height)? else {
        return Ok(None);
    };
    let index = usize::try_from(spender.transaction).unwrap_or(usize::MAX);
    let Some(signed) = block.body.get(index).cloned() else {
        return Ok(None);
    };
    let newest = anchors.newest().map_or(Height(0), |anchor| anchor.height);
    let inclusion = if signed.transaction.expiry < newest {
        let Some(inclusion) = inclusion(reader, anchors, spender.height, spender.transaction)? else {
            return Ok(None);
        };
        Some(inclusion)
    } else {
        None
    };
    Ok(Some(SpendProof {
        exit,
        spender: signed,
        input: spender.input,
        inclusion,
    }))
}

/// Where a decided transaction lies in anchored history; `None` until its block is anchored.
fn inclusion<R: Read>(
    reader: &R,
    anchors: &AnchorBook,
    height: Height,
    index: u32,
) -> Result<Option<Inclusion>, StorageError> {
    let Some(covering) = anchors.covering(height) else {
        return Ok(None);
    };
    // Ethereum knows its anchors: any certificate that covers the header stands for it here.
    let Some((_, certificate)) = reader.certificate_covering(covering.anchor.height)? else {
        return Ok(None);
    };
    let receipt = crate::proofs::receipt(reader, (height, index), covering.anchor.height, certificate)?;
    Ok(receipt.map(|receipt| Inclusion {
        receipt,
        anchor: anchored(&covering.anchor, covering.previous),
    }))
}

/// The data of the Ethereum call that exits an output.
#[must_use]
pub fn exit_call(receipt: &plasma_core::Receipt, covering: &crate::api::Covering, output: u8) -> Vec<u8> {
    let inclusion = Inclusion {
        receipt: receipt.clone(),
        anchor: anchored(&covering.anchor, covering.previous),
    };
    crate::bridge::calls::start_exit_data(&inclusion, output)
}

/// The newest anchor as the operator knows it.
#[must_use]
pub fn seen(anchor: &Anchored) -> AnchorSeen {
    AnchorSeen {
        number: u64::from(anchor.number),
        height: anchor.height,
        history_root: anchor.history_root,
        l1_height: anchor.l1_height,
        time_s: anchor.time_s,
    }
}

fn anchored(anchor: &AnchorSeen, previous: Height) -> Anchored {
    Anchored {
        number: u32::try_from(anchor.number).unwrap_or(u32::MAX),
        previous,
        height: anchor.height,
        history_root: anchor.history_root,
        l1_height: anchor.l1_height,
        time_s: anchor.time_s,
    }
}

/// The last decided origin as Ethereum shows it today.
///
/// # Errors
/// [`L1Error`] of the endpoint; [`L1Error::Inconsistent`] when the chain has no such block or another one.
pub async fn origin(
    ethereum: &Ethereum,
    height: L1Height,
    hash: plasma_core::Hash,
) -> Result<L1Block, L1Error> {
    let found = ethereum.block(height).await?;
    found
        .filter(|block| block.hash == hash)
        .ok_or_else(|| L1Error::Inconsistent {
            height,
            reason: format!("{hash}, the origin of our last decided block, is not on this endpoint's chain"),
        })
}

#[cfg(test)]
mod tests {
    use plasma_core::{ExitId, Hash};

    use super::{
        AnchorBook, Anchored, Event, Height, L1Height, LEFT_MAX, Left, Sighting, is_news, mpsc, seen, tell,
    };

    fn anchor(number: u32, height: u32) -> Anchored {
        Anchored {
            number,
            previous: Height(height - 10),
            height: Height(height),
            history_root: Hash([1; 32]),
            l1_height: L1Height(5),
            time_s: 7,
        }
    }

    #[tokio::test]
    async fn a_lost_anchor_leaves_the_book_and_the_operator_hears_what_stands() {
        let (says, sightings) = mpsc::channel(8);
        let (events_in, mut events) = mpsc::channel(8);
        let book = AnchorBook::default();
        tokio::spawn(tell(sightings, events_in, book.clone()));
        let (first, second) = (anchor(1, 10), anchor(2, 20));
        for sighting in [first, second].map(Sighting::Anchored) {
            says.send(sighting).await.unwrap();
            events.recv().await.unwrap();
        }
        assert!(book.covering(Height(15)).is_some());
        says.send(Sighting::AnchorLost(second)).await.unwrap();
        let told = events.recv().await.unwrap();
        assert!(
            matches!(told, Event::AnchorLost { lost, newest } if lost == seen(&second) && newest == Some(seen(&first))),
            "{told:?}"
        );
        assert!(book.covering(Height(15)).is_none() && book.covering(Height(5)).is_some());
    }

    #[test]
    fn exit_that_is_left_to_others_is_news_once_and_memory_is_bounded() {
        let (left, exit) = (Left::default(), |number| ExitId(Hash([number; 32])));
        assert!(is_news(&left, exit(1)));
        assert!(!is_news(&left, exit(1)));
        assert!(is_news(&left, exit(2)));
        for number in 0..3 * LEFT_MAX {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            is_news(&left, ExitId(Hash(bytes)));
        }
        assert!(left.lock().unwrap().len() <= LEFT_MAX);
    }
}
