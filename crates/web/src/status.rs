//! `GET /status/{token}`, `GET /status`, `GET /status/live`: a customer's own page.
//!
//! A link is exchanged for a cookie and the address is cleaned at once, so that the token stays out of histories and
//! referrers. Opening a link uses nothing up: mail scanners open it too.

use crate::around::within_page_limit;
use crate::client::Network;
use crate::link::{Token, cookie, token_of};
use crate::live;
use crate::pages::LinkGone;
use crate::problem::{Kind, Problem};
use crate::server::Web;
use crate::visitor::Visitor;
use crate::watch::{Look, Watched};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use frontdesk_engine::Ports;
use frontdesk_store::{Error, LinkPurpose};
use http::{HeaderMap, StatusCode, header};
use std::time::Duration;

/// Where the page's events come from.
const STREAM: &str = "/status/live";

/// `GET /status/{token}`.
pub(crate) async fn enter<P: Ports>(
    State(web): State<Web<P>>,
    Extension(network): Extension<Network>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    within_page_limit(&web, network)?;
    let now = web.ports().now_wall();
    let Some(token) = Token::parse(&token) else { return Ok(gone(&web, visitor)) };
    let link = web.engine().store().status_link(&token.hash(), now).await.map_err(|error| busy(&error))?;
    let Some(link) = link.filter(|link| link.purpose == LinkPurpose::Status) else {
        return Ok(gone(&web, visitor));
    };
    let to = if visitor.has_asked {
        format!("/status?lang={}", visitor.language.tag())
    } else {
        "/status".to_owned()
    };
    let cookie = cookie(web.public(), &token, &link, now);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&to)).into_response())
}

/// `GET /status`.
pub(crate) async fn page<P: Ports>(
    State(web): State<Web<P>>,
    Extension(network): Extension<Network>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    within_page_limit(&web, network)?;
    let Some(token) = token_of(web.public(), &headers) else { return Ok(gone(&web, visitor)) };
    let watched = Watched::Link(token);
    let look = watched.look(&web).await.map_err(|error| busy(&error))?;
    if look == Look::Gone {
        return Ok(gone(&web, visitor));
    }
    let page = watched.page(&look, &visitor.visit(&web, "", Some(STREAM)));
    page.map(|page| Html(page).into_response()).map_err(|_| Problem::new(Kind::Failed))
}

/// `GET /status/live`.
pub(crate) async fn live<P: Ports>(
    State(web): State<Web<P>>,
    Extension(network): Extension<Network>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    within_page_limit(&web, network)?;
    let Some(token) = token_of(web.public(), &headers) else { return Err(Problem::new(Kind::NotFound)) };
    let watched = Watched::Link(token);
    match watched.look(&web).await.map_err(|error| busy(&error))? {
        Look::Gone => Err(Problem::new(Kind::NotFound)),
        look => Ok(live::stream(&web, network, watched, look, visitor, String::new())),
    }
}

/// The one page for a link that is wrong, foreign, taken back or too old.
fn gone<P: Ports>(web: &Web<P>, visitor: Visitor) -> Response {
    // The language that was asked for is in no link of this page, so that its bytes are the same for one language.
    let visit = visitor.visit(web, "", None);
    match LinkGone::new(&visit).render() {
        Ok(page) => (StatusCode::NOT_FOUND, Html(page)).into_response(),
        Err(_) => Problem::new(Kind::Failed).into_response(),
    }
}

/// The store did not answer.
pub(crate) fn busy(error: &Error) -> Problem {
    tracing::error!(error = %error, "a page could not be shown: the store did not answer");
    Problem::new(Kind::Busy).after(Duration::from_secs(10))
}
