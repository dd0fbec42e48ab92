//! Plays a story: lets things happen, looks, and in the end looks at everything.

use super::document::Problem;
use super::expect::{Expect, GROUPS, Of, TAGS};
use super::people::{address, short};
use super::story::{Do, Step, Story, When};
use super::town::{Purchase, Town, provider};
use super::verb::Act;
use crate::run::block;
use frontdesk_core::email::Email;
use frontdesk_core::freeze::Scope;
use frontdesk_core::id::{CustomerId, EntitlementId, PlanId};
use frontdesk_core::ruling::Verdict;
use frontdesk_core::target::{Holder, Target};
use frontdesk_engine::golive::WentLive;
use frontdesk_engine::ruling::{Order, Whom};
use frontdesk_engine::settings::Mode;
use frontdesk_sandbox::Provider;
use frontdesk_store::Error;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long nothing may be written after the end.
const SILENCE: Duration = Duration::from_hours(24);
/// How long a freeze holds that does not say.
const FROZEN_FOR: Duration = Duration::from_hours(24);
/// Who acts.
const BY: &str = "the scenario";

/// Something that was to be so and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The line that says it; for what no line says, that of the last `[[then]]`.
    pub line: usize,
    /// What was looked at.
    pub key: String,
    /// What was to be there.
    pub expected: String,
    /// What was.
    pub found: String,
}

/// How a story ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Virtual time lived.
    pub lived: Duration,
    /// Requests to each provider.
    pub calls: BTreeMap<&'static str, usize>,
    /// Requests to each provider before each `[[then]]`, from the one before.
    pub looks: Vec<BTreeMap<&'static str, usize>>,
    /// What was not as it should be.
    pub unmet: Vec<Unmet>,
}

/// Plays a story to its end, or to the first `[[then]]` that does not hold.
///
/// An error says what could not happen, such as a refund of somebody who never paid.
pub fn play(story: &Story) -> Result<Outcome, Problem> {
    let mut town = Town::open(&story.given)?;
    let (mut from, mut before) = (town.stage.with(|shared| shared.heard.len()), Duration::ZERO);
    let (mut unmet, mut looks) = (Vec::new(), Vec::new());
    for (nth, step) in story.steps.iter().enumerate() {
        town.wait(step, before)?;
        before = town.since();
        match &step.does {
            Do::Acts(acts) => acts.iter().try_for_each(|act| town.happens(act))?,
            Do::Look(expects) => {
                looks.push(counted(&town, from));
                let is_last = nth + 1 == story.steps.len();
                unmet = town.look(expects, from)?;
                if is_last && unmet.is_empty() {
                    unmet = town.look(&unsaid(expects, step.line), from)?;
                    if unmet.is_empty() {
                        unmet = town.close(story, expects, step.line)?;
                    }
                }
                from = town.stage.with(|shared| shared.heard.len());
                if !unmet.is_empty() {
                    break;
                }
            }
        }
    }
    Ok(Outcome { lived: town.since(), calls: counted(&town, 0), looks, unmet })
}

fn counted(town: &Town, from: usize) -> BTreeMap<&'static str, usize> {
    Provider::ALL.into_iter().map(|provider| (provider.name(), town.calls(provider, from))).collect()
}

/// What the last `[[then]]` does not mention: all of it must be empty.
fn unsaid(said: &[Expect], line: usize) -> Vec<Expect> {
    let is_said = |of: &Of| said.iter().any(|expect| expect.of == *of);
    let lists = [
        ("cases", Of::Cases),
        ("findings", Of::Findings),
        ("held", Of::Held),
        ("parked", Of::Parked),
        ("waiting", Of::Waiting),
        ("contested", Of::Contested),
        ("alerts", Of::Alerts),
        ("brakes", Of::Brakes),
        ("circle.invited", Of::Invited),
    ];
    let lists = lists.into_iter().map(|(key, of)| (key.to_owned(), of, BTreeSet::new()));
    let groups = GROUPS.map(|(group, _)| (format!("circle.{group}"), Of::Group(group), BTreeSet::new()));
    let tags = TAGS.map(|tag| (format!("kit.{tag}"), Of::Tag(tag), BTreeSet::new()));
    let healed = [("healed".to_owned(), Of::Healed, ["0".to_owned()].into())];
    let all = lists.chain(groups).chain(tags).chain(healed);
    all.filter(|(_, of, _)| !is_said(of))
        .map(|(key, of, expected)| Expect { line, key, of, expected })
        .collect()
}

