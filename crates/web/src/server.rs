//! The surfaces as one service: its routes, and what they share.

use crate::around::around;
use crate::client::{Network, Proxies};
use crate::hook::{CIRCLE_PATH, KIT_PATH};
use crate::limiter::Limiter;
use crate::pages::Site;
use crate::problem::{Kind, Problem};
use crate::ready::Readiness;
use crate::seats::{Seat, Seats};
use crate::settings::{BadSettings, PublicUrl, WebSettings, check_webhook_path};
use crate::{files, hook, metrics, ready, report, status, webhook, welcome};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use frontdesk_core::words::Language;
use frontdesk_engine::{Engine, Ports};
use jiff::SignedDuration;
use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

/// Connections at once: below the 1,024 descriptors that a process has where nobody raised them, so that calls to
/// providers and commands at the door find one as well.
const CONNECTIONS_MAX: usize = 896;
/// Of these, connections of one network.
const CONNECTIONS_OF_ONE_MAX: usize = 64;
/// Live streams at once: far fewer than connections, so that a webhook always finds one. A page without a stream still
/// shows its answer and a link to look again.
const STREAMS_MAX: usize = 512;
/// Of these, streams of one network: a household or an office, and not a stranger who takes every seat.
const STREAMS_OF_ONE_MAX: usize = 32;

/// The surfaces over an engine. Cheap to clone; all clones are one.
#[derive(Debug)]
pub struct Web<P: Ports> {
    inner: Arc<Inner<P>>,
}

impl<P: Ports> Clone for Web<P> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

#[derive(Debug)]
struct Inner<P: Ports> {
    engine: Engine<P>,
    site: Site,
    public: PublicUrl,
    language: Language,
    invite_stale_after: SignedDuration,
    webhook_path: String,
    proxies: Proxies,
    limits: Limits,
    counts: Counts,
    metrics: Mutex<Option<(Duration, String)>>,
    readiness: Mutex<Option<(Duration, Readiness)>>,
    connections: Seats,
    streams: Seats,
    stopping: watch::Sender<bool>,
}

/// The limits by network (SECURITY S-23).
#[derive(Debug)]
pub(crate) struct Limits {
    /// Pages without a login: five a second, thirty at once.
    pub(crate) pages: Limiter,
    /// Webhooks whose signature is not accepted: sixty a minute. Those that are accepted have no limit.
    pub(crate) signatures: Limiter,
    /// Reports about our own pages: sixty a minute.
    pub(crate) reports: Limiter,
}

/// What was counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Webhooks refused for their signature.
    pub(crate) refused: AtomicU64,
    /// Webhooks by how they were answered, one for each of [`crate::metrics::STANDINGS`].
    pub(crate) webhooks: [AtomicU64; crate::metrics::STANDINGS.len()],
    /// Reports of broken content security policies.
    pub(crate) policy_reports: AtomicU64,
    /// Handlers that panicked. Each is a bug.
    pub(crate) panics: AtomicU64,
}

/// Circle's path with the secret in it.
const CIRCLE_SECRET_PATH: &str = "/webhooks/circle/{secret}";

