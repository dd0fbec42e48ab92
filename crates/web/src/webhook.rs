//! `POST /webhooks/stripe`, or wherever the endpoint in use is: what the source sends.

use crate::around::RequestId;
use crate::body;
use crate::client::Network;
use crate::metrics::STANDINGS;
use crate::problem::{Kind, Problem};
use crate::server::Web;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use frontdesk_engine::Ports;
use frontdesk_engine::ingest::{Answer, Standing};
use http::HeaderMap;
use serde::Serialize;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Largest body, in bytes. The events that Stripe documents are below 100 KiB.
pub(crate) const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Where the signature stands. Source: Stripe docs, *Verify webhook signatures manually*.
const SIGNATURE: &str = "stripe-signature";
/// When a sender is asked to come back. Stripe keeps its own times, tests and scripts keep this.
pub(crate) const COME_BACK_AFTER: Duration = Duration::from_secs(5);

/// What the sender of an event reads.
#[derive(Serialize)]
struct Receipt<'a> {
    received: bool,
    duplicate: bool,
    standing: &'static str,
    entry: &'a str,
    request_id: &'a str,
}

/// Takes one delivery. Answers after it is durable, and not before.
pub(crate) async fn receive<P: Ports>(
    State(web): State<Web<P>>,
    Extension(id): Extension<RequestId>,
    Extension(network): Extension<Network>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match body::read(web.ports(), &headers, body, BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let answer = web.engine().ingest(joined(&headers, SIGNATURE).as_deref(), &body).await;
    let stands = match &answer {
        Answer::Stored { standing, .. } => word(*standing),
        Answer::Refused(_) => "refused",
        Answer::NoEvent(_) => "no_event",
        Answer::Busy { .. } => "busy",
    };
    count(&web, stands, 1);
    match answer {
        Answer::Stored { entry, standing } => Json(Receipt {
            received: true,
            duplicate: standing == Standing::Duplicate,
            standing: word(standing),
            entry: entry.as_str(),
            request_id: id.as_str(),
        })
        .into_response(),
        Answer::Refused(_) => refused(&web, network),
        Answer::NoEvent(problem) => {
            let said =
                format!("{}. A copy is kept; nothing follows from it.", first_upper(&problem.to_string()));
            let advised = match problem.advice() {
                Some(advice) => format!("{said} {advice}"),
                None => said,
            };
            Problem::new(Kind::NoEvent).saying(advised).into_response()
        }
        Answer::Busy { why } => {
            let said = format!("Nothing was stored: {why}. Send the event again.");
            Problem::new(Kind::Busy).saying(said).after(COME_BACK_AFTER).into_response()
        }
    }
}

/// Counts deliveries that ended in one way.
pub(crate) fn count<P: Ports>(web: &Web<P>, stands: &str, times: u64) {
    if let Some(nth) = STANDINGS.iter().position(|word| *word == stands) {
        web.counts().webhooks[nth].fetch_add(times, Ordering::Relaxed);
    }
}

/// What the sender of something that nobody we know signed reads. The reason is in the log: the sender is not told how
/// close it came.
pub(crate) fn refused<P: Ports>(web: &Web<P>, network: Network) -> Response {
    web.counts().refused.fetch_add(1, Ordering::Relaxed);
    let problem = match web.limits().signatures.take(network, web.ports().now_mono()) {
        Ok(()) => Problem::new(Kind::Signature),
        Err(span) => Problem::new(Kind::TooMany).after(span),
    };
    problem.into_response()
}

/// A signature as one header. Several lines are one list (RFC 9110 §5.3), in which two times contradict.
pub(crate) fn joined(headers: &HeaderMap, name: &str) -> Option<Vec<u8>> {
    let lines: Vec<_> = headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
    (!lines.is_empty()).then(|| lines.join(&b','))
}

const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::New => "new",
        Standing::Duplicate => "duplicate",
        Standing::Quarantined => "quarantined",
        Standing::NoEffect => "no_effect",
    }
}

pub(crate) fn first_upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
