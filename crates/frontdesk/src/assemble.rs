//! From the configuration to the running parts: what `serve`, `demo` and every command that looks at the record share.

use crate::config::{self, Circle, Config, Environment, Kit};
use crate::errors::{Code, Failure, Report};
use crate::live::{LivePorts, Trust};
use frontdesk_core::budget::{Limits, Monthly};
use frontdesk_core::catalogue::Catalogue;
use frontdesk_core::id::SourceId;
use frontdesk_core::target::Target;
use frontdesk_core::words::Language;
use frontdesk_engine::settings::{
    Connection, LEASE, LOOK_EVERY, Mode, SWEEP_EVERY, Settings, Source, TargetSettings,
};
use frontdesk_engine::{Engine, Ports};
use frontdesk_providers::call::Base;
use frontdesk_providers::{circle, kit, stripe};
use frontdesk_store::{PostgresSettings, SqliteMode, SqliteSettings, Store};
use frontdesk_web::{Web, WebSettings};
use jiff::SignedDuration;
use rustls_platform_verifier::ConfigVerifierExt;
use std::collections::{BTreeMap, BTreeSet};

/// Our own limit of calls to Stripe: a fifth of the 100 a second that a live account may make, so that the operator's
/// own server keeps its share. Source: Stripe docs, "Rate limits" (read 2026-11-24).
const STRIPE: Limits = Limits { calls: 20, window: SignedDuration::from_secs(1), monthly: None };

/// Our own limit of calls to Circle within five minutes, below the 2,000 that it takes.
/// Source: Circle developer site, "Usage and limits" (autumn 2026).
const CIRCLE_CALLS: u32 = 1_500;
const CIRCLE_WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// Our own limit of calls to Kit, below the 120 a minute that it takes with an API key.
/// Source: Kit developer documentation, "Rate limiting" (autumn 2026).
const KIT: Limits = Limits { calls: 110, window: SignedDuration::from_secs(60), monthly: None };

/// Connections to a PostgreSQL server that one node keeps at most.
const CONNECTIONS_MAX: usize = 16;

/// The name of the one process that an SQLite file has. It is the same after a restart, so that leases need not run
/// out first; the fencing epoch rises all the same.
const ONLY_NODE: &str = "node-1";

/// When an invitation counts as stale where no Circle is configured, and so none is ever sent.
const INVITE_STALE_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The outside world for this configuration. With `[dev] clock` the sandbox's clock is followed from here on.
pub async fn ports(config: &Config) -> Result<LivePorts, Failure> {
    let trust = if config.is_sandboxed() { Trust::Nobody } else { Trust::System };
    let ports = LivePorts::new(trust)?;
    if let Some(url) = &config.dev_clock {
        ports.follow_clock(url).await?;
    }
    Ok(ports)
}

/// Opens the store, making or migrating it as needed.
pub async fn store(config: &Config, ports: &LivePorts) -> Result<Store, Failure> {
    let now = ports.now_wall();
    let opened = match &config.store {
        config::Store::Sqlite(path) => {
            let settings = SqliteSettings { path: path.clone(), mode: SqliteMode::Threaded, now };
            Store::open_sqlite(&settings)
        }
        config::Store::Postgres(url) => {
            let tls = rustls::ClientConfig::with_platform_verifier().inspect_err(|error| {
                tracing::warn!("no server's certificate can be verified: {error}");
            });
            let tls = tls.ok();
            let url = url.expose().to_owned();
            Store::open_postgres(PostgresSettings { url, tls, connections_max: CONNECTIONS_MAX, now }).await
        }
    };
    opened.map_err(|error| {
        if matches!(error, frontdesk_store::Error::InTheClear) {
            let what = "could not open the database: this machine has no certificates to verify the server with";
            let hint = "install the system's certificates (`ca-certificates` on Debian), or add `sslmode=disable` to the URL \
                        where nobody else can listen";
            return Report::error(Code::StoreInTheClear, what).because(&error).hint(hint).into();
        }
        let hint = match (&config.store, &error) {
            (_, frontdesk_store::Error::Corrupt(_)) => {
                "keep a copy of it before anything else, then put a backup in its place"
            }
            (config::Store::Sqlite(_), _) => {
                "run this as the user Frontdesk runs as, who can write the file and its folder; one process has it open \
                 at a time"
            }
            (config::Store::Postgres(_), _) => {
                "check that the server is up, and that its address, user and password in `store.url` are right"
            }
        };
        Report::error(Code::StoreRefused, "could not open the database").because(&error).hint(hint).into()
    })
}

