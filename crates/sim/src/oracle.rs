//! The promises, one function each. What they compare with are the fakes' own ledgers and the [`crate::truth`].
//!
//! Numbers are those of `docs/testing.md`.

use crate::customers::address;
use crate::run::{Run, managed};
use frontdesk_core::brake;
use frontdesk_core::id::SourceId;
use frontdesk_core::target::{Item, Target};
use frontdesk_sandbox::Provider;
use frontdesk_store::{EntryFilter, EntryState, Outcome, SyncFilter};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How long a purchase must have been known before taking what it gives is a broken promise.
const SETTLED: SignedDuration = SignedDuration::from_mins(30);
/// How often one object may be asked for in a minute: every ten seconds by each of three processes, each of which may
/// have died once meanwhile.
const ASKED_MAX: usize = 36;
/// Rows that are read at once.
const PAGE: u32 = 10_000;

/// I1–I3, at the moment of an acknowledgement: the event is in the journal, once, and its delivery is counted.
pub async fn acknowledged(run: &Run, event: &str, is_duplicate: bool) {
    let source = SourceId::new("stripe");
    match run.store.journal_by_key(&source, event).await {
        Ok(Some(entry)) => {
            if is_duplicate && entry.deliveries < 2 {
                run.stage.broken("I3", format!("the duplicate of {event} was acknowledged without a trace"));
            }
        }
        Ok(None) => run.stage.broken("I2", format!("{event} was acknowledged before it was durable")),
        Err(error) => run.stage.broken("I1", format!("{event} was acknowledged and cannot be read: {error}")),
    }
    let now = run.stage.true_now();
    run.truth(|truth| truth.acknowledge(event, now));
}

/// I19: nothing is left to do. Returns whether that is so.
pub async fn converged(run: &Run) -> bool {
    let before = run.stage.with(|shared| shared.broken.len());
    match run.store.balance().await {
        Ok(balance) => {
            if balance.pending > 0 || balance.failed > 0 {
                run.stage.broken(
                    "I19",
                    format!(
                        "{} events wait and {} failed after everything healed",
                        balance.pending, balance.failed
                    ),
                );
            }
            if !balance.holds() {
                run.stage.broken("I6", format!("the balance of the journal does not hold: {balance:?}"));
            }
        }
        Err(error) => run.stage.broken("I6", format!("the balance cannot be read: {error}")),
    }
    for target in Target::ALL {
        let filter = SyncFilter { target: Some(target), ..SyncFilter::default() };
        for row in run.store.sync_list(&filter, None, PAGE).await.unwrap_or_default() {
            let settled = matches!(row.state.as_str(), "applied" | "parked" | "contested" | "held");
            if !settled || row.state.as_str() == "parked" {
                let what = format!("{} at {target} is {} {:?}", row.customer, row.state, row.last_failure);
                run.stage.broken("I19", what);
            }
        }
    }
    run.stage.with(|shared| shared.broken.len()) == before
}

/// I20: with nothing to change, nothing is written.
pub fn silent(run: &Run, since: usize) {
    let wrote = run.stage.with(|shared| {
        let calls = shared.heard.iter().skip(since).filter(|call| call.method != "GET");
        calls.map(|call| format!("{} {} {}", call.at, call.method, call.path)).next()
    });
    if let Some(call) = wrote {
        run.stage.broken("I20", format!("a day of silence was broken by {call}"));
    }
}

/// Everything that is checked once, at the end.
pub async fn books(run: &Run, people: usize) {
    let circle = Ledger::of(run);
    never_lost(run).await;
    only_authentic(run).await;
    grants_have_evidence(run, &circle, people);
    removals_are_demanded(run, &circle, people);
    holds_what_is_true(run, people);
    invited_once(run, &circle, people);
    intents_before_acts(run).await;
    budgets_kept(run);
    nothing_hammered(run);
    braked(run, &circle);
    rebuilds(run).await;
    audit_holds(run).await;
    effects_are_named_once(run);
}

/// I1: every event that was acknowledged is in the journal.
async fn never_lost(run: &Run) {
    let source = SourceId::new("stripe");
    for event in run.truth(|truth| truth.acknowledged.keys().cloned().collect::<Vec<_>>()) {
        if !matches!(run.store.journal_by_key(&source, &event).await, Ok(Some(_))) {
            run.stage.broken("I1", format!("{event} was acknowledged and is not in the journal"));
        }
    }
}

/// I5: what was not signed is nowhere, and what is there names the secret that proved it.
async fn only_authentic(run: &Run) {
    for entry in run.store.journal_list(&EntryFilter::default(), None, PAGE).await.unwrap_or_default() {
        if entry.event_key.starts_with("evt_forged") {
            run.stage.broken("I5", format!("the forged event {} is in the journal", entry.event_key));
        }
        let is_event = entry.event_key.starts_with("evt_");
        if is_event && entry.state == EntryState::Effect && entry.verified_by.is_none() {
            run.stage.broken("I5", format!("{} had an effect and names no secret", entry.event_key));
        }
    }
}

