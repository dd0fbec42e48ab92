//! What stands around every route: the request's id, the limits of its head, the name of the site, the deadline, and
//! the headers of every answer (SECURITY S-20 to S-28).

use crate::client::Network;
use crate::pages::{Failure, Trouble};
use crate::problem::{Kind, Problem};
use crate::server::Web;
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use frontdesk_core::id::base32;
use frontdesk_engine::Ports;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tracing::Instrument;

/// How long a handler may take to begin its answer.
pub(crate) const HANDLE_WITHIN: Duration = Duration::from_secs(15);
/// Longest path and query, in bytes.
const URI_BYTES_MAX: usize = 4096;
/// Most headers.
const HEADERS_MAX: usize = 64;
/// Largest header block, in bytes: names, values, and four for the signs between them.
const HEADER_BYTES_MAX: usize = 16 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The policy of pages. Scripts write HTML only through the policy named `frontdesk`.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    object-src 'none'; report-uri /csp-report; require-trusted-types-for 'script'; trusted-types frontdesk";
/// The policy of everything that is no page.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
/// Everything that a page may be permitted is off.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), \
    fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), \
    picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), sync-xhr=(), usb=(), \
    xr-spatial-tracking=()";

/// The id under which the log and the answer know a request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(String);

impl RequestId {
    fn new<P: Ports>(ports: &P) -> Self {
        let mut bytes = [0; 10];
        ports.random(&mut bytes);
        Self(format!("fdr_{}", base32(&bytes)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a route answers to, as far as the rules around it differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// A source: takes any host name, never a page.
    Source,
    /// A machine that asks how we are: takes any host name, never a page.
    Monitor,
    /// A program.
    Program,
    /// A person with a browser.
    Person,
}

impl Reader {
    fn of<P: Ports>(web: &Web<P>, request: &Request) -> Self {
        let path = request.uri().path();
        let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        match path {
            "/healthz" | "/readyz" | "/metrics" => Self::Monitor,
            path if path == web.webhook_path() || path.starts_with("/webhooks/") => Self::Source,
            path if path.starts_with("/problems/")
                || path.starts_with("/assets/")
                || path == "/csp-report" =>
            {
                Self::Program
            }
            _ if accept.is_some_and(|accept| accept.contains("text/html")) => Self::Person,
            _ => Self::Program,
        }
    }
}

/// Answers one request, whatever its route does.
pub(crate) async fn around<P: Ports>(
    State(web): State<Web<P>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::new(web.ports());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let network = web.proxies().network(peer, request.headers());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let reader = Reader::of(&web, &request);
    let visitor = Visitor::of(&web, request.uri().query(), request.headers());
    let method = request.method().clone();
    let span = tracing::info_span!("request", request_id = id.as_str(), route, address = %network);
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(network);
    request.extensions_mut().insert(visitor);
    async move {
        let began = web.ports().now_mono();
        let answered = if let Some(refusal) = refuse(&web, &request, peer, reader) {
            refusal
        } else {
            tokio::select! {
                biased;
                response = next.run(request) => response,
                () = web.ports().sleep(HANDLE_WITHIN) => {
                    tracing::error!("a request was not answered in time and is given up");
                    Problem::new(Kind::Busy).after(Duration::from_secs(5)).into_response()
                }
            }
        };
        let mut response = written_down(&web, answered, reader, visitor, &id);
        dress(&web, response.headers_mut(), &id);
        let ms = u64::try_from(web.ports().now_mono().saturating_sub(began).as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(method = %method, status = response.status().as_u16(), ms, "answered");
        response
    }
    .instrument(span)
    .await
}

/// What is refused before its route sees it.
fn refuse<P: Ports>(
    web: &Web<P>,
    request: &Request,
    peer: Option<IpAddr>,
    reader: Reader,
) -> Option<Response> {
    let headers = request.headers();
    let uri = request.uri();
    if uri.path_and_query().is_some_and(|asked| asked.as_str().len() > URI_BYTES_MAX) {
        return Some(Problem::new(Kind::UriTooLong).into_response());
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
        return Some(Problem::new(Kind::HeadersTooLarge).into_response());
    }
    let takes_any_host = matches!(reader, Reader::Source | Reader::Monitor);
    if !takes_any_host && !names_this_site(web, request) {
        return Some(Problem::new(Kind::UnknownHost).into_response());
    }
    let is_plain = headers
        .get("x-forwarded-proto")
        .is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"http"));
    if web.public().is_https() && is_plain && web.proxies().believes(peer) && reader != Reader::Monitor {
        let asked = uri.path_and_query().map_or("/", |asked| asked.as_str());
        return Some(match reader {
            Reader::Person => {
                Redirect::permanent(&format!("{}{asked}", web.public().as_str())).into_response()
            }
            _ => Problem::new(Kind::PlainHttp).into_response(),
        });
    }
    None
}

/// Whether the request names this site, in its one `Host` header or, over HTTP/2, in its address.
fn names_this_site<P: Ports>(web: &Web<P>, request: &Request) -> bool {
    if let Some(authority) = request.uri().authority() {
        return web.public().is_named(authority.as_str());
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    host.is_some_and(|host| web.public().is_named(host)) && hosts.next().is_none()
}

/// Writes a problem down, for a person or for a program.
fn written_down<P: Ports>(
    web: &Web<P>,
    answered: Response,
    reader: Reader,
    visitor: Visitor,
    id: &RequestId,
) -> Response {
    let status = answered.status();
    let is_refusal = status.is_client_error() || status.is_server_error();
    let is_told = answered.extensions().get::<Problem>().is_some();
    // A page or a document that a handler wrote is an answer already.
    let is_whole = answered.headers().get(header::CONTENT_TYPE).is_some_and(|media_type| {
        let media_type = media_type.as_bytes();
        media_type.starts_with(b"text/html") || media_type.starts_with(b"application/json")
    });
    if !is_refusal || (is_whole && !is_told) {
        return answered;
    }
    let (problem, allow) = Problem::take_from(&answered);
    let page = match (reader, problem.status()) {
        (Reader::Person, StatusCode::NOT_FOUND) => failure(web, visitor, Trouble::Missing, id),
        (Reader::Person, status) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            failure(web, visitor, Trouble::Failed, id)
        }
        _ => None,
    };
    let mut response = match page {
        Some(page) => {
            let mut response = (problem.status(), Html(page)).into_response();
            problem.dress(&mut response);
            response
        }
        None => problem.document(web.public().as_str(), id.as_str()),
    };
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

fn failure<P: Ports>(web: &Web<P>, visitor: Visitor, trouble: Trouble, id: &RequestId) -> Option<String> {
    let visit = visitor.visit(web, "", None);
    // Nothing of what went wrong is known to the page of a missing one, so its id would help nobody.
    let request = (trouble == Trouble::Failed).then_some(id.as_str());
    Failure::new(&visit, trouble, request).render().ok()
}

/// The headers of every answer (S-21).
fn dress<P: Ports>(web: &Web<P>, headers: &mut HeaderMap, id: &RequestId) {
    let is_page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/html"));
    let mut always =
        |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    always(header::CONTENT_SECURITY_POLICY, if is_page { PAGE_POLICY } else { DATA_POLICY });
    always(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    always(header::REFERRER_POLICY, "no-referrer");
    always(HeaderName::from_static("permissions-policy"), PERMISSIONS);
    always(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    always(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    always(header::X_FRAME_OPTIONS, "DENY");
    if is_page {
        always(HeaderName::from_static("x-robots-tag"), "noindex");
    }
    if web.public().is_https() {
        always(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
    // The files of pages alone may be kept, and say so themselves.
    let is_kept =
        headers.get(header::CACHE_CONTROL).is_some_and(|policy| policy.as_bytes().ends_with(b"immutable"));
    if !is_kept {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let id = HeaderValue::from_str(id.as_str()).expect("an id is of letters, digits and a dash below");
    headers.insert(REQUEST_ID, id);
}

/// Counts a page view against the visitor's network. A site on this machine does not limit this machine.
pub(crate) fn within_page_limit<P: Ports>(web: &Web<P>, network: Network) -> Result<(), Problem> {
    if web.public().is_loopback() && network.is_loopback() {
        return Ok(());
    }
    let taken = web.limits().pages.take(network, web.ports().now_mono());
    taken.map_err(|span| Problem::new(Kind::TooMany).after(span))
}
