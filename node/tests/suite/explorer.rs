//! The explorer as a browser gets it.

use axum::{
    body::Body,
    http::{Request, header},
};
use plasma_node::api::Code;

use super::{
    chain::{Chain, genesis},
    http::{JSON, door, get, post, send},
};

#[tokio::test]
async fn the_page_and_its_files_come_with_what_keeps_foreign_scripts_out() {
    let door = door(&Chain::new(genesis()));
    for (path, kind, holds) in [
        (
            "/",
            "text/html; charset=utf-8",
            "<script type=\"module\" src=\"app.mjs\">",
        ),
        ("/index.html", "text/html; charset=utf-8", "<html lang=\"en\">"),
        ("/app.mjs", "text/javascript; charset=utf-8", "import "),
        ("/pages/home.mjs", "text/javascript; charset=utf-8", "export "),
        ("/style.css", "text/css; charset=utf-8", "color"),
        ("/favicon.svg", "image/svg+xml", "<svg"),
    ] {
        let answered = get(&door, path).await;
        let text = String::from_utf8(answered.body.clone()).unwrap();
        assert_eq!(
            (answered.status, answered.header("content-type")),
            (200, kind),
            "{path}"
        );
        assert!(text.contains(holds), "{path}: {text}");
        assert!(
            answered
                .header("content-security-policy")
                .starts_with("default-src 'self';"),
            "{path}"
        );
        assert_eq!(answered.header("x-content-type-options"), "nosniff");
        assert_eq!(answered.header("referrer-policy"), "no-referrer");
        assert_eq!(answered.header("cache-control"), "no-cache");
    }
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let door = door(&Chain::new(genesis()));
    let tag = get(&door, "/app.mjs").await.header("etag").to_owned();
    assert!(tag.len() > 40, "{tag}");
    let asked = |tag: &str| {
        let asked = Request::get("/app.mjs").header(header::IF_NONE_MATCH, tag);
        asked.body(Body::empty()).unwrap()
    };
    let same = send(&door, asked(&tag)).await;
    assert_eq!(
        (same.status, same.body.len(), same.header("etag")),
        (304, 0, tag.as_str())
    );
    let other = send(&door, asked("\"00\"")).await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn there_is_nothing_else_beside_the_files() {
    let door = door(&Chain::new(genesis()));
    for path in [
        "/nothing.mjs",
        "/pages/",
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/pages/..%2fapp.mjs",
    ] {
        get(&door, path).await.problem(Code::NotFound);
    }
    post(&door, "/app.mjs", JSON, "{}")
        .await
        .problem(Code::MethodNotAllowed);
}

#[tokio::test]
async fn who_looks_for_documentation_is_led_to_its_page() {
    let answered = get(&door(&Chain::new(genesis())), "/docs").await;
    assert_eq!((answered.status, answered.header("location")), (307, "/#/api"));
}
