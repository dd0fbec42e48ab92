//! `GET /metrics`: what there is to count, in the text format of Prometheus.
//!
//! Counts, ages and names of things; no person, no secret. It is answered to this machine and to private networks:
//! how many members somebody has is nobody else's business.
//!
//! Source of the format: Prometheus documentation, *Exposition formats*, text-based format 0.0.4.

use crate::client::Network;
use crate::problem::{Kind, Problem};
use crate::server::Web;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use frontdesk_core::budget::Reason;
use frontdesk_core::case::CaseKind;
use frontdesk_core::sweep::FindingKind;
use frontdesk_core::target::Target;
use frontdesk_engine::Ports;
use frontdesk_store::Error;
use jiff::Timestamp;
use std::fmt::{Display, Write as _};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How a webhook can have been answered: stored as news, known, kept unread, without effect; or not stored.
pub(crate) const STANDINGS: [&str; 7] =
    ["new", "duplicate", "quarantined", "no_effect", "refused", "no_event", "busy"];
/// How long an answer is given again.
const KEEP: Duration = Duration::from_secs(5);
/// Buyers whom the forecast is about.
const BUYERS: u64 = 500;
/// The states of a row that are always there, counted or not.
const STATES: [&str; 7] = ["due", "sent", "unknown", "held", "applied", "parked", "contested"];

/// Metrics as they are written.
#[derive(Debug, Default)]
struct Text(String);

impl Text {
    /// A metric's head. `kind` is `gauge` or `counter`.
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP frontdesk_{name} {help}\n# TYPE frontdesk_{name} {kind}\n");
    }

    /// One value of it. Label values are words of our own and names of the configuration.
    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(label, word)| format!("{label}=\"{}\"", escaped(word))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "frontdesk_{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        self.value(name, &[], value);
    }
}

