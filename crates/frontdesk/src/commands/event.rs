//! `frontdesk event`: what came in, what became of it, and applying it anew.

use super::desk::Desk;
use super::who::{Meant, meant};
use super::wording;
use crate::assemble::store_failed;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Subcommand;
use frontdesk_core::id::EntryId;
use frontdesk_engine::acts::Acted;
use frontdesk_store::{AuditEntry, Call, Entry, EntryFilter, EntryKind, EntryState, Error, StoredEntry};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Entries that one page of the journal reads.
const PAGE: u32 = 200;
/// Calls of a customer that are looked through.
const CALLS_MAX: u32 = 500;

/// How long the events of one purchase may take to arrive.
const BURST: SignedDuration = SignedDuration::from_secs(60);

/// What to do.
#[derive(Clone, Debug, Subcommand, Serialize, Deserialize)]
pub enum Action {
    /// List what came in, newest first
    List {
        /// In this state: pending, effect, no_effect, failed or quarantined
        #[arg(long, value_name = "STATE", value_parser = state)]
        state: Option<String>,
        /// About this customer: an address, an id, a case
        #[arg(long, value_name = "WHO")]
        customer: Option<String>,
        /// Of this type, such as checkout.session.completed
        #[arg(long = "type", value_name = "TYPE")]
        event_type: Option<String>,
        /// At most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 50)]
        limit: u32,
    },
    /// Show one event with everything that followed from it
    Show {
        /// Our id (fde_…) or the source's (evt_…)
        #[arg(value_name = "ID")]
        id: String,
        /// Print what was received as well; secrets in it are masked
        #[arg(long)]
        body: bool,
    },
    /// Apply one event anew; what is known already changes nothing
    Replay {
        /// Our id (fde_…) or the source's (evt_…)
        #[arg(value_name = "ID")]
        id: String,
    },
}

fn state(text: &str) -> Result<String, String> {
    let known = ["pending", "effect", "no_effect", "failed", "quarantined"];
    EntryState::parse(text)
        .map(|state| state.as_str().to_owned())
        .ok_or_else(|| format!("one of {}", known.join(", ")))
}

pub(super) async fn run(action: &Action, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    match action {
        Action::List { state, customer, event_type, limit } => {
            let mut filter =
                EntryFilter { state: state.as_deref().and_then(EntryState::parse), ..EntryFilter::default() };
            if let Some(who) = customer {
                filter.customer = match meant(who, desk, printer).await? {
                    Meant::One(customer) => Some(customer),
                    Meant::Several(exit) => return Ok(exit),
                };
            }
            list(&filter, event_type.as_deref(), *limit, desk, printer).await
        }
        Action::Show { id, body } => show(id, *body, desk, printer).await,
        Action::Replay { id } => replay(id, desk, printer).await,
    }
}

async fn list(
    filter: &EntryFilter,
    event_type: Option<&str>,
    limit: u32,
    desk: &Desk,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let (mut found, mut before) = (Vec::new(), None);
    while found.len() < limit as usize {
        let page = desk
            .engine
            .store()
            .journal_list(filter, before, PAGE)
            .await
            .map_err(|error| store_failed(&error))?;
        let Some(last) = page.last() else { break };
        before = Some(last.seq);
        found.extend(
            page.into_iter().filter(|entry| event_type.is_none_or(|wanted| entry.event_type == wanted)),
        );
    }
    found.truncate(limit as usize);
    if found.is_empty() {
        printer.note("no such event came in");
    } else {
        let rows = found.iter().map(|entry| {
            let times = if entry.deliveries == 1 {
                String::new()
            } else {
                format!(", came {} times", entry.deliveries)
            };
            let of = entry.customer.as_ref().map(|customer| format!(", {customer}")).unwrap_or_default();
            let cells = vec![desk.when(entry.received_at), entry.id.to_string(), entry.event_type.clone()];
            (cells, vec![format!("{}{times}{of}", entry.state.as_str())])
        });
        printer.listing(&["received", "event", "type"], rows)?;
    }
    let items: Vec<_> = found.iter().map(document).collect();
    printer.json(&json!({ "events": items }))?;
    Ok(Exit::Done)
}

fn document(entry: &Entry) -> Value {
    json!({
        "id": entry.id, "event": entry.event_key, "kind": entry.kind.as_str(), "type": entry.event_type,
        "object": entry.object_id, "created_at": entry.object_created_at, "livemode": entry.livemode,
        "api_version": entry.api_version, "received_at": entry.received_at, "last_seen_at": entry.last_seen_at,
        "deliveries": entry.deliveries, "verified_by": entry.verified_by, "body_sha256": entry.body_sha256,
        "state": entry.state.as_str(), "reason": entry.reason, "tries": entry.tries, "next_try_at": entry.next_try_at,
        "applied_at": entry.applied_at, "customer": entry.customer,
    })
}