impl Town {
    fn wait(&mut self, step: &Step, before: Duration) -> Result<(), Problem> {
        let until = match step.when {
            When::AtRest => return self.rest(step.line),
            When::At(at) => at,
            When::After(span) => before.saturating_add(span),
        };
        if until < self.since() {
            let now = SignedDuration::try_from(self.since()).unwrap_or_default();
            let what = format!("this time has passed: {now:#} have gone by since the beginning");
            return Err(Problem::new(step.line, what));
        }
        self.live_until(until);
        Ok(())
    }

    fn look(&self, expects: &[Expect], from: usize) -> Result<Vec<Unmet>, Problem> {
        let mut unmet = Vec::new();
        for expect in expects {
            let found = self.found(expect, from)?;
            let number = |of: &BTreeSet<String>| of.first().and_then(|text| text.parse::<u64>().ok());
            let holds = match expect.of {
                Of::CallsAtMost(_) => number(&found) <= number(&expect.expected),
                _ => found == expect.expected,
            };
            if !holds {
                let (line, key) = (expect.line, expect.key.clone());
                unmet.push(Unmet { line, key, expected: shown(&expect.expected), found: shown(&found) });
            }
        }
        Ok(unmet)
    }

    /// What holds at the end of every scenario, whatever it is about.
    fn close(&mut self, story: &Story, said: &[Expect], line: usize) -> Result<Vec<Unmet>, Problem> {
        let unmet = |key: &str, expected: &str, found: String| Unmet {
            line,
            key: key.to_owned(),
            expected: expected.to_owned(),
            found,
        };
        let mut all = Vec::new();
        let broken = self.stage.with(|shared| shared.broken.clone());
        all.extend(broken.into_iter().map(|broken| unmet(broken.promise, "kept", broken.what)));
        let (balance, audit) = block(async { (self.store.balance().await, self.store.audit_verify().await) });
        let could_not = |why: Error| Problem::new(line, format!("the store cannot be read: {why}"));
        let (balance, audit) = (balance.map_err(could_not)?, audit.map_err(could_not)?);
        if !balance.holds() || balance.pending + balance.failed + balance.quarantined > 0 {
            all.push(unmet("journal", "everything applied", format!("{balance:?}")));
        }
        if !audit.broken.is_empty() {
            all.push(unmet("audit log", "whole", format!("{:?}", audit.broken)));
        }
        for (place, needed) in
            [(Provider::Circle, self.needed_circle(story)), (Provider::Kit, self.needed_kit())]
        {
            let wrote = self.writes(place);
            let is_said = said.iter().any(|expect| expect.of == Of::Writes(place));
            let key = format!("{}.writes", place.name());
            if !is_said && wrote > needed {
                all.push(unmet(
                    &key,
                    &format!("at most the {needed} that the outcome needs"),
                    wrote.to_string(),
                ));
            }
        }
        let is_still = |of: &Of| !said.iter().any(|expect| expect.of == *of && !expect.expected.is_empty());
        if all.is_empty() && [Of::Waiting, Of::Held, Of::Parked].iter().all(is_still) {
            all.extend(self.silent(line)?);
        }
        Ok(all)
    }

    /// The day after: one more sweep of each target, and nothing is written.
    fn silent(&mut self, line: usize) -> Result<Option<Unmet>, Problem> {
        let from = self.stage.with(|shared| shared.heard.len());
        let engine = self.engine(line)?;
        for target in Target::ALL {
            block(engine.want_sweep(target, false))
                .map_err(|why| Problem::new(line, format!("no sweep can be asked for: {why}")))?;
        }
        let until = self.since().saturating_add(SILENCE);
        self.live_until(until);
        let wrote = self.stage.with(|shared| {
            let mut calls = shared.heard.iter().skip(from).filter(|call| call.method != "GET");
            calls.next().map(|call| format!("{} {}", call.method, call.path))
        });
        Ok(wrote.map(|call| Unmet {
            line,
            key: "the day after".to_owned(),
            expected: "nothing is written".to_owned(),
            found: call,
        }))
    }