fn escaped(word: &str) -> String {
    word.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// `GET /metrics`.
pub(crate) async fn metrics<P: Ports>(
    State(web): State<Web<P>>,
    Extension(network): Extension<Network>,
) -> Response {
    if !network.is_nearby() {
        return Problem::new(Kind::NotFound).into_response();
    }
    let mut last = web.metrics().lock().await;
    let now = web.ports().now_mono();
    let text = match &*last {
        Some((at, text)) if now.saturating_sub(*at) < KEEP => text.clone(),
        _ => match written(&web).await {
            Ok(text) => {
                *last = Some((now, text.clone()));
                text
            }
            Err(error) => {
                tracing::error!(error = %error, "the metrics cannot be read");
                return Problem::new(Kind::Busy).into_response();
            }
        },
    };
    ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn written<P: Ports>(web: &Web<P>) -> Result<String, Error> {
    let mut text = Text::default();
    let now = web.ports().now_wall();
    webhooks(web, &mut text, now).await?;
    accounts(web, &mut text, now).await?;
    rows(web, &mut text, now).await?;
    matters(web, &mut text).await?;
    Ok(text.0)
}

fn age(since: Option<Timestamp>, now: Timestamp) -> i64 {
    since.map_or(0, |since| now.duration_since(since).as_secs().max(0))
}

async fn webhooks<P: Ports>(web: &Web<P>, text: &mut Text, now: Timestamp) -> Result<(), Error> {
    text.head("webhooks_total", "counter", "Webhooks answered since the start, by how they stand.");
    for (word, count) in STANDINGS.iter().zip(&web.counts().webhooks) {
        text.value("webhooks_total", &[("standing", word)], count.load(Ordering::Relaxed));
    }
    let healed = web.engine().healed().await?;
    text.one("healed_events_total", "counter", "Events that came by the source's list alone.", healed);
    let store = web.engine().store();
    let balance = store.balance().await?;
    text.head("journal_entries", "gauge", "Entries of the journal by state.");
    for (state, entries) in [
        ("pending", balance.pending),
        ("effect", balance.effect),
        ("no_effect", balance.no_effect),
        ("failed", balance.failed),
        ("quarantined", balance.quarantined),
    ] {
        text.value("journal_entries", &[("state", state)], entries);
    }
    let waits = age(balance.pending_since, now);
    text.one("journal_pending_age_seconds", "gauge", "How long the oldest waiting event has waited.", waits);
    Ok(())
}

async fn accounts<P: Ports>(web: &Web<P>, text: &mut Text, now: Timestamp) -> Result<(), Error> {
    let (engine, store) = (web.engine(), web.engine().store());
    let settings = engine.settings();
    let accounts = store.accounts().await?;
    text.head("calls_total", "counter", "Calls that count against an account's limits, by reason.");
    for account in &accounts {
        let counted = store.calls_counted(&account.name, Timestamp::UNIX_EPOCH).await?;
        for reason in Reason::ALL {
            let labels = [("account", account.name.as_str()), ("reason", reason.as_str())];
            text.value("calls_total", &labels, counted.get(&reason).copied().unwrap_or_default());
        }
    }
    for (name, help, is_so) in [
        ("breaker_open", "Whether the account's circuit breaker is open.", 0),
        ("account_stopped", "Whether the account refused our credential and waits for a person.", 1),
        ("account_throttled", "Whether the account asked us to wait.", 2),
    ] {
        text.head(name, "gauge", help);
        for account in &accounts {
            let state = &account.state;
            let is_so = match is_so {
                0 => state.breaker.open_since.is_some(),
                1 => state.stopped.is_some(),
                _ => state.throttled_until.is_some_and(|until| until > now),
            };
            text.value(name, &[("account", account.name.as_str())], u8::from(is_so));
        }
    }
    let mut forecasts = Vec::new();
    for target in settings.targets.keys() {
        forecasts.push(engine.forecast(*target).await?);
    }
    text.head("allowance_calls", "gauge", "Calls of the month, where an account has a monthly allowance.");
    for forecast in &forecasts {
        if let Some(allowance) = forecast.allowance {
            text.value("allowance_calls", &[("account", forecast.target.as_str())], allowance);
        }
    }
    text.head("allowance_left_calls", "gauge", "Calls of the month that are left.");
    for forecast in &forecasts {
        if let Some(left) = forecast.left {
            text.value("allowance_left_calls", &[("account", forecast.target.as_str())], left);
        }
    }
    text.head("sweep_cost_calls", "gauge", "Calls that the next sweep costs.");
    for forecast in &forecasts {
        text.value("sweep_cost_calls", &[("account", forecast.target.as_str())], forecast.sweep_costs);
    }
    text.head("sweep_allowance_calls", "gauge", "Calls that sweeps may still spend until the renewal.");
    for forecast in &forecasts {
        if let Some(allowance) = forecast.sweep_allowance {
            text.value("sweep_allowance_calls", &[("account", forecast.target.as_str())], allowance);
        }
    }
    if let Some(drain) = engine.forecast_drain(BUYERS).await? {
        text.head("forecast_drain_seconds", "gauge", "How long so many new buyers take to be let in.");
        let buyers = BUYERS.to_string();
        let labels = [("buyers", buyers.as_str()), ("limited_by", drain.target.as_str())];
        text.value("forecast_drain_seconds", &labels, drain.takes.as_secs());
    }
    Ok(())
}

async fn rows<P: Ports>(web: &Web<P>, text: &mut Text, now: Timestamp) -> Result<(), Error> {
    let (engine, store) = (web.engine(), web.engine().store());
    let settings = engine.settings();
    let states = store.sync_states().await?;
    text.head("sync_rows", "gauge", "Rows of customers by target and state.");
    for target in settings.targets.keys() {
        for state in STATES {
            let rows = states.get(&(*target, state.to_owned())).copied().unwrap_or_default();
            text.value("sync_rows", &[("target", target.as_str()), ("state", state)], rows);
        }
    }
    let mut backlogs = Vec::new();
    for target in settings.targets.keys() {
        backlogs.push((*target, store.sync_backlog(*target, now).await?));
    }
    text.head("sync_due", "gauge", "Rows that are due.");
    for (target, (rows, _)) in &backlogs {
        text.value("sync_due", &[("target", target.as_str())], rows);
    }
    text.head("sync_due_age_seconds", "gauge", "How long the oldest of them has been.");
    for (target, (_, since)) in &backlogs {
        text.value("sync_due_age_seconds", &[("target", target.as_str())], age(*since, now));
    }
    let mut overdue = Vec::new();
    for target in settings.targets.keys() {
        overdue.push((*target, store.overdue(*target, now).await?));
    }
    text.head("removals_overdue", "gauge", "Removals that are past their time.");
    for (target, removals) in &overdue {
        text.value("removals_overdue", &[("target", target.as_str())], removals.rows);
    }
    text.head("removals_overdue_age_seconds", "gauge", "How long the first of them could have been made.");
    for (target, removals) in &overdue {
        text.value("removals_overdue_age_seconds", &[("target", target.as_str())], age(removals.since, now));
    }
    let brakes = store.brakes().await?;
    text.head("brakes_engaged", "gauge", "Brakes that hold removals until somebody releases them.");
    for target in settings.targets.keys() {
        let holds = brakes.iter().filter(|brake| brake.target == *target && brake.released_at.is_none());
        text.value("brakes_engaged", &[("target", target.as_str())], holds.count());
    }
    Ok(())
}

async fn matters<P: Ports>(web: &Web<P>, text: &mut Text) -> Result<(), Error> {
    let store = web.engine().store();
    let found = store.finding_counts().await?;
    let of = |target: Target, kind: FindingKind| found.get(&(target, kind));
    for (name, kind, help) in [
        ("findings_open", "gauge", "Differences that a sweep found and that still stand."),
        ("findings_total", "counter", "How often sweeps found a difference."),
    ] {
        text.head(name, kind, help);
        for target in web.engine().settings().targets.keys() {
            for finding in FindingKind::ALL {
                let count = of(*target, finding)
                    .map_or(0, |count| if kind == "gauge" { count.open } else { count.times });
                text.value(name, &[("target", target.as_str()), ("kind", finding.as_str())], count);
            }
        }
    }
    let cases = store.case_counts().await?;
    text.head("cases_open", "gauge", "Cases that wait for a person.");
    for kind in CaseKind::ALL {
        text.value("cases_open", &[("kind", kind.as_str())], cases.get(&kind).copied().unwrap_or_default());
    }
    let alerts = store.open_alerts().await?.len();
    text.one("alerts_open", "gauge", "Alerts whose cause is still there.", alerts);
    let panics = web.counts().panics.load(Ordering::Relaxed);
    text.one(
        "panics_total",
        "counter",
        "Requests that ended in a panic since the start. Each is a bug.",
        panics,
    );
    Ok(())
}