async fn stored(id: &str, desk: &Desk) -> Result<StoredEntry, Failure> {
    let found = find(id.trim(), desk).await.map_err(|error| store_failed(&error))?;
    found.ok_or_else(|| {
        let report = Report::error(Code::NotFound, format!("no event has the id `{id}`"));
        report
            .hint("`frontdesk event list` shows the newest; ids begin with fde_ (ours) or evt_ (Stripe's)")
            .into()
    })
}

async fn find(id: &str, desk: &Desk) -> Result<Option<StoredEntry>, Error> {
    let store = desk.engine.store();
    if let Some(stored) = store.journal_entry(&EntryId::new(id)).await? {
        return Ok(Some(stored));
    }
    match store.journal_by_key(&desk.engine.settings().source.id, id).await? {
        Some(entry) => store.journal_entry(&entry.id).await,
        None => Ok(None),
    }
}

/// What followed from an entry.
#[derive(Default)]
struct Chain {
    /// Objects whose state that counts came with it.
    facts: Vec<String>,
    /// The customer's revision now.
    revision: Option<i64>,
    /// Changes of state that name it as their cause.
    changes: Vec<AuditEntry>,
    /// Calls that left after it was applied, until the customer's next event of another burst had an effect: the events
    /// of one purchase arrive together, and one reconciliation answers them all.
    calls: Vec<Call>,
    /// The customer's open cases.
    cases: Vec<u64>,
}

async fn chain(entry: &Entry, desk: &Desk) -> Result<Chain, Error> {
    let store = desk.engine.store();
    let Some(customer) = &entry.customer else { return Ok(Chain::default()) };
    let mut chain = Chain::default();
    if let Some(loaded) = store.records(std::slice::from_ref(customer)).await?.into_iter().next() {
        let facts = loaded.record.facts.iter();
        let from_it = facts.filter(|(_, fact)| fact.current().version.evidence.entry == entry.id);
        chain.facts = from_it.map(|(key, _)| key.to_string()).collect();
        chain.revision = Some(loaded.revision);
    }
    chain.changes = store
        .audit_chain(customer)
        .await?
        .into_iter()
        .filter(|link| link.cause == entry.id.as_str())
        .collect();
    chain.cases = store.open_cases(customer).await?.into_iter().map(|case| case.number).collect();
    if let (Some(applied_at), Some(applied_seq)) = (entry.applied_at, entry.applied_seq) {
        let filter = EntryFilter {
            customer: Some(customer.clone()),
            state: Some(EntryState::Effect),
            ..EntryFilter::default()
        };
        let effects = store.journal_list(&filter, None, PAGE).await?;
        let burst_ends = entry.received_at.saturating_add(BURST).unwrap_or(Timestamp::MAX);
        let events = effects
            .into_iter()
            .filter(|other| other.kind == EntryKind::Event && other.received_at > burst_ends);
        let later = events.filter(|other| other.applied_seq.is_some_and(|seq| seq > applied_seq));
        let next = later.filter_map(|other| other.applied_at).min();
        let mut calls = store.calls_for(customer, CALLS_MAX).await?;
        calls.retain(|call| {
            call.intent.intent_at >= applied_at && next.is_none_or(|next| call.intent.intent_at < next)
        });
        calls.sort_by(|a, b| (a.intent.intent_at, &a.intent.id).cmp(&(b.intent.intent_at, &b.intent.id)));
        chain.calls = calls;
    }
    Ok(chain)
}

async fn show(id: &str, with_body: bool, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let stored = stored(id, desk).await?;
    let chain = chain(&stored.entry, desk).await.map_err(|error| store_failed(&error))?;
    let body = with_body.then(|| shown_body(&stored.body));
    let mut lines = described(&stored.entry, desk);
    let mut add = |lead: &str, text: String| lines.push(format!("{lead:<10} {text}"));
    for (n, key) in chain.facts.iter().enumerate() {
        add(if n == 0 { "facts" } else { "" }, format!("{key} counts as it told"));
    }
    if let (Some(customer), Some(revision)) = (&stored.entry.customer, chain.revision) {
        add("customer", format!("{customer}, at revision {revision} by now"));
    }
    for link in &chain.changes {
        add("stages", format!("{} → {}", stages(&link.before), stages(&link.after)));
    }
    for call in &chain.calls {
        let status = call.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let theirs = call.provider_request_id.as_deref().unwrap_or("–");
        let (step, account) = (&call.intent.step_name, &call.intent.account);
        let ended = wording::outcome(call.outcome);
        add(
            "call",
            format!(
                "{}  {account} {step}: {ended} ({status})  ours {}  theirs {theirs}",
                desk.when(call.intent.intent_at),
                call.intent.request_id
            ),
        );
    }
    for number in &chain.cases {
        add("case", format!("FD-{number} is open"));
    }
    printer.text(&lines.join("\n"))?;
    if let Some(body) = &body {
        let pretty = serde_json::to_string_pretty(body).expect("a value has only text for keys");
        printer.text(&format!("\n{pretty}"))?;
    }
    let calls: Vec<_> = chain.calls.iter().map(call_document).collect();
    let changes: Vec<_> = chain
        .changes
        .iter()
        .map(|link| json!({ "at": link.at, "before": value(&link.before), "after": value(&link.after) }))
        .collect();
    let mut document = document(&stored.entry);
    document["facts"] = json!(chain.facts);
    document["revision"] = json!(chain.revision);
    document["changes"] = json!(changes);
    document["calls"] = json!(calls);
    document["open_cases"] = json!(chain.cases);
    if let Some(body) = body {
        document["body"] = body;
    }
    printer.json(&document)?;
    Ok(Exit::Done)
}

