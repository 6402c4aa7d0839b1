//! What the door says of itself.

use serde_json::Value;

use super::{
    chain::{Chain, genesis},
    http::{JSON, door, get},
};

pub(crate) async fn document() -> (String, Value) {
    let answered = get(&door(&Chain::new(genesis())), "/openapi.json").await;
    assert_eq!((answered.status, answered.header("content-type")), (200, JSON));
    let text = String::from_utf8(answered.body).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    (text, value)
}

#[tokio::test]
async fn the_document_is_the_one_on_record() {
    let (text, document) = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let record = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let known = std::fs::read_to_string(record).unwrap_or_default();
    if known.trim_end() != text {
        let new = concat!(env!("CARGO_TARGET_TMPDIR"), "/openapi.json");
        std::fs::write(new, format!("{text}\n")).unwrap();
        panic!("another document than docs/openapi.json; if it is right: cp {new} {record}");
    }
}

#[tokio::test]
async fn every_path_but_the_stream_is_told_and_every_reference_leads_somewhere() {
    let (text, document) = document().await;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 25 && !paths.contains_key("/v1/events"));
    let mut names = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let told = operation["responses"].as_object().unwrap();
            assert!(
                told.keys().any(|status| status.starts_with('2')),
                "{method} {path}"
            );
            assert!(
                told.contains_key("429") && told.contains_key("500"),
                "{method} {path}"
            );
            names.push(operation["operationId"].as_str().unwrap().to_owned());
        }
    }
    let said = include_str!("../../../docs/api.md");
    for path in paths.keys() {
        // A page of documents may name several paths in one row, each from where it differs.
        let end = path.rfind('/').map_or(path.as_str(), |at| &path[at..]);
        assert!(
            said.contains(path.as_str()) || said.contains(&format!("`{end}`")),
            "docs/api.md has no {path}"
        );
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "two operations have one name");
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for found in text.split("#/components/schemas/").skip(1) {
        let name = found.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is nowhere");
    }
}

#[tokio::test]
async fn no_amount_is_a_number() {
    let (_, document) = document().await;
    let mut amounts = 0;
    for (shape, schema) in document["components"]["schemas"].as_object().unwrap() {
        let Some(members) = schema["properties"].as_object() else {
            continue;
        };
        for (name, member) in members {
            let is_amount = [
                "amount",
                "fee",
                "sent",
                "received",
                "available",
                "exiting",
                "total",
            ]
            .iter()
            .any(|word| name == word || name.ends_with(&format!("_{word}")));
            if is_amount {
                amounts += 1;
                assert!(
                    !member.to_string().contains("integer"),
                    "{shape}.{name}: {member}"
                );
            }
        }
    }
    assert!(amounts > 10, "{amounts} amounts");
}

#[tokio::test]
async fn the_bounds_of_a_page_are_those_that_hold() {
    let (_, document) = document().await;
    let parameters = document["paths"]["/v1/blocks"]["get"]["parameters"]
        .as_array()
        .unwrap();
    let limit = parameters.iter().find(|one| one["name"] == "limit").unwrap();
    let bounds = (&limit["schema"]["minimum"], &limit["schema"]["maximum"]);
    let router = door(&Chain::new(genesis()));
    for (bound, beyond) in [(bounds.0, 0), (bounds.1, bounds.1.as_u64().unwrap() + 1)] {
        let inside = get(&router, &format!("/v1/blocks?limit={bound}")).await;
        let outside = get(&router, &format!("/v1/blocks?limit={beyond}")).await;
        assert_eq!((inside.status, outside.status), (200, 400), "{limit}");
    }
}
