//! `POST /webhooks/kit` and `/webhooks/circle`: what targets say by themselves. Where no secret is configured, nothing
//! is here.

use crate::around::RequestId;
use crate::body;
use crate::client::Network;
use crate::problem::{Kind, Problem};
use crate::server::Web;
use crate::webhook::{self, BODY_BYTES_MAX, COME_BACK_AFTER, first_upper, joined};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use frontdesk_core::target::Target;
use frontdesk_engine::Ports;
use frontdesk_engine::hook::{CIRCLE_SECRET, Heard, KIT_SIGNATURE, Taken};
use http::HeaderMap;
use serde::Serialize;

/// Where Kit posts.
pub(crate) const KIT_PATH: &str = "/webhooks/kit";
/// Where Circle's workflows post, with the secret in a header or as one more part of the path.
pub(crate) const CIRCLE_PATH: &str = "/webhooks/circle";

/// What the sender of a delivery reads.
#[derive(Serialize)]
struct Receipt<'a> {
    received: bool,
    events: Events,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Events {
    new: usize,
    duplicate: usize,
    no_effect: usize,
    quarantined: usize,
}

/// Takes one delivery of Kit's. Answers after every event of it is durable, and not before.
pub(crate) async fn kit<P: Ports>(
    State(web): State<Web<P>>,
    Extension(id): Extension<RequestId>,
    Extension(network): Extension<Network>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if !web.engine().listens(Target::Kit) {
        return Problem::new(Kind::NotFound).into_response();
    }
    let body = match body::read(web.ports(), &headers, body, BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let heard = web.engine().hear_kit(joined(&headers, KIT_SIGNATURE).as_deref(), &body).await;
    answer(&web, heard, &id, network)
}

/// Takes one call of a workflow, with the secret in a header.
pub(crate) async fn circle<P: Ports>(
    State(web): State<Web<P>>,
    Extension(id): Extension<RequestId>,
    Extension(network): Extension<Network>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let secret = headers.get(CIRCLE_SECRET).map(|value| value.as_bytes().to_vec());
    call(&web, secret.as_deref(), &id, network, &headers, body).await
}

/// The same with the secret in the path.
pub(crate) async fn circle_in_path<P: Ports>(
    State(web): State<Web<P>>,
    Extension(id): Extension<RequestId>,
    Extension(network): Extension<Network>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    call(&web, Some(secret.as_bytes()), &id, network, &headers, body).await
}

async fn call<P: Ports>(
    web: &Web<P>,
    secret: Option<&[u8]>,
    id: &RequestId,
    network: Network,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    if !web.engine().listens(Target::Circle) {
        return Problem::new(Kind::NotFound).into_response();
    }
    let body = match body::read(web.ports(), headers, body, BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let heard = web.engine().hear_circle(secret, &body).await;
    answer(web, heard, id, network)
}

fn answer<P: Ports>(web: &Web<P>, heard: Heard, id: &RequestId, network: Network) -> Response {
    let count = |word: &str, times: usize| webhook::count(web, word, times as u64);
    match heard {
        Heard::Stored(Taken { new, known, no_effect, quarantined }) => {
            for (word, times) in
                [("new", new), ("duplicate", known), ("no_effect", no_effect), ("quarantined", quarantined)]
            {
                count(word, times);
            }
            let events = Events { new, duplicate: known, no_effect, quarantined };
            Json(Receipt { received: true, events, request_id: id.as_str() }).into_response()
        }
        Heard::Refused(_) => {
            count("refused", 1);
            webhook::refused(web, network)
        }
        Heard::NoDelivery(why) => {
            count("no_event", 1);
            let said = format!("{}. A copy is kept; nothing follows from it.", first_upper(&why));
            Problem::new(Kind::NoEvent).saying(said).into_response()
        }
        Heard::Busy { why } => {
            count("busy", 1);
            let said = format!("Nothing was stored: {why}. Send it again.");
            Problem::new(Kind::Busy).saying(said).after(COME_BACK_AFTER).into_response()
        }
        Heard::NobodyListens => Problem::new(Kind::NotFound).into_response(),
    }
}
