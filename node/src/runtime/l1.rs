//! The runtime's side of the bridge: sightings become events, duties become transactions.
//!
//! Duties run beside the operator's loop and may take minutes. Whether one is done is remembered nowhere: the guardian asks
//! again until Ethereum shows it.

mod docket;
mod duties;
mod flight;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use plasma_core::{ExitId, Height, L1Block, L1Height, Params, Spender};
use tokio::{sync::mpsc, time::sleep};
use tracing::{info, warn};

use self::duties::Desk;
pub use self::{
    docket::{Docket, Standing},
    duties::{answer_call, contradiction},
};
use crate::{
    answers::{self, Archive},
    api::{AnchorBook, Books},
    bridge::{
        Anchored, L1, L1Error, Notice,
        contracts::{Contracts, LOOKBACK, Remembered},
        convert::Inclusion,
        decode::Decoded,
        ethereum::Ethereum,
        rpc::Rpc,
        watcher::{Confirmed, Sighting, WatcherConfig, watch},
    },
    operator::{
        event::{ConfirmedBlock, Event},
        matters,
        report::AnchorSeen,
    },
    storage::{Read, StorageError},
};

/// Events on their way to the operator: the watcher waits when it lags.
const EVENTS_MAX: usize = 256;
/// Duties on their way to Ethereum; what does not fit is asked again by the guardian.
const DUTIES_MAX: usize = 256;
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
    books: &Books,
    reader: R,
    rules: Params,
) -> super::Ethereum {
    let (events_in, events) = mpsc::channel(EVENTS_MAX);
    let (duties, duties_out) = mpsc::channel(DUTIES_MAX);
    let (asks, sightings) = watch(Arc::clone(ethereum), watcher);
    tokio::spawn(tell(sightings, events_in.clone(), books.clone()));
    tokio::spawn(fill(
        Arc::clone(ethereum),
        deployment,
        watcher.confirmations,
        (books.clone(), events_in.clone()),
    ));
    let desk = Desk {
        ethereum: Arc::clone(ethereum),
        anchors: books.anchors.clone(),
        docket: books.docket.clone(),
        reader,
        rules,
        events: events_in,
        left: Left::default(),
        busy: Arc::default(),
    };
    tokio::spawn(desk.serve(duties_out));
    super::Ethereum { duties, asks, events }
}

/// Translates what the watcher says. Ends with the watcher, or when nobody listens.
async fn tell(mut sightings: mpsc::Receiver<Sighting>, events: mpsc::Sender<Event>, books: Books) {
    while let Some(sighting) = sightings.recv().await {
        for event in translate(sighting, &books) {
            if events.send(event).await.is_err() {
                return;
            }
        }
    }
}

/// Notes in the books what a sighting says, and tells what the operator must hear of it.
#[must_use]
pub fn translate(sighting: Sighting, books: &Books) -> Vec<Event> {
    let Books {
        anchors,
        docket,
        arrivals,
        ..
    } = books;
    match sighting {
        Sighting::Activated { epoch, hash } => vec![Event::Activated { epoch, hash }],
        Sighting::Confirmed(confirmed) => {
            let settled = confirmed.anchors.iter().map(|anchor| u64::from(anchor.number));
            settled.for_each(|number| anchors.settle(number));
            arrivals.confirm(confirmed.block.height, &confirmed.events);
            let time_s = confirmed.block.timestamp_s;
            confirmed
                .events
                .iter()
                .for_each(|event| docket.on_begun(event, time_s));
            vec![Event::L1Confirmed(vec![filed(confirmed, docket)])]
        }
        Sighting::Reread(blocks) => {
            let blocks = blocks.into_iter().map(|block| filed(block, docket));
            vec![Event::L1Reread(blocks.collect())]
        }
        Sighting::Anchored(anchor) => {
            anchors.record(seen(&anchor));
            info!(number = anchor.number, height = anchor.height.0, "anchored");
            vec![Event::Anchored(seen(&anchor))]
        }
        Sighting::AnchorLost(anchor) => {
            anchors.forget(&seen(&anchor));
            warn!(
                number = anchor.number,
                height = anchor.height.0,
                "a reorganisation of Ethereum took an anchor away"
            );
            vec![Event::AnchorLost {
                lost: seen(&anchor),
                newest: anchors.newest(),
            }]
        }
        Sighting::ExitSettled(exit) => vec![Event::ExitSettled(exit)],
        Sighting::Noticed { notice, is_confirmed } => {
            docket.on_notice(&notice);
            if is_confirmed {
                docket.on_confirmed(&notice);
            }
            let told = docket::told(&notice, is_confirmed);
            told.into_iter().map(Event::Noticed).collect()
        }
        Sighting::Arriving { above, blocks } => {
            arrivals.forget_above(above);
            blocks
                .iter()
                .for_each(|(height, events)| arrivals.note(*height, events));
            Vec::new()
        }
        Sighting::Head(head) => {
            arrivals.on_head(head);
            Vec::new()
        }
        Sighting::Fault(fault) => {
            let reason = fault.to_string();
            let height = fault.height();
            vec![Event::L1Contradiction { height, reason }]
        }
    }
}