    /// The writes at Circle that the outcome needs: an invitation and a place in a group for whoever is in.
    fn needed_circle(&self, story: &Story) -> usize {
        let groups = GROUPS.iter().map(|(group, _)| self.in_group(group).len()).sum::<usize>();
        let known = &story.given.targets[&Target::Circle].people;
        let inside: BTreeSet<String> = GROUPS.iter().flat_map(|(group, _)| self.in_group(group)).collect();
        groups + inside.iter().filter(|person| !known.contains(person)).count()
    }

    /// The writes at Kit: whoever has a tag was entered or brought up to date once, and got each tag once.
    fn needed_kit(&self) -> usize {
        let tagged = TAGS.map(|tag| self.tagged(tag));
        tagged.iter().map(BTreeSet::len).sum::<usize>()
            + tagged.iter().flatten().collect::<BTreeSet<_>>().len()
    }

    /// Lets something happen.
    fn happens(&mut self, act: &Act) -> Result<(), Problem> {
        match (act.verb.place, act.verb.name) {
            ("frontdesk", _) => self.we(act),
            (place, "down_for") => {
                let until = self.stage.clock.now() + act.span().unwrap_or_default();
                self.stage.with(|shared| shared.out_until.insert(provider(place), until));
                Ok(())
            }
            (place, "refuses_the_key_for") => {
                let until = self.stage.clock.now() + act.span().unwrap_or_default();
                self.stage.with(|shared| shared.refuses_until.insert(provider(place), until));
                Ok(())
            }
            ("stripe", "list_is_empty_for") => self.answers_with(act, "stripe", "/v1/events", &json!({
                "object": "list", "url": "/v1/events", "has_more": false, "data": [],
            })),
            ("circle", "lists_are_empty_for") => self.answers_with(act, "circle", "/community_members", &json!({
                "page": 1, "per_page": 100, "has_next_page": false, "count": 0, "page_count": 0, "records": [],
            })),
            ("stripe", name) => act.people("customer").to_vec().iter().try_for_each(|who| self.pays(act, name, who)),
            ("circle", name) => self.in_circle(act, name),
            (_, name) => {
                let action = match name {
                    "tagged" => "tag",
                    "untagged" => "untag",
                    "unsubscribed" => "unsubscribe",
                    _ => "subscriber",
                };
                act.people("who").iter().try_for_each(|who| {
                    let body = json!({ "email": address(who), "tag": act.word("tag") });
                    self.act(act.line, "kit", action, &body).map(drop)
                })
            }
        }
    }

    fn answers_with(&mut self, act: &Act, place: &str, path: &str, body: &Value) -> Result<(), Problem> {
        let rule = json!({ "provider": place, "method": "GET", "path": path, "kind": "status", "status": 200, "body": body, "times": null });
        self.fault(act.line, &rule)?;
        self.heal_after(act.span().unwrap_or_default());
        Ok(())
    }

    fn pays(&mut self, act: &Act, name: &str, who: &str) -> Result<(), Problem> {
        let delivery = act.word("deliver").unwrap_or(&self.webhooks).to_owned();
        let deliver = match delivery.strip_prefix("late ") {
            Some(span) => json!({ "late": span.trim().replace(' ', "") }),
            None => json!(delivery),
        };
        let plan = act.word("plan");
        if let "paid" | "card_declined" | "bank_debit_began" = name {
            let plan = plan.unwrap_or("community");
            let method = match name {
                "paid" => "card",
                "card_declined" => "card_fails",
                _ => "sepa",
            };
            let price = price(plan);
            let mut body = json!({ "email": address(who), "name": who, "price": price, "method": method, "deliver": deliver });
            let before = self.purchases.get(who).and_then(|all| all.last());
            if let (Some(before), None) = (before, act.word("as")) {
                body["customer"] = before.told["customer"].clone();
            }
            let told = self.act(act.line, "stripe", "checkout", &body)?;
            let bought = Purchase { plan: plan.to_owned(), told };
            self.purchases.entry(who.to_owned()).or_default().push(bought);
            return Ok(());
        }
        let mut bought = self.purchases.get(who).into_iter().flatten();
        let bought = bought.rfind(|bought| plan.is_none_or(|plan| plan == bought.plan));
        let Some(told) = bought.map(|bought| bought.told.clone()) else {
            return Err(Problem::new(act.line, format!("{who} has bought nothing that could be {name}")));
        };
        let subscription = &told["subscription"];
        let mut body = match name {
            "bank_debit_settled" | "bank_debit_failed" => json!({ "session": told["session"] }),
            "renewed" | "renewal_failed" | "renewal_recovered" => json!({ "subscription": subscription }),
            "cancelled" => json!({ "subscription": subscription, "when": act.word("when").unwrap_or("now") }),
            "upgraded" => {
                let price = if act.word("to") == Some("pro") { "price_1Pro" } else { "price_1Community" };
                json!({ "subscription": subscription, "price": price })
            }
            "dispute_won" | "dispute_lost" => {
                let status = if name == "dispute_won" { "won" } else { "lost" };
                json!({ "dispute": self.disputes.get(who), "status": status })
            }
            _ => json!({ "charge": told["charge"] }),
        };
        if let Some(amount) = act.number("amount") {
            body["amount"] = amount.into();
        }
        body["deliver"] = deliver;
        let action = match name {
            "bank_debit_settled" => "sepa_settle",
            "bank_debit_failed" => "sepa_fail",
            "renewed" => "renew",
            "renewal_failed" => "renewal_fail",
            "renewal_recovered" => "renewal_recover",
            "cancelled" => "cancel",
            "upgraded" => "upgrade",
            "refunded" => "refund",
            "disputed" => "dispute",
            _ => "dispute_close",
        };
        let done = self.act(act.line, "stripe", action, &body)?;
        if name == "disputed" {
            self.disputes.insert(who.to_owned(), done["dispute"].clone());
        }
        Ok(())
    }

