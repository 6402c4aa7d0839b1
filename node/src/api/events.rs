//! `GET /v1/events`: what happens, as it happens, by server-sent events.
//!
//! A stream is a walk over what blocks and anchors say, at the pace of its reader: nothing is queued for a slow one. Its place
//! is the event's id, `block.event.anchor.final`: all of the blocks below, so many events of this one, and the anchors up to
//! these numbers were told. It follows from the chain and the topics alone, so any operator goes on from another one's id.
//! What has no place in the chain (views, peers, alerts) has no id and is told once.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::Response,
};
use futures::stream;
use plasma_core::{Epoch, Height, View};
use serde::Deserialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};

use super::{
    Code, Door, Problem,
    gates::on_thread,
    text::TextError,
    view::{AnchorView, ConsensusEvent, PeersEvent, ResetEvent},
};
use crate::{runtime::handle::Status, storage::Read};

mod asked;
mod told;

use asked::{MARKS, Mark, TOPICS, Topics};
use told::{News, json};

/// Which events are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsAsked {
    /// Topics with commas between: `blocks`, `l1`, `alerts`, `consensus`, `tx:0x…`, `address:0x…`; `blocks` unless said.
    pub topics: Option<String>,
    /// As the header `Last-Event-ID`, for whoever cannot send one.
    pub after: Option<String>,
}

/// What all readers share: their number, and the newest blocks in the form in which they are told.
#[derive(Debug)]
pub(super) struct Streams {
    places: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    recent: Mutex<BTreeMap<Height, Arc<News>>>,
}

impl Streams {
    pub(super) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(READERS_MAX)),
            reads: Arc::new(Semaphore::new(READS_MAX)),
            recent: Mutex::default(),
        }
    }

    fn known(&self, height: Height) -> Option<Arc<News>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get(&height).cloned()
    }

    fn keep(&self, height: Height, news: &Arc<News>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.insert(height, Arc::clone(news));
        while recent.len() > RECENT_MAX {
            // Who reads the past must not push out what everybody wants next.
            recent.pop_first();
        }
    }
}

/// One reader on its way.
struct Walk<R> {
    door: Door<R>,
    topics: Topics,
    mark: Mark,
    watch: watch::Receiver<Arc<Status>>,
    alarm: watch::Receiver<u64>,
    /// The last change of an alert that was told.
    alerted: Option<u64>,
    /// What was told of views and peers last.
    shown: Option<(Epoch, View, Vec<u16>)>,
    /// Whether it has been at the newest block: from then on it may not fall far behind.
    was_live: bool,
    is_over: bool,
    _place: OwnedSemaphorePermit,
}

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/events`.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`] for a topic or id that is none; [`Code::Overloaded`] when too many listen already.
    pub fn events(&self, asked: EventsAsked, last: Option<String>) -> Result<Response, Problem> {
        let topics = asked.topics.as_deref().unwrap_or("blocks");
        let topics: Topics = topics.parse().map_err(|error| wrong("topics", TOPICS, error))?;
        let (field, after) = match last {
            Some(last) => ("Last-Event-ID", Some(last)),
            None => ("after", asked.after),
        };
        let after = after.map(|text| text.parse::<Mark>()).transpose();
        let after = after.map_err(|error| wrong(field, MARKS, error))?;
        let Ok(place) = Arc::clone(&self.streams.places).try_acquire_owned() else {
            return Err(Code::Overloaded
                .because(format!("{READERS_MAX} clients listen already"))
                .hint("ask another operator, or poll /v1/status"));
        };
        let mut first = format!("retry: {RETRY_MS}\n\n");
        let now = self.here()?;
        let mark = match after {
            None => now,
            Some(asked) => {
                let oldest = self.reader.horizon()?;
                let is_lost =
                    asked.height < oldest || asked.height.0 > now.height.0.saturating_add(AHEAD_MAX);
                if is_lost {
                    let mark = Mark {
                        height: asked.height.max(oldest).min(now.height),
                        told: 0,
                        ..asked
                    };
                    let reset = ResetEvent {
                        oldest: mark.to_string(),
                    };
                    write_event(&mut first, Some(&mark), "reset", &json(&reset));
                    mark
                } else {
                    asked
                }
            }
        };
        let walk = Walk {
            door: self.clone(),
            topics,
            mark,
            watch: self.handle.watch(),
            alarm: self.books.alerts.changes(),
            alerted: None,
            shown: None,
            was_live: false,
            is_over: false,
            _place: place,
        };
        let rest = stream::unfold(walk, |mut walk| async {
            let text = walk.next().await?;
            Some((Ok::<_, Infallible>(Bytes::from(text)), walk))
        });
        let first = stream::once(async { Ok(Bytes::from(first)) });
        let body = Body::from_stream(futures::StreamExt::chain(first, rest));
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        Ok(response)
    }

    /// Reads for a stream: few at once, the others wait; a stream has time.
    async fn look<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = Arc::clone(&self.streams.reads).acquire_owned().await;
        on_thread(turn, question).await
    }

    /// Behind everything that has happened.
    fn here(&self) -> Result<Mark, Problem> {
        let (tip, _) = self.reader.tip()?;
        Ok(Mark {
            height: tip.next().unwrap_or(tip),
            told: 0,
            anchored: self.books.anchors.newest().map_or(0, |anchor| anchor.number),
            settled: self.books.anchors.final_number(),
        })
    }
}

