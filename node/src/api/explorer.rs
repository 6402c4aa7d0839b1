//! The explorer: the files of `node/explorer` as they lie there, part of the program. What a page shows it asks of this very API.

use axum::{
    Router,
    body::Body,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use rust_embed::{Embed, EmbeddedFile};

use super::Code;
use crate::hex;

#[derive(Embed)]
#[folder = "explorer/"]
struct Files;

/// What `/` shows.
const INDEX: &str = "index.html";

/// A path for each file, and one for who looks where others have their documentation.
pub(super) fn files<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let index = Router::new()
        .route("/", get(async || answer(INDEX)))
        .route("/docs", get(async || Redirect::temporary("/#/api")));
    Files::iter().fold(index, |router, name| {
        let path = format!("/{name}");
        router.route(&path, get(move || std::future::ready(answer(&name))))
    })
}

fn answer(name: &str) -> Response {
    let Some((file, kind)) = Files::get(name).zip(kind(name)) else {
        let problem = Code::NotFound.because(format!("the explorer has no file {name}"));
        return problem.hint("the explorer begins at /").into_response();
    };
    let fixed = |text| HeaderValue::from_static(text);
    let headers = [
        (header::CONTENT_TYPE, fixed(kind)),
        (header::ETAG, tag(&file)),
        // Another version of the operator has other files: ask whether they are the same.
        (header::CACHE_CONTROL, fixed("no-cache")),
        // Whatever a name or a text of the chain holds, nothing runs or is fetched but these files.
        (
            header::CONTENT_SECURITY_POLICY,
            fixed("default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"),
        ),
        (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
        (header::REFERRER_POLICY, fixed("no-referrer")),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            fixed("same-origin"),
        ),
    ];
    (headers, Body::from(file.data)).into_response()
}

fn tag(file: &EmbeddedFile) -> HeaderValue {
    let hash = file.metadata.sha256_hash();
    let text = format!("\"{}\"", hex::encode(&hash));
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The media type by the name's ending; none for a file that is not the explorer's.
fn kind(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "html" => Some("text/html; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "mjs" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_media_type_and_all_are_small() {
        let names: Vec<_> = Files::iter().collect();
        assert!(names.iter().any(|name| name == INDEX) && names.len() > 30);
        let wrong: Vec<_> = names.iter().filter(|name| kind(name).is_none()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        let bytes: usize = names
            .iter()
            .filter_map(|name| Files::get(name))
            .map(|file| file.data.len())
            .sum();
        assert!(bytes < BYTES_MAX, "{bytes} bytes");
    }

    /// A page over a mobile connection.
    const BYTES_MAX: usize = 200 << 10;
}