/// Opens the engine over the store. Nothing runs until [`Engine::start`].
pub async fn engine(config: &Config, ports: LivePorts, store: Store) -> Result<Engine<LivePorts>, Failure> {
    engine_with(config, ports, store, None).await
}

/// The same, with the catalogue that was last taken up where there is one: what was edited since comes into force when
/// somebody or something takes it up, not because this opens the store.
pub async fn engine_in_force(
    config: &Config,
    ports: LivePorts,
    store: Store,
) -> Result<Engine<LivePorts>, Failure> {
    let versions = store.catalogues().await.map_err(|error| store_failed(&error))?;
    let in_force = versions.into_iter().next_back().map(|version| version.catalogue.as_written());
    engine_with(config, ports, store, in_force).await
}

async fn engine_with(
    config: &Config,
    ports: LivePorts,
    store: Store,
    catalogue: Option<Catalogue>,
) -> Result<Engine<LivePorts>, Failure> {
    let mut settings = settings(config, &node(config, &ports))?;
    settings.catalogue = catalogue.unwrap_or(settings.catalogue);
    Engine::open(ports, store, settings).await.map_err(|error| store_failed(&error))
}

/// A failure of the store under a command.
pub fn store_failed(error: &frontdesk_store::Error) -> Failure {
    Report::error(Code::StoreFailed, "the database did not do what it was asked")
        .because(error)
        .hint("check the disk, or the PostgreSQL server, then run the command again")
        .into()
}

/// How this process is called in leases, in the audit log and in logs.
fn node(config: &Config, ports: &LivePorts) -> String {
    match config.store {
        config::Store::Sqlite(_) => ONLY_NODE.to_owned(),
        config::Store::Postgres(_) => {
            let mut random = [0u8; 5];
            ports.random(&mut random);
            format!("node-{}", frontdesk_core::id::base32(&random))
        }
    }
}

/// What the engine is told.
///
/// # Errors
///
/// When the source has no key: without proof reads nothing could be removed and no line item learnt. When neither the
/// key nor the file says whether it is about real money. When a key holds what no HTTP header can.
pub fn settings(config: &Config, node: &str) -> Result<Settings, Failure> {
    let mut targets = BTreeMap::new();
    if let Some(settings) = &config.targets.circle {
        targets.insert(Target::Circle, circle(settings));
    }
    if let Some(settings) = &config.targets.kit {
        targets.insert(Target::Kit, kit(settings));
    }
    Ok(Settings {
        node: node.to_owned(),
        source: source(config)?,
        targets,
        catalogue: config.catalogue(),
        lease: LEASE,
        look_every: LOOK_EVERY,
    })
}

fn source(config: &Config) -> Result<Source, Failure> {
    let stripe = &config.sources.stripe;
    let Some(key) = stripe.api_key.clone() else {
        let report = Report::error(Code::NoSourceKey, "`sources.stripe.api_key` is missing");
        let hint = "make a restricted key (rk_…) in Stripe and write api_key = \"${STRIPE_API_KEY}\"; \
                    line items and proof before a removal are read with it";
        return Err(report.hint(hint).into());
    };
    let Some(livemode) = stripe.livemode else {
        let message = "neither the Stripe key nor the file says whether this is about real money";
        let report = Report::error(Code::ModeMismatch, message);
        return Err(report.hint("write livemode = true, or false, into [sources.stripe]").into());
    };
    let api = stripe::read::Account::new(stripe.base_url.as_str(), key).map_err(|error| {
        Report::error(Code::WrongCredential, "could not use the Stripe key")
            .because(&error)
            .hint("copy the key again, whole and without anything around it")
    })?;
    Ok(Source {
        id: SourceId::new("stripe"),
        signing_secrets: stripe.signing_secrets.clone(),
        livemode,
        account: stripe.account.clone(),
        api,
        limits: STRIPE,
        poll_every: Some(stripe.poll_every),
    })
}