impl<R: Read + Clone + Send + Sync + 'static> Walk<R> {
    /// The next lines, as soon as there are any; none when the stream is over.
    async fn next(&mut self) -> Option<String> {
        if self.is_over {
            return None;
        }
        loop {
            self.watch.borrow_and_update();
            self.alarm.borrow_and_update();
            let mut text = String::new();
            if let Err(problem) = self.look(&mut text).await {
                // It cannot be told as a status any more. The reader comes back with its last id.
                self.is_over = true;
                write_event(&mut text, None, "problem", &json(&problem));
            }
            if !text.is_empty() {
                return Some(text);
            }
            let changed = async {
                tokio::select! {
                    status = self.watch.changed() => status,
                    alert = self.alarm.changed() => alert,
                }
            };
            match timeout(KEEP_ALIVE, changed).await {
                Ok(Ok(())) => {}
                // The operator is stopping.
                Ok(Err(_)) => return None,
                // An id without data moves the reader's mark and says nothing.
                Err(_) => return Some(format!(": keep-alive\nid: {}\n\n", self.mark)),
            }
        }
    }

    /// Tells what is new, a block at a time.
    async fn look(&mut self, text: &mut String) -> Result<(), Problem> {
        let status = self.door.handle.status();
        self.show(&status, text);
        self.tell_alerts(text);
        self.tell_anchors(text);
        if self.mark.height > status.height {
            self.was_live = true;
            return Ok(());
        }
        let behind = status.height.0 - self.mark.height.0;
        if self.was_live && behind > LAG_MAX {
            self.is_over = true;
            write_event(text, Some(&self.mark), "overflow", "{}");
            return Ok(());
        }
        self.tell_block(text).await
    }

    /// Views and peers, when they are others than before.
    fn show(&mut self, status: &Status, text: &mut String) {
        if !self.topics.consensus {
            return;
        }
        let peers: Vec<u16> = status.peers.iter().map(|peer| peer.0).collect();
        let now = (status.epoch, status.view, peers.clone());
        let before = self.shown.replace(now);
        if before
            .as_ref()
            .is_none_or(|(epoch, view, _)| (*epoch, *view) != (status.epoch, status.view))
        {
            let event = ConsensusEvent {
                epoch: status.epoch.0,
                view: status.view.0,
                leader: status.leader.map(|seat| seat.0),
                given_up: status
                    .given_up
                    .filter(|given_up| given_up.view.0.saturating_add(1) == status.view.0)
                    .map(|given_up| given_up.reason.to_string()),
            };
            write_event(text, None, "consensus.view", &json(&event));
        }
        if before.is_none_or(|(_, _, members)| members != peers) {
            write_event(text, None, "peers", &json(&PeersEvent { members: peers }));
        }
    }

    /// A reader hears first of those that stand.
    fn tell_alerts(&mut self, text: &mut String) {
        // Asked after every turn of the operator, and an alert is rare.
        if !self.topics.alerts || self.alerted == Some(*self.alarm.borrow()) {
            return;
        }
        let (last, events) = self.door.books.alerts.since(self.alerted);
        self.alerted = Some(last);
        for (name, alert) in events {
            write_event(text, None, name, &json(&alert));
        }
    }

    fn tell_anchors(&mut self, text: &mut String) {
        if !self.topics.blocks && !self.topics.l1 {
            return;
        }
        let book = &self.door.books.anchors;
        for anchor in book.after(self.mark.anchored, ANCHORS_MAX) {
            self.mark.anchored = anchor.number;
            write_event(
                text,
                Some(&self.mark),
                "block.anchored",
                &json(&AnchorView::from(anchor)),
            );
        }
        let settled = book.final_number();
        for anchor in book.after(self.mark.settled, ANCHORS_MAX) {
            if anchor.number > settled {
                break;
            }
            self.mark.settled = anchor.number;
            write_event(
                text,
                Some(&self.mark),
                "block.finalized",
                &json(&AnchorView::from(anchor)),
            );
        }
    }

    /// Tells the next block and moves behind it.
    async fn tell_block(&mut self, text: &mut String) -> Result<(), Problem> {
        let height = self.mark.height;
        let mut events: Vec<(&'static str, String)> = Vec::new();
        if self.topics.blocks || self.topics.l1 {
            let news = self.news(height).await?;
            if self.topics.blocks {
                events.push(("block.committed", news.block.clone()));
            }
            if self.topics.l1 {
                events.extend(news.l1.iter().cloned());
            }
        }
        if !self.topics.transactions.is_empty() || !self.topics.addresses.is_empty() {
            let (topics, door) = (self.topics.clone(), self.door.clone());
            events.extend(self.door.look(move || door.own_events(height, &topics)).await?);
        }
        let told = usize::try_from(self.mark.told).unwrap_or(usize::MAX);
        for (name, data) in events.into_iter().skip(told) {
            self.mark.told += 1;
            write_event(text, Some(&self.mark), name, &data);
        }
        self.mark.told = 0;
        self.mark.height = height.next().unwrap_or(height);
        Ok(())
    }

    async fn news(&self, height: Height) -> Result<Arc<News>, Problem> {
        if let Some(known) = self.door.streams.known(height) {
            return Ok(known);
        }
        let door = self.door.clone();
        let news = self.door.look(move || door.news_of(height)).await?;
        let news = Arc::new(news);
        self.door.streams.keep(height, &news);
        Ok(news)
    }
}

