//! What an operator's people are called for: when it is raised, when it is cleared, and who hears of it.

use std::time::Duration;

use plasma_core::{Epoch, ExitId, Hash, Height, L1Height, Millis, OperatorIndex, Position};
use plasma_node::{
    api::{
        Code,
        view::{AlertKind, AlertSeverity, AlertView, Page},
    },
    operator::report::CONCERNS_MAX,
    runtime::handle::{Concern, Status},
};

use super::{
    chain::{Chain, genesis},
    events::{Reader, Told, names},
    http::{door, get},
};

const START: u64 = 1_800_000_000_000;
/// Longer than anything must last to be told or to be cleared.
const LONG_MS: u64 = 10_000;

/// A chain whose operator is looked at when the test says so.
struct Watched {
    chain: Chain,
    now: u64,
    head: u64,
}

impl Watched {
    fn new() -> Self {
        let chain = Chain::new(genesis());
        Self {
            chain,
            now: START,
            head: 1,
        }
    }

    /// Another look after so long; Ethereum goes on meanwhile.
    fn look_after(&mut self, millis: u64) {
        self.head += 1;
        self.look_at_a_still_ethereum_after(millis);
    }

    fn look_at_a_still_ethereum_after(&mut self, millis: u64) {
        self.now += millis;
        let status = self.chain.handle.status();
        let alerts = &self.chain.books.alerts;
        alerts.look(Millis(self.now), &status, Some(L1Height(self.head)));
    }

    fn say(&self, change: impl FnOnce(&mut Status)) {
        self.chain.say(change);
    }

    /// One more exit of a spent output.
    fn raise(&mut self, number: u8) {
        self.say(|status| status.concerns.push(exit(number, false)));
        self.look_after(1);
    }

    async fn listed(&self, query: &str) -> Page<AlertView> {
        get(&door(&self.chain), &format!("/v1/alerts?{query}"))
            .await
            .document()
    }

    async fn kinds(&self, query: &str) -> Vec<AlertKind> {
        let items = self.listed(query).await.items;
        items.iter().map(|alert| alert.kind).collect()
    }
}

fn exit(number: u8, is_late: bool) -> Concern {
    Concern::DishonestExit {
        exit: ExitId(Hash([number; 32])),
        output: Position {
            block: Height(12),
            transaction: 1,
            output: 0,
        },
        is_late,
    }
}

