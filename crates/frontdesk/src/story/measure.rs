//! What happened, counted: from what the sandbox was asked and sent, and from Frontdesk's own journal and audit log.
//!
//! Where both sides know a number they must agree, or the story deviated.

use super::morning::{PEOPLE, address};
use super::repairs::CROWD;
use super::stage::Stage;
use crate::assemble::store_failed;
use crate::errors::Failure;
use frontdesk_store::{EntryFilter, EntryKind};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Entries of the journal that one page reads.
const PAGE: u32 = 500;

/// How long something took on the clock that the sandbox and Frontdesk share, jumps included.
#[derive(Clone, Debug)]
pub struct Span {
    /// What.
    pub name: &'static str,
    /// How long, in milliseconds.
    pub ms: i64,
}

impl Span {
    /// The time between two instants.
    pub(super) fn of(name: &'static str, from: Timestamp, to: Timestamp) -> Self {
        let ms = to.duration_since(from).as_millis();
        Self { name, ms: i64::try_from(ms).unwrap_or(i64::MAX) }
    }
}

/// Half and nearly all of a set of spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half took at most this, in milliseconds.
    pub p50: i64,
    /// 95 of 100 took at most this.
    pub p95: i64,
}

/// Webhooks, as attempts to deliver one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Webhooks {
    /// Attempts that Stripe made.
    pub sent: u64,
    /// Events that the journal holds.
    pub accepted: u64,
    /// Deliveries of an event that it held already.
    pub duplicate: u64,
    /// Attempts that were answered 401.
    pub rejected: u64,
    /// Events that never came by webhook, and were found in Stripe's list.
    pub healed: u64,
}

/// What was put right, or held back, without an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repairs {
    /// People who pay and whom a sweep found missing: put back.
    pub drift_repaired: usize,
    /// Rows whose removal the brake held.
    pub brake_held: u64,
    /// Brakes that were released by name.
    pub brake_released: u64,
}

/// What Circle was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CircleCounts {
    /// Invitation mails that Circle sent.
    pub invitations: usize,
    /// The most that one person got.
    pub invitations_per_customer_max: usize,
    /// Calls, refused ones included.
    pub calls: usize,
}

/// What Kit was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KitCounts {
    /// Tags put on or taken off.
    pub tag_writes: usize,
    /// Calls, refused ones included.
    pub calls: usize,
}

/// The numbers of a story.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Whether all went as told.
    pub ok: bool,
    /// What did not.
    pub problems: Vec<String>,
    /// Customers with a record.
    pub customers: usize,
    /// Webhooks.
    pub webhooks: Webhooks,
    /// What no event tells.
    pub repairs: Repairs,
    /// Circle.
    pub circle: CircleCounts,
    /// Kit.
    pub kit: KitCounts,
    /// Each person's stages, in the order in which they were shown, over everything that they bought.
    pub stages: BTreeMap<String, Vec<String>>,
    /// From the payment to access given at Circle, while Circle answers.
    pub payment_to_access_ms: Percentiles,
    /// The same for the purchase that met the outage.
    pub payment_to_access_in_outage_ms: i64,
    /// From the refund to access taken at Circle.
    pub refund_to_revoke_ms: i64,
}

