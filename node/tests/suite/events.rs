//! The stream of events as a reader of it sees them.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, BodyDataStream},
    http::Request,
};
use futures::StreamExt as _;
use plasma_core::{ExitId, Hash, L1Event, View};
use plasma_node::api::Code;
use serde_json::Value;
use tower::ServiceExt as _;

use super::{
    chain::{Chain, genesis, user},
    http::{door, get, submit},
};

/// One event with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) id: Option<String>,
    name: String,
    pub(crate) data: Value,
}

/// A reader and what came and was not looked at.
pub(crate) struct Reader {
    stream: BodyDataStream,
    text: String,
}

impl Reader {
    pub(crate) async fn new(door: &Router, query: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(format!("/v1/events{query}"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = door.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let mut reader = Self {
            stream: response.into_body().into_data_stream(),
            text: String::new(),
        };
        let retry = reader.line().await.expect("the first words");
        assert_eq!(retry, "retry: 2000");
        reader
    }

    /// The next paragraph; none when the stream is over.
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let paragraph: String = self.text.drain(..end + 2).collect();
                return Some(paragraph.trim_end().to_owned());
            }
            let more = tokio::time::timeout(Duration::from_secs(60), self.stream.next());
            let bytes = more.await.expect("it does not hang")?.unwrap();
            self.text += std::str::from_utf8(&bytes).unwrap();
        }
    }

    async fn next(&mut self) -> Option<Told> {
        loop {
            let paragraph = self.line().await?;
            let field = |name: &str| {
                let lines = paragraph.lines();
                let found = lines.filter_map(|line| line.strip_prefix(name)).next();
                found.map(|value| value.trim_start_matches(": ").to_owned())
            };
            // A comment moves the place and says nothing.
            let Some(name) = field("event") else { continue };
            return Some(Told {
                id: field("id"),
                name,
                data: serde_json::from_str(&field("data").unwrap()).unwrap(),
            });
        }
    }

    pub(crate) async fn some(&mut self, number: usize) -> Vec<Told> {
        let mut told = Vec::new();
        for _ in 0..number {
            told.push(self.next().await.expect("it goes on"));
        }
        told
    }
}

pub(crate) fn names(told: &[Told]) -> Vec<&str> {
    told.iter().map(|told| told.name.as_str()).collect()
}

/// A chain on which something of every kind happened: two deposits, a payment, an exit that began and ended.
async fn eventful() -> Chain {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    let first = chain.deposit(&alice, 100).await;
    let second = chain.deposit(&alice, 50).await;
    let payment = chain.payment(&alice, (first, 100), &bob, 60);
    assert_eq!(submit(&door(&chain), &payment).await.status, 201);
    chain.seal(&[]).await;
    let id = ExitId(Hash([7; 32]));
    let started = L1Event::ExitStarted {
        id,
        position: second,
        owner: alice.address(),
    };
    chain.seal(&[started]).await;
    let ended = L1Event::ExitEnded {
        id,
        position: second,
        paid: true,
    };
    chain.seal(&[ended]).await;
    chain
}

const EVERYTHING: &str = "topics=blocks,l1,address:";

#[tokio::test]
async fn whatever_happened_is_told_in_order_and_what_happens_as_it_does() {
    let mut chain = eventful().await;
    let alice = user(1).address();
    let query = format!("?{EVERYTHING}{alice}&after=1.0.0.0");
    let mut reader = Reader::new(&door(&chain), &query, None).await;
    let told = reader.some(14).await;
    let happened = [
        ["block.committed", "deposit.credited", "output.created"].as_slice(),
        &["block.committed", "deposit.credited", "output.created"],
        &["block.committed", "output.created", "output.spent"],
        &["block.committed", "exit.started"],
        &["block.committed", "exit.ended", "output.exited"],
    ];
    assert_eq!(names(&told), happened.concat());
    chain.deposit(&user(2), 5).await;
    assert_eq!(
        names(&reader.some(2).await),
        ["block.committed", "deposit.credited"]
    );
}

#[tokio::test]
async fn a_reader_goes_on_where_it_was_at_any_operator() {
    let chain = eventful().await;
    let other = eventful().await;
    let alice = user(1).address();
    let all = format!("?{EVERYTHING}{alice}&after=1.0.0.0");
    let told = Reader::new(&door(&chain), &all, None).await.some(14).await;
    let query = format!("?{EVERYTHING}{alice}");
    for place in 0..told.len() - 1 {
        let last = told[place].id.as_deref();
        let mut again = Reader::new(&door(&other), &query, last).await;
        let rest = again.some(told.len() - 1 - place).await;
        assert_eq!(rest, told[place + 1..], "after {last:?}");
    }
}