/// What an operator may say of itself, and what is raised for it.
type Case = (fn(&mut Status), &'static [AlertKind]);

#[tokio::test]
async fn every_kind_is_raised_when_it_comes_and_cleared_when_it_is_gone() {
    let cases: [Case; 9] = [
        (
            |status| status.stopped = Some("a case".into()),
            &[AlertKind::Stopped],
        ),
        (|status| status.halted = Some(Height(7)), &[AlertKind::Halted]),
        (
            |status| status.stalled_since = Some(Millis(START)),
            &[AlertKind::NoProgress],
        ),
        (|status| status.peers.clear(), &[AlertKind::NoQuorum]),
        (|status| status.starved = true, &[AlertKind::WithheldBlock]),
        (
            |status| status.concerns = vec![exit(7, false)],
            &[AlertKind::InvalidExit],
        ),
        (
            |status| status.concerns = vec![exit(7, true)],
            &[AlertKind::UnchallengedExit, AlertKind::InvalidExit],
        ),
        (
            |status| status.concerns = vec![Concern::InvalidBlock { height: Height(9) }],
            &[AlertKind::InvalidBlock],
        ),
        (
            |status| {
                let (epoch, offender) = (Epoch(2), OperatorIndex(3));
                status.concerns = vec![Concern::Contradiction { epoch, offender }];
            },
            &[AlertKind::Equivocation],
        ),
    ];
    for (change, expected) in cases {
        let mut watched = Watched::new();
        watched.look_after(0);
        let well = Status::clone(&watched.chain.handle.status());
        watched.say(change);
        watched.look_after(1_000);
        watched.look_after(LONG_MS);
        assert_eq!(watched.kinds("active=true").await, expected);
        watched.say(|status| *status = well);
        watched.look_after(1_000);
        watched.look_after(LONG_MS);
        assert_eq!(watched.kinds("active=true").await, [], "{expected:?}");
        let gone = watched.listed("active=false").await.items;
        assert_eq!(gone.len(), expected.len());
        assert!(gone.iter().all(|alert| alert.cleared.is_some()));
    }
}

#[tokio::test]
async fn an_ethereum_that_stands_still_is_told_after_minutes_and_nobody_trusts_what_was_read() {
    let mut watched = Watched::new();
    watched.look_after(0);
    watched.look_at_a_still_ethereum_after(299_000);
    assert_eq!(watched.kinds("").await, []);
    // Who was away long reads what is confirmed, and comes to the head last.
    watched.say(|status| status.l1_confirmed = L1Height(77));
    watched.look_at_a_still_ethereum_after(1_000);
    watched.look_at_a_still_ethereum_after(299_000);
    assert_eq!(watched.kinds("").await, []);
    watched.look_at_a_still_ethereum_after(1_000);
    let told = watched.listed("").await.items;
    assert_eq!(
        (told[0].kind, told[0].severity),
        (AlertKind::L1Stalled, AlertSeverity::Warning)
    );
    assert!(told[0].text.contains("block 2"), "{}", told[0].text);
    assert!(watched.chain.books.alerts.stands(AlertKind::L1Stalled));
    watched.look_after(1_000);
    watched.look_after(LONG_MS);
    assert!(!watched.chain.books.alerts.stands(AlertKind::L1Stalled));
}

#[tokio::test]
async fn an_alert_says_what_it_is_about() {
    let mut watched = Watched::new();
    watched.say(|status| {
        let (epoch, offender) = (Epoch(2), OperatorIndex(3));
        status.concerns = vec![
            exit(0, true),
            Concern::Contradiction { epoch, offender },
            Concern::InvalidBlock { height: Height(9) },
        ];
    });
    watched.look_after(0);
    let told = watched.listed("").await.items;
    let of = |kind| told.iter().find(|alert| alert.kind == kind).expect("raised");
    let late = of(AlertKind::UnchallengedExit);
    assert_eq!(late.severity, AlertSeverity::Critical);
    assert_eq!(late.exit.as_deref(), Some("0"));
    assert_eq!(late.output.unwrap().to_string(), "12:1:0");
    assert_eq!(
        (late.raised.as_str(), &late.cleared),
        ("2027-01-15T08:00:00.000Z", &None)
    );
    assert_eq!(of(AlertKind::Equivocation).operator, Some(3));
    assert_eq!(of(AlertKind::InvalidBlock).height, Some(9));
    let text = serde_json::to_value(late).unwrap();
    assert_eq!(
        (&text["kind"], &text["severity"]),
        (&"unchallenged_exit".into(), &"critical".into())
    );
    assert!(text["cleared"].is_null() && text.get("height").is_none());
}

#[tokio::test]
async fn what_flickers_is_one_alert_and_what_is_short_is_none() {
    let mut watched = Watched::new();
    let connected = watched.chain.handle.status().peers.clone();
    watched.say(|status| status.peers.clear());
    for _ in 0..9 {
        watched.look_after(1_000);
    }
    watched.say(|status| status.peers = connected.clone());
    watched.look_after(1_000);
    assert_eq!(watched.kinds("").await, [], "members connect one after the other");
    watched.say(|status| status.peers.clear());
    watched.look_after(1_000);
    watched.look_after(LONG_MS);
    for _ in 0..20 {
        watched.say(|status| status.peers = connected.clone());
        watched.look_after(3_000);
        watched.look_after(3_000);
        watched.say(|status| status.peers.clear());
        watched.look_after(1_000);
    }
    let told = watched.listed("").await.items;
    assert_eq!(
        (told.len(), &told[0].cleared),
        (1, &None),
        "it was never away for long"
    );
    watched.say(|status| status.peers = connected.clone());
    watched.look_after(1_000);
    watched.look_after(LONG_MS);
    watched.say(|status| status.peers.clear());
    watched.look_after(1_000);
    watched.look_after(LONG_MS);
    let again = watched.listed("").await.items;
    assert_eq!(again.len(), 2);
    assert!(again[0].cleared.is_none() && again[1].cleared.is_some());
    assert_ne!(again[0].id, again[1].id);
}

#[tokio::test]
async fn pages_of_alerts_join_while_more_are_raised() {
    let mut watched = Watched::new();
    for number in 1..=5 {
        watched.raise(number);
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    for number in 6..=8 {
        let page = watched.listed(&format!("limit=2{next}")).await;
        seen.extend(page.items.iter().map(|alert| alert.exit.clone().unwrap()));
        watched.raise(number);
        let Some(cursor) = page.next_cursor else { break };
        next = format!("&cursor={cursor}");
    }
    let number = |number: u8| plasma_core::Amount::from_be_bytes([number; 32]).to_string();
    assert_eq!(seen, [5, 4, 3, 2, 1].map(number));
    let of_an_earlier_life = watched.listed("cursor=1-9").await;
    assert!(
        of_an_earlier_life.items.is_empty(),
        "nothing is kept that is so old"
    );
    for query in [
        "limit=0",
        "cursor=x",
        "cursor=7",
        "active=yes",
        "severity=critical",
    ] {
        get(&door(&watched.chain), &format!("/v1/alerts?{query}"))
            .await
            .problem(Code::MalformedRequest);
    }
}

#[tokio::test]
async fn the_oldest_that_are_cleared_are_forgotten_and_those_that_stand_are_not() {
    let mut watched = Watched::new();
    watched.say(|status| status.stopped = Some("a case".into()));
    watched.look_after(1);
    for round in 0..1_100u32 {
        let number = u8::try_from(round % 250).unwrap();
        watched.say(|status| status.concerns = vec![exit(number, false)]);
        watched.look_after(1);
        watched.say(|status| status.concerns.clear());
        watched.look_after(1);
        watched.look_after(LONG_MS);
    }
    let (mut count, mut next) = (0, String::new());
    loop {
        let page = watched.listed(&format!("limit=500{next}")).await;
        count += page.items.len();
        let Some(cursor) = page.next_cursor else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(count, 1_000);
    assert_eq!(watched.kinds("active=true").await, [AlertKind::Stopped]);
}

#[tokio::test]
async fn of_more_than_are_kept_the_oldest_go_also_while_they_stand() {
    let mut watched = Watched::new();
    let contradiction = |offender| Concern::Contradiction {
        epoch: Epoch(0),
        offender: OperatorIndex(offender),
    };
    for offender in 0..1_003 {
        watched.say(|status| status.concerns.push(contradiction(offender)));
        watched.look_after(1);
    }
    let (mut offenders, mut next) = (Vec::new(), String::new());
    loop {
        let page = watched.listed(&format!("active=true&limit=500{next}")).await;
        offenders.extend(page.items.iter().filter_map(|alert| alert.operator));
        let Some(cursor) = page.next_cursor else { break };
        next = format!("&cursor={cursor}");
    }
    assert!(offenders.into_iter().eq((3..1_003).rev()));
    let said = include_str!("../../../docs/api.md");
    assert!(said.contains("1 000 at most (`ALERTS_MAX`)"));
    let concerns = format!("at most {CONCERNS_MAX} in view at once\n(`CONCERNS_MAX`)");
    assert!(said.contains(&concerns), "{concerns}");
}

/// What a reader hears; comments alone, which keep a stream alive, are not waited for without an end.
async fn hear(reader: &mut Reader, number: usize) -> Vec<Told> {
    let heard = tokio::time::timeout(Duration::from_secs(60), reader.some(number));
    heard.await.expect("it is told in time")
}

#[tokio::test]
async fn a_stream_begins_with_what_stands_and_tells_what_comes_and_goes() {
    let mut watched = Watched::new();
    watched.raise(1);
    let door = door(&watched.chain);
    let mut reader = Reader::new(&door, "?topics=alerts", None).await;
    let first = hear(&mut reader, 1).await;
    assert_eq!(names(&first), ["alert.raised"]);
    assert_eq!(
        (&first[0].id, &first[0].data["cleared"]),
        (&None, &serde_json::Value::Null)
    );
    watched.raise(2);
    let raised = hear(&mut reader, 1).await;
    assert_eq!(names(&raised), ["alert.raised"]);
    watched.say(|status| status.concerns.truncate(1));
    watched.look_after(1);
    watched.look_after(LONG_MS);
    let cleared = hear(&mut reader, 1).await;
    assert_eq!(names(&cleared), ["alert.cleared"]);
    assert_eq!(cleared[0].data["id"], raised[0].data["id"]);
    assert!(cleared[0].data["cleared"].is_string());
    // Who follows something else hears nothing of it.
    let mut other = Reader::new(&door, "?topics=consensus", None).await;
    assert_eq!(names(&hear(&mut other, 2).await), ["consensus.view", "peers"]);
    watched.raise(3);
    watched.say(|status| status.view = plasma_core::View(77));
    assert_eq!(names(&hear(&mut other, 1).await), ["consensus.view"]);
}