impl<P: Ports> Web<P> {
    /// The surfaces over `engine`.
    ///
    /// # Errors
    ///
    /// Where the site's URL or the webhook path cannot be one.
    pub fn new(engine: Engine<P>, settings: WebSettings) -> Result<Self, BadSettings> {
        let public = PublicUrl::parse(&settings.url)?;
        check_webhook_path(&settings.webhook_path)?;
        let site = Site {
            community: settings.name.clone(),
            name: settings.name,
            community_url: settings.community_url,
            help: settings.help_email,
            zone: settings.zone,
            currency: None,
        };
        let limits = Limits {
            pages: Limiter::new(Duration::from_millis(200), 30),
            signatures: Limiter::new(Duration::from_secs(1), 60),
            reports: Limiter::new(Duration::from_secs(1), 60),
        };
        let inner = Inner {
            engine,
            site,
            public,
            language: settings.language,
            invite_stale_after: settings.invite_stale_after,
            webhook_path: settings.webhook_path,
            proxies: Proxies { nearby: settings.behind_proxy, named: settings.trusted_proxies },
            limits,
            counts: Counts::default(),
            metrics: Mutex::default(),
            readiness: Mutex::default(),
            connections: Seats::new(CONNECTIONS_MAX, CONNECTIONS_OF_ONE_MAX),
            streams: Seats::new(STREAMS_MAX, STREAMS_OF_ONE_MAX),
            stopping: watch::Sender::new(false),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The routes. Serve them with the peer's address as an extension (`ConnectInfo<SocketAddr>`), which the limits
    /// count by.
    pub fn router(&self) -> Router {
        let web = self.clone();
        Router::new()
            .route(&self.inner.webhook_path, post(webhook::receive::<P>))
            .route(KIT_PATH, post(hook::kit::<P>))
            .route(CIRCLE_PATH, post(hook::circle::<P>).head(hook::circle::<P>))
            .route(CIRCLE_SECRET_PATH, post(hook::circle_in_path::<P>).head(hook::circle_in_path::<P>))
            .route("/welcome", get(welcome::page::<P>))
            .route("/welcome/live", get(welcome::live::<P>))
            .route("/status", get(status::page::<P>))
            .route("/status/live", get(status::live::<P>))
            .route("/status/{token}", get(status::enter::<P>))
            .route("/healthz", get(ready::healthz))
            .route("/readyz", get(ready::readyz::<P>))
            .route("/metrics", get(metrics::metrics::<P>))
            .route("/csp-report", post(report::receive::<P>))
            .route("/assets/{file}", get(files::asset))
            .route("/problems/{name}", get(files::problem))
            .route("/robots.txt", get(files::robots))
            .route("/favicon.ico", get(files::icon))
            .fallback(nothing)
            .layer(CatchPanicLayer::custom({
                let web = self.clone();
                move |panic: Box<dyn Any + Send>| web.panicked(panic.as_ref())
            }))
            .layer(from_fn_with_state(web.clone(), around::<P>))
            .layer(CompressionLayer::new())
            .with_state(web)
    }

    /// A place for one connection from `peer`, held as long as the connection; `None` where there is none left, for all
    /// or for that network: close it. This machine and proxies that are believed have no limit of their own.
    pub fn admit(&self, peer: IpAddr) -> Option<Seat> {
        let network = Network::of(peer);
        let speaks_for_many = network.is_loopback() || self.inner.proxies.believes(Some(peer));
        self.inner.connections.take((!speaks_for_many).then_some(network))
    }

    /// Ends every live stream, so that a server which shuts down has no open answers to wait for. Pages load on.
    pub fn stop(&self) {
        self.inner.stopping.send_replace(true);
    }

    pub(crate) fn engine(&self) -> &Engine<P> {
        &self.inner.engine
    }

    pub(crate) fn ports(&self) -> &P {
        self.inner.engine.ports()
    }

    pub(crate) fn site(&self) -> &Site {
        &self.inner.site
    }

    pub(crate) fn public(&self) -> &PublicUrl {
        &self.inner.public
    }

    pub(crate) fn language(&self) -> Language {
        self.inner.language
    }

    pub(crate) fn invite_stale_after(&self) -> SignedDuration {
        self.inner.invite_stale_after
    }

    pub(crate) fn webhook_path(&self) -> &str {
        &self.inner.webhook_path
    }

    pub(crate) fn proxies(&self) -> &Proxies {
        &self.inner.proxies
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.inner.counts
    }

    pub(crate) fn metrics(&self) -> &Mutex<Option<(Duration, String)>> {
        &self.inner.metrics
    }

    pub(crate) fn readiness(&self) -> &Mutex<Option<(Duration, Readiness)>> {
        &self.inner.readiness
    }

    pub(crate) fn streams(&self) -> &Seats {
        &self.inner.streams
    }

    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.inner.stopping.subscribe()
    }

    fn panicked(&self, panic: &(dyn Any + Send)) -> Response {
        let text = panic.downcast_ref::<&'static str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        self.inner.counts.panics.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        tracing::error!(why = text.unwrap_or("a panic without a message"), "a request ended in a panic");
        Problem::new(Kind::Failed).into_response()
    }
}

async fn nothing() -> Problem {
    Problem::new(Kind::NotFound)
}
