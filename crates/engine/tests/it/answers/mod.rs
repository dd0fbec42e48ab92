//! Every status and text that a target may answer with, and what follows from it: `docs/providers.md`, Circle §5 and
//! Kit §5, row by row, through the engine against the sandbox.
//!
//! A row is a story of Ada, who buys or cancels, with the answers that the sandbox gives in place of its own. It says
//! which calls follow and after how many seconds, how her row stands ten minutes later, whether somebody is told, and
//! how it goes with Ben, who buys after her. Then the answers are the sandbox's own again: within a day all must be well.

mod circle;
mod kit;

use crate::house::House;
use frontdesk_core::catalogue::{Good, Meaning, Plan, Policy};
use frontdesk_core::id::{EntitlementId, PlanId, SourceId};
use frontdesk_core::sync::{Hold, State};
use frontdesk_core::target::{Holder, Item, Membership, Target};
use frontdesk_engine::settings::Settings;
use frontdesk_sandbox::Provider;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::fmt::Write as _;

const ADA: &str = "ada@example.com";
/// Where Ada moves to in some rows.
const ELSEWHERE: &str = "ada@elsewhere.example";
const BEN: &str = "ben@example.com";

/// What Ada does while the answers come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Story {
    /// She buys; the target knows her, and we do not know her there.
    Grant,
    /// She buys; nobody knows her.
    New,
    /// She buys a second thing; we know her id there.
    Known,
    /// What she bought ends.
    Removal,
}

/// One row of a table.
struct Row {
    /// The answer, in the words of the table.
    name: &'static str,
    story: Story,
    /// The item that the plan gives at Circle; the tag `member` at Kit in any case.
    gives: Item,
    /// What happens just before.
    before: fn(&mut House),
    /// The answers, as rules of the sandbox.
    answers: Vec<Value>,
    /// The calls that follow: `+45 GET path status`, in seconds since the first; `+1..3` is any of these.
    calls: &'static [&'static str],
    /// How her row stands then; compared as far as it goes.
    ends: &'static str,
    /// Open alerts and her open cases.
    told: &'static [&'static str],
    /// How Ben's row stands after him.
    ben: &'static str,
    /// How her row, and then his, stands a day later.
    at_last: [&'static str; 2],
}

/// A row without an answer yet: nothing goes wrong.
fn row(story: Story, name: &'static str) -> Row {
    Row {
        name,
        story,
        gives: Item::CircleGroup(4012),
        before: |_| {},
        answers: Vec::new(),
        calls: &[],
        ends: "applied",
        told: &[],
        ben: "applied",
        at_last: ["applied"; 2],
    }
}

/// `answer` to the next call of this method whose path ends so.
fn once((method, path): (&str, &str), answer: &Value) -> Value {
    times((method, path), 1, answer)
}

/// The same to so many calls.
fn times((method, path): (&str, &str), times: u32, answer: &Value) -> Value {
    let mut rule = answer.clone();
    rule["method"] = json!(method);
    rule["path"] = json!(path);
    rule["times"] = json!(times);
    if rule.get("kind").is_none() {
        rule["kind"] = json!("status");
    }
    rule
}

/// A page of the edge, before the API.
fn html(status: u16) -> Value {
    json!({ "status": status, "html": true })
}

fn text(status: u16, body: &str) -> Value {
    json!({ "status": status, "body": body })
}

/// No answer at all; the call was done if `after`.
fn silence(after: bool) -> Value {
    json!({ "kind": if after { "timeout_after" } else { "timeout_before" } })
}