/// Notes what a confirmed block says of claims; gives what the operator files of it.
fn filed(confirmed: Confirmed, docket: &Docket) -> ConfirmedBlock {
    confirmed.events.iter().for_each(|event| docket.on_event(event));
    ConfirmedBlock {
        block: confirmed.block,
        events: confirmed.events,
    }
}

/// Reads what Ethereum recorded since the deployment into the books: anchors, so that any old block can be proven, and
/// claims that are open, so that they have their answer after a crash too. And it tells who was convicted meanwhile, so that
/// nobody is accused again. Once per start; the watcher tells the others.
async fn fill(
    ethereum: Arc<Ethereum>,
    deployment: L1Height,
    confirmations: u32,
    (books, events): (Books, mpsc::Sender<Event>),
) {
    let (contracts, rpc) = (ethereum.contracts(), ethereum.rpc());
    let convicted = loop {
        match fill_once(contracts, rpc, deployment, confirmations, &books).await {
            Ok(convicted) => break convicted,
            Err(error) => {
                warn!(%error, "the past is not read yet; exit data of old blocks and answers to old claims wait for it");
                sleep(BOOK_PAUSE).await;
            }
        }
    };
    for notice in books.docket.open().into_iter().chain(convicted) {
        if events.send(Event::Noticed(notice)).await.is_err() {
            return;
        }
    }
}

async fn fill_once(
    contracts: &Contracts,
    rpc: &Rpc,
    deployment: L1Height,
    confirmations: u32,
    books: &Books,
) -> Result<Vec<matters::Notice>, L1Error> {
    let head = rpc.newest().await?.height;
    let confirmed = L1Height(head.0.saturating_sub(u64::from(confirmations)));
    let (mut from, mut convicted) = (deployment, Vec::new());
    while from <= confirmed {
        let to = L1Height(from.0.saturating_add(LOOKBACK - 1)).min(confirmed);
        for remembered in contracts.remembered(rpc, from..=to).await? {
            match remembered {
                Remembered::Decoded(Decoded::Anchored(anchor)) => {
                    books.anchors.record(seen(&anchor));
                    books.anchors.settle(u64::from(anchor.number));
                }
                Remembered::Decoded(Decoded::Event(event)) => books.docket.on_event(&event),
                Remembered::Notice(notice @ Notice::Slashed { .. }) => {
                    convicted.extend(docket::told(&notice, true));
                }
                Remembered::Notice(notice) => {
                    books.docket.on_notice(&notice);
                    books.docket.on_confirmed(&notice);
                }
            }
        }
        from = L1Height(to.0 + 1);
    }
    books.docket.on_whole(contracts.parameters(rpc).await?.exit_bond);
    Ok(convicted)
}

/// Whether an exit was not left to the others before.
fn is_news(left: &Left, exit: ExitId) -> bool {
    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
    if left.len() >= LEFT_MAX {
        left.clear();
    }
    left.insert(exit)
}

/// The data of the Ethereum call that exits an output.
#[must_use]
pub fn exit_call(receipt: &plasma_core::Receipt, covering: &crate::api::Covering, output: u8) -> Vec<u8> {
    let inclusion = Inclusion {
        receipt: receipt.clone(),
        anchor: answers::anchored(&covering.anchor, covering.previous),
    };
    crate::bridge::calls::start_exit_data(&inclusion, output)
}

/// The data of the Ethereum call that ends an exit of an output which this input spent, as our own duty sends it; `None` while
/// an anchor must come first, or another call: that which shows where several inputs were made.
///
/// # Errors
/// As [`Archive::spend`].
pub fn challenge_call<R: Read>(
    reader: &R,
    anchors: &AnchorBook,
    last_valid: Option<Height>,
    (exit, by): (ExitId, Spender),
) -> Result<Option<Vec<u8>>, StorageError> {
    let archive = Archive {
        reader,
        anchors,
        anchored: anchors.newest().map_or(Height(0), |anchor| anchor.height),
        last_valid: last_valid.unwrap_or(answers::UNLIMITED),
    };
    let proof = archive.spend(exit, by)?;
    let proof = proof.filter(|proof| proof.inputs.is_empty());
    Ok(proof.as_ref().map(crate::bridge::calls::challenge_data))
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
        Anchored, Books, Event, Height, L1Height, LEFT_MAX, Left, Sighting, is_news, mpsc, seen, tell,
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
        let books = Books::default();
        let book = books.anchors.clone();
        tokio::spawn(tell(sightings, events_in, books));
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