/// Of a parameter that is none.
fn wrong(field: &'static str, hint: &str, error: TextError) -> Problem {
    Code::MalformedRequest
        .because(format!("{field}: {error}"))
        .with("field", field)
        .hint(hint)
}

fn write_event(text: &mut String, mark: Option<&Mark>, name: &str, data: &str) {
    // Writing to a string does not fail, and our JSON has no line breaks.
    if let Some(mark) = mark {
        let _ = writeln!(text, "id: {mark}");
    }
    let _ = write!(text, "event: {name}\ndata: {data}\n\n");
}

/// Readers at once: each has a connection, a task of some kilobytes and no queue.
const READERS_MAX: usize = 1_000;

/// Reads for streams at once: they may wait, and agreement needs the processor.
const READS_MAX: usize = 4;

/// Blocks kept in the form in which they are told: about a kilobyte each.
const RECENT_MAX: usize = 256;

/// Anchors told in one go.
const ANCHORS_MAX: usize = 64;

/// A reader that was at the newest block and is so far behind reads too slowly to be told the rest.
const LAG_MAX: u32 = 4_096;

/// An id so far above the newest block is of another chain, or of an operator that is far ahead of this one.
const AHEAD_MAX: u32 = 4_096;

/// Proxies cut connections that say nothing for half a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// When a browser connects again.
const RETRY_MS: u32 = 2_000;
