//! Files that are compiled in: what pages load, what a problem's `type` says, and a word to robots.

use crate::pages;
use crate::problem::{Kind, Problem};
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};

/// A year: the address of a file changes with its content.
const KEEP: &str = "public, max-age=31536000, immutable";

/// `GET /assets/{file}`.
pub(crate) async fn asset(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = pages::asset(&format!("/assets/{file}")) else {
        return Problem::new(Kind::NotFound).into_response();
    };
    let tag = format!("\"{file}\"");
    let asked = headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    // A proxy that compresses weakens the tag; for this comparison the two are the same (RFC 9110 §13.1.2).
    let is_known = asked
        .split(',')
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == tag || known == "*");
    let tag = HeaderValue::from_str(&tag).expect("the name of a file of ours is plain text");
    let head = [(CACHE_CONTROL, HeaderValue::from_static(KEEP)), (ETAG, tag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, [(CONTENT_TYPE, HeaderValue::from_static(asset.media_type))], asset.body).into_response()
}

/// `GET /problems/{name}`: the page of a problem's `type`.
pub(crate) async fn problem(Path(name): Path<String>) -> Result<String, Problem> {
    Kind::page(&name).ok_or(Problem::new(Kind::NotFound))
}

/// `GET /favicon.ico`: browsers ask unasked. There is none, and that is no error for their console.
pub(crate) async fn icon() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `GET /robots.txt`: every page here belongs to one person.
pub(crate) async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /\n"
}