    fn in_circle(&mut self, act: &Act, name: &str) -> Result<(), Problem> {
        let word = act.word("group").unwrap_or("community");
        let group = GROUPS.iter().find(|(group, _)| *group == word).map(|(_, id)| *id);
        let to = act.people("to").first().map(|to| address(to));
        let (action, extra) = match name {
            "quota_left" => {
                // What others have used up of it: the account's allowance is theirs and ours.
                let now = self.stage.true_now();
                let state = self.stage.with(|shared| shared.world.circle.state(now));
                let left = act.number("calls").unwrap_or_default();
                let count = |key: &str| state["calls"][key].as_u64().unwrap_or_default();
                let calls = count("allowance").saturating_sub(count("used")).saturating_sub(left);
                return self.act(act.line, "circle", "calls", &json!({ "n": calls })).map(drop);
            }
            "group_archived" => {
                return self
                    .act(act.line, "circle", "archive", &json!({ "id": group, "group": group }))
                    .map(drop);
            }
            "group_restored" => {
                return self
                    .act(act.line, "circle", "unarchive", &json!({ "id": group, "group": group }))
                    .map(drop);
            }
            "accepted" => ("accept", json!({})),
            "added_by_hand" => ("add", json!({ "group": group })),
            "removed_by_hand" => ("remove", json!({ "group": group })),
            "deactivated" => ("deactivate", json!({})),
            "changed_address" => ("change-email", json!({ "to": to })),
            _ => ("member", json!({ "state": act.word("state").unwrap_or("active") })),
        };
        act.people("who").iter().try_for_each(|who| {
            let mut body = extra.clone();
            body["email"] = address(who).into();
            self.act(act.line, "circle", action, &body).map(drop)
        })
    }

