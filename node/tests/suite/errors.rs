//! Whatever is asked wrongly: no answer of success, one shape of refusal, and every code is reached somewhere here.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{Router, body::Body, http::Request};
use plasma_core::keccak;
use plasma_node::{
    api::{self, Books, Code, Door},
    config::HttpKeys,
    directory::Directory,
    storage::{Storage as _, memory::MemoryStorage},
};
use serde_json::Value;

use super::{
    chain::{Chain, genesis, user},
    http::{Answered, BYTES, JSON, TEXT, door, get, post, send},
};

/// What no path takes for a name.
const NO_NAMES: [&str; 12] = [
    "-1",
    "1.5",
    "0x",
    "0x0g",
    "%00",
    "%ff",
    "%20",
    "..",
    "1:2:3:4",
    "99999999999999999999999999999999999999999999999999999999999999999999999999999999",
    "%F0%9F%92%A3",
    "null",
];

/// What no path takes for a query.
const NO_QUERIES: [&str; 6] = [
    "limit=0",
    "limit=501",
    "limit=-1",
    "limit=1&limit=2",
    "cursor=%ff",
    "nonsense=1",
];

/// What is no body of anything.
const NO_BODIES: [&[u8]; 12] = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"{",
    b"{}",
    b"null",
    b"3",
    b"\"0x\"",
    b"{\"tx\":3}",
    b"{\"tx\":\"0x00\",\"more\":1}",
    b"[{}]",
    b"0x0",
];

/// The answer is a refusal, whole and of the client's own making.
fn assert_refused(answered: &Answered, what: &str) {
    let text = String::from_utf8_lossy(&answered.body);
    assert!(
        (400..500).contains(&answered.status),
        "{what}: {} {text}",
        answered.status
    );
    let problem: Value = serde_json::from_slice(&answered.body).unwrap_or_default();
    let code = problem["code"].as_str().and_then(Code::of);
    let code = code.unwrap_or_else(|| panic!("{what}: {text}"));
    answered.problem(code);
    assert_eq!(answered.status, code.status(), "{what}");
}

/// Every path with its method and the names of its parameters, as the door tells of itself.
async fn questions(router: &Router) -> Vec<(String, bool, bool)> {
    let document: Value = serde_json::from_slice(&get(router, "/openapi.json").await.body).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let is_post = item.get("post").is_some();
        let told = &item[if is_post { "post" } else { "get" }];
        let parameters = told["parameters"].as_array().cloned().unwrap_or_default();
        let pages = parameters.iter().any(|one| one["name"] == "limit");
        (path.clone(), is_post, pages)
    };
    paths.iter().map(of).collect()
}

#[tokio::test]
async fn no_wrong_question_has_an_answer() {
    let mut chain = Chain::new(genesis());
    chain.deposit(&user(1), 100).await;
    let router = door(&chain);
    let questions = questions(&router).await;
    let mut asked = 0;
    for (path, is_post, pages) in &questions {
        if let Some((before, rest)) = path.split_once('{') {
            let behind = rest.split_once('}').unwrap().1;
            for name in NO_NAMES {
                let path = format!("{before}{name}{behind}");
                assert_refused(&get(&router, &path).await, &path);
                asked += 1;
            }
        }
        if *pages {
            let path = path.replace("{address}", "0x0000000000000000000000000000000000000001");
            let path = path.replace("{block}", "1");
            for query in NO_QUERIES {
                let path = format!("{path}?{query}");
                assert_refused(&get(&router, &path).await, &path);
                asked += 1;
            }
        }
        if *is_post {
            for kind in [BYTES, JSON, TEXT, "application/xml"] {
                for body in NO_BODIES {
                    let answered = post(&router, path, kind, body).await;
                    let what = format!("{path} {kind} {}", String::from_utf8_lossy(body));
                    assert_refused(&answered, &what);
                    asked += 1;
                }
            }
            let get = Request::get(path.as_str()).body(Body::empty()).unwrap();
            assert_refused(&send(&router, get).await, path);
        }
    }
    assert!(asked > 250, "{asked}");
}