/// Plays all rows, and names every one that goes otherwise than it says.
fn play(target: Target, rows: Vec<Row>) {
    let mut wrong = String::new();
    for (nth, row) in rows.into_iter().enumerate() {
        let mut house =
            House::with(&format!("answers-{target}-{nth}"), |settings| offer(settings, &row.gives));
        for (what, expected, found) in lived(&mut house, target, &row) {
            writeln!(wrong, "\n{target}, {}: {what}\n  expected {expected}\n  found    {found}", row.name)
                .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The community gives the item; a course gives the group 4014 and the tag `course`. Nothing is swept.
fn offer(settings: &mut Settings, gives: &Item) {
    for target in settings.targets.values_mut() {
        target.sweep_every = None;
    }
    let items = |title: &str, items: [Item; 2]| Meaning { title: title.to_owned(), items: items.into() };
    let course = Plan {
        id: PlanId::new("course"),
        title: "Course".to_owned(),
        goods: [Good { source: SourceId::new("stripe"), id: "price_1Course".to_owned() }].into(),
        grants: [EntitlementId::new("course")].into(),
        policy: Policy::default(),
        beneficiary: None,
    };
    settings.catalogue.plans.push(course);
    let community = items("Community", [gives.clone(), Item::kit_tag("member")]);
    let course = items("Course", [Item::CircleGroup(4014), Item::kit_tag("course")]);
    settings.catalogue.entitlements =
        [(EntitlementId::new("community"), community), (EntitlementId::new("course"), course)].into();
}

type Difference = (&'static str, String, String);

/// What went otherwise than the row says.
fn lived(house: &mut House, target: Target, row: &Row) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut compare = |what: &'static str, expected: &str, found: String| {
        if !found.starts_with(expected) || (expected.is_empty() && !found.is_empty()) {
            differences.push((what, expected.to_owned(), found));
        }
    };
    let minutes = SignedDuration::from_mins;
    let earlier = past(house, row.story);
    house.run(minutes(10));
    (row.before)(house);
    let provider = match target {
        Target::Circle => Provider::Circle,
        Target::Kit => Provider::Kit,
    };
    for answer in &row.answers {
        let mut rule = answer.clone();
        rule["provider"] = json!(target.as_str());
        house.act("faults", &rule);
    }
    house.calls(provider);
    if row.story == Story::Removal {
        house.act("stripe/cancel", &json!({ "subscription": earlier["subscription"], "when": "now" }));
    } else {
        buys(house, ADA, "price_1Community");
    }
    house.run(minutes(10));
    let calls = house.calls(provider);
    let first = calls.first().map_or_else(|| house.now(), |heard| heard.at);
    let calls: Vec<_> = calls
        .iter()
        .map(|heard| {
            let status = heard.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            (heard.at.duration_since(first).as_secs(), format!("{} {status}", short(&heard.line)))
        })
        .collect();
    let agree =
        calls.len() == row.calls.len() && row.calls.iter().zip(&calls).all(|(row, call)| fits(row, call));
    if !agree {
        let found: Vec<_> = calls.iter().map(|(second, call)| format!("+{second} {call}")).collect();
        compare("the calls", &row.calls.join(", "), found.join(", "));
    }
    compare("her row", row.ends, standing(house, ADA, target));
    compare("who is told", &row.told.join(", "), told(house));
    buys(house, BEN, "price_1Community");
    house.run(minutes(10));
    compare("Ben's row", row.ben, standing(house, BEN, target));
    house.heal();
    house.run(SignedDuration::from_hours(25));
    compare("her row a day later", row.at_last[0], standing(house, ADA, target));
    compare("Ben's row a day later", row.at_last[1], standing(house, BEN, target));
    if row.at_last == ["applied"; 2] {
        compare("who is still told", "", told(house));
    }
    let people = house.row(ADA, target).observed.people;
    if let Some(Membership::Member { id, .. }) =
        people.get(&Holder::Customer).map(|person| &person.membership)
    {
        let hers = [ADA, ELSEWHERE].map(|email| id_of(house, target, email));
        compare(
            "whom she is taken for",
            "hers",
            if hers.contains(&Some(*id)) { "hers" } else { "a stranger" }.to_owned(),
        );
    }
    differences
}

/// What was before: who is known to the targets, and what Ada bought earlier.
fn past(house: &House, story: Story) -> Value {
    let people = if story == Story::New { vec![BEN] } else { vec![ADA, BEN] };
    for email in people {
        house.act("circle/member", &json!({ "email": email, "state": "active" }));
        house.act("kit/subscriber", &json!({ "email": email }));
    }
    match story {
        Story::Grant | Story::New => Value::Null,
        Story::Known => buys(house, ADA, "price_1Course"),
        Story::Removal => buys(house, ADA, "price_1Community"),
    }
}

fn buys(house: &House, email: &str, price: &str) -> Value {
    house.act("stripe/checkout", &json!({ "email": email, "name": "A buyer", "price": price }))
}

/// A call without what is the same in all, and without its query.
fn short(line: &str) -> String {
    let line = line.split('?').next().unwrap_or_default();
    line.replace("/api/admin/v2/", "").replace("/v4/", "")
}

/// Whether a call is the one that a row names, at one of the seconds that it allows.
fn fits(expected: &str, (second, call): &(i64, String)) -> bool {
    let (at, line) = expected.split_once(' ').unwrap();
    let at = at.strip_prefix('+').unwrap();
    let (from, to) = at.split_once("..").unwrap_or((at, at));
    (from.parse().unwrap()..=to.parse().unwrap()).contains(second) && line == call
}

/// How somebody's row stands, as a row of the table says it.
fn standing(house: &House, email: &str, target: Target) -> String {
    let row = house.row(email, target);
    match row.state {
        State::Due => format!("due at {}", row.next_attempt_at.unwrap_or(Timestamp::MAX).strftime("%H:%M")),
        State::Held(Hold::Misconfigured { mapping }) => format!("held: no {mapping}"),
        State::Held(Hold::Person) => "held for a person".to_owned(),
        State::Parked { why } => format!("parked: {why}"),
        other => other.as_str().to_owned(),
    }
}

/// Open alerts, then Ada's open cases.
fn told(house: &House) -> String {
    let alerts = house.wait(house.engine.store().open_alerts()).unwrap();
    let alerts = alerts.into_iter().map(|alert| format!("alert {} {}", alert.kind, alert.subject));
    let cases = house.wait(house.engine.store().open_cases(&house.customer(ADA))).unwrap();
    let cases = cases.into_iter().map(|case| format!("case {}", case.kind));
    alerts.chain(cases).collect::<Vec<_>>().join(", ")
}

/// The id that the target has for this address.
fn id_of(house: &House, target: Target, email: &str) -> Option<u64> {
    let state = house.state();
    let (people, address) = match target {
        Target::Circle => (&state["circle"]["members"], "email"),
        Target::Kit => (&state["kit"]["subscribers"], "email_address"),
    };
    people.as_array().unwrap().iter().find(|person| person[address] == email)?["id"].as_u64()
}