fn base(url: &config::BaseUrl) -> Base {
    Base::parse(url.as_str()).expect("a base URL of the configuration was checked when it was read")
}

const fn mode(mode: config::Mode) -> Mode {
    match mode {
        config::Mode::Shadow => Mode::Shadow,
        config::Mode::Live => Mode::Live,
    }
}

fn circle(settings: &Circle) -> TargetSettings {
    let scheme = match settings.scheme {
        config::Scheme::Token => circle::Scheme::Token,
        config::Scheme::Bearer => circle::Scheme::Bearer,
    };
    let account = circle::Account { base: base(&settings.base_url), token: settings.token.clone(), scheme };
    let monthly = Monthly { calls: settings.quota.monthly, renews_day: settings.quota.renews_day };
    TargetSettings {
        mode: mode(settings.mode),
        connection: Connection::Circle(account),
        limits: Limits { calls: CIRCLE_CALLS, window: CIRCLE_WINDOW, monthly: Some(monthly) },
        hook_secrets: settings.hook_secret.iter().cloned().collect(),
        sweep_every: Some(settings.sweep_every),
    }
}

fn kit(settings: &Kit) -> TargetSettings {
    let credential = kit::Credential::ApiKey(settings.api_key.clone());
    TargetSettings {
        mode: mode(settings.mode),
        connection: Connection::Kit(kit::Account { base: base(&settings.base_url), credential }),
        limits: KIT,
        hook_secrets: settings.signing_secrets.clone(),
        sweep_every: Some(SWEEP_EVERY),
    }
}

/// The variable that says that a proxy stands in front and names visitors in `X-Forwarded-For`.
const BEHIND_PROXY: &str = "FRONTDESK_BEHIND_PROXY";

/// Whether only a proxy on this machine can stand between Frontdesk and its visitors: it listens here alone and is
/// reached by https, which it does not speak. Without believing that proxy, all visitors together would be one address
/// with one address's limits.
fn has_proxy_here(site: &config::Site) -> bool {
    site.listen.ip().is_loopback() && site.url.is_https()
}

/// The surfaces over the engine.
pub fn web(
    config: &Config,
    environment: &Environment,
    engine: Engine<LivePorts>,
) -> Result<Web<LivePorts>, Failure> {
    let site = &config.site;
    let circle = config.targets.circle.as_ref();
    let settings = WebSettings {
        url: site.url.as_str().to_owned(),
        name: site.name.clone(),
        webhook_path: config.sources.stripe.path.clone(),
        community_url: site.community_url.clone(),
        help_email: site.help_email.clone(),
        zone: site.zone.clone(),
        language: Language::parse(&site.language).unwrap_or_default(),
        invite_stale_after: circle.map_or(INVITE_STALE_AFTER, |circle| circle.invite_stale_after),
        behind_proxy: environment.is_on(BEHIND_PROXY) || has_proxy_here(site),
        trusted_proxies: BTreeSet::new(),
    };
    Web::new(engine, settings).map_err(|error| {
        Report::error(Code::WrongValue, "could not set up the pages")
            .because(&error)
            .hint("correct `site.url` or `sources.stripe.path`")
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_that_listens_here_and_is_reached_by_https_is_behind_a_proxy() {
        for (listen, url, expect) in [
            ("127.0.0.1:8080", "https://members.northwind.example", true),
            ("[::1]:8080", "https://members.northwind.example", true),
            // Nobody else comes in between, or somebody may come past the proxy.
            ("127.0.0.1:8080", "http://127.0.0.1:8080", false),
            ("0.0.0.0:8080", "https://members.northwind.example", false),
        ] {
            let site = config::Site {
                name: "Northwind Makers".to_owned(),
                url: config::BaseUrl::parse(url).unwrap(),
                listen: listen.parse().unwrap(),
                community_url: None,
                help_email: None,
                zone: jiff::tz::TimeZone::UTC,
                language: Language::default().tag().to_owned(),
            };
            assert_eq!(has_proxy_here(&site), expect, "{listen} {url}");
        }
    }
}