impl Stage<'_> {
    /// Counts everything, once all is quiet, and compares it with what must be true.
    pub async fn measured(mut self, spans: &[Span]) -> Result<Measured, Failure> {
        let state = self.sandbox_state().await?;
        let customers =
            self.engine.store().customers(None, None, PAGE).await.map_err(|error| store_failed(&error))?;
        let (accepted, duplicate) = deliveries(&self).await?;
        let webhooks = Webhooks {
            sent: attempts(&state),
            accepted,
            duplicate,
            rejected: rejected(&state),
            healed: healed(&self).await?,
        };
        let repairs = Repairs {
            drift_repaired: self.found_missing().await?,
            brake_held: self.braked.unwrap_or_default().held,
            brake_released: self.braked.unwrap_or_default().released,
        };
        let circle = circle(&state);
        let kit = kit(&state);
        let mut stages = BTreeMap::new();
        for name in PEOPLE {
            stages.insert(name.to_owned(), self.shown(name).await?);
        }
        let of = |name: &str| -> Vec<i64> {
            spans.iter().filter(|span| span.name == name).map(|span| span.ms).collect()
        };
        let one = |name: &str| of(name).first().copied().unwrap_or(-1);
        let measured = Measured {
            ok: false,
            problems: Vec::new(),
            customers: customers.iter().filter(|row| !row.is_provisional).count(),
            webhooks,
            repairs,
            circle,
            kit,
            stages,
            payment_to_access_ms: percentiles(of("payment_to_access")),
            payment_to_access_in_outage_ms: one("payment_to_access_in_outage"),
            refund_to_revoke_ms: one("refund_to_revoke"),
        };
        self.judge(&measured).await?;
        Ok(Measured { ok: self.problems.is_empty(), problems: self.problems, ..measured })
    }

    /// What must be true of every such morning.
    async fn judge(&mut self, measured: &Measured) -> Result<(), Failure> {
        let balance = self.engine.store().balance().await.map_err(|error| store_failed(&error))?;
        let Webhooks { sent, accepted, duplicate, rejected, healed } = measured.webhooks;
        let Repairs { drift_repaired, brake_held, brake_released } = measured.repairs;
        let audit = self.engine.store().audit_verify().await.map_err(|error| store_failed(&error))?;
        let is_whole = self.braked.is_some();
        let mut expect = |holds: bool, what: String| {
            if !holds {
                self.problems.push(what);
            }
        };
        expect(
            sent + healed == accepted + duplicate + rejected,
            format!(
                "Stripe sent {sent} webhooks and {healed} were found; {accepted} new, {duplicate} repeated and {rejected} \
                 refused are accounted for"
            ),
        );
        // Ten of the crowd are let go in each of two targets; a person's tags are one row.
        let waits = 2 * (CROWD as u64 - frontdesk_core::brake::ALWAYS);
        let (wanted, others) = if is_whole { ((waits, 2, 1), CROWD + 1) } else { ((0, 0, 0), 0) };
        expect(is_whole == (healed > 0), format!("{healed} events were found that never came"));
        expect(
            (brake_held, brake_released, drift_repaired) == wanted,
            format!(
                "the brake held {brake_held} rows, {brake_released} brakes were released and {drift_repaired} people were \
                 found missing, and not {wanted:?}"
            ),
        );
        expect(duplicate == 2, format!("{duplicate} repeated deliveries were counted, not 2"));
        expect(rejected > 0, "the forged webhook was not refused".to_owned());
        expect(
            measured.customers == PEOPLE.len() + others,
            format!("{} customers, not {}", measured.customers, PEOPLE.len() + others),
        );
        expect(
            measured.circle.invitations == 2,
            format!("{} invitations, not 2", measured.circle.invitations),
        );
        let most = measured.circle.invitations_per_customer_max;
        expect(most == 1, format!("one person got {most} invitations"));
        expect(balance.holds(), "the journal does not balance".to_owned());
        expect(balance.pending == 0, format!("{} events wait", balance.pending));
        expect(
            balance.failed + balance.quarantined == 0,
            format!("{} events failed or are in quarantine", balance.failed + balance.quarantined),
        );
        expect(audit.broken.is_empty(), format!("{} audit chains are broken", audit.broken.len()));
        let panics = self.engine.ports().panics();
        expect(panics == 0, format!("{panics} tasks ended in a panic"));
        for (name, wanted) in [
            ("ada", ["active", "refunded"].as_slice()),
            ("ben", &["invite_sent", "active"]),
            ("cleo", &["access_pending", "invite_sent"]),
            ("dan", &["active", "past_due", "active"]),
            ("eva", &["support_review"]),
        ] {
            let shown = &measured.stages[name];
            let mut rest = shown.iter();
            let in_order = wanted.iter().all(|stage| rest.any(|shown| shown == stage));
            expect(in_order, format!("{name} saw {}, and not {}", shown.join(", "), wanted.join(", then ")));
        }
        Ok(())
    }

    /// The stages that a person saw, from the audit log: every change of every matter, in order.
    async fn shown(&self, name: &str) -> Result<Vec<String>, Failure> {
        let Some(customer) = self.customer(&address(name)).await? else { return Ok(Vec::new()) };
        let chain = self.engine.store().audit_chain(&customer).await.map_err(|error| store_failed(&error))?;
        let mut last = BTreeMap::new();
        let mut shown = Vec::new();
        for entry in chain {
            // Only a change of stages is a list; what was done at a target is an object.
            let Ok(Value::Array(matters)) = serde_json::from_str(&entry.after) else { continue };
            for matter in matters {
                let of = (matter["for"].to_string(), matter["journey"].to_string());
                let stage = matter["stage"].as_str().unwrap_or_default().to_owned();
                let is_new = last.insert(of, stage.clone()).as_ref() != Some(&stage);
                // Two matters that change together are one thing to see.
                if is_new && shown.last() != Some(&stage) {
                    shown.push(stage);
                }
            }
        }
        Ok(shown)
    }
}

/// Deliveries of events that the journal held already.
pub(super) async fn duplicates(stage: &Stage<'_>) -> Result<u64, Failure> {
    Ok(deliveries(stage).await?.1)
}

/// Events that the poll of Stripe's list found.
pub(super) async fn healed(stage: &Stage<'_>) -> Result<u64, Failure> {
    stage.engine.healed().await.map_err(|error| store_failed(&error))
}