#[tokio::test]
async fn no_byte_of_a_payment_can_be_another() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let coin = chain.deposit(&alice, 100).await;
    let good = chain.payment(&alice, (coin, 100), &user(2), 30).encode();
    let router = door(&chain);
    for path in ["/v1/transactions", "/v1/transactions:check"] {
        for length in 0..good.len() {
            let answered = post(&router, path, BYTES, good[..length].to_vec()).await;
            assert_refused(&answered, &format!("{length} bytes"));
        }
        for place in 0..good.len() {
            let mut other = good.clone();
            other[place] ^= 1 << (place % 8);
            let answered = post(&router, path, BYTES, other).await;
            assert_refused(&answered, &format!("byte {place}"));
        }
        let longer = [&good[..], &[0]].concat();
        assert_refused(&post(&router, path, BYTES, longer).await, "a byte more");
    }
    assert_eq!(post(&router, "/v1/transactions", BYTES, good).await.status, 201);
}

/// A batch is processed as a whole, and each of its items has its own answer.
#[tokio::test]
async fn a_batch_of_nothing_good_takes_nothing() {
    let chain = Chain::new(genesis());
    let router = door(&chain);
    let answered = post(
        &router,
        "/v1/transactions:batch",
        JSON,
        "[\"\", \"0x\", \"0x05\", \"no\"]",
    )
    .await;
    let batch: Value = answered.document();
    let items = batch["items"].as_array().unwrap();
    assert_eq!(items.len(), 4, "{batch}");
    for item in items {
        let code = item["problem"]["code"].as_str().and_then(Code::of);
        assert!(code.is_some_and(|code| code.status() >= 400), "{item}");
    }
}

#[tokio::test]
async fn a_storage_that_is_no_good_is_a_fault_of_ours() {
    let chain = Chain::new(genesis());
    let empty = Door::new(
        chain.handle.clone(),
        MemoryStorage::empty().reader(),
        Books::default(),
        (
            Arc::clone(&chain.genesis),
            Directory::new(&chain.genesis).unwrap(),
        ),
        "tester",
        None,
    );
    let answered = get(&api::router(empty, &HttpKeys::default()), "/v1/blocks").await;
    answered.problem(Code::Internal);
}

#[tokio::test]
async fn what_never_changes_is_kept_by_who_has_it() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let coin = chain.deposit(&alice, 100).await;
    let payment = chain.payment(&alice, (coin, 100), &user(2), 30);
    chain.include(payment.clone());
    chain.seal(&[]).await;
    let router = door(&chain);
    let transaction = format!("/v1/transactions/{}/raw", payment.id());
    for path in ["/v1/blocks/2/raw", &transaction] {
        let answered = get(&router, path).await;
        let tag = answered.header("etag").to_owned();
        let lasting = "public, max-age=31536000, immutable";
        assert_eq!(
            (answered.status, answered.header("cache-control")),
            (200, lasting)
        );
        for held in [tag.clone(), format!("\"0x00\", W/{tag}"), "*".to_owned()] {
            let request = Request::get(path).header("if-none-match", held);
            let answered = send(&router, request.body(Body::empty()).unwrap()).await;
            assert_eq!((answered.status, answered.body.len()), (304, 0));
            assert_eq!(answered.header("etag"), tag);
        }
        let request = Request::get(path).header("if-none-match", "\"0x00\"");
        let answered = send(&router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answered.status, 200);
    }
    let bytes = get(&router, &transaction).await;
    let tag = format!("\"{}\"", plasma_core::Hash(keccak(&[&bytes.body]).0));
    assert_eq!(bytes.header("etag"), tag);
    for path in ["/v1/blocks/latest/raw", "/v1/blocks/2", "/v1/status"] {
        let answered = get(&router, path).await;
        assert_eq!(
            (answered.header("cache-control"), answered.header("etag")),
            ("no-cache", "")
        );
    }
}

fn texts(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: PathBuf| {
        if path.is_dir() {
            texts(&path)
        } else {
            fs::read_to_string(path).unwrap()
        }
    };
    entries.map(text).collect()
}

/// By a test that says so: the name of the code, or what clients read, stands in one.
#[test]
fn every_code_is_reached() {
    let crate_ = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = texts(&crate_.join("tests/suite"));
    // It is waited for in real time nowhere: its test lies beside the code.
    tests += &fs::read_to_string(crate_.join("src/api/bodies.rs")).unwrap();
    for code in Code::ALL {
        let is_reached = |told: &str| tests.contains(told);
        let told = [
            format!("problem(Code::{code:?})"),
            format!("is(Code::{code:?})"),
            format!("Code::{code:?},"),
            format!("Code::{code:?})"),
            format!("\\\"code\\\":\\\"{}\\\"", code.as_str()),
        ];
        assert!(told.iter().any(|told| is_reached(told)), "no test sees {code:?}");
    }
}
