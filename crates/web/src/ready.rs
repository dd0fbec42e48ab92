//! `GET /healthz` and `GET /readyz`: whether the process lives, whether it can do its work, what needs a person.
//!
//! *Not ready* (503) means that an event sent now would not be kept. *Degraded* (200) means that everything is kept
//! and something waits for somebody. Answers hold kinds, counts, times and names of things; no person, no secret.

use crate::server::Web;
use axum::Json;
use axum::extract::State;
use frontdesk_core::freeze::{Freeze, Scope};
use frontdesk_engine::Ports;
use frontdesk_engine::settings::Mode;
use frontdesk_store::Error;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the store may take to commit a small write.
const COMMIT_WITHIN: Duration = Duration::from_secs(5);
/// How long an answer is given again: asking costs a durable write.
const KEEP: Duration = Duration::from_secs(1);
/// How old a waiting event may be before somebody should look (RELIABILITY §8).
const PENDING_AGE_MAX: SignedDuration = SignedDuration::from_mins(5);

/// How we are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Readiness {
    status: Status,
    /// Why it is not simply `ready`.
    reasons: Vec<Matter>,
    /// What is worth knowing and needs nobody.
    info: Vec<Matter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ready,
    Degraded,
    NotReady,
}

/// One thing to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Matter {
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

impl Matter {
    fn of(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), ..Self::default() }
    }

    fn about(self, subject: impl Into<String>) -> Self {
        Self { subject: Some(subject.into()), ..self }
    }

    fn counting(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }
}

/// `GET /healthz`: the process answers. Touches nothing.
pub(crate) async fn healthz() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

/// `GET /readyz`.
pub(crate) async fn readyz<P: Ports>(State(web): State<Web<P>>) -> (StatusCode, Json<Readiness>) {
    let mut last = web.readiness().lock().await;
    // Read after the wait for whoever looks already: while the store is slow all of them get that one answer.
    let now = web.ports().now_mono();
    let readiness = match &*last {
        Some((at, readiness)) if now.saturating_sub(*at) < KEEP => readiness.clone(),
        _ => {
            let readiness = look(&web).await;
            *last = Some((web.ports().now_mono(), readiness.clone()));
            readiness
        }
    };
    let status = match readiness.status {
        Status::Ready | Status::Degraded => StatusCode::OK,
        Status::NotReady => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(readiness))
}

async fn look<P: Ports>(web: &Web<P>) -> Readiness {
    let looked = tokio::select! {
        biased;
        looked = reasons(web) => looked,
        () = web.ports().sleep(COMMIT_WITHIN) => Err(Error::Unavailable("no answer in time".to_owned())),
    };
    let mut info = info(web);
    match looked {
        Ok((is_balanced, reasons, freezes)) => {
            info.extend(freezes);
            let status = match (is_balanced, reasons.is_empty()) {
                (false, _) => Status::NotReady,
                (true, true) => Status::Ready,
                (true, false) => Status::Degraded,
            };
            Readiness { status, reasons, info }
        }
        Err(error) => {
            tracing::error!(error = %error, "not ready: the store did not take a small write");
            let why = match error {
                Error::Full => "disk_full",
                _ => "store_not_writable",
            };
            Readiness { status: Status::NotReady, reasons: vec![Matter::of(why)], info }
        }
    }
}

/// Whether the journal's balance holds, everything that keeps us from being simply ready, and what is frozen.
async fn reasons<P: Ports>(web: &Web<P>) -> Result<(bool, Vec<Matter>, Vec<Matter>), Error> {
    let store = web.engine().store();
    let now = web.ports().now_wall();
    store.check_writable(now).await?;
    let balance = store.balance().await?;
    let mut reasons = Vec::new();
    if !balance.holds() {
        reasons.push(Matter::of("balance_broken"));
    }
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    if let Some(since) = balance.pending_since.filter(|since| now.duration_since(*since) > PENDING_AGE_MAX) {
        reasons.push(Matter { since: Some(since), ..Matter::of("pending").counting(count(balance.pending)) });
    }
    for (kind, entries) in [("failed", balance.failed), ("quarantined", balance.quarantined)] {
        if entries > 0 {
            reasons.push(Matter::of(kind).counting(count(entries)));
        }
    }
    for ((target, state), rows) in store.sync_states().await? {
        if rows > 0 && (state == "parked" || state == "contested") {
            reasons.push(Matter::of(state).about(target.as_str()).counting(count(rows)));
        }
    }
    for alert in store.open_alerts().await? {
        reasons.push(Matter { since: Some(alert.opened_at), ..Matter::of(alert.kind).about(alert.subject) });
    }
    let panics = web.counts().panics.load(Ordering::Relaxed);
    if panics > 0 {
        reasons.push(Matter::of("panics").counting(panics));
    }
    let freezes = store.freezes(now).await?.into_iter().map(frozen).collect();
    Ok((balance.holds(), reasons, freezes))
}

/// What somebody holds back on purpose. Whom, if it is a person, is not said here.
fn frozen(freeze: Freeze) -> Matter {
    let scope = match freeze.scope {
        Scope::Person(_) => "person".to_owned(),
        scope => scope.to_string(),
    };
    let matter = Matter::of("frozen").about(scope);
    Matter { since: Some(freeze.since), until: Some(freeze.until), ..matter }
}

fn info<P: Ports>(web: &Web<P>) -> Vec<Matter> {
    let settings = web.engine().settings();
    let targets = settings.targets.iter();
    let shadowed = targets.filter(|(_, settings)| settings.mode == Mode::Shadow);
    let mut info: Vec<_> = shadowed.map(|(target, _)| Matter::of("shadow").about(target.as_str())).collect();
    let counted = |kind: &str, counter: &AtomicU64| {
        let count = counter.load(Ordering::Relaxed);
        (count > 0).then(|| Matter::of(kind).counting(count))
    };
    info.extend(counted("webhooks_refused", &web.counts().refused));
    info.extend(counted("policy_reports", &web.counts().policy_reports));
    info
}