/// Events in the journal, and further deliveries of them.
async fn deliveries(stage: &Stage<'_>) -> Result<(u64, u64), Failure> {
    let (mut events, mut repeated) = (0, 0);
    let mut before = None;
    loop {
        let filter = EntryFilter::default();
        let page = stage.engine.store().journal_list(&filter, before, PAGE).await;
        let page = page.map_err(|error| store_failed(&error))?;
        let Some(last) = page.last() else { return Ok((events, repeated)) };
        before = Some(last.seq);
        for entry in page.iter().filter(|entry| entry.kind == EntryKind::Event) {
            events += 1;
            repeated += u64::try_from(entry.deliveries - 1).unwrap_or_default();
        }
    }
}

fn rows<'a>(state: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    state.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

fn all_attempts(state: &Value) -> impl Iterator<Item = &Value> {
    rows(state, "/deliveries").flat_map(|delivery| rows(delivery, "/attempts"))
}

fn attempts(state: &Value) -> u64 {
    all_attempts(state).count() as u64
}

/// Attempts that were answered 401.
pub(super) fn rejected(state: &Value) -> u64 {
    all_attempts(state).filter(|attempt| attempt["status"] == 401).count() as u64
}

fn circle(state: &Value) -> CircleCounts {
    let mut each = BTreeMap::new();
    for invitation in rows(state, "/circle/invitations") {
        *each.entry(invitation["email"].to_string()).or_insert(0usize) += 1;
    }
    CircleCounts {
        invitations: each.values().sum(),
        invitations_per_customer_max: each.values().max().copied().unwrap_or_default(),
        calls: rows(state, "/circle/requests").count(),
    }
}

fn kit(state: &Value) -> KitCounts {
    let writes = |request: &&Value| {
        let is_write = request["method"] == "POST" || request["method"] == "DELETE";
        is_write
            && request["did"] == true
            && request["path"].as_str().is_some_and(|path| path.starts_with("/v4/tags/"))
    };
    KitCounts {
        tag_writes: rows(state, "/kit/requests").filter(writes).count(),
        calls: rows(state, "/kit/requests").count(),
    }
}

fn at(request: &Value) -> Option<Timestamp> {
    request["at"].as_str()?.parse().ok()
}

fn is_about(request: &Value, email: &str) -> bool {
    request["body"].as_str().is_some_and(|body| body.contains(email))
        || rows(request, "/query").any(|pair| pair[1] == email)
}

/// When a provider did what it was asked about a person since an instant, for the first time.
pub(super) fn asked(
    state: &Value,
    provider: &str,
    method: &str,
    path: &str,
    email: &str,
    since: Timestamp,
) -> Option<Timestamp> {
    let did = |request: &&Value| {
        request["method"] == method
            && request["path"] == path
            && request["did"] == true
            && is_about(request, email)
    };
    rows(state, &format!("/{provider}/requests")).filter(did).filter_map(at).find(|at| *at >= since)
}

/// Calls that named a person since an instant.
pub(super) fn calls_about(state: &Value, provider: &str, email: &str, since: Timestamp) -> usize {
    let about = |request: &&Value| is_about(request, email) && at(request).is_some_and(|at| at >= since);
    rows(state, &format!("/{provider}/requests")).filter(about).count()
}

/// Nearest-rank percentiles; zeros for no spans.
fn percentiles(mut spans: Vec<i64>) -> Percentiles {
    spans.sort_unstable();
    let rank = |percent: usize| {
        let place = (spans.len() * percent).div_ceil(100).max(1) - 1;
        spans.get(place).copied().unwrap_or_default()
    };
    Percentiles { p50: rank(50), p95: rank(95) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_spans_that_were_measured() {
        assert_eq!(percentiles(vec![30, 10, 20, 40]), Percentiles { p50: 20, p95: 40 });
        assert_eq!(percentiles(vec![7]), Percentiles { p50: 7, p95: 7 });
        assert_eq!(percentiles(Vec::new()), Percentiles::default());
    }

    #[test]
    fn a_call_is_about_the_person_it_names_in_body_or_query() {
        let state = serde_json::json!({ "circle": { "requests": [
            { "at": "2026-11-24T10:00:00Z", "method": "POST", "path": "/p", "did": true, "body": "{\"email\":\"ada@example.com\"}", "query": [] },
            { "at": "2026-11-24T10:00:01Z", "method": "DELETE", "path": "/p", "did": true, "body": "", "query": [["email", "ada@example.com"]] },
            { "at": "2026-11-24T10:00:02Z", "method": "DELETE", "path": "/p", "did": true, "body": "", "query": [["email", "ben@example.com"]] },
        ] } });
        let since = "2026-11-24T10:00:00Z".parse().unwrap();
        assert_eq!(calls_about(&state, "circle", "ada@example.com", since), 2);
        let removed = asked(&state, "circle", "DELETE", "/p", "ada@example.com", since);
        assert_eq!(removed, Some("2026-11-24T10:00:01Z".parse().unwrap()));
        assert_eq!(asked(&state, "circle", "DELETE", "/p", "cleo@example.com", since), None);
    }
}
