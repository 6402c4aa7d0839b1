//! Parameters that are none: every question says which one it was and what would be right.

use axum::Router;
use plasma_node::api::Code;
use serde_json::Value;

use super::{
    chain::{Chain, genesis},
    http::{Answered, BYTES, JSON, door, get, post},
    openapi::document,
};

/// Of no parameter a value, or of hardly any.
const ODD: [&str; 16] = [
    "",
    "-1",
    "0",
    "%2B1",
    "%201",
    "1e3",
    "4294967296",
    "18446744073709551616",
    "0x",
    "%00",
    "%ff",
    "%E2%98%83",
    "%zz",
    "null",
    "1,,2",
    "1%0d%0aX:%20y",
];
/// Longer than anything that is asked, and short enough for a server to read.
const LONG_CHARS: usize = 60_000;
/// An answer that says no repeats little of the question.
const REFUSAL_BYTES_MAX: usize = 2_000;

/// One question: method, path with braces, names of its parameters by place.
struct Asked {
    is_post: bool,
    path: String,
    in_path: Option<String>,
    in_query: Vec<String>,
}

impl Asked {
    async fn of_all() -> Vec<Self> {
        let (_, document) = document().await;
        let mut all = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                let named = |place: &str| {
                    let of_place = parameters.iter().filter(|one| one["in"] == place);
                    of_place
                        .map(|one| one["name"].as_str().unwrap().to_owned())
                        .collect::<Vec<_>>()
                };
                all.push(Self {
                    is_post: method == "post",
                    path: path.clone(),
                    in_path: named("path").pop(),
                    in_query: named("query"),
                });
            }
        }
        all.push(Self {
            is_post: false,
            path: "/v1/events".to_owned(),
            in_path: None,
            in_query: ["topics", "after"].map(str::to_owned).to_vec(),
        });
        all
    }

    /// Asked with this in the path, and this query.
    async fn ask(&self, router: &Router, in_path: Option<&str>, query: &str) -> Answered {
        let right = match self.in_path.as_deref() {
            Some("id") => format!("0x{}", "0".repeat(64)),
            Some("address") => format!("0x{}", "0".repeat(40)),
            Some("position") => "1:0:0".to_owned(),
            Some("block") => "latest".to_owned(),
            Some("number") => "1".to_owned(),
            other => other.map_or_else(String::new, |name| panic!("an unknown parameter {name}")),
        };
        let braced = format!("{{{}}}", self.in_path.as_deref().unwrap_or_default());
        let path = self.path.replace(&braced, in_path.unwrap_or(&right));
        let target = if query.is_empty() {
            path
        } else {
            format!("{path}?{query}")
        };
        if self.is_post {
            post(router, &target, BYTES, vec![5]).await
        } else {
            get(router, &target).await
        }
    }
}

/// Whether the request itself is at fault.
fn is_malformed(answered: &Answered) -> bool {
    let problem: Value = serde_json::from_slice(&answered.body).unwrap_or_default();
    answered.status == 400 && problem["code"] == Code::MalformedRequest.as_str()
}

/// Whether it is refused, and then by its name.
fn is_named(answered: &Answered, name: &str) -> bool {
    if is_malformed(answered) {
        let problem = answered.problem(Code::MalformedRequest);
        assert_eq!(problem.members["field"], name, "{problem:?}");
        assert!(answered.body.len() < REFUSAL_BYTES_MAX, "{}", answered.body.len());
        return true;
    }
    assert!(answered.status < 500, "{name}: {}", answered.status);
    false
}