/// What changed at Circle, by its own account.
struct Ledger {
    changes: Vec<Change>,
    invitations: BTreeMap<String, usize>,
}

struct Change {
    at: Timestamp,
    by_api: bool,
    what: String,
    email: String,
    group: Option<u64>,
}

impl Ledger {
    fn of(run: &Run) -> Self {
        let now = run.stage.true_now();
        let state = run.stage.with(|shared| shared.world.circle.state(now));
        let listed = |name: &str| state[name].as_array().cloned().unwrap_or_default();
        let emails: BTreeMap<u64, String> = listed("members")
            .iter()
            .chain(&listed("gone"))
            .filter_map(|member| Some((member["id"].as_u64()?, member["email"].as_str()?.to_owned())))
            .collect();
        let change = |entry: &Value| {
            let id = entry["member_id"].as_u64()?;
            Some(Change {
                at: entry["at"].as_str()?.parse().ok()?,
                by_api: entry["by"] == "api",
                what: entry["change"].as_str()?.to_owned(),
                email: emails.get(&id)?.clone(),
                group: entry["group_id"].as_u64(),
            })
        };
        let mut invitations = BTreeMap::new();
        for invitation in listed("invitations") {
            *invitations.entry(invitation["email"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        Self { changes: listed("log").iter().filter_map(change).collect(), invitations }
    }

    fn by_us<'a>(&'a self, what: &'a str) -> impl Iterator<Item = &'a Change> {
        self.changes.iter().filter(move |change| change.by_api && change.what == what)
    }
}

fn person_of(email: &str, people: usize) -> Option<usize> {
    (0..people).find(|person| address(*person) == email)
}

/// I8: whoever was let in had paid, as far as could be known.
fn grants_have_evidence(run: &Run, circle: &Ledger, people: usize) {
    for grant in circle.by_us("added to group") {
        let (Some(person), Some(group)) = (person_of(&grant.email, people), grant.group) else {
            run.stage
                .broken("I8", format!("{} was let into {:?} and bought nothing", grant.email, grant.group));
            continue;
        };
        let item = Item::CircleGroup(group);
        if !run.truth(|truth| truth.supports(person, &item, grant.at)) {
            run.stage.broken(
                "I8",
                format!("{} was let into {item} at {} without having paid", grant.email, grant.at),
            );
        }
    }
}

/// I10: whoever was put out was no longer entitled.
fn removals_are_demanded(run: &Run, circle: &Ledger, people: usize) {
    for removal in circle.by_us("removed from group") {
        let (Some(person), Some(group)) = (person_of(&removal.email, people), removal.group) else {
            run.stage.broken(
                "I10",
                format!("{} was put out of {:?} and was none of ours", removal.email, removal.group),
            );
            continue;
        };
        let item = Item::CircleGroup(group);
        if run.truth(|truth| truth.forbids_removal(person, &item, removal.at, SETTLED)) {
            run.stage.broken(
                "I10",
                format!("{} was put out of {item} at {} while entitled", removal.email, removal.at),
            );
        }
    }
}

/// I9, I14, I40's ground: at the end everybody holds what they are entitled to, and nothing else that is ours.
fn holds_what_is_true(run: &Run, people: usize) {
    let now = run.stage.true_now();
    let (circle, kit) =
        run.stage.with(|shared| (shared.world.circle.state(now), shared.world.kit.state(now)));
    for person in 0..people {
        let entitled = run.truth(|truth| truth.items(person, now));
        let email = address(person);
        let mut held = BTreeSet::new();
        for member in circle["members"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|member| member["email"] == email.as_str())
        {
            for group in circle["groups"].as_array().into_iter().flatten() {
                let is_in = group["members"].as_array().into_iter().flatten().any(|id| *id == member["id"]);
                held.extend(group["id"].as_u64().filter(|_| is_in).map(Item::CircleGroup));
            }
        }
        let names: BTreeMap<String, String> = kit["tags"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tag| Some((tag["id"].as_u64()?.to_string(), tag["name"].as_str()?.to_owned())))
            .collect();
        for found in kit["subscribers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|found| found["email_address"] == email.as_str())
        {
            let tags = found["tags"].as_object().into_iter().flatten();
            held.extend(tags.filter_map(|(id, _)| names.get(id)).map(|name| Item::kit_tag(name)));
        }
        for target in Target::ALL {
            let ours = managed(target);
            let should: BTreeSet<_> = entitled.iter().filter(|item| item.target() == target).collect();
            let does: BTreeSet<_> = held.iter().filter(|item| ours.contains(*item)).collect();
            if should != does {
                let promise = if should.is_subset(&does) { "I9" } else { "I19" };
                run.stage.broken(
                    promise,
                    format!("{email} should hold {should:?} at {target} and holds {does:?}"),
                );
            }
        }
    }
}

/// I15, I17: nobody is invited twice.
fn invited_once(run: &Run, circle: &Ledger, people: usize) {
    for (email, count) in &circle.invitations {
        if *count > 1 && person_of(email, people).is_some() {
            run.stage.broken("I15", format!("{email} was invited {count} times"));
        }
    }
}

/// I16: every call that carries an effect id was intended before it left.
async fn intents_before_acts(run: &Run) {
    let heard = run.stage.with(|shared| shared.heard.clone());
    for call in heard.iter().filter(|call| call.method != "GET") {
        let Some(effect) = &call.effect else {
            run.stage.broken("I16", format!("{} {} carries no effect id", call.method, call.path));
            continue;
        };
        match run.store.call(effect).await {
            Ok(Some(known)) if known.outcome == Outcome::Intent => {
                run.stage.broken("I17", format!("the outcome of {effect} was never settled"));
            }
            Ok(Some(_)) => {}
            _ => run.stage.broken("I16", format!("{effect} was sent and never intended")),
        }
    }
}

/// I21: no provider gets more calls in a window than its published limit.
fn budgets_kept(run: &Run) {
    let heard = run.stage.with(|shared| shared.heard.clone());
    for (provider, calls, seconds) in [(Provider::Kit, 120, 60), (Provider::Circle, 2000, 300)] {
        let times: Vec<Timestamp> =
            heard.iter().filter(|call| call.provider == provider).map(|call| call.at).collect();
        for (nth, at) in times.iter().enumerate() {
            let window = times[nth..]
                .iter()
                .take_while(|other| other.duration_since(*at) < SignedDuration::from_secs(seconds));
            let count = window.count();
            if count > calls {
                run.stage.broken("I21", format!("{} got {count} calls in {seconds} s", provider.name()));
                return;
            }
        }
    }
}

/// I21: no object of the source is asked for as fast as it is answered.
fn nothing_hammered(run: &Run) {
    let mut asked: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    run.stage.with(|shared| {
        for call in shared.heard.iter().filter(|call| call.provider == Provider::Stripe) {
            asked.entry(format!("{} {} {}", call.method, call.path, call.content)).or_default().push(call.at);
        }
    });
    for (what, times) in asked {
        let is_storm =
            |window: &[Timestamp]| window[ASKED_MAX].duration_since(window[0]) < SignedDuration::from_mins(1);
        if times.windows(ASKED_MAX + 1).any(is_storm) {
            run.stage.broken("I21", format!("{what} was asked for more than {ASKED_MAX} times in a minute"));
            return;
        }
    }
}

/// I24: no more people lose access within ten minutes than the brake lets through.
fn braked(run: &Run, circle: &Ledger) {
    let removals: Vec<&Change> = circle.by_us("removed from group").collect();
    for (nth, removal) in removals.iter().enumerate() {
        let window =
            removals[nth..].iter().take_while(|other| other.at.duration_since(removal.at) < brake::WINDOW);
        let people: BTreeSet<&str> = window.map(|change| change.email.as_str()).collect();
        if people.len() as u64 > brake::ALWAYS {
            run.stage.broken("I24", format!("{} people lost access within ten minutes", people.len()));
            return;
        }
    }
}

/// I12: the journal alone gives the same records.
async fn rebuilds(run: &Run) {
    let rebuilt = match frontdesk_engine::rebuild::Rebuilt::from_journal(&run.store).await {
        Ok(rebuilt) => rebuilt,
        Err(error) => return run.stage.broken("I12", format!("a rebuild fails: {error}")),
    };
    match (run.store.derived_hash().await, rebuilt.first_difference(&run.store).await) {
        (Ok(stored), Ok(None)) if stored == rebuilt.hash() => {}
        (_, difference) => run.stage.broken("I12", format!("a rebuild gives other records: {difference:?}")),
    }
}

/// I39: the audit chain holds.
async fn audit_holds(run: &Run) {
    match run.store.audit_verify().await {
        Ok(verified) if verified.broken.is_empty() => {}
        Ok(verified) => {
            run.stage.broken("I39", format!("the audit log is broken: {:?}", verified.broken.first()));
        }
        Err(error) => run.stage.broken("I39", format!("the audit log cannot be verified: {error}")),
    }
}

/// I15: one effect id is one call: it never names two different requests.
fn effects_are_named_once(run: &Run) {
    let heard = run.stage.with(|shared| shared.heard.clone());
    let mut said: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for call in &heard {
        let Some(effect) = &call.effect else { continue };
        // Pages of one answer are one call.
        let content = if call.method == "GET" { "" } else { call.content.as_str() };
        let says = (call.path.as_str(), content);
        if *said.entry(effect).or_insert(says) != says {
            run.stage.broken("I15", format!("the effect {effect} was used for two different calls"));
        }
    }
}
