//! `POST /csp-report`: browsers tell that a page of ours tried what its policy forbids. Each is a bug or an attack.

use crate::body;
use crate::client::Network;
use crate::problem::{Kind, Problem};
use crate::server::Web;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use frontdesk_engine::Ports;
use http::{HeaderMap, StatusCode};
use std::sync::atomic::Ordering;

/// Largest report, in bytes.
const BODY_BYTES_MAX: usize = 8 * 1024;

/// Counts a report. What it says came from outside and is not kept.
pub(crate) async fn receive<P: Ports>(
    State(web): State<Web<P>>,
    Extension(network): Extension<Network>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let taken = web.limits().reports.take(network, web.ports().now_mono());
    taken.map_err(|span| Problem::new(Kind::TooMany).after(span))?;
    body::read(web.ports(), &headers, body, BODY_BYTES_MAX).await?;
    let count = web.counts().policy_reports.fetch_add(1, Ordering::Relaxed) + 1;
    tracing::warn!(count, "a browser reported that a page broke its policy");
    Ok(StatusCode::NO_CONTENT)
}