#[tokio::test]
async fn every_wrong_parameter_is_named_with_what_would_be_right() {
    let router = door(&Chain::new(genesis()));
    let long = "a".repeat(LONG_CHARS);
    for question in Asked::of_all().await {
        let path = &question.path;
        for name in &question.in_query {
            let mut refused = 0;
            for odd in ODD.into_iter().chain([long.as_str()]) {
                let answered = question.ask(&router, None, &format!("{name}={odd}")).await;
                refused += usize::from(is_named(&answered, name));
            }
            // Whatever is written may be searched.
            assert!(
                refused >= ODD.len() - 4 || name == "q",
                "{path} {name}: {refused}"
            );
        }
        let Some(name) = &question.in_path else { continue };
        for odd in ODD
            .into_iter()
            .chain([long.as_str()])
            .filter(|odd| !odd.is_empty())
        {
            let answered = question.ask(&router, Some(odd), "").await;
            let is_right = ["0", "4294967296", "18446744073709551616"].contains(&odd);
            assert!(is_named(&answered, name) || is_right, "{path} {odd}");
        }
    }
}

#[tokio::test]
async fn what_a_query_repeats_lacks_or_invents_is_named() {
    let router = door(&Chain::new(genesis()));
    for question in Asked::of_all().await {
        let Some(first) = question.in_query.first() else {
            continue;
        };
        let value = match first.as_str() {
            "limit" => "1",
            "wait" => "none",
            "active" => "true",
            "topics" => "blocks",
            _ => "1:0:0",
        };
        let once = format!("{first}={value}");
        let twice = question.ask(&router, None, &format!("{once}&{once}")).await;
        assert!(is_named(&twice, first), "{}", question.path);
        let more = question.ask(&router, None, &format!("{once}&surplus=1")).await;
        assert!(is_named(&more, "surplus"), "{}", question.path);
        let nameless = question.ask(&router, None, &format!("{once}&%E2%98%83=1")).await;
        assert!(is_named(&nameless, "☃"), "{}", question.path);
        let many = question
            .ask(&router, None, &format!("{once}{}", "&b=1".repeat(10_000)))
            .await;
        assert!(is_named(&many, "b"), "{}", question.path);
        let long = "b".repeat(LONG_CHARS);
        let answered = question.ask(&router, None, &format!("{once}&{long}=1")).await;
        assert!(is_named(&answered, &long[..80]), "{}", question.path);
        if matches!(first.as_str(), "ids" | "q") {
            assert!(
                is_named(&question.ask(&router, None, "").await, first),
                "{}",
                question.path
            );
        }
    }
}

#[tokio::test]
async fn a_hint_says_what_would_be_right() {
    let router = door(&Chain::new(genesis()));
    let whale = format!("/v1/addresses/0x{}", "0".repeat(40));
    for (path, hint) in [
        ("/v1/exits?limit=many".to_owned(), "a whole number below 2^64"),
        ("/v1/exits?limit=501".to_owned(), "1 to 500"),
        (
            "/v1/blocks?before=4294967296".to_owned(),
            "a whole number below 2^32",
        ),
        ("/v1/alerts?active=yes".to_owned(), "true or false"),
        (
            format!("{whale}/transactions?direction=up"),
            "one of in, out, deposit, exit",
        ),
        (
            format!("{whale}/outputs?asset=0x12"),
            "expected 0x and 40 hex digits",
        ),
        (
            "/v1/exits?offset=1".to_owned(),
            "leave it out; known are limit, cursor",
        ),
        ("/v1/exits?limit=1&limit=2".to_owned(), "once is enough"),
        ("/v1/outputs".to_owned(), "ask with ?ids=…"),
        (
            "/v1/events?after=7".to_owned(),
            "take the id of an event of this stream, or leave it out to hear what comes from now on",
        ),
    ] {
        let problem = get(&router, &path).await.problem(Code::MalformedRequest);
        assert_eq!(problem.hint.as_deref(), Some(hint), "{path}");
    }
    let late = post(&router, "/v1/transactions?timeout=5", BYTES, vec![5]).await;
    let hint = late.problem(Code::MalformedRequest).hint.clone().unwrap();
    assert!(hint.contains("for example \"500ms\""), "{hint}");
    let unread = post(
        &router,
        "/v1/transactions",
        JSON,
        format!("{{\"{}\":1}}", "k".repeat(1 << 19)),
    )
    .await;
    assert!(is_named(&unread, "body"));
}