    /// What somebody asks Frontdesk for.
    fn we(&mut self, act: &Act) -> Result<(), Problem> {
        if act.verb.name == "down_for" {
            self.down_for(act.span().unwrap_or_default());
            return Ok(());
        }
        let engine = self.engine(act.line)?;
        let could_not = |why: Error| Problem::new(act.line, format!("the store does not answer: {why}"));
        let nothing = |what: &str| Problem::new(act.line, what.to_owned());
        let target = act.word("target").and_then(Target::parse).unwrap_or(Target::Circle);
        match act.verb.name {
            "freeze" => {
                let scope = self.scope(act)?;
                let span = SignedDuration::try_from(act.span().unwrap_or(FROZEN_FOR)).unwrap_or_default();
                let until = self.stage.true_now().saturating_add(span).unwrap_or(jiff::Timestamp::MAX);
                block(engine.freeze(scope, until, BY, "as written")).map_err(could_not)?;
            }
            "thaw" => {
                let scope = self.scope(act)?;
                let freezes = block(self.store.freezes(self.stage.true_now())).map_err(could_not)?;
                let freeze = freezes.into_iter().find(|freeze| freeze.scope == scope);
                let freeze = freeze.ok_or_else(|| nothing("nothing of that is frozen"))?;
                block(engine.thaw(&freeze.name, BY)).map_err(could_not)?;
            }
            "release_brake" => {
                let brakes = block(self.store.brakes()).map_err(could_not)?;
                let held =
                    brakes.into_iter().find(|brake| brake.target == target && brake.released_at.is_none());
                let held = held.ok_or_else(|| nothing("no brake holds there"))?;
                block(engine.release_brake(&held.name, BY)).map_err(could_not)?;
            }
            "grant" | "revoke" => {
                for who in act.people("who") {
                    let order = self.order(act, who)?;
                    let ruled = block(engine.rule(&order)).map_err(could_not)?;
                    ruled.ok_or_else(|| nothing("the customer is not there any more"))?;
                }
            }
            "import" => self.import(engine, act.word("from").unwrap_or_default()),
            "file_says_live" => {
                if let Some(told) = self.settings.targets.get_mut(&target) {
                    told.mode = Mode::Live;
                }
                let node = engine.settings().node.clone();
                let settings = frontdesk_engine::settings::Settings { node, ..self.settings.clone() };
                block(engine.take_up_settings(settings)).map_err(could_not)?;
            }
            "go_live" => match block(engine.go_live(target, BY)).map_err(could_not)? {
                WentLive::Done { .. } | WentLive::Already { .. } => {}
                WentLive::InShadow => {
                    return Err(nothing("the file says shadow: `file_says_live` comes first"));
                }
                WentLive::NotConfigured => return Err(nothing("there is no such target")),
            },
            "sweep" => block(engine.want_sweep(target, act.flag("accept"))).map_err(could_not)?,
            _ => {
                for who in act.people("who") {
                    let id = self.customer(act.line, who)?;
                    if act.verb.name == "retry" {
                        block(engine.retry_sync(&id, target, BY)).map_err(could_not)?;
                    } else {
                        block(engine.is_looked_at(&id)).map_err(could_not)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What a person rules about somebody, who need not be known yet to be granted something.
    fn order(&self, act: &Act, who: &str) -> Result<Order, Problem> {
        let verdict = if act.verb.name == "grant" { Verdict::Grant } else { Verdict::Revoke };
        let whom = match (self.customer(act.line, who), Email::parse(&address(who))) {
            (Ok(customer), _) => Whom::Customer(customer),
            (Err(_), Some(email)) if verdict == Verdict::Grant => Whom::Address(email),
            (Err(problem), _) => return Err(problem),
        };
        let ends_in = act.span().map(|span| SignedDuration::try_from(span).unwrap_or_default());
        let now = self.stage.true_now();
        Ok(Order {
            whom,
            holder: Holder::Customer,
            verdict,
            entitlement: EntitlementId::new(act.word("plan").unwrap_or("community")),
            until: ends_in.map(|span| now.saturating_add(span).unwrap_or(jiff::Timestamp::MAX)),
            until_bought: false,
            by: BY.to_owned(),
            reason: "as written".to_owned(),
        })
    }

    fn scope(&self, act: &Act) -> Result<Scope, Problem> {
        let word = act.word("what").unwrap_or_default();
        Ok(match (word, Target::parse(word), word.strip_prefix("plan:")) {
            ("marketing", _, _) => Scope::Marketing,
            (_, Some(target), _) => Scope::Target(target),
            (_, _, Some(plan)) => Scope::Plan(PlanId::new(plan)),
            _ => Scope::Person(self.customer(act.line, word)?),
        })
    }

    fn customer(&self, line: usize, who: &str) -> Result<CustomerId, Problem> {
        let found = block(self.store.find_customers(&address(who), 1))
            .map_err(|why| Problem::new(line, format!("the store does not answer: {why}")))?;
        found.into_iter().next().ok_or_else(|| Problem::new(line, format!("Frontdesk has no customer {who}")))
    }
}

/// What a plan is sold as.
pub(super) fn price(plan: &str) -> &'static str {
    match plan {
        "community" => "price_1Community",
        "pro" => "price_1Pro",
        _ => "price_1Course",
    }
}

fn shown(all: &BTreeSet<String>) -> String {
    if all.is_empty() { "nothing".to_owned() } else { short(all).join(", ") }
}