#[tokio::test]
async fn a_transaction_is_followed_by_its_id_and_anchors_are_told_once_mined_and_once_final() {
    let mut chain = eventful().await;
    let (bob, carol) = (user(2), user(3));
    let held = plasma_core::Position {
        block: plasma_core::Height(3),
        transaction: 0,
        output: 0,
    };
    let payment = chain.payment(&bob, (held, 60), &carol, 60);
    let door = door(&chain);
    let query = format!("?topics=l1,tx:{}", payment.id());
    let mut reader = Reader::new(&door, &query, None).await;
    assert_eq!(submit(&door, &payment).await.status, 201);
    chain.seal(&[]).await;
    let decided = reader.next().await.unwrap();
    assert_eq!(decided.name, "transaction.committed");
    assert_eq!(decided.data["id"], payment.id().to_string());
    assert_eq!(
        (decided.data["height"].as_u64(), decided.data["index"].as_u64()),
        (Some(6), Some(0))
    );
    chain.anchor(1);
    chain.say(|status| status.view = View(99));
    let anchored = reader.next().await.unwrap();
    assert_eq!(
        (anchored.name.as_str(), anchored.data["number"].as_u64()),
        ("block.anchored", Some(1))
    );
    chain.anchors.settle(1);
    chain.say(|status| status.view = View(100));
    let settled = reader.next().await.unwrap();
    assert_eq!(
        (settled.name.as_str(), settled.data["number"].as_u64()),
        ("block.finalized", Some(1))
    );
}

#[tokio::test]
async fn views_and_peers_are_told_when_they_change() {
    let chain = Chain::new(genesis());
    let mut reader = Reader::new(&door(&chain), "?topics=consensus", None).await;
    assert_eq!(names(&reader.some(2).await), ["consensus.view", "peers"]);
    chain.say(|status| status.view = View(12));
    let told = reader.next().await.unwrap();
    assert_eq!(
        (told.name.as_str(), told.data["view"].as_u64(), told.id),
        ("consensus.view", Some(12), None)
    );
}

#[tokio::test]
async fn a_place_that_this_operator_never_had_is_reset_and_goes_on() {
    let chain = eventful().await;
    let mut reader = Reader::new(&door(&chain), "?topics=blocks", Some("900000.0.0.0")).await;
    let reset = reader.next().await.unwrap();
    assert_eq!(reset.name, "reset");
    assert_eq!(reset.data["oldest"].as_str(), reset.id.as_deref());
}

#[tokio::test]
async fn what_is_no_topic_or_place_is_refused() {
    let chain = Chain::new(genesis());
    let door = door(&chain);
    let many = vec!["blocks"; 33].join(",");
    for query in [
        "topics=all",
        "topics=tx:12",
        "topics=address:",
        &format!("topics={many}"),
        "since=4",
    ] {
        get(&door, &format!("/v1/events?{query}"))
            .await
            .problem(Code::MalformedRequest);
    }
    for last in ["", "12", "1.2.3.4.5", "-1.0.0.0", "1.x.0.0"] {
        let request = Request::get("/v1/events").header("Last-Event-ID", last);
        let refused = super::http::send(&door, request.body(Body::empty()).unwrap()).await;
        refused.problem(Code::MalformedRequest);
    }
}

#[tokio::test]
async fn a_reader_that_falls_far_behind_is_told_so_and_let_go() {
    let mut chain = Chain::new(genesis());
    let mut reader = Reader::new(&door(&chain), "?topics=blocks", None).await;
    chain.seal(&[]).await;
    assert_eq!(reader.next().await.unwrap().name, "block.committed");
    // It has been at the newest block once, and reads nothing while others decide.
    let _ = futures::poll!(reader.stream.next());
    for _ in 0..4_200 {
        chain.decide(&[], false).await;
    }
    let mut last = None;
    while let Some(told) = reader.next().await {
        last = Some(told);
    }
    let last = last.expect("words");
    assert_eq!(
        (last.name.as_str(), last.data.to_string().as_str()),
        ("overflow", "{}")
    );
    // With its id it comes back and misses nothing.
    let mut again = Reader::new(&door(&chain), "?topics=blocks", last.id.as_deref()).await;
    let next = again.next().await.unwrap();
    assert_eq!(next.data["height"].as_u64(), Some(2), "{next:?}");
}

#[tokio::test]
async fn a_thousand_readers_are_heard_and_one_more_is_sent_away() {
    let mut chain = Chain::new(genesis());
    let door = door(&chain);
    let mut readers = Vec::new();
    for _ in 0..1_000 {
        readers.push(Reader::new(&door, "?topics=blocks", None).await);
    }
    get(&door, "/v1/events").await.problem(Code::Overloaded);
    chain.deposit(&user(1), 5).await;
    for reader in &mut readers {
        assert_eq!(reader.next().await.unwrap().data["height"].as_u64(), Some(1));
    }
    readers.pop();
    Reader::new(&door, "?topics=blocks", None).await;
}