fn described(entry: &Entry, desk: &Desk) -> Vec<String> {
    let mut lines = vec![format!("{}  {}", entry.id, entry.event_key)];
    let mut add = |lead: &str, text: String| lines.push(format!("{lead:<10} {text}"));
    let about = entry.object_id.as_ref().map(|id| format!(" about {id}")).unwrap_or_default();
    let created = entry.object_created_at.map(|at| format!(", of {}", desk.when(at))).unwrap_or_default();
    add("type", format!("{} ({}){about}{created}", entry.event_type, entry.kind.as_str()));
    let times = if entry.deliveries == 1 {
        "once".to_owned()
    } else {
        format!("{} times, last {}", entry.deliveries, desk.when(entry.last_seen_at))
    };
    add("received", format!("{}, {times}", desk.when(entry.received_at)));
    if let Some(secret) = &entry.verified_by {
        add("verified", format!("by the secret {secret}"));
    }
    let reason = entry.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let next = entry.next_try_at.map(|at| format!(", next try {}", desk.when(at))).unwrap_or_default();
    let applied = entry.applied_at.map(|at| format!(", {}", desk.when(at))).unwrap_or_default();
    add("result", format!("{}{reason}{applied}{next}", entry.state.as_str()));
    lines
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// The stages in one side of an audit entry, in words.
fn stages(side: &str) -> String {
    let stages = value(side);
    let word =
        |of: &Value| format!("{} {}", of["for"].as_str().unwrap_or("?"), of["stage"].as_str().unwrap_or("?"));
    let words: Vec<_> = stages.as_array().into_iter().flatten().map(word).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn call_document(call: &Call) -> Value {
    json!({
        "id": call.intent.id, "account": call.intent.account, "step": call.intent.step_name, "reason": call.intent.reason.as_str(),
        "intent_at": call.intent.intent_at, "answered_at": call.answered_at, "outcome": call.outcome.as_str(),
        "status": call.status, "our_request_id": call.intent.request_id, "their_request_id": call.provider_request_id,
        "why": call.why,
    })
}

/// What was received, without what opens anything: the value of every key that speaks of a secret is masked. Bytes
/// that are no JSON are shown as a text.
fn shown_body(bytes: &[u8]) -> Value {
    match serde_json::from_slice(bytes) {
        Ok(mut value) => {
            mask(&mut value);
            value
        }
        Err(_) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name.contains("secret") && !value.is_null() {
                    *value = Value::String("…masked…".to_owned());
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        _ => {}
    }
}

async fn replay(id: &str, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let before = stored(id, desk).await?.entry;
    if before.state == EntryState::Pending {
        printer.text(&format!("{} waits to be applied anyway", before.id))?;
        printer.json(&json!({ "event": before.id, "before": "pending", "after": "pending" }))?;
        return Ok(Exit::Done);
    }
    let acted = desk.engine.replay(&before.id).await.map_err(|error| store_failed(&error))?;
    let after = if acted == Acted::Done { stored(id, desk).await?.entry } else { before.clone() };
    let reason = after.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let changed = if after.state == EntryState::NoEffect { " Nothing changed." } else { "" };
    let (was, is) = (before.state.as_str(), after.state.as_str());
    printer.text(&format!("Replayed {}.{changed}\nIt was {was} and is {is}{reason}", before.id))?;
    printer.json(&json!({
        "event": before.id, "before": before.state.as_str(), "after": after.state.as_str(), "reason": after.reason,
    }))?;
    let is_bad = matches!(after.state, EntryState::Failed | EntryState::Quarantined);
    Ok(if is_bad { Exit::Found } else { Exit::Done })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_of_a_secret_is_masked_at_any_depth() {
        let body = br#"{"data":{"object":{"client_secret":"pi_1_secret_x","list":[{"secret":"whsec_1","id":"we_1"}],"empty_secret":null}}}"#;
        let shown = shown_body(body).to_string();
        assert!(!shown.contains("pi_1_secret_x") && !shown.contains("whsec_1"), "{shown}");
        assert!(shown.contains("we_1") && shown.contains("\"empty_secret\":null"), "{shown}");
    }
}
