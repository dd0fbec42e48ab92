//! `GET /welcome` and `GET /welcome/live`: where a checkout ends (SECURITY S-45).
//!
//! The session's id is a weak key: it lies in browser histories. It opens the stage and a masked address for a day,
//! never a token. Any other id, well formed or not, gets the page of a payment that is being processed.

use crate::around::within_page_limit;
use crate::client::Network;
use crate::live;
use crate::problem::{Kind, Problem};
use crate::server::Web;
use crate::status::busy;
use crate::visitor::Visitor;
use crate::watch::Watched;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use frontdesk_engine::Ports;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

/// What stays as it is in a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');
/// Longest id, as given, that the page's own links repeat.
const ECHO_BYTES_MAX: usize = 255;

/// The query of both routes.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    session_id: String,
}

impl Asked {
    /// The query of the page's own links, percent-encoded: they lead back to the same page, whatever was asked.
    fn query(&self) -> String {
        let echo = if self.session_id.len() > ECHO_BYTES_MAX { "" } else { &self.session_id };
        format!("session_id={}", utf8_percent_encode(echo, PLAIN))
    }
}

type Given = Result<Query<Asked>, axum::extract::rejection::QueryRejection>;

/// `GET /welcome`.
pub(crate) async fn page<P: Ports>(
    State(web): State<Web<P>>,
    Extension(network): Extension<Network>,
    Extension(visitor): Extension<Visitor>,
    given: Given,
) -> Result<Response, Problem> {
    within_page_limit(&web, network)?;
    let asked = asked(given);
    let watched = Watched::checkout(&asked.session_id);
    let look = watched.look(&web).await.map_err(|error| busy(&error))?;
    let query = asked.query();
    let stream = format!("/welcome/live?{query}");
    let page = watched.page(&look, &visitor.visit(&web, &query, Some(&stream)));
    page.map(|page| Html(page).into_response()).map_err(|_| Problem::new(Kind::Failed))
}

/// `GET /welcome/live`.
pub(crate) async fn live<P: Ports>(
    State(web): State<Web<P>>,
    Extension(network): Extension<Network>,
    Extension(visitor): Extension<Visitor>,
    given: Given,
) -> Result<Response, Problem> {
    within_page_limit(&web, network)?;
    let asked = asked(given);
    let watched = Watched::checkout(&asked.session_id);
    let look = watched.look(&web).await.map_err(|error| busy(&error))?;
    Ok(live::stream(&web, network, watched, look, visitor, asked.query()))
}

/// A query that cannot be read, or names two sessions, names none.
fn asked(given: Given) -> Asked {
    given.map(|Query(asked)| asked).unwrap_or_default()
}
